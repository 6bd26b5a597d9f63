// Package jamba is the native format of AI21's Jamba: chat completions with
// members and limits of its own.
//
// It validates, and leaves the translation to package chatcompletions. Documents
// are passages in front of what the user said last, and stay as they were
// written for a model of AI21's own.
package jamba

import (
	"encoding/json"

	"github.com/outcrop/outcrop/internal/chatcompletions"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
	"github.com/outcrop/outcrop/internal/native/chatform"
)

// Dialect is the format of which Request.Extra's members are.
const Dialect = "ai21-jamba"

// Family implements native.Family. Its zero value is ready.
type Family struct{}

var _ native.Family = Family{}

// The documented defaults and limit.
const (
	maxTokens          = 4096
	defaultTemperature = 1.0
	defaultTopP        = 1.0
)

// Decode implements native.Family.
func (Family) Decode(m native.Model, data []byte) (*inference.Request, error) {
	if _, err := body.Decode(requestSchema(m), data); err != nil {
		return nil, err
	}
	req, err := chatform.Request(data, Dialect)
	if err != nil {
		return nil, err
	}
	if req.MaxTokens == 0 {
		req.MaxTokens = limit(m)
	}
	if req.Temperature == nil {
		req.Temperature = new(defaultTemperature)
	}
	if req.TopP == nil {
		req.TopP = new(defaultTopP)
	}
	return req, documents(data, req)
}

// Extra implements native.Family: everything but the messages and the tools.
func (Family) Extra(m native.Model, fields json.RawMessage, req *inference.Request) error {
	if _, err := body.Decode(extraSchema(m), fields); err != nil {
		return err
	}
	if err := chatform.Merge(fields, Dialect, req); err != nil {
		return err
	}
	return documents(fields, req)
}

func documents(data []byte, req *inference.Request) error {
	var in struct {
		Documents []json.RawMessage `json:"documents"`
	}
	if err := body.Into(data, &in); err != nil {
		return err
	}
	chatform.Documents(req, in.Documents)
	return nil
}

// Complete implements native.Family.
func (Family) Complete(m native.Model, a *inference.Answer) ([]byte, error) {
	return chatcompletions.EncodeAnswer(a, chatform.Meta(m))
}

// Stream implements native.Family.
func (Family) Stream(m native.Model, write func([]byte) error) native.Stream {
	return chatform.NewStream(m, chatform.Meta(m), write)
}

func limit(m native.Model) int {
	if m.MaxOutput > 0 {
		return m.MaxOutput
	}
	return maxTokens
}

func requestSchema(m native.Model) *body.Schema {
	s := extraSchema(m)
	messages := body.ListOf(chatform.Message("system", "user", "assistant", "tool"))
	messages.MinItems = 1
	s.Required = []string{"messages"}
	s.Properties["messages"] = messages
	s.Properties["tools"] = chatform.Tools()
	s.Properties["tool_choice"] = body.StringOf("auto", "none", "required")
	return s
}

func extraSchema(m native.Model) *body.Schema {
	text := body.StringOf()
	return body.ObjectOf(body.Properties{
		"max_tokens":        body.IntegerOf(1, limit(m)),
		"temperature":       body.NumberOf(0, 2),
		"top_p":             body.NumberOf(0.01, 1),
		"stop":              {OneOf: []*body.Schema{text, body.ListOf(text)}},
		"n":                 body.IntegerOf(1, 16),
		"frequency_penalty": body.NumberOf(-2, 2),
		"presence_penalty":  body.NumberOf(-2, 2),
		"seed":              {Type: body.TypeInteger},
		"response_format":   body.ObjectOf(body.Properties{"type": body.StringOf("text", "json_object")}, "type"),
		"documents": body.ListOf(body.ObjectOf(body.Properties{
			"content": text, "metadata": body.ListOf(body.ObjectOf(body.Properties{"key": text, "value": text}, "key", "value")),
		}, "content")),
	})
}
