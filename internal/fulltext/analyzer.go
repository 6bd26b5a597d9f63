package fulltext

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxTerm is how many bytes of a word count. Longer ones are no words but
// encoded data, which would fill the dictionary.
const maxTerm = 40

// Analyzer cuts text into terms: words in lower case without diacritics, English
// ones by their stem, without those that say nothing ("the", "of"). Scripts
// that put no spaces between words give pairs of neighboring characters.
//
// The zero value is ready. It is not safe for concurrent use.
type Analyzer struct {
	word   []byte
	folded []byte
}

// Each calls f for the terms of text, in order. f must not keep term.
func (a *Analyzer) Each(text string, f func(term []byte)) {
	a.each(text, stopWords, f)
}

// EachOfQuery is Each for the text of a search, which leaves out the words of
// asking too ("what", "how", "does"), unless nothing else is left.
func (a *Analyzer) EachOfQuery(text string, f func(term []byte)) {
	found := false
	a.each(text, queryStopWords, func(term []byte) {
		found = true
		f(term)
	})
	if !found {
		a.each(text, stopWords, f)
	}
}

func (a *Analyzer) each(text string, stop map[string]struct{}, f func(term []byte)) {
	w := a.word[:0]
	end := func() {
		if len(w) == 0 {
			return
		}
		if _, stopped := stop[string(w)]; !stopped {
			if len(w) <= maxTerm && english(w) {
				w = stem(w)
			}
			f(w[:cut(w)])
		}
		w = w[:0]
	}
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			i++
			switch {
			case 'a' <= c && c <= 'z':
				w = append(w, c)
			case 'A' <= c && c <= 'Z':
				w = append(w, c|0x20)
			case '0' <= c && c <= '9':
				w = append(w, c)
			case c == '.' && digitBefore(w) && digitAt(text, i):
				w = append(w, c)
			case c == ',' && digitBefore(w) && thousand(text[i:]):
				// 10,000 is 10000.
			case c == '\'' && len(w) > 0 && possessive(text[i:]):
				i++ // the s
				end()
			default:
				end()
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case unspaced(r):
			end()
			i += a.pairs(text[i:], f)
			continue
		case r == '\u2019' && len(w) > 0 && possessive(text[i+size:]):
			size++
			end()
		case unicode.IsLetter(r) || unicode.IsNumber(r):
			w = a.fold(w, r)
		case unicode.IsMark(r) && len(w) > 0:
			if !stripped(w) {
				w = utf8.AppendRune(w, r)
			}
		case r == '\u00ad': // a soft hyphen stands where a line might have been broken
		default:
			end()
		}
		i += size
	}
	end()
	a.word = w[:0]
}

// cut is where a term ends that must not be longer than maxTerm.
func cut(w []byte) int {
	n := min(len(w), maxTerm)
	for n > 0 && n < len(w) && !utf8.RuneStart(w[n]) {
		n--
	}
	return n
}

// english reports whether w may be an English word: letters of ASCII.
func english(w []byte) bool {
	for _, c := range w {
		if c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

func digitBefore(w []byte) bool {
	return len(w) > 0 && '0' <= w[len(w)-1] && w[len(w)-1] <= '9'
}

func digitAt(text string, i int) bool {
	return i < len(text) && '0' <= text[i] && text[i] <= '9'
}

// thousand reports whether text begins with exactly three digits.
func thousand(text string) bool {
	return digitAt(text, 0) && digitAt(text, 1) && digitAt(text, 2) && !digitAt(text, 3)
}

// possessive reports whether text is the s of "the author's", which is not a
// word.
func possessive(text string) bool {
	if text == "" || text[0]|0x20 != 's' {
		return false
	}
	if len(text) == 1 {
		return true
	}
	r, _ := utf8.DecodeRuneInString(text[1:])
	return !unicode.IsLetter(r) && !unicode.IsNumber(r)
}

// fold appends r in lower case, without the marks of European scripts and with
// compatibility forms (ligatures, full-width letters) as the plain ones.
func (a *Analyzer) fold(w []byte, r rune) []byte {
	var buf [utf8.UTFMax]byte
	if unicode.Is(unicode.Hangul, r) {
		return utf8.AppendRune(w, r)
	}
	a.folded = norm.NFKD.Append(a.folded[:0], buf[:utf8.EncodeRune(buf[:], r)]...)
	for rest := a.folded; len(rest) > 0; {
		part, size := utf8.DecodeRune(rest)
		rest = rest[size:]
		switch {
		case unicode.Is(unicode.Mn, part) && stripped(w):
		case part == 'ß', part == 'ẞ':
			w = append(w, "ss"...)
		case part == 'ø', part == 'Ø':
			w = append(w, 'o')
		case part == 'æ', part == 'Æ':
			w = append(w, "ae"...)
		case part == 'œ', part == 'Œ':
			w = append(w, "oe"...)
		case part == 'ł', part == 'Ł':
			w = append(w, 'l')
		case part == 'đ', part == 'Đ':
			w = append(w, 'd')
		case part == 'ς': // at the end of a word
			w = append(w, "σ"...)
		default:
			w = utf8.AppendRune(w, unicode.ToLower(part))
		}
	}
	return w
}

// stripped reports whether marks on the last letter of w are only accents.
// Elsewhere they are vowels.
func stripped(w []byte) bool {
	r, _ := utf8.DecodeLastRune(w)
	return r < utf8.RuneSelf || unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Hebrew, unicode.Arabic)
}

// unspaced reports whether r is of a script that puts no spaces between words.
func unspaced(r rune) bool {
	switch {
	case r < 0x0e00:
		return false
	case r >= 0x4e00 && r <= 0x9fff, r >= 0x3400 && r <= 0x4dbf:
		return true
	}
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) ||
		r == 'ー'
}

// pairs calls f for each pair of neighbors of the run that text begins with, or
// for the only character, and returns the run's size.
func (a *Analyzer) pairs(text string, f func(term []byte)) int {
	previous := -1
	at, count := 0, 0
	for at < len(text) {
		r, size := utf8.DecodeRuneInString(text[at:])
		if !unspaced(r) && !(count > 0 && unicode.IsMark(r)) {
			break
		}
		if previous >= 0 {
			f([]byte(text[previous : at+size]))
		}
		previous = at
		at += size
		count++
	}
	if count == 1 {
		f([]byte(text[:at]))
	}
	return at
}
