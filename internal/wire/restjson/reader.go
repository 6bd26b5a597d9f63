package restjson

import (
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds the nesting of arrays and objects in a body. Clients stay
// far below it; without a bound a body of brackets would exhaust the stack.
const maxDepth = 1000

// reader takes JSON apart in place: strictly RFC 8259, valid UTF-8, of bounded
// depth. Slices that it returns alias data unless a string had escapes.
type reader struct {
	data  []byte
	pos   int
	depth int
}

func (r *reader) fail(what string) error { return syntax(what, r.pos) }

// peek skips white space and returns the next byte, 0 at the end.
func (r *reader) peek() byte {
	for r.pos < len(r.data) {
		switch c := r.data[r.pos]; c {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return c
		}
	}
	return 0
}

// end demands that nothing but white space is left.
func (r *reader) end() error {
	if r.peek(); r.pos < len(r.data) {
		return r.fail("unexpected text after the value")
	}
	return nil
}

// open consumes the opening bracket that peek returned.
func (r *reader) open() error {
	r.pos++
	if r.depth++; r.depth > maxDepth {
		return r.fail("nesting is too deep")
	}
	return nil
}

// more reports whether a further element follows, consuming the comma before
// it or the closing bracket. first is true before the first element.
func (r *reader) more(closing byte, first bool) (bool, error) {
	c := r.peek()
	switch {
	case c == closing:
		r.pos++
		r.depth--
		return false, nil
	case first:
		return true, nil
	case c == ',':
		r.pos++
		if r.peek() == closing {
			return false, r.fail("unexpected comma")
		}
		return true, nil
	}
	return false, r.fail("expected a comma or a closing bracket")
}

// key reads an object key and the colon after it.
func (r *reader) key() ([]byte, error) {
	if r.peek() != '"' {
		return nil, r.fail("expected a string as the key")
	}
	k, err := r.str()
	if err != nil {
		return nil, err
	}
	if r.peek() != ':' {
		return nil, r.fail("expected a colon")
	}
	r.pos++
	return k, nil
}

// str reads the string that begins at pos, which peek has seen to be a quote.
func (r *reader) str() ([]byte, error) {
	start := r.pos + 1
	ascii := true
	for i := start; i < len(r.data); i++ {
		switch c := r.data[i]; {
		case c == '"':
			s := r.data[start:i:i]
			if !ascii && !utf8.Valid(s) {
				return nil, r.fail("invalid UTF-8")
			}
			r.pos = i + 1
			return s, nil
		case c == '\\':
			return r.escaped(start, i)
		case c < ' ':
			r.pos = i
			return nil, r.fail("control character in a string")
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	r.pos = len(r.data)
	return nil, r.fail("unexpected end")
}

// escaped continues str at the first backslash.
func (r *reader) escaped(start, i int) ([]byte, error) {
	out := append(make([]byte, 0, i-start+32), r.data[start:i]...)
	for i < len(r.data) {
		c := r.data[i]
		switch {
		case c == '"':
			if !utf8.Valid(out) {
				return nil, r.fail("invalid UTF-8")
			}
			r.pos = i + 1
			return out, nil
		case c < ' ':
			r.pos = i
			return nil, r.fail("control character in a string")
		case c != '\\':
			out = append(out, c)
			i++
			continue
		}
		r.pos = i
		if i+1 >= len(r.data) {
			break
		}
		i += 2
		switch e := r.data[i-1]; e {
		case '"', '\\', '/':
			out = append(out, e)
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			u, ok := hex4(r.data, i)
			if !ok {
				return nil, r.fail("invalid escape")
			}
			i += 4
			if utf16.IsSurrogate(u) {
				// A half without its other half becomes U+FFFD.
				var low rune
				if i+1 < len(r.data) && r.data[i] == '\\' && r.data[i+1] == 'u' {
					low, _ = hex4(r.data, i+2)
				}
				if u = utf16.DecodeRune(u, low); u != utf8.RuneError {
					i += 6
				}
			}
			out = utf8.AppendRune(out, u)
		default:
			return nil, r.fail("invalid escape")
		}
	}
	r.pos = len(r.data)
	return nil, r.fail("unexpected end")
}

func hex4(data []byte, i int) (rune, bool) {
	if i+4 > len(data) {
		return 0, false
	}
	var u rune
	for _, c := range data[i : i+4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		u = u<<4 | rune(c)
	}
	return u, true
}

// number reads the number that begins at pos.
func (r *reader) number() ([]byte, error) {
	start, i := r.pos, r.pos
	digits := func() bool {
		from := i
		for i < len(r.data) && '0' <= r.data[i] && r.data[i] <= '9' {
			i++
		}
		return i > from
	}
	if i < len(r.data) && r.data[i] == '-' {
		i++
	}
	var ok bool
	if i < len(r.data) && r.data[i] == '0' {
		i++
		ok = true
	} else {
		ok = digits()
	}
	if ok && i < len(r.data) && r.data[i] == '.' {
		i++
		ok = digits()
	}
	if ok && i < len(r.data) && (r.data[i] == 'e' || r.data[i] == 'E') {
		i++
		if i < len(r.data) && (r.data[i] == '+' || r.data[i] == '-') {
			i++
		}
		ok = digits()
	}
	r.pos = i
	if !ok {
		return nil, r.fail("invalid number")
	}
	return r.data[start:i:i], nil
}

// literal consumes true, false or null.
func (r *reader) literal(word string) error {
	if r.pos+len(word) > len(r.data) || string(r.data[r.pos:r.pos+len(word)]) != word {
		return r.fail("invalid literal")
	}
	r.pos += len(word)
	return nil
}

// null consumes a null if one is next.
func (r *reader) null() (bool, error) {
	if r.peek() != 'n' {
		return false, nil
	}
	return true, r.literal("null")
}

// skip checks one value of any type and returns its text.
func (r *reader) skip() ([]byte, error) {
	c := r.peek()
	start := r.pos
	var err error
	switch {
	case c == '"':
		_, err = r.str()
	case c == '{' || c == '[':
		err = r.skipContainer(c)
	case c == 't':
		err = r.literal("true")
	case c == 'f':
		err = r.literal("false")
	case c == 'n':
		err = r.literal("null")
	case c == '-' || '0' <= c && c <= '9':
		_, err = r.number()
	case r.pos >= len(r.data):
		err = r.fail("unexpected end")
	default:
		err = r.fail("unexpected character")
	}
	return r.data[start:r.pos:r.pos], err
}

func (r *reader) skipContainer(opening byte) error {
	if err := r.open(); err != nil {
		return err
	}
	closing := opening + 2 // in ASCII both pairs are two apart
	for first := true; ; first = false {
		more, err := r.more(closing, first)
		if err != nil || !more {
			return err
		}
		if opening == '{' {
			if _, err := r.key(); err != nil {
				return err
			}
		}
		if _, err := r.skip(); err != nil {
			return err
		}
	}
}
