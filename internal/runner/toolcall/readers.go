package toolcall

import (
	"encoding/json"
	"strings"
)

// tagReader reads calls behind a mark: an object or a list of them, and where
// the family writes such, code, XML, or a name and its input.
type tagReader struct {
	opener  int      // bytes of the mark
	closers []string // one of them may end the call
	code    bool     // Python
	named   bool     // name[ARGS]{…}
	bare    bool     // there is no mark
	glm     bool     // a name and pairs of members
	invoke  bool     // several names with pairs of members

	part   tagPart
	list   bool
	object objectReader
	args   argsReader
	text   []byte // of a header or of code
	xml    xmlReader
	pairs  pairReader
	py     pyReader
	tail   tailReader
}

type tagPart uint8

const (
	atLead tagPart = iota
	atElement
	atObject
	atHeader
	atArgs
	atCode
	atXML
	atPairs
	atInvoke // behind a call, before another one or the end
	atNext   // behind an element of a list
	atTail
)

func (r *tagReader) step(p *Parser, b byte) verdict {
	switch r.part {
	case atLead:
		if isSpace(b) {
			return more
		}
		if b == '[' {
			r.list, r.part = true, atElement
			return more
		}
		return r.element(b)
	case atElement:
		if isSpace(b) {
			return more
		}
		return r.element(b)
	case atObject:
		return r.after(p, b, r.object.step(p, b))
	case atHeader:
		return r.header(p, b)
	case atArgs:
		return r.after(p, b, r.args.step(p, b))
	case atCode:
		return r.after(p, b, r.py.step(p, b))
	case atXML:
		return r.after(p, b, r.xml.step(p, b))
	case atPairs:
		v := r.pairs.step(p, b)
		if v == done && r.invoke {
			r.part, r.text, p.held = atInvoke, nil, p.held[:0]
			return more
		}
		return v
	case atInvoke:
		return r.next(p, b)
	case atNext:
		switch {
		case isSpace(b):
			return more
		case b == ',':
			r.part = atElement
			return more
		case b == ']':
			p.held = p.held[:0]
			return r.close()
		}
		return reject
	}
	return r.tail.step(p, b)
}

// element begins what the next byte says.
func (r *tagReader) element(b byte) verdict {
	switch {
	case b == '{':
		r.part, r.object = atObject, objectReader{actions: r.object.actions}
	case r.glm && isName(b):
		r.part, r.pairs = atPairs, pairReader{form: glmForm(), text: []byte{b}}
	case r.invoke && b == '<':
		r.part, r.pairs = atPairs, pairReader{form: invokeForm(), text: []byte{b}}
	case r.code && isName(b):
		r.part, r.py = atCode, pyReader{text: []byte{b}}
	case r.named && !r.list && isName(b):
		r.part, r.text = atHeader, []byte{b}
	case b == '<' && !r.list && !r.code && !r.named && !r.bare:
		r.part, r.xml = atXML, xmlReader{text: []byte{b}}
	default:
		return reject
	}
	return more
}

// after goes on when an element is over.
func (r *tagReader) after(p *Parser, b byte, v verdict) verdict {
	switch {
	case v == reject && p.calls > p.before && !p.open && r.part == atObject && r.object.sent && !r.list:
		// A closing brace is missing: the call is whole, and its mark may end it.
		v := r.close()
		if v == done {
			return reject
		}
		return r.tail.step(p, b)
	case v != done:
		return v
	case r.list:
		r.part = atNext
		return more
	}
	return r.close()
}

// next tells another call from the end of them all.
func (r *tagReader) next(p *Parser, b byte) verdict {
	if len(r.text) == 0 && isSpace(b) {
		return more
	}
	r.text = append(r.text, b)
	const another = "<invoke"
	switch {
	case strings.HasPrefix(r.closers[0], string(r.text)):
		if len(r.text) < len(r.closers[0]) {
			return more
		}
		p.held = p.held[:0]
		return done
	case string(r.text) == another:
		p.before = p.calls // until its name is known it may be text
		r.part, r.pairs = atPairs, pairReader{form: invokeForm(), text: []byte(another)}
		return more
	case strings.HasPrefix(another, string(r.text)):
		return more
	}
	return reject
}

func (r *tagReader) close() verdict {
	if len(r.closers) == 0 {
		return done
	}
	r.part, r.tail = atTail, tailReader{closers: r.closers}
	return more
}

// header reads a name up to its input.
func (r *tagReader) header(p *Parser, b byte) verdict {
	if b != '{' {
		if r.text = append(r.text, b); len(r.text) > 300 {
			return reject
		}
		return more
	}
	name, _, _ := strings.Cut(string(r.text), "[")
	if name = strings.TrimSpace(name); !p.names[name] {
		return reject
	}
	p.start(name)
	r.part, r.args = atArgs, argsReader{}
	r.args.begin(p, b)
	return more
}

func isName(b byte) bool {
	return b == '_' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// tailReader reads one of several texts, which may also be missing. A list that
// goes on takes them all, in order.
type tailReader struct {
	closers []string
	all     bool
	text    []byte
}

func (t *tailReader) step(p *Parser, b byte) verdict {
	if len(t.text) == 0 && isSpace(b) {
		return more
	}
	t.text = append(t.text, b)
	for i, c := range t.closers {
		if !strings.HasPrefix(c, string(t.text)) {
			continue
		}
		if len(c) > len(t.text) {
			return more
		}
		p.held = p.held[:0]
		if t.closers, t.text = t.closers[i+1:], nil; t.all && len(t.closers) > 0 {
			return more
		}
		return done
	}
	return reject
}

// sepReader reads the calls of DeepSeek: the name, or "function" and then the
// name, around a mark, and then JSON, fenced or not.
type sepReader struct {
	head, pre []byte
	args      argsReader
	tail      tailReader
	part      tagPart
}

func (r *sepReader) step(p *Parser, b byte) verdict {
	switch r.part {
	case atLead:
		r.head = append(r.head, b)
		if strings.HasSuffix(string(r.head), sepMark) {
			r.head, r.part = r.head[:len(r.head)-len(sepMark)], atHeader
		} else if len(r.head) > 300 {
			return reject
		}
	case atHeader:
		if b != '{' {
			if r.pre = append(r.pre, b); len(r.pre) > 300 {
				return reject
			}
			return more
		}
		name, rest := strings.TrimSpace(string(r.head)), string(r.pre)
		if !p.names[name] {
			name, rest, _ = strings.Cut(strings.TrimLeft(rest, " \n"), "\n")
			name = strings.TrimSpace(name)
		}
		if rest = strings.TrimSpace(rest); !p.names[name] || rest != "" && rest != "```json" && rest != "```" {
			return reject
		}
		p.start(name)
		r.part = atArgs
		r.args.begin(p, b)
	case atArgs:
		if v := r.args.step(p, b); v != done {
			return v
		}
		r.part, r.tail = atTail, tailReader{closers: []string{"```", callEnd}, all: true}
	default:
		return r.tail.step(p, b)
	}
	return more
}

// xmlReader reads the calls of Qwen3-Coder:
//
//	<function=name>
//	<parameter=key>
//	value
//	</parameter>
//	</function>
type xmlReader struct {
	text    []byte // not read yet
	name    string
	members int
}

func (r *xmlReader) step(p *Parser, b byte) verdict {
	r.text = append(r.text, b)
	if b != '>' {
		const open = "<function="
		if r.name == "" && len(r.text) <= len(open) && !strings.HasPrefix(open, string(r.text)) || len(r.text) > mostHeld {
			return r.broken()
		}
		return more
	}
	text := strings.TrimLeft(string(r.text), " \n\t\r")
	if r.name == "" {
		name, ok := strings.CutPrefix(text, "<function=")
		if name = strings.TrimSuffix(name, ">"); !ok || !p.names[name] {
			return reject
		}
		p.start(name)
		r.name, r.text = name, nil
		return more
	}
	if text == "</function>" {
		if r.members > 0 {
			p.emit(Input, '}')
		}
		p.finish()
		return done
	}
	key, ok := strings.CutPrefix(text, "<parameter=")
	if !ok {
		return corrupt
	}
	key, value, ok := strings.Cut(key, ">")
	if !ok {
		return corrupt
	}
	value, ok = strings.CutSuffix(value, "</parameter>")
	if !ok {
		return more
	}
	value = strings.TrimSuffix(strings.TrimPrefix(value, "\n"), "\n")
	sep := byte('{')
	if r.members++; r.members > 1 {
		sep = ','
	}
	p.emit(Input, sep)
	p.emit(Input, quoteText(key)...)
	p.emit(Input, ':')
	p.emit(Input, p.typed(r.name, key, value)...)
	r.text = nil
	return more
}

func (r *xmlReader) broken() verdict {
	if r.name != "" {
		return corrupt
	}
	return reject
}

// typed brings a value that was written as plain text into JSON.
func (p *Parser) typed(tool, member, value string) []byte {
	kind := ""
	if p.types != nil {
		kind = p.types(tool, member)
	}
	if kind != "string" {
		trimmed := strings.TrimSpace(value)
		switch trimmed {
		case "True":
			trimmed = "true"
		case "False":
			trimmed = "false"
		case "None":
			trimmed = "null"
		}
		if (kind != "" || trimmed != "") && json.Valid([]byte(trimmed)) {
			return []byte(trimmed)
		}
	}
	return quoteText(value)
}

// quoteText writes a text as JSON.
func quoteText(text string) []byte {
	quoted, err := json.Marshal(text)
	if err != nil {
		return []byte(`""`) // a text can always be written
	}
	return quoted
}
