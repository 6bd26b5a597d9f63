package restjson

import (
	"reflect"

	"github.com/outcrop/outcrop/internal/wire/schema"
)

// decoder fills Go values from JSON by walking shape and value together. A
// target of interface type, which is what tables without Go types have, gets
// map[string]any, []any, string, bool, int64, float64, time.Time, []byte or
// schema.DocumentValue.
type decoder struct {
	reader
	strict   bool
	elements int
}

// maxElements bounds the elements and entries of a body: three bytes in it can
// cost a hundred in memory. Documents do not count, they stay text.
const maxElements = 1 << 18

func (d *decoder) element() error {
	if d.elements++; d.elements > maxElements {
		return malformed("The request has too many elements.")
	}
	return nil
}

var (
	dictType = reflect.TypeFor[map[string]any]()
)

// value reads one value, which is not null, into rv.
func (d *decoder) value(m *schema.Member, rv reflect.Value) error {
	c := d.peek()
	switch s := m.Shape; s.Kind {
	case schema.Structure, schema.Union:
		return d.structure(s, rv, c)
	case schema.List:
		return d.list(s, rv, c)
	case schema.Map:
		return d.mapping(s, rv, c)
	case schema.Document:
		raw, err := d.skip()
		if err != nil {
			return err
		}
		setBytes(rv, raw, true)
		return nil
	case schema.String:
		b, err := d.text(c, s.Kind)
		if err != nil {
			return err
		}
		setString(rv, string(b))
		return nil
	case schema.Blob:
		b, err := d.text(c, s.Kind)
		if err != nil {
			return err
		}
		blob, ok := decodeBlob(b)
		if !ok {
			return malformed("The value of %s is not valid base64.", m.WireName())
		}
		setBytes(rv, blob, false)
		return nil
	case schema.Boolean:
		if c != 't' && c != 'f' {
			return d.wrong(c, s.Kind)
		}
		word := "false"
		if c == 't' {
			word = "true"
		}
		if err := d.literal(word); err != nil {
			return err
		}
		set(rv, c == 't')
		return nil
	case schema.Timestamp:
		return d.timestamp(m, rv, c)
	default:
		return d.numeric(m, rv, c)
	}
}

// wrong is the error for a value of another type; a value that is no JSON at
// all is reported as that.
func (d *decoder) wrong(c byte, want schema.Kind) error {
	if _, err := d.skip(); err != nil {
		return err
	}
	return convert(c, typeNames[want])
}

func (d *decoder) text(c byte, kind schema.Kind) ([]byte, error) {
	if c != '"' {
		return nil, d.wrong(c, kind)
	}
	return d.str()
}

func (d *decoder) numeric(m *schema.Member, rv reflect.Value, c byte) error {
	kind := m.Shape.Kind
	if c == '"' && (kind == schema.Float || kind == schema.Double) {
		b, err := d.str()
		if err != nil {
			return err
		}
		switch string(b) {
		case "NaN", "Infinity", "-Infinity":
			f, _ := parseFloat(string(b), 64)
			setFloat(rv, f)
			return nil
		}
		return convert(c, typeNames[kind])
	}
	if c != '-' && (c < '0' || c > '9') {
		return d.wrong(c, kind)
	}
	b, err := d.number()
	if err != nil {
		return err
	}
	return setNumber(rv, string(b), m)
}

// setNumber parses a number of any origin into rv.
func setNumber(rv reflect.Value, text string, m *schema.Member) error {
	var ok bool
	switch kind := m.Shape.Kind; kind {
	case schema.Float, schema.Double:
		var f float64
		if f, ok = parseFloat(text, kind.Bits()); ok {
			if rv.Kind() == reflect.Interface { // a float64: keep what was written
				f, _ = parseFloat(text, 64)
			}
			setFloat(rv, f)
		}
	case schema.BigInteger, schema.BigDecimal:
		setString(rv, text)
		ok = true
	default:
		var n int64
		if n, ok = parseInt(text, kind.Bits()); ok {
			setInt(rv, n)
		}
	}
	if !ok {
		return malformed("The value of %s is not a valid %s.", m.WireName(), typeNames[m.Shape.Kind])
	}
	return nil
}

func (d *decoder) timestamp(m *schema.Member, rv reflect.Value, c byte) error {
	f := format(m)
	var text []byte
	var err error
	switch {
	case f != schema.FormatEpoch:
		text, err = d.text(c, schema.Timestamp)
	case c == '-' || '0' <= c && c <= '9':
		text, err = d.number()
	default:
		return d.wrong(c, schema.Timestamp)
	}
	if err != nil {
		return err
	}
	t, ok := parseTime(string(text), f, d.strict)
	if !ok {
		return malformed("The value of %s is not a valid Timestamp.", m.WireName())
	}
	set(rv, t)
	return nil
}

func (d *decoder) structure(s *schema.Shape, rv reflect.Value, c byte) error {
	if c != '{' {
		return d.wrong(c, s.Kind)
	}
	if err := d.open(); err != nil {
		return err
	}
	var dict map[string]any
	switch rv.Kind() {
	case reflect.Interface:
		dict = make(map[string]any)
		rv.Set(reflect.ValueOf(dict))
	case reflect.Pointer:
		p := reflect.New(rv.Type().Elem())
		rv.Set(p)
		rv = p.Elem()
	}
	var seen [2]uint64 // by position in BodyMembers
	body := s.BodyMembers()
	known, unknown := 0, 0
	for first := true; ; first = false {
		more, err := d.more('}', first)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		key, err := d.key()
		if err != nil {
			return err
		}
		i := s.BodyIndex(key)
		if i < 0 {
			raw, err := d.skip()
			if err != nil {
				return err
			}
			if string(key) != "__type" && string(raw) != "null" {
				unknown++
			}
			continue
		}
		if i < 128 {
			if seen[i>>6]&(1<<(i&63)) != 0 {
				return malformed("The member %s occurs twice.", body[i].WireName())
			}
			seen[i>>6] |= 1 << (i & 63)
		}
		if null, err := d.null(); err != nil || null {
			if err != nil {
				return err
			}
			continue
		}
		known++
		if err := d.member(body[i], rv, dict); err != nil {
			return err
		}
	}
	if s.Defaults() {
		if err := d.defaults(s, seen, rv, dict); err != nil {
			return err
		}
	}
	if s.Kind == schema.Union && (known > 1 || d.strict && (known == 0 || unknown > 0)) {
		return malformed("%s is a union: exactly one of its members must be set.", s.Name)
	}
	return nil
}

// defaults fills what did not occur. Bedrock's models have no defaults.
func (d *decoder) defaults(s *schema.Shape, seen [2]uint64, rv reflect.Value, dict map[string]any) error {
	for i, m := range s.BodyMembers() {
		text, ok := m.DefaultJSON()
		if !ok || i < 128 && seen[i>>6]&(1<<(i&63)) != 0 {
			continue
		}
		sub := decoder{reader: reader{data: []byte(text)}, strict: d.strict}
		if err := sub.member(m, rv, dict); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) member(m *schema.Member, rv reflect.Value, dict map[string]any) error {
	if dict == nil {
		if m.Field < 0 { // an event stream, which is no JSON
			_, err := d.skip()
			return err
		}
		return d.value(m, rv.Field(m.Field))
	}
	var v any
	if err := d.value(m, reflect.ValueOf(&v).Elem()); err != nil {
		return err
	}
	dict[m.Name] = v
	return nil
}

func (d *decoder) list(s *schema.Shape, rv reflect.Value, c byte) error {
	if c != '[' {
		return d.wrong(c, s.Kind)
	}
	if err := d.open(); err != nil {
		return err
	}
	target := rv
	if rv.Kind() == reflect.Interface {
		rv = reflect.New(reflect.TypeFor[[]any]()).Elem()
	}
	rv.Set(reflect.MakeSlice(rv.Type(), 0, 0))
	for n := 0; ; n++ {
		more, err := d.more(']', n == 0)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if err := d.element(); err != nil {
			return err
		}
		if n == rv.Cap() {
			rv.Grow(1)
		}
		rv.SetLen(n + 1)
		null, err := d.nullElement(s.Value.Shape)
		switch {
		case err != nil:
			return err
		case !null:
			if err := d.value(s.Value, rv.Index(n)); err != nil {
				return err
			}
		case !s.Sparse:
			return convert('n', typeNames[s.Value.Shape.Kind])
		}
	}
	if target.Kind() == reflect.Interface {
		target.Set(rv)
	}
	return nil
}

// nullElement is null for elements; to a document null is a value like others.
func (d *decoder) nullElement(s *schema.Shape) (bool, error) {
	if s.Kind == schema.Document {
		return false, nil
	}
	return d.null()
}

func (d *decoder) mapping(s *schema.Shape, rv reflect.Value, c byte) error {
	if c != '{' {
		return d.wrong(c, s.Kind)
	}
	if err := d.open(); err != nil {
		return err
	}
	typ := dictType
	if rv.Kind() == reflect.Map {
		typ = rv.Type()
	}
	out := reflect.MakeMap(typ)
	for first := true; ; first = false {
		more, err := d.more('}', first)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		key, err := d.key()
		if err != nil {
			return err
		}
		if err := d.element(); err != nil {
			return err
		}
		k := reflect.ValueOf(string(key))
		if out.MapIndex(k).IsValid() {
			return malformed("A key of a map occurs twice.")
		}
		elem := reflect.New(typ.Elem()).Elem()
		null, err := d.nullElement(s.Value.Shape)
		switch {
		case err != nil:
			return err
		case !null:
			if err := d.value(s.Value, elem); err != nil {
				return err
			}
		case !s.Sparse:
			return convert('n', typeNames[s.Value.Shape.Kind])
		}
		out.SetMapIndex(k, elem)
	}
	rv.Set(out)
	return nil
}
