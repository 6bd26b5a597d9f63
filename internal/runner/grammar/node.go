package grammar

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
)

// node is a JSON value whose members keep their order.
type node struct {
	raw     string // compact
	value   any    // nil, bool, string or json.Number; unset for the others
	members []member
	items   []*node
	kind    byte // '{', '[', or 0
}

type member struct {
	key   string
	value *node
}

func parse(raw []byte) (*node, error) {
	if len(raw) > mostSchema {
		return nil, errTooLarge
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	n, err := read(d, 0)
	if err != nil {
		if errors.Is(err, errTooLarge) {
			return nil, err
		}
		return nil, errNotJSON
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotJSON
	}
	return n, nil
}

func read(d *json.Decoder, depth int) (*node, error) {
	if depth > mostDepth {
		return nil, errTooLarge
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		n := &node{kind: byte(t)}
		var parts []string
		for d.More() {
			key := ""
			if n.kind == '{' {
				k, err := d.Token()
				if err != nil {
					return nil, err
				}
				key = k.(string) //nolint:forcetypeassert // an object's keys are strings, or Token fails
			}
			v, err := read(d, depth+1)
			if err != nil {
				return nil, err
			}
			if n.kind == '{' {
				n.members = append(n.members, member{key, v})
				parts = append(parts, quote(key)+":"+v.raw)
			} else {
				n.items = append(n.items, v)
				parts = append(parts, v.raw)
			}
		}
		if _, err := d.Token(); err != nil {
			return nil, err
		}
		n.raw = string(n.kind) + strings.Join(parts, ",") + string(n.kind+2)
		return n, nil
	case string:
		return &node{value: t, raw: quote(t)}, nil
	case json.Number:
		return &node{value: t, raw: t.String()}, nil
	case bool:
		if t {
			return &node{value: t, raw: "true"}, nil
		}
		return &node{value: t, raw: "false"}, nil
	}
	return &node{raw: "null"}, nil
}

// quote is a text as JSON, without the escapes that only HTML needs.
func quote(text string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		return `""` // a text can always be written
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (n *node) get(key string) *node {
	for _, m := range slices.Backward(n.members) {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

func (n *node) text() (string, bool) {
	if n == nil {
		return "", false
	}
	s, ok := n.value.(string)
	return s, ok
}

// is reports whether n is the literal, such as true.
func (n *node) is(raw string) bool { return n != nil && n.raw == raw && n.kind == 0 }

// number is n as a float; ok is false when there is none.
func (n *node) number() (x float64, ok bool) {
	if n == nil {
		return 0, false
	}
	num, ok := n.value.(json.Number)
	if !ok {
		return 0, false
	}
	x, err := num.Float64()
	return x, err == nil
}

// kindOf is the JSON Schema type of a value.
func (n *node) kindOf() string {
	switch v := n.value.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	case json.Number:
		if f, err := v.Float64(); err == nil && f == float64(int64(f)) {
			return "integer"
		}
		return "number"
	}
	switch n.kind {
	case '{':
		return "object"
	case '[':
		return "array"
	}
	return "null"
}

// with returns an object with a member set.
func (n *node) with(key string, value *node) *node {
	out := &node{kind: '{'}
	found := false
	for _, m := range n.members {
		if m.key == key {
			m.value, found = value, true
		}
		out.members = append(out.members, m)
	}
	if !found {
		out.members = append(out.members, member{key, value})
	}
	return out.rewritten()
}

// set gives a schema's properties one more; a property that is there already has
// to fit both schemas. It does not rewrite n.
func (n *node) set(p member) {
	for i, m := range n.members {
		if m.key != p.key {
			continue
		}
		if m.value.raw != p.value.raw {
			n.members[i].value = (&node{kind: '{', members: []member{{"allOf", list(m.value, p.value)}}}).rewritten()
		}
		return
	}
	n.members = append(n.members, p)
}

func (n *node) without(keys ...string) *node {
	out := &node{kind: '{'}
next:
	for _, m := range n.members {
		for _, key := range keys {
			if m.key == key {
				continue next
			}
		}
		out.members = append(out.members, m)
	}
	return out.rewritten()
}

// rewritten sets raw, which identifies equal values.
func (n *node) rewritten() *node {
	var parts []string
	for _, m := range n.members {
		parts = append(parts, quote(m.key)+":"+m.value.raw)
	}
	for _, v := range n.items {
		parts = append(parts, v.raw)
	}
	n.raw = string(n.kind) + strings.Join(parts, ",") + string(n.kind+2)
	return n
}

func list(items ...*node) *node { return (&node{kind: '[', items: items}).rewritten() }

func word(text string) *node { return &node{value: text, raw: quote(text)} }
