// Package nova is the native format of Amazon Nova's understanding models: the
// Converse API's shapes in JSON, with media in base64 and limits of its own.
//
// It translates and validates; it calls nobody, and it opens no media: a film
// or a document goes to the model as it is, or is refused by the backend that
// cannot read it.
package nova

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
)

// Family implements native.Family. Its zero value is ready.
type Family struct{}

var _ native.Family = Family{}

// The documented defaults.
const (
	defaultTemperature = 0.7
	defaultTopP        = 0.9
)

// Decode implements native.Family.
func (Family) Decode(m native.Model, data []byte) (*inference.Request, error) {
	o, err := body.Decode(requestSchema, data)
	if err != nil {
		return nil, err
	}
	var in request
	if err := body.Into(data, &in); err != nil {
		return nil, err
	}
	req := &inference.Request{Temperature: new(defaultTemperature), TopP: new(defaultTopP)}
	if err := parameters(m, o, req); err != nil {
		return nil, err
	}
	for i, b := range in.System {
		part, err := b.part("#/system/" + strconv.Itoa(i))
		if err != nil {
			return nil, err
		}
		req.System = append(req.System, part)
	}
	if req.Messages, err = messages(in.Messages); err != nil {
		return nil, err
	}
	if err := in.ToolConfig.apply(req); err != nil {
		return nil, err
	}
	return req, nil
}

// Extra implements native.Family: inferenceConfig with what Converse has no
// member for, and reasoningConfig.
func (Family) Extra(m native.Model, fields json.RawMessage, req *inference.Request) error {
	o, err := body.Decode(extraSchema, fields)
	if err != nil {
		return err
	}
	reasoning(o.Object("reasoningConfig"), req)
	return parameters(m, o, req)
}

// parameters applies inferenceConfig; absent members change nothing. The names
// in snake case are older, and still taken.
func parameters(m native.Model, o body.Object, req *inference.Request) error {
	c := o.Object("inferenceConfig")
	reasoning(c.Object("reasoningConfig"), req)
	req.MaxTokens = c.Int("maxTokens", c.Int("max_new_tokens", req.MaxTokens))
	if m.MaxOutput > 0 && req.MaxTokens > m.MaxOutput {
		return fault.New(fault.Invalid, "The maximum tokens you requested exceeds the model limit of %d. "+
			"Try again with a maximum tokens value that is lower than %d.", m.MaxOutput, m.MaxOutput)
	}
	if f := c.FloatPtr("temperature"); f != nil {
		req.Temperature = f
	}
	for _, key := range []string{"top_p", "topP"} {
		if f := c.FloatPtr(key); f != nil {
			req.TopP = f
		}
	}
	for _, key := range []string{"top_k", "topK"} {
		if n := c.IntPtr(key); n != nil {
			req.TopK = n
		}
	}
	if c.Has("stopSequences") {
		req.StopSequences = c.Strings("stopSequences")
	}
	return nil
}

func reasoning(c body.Object, req *inference.Request) {
	switch c.String("type") {
	case "enabled":
		req.Reasoning = &inference.ReasoningConfig{Mode: inference.ReasoningOn, Effort: c.String("maxReasoningEffort")}
	case "disabled":
		req.Reasoning = &inference.ReasoningConfig{Mode: inference.ReasoningOff}
	}
}

// messages reads the turns, with the texts that Converse has for the same
// mistakes: the service answers both.
func messages(list []message) ([]inference.Message, error) {
	if len(list) == 0 || list[0].Role != string(inference.RoleUser) {
		return nil, fault.New(fault.Invalid, "A conversation must start with a user message. "+
			"Try again with a conversation that starts with a user message.")
	}
	turns := make([]inference.Message, 0, len(list))
	for i, in := range list {
		m := inference.Message{Role: inference.Role(in.Role)}
		if i > 0 && turns[i-1].Role == m.Role {
			return nil, fault.New(fault.Invalid, "A conversation must alternate between user and assistant roles. "+
				"Make sure the conversation alternates between user and assistant roles and try again.")
		}
		content := false
		for j, b := range in.Content {
			part, err := b.part("#/messages/" + strconv.Itoa(i) + "/content/" + strconv.Itoa(j))
			if err != nil {
				return nil, err
			}
			if text, ok := part.(inference.Text); ok && strings.TrimSpace(text.Text) == "" {
				return nil, fault.New(fault.Invalid, "The text field in the ContentBlock object at messages.%d.content.%d is blank. "+
					"Add text to the text field, and try again.", i, j)
			}
			if _, ok := part.(inference.CachePoint); !ok {
				content = true
			}
			m.Parts = append(m.Parts, part)
		}
		if !content {
			return nil, fault.New(fault.Invalid, "The content field in the Message object at messages.%d is empty. "+
				"Add a ContentBlock object to the content field and try again.", i)
		}
		turns = append(turns, m)
	}
	return turns, nil
}

// The schemas are constants in all but name.
var (
	requestSchema = newRequestSchema()
	extraSchema   = newExtraSchema()
)

func newRequestSchema() *body.Schema {
	system := body.ObjectOf(body.Properties{"text": {Type: body.TypeString, MinLength: 1}, "cachePoint": newCachePointSchema()})
	message := body.ObjectOf(body.Properties{
		"role":    body.StringOf("user", "assistant"),
		"content": body.ListOf(body.ObjectOf(newBlocks())),
	}, "role", "content")
	return body.ObjectOf(body.Properties{
		"schemaVersion":   body.StringOf("messages-v1"),
		"system":          body.ListOf(system),
		"messages":        body.ListOf(message),
		"inferenceConfig": newConfigSchema(),
		"toolConfig":      newToolSchema(),
	}, "messages")
}

func newExtraSchema() *body.Schema {
	return body.ObjectOf(body.Properties{"inferenceConfig": newConfigSchema(), "reasoningConfig": newReasoningSchema()})
}

// newConfigSchema takes a temperature of 0, which the guide does not name and
// the service is used with all the same.
func newConfigSchema() *body.Schema {
	unit := body.NumberOf(0, 1)
	tokens := &body.Schema{Type: body.TypeInteger, Min: new(1.0)}
	topK := body.IntegerOf(0, 128)
	return body.ObjectOf(body.Properties{
		"maxTokens":       tokens,
		"max_new_tokens":  tokens,
		"temperature":     unit,
		"topP":            unit,
		"top_p":           unit,
		"topK":            topK,
		"top_k":           topK,
		"stopSequences":   body.ListOf(&body.Schema{Type: body.TypeString, MinLength: 1}),
		"reasoningConfig": newReasoningSchema(),
	})
}

func newReasoningSchema() *body.Schema {
	return body.ObjectOf(body.Properties{
		"type":               body.StringOf("enabled", "disabled"),
		"maxReasoningEffort": body.StringOf("low", "medium", "high"),
	}, "type")
}
