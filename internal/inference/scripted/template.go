package scripted

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// text is a template: text with references such as ${match.1}. It runs no code
// and cannot fail once it has been read; what a reference does not find is empty.
type text struct{ pieces []piece }

// piece is literal text or, where path is set, a reference.
type piece struct {
	literal string
	path    []string
}

// references are the first words of references, with the least and the most
// words that follow.
var references = map[string][2]int{ //nolint:gochecknoglobals // a constant table
	"text": {0, 0}, "system": {0, 0}, "conversation": {0, 0},
	"model": {0, 0}, "operation": {0, 0}, "principal": {0, 0},
	"turn": {0, 0}, "nth": {0, 0}, "tools": {0, 0},
	"match": {0, 1}, "result": {0, 16}, "results": {1, 17}, "input": {0, 16},
}

// compile reads a template. $${ is a ${ that is not one.
func compile(s string) (*text, error) {
	t := &text{}
	var literal strings.Builder
	for {
		at := strings.Index(s, "${")
		if at < 0 {
			literal.WriteString(s)
			break
		}
		if at > 0 && s[at-1] == '$' {
			literal.WriteString(s[:at-1])
			literal.WriteString("${")
			s = s[at+2:]
			continue
		}
		literal.WriteString(s[:at])
		name, rest, ok := strings.Cut(s[at+2:], "}")
		if !ok {
			return nil, fmt.Errorf("${%s has no }; write $${ where no reference is meant", shorten(name))
		}
		path := strings.Split(name, ".")
		bounds, known := references[path[0]]
		if !known {
			return nil, fmt.Errorf("there is no ${%s}; write $${ where no reference is meant", shorten(name))
		}
		if n := len(path) - 1; n < bounds[0] || n > bounds[1] || slices.Contains(path, "") {
			return nil, fmt.Errorf("${%s} has too few or too many parts", shorten(name))
		}
		if literal.Len() > 0 {
			t.pieces = append(t.pieces, piece{literal: literal.String()})
			literal.Reset()
		}
		t.pieces = append(t.pieces, piece{path: path})
		s = rest
	}
	if literal.Len() > 0 {
		t.pieces = append(t.pieces, piece{literal: literal.String()})
	}
	return t, nil
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// text reads a template from a scalar node.
func (r *reader) text(n *yaml.Node) *text {
	t, err := compile(r.str(n))
	if err != nil {
		r.wrong(n, "%s", err)
		return &text{}
	}
	return t
}

// literal reports whether there is nothing to fill in.
func (t *text) literal() bool {
	return !slices.ContainsFunc(t.pieces, func(p piece) bool { return p.path != nil })
}

func (t *text) render(s *scene) string {
	var b strings.Builder
	for _, p := range t.pieces {
		if p.path == nil {
			b.WriteString(p.literal)
		} else {
			b.WriteString(s.look(p.path))
		}
	}
	return b.String()
}

// json is the value of a template that is one reference into JSON and nothing
// else.
func (t *text) json(s *scene) (json.RawMessage, bool) {
	if len(t.pieces) != 1 || t.pieces[0].path == nil {
		return nil, false
	}
	switch path := t.pieces[0].path; path[0] {
	case "turn":
		return json.RawMessage(strconv.Itoa(s.turn)), true
	case "nth":
		return json.RawMessage(strconv.Itoa(s.nth)), true
	case "result", "results", "input":
		return s.value(path)
	}
	return nil, false
}

// look is the text of a reference.
func (s *scene) look(path []string) string {
	switch path[0] {
	case "text":
		return s.lastText()
	case "system":
		return s.systemText()
	case "conversation":
		return s.conversation()
	case "model":
		return s.asked()
	case "operation":
		return s.caller.Operation
	case "principal":
		return s.caller.Principal
	case "turn":
		return strconv.Itoa(s.turn)
	case "nth":
		return strconv.Itoa(s.nth)
	case "tools":
		return strings.Join(s.toolNames(), ", ")
	case "match":
		name := "0"
		if len(path) == 2 {
			name = path[1]
		}
		return s.groups[name]
	case "result":
		if len(path) == 1 {
			return s.lastResult().text
		}
	case "results":
		if len(path) == 2 {
			return s.resultOf(path[1]).text
		}
	}
	found, ok := s.value(path)
	if !ok {
		return ""
	}
	var text string
	if json.Unmarshal(found, &text) == nil {
		return text
	}
	return string(found)
}

// value finds the JSON value of a reference.
func (s *scene) value(path []string) (json.RawMessage, bool) {
	switch path[0] {
	case "result":
		return walk(s.lastResult().value(), path[1:])
	case "results":
		return walk(s.resultOf(path[1]).value(), path[2:])
	case "input":
		return walk(s.lastResult().input, path[1:])
	}
	return nil, false
}

// walk follows names of members and numbers of items.
func walk(v json.RawMessage, path []string) (json.RawMessage, bool) {
	for _, name := range path {
		var object map[string]json.RawMessage
		var array []json.RawMessage
		if i, err := strconv.Atoi(name); err == nil && json.Unmarshal(v, &array) == nil {
			if i < 0 || i >= len(array) {
				return nil, false
			}
			v = array[i]
			continue
		}
		if json.Unmarshal(v, &object) != nil {
			return nil, false
		}
		found, ok := object[name]
		if !ok {
			return nil, false
		}
		v = found
	}
	return v, json.Valid(v)
}
