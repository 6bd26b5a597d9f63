package llamacpp_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// schemas makes JSON Schemas of the keywords that the grammar compiler knows.
type schemas struct{ r *rand.Rand }

func (s schemas) object(depth int) map[string]any {
	names := []string{"name", "city", "count", "items", "is ok", "größe", "x\"y", "tags"}
	s.r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	props, required := map[string]any{}, []string{}
	for _, name := range names[:1+s.r.IntN(2)] {
		props[name] = s.any(depth + 1)
		if s.r.IntN(3) > 0 {
			required = append(required, name)
		}
	}
	o := map[string]any{"type": "object", "properties": props, "required": required}
	if s.r.IntN(2) == 0 {
		o["additionalProperties"] = false
	}
	return o
}

func (s schemas) any(depth int) any {
	n := 11
	if depth > 1 {
		n = 7
	}
	switch s.r.IntN(n) {
	case 0:
		return map[string]any{"type": "string", "maxLength": 1 + s.r.IntN(9), "minLength": s.r.IntN(2)}
	case 1:
		low := s.r.IntN(2000) - 1000
		return map[string]any{"type": "integer", "minimum": low, "maximum": low + s.r.IntN(3000)}
	case 2:
		low := float64(s.r.IntN(400)-200) / 8
		return map[string]any{"type": "number", "minimum": low, "exclusiveMaximum": low + 0.25 + float64(s.r.IntN(40))/8}
	case 3:
		return map[string]any{"type": []string{"boolean", "null"}}
	case 4:
		return map[string]any{"enum": []any{"red", "a \"b\"", 3, nil, []any{1, "x"}}}
	case 5:
		patterns := []string{"^[A-Z]{2}-[0-9]{1,3}$", "^(ab|c{1,3})d?$", "^\\w{1,9}@\\w{1,8}\\.org$", "^[^\"a]{3}$"}
		return map[string]any{"type": "string", "pattern": patterns[s.r.IntN(len(patterns))]}
	case 6:
		formats := []string{"date", "date-time", "uuid", "ipv4", "time"}
		return map[string]any{"type": "string", "format": formats[s.r.IntN(len(formats))]}
	case 7:
		least := s.r.IntN(3)
		return map[string]any{"type": "array", "items": s.any(depth + 1), "minItems": least, "maxItems": least + s.r.IntN(3)}
	case 8:
		return map[string]any{"anyOf": []any{s.any(depth + 1), s.any(depth + 1)}}
	case 9:
		return map[string]any{"type": "array", "prefixItems": []any{s.any(depth + 1), s.any(depth + 1)}, "items": false}
	}
	return s.object(depth)
}

var checked = map[string]*regexp.Regexp{
	"date":      regexp.MustCompile(`^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$`),
	"time":      regexp.MustCompile(`^\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)$`),
	"date-time": regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)$`),
	"uuid":      regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`),
	"ipv4":      regexp.MustCompile(`^\d{1,3}(\.\d{1,3}){3}$`),
}

// misfit says why a value does not fit a schema, and is empty when it does. It
// knows what schemas makes.
func misfit(schema, v any) string {
	s, ok := schema.(map[string]any)
	if !ok {
		return "no schema"
	}
	if several, ok := s["anyOf"].([]any); ok {
		for _, one := range several {
			if misfit(one, v) == "" {
				return ""
			}
		}
		return fmt.Sprintf("%v fits none of %v", v, several)
	}
	if enum, ok := s["enum"].([]any); ok {
		if !slices.ContainsFunc(enum, func(e any) bool { return same(e, v) }) {
			return fmt.Sprintf("%v is not of %v", v, enum)
		}
		return ""
	}
	kinds, ok := s["type"].([]any)
	if !ok {
		kinds = []any{s["type"]}
	}
	if !slices.ContainsFunc(kinds, func(k any) bool { return isKind(k.(string), v) }) {
		return fmt.Sprintf("%v is not of type %v", v, kinds)
	}
	number := func(key string, none float64) float64 {
		if x, ok := s[key].(float64); ok {
			return x
		}
		return none
	}
	switch v := v.(type) {
	case string:
		n := float64(utf8.RuneCountInString(v))
		if n < number("minLength", 0) || n > number("maxLength", 1e9) {
			return fmt.Sprintf("%q has %v characters", v, n)
		}
		if p, ok := s["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(v) {
			return fmt.Sprintf("%q does not match %s", v, p)
		}
		if f, ok := s["format"].(string); ok && !checked[f].MatchString(v) {
			return fmt.Sprintf("%q is no %s", v, f)
		}
	case float64:
		if v < number("minimum", -1e18) || v > number("maximum", 1e18) || v >= number("exclusiveMaximum", 1e18) {
			return fmt.Sprintf("%v is out of range", v)
		}
	case []any:
		if n := float64(len(v)); n < number("minItems", 0) || n > number("maxItems", 1e9) {
			return fmt.Sprintf("%d items", len(v))
		}
		prefix, _ := s["prefixItems"].([]any)
		for i, item := range v {
			of := s["items"]
			if i < len(prefix) {
				of = prefix[i]
			}
			if why := misfit(of, item); why != "" {
				return fmt.Sprintf("[%d]: %s", i, why)
			}
		}
	case map[string]any:
		props, _ := s["properties"].(map[string]any)
		required, _ := s["required"].([]any)
		for _, key := range required {
			if _, ok := v[key.(string)]; !ok {
				return fmt.Sprintf("%v is missing", key)
			}
		}
		for key, member := range v {
			of, ok := props[key]
			if !ok && s["additionalProperties"] == false {
				return key + " is not allowed"
			}
			if ok {
				if why := misfit(of, member); why != "" {
					return key + ": " + why
				}
			}
		}
	}
	return ""
}

func same(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

func isKind(kind string, v any) bool {
	switch v := v.(type) {
	case nil:
		return kind == "null"
	case bool:
		return kind == "boolean"
	case string:
		return kind == "string"
	case float64:
		return kind == "number" || kind == "integer" && v == float64(int64(v))
	case []any:
		return kind == "array"
	}
	return kind == "object"
}

// TestRealSchemas lets the default model answer in the forms of random schemas,
// several at a time, as calls of a tool that it must call and as structured
// output. However little it understands, every answer fits: the schemas bound
// what it can write, so none is cut off.
func TestRealSchemas(t *testing.T) {
	t.Parallel()
	p, _ := params(t)
	b := open(t, p)
	makeSchema := schemas{rand.New(rand.NewPCG(6, 1))}
	var running sync.WaitGroup
	turns := make(chan struct{}, 8)
	for i := range 12 { // a few hundred tokens each, and the machine may be busy
		raw, err := json.Marshal(makeSchema.object(0))
		if err != nil {
			t.Fatal(err)
		}
		var schema any
		if err := json.Unmarshal(raw, &schema); err != nil {
			t.Fatal(err)
		}
		running.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			req := ask(chatModel, "Make something up.")
			seed, temperature := uint32(i), 1.0
			req.MaxTokens, req.Seed, req.Temperature = 1000, &seed, &temperature
			called := i%2 == 0
			if called {
				req.Tools = []inference.Tool{weather(), {Name: "make", Schema: raw}}
				req.ToolChoice = inference.ToolChoice{Mode: inference.ToolNamed, Name: "make"}
			} else {
				req.Output = &inference.OutputFormat{Schema: raw}
			}
			a, err := inference.Collect(t.Context(), b, req)
			if err != nil {
				t.Errorf("%s: %v", raw, err)
				return
			}
			text, want := a.Text, inference.StopEndTurn
			if called {
				want = inference.StopToolUse
				if calls := a.ToolUses(); len(calls) != 1 || calls[0].Name != "make" || a.Text != "" {
					t.Errorf("%s: got the answer %+v, want a call", raw, a.Parts)
					return
				}
				text = string(a.ToolUses()[0].Input)
			}
			var value any
			if err := json.Unmarshal([]byte(text), &value); err != nil || a.Reason != want {
				t.Errorf("%s: got %q, ended by %s, %v", raw, text, a.Reason, err)
			} else if why := misfit(schema, value); why != "" {
				t.Errorf("%s: got %s: %s", raw, text, why)
			}
		})
	}
	running.Wait()
}

func TestRealToolChoice(t *testing.T) {
	t.Parallel()
	p, _ := params(t)
	b := open(t, p)
	yes := true
	for name, tc := range map[string]struct {
		choice   inference.ToolChoice
		parallel *bool
	}{
		"any":      {inference.ToolChoice{Mode: inference.ToolAny}, nil},
		"named":    {inference.ToolChoice{Mode: inference.ToolNamed, Name: "get_weather"}, nil},
		"parallel": {inference.ToolChoice{Mode: inference.ToolAny}, &yes},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := ask(chatModel, "What is the weather in Paris?")
			tool := weather()
			tool.Schema = []byte(`{"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"]}`)
			req.Tools = []inference.Tool{tool}
			req.ToolChoice, req.Parallel = tc.choice, tc.parallel
			req.MaxTokens, req.Temperature = 400, new(float64)
			var kinds []string
			a := new(inference.Collector)
			if err := b.Generate(t.Context(), req, func(ev inference.Event) error {
				kinds = append(kinds, strings.TrimPrefix(fmt.Sprintf("%T", ev), "inference."))
				a.Add(ev)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if kinds = slices.Compact(kinds); len(kinds) < 4 || kinds[0] != "Started" || kinds[1] != "ToolStart" || kinds[2] != "ToolDelta" {
				t.Errorf("got the events %v, want a call first", kinds)
			}
			calls := a.Answer().ToolUses()
			if a.Answer().Reason == inference.StopMaxTokens && len(calls) > 1 { // a small model may go on calling
				calls = calls[:len(calls)-1]
			}
			for _, call := range calls {
				var input struct{ City *string }
				if err := json.Unmarshal(call.Input, &input); err != nil || input.City == nil || !strings.HasPrefix(call.ID, "tooluse_") {
					t.Errorf("got %+v, %v, want a city", call, err)
				}
			}
		})
	}
	for want, change := range map[string]func(*inference.Request){
		"is not among": func(r *inference.Request) { r.ToolChoice = inference.ToolChoice{Mode: inference.ToolNamed, Name: "x"} },
		"the keyword uniqueItems at #/properties/a": func(r *inference.Request) {
			r.Tools = []inference.Tool{{Name: "t", Schema: []byte(`{"properties": {"a": {"type": "array", "uniqueItems": true}}}`)}}
			r.ToolChoice.Mode = inference.ToolAny
		},
		"the keyword not at #": func(r *inference.Request) {
			r.Output = &inference.OutputFormat{Schema: []byte(`{"not": {"type": "string"}}`)}
		},
		"is not valid": func(r *inference.Request) { r.Output = &inference.OutputFormat{Schema: []byte(`1`)} },
	} {
		req := ask(chatModel, "x")
		req.MaxTokens = 5
		change(req)
		if _, err := inference.Collect(t.Context(), b, req); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.As(err).Message, want) {
			t.Errorf("got %v, want an error that says %q", err, want)
		}
	}
}
