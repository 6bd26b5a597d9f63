// Package claude is the native format of Anthropic's Messages API, which
// Claude 3 and later speak through InvokeModel.
//
// It translates and validates; it calls nobody. What the format can say and
// the hub cannot carry yet (tools, images, documents, thinking) is refused by
// name, never dropped. Texts of refusals are those that callers of the real
// service see: the body's outline is checked in the words of its JSON schema,
// what is inside of messages in the words of the model's own back end.
package claude

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
)

// Family implements native.Family. Its zero value is ready.
type Family struct{}

var _ native.Family = Family{}

// Version is the only value of anthropic_version that Bedrock takes.
const Version = "bedrock-2023-05-31"

// maxStopSequences is the documented limit.
const maxStopSequences = 8191

// Decode implements native.Family.
func (Family) Decode(m native.Model, data []byte) (*inference.Request, error) {
	o, err := body.Decode(requestSchema, data)
	if err != nil {
		return nil, err
	}
	req := &inference.Request{MaxTokens: o.Int("max_tokens", 0)}
	if err := checkMaxTokens(m, req.MaxTokens); err != nil {
		return nil, err
	}
	if err := parameters(m, o, req); err != nil {
		return nil, err
	}
	if req.System, err = system(o["system"]); err != nil {
		return nil, err
	}
	if req.Messages, err = messages(o["messages"].([]any)); err != nil {
		return nil, err
	}
	return req, nil
}

// Extra implements native.Family. Messages and the system prompt are Converse's
// own business, so they are extraneous here.
func (Family) Extra(m native.Model, fields json.RawMessage, req *inference.Request) error {
	o, err := body.Decode(extraSchema, fields)
	if err != nil {
		return err
	}
	if o.Has("max_tokens") {
		n := o.Int("max_tokens", 0)
		if err := checkMaxTokens(m, n); err != nil {
			return err
		}
		req.MaxTokens = n
	}
	return parameters(m, o, req)
}

func checkMaxTokens(m native.Model, n int) error {
	if n < 1 {
		return fault.New(fault.Invalid, "max_tokens: must be greater than or equal to 1")
	}
	if m.MaxOutput > 0 && n > m.MaxOutput {
		return fault.New(fault.Invalid, "max_tokens: %d > %d, which is the maximum allowed number of output tokens for %s",
			n, m.MaxOutput, shortName(m.ID))
	}
	return nil
}

// parameters applies what a body and additional fields have in common. Absent
// members change nothing.
func parameters(m native.Model, o body.Object, req *inference.Request) error {
	if err := unsupported(o); err != nil {
		return err
	}
	if o.Has("temperature") {
		req.Temperature = o.FloatPtr("temperature")
	}
	if o.Has("top_p") {
		req.TopP = o.FloatPtr("top_p")
	}
	if o.Has("top_k") {
		req.TopK = o.IntPtr("top_k")
	}
	if req.Temperature != nil && req.TopP != nil && oneSampler(m.ID) {
		return fault.New(fault.Invalid, "`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
	}
	if o.Has("stop_sequences") {
		req.StopSequences = o.Strings("stop_sequences")
		for _, s := range req.StopSequences {
			if strings.TrimSpace(s) == "" {
				return fault.New(fault.Invalid, "stop_sequences: each stop sequence must contain non-whitespace")
			}
		}
	}
	for _, key := range []string{"anthropic_beta", "metadata"} {
		if raw := o.Raw(key); raw != nil {
			if req.Extra == nil {
				req.Extra = make(map[string]json.RawMessage)
			}
			req.Extra[key] = raw
		}
	}
	return nil
}

// unsupported refuses what the hub cannot carry. Members that ask for nothing
// (no tools, thinking off) pass.
func unsupported(o body.Object) error {
	refuse := func(what string) error {
		return fault.New(fault.Unsupported, "%s not supported by the model that serves this model ID.", what)
	}
	if tools, _ := o["tools"].([]any); len(tools) > 0 {
		return refuse("tools: tool use is")
	}
	if o.Has("tool_choice") {
		return fault.New(fault.Invalid, "tool_choice: tool_choice may only be specified while providing tools.")
	}
	if o.Has("thinking") {
		switch kind, _ := o.Object("thinking")["type"].(string); kind {
		case "disabled":
		case "enabled", "adaptive":
			return refuse("thinking: extended thinking is")
		case "":
			return fault.New(fault.Invalid, "thinking.type: Field required")
		default:
			return unknownTag("thinking", kind, "'adaptive', 'disabled', 'enabled'")
		}
	}
	if len(o.Object("output_config")) > 0 {
		return refuse("output_config: effort and output formats are")
	}
	if len(o.Object("context_management")) > 0 {
		return refuse("context_management: context editing is")
	}
	return nil
}

func unknownTag(at, tag, expected string) error {
	if len(tag) > 100 {
		tag = strings.ToValidUTF8(tag[:100], "") + "…"
	}
	return fault.New(fault.Invalid, "%s: Input tag '%s' found using 'type' does not match any of the expected tags: %s", at, tag, expected)
}

// oneSampler tells the models that take temperature or top_p, not both.
func oneSampler(id string) bool {
	return strings.Contains(id, "claude-sonnet-4-5") || strings.Contains(id, "claude-haiku-4-5")
}

// versionSuffix matches what Bedrock puts behind the vendor's name of a model.
var versionSuffix = regexp.MustCompile(`-v\d+(:.*)?$`)

// shortName returns the vendor's name for a model: claude-3-haiku-20240307 for
// us.anthropic.claude-3-haiku-20240307-v1:0.
func shortName(id string) string {
	if i := strings.Index(id, "anthropic."); i >= 0 {
		id = id[i+len("anthropic."):]
	}
	return versionSuffix.ReplaceAllString(id, "")
}

// The schemas are constants in all but name.
var (
	requestSchema = newRequestSchema()
	extraSchema   = newExtraSchema()
)

func newRequestSchema() *body.Schema {
	s := newExtraSchema()
	s.Required = []string{"anthropic_version", "max_tokens", "messages"}
	s.Properties["messages"] = &body.Schema{Type: body.TypeArray}
	s.Properties["system"] = &body.Schema{OneOf: []*body.Schema{{Type: body.TypeString}, {Type: body.TypeArray}}}
	return s
}

func newExtraSchema() *body.Schema {
	unit := &body.Schema{Type: body.TypeNumber, Min: new(0.0), Max: new(1.0)}
	texts := &body.Schema{Type: body.TypeArray, Items: &body.Schema{Type: body.TypeString}}
	open := &body.Schema{Type: body.TypeObject, Open: true}
	return &body.Schema{Type: body.TypeObject, Properties: map[string]*body.Schema{
		"anthropic_version":  {Type: body.TypeString, Enum: []string{Version}},
		"anthropic_beta":     texts,
		"max_tokens":         {Type: body.TypeInteger},
		"temperature":        unit,
		"top_p":              unit,
		"top_k":              {Type: body.TypeInteger, Min: new(0.0), Max: new(500.0)},
		"stop_sequences":     {Type: body.TypeArray, MaxItems: maxStopSequences, Items: texts.Items},
		"metadata":           open,
		"thinking":           open,
		"tools":              {Type: body.TypeArray},
		"tool_choice":        open,
		"output_config":      open,
		"context_management": open,
	}}
}

func at(path string, index int) string { return fmt.Sprintf("%s.%d", path, index) }
