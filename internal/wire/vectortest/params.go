package vectortest

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Params turns the parameters of a vector into the dynamic value of a shape.
// Vectors write blobs as their text and timestamps as seconds.
func Params(t testing.TB, s *schema.Shape, raw json.RawMessage) any {
	t.Helper()
	if s == nil || raw == nil {
		return map[string]any{}
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return param(t, s, v)
}

func param(t testing.TB, s *schema.Shape, v any) any {
	t.Helper()
	if v == nil {
		return nil
	}
	number := func() float64 {
		text, ok := v.(string)
		if !ok {
			text = v.(json.Number).String()
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	switch s.Kind {
	case schema.Structure, schema.Union:
		out := map[string]any{}
		for name, field := range v.(map[string]any) {
			if field != nil {
				out[name] = param(t, s.Member(name).Shape, field)
			}
		}
		return out
	case schema.List:
		out := []any{}
		for _, elem := range v.([]any) {
			out = append(out, param(t, s.Value.Shape, elem))
		}
		return out
	case schema.Map:
		out := map[string]any{}
		for key, elem := range v.(map[string]any) {
			out[key] = param(t, s.Value.Shape, elem)
		}
		return out
	case schema.Blob:
		return []byte(v.(string))
	case schema.Document:
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return schema.DocumentValue(b)
	case schema.Byte, schema.Short, schema.Integer, schema.Long:
		return int64(number())
	case schema.Float, schema.Double:
		return number()
	case schema.Timestamp:
		return time.UnixMilli(int64(math.Round(number() * 1000))).UTC()
	default:
		return v
	}
}
