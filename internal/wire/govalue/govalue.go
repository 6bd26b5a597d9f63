// Package govalue reads and fills the Go values of shapes for codecs that need no
// more speed than reflection has: generated structs, or the maps of tables that
// have no Go types.
//
// It knows no protocol. Package restjson, which models are called through, has
// its own way.
package govalue

import (
	"reflect"

	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Content follows pointers and interfaces; ok is false for a value that is not
// there.
func Content(v reflect.Value) (_ reflect.Value, ok bool) {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return v, false
		}
		v = v.Elem()
	}
	if !v.IsValid() {
		return v, false
	}
	if k := v.Kind(); (k == reflect.Slice || k == reflect.Map) && v.IsNil() {
		return v, false
	}
	return v, true
}

// Field returns a member of a structure, invalid when it is not there. ok is
// false for a value that cannot be a structure with that member.
func Field(v reflect.Value, m *schema.Member) (_ reflect.Value, ok bool) {
	switch {
	case v.Kind() == reflect.Struct && m.Field >= 0 && m.Field < v.NumField():
		field := v.Field(m.Field)
		// Enums are plain strings in Go; the empty one is absent.
		if field.Kind() == reflect.String && field.Len() == 0 {
			return reflect.Value{}, true
		}
		return field, true
	case v.Kind() == reflect.Map && v.Type().Key().Kind() == reflect.String:
		return v.MapIndex(reflect.ValueOf(m.Name).Convert(v.Type().Key())), true
	}
	return reflect.Value{}, false
}

// Alloc follows pointers, making what they point to.
func Alloc(dst reflect.Value) reflect.Value {
	for dst.Kind() == reflect.Pointer {
		dst.Set(reflect.New(dst.Type().Elem()))
		dst = dst.Elem()
	}
	return dst
}

// Set puts a simple value into dst, converted to its type; false when it cannot
// hold it.
func Set(dst reflect.Value, v any) bool {
	from := reflect.ValueOf(v)
	if dst.Kind() == reflect.Interface {
		dst.Set(from)
		return true
	}
	dst = Alloc(dst)
	if !from.CanConvert(dst.Type()) {
		return false
	}
	dst.Set(from.Convert(dst.Type()))
	return true
}
