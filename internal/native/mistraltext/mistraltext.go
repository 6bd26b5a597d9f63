// Package mistraltext is the native format of Mistral's older models: a prompt
// in [INST] markup, which the caller writes, and a few sampling parameters.
//
// It translates and validates; it calls nobody. The models that take
// conversations are package mistralchat's.
package mistraltext

import (
	"encoding/json"
	"strings"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
	"github.com/outcrop/outcrop/internal/native/prompt"
)

// Family implements native.Family. Its zero value is ready.
type Family struct{}

var _ native.Family = Family{}

// maxTokens is the documented limit, for models of which no other is known.
const maxTokens = 8192

// defaults are what the guide says of a model that is asked without a parameter.
type defaults struct {
	tokens            int
	temperature, topP float64
	topK              int // 0: none
}

// of returns the defaults of a model: the two small ones have lower ones.
func of(id string) defaults {
	if strings.Contains(id, "mistral-small") || strings.Contains(id, "mistral-large") {
		return defaults{tokens: 8192, temperature: 0.7, topP: 1}
	}
	return defaults{tokens: 512, temperature: 0.5, topP: 0.9, topK: 50}
}

// Decode implements native.Family.
func (Family) Decode(m native.Model, data []byte) (*inference.Request, error) {
	o, err := body.Decode(requestSchema(m), data)
	if err != nil {
		return nil, err
	}
	d := of(m.ID)
	req := &inference.Request{MaxTokens: d.tokens, Temperature: &d.temperature, TopP: &d.topP}
	if m.MaxOutput > 0 {
		req.MaxTokens = min(req.MaxTokens, m.MaxOutput)
	}
	if d.topK > 0 {
		req.TopK = &d.topK
	}
	parameters(o, req)
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
	parameters(o, req)
	return nil
}

func parameters(o body.Object, req *inference.Request) {
	body.Sampling{MaxTokens: "max_tokens", Temperature: "temperature", TopP: "top_p", TopK: "top_k", Stop: "stop"}.Apply(o, req)
}

func requestSchema(m native.Model) *body.Schema {
	s := extraSchema(m)
	s.Required = []string{"prompt"}
	s.Properties["prompt"] = &body.Schema{Type: body.TypeString, MinLength: 1}
	return s
}

func extraSchema(m native.Model) *body.Schema {
	stop := body.ListOf(&body.Schema{Type: body.TypeString, MinLength: 1})
	stop.MaxItems = 10
	return body.ObjectOf(body.Properties{
		"max_tokens":  body.IntegerOf(1, max(maxTokens, m.MaxOutput)),
		"temperature": body.NumberOf(0, 1),
		"top_p":       body.NumberOf(0, 1),
		"top_k":       body.IntegerOf(1, 200),
		"stop":        stop,
	})
}
