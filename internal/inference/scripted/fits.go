package scripted

import (
	"encoding/json"
	"math"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"unicode/utf8"
)

// fits reports whether a JSON text fits a schema, by the common words of JSON
// Schema; words that it does not know hold. Without a schema any object does.
func fits(schema, text json.RawMessage) bool {
	v, ok := decode(text)
	if !ok {
		return false
	}
	if len(schema) == 0 {
		_, object := v.(map[string]any)
		return object
	}
	root, ok := decode(schema)
	return ok && (&checker{sampler{root: root}, 0}).fits(root, v, 0)
}

type checker struct {
	sampler
	steps int
}

// maxSteps bounds how long a check takes: schemas can be made to take for ever.
const maxSteps = 1_000_000

func (c *checker) fits(schema, v any, depth int) bool {
	if b, ok := schema.(bool); ok {
		return b
	}
	m := c.resolve(schema)
	if c.steps++; depth > 200 || c.steps > maxSteps {
		return false
	}
	if !c.combined(m, v, depth) || !typed(m["type"], v) {
		return false
	}
	if constant, ok := m["const"]; ok && !equal(constant, v) {
		return false
	}
	if list, ok := m["enum"].([]any); ok && !slices.ContainsFunc(list, func(one any) bool { return equal(one, v) }) {
		return false
	}
	switch v := v.(type) {
	case map[string]any:
		return c.object(m, v, depth)
	case []any:
		return c.array(m, v, depth)
	case string:
		return textFits(m, v)
	case json.Number:
		return numberFits(m, v)
	}
	return true
}

func (c *checker) combined(m map[string]any, v any, depth int) bool {
	if all, ok := m["allOf"].([]any); ok {
		for _, one := range all {
			if !c.fits(one, v, depth+1) {
				return false
			}
		}
	}
	for _, key := range []string{"anyOf", "oneOf"} {
		list, ok := m[key].([]any)
		if !ok {
			continue
		}
		n := 0
		for _, one := range list {
			if c.fits(one, v, depth+1) {
				n++
			}
		}
		if n == 0 || key == "oneOf" && n > 1 {
			return false
		}
	}
	not, ok := m["not"]
	return !ok || !c.fits(not, v, depth+1)
}

func typed(want, v any) bool {
	switch want := want.(type) {
	case string:
		return is(want, v)
	case []any:
		return slices.ContainsFunc(want, func(one any) bool {
			s, ok := one.(string)
			return ok && is(s, v)
		})
	}
	return true
}

func is(kind string, v any) bool {
	switch v := v.(type) {
	case nil:
		return kind == "null"
	case bool:
		return kind == "boolean"
	case string:
		return kind == "string"
	case []any:
		return kind == "array"
	case map[string]any:
		return kind == "object"
	case json.Number:
		if kind == "number" {
			return true
		}
		f, ok := float(v)
		return kind == "integer" && ok && f == math.Trunc(f)
	}
	return false
}

// equal compares as JSON does: 1 and 1.0 are the same.
func equal(a, b any) bool {
	x, ok1 := a.(json.Number)
	y, ok2 := b.(json.Number)
	if ok1 && ok2 {
		p, ok1 := new(big.Float).SetString(x.String())
		q, ok2 := new(big.Float).SetString(y.String())
		return ok1 && ok2 && p.Cmp(q) == 0
	}
	return reflect.DeepEqual(a, b)
}

func (c *checker) object(m, v map[string]any, depth int) bool {
	if required, ok := m["required"].([]any); ok {
		for _, one := range required {
			if name, ok := one.(string); ok {
				if _, there := v[name]; !there {
					return false
				}
			}
		}
	}
	if len(v) < integer(m["minProperties"], 0) || len(v) > integer(m["maxProperties"], math.MaxInt32) {
		return false
	}
	properties, _ := m["properties"].(map[string]any)
	_, patterns := m["patternProperties"]
	for name, member := range v {
		schema, known := properties[name]
		if !known {
			if schema, known = m["additionalProperties"]; !known || patterns {
				continue
			}
		}
		if !c.fits(schema, member, depth+1) {
			return false
		}
	}
	return true
}

func (c *checker) array(m map[string]any, v []any, depth int) bool {
	if len(v) < integer(m["minItems"], 0) || len(v) > integer(m["maxItems"], math.MaxInt32) {
		return false
	}
	first, _ := m["prefixItems"].([]any)
	for i, item := range v {
		schema, ok := m["items"]
		if i < len(first) {
			schema, ok = first[i], true
		}
		if ok && !c.fits(schema, item, depth+1) {
			return false
		}
		if unique, _ := m["uniqueItems"].(bool); unique && slices.ContainsFunc(v[:i], func(other any) bool { return equal(other, item) }) {
			return false
		}
	}
	return true
}

func textFits(m map[string]any, v string) bool {
	n := utf8.RuneCountInString(v)
	if n < integer(m["minLength"], 0) || n > integer(m["maxLength"], math.MaxInt32) {
		return false
	}
	pattern, ok := m["pattern"].(string)
	if !ok {
		return true
	}
	expression, err := regexp.Compile(pattern)
	return err != nil || expression.MatchString(v) // an expression that is not Go's is not checked
}

func numberFits(m map[string]any, v json.Number) bool {
	f, ok := float(v)
	if !ok {
		return false
	}
	if x, ok := float(m["minimum"]); ok && f < x {
		return false
	}
	if x, ok := float(m["exclusiveMinimum"]); ok && f <= x {
		return false
	}
	if x, ok := float(m["maximum"]); ok && f > x {
		return false
	}
	if x, ok := float(m["exclusiveMaximum"]); ok && f >= x {
		return false
	}
	if of, ok := float(m["multipleOf"]); ok && of > 0 {
		ratio := f / of
		return math.Abs(ratio-math.Round(ratio)) < 1e-9
	}
	return true
}
