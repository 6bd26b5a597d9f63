package policy

import (
	"strings"
	"unicode/utf8"
)

// part is a piece of a pattern.
type part struct {
	kind partKind
	text string // of a literal
	*variable
}

// variable is what "${key, 'fallback'}" says.
type variable struct {
	key     key
	written string // as the document has it
	// fallback is what the variable is worth when the request lacks its key.
	fallback    string
	hasFallback bool
}

type partKind uint8

const (
	literalPart partKind = iota
	anyPart              // "*": any number of characters
	onePart              // "?": exactly one
	variablePart
)

// pattern is a text with wildcards and policy variables.
type pattern struct {
	parts     []part
	variables bool
}

// parsePattern reads a text. Without wild, "*" and "?" are characters like any
// other; without variables, so are "${" and "}". It reports false for a variable
// that has no end or is not one.
func parsePattern(text string, wild, variables bool) (pattern, bool) {
	var p pattern
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			p.parts = append(p.parts, part{text: literal.String()})
			literal.Reset()
		}
	}
	special := ""
	if wild {
		special = "*?"
	}
	if variables {
		special += "$"
	}
	for text != "" {
		i := strings.IndexAny(text, special)
		if i < 0 {
			literal.WriteString(text)
			break
		}
		literal.WriteString(text[:i])
		c := text[i]
		text = text[i+1:]
		switch {
		case c == '*':
			flush()
			if n := len(p.parts); n == 0 || p.parts[n-1].kind != anyPart {
				p.parts = append(p.parts, part{kind: anyPart})
			}
		case c == '?':
			flush()
			p.parts = append(p.parts, part{kind: onePart})
		case !strings.HasPrefix(text, "{"):
			literal.WriteByte('$')
		default:
			v, rest, ok := parseVariable(text[1:])
			if !ok {
				return pattern{}, false
			}
			text = rest
			if v.kind == literalPart {
				literal.WriteString(v.text)
				continue
			}
			flush()
			p.parts = append(p.parts, v)
			p.variables = true
		}
	}
	flush()
	return p, true
}

// parseVariable reads what follows "${", up to and with "}".
func parseVariable(text string) (v part, rest string, ok bool) {
	i := strings.IndexAny(text, ",}")
	if i < 0 {
		return part{}, "", false
	}
	name := strings.TrimSpace(text[:i])
	if name == "*" || name == "?" || name == "$" {
		return part{text: name}, text[i+1:], text[i] == '}'
	}
	if name == "" || strings.ContainsAny(name, " ${'\"*?") {
		return part{}, "", false
	}
	v = part{kind: variablePart, variable: &variable{key: newKey(name), written: name}}
	if text[i] == '}' {
		return v, text[i+1:], true
	}
	quoted, ok := strings.CutPrefix(strings.TrimLeft(text[i+1:], " "), "'")
	if !ok {
		return part{}, "", false
	}
	v.fallback, rest, ok = strings.Cut(quoted, "'")
	v.hasFallback = true
	if !ok {
		return part{}, "", false
	}
	rest, ok = strings.CutPrefix(strings.TrimLeft(rest, " "), "}")
	return v, rest, ok
}

// onStack is how many parts a pattern with variables may have before matching
// it allocates.
const onStack = 12

// matches reports whether the pattern covers all of s. A pattern with a variable
// that the request leaves without one value covers nothing, and resolved is false.
func (p *pattern) matches(s string, values *lookup) (matched, resolved bool) {
	if !p.variables {
		return p.covers(s), true
	}
	if p.parts[0].kind == literalPart && !strings.HasPrefix(s, p.parts[0].text) {
		// Whatever the variables are worth: but whether they are worth anything
		// has to be known, for a negation.
		return false, p.known(values)
	}
	var room [onStack]part
	parts, ok := expand(room[:0], p.parts, values)
	return ok && glob(parts, s), ok
}

// covers is matches for a pattern without variables: most are a text, or a text
// and a star.
func (p *pattern) covers(s string) bool {
	switch {
	case len(p.parts) == 1 && p.parts[0].kind == literalPart:
		return p.parts[0].text == s
	case len(p.parts) == 1 && p.parts[0].kind == anyPart:
		return true
	case len(p.parts) == 2 && p.parts[0].kind == literalPart && p.parts[1].kind == anyPart:
		return strings.HasPrefix(s, p.parts[0].text)
	}
	return glob(p.parts, s)
}

func (p *pattern) known(values *lookup) bool {
	for i := range p.parts {
		if p.parts[i].kind == variablePart {
			if _, ok := p.parts[i].resolve(values); !ok {
				return false
			}
		}
	}
	return true
}

// expand appends parts to dst with the variables replaced by what they are
// worth. A wildcard in a value stays a character.
func expand(dst, parts []part, values *lookup) ([]part, bool) {
	for _, q := range parts {
		if q.kind == variablePart {
			text, ok := q.resolve(values)
			if !ok {
				return nil, false
			}
			q = part{text: text}
		}
		dst = append(dst, q)
	}
	return dst, true
}

func (v *variable) resolve(values *lookup) (string, bool) {
	found, ok := values.get(v.key)
	switch {
	case ok && len(found) == 1:
		return found[0], true
	case !ok && v.hasFallback:
		return v.fallback, true
	}
	return "", false // no value, or several: which one would be meant
}

// glob matches parts without variables. After a mismatch only the latest "*" has
// to be tried further: whatever an earlier one could cover in addition, the
// latest can cover too. So the time is at most the product of the two lengths.
func glob(parts []part, s string) bool {
	star, mark := -1, 0
	i, at := 0, 0
	for {
		switch {
		case i == len(parts):
			if at == len(s) {
				return true
			}
		case parts[i].kind == anyPart:
			if i+1 == len(parts) {
				return true
			}
			star, mark = i, at
			i++
			continue
		case parts[i].kind == onePart:
			if at < len(s) {
				_, size := utf8.DecodeRuneInString(s[at:])
				at += size
				i++
				continue
			}
		case strings.HasPrefix(s[at:], parts[i].text):
			at += len(parts[i].text)
			i++
			continue
		}
		if star < 0 || mark == len(s) {
			return false
		}
		_, size := utf8.DecodeRuneInString(s[mark:])
		mark += size
		i = star + 1
		if next := &parts[i]; next.kind == literalPart {
			skip := strings.Index(s[mark:], next.text)
			if skip < 0 {
				return false
			}
			mark += skip
		}
		at = mark
	}
}
