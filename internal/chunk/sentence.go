package chunk

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/chunk/segment"
)

// sentences returns where the sentences of a paragraph end. Line ends within it
// are spaces: the paragraph may have been wrapped.
func sentences(text string) []int {
	flat := text
	if strings.ContainsAny(text, "\r\n") {
		flat = strings.Map(func(r rune) rune {
			if r == '\n' || r == '\r' {
				return ' '
			}
			return r
		}, text)
	}
	var ends []int
	end := 0
	for piece := range segment.Pieces(flat) {
		end += len(piece)
		if strings.TrimSpace(piece) == "" {
			continue // goes with what follows
		}
		if k := len(ends); k > 0 && abbreviated(flat[:ends[k-1]]) {
			ends = ends[:k-1]
		}
		ends = append(ends, end)
	}
	return ends
}

// mostBehind is how much of the end of a text is looked at for an abbreviation,
// in bytes.
const mostBehind = 128

// abbreviated reports whether the full stop that a text ends with is more likely
// that of a name or title than that of a sentence.
func abbreviated(text string) bool {
	text = strings.TrimRightFunc(tail(text, mostBehind), unicode.IsSpace)
	if !strings.HasSuffix(text, ".") {
		return false
	}
	text = text[:len(text)-1]
	last := tail(text, 16)
	if start := strings.LastIndexFunc(last, func(r rune) bool { return !unicode.IsLetter(r) && r != '.' }); start >= 0 {
		_, size := utf8.DecodeRuneInString(last[start:])
		last = last[start+size:]
	}
	switch last {
	case "Mr", "Mrs", "Ms", "Dr", "Prof", "St", "Jr", "Sr", "Gen", "Gov", "Sen", "Rep", "Capt", "Lt", "Col",
		"No", "Nos", "Nr", "Fig", "Figs", "Eq", "Sec", "Vol", "Art", "Abs", "Ref", "cf", "vs", "e.g", "i.e", "z.B":
		return true
	}
	// Initials: "J." and "J.K.", not "I." for the word.
	for len(last) > 0 {
		r, size := utf8.DecodeRuneInString(last)
		if !unicode.IsUpper(r) {
			return false
		}
		if last = last[size:]; last == "" {
			return r != 'I'
		}
		if last[0] != '.' {
			return false
		}
		last = last[1:]
	}
	return false
}

// tail is at most the last n bytes of a text, whole characters.
func tail(text string, n int) string {
	if len(text) <= n {
		return text
	}
	i := len(text) - n
	for i < len(text) && !utf8.RuneStart(text[i]) {
		i++
	}
	return text[i:]
}
