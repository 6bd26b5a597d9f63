package main

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
)

// visible makes text of strangers fit for a terminal: names of objects, passages
// of documents and what a model writes may hold sequences that a terminal obeys.
// Lines and tabs stay, whatever the system that the lines were written on.
func visible(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r':
			return '\n'
		case steers(r):
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// cell is visible for a table, where each line is a row and each tab a column.
func cell(text string) string {
	return strings.Map(func(r rune) rune {
		if steers(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// steers reports whether a terminal does something else with a character than
// show it. Those that turn the direction of writing count: with them a name is
// read as another one.
func steers(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

// widest is how many characters of a key a table shows.
const widest = 72

// tail is cell for keys, which may have a thousand characters: of a long one it
// keeps the end, where the name of the file is.
func tail(text string) string {
	runes := []rune(cell(text))
	if len(runes) <= widest {
		return string(runes)
	}
	return "…" + string(runes[len(runes)-widest+1:])
}

// escaped writes JSON without the characters that steer a terminal. The encoder
// escapes only the oldest ones; any other stands in a string, where it may be
// written as an escape, too.
func escaped(document []byte) []byte {
	if !bytes.ContainsFunc(document, steersJSON) {
		return document
	}
	var b bytes.Buffer
	for _, r := range string(document) {
		if steersJSON(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.Bytes()
}

// steersJSON leaves out the line ends between the members.
func steersJSON(r rune) bool { return r != '\n' && steers(r) }
