package authz

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/outcrop/outcrop/internal/wire/schema"
)

//go:embed operations.txt
var operationsText string

// need is one permission that an operation takes.
type need struct {
	action    string // "bedrock:InvokeModel"
	resources []resource
	optional  bool        // of nothing, where the members are not there
	service   bool        // the service decides, for it needs more than policies
	guard     *memberPath // nil, or: only where this is there
	absent    bool        // only where it is not
	text      string
}

// row is an operation with what it takes.
type row struct {
	needs []need
	keys  []memberKey   // condition keys that are members of the input
	tags  []*memberPath // tags that the request brings
	names []*memberPath // keys of tags that it names
	// guardrail and its version are set where a model can be called with one.
	guardrail, version *memberPath
	base               *memberPath // ID of the knowledge base; nil where none is named
}

// section is a part of the table, for the operations of one service.
type section struct {
	service, prefix, arn string
	operations           map[string]string
}

// readTable takes the text of the table apart.
func readTable(text string) (map[string]*section, error) {
	sections := map[string]*section{}
	var s *section
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			name, rest, ok := strings.Cut(line[1:], "] ")
			fields := strings.Fields(rest)
			if !ok || len(fields) != 2 {
				return nil, fmt.Errorf("operations.txt:%d: a section is [service] prefix ARN", i+1)
			}
			s = &section{service: name, prefix: fields[0], arn: fields[1], operations: map[string]string{}}
			sections[name] = s
		default:
			operation, needs, ok := strings.Cut(line, ": ")
			if !ok || s == nil || s.operations[operation] != "" {
				return nil, fmt.Errorf("operations.txt:%d: a row is Operation: needs, once in a section", i+1)
			}
			s.operations[operation] = needs
		}
	}
	return sections, nil
}

// compile reads the row of an operation against its input.
func (s *section) compile(op *schema.Operation) (*row, error) {
	text, ok := s.operations[op.Name]
	if !ok {
		return nil, fmt.Errorf("%s has no row in operations.txt", op.Name)
	}
	r := &row{}
	if text != "none" {
		for part := range strings.SplitSeq(text, "; ") {
			n, err := s.need(op, part)
			if err != nil {
				return nil, fmt.Errorf("%s: %q: %w", op.Name, part, err)
			}
			r.needs = append(r.needs, n)
		}
	}
	r.tags, r.names = tagPaths(op.Input)
	r.keys = memberKeys(s.prefix, op)
	r.guardrail, r.version = guardrailPaths(op)
	if p, err := parsePath(op.Input, "knowledgeBaseId"); err == nil {
		r.base = p
	}
	return r, nil
}

func (s *section) need(op *schema.Operation, text string) (need, error) {
	n := need{action: op.Name, text: text}
	if rest, ok := strings.CutPrefix(text, "?"); ok {
		n.optional, text = true, rest
	}
	if rest, ok := strings.CutPrefix(text, "~"); ok {
		n.service, text = true, rest
	}
	if rest, guard, ok := strings.Cut(text, " if {"); ok {
		guard, n.absent = strings.CutPrefix(guard, "!")
		p, err := parsePath(op.Input, strings.TrimSuffix(guard, "}"))
		if err != nil {
			return n, err
		}
		n.guard, text = p, rest
	}
	if action, rest, ok := strings.Cut(text, " on "); ok {
		n.action, text = action, rest
	}
	if !strings.Contains(n.action, ":") {
		n.action = s.prefix + ":" + n.action
	}
	for alternative := range strings.SplitSeq(text, "|") {
		r, err := parseResource(op, s.arn, alternative)
		if err != nil {
			return n, err
		}
		n.resources = append(n.resources, r)
	}
	return n, nil
}
