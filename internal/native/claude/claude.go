// Package claude is the native format of Anthropic's Messages API, which
// Claude 3 and later speak through InvokeModel.
//
// It validates what only Bedrock and its models ask for; what the format means
// is package messages' business. It calls nobody. Texts of refusals are those
// that callers of the real service see: the body's outline is checked in the
// words of its JSON schema, what is inside of messages in the words of the
// model's own back end.
package claude

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/messages"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
)

// Family implements native.Family. Its zero value is ready.
type Family struct{}

var _ native.Family = Family{}

// The values of anthropic_version: Version is the one that Bedrock documents,
// sdkVersion what Anthropic's own SDK sends from its release 2 on.
const (
	Version    = "bedrock-2023-05-31"
	sdkVersion = "2026-10-21"
)

// maxStopSequences is the documented limit.
const maxStopSequences = 8191

// Decode implements native.Family.
func (Family) Decode(m native.Model, data []byte) (*inference.Request, error) {
	b, ok := messages.Parse(data)
	if !ok {
		return nil, body.Malformed("")
	}
	outline := b.Outline()
	if err := requestSchema.Check(outline); err != nil {
		return nil, err
	}
	if o, ok := outline.(map[string]any); ok {
		if err := checkBlocks(o["messages"]); err != nil {
			return nil, err
		}
	}
	call, err := b.Decode(messages.DecodeOptions{})
	if err != nil {
		return nil, err
	}
	return call.Request, Check(m, call.Request)
}

// Extra implements native.Family. Messages and the system prompt are Converse's
// own business, so they are extraneous here.
func (Family) Extra(m native.Model, fields json.RawMessage, req *inference.Request) error {
	if _, err := body.Decode(extraSchema, fields); err != nil {
		return err
	}
	if _, err := messages.DecodeParameters(fields, req); err != nil {
		return err
	}
	return Check(m, req)
}

// checkBlocks holds content blocks against the closed schema that Bedrock has
// for all of them; what each kind may have the model's back end says.
func checkBlocks(v any) error {
	list, _ := v.([]any)
	for i, v := range list {
		m, _ := v.(map[string]any)
		blocks, _ := m["content"].([]any)
		for j, v := range blocks {
			o, ok := v.(map[string]any)
			if !ok {
				continue
			}
			at := "#/messages/" + strconv.Itoa(i) + "/content/" + strconv.Itoa(j)
			extra := ""
			for key := range o {
				if !slices.Contains(blockKeys, key) && (extra == "" || key < extra) {
					extra = key
				}
			}
			if extra != "" {
				return body.Malformed(at + ": extraneous key [" + cut(extra) + "] is not permitted")
			}
			if _, ok := o["type"]; !ok {
				return body.Malformed(at + ": required key [type] not found")
			}
		}
	}
	return nil
}

// blockKeys are the members that any kind of block has.
var blockKeys = []string{ //nolint:gochecknoglobals // a constant table
	"cache_control", "caller", "citations", "content", "context", "data", "id", "input", "is_error", "name", "server_name", "signature", "source",
	"text", "thinking", "title", "tool_use_id", "type",
}

// cut bounds what a sentence repeats of the caller's own text.
func cut(s string) string {
	const longest = 100
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "…"
}

// versionSuffix matches what Bedrock puts behind the vendor's name of a model.
var versionSuffix = regexp.MustCompile(`-v\d+(:.*)?$`)

// ShortName returns the vendor's name for a model: claude-3-haiku-20240307 for
// us.anthropic.claude-3-haiku-20240307-v1:0.
func ShortName(id string) string {
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
		"anthropic_version":  {Type: body.TypeString, Enum: []string{Version, sdkVersion}},
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

func invalid(format string, args ...any) error { return fault.New(fault.Invalid, format, args...) }
