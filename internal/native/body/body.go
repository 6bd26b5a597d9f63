// Package body reads the JSON bodies of native calls: it parses them once,
// holds them against a closed schema that a model family writes down as data,
// and answers what does not fit with Bedrock's own sentences.
//
// It knows no family and no meaning of any member. The families below package
// native call it. A body that passed has the types that its schema says, so
// the accessors of Object need no error results.
package body

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/fault"
)

// maxDepth is how deep a body may nest; real ones need about ten levels, the
// schemas inside tool definitions some more.
const maxDepth = 1000

// Malformed makes the fault of a body that is not what the family asks for.
// Reason is what Bedrock puts into the sentence, "#: required key [prompt] not
// found"; empty when the body is not JSON at all.
func Malformed(reason string) error {
	if reason == "" {
		return fault.New(fault.Invalid, "Malformed input request, please reformat your input and try again.")
	}
	return fault.New(fault.Invalid, "Malformed input request: %s, please reformat your input and try again.", reason)
}

// Decode parses a body and checks it against an object schema.
func Decode(s *Schema, data []byte) (Object, error) {
	v, err := Parse(data)
	if err != nil {
		return nil, err
	}
	if err := s.Check(v); err != nil {
		return nil, err
	}
	return Object(v.(map[string]any)), nil
}

// Parse parses JSON into the types of encoding/json, numbers as json.Number.
// What is not one JSON value, not UTF-8 or nested too deep is Malformed.
func Parse(data []byte) (any, error) {
	if !utf8.Valid(data) || tooDeep(data) {
		return nil, Malformed("")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, Malformed("")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, Malformed("")
	}
	return v, nil
}

// tooDeep looks at the brackets alone, so that nothing recursive ever sees a
// body that only wants to exhaust the stack.
func tooDeep(data []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// Object is a JSON object that passed a schema. Its accessors return zero
// values for members that are absent.
type Object map[string]any

// Has reports whether a member is present.
func (o Object) Has(key string) bool { _, ok := o[key]; return ok }

// String returns a string member.
func (o Object) String(key string) string { s, _ := o[key].(string); return s }

// Strings returns the members of an array of strings.
func (o Object) Strings(key string) []string {
	list, _ := o[key].([]any)
	if len(list) == 0 {
		return nil
	}
	out := make([]string, 0, len(list))
	for _, v := range list {
		s, _ := v.(string)
		out = append(out, s)
	}
	return out
}

// Object returns an object member, nil when it is absent.
func (o Object) Object(key string) Object { m, _ := o[key].(map[string]any); return m }

// Objects returns the members of an array of objects.
func (o Object) Objects(key string) []Object {
	list, _ := o[key].([]any)
	out := make([]Object, 0, len(list))
	for _, v := range list {
		m, _ := v.(map[string]any)
		out = append(out, m)
	}
	return out
}

// Int returns an integer member, or otherwise when it is absent. Integers
// beyond 32 bits come back as the largest or smallest one.
func (o Object) Int(key string, otherwise int) int {
	n, ok := o[key].(json.Number)
	if !ok {
		return otherwise
	}
	i, err := strconv.ParseInt(n.String(), 10, 32)
	switch {
	case err == nil:
		return int(i)
	case strings.HasPrefix(n.String(), "-"):
		return math.MinInt32
	}
	return math.MaxInt32
}

// IntPtr returns an integer member, nil when it is absent.
func (o Object) IntPtr(key string) *int {
	if _, ok := o[key].(json.Number); !ok {
		return nil
	}
	i := o.Int(key, 0)
	return &i
}

// FloatPtr returns a number member, nil when it is absent.
func (o Object) FloatPtr(key string) *float64 {
	n, ok := o[key].(json.Number)
	if !ok {
		return nil
	}
	f, err := n.Float64()
	if err != nil {
		return nil
	}
	return &f
}

// Bool returns a boolean member, or otherwise when it is absent.
func (o Object) Bool(key string, otherwise bool) bool {
	if b, ok := o[key].(bool); ok {
		return b
	}
	return otherwise
}

// Raw returns a member as JSON, nil when it is absent. Object keys come back
// sorted.
func (o Object) Raw(key string) json.RawMessage {
	v, ok := o[key]
	if !ok {
		return nil
	}
	data, err := Marshal(v)
	if err != nil {
		return nil
	}
	return data
}

// Marshal writes v as Bedrock's backends write JSON: compact, with <, > and &
// as they are.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "a native body cannot be written")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
