package awsjson

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/schema"
	"github.com/outcrop/outcrop/internal/wire/vectortest"
)

// notForServers lists vectors that a server cannot be held to.
var notForServers = map[string]string{
	"SDKAppliedContentEncoding_awsJson1_1":                    "the vector names a compression but has no body",
	"SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_1": "the vector names a compression but has no body",

	"AwsJson11DateTimeWithNegativeOffset":                     "servers write UTC seconds, this is for clients to read",
	"AwsJson11DateTimeWithPositiveOffset":                     "servers write UTC seconds, this is for clients to read",
	"handles_unexpected_json_output":                          "servers send no members that they do not have",
	"AwsJson11DeserializeIgnoreType":                          "servers send no __type inside of a union",
	"AwsJson11StructuresDontDeserializeNullValues":            "servers leave absent members out instead of sending null",
	"AwsJson11FooErrorUsingXAmznErrorType":                    "one of nine spellings of the same error that clients must read; servers use __type",
	"AwsJson11FooErrorUsingXAmznErrorTypeWithUri":             "as above",
	"AwsJson11FooErrorUsingCode":                              "as above",
	"AwsJson11FooErrorUsingCodeAndNamespace":                  "as above",
	"AwsJson11FooErrorUsingCodeUriAndNamespace":               "as above",
	"AwsJson11FooErrorWithDunderTypeAndNamespace":             "as above",
	"AwsJson11FooErrorWithDunderTypeUriAndNamespace":          "as above",
	"AwsJson11FooErrorUsingXAmznErrorTypeWithUriAndNamespace": "as above",
}

func load(t *testing.T, file string, want int) []vectortest.Case {
	t.Helper()
	all := vectortest.Load(t, file)
	cases := slices.DeleteFunc(slices.Clone(all), func(c vectortest.Case) bool { return notForServers[c.ID] != "" })
	if got := len(all) - len(cases); got != want {
		t.Errorf("got %d vectors left out want %d", got, want)
	}
	return cases
}

// values compares what a codec reads; documents by meaning.
var values = cmp.Options{
	cmpopts.EquateNaNs(),
	cmp.Comparer(func(a, b schema.DocumentValue) bool {
		// []byte is assignable to DocumentValue, so blobs come along here.
		if bytes.Equal(a, b) {
			return true
		}
		var x, y any
		return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && cmp.Equal(x, y)
	}),
}

func TestInputVectors(t *testing.T) {
	t.Parallel()
	for _, c := range load(t, "input-json", 2) {
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			header := http.Header{}
			for name, value := range c.Serialized.Headers {
				header.Set(name, value)
			}
			if got := Operation(c.Service, header.Get(TargetHeader)); got != c.Op {
				t.Errorf("operation: got %v want %s", got, c.Op.Name)
			}
			got, err := Codec{}.DecodeRequest(&schema.Request{
				Service: c.Service, Op: c.Op, Header: header, Body: []byte(c.Serialized.Body),
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(vectortest.Value(t, c.Op.Input, c.Params), got, values); diff != "" {
				t.Errorf("input (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOutputVectors(t *testing.T) {
	t.Parallel()
	for _, c := range load(t, "output-json", 13) {
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			var got *schema.Response
			if c.ErrorCode != "" {
				got = encodeError(t, &c)
			} else {
				var err error
				got, err = Codec{}.EncodeResponse(c.Service, c.Op, vectortest.Value(t, c.Op.Output, c.Result), "id")
				if err != nil {
					t.Fatal(err)
				}
			}
			if got.Status != c.Response.Status {
				t.Errorf("status: got %d want %d", got.Status, c.Response.Status)
			}
			if typ := got.Header.Get("Content-Type"); typ != "application/x-amz-json-1.1" {
				t.Errorf("content type: got %q want application/x-amz-json-1.1", typ)
			}
			if c.Op.Output == nil && c.ErrorCode == "" {
				// The vectors have both forms of "nothing", and one without.
				if body := string(got.Body); body != "" {
					t.Errorf("got %s want no body", body)
				}
				return
			}
			if diff := cmp.Diff(document(t, c.Response.Body), document(t, string(got.Body))); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

func document(t *testing.T, body string) any {
	t.Helper()
	if body == "" {
		return nil
	}
	var v any
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func encodeError(t *testing.T, c *vectortest.Case) *schema.Response {
	t.Helper()
	for _, s := range c.Op.Errors {
		if s.Error.Code == c.ErrorCode {
			fields := vectortest.Value(t, s, c.Error).(map[string]any)
			return Codec{}.EncodeException(c.Service, &schema.Exception{
				Code: s.Error.Code, Status: s.Error.Status, Shape: s, Message: c.Message, Fields: fields, Sender: s.Error.Sender,
			}, "id")
		}
	}
	t.Fatalf("the operation has no exception %s", c.ErrorCode)
	return nil
}

func service(version string) (*schema.Service, *schema.Operation) {
	text := &schema.Shape{Name: "Text", Kind: schema.String}
	echo := &schema.Shape{Name: "Echo", Kind: schema.Structure}
	echo.Members = []*schema.Member{{Name: "Next", Shape: echo, Field: -1}, {Name: "Text", Shape: text, Field: -1}}
	echo.Seal()
	ops := []*schema.Operation{{Name: "Echo", Status: 200, Input: echo, Output: echo}, {Name: "Ping", Status: 200}}
	return &schema.Service{Protocol: "json", JSONVersion: version, TargetPrefix: "Prefix_2026", Operations: ops}, ops[0]
}

func TestOperation(t *testing.T) {
	t.Parallel()
	svc, echo := service("1.1")
	for _, tc := range []struct {
		name, target string
		want         *schema.Operation
	}{
		{"known", "Prefix_2026.Echo", echo},
		{"unknown", "Prefix_2026.Nothing", nil},
		{"other prefix", "Prefix.Echo", nil},
		{"no dot", "Echo", nil},
		{"empty", "", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := Operation(svc, tc.target); got != tc.want {
				t.Errorf("got %v want %v", got, tc.want)
			}
		})
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, version, op, body, contentType string }{
		{"1.0 without output", "1.0", "Ping", "{}", "application/x-amz-json-1.0"},
		{"1.1 without output", "1.1", "Ping", "", "application/x-amz-json-1.1"},
		{"1.1 with empty output", "1.1", "Echo", "{}", "application/x-amz-json-1.1"},
		{"no version is 1.0", "", "Ping", "{}", "application/x-amz-json-1.0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			svc, _ := service(tc.version)
			resp, err := Codec{}.EncodeResponse(svc, svc.Operation(tc.op), map[string]any{}, "id")
			if err != nil {
				t.Fatal(err)
			}
			got := [2]string{string(resp.Body), resp.Header.Get("Content-Type")}
			if want := [2]string{tc.body, tc.contentType}; got != want {
				t.Errorf("got %q want %q", got, want)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	svc, op := service("1.1")
	for _, tc := range []struct{ name, body string }{
		{"cut off", `{"Text":"a`},
		{"list", `[]`},
		{"wrong type", `{"Text":1}`},
		{"more after it", `{} {}`},
		{"invalid UTF-8", "{\"Text\":\"\xff\"}"},
		{"depth", strings.Repeat(`{"Next":`, 100_000)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := Codec{}.DecodeRequest(&schema.Request{Service: svc, Op: op, Body: []byte(tc.body)})
			if f := fault.As(err); f == nil || f.Kind != fault.Invalid || f.Code != "SerializationException" {
				t.Errorf("got %v, %v want a SerializationException", got, err)
			}
		})
	}
}

func TestEncodeException(t *testing.T) {
	t.Parallel()
	svc, op := service("1.1")
	text := &schema.Shape{Name: "Text", Kind: schema.String}
	shape := &schema.Shape{Name: "E", Kind: schema.Structure, Members: []*schema.Member{
		{Name: "Message", Shape: text, Field: -1}, {Name: "Resource", Shape: text, Field: -1},
	}}
	shape.Seal()
	for _, tc := range []struct {
		name string
		ex   schema.Exception
		want string
	}{
		{"modeled", schema.Exception{Code: "E", Status: 400, Shape: shape, Message: `a "b"`, Fields: map[string]any{"Resource": "r", "Other": 1}},
			`{"__type":"E","Message":"a \"b\"","Resource":"r"}`},
		{"not modeled", schema.Exception{Code: "E", Status: 400, Message: "m"}, `{"__type":"E","message":"m"}`},
		{"from the front", schema.Exception{Code: "AccessDeniedException", Status: 400, Message: "m", Front: true}, `{"__type":"AccessDeniedException","message":"m"}`},
		{"without message", schema.Exception{Code: "E", Status: 400}, `{"__type":"E"}`},
		{"field of another type", schema.Exception{Code: "E", Status: 400, Shape: shape, Message: "m", Fields: map[string]any{"Resource": op}},
			`{"__type":"E","message":"m"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := Codec{}.EncodeException(svc, &tc.ex, "id")
			if string(got.Body) != tc.want {
				t.Errorf("got %s want %s", got.Body, tc.want)
			}
			if got.Status != tc.ex.Status {
				t.Errorf("status: got %d want %d", got.Status, tc.ex.Status)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(`{"Text":"a","Next":{"Text":"\u00e4","Next":null},"unknown":[1,{}]}`)
	f.Add(`{"Text":1e5}`)
	f.Add("")
	svc, op := service("1.1")
	f.Fuzz(func(t *testing.T, body string) {
		in, err := Codec{}.DecodeRequest(&schema.Request{Service: svc, Op: op, Body: []byte(body)})
		if err != nil {
			if kind := fault.KindOf(err); kind != fault.Invalid {
				t.Fatalf("got %v want an invalid fault", err)
			}
			return
		}
		out, err := Codec{}.EncodeResponse(svc, op, in, "id")
		if err != nil {
			t.Fatal(err)
		}
		again, err := Codec{}.DecodeRequest(&schema.Request{Service: svc, Op: op, Body: out.Body})
		if err != nil {
			t.Fatalf("own answer does not decode: %v", err)
		}
		if diff := cmp.Diff(in, again); diff != "" {
			t.Errorf("decoded twice (-first +second):\n%s", diff)
		}
	})
}
