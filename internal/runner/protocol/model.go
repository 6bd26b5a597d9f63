package protocol

import (
	"strings"

	"github.com/outcrop/outcrop/internal/inference"
)

// Both sides read a model's header, the server to describe a model without
// loading it; these are the conclusions that must be the same.

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
