package query

import (
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

type color string

type leaf struct {
	Name *string
}

type record struct {
	At     *time.Time
	Big    *int64
	Color  color
	Colors []color
	Data   []byte
	Flag   *bool
	Inner  *leaf
	Leaves []leaf
	Less   *float32
	Named  map[string]leaf
	Next   *record
	Ratio  *float64
	Size   *int32
	Tags   map[string]string
	Tiny   *int8
}

// table is a small service with Go types.
func table() (*schema.Service, *schema.Operation) {
	shape := func(name string, kind schema.Kind) *schema.Shape { return &schema.Shape{Name: name, Kind: kind} }
	text := shape("Text", schema.String)
	ref := func(s *schema.Shape) *schema.Member { return &schema.Member{Shape: s, Field: -1} }
	list := func(s *schema.Shape) *schema.Shape {
		return &schema.Shape{Name: s.Name + "List", Kind: schema.List, Value: ref(s)}
	}
	mapping := func(s *schema.Shape) *schema.Shape {
		return &schema.Shape{Name: s.Name + "Map", Kind: schema.Map, Key: ref(text), Value: ref(s)}
	}
	structure := func(s *schema.Shape, newValue func() any, members ...*schema.Member) {
		s.Kind, s.New, s.Members = schema.Structure, newValue, members
		for i, m := range members {
			m.Field = i
		}
		s.Seal()
	}
	member := func(name string, s *schema.Shape) *schema.Member { return &schema.Member{Name: name, Shape: s} }

	leafShape, recordShape := shape("Leaf", schema.Structure), shape("Record", schema.Structure)
	colorShape := shape("Color", schema.String)
	structure(leafShape, func() any { return new(leaf) }, member("Name", text))
	structure(recordShape, func() any { return new(record) },
		member("At", shape("Time", schema.Timestamp)),
		member("Big", shape("Long", schema.Long)),
		member("Color", colorShape),
		member("Colors", list(colorShape)),
		member("Data", shape("Blob", schema.Blob)),
		member("Flag", shape("Boolean", schema.Boolean)),
		member("Inner", leafShape),
		member("Leaves", list(leafShape)),
		member("Less", shape("Float", schema.Float)),
		member("Named", mapping(leafShape)),
		member("Next", recordShape),
		member("Ratio", shape("Double", schema.Double)),
		member("Size", shape("Integer", schema.Integer)),
		member("Tags", mapping(text)),
		member("Tiny", shape("Byte", schema.Byte)),
	)
	op := &schema.Operation{Name: "Echo", Method: "POST", URI: "/", Status: 200, Input: recordShape, Output: recordShape, ResultWrapper: "EchoResult"}
	return &schema.Service{ID: "test", Protocol: "query", XMLNamespace: "https://example.com/doc/", Operations: []*schema.Operation{op}}, op
}

func ptr[T any](v T) *T { return &v }

func full() *record {
	return &record{
		At:     ptr(time.Date(2026, 11, 20, 10, 11, 12, 340e6, time.UTC)),
		Big:    ptr(int64(math.MinInt64)),
		Color:  "red",
		Colors: []color{"red", "green"},
		Data:   []byte{0, 1, 255},
		Flag:   ptr(false),
		Inner:  &leaf{Name: ptr("")},
		Leaves: []leaf{{Name: ptr("one")}, {}},
		Less:   ptr(float32(0.1)),
		Named:  map[string]leaf{"a": {Name: ptr("A")}},
		Next:   &record{Size: ptr(int32(2))},
		Ratio:  ptr(1e-9),
		Size:   ptr(int32(-1)),
		Tags:   map[string]string{"k": "v & <w>", "": "empty key"},
		Tiny:   ptr(int8(-128)),
	}
}

const fullForm = "Action=Echo&Version=2020-01-08&At=2026-11-20T10:11:12.34Z&Big=-9223372036854775808&Color=red" +
	"&Colors.member.1=red&Colors.member.2=green&Data=AAH%2F&Flag=false&Inner.Name=&Leaves.member.1.Name=one" +
	"&Leaves.member.2=&Less=0.1&Named.entry.1.key=a&Named.entry.1.value.Name=A&Next.Size=2&Ratio=1e-9&Size=-1" +
	"&Tags.entry.1.key=k&Tags.entry.1.value=v+%26+%3Cw%3E&Tags.entry.2.key=&Tags.entry.2.value=empty+key&Tiny=-128" +
	"&Unknown.member.1=x&Unknown2=y"

func form() http.Header {
	return http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}
}

func TestDecodeTyped(t *testing.T) {
	t.Parallel()
	svc, op := table()
	query, err := url.ParseQuery(fullForm)
	if err != nil {
		t.Fatal(err)
	}
	other := url.Values{"Color": {"blue"}, "Size": {"77"}}
	for _, tc := range []struct {
		name string
		req  *schema.Request
	}{
		{"POST", &schema.Request{Header: form(), Body: []byte(fullForm)}},
		{"POST without content type", &schema.Request{Header: http.Header{}, Body: []byte(fullForm)}},
		{"GET", &schema.Request{Header: http.Header{}, Query: query}},
		{"the body counts", &schema.Request{Header: form(), Query: other, Body: []byte(fullForm)}},
		{"GET with another body", &schema.Request{Header: http.Header{"Content-Type": {"text/plain"}}, Query: query, Body: []byte("Color=blue")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.req.Service, tc.req.Op = svc, op
			got, err := Codec{}.DecodeRequest(tc.req)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(full(), got); diff != "" {
				t.Errorf("input (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeListsByNumber(t *testing.T) {
	t.Parallel()
	svc, op := table()
	body := "Colors.member.10=c&Colors.member.9=b&Colors.member.1=a"
	got, err := Codec{}.DecodeRequest(&schema.Request{Service: svc, Op: op, Header: form(), Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&record{Colors: []color{"a", "b", "c"}}, got); diff != "" {
		t.Errorf("input (-want +got):\n%s", diff)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	svc, op := table()
	for _, tc := range []struct{ name, body, code, message string }{
		{"escape", "Color=%zz", "MalformedQueryString", "The request body is not a valid form."},
		{"integer text", "Size=secret", "MalformedInput", "Size must be an integer of 32 bits."},
		{"integer range", "Size=2147483648", "MalformedInput", "Size must be an integer of 32 bits."},
		{"byte range", "Tiny=128", "MalformedInput", "Tiny must be an integer of 8 bits."},
		{"integer empty", "Size=", "MalformedInput", "Size must be an integer of 32 bits."},
		{"boolean", "Flag=yes", "MalformedInput", "Flag must be true or false."},
		{"float", "Ratio=0x1p4", "MalformedInput", "Ratio must be a number."},
		{"float word", "Ratio=inf", "MalformedInput", "Ratio must be a number."},
		{"float range", "Ratio=1e999", "MalformedInput", "Ratio must be a number."},
		{"blob", "Data=%25%25", "MalformedInput", "Data must be base64."},
		{"timestamp", "At=yesterday", "MalformedInput", "At must be an ISO 8601 timestamp."},
		{"list as text", "Colors=red", "MalformedInput", "Colors must be a list."},
		{"list without member", "Colors.1=red", "MalformedInput", `The elements of Colors must be under "member".`},
		{"list not numbered", "Colors.member.x=red", "MalformedInput", "The elements of Colors must be numbered."},
		{"list negative", "Colors.member.-1=red", "MalformedInput", "The elements of Colors must be numbered."},
		{"map without value", "Tags.entry.1.key=k", "MalformedInput", "Every entry of Tags must have a key and a value."},
		{"map without key", "Tags.entry.1.value=v", "MalformedInput", "Every entry of Tags must have a key and a value."},
		{"depth", strings.Repeat("Next.", 100_000) + "Size=1", "MalformedInput", "A key of the request is nested too deeply."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := Codec{}.DecodeRequest(&schema.Request{Service: svc, Op: op, Header: form(), Body: []byte(tc.body)})
			if err == nil {
				t.Fatal("got no error")
			}
			f := fault.As(err)
			got, want := [3]string{f.Kind.String(), f.Code, f.Message}, [3]string{"invalid", tc.code, tc.message}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("fault (-want +got):\n%s", diff)
			}
		})
	}
}

const fullXML = `<EchoResponse xmlns="https://example.com/doc/">
  <EchoResult>
    <At>2026-11-20T10:11:12.34Z</At>
    <Big>-9223372036854775808</Big>
    <Color>red</Color>
    <Colors>
      <member>red</member>
      <member>green</member>
    </Colors>
    <Data>AAH/</Data>
    <Flag>false</Flag>
    <Inner>
      <Name/>
    </Inner>
    <Leaves>
      <member>
        <Name>one</Name>
      </member>
      <member>
      </member>
    </Leaves>
    <Less>0.1</Less>
    <Named>
      <entry>
        <key>a</key>
        <value>
          <Name>A</Name>
        </value>
      </entry>
    </Named>
    <Next>
      <Size>2</Size>
    </Next>
    <Ratio>1E-09</Ratio>
    <Size>-1</Size>
    <Tags>
      <entry>
        <key/>
        <value>empty key</value>
      </entry>
      <entry>
        <key>k</key>
        <value>v &amp; &lt;w&gt;</value>
      </entry>
    </Tags>
    <Tiny>-128</Tiny>
  </EchoResult>
  <ResponseMetadata>
    <RequestId>id-1</RequestId>
  </ResponseMetadata>
</EchoResponse>
`

func TestEncodeTyped(t *testing.T) {
	t.Parallel()
	svc, op := table()
	got, err := Codec{}.EncodeResponse(svc, op, full(), "id-1")
	if err != nil {
		t.Fatal(err)
	}
	want := &schema.Response{
		Status: 200,
		Header: http.Header{"Content-Type": {"text/xml"}},
		Body:   []byte(fullXML),
	}
	if diff := cmp.Diff(string(want.Body), string(got.Body)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("response (-want +got):\n%s", diff)
	}
}

func TestEncodeEmptyAndAbsent(t *testing.T) {
	t.Parallel()
	svc, op := table()
	got, err := Codec{}.EncodeResponse(svc, op, &record{Colors: []color{}, Tags: map[string]string{}, Data: []byte{}}, "id-1")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(got.Body), "<EchoResult>\n")
	result, _, _ := strings.Cut(rest, "  </EchoResult>")
	if want := "    <Colors/>\n    <Data/>\n    <Tags/>\n"; result != want {
		t.Errorf("got %q want %q", result, want)
	}
	if _, err := (Codec{}).EncodeResponse(svc, op, (*record)(nil), "id-1"); err != nil {
		t.Errorf("nil output: got %v want no error", err)
	}
}

func TestEncodeRefusesForeignValues(t *testing.T) {
	t.Parallel()
	svc, op := table()
	for _, tc := range []struct {
		name   string
		output any
	}{
		{"text", "text"},
		{"list in place of text", map[string]any{"Color": []any{"red"}}},
		{"text in place of list", map[string]any{"Colors": "red"}},
		{"text in place of map", map[string]any{"Tags": "red"}},
		{"text in place of integer", map[string]any{"Size": "1"}},
		{"text in place of time", map[string]any{"At": "now"}},
		{"text in place of structure", map[string]any{"Inner": "x"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got, err := (Codec{}).EncodeResponse(svc, op, tc.output, "id"); err == nil {
				t.Errorf("got %s want an error", got.Body)
			}
		})
	}
}

func TestEncodeException(t *testing.T) {
	t.Parallel()
	svc, op := table()
	got := Codec{}.EncodeException(svc, &schema.Exception{
		Code: "Throttling", Status: 400, Message: "Rate exceeded\x00", Sender: true, Shape: op.Output,
		Fields: map[string]any{"Size": ptr(int32(3)), "Inner": 7, "Unknown": "x", "Message": "not twice"},
	}, "id-2")
	want := `<ErrorResponse xmlns="https://example.com/doc/">
  <Error>
    <Type>Sender</Type>
    <Code>Throttling</Code>
    <Message>Rate exceeded` + "\ufffd" + `</Message>
    <Size>3</Size>
  </Error>
  <RequestId>id-2</RequestId>
</ErrorResponse>
`
	if diff := cmp.Diff(want, string(got.Body)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if got.Status != 400 {
		t.Errorf("status: got %d want 400", got.Status)
	}
	internal := Codec{}.EncodeException(svc, &schema.Exception{Code: "InternalFailure", Status: 500, Message: "m"}, "id")
	if !strings.Contains(string(internal.Body), "<Type>Receiver</Type>") {
		t.Errorf("got %s want Receiver", internal.Body)
	}
}

// What decodes also encodes, and never panics.
func FuzzDecode(f *testing.F) {
	f.Add(fullForm)
	f.Add("Colors.member.1=a&Colors=&Next.Next.Next.Tags.entry.1.key=")
	f.Add("Inner=&Leaves.member=1")
	svc, op := table()
	f.Fuzz(func(t *testing.T, body string) {
		in, err := Codec{}.DecodeRequest(&schema.Request{Service: svc, Op: op, Header: form(), Body: []byte(body)})
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
		parseXML(t, string(out.Body))
	})
}
