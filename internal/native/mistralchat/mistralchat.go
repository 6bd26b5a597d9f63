// Package mistralchat is the native format of Mistral Large 2 and Pixtral Large:
// chat completions, of which the answer has words of its own.
//
// It validates and writes answers, and leaves the reading of requests to package
// chatcompletions. Mistral's older models take prompts (package mistraltext), the
// newer ones OpenAI's shape (package openaichat).
package mistralchat

import (
	"encoding/json"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
	"github.com/outcrop/outcrop/internal/native/chatform"
)

// Dialect is the format of which Request.Extra's members are.
const Dialect = "mistral-chat"

// Family implements native.Family. Its zero value is ready.
type Family struct{}

var _ native.Family = Family{}

// The documented defaults and limit.
const (
	maxTokens          = 8192
	defaultTemperature = 0.7
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
	return req, nil
}

// Extra implements native.Family: everything but the messages and the tools.
func (Family) Extra(m native.Model, fields json.RawMessage, req *inference.Request) error {
	if _, err := body.Decode(extraSchema(m), fields); err != nil {
		return err
	}
	return chatform.Merge(fields, Dialect, req)
}

func limit(m native.Model) int {
	if m.MaxOutput > 0 {
		return min(maxTokens, m.MaxOutput)
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
	s.Properties["tool_choice"] = body.StringOf("auto", "any", "none")
	return s
}

func extraSchema(m native.Model) *body.Schema {
	return body.ObjectOf(body.Properties{
		"max_tokens":  body.IntegerOf(1, limit(m)),
		"temperature": body.NumberOf(0, 1),
		"top_p":       body.NumberOf(0, 1),
		"top_k":       body.IntegerOf(1, 200),
		"stop":        body.ListOf(body.StringOf()),
	})
}
