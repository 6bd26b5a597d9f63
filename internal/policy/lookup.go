package policy

import (
	"strings"
	"unique"
)

// key is the name of a condition key in lower case. Equal names are one handle,
// so that comparing two is comparing two pointers.
type key = unique.Handle[string]

func newKey(name string) key { return unique.Make(strings.ToLower(name)) }

// lookup asks for the values of a request, for each of the first keys once: many
// statements ask for the same few.
type lookup struct {
	values Values
	known  [8]found
	count  int
}

type found struct {
	key    key
	values []string
	ok     bool
}

func (l *lookup) get(k key) ([]string, bool) {
	for i := range l.known[:l.count] {
		if f := &l.known[i]; f.key == k {
			return f.values, f.ok
		}
	}
	if l.values == nil {
		return nil, false
	}
	values, ok := l.values.Get(k.Value())
	if l.count < len(l.known) {
		l.known[l.count] = found{k, values, ok}
		l.count++
	}
	return values, ok
}
