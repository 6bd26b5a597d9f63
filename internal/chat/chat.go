// Package chat turns a conversation into the prompt that a local model was
// trained on, by rendering the chat template that came with the model.
//
// Templates are written in Jinja for Hugging Face's libraries, so the renderer
// is Hugging Face's own, @huggingface/jinja, run by a JavaScript engine in Go.
// Its script is not part of this package: the caller reads it from a pack and
// hands it to NewRenderer. The package reads no model file, counts no tokens
// and generates nothing; the runner calls it, once per request.
//
// A template is data from a stranger. It sees the conversation and nothing
// else, a context's end interrupts it, and it never runs longer than a fixed
// time.
package chat

import (
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// ChatML is the template used for a model that brings none, the one that
// llama.cpp falls back to as well.
const ChatML = `{% for message in messages %}{{ '<|im_start|>' + message['role'] + '
' + message['content'] + '<|im_end|>
' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant
' }}{% endif %}`

// Input is one conversation and the template to render it with.
type Input struct {
	Template string // Jinja source; empty: ChatML
	BOS, EOS string // the texts of the vocabulary's tokens, bos_token and eos_token of the template

	// System and Messages are the conversation. Several parts of one message
	// are joined by a newline. A template that refuses a system message, or
	// leaves it out, gets the system text in front of the first user message.
	System   []inference.Part
	Messages []inference.Message

	// AddGenerationPrompt opens the assistant's turn at the end. When the last
	// message is the assistant's, it is a prefill: the turn is opened and that
	// text put behind it as it stands, without closing it.
	AddGenerationPrompt bool

	// Extra are further variables of the template (tools, enable_thinking),
	// anything that encoding/json can write.
	Extra map[string]any

	// Guard keeps control tokens that a user wrote from being taken for real
	// ones. Nil: nobody guards.
	Guard *Guard

	// Now is the time that strftime_now tells. Nil: time.Now.
	Now func() time.Time
}

// turn is a message as templates see it. Content is a string, or a list of
// typed parts for templates that know nothing else.
type turn struct {
	Role    string `json:"role"`
	Content any    `json:"content"`
}

type typedText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// conversation brings an input into the form that the template can take, and
// returns what goes behind the rendered text.
func conversation(in *Input, can abilities) (turns []turn, prefill string, err error) {
	system, err := joinText(in.System)
	if err != nil {
		return nil, "", err
	}
	system = in.Guard.protect(system)
	turns = make([]turn, 0, len(in.Messages)+1)
	if system != "" && can.system {
		turns = append(turns, turn{"system", system})
		system = ""
	}
	messages := in.Messages
	if n := len(messages); in.AddGenerationPrompt && n > 0 && messages[n-1].Role == inference.RoleAssistant {
		if prefill, err = joinText(messages[n-1].Parts); err != nil {
			return nil, "", err
		}
		prefill = in.Guard.protect(prefill)
		messages = messages[:n-1]
	}
	if system != "" && (len(messages) == 0 || messages[0].Role != inference.RoleUser) {
		turns = append(turns, turn{string(inference.RoleUser), system})
		system = ""
	}
	for _, m := range messages {
		text, err := joinText(m.Parts)
		if err != nil {
			return nil, "", err
		}
		text = in.Guard.protect(text)
		if system != "" {
			text = system + "\n\n" + text
			system = ""
		}
		turns = append(turns, turn{string(m.Role), text})
	}
	if can.typed {
		for i := range turns {
			turns[i].Content = []typedText{{"text", turns[i].Content.(string)}}
		}
	}
	return turns, prefill, nil
}

func joinText(parts []inference.Part) (string, error) {
	if len(parts) == 1 {
		if t, ok := parts[0].(inference.Text); ok {
			return t.Text, nil
		}
	}
	var b strings.Builder
	for i, p := range parts {
		t, ok := p.(inference.Text)
		if !ok {
			return "", fault.New(fault.Unsupported, "The model that serves this request reads only text.")
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(t.Text)
	}
	return b.String(), nil
}
