package restjson

import (
	"reflect"
	"time"

	"github.com/outcrop/outcrop/internal/wire/schema"
)

// The set functions store into a field (a pointer, or the value itself for
// enums and elements) or into an interface.

func set[T bool | time.Time](rv reflect.Value, v T) {
	if rv.Kind() == reflect.Pointer {
		rv.Set(reflect.ValueOf(&v))
		return
	}
	rv.Set(reflect.ValueOf(v))
}

func setString(rv reflect.Value, v string) {
	switch rv.Kind() {
	case reflect.String:
		rv.SetString(v)
	case reflect.Pointer:
		p := reflect.New(rv.Type().Elem())
		p.Elem().SetString(v)
		rv.Set(p)
	default:
		rv.Set(reflect.ValueOf(v))
	}
}

func setInt(rv reflect.Value, n int64) {
	switch rv.Kind() {
	case reflect.Pointer:
		p := reflect.New(rv.Type().Elem())
		p.Elem().SetInt(n)
		rv.Set(p)
	case reflect.Interface:
		rv.Set(reflect.ValueOf(n))
	default:
		rv.SetInt(n)
	}
}

func setFloat(rv reflect.Value, f float64) {
	switch rv.Kind() {
	case reflect.Pointer:
		p := reflect.New(rv.Type().Elem())
		p.Elem().SetFloat(f)
		rv.Set(p)
	case reflect.Interface:
		rv.Set(reflect.ValueOf(f))
	default:
		rv.SetFloat(f)
	}
}

func setBytes(rv reflect.Value, b []byte, document bool) {
	switch {
	case rv.Kind() != reflect.Interface:
		rv.SetBytes(b)
	case document:
		rv.Set(reflect.ValueOf(schema.DocumentValue(b)))
	default:
		rv.Set(reflect.ValueOf(b))
	}
}
