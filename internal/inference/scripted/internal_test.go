package scripted

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
)

// What is made for a schema fits it.
func TestSamplesFit(t *testing.T) {
	t.Parallel()
	for _, schema := range []string{
		`{}`, `{"type":"object"}`, `{"type":"string","minLength":8,"maxLength":9}`, `{"type":"string","pattern":"^[A-Z]{3}-\\d{2,}$"}`,
		`{"type":"integer","minimum":3,"multipleOf":5}`, `{"type":"integer","exclusiveMinimum":0.5,"maximum":1}`, `{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":0.5}`,
		`{"type":"number","maximum":-7}`, `{"type":"integer","exclusiveMaximum":-7}`, `{"enum":["b","a"]}`, `{"const":{"x":[1]}}`, `{"type":["null","string"]}`,
		`{"type":"array","items":{"type":"integer"},"minItems":3,"uniqueItems":true}`, `{"type":"array","maxItems":0,"items":{"type":"string"}}`,
		`{"type":"array","items":{"enum":["a","b","c"]},"minItems":2,"uniqueItems":true}`, `{"type":"array","prefixItems":[{"type":"string"},{"type":"boolean"}]}`,
		`{"type":"object","properties":{"a":{"type":"string","format":"date"},"b":{"$ref":"#/$defs/B"}},"required":["b"],"additionalProperties":false,"$defs":{"B":{"type":"object","properties":{"c":{"type":"null"}},"required":["c"]}}}`,
		`{"anyOf":[{"type":"integer","minimum":5},{"type":"null"}]}`, `{"oneOf":[{"type":"object","properties":{"k":{"const":"a"}},"required":["k"]},{"type":"string"}]}`,
		`{"allOf":[{"properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"b":{"type":"boolean"}},"required":["b"]}],"type":"object"}`,
		`{"$ref":"#/$defs/T","$defs":{"T":{"type":"object","properties":{"v":{"type":"integer"},"next":{"anyOf":[{"$ref":"#/$defs/T"},{"type":"null"}]}},"required":["v","next"]}}}`,
		`{"type":"object","minProperties":2,"additionalProperties":{"type":"integer"}}`, `{"properties":{"x":{"default":4}}}`, `{"type":"boolean"}`, `{"type":"null"}`,
	} {
		made := sample(json.RawMessage(schema))
		if !fits(json.RawMessage(schema), made) {
			t.Errorf("%s: made %s", schema, made)
		}
		if again := sample(json.RawMessage(schema)); string(again) != string(made) {
			t.Errorf("%s: made %s, then %s", schema, made, again)
		}
	}
}

// The same for schemas of any shape.
func TestRandomSamplesFit(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		schema, err := json.Marshal(randomSchema(r, 3))
		if err != nil {
			t.Fatal(err)
		}
		if made := sample(schema); !fits(schema, made) {
			t.Fatalf("%s: made %s", schema, made)
		}
	}
}

func randomSchema(r *rand.Rand, depth int) map[string]any {
	kinds := 7
	if depth == 0 {
		kinds = 4
	}
	low := r.IntN(20) - 10
	switch r.IntN(kinds) {
	case 0:
		return map[string]any{"type": "string", "minLength": r.IntN(5), "maxLength": 5 + r.IntN(5)}
	case 1:
		return map[string]any{"type": "integer", "minimum": low, "maximum": low + r.IntN(5)}
	case 2:
		return map[string]any{"type": "number", "exclusiveMinimum": low, "maximum": float64(low) + 0.1 + r.Float64()}
	case 3:
		return map[string]any{"enum": []any{r.IntN(3), "x", nil}}
	case 4:
		return map[string]any{"type": "array", "items": randomSchema(r, depth-1), "minItems": r.IntN(3)}
	case 5:
		return map[string]any{"anyOf": []any{randomSchema(r, depth-1), randomSchema(r, depth-1)}}
	}
	properties, required := map[string]any{}, []any{}
	for _, name := range []string{"a", "b", "c"}[:1+r.IntN(3)] {
		properties[name] = randomSchema(r, depth-1)
		if r.IntN(2) == 0 {
			required = append(required, name)
		}
	}
	return map[string]any{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}

func TestWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	for text, schema := range map[string]string{
		`{"a":1`: `{}`, `{} {}`: `{}`, `"x"`: ``, `1`: `{"type":"string"}`, `1.5`: `{"type":"integer"}`, `{}`: `{"required":["a"]}`, `{"b":1}`: `{"additionalProperties":false}`,
		`[1,1]`: `{"uniqueItems":true}`, `[1,1.0]`: `{"uniqueItems":true}`, `"ab"`: `{"pattern":"^b"}`, `4`: `{"multipleOf":3}`, `5`: `{"exclusiveMaximum":5}`, `2`: `{"oneOf":[{"type":"integer"},{"type":"number"}]}`,
		`3`: `{"not":{"type":"number"}}`, `null`: `false`,
	} {
		if fits(json.RawMessage(schema), json.RawMessage(text)) {
			t.Errorf("%s fits %s", text, schema)
		}
	}
}

func TestTokensJoinToTheText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "a", " a  b\n", "größer als\tje", strings.Repeat("ж", 100), "   ", "\xff\xfe x"} {
		all := tokens(text)
		if got := strings.Join(all, ""); got != text {
			t.Errorf("got %q, want %q", got, text)
		}
		if n := countText(text); n != len(all) {
			t.Errorf("%q: counted %d, cut into %d", text, n, len(all))
		}
	}
}

func TestWild(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "", true}, {"*", "a/b", true}, {"a*c", "abbc", true}, {"a*c", "abb", false}, {"a?c", "abc", true}, {"a?c", "ac", false}, {"*:user/*", "arn:aws:iam::0:user/x/y", true},
		{"a*b*c", "aXbYbZc", true}, {"", "", true}, {"", "a", false}, {"a**", "a", true},
	} {
		if got := wild(tt.pattern, tt.name); got != tt.want {
			t.Errorf("%s, %s: got %v", tt.pattern, tt.name, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("rules: [{answer: x}]")
	f.Add("seed: 1\nsettings: {chunk: word, delay: {start: 1s}}\nmodels: [{match: '*'}]\nrules:\n  - when: {text: {regex: '(a)'}, nth: 2-3}\n    answer: {blocks: [{reasoning: '${match.1}'}, {tool: {name: t, input: {a: ['${result.b}']}}}]}")
	f.Add("rules:\n  - answer: {json: &a [*a, *a]}")
	f.Add(`{"rules":[{"answer":{"fault":{"kind":"throttle","retryAfter":"1s"}}}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse([]byte(text))
		if err != nil {
			return
		}
		if _, err := s.json(); err != nil {
			t.Skip() // aliases outside of a rule, or a date that is none
		}
	})
}

func FuzzSample(f *testing.F) {
	f.Add(`{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}`)
	f.Add(`{"type":"string","pattern":"(a|b)*c{3,}"}`)
	f.Add(`{"anyOf":[{"$ref":"#/anyOf/0"}]}`)
	f.Fuzz(func(t *testing.T, schema string) {
		if made := sample(json.RawMessage(schema)); !json.Valid(made) {
			t.Errorf("made %q", made)
		}
	})
}

// TestSampleEnds asks for values that nobody can wait for, or that no memory
// holds.
func TestSampleEnds(t *testing.T) {
	t.Parallel()
	nothing := `\\b`
	for range 12 {
		nothing = "(?:" + nothing + `*\\b)`
	}
	for _, schema := range []string{
		`{"type": "object", "minProperties": 2000000000}`,
		`{"type": "array", "minItems": 1000, "items": {"type": "string", "minLength": 1048576}}`,
		`{"type": "array", "minItems": 1000, "items": {"type": "string", "pattern": "^a{1000}(b{1000}){60,}$"}}`,
		`{"type": "string", "pattern": "` + nothing + `*"}`,
		`{"type": "array", "minItems": 1000, "items": {"$ref": "#"}}`,
	} {
		if made := sample(json.RawMessage(schema)); len(made) > 8<<20 {
			t.Errorf("%s: got %d bytes", schema, len(made))
		}
	}
}
