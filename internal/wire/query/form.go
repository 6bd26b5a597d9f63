package query

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
)

// maxDepth bounds how many dots a key may have. No service has shapes that
// deep, and a request must not choose how deep the decoder recurses.
const maxDepth = 64

// node is a place in the tree that the dotted keys of a form describe.
type node struct {
	text     string
	set      bool // has a text of its own
	children map[string]*node
}

func (n *node) addAll(form map[string][]string) error {
	for key, values := range form {
		if len(values) == 0 {
			continue
		}
		if err := n.add(key, values[0]); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) add(key, text string) error {
	if strings.Count(key, ".") >= maxDepth {
		return malformed("A key of the request is nested too deeply.")
	}
	for rest, more := key, true; more; {
		var part string
		part, rest, more = strings.Cut(rest, ".")
		child := n.children[part]
		if child == nil {
			if n.children == nil {
				n.children = make(map[string]*node)
			}
			child = &node{}
			n.children[part] = child
		}
		n = child
	}
	if !n.set {
		n.text, n.set = text, true
	}
	return nil
}

// numbered returns the children in the order of their numbers.
func (n *node) numbered(key string) ([]*node, error) {
	type item struct {
		at int
		n  *node
	}
	items := make([]item, 0, len(n.children))
	for name, child := range n.children {
		at, err := strconv.Atoi(name)
		if err != nil || at < 0 {
			return nil, malformed("The elements of %s must be numbered.", key)
		}
		items = append(items, item{at, child})
	}
	slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.at, b.at) })
	nodes := make([]*node, len(items))
	for i := range items {
		nodes[i] = items[i].n
	}
	return nodes, nil
}

// malformed is the answer to a request whose form is wrong. It names keys of
// the service model, never what the client sent.
func malformed(format string, args ...any) error {
	return fault.New(fault.Invalid, format, args...).WithCode(codeMalformedInput)
}
