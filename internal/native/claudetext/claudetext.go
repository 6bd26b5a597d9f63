// Package claudetext is the native format of Anthropic's older Text
// Completions, which Claude 1, 2 and Instant speak through InvokeModel: one
// prompt of Human and Assistant turns.
//
// It translates and validates; it calls nobody.
package claudetext

import (
	"encoding/json"
	"slices"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
	"github.com/outcrop/outcrop/internal/native/prompt"
)

// Family implements native.Family. Its zero value is ready.
type Family struct{}

var _ native.Family = Family{}

// humanTurn ends every answer, whatever else the caller asks for, and is
// reported as the stop sequence of an answer that ended by itself.
const humanTurn = "\n\nHuman:"

// maxTokens is the documented limit, for models of which no other is known.
const maxTokens = 4096

// Decode implements native.Family.
func (Family) Decode(m native.Model, data []byte) (*inference.Request, error) {
	o, err := body.Decode(requestSchema(m), data)
	if err != nil {
		return nil, err
	}
	req := &inference.Request{}
	text := o.String("prompt")
	if prompt.Detect(text) != inference.SyntaxHuman {
		return nil, fault.New(fault.Invalid, `Invalid prompt: prompt must start with "\n\nHuman:" turn, end with "\n\nAssistant:" turn`)
	}
	c := prompt.ParseAs(inference.SyntaxHuman, text)
	c.Apply(req, text)
	parameters(o, req)
	if !slices.Contains(req.StopSequences, humanTurn) {
		req.StopSequences = append(req.StopSequences, humanTurn)
	}
	return req, nil
}

// Extra implements native.Family. The prompt is Converse's own business.
func (Family) Extra(m native.Model, fields json.RawMessage, req *inference.Request) error {
	o, err := body.Decode(extraSchema(m), fields)
	if err != nil {
		return err
	}
	parameters(o, req)
	return nil
}

func parameters(o body.Object, req *inference.Request) {
	body.Sampling{MaxTokens: "max_tokens_to_sample", Temperature: "temperature", TopP: "top_p", TopK: "top_k", Stop: "stop_sequences"}.Apply(o, req)
}

func requestSchema(m native.Model) *body.Schema {
	s := extraSchema(m)
	s.Required = []string{"prompt", "max_tokens_to_sample"}
	s.Properties["prompt"] = &body.Schema{Type: body.TypeString}
	return s
}

func extraSchema(m native.Model) *body.Schema {
	limit := float64(max(maxTokens, m.MaxOutput))
	unit := &body.Schema{Type: body.TypeNumber, Min: new(0.0), Max: new(1.0)}
	return &body.Schema{Type: body.TypeObject, Properties: map[string]*body.Schema{
		"anthropic_version":    {Type: body.TypeString},
		"max_tokens_to_sample": {Type: body.TypeInteger, Min: new(1.0), Max: &limit},
		"temperature":          unit,
		"top_p":                unit,
		"top_k":                {Type: body.TypeInteger, Min: new(0.0), Max: new(500.0)},
		"stop_sequences":       {Type: body.TypeArray, Items: &body.Schema{Type: body.TypeString, MinLength: 1}},
	}}
}
