package main

import (
	"strings"
	"unicode"
)

// visible makes text of strangers fit for a terminal: names of objects, passages
// of documents and what a model writes may hold sequences that a terminal obeys.
// Lines and tabs stay.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// cell is visible for a table, where each line is a row and each tab a column.
func cell(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
