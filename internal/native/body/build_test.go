package body_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native/body"
)

func TestMembersOfAnyName(t *testing.T) {
	t.Parallel()
	s := &body.Schema{Type: body.TypeObject, Members: body.ObjectOf(body.Properties{"type": body.StringOf("str")}, "type")}
	for text, want := range map[string]string{
		`{"a":{"type":"str"},"b/c":{"type":"str"}}`: "",
		`{"b/c":{"type":"int"}}`:                    "Malformed input request: #/b~1c/type: int is not a valid enum value, please reformat your input and try again.",
		`{"a":{}}`:                                  "Malformed input request: #/a: required key [type] not found, please reformat your input and try again.",
		`{"a":1}`:                                   "Malformed input request: #/a: expected type: JSONObject, found: Integer, please reformat your input and try again.",
	} {
		_, err := body.Decode(s, []byte(text))
		if got := message(err); got != want {
			t.Errorf("got %q of %s, want %q", got, text, want)
		}
	}
}

func TestNullIsAsAbsent(t *testing.T) {
	t.Parallel()
	s := body.ObjectOf(body.Properties{"a": {Type: body.TypeString, Null: true}, "b": body.StringOf()})
	o, err := body.Decode(s, []byte(`{"a":null}`))
	if err != nil || o.String("a") != "" {
		t.Errorf("got %v, %v, want nothing", o, err)
	}
	if _, err := body.Decode(s, []byte(`{"b":null}`)); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v for a null that may not be, want invalid", err)
	}
}

func TestValue(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{`{"a":1}`: `{"a":1}`, "": "{}", " ": "{}", `{"a":`: `"{\"a\":"`, "\xff": `"\ufffd"`} {
		if got := string(body.Value(json.RawMessage(raw))); got != want {
			t.Errorf("got %s of %q, want %s", got, raw, want)
		}
	}
}

func TestBytes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"AAE=": "\x00\x01", "AAE": "\x00\x01", "AAE=\n": "\x00\x01"} {
		if got, err := body.Bytes("#/a", text); err != nil || string(got) != want {
			t.Errorf("got %q, %v of %q, want %q", got, err, text, want)
		}
	}
	for _, text := range []string{"", "?", "====", "data:image/png;base64,AAE="} {
		if _, err := body.Bytes("#/a", text); !fault.Is(err, fault.Invalid) {
			t.Errorf("got %v of %q, want invalid", err, text)
		}
	}
}

func TestMembersKeepTheirOrder(t *testing.T) {
	t.Parallel()
	want := []body.Member{{Key: "b", Value: json.RawMessage(`[1]`)}, {Key: "a", Value: json.RawMessage(`{"c":2}`)}}
	if diff := cmp.Diff(want, body.Members(json.RawMessage(`{"b":[1],"a":{"c":2}}`))); diff != "" {
		t.Errorf("the members differ (-want +got):\n%s", diff)
	}
	if got := body.Members(json.RawMessage(`[]`)); got != nil {
		t.Errorf("got %v of a list, want nothing", got)
	}
}

func TestCarry(t *testing.T) {
	t.Parallel()
	var req inference.Request
	body.Carry(&req, "x", body.Object{"a": 1})
	body.Carry(&req, "x", body.Object{"a": 1}, "b")
	if req.Extra != nil || req.Dialect != "" {
		t.Errorf("got %v in dialect %q of nothing to carry, want none", req.Extra, req.Dialect)
	}
	body.Carry(&req, "x", body.Object{"a": json.Number("1"), "b": true}, "a", "c")
	want := inference.Request{Extra: map[string]json.RawMessage{"a": json.RawMessage("1")}, Dialect: "x"}
	if diff := cmp.Diff(want, req); diff != "" {
		t.Errorf("the request differs (-want +got):\n%s", diff)
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return fault.As(err).Message
}
