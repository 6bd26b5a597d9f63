package policy

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// maxDepth is more than a document needs: Condition values are five levels deep.
const maxDepth = 10

// node is a value of a JSON text with its place. Unlike encoding/json's values it
// keeps every member of an object in order, and was checked for names that occur
// twice: two readers that take different ones would decide differently.
type node struct {
	kind    nodeKind
	text    string // of a string, number or boolean
	members []member
	items   []*node
	// start and end are in bytes. They are filled for objects.
	start, end int
}

type member struct {
	name  string
	value *node
}

type nodeKind uint8

const (
	nullNode nodeKind = iota
	stringNode
	numberNode
	boolNode
	arrayNode
	objectNode
)

var errJSON = errors.New("not a JSON text as policies have it")

// readJSON reads a whole text: one value, and nothing behind it.
func readJSON(text string) (*node, error) {
	if !utf8.ValidString(text) {
		return nil, errJSON
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	n, err := readNode(d, maxDepth)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errJSON
	}
	return n, nil
}

func readNode(d *json.Decoder, depth int) (*node, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch v := token.(type) {
	case string:
		return &node{kind: stringNode, text: v}, nil
	case json.Number:
		return &node{kind: numberNode, text: v.String()}, nil
	case bool:
		if v {
			return &node{kind: boolNode, text: "true"}, nil
		}
		return &node{kind: boolNode, text: "false"}, nil
	case json.Delim:
		if depth == 0 {
			return nil, errJSON
		}
		if v == '{' {
			return readObject(d, depth)
		}
		return readArray(d, depth)
	}
	return &node{}, nil
}

func readObject(d *json.Decoder, depth int) (*node, error) {
	n := &node{kind: objectNode, start: int(d.InputOffset()) - 1}
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, ok := token.(string)
		if !ok || seen[name] {
			return nil, errJSON
		}
		seen[name] = true
		value, err := readNode(d, depth-1)
		if err != nil {
			return nil, err
		}
		n.members = append(n.members, member{name, value})
	}
	_, err := d.Token()
	n.end = int(d.InputOffset())
	return n, err
}

func readArray(d *json.Decoder, depth int) (*node, error) {
	n := &node{kind: arrayNode}
	for d.More() {
		item, err := readNode(d, depth-1)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, item)
	}
	_, err := d.Token()
	return n, err
}

// strings returns the text of a string, or those of an array of strings.
func (n *node) strings() ([]string, bool) {
	switch n.kind {
	case stringNode:
		return []string{n.text}, true
	case arrayNode:
		list := make([]string, 0, len(n.items))
		for _, item := range n.items {
			if item.kind != stringNode {
				return nil, false
			}
			list = append(list, item.text)
		}
		return list, true
	}
	return nil, false
}

// scalars is strings for the values of conditions, where numbers and booleans
// may stand without quotes.
func (n *node) scalars() ([]string, bool) {
	items := []*node{n}
	if n.kind == arrayNode {
		items = n.items
	}
	list := make([]string, 0, len(items))
	for _, item := range items {
		if item.kind != stringNode && item.kind != numberNode && item.kind != boolNode {
			return nil, false
		}
		list = append(list, item.text)
	}
	return list, true
}
