// Package segment takes texts apart where sentences end by the rules of Unicode,
// in a time that grows with their length and no faster.
//
// It knows no abbreviation, line or heading: whoever asks (packages chunk and
// passage) joins pieces that are not sentences of its own.
package segment

import (
	"iter"
	"unicode"

	"github.com/clipperhouse/uax29/v2/sentences"
)

// Pieces returns the parts of a text one after the other. Together they are the
// text.
func Pieces(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for text != "" {
			n := stretch(text)
			for it := sentences.FromString(text[:n]); it.Next(); {
				if !yield(it.Value()) {
					return
				}
			}
			text = text[n:]
		}
	}
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
