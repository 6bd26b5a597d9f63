package bedrockruntime

import (
	"strings"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

func (c *conversation) checkMessages(f features) error {
	if len(c.Messages) == 0 || c.Messages[0].Role != api.ConversationRoleUser {
		return fault.New(fault.Invalid, "A conversation must start with a user message. Try again with a conversation that starts with a user message.")
	}
	if len(c.Messages) > 1 && !f.turns {
		return fault.New(fault.Invalid, "This model doesn't support conversation history. Try again with a single user message.")
	}
	for i := range c.Messages {
		m := &c.Messages[i]
		switch m.Role {
		case api.ConversationRoleUser, api.ConversationRoleAssistant:
		default:
			if !f.system || m.Role != api.ConversationRoleSystem {
				return fault.New(fault.Invalid, "This model doesn't support the %s role at messages.%d. Put the text into the system field and try again.", m.Role, i)
			}
		}
		if i > 0 && m.Role == c.Messages[i-1].Role {
			return fault.New(fault.Invalid, "A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again.")
		}
		if err := c.checkContent(f, i, m); err != nil {
			return err
		}
	}
	if err := c.checkPairs(f); err != nil {
		return err
	}
	return c.checkMedia(f)
}

// checkContent checks the blocks of message i one by one.
func (c *conversation) checkContent(f features, i int, m *api.Message) error {
	said := false
	for j := range m.Content {
		b := &m.Content[j]
		if b.CachePoint != nil {
			if j > 0 && m.Content[j-1].ReasoningContent != nil {
				return fault.New(fault.Invalid, "Cache point cannot be inserted after reasoning block. Please remove the invalid cache point and try again.")
			}
			continue
		}
		said = true
		if err := c.checkBlock(f, place{i, j}, b); err != nil {
			return err
		}
	}
	if !said {
		return fault.New(fault.Invalid, "The content field in the Message object at messages.%d is empty. Add a ContentBlock object to the content field and try again.", i)
	}
	return nil
}

// place is where a block is.
type place struct{ message, block int }

func (c *conversation) checkBlock(f features, at place, b *api.ContentBlock) error {
	switch text := blockText(b.Text, b.GuardContent); {
	case text != nil:
		if strings.TrimSpace(*text) == "" {
			return fault.New(fault.Invalid, "The text field in the ContentBlock object at messages.%d.content.%d is blank. Add text to the text field, and try again.", at.message, at.block)
		}
		return nil
	case b.ToolUse != nil, b.ToolResult != nil:
		if c.ToolConfig == nil {
			return fault.New(fault.Invalid, "The toolConfig field must be defined when using toolUse and toolResult content blocks.")
		}
		if b.ToolResult != nil {
			return checkResult(f, at, b.ToolResult)
		}
		return nil
	case b.Document != nil:
		if !f.documents {
			return fault.New(fault.Invalid, "This model doesn't support documents.")
		}
		return checkCitations(f, b.Document)
	}
	name, reads := blockName(f, b)
	switch {
	case name == "":
		return fault.New(fault.Invalid, "The ContentBlock object at messages.%d.content.%d has no field that is known. Update the content block and try again.", at.message, at.block)
	case !reads:
		return unsupportedBlock(name)
	}
	return nil
}

// checkCitations checks a document whose passages the answer shall name.
func checkCitations(f features, d *api.DocumentBlock) error {
	switch {
	case d.Citations == nil || !schema.Deref(d.Citations.Enabled) || f.own:
		return nil
	case !f.citations:
		return fault.New(fault.Invalid, "This model doesn't support citations.")
	case d.Format != "" && d.Format != api.DocumentFormatTxt && d.Format != api.DocumentFormatPdf:
		return fault.New(fault.Invalid, "Unsupported document format. Only txt and pdf formats are supported when citations are enabled")
	}
	return nil
}

func unsupportedBlock(name string) error {
	return fault.New(fault.Invalid, "This model doesn't support the %s content block that you provided. Update the content block and try again.", name)
}

func checkResult(f features, at place, r *api.ToolResultBlock) error {
	switch {
	case r.Status != "" && !f.status:
		return unsupportedField("status")
	case r.Status == api.ToolResultStatusError && len(r.Content) == 0:
		return fault.New(fault.Invalid, "The content field at messages.%d.content.%d.toolResult cannot be empty when status value is error.", at.message, at.block)
	}
	for i := range r.Content {
		b := &r.Content[i]
		switch {
		case b.Image != nil && !f.vision:
			return unsupportedBlock("image")
		case b.Video != nil && !f.video:
			return unsupportedBlock("video")
		case b.SearchResult != nil && !f.citations:
			return unsupportedBlock("searchResult")
		case b.Document != nil && !f.documents:
			return fault.New(fault.Invalid, "This model doesn't support documents.")
		case b.Document != nil && b.Document.Citations != nil && schema.Deref(b.Document.Citations.Enabled) && !f.own:
			return fault.New(fault.Invalid, "Citations are not supported in tool result documents.")
		}
	}
	return nil
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

// blockName is the wire name of a content block that only some models read, and
// whether this one does.
func blockName(f features, b *api.ContentBlock) (name string, reads bool) {
	switch {
	case b.Image != nil, b.GuardContent != nil && b.GuardContent.Image != nil:
		return "image", f.vision
	case b.Video != nil:
		return "video", f.video
	case b.Audio != nil:
		return "audio", f.audio
	case b.GuardContent != nil:
		return "guardContent", false
	case b.ReasoningContent != nil:
		return "reasoningContent", f.reasoning
	case b.CitationsContent != nil:
		return "citationsContent", f.citations
	case b.SearchResult != nil:
		return "searchResult", f.citations
	case b.ToolAddition != nil:
		return "toolAddition", false
	case b.ToolRemoval != nil:
		return "toolRemoval", false
	}
	return "", false
}

func (c *conversation) checkSystem(t *router.Target, f features) error {
	if len(c.System) > 0 && t.Entry.RefusesSystem() {
		return fault.New(fault.Invalid, "This model doesn't support system messages. Try again without a system message or use a model that supports system messages.")
	}
	for i, b := range c.System {
		switch text := blockText(b.Text, b.GuardContent); {
		case text != nil:
			if strings.TrimSpace(*text) == "" {
				return fault.New(fault.Invalid, "The text field in the SystemContentBlock object at system.%d is blank. Add text to the text field, and try again.", i)
			}
		case b.CachePoint != nil:
		case b.GuardContent != nil && b.GuardContent.Image != nil:
			if !f.vision {
				return unsupportedBlock("image")
			}
		default:
			return fault.New(fault.Invalid, "The SystemContentBlock object at system.%d has no field that is known. Update the content block and try again.", i)
		}
	}
	return nil
}
