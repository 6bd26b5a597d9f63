package embed

import (
	"unicode"
	"unicode/utf8"
)

// estimate guesses the tokens of texts for a model whose backend cannot count:
// one for each four letters or digits of a word begun, for each character of a
// script without spaces between words, and for each other sign. It is meant to
// be rather too high, so that no passage exceeds its size.
func estimate(texts []string) []int {
	const lettersOfToken = 4
	counts := make([]int, len(texts))
	for i, text := range texts {
		n, run := 0, 0
		for _, r := range text {
			switch {
			case unicode.IsSpace(r):
				run = 0
			case spaceless(r) || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r):
				n++
				run = 0
			default:
				if run%lettersOfToken == 0 {
					n++
				}
				run += max(1, utf8.RuneLen(r)-1) // rare scripts are spelled in more tokens
			}
		}
		counts[i] = n
	}
	return counts
}

// spaceless reports whether r is of a script that writes no spaces.
func spaceless(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}
