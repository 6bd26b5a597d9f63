package query

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"math"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/outcrop/outcrop/internal/wire/govalue"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// decode reads the value of shape s at n into dst. m is the member through
// which s was reached, nil for the input itself.
func decode(n *node, s *schema.Shape, m *schema.Member, dst reflect.Value) error {
	switch s.Kind {
	case schema.Structure, schema.Union:
		return decodeStruct(n, s, dst)
	case schema.List:
		return decodeList(n, s, m, dst)
	case schema.Map:
		return decodeMap(n, s, m, dst)
	default:
		return decodeScalar(n.text, s, m, dst)
	}
}

func decodeStruct(n *node, s *schema.Shape, dst reflect.Value) error {
	var fields map[string]any
	if dst.Kind() == reflect.Interface {
		fields = make(map[string]any)
		dst.Set(reflect.ValueOf(fields))
	} else {
		dst = govalue.Alloc(dst)
	}
	for _, m := range s.Members {
		child := n.member(m)
		if child == nil {
			continue
		}
		if fields == nil {
			if err := decode(child, m.Shape, m, dst.Field(m.Field)); err != nil {
				return err
			}
			continue
		}
		var field any
		if err := decode(child, m.Shape, m, reflect.ValueOf(&field).Elem()); err != nil {
			return err
		}
		fields[m.Name] = field
	}
	return nil
}

// member finds the node of a structure's member. Older models give the name of
// a flattened list to its elements instead of to the member.
func (n *node) member(m *schema.Member) *node {
	if child := n.children[m.WireName()]; child != nil {
		return child
	}
	if m.Shape.Kind == schema.List && m.Shape.Flattened && m.LocationName == "" && m.Shape.Value.LocationName != "" {
		return n.children[m.Shape.Value.LocationName]
	}
	return nil
}

// elements are the numbered nodes of a list or map. "Key=" is how an empty one
// is sent.
func elements(n *node, s *schema.Shape, m *schema.Member, inner string) ([]*node, error) {
	if len(n.children) == 0 {
		if n.text != "" {
			return nil, malformed("%s must be a list.", name(m, s))
		}
		return nil, nil
	}
	if !s.Flattened {
		n = n.children[inner]
		if n == nil {
			return nil, malformed("The elements of %s must be under %q.", name(m, s), inner)
		}
	}
	return n.numbered(name(m, s))
}

func decodeList(n *node, s *schema.Shape, m *schema.Member, dst reflect.Value) error {
	nodes, err := elements(n, s, m, cmp.Or(s.Value.LocationName, "member"))
	if err != nil {
		return err
	}
	typ := reflect.TypeFor[[]any]()
	if dst.Kind() != reflect.Interface {
		dst = govalue.Alloc(dst)
		typ = dst.Type()
	}
	list := reflect.MakeSlice(typ, len(nodes), len(nodes))
	for i, child := range nodes {
		if err := decode(child, s.Value.Shape, s.Value, list.Index(i)); err != nil {
			return err
		}
	}
	dst.Set(list)
	return nil
}

func decodeMap(n *node, s *schema.Shape, m *schema.Member, dst reflect.Value) error {
	nodes, err := elements(n, s, m, "entry")
	if err != nil {
		return err
	}
	typ := reflect.TypeFor[map[string]any]()
	if dst.Kind() != reflect.Interface {
		dst = govalue.Alloc(dst)
		typ = dst.Type()
	}
	out := reflect.MakeMapWithSize(typ, len(nodes))
	for _, entry := range nodes {
		key, value := entry.children[cmp.Or(s.Key.LocationName, "key")], entry.children[cmp.Or(s.Value.LocationName, "value")]
		if key == nil || value == nil {
			return malformed("Every entry of %s must have a key and a value.", name(m, s))
		}
		elem := reflect.New(typ.Elem()).Elem()
		if err := decode(value, s.Value.Shape, s.Value, elem); err != nil {
			return err
		}
		out.SetMapIndex(reflect.ValueOf(key.text).Convert(typ.Key()), elem)
	}
	dst.Set(out)
	return nil
}

func decodeScalar(text string, s *schema.Shape, m *schema.Member, dst reflect.Value) error {
	v, err := scalar(text, s, m)
	if err != nil {
		return malformed("%s %s.", name(m, s), err.Error())
	}
	if !govalue.Set(dst, v) {
		return fmt.Errorf("query: a %s cannot hold the shape %s", dst.Type(), s.Name)
	}
	return nil
}

// scalar reads the text of a simple shape. Its errors go on with "<member> …"
// and do not repeat the text.
func scalar(text string, s *schema.Shape, m *schema.Member) (any, error) {
	switch s.Kind {
	case schema.String, schema.BigInteger, schema.BigDecimal:
		return text, nil
	case schema.Document:
		return schema.DocumentValue(text), nil
	case schema.Blob:
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, errorText("must be base64")
		}
		return b, nil
	case schema.Boolean:
		switch text {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
		return nil, errorText("must be true or false")
	case schema.Byte, schema.Short, schema.Integer, schema.Long:
		v, err := strconv.ParseInt(text, 10, s.Kind.Bits())
		if err != nil {
			return nil, errorText(fmt.Sprintf("must be an integer of %d bits", s.Kind.Bits()))
		}
		return v, nil
	case schema.Float, schema.Double:
		return float(text)
	case schema.Timestamp:
		return timestamp(text, s, m)
	}
	return nil, errorText("has a type that this protocol does not have")
}

type errorText string

func (e errorText) Error() string { return string(e) }

func float(text string) (any, error) {
	switch text {
	case "NaN":
		return math.NaN(), nil
	case "Infinity":
		return math.Inf(1), nil
	case "-Infinity":
		return math.Inf(-1), nil
	}
	v, err := strconv.ParseFloat(text, 64)
	// ParseFloat also takes "inf", "nan" and hexadecimal, which are not numbers here.
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) || len(text) > 1 && text[1] == 'x' {
		return nil, errorText("must be a number")
	}
	return v, nil
}

// format is the timestamp format of a member, by default ISO 8601.
func format(s *schema.Shape, m *schema.Member) schema.TimestampFormat {
	f := s.Timestamp
	if m != nil && m.Timestamp != schema.FormatDefault {
		f = m.Timestamp
	}
	return cmp.Or(f, schema.FormatISO8601)
}

func timestamp(text string, s *schema.Shape, m *schema.Member) (any, error) {
	switch format(s, m) {
	case schema.FormatEpoch:
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(v) || math.Abs(v) > maxEpoch {
			return nil, errorText("must be a number of seconds since 1970")
		}
		return time.UnixMilli(int64(math.Round(v * 1000))).UTC(), nil
	case schema.FormatRFC822:
		v, err := http.ParseTime(text)
		if err != nil {
			return nil, errorText("must be an HTTP date")
		}
		return v.UTC(), nil
	case schema.FormatISO8601, schema.FormatDefault:
	}
	v, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, errorText("must be an ISO 8601 timestamp")
	}
	return v.UTC(), nil
}

// maxEpoch is the last second of the year 9999, beyond which ISO 8601 has no
// four-digit year.
const maxEpoch = 253402300799

func name(m *schema.Member, s *schema.Shape) string {
	if m != nil {
		return m.WireName()
	}
	return s.Name
}
