// Package deepseektext is the native format of DeepSeek-R1: a prompt in its own
// markup, which the caller writes, and a few sampling parameters. What the model
// thinks stands in the text, in front of </think>.
//
// It translates and validates; it calls nobody. Newer models of DeepSeek take
// conversations in the shape of package openaichat.
package deepseektext

import (
	"encoding/json"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
	"github.com/outcrop/outcrop/internal/native/prompt"
)

// Family implements native.Family. Its zero value is ready.
type Family struct{}

var _ native.Family = Family{}

// maxTokens is the documented limit.
const maxTokens = 32768

// Decode implements native.Family.
func (Family) Decode(m native.Model, data []byte) (*inference.Request, error) {
	o, err := body.Decode(requestSchema(m), data)
	if err != nil {
		return nil, err
	}
	req := &inference.Request{}
	parameters(o, req)
	text := o.String("prompt")
	c := prompt.Parse(text)
	if c.Syntax == inference.SyntaxPlain { // the model goes on from it as it stands
		c.Syntax = inference.SyntaxDeepSeek
	}
	c.Apply(req, text)
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
	body.Sampling{MaxTokens: "max_tokens", Temperature: "temperature", TopP: "top_p", Stop: "stop"}.Apply(o, req)
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
		"stop":        stop,
	})
}
