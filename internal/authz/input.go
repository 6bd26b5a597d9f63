package authz

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/outcrop/outcrop/internal/wire/schema"
)

// memberPath leads from an operation's input to a member, through structures, and
// through every item of the lists on the way.
type memberPath struct {
	names string
	steps []int // field indexes
}

// parsePath finds the members that names tells, "a.b.c", in a shape.
func parsePath(shape *schema.Shape, names string) (*memberPath, error) {
	p := &memberPath{names: names}
	for name := range strings.SplitSeq(names, ".") {
		for shape.Kind == schema.List {
			shape = shape.Value.Shape
		}
		m := member(shape, name)
		if m == nil || m.Field < 0 {
			return nil, fmt.Errorf("%s has no member %s", shape.Name, name)
		}
		p.steps = append(p.steps, m.Field)
		shape = m.Shape
	}
	return p, nil
}

func member(shape *schema.Shape, name string) *schema.Member {
	for _, m := range shape.Members {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// collect appends the values that are there: texts, numbers, and true for what
// has another form or is true.
func (p *memberPath) collect(input any, to []string) []string {
	if input == nil {
		return to
	}
	return collect(reflect.ValueOf(input), p.steps, to)
}

func collect(v reflect.Value, steps []int, to []string) []string {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return to
		}
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			break
		}
		for i := range v.Len() {
			to = collect(v.Index(i), steps, to)
		}
		return to
	case reflect.Struct:
		if len(steps) > 0 {
			return collect(v.Field(steps[0]), steps[1:], to)
		}
	case reflect.String:
		if v.Len() == 0 {
			return to
		}
		return append(to, v.String())
	case reflect.Bool:
		if !v.Bool() {
			return to
		}
	case reflect.Int32, reflect.Int64:
		return append(to, fmt.Sprint(v.Int()))
	case reflect.Map:
		if v.Len() == 0 {
			return to
		}
	default:
	}
	return append(to, "true")
}

// first is the value of a path that leads to one, and whether it is there.
func (p *memberPath) first(input any) (string, bool) {
	var room [1]string
	values := p.collect(input, room[:0])
	if len(values) == 0 {
		return "", false
	}
	return values[0], true
}

// tagPaths finds what a request says about tags: the members that are tags, as
// a map or as a list of keys and values, and those that are lists of keys.
func tagPaths(shape *schema.Shape) (tags, keys []*memberPath) {
	for _, m := range shape.Members {
		name := strings.ToLower(m.Name)
		p := &memberPath{names: m.Name, steps: []int{m.Field}}
		switch {
		case m.Field < 0:
		case strings.HasSuffix(name, "tagkeys") && name != "transitivetagkeys":
			keys = append(keys, p)
		case !strings.HasSuffix(name, "tags"):
		case m.Shape.Kind == schema.Map, m.Shape.Kind == schema.List && isTag(m.Shape.Value.Shape):
			tags = append(tags, p)
		}
	}
	return tags, keys
}

// isTag tells whether a shape is a key and a value.
func isTag(shape *schema.Shape) bool {
	m := shape.Members
	return len(m) == 2 && strings.EqualFold(m[0].Name, "key") && strings.EqualFold(m[1].Name, "value")
}

// stringOf is a text that may not be there.
func stringOf(v reflect.Value) string {
	if v = reflect.Indirect(v); v.IsValid() {
		return v.String()
	}
	return ""
}

// eachTag calls f for every tag of the request.
func (r *row) eachTag(input any, f func(key, value string)) {
	if input == nil {
		return
	}
	for _, p := range r.tags {
		v := reflect.ValueOf(input).Elem().Field(p.steps[0])
		switch v.Kind() {
		case reflect.Map:
			for _, key := range v.MapKeys() {
				f(key.String(), v.MapIndex(key).String())
			}
		case reflect.Slice:
			for i := range v.Len() {
				item := reflect.Indirect(v.Index(i))
				f(stringOf(item.Field(0)), stringOf(item.Field(1))) // members are sorted: key, value
			}
		default:
		}
	}
}
