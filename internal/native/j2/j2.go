// Package j2 is the native format of AI21's Jurassic-2: one prompt in, a tree of
// completions out, and no streams.
//
// It translates and validates; it calls nobody.
package j2

import (
	"encoding/json"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
	"github.com/outcrop/outcrop/internal/native/prompt"
)

// Dialect is the format of which Request.Extra's members are.
const Dialect = "ai21-j2"

// Family implements native.Family. Its zero value is ready.
type Family struct {
	req *inference.Request // that is being answered; nil when not known
}

var _ native.Binder = Family{}

// Bind implements native.Binder: the answer repeats the prompt.
func (f Family) Bind(req *inference.Request) native.Family { return Family{req: req} }

// The documented defaults and limit.
const (
	defaultTokens      = 200
	maxTokens          = 8191
	defaultTemperature = 0.5
	defaultTopP        = 0.5
)

// Decode implements native.Family.
func (Family) Decode(m native.Model, data []byte) (*inference.Request, error) {
	o, err := body.Decode(requestSchema(m), data)
	if err != nil {
		return nil, err
	}
	req := &inference.Request{MaxTokens: defaultTokens, Temperature: new(defaultTemperature), TopP: new(defaultTopP)}
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
	body.Sampling{MaxTokens: "maxTokens", Temperature: "temperature", TopP: "topP", Stop: "stopSequences"}.Apply(o, req)
	if o.Has("topKReturn") && o.Int("topKReturn", 0) > 0 {
		return fault.New(fault.Unsupported, "topKReturn: alternative tokens are not supported by the model that serves this model ID.")
	}
	if n := o.Int("numResults", 1); n != 1 {
		return fault.New(fault.Unsupported, "numResults: %d results are not supported by the model that serves this model ID.", n)
	}
	body.Carry(req, Dialect, o, "countPenalty", "presencePenalty", "frequencyPenalty")
	return nil
}

func requestSchema(m native.Model) *body.Schema {
	s := extraSchema(m)
	s.Required = []string{"prompt"}
	s.Properties["prompt"] = &body.Schema{Type: body.TypeString, MinLength: 1}
	return s
}

// extraSchema asks for at least one token, although the documentation lets none
// pass: the hub has no request for nothing.
func extraSchema(m native.Model) *body.Schema {
	penalty := body.ObjectOf(body.Properties{
		"scale":               body.NumberOf(0, 500),
		"applyToWhitespaces":  body.BooleanOf(),
		"applyToPunctuations": body.BooleanOf(),
		"applyToNumbers":      body.BooleanOf(),
		"applyToStopwords":    body.BooleanOf(),
		"applyToEmojis":       body.BooleanOf(),
	}, "scale")
	return body.ObjectOf(body.Properties{
		"maxTokens":        body.IntegerOf(1, max(maxTokens, m.MaxOutput)),
		"temperature":      body.NumberOf(0, 1),
		"topP":             body.NumberOf(0, 1),
		"topKReturn":       body.IntegerOf(0, 64),
		"numResults":       body.IntegerOf(1, 16),
		"stopSequences":    body.ListOf(&body.Schema{Type: body.TypeString, MinLength: 1}),
		"countPenalty":     penalty,
		"presencePenalty":  penalty,
		"frequencyPenalty": penalty,
	})
}
