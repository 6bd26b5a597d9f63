package restjson_test

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/restjson"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Everything that a Go struct can be asked to hold, in one table.
type everything struct {
	Bool    *bool
	Byte    *int8
	Color   color
	Docs    []schema.DocumentValue
	Double  *float64
	Float   *float32
	Header  *string
	Id      *string //nolint:revive // generated names keep AWS spelling
	Inner   *inner
	Inners  []inner
	Ints    []int32
	Long    *int64
	Map     map[string]inner
	Meta    map[string]string
	Query   *int32
	Sparse  []*string
	SparseM map[string]*inner
	Status  *int32
	Tags    []string
	Texts   map[string][]string
	Time    *time.Time
	Times   []time.Time
	Union   *choice
}

type color string

type inner struct {
	Raw  []byte
	Self *inner
	Text *string
}

type choice struct {
	Many []string
	Raw  []byte
	Text *string
}

const (
	tText = iota
	tBool
	tByte
	tInt
	tLong
	tFloat
	tDouble
	tTime
	tBlob
	tDoc
	tColor
	tInner
	tInners
	tTexts
	tInts
	tDocs
	tTimes
	tMap
	tTextMap
	tSparse
	tSparseMap
	tTextsMap
	tChoice
	tEverything
)

func list(elem uint16, traits schema.ShapeTrait) schema.ShapeRow {
	return schema.ShapeRow{Name: "List", Kind: schema.List, Traits: traits, Members: []schema.MemberRow{{Name: "member", Shape: elem}}}
}

func dict(elem uint16, traits schema.ShapeTrait) schema.ShapeRow {
	return schema.ShapeRow{Name: "Map", Kind: schema.Map, Traits: traits, Members: []schema.MemberRow{{Name: "key", Shape: tText}, {Name: "value", Shape: elem}}}
}

var everythingTable = schema.Table{
	ID: "every", Protocol: "rest-json",
	Shapes: []schema.ShapeRow{
		tText: {Name: "Text", Kind: schema.String}, tBool: {Name: "Bool", Kind: schema.Boolean},
		tByte: {Name: "Byte", Kind: schema.Byte}, tInt: {Name: "Int", Kind: schema.Integer},
		tLong: {Name: "Long", Kind: schema.Long}, tFloat: {Name: "Float", Kind: schema.Float},
		tDouble: {Name: "Double", Kind: schema.Double}, tTime: {Name: "Time", Kind: schema.Timestamp},
		tBlob: {Name: "Blob", Kind: schema.Blob}, tDoc: {Name: "Doc", Kind: schema.Document},
		tColor: {Name: "Color", Kind: schema.String, Enum: []string{"RED"}},
		tInner: {Name: "Inner", Kind: schema.Structure, Go: (*inner)(nil), Members: []schema.MemberRow{
			{Name: "raw", Shape: tBlob}, {Name: "self", Shape: tInner}, {Name: "text", Shape: tText, LocationName: "aText"},
		}},
		tInners: list(tInner, 0), tTexts: list(tText, 0), tInts: list(tInt, 0), tDocs: list(tDoc, 0), tTimes: list(tTime, 0),
		tMap: dict(tInner, 0), tTextMap: dict(tText, 0), tSparse: list(tText, schema.SparseShape),
		tSparseMap: dict(tInner, schema.SparseShape), tTextsMap: dict(tTexts, 0),
		tChoice: {Name: "Choice", Kind: schema.Union, Go: (*choice)(nil), Members: []schema.MemberRow{
			{Name: "many", Shape: tTexts}, {Name: "raw", Shape: tBlob}, {Name: "text", Shape: tText},
		}},
		tEverything: {Name: "Everything", Kind: schema.Structure, Go: (*everything)(nil), Members: []schema.MemberRow{
			{Name: "bool", Shape: tBool}, {Name: "byte", Shape: tByte}, {Name: "color", Shape: tColor}, {Name: "docs", Shape: tDocs},
			{Name: "double", Shape: tDouble}, {Name: "float", Shape: tFloat},
			{Name: "header", Shape: tText, Location: schema.Header, LocationName: "X-One"},
			{Name: "id", Shape: tText, Location: schema.URI, LocationName: "id"},
			{Name: "inner", Shape: tInner}, {Name: "inners", Shape: tInners}, {Name: "ints", Shape: tInts}, {Name: "long", Shape: tLong},
			{Name: "map", Shape: tMap}, {Name: "meta", Shape: tTextMap, Location: schema.Headers, LocationName: "X-Meta-"},
			{Name: "query", Shape: tInt, Location: schema.Querystring, LocationName: "q"},
			{Name: "sparse", Shape: tSparse}, {Name: "sparseM", Shape: tSparseMap},
			{Name: "status", Shape: tInt, Location: schema.StatusCode},
			{Name: "tags", Shape: tTexts, Location: schema.Header, LocationName: "X-Tags"},
			{Name: "texts", Shape: tTextsMap}, {Name: "time", Shape: tTime},
			{Name: "times", Shape: tTimes, Location: schema.Header, LocationName: "X-Times"},
			{Name: "union", Shape: tChoice},
		}},
	},
	Operations: []schema.OperationRow{{Name: "Echo", Method: "POST", URI: "/echo/{id}", Status: 200, Input: tEverything, Output: tEverything}},
}

const everythingBody = `{"bool":true,"byte":-8,"color":"RED","docs":[{"a":[]},null,"x"],"double":0.1,"float":0.1,` +
	`"inner":{"aText":"t","raw":"AAE=","self":{"self":{}}},"inners":[{"aText":"1"},{}],"ints":[1,-2],"long":9007199254740993,` +
	`"map":{"a":{"aText":"v"},"b":{}},"sparse":["a",null],"sparseM":{"n":null,"o":{}},"texts":{"a":[],"b":["c"]},` +
	`"time":1700000000.25,"union":{"many":[]}}`

func everythingValue() *everything {
	when := time.Unix(1700000000, 0).UTC()
	return &everything{
		Bool: new(true), Byte: new(int8(-8)), Color: "RED", Double: new(0.1), Float: new(float32(0.1)),
		Docs:   []schema.DocumentValue{[]byte(`{"a":[]}`), nil, []byte(`"x"`)},
		Inner:  &inner{Text: new("t"), Raw: []byte{0, 1}, Self: &inner{Self: &inner{}}},
		Inners: []inner{{Text: new("1")}, {}}, Ints: []int32{1, -2}, Long: new(int64(9007199254740993)),
		Map: map[string]inner{"a": {Text: new("v")}, "b": {}}, Sparse: []*string{new("a"), nil},
		SparseM: map[string]*inner{"n": nil, "o": {}}, Texts: map[string][]string{"a": {}, "b": {"c"}},
		Time: new(time.UnixMilli(1700000000250).UTC()), Union: &choice{Many: []string{}},
		Header: new("one"), Id: new("a/b"), Meta: map[string]string{"k": "v"}, Query: new(int32(5)),
		Tags: []string{"a,b", `c"d`, "e"}, Times: []time.Time{when, when.Add(time.Hour)},
	}
}

func TestGoStructs(t *testing.T) {
	t.Parallel()
	svc := schema.Link(&everythingTable)
	op := svc.Operations[0]
	value := everythingValue()
	value.Status = new(int32(202))
	resp, err := restjson.Codec{}.EncodeResponse(svc, op, value, "id")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(everythingBody, string(resp.Body)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	wantHeader := http.Header{
		"Content-Type": {"application/json"}, "X-One": {"one"}, "X-Meta-K": {"v"}, "X-Tags": {`"a,b", "c\"d", e`},
		"X-Times": {"Tue, 14 Nov 2023 22:13:20 GMT, Tue, 14 Nov 2023 23:13:20 GMT"},
	}
	if diff := cmp.Diff(wantHeader, resp.Header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	if resp.Status != 202 {
		t.Errorf("status: got %d, want 202", resp.Status)
	}

	got, err := restjson.Codec{}.DecodeRequest(&schema.Request{
		Service: svc, Op: op, Labels: map[string]string{"id": "a/b"}, Query: map[string][]string{"q": {"5"}},
		Header: resp.Header, Body: resp.Body,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := everythingValue()
	want.Docs[1] = schema.DocumentValue("null")
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b schema.DocumentValue) bool { return docText(a) == docText(b) })); diff != "" {
		t.Errorf("input (-want +got):\n%s", diff)
	}
}

func docText(d schema.DocumentValue) string {
	if d == nil {
		return "null"
	}
	return string(d)
}

func TestNumbersThatJSONLacks(t *testing.T) {
	t.Parallel()
	svc := schema.Link(&everythingTable)
	for text, f := range map[string]float64{
		`"NaN"`: math.NaN(), `"Infinity"`: math.Inf(1), `"-Infinity"`: math.Inf(-1), "1.0": 1, "-0.0": math.Copysign(0, -1),
		"1e+21": 1e21, "1e-07": 1e-7, "100.0": 100,
	} {
		resp, err := restjson.Codec{}.EncodeResponse(svc, svc.Operations[0], &everything{Double: &f}, "id")
		if err != nil {
			t.Fatal(err)
		}
		if got, want := string(resp.Body), `{"double":`+text+`}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestUnwritable(t *testing.T) {
	t.Parallel()
	svc := schema.Link(&everythingTable)
	for name, out := range map[string]any{
		"document is no JSON":  &everything{Docs: []schema.DocumentValue{[]byte(`{"a":`)}},
		"two documents in one": &everything{Docs: []schema.DocumentValue{[]byte(`1 2`)}},
		"line break in header": &everything{Header: new("a\r\nX-Evil: 1")},
		"wrong type":           map[string]any{"inner": "text"},
		"wrong scalar":         map[string]any{"bool": "true"},
	} {
		if resp, err := (restjson.Codec{}).EncodeResponse(svc, svc.Operations[0], out, "id"); err == nil {
			t.Errorf("%s: got %s %v, want an error", name, resp.Body, resp.Header)
		}
	}
}

func TestRouterSpecifics(t *testing.T) {
	t.Parallel()
	shape := func(labels ...string) *schema.Shape {
		s := &schema.Shape{Kind: schema.Structure}
		for _, l := range labels {
			s.Members = append(s.Members, &schema.Member{Name: l, Shape: &schema.Shape{Kind: schema.String}, Location: schema.URI})
		}
		s.Seal()
		return s
	}
	op := func(name, uri string, labels ...string) *schema.Operation {
		return &schema.Operation{Name: name, Method: "POST", URI: uri, Input: shape(labels...)}
	}
	router := restjson.NewRouter(&schema.Service{Protocol: "rest-json", Operations: []*schema.Operation{
		op("Converse", "/model/{modelId}/converse", "modelId"), op("List", "/things/"), op("Get", "/things/{id}", "id"),
		op("Special", "/things/special"), op("Greedy", "/files/{path+}", "path"), op("GreedyTail", "/files/{path+}/meta", "path"),
		op("Constant", "/things/{id}?version", "id"), op("Valued", "/things/{id}?kind=a&x=", "id"), op("Root", "/"),
	}}, &schema.Service{Protocol: "query", Operations: []*schema.Operation{op("Query", "/")}})
	for name, tc := range map[string]struct {
		path, query string
		want        []string // operation, or operation=label
	}{
		"literal and label": {"/things/special", "", []string{"Special", "Get=special"}},
		"trailing slash":    {"/things/7/", "", []string{"Get=7"}},
		"list":              {"/things", "", []string{"List"}},
		"root":              {"/", "", []string{"Root"}},
		"query constant":    {"/things/7", "version", []string{"Constant=7", "Get=7"}},
		"query value":       {"/things/7", "kind=a&x", []string{"Valued=7", "Get=7"}},
		"other query value": {"/things/7", "kind=b&x", []string{"Get=7"}},
		"greedy":            {"/files/a/b%2Fc/d", "", []string{"Greedy=a/b/c/d"}},
		"greedy tail":       {"/files/a/meta", "", []string{"Greedy=a/meta", "GreedyTail=a"}},
		"raw colon":         {"/model/m-v1:0/converse", "", []string{"Converse=m-v1:0"}},
		"escaped ARN":       {"/model/arn%3Aaws%3Abedrock%3A%3A%3Afoundation-model%2Fm-v1%3A0/converse", "", []string{"Converse=arn:aws:bedrock:::foundation-model/m-v1:0"}},
		"raw ARN":           {"/model/arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.x/converse", "", []string{"Converse=arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.x"}},
		"escaped literal":   {"/model/m/conver%73e", "", []string{"Converse=m"}},
		"stray percent":     {"/things/100%", "", []string{"Get=100%"}},
		"empty label":       {"/model//converse", "", []string{"Converse="}},
		"not an ARN":        {"/model/a/b/converse", "", nil},
		"unknown":           {"/nothing", "", nil},
		"deep":              {"/files" + strings.Repeat("/a", 100), "", nil},
		"many ARNs":         {"/model" + strings.Repeat("/arn:a", 60), "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, m := range router.Match("POST", tc.path, tc.query) {
				s := m.Op.Name
				for _, v := range m.Labels {
					s += "=" + v
				}
				got = append(got, s)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("matches (-want +got):\n%s", diff)
			}
		})
	}
	if got := router.Match("GET", "/things/7", ""); got != nil {
		t.Errorf("another method: got %v", got)
	}
}

func TestEventPayloads(t *testing.T) {
	t.Parallel()
	text := &schema.Shape{Kind: schema.String}
	tick := &schema.Shape{Name: "Tick", Kind: schema.Structure, Event: true, Members: []*schema.Member{
		{Name: "at", Shape: &schema.Shape{Kind: schema.Long}, EventHeader: true, Field: -1},
		{Name: "data", Shape: &schema.Shape{Kind: schema.Blob}, EventPayload: true, Field: -1},
	}}
	mixed := &schema.Shape{Name: "Mixed", Kind: schema.Structure, Event: true, Members: []*schema.Member{
		{Name: "id", Shape: text, EventHeader: true, Field: -1}, {Name: "text", Shape: text, Field: -1},
	}}
	stream := &schema.Shape{Name: "Stream", Kind: schema.Union, EventStream: true, Members: []*schema.Member{
		{Name: "mixed", Shape: mixed, Field: -1}, {Name: "tick", Shape: tick, Field: -1},
	}}
	for _, s := range []*schema.Shape{tick, mixed, stream} {
		s.Seal()
	}
	member := &schema.Member{Name: "stream", Shape: stream, Field: -1}
	op := &schema.Operation{Name: "Watch", InputStream: member, OutputStream: member}
	for name, tc := range map[string]struct {
		event       map[string]any
		contentType string
		payload     string
		headers     map[string]any
	}{
		"raw bytes": {
			map[string]any{"tick": map[string]any{"at": int64(7), "data": []byte{0, 255}}},
			"application/octet-stream", "\x00\xff", map[string]any{"at": int64(7)},
		},
		"header and members": {
			map[string]any{"mixed": map[string]any{"id": "a", "text": "b"}},
			"application/json", `{"text":"b"}`, map[string]any{"id": "a"},
		},
	} {
		typ, contentType, payload, err := restjson.EncodeEvent(op, tc.event, nil)
		if err != nil || contentType != tc.contentType || string(payload) != tc.payload {
			t.Errorf("%s: got %s %q, %v", name, contentType, payload, err)
		}
		back, err := restjson.DecodeEvent(op, typ, tc.headers, payload)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(any(tc.event), back); diff != "" {
			t.Errorf("%s: read back (-want +got):\n%s", name, diff)
		}
	}
	if _, err := restjson.DecodeEvent(op, "mixed", map[string]any{"id": int64(1)}, nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("header of another type: got %v, want a refusal", err)
	}
}

func ExampleCodec() {
	svc := schema.Link(&everythingTable)
	match := restjson.NewRouter(svc).Match("POST", "/echo/a%2Fb", "q=5")[0]
	in, err := restjson.Codec{}.DecodeRequest(&schema.Request{
		Service: match.Service, Op: match.Op, Labels: match.Labels, Query: map[string][]string{"q": {"5"}},
		Body: []byte(`{"inner": {"aText": "hello"}}`),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	e := in.(*everything)
	fmt.Println(*e.Id, *e.Query, *e.Inner.Text)
	resp, err := restjson.Codec{}.EncodeResponse(svc, match.Op, e, "request-id")
	fmt.Println(resp.Status, string(resp.Body), err)
	// Output:
	// a/b 5 hello
	// 200 {"inner":{"aText":"hello"}} <nil>
}
