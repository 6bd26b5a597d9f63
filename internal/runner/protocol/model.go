package protocol

import (
	"cmp"
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
		{"<｜User｜>", inference.SyntaxDeepSeek},
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
	n := size(g.System)
	for _, m := range g.Messages {
		n += size(m.Parts)
	}
	return n > bytes || len(g.Messages) > tokens
}

const (
	defaultContext    = 8192
	leastContext      = 512 // a model is no use with less
	defaultCacheBytes = 192 << 20
)

// CacheBytesPerToken is the memory that one token takes in a cache of 16-bit
// numbers: in each layer, and for each head with keys and values, as many
// numbers as a key and a value have together.
func CacheBytesPerToken(layers, heads, numbers int64) int64 { return layers * heads * numbers * 2 }

// CacheSize decides how many tokens one request may have and how many the cache
// holds for all of them, for a model that was trained on so many. One request
// gets the context that was asked for, memory or not; without one the model's
// own up to 8192, if CacheMost holds it. All requests together get up to four
// times that, if CacheBytes holds it.
func CacheSize(trained int, perToken int64, load Load) (limit, cells int) {
	const granule = 256 // the library rounds up to it
	if trained <= 0 {
		trained = 4096
	}
	limit = min(trained, cmp.Or(max(load.Context, 0), defaultContext))
	one, all := limit, 4*limit
	if perToken > 0 {
		usual := cmp.Or(max(load.CacheBytes, 0), defaultCacheBytes)
		if load.CacheMost > 0 {
			usual = min(usual, load.CacheMost)
			one = max(int(min(int64(one), load.CacheMost/perToken)), min(one, leastContext))
		}
		all = int(min(int64(all), usual/perToken))
	}
	if load.Context > 0 {
		one = limit
	}
	cells = (max(one, all, 1) + granule - 1) / granule * granule
	if bounded := load.Context <= 0 && load.CacheMost > 0 && cells > leastContext; bounded && int64(cells)*perToken > load.CacheMost {
		cells -= granule // rounding up must not take what is not there
	}
	return min(limit, cells), cells
}
