package policy

import (
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
)

// maxText is more than any document may have, in bytes: as much as IAM's API
// takes. It bounds what is read at all; the limits that AWS has are the business
// of who owns a document.
const maxText = 131072

const (
	version2008 = "2008-10-17"
	version2012 = "2012-10-17"
)

// Parse reads a document. Its errors are fault.Invalid with the code
// MalformedPolicyDocument and AWS's text; of several, the one that AWS names.
// What a reader could take in two ways is an error: names that occur twice,
// elements and operators that do not exist, text behind the document.
//
// It does not bound the length to what AWS allows: what owns a document has a
// limit of its own.
func Parse(kind Kind, text string) (*Document, error) {
	p := parser{kind: kind, words: wordsOf(kind), document: &Document{kind: kind, text: text, version: version2008}}
	if problem := p.parse(text); problem != "" {
		return nil, fault.New(fault.Invalid, "%s", problem).WithCode("MalformedPolicyDocument")
	}
	return p.document, nil
}

// parser reads one document. Its methods return AWS's text for what is wrong, or
// nothing.
type parser struct {
	kind       Kind
	words      words
	document   *Document
	hasVersion bool
	statements []*written
}

// written is a statement as it stands in the text.
type written struct {
	start, end                               int
	sid, effect                              string
	action, notAction, resource, notResource []string
	hasAction, hasNotAction                  bool
	hasResource, hasNotResource              bool
	principal, notPrincipal, condition       *node
	compiledConditions                       []condition
	compiledPrincipals                       *principals
}

func (p *parser) parse(text string) string {
	if len(text) > maxText {
		return p.words.json
	}
	root, err := readJSON(text)
	if err != nil || root.kind != objectNode {
		return p.words.json
	}
	if problem := p.readDocument(root); problem != "" {
		return problem
	}
	if p.kind == Managed && (!p.hasVersion || p.document.version != version2012) {
		return "Policy document must be version 2012-10-17 or greater."
	}
	if problem := p.check(); problem != "" {
		return problem
	}
	for _, w := range p.statements {
		s, ok := p.compile(w)
		if !ok {
			return p.words.value
		}
		d := p.document
		d.statements = append(d.statements, s)
		if s.Deny {
			d.deny.add(s)
		} else {
			d.allow.add(s)
		}
	}
	p.document.allow.sort()
	p.document.deny.sort()
	return ""
}

func (p *parser) readDocument(root *node) string {
	var statement *node
	for _, m := range root.members {
		switch m.name {
		case "Version":
			if m.value.kind != stringNode || m.value.text != version2008 && m.value.text != version2012 {
				return p.words.version
			}
			p.hasVersion, p.document.version = true, m.value.text
		case "Id":
			if m.value.kind != stringNode {
				return p.words.syntax
			}
		case "Statement":
			statement = m.value
		default:
			return p.words.unknown
		}
	}
	if statement == nil {
		return p.words.empty
	}
	items := []*node{statement}
	if statement.kind == arrayNode {
		items = statement.items
	}
	if len(items) == 0 {
		return p.words.empty
	}
	for _, n := range items {
		if problem := p.readStatement(n); problem != "" {
			return problem
		}
	}
	return ""
}

func (p *parser) readStatement(n *node) string {
	if n.kind != objectNode {
		return p.words.syntax
	}
	w := &written{start: n.start, end: n.end}
	hasEffect := false
	for _, m := range n.members {
		ok := true
		switch m.name {
		case "Sid":
			ok, w.sid = m.value.kind == stringNode, m.value.text
		case "Effect":
			hasEffect = true
			ok, w.effect = m.value.kind == stringNode, m.value.text
		case "Action":
			w.action, ok = m.value.strings()
			w.hasAction = true
		case "NotAction":
			w.notAction, ok = m.value.strings()
			w.hasNotAction = true
		case "Resource":
			w.resource, ok = m.value.strings()
			w.hasResource = true
		case "NotResource":
			w.notResource, ok = m.value.strings()
			w.hasNotResource = true
		case "Principal":
			w.principal = m.value
		case "NotPrincipal":
			w.notPrincipal = m.value
		case "Condition":
			ok, w.condition = m.value.kind == objectNode, m.value
		default:
			return p.words.unknown
		}
		if !ok {
			return p.words.syntax
		}
	}
	switch {
	case !hasEffect:
		return p.words.noEffect
	case !strings.EqualFold(w.effect, "Allow") && !strings.EqualFold(w.effect, "Deny"):
		return p.words.badEffect(w.effect)
	case w.hasAction && w.hasNotAction, w.hasResource && w.hasNotResource, w.principal != nil && w.notPrincipal != nil:
		return p.words.syntax
	}
	p.statements = append(p.statements, w)
	return p.readConditions(w)
}

// readConditions checks the form; values that an operator cannot compare with are
// found by legacy, as IAM finds them later too.
func (p *parser) readConditions(w *written) string {
	if w.condition == nil {
		return ""
	}
	for _, m := range w.condition.members {
		if m.value.kind != objectNode {
			return p.words.syntax
		}
		if _, ok := parseTest(m.name); !ok {
			return p.words.operator(m.name)
		}
		seen := map[string]bool{}
		for _, k := range m.value.members {
			_, ok := k.value.scalars()
			lower := strings.ToLower(k.name)
			if !ok || k.name == "" || seen[lower] {
				return p.words.syntax
			}
			seen[lower] = true
		}
	}
	return ""
}

// compile makes what check found nothing wrong with.
func (p *parser) compile(w *written) (*statement, bool) {
	s := &statement{
		Statement:     Statement{SID: w.sid, Deny: w.effect == "Deny", Start: w.start, End: w.end},
		notActions:    w.hasNotAction,
		notResources:  w.hasNotResource,
		anywhere:      p.kind == Trust,
		principals:    w.compiledPrincipals,
		notPrincipals: w.notPrincipal != nil,
		conditions:    w.compiledConditions,
	}
	for _, a := range slices.Concat(w.action, w.notAction) {
		s.actions = append(s.actions, newAction(a))
	}
	for _, text := range slices.Concat(w.resource, w.notResource) {
		r, ok := newResource(text, p.document.version == version2012)
		if !ok {
			return nil, false
		}
		s.resources = append(s.resources, r)
	}
	return s, true
}
