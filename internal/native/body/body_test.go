package body

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
)

// sample uses everything that a schema can say.
func sample() *Schema {
	return &Schema{
		Type:     TypeObject,
		Required: []string{"prompt", "version"},
		Properties: map[string]*Schema{
			"prompt":  {Type: TypeString, MinLength: 1, MaxLength: 5},
			"version": {Type: TypeString, Enum: []string{"one", "two"}},
			"tokens":  {Type: TypeInteger, Min: new(1.0), Max: new(4096.0)},
			"heat":    {Type: TypeNumber, Min: new(0.0), Max: new(1.0)},
			"size":    {Type: TypeInteger, Enum: []string{"256", "512"}},
			"free":    {Type: TypeNumber},
			"on":      {Type: TypeBoolean},
			"stops":   {Type: TypeArray, MinItems: 1, MaxItems: 2, Items: &Schema{Type: TypeString}},
			"meta":    {Type: TypeObject, Open: true},
			"deep":    {Type: TypeArray, Items: &Schema{Type: TypeObject, Required: []string{"text"}, Properties: map[string]*Schema{"text": {Type: TypeString}}}},
			"either":  {OneOf: []*Schema{{Type: TypeString}, {Type: TypeArray, Items: &Schema{Type: TypeInteger}}}},
			"a/b":     {Type: TypeString},
		},
	}
}

func TestDecodeAnswersBedrocksSentences(t *testing.T) {
	t.Parallel()
	const ok = `"prompt":"hi","version":"one"`
	cases := []struct{ name, body, want string }{
		{"fits", `{` + ok + `}`, ""},
		{"fits with everything", `{` + ok + `,"tokens":1,"heat":0.5,"size":512,"free":1e3,"on":true,"stops":["a"],"meta":{"x":[1]},"deep":[{"text":""}],"either":[1]}`, ""},
		{"empty", ``, "-"},
		{"blank", `   `, "-"},
		{"cut off", `{"prompt":"hi"`, "-"},
		{"two values", `{` + ok + `}{}`, "-"},
		{"trailing text", `{` + ok + `} x`, "-"},
		{"invalid UTF-8", "{\"prompt\":\"\xff\",\"version\":\"one\"}", "-"},
		{"single quotes", `{'prompt':'hi'}`, "-"},
		{"not an object", `[1]`, "#: expected type: JSONObject, found: JSONArray"},
		{"null", `null`, "#: expected type: JSONObject, found: Null"},
		{"missing", `{"prompt":"hi"}`, "#: required key [version] not found"},
		{"two missing", `{}`, "#: required key [prompt] not found#: required key [version] not found"},
		{"extraneous", `{` + ok + `,"chat_id":1}`, "#: extraneous key [chat_id] is not permitted"},
		{"two extraneous", `{` + ok + `,"n":1,"max_tokens":1}`, "#: extraneous key [max_tokens] is not permitted#: extraneous key [n] is not permitted"},
		{"case matters", `{` + ok + `,"Tokens":1}`, "#: extraneous key [Tokens] is not permitted"},
		{"string for integer", `{` + ok + `,"tokens":"10"}`, "#/tokens: expected type: Integer, found: String"},
		{"fraction for integer", `{` + ok + `,"tokens":1.5}`, "#/tokens: expected type: Integer, found: BigDecimal"},
		{"null for integer", `{` + ok + `,"tokens":null}`, "#/tokens: expected type: Integer, found: Null"},
		{"boolean for number", `{` + ok + `,"heat":false}`, "#/heat: expected type: Number, found: Boolean"},
		{"object for string", `{"prompt":{},"version":"one"}`, "#/prompt: expected type: String, found: JSONObject"},
		{"too small", `{` + ok + `,"tokens":0}`, "#/tokens: 0 is not greater or equal to 1"},
		{"too large", `{` + ok + `,"heat":2}`, "#/heat: 2 is not less or equal to 1"},
		{"beyond double", `{` + ok + `,"heat":1e999}`, "#/heat: 1e999 is not less or equal to 1"},
		{"beyond double without limit", `{` + ok + `,"free":-1e999}`, "#/free: -1e999 is out of range"},
		{"too short", `{"prompt":"","version":"one"}`, "#/prompt: expected minLength: 1, actual: 0"},
		{"too long counts characters", `{"prompt":"äöüßéx","version":"one"}`, "#/prompt: expected maxLength: 5, actual: 6"},
		{"enum", `{"prompt":"hi","version":"three"}`, "#/version: three is not a valid enum value"},
		{"integer enum", `{` + ok + `,"size":300}`, "#/size: 300 is not a valid enum value"},
		{"too few items", `{` + ok + `,"stops":[]}`, "#/stops: expected minimum item count: 1, found: 0"},
		{"too many items", `{` + ok + `,"stops":["a","b","c"]}`, "#/stops: expected maximum item count: 2, found: 3"},
		{"wrong item", `{` + ok + `,"stops":["a",1]}`, "#/stops/1: expected type: String, found: Integer"},
		{"nested", `{` + ok + `,"deep":[{"text":"x","type":"text"},{}]}`, "#/deep/0: extraneous key [type] is not permitted#/deep/1: required key [text] not found"},
		{"either, neither", `{` + ok + `,"either":1}`, "#/either: expected type: String, found: Integer"},
		{"either, wrong inside", `{` + ok + `,"either":[1,"x"]}`, "#/either/1: expected type: Integer, found: String"},
		{"pointer escapes", `{` + ok + `,"a/b":1}`, "#/a~1b: expected type: String, found: Integer"},
		{"long key is cut", `{` + ok + `,"` + strings.Repeat("ä", 80) + `":1}`, "#: extraneous key [" + strings.Repeat("ä", 50) + "…] is not permitted"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Decode(sample(), []byte(c.body))
			checkMalformed(t, err, c.want)
		})
	}
}

// checkMalformed wants no error for "", the bare sentence for "-", and else
// the sentence with the reason.
func checkMalformed(t *testing.T, err error, reason string) {
	t.Helper()
	want := ""
	switch reason {
	case "":
	case "-":
		want = "Malformed input request, please reformat your input and try again."
	default:
		want = "Malformed input request: " + reason + ", please reformat your input and try again."
	}
	got := ""
	if err != nil {
		got = fault.As(err).Message
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("got kind %v, want %v", fault.KindOf(err), fault.Invalid)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("message differs (-want +got):\n%s", diff)
	}
}

func TestSeparator(t *testing.T) {
	t.Parallel()
	s := sample()
	s.Separator = ", "
	_, err := Decode(s, []byte(`{"x":1,"prompt":"hi"}`))
	checkMalformed(t, err, "#: extraneous key [x] is not permitted, #: required key [version] not found")
}

func TestDeepNestingIsMalformed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, open, end string }{
		{"arrays", "[", "]"}, {"objects", `{"meta":`, "}"}, {"open arrays", "[", ""}, {"open objects", `{"a":`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			data := strings.Repeat(c.open, 100_000) + "1" + strings.Repeat(c.end, 100_000)
			_, err := Decode(sample(), []byte(data))
			checkMalformed(t, err, "-")
		})
	}
	_, err := Decode(sample(), []byte(`{"prompt":"[[[\"[","version":"one","meta":{"x":"`+strings.Repeat("[", 5000)+`"}}`))
	checkMalformed(t, err, "")
}

func TestSentenceIsBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`{"prompt":"hi","version":"one"`)
	for i := range 10_000 {
		b.WriteString(`,"k` + strings.Repeat("x", 50) + string(rune('a'+i%26)) + strings.Repeat("y", i%7) + `":1`)
	}
	b.WriteString("}")
	_, err := Decode(sample(), []byte(b.String()))
	if got := len(fault.As(err).Message); got > 4000 {
		t.Errorf("got a message of %d bytes, want at most 4000", got)
	}
}

func TestAccessors(t *testing.T) {
	t.Parallel()
	o, err := Decode(&Schema{Type: TypeObject, Open: true}, []byte(`{"s":"a","n":3,"big":99999999999999999999,"small":-99999999999,"f":0.25,"b":true,"l":["x","y"],"o":{"z":"<&>","a":1},"os":[{"q":1}]}`))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]any{
		"s": o.String("s"), "n": o.Int("n", 9), "none": o.Int("none", 9), "big": o.Int("big", 0), "small": o.Int("small", 0),
		"f": *o.FloatPtr("f"), "nofloat": o.FloatPtr("none") == nil, "ptr": *o.IntPtr("n"), "noptr": o.IntPtr("none") == nil,
		"b": o.Bool("b", false), "nobool": o.Bool("none", true), "l": o.Strings("l"), "nolist": o.Strings("none") == nil,
		"o": o.Object("o").String("z"), "os": o.Objects("os")[0].Int("q", 0), "raw": string(o.Raw("o")), "noraw": o.Raw("none") == nil,
		"has": o.Has("s"), "hasnot": o.Has("none"),
	}
	want := map[string]any{
		"s": "a", "n": 3, "none": 9, "big": 1<<31 - 1, "small": -1 << 31, "f": 0.25, "nofloat": true, "ptr": 3, "noptr": true,
		"b": true, "nobool": true, "l": []string{"x", "y"}, "nolist": true, "o": "<&>", "os": 1, "raw": `{"a":1,"z":"<&>"}`, "noraw": true,
		"has": true, "hasnot": false,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("members differ (-want +got):\n%s", diff)
	}
}

// FuzzDecode holds that whatever is accepted is JSON and that whatever is
// refused gets one of the sentences, in valid UTF-8.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{}`, `{"prompt":"hi","version":"one"}`, `{"tokens":1e5}`, `[[`, `"\ud800"`, `{"either":[1,{}]}`, "\x00", `{"prompt":"hi","version":"one","free":-0}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := Decode(sample(), data)
		if err != nil {
			m := fault.As(err).Message
			if !strings.HasPrefix(m, "Malformed input request") || !utf8.ValidString(m) || !fault.Is(err, fault.Invalid) {
				t.Errorf("got error %q, want a malformed sentence", m)
			}
			return
		}
		if !json.Valid(data) {
			t.Errorf("got %q accepted, want it refused: not JSON", data)
		}
		again, err := Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(sample(), again); err != nil {
			t.Errorf("got %v for the same body written again: %s", err, again)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	data := []byte(`{"prompt":"hello","version":"one","tokens":512,"heat":0.7,"stops":["a"]}`)
	s := sample()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(s, data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeLarge(b *testing.B) {
	s := &Schema{Type: TypeObject, Open: true}
	data := []byte(`{"text":"` + string(bytes.Repeat([]byte("abcdefghijklmnop"), 1<<16)) + `"}`)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := Decode(s, data); err != nil {
			b.Fatal(err)
		}
	}
}
