package restjson

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/wire/jsontext"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// extra is an unmodelled string member of the outermost object, which events
// have.
type extra struct{ name, value string }

// appendValue writes a value of the shape of m. rv is what the generated
// structs hold, or the dynamic form of it.
func appendValue(b []byte, m *schema.Member, rv reflect.Value) ([]byte, error) {
	rv = indirect(rv)
	if !rv.IsValid() {
		return append(b, "null"...), nil
	}
	switch s := m.Shape; s.Kind {
	case schema.Structure, schema.Union:
		return appendStructure(b, s, rv, nil)
	case schema.List:
		return appendList(b, s, rv)
	case schema.Map:
		return appendMap(b, s, rv)
	case schema.Document:
		return appendDocument(b, rv)
	case schema.String:
		if rv.Kind() == reflect.String {
			return jsontext.AppendString(b, rv.String()), nil
		}
	case schema.Blob:
		if raw, ok := bytesOf(rv); ok {
			b = append(b, '"')
			b = base64.StdEncoding.AppendEncode(b, raw)
			return append(b, '"'), nil
		}
	case schema.Boolean:
		if rv.Kind() == reflect.Bool {
			return strconv.AppendBool(b, rv.Bool()), nil
		}
	case schema.Timestamp:
		if t, ok := rv.Interface().(time.Time); ok {
			f := format(m)
			if f == schema.FormatEpoch {
				return appendTime(b, t, f), nil
			}
			b = append(b, '"')
			return append(appendTime(b, t, f), '"'), nil
		}
	case schema.BigInteger, schema.BigDecimal:
		if rv.Kind() == reflect.String {
			return append(b, rv.String()...), nil
		}
	case schema.Float, schema.Double:
		if f, ok := floatOf(rv); ok {
			if f != f || f-f != 0 { // NaN or an infinity
				b = append(b, '"')
				return append(appendFloat(b, f, 64), '"'), nil
			}
			return appendFloat(b, f, s.Kind.Bits()), nil
		}
	default:
		switch {
		case rv.CanInt():
			return strconv.AppendInt(b, rv.Int(), 10), nil
		case rv.CanFloat():
			return strconv.AppendInt(b, int64(rv.Float()), 10), nil
		}
	}
	return nil, fmt.Errorf("restjson: %s cannot be a %s", rv.Type(), m.Shape.Name)
}

func indirect(rv reflect.Value) reflect.Value {
	for rv.Kind() == reflect.Pointer || rv.Kind() == reflect.Interface {
		rv = rv.Elem()
	}
	return rv
}

func bytesOf(rv reflect.Value) ([]byte, bool) {
	switch {
	case rv.Kind() == reflect.Slice && rv.Type().Elem().Kind() == reflect.Uint8:
		return rv.Bytes(), true
	case rv.Kind() == reflect.String:
		return []byte(rv.String()), true
	}
	return nil, false
}

func floatOf(rv reflect.Value) (float64, bool) {
	switch {
	case rv.CanFloat():
		return rv.Float(), true
	case rv.CanInt():
		return float64(rv.Int()), true
	}
	return 0, false
}

// get returns the value of a member and whether it is set.
func get(rv reflect.Value, m *schema.Member) (reflect.Value, bool) {
	if rv.Kind() == reflect.Map {
		v := rv.MapIndex(reflect.ValueOf(m.Name))
		if !v.IsValid() || v.IsNil() {
			return v, false
		}
		return v.Elem(), true
	}
	if m.Field < 0 {
		return reflect.Value{}, false
	}
	v := rv.Field(m.Field)
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return v, !v.IsNil()
	default:
		return v, v.Len() > 0 // enums: "" is absent
	}
}

func appendStructure(b []byte, s *schema.Shape, rv reflect.Value, extras []extra) ([]byte, error) {
	if k := rv.Kind(); k != reflect.Struct && !(k == reflect.Map && rv.Type() == dictType) {
		return nil, fmt.Errorf("restjson: %s cannot be a %s", rv.Type(), s.Name)
	}
	b = append(b, '{')
	first := true
	next := func(name string) {
		for len(extras) > 0 && extras[0].name < name {
			e := extras[0]
			extras = extras[1:]
			b = appendKey(b, e.name, &first)
			b = jsontext.AppendString(b, e.value)
		}
	}
	var err error
	for _, m := range s.BodyMembers() {
		v, ok := get(rv, m)
		if m.Shape.EventStream {
			continue
		}
		if !ok {
			if text, has := m.DefaultJSON(); has {
				next(m.WireName())
				b = append(appendKey(b, m.WireName(), &first), text...)
			}
			continue
		}
		next(m.WireName())
		b = appendKey(b, m.WireName(), &first)
		if b, err = appendValue(b, m, v); err != nil {
			return nil, err
		}
	}
	next("\U0010ffff")
	return append(b, '}'), nil
}

func appendKey(b []byte, name string, first *bool) []byte {
	if !*first {
		b = append(b, ',')
	}
	*first = false
	return append(jsontext.AppendString(b, name), ':')
}

func appendList(b []byte, s *schema.Shape, rv reflect.Value) ([]byte, error) {
	if rv.Kind() != reflect.Slice {
		return nil, fmt.Errorf("restjson: %s cannot be a %s", rv.Type(), s.Name)
	}
	b = append(b, '[')
	var err error
	for i := range rv.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendElement(b, s.Value, rv.Index(i)); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

// appendElement is appendValue for elements, where a nil slice or map is null
// in a sparse container and empty elsewhere.
func appendElement(b []byte, m *schema.Member, rv reflect.Value) ([]byte, error) {
	if k := rv.Kind(); k == reflect.Slice && rv.IsNil() && m.Shape.Kind == schema.Document {
		return append(b, "null"...), nil
	}
	return appendValue(b, m, rv)
}

func appendMap(b []byte, s *schema.Shape, rv reflect.Value) ([]byte, error) {
	if rv.Kind() != reflect.Map || rv.Type().Key().Kind() != reflect.String {
		return nil, fmt.Errorf("restjson: %s cannot be a %s", rv.Type(), s.Name)
	}
	keys := make([]string, 0, rv.Len())
	for it := rv.MapRange(); it.Next(); {
		keys = append(keys, it.Key().String())
	}
	slices.Sort(keys)
	b = append(b, '{')
	first := true
	var err error
	for _, k := range keys {
		b = appendKey(b, k, &first)
		if b, err = appendElement(b, s.Value, rv.MapIndex(reflect.ValueOf(k).Convert(rv.Type().Key()))); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// appendDocument writes a document without the white space it came with. Bytes
// that are no JSON are refused: they would break the whole answer.
func appendDocument(b []byte, rv reflect.Value) ([]byte, error) {
	raw, ok := bytesOf(rv)
	if !ok {
		return nil, fmt.Errorf("restjson: %s cannot be a document", rv.Type())
	}
	r := reader{data: raw}
	if _, err := r.skip(); err != nil {
		return nil, fmt.Errorf("restjson: document: %w", err)
	}
	if err := r.end(); err != nil {
		return nil, fmt.Errorf("restjson: document: %w", err)
	}
	quoted := false
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case quoted && c == '\\':
			b = append(b, c)
			i++
			c = raw[i]
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\n' || c == '\t' || c == '\r'):
			continue
		}
		b = append(b, c)
	}
	return b, nil
}

// text is the form of a scalar in a header.
func text(m, at *schema.Member, rv reflect.Value) (string, error) {
	rv = indirect(rv)
	var b []byte
	switch s := m.Shape; s.Kind {
	case schema.Timestamp:
		located := *m
		located.Location = at.Location
		if t, ok := rv.Interface().(time.Time); ok {
			return string(appendTime(nil, t, format(&located))), nil
		}
	case schema.Float, schema.Double:
		if f, ok := floatOf(rv); ok {
			return strings.TrimSuffix(string(appendFloat(nil, f, s.Kind.Bits())), ".0"), nil
		}
	case schema.Blob:
		if raw, ok := bytesOf(rv); ok {
			return base64.StdEncoding.EncodeToString(raw), nil
		}
	case schema.String, schema.BigInteger, schema.BigDecimal:
		if rv.Kind() == reflect.String {
			if at.JSONValue || s.MediaType != "" {
				return base64.StdEncoding.EncodeToString([]byte(rv.String())), nil
			}
			return rv.String(), nil
		}
	default:
		b, err := appendValue(b, m, rv)
		return string(b), err
	}
	return "", fmt.Errorf("restjson: %s cannot be a %s", rv.Type(), m.Shape.Name)
}
