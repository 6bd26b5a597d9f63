package chat

import (
	"strings"
	"unicode/utf8"
)

// Break stands inside rendered text where a control token that a user wrote
// was broken in two. It is a Unicode noncharacter, so it means nothing in any
// text of its own.
const Break = "\uFDD0"

// Guard knows the control tokens of a vocabulary. It lets a prompt be
// tokenized with its template's control tokens parsed and the user's not:
// Render puts a Break into each one that is found in the conversation, and the
// caller tokenizes the pieces that Split returns one after the other, so that
// no piece has a whole control token that the template did not write.
//
// A Guard is immutable and safe for concurrent use; a nil Guard guards nothing.
type Guard struct {
	byFirst [256][]string
	first   string // every byte that a token begins with, for a quick search
}

// NewGuard makes a Guard from the texts of control tokens, such as
// <|im_start|>. Texts of one character are left out: they cannot be broken.
func NewGuard(tokens []string) *Guard {
	g := &Guard{}
	var first strings.Builder
	for _, t := range tokens {
		if utf8.RuneCountInString(t) < 2 {
			continue
		}
		if g.byFirst[t[0]] == nil {
			first.WriteByte(t[0])
		}
		g.byFirst[t[0]] = append(g.byFirst[t[0]], t)
	}
	g.first = first.String()
	return g
}

// Split cuts rendered text at every Break. Without one it is the text itself.
func Split(rendered string) []string { return strings.Split(rendered, Break) }

// protect returns text with a Break behind the first character of every
// control token in it, overlapping ones too. A Break that the user wrote is
// removed, or it would cut text at a place of the user's choice.
func (g *Guard) protect(text string) string {
	if strings.Contains(text, Break) {
		text = strings.ReplaceAll(text, Break, "")
	}
	if g == nil || !strings.ContainsAny(text, g.first) {
		return text
	}
	var b strings.Builder
	done := 0
	for i := range len(text) {
		for _, t := range g.byFirst[text[i]] {
			if strings.HasPrefix(text[i:], t) {
				_, size := utf8.DecodeRuneInString(text[i:])
				b.WriteString(text[done : i+size])
				b.WriteString(Break)
				done = i + size
				break
			}
		}
	}
	if done == 0 {
		return text
	}
	b.WriteString(text[done:])
	return b.String()
}
