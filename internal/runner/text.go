package runner

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// textFilter turns the bytes of tokens into text that may be sent: whole
// UTF-8, nothing of a stop sequence, and nothing that might still become one.
type textFilter struct {
	stops   []string
	pending []byte
}

// write adds the bytes of a token. It returns the text that is certain now,
// and the stop sequence that has come up; what follows it is discarded.
func (f *textFilter) write(p []byte) (text, stop string) {
	f.pending = append(f.pending, p...)
	at := -1
	for _, s := range f.stops {
		if i := bytes.Index(f.pending, []byte(s)); i >= 0 && (at < 0 || i < at) {
			at, stop = i, s
		}
	}
	if at >= 0 {
		text = valid(f.pending[:at])
		f.pending = nil
		return text, stop
	}
	keep := max(f.openStop(), openRune(f.pending))
	sure := len(f.pending) - keep
	text = valid(f.pending[:sure])
	f.pending = append(f.pending[:0], f.pending[sure:]...)
	return text, ""
}

// flush returns what was held back when no more bytes come. The beginning of a
// character that a token limit cut off is no text.
func (f *textFilter) flush() string {
	text := valid(f.pending[:len(f.pending)-openRune(f.pending)])
	f.pending = nil
	return text
}

// openStop is the length of the longest end of pending that begins a stop
// sequence.
func (f *textFilter) openStop() int {
	longest := 0
	for _, s := range f.stops {
		for n := min(len(s)-1, len(f.pending)); n > longest; n-- {
			if bytes.HasSuffix(f.pending, []byte(s[:n])) {
				longest = n
				break
			}
		}
	}
	return longest
}

// openRune is the length of the end of p that begins a character.
func openRune(p []byte) int {
	for n := 1; n <= min(utf8.UTFMax-1, len(p)); n++ {
		if tail := p[len(p)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}

func valid(p []byte) string { return strings.ToValidUTF8(string(p), "\uFFFD") }
