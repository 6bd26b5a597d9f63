package messages

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/jsontext"
)

// maxDepth is how deep a body may nest; real ones need some twenty levels, the
// schemas of tools most of them.
const maxDepth = 1000

// value is one JSON value as its writer wrote it, without space around it. It is
// a piece of a document that parse found valid, so its methods need no errors.
// Nothing is copied and nothing read before somebody asks: a request of images
// is walked, not rebuilt, and what the hub carries raw keeps the order of its
// members.
type value []byte

// member is one member of an object.
type member struct {
	key   string
	value value
}

// object is the members of an object, in their order.
type object []member

// parse checks that data is one JSON value that can be walked.
func parse(data []byte) (value, bool) {
	if !utf8.Valid(data) || tooDeep(data) || !json.Valid(data) {
		return nil, false
	}
	return value(bytes.TrimSpace(data)), true
}

func tooDeep(data []byte) bool {
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i = stringEnd(data, i) - 1
		case '{', '[':
			if depth++; depth > maxDepth {
				return true
			}
		case '}', ']':
			depth--
		}
	}
	return false
}

// stringEnd returns where the string that begins at i is over; the end of data
// when it never is.
func stringEnd(data []byte, i int) int {
	for i++; i < len(data); {
		quote := bytes.IndexByte(data[i:], '"')
		if quote < 0 {
			return len(data)
		}
		slashes := 0
		for j := i + quote - 1; j >= i && data[j] == '\\'; j-- {
			slashes++
		}
		i += quote + 1
		if slashes%2 == 0 {
			return i
		}
	}
	return len(data)
}

// end returns where the value that begins at i is over.
func end(data []byte, i int) int {
	switch data[i] {
	case '"':
		return stringEnd(data, i)
	case '{', '[':
		for depth := 0; i < len(data); {
			switch data[i] {
			case '"':
				i = stringEnd(data, i)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
			if i++; depth == 0 {
				break
			}
		}
		return i
	}
	for i < len(data) && strings.IndexByte(",]} \t\r\n", data[i]) < 0 {
		i++
	}
	return i
}

func space(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\t' || data[i] == '\r' || data[i] == '\n') {
		i++
	}
	return i
}

// object returns the members; false when it is no object.
func (v value) object() (object, bool) {
	if len(v) == 0 || v[0] != '{' {
		return nil, false
	}
	var o object
	for i := space(v, 1); v[i] != '}'; {
		keyEnd := stringEnd(v, i)
		key, _ := v[i:keyEnd].text()
		i = space(v, space(v, keyEnd)+1) // behind the colon
		stop := end(v, i)
		o = append(o, member{key, v[i:stop:stop]})
		if i = space(v, stop); v[i] == ',' {
			i = space(v, i+1)
		}
	}
	return o, true
}

// array returns the items; false when it is no array.
func (v value) array() ([]value, bool) {
	if len(v) == 0 || v[0] != '[' {
		return nil, false
	}
	var items []value
	for i := space(v, 1); v[i] != ']'; {
		stop := end(v, i)
		items = append(items, v[i:stop:stop])
		if i = space(v, stop); v[i] == ',' {
			i = space(v, i+1)
		}
	}
	return items, true
}

// text returns a string; false when it is none.
func (v value) text() (string, bool) {
	if len(v) == 0 || v[0] != '"' {
		return "", false
	}
	if bytes.IndexByte(v, '\\') < 0 {
		return string(v[1 : len(v)-1]), true
	}
	var s string
	err := json.Unmarshal(v, &s)
	return s, err == nil
}

// bytes returns what a string says in base64; false when it says nothing of the
// kind.
func (v value) bytes() ([]byte, bool) {
	if len(v) == 0 || v[0] != '"' {
		return nil, false
	}
	quoted := v[1 : len(v)-1]
	if bytes.IndexByte(quoted, '\\') >= 0 {
		s, _ := v.text()
		quoted = value(s)
	}
	out := make([]byte, base64.StdEncoding.DecodedLen(len(quoted)))
	n, err := base64.StdEncoding.Decode(out, quoted)
	return out[:n], err == nil
}

func (v value) boolean() (is, ok bool) {
	return string(v) == "true", string(v) == "true" || string(v) == "false"
}

// integer returns an integer, one beyond 32 bits as the largest or smallest of
// them.
func (v value) integer() (int, bool) {
	n, err := strconv.ParseInt(string(v), 10, 32)
	return int(n), err == nil || errors.Is(err, strconv.ErrRange)
}

func (v value) number() (float64, bool) {
	if len(v) == 0 || v[0] != '-' && (v[0] < '0' || v[0] > '9') {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(v), 64)
	return f, err == nil
}

func (v value) null() bool { return string(v) == "null" }

// raw returns the value for the hub to carry, as a copy.
func (v value) raw() json.RawMessage { return json.RawMessage(bytes.Clone(v)) }

// get returns a member; false when it is not there or null, which the format
// takes for the same. Of a key that is there twice the last one counts.
func (o object) get(key string) (value, bool) {
	for _, m := range slices.Backward(o) {
		if m.key == key {
			return m.value, !m.value.null()
		}
	}
	return nil, false
}

// text returns a member that is a string, empty when it is not.
func (o object) text(key string) string {
	v, _ := o.get(key)
	s, _ := v.text()
	return s
}

func (o object) integer(key string) int {
	v, _ := o.get(key)
	n, _ := v.integer()
	return n
}

// rest returns the members that are not among keys, as an object; nil when there
// are none.
func (o object) rest(keys ...string) json.RawMessage {
	var w writer
	for _, m := range o {
		if !slices.Contains(keys, m.key) && !m.value.null() {
			w.raw(m.key, json.RawMessage(m.value))
		}
	}
	if w.empty() {
		return nil
	}
	return w.object()
}

// writer writes one JSON object, members in the order of the calls.
type writer struct{ b []byte }

func (w *writer) empty() bool { return len(w.b) == 0 }

func (w *writer) key(key string) {
	if len(w.b) == 0 {
		w.b = append(w.b, '{')
	} else {
		w.b = append(w.b, ',')
	}
	w.b = jsontext.AppendString(w.b, key)
	w.b = append(w.b, ':')
}

func (w *writer) raw(key string, v []byte) {
	w.key(key)
	w.b = append(w.b, v...)
}

func (w *writer) text(key, s string) {
	w.key(key)
	w.b = jsontext.AppendString(w.b, s)
}

// optional writes a string unless it is empty.
func (w *writer) optional(key, s string) {
	if s != "" {
		w.text(key, s)
	}
}

func (w *writer) base64(key string, data []byte) {
	w.key(key)
	w.b = append(w.b, '"')
	w.b = base64.StdEncoding.AppendEncode(w.b, data)
	w.b = append(w.b, '"')
}

func (w *writer) integer(key string, n int) {
	w.key(key)
	w.b = strconv.AppendInt(w.b, int64(n), 10)
}

func (w *writer) float(key string, f float64) {
	data, err := json.Marshal(f)
	if err != nil { // no number of JSON
		data = []byte("null")
	}
	w.raw(key, data)
}

func (w *writer) boolean(key string, is bool) {
	w.key(key)
	w.b = strconv.AppendBool(w.b, is)
}

// list writes an array of n items.
func (w *writer) list(key string, n int, item func(b []byte, i int) []byte) {
	w.key(key)
	w.b = append(w.b, '[')
	for i := range n {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.b = item(w.b, i)
	}
	w.b = append(w.b, ']')
}

func (w *writer) texts(key string, list []string) {
	w.list(key, len(list), func(b []byte, i int) []byte { return jsontext.AppendString(b, list[i]) })
}

// object ends the object and returns it.
func (w *writer) object() []byte {
	if len(w.b) == 0 {
		return []byte("{}")
	}
	return append(w.b, '}')
}

// isObject reports whether raw is one JSON object.
func isObject(raw json.RawMessage) bool {
	trimmed := bytes.TrimLeft(raw, " \t\r\n")
	return len(trimmed) > 0 && trimmed[0] == '{' && utf8.Valid(raw) && !tooDeep(raw) && json.Valid(raw)
}

func invalid(format string, args ...any) error { return fault.New(fault.Invalid, format, args...) }

// The depth down to which Outline looks: the members of blocks are the fifth
// level, items of lists of strings the second.
const (
	outlineDepth = 5
	outlineTexts = 2
)

// Body is a body that is JSON. It is read in place, so its bytes must not change.
type Body struct{ v value }

// Parse looks over a body once; false when it is no JSON.
func Parse(body []byte) (Body, bool) {
	v, ok := parse(body)
	return Body{v}, ok
}

// Outline returns the body as package encoding/json would, numbers as json.Number,
// but only as deep as the members of content blocks: what is below is empty, and
// so are the texts there. It is what schemas of bodies look at.
func (b Body) Outline() any { return b.v.outline(0) }

func (v value) outline(depth int) any {
	switch v[0] {
	case '{':
		out := map[string]any{}
		if depth >= outlineDepth {
			return out
		}
		o, _ := v.object()
		for _, m := range o {
			out[m.key] = m.value.outline(depth + 1)
		}
		return out
	case '[':
		if depth >= outlineDepth {
			return []any{}
		}
		items, _ := v.array()
		out := make([]any, len(items))
		for i, item := range items {
			out[i] = item.outline(depth + 1)
		}
		return out
	case '"':
		if depth > outlineTexts {
			return ""
		}
		s, _ := v.text()
		return s
	case 't':
		return true
	case 'f':
		return false
	case 'n':
		return nil
	}
	return json.Number(v)
}
