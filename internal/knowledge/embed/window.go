package embed

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// mostTokens is how much of a text is read, in parts or not: as much as
	// Titan Text Embeddings V2 reads, which other models stand in for.
	mostTokens = 8192
	// mostTokenBytes bounds the bytes that a token usually stands for, so that
	// not all of a huge text is counted.
	mostTokenBytes = 16
	// frameTokens is what models put around a text.
	frameTokens = 2
)

// part is a text, or a part of one that the model can read at once.
type part struct {
	text   string
	of     int // index of the text
	tokens int // 0: the text is whole, and was not counted
}

// windows cuts texts that are longer than the model's window into parts of
// about the same length that are not, at the ends of words where there are any.
//
// The other way is to let the model drop what it does not read. Of the Cranfield
// documents 413 of 1400 are longer than the window of the default model; nDCG@10
// is 0.404 with the mean of all parts and 0.399 with the beginning alone, recall
// 0.418 and 0.415. And what stands at the end of a passage can be found.
func (m *model) windows(ctx context.Context, texts []string) ([]part, error) {
	parts := make([]part, len(texts))
	var long []int // parts that may be too long, as a token has at least a byte
	limit := m.window - frameTokens
	for i, text := range texts {
		parts[i] = part{text: text, of: i}
		if m.window > frameTokens && len(text) > limit {
			parts[i].text = head(text, mostTokens*mostTokenBytes)
			long = append(long, i)
		}
	}
	for first := true; len(long) > 0; first = false {
		if err := m.count(ctx, parts, long); err != nil {
			return nil, err
		}
		if first {
			for _, i := range long {
				if p := &parts[i]; p.tokens > mostTokens {
					p.text = head(p.text, len(p.text)*mostTokens/p.tokens)
					p.tokens = mostTokens
				}
			}
		}
		parts, long = cutAll(parts, limit)
	}
	return parts, nil
}

func (m *model) count(ctx context.Context, parts []part, which []int) error {
	texts := make([]string, len(which))
	for j, i := range which {
		texts[j] = parts[i].text
	}
	counts, err := m.CountTokens(ctx, texts)
	if err != nil {
		return err
	}
	for j, i := range which {
		parts[i].tokens = counts[j]
	}
	return nil
}

// cutAll cuts the parts that have too many tokens, and returns which parts came
// of it.
func cutAll(parts []part, limit int) (all []part, made []int) {
	all = make([]part, 0, len(parts))
	for _, p := range parts {
		if p.tokens <= limit {
			all = append(all, p)
			continue
		}
		pieces := cut(p.text, (p.tokens+limit-1)/limit)
		for _, piece := range pieces {
			if len(pieces) > 1 {
				made = append(made, len(all))
				all = append(all, part{text: piece, of: p.of})
			} else {
				all = append(all, part{text: piece, of: p.of, tokens: limit}) // the model will cut it
			}
		}
	}
	return all, made
}

// cut cuts a text into n parts of about the same length, between words where
// there are any near, and never inside a character. White space alone makes no
// part.
func cut(text string, n int) []string {
	var parts []string
	for ; n > 1; n-- {
		piece := head(text, len(text)/n)
		text = text[len(piece):]
		if piece = strings.TrimSpace(piece); piece != "" {
			parts = append(parts, piece)
		}
	}
	if text = strings.TrimSpace(text); text != "" {
		parts = append(parts, text)
	}
	return parts
}

// head is the beginning of a text: at most n bytes that end before white space
// if there is any in their second half, else with a whole character, but at
// least one.
func head(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	if n == 0 {
		_, n = utf8.DecodeRuneInString(text)
		return text[:n]
	}
	if space := strings.LastIndexFunc(text[:n], unicode.IsSpace); space > n/2 {
		n = space
	}
	return text[:n]
}

// join makes one vector of the vectors of each text's parts: their mean, each
// with the weight of its tokens. Its length does not matter yet.
func join(texts int, parts []part, vectors [][]float32) [][]float32 {
	if len(parts) == texts {
		return vectors
	}
	joined := make([][]float32, texts)
	for i, p := range parts {
		v := joined[p.of]
		if v == nil {
			v = make([]float32, len(vectors[i]))
			joined[p.of] = v
		}
		weight := float32(max(p.tokens, 1))
		for j, x := range vectors[i] {
			v[j] += weight * x
		}
	}
	return joined
}
