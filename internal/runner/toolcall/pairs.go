package toolcall

import (
	"bytes"
	"strings"
)

// pairReader reads calls whose input is written member by member, as plain text
// between marks. It reads a call's name first.
type pairReader struct {
	form    pairForm
	text    []byte // not read yet
	name    string
	members int
}

// pairForm is how a family writes such calls.
type pairForm struct {
	// name takes a call's name from the beginning of a text that ends with '>'; ok
	// says that it is whole, and rest is what of the text is behind it. wrong: no
	// call begins so.
	name func(text string) (name, rest string, ok, wrong bool)
	// member takes a member from a text that ends with '>'; ok and wrong as above.
	member func(text string) (key, value string, ok, wrong bool)
	// end are the texts of which one ends the call.
	end string
	// own says that end belongs to the call and not to what is around several.
	own bool
}

// Of GLM: name, <arg_key>key</arg_key>, <arg_value>value</arg_value>, up to
// </tool_call>, with and without line breaks in between.
func glmForm() pairForm {
	return pairForm{
		end: "</tool_call>",
		name: func(text string) (string, string, bool, bool) {
			i := strings.IndexByte(text, '<')
			if i < 0 {
				return "", "", false, true // ">" without a mark
			}
			rest := text[i:]
			return strings.TrimSpace(text[:i]), rest, true, rest != "<arg_key>" && rest != "</tool_call>"
		},
		member: func(text string) (key, value string, ok, wrong bool) {
			rest, begun := strings.CutPrefix(text, "<arg_key>")
			if !begun {
				return "", "", false, true
			}
			key, rest, ok = strings.Cut(rest, "</arg_key>")
			if !ok {
				return "", "", false, false
			}
			if rest = strings.TrimLeft(rest, " \n\t\r"); rest == "" {
				return "", "", false, false
			}
			value, begun = strings.CutPrefix(rest, "<arg_value>")
			if !begun {
				return "", "", false, true
			}
			value, ok = strings.CutSuffix(value, "</arg_value>")
			return strings.TrimSpace(key), value, ok, false
		},
	}
}

// Of MiniMax: <invoke name="name">, <parameter name="key">value</parameter>, up to
// </invoke>, several of them between the same marks.
func invokeForm() pairForm {
	attribute := func(text, tag string) (value, rest string, ok bool) {
		if rest, ok = strings.CutPrefix(text, "<"+tag+" name="); !ok {
			return "", "", false
		}
		value, rest, ok = strings.Cut(rest, ">")
		return strings.Trim(value, `"'`), rest, ok
	}
	return pairForm{
		end: "</invoke>", own: true,
		name: func(text string) (string, string, bool, bool) {
			name, rest, ok := attribute(text, "invoke")
			return name, rest, ok, !ok
		},
		member: func(text string) (key, value string, ok, wrong bool) {
			key, rest, begun := attribute(text, "parameter")
			if !begun {
				return "", "", false, true
			}
			value, ok = strings.CutSuffix(rest, "</parameter>")
			return key, value, ok, false
		},
	}
}

func (r *pairReader) step(p *Parser, b byte) verdict {
	r.text = append(r.text, b)
	if b != '>' {
		if r.name == "" && len(r.text) > mostName {
			return reject
		}
		return more
	}
	text := strings.TrimLeft(string(r.text), " \n\t\r")
	if r.name == "" {
		name, rest, ok, wrong := r.form.name(text)
		if wrong || ok && !p.names[name] {
			return reject
		}
		if !ok {
			return more
		}
		p.start(name)
		r.name, r.text, text = name, []byte(rest), rest
		if rest == "" {
			return more
		}
	}
	if text == r.form.end {
		if r.members > 0 {
			p.emit(Input, '}')
		}
		p.finish()
		return done
	}
	key, value, ok, wrong := r.form.member(text)
	switch {
	case wrong:
		return corrupt
	case !ok:
		return more
	}
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

// mostName bounds in bytes what comes before the name of a call is known.
const mostName = 300

// argumentReader reads the calls of Kimi: functions.name:0, a mark, JSON, a mark.
type argumentReader struct {
	head []byte
	args argsReader
	tail tailReader
	part tagPart
}

func (r *argumentReader) step(p *Parser, b byte) verdict {
	switch r.part {
	case atLead:
		r.head = append(r.head, b)
		head, ok := bytes.CutSuffix(r.head, []byte(argumentBegin))
		if !ok {
			if len(r.head) > mostName {
				return reject
			}
			return more
		}
		name, _, _ := strings.Cut(strings.TrimSpace(string(head)), ":")
		if name = strings.TrimPrefix(name, "functions."); !p.names[name] {
			return reject
		}
		p.start(name)
		r.part = atElement
	case atElement:
		switch {
		case isSpace(b):
		case b == '{':
			r.part = atArgs
			r.args.begin(p, b)
		default:
			return corrupt
		}
	case atArgs:
		if v := r.args.step(p, b); v != done {
			return v
		}
		r.part, r.tail = atTail, tailReader{closers: []string{kimiCallEnd}}
	default:
		return r.tail.step(p, b)
	}
	return more
}
