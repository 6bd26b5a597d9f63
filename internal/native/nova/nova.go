// Package nova is the native format of Amazon Nova's understanding models: the
// Converse API's shapes in JSON, with media in base64 and limits of its own.
//
// It translates and validates; it calls nobody. What the format can say and
// the hub cannot carry yet (tools, media, reasoning) is refused by name, never
// dropped.
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
	req := &inference.Request{Temperature: new(defaultTemperature), TopP: new(defaultTopP)}
	if err := parameters(m, o, req); err != nil {
		return nil, err
	}
	if tools, _ := o.Object("toolConfig")["tools"].([]any); len(tools) > 0 {
		return nil, unsupported("toolConfig: tool use is")
	}
	for i, b := range o.Objects("system") {
		text, err := textBlock("#/system/"+strconv.Itoa(i), b)
		if err != nil {
			return nil, err
		}
		if text != "" {
			req.System = append(req.System, inference.Text{Text: text})
		}
	}
	if req.Messages, err = messages(o.Objects("messages")); err != nil {
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
	if err := reasoning(o.Object("reasoningConfig")); err != nil {
		return err
	}
	return parameters(m, o, req)
}

// parameters applies inferenceConfig; absent members change nothing. The names
// in snake case are older, and still taken.
func parameters(m native.Model, o body.Object, req *inference.Request) error {
	c := o.Object("inferenceConfig")
	if err := reasoning(c.Object("reasoningConfig")); err != nil {
		return err
	}
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

func reasoning(c body.Object) error {
	if c.String("type") == "enabled" {
		return unsupported("reasoningConfig: reasoning is")
	}
	return nil
}

func unsupported(what string) error {
	return fault.New(fault.Unsupported, "%s not supported by the model that serves this model ID.", what)
}

// messages reads the turns, with the texts that Converse has for the same
// mistakes: the service answers both.
func messages(list []body.Object) ([]inference.Message, error) {
	if len(list) == 0 || list[0].String("role") != string(inference.RoleUser) {
		return nil, fault.New(fault.Invalid, "A conversation must start with a user message. "+
			"Try again with a conversation that starts with a user message.")
	}
	turns := make([]inference.Message, 0, len(list))
	for i, o := range list {
		m := inference.Message{Role: inference.Role(o.String("role"))}
		if i > 0 && turns[i-1].Role == m.Role {
			return nil, fault.New(fault.Invalid, "A conversation must alternate between user and assistant roles. "+
				"Make sure the conversation alternates between user and assistant roles and try again.")
		}
		for j, b := range o.Objects("content") {
			text, err := textBlock("#/messages/"+strconv.Itoa(i)+"/content/"+strconv.Itoa(j), b)
			if err != nil {
				return nil, err
			}
			switch {
			case strings.TrimSpace(text) != "":
				m.Parts = append(m.Parts, inference.Text{Text: text})
			case b.Has("text"):
				return nil, fault.New(fault.Invalid, "The text field in the ContentBlock object at messages.%d.content.%d is blank. "+
					"Add text to the text field, and try again.", i, j)
			}
		}
		if len(m.Parts) == 0 {
			return nil, fault.New(fault.Invalid, "The content field in the Message object at messages.%d is empty. "+
				"Add a ContentBlock object to the content field and try again.", i)
		}
		turns = append(turns, m)
	}
	return turns, nil
}

// textBlock reads a block. A cache point has no text and asks for nothing that
// has to be carried on.
func textBlock(at string, o body.Object) (string, error) {
	if o.Has("text") {
		if len(o) > 1 {
			return "", body.Malformed(at + ": expected one content block, found " + strconv.Itoa(len(o)))
		}
		return o.String("text"), nil
	}
	for _, key := range otherBlocks {
		if o.Has(key) {
			return "", unsupported(at[len("#/"):] + ": content blocks with " + key + " are")
		}
	}
	if o.Has("cachePoint") {
		return "", nil
	}
	return "", body.Malformed(at + ": required key [text] not found")
}

// The schemas, and the content blocks that are known and not supported, are
// constants in all but name.
var (
	requestSchema = newRequestSchema()
	extraSchema   = newExtraSchema()
	otherBlocks   = []string{"image", "video", "audio", "document", "toolUse", "toolResult", "reasoningContent"}
)

func newRequestSchema() *body.Schema {
	open := &body.Schema{Type: body.TypeObject, Open: true}
	block := &body.Schema{Type: body.TypeObject, Properties: map[string]*body.Schema{"text": {Type: body.TypeString}, "cachePoint": open}}
	system := &body.Schema{Type: body.TypeObject, Properties: map[string]*body.Schema{"text": {Type: body.TypeString, MinLength: 1}, "cachePoint": open}}
	for _, key := range otherBlocks {
		block.Properties[key] = open
	}
	message := &body.Schema{Type: body.TypeObject, Required: []string{"role", "content"}, Properties: map[string]*body.Schema{
		"role":    {Type: body.TypeString, Enum: []string{"user", "assistant"}},
		"content": {Type: body.TypeArray, Items: block},
	}}
	return &body.Schema{Type: body.TypeObject, Required: []string{"messages"}, Properties: map[string]*body.Schema{
		"schemaVersion":   {Type: body.TypeString, Enum: []string{"messages-v1"}},
		"system":          {Type: body.TypeArray, Items: system},
		"messages":        {Type: body.TypeArray, Items: message},
		"inferenceConfig": newConfigSchema(),
		"toolConfig":      open,
	}}
}

func newExtraSchema() *body.Schema {
	return &body.Schema{Type: body.TypeObject, Properties: map[string]*body.Schema{
		"inferenceConfig": newConfigSchema(),
		"reasoningConfig": newReasoningSchema(),
	}}
}

// newConfigSchema takes a temperature of 0, which the guide does not name and
// the service is used with all the same.
func newConfigSchema() *body.Schema {
	unit := &body.Schema{Type: body.TypeNumber, Min: new(0.0), Max: new(1.0)}
	tokens := &body.Schema{Type: body.TypeInteger, Min: new(1.0)}
	topK := &body.Schema{Type: body.TypeInteger, Min: new(0.0), Max: new(128.0)}
	return &body.Schema{Type: body.TypeObject, Properties: map[string]*body.Schema{
		"maxTokens":       tokens,
		"max_new_tokens":  tokens,
		"temperature":     unit,
		"topP":            unit,
		"top_p":           unit,
		"topK":            topK,
		"top_k":           topK,
		"stopSequences":   {Type: body.TypeArray, Items: &body.Schema{Type: body.TypeString, MinLength: 1}},
		"reasoningConfig": newReasoningSchema(),
	}}
}

func newReasoningSchema() *body.Schema {
	return &body.Schema{Type: body.TypeObject, Required: []string{"type"}, Properties: map[string]*body.Schema{
		"type":               {Type: body.TypeString, Enum: []string{"enabled", "disabled"}},
		"maxReasoningEffort": {Type: body.TypeString, Enum: []string{"low", "medium", "high"}},
	}}
}
