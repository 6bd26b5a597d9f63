// Package grammar writes GBNF, the grammars by which llama.cpp keeps a model to
// a form, and compiles JSON Schema to it.
//
// It is pure: it samples nothing and checks no values. Every text of a schema's
// rule is JSON that fits the schema. Not every JSON that fits is one: members
// come in the order of the schema, those that it does not name do not come, and
// numbers have at most 15 digits. A keyword that would need more than a grammar
// can say is an Unsupported error that names it; what only describes is ignored.
package grammar

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Bounds of what is compiled.
const (
	mostSchema = 256 << 10 // bytes
	mostRules  = 4000
	mostText   = 512 << 10 // bytes of a grammar
	mostDepth  = 64
	mostRepeat = 2000 // the library takes more for "any number"
	// mostRepeats bounds the repetitions of a grammar together: the library makes
	// a rule of each.
	mostRepeats = 100_000
	mostPattern = 4 << 10 // bytes of a regular expression
	// mostWork bounds the steps that a grammar takes. References let a small
	// schema ask for more of them than there is time.
	mostWork = 16 << 20
)

// Unsupported is a keyword that cannot be compiled.
type Unsupported struct {
	Keyword string
	Path    string // JSON pointer of the schema that has it
	Why     string // empty: as such
}

// Error implements error.
func (e *Unsupported) Error() string {
	s := fmt.Sprintf("the keyword %s at #%s is not supported", e.Keyword, e.Path)
	if e.Why != "" {
		s += ": " + e.Why
	}
	return s
}

var (
	errTooLarge = errors.New("the schema is too large")
	errNotJSON  = errors.New("the schema is not JSON")
)

// Builder collects rules. Its zero value is ready.
type Builder struct {
	rules strings.Builder
	known map[string]bool
	count int
	err   error

	work    int // steps done
	repeats int // in the rules
}

// spend counts steps; false: there have been too many.
func (b *Builder) spend(steps int) bool {
	if b.work += max(steps, 0); b.work > mostWork || b.work < 0 {
		b.err = errTooLarge
	}
	return b.err == nil
}

// Add writes a rule and returns its name, which is hint with a number behind it.
func (b *Builder) Add(hint, body string) string {
	name := b.reserve(hint)
	b.define(name, body)
	return name
}

func (b *Builder) reserve(hint string) string {
	b.count++
	return fmt.Sprintf("%s-%d", hint, b.count)
}

func (b *Builder) define(name, body string) {
	if b.count > mostRules || b.rules.Len()+len(body) > mostText {
		b.err = errTooLarge
		return
	}
	fmt.Fprintf(&b.rules, "%s ::= %s\n", name, body)
}

// Grammar returns the grammar whose root is body.
func (b *Builder) Grammar(body string) (string, error) {
	if b.err != nil {
		return "", b.err
	}
	return "root ::= " + body + "\n" + b.rules.String(), nil
}

// Literal is an expression for a text.
func Literal(text string) string {
	var s strings.Builder
	s.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			s.WriteByte('\\')
			s.WriteRune(r)
		case r == '\n':
			s.WriteString(`\n`)
		case r == '\r':
			s.WriteString(`\r`)
		case r == '\t':
			s.WriteString(`\t`)
		case r < ' ' || r == 0x7f || r == utf8.RuneError:
			fmt.Fprintf(&s, `\U%08X`, r)
		default:
			s.WriteRune(r)
		}
	}
	s.WriteByte('"')
	return s.String()
}

// Any is an expression for one of several.
func Any(expressions ...string) string {
	if len(expressions) == 1 {
		return expressions[0]
	}
	return "(" + strings.Join(expressions, " | ") + ")"
}

// Before is an expression for text without a mark in it, as it stands before
// one. The mark's first character occurs in it once.
func (b *Builder) Before(mark string) string {
	runes := []rune(mark)
	alternatives := []string{"[^" + class(runes[0]) + "]"}
	for i := 1; i < len(runes); i++ {
		alternatives = append(alternatives, Literal(string(runes[:i]))+" [^"+class(runes[i])+class(runes[0])+"]")
	}
	return b.Add("before", strings.Join(alternatives, " | ")) + "*"
}

func class(r rune) string { return fmt.Sprintf(`\U%08X`, r) }

// shared writes the rules that schemas have in common, once, when they are
// needed.
func (b *Builder) shared(name string) string {
	if b.known[name] {
		return name
	}
	if b.known == nil {
		b.known = map[string]bool{}
	}
	b.known[name] = true
	switch name {
	case "comma":
		b.define(name, `"," " "?`)
	case "colon":
		b.define(name, `":" " "?`)
	case "char":
		b.define(name, `[^"\\\x00-\x1F\x7F] | "\\" ["\\/bfnrt]`)
	case "string":
		b.define(name, `"\"" `+b.shared("char")+`* "\""`)
	case "digits":
		b.define(name, `"0" | [1-9] [0-9]{0,14}`)
	case "integer":
		b.define(name, `"-" [1-9] [0-9]{0,14} | `+b.shared("digits"))
	case "number":
		b.define(name, `"-"? `+b.shared("digits")+` ("." [0-9]{1,9})? ([eE] [-+]? [0-9]{1,2})?`)
	case "value":
		b.define(name, strings.Join([]string{
			b.shared("object"), b.shared("array"), b.shared("string"), b.shared("number"), `"true"`, `"false"`, `"null"`,
		}, " | "))
	case "object":
		b.define(name, `"{" (`+b.shared("pair")+` (`+b.shared("comma")+` pair)*)? "}"`)
	case "pair":
		b.define(name, b.shared("string")+` `+b.shared("colon")+` `+b.shared("value"))
	case "array":
		b.define(name, `"[" (`+b.shared("value")+` (`+b.shared("comma")+` value)*)? "]"`)
	}
	return name
}

// Object is the rule of any JSON object.
func (b *Builder) Object() string { return b.shared("object") }
