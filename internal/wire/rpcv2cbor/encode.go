package rpcv2cbor

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/outcrop/outcrop/internal/wire/govalue"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// writer writes items. Structures have a mark at their end, for it is not known
// before how many of their members are set; lists and maps have a length.
type writer struct{ buf []byte }

func (w *writer) head(major byte, arg uint64) {
	major <<= 5
	switch {
	case arg < 24:
		w.buf = append(w.buf, major|byte(arg))
	case arg <= math.MaxUint8:
		w.buf = append(w.buf, major|24, byte(arg))
	case arg <= math.MaxUint16:
		w.buf = binary.BigEndian.AppendUint16(append(w.buf, major|25), uint16(arg))
	case arg <= math.MaxUint32:
		w.buf = binary.BigEndian.AppendUint32(append(w.buf, major|26), uint32(arg))
	default:
		w.buf = binary.BigEndian.AppendUint64(append(w.buf, major|27), arg)
	}
}

func (w *writer) length(major byte, n int) { w.head(major, uint64(n)) }

func (w *writer) open()  { w.buf = append(w.buf, mapping<<5|indefinite) }
func (w *writer) close() { w.buf = append(w.buf, breakByte) }

func (w *writer) text(s string) {
	w.length(textString, len(s))
	w.buf = append(w.buf, s...)
}

func (w *writer) integer(v int64) {
	if v < 0 {
		w.head(negative, uint64(-1-v))
		return
	}
	w.head(unsigned, uint64(v))
}

func (w *writer) double(v float64) {
	w.buf = binary.BigEndian.AppendUint64(append(w.buf, simple<<5|floatDouble), math.Float64bits(v))
}

func mismatch(v reflect.Value, s *schema.Shape) error {
	return fmt.Errorf("rpcv2cbor: a %s is not the shape %s", v.Type(), s.Name)
}

// structure writes a structure; an absent one has no members.
func (w *writer) structure(s *schema.Shape, v reflect.Value) error {
	w.open()
	defer w.close()
	v, ok := govalue.Content(v)
	if !ok {
		return nil
	}
	for _, m := range s.Members {
		field, ok := govalue.Field(v, m)
		if !ok {
			return mismatch(v, s)
		}
		if err := w.member(m, field); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) member(m *schema.Member, v reflect.Value) error {
	v, ok := govalue.Content(v)
	if !ok {
		return nil
	}
	w.text(m.WireName())
	return w.value(m.Shape, v)
}

func (w *writer) value(s *schema.Shape, v reflect.Value) error {
	v, ok := govalue.Content(v)
	if !ok { // a hole in a list or map
		w.head(simple, simpleNull)
		return nil
	}
	switch s.Kind {
	case schema.Structure, schema.Union:
		return w.structure(s, v)
	case schema.List:
		return w.list(s, v)
	case schema.Map:
		return w.mapping(s, v)
	default:
		return w.scalar(s, v)
	}
}

func (w *writer) list(s *schema.Shape, v reflect.Value) error {
	if v.Kind() != reflect.Slice {
		return mismatch(v, s)
	}
	w.length(array, v.Len())
	for i := range v.Len() {
		if err := w.value(s.Value.Shape, v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) mapping(s *schema.Shape, v reflect.Value) error {
	if v.Kind() != reflect.Map || v.Type().Key().Kind() != reflect.String {
		return mismatch(v, s)
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
	w.length(mapping, len(keys))
	for _, k := range keys {
		w.text(k.String())
		if err := w.value(s.Value.Shape, v.MapIndex(k)); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) scalar(s *schema.Shape, v reflect.Value) error {
	switch s.Kind {
	case schema.String:
		if v.Kind() == reflect.String {
			w.text(v.String())
			return nil
		}
	case schema.Blob:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			w.length(byteString, v.Len())
			w.buf = append(w.buf, v.Bytes()...)
			return nil
		}
	case schema.Boolean:
		if v.Kind() == reflect.Bool {
			info := uint64(simpleFalse)
			if v.Bool() {
				info = simpleTrue
			}
			w.head(simple, info)
			return nil
		}
	case schema.Byte, schema.Short, schema.Integer, schema.Long:
		if v.CanInt() {
			w.integer(v.Int())
			return nil
		}
	case schema.Float:
		if v.CanFloat() {
			w.buf = binary.BigEndian.AppendUint32(append(w.buf, simple<<5|floatSingle), math.Float32bits(float32(v.Float())))
			return nil
		}
	case schema.Double:
		if v.CanFloat() {
			w.double(v.Float())
			return nil
		}
	case schema.Timestamp:
		if t, ok := v.Interface().(time.Time); ok {
			w.timestamp(t)
			return nil
		}
	}
	return mismatch(v, s)
}

func (w *writer) timestamp(t time.Time) {
	w.head(tag, epochTag)
	if t.Nanosecond() < int(time.Millisecond) {
		w.integer(t.Unix())
		return
	}
	w.double(float64(t.UnixMilli()) / 1000)
}
