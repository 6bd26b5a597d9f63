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
	"time"

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

	// Tools are what the model may call, written as Hugging Face's templates
	// expect them. A template that writes no tools down gets them described in
	// the system text, and calls and results as tagged text: see tools.go.
	Tools []inference.Tool

	// Guard keeps control tokens that a user wrote from being taken for real
	// ones. Nil: nobody guards.
	Guard *Guard

	// Now is the time that strftime_now tells. Nil: time.Now.
	Now func() time.Time
}
