package grammar_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/runner/grammar"
)

func TestSchema(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ schema, want string }{
		"anything":          {`{}`, "root ::= value\n"},
		"a reference":       {`{"$ref": "#/$defs/a", "$defs": {"a": {"type": "boolean"}}}`, "root ::= ref-1\nboolean-2 ::= \"true\" | \"false\"\nref-1 ::= boolean-2\n"},
		"an enumeration":    {`{"enum": ["a\"", 1, null]}`, `enum-1 ::= "\"a\\\"\"" | "1" | "null"`},
		"of its type":       {`{"enum": ["a", 1, 1.5], "type": "integer"}`, `enum-1 ::= "1"` + "\n"},
		"a constant":        {`{"const": {"a": [true]}}`, `"{\"a\":[true]}"`},
		"a range":           {`{"type": "integer", "minimum": 8, "exclusiveMaximum": 120}`, `[8-9] | [1-9] [0-9]{1} | "1" ([0-1] [0-9]{1})`},
		"a negative range":  {`{"type": "integer", "minimum": -12, "maximum": 3}`, `"-" ([1-9] | "1" ([0-2])) | [0-3]`},
		"all negative":      {`{"type": "integer", "minimum": -640, "maximum": -145}`, `integer-1 ::= "-" ("1" (`},
		"lengths":           {`{"type": "string", "minLength": 1, "maxLength": 3}`, `"\"" char{1,3} "\""`},
		"items":             {`{"type": "array", "items": {"const": 1}, "minItems": 2, "maxItems": 4}`, `"[" enum-1 next-2{1,3} "]"`},
		"perhaps items":     {`{"type": "array", "items": {"const": 1}}`, `"[" (enum-1 next-2*)? "]"`},
		"members in order":  {`{"properties": {"z": {"const": 1}, "a": {"const": 2}}, "required": ["z", "a"]}`, `"\"z\"" colon`},
		"no members":        {`{"type": "object", "additionalProperties": false}`, `"{}"`},
		"any members":       {`{"type": "object", "additionalProperties": {"type": "boolean"}}`, `string colon boolean-1`},
		"required, unnamed": {`{"type": "object", "required": ["x"]}`, `"\"x\"" colon value`},
		"all of":            {`{"allOf": [{"properties": {"a": {"const": 1}}}, {"required": ["a"]}]}`, `first-3 ::= pair-2 ""`},
		"one of, by type":   {`{"oneOf": [{"type": "string"}, {"type": "null"}]}`, `any-2 ::= string | null-1`},
		"one of, by a member": {
			`{"oneOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}], "$defs": {
				"a": {"properties": {"kind": {"const": "a"}}, "required": ["kind"]}, "b": {"properties": {"kind": {"const": "b"}}, "required": ["kind"]}}}`, `any-13 ::= ref-1 | ref-7`,
		},
		"a pattern":        {`{"type": "string", "pattern": "^[A-C]+$"}`, `"\"" "" part-`},
		"a pattern inside": {`{"pattern": "x"}`, `"\"" char* "" [\U00000078-\U00000078] char* "\""`},
		"annotations":      {`{"type": "null", "title": "T", "default": 1, "x-vendor": {"not": 1}}`, `"null"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b grammar.Builder
			rule, err := b.Schema([]byte(tc.schema))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := b.Grammar(rule); err != nil || !strings.Contains(got, tc.want) {
				t.Errorf("got %v\n%s\nwant in it\n%s", err, got, tc.want)
			}
		})
	}
}

func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	for schema, want := range map[string]string{
		`{"not": {"type": "null"}}`:                                                                   "not at #",
		`{"properties": {"a": {"uniqueItems": true}}}`:                                                "uniqueItems at #/properties/a",
		`{"items": {"if": {"const": 1}}}`:                                                             "if at #/items",
		`{"type": "number", "multipleOf": 2}`:                                                         "multipleOf at #",
		`{"$ref": "other.json"}`:                                                                      "$ref at #",
		`{"$ref": "#/$defs/none"}`:                                                                    "$ref at #",
		`{"oneOf": [{"type": "number"}, {"type": "integer"}]}`:                                        "oneOf at #",
		`{"type": "string", "maxLength": 100000}`:                                                     "maxLength at #",
		`{"type": "string", "minLength": 3, "maxLength": 2}`:                                          "maxLength at #",
		`{"type": "string", "pattern": "a$b"}`:                                                        "pattern at #",
		`{"type": "string", "pattern": "("}`:                                                          "pattern at #",
		`{"type": "string", "pattern": "a", "minLength": 1}`:                                          "pattern at #",
		`{"type": "integer", "minimum": 3, "maximum": 2}`:                                             "minimum at #",
		`{"type": "number", "exclusiveMinimum": 2, "maximum": 2}`:                                     "minimum at #",
		`{"enum": ["a"], "minLength": 3}`:                                                             "minLength at #",
		`{"type": "thing"}`:                                                                           "type at #",
		`{"items": [{"type": "null"}]}`:                                                               "items at #",
		`{"additionalProperties": false, "required": ["a"]}`:                                          "required at #",
		`{"allOf": [{"type": "string"}, {"type": "null"}]}`:                                           "allOf at #",
		`{"allOf": [{"properties": {}, "additionalProperties": false}, {"properties": {"a": true}}]}`: "allOf at #",
		`{"type": "object", "propertyNames": {"pattern": "a"}, "patternProperties": {"a": {"a": 1}}}`: "patternProperties at #",
		`{"type": "object", "properties": {"a/b": {"type": "object", "minProperties": 1}}}`:           "minProperties at #/properties/a/b",
	} {
		var b grammar.Builder
		_, err := b.Schema([]byte(schema))
		var unsupported *grammar.Unsupported
		if !errors.As(err, &unsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", schema, err, want)
		}
	}
	for _, schema := range []string{`{`, `{} {}`, `1`, strings.Repeat(`{"items":`, 100) + `{}` + strings.Repeat("}", 100), `{"a": "` + strings.Repeat("x", 1<<18) + `"}`} {
		var b grammar.Builder
		if _, err := b.Schema([]byte(schema)); err == nil {
			t.Errorf("%.40s: got a rule, want an error", schema)
		}
	}
}

// A schema that refers to itself is a rule that does.
func TestRecursion(t *testing.T) {
	t.Parallel()
	var b grammar.Builder
	rule, err := b.Schema([]byte(`{"type": "object", "properties": {"next": {"$ref": "#"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := b.Grammar(rule); err != nil || !strings.Contains(got, `colon ref-1`) {
		t.Errorf("got %v\n%s", err, got)
	}
}

func TestSizeIsBounded(t *testing.T) {
	t.Parallel()
	// Each level refers to the next one twice, beside other members, so that
	// merging doubles it.
	var s strings.Builder
	s.WriteString(`{"$defs": {`)
	for i := range 40 {
		name, next := string(rune('A'+i)), string(rune('A'+i+1))
		s.WriteString(`"` + name + `": {"allOf": [{"properties": {"x": {"anyOf": [{"allOf": [{"$ref": "#/$defs/` + next + `"}]}, {"allOf": [{"$ref": "#/$defs/` + next + `"}]}]}}}]},`)
	}
	s.WriteString(`"` + string(rune('A'+40)) + `": {"type": "null"}}, "$ref": "#/$defs/A"}`)
	var b grammar.Builder
	rule, err := b.Schema([]byte(s.String()))
	if err == nil {
		_, err = b.Grammar(rule)
	}
	if err == nil {
		t.Error("got a grammar, want a refusal")
	}
}

// TestWorkIsBounded asks for what would take longer than anybody waits, or more
// stack than there is: it ends at all when the work is bounded.
func TestWorkIsBounded(t *testing.T) {
	t.Parallel()
	list := func(n int, format string) string {
		var s strings.Builder
		for i := range n {
			fmt.Fprintf(&s, ","+format, i)
		}
		return s.String()[1:]
	}
	// A0 asks for A1 twice, which asks for A2 twice, and so on.
	doubled := `{"$ref": "#/$defs/A0", "$defs": {"A40": {"type": "null"}`
	for i := range 40 {
		doubled += fmt.Sprintf(`, "A%d": {"allOf": [{"$ref": "#/$defs/A%d"}, {"$ref": "#/$defs/A%d"}]}`, i, i+1, i+1)
	}
	for name, schema := range map[string]string{
		"parts that double":    doubled + "}}",
		"parts with members":   `{"allOf": [{"properties": {` + list(6000, `"p%d": {}`) + `}}, {"properties": {` + list(6000, `"q%d": {}`) + `}}]}`,
		"many alternatives":    `{"oneOf": [` + list(12000, `{"const": %d}`) + `]}`,
		"many required":        `{"properties": {` + list(3900, `"p%d": true`) + `}, "required": [` + list(19000, `"r%d"`) + `]}`,
		"many repetitions":     `{"properties": {` + list(1000, `"p%d": {"type": "string", "maxLength": 2000}`) + `}}`,
		"a pattern of classes": `{"pattern": "` + strings.Repeat(`\\pL`, 20000) + `"}`,
		"objects in themselves": `{"oneOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}], "$defs": {
			"a": {"properties": {"x": {"$ref": "#/$defs/a"}}, "required": ["x"]}, "b": {"properties": {"x": {"$ref": "#/$defs/b"}}, "required": ["x"]}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b grammar.Builder
			rule, err := b.Schema([]byte(schema))
			if err == nil {
				_, err = b.Grammar(rule)
			}
			if err == nil {
				t.Error("got a grammar, want a refusal")
			}
		})
	}
}

func FuzzSchema(f *testing.F) {
	for _, s := range []string{
		`{"type": ["string", "null"], "pattern": "^a{2,3}[^b]\\d$"}`, `{"$ref": "#/items", "items": {"$ref": "#"}}`, `{"allOf": [{"$ref": "#"}]}`,
		`{"type": "number", "minimum": -0.5, "maximum": 1e300}`, `{"prefixItems": [true, false], "minItems": 7}`, `{"anyOf": [{}], "oneOf": 1, "type": []}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, schema string) {
		var b grammar.Builder
		rule, err := b.Schema([]byte(schema))
		if err != nil {
			return
		}
		if text, err := b.Grammar(rule); err == nil && len(text) > 1<<20 {
			t.Errorf("got a grammar of %d bytes", len(text))
		}
	})
}
