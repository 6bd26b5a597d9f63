// Package constraint checks decoded inputs against what the service models
// demand: required members, lengths, ranges, patterns, enums, unions. It finds
// violations as data and renders them in the words of AWS. It decodes nothing
// and knows no operation; the edge calls Check between the codec and the
// service.
//
// Values are those of the codecs: pointers to generated structs, or
// map[string]any where a table has no Go types.
package constraint

import (
	"reflect"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Kind is the rule that a value breaks.
type Kind uint8

// The rules.
const (
	Required Kind = iota
	MaxLength
	MinLength
	MaxValue
	MinValue
	Pattern
	Enum
	UniqueItems
	UnionUnset // a union with no member that the model knows
	UnionMany  // a union with more than one
)

// Step is one step from the input to a value: a member, a list position or a
// map key.
type Step struct {
	Member *schema.Member // nil for list positions and map keys
	Index  int            // 0-based position in a list
	Key    string         // key of a map
	List   bool
	IsKey  bool // the key itself is meant, not its value
}

// Violation is one rule that one value breaks.
type Violation struct {
	Path  []Step
	Kind  Kind
	Shape *schema.Shape
	// Value is the offending value, invalid for Required.
	Value reflect.Value
	// Length is that of the value for the length rules.
	Length int
	// Sensitive is set when the value must not be shown: the model marks it or
	// something around it.
	Sensitive bool
	// Container is the list or map that a value stands in, and where it begins
	// in Path; zero for a member's own value.
	Container reflect.Value
}

// Find returns the violations of a value of the shape, in the order of the
// model's members; nil when there are none.
func Find(shape *schema.Shape, v any) []Violation {
	if shape == nil {
		return nil
	}
	f := finder{path: make([]Step, 0, 16)}
	f.value(shape, reflect.ValueOf(v), false)
	if len(f.found) > 1 {
		slices.SortStableFunc(f.found, func(a, b Violation) int { return order(a.Path, b.Path) })
	}
	return f.found
}

func order(a, b []Step) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		switch {
		case a[i].Member != nil && b[i].Member != nil:
			if c := a[i].Member.Order - b[i].Member.Order; c != 0 {
				return c
			}
		case a[i].Index != b[i].Index:
			return a[i].Index - b[i].Index
		case a[i].Key != b[i].Key:
			if a[i].Key < b[i].Key {
				return -1
			}
			return 1
		}
	}
	return 0
}

type finder struct {
	path      []Step
	found     []Violation
	container reflect.Value
}

func (f *finder) add(kind Kind, s *schema.Shape, rv reflect.Value, length int, sensitive bool) {
	f.found = append(f.found, Violation{
		Path: slices.Clone(f.path), Kind: kind, Shape: s, Value: rv, Length: length, Sensitive: sensitive,
		Container: f.container,
	})
}

func (f *finder) value(s *schema.Shape, rv reflect.Value, sensitive bool) {
	for rv.Kind() == reflect.Pointer || rv.Kind() == reflect.Interface {
		rv = rv.Elem()
	}
	if !rv.IsValid() {
		return
	}
	sensitive = sensitive || s.Sensitive
	switch s.Kind {
	case schema.Structure, schema.Union:
		f.structure(s, rv, sensitive)
	case schema.List:
		f.length(s, rv, rv.Len(), sensitive || hides(s.Value))
		f.list(s, rv, sensitive)
	case schema.Map:
		f.length(s, rv, rv.Len(), sensitive || hides(s.Key) || hides(s.Value))
		f.mapping(s, rv, sensitive)
	case schema.String:
		f.text(s, rv, sensitive)
	case schema.Blob:
		f.length(s, rv, rv.Len(), sensitive)
	case schema.Boolean, schema.Timestamp, schema.Document, schema.BigInteger, schema.BigDecimal:
	default:
		f.number(s, rv, sensitive)
	}
}

func (f *finder) text(s *schema.Shape, rv reflect.Value, sensitive bool) {
	text := rv.String()
	if len(s.Enum) > 0 {
		if !slices.Contains(s.Enum, text) {
			f.add(Enum, s, rv, 0, sensitive)
		}
		return
	}
	n, tooLong := -1, false
	if s.Max != nil && float64(len(text)) > *s.Max {
		if n = utf8.RuneCountInString(text); float64(n) > *s.Max {
			tooLong = true
			f.add(MaxLength, s, rv, n, sensitive)
		}
	}
	if tooLong && len(text) > maxShown {
		return // refused anyway: do not pay for matching megabytes
	}
	if s.Pattern != "" && !s.Validator(compile).Match(text) {
		f.add(Pattern, s, rv, 0, sensitive)
	}
	if s.Min != nil && *s.Min > 0 {
		if n < 0 {
			n = utf8.RuneCountInString(text)
		}
		if float64(n) < *s.Min {
			f.add(MinLength, s, rv, n, sensitive)
		}
	}
}

func (f *finder) length(s *schema.Shape, rv reflect.Value, n int, sensitive bool) {
	if s.Max != nil && float64(n) > *s.Max {
		f.add(MaxLength, s, rv, n, sensitive)
	}
	if s.Min != nil && float64(n) < *s.Min {
		f.add(MinLength, s, rv, n, sensitive)
	}
}

func (f *finder) number(s *schema.Shape, rv reflect.Value, sensitive bool) {
	if s.Min == nil && s.Max == nil {
		return
	}
	var n float64
	switch {
	case rv.CanInt():
		n = float64(rv.Int())
	case rv.CanFloat():
		n = rv.Float()
	}
	// NaN is in no range.
	if s.Max != nil && !(n <= limit(*s.Max, rv)) {
		f.add(MaxValue, s, rv, 0, sensitive)
	}
	if s.Min != nil && !(n >= limit(*s.Min, rv)) {
		f.add(MinValue, s, rv, 0, sensitive)
	}
}

// limit is the bound in the precision of the value: 0.1 as a float is a little
// more than 0.1.
func limit(bound float64, rv reflect.Value) float64 {
	if rv.Kind() == reflect.Float32 {
		return float64(float32(bound))
	}
	return bound
}

func (f *finder) structure(s *schema.Shape, rv reflect.Value, sensitive bool) {
	n := len(f.path)
	container := f.container
	f.container = reflect.Value{}
	set := 0
	for _, m := range s.Members {
		v, ok := get(rv, m)
		if !ok {
			if m.Required && !m.Shape.EventStream {
				f.path = append(f.path, Step{Member: m})
				f.add(Required, m.Shape, reflect.Value{}, 0, sensitive || m.Sensitive || m.Shape.Sensitive)
				f.path = f.path[:n]
			}
			continue
		}
		set++
		f.path = append(f.path, Step{Member: m})
		f.value(m.Shape, v, sensitive || m.Sensitive)
		f.path = f.path[:n]
	}
	f.container = container
	if s.Kind == schema.Union && !s.EventStream {
		switch {
		case set == 0:
			f.add(UnionUnset, s, rv, 0, sensitive)
		case set > 1:
			f.add(UnionMany, s, rv, set, sensitive)
		}
	}
}

// get returns the value of a member and whether it is set.
func get(rv reflect.Value, m *schema.Member) (reflect.Value, bool) {
	if rv.Kind() == reflect.Map {
		v := rv.MapIndex(reflect.ValueOf(m.Name))
		return v, v.IsValid() && !v.IsNil()
	}
	if m.Field < 0 {
		return reflect.Value{}, false
	}
	v := rv.Field(m.Field)
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return v, !v.IsNil()
	default:
		return v, v.Len() > 0 // enums: "" is absent
	}
}

func (f *finder) list(s *schema.Shape, rv reflect.Value, sensitive bool) {
	if s.UniqueItems && repeats(rv) {
		f.add(UniqueItems, s, rv, 0, sensitive)
	}
	elem := s.Value.Shape
	if !constrained(elem) {
		return
	}
	n := len(f.path)
	container := f.container
	f.container = rv
	for i := range rv.Len() {
		f.path = append(f.path, Step{List: true, Index: i})
		f.value(elem, rv.Index(i), sensitive || s.Value.Sensitive)
		f.path = f.path[:n]
	}
	f.container = container
}

func (f *finder) mapping(s *schema.Shape, rv reflect.Value, sensitive bool) {
	if !constrained(s.Key.Shape) && !constrained(s.Value.Shape) {
		return
	}
	n := len(f.path)
	container := f.container
	f.container = rv
	keys := rv.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int {
		if a.String() < b.String() {
			return -1
		}
		return 1
	})
	for _, k := range keys {
		f.path = append(f.path, Step{Key: k.String(), IsKey: true})
		f.value(s.Key.Shape, k, sensitive || s.Key.Sensitive)
		f.path[n].IsKey = false
		f.value(s.Value.Shape, rv.MapIndex(k), sensitive || s.Value.Sensitive)
		f.path = f.path[:n]
	}
	f.container = container
}

// hides reports whether showing a container would show a sensitive element.
func hides(m *schema.Member) bool {
	if m.Sensitive || m.Shape.Sensitive {
		return true
	}
	switch s := m.Shape; s.Kind {
	case schema.List:
		return hides(s.Value)
	case schema.Map:
		return hides(s.Key) || hides(s.Value)
	default:
		return false
	}
}

// constrained is false for scalars without rules, so that their lists are not
// walked.
func constrained(s *schema.Shape) bool {
	switch s.Kind {
	case schema.Structure, schema.Union, schema.List, schema.Map:
		return true
	}
	return s.Min != nil || s.Max != nil || s.Pattern != "" || len(s.Enum) > 0
}

// repeats reports whether two elements are equal.
func repeats(rv reflect.Value) bool {
	for i := range rv.Len() {
		for j := range i {
			a, b := rv.Index(i).Interface(), rv.Index(j).Interface()
			if ta, ok := a.(time.Time); ok {
				if tb, ok := b.(time.Time); ok && ta.Equal(tb) {
					return true
				}
			}
			if reflect.DeepEqual(a, b) {
				return true
			}
		}
	}
	return false
}
