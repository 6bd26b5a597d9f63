package scripted

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// The bounds of a rule file. Aliases are followed, so that what is read is
// bounded, too.
const (
	maxScript = 4 << 20 // bytes
	maxNodes  = 200_000
	maxErrors = 20
)

// reader walks the nodes of a rule file and collects what is wrong with it, with
// the lines.
type reader struct {
	errs  []error
	nodes int
	dir   string // of the file; empty for rules that come over HTTP
}

// parse reads YAML, of which JSON is a part.
func (r *reader) parse(data []byte) *yaml.Node {
	if len(data) > maxScript {
		r.errs = append(r.errs, fmt.Errorf("the rules are larger than %d MiB", maxScript>>20))
		return nil
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		r.errs = append(r.errs, errors.New(strings.TrimPrefix(err.Error(), "yaml: ")))
		return nil
	}
	if len(doc.Content) == 0 {
		return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	}
	return doc.Content[0]
}

func (r *reader) wrong(n *yaml.Node, format string, args ...any) {
	if len(r.errs) < maxErrors {
		r.errs = append(r.errs, fmt.Errorf("line %d: %s", n.Line, fmt.Sprintf(format, args...)))
	}
}

func (r *reader) err() error { return errors.Join(r.errs...) }

// follow returns what an alias stands for.
func (r *reader) follow(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil && r.nodes < maxNodes {
		n = n.Alias
		r.nodes++
	}
	if r.nodes++; r.nodes > maxNodes {
		if r.nodes == maxNodes+1 {
			r.wrong(n, "the rules are too large, or an alias contains itself")
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: n.Line}
	}
	return n
}

// pairs calls f for each member of a mapping, and finds names that are written
// twice.
func (r *reader) pairs(n *yaml.Node, f func(key, value *yaml.Node)) {
	seen := make(map[string]bool, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case key.Kind != yaml.ScalarNode:
			r.wrong(key, "a name is missing")
		case key.ShortTag() == "!!merge":
			r.wrong(key, "<< is not understood")
		case seen[key.Value]:
			r.wrong(key, "%s is there twice", shorten(key.Value))
		default:
			seen[key.Value] = true
			f(key, n.Content[i+1])
		}
	}
}

// fields is how the members of a mapping are read.
type fields map[string]func(n *yaml.Node)

// mapping reads the members of a mapping.
func (r *reader) mapping(n *yaml.Node, what string, known fields) {
	n = r.follow(n)
	if n.Kind != yaml.MappingNode {
		r.wrong(n, "%s has to be a mapping of names to values", what)
		return
	}
	r.pairs(n, func(key, value *yaml.Node) {
		read, ok := known[key.Value]
		if !ok {
			names := make([]string, 0, len(known))
			for name := range known {
				names = append(names, name)
			}
			slices.Sort(names)
			r.wrong(key, "%s has no %s: it has %s", what, shorten(key.Value), strings.Join(names, ", "))
			return
		}
		read(value)
	})
}

// list reads a sequence; a single value is a sequence of one.
func (r *reader) list(n *yaml.Node, f func(n *yaml.Node)) {
	n = r.follow(n)
	if n.Kind != yaml.SequenceNode {
		f(n)
		return
	}
	for _, item := range n.Content {
		f(item)
	}
}

func (r *reader) str(n *yaml.Node) string {
	n = r.follow(n)
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		r.wrong(n, "a text is wanted")
		return ""
	}
	return n.Value
}

func (r *reader) strs(n *yaml.Node) []string {
	var out []string
	r.list(n, func(n *yaml.Node) { out = append(out, r.str(n)) })
	return out
}

func (r *reader) boolean(n *yaml.Node) bool {
	n = r.follow(n)
	var v bool
	if n.ShortTag() != "!!bool" || n.Decode(&v) != nil {
		r.wrong(n, "true or false is wanted")
	}
	return v
}

// isBool reports whether a node is true or false.
func (r *reader) isBool(n *yaml.Node) bool {
	n = r.follow(n)
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!bool"
}

func (r *reader) integer(n *yaml.Node, low, high int) int {
	n = r.follow(n)
	v, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || v < low || v > high {
		r.wrong(n, "a number from %d to %d is wanted", low, high)
		return low
	}
	return v
}

func (r *reader) number(n *yaml.Node, low, high float64) float64 {
	n = r.follow(n)
	v, err := strconv.ParseFloat(n.Value, 64)
	if n.Kind != yaml.ScalarNode || err != nil || !(v >= low && v <= high) {
		r.wrong(n, "a number from %g to %g is wanted", low, high)
		return low
	}
	return v
}

// maxWait bounds every time of a script: longer ones are mistakes. To wait for
// good there is the fault hang.
const maxWait = time.Hour

func (r *reader) duration(n *yaml.Node) time.Duration {
	n = r.follow(n)
	v, err := time.ParseDuration(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || v < 0 || v > maxWait {
		r.wrong(n, "a time such as 200ms or 2s is wanted, up to %s", maxWait)
		return 0
	}
	return v
}

// oneOf reads one of several words.
func (r *reader) oneOf(n *yaml.Node, words ...string) string {
	s := r.str(n)
	if !slices.Contains(words, s) {
		r.wrong(n, "%q is not one of %s", shorten(s), strings.Join(words, ", "))
	}
	return s
}
