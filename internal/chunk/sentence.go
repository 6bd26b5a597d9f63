package chunk

import (
	"strings"
	"unicode"
	"unicode/utf8"

	uax "github.com/clipperhouse/uax29/v2/sentences"
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
	for base := 0; base < len(flat); {
		n := stretch(flat[base:])
		it := uax.FromString(flat[base : base+n])
		for it.Next() {
			if strings.TrimSpace(it.Value()) == "" {
				continue // goes with what follows
			}
			if k := len(ends); k > 0 && abbreviated(flat[:ends[k-1]]) {
				ends = ends[:k-1]
			}
			ends = append(ends, base+it.End())
		}
		base += n
	}
	return ends
}

// mostSigns bounds how many characters in a row may be no letter or digit. At a
// full stop that many of them follow, the search for the end of a sentence looks
// ahead from each of them.
const mostSigns = 64

// stretch is how much of a text the search for sentences may see at a time.
func stretch(text string) int {
	signs := 0
	for i, r := range text {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			if signs > mostSigns {
				return i
			}
			signs = 0
			continue
		}
		if signs++; signs > 2*mostSigns {
			return i
		}
	}
	return len(text)
}

// abbreviated reports whether the full stop that a text ends with is more likely
// that of a name or title than that of a sentence.
func abbreviated(text string) bool {
	text = strings.TrimRightFunc(tail(text, 2*mostSigns), unicode.IsSpace)
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
