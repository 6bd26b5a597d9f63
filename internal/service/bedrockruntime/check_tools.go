package bedrockruntime

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// checkTools checks the tools themselves, and then whether the model calls any.
func (c *conversation) checkTools(f features, streaming bool) error {
	if c.ToolConfig == nil {
		return nil
	}
	seen := make(map[string]bool)
	points := 0 // cache points so far, which are no tools to the model
	for i, tool := range c.ToolConfig.Tools {
		var name string
		switch {
		case tool.ToolSpec != nil:
			name = schema.Deref(tool.ToolSpec.Name)
		case tool.SystemTool != nil:
			name = schema.Deref(tool.SystemTool.Name)
		default:
			points++
			continue
		}
		if seen[name] {
			return fault.New(fault.Invalid, "The tool %s is already defined at toolConfig.tools.%d.", name, i)
		}
		seen[name] = true
		if tool.ToolSpec != nil {
			if err := checkInputSchema(i, tool.ToolSpec.InputSchema); err != nil {
				return err
			}
			if err := checkStrict(f, i-points, tool.ToolSpec); err != nil {
				return err
			}
		}
	}
	switch {
	case !f.tools:
		return fault.New(fault.Invalid, "This model doesn't support tool use.")
	case streaming && !f.streams:
		return fault.New(fault.Invalid, "This model doesn't support tool use in streaming mode.")
	}
	return checkChoice(f, c.ToolConfig.ToolChoice, seen)
}

// checkInputSchema checks the outline of a tool's schema. What is inside of it
// is the model's business.
func checkInputSchema(i int, s *api.ToolInputSchema) error {
	var doc []byte
	if s != nil {
		doc = s.Json
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(doc, &members) != nil || members == nil {
		return fault.New(fault.Invalid, "The format of the value at toolConfig.tools.%d.toolSpec.inputSchema.json is invalid. Provide a json object for the field and try again.", i)
	}
	if string(bytes.TrimSpace(members["type"])) != `"object"` {
		return fault.New(fault.Invalid, "The value at toolConfig.tools.%d.toolSpec.inputSchema.json.type must be one of the following: object.", i)
	}
	return nil
}

// checkStrict checks the tool n of a Claude model whose input has to fit its
// schema: the subset of JSON Schema that an answer can be held to, and only of
// models that can be held to one. Other models take what they are given.
func checkStrict(f features, n int, spec *api.ToolSpecification) error {
	if f.format != anthropicMessages || f.own || !schema.Deref(spec.Strict) {
		return nil
	}
	at := "tools." + strconv.Itoa(n) + ".custom"
	if !f.structured {
		return modelError("%s.strict: Extra inputs are not permitted", at)
	}
	var doc any
	if err := json.Unmarshal(spec.InputSchema.Json, &doc); err != nil {
		return fault.Wrap(fault.Internal, err, "a schema that was read before cannot be read")
	}
	return outputSchema(at).check(doc, 0)
}

func checkChoice(f features, choice *api.ToolChoice, tools map[string]bool) error {
	refuse := func(name string) error {
		return unsupportedField("toolConfig.toolChoice." + name)
	}
	switch {
	case choice == nil:
	case choice.Any != nil && !f.choice:
		return refuse("any")
	case choice.Tool != nil && !f.named:
		return refuse("tool")
	case choice.Tool != nil && !tools[schema.Deref(choice.Tool.Name)]:
		return fault.New(fault.Invalid, "The tool %s at toolConfig.toolChoice.tool.name is not defined in toolConfig.tools.", schema.Deref(choice.Tool.Name))
	}
	return nil
}

// calls are the IDs of the caller's tools that a message calls, in order. Tools
// that the service runs have their results in the same message.
func calls(m *api.Message) []string {
	var ids []string
	for _, b := range m.Content {
		if b.ToolUse != nil && b.ToolUse.Type != api.ToolUseTypeServerToolUse {
			ids = append(ids, schema.Deref(b.ToolUse.ToolUseId))
		}
	}
	return ids
}

// results are the IDs of the tools of which a message has results.
func results(m *api.Message) []string {
	var ids []string
	for _, b := range m.Content {
		if b.ToolResult != nil {
			ids = append(ids, schema.Deref(b.ToolResult.ToolUseId))
		}
	}
	return ids
}

// checkPairs holds that each message that calls tools is followed by exactly
// their results, and that no call can be taken for another one: of one message
// in Bedrock's words, of the whole conversation in those of the models that
// insist on it.
func (c *conversation) checkPairs(f features) error {
	var called []string // by the message before
	for i := range c.Messages {
		m := &c.Messages[i]
		if err := checkSides(i, m); err != nil {
			return err
		}
		if m.Role != api.ConversationRoleUser {
			called = calls(m)
			if twice := repeated(called); len(twice) > 0 {
				return fault.New(fault.Invalid, "The toolUse blocks at messages.%d.content contain duplicate Ids: %s", i, strings.Join(twice, ", "))
			}
			continue
		}
		given := results(m)
		if twice := repeated(given); len(twice) > 0 {
			return fault.New(fault.Invalid, "The toolResult blocks at messages.%d.content contain duplicate Ids: %s", i, strings.Join(twice, ", "))
		}
		if len(given) > len(called) {
			return fault.New(fault.Invalid, "The number of toolResult blocks at messages.%d.content exceeds the number of toolUse blocks of previous turn.", i)
		}
		var missing []string
		for _, id := range called {
			if !slices.Contains(given, id) {
				missing = append(missing, id)
			}
		}
		if len(missing) > 0 {
			return fault.New(fault.Invalid, "Expected toolResult blocks at messages.%d.content for the following Ids: %s", i, strings.Join(missing, ", "))
		}
		called = nil
	}
	if f.format != anthropicMessages || f.own {
		return nil
	}
	if len(called) > 0 {
		return modelError("messages.%d: `tool_use` ids were found without `tool_result` blocks immediately after: %s. Each `tool_use` block must have a corresponding `tool_result` block in the next message.",
			len(c.Messages)-1, strings.Join(called, ", "))
	}
	return c.checkUnique()
}

// checkSides holds that the model calls and the caller answers. Results of tools
// that the service ran are the model's: they have a type, or follow their call.
func checkSides(i int, m *api.Message) error {
	var ran map[string]bool
	for j, b := range m.Content {
		switch {
		case b.ToolUse != nil && b.ToolUse.Type == api.ToolUseTypeServerToolUse:
			if ran == nil {
				ran = make(map[string]bool)
			}
			ran[schema.Deref(b.ToolUse.ToolUseId)] = true
		case b.ToolUse != nil && m.Role == api.ConversationRoleUser:
			return fault.New(fault.Invalid, "The toolUse block at messages.%d.content.%d is in a user message. Put it into a message of the assistant role and try again.", i, j)
		case b.ToolResult != nil && schema.Deref(b.ToolResult.Type) == "" && !ran[schema.Deref(b.ToolResult.ToolUseId)] && m.Role == api.ConversationRoleAssistant:
			return fault.New(fault.Invalid, "The number of toolResult blocks at messages.%d.content exceeds the number of toolUse blocks of previous turn.", i)
		}
	}
	return nil
}

// checkUnique holds that no ID of a call is in the conversation twice, as
// Anthropic's models do. They count the blocks without the cache points.
func (c *conversation) checkUnique() error {
	seen := make(map[string]bool)
	for i := range c.Messages {
		n := -1
		for _, b := range c.Messages[i].Content {
			if b.CachePoint == nil {
				n++
			}
			if b.ToolUse == nil {
				continue
			}
			id := schema.Deref(b.ToolUse.ToolUseId)
			if seen[id] {
				return modelError("messages.%d.content.%d: `tool_use` ids must be unique", i, n)
			}
			seen[id] = true
		}
	}
	return nil
}

// repeated are those that are there more than once, each once.
func repeated(ids []string) []string {
	var twice []string
	for i, id := range ids {
		if slices.Contains(ids[:i], id) && !slices.Contains(twice, id) {
			twice = append(twice, id)
		}
	}
	return twice
}
