package fulltext

import (
	"maps"
	"strings"
)

// stopWords are not indexed: they are in nearly every English text. The list is
// Lucene's.
var stopWords = set(`a an and are as at be but by for if in into is it no not of on or such that the their then there
these they this to was will with`)

// queryStopWords are not searched for: the words of asking, which say nothing
// of what is asked about. They are indexed all the same.
var queryStopWords = union(stopWords, set(`about am any can could did do does doing done for from give had has have having
he her here him his how i its just know may me might mine my of our please shall she should show so some tell than
them those us want we were what when where which while who whom whose why would you your`))

func set(words string) map[string]struct{} {
	s := map[string]struct{}{}
	for word := range strings.FieldsSeq(words) {
		s[word] = struct{}{}
	}
	return s
}

func union(a, b map[string]struct{}) map[string]struct{} {
	u := maps.Clone(a)
	maps.Copy(u, b)
	return u
}
