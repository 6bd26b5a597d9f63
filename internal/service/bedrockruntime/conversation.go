package bedrockruntime

import (
	"strings"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/serving"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// conversation is what Converse, ConverseStream and CountTokens have in common.
type conversation api.ConverseInput

// streamed is the conversation of a ConverseStream call, which has the members
// of a Converse call.
func streamed(in *api.ConverseStreamInput) *conversation {
	c := &conversation{
		AdditionalModelRequestFields:      in.AdditionalModelRequestFields,
		AdditionalModelResponseFieldPaths: in.AdditionalModelResponseFieldPaths,
		InferenceConfig:                   in.InferenceConfig,
		Messages:                          in.Messages,
		ModelId:                           in.ModelId,
		OutputConfig:                      in.OutputConfig,
		PerformanceConfig:                 in.PerformanceConfig,
		PromptVariables:                   in.PromptVariables,
		RequestMetadata:                   in.RequestMetadata,
		ServiceTier:                       in.ServiceTier,
		System:                            in.System,
		ToolConfig:                        in.ToolConfig,
	}
	if g := in.GuardrailConfig; g != nil {
		c.GuardrailConfig = &api.GuardrailConfiguration{GuardrailIdentifier: g.GuardrailIdentifier, GuardrailVersion: g.GuardrailVersion, Trace: g.Trace}
	}
	return c
}

// request checks a conversation as Bedrock does, with its texts, and translates
// it to the hub. Faults are Invalid, or Unsupported for what is not built.
func (s *Service) request(t *router.Target, c *conversation) (*inference.Request, error) {
	if err := c.checkFields(); err != nil {
		return nil, err
	}
	req := &inference.Request{}
	var err error
	if req.Messages, err = c.hubMessages(); err != nil {
		return nil, err
	}
	if req.System, err = c.hubSystem(t); err != nil {
		return nil, err
	}
	if err := c.applyConfig(t, req); err != nil {
		return nil, err
	}
	return req, s.families.Extra(t, s.nativeModel(t), c.AdditionalModelRequestFields, req)
}

// checkFields refuses what no conversation can have yet.
func (c *conversation) checkFields() error {
	switch {
	case c.GuardrailConfig != nil:
		return serving.NoGuardrail()
	case c.PromptVariables != nil:
		return fault.New(fault.Unsupported, "Outcrop does not resolve prompts yet. Remove promptVariables and pass the messages themselves.")
	case c.OutputConfig != nil:
		return unsupportedField("outputConfig")
	}
	if c.ToolConfig != nil {
		return c.checkTools()
	}
	return nil
}

// checkTools finds what is wrong with the tools before it says that there are
// none: no serving model calls tools yet.
func (c *conversation) checkTools() error {
	seen := make(map[string]bool)
	for i, tool := range c.ToolConfig.Tools {
		var name string
		switch {
		case tool.ToolSpec != nil:
			name = schema.Deref(tool.ToolSpec.Name)
		case tool.SystemTool != nil:
			name = schema.Deref(tool.SystemTool.Name)
		default:
			continue
		}
		if seen[name] {
			return fault.New(fault.Invalid, "The tool %s is already defined at toolConfig.tools.%d.", name, i)
		}
		seen[name] = true
	}
	return fault.New(fault.Invalid, "This model doesn't support tool use.")
}

func unsupportedField(name string) error {
	return fault.New(fault.Invalid, "This model doesn't support the %s field. Remove %s and try again.", name, name)
}

func (c *conversation) hubMessages() ([]inference.Message, error) {
	if len(c.Messages) == 0 || c.Messages[0].Role != api.ConversationRoleUser {
		return nil, fault.New(fault.Invalid, "A conversation must start with a user message. Try again with a conversation that starts with a user message.")
	}
	messages := make([]inference.Message, 0, len(c.Messages))
	for i, m := range c.Messages {
		role := inference.RoleUser
		switch m.Role {
		case api.ConversationRoleUser:
		case api.ConversationRoleAssistant:
			role = inference.RoleAssistant
		default:
			return nil, fault.New(fault.Invalid, "This model doesn't support the %s role at messages.%d. Put the text into the system field and try again.", m.Role, i)
		}
		if i > 0 && m.Role == c.Messages[i-1].Role {
			return nil, fault.New(fault.Invalid, "A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again.")
		}
		parts, err := hubParts(i, m.Content)
		if err != nil {
			return nil, err
		}
		if len(parts) == 0 {
			return nil, fault.New(fault.Invalid, "The content field in the Message object at messages.%d is empty. Add a ContentBlock object to the content field and try again.", i)
		}
		messages = append(messages, inference.Message{Role: role, Parts: parts})
	}
	return messages, nil
}

func hubParts(i int, content []api.ContentBlock) ([]inference.Part, error) {
	parts := make([]inference.Part, 0, len(content))
	for j, b := range content {
		switch text := blockText(b.Text, b.GuardContent); {
		case text != nil:
			if strings.TrimSpace(*text) == "" {
				return nil, fault.New(fault.Invalid, "The text field in the ContentBlock object at messages.%d.content.%d is blank. Add text to the text field, and try again.", i, j)
			}
			parts = append(parts, inference.Text{Text: *text})
		case b.CachePoint != nil:
			// Accepted and ignored: the counters of the cache stay 0 until what is
			// read from it and written to it is accounted for.
		case b.ToolUse != nil, b.ToolResult != nil:
			return nil, fault.New(fault.Invalid, "The toolConfig field must be defined when using toolUse and toolResult content blocks.")
		case b.Document != nil:
			return nil, fault.New(fault.Invalid, "This model doesn't support documents.")
		default:
			name := blockName(b)
			if name == "" {
				return nil, fault.New(fault.Invalid, "The ContentBlock object at messages.%d.content.%d has no field that is known. Update the content block and try again.", i, j)
			}
			return nil, fault.New(fault.Invalid, "This model doesn't support the %s content block that you provided. Update the content block and try again.", name)
		}
	}
	return parts, nil
}

// blockText is the text of a block, nil when it has none. Without a guardrail,
// text that is marked for one is text like any other.
func blockText(text *string, guarded *api.GuardrailConverseContentBlock) *string {
	if text == nil && guarded != nil && guarded.Text != nil {
		marked := schema.Deref(guarded.Text.Text)
		return &marked
	}
	return text
}

// blockName is the wire name of a content block that no serving model reads.
func blockName(b api.ContentBlock) string {
	switch {
	case b.Image != nil, b.GuardContent != nil && b.GuardContent.Image != nil:
		return "image"
	case b.Video != nil:
		return "video"
	case b.Audio != nil:
		return "audio"
	case b.GuardContent != nil:
		return "guardContent"
	case b.ReasoningContent != nil:
		return "reasoningContent"
	case b.CitationsContent != nil:
		return "citationsContent"
	case b.SearchResult != nil:
		return "searchResult"
	case b.ToolAddition != nil:
		return "toolAddition"
	case b.ToolRemoval != nil:
		return "toolRemoval"
	}
	return ""
}

func (c *conversation) hubSystem(t *router.Target) ([]inference.Part, error) {
	if len(c.System) > 0 && t.Entry.RefusesSystem() {
		return nil, fault.New(fault.Invalid, "This model doesn't support system messages. Try again without a system message or use a model that supports system messages.")
	}
	var parts []inference.Part
	for i, b := range c.System {
		switch text := blockText(b.Text, b.GuardContent); {
		case text != nil:
			if strings.TrimSpace(*text) == "" {
				return nil, fault.New(fault.Invalid, "The text field in the SystemContentBlock object at system.%d is blank. Add text to the text field, and try again.", i)
			}
			parts = append(parts, inference.Text{Text: *text})
		case b.CachePoint != nil: // as in messages
		case b.GuardContent != nil && b.GuardContent.Image != nil:
			return nil, fault.New(fault.Invalid, "This model doesn't support the image content block that you provided. Update the content block and try again.")
		default:
			return nil, fault.New(fault.Invalid, "The SystemContentBlock object at system.%d has no field that is known. Update the content block and try again.", i)
		}
	}
	return parts, nil
}

func (c *conversation) applyConfig(t *router.Target, req *inference.Request) error {
	limit := t.Entry.MaxOutput
	req.MaxTokens = limit // the default, also where the answering model could make more
	if c.InferenceConfig == nil {
		return nil
	}
	if c.InferenceConfig.MaxTokens != nil {
		req.MaxTokens = int(*c.InferenceConfig.MaxTokens)
		if limit > 0 && req.MaxTokens > limit {
			return fault.New(fault.Invalid, "The maximum tokens you requested exceeds the model limit of %d. Try again with a maximum tokens value that is lower than %d.", limit, limit)
		}
	}
	req.Temperature = serving.Widen(c.InferenceConfig.Temperature)
	req.TopP = serving.Widen(c.InferenceConfig.TopP)
	req.StopSequences = c.InferenceConfig.StopSequences
	return nil
}
