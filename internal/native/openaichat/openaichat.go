// Package openaichat is the native format of the models that take OpenAI's chat
// completions: gpt-oss and GPT, Qwen, DeepSeek V3, Gemma, Kimi, GLM, MiniMax,
// Nemotron, newer Mistral models, Writer's Palmyra and others.
//
// It checks what Bedrock asks for (the model and the stream that a body names
// have to be those of the call), knows in what these models differ, and leaves
// the translation to package chatcompletions. Members that nobody here knows are
// carried: servers of these models have many of their own.
package openaichat

import (
	"encoding/json"
	"strings"

	"github.com/outcrop/outcrop/internal/chatcompletions"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
	"github.com/outcrop/outcrop/internal/native/chatform"
)

// Family implements native.Family. Its zero value is ready.
type Family struct{}

var _ native.Family = Family{}

// palmyraTokens is what Writer's models make when a body does not say how much.
const palmyraTokens = 16

// Decode implements native.Family.
func (Family) Decode(m native.Model, data []byte) (*inference.Request, error) {
	o, err := body.Decode(requestSchema, data)
	if err != nil {
		return nil, err
	}
	if err := agree(m, o); err != nil {
		return nil, err
	}
	req, err := chatform.Request(data, chatcompletions.Dialect)
	if err != nil {
		return nil, err
	}
	if isPalmyra(m.ID) && req.MaxTokens == 0 {
		req.MaxTokens = palmyraTokens
	}
	return req, nil
}

// agree holds the members that say again what the call says.
func agree(m native.Model, o body.Object) error {
	// An ARN may be a profile's of the caller's own, which leads here.
	if model := o.String("model"); model != "" && model != m.ID && !strings.HasSuffix(model, "."+m.ID) && !strings.HasPrefix(model, "arn:") {
		return fault.New(fault.Invalid, "The model in the request body does not match the model ID of the request. Remove the field model, or set it to %s.", m.ID)
	}
	if m.Streaming == nil || !o.Has("stream") || o["stream"] == nil {
		return nil
	}
	switch stream := o.Bool("stream", false); {
	case stream && !*m.Streaming:
		return fault.New(fault.Invalid, "The field stream must be false in InvokeModel. Use InvokeModelWithResponseStream for a stream.")
	case !stream && *m.Streaming:
		return fault.New(fault.Invalid, "The field stream must be true in InvokeModelWithResponseStream. Use InvokeModel for a whole answer.")
	}
	return nil
}

func isPalmyra(id string) bool { return strings.HasPrefix(id, "writer.") }

// Extra implements native.Family: everything but what Converse itself says.
func (Family) Extra(_ native.Model, fields json.RawMessage, req *inference.Request) error {
	o, err := body.Decode(extraSchema, fields)
	if err != nil {
		return err
	}
	for _, key := range []string{"messages", "model", "stream", "stream_options", "n"} {
		if o.Has(key) {
			return body.Malformed("#: extraneous key [" + key + "] is not permitted")
		}
	}
	return chatform.Merge(fields, chatcompletions.Dialect, req)
}

// meta is chatform's; some models think in front of their text.
func meta(m native.Model) chatcompletions.Meta {
	out := chatform.Meta(m)
	out.InlineReasoning = strings.Contains(m.ID, "gpt-oss") || strings.Contains(m.ID, "kimi-k2-thinking")
	return out
}

// Complete implements native.Family.
func (Family) Complete(m native.Model, a *inference.Answer) ([]byte, error) {
	return chatcompletions.EncodeAnswer(a, meta(m))
}

// Stream implements native.Family.
func (Family) Stream(m native.Model, write func([]byte) error) native.Stream {
	return chatform.NewStream(m, meta(m), write)
}

// The schemas are constants in all but name.
var (
	requestSchema = newSchema("messages")
	extraSchema   = newSchema()
)

// newSchema looks at what Bedrock checks; the rest is OpenAI's to word.
func newSchema(required ...string) *body.Schema {
	number := func(least, most float64) *body.Schema {
		s := body.NumberOf(least, most)
		s.Null = true
		return s
	}
	messages := body.ListOf(&body.Schema{Type: body.TypeObject, Open: true, Required: []string{"role"}})
	messages.MinItems = 1
	return &body.Schema{Type: body.TypeObject, Open: true, Required: required, Properties: body.Properties{
		"messages":          messages,
		"model":             {Type: body.TypeString, Null: true},
		"stream":            {Type: body.TypeBoolean, Null: true},
		"temperature":       number(0, 2),
		"top_p":             number(0, 1),
		"presence_penalty":  number(-2, 2),
		"frequency_penalty": number(-2, 2),
	}}
}
