// Package prompt reads prompts that were written in a model family's own
// markup back into a conversation, so that a model of another family can
// answer them: Llama headers, [INST], ChatML, DeepSeek's, Human and Assistant,
// User and Bot.
//
// It renders nothing; package chat does that for the model that serves. The
// families below package native that take a prompt call it. It never fails:
// what has no markup is one user turn. People write this markup by hand, so it
// forgives missing and doubled newlines, and turns that were not closed.
package prompt

import (
	"strings"

	"github.com/outcrop/outcrop/internal/inference"
)

// Conversation is what a prompt says.
type Conversation struct {
	Syntax inference.Syntax // the markup that was found
	System string
	// Messages has at least one member, and roles alternate: neighbours that
	// one side wrote are one message of several parts. A last message of the
	// assistant is the beginning of the answer that is asked for.
	Messages []inference.Message
}

// Parse finds out which markup a prompt is written in and reads it.
func Parse(text string) Conversation { return ParseAs(Detect(text), text) }

// Detect returns the markup that a prompt is written in. [INST] without a
// system prompt is SyntaxMistral, although Llama 2 writes it the same way.
func Detect(text string) inference.Syntax {
	switch {
	case strings.Contains(text, llama3.open):
		return inference.SyntaxLlama3
	case strings.Contains(text, llama4.open):
		return inference.SyntaxLlama4
	case strings.Contains(text, chatML.open):
		return inference.SyntaxChatML
	case strings.Contains(text, deepSeekUser):
		return inference.SyntaxDeepSeek
	case strings.Contains(text, instOpen) && strings.Contains(text, instClose):
		if strings.Contains(text, sysOpen) {
			return inference.SyntaxLlama2
		}
		return inference.SyntaxMistral
	case isDialogue(humanDialogue.split(text)):
		return inference.SyntaxHuman
	case isDialogue(botDialogue.split(text)):
		return inference.SyntaxUserBot
	}
	return inference.SyntaxPlain
}

// ParseAs reads a prompt whose markup is known.
func ParseAs(syntax inference.Syntax, text string) Conversation {
	c := reader{Conversation: Conversation{Syntax: syntax}}
	switch syntax {
	case inference.SyntaxLlama3:
		c.readHeaders(llama3, text)
	case inference.SyntaxLlama4:
		c.readHeaders(llama4, text)
	case inference.SyntaxChatML:
		c.readHeaders(chatML, text)
	case inference.SyntaxLlama2, inference.SyntaxMistral:
		c.readInst(text)
	case inference.SyntaxDeepSeek:
		c.readDeepSeek(text)
	case inference.SyntaxHuman:
		c.readDialogue(humanDialogue.split(text))
	case inference.SyntaxUserBot:
		c.readDialogue(botDialogue.split(text))
	default:
		c.add(inference.RoleUser, trimEdges(text))
	}
	c.System = strings.Join(c.system, "\n\n")
	if len(c.Messages) == 0 {
		// Nothing but markup, or nothing but a system prompt: that is the
		// question then.
		if c.System != "" {
			c.add(inference.RoleUser, c.System)
			c.System = ""
		} else {
			c.Messages = []inference.Message{{Role: inference.RoleUser, Parts: []inference.Part{inference.Text{Text: text}}}}
		}
	}
	return c.Conversation
}

// Apply puts a prompt into a request: as it was written, and as the
// conversation that it says. A prompt without markup is nothing but the
// conversation, lest it be taken for one in the markup of a model that has none.
func (c Conversation) Apply(req *inference.Request, text string) {
	req.Prompt = nil
	if c.Syntax != inference.SyntaxPlain {
		req.Prompt = &inference.Prompt{Text: text, Syntax: c.Syntax}
	}
	req.Messages = c.Messages
	req.System = nil
	if c.System != "" {
		req.System = []inference.Part{inference.Text{Text: c.System}}
	}
}

// Written returns the prompt of a request to which one was applied, for formats
// whose answers repeat it; empty when req is nil. Of a prompt without markup the
// blank at its ends is gone.
func Written(req *inference.Request) string {
	switch {
	case req == nil:
		return ""
	case req.Prompt != nil:
		return req.Prompt.Text
	}
	for _, m := range req.Messages {
		for _, p := range m.Parts {
			if t, ok := p.(inference.Text); ok {
				return t.Text
			}
		}
	}
	return ""
}

// reader is a conversation that is being read.
type reader struct {
	Conversation
	system []string
}

// add puts a turn behind the others. Empty text is no turn.
func (c *reader) add(role inference.Role, text string) {
	if text == "" {
		return
	}
	part := inference.Text{Text: text}
	if n := len(c.Messages); n > 0 && c.Messages[n-1].Role == role {
		c.Messages[n-1].Parts = append(c.Messages[n-1].Parts, part)
		return
	}
	c.Messages = append(c.Messages, inference.Message{Role: role, Parts: []inference.Part{part}})
}

func (c *reader) addSystem(text string) {
	if text != "" {
		c.system = append(c.system, text)
	}
}

// trimEdges takes white space off both ends of a finished turn.
func trimEdges(s string) string { return strings.TrimSpace(s) }

// trimStart takes the white space off that stands between the markup and the
// beginning of an answer. What stands at its end belongs to the answer.
func trimStart(s string) string { return strings.TrimLeft(s, " \t\r\n") }
