package passage

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// excerptPart is about how long the parts are that an excerpt consists of, in
	// bytes.
	excerptPart = 2000
	// mostWanted bounds how many words are searched for in a long text.
	mostWanted = 32
)

// Excerpt is the text or, of one that is longer than so many bytes, those parts
// of it that have the most of the wanted words, given as Terms, in their order.
// Among parts that have the same it prefers those at the beginning.
//
// Nothing is taken apart for that: words are searched for as they are written,
// also within others. Megabytes take milliseconds.
func Excerpt(text string, most int, wanted []string) string {
	if len(text) <= most {
		return text
	}
	wanted = searchable(wanted)
	type part struct {
		Span
		share float64
	}
	var parts []part
	var found [][]string
	size := max(1, min(excerptPart, most/4))
	for start := 0; start < len(text); {
		end := start + partEnd(text[start:], size)
		lower := strings.ToLower(text[start:end])
		var has []string
		for _, term := range wanted {
			if strings.Contains(lower, term) {
				has = append(has, term)
			}
		}
		parts, found = append(parts, part{Span: Span{start, end}}), append(found, has)
		start = end
	}
	weights := NewWeights(found)
	for i := range parts {
		if len(found[i]) > 0 {
			parts[i].share = weights.Overlap(wanted, found[i])
		}
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(b.share, a.share) })
	n, length := 0, 0
	for ; n < len(parts); n++ {
		if length += parts[n].End - parts[n].Start + len(gap); length > most {
			break
		}
	}
	parts = parts[:n]
	slices.SortFunc(parts, func(a, b part) int { return cmp.Compare(a.Start, b.Start) })
	var b strings.Builder
	for i, p := range parts {
		if i > 0 && parts[i-1].End < p.Start {
			b.WriteString(gap)
		}
		b.WriteString(text[p.Start:p.End])
	}
	return b.String()
}

// gap stands where something was left out: what is before and what is behind it
// are not one sentence.
const gap = "\n\n"

// searchable are the words to search for, each once. A y at the end may be
// written as ie.
func searchable(terms []string) []string {
	var words []string
	for _, t := range terms {
		if len(t) > 3 {
			t = strings.TrimSuffix(t, "y")
		}
		if !slices.Contains(words, t) {
			words = append(words, t)
		}
		if len(words) == mostWanted {
			break
		}
	}
	return words
}

// partEnd is where the first part of a text ends that has at most so many bytes:
// behind a line, a sentence or a word where there is one in its second half, and
// never within a character.
func partEnd(text string, most int) int {
	if len(text) <= most {
		return len(text)
	}
	half := most / 2
	for _, border := range []string{"\n", ". ", " "} {
		if i := strings.LastIndex(text[half:most], border); i >= 0 {
			return half + i + len(border)
		}
	}
	for end := most; end > 0; end-- {
		if utf8.RuneStart(text[end]) {
			return end
		}
	}
	return most // not UTF-8, or a character that is longer
}
