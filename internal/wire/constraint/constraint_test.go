package constraint_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/constraint"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

func bound(f float64) *float64 { return &f }

func structure(name string, members ...*schema.Member) *schema.Shape {
	s := &schema.Shape{Name: name, Kind: schema.Structure, Members: members}
	for i, m := range members {
		m.Order, m.Field = i, -1
	}
	s.Seal()
	return s
}

func member(name string, s *schema.Shape) *schema.Member { return &schema.Member{Name: name, Shape: s} }

func required(name string, s *schema.Shape) *schema.Member {
	return &schema.Member{Name: name, Shape: s, Required: true}
}

func list(elem *schema.Shape) *schema.Shape {
	return &schema.Shape{Name: "List", Kind: schema.List, Value: member("member", elem)}
}

var (
	text   = &schema.Shape{Name: "Text", Kind: schema.String}
	name   = &schema.Shape{Name: "Name", Kind: schema.String, Min: bound(1), Max: bound(4), Pattern: "[a-zA-Z0-9_-]+"}
	secret = &schema.Shape{Name: "Secret", Kind: schema.String, Max: bound(2), Sensitive: true}
	role   = &schema.Shape{Name: "Role", Kind: schema.String, Enum: []string{"user", "assistant"}}
	count  = &schema.Shape{Name: "Count", Kind: schema.Integer, Min: bound(1)}
	ratio  = &schema.Shape{Name: "Ratio", Kind: schema.Float, Min: bound(0), Max: bound(1)}
)

func TestCheck(t *testing.T) {
	t.Parallel()
	short := list(text)
	short.Max = bound(1)
	names := list(name)
	secrets := list(secret)
	secrets.Max = bound(0)
	block := &schema.Shape{Name: "Block", Kind: schema.Union, Members: []*schema.Member{
		{Name: "image", Shape: text, Order: 1, Field: -1}, {Name: "text", Shape: name, Order: 0, Field: -1},
	}}
	block.Seal()
	tools := list(structure("Tool", member("name", name), member("description", name)))
	tools.Min = bound(1)
	tags := &schema.Shape{Name: "Tags", Kind: schema.Map, Key: member("key", name), Value: member("value", name)}
	things := &schema.Shape{Name: "Things", Kind: schema.Map, Key: member("key", text), Value: member("value", structure("Thing", required("id", text)))}
	hidden := structure("Hidden", member("name", name))
	hidden.Sensitive = true
	in := structure("Input",
		required("id", text), member("role", role), member("count", count), member("ratio", ratio), member("name", name),
		member("secret", secret), member("stop", short), member("names", names), member("secrets", secrets),
		member("blocks", list(block)), member("tools", tools), member("tags", tags), member("things", things),
		member("hidden", hidden), member("UserName", name),
	)
	type object = map[string]any
	const one = "1 validation error detected: "
	for title, tc := range map[string]struct {
		in   object
		want string
	}{
		"valid":              {object{"id": "", "role": "user", "count": int64(1), "ratio": 1.0, "name": "a-_9", "stop": []any{"x"}}, ""},
		"required":           {object{}, one + "Value null at 'id' failed to satisfy constraint: Member must not be null"},
		"enum":               {object{"id": "x", "role": "system"}, one + "Value 'system' at 'role' failed to satisfy constraint: Member must satisfy enum value set: [user, assistant]"},
		"too small":          {object{"id": "x", "count": int64(0)}, one + "Value '0' at 'count' failed to satisfy constraint: Member must have value greater than or equal to 1"},
		"too large":          {object{"id": "x", "ratio": 99.0}, one + "Value '99.0' at 'ratio' failed to satisfy constraint: Member must have value less than or equal to 1"},
		"not a number":       {object{"id": "x", "ratio": math.NaN()}, "2 validation errors detected: Value 'NaN' at 'ratio' failed to satisfy constraint: Member must have value less than or equal to 1; Value 'NaN' at 'ratio' failed to satisfy constraint: Member must have value greater than or equal to 0"},
		"empty name":         {object{"id": "x", "name": ""}, "2 validation errors detected: Value '' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+; Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		"long and odd name":  {object{"id": "x", "name": "a.b.c"}, "2 validation errors detected: Value 'a.b.c' at 'name' failed to satisfy constraint: Member must have length less than or equal to 4; Value 'a.b.c' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+"},
		"whole value":        {object{"id": "x", "name": "ab\n"}, one + "Value 'ab\n' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+"},
		"sensitive":          {object{"id": "x", "secret": "password"}, one + "Value at 'secret' failed to satisfy constraint: Member must have length less than or equal to 2"},
		"in a sensitive":     {object{"id": "x", "hidden": object{"name": "#"}}, one + "Value at 'hidden.name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+"},
		"of sensitives":      {object{"id": "x", "secrets": []any{"pw"}}, one + "Value at 'secrets' failed to satisfy constraint: Member must have length less than or equal to 0"},
		"code points":        {object{"id": "x", "secret": "👍👍"}, ""},
		"list too long":      {object{"id": "x", "stop": []any{"</CO", "def"}}, one + "Value '[</CO, def]' at 'stop' failed to satisfy constraint: Member must have length less than or equal to 1"},
		"element of scalars": {object{"id": "x", "names": []any{"ok", "!"}}, one + "Value '[ok, !]' at 'names' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 4, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+]"},
		"member order": {
			object{"id": "x", "tools": []any{object{"name": "ok"}, object{"description": "..", "name": "?"}}},
			"2 validation errors detected: Value '?' at 'tools.2.member.name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+; Value '..' at 'tools.2.member.description' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+",
		},
		"large name":   {object{"id": "x", "UserName": "?"}, one + "Value '?' at 'userName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+"},
		"map key":      {object{"id": "x", "tags": object{"k!": "v"}}, one + "Value '{k!=v}' at 'tags' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 4, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+]"},
		"map value":    {object{"id": "x", "tags": object{"k": "v v"}}, one + "Value '{k=v v}' at 'tags' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 4, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+]"},
		"in a map":     {object{"id": "x", "things": object{"k": object{}}}, one + "Value null at 'things.k.member.id' failed to satisfy constraint: Member must not be null"},
		"empty union":  {object{"id": "x", "blocks": []any{object{"text": "a"}, object{}}}, "Block object at blocks.1 must set one of the following keys: text, image."},
		"double union": {object{"id": "x", "blocks": []any{object{"text": "a", "image": "b"}}}, "Block object at blocks.0 must set only one of the following keys: text, image."},
		"union behind": {object{"blocks": []any{object{}}}, one + "Value null at 'id' failed to satisfy constraint: Member must not be null"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			err := constraint.Check(in, tc.in)
			if tc.want == "" {
				if err != nil {
					t.Errorf("got %v, want nil", err)
				}
				return
			}
			f := fault.As(err)
			if f == nil || f.Kind != fault.Invalid {
				t.Fatalf("got %v, want a violation", err)
			}
			if diff := cmp.Diff(tc.want, f.Message); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
		})
	}
}

func TestManyViolations(t *testing.T) {
	t.Parallel()
	var bad []any
	for i := range 10_000 {
		bad = append(bad, map[string]any{"name": fmt.Sprintf("%d!", i)})
	}
	in := structure("Input", member("tools", list(structure("Tool", member("name", name)))))
	err := constraint.Check(in, map[string]any{"tools": bad})
	if f := fault.As(err); f == nil || !strings.HasPrefix(f.Message, "100 validation errors detected: ") {
		t.Errorf("got %.60s, want a bounded text", err)
	}
}

func TestHugeValue(t *testing.T) {
	t.Parallel()
	in := structure("Input", member("name", name))
	err := constraint.Check(in, map[string]any{"name": strings.Repeat("!", 1<<20)})
	want := "1 validation error detected: Value at 'name' failed to satisfy constraint: Member must have length less than or equal to 4"
	if f := fault.As(err); f == nil || f.Message != want {
		t.Errorf("got %.200v, want %s", err, want)
	}
}

func TestTranslate(t *testing.T) {
	t.Parallel()
	for pattern, tc := range map[string]struct{ yes, no []string }{
		`(?![\-_+.])[a-z0-9][a-z0-9\-_\.]*`:  {[]string{"a", "0-_."}, []string{"", "-a", "A"}},
		`^(?!\s*$).+`:                        {[]string{"a", " a"}, []string{"", "  ", "a\nb"}},
		`[\u0009\u000A\u000D\u0020-\u00FF]+`: {[]string{"a\tb\nÿ"}, []string{"", "Ā", "\x01"}},
		`s3://[a-z]{1,61}/.{1,1024}`:         {[]string{"s3://a/" + strings.Repeat("x", 1024)}, []string{"s3://a/", "s3://a/" + strings.Repeat("x", 1025)}},
		`x[\S]{2,2048}y`:                     {[]string{"xaay", "x" + strings.Repeat("a", 2048) + "y"}, []string{"xay", "x" + strings.Repeat("a", 2049) + "y"}},
		`[\p{L}\p{M}0-9_]*`:                  {[]string{"", "é1_"}, []string{" "}},
		`a|b`:                                {[]string{"a", "b"}, []string{"ab", "xa"}},
		`^([0-9]+)+$`:                        {[]string{"12"}, []string{strings.Repeat("0", 200) + "!"}},
		`:/d{3}:/d+/d`:                       {[]string{":123:4/d"}, []string{":/ddd:/d/d", ":123:4/5"}},
		`[a\]b]{3}`:                          {[]string{"a]b"}, []string{"a]"}},
		`(?!(a|b)c)[a-c]+`:                   {[]string{"ab", "c"}, []string{"ac", "bca"}},
	} {
		must, mustNot, err := constraint.Translate(pattern)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		accepts := func(s string) bool { return must.MatchString(s) && (mustNot == nil || !mustNot.MatchString(s)) }
		for _, s := range tc.yes {
			if !accepts(s) {
				t.Errorf("%s refuses %.40q", pattern, s)
			}
		}
		for _, s := range tc.no {
			if accepts(s) {
				t.Errorf("%s accepts %.40q", pattern, s)
			}
		}
	}
	for _, pattern := range []string{`(?<=a)b`, `(?!a`, `a(?=b)`} {
		if _, _, err := constraint.Translate(pattern); err == nil {
			t.Errorf("%s: got no error", pattern)
		}
	}
}

func ExampleCheck() {
	in := structure("Input", required("modelId", text), member("role", role))
	err := constraint.Check(in, map[string]any{"role": "system"})
	fmt.Println(strings.ReplaceAll(fault.As(err).Message, "; ", ";\n"))
	// Output:
	// 2 validation errors detected: Value null at 'modelId' failed to satisfy constraint: Member must not be null;
	// Value 'system' at 'role' failed to satisfy constraint: Member must satisfy enum value set: [user, assistant]
}
