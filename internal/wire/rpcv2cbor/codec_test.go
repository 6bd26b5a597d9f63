package rpcv2cbor

import (
	"bytes"
	"encoding/hex"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

type color string

type leaf struct{ Name *string }

type record struct {
	At     *time.Time
	Color  color
	Data   []byte
	Flag   *bool
	Inner  *leaf
	Leaves []leaf
	Named  map[string]float64
	Ratio  *float64
	Size   *int32
	Times  []time.Time
}

var recordKinds = map[string]schema.Kind{
	"At": schema.Timestamp, "Color": schema.String, "Data": schema.Blob, "Flag": schema.Boolean, "Ratio": schema.Double, "Size": schema.Integer,
}

// recordOp is an operation whose input and output are a record.
func recordOp() *schema.Operation {
	text := &schema.Shape{Name: "Text", Kind: schema.String}
	leafShape := &schema.Shape{Name: "Leaf", Kind: schema.Structure, New: func() any { return new(leaf) }, Members: []*schema.Member{{Name: "Name", Shape: text}}}
	leafShape.Seal()
	of := func(kind schema.Kind) *schema.Member {
		return &schema.Member{Shape: &schema.Shape{Name: "Value", Kind: kind}, Field: -1}
	}
	s := &schema.Shape{Name: "Record", Kind: schema.Structure, New: func() any { return new(record) }}
	for i, name := range []string{"At", "Color", "Data", "Flag", "Inner", "Leaves", "Named", "Ratio", "Size", "Times"} {
		m := &schema.Member{Name: name, Field: i}
		switch name {
		case "Inner":
			m.Shape = leafShape
		case "Leaves":
			m.Shape = &schema.Shape{Name: "Leaves", Kind: schema.List, Value: &schema.Member{Shape: leafShape, Field: -1}}
		case "Named":
			m.Shape = &schema.Shape{Name: "Numbers", Kind: schema.Map, Key: of(schema.String), Value: of(schema.Double)}
		case "Times":
			m.Shape = &schema.Shape{Name: "Times", Kind: schema.List, Value: of(schema.Timestamp)}
		default:
			m.Shape = &schema.Shape{Name: name + "Shape", Kind: recordKinds[name]}
		}
		s.Members = append(s.Members, m)
	}
	s.Seal()
	return &schema.Operation{Name: "Keep", Status: http.StatusOK, Input: s, Output: s}
}

func request(op *schema.Operation, body []byte) *schema.Request {
	return &schema.Request{Op: op, Body: body, Header: http.Header{ProtocolHeader: {protocol}, "Content-Type": {contentType}}}
}

func pointer[T any](v T) *T { return &v }

func TestRecordsComeBackAsTheyWereSent(t *testing.T) {
	t.Parallel()
	op := recordOp()
	want := &record{
		At: pointer(time.UnixMilli(1_700_000_000_123).UTC()), Color: "red", Data: []byte{0, 255}, Flag: pointer(false),
		Inner: &leaf{Name: pointer("x")}, Leaves: []leaf{{}, {Name: pointer(strings.Repeat("é", 200))}},
		Named: map[string]float64{"p99": 1.5, "p50": math.Inf(1)}, Ratio: pointer(0.1), Size: pointer(int32(math.MinInt32)),
		Times: []time.Time{time.Unix(-5, 0).UTC(), time.Unix(1_700_000_000, 0).UTC()},
	}
	response, err := Codec{}.EncodeResponse(nil, op, want, "id")
	if err != nil {
		t.Fatal(err)
	}
	if got := response.Header.Get(ProtocolHeader); got != "rpc-v2-cbor" {
		t.Errorf("protocol header: got %q", got)
	}
	got, err := Codec{}.DecodeRequest(request(op, response.Body))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record (-sent +received):\n%s", diff)
	}
}

// TestBadBodies: whatever is not the protocol is the client's fault, and never
// costs more memory than the body has bytes for.
func TestBadBodies(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("81", 100)
	for name, tc := range map[string]struct{ body, want string }{
		"a list instead of a map":   {"80", "Record must be a map"},
		"nothing after the head":    {"b9", "ends too early"},
		"no end":                    {"bf6453697a6501", "ends too early"},
		"more after the end":        {"a0a0", "goes on after its end"},
		"a key that is no string":   {"a10101", "keys of maps must be strings"},
		"text that is no text":      {"a165436f6c6f7261ff", "UTF-8"},
		"a wrong byte in a text":    {"a165436f6c6f7261", "ends too early"},
		"twice":                     {"a26453697a65016453697a6502", "Size occurs twice"},
		"text for a number":         {"a16453697a656131", "Size must be an integer of 32 bits"},
		"too large a number":        {"a16453697a651b0000000100000000", "Size must be an integer of 32 bits"},
		"the largest number":        {"a16453697a651bffffffffffffffff", "Size must be an integer of 32 bits"},
		"a fraction":                {"a16453697a65f93e00", "Size must be an integer of 32 bits"},
		"a bignum":                  {"a16453697a65c24101", "Size must be an integer of 32 bits"},
		"no tag":                    {"a162417401", "At must be a timestamp"},
		"another tag":               {"a1624174c07432303133", "At must be a timestamp"},
		"no time":                   {"a1624174c1f97e00", "At must be a timestamp"},
		"a time beyond all":         {"a1624174c11bffffffffffffffff", "At must be a timestamp"},
		"null in a list":            {"a1664c656176657381f6", "Leaves cannot hold null"},
		"a list that promises much": {"a1664c65617665739b00ffffffffffffff", "ends too early"},
		"text that promises much":   {"a165436f6c6f727b7fffffffffffffff", "ends too early"},
		"pieces of another kind":    {"a165436f6c6f727f4161ff", "pieces of a string"},
		"pieces without end":        {"a165436f6c6f727f6161", "ends too early"},
		"a reserved length":         {"bc", "not valid CBOR"},
		"an end without beginning":  {"a16453697a65ff", "not valid CBOR"},
		"skipped and too deep":      {"a16178" + deep + "01", "nested too deeply"},
		"skipped and no simple":     {"a16178f800", "not valid CBOR"},
		"a number for a flag":       {"a164466c616701", "Flag must be true or false"},
		"text for bytes":            {"a164446174616161", "Data must be a string of bytes"},
		"a map for a list":          {"a1664c6561766573a0", "Leaves must be a list"},
		"a key of a map twice":      {"a1654e616d6564a26161016161 02", "A key of Named occurs twice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, err := hex.DecodeString(strings.ReplaceAll(tc.body, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			_, err = Codec{}.DecodeRequest(request(recordOp(), body))
			f := fault.As(err)
			if err == nil || f.Kind != fault.Invalid || f.Code != codeSerialization || !strings.Contains(f.Message, tc.want) {
				t.Errorf("got %v, want a SerializationException with %q", err, tc.want)
			}
		})
	}
}

func TestElementsAreBounded(t *testing.T) {
	t.Parallel()
	body := append([]byte("\xa1\x66Leaves\x9f"), bytes.Repeat([]byte{0xa0}, maxElements+1)...)
	_, err := Codec{}.DecodeRequest(request(recordOp(), append(body, breakByte)))
	if err == nil || !strings.Contains(err.Error(), "too many elements") {
		t.Errorf("got %v, want a refusal", err)
	}
}

func TestTheHeadersNameTheProtocol(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(http.Header){
		"no protocol":          func(h http.Header) { h.Del(ProtocolHeader) },
		"another protocol":     func(h http.Header) { h.Set(ProtocolHeader, "rpc-v2-json") },
		"another content type": func(h http.Header) { h.Set("Content-Type", "application/json") },
		"no content type":      func(h http.Header) { h.Del("Content-Type") },
	} {
		req := request(recordOp(), []byte{0xa0})
		change(req.Header)
		if _, err := (Codec{}).DecodeRequest(req); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v, want a refusal", name, err)
		}
	}
}

// TestExceptionsOfOlderProtocols: a service that the query protocol gave other
// codes says both.
func TestExceptionsOfOlderProtocols(t *testing.T) {
	t.Parallel()
	text := &schema.Shape{Name: "Text", Kind: schema.String}
	shape := &schema.Shape{Name: "InvalidParameterValueException", Kind: schema.Structure, Members: []*schema.Member{{Name: "message", Shape: text, Field: -1}}}
	got := Codec{}.EncodeException(nil, &schema.Exception{Code: "InvalidParameterValue", Status: 400, Shape: shape, Message: "no", Sender: true}, "id")
	if h := got.Header.Get(queryError); h != "InvalidParameterValue;Sender" {
		t.Errorf("header: got %q", h)
	}
	want := map[string]any{"__type": "InvalidParameterValueException", "message": "no"}
	if diff := cmp.Diff(any(want), plain(t, got.Body)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

func TestHalfFloats(t *testing.T) {
	t.Parallel()
	for bits, want := range map[uint16]float64{
		0x0000: 0, 0x3c00: 1, 0x3e00: 1.5, 0x7bff: 65504, 0x0001: 5.960464477539063e-8, 0x0400: 0.00006103515625,
		0xc400: -4, 0x7c00: math.Inf(1), 0xfc00: math.Inf(-1),
	} {
		if got := half(bits); got != want {
			t.Errorf("%#04x: got %v, want %v", bits, got, want)
		}
	}
	if got := half(0x7e00); !math.IsNaN(got) {
		t.Errorf("got %v, want NaN", got)
	}
}

// FuzzDecode: no body makes the decoder panic, and what it takes is written and
// read again as the same.
func FuzzDecode(f *testing.F) {
	op := recordOp()
	seed, err := Codec{}.EncodeResponse(nil, op, &record{
		At: pointer(time.UnixMilli(1500).UTC()), Inner: &leaf{Name: pointer("x")}, Leaves: []leaf{{}}, Named: map[string]float64{"a": 1},
		Size: pointer(int32(-1)), Times: []time.Time{time.Unix(1, 0)},
	}, "")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed.Body)
	f.Add([]byte("\xa1\x65Color\x7f\x61a\x61b\xff"))
	f.Add([]byte("\xbf\x61x\xc2\x41\x01\xff"))
	f.Fuzz(func(t *testing.T, body []byte) {
		first, err := Codec{}.DecodeRequest(request(op, body))
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("%x: %v", body, err)
			}
			return
		}
		again, err := Codec{}.EncodeResponse(nil, op, first, "")
		if err != nil {
			t.Fatal(err)
		}
		second, err := Codec{}.DecodeRequest(request(op, again.Body))
		if err != nil {
			t.Fatalf("%x: %v", again.Body, err)
		}
		equal := cmp.Comparer(func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) })
		if diff := cmp.Diff(first, second, equal); diff != "" {
			t.Errorf("%x (-first +second):\n%s", body, diff)
		}
	})
}
