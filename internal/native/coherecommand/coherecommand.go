// Package coherecommand is the native format of Cohere's first Command models:
// one prompt, and answers called generations.
//
// It translates and validates; it calls nobody. What only a model of Cohere's
// own could do (likelihoods, several generations) is refused by name.
package coherecommand

import (
	"encoding/json"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
	"github.com/outcrop/outcrop/internal/native/prompt"
)

// Dialect is the format of which Request.Extra's members are.
const Dialect = "cohere-command"

// Family implements native.Family. Its zero value is ready.
type Family struct {
	req *inference.Request // that is being answered; nil when not known
}

var _ native.Binder = Family{}

// Bind implements native.Binder: the answer repeats the prompt, and is streamed
// in pieces only when the body asks for it.
func (f Family) Bind(req *inference.Request) native.Family { return Family{req: req} }

// The documented defaults and limit.
const (
	defaultTokens      = 20
	maxTokens          = 4096
	defaultTemperature = 0.9
	defaultP           = 0.75
)

// carried are members that go to a model of Cohere's own as they are.
var carried = []string{"logit_bias", "truncate", "stream", "return_likelihoods", "num_generations"} //nolint:gochecknoglobals // a constant in all but name

// Decode implements native.Family.
func (Family) Decode(m native.Model, data []byte) (*inference.Request, error) {
	o, err := body.Decode(requestSchema(m), data)
	if err != nil {
		return nil, err
	}
	req := &inference.Request{MaxTokens: defaultTokens, Temperature: new(defaultTemperature), TopP: new(defaultP)}
	if err := parameters(o, req); err != nil {
		return nil, err
	}
	text := o.String("prompt")
	prompt.Parse(text).Apply(req, text)
	return req, nil
}

// Extra implements native.Family: everything but the prompt.
func (Family) Extra(m native.Model, fields json.RawMessage, req *inference.Request) error {
	o, err := body.Decode(extraSchema(m), fields)
	if err != nil {
		return err
	}
	return parameters(o, req)
}

func parameters(o body.Object, req *inference.Request) error {
	body.Sampling{MaxTokens: "max_tokens", Temperature: "temperature", TopP: "p", TopK: "k", Stop: "stop_sequences"}.Apply(o, req)
	if n := o.Int("num_generations", 1); n != 1 {
		return fault.New(fault.Unsupported, "num_generations: %d generations are not supported by the model that serves this model ID.", n)
	}
	if l := o.String("return_likelihoods"); l != "" && l != "NONE" {
		return fault.New(fault.Unsupported, "return_likelihoods: %s is not supported by the model that serves this model ID.", l)
	}
	body.Carry(req, Dialect, o, carried...)
	return nil
}

func requestSchema(m native.Model) *body.Schema {
	s := extraSchema(m)
	s.Required = []string{"prompt"}
	s.Properties["prompt"] = &body.Schema{Type: body.TypeString, MinLength: 1}
	return s
}

func extraSchema(m native.Model) *body.Schema {
	stop := body.ListOf(&body.Schema{Type: body.TypeString, MinLength: 1})
	stop.MaxItems = 4
	return body.ObjectOf(body.Properties{
		"temperature":        body.NumberOf(0, 5),
		"p":                  body.NumberOf(0, 1),
		"k":                  body.IntegerOf(0, 500),
		"max_tokens":         body.IntegerOf(1, max(maxTokens, m.MaxOutput)),
		"stop_sequences":     stop,
		"return_likelihoods": body.StringOf("GENERATION", "ALL", "NONE"),
		"stream":             body.BooleanOf(),
		"num_generations":    body.IntegerOf(1, 5),
		"logit_bias":         body.OpenObject(),
		"truncate":           body.StringOf("NONE", "START", "END"),
	})
}
