package rpcv2cbor

import (
	"fmt"
	"math"
	"reflect"
	"time"
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/wire/govalue"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// decoder fills Go values by walking shape and body together.
type decoder struct {
	reader

	elements int
}

func (d *decoder) element() error {
	if d.elements++; d.elements > maxElements {
		return malformed("The request has too many elements.")
	}
	return nil
}

// value reads one item, which is not null, into dst.
func (d *decoder) value(m *schema.Member, dst reflect.Value) error {
	switch s := m.Shape; s.Kind {
	case schema.Structure, schema.Union:
		return d.structure(s, dst)
	case schema.List:
		return d.list(m, dst)
	case schema.Map:
		return d.mapping(m, dst)
	default:
		v, err := d.scalar(m)
		if err != nil {
			return err
		}
		if !govalue.Set(dst, v) {
			return fmt.Errorf("rpcv2cbor: a %s cannot hold the shape %s", dst.Type(), s.Name)
		}
		return nil
	}
}

func (d *decoder) structure(s *schema.Shape, dst reflect.Value) error {
	h, err := d.container(mapping, s.Name)
	if err != nil {
		return err
	}
	defer d.leave()
	var fields map[string]any
	if dst.Kind() == reflect.Interface {
		fields = make(map[string]any)
		dst.Set(reflect.ValueOf(fields))
	} else {
		dst = govalue.Alloc(dst)
	}
	body := s.BodyMembers()
	seen := make(map[int]bool, len(body))
	for n := uint64(0); ; n++ {
		if more, err := d.more(h, n); err != nil {
			return err
		} else if !more {
			break
		}
		key, err := d.key()
		if err != nil {
			return err
		}
		i := s.BodyIndex(key)
		if i < 0 {
			if err := d.skip(); err != nil {
				return err
			}
			continue
		}
		if null, err := d.null(); err != nil {
			return err
		} else if null {
			continue
		}
		if seen[i] {
			return malformed("The member %s occurs twice.", body[i].WireName())
		}
		seen[i] = true
		if err := d.member(body[i], dst, fields); err != nil {
			return err
		}
	}
	if s.Kind == schema.Union && len(seen) > 1 {
		return malformed("%s is a union: exactly one of its members must be set.", s.Name)
	}
	return nil
}

func (d *decoder) member(m *schema.Member, dst reflect.Value, fields map[string]any) error {
	if fields == nil {
		return d.value(m, dst.Field(m.Field))
	}
	var v any
	if err := d.value(m, reflect.ValueOf(&v).Elem()); err != nil {
		return err
	}
	fields[m.Name] = v
	return nil
}

// container reads the head of a list or a map and enters it.
func (d *decoder) container(major byte, name string) (head, error) {
	h, err := d.head()
	if err != nil {
		return head{}, err
	}
	if h.major != major {
		kind := "list"
		if major == mapping {
			kind = "map"
		}
		return head{}, malformed("%s must be a %s.", name, kind)
	}
	return h, d.enter()
}

func (d *decoder) list(m *schema.Member, dst reflect.Value) error {
	h, err := d.container(array, m.WireName())
	if err != nil {
		return err
	}
	defer d.leave()
	s := m.Shape
	typ := reflect.TypeFor[[]any]()
	if dst.Kind() != reflect.Interface {
		dst = govalue.Alloc(dst)
		typ = dst.Type()
	}
	out := reflect.New(typ).Elem()
	out.Set(reflect.MakeSlice(typ, 0, 0))
	for n := 0; ; n++ {
		if more, err := d.more(h, uint64(n)); err != nil {
			return err
		} else if !more {
			break
		}
		if err := d.element(); err != nil {
			return err
		}
		if n == out.Cap() {
			out.Grow(1)
		}
		out.SetLen(n + 1)
		out.Index(n).SetZero()
		if err := d.item(s, s.Value, out.Index(n)); err != nil {
			return err
		}
	}
	dst.Set(out)
	return nil
}

// item reads an element of a list or the value of an entry, which may be null
// where the shape is sparse.
func (d *decoder) item(s *schema.Shape, m *schema.Member, dst reflect.Value) error {
	null, err := d.null()
	switch {
	case err != nil:
		return err
	case !null:
		return d.value(m, dst)
	case !s.Sparse:
		return malformed("%s cannot hold null.", s.Name)
	}
	return nil
}

func (d *decoder) mapping(m *schema.Member, dst reflect.Value) error {
	h, err := d.container(mapping, m.WireName())
	if err != nil {
		return err
	}
	defer d.leave()
	s := m.Shape
	typ := reflect.TypeFor[map[string]any]()
	if dst.Kind() != reflect.Interface {
		dst = govalue.Alloc(dst)
		typ = dst.Type()
	}
	out := reflect.MakeMap(typ)
	for n := uint64(0); ; n++ {
		if more, err := d.more(h, n); err != nil {
			return err
		} else if !more {
			break
		}
		if err := d.element(); err != nil {
			return err
		}
		name, err := d.key()
		if err != nil {
			return err
		}
		key := reflect.ValueOf(string(name)).Convert(typ.Key())
		if out.MapIndex(key).IsValid() {
			return malformed("A key of %s occurs twice.", m.WireName())
		}
		elem := reflect.New(typ.Elem()).Elem()
		if err := d.item(s, s.Value, elem); err != nil {
			return err
		}
		out.SetMapIndex(key, elem)
	}
	dst.Set(out)
	return nil
}

// scalar reads the value of a simple shape.
func (d *decoder) scalar(m *schema.Member) (any, error) {
	h, err := d.head()
	if err != nil {
		return nil, err
	}
	switch s := m.Shape; s.Kind {
	case schema.String:
		if h.major != textString {
			return nil, malformed("%s must be a string.", m.WireName())
		}
		b, err := d.bytes(h)
		if err != nil {
			return nil, err
		}
		if !utf8.Valid(b) {
			return nil, errText()
		}
		return string(b), nil
	case schema.Blob:
		if h.major != byteString {
			return nil, malformed("%s must be a string of bytes.", m.WireName())
		}
		b, err := d.bytes(h)
		if err != nil {
			return nil, err
		}
		return append([]byte{}, b...), nil
	case schema.Boolean:
		if h.major != simple || h.info != simpleTrue && h.info != simpleFalse {
			return nil, malformed("%s must be true or false.", m.WireName())
		}
		return h.info == simpleTrue, nil
	case schema.Byte, schema.Short, schema.Integer, schema.Long:
		return integer(h, m)
	case schema.Float, schema.Double:
		return number(h, m)
	case schema.Timestamp:
		return d.timestamp(h, m)
	}
	return nil, malformed("The type of %s cannot be sent in this protocol.", m.WireName())
}

// integer takes numbers of every width, and fractions that are none.
func integer(h head, m *schema.Member) (int64, error) {
	n := m.Shape.Kind.Bits()
	wrong := malformed("%s must be an integer of %d bits.", m.WireName(), n)
	var v int64
	switch h.major {
	case unsigned, negative:
		if h.arg > math.MaxInt64 {
			return 0, wrong
		}
		v = int64(h.arg)
		if h.major == negative {
			v = -1 - v
		}
	case simple:
		f, ok := h.float()
		if !ok || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
			return 0, wrong
		}
		v = int64(f)
	default:
		return 0, wrong
	}
	if v<<(64-n)>>(64-n) != v {
		return 0, wrong
	}
	return v, nil
}

func number(h head, m *schema.Member) (float64, error) {
	switch h.major {
	case unsigned:
		return float64(h.arg), nil
	case negative:
		return -1 - float64(h.arg), nil
	case simple:
		if f, ok := h.float(); ok {
			return f, nil
		}
	}
	return 0, malformed("%s must be a number.", m.WireName())
}

// maxEpoch is the last second of the year 9999, beyond which other protocols
// have no way to write a time.
const maxEpoch = 253402300799

func (d *decoder) timestamp(h head, m *schema.Member) (time.Time, error) {
	wrong := malformed("%s must be a timestamp: seconds since 1970 under tag %d.", m.WireName(), epochTag)
	if h.major != tag || h.arg != epochTag {
		return time.Time{}, wrong
	}
	h, err := d.head()
	if err != nil {
		return time.Time{}, err
	}
	f, err := number(h, m)
	if err != nil || math.IsNaN(f) || math.Abs(f) > maxEpoch {
		return time.Time{}, wrong
	}
	if h.major != simple {
		return time.Unix(int64(f), 0).UTC(), nil
	}
	// A double holds today's seconds to less than a microsecond; the protocol's
	// timestamps are exact to the millisecond.
	return time.UnixMilli(int64(math.Round(f * 1000))).UTC(), nil
}
