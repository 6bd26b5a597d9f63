package bedrockruntime

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// pointer is a JSON Pointer (RFC 6901), taken apart.
type pointer []string

// parsePointers reads additionalModelResponseFieldPaths. A pointer that is empty
// or malformed is Invalid.
func parsePointers(paths []string) ([]pointer, error) {
	pointers := make([]pointer, 0, len(paths))
	for i, path := range paths {
		p, ok := parsePointer(path)
		if !ok {
			return nil, fault.New(fault.Invalid, "The value at additionalModelResponseFieldPaths.%d is not a valid JSON Pointer. Update the path and try again.", i)
		}
		pointers = append(pointers, p)
	}
	return pointers, nil
}

func parsePointer(s string) (pointer, bool) {
	if !strings.HasPrefix(s, "/") {
		return nil, false
	}
	tokens := strings.Split(s[1:], "/")
	for i, t := range tokens {
		rest := t
		for {
			_, after, ok := strings.Cut(rest, "~")
			if !ok {
				break
			}
			if !strings.HasPrefix(after, "0") && !strings.HasPrefix(after, "1") {
				return nil, false
			}
			rest = after[1:]
		}
		tokens[i] = strings.ReplaceAll(strings.ReplaceAll(t, "~1", "/"), "~0", "~")
	}
	return tokens, true
}

// responseFields returns the members of the family's own answer that the
// pointers name, nested as they are in it. What is not there is left out; nil
// when nothing is.
func (s *Service) responseFields(t *router.Target, pointers []pointer, a *inference.Answer) (schema.DocumentValue, error) {
	if len(pointers) == 0 {
		return nil, nil
	}
	family, err := s.families.Family(t)
	if err != nil {
		return nil, nil //nolint:nilerr // a model without a native format has no fields of its own
	}
	body, err := family.Complete(s.nativeModel(t), a)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var doc any
	if err := dec.Decode(&doc); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the native answer of model %s is not JSON", t.ModelID)
	}
	root := &selection{}
	found := false
	for _, p := range pointers {
		if _, ok := lookup(doc, p); ok {
			root.add(p)
			found = true
		}
	}
	if !found {
		return nil, nil
	}
	out, err := json.Marshal(root.pick(doc))
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the response fields of model %s cannot be written", t.ModelID)
	}
	return out, nil
}

// lookup follows a pointer.
func lookup(v any, p pointer) (any, bool) {
	for _, token := range p {
		switch c := v.(type) {
		case map[string]any:
			next, ok := c[token]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			i, ok := index(token)
			if !ok || i >= len(c) {
				return nil, false
			}
			v = c[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// index reads an array index: digits without leading zeros.
func index(token string) (int, bool) {
	i, err := strconv.Atoi(token)
	if err != nil || i < 0 || strconv.Itoa(i) != token {
		return 0, false
	}
	return i, true
}

// selection is the tree of what was asked for; a node that is whole takes all
// below it.
type selection struct {
	whole bool
	below map[string]*selection
}

func (s *selection) add(p pointer) {
	node := s
	for _, token := range p {
		if node.below == nil {
			node.below = make(map[string]*selection)
		}
		next, ok := node.below[token]
		if !ok {
			next = &selection{}
			node.below[token] = next
		}
		node = next
	}
	node.whole = true
}

// pick copies what is selected out of v. The order of an array is kept; what was
// not selected leaves no gap.
func (s *selection) pick(v any) any {
	if s.whole {
		return v
	}
	switch c := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(s.below))
		for key, sub := range s.below {
			out[key] = sub.pick(c[key])
		}
		return out
	case []any:
		var out []any
		for i, member := range c {
			if sub, ok := s.below[strconv.Itoa(i)]; ok {
				out = append(out, sub.pick(member))
			}
		}
		return out
	}
	return v
}
