package protocol

import (
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// Both sides read a model's header, the server to describe a model without
// loading it, and both see a request; these are the conclusions that must be
// the same.

// DetectSyntax tells the prompt markup that a model was trained on, by the
// marks that its chat template writes. A model without a template was trained
// on none.
func DetectSyntax(template string) inference.Syntax {
	for _, s := range []struct {
		mark   string
		syntax inference.Syntax
	}{
		{"<|start_header_id|>", inference.SyntaxLlama3},
		{"<|header_start|>", inference.SyntaxLlama4},
		{"<|im_start|>", inference.SyntaxChatML},
		{"<<SYS>>", inference.SyntaxLlama2},
		{"[INST]", inference.SyntaxMistral},
		{"\n\nHuman:", inference.SyntaxHuman},
	} {
		if strings.Contains(template, s.mark) {
			return s.syntax
		}
	}
	return inference.SyntaxPlain
}

// Pools reports whether a value of the metadata key <architecture>.pooling_type
// means that the model makes one vector for each text: not none, and not the
// score of a reranker.
func Pools(poolingType int64) bool {
	const none, rank = 0, 4
	return poolingType > none && poolingType != rank
}

// TooLong is the service's own text for a prompt that does not fit.
const TooLong = "Input is too long for requested model."

// ErrTooLong is the fault of a prompt that does not fit.
func ErrTooLong() error { return fault.New(fault.Invalid, TooLong) }

// TooLong reports whether the sizes alone show that a request cannot fit: it
// has more text than so many bytes, not counting the space around texts, which
// templates cut off, or more messages than tokens. The server asks before it
// sends the request, the runner before it reads it.
func (g *Generate) TooLong(syntax inference.Syntax, tokens, bytes int) bool {
	if g.Prompt != nil && g.Prompt.Syntax == syntax {
		return len(g.Prompt.Text) > bytes
	}
	n := 0
	for _, text := range g.System {
		n += len(strings.TrimSpace(text))
	}
	for _, m := range g.Messages {
		for _, text := range m.Parts {
			n += len(strings.TrimSpace(text))
		}
	}
	return n > bytes || len(g.Messages) > tokens
}
