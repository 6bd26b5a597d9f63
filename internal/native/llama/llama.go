// Package llama is the native format of Meta's Llama models: a prompt in
// Llama's own markup, which the caller writes, and a few sampling parameters.
//
// It translates and validates; it calls nobody. The prompt goes to a Llama
// model as it is; it is also read into turns for a model of another family.
package llama

import (
	"encoding/json"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
	"github.com/outcrop/outcrop/internal/native/prompt"
)

// Family implements native.Family. Its zero value is ready.
type Family struct{}

var _ native.Family = Family{}

// The documented defaults and the limit of every Llama; newer models have a
// higher one.
const (
	defaultTokens      = 512
	maxTokens          = 2048
	defaultTemperature = 0.5
	defaultTopP        = 0.9
)

// Decode implements native.Family.
func (Family) Decode(m native.Model, data []byte) (*inference.Request, error) {
	s := requestSchema(m)
	o, err := body.Decode(s, data)
	if err != nil {
		return nil, err
	}
	if images, _ := o["images"].([]any); len(images) > 0 {
		return nil, fault.New(fault.Unsupported, "images: images are not supported by the model that serves this model ID.")
	}
	req := &inference.Request{MaxTokens: o.Int("max_gen_len", defaultTokens)}
	if req.Temperature = o.FloatPtr("temperature"); req.Temperature == nil {
		req.Temperature = new(defaultTemperature)
	}
	if req.TopP = o.FloatPtr("top_p"); req.TopP == nil {
		req.TopP = new(defaultTopP)
	}
	text := o.String("prompt")
	c := prompt.Parse(text)
	c.Syntax = syntax(m.ID, c.Syntax)
	c.Apply(req, text)
	return req, nil
}

// syntax settles what the prompt alone leaves open. A prompt without markup is
// one that the model goes on from as it stands, so it counts as written in the
// model's own; and [INST] is Llama 2's when a Llama 2 is asked.
func syntax(id string, found inference.Syntax) inference.Syntax {
	own := inference.SyntaxLlama3
	switch {
	case strings.Contains(id, "llama2"):
		own = inference.SyntaxLlama2
	case strings.Contains(id, "llama4"):
		own = inference.SyntaxLlama4
	}
	if found == inference.SyntaxPlain || found == inference.SyntaxMistral && own == inference.SyntaxLlama2 {
		return own
	}
	return found
}

// Extra implements native.Family: Llama has no additional fields.
func (Family) Extra(_ native.Model, fields json.RawMessage, _ *inference.Request) error {
	_, err := body.Decode(extraSchema, fields)
	return err
}

// extraSchema is a constant in all but name.
var extraSchema = &body.Schema{Type: body.TypeObject}

func requestSchema(m native.Model) *body.Schema {
	unit := &body.Schema{Type: body.TypeNumber, Min: new(0.0), Max: new(1.0)}
	limit := float64(max(maxTokens, m.MaxOutput))
	return &body.Schema{Type: body.TypeObject, Required: []string{"prompt"}, Properties: map[string]*body.Schema{
		"prompt":      {Type: body.TypeString, MinLength: 1},
		"max_gen_len": {Type: body.TypeInteger, Min: new(1.0), Max: &limit},
		"temperature": unit,
		"top_p":       unit,
		"images":      {Type: body.TypeArray, Items: &body.Schema{Type: body.TypeString}},
	}}
}
