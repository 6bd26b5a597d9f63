package toolcall

import (
	"bytes"
	"encoding/json"
	"strings"
)

// pyReader reads name(key=value, …), as Python writes it: models that were
// trained on code do.
type pyReader struct {
	text    []byte
	depth   int
	quote   byte
	escaped bool
}

func (r *pyReader) step(p *Parser, b byte) verdict {
	r.text = append(r.text, b)
	switch {
	case r.escaped:
		r.escaped = false
	case r.quote != 0:
		switch b {
		case '\\':
			r.escaped = true
		case r.quote:
			r.quote = 0
		}
	case b == '"' || b == '\'':
		r.quote = b
	case b == '(':
		if r.depth++; r.depth == 1 && !r.callable(p) {
			return reject
		}
	case b == ')':
		if r.depth--; r.depth == 0 {
			return r.close(p)
		}
	case r.depth == 0 && !isName(b) && b != '.' && (b < '0' || b > '9') && b != '-':
		return reject
	}
	return more
}

// callable reports whether the name before the bracket can be called.
func (r *pyReader) callable(p *Parser) bool {
	name := string(r.text[:len(r.text)-1])
	return name == "print" || p.names[toolName(p, name)]
}

func toolName(p *Parser, name string) string {
	if p.names[name] {
		return name
	}
	name = strings.TrimSuffix(name, ".call")
	return name[strings.LastIndexByte(name, '.')+1:]
}

func (r *pyReader) close(p *Parser) verdict {
	name, rest, _ := strings.Cut(string(r.text), "(")
	if name == "print" && !p.names[name] {
		rest = strings.TrimSpace(strings.TrimSuffix(rest, ")"))
		if name, rest, _ = strings.Cut(rest, "("); !p.names[toolName(p, name)] {
			return reject
		}
	}
	in := pyInput{text: rest}
	object, ok := in.members()
	if !ok {
		return reject
	}
	p.whole(toolName(p, name), object)
	return done
}

// pyInput brings Python's literals into JSON.
type pyInput struct {
	text  string
	depth int
}

func (in *pyInput) space() { in.text = strings.TrimLeft(in.text, " \t\r\n") }

func (in *pyInput) take(s string) bool {
	in.space()
	rest, ok := strings.CutPrefix(in.text, s)
	if ok {
		in.text = rest
	}
	return ok
}

// members reads key=value, … up to the closing bracket, which ends the text.
func (in *pyInput) members() ([]byte, bool) {
	var b bytes.Buffer
	b.WriteByte('{')
	for !in.take(")") {
		if b.Len() > 1 && !in.take(",") {
			return nil, false
		}
		if b.Len() > 1 && in.take(")") {
			break
		}
		in.space()
		key, rest, ok := strings.Cut(in.text, "=")
		if key = strings.TrimSpace(key); !ok || key == "" || strings.IndexFunc(key, func(r rune) bool {
			return r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
		}) >= 0 {
			return nil, false
		}
		in.text = rest
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.Write(quoteText(key))
		b.WriteByte(':')
		if !in.value(&b) {
			return nil, false
		}
	}
	in.space()
	b.WriteByte('}')
	return b.Bytes(), in.text == "" && json.Valid(b.Bytes())
}

const deepestLiteral = 64

func (in *pyInput) value(b *bytes.Buffer) bool {
	if in.depth++; in.depth > deepestLiteral {
		return false
	}
	defer func() { in.depth-- }()
	in.space()
	if in.text == "" {
		return false
	}
	switch c := in.text[0]; c {
	case '"', '\'':
		return in.quoted(b)
	case '[', '(':
		end := map[byte]string{'[': "]", '(': ")"}[c]
		in.text = in.text[1:]
		b.WriteByte('[')
		for n := 0; !in.take(end); n++ {
			if n > 0 {
				if !in.take(",") {
					return false
				}
				if in.take(end) {
					break
				}
				b.WriteByte(',')
			}
			if !in.value(b) {
				return false
			}
		}
		b.WriteByte(']')
		return true
	case '{':
		in.text = in.text[1:]
		b.WriteByte('{')
		for n := 0; !in.take("}"); n++ {
			if n > 0 {
				if !in.take(",") {
					return false
				}
				if in.take("}") {
					break
				}
				b.WriteByte(',')
			}
			if in.space(); in.text == "" || in.text[0] != '"' && in.text[0] != '\'' {
				return false
			}
			if !in.quoted(b) || !in.take(":") {
				return false
			}
			b.WriteByte(':')
			if !in.value(b) {
				return false
			}
		}
		b.WriteByte('}')
		return true
	}
	n := strings.IndexAny(in.text, ",)]} \t\r\n")
	if n < 0 {
		return false
	}
	word := in.text[:n]
	in.text = in.text[n:]
	switch word {
	case "True", "true":
		word = "true"
	case "False", "false":
		word = "false"
	case "None", "null":
		word = "null"
	}
	if !json.Valid([]byte(word)) {
		return false
	}
	b.WriteString(word)
	return true
}

func (in *pyInput) quoted(b *bytes.Buffer) bool {
	quote := in.text[0]
	var s strings.Builder
	for i := 1; i < len(in.text); i++ {
		switch c := in.text[i]; c {
		case quote:
			in.text = in.text[i+1:]
			b.Write(quoteText(s.String()))
			return true
		case '\\':
			if i++; i == len(in.text) {
				return false
			}
			switch e := in.text[i]; e {
			case 'n':
				s.WriteByte('\n')
			case 't':
				s.WriteByte('\t')
			case 'r':
				s.WriteByte('\r')
			case '\\', '"', '\'':
				s.WriteByte(e)
			default:
				s.WriteByte('\\')
				s.WriteByte(e)
			}
		default:
			s.WriteByte(c)
		}
	}
	return false
}
