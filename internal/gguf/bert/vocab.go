package bert

import (
	"strings"

	"github.com/outcrop/outcrop/internal/gguf"
)

// Token types of llama.cpp.
const (
	tokenNormal  int32 = 1
	tokenControl int32 = 3
)

// vocabulary writes a WordPiece vocabulary as llama.cpp's tokenizer expects it:
// it looks for words behind U+2581 and for continuations as they are, where
// BERT's own files have words as they are and continuations behind "##".
func vocabulary(tokens []string, types uint32) []gguf.KV {
	special := map[string]string{
		"[CLS]":  "tokenizer.ggml.cls_token_id",
		"[SEP]":  "tokenizer.ggml.seperator_token_id", // llama.cpp's spelling
		"[PAD]":  "tokenizer.ggml.padding_token_id",
		"[UNK]":  "tokenizer.ggml.unknown_token_id",
		"[MASK]": "tokenizer.ggml.mask_token_id",
	}
	values := []gguf.KV{
		{Key: "tokenizer.ggml.model", Value: "bert"},
		{Key: "tokenizer.ggml.pre", Value: "default"},
		{Key: "tokenizer.ggml.token_type_count", Value: types},
	}
	written, kinds := make([]string, len(tokens)), make([]int32, len(tokens))
	for id, token := range tokens {
		written[id], kinds[id] = rewrite(token), tokenNormal
		if key, ok := special[token]; ok {
			kinds[id] = tokenControl
			values = append(values, gguf.KV{Key: key, Value: uint32(id)})
			if token == "[CLS]" { // llama.cpp begins a text with the token of this key
				values = append(values, gguf.KV{Key: "tokenizer.ggml.bos_token_id", Value: uint32(id)})
			}
		}
	}
	return append(values,
		gguf.KV{Key: "tokenizer.ggml.tokens", Value: written},
		gguf.KV{Key: "tokenizer.ggml.token_type", Value: kinds})
}

func rewrite(token string) string {
	if len(token) > 2 && strings.HasPrefix(token, "[") && strings.HasSuffix(token, "]") {
		return token
	}
	if rest, ok := strings.CutPrefix(token, "##"); ok && rest != "" {
		return rest
	}
	return "\u2581" + token
}
