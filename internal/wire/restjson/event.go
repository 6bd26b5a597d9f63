package restjson

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/wire/jsontext"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// EncodeEvent writes the payload of an event frame. event is a pointer to the
// union of the operation's output stream with one member set, or its dynamic
// form. extras are unmodelled string members that join the outermost JSON
// object in their alphabetical place; a payload that is raw bytes has none.
// Members that travel as headers of the frame are not sent: no event that
// Bedrock answers with has one.
// eventType is the value for :event-type, contentType that for :content-type,
// empty for an event without payload.
func EncodeEvent(op *schema.Operation, event any, extras map[string]string) (eventType, contentType string, payload []byte, err error) {
	m, v, err := setMember(op.OutputStream.Shape, reflect.ValueOf(event))
	if err != nil {
		return "", "", nil, fmt.Errorf("%s: %w", op.Name, err)
	}
	contentType, payload, err = eventPayload(m.Shape, v, extras)
	return m.Name, contentType, payload, err
}

// EncodeEventException writes the payload of an exception frame. exceptionType
// is the member of the stream that the exception is declared as; declared is
// false when there is none, and exceptionType then is the code in that spelling.
func EncodeEventException(op *schema.Operation, ex *schema.Exception) (exceptionType, contentType string, payload []byte, declared bool) {
	exceptionType = strings.ToLower(ex.Code[:1]) + ex.Code[1:]
	if op.OutputStream != nil {
		for _, m := range op.OutputStream.Shape.Members {
			if m.Shape.Error != nil && m.Shape.Error.Code == ex.Code {
				exceptionType, declared = m.Name, true
			}
		}
	}
	shape, fields := exceptionFields(ex)
	payload, err := appendStructure(nil, shape, reflect.ValueOf(fields), nil)
	if err != nil {
		payload = append(jsontext.AppendString([]byte(`{"message":`), ex.Message), '}')
	}
	return exceptionType, "application/json", payload, declared
}

// setMember finds the one member of a union that is set, and its value.
func setMember(s *schema.Shape, rv reflect.Value) (*schema.Member, reflect.Value, error) {
	rv = indirect(rv)
	if !rv.IsValid() {
		return nil, rv, fmt.Errorf("restjson: no event")
	}
	var found *schema.Member
	var value reflect.Value
	for _, m := range s.Members {
		v, ok := get(rv, m)
		if !ok {
			continue
		}
		if found != nil {
			return nil, rv, fmt.Errorf("restjson: both %s and %s of %s are set", found.Name, m.Name, s.Name)
		}
		found, value = m, indirect(v)
	}
	if found == nil {
		return nil, rv, fmt.Errorf("restjson: no member of %s is set", s.Name)
	}
	return found, value, nil
}

func eventPayload(s *schema.Shape, v reflect.Value, extras map[string]string) (string, []byte, error) {
	for _, m := range s.Members {
		if !m.EventPayload {
			continue
		}
		pv, ok := get(v, m)
		if !ok {
			return "", nil, nil
		}
		pv = indirect(pv)
		switch m.Shape.Kind {
		case schema.Blob, schema.String:
			raw, ok := bytesOf(pv)
			if !ok {
				return "", nil, fmt.Errorf("restjson: %s cannot be a payload", pv.Type())
			}
			if m.Shape.Kind == schema.Blob {
				return "application/octet-stream", raw, nil
			}
			return "text/plain", raw, nil
		}
		b, err := appendStructure(nil, m.Shape, pv, sortExtras(extras))
		return "application/json", b, err
	}
	for _, m := range s.Members {
		if m.EventHeader { // all members are headers, or those that are not are left out of JSON below
			if len(s.Members) == 1 {
				return "", nil, nil
			}
			s = withoutHeaders(s)
			break
		}
	}
	b, err := appendStructure(make([]byte, 0, 192), s, v, sortExtras(extras))
	return "application/json", b, err
}

func withoutHeaders(s *schema.Shape) *schema.Shape {
	body := &schema.Shape{Name: s.Name, Kind: s.Kind}
	body.Members = slices.DeleteFunc(slices.Clone(s.Members), func(m *schema.Member) bool { return m.EventHeader })
	body.Seal()
	return body
}

func sortExtras(extras map[string]string) []extra {
	if len(extras) == 0 {
		return nil
	}
	list := make([]extra, 0, len(extras))
	for k, v := range extras {
		list = append(list, extra{k, v})
	}
	if len(list) > 1 {
		slices.SortFunc(list, func(a, b extra) int { return strings.Compare(a.name, b.name) })
	}
	return list
}

// DecodeEvent reads an event that a client streams in: headers are those of
// the frame that are not reserved, by name. The result is a pointer to the
// union of the operation's input stream, or map[string]any without Go types.
// An event of an unknown type is a malformed request, as no later event can be
// understood without it.
func DecodeEvent(op *schema.Operation, eventType string, headers map[string]any, payload []byte) (any, error) {
	if op.InputStream == nil {
		return nil, malformed("The operation takes no events.")
	}
	union := op.InputStream.Shape
	m := union.Member(eventType)
	if m == nil {
		return nil, malformed("The event type is unknown to the operation.")
	}
	if union.New == nil {
		var v any
		err := decodeEvent(m.Shape, reflect.ValueOf(&v).Elem(), headers, payload)
		return map[string]any{m.Name: v}, err
	}
	v := union.New()
	return v, decodeEvent(m.Shape, reflect.ValueOf(v).Elem().Field(m.Field), headers, payload)
}

func decodeEvent(s *schema.Shape, rv reflect.Value, headers map[string]any, payload []byte) error {
	t := target{}
	if rv.Kind() == reflect.Pointer {
		rv.Set(reflect.New(rv.Type().Elem()))
		t.rv = rv.Elem()
	} else {
		t.dict = map[string]any{}
		rv.Set(reflect.ValueOf(t.dict))
	}
	var body *schema.Member
	bound := false
	for _, m := range s.Members {
		switch {
		case m.EventPayload:
			body, bound = m, true
		case m.EventHeader:
			bound = true
			h, ok := headers[m.Name]
			if !ok {
				continue
			}
			if err := t.store(m, func(rv reflect.Value) error { return setHeader(rv, m, h) }); err != nil {
				return err
			}
		}
	}
	d := decoder{reader: reader{data: payload}}
	switch {
	case len(payload) == 0:
		return nil
	case body != nil:
		return t.store(body, func(rv reflect.Value) error {
			switch body.Shape.Kind {
			case schema.Blob:
				setBytes(rv, payload, false)
				return nil
			case schema.String:
				setString(rv, string(payload))
				return nil
			}
			if err := d.value(body, rv); err != nil {
				return err
			}
			return d.end()
		})
	case bound && len(headers) > 0 && d.peek() != '{':
		return nil
	}
	if t.dict != nil {
		var v any
		if err := d.structure(s, reflect.ValueOf(&v).Elem(), d.peek()); err != nil {
			return err
		}
		maps.Copy(t.dict, v.(map[string]any))
		return d.end()
	}
	if err := d.structure(s, t.rv, d.peek()); err != nil {
		return err
	}
	return d.end()
}

func setHeader(rv reflect.Value, m *schema.Member, h any) error {
	hv := reflect.ValueOf(h)
	if !hv.IsValid() {
		return malformed("The header %s of the event has no value.", m.Name)
	}
	switch k := m.Shape.Kind; {
	case k == schema.String && hv.Kind() == reflect.String:
		setString(rv, hv.String())
	case k.Bits() != 0 && hv.CanInt():
		setInt(rv, hv.Int())
	case k == schema.Boolean && hv.Kind() == reflect.Bool:
		set(rv, hv.Bool())
	case k == schema.Blob && hv.Kind() == reflect.Slice:
		setBytes(rv, hv.Bytes(), false)
	case k == schema.Timestamp && hv.Type() == reflect.TypeFor[time.Time]():
		set(rv, h.(time.Time))
	default:
		return malformed("The header %s of the event is not a valid %s.", m.Name, typeNames[k])
	}
	return nil
}
