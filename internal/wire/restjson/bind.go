package restjson

import (
	"encoding/base64"
	"net/http"
	"reflect"
	"strings"

	"github.com/outcrop/outcrop/internal/wire/schema"
)

func (c Codec) label(req *schema.Request, m *schema.Member, t target) error {
	text, ok := req.Labels[m.WireName()]
	if !ok {
		return malformed("The path has no value for %s.", m.WireName())
	}
	return t.store(m, func(rv reflect.Value) error { return c.scalar(rv, m, m, text) })
}

func (c Codec) query(req *schema.Request, m *schema.Member, t target) error {
	if m.Shape.Kind == schema.Map {
		return queryMap(req, m, t)
	}
	values, ok := req.Query[m.WireName()]
	if !ok || len(values) == 0 {
		return nil
	}
	return t.store(m, func(rv reflect.Value) error {
		if m.Shape.Kind == schema.List {
			return c.texts(rv, m, values)
		}
		return c.scalar(rv, m, m, values[0])
	})
}

// queryMap takes the whole query string: a string or a list per key.
func queryMap(req *schema.Request, m *schema.Member, t target) error {
	if len(req.Query) == 0 {
		return nil
	}
	return t.store(m, func(rv reflect.Value) error {
		typ := dictType
		if rv.Kind() == reflect.Map {
			typ = rv.Type()
		}
		out := reflect.MakeMap(typ)
		for k, values := range req.Query {
			elem := reflect.New(typ.Elem()).Elem()
			if m.Shape.Value.Shape.Kind == schema.List {
				if err := (Codec{}).texts(elem, m.Shape.Value, values); err != nil {
					return err
				}
			} else {
				setString(elem, values[0])
			}
			out.SetMapIndex(reflect.ValueOf(k), elem)
		}
		rv.Set(out)
		return nil
	})
}

func (c Codec) header(req *schema.Request, m *schema.Member, t target) error {
	lines, ok := req.Header[http.CanonicalHeaderKey(m.WireName())]
	if !ok || len(lines) == 0 {
		return nil
	}
	return t.store(m, func(rv reflect.Value) error {
		if m.Shape.Kind != schema.List {
			return c.scalar(rv, m, m, lines[0])
		}
		var values []string
		for _, line := range lines {
			items, ok := splitHeader(line, commas(m))
			if !ok {
				return malformed("The header %s is not a valid list.", m.WireName())
			}
			values = append(values, items...)
		}
		return c.texts(rv, m, values)
	})
}

// commas is how many commas end an item of a header list: an HTTP date has one
// of its own.
func commas(m *schema.Member) int {
	v := *m.Shape.Value
	v.Location = m.Location
	if v.Shape.Kind == schema.Timestamp && format(&v) == schema.FormatRFC822 {
		return 2
	}
	return 1
}

// splitHeader splits a comma-separated header; items may be quoted.
func splitHeader(line string, commas int) ([]string, bool) {
	var items []string
	for rest := strings.TrimSpace(line); rest != ""; {
		if rest[0] == '"' {
			var item []byte
			i := 1
			for ; i < len(rest) && rest[i] != '"'; i++ {
				if rest[i] == '\\' && i+1 < len(rest) {
					i++
				}
				item = append(item, rest[i])
			}
			if i >= len(rest) {
				return nil, false
			}
			items = append(items, string(item))
			rest = strings.TrimSpace(rest[i+1:])
			if rest != "" && rest[0] != ',' {
				return nil, false
			}
			rest = strings.TrimSpace(strings.TrimPrefix(rest, ","))
			continue
		}
		end := -1
		for range commas {
			next := strings.IndexByte(rest[end+1:], ',')
			if next < 0 {
				end = len(rest)
				break
			}
			end += 1 + next
		}
		items = append(items, strings.TrimSpace(rest[:end]))
		if end == len(rest) {
			break
		}
		rest = strings.TrimSpace(rest[end+1:])
	}
	return items, true
}

func prefixHeaders(req *schema.Request, m *schema.Member, t target) error {
	found := map[string]any{}
	for name, values := range req.Header {
		if len(name) >= len(m.LocationName) && strings.EqualFold(name[:len(m.LocationName)], m.LocationName) {
			found[strings.ToLower(name[len(m.LocationName):])] = values[0]
		}
	}
	if len(found) == 0 {
		return nil
	}
	return t.store(m, func(rv reflect.Value) error {
		if rv.Kind() == reflect.Interface {
			rv.Set(reflect.ValueOf(found))
			return nil
		}
		rv.Set(reflect.MakeMap(rv.Type()))
		for k, v := range found {
			rv.SetMapIndex(reflect.ValueOf(k), reflect.ValueOf(v).Convert(rv.Type().Elem()))
		}
		return nil
	})
}

// texts fills a list from texts.
func (c Codec) texts(rv reflect.Value, m *schema.Member, values []string) error {
	list := rv
	if rv.Kind() == reflect.Interface {
		list = reflect.New(reflect.TypeFor[[]any]()).Elem()
	}
	list.Set(reflect.MakeSlice(list.Type(), len(values), len(values)))
	for i, v := range values {
		if err := c.scalar(list.Index(i), m.Shape.Value, m, v); err != nil {
			return err
		}
	}
	if rv.Kind() == reflect.Interface {
		rv.Set(list)
	}
	return nil
}

// scalar parses a text into rv. at is the bound member: m itself, or the list
// that m is the element of.
func (c Codec) scalar(rv reflect.Value, m, at *schema.Member, text string) error {
	ok := true
	switch kind := m.Shape.Kind; kind {
	case schema.String, schema.Blob:
		if at.JSONValue || m.Shape.MediaType != "" && at.Location == schema.Header {
			raw, err := base64.StdEncoding.Strict().DecodeString(text)
			if err != nil {
				return malformed("The header %s is not valid base64.", at.WireName())
			}
			text = string(raw)
		}
		if kind == schema.Blob {
			setBytes(rv, []byte(text), false)
			return nil
		}
		setString(rv, text)
	case schema.Boolean:
		ok = text == "true" || text == "false"
		set(rv, text == "true")
	case schema.Timestamp:
		located := *m
		located.Location = at.Location
		t, valid := parseTime(text, format(&located), c.Strict)
		ok = valid
		set(rv, t)
	default:
		if kind.Bits() == 0 && kind != schema.BigInteger && kind != schema.BigDecimal {
			return malformed("%s cannot travel outside the body.", at.WireName())
		}
		if err := setNumber(rv, text, m); err != nil {
			ok = false
		}
	}
	if !ok {
		return malformed("The value of %s is not a valid %s.", at.WireName(), typeNames[m.Shape.Kind])
	}
	return nil
}
