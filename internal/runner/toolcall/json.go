package toolcall

import (
	"bytes"
	"encoding/json"
)

// scan finds the end of a JSON value, byte by byte. It counts brackets and
// knows strings; whether the value is JSON is for whoever has all of it.
type scan struct {
	depth           int
	quoted, escaped bool
	literal         bool // a number, true, false or null: it ends before the byte behind it
}

// begin takes the first byte and reports whether a value can begin with it.
func (s *scan) begin(b byte) bool {
	*s = scan{}
	switch {
	case b == '{' || b == '[':
		s.depth = 1
	case b == '"':
		s.quoted = true
	case b == '-' || b == 't' || b == 'f' || b == 'n' || b >= '0' && b <= '9':
		s.literal = true
	default:
		return false
	}
	return true
}

// next takes a further byte. ended says that the value is over, and own that the
// byte is part of it.
func (s *scan) next(b byte) (ended, own bool) {
	switch {
	case s.literal:
		if b == ',' || b == '}' || b == ']' || isSpace(b) {
			return true, false
		}
	case s.escaped:
		s.escaped = false
	case s.quoted:
		switch b {
		case '\\':
			s.escaped = true
		case '"':
			s.quoted = false
			return s.depth == 0, true
		}
	case b == '"':
		s.quoted = true
	case b == '{' || b == '[':
		s.depth++
	case b == '}' || b == ']':
		s.depth--
		return s.depth == 0, true
	}
	return false, true
}

// argsReader sends an object as a call's input while it comes.
type argsReader struct {
	s   scan
	all []byte
}

func (a *argsReader) begin(p *Parser, b byte) {
	a.s.begin(b)
	a.all = append(a.all, b)
	p.emit(Input, b)
}

// step answers done with the object's last byte.
func (a *argsReader) step(p *Parser, b byte) verdict {
	ended, _ := a.s.next(b)
	a.all = append(a.all, b)
	p.emit(Input, b)
	if !ended {
		return more
	}
	if !isObject(a.all) {
		return corrupt
	}
	p.finish()
	return done
}

// objectReader reads {"name": …, "arguments": {…}}, with the members that
// models also write. The input is sent as it comes when the name came first.
type objectReader struct {
	state objectState
	key   []byte
	value []byte
	s     scan

	name string
	args []byte
	live *argsReader
	sent bool
	// actions: the name is called tool_name.
	actions bool
}

type objectState uint8

const (
	wantKey objectState = iota // or the end
	inKey
	wantColon
	wantValue
	inValue
	wantComma // or the end
)

// step takes the bytes behind the opening brace. done comes with the closing
// one.
func (o *objectReader) step(p *Parser, b byte) verdict {
	if o.live != nil {
		v := o.live.step(p, b)
		if v == done {
			o.live, o.state = nil, wantComma
			return more
		}
		return v
	}
	if isSpace(b) && o.state != inKey && o.state != inValue {
		return more
	}
	switch o.state {
	case wantKey:
		switch b {
		case '"':
			o.state, o.key = inKey, o.key[:0]
		case '}':
			return o.close(p)
		default:
			return reject
		}
	case inKey:
		if b != '"' {
			o.key = append(o.key, b)
			break
		}
		if !isMember(string(o.key)) && !o.sent && (!o.actions || string(o.key) != "tool_name" && string(o.key) != "tool_call_id") {
			return reject
		}
		o.state = wantColon
	case wantColon:
		if b != ':' {
			return reject
		}
		o.state = wantValue
	case wantValue:
		return o.begin(p, b)
	case inValue:
		ended, own := o.s.next(b)
		if own {
			o.value = append(o.value, b)
		}
		if !ended {
			break
		}
		o.state = wantComma
		if !o.take(p) {
			return reject
		}
		if !own {
			return o.step(p, b)
		}
	case wantComma:
		switch b {
		case ',':
			o.state = wantKey
		case '}':
			return o.close(p)
		default:
			return reject
		}
	}
	return more
}

func isMember(key string) bool {
	switch key {
	case "name", "arguments", "parameters", "type", "id", "function":
		return true
	}
	return false
}

func isInput(key []byte) bool {
	return string(key) == "arguments" || string(key) == "parameters"
}

func (o *objectReader) begin(p *Parser, b byte) verdict {
	if !o.s.begin(b) {
		return reject
	}
	o.state, o.value = inValue, append(o.value[:0], b)
	if isInput(o.key) && b == '{' && o.name != "" && !o.sent {
		p.start(o.name)
		o.sent, o.live = true, &argsReader{}
		o.live.begin(p, b)
	}
	return more
}

// take looks at a member that is whole; false means that this is no call.
func (o *objectReader) take(p *Parser) bool {
	if o.sent {
		return true
	}
	switch key := string(o.key); {
	case key == "name" || o.actions && key == "tool_name" || key == "function" && o.value[0] == '"':
		var name string
		if json.Unmarshal(o.value, &name) != nil || !p.names[name] {
			return false
		}
		o.name = name
	case key == "function":
		var f struct {
			Name                  string
			Arguments, Parameters json.RawMessage
		}
		if json.Unmarshal(o.value, &f) != nil || !p.names[f.Name] {
			return false
		}
		o.name = f.Name
		if f.Arguments == nil {
			f.Arguments = f.Parameters
		}
		return o.input(f.Arguments)
	case isInput(o.key):
		return o.input(o.value)
	}
	return true
}

// input takes a call's input, an object or an object written into a string.
func (o *objectReader) input(raw []byte) bool {
	var text string
	switch {
	case len(raw) == 0 || string(raw) == "null":
		o.args = []byte("{}")
		return true
	case json.Unmarshal(raw, &text) == nil:
		if text == "" {
			text = "{}"
		}
		raw = []byte(text)
	}
	if !isObject(raw) {
		return false
	}
	o.args = bytes.Clone(bytes.TrimSpace(raw))
	return true
}

func (o *objectReader) close(p *Parser) verdict {
	switch {
	case o.sent:
		p.held = p.held[:0]
		return done
	case o.name == "":
		return reject
	}
	p.whole(o.name, o.args)
	return done
}
