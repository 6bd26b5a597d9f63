// Package passage takes texts apart into sentences and words, and tells how far
// the words of one are found in another.
//
// It is what choosing the sentences that answer a question, scoring documents
// and naming the sources of an answer have in common. It knows no model: callers
// add what vectors say. Words of English lose their endings, other languages are
// compared as they are written; scripts without spaces are compared character by
// character.
package passage

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/chunk/segment"
)

// Span is a part of a text, in bytes.
type Span struct{ Start, End int }

// Sentences returns the sentences of an answer in order, without the white space
// around them. A line is never part of the sentence of the line before. What has
// no letters, as the number of a list's item, belongs to what follows on its
// line.
func Sentences(text string) []Span {
	var spans []Span
	start := 0
	borders(text, func(end int) {
		if span, ok := trimmed(text, start, end); ok {
			spans = append(spans, span)
		}
		start = end
	})
	if span, ok := trimmed(text, start, len(text)); ok {
		spans = append(spans, span)
	}
	return spans
}

// Complete returns how many bytes at the start of text are sentences that
// nothing added behind text can make longer. 0: none yet.
func Complete(text string) int {
	last := 0
	borders(text, func(end int) { last = end })
	return last
}

// borders calls f with the ends of the sentences that are over. A border within
// a line counts when a letter or the line's end stands behind it: whether
// "p.m. 12 …" goes on is decided by the first letter after the digits.
func borders(text string, f func(end int)) {
	offset := 0
	pending := -1                  // a border that may still turn out to be none
	letters, signs := false, false // of what is behind the last border
	for s := range segment.Pieces(text) {
		line, has := strings.HasSuffix(s, "\n"), hasLetter(s)
		if pending >= 0 && (line || has) {
			f(pending)
			letters, signs = false, strings.TrimSpace(text[pending:offset]) != ""
			pending = -1
		}
		offset += len(s)
		letters, signs = letters || has, signs || strings.TrimSpace(s) != ""
		switch {
		case line && signs:
			f(offset)
			letters, signs = false, false
		case pending < 0 && letters:
			pending = offset
		}
	}
}

func hasLetter(s string) bool { return strings.IndexFunc(s, unicode.IsLetter) >= 0 }

func trimmed(text string, start, end int) (Span, bool) {
	part := text[start:end]
	start += len(part) - len(strings.TrimLeftFunc(part, unicode.IsSpace))
	end -= len(part) - len(strings.TrimRightFunc(part, unicode.IsSpace))
	return Span{start, end}, start < end
}

// mostUnit is the length of a unit in bytes above which it is cut: text without
// punctuation is no sentence.
const mostUnit = 600

// Units returns the sentences of a document's passage in order, each on one
// line: sentences of running text, list items, rows of tables. Headings are left
// out where there is anything else.
func Units(text string) []string {
	var units, headings []string
	var block []string
	flush := func() {
		if len(block) == 0 {
			return
		}
		joined := strings.Join(block, " ")
		for _, s := range Sentences(joined) {
			units = append(units, Pieces(joined[s.Start:s.End], mostUnit)...)
		}
		block = block[:0]
	}
	for line := range strings.Lines(text) {
		line = strings.Join(strings.Fields(line), " ")
		switch {
		case line == "" || isRule(line):
			flush()
		case strings.HasPrefix(line, "#"):
			flush()
			if h := strings.TrimSpace(strings.TrimLeft(line, "#")); h != "" {
				headings = append(headings, h)
			}
		case strings.HasPrefix(line, "|"):
			flush()
			units = append(units, Pieces(line, mostUnit)...)
		default:
			if isItem(line) {
				flush()
			}
			block = append(block, line)
		}
	}
	flush()
	if len(units) == 0 {
		return headings
	}
	return units
}

// Pieces cuts a text into parts of at most so many bytes, between words where
// there are any.
func Pieces(text string, most int) []string {
	var parts []string
	for len(text) > most {
		end := strings.LastIndexByte(text[:most], ' ')
		if end <= 0 {
			for end = most; end > 0 && !utf8.RuneStart(text[end]); end-- {
			}
		}
		if end <= 0 {
			end = most // not UTF-8
		}
		parts = append(parts, text[:end])
		text = strings.TrimSpace(text[end:])
	}
	if text == "" {
		return parts
	}
	return append(parts, text)
}

// isRule reports whether a line only separates: ---, ===, |---|---|.
func isRule(line string) bool { return strings.Trim(line, "-=_*|: ") == "" }

// isItem reports whether a line begins an item of a list.
func isItem(line string) bool {
	switch {
	case strings.HasPrefix(line, "- "), strings.HasPrefix(line, "* "), strings.HasPrefix(line, "+ "), strings.HasPrefix(line, "• "):
		return true
	}
	digits := len(line) - len(strings.TrimLeft(line, "0123456789"))
	return digits > 0 && digits < 4 && (strings.HasPrefix(line[digits:], ". ") || strings.HasPrefix(line[digits:], ") "))
}

// Terms returns the words of a text that carry meaning, in the form in which
// they are compared, in order.
func Terms(text string) []string {
	var terms []string
	add := func(word string) {
		if _, stop := stopWords[word]; !stop && word != "" {
			terms = append(terms, Stem(word))
		}
	}
	start := -1
	lower := strings.ToLower(text)
	for i, r := range lower {
		switch {
		case unspaced(r):
			if start >= 0 {
				add(lower[start:i])
				start = -1
			}
			terms = append(terms, string(r))
		case unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) && start >= 0:
			if start < 0 {
				start = i
			}
		case start >= 0 && (r == '\'' || r == '’') && isPossessive(lower[i+utf8.RuneLen(r):]):
			// What follows is the s of a possessive, which the next round adds as
			// a word of one letter: a stop word.
			add(lower[start:i])
			start = -1
		case start >= 0 && (r == '.' || r == ',') && digits(lower, i):
			// 1,000 and 2.5 are one word.
		case start >= 0:
			add(lower[start:i])
			start = -1
		}
	}
	if start >= 0 {
		add(lower[start:])
	}
	return terms
}

func isPossessive(rest string) bool {
	if !strings.HasPrefix(rest, "s") {
		return false
	}
	r, _ := utf8.DecodeRuneInString(rest[1:])
	return rest[1:] == "" || !unicode.IsLetter(r)
}

// digits reports whether text has digits on both sides of i.
func digits(text string, i int) bool {
	return i > 0 && i+1 < len(text) && isDigit(text[i-1]) && isDigit(text[i+1])
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// unspaced reports whether a character is of a script that puts no spaces
// between words.
func unspaced(r rune) bool {
	return r > 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// Stem takes the commonest endings from an English word in lower case, so that
// "shipping" and "shipped" are "ship". What is left need not be a word.
func Stem(word string) string {
	if len(word) < 4 || !isASCII(word) || isDigit(word[0]) {
		return word
	}
	stem := word
	switch {
	case strings.HasSuffix(word, "ies") && len(word) > 4:
		stem = word[:len(word)-3] + "y"
	case strings.HasSuffix(word, "ing") && len(word) > 5:
		stem = word[:len(word)-3]
	case strings.HasSuffix(word, "ed") && len(word) > 4:
		stem = word[:len(word)-2]
	case strings.HasSuffix(word, "es") && len(word) > 4:
		stem = word[:len(word)-2]
	case strings.HasSuffix(word, "s") && !strings.HasSuffix(word, "ss") && !strings.HasSuffix(word, "us"):
		stem = word[:len(word)-1]
	}
	if n := len(stem); n > 3 && stem[n-1] == 'e' {
		stem = stem[:n-1]
	}
	if n := len(stem); n > 3 && stem[n-1] == stem[n-2] && !strings.ContainsRune("aeiouls", rune(stem[n-1])) {
		stem = stem[:n-1]
	}
	return stem
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

var stopWords = setOf(`a about all also am an and any are as at be been being but by can could did do does doing for from get gets
	had has have having he her here hers him his how i if in into is it its just ll many may me might more most much must my no nor not of often on once
	only or other our ours out over own please re s shall she should so some such t tell than that the their theirs them then there these
	they this those through to too under until up us ve was we were what when where which while who whom whose why will with would you your yours`)

func setOf(words string) map[string]struct{} {
	set := make(map[string]struct{})
	for w := range strings.FieldsSeq(words) {
		set[w] = struct{}{}
	}
	return set
}
