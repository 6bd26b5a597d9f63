package query

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/outcrop/outcrop/internal/wire/govalue"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// xmlWriter writes elements, indented as the services do.
type xmlWriter struct {
	buf   []byte
	depth int
}

func (w *xmlWriter) indent() {
	for range w.depth {
		w.buf = append(w.buf, "  "...)
	}
}

func (w *xmlWriter) open(name, namespace string) {
	w.indent()
	w.buf = append(w.buf, '<')
	w.buf = append(w.buf, name...)
	if namespace != "" {
		w.buf = append(w.buf, ` xmlns="`...)
		w.escape(namespace)
		w.buf = append(w.buf, '"')
	}
	w.buf = append(w.buf, ">\n"...)
	w.depth++
}

func (w *xmlWriter) close(name string) {
	w.depth--
	w.indent()
	w.buf = append(w.buf, "</"...)
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, ">\n"...)
}

func (w *xmlWriter) text(name, text string) {
	w.indent()
	w.buf = append(w.buf, '<')
	w.buf = append(w.buf, name...)
	if text == "" {
		w.buf = append(w.buf, "/>\n"...)
		return
	}
	w.buf = append(w.buf, '>')
	w.escape(text)
	w.buf = append(w.buf, "</"...)
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, ">\n"...)
}

func (w *xmlWriter) escape(s string) {
	b := bytes.NewBuffer(w.buf)
	// Writing to a bytes.Buffer cannot fail; characters that XML does not have
	// become U+FFFD.
	_ = xml.EscapeText(b, []byte(s))
	w.buf = b.Bytes()
}

// members writes the members of a structure.
func (w *xmlWriter) members(s *schema.Shape, v reflect.Value) error {
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

func mismatch(v reflect.Value, s *schema.Shape) error {
	return fmt.Errorf("query: a %s is not the shape %s", v.Type(), s.Name)
}

func (w *xmlWriter) member(m *schema.Member, v reflect.Value) error {
	v, ok := govalue.Content(v)
	if !ok {
		return nil
	}
	return w.element(m.WireName(), m.Shape, m, v)
}

func (w *xmlWriter) element(name string, s *schema.Shape, m *schema.Member, v reflect.Value) error {
	v, ok := govalue.Content(v)
	if !ok { // a hole in a list or map
		w.text(name, "")
		return nil
	}
	switch s.Kind {
	case schema.Structure, schema.Union:
		w.open(name, "")
		if err := w.members(s, v); err != nil {
			return err
		}
		w.close(name)
		return nil
	case schema.List:
		return w.list(name, s, v)
	case schema.Map:
		return w.mapping(name, s, v)
	default:
		text, err := scalarText(s, m, v)
		if err != nil {
			return err
		}
		w.text(name, text)
		return nil
	}
}

func (w *xmlWriter) list(name string, s *schema.Shape, v reflect.Value) error {
	if v.Kind() != reflect.Slice {
		return mismatch(v, s)
	}
	item := name
	if !s.Flattened {
		if v.Len() == 0 {
			w.text(name, "")
			return nil
		}
		item = cmp.Or(s.Value.LocationName, "member")
		w.open(name, "")
		defer w.close(name)
	}
	for i := range v.Len() {
		if err := w.element(item, s.Value.Shape, s.Value, v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func (w *xmlWriter) mapping(name string, s *schema.Shape, v reflect.Value) error {
	if v.Kind() != reflect.Map || v.Type().Key().Kind() != reflect.String {
		return mismatch(v, s)
	}
	entry := name
	if !s.Flattened {
		if v.Len() == 0 {
			w.text(name, "")
			return nil
		}
		entry = "entry"
		w.open(name, "")
		defer w.close(name)
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
	for _, k := range keys {
		w.open(entry, "")
		w.text(cmp.Or(s.Key.LocationName, "key"), k.String())
		if err := w.element(cmp.Or(s.Value.LocationName, "value"), s.Value.Shape, s.Value, v.MapIndex(k)); err != nil {
			return err
		}
		w.close(entry)
	}
	return nil
}

func scalarText(s *schema.Shape, m *schema.Member, v reflect.Value) (string, error) {
	switch s.Kind {
	case schema.String, schema.BigInteger, schema.BigDecimal:
		if v.Kind() == reflect.String {
			return v.String(), nil
		}
	case schema.Blob:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			return base64.StdEncoding.EncodeToString(v.Bytes()), nil
		}
	case schema.Document:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			return string(v.Bytes()), nil
		}
	case schema.Boolean:
		if v.Kind() == reflect.Bool {
			return strconv.FormatBool(v.Bool()), nil
		}
	case schema.Byte, schema.Short, schema.Integer, schema.Long:
		if v.CanInt() {
			return strconv.FormatInt(v.Int(), 10), nil
		}
	case schema.Float, schema.Double:
		if v.CanFloat() {
			return floatText(v.Float(), v.Type().Bits()), nil
		}
	case schema.Timestamp:
		if t, ok := v.Interface().(time.Time); ok {
			return timeText(t.UTC(), format(s, m)), nil
		}
	}
	return "", mismatch(v, s)
}

func floatText(v float64, bits int) string {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "Infinity"
	case math.IsInf(v, -1):
		return "-Infinity"
	}
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
		return strconv.FormatFloat(v, 'E', -1, bits)
	}
	return strconv.FormatFloat(v, 'f', -1, bits)
}

func timeText(t time.Time, f schema.TimestampFormat) string {
	switch f {
	case schema.FormatEpoch:
		return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', -1, 64)
	case schema.FormatRFC822:
		return t.Format(http.TimeFormat)
	case schema.FormatISO8601, schema.FormatDefault:
	}
	return t.Format("2006-01-02T15:04:05.999Z07:00")
}
