// Package titantext is the native format of Amazon Titan Text: one text, which
// may be a dialogue of User and Bot.
//
// It translates and validates; it calls nobody.
package titantext

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

// The documented defaults, and the highest limit that any Titan has.
const (
	defaultTokens      = 512
	maxTokens          = 8192
	defaultTemperature = 0.7
	defaultTopP        = 0.9
)

// Decode implements native.Family.
func (Family) Decode(m native.Model, data []byte) (*inference.Request, error) {
	o, err := body.Decode(requestSchema(m), data)
	if err != nil {
		return nil, err
	}
	req := &inference.Request{MaxTokens: defaultTokens, Temperature: new(defaultTemperature), TopP: new(defaultTopP)}
	parameters(o, req)
	text := o.String("inputText")
	prompt.Parse(text).Apply(req, text)
	return req, nil
}

// Extra implements native.Family: the members of textGenerationConfig, in it.
func (Family) Extra(m native.Model, fields json.RawMessage, req *inference.Request) error {
	o, err := body.Decode(extraSchema(m), fields)
	if err != nil {
		return err
	}
	parameters(o, req)
	return nil
}

func parameters(o body.Object, req *inference.Request) {
	c := o.Object("textGenerationConfig")
	body.Sampling{MaxTokens: "maxTokenCount", Temperature: "temperature", TopP: "topP", Stop: "stopSequences"}.Apply(c, req)
}

func requestSchema(m native.Model) *body.Schema {
	s := extraSchema(m)
	s.Required = []string{"inputText"}
	s.Properties["inputText"] = &body.Schema{Type: body.TypeString, MinLength: 1}
	return s
}

// extraSchema asks for at least one token, although the documentation lets
// none pass: the hub has no request for nothing.
func extraSchema(m native.Model) *body.Schema {
	unit := &body.Schema{Type: body.TypeNumber, Min: new(0.0), Max: new(1.0)}
	limit := float64(maxTokens)
	if m.MaxOutput > 0 {
		limit = float64(m.MaxOutput)
	}
	config := &body.Schema{Type: body.TypeObject, Properties: map[string]*body.Schema{
		"maxTokenCount": {Type: body.TypeInteger, Min: new(1.0), Max: &limit},
		"temperature":   unit,
		"topP":          unit,
		"stopSequences": {Type: body.TypeArray, Items: &body.Schema{Type: body.TypeString, MinLength: 1}},
	}}
	return &body.Schema{Type: body.TypeObject, Separator: ", ", Properties: map[string]*body.Schema{"textGenerationConfig": config}}
}
