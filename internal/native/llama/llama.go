// Package llama is the native format of Meta's Llama models: a prompt in
// Llama's own markup, which the caller writes, and a few sampling parameters.
//
// It translates and validates; it calls nobody. The prompt goes to a Llama
// model as it is; it is also read into turns for a model of another family, and
// for images, which no text carries.
package llama

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
	"github.com/outcrop/outcrop/internal/native/prompt"
	"github.com/outcrop/outcrop/internal/wire/picture"
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
	images, err := readImages(o.Strings("images"))
	if err != nil {
		return nil, err
	}
	if len(images) > 0 {
		place(req, images)
	}
	return req, nil
}

// imageSlot is where an image stands in a prompt.
const imageSlot = "<|image|>"

// readImages reads the base64 texts of images.
func readImages(list []string) ([]inference.Part, error) {
	images := make([]inference.Part, 0, len(list))
	for i, text := range list {
		at := "#/images/" + strconv.Itoa(i)
		data, err := body.Bytes(at, text)
		if err != nil {
			return nil, err
		}
		format := picture.Format(data)
		if format == "" {
			return nil, body.Malformed(at + ": the value is not an image in one of the formats png, jpeg, gif, webp")
		}
		images = append(images, inference.Image{Format: format, Bytes: data})
	}
	return images, nil
}

// place puts images where the prompt has a slot for them, and those without one
// in front of what the user said last. The prompt itself has no bytes, so the
// conversation takes its place for every model.
func place(req *inference.Request, images []inference.Part) {
	req.Prompt = nil
	last := -1
	for i, m := range req.Messages {
		if m.Role != inference.RoleUser {
			continue
		}
		last = i
		var parts []inference.Part
		for _, p := range m.Parts {
			text, ok := p.(inference.Text)
			for ok {
				before, after, found := strings.Cut(text.Text, imageSlot)
				if !found || len(images) == 0 {
					break
				}
				if strings.TrimSpace(before) != "" {
					parts = append(parts, inference.Text{Text: before})
				}
				parts = append(parts, images[0])
				images, text.Text = images[1:], after
				p = text
			}
			if !ok || strings.TrimSpace(text.Text) != "" {
				parts = append(parts, p)
			}
		}
		req.Messages[i].Parts = parts
	}
	if len(images) == 0 {
		return
	}
	if last < 0 { // nothing but the beginning of an answer
		req.Messages = append([]inference.Message{{Role: inference.RoleUser, Parts: images}}, req.Messages...)
		return
	}
	req.Messages[last].Parts = append(images, req.Messages[last].Parts...)
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
