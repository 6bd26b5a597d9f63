package body

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Type is what a JSON value has to be.
type Type uint8

// The types. Any takes everything and looks no further.
const (
	TypeAny Type = iota
	TypeObject
	TypeArray
	TypeString
	TypeInteger
	TypeNumber
	TypeBoolean
)

// The names are those of the schema library that Bedrock uses, which are those
// of its JSON classes.
var typeNames = [...]string{"", "JSONObject", "JSONArray", "String", "Integer", "Number", "Boolean"}

// Schema says what a value may be. It is data: build it once, as a literal,
// and do not change it. Checks are safe for concurrent use.
type Schema struct {
	Type Type

	// Properties are the members that an object may have; others are
	// extraneous unless Open says that nobody looks.
	Properties map[string]*Schema
	Required   []string
	Open       bool
	// Members is the schema of the members that Properties has not, whatever
	// their names are; nil: Open decides.
	Members *Schema

	Items              *Schema // of an array; nil: anything
	MinItems, MaxItems int     // 0: no limit

	Min, Max             *float64
	MinLength, MaxLength int // characters, 0: no limit

	Enum []string // the allowed strings, or integers as they are written

	// Null lets null through, as if the member were absent: clients of the
	// OpenAI-shaped formats write it. Object's accessors know no difference.
	Null bool

	// OneOf takes a value that fits any one of the schemas; when none fits, the
	// violations of the one whose type is right are told.
	OneOf []*Schema

	// Separator stands between violations; only the root's counts. Most
	// models have none, Titan a comma.
	Separator string
}

// maxViolations bounds the sentence: a body can have a million wrong keys.
const maxViolations = 20

// maxQuoted bounds what a sentence repeats of the caller's own text, in bytes.
const maxQuoted = 100

// Check returns a Malformed fault that names every violation of the schema, or
// nil.
func (s *Schema) Check(v any) error {
	var c checker
	c.value("#", s, v)
	if len(c.found) == 0 {
		return nil
	}
	return Malformed(strings.Join(c.found, s.Separator))
}

type checker struct{ found []string }

func (c *checker) full() bool { return len(c.found) >= maxViolations }

func (c *checker) addf(at, format string, args ...any) {
	if !c.full() {
		c.found = append(c.found, at+": "+fmt.Sprintf(format, args...))
	}
}

func (c *checker) value(at string, s *Schema, v any) {
	if c.full() || v == nil && s.Null {
		return
	}
	if len(s.OneOf) > 0 {
		c.oneOf(at, s.OneOf, v)
		return
	}
	if s.Type == TypeAny {
		return
	}
	if !s.Type.fits(v) {
		c.addf(at, "expected type: %s, found: %s", typeNames[s.Type], typeName(v))
		return
	}
	switch v := v.(type) {
	case map[string]any:
		c.object(at, s, v)
	case []any:
		c.array(at, s, v)
	case string:
		c.text(at, s, v)
	case json.Number:
		c.number(at, s, v)
	}
}

// oneOf tells the violations of the alternative that has the value's type, or
// of the first one.
func (c *checker) oneOf(at string, alternatives []*Schema, v any) {
	best := alternatives[0]
	for _, s := range alternatives {
		var try checker
		try.value(at, s, v)
		if len(try.found) == 0 {
			return
		}
		if s.Type.fits(v) {
			best = s
		}
	}
	c.value(at, best, v)
}

// object reports extraneous keys first, then missing ones, then what is wrong
// inside, as the real service does; keys in alphabetical order.
func (c *checker) object(at string, s *Schema, v map[string]any) {
	keys := make([]string, 0, len(v))
	for k := range v {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	if !s.Open && s.Members == nil {
		for _, k := range keys {
			if _, ok := s.Properties[k]; !ok {
				c.addf(at, "extraneous key [%s] is not permitted", quote(k))
			}
		}
	}
	for _, k := range s.Required {
		if _, ok := v[k]; !ok {
			c.addf(at, "required key [%s] not found", k)
		}
	}
	for _, k := range keys {
		if p, ok := s.Properties[k]; ok {
			c.value(at+"/"+escapePointer(k), p, v[k])
		} else if s.Members != nil {
			c.value(at+"/"+quote(escapePointer(k)), s.Members, v[k])
		}
	}
}

func (c *checker) array(at string, s *Schema, v []any) {
	if len(v) < s.MinItems {
		c.addf(at, "expected minimum item count: %d, found: %d", s.MinItems, len(v))
	}
	if s.MaxItems > 0 && len(v) > s.MaxItems {
		c.addf(at, "expected maximum item count: %d, found: %d", s.MaxItems, len(v))
	}
	if s.Items == nil {
		return
	}
	for i, item := range v {
		if c.full() {
			return
		}
		c.value(at+"/"+strconv.Itoa(i), s.Items, item)
	}
}

func (c *checker) text(at string, s *Schema, v string) {
	if s.MinLength > 0 || s.MaxLength > 0 {
		n := utf8.RuneCountInString(v)
		if n < s.MinLength {
			c.addf(at, "expected minLength: %d, actual: %d", s.MinLength, n)
		}
		if s.MaxLength > 0 && n > s.MaxLength {
			c.addf(at, "expected maxLength: %d, actual: %d", s.MaxLength, n)
		}
	}
	if s.Enum != nil && !slices.Contains(s.Enum, v) {
		c.addf(at, "%s is not a valid enum value", quote(v))
	}
}

func (c *checker) number(at string, s *Schema, v json.Number) {
	if s.Enum != nil && !slices.Contains(s.Enum, v.String()) {
		c.addf(at, "%s is not a valid enum value", quote(v.String()))
	}
	f, err := v.Float64()
	if err != nil && !math.IsInf(f, 0) {
		c.addf(at, "expected type: %s, found: String", typeNames[s.Type])
		return
	}
	if s.Min != nil && f < *s.Min {
		c.addf(at, "%s is not greater or equal to %s", quote(v.String()), decimal(*s.Min))
	}
	if s.Max != nil && f > *s.Max {
		c.addf(at, "%s is not less or equal to %s", quote(v.String()), decimal(*s.Max))
	}
	if s.Max == nil && math.IsInf(f, 1) || s.Min == nil && math.IsInf(f, -1) {
		c.addf(at, "%s is out of range", quote(v.String()))
	}
}

func (t Type) fits(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		return t == TypeObject
	case []any:
		return t == TypeArray
	case string:
		return t == TypeString
	case bool:
		return t == TypeBoolean
	case json.Number:
		return t == TypeNumber || t == TypeInteger && isInteger(v)
	}
	return false
}

func isInteger(n json.Number) bool { return !strings.ContainsAny(n.String(), ".eE") }

func typeName(v any) string {
	switch v := v.(type) {
	case map[string]any:
		return "JSONObject"
	case []any:
		return "JSONArray"
	case string:
		return "String"
	case bool:
		return "Boolean"
	case json.Number:
		if isInteger(v) {
			return "Integer"
		}
		return "BigDecimal"
	}
	return "Null"
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func escapePointer(key string) string {
	return strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
}

// quote cuts what the caller wrote to a length that fits into a sentence.
func quote(s string) string {
	if len(s) <= maxQuoted {
		return s
	}
	cut := maxQuoted
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
