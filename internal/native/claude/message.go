package claude

import (
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native/body"
)

// blockTags are the types of content blocks that the format has.
const blockTags = "'document', 'image', 'redacted_thinking', 'search_result', 'text', 'thinking', 'tool_result', 'tool_use'"

// system reads the system prompt, a string or blocks of text.
func system(v any) ([]inference.Part, error) {
	switch v := v.(type) {
	case string:
		if v == "" {
			return nil, nil
		}
		return []inference.Part{inference.Text{Text: v}}, nil
	case []any:
		var parts []inference.Part
		for i, b := range v {
			text, err := textBlock(at("system", i), b, "'text'")
			if err != nil {
				return nil, err
			}
			if text == "" {
				return nil, fault.New(fault.Invalid, "system: text content blocks must be non-empty")
			}
			parts = append(parts, inference.Text{Text: text})
		}
		return parts, nil
	}
	return nil, nil
}

// messages reads the turns. Neighbours of one role become one turn, as the
// service does it.
func messages(list []any) ([]inference.Message, error) {
	if len(list) == 0 {
		return nil, fault.New(fault.Invalid, "messages: at least one message is required")
	}
	var turns []inference.Message
	for i, v := range list {
		m, err := message(at("messages", i), v, i == len(list)-1)
		if err != nil {
			return nil, err
		}
		if i == 0 && m.Role != inference.RoleUser {
			return nil, fault.New(fault.Invalid, `messages: first message must use the "user" role`)
		}
		if len(m.Parts) == 0 {
			continue // an empty last message of the assistant
		}
		if n := len(turns); n > 0 && turns[n-1].Role == m.Role {
			turns[n-1].Parts = append(turns[n-1].Parts, m.Parts...)
			continue
		}
		turns = append(turns, m)
	}
	if last := turns[len(turns)-1]; last.Role == inference.RoleAssistant {
		text := last.Parts[len(last.Parts)-1].(inference.Text).Text
		if strings.TrimRight(text, " \t\r\n") != text {
			return nil, fault.New(fault.Invalid, "messages: final assistant content cannot end with trailing whitespace")
		}
	}
	return turns, nil
}

func message(path string, v any, last bool) (inference.Message, error) {
	var m inference.Message
	o, ok := v.(map[string]any)
	if !ok {
		return m, fault.New(fault.Invalid, "%s: Input should be an object", path)
	}
	if err := closed(path, o, "role", "content"); err != nil {
		return m, err
	}
	switch role := o["role"].(type) {
	case nil:
		return m, fault.New(fault.Invalid, "%s.role: Field required", path)
	case string:
		m.Role = inference.Role(role)
	}
	switch m.Role {
	case inference.RoleUser, inference.RoleAssistant:
	case "system":
		return m, fault.New(fault.Invalid, `messages: Unexpected role "system". The Messages API accepts a top-level `+
			"`system` parameter, not \"system\" as an input message role.")
	default:
		return m, fault.New(fault.Invalid, "%s.role: Input should be 'user' or 'assistant'", path)
	}
	switch content := o["content"].(type) {
	case nil:
		return m, fault.New(fault.Invalid, "%s.content: Field required", path)
	case string:
		if content != "" {
			if strings.TrimSpace(content) == "" {
				return m, errBlank()
			}
			m.Parts = []inference.Part{inference.Text{Text: content}}
		}
	case []any:
		for i, b := range content {
			text, err := textBlock(at(path+".content", i), b, blockTags)
			if err != nil {
				return m, err
			}
			switch {
			case text == "":
				return m, fault.New(fault.Invalid, "messages: text content blocks must be non-empty")
			case strings.TrimSpace(text) == "":
				return m, errBlank()
			}
			m.Parts = append(m.Parts, inference.Text{Text: text})
		}
	default:
		return m, fault.New(fault.Invalid, "%s.content: Input should be a valid list", path)
	}
	if len(m.Parts) == 0 && (!last || m.Role != inference.RoleAssistant) {
		return m, fault.New(fault.Invalid, "%s: all messages must have non-empty content except for the optional final assistant message", path)
	}
	return m, nil
}

func errBlank() error {
	return fault.New(fault.Invalid, "messages: text content blocks must contain non-whitespace text")
}

// textBlock reads a block of text, and refuses every other kind by its name.
func textBlock(path string, v any, tags string) (string, error) {
	o, ok := v.(map[string]any)
	if !ok {
		return "", fault.New(fault.Invalid, "%s: Input should be an object", path)
	}
	tag, ok := o["type"].(string)
	if !ok && strings.HasPrefix(path, "messages.") {
		// A Converse block in a Claude body, most often: Bedrock's own check
		// finds it before the model does.
		return "", body.Malformed("#/" + strings.ReplaceAll(path, ".", "/") + ": required key [type] not found")
	}
	if !ok {
		return "", fault.New(fault.Invalid, "%s.type: Field required", path)
	}
	if tag != "text" {
		if strings.Contains(tags, "'"+tag+"'") {
			return "", fault.New(fault.Unsupported, "%s: blocks of type '%s' are not supported by the model that serves this model ID.", path, tag)
		}
		return "", unknownTag(path, tag, tags)
	}
	path += ".text"
	if err := closed(path, o, "type", "text", "cache_control", "citations"); err != nil {
		return "", err
	}
	if err := cacheControl(path+".cache_control", o["cache_control"]); err != nil {
		return "", err
	}
	switch text := o["text"].(type) {
	case nil:
		return "", fault.New(fault.Invalid, "%s.text: Field required", path)
	case string:
		return text, nil
	}
	return "", fault.New(fault.Invalid, "%s.text: Input should be a valid string", path)
}

// cacheControl checks a cache breakpoint. It asks for nothing that has to be
// carried on: a prefix below the minimum is not cached by the service either.
func cacheControl(path string, v any) error {
	if v == nil {
		return nil
	}
	o, ok := v.(map[string]any)
	if !ok {
		return fault.New(fault.Invalid, "%s: Input should be an object", path)
	}
	kind, ok := o["type"].(string)
	if !ok {
		return fault.New(fault.Invalid, "%s.type: Field required", path)
	}
	if kind != "ephemeral" {
		return unknownTag(path, kind, "'ephemeral'")
	}
	if ttl, ok := o["ttl"]; ok && ttl != nil && ttl != "5m" && ttl != "1h" {
		return fault.New(fault.Invalid, "%s.ephemeral.ttl: Input should be '5m' or '1h'", path)
	}
	return closed(path+".ephemeral", o, "type", "ttl")
}

// closed refuses members that are not among keys, the first in the alphabet.
func closed(path string, o map[string]any, keys ...string) error {
	extra := ""
	for k := range o {
		if !slices.Contains(keys, k) && (extra == "" || k < extra) {
			extra = k
		}
	}
	if extra == "" {
		return nil
	}
	if len(extra) > 100 {
		extra = strings.ToValidUTF8(extra[:100], "") + "…"
	}
	return fault.New(fault.Invalid, "%s.%s: Extra inputs are not permitted", path, extra)
}
