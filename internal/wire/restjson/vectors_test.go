package restjson_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/constraint"
	"github.com/outcrop/outcrop/internal/wire/restjson"
	"github.com/outcrop/outcrop/internal/wire/schema"
	"github.com/outcrop/outcrop/internal/wire/vectortest"
)

// notPassed are the vectors that the codec does not pass on purpose.
var notPassed = map[string]string{
	"RestJsonOmitsEmptyListQueryValues":              "nothing in the request tells an empty list from no list",
	"SDKAppliedContentEncoding_restJson1":            "the vector is about what the client sends and holds no body",
	"SDKAppendedGzipAfterProvidedEncoding_restJson1": "the vector is about what the client sends and holds no body",
}

// lenient are vectors of malformed requests that only the lenient codec answers
// as they say.
var lenient = map[string]string{
	"RestJsonMalformedLengthQueryStringNoValue": "sends a body to an operation without one, which RestJsonWithoutBodyEmptyInputExpectsEmptyContentType wants refused",
}

type requestTest struct {
	ID            string            `json:"id"`
	Protocol      string            `json:"protocol"`
	AppliesTo     string            `json:"appliesTo"`
	Method        string            `json:"method"`
	URI           string            `json:"uri"`
	QueryParams   []string          `json:"queryParams"`
	Headers       map[string]string `json:"headers"`
	ForbidHeaders []string          `json:"forbidHeaders"`
	Body          *string           `json:"body"`
	BodyMediaType string            `json:"bodyMediaType"`
	Params        json.RawMessage   `json:"params"`
	Code          int               `json:"code"`
}

type malformedTest struct {
	ID       string `json:"id"`
	Protocol string `json:"protocol"`
	Request  struct {
		Method      string            `json:"method"`
		URI         string            `json:"uri"`
		QueryParams []string          `json:"queryParams"`
		Headers     map[string]string `json:"headers"`
		Body        string            `json:"body"`
	} `json:"request"`
	Response struct {
		Code    int               `json:"code"`
		Headers map[string]string `json:"headers"`
		Body    struct {
			MediaType string `json:"mediaType"`
			Assertion struct {
				Contents string `json:"contents"`
			} `json:"assertion"`
		} `json:"body"`
	} `json:"response"`
	TestParameters map[string][]string `json:"testParameters"`
}

// services returns the two test services and the shape name prefix of each.
func (s *smithy) services() map[string]*schema.Service {
	out := map[string]*schema.Service{stray: s.service(stray)}
	for id, ast := range s.model.Shapes {
		if ast.Type == "service" {
			out[id] = s.service(id)
		}
	}
	return out
}

// request makes what the edge would give the codec, or fails when the router
// does not find the operation.
func request(t *testing.T, svc *schema.Service, op *schema.Operation, method, uri string, query []string, headers map[string]string, body string) *schema.Request {
	t.Helper()
	path, more, _ := strings.Cut(uri, "?")
	if more != "" {
		query = append(strings.Split(more, "&"), query...)
	}
	raw := strings.Join(query, "&")
	matches := restjson.NewRouter(svc).Match(method, path, raw)
	for _, m := range matches {
		if m.Op != op {
			continue
		}
		req := &schema.Request{Service: svc, Op: op, Labels: m.Labels, Header: http.Header{}, Body: []byte(body)}
		req.Query, _ = url.ParseQuery(raw)
		for k, v := range headers {
			req.Header.Set(k, v)
		}
		return req
	}
	t.Fatalf("%s %s: got %d routes, want %s among them", method, uri, len(matches), op.Name)
	return nil
}

// equal compares decoded values: documents by their JSON, NaN as itself.
var equal = cmp.Options{
	cmpopts.EquateNaNs(), cmpopts.EquateEmpty(),
	cmp.Transformer("document", func(d schema.DocumentValue) any {
		var v any
		if err := json.Unmarshal(d, &v); err != nil {
			return string(d)
		}
		return v
	}),
}

func TestSmithyRequests(t *testing.T) {
	t.Parallel()
	s := loadSmithy(t)
	count := 0
	for id, svc := range s.services() {
		prefix, _, _ := strings.Cut(id, "#")
		for _, target := range s.operations(id) {
			var tests []requestTest
			s.model.Shapes[target].Traits.decode(t, "smithy.test#httpRequestTests", &tests)
			op := find(svc, target)
			for _, tc := range tests {
				if tc.AppliesTo == "client" || tc.Protocol != "aws.protocols#restJson1" {
					continue
				}
				count++
				t.Run(prefix+"/"+tc.ID, func(t *testing.T) {
					skipKnown(t, tc.ID)
					body := ""
					if tc.Body != nil {
						body = *tc.Body
					}
					headers := map[string]string{"Content-Type": tc.BodyMediaType}
					if tc.BodyMediaType == "" || body == "" {
						headers = map[string]string{}
					}
					maps.Copy(headers, tc.Headers)
					req := request(t, svc, op, tc.Method, tc.URI, tc.QueryParams, headers, body)
					got, err := restjson.Codec{Strict: true}.DecodeRequest(req)
					if err != nil {
						t.Fatalf("got %v, want the parameters", err)
					}
					want := vectortest.Params(t, op.Input, tc.Params)
					if diff := cmp.Diff(want, got, equal); diff != "" {
						t.Errorf("input (-want +got):\n%s", diff)
					}
				})
			}
		}
	}
	if count != 133 {
		t.Errorf("got %d cases that apply to a server, want 133", count)
	}
}

func find(svc *schema.Service, target string) *schema.Operation {
	_, name, _ := strings.Cut(target, "#")
	for _, op := range svc.Operations {
		if op.Name == name {
			return op
		}
	}
	return nil
}

func skipKnown(t *testing.T, id string) {
	t.Helper()
	if reason, ok := notPassed[id]; ok {
		t.Skip(reason)
	}
}

func TestSmithyResponses(t *testing.T) {
	t.Parallel()
	s := loadSmithy(t)
	count := 0
	check := func(t *testing.T, tc requestTest, resp *schema.Response) {
		t.Helper()
		if resp.Status != tc.Code {
			t.Errorf("status: got %d, want %d", resp.Status, tc.Code)
		}
		for k, v := range tc.Headers {
			got := resp.Header.Get(k)
			if k == "Content-Length" { // the server adds it
				got = strconv.Itoa(len(resp.Body))
			}
			if got != v {
				t.Errorf("header %s: got %q, want %q", k, got, v)
			}
		}
		for _, k := range tc.ForbidHeaders {
			if _, ok := resp.Header[http.CanonicalHeaderKey(k)]; ok {
				t.Errorf("header %s: got %q, want none", k, resp.Header.Get(k))
			}
		}
		if tc.Body != nil {
			compareBodies(t, string(resp.Body), *tc.Body, tc.BodyMediaType)
		}
	}
	for id, svc := range s.services() {
		for _, target := range s.operations(id) {
			var tests []requestTest
			s.model.Shapes[target].Traits.decode(t, "smithy.test#httpResponseTests", &tests)
			op := find(svc, target)
			for _, tc := range tests {
				if tc.AppliesTo == "client" || tc.Protocol != "aws.protocols#restJson1" {
					continue
				}
				count++
				t.Run(tc.ID, func(t *testing.T) {
					skipKnown(t, tc.ID)
					resp, err := restjson.Codec{}.EncodeResponse(svc, op, vectortest.Params(t, op.Output, tc.Params), "id")
					if err != nil {
						t.Fatal(err)
					}
					check(t, tc, resp)
				})
			}
		}
	}
	for id, ast := range s.model.Shapes {
		var tests []requestTest
		if _, ok := ast.Traits["smithy.api#error"]; !ok || !ast.Traits.decode(t, "smithy.test#httpResponseTests", &tests) {
			continue
		}
		shape := s.shape(id)
		for _, tc := range tests {
			if tc.AppliesTo == "client" || tc.Protocol != "aws.protocols#restJson1" {
				continue
			}
			count++
			t.Run(tc.ID, func(t *testing.T) {
				skipKnown(t, tc.ID)
				ex := &schema.Exception{Code: shape.Error.Code, Status: shape.Error.Status, Shape: shape}
				if tc.Params != nil {
					ex.Fields = vectortest.Params(t, shape, tc.Params).(map[string]any)
				}
				check(t, tc, restjson.Codec{}.EncodeException(nil, ex, "id"))
			})
		}
	}
	if count != 89 {
		t.Errorf("got %d cases that apply to a server, want 89", count)
	}
}

func compareBodies(t *testing.T, got, want, mediaType string) {
	t.Helper()
	if mediaType != "application/json" || want == "" {
		if got != want {
			t.Errorf("body: got %q, want %q", got, want)
		}
		return
	}
	var g, w any
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Fatalf("body: got %q, want %s", got, want)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w, g); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

func TestSmithyMalformedRequests(t *testing.T) {
	t.Parallel()
	s := loadSmithy(t)
	count := 0
	for id, svc := range s.services() {
		for _, target := range s.operations(id) {
			var tests []malformedTest
			s.model.Shapes[target].Traits.decode(t, "smithy.test#httpMalformedRequestTests", &tests)
			op := find(svc, target)
			for _, tc := range tests {
				count++
				rounds := 1
				for _, values := range tc.TestParameters {
					rounds = len(values)
				}
				for i := range rounds {
					t.Run(fmt.Sprintf("%s/%d", tc.ID, i), func(t *testing.T) {
						skipKnown(t, tc.ID)
						malformed(t, svc, op, tc, i)
					})
				}
			}
		}
	}
	if count != 191 {
		t.Errorf("got %d cases, want 191", count)
	}
}

var parameter = regexp.MustCompile(`\$(\$|(\w+):(\w))`)

// expand puts the parameters of a round in place: $name:L as it is, $name:S as
// a JSON string.
func expand(text string, params map[string][]string, i int) string {
	return parameter.ReplaceAllStringFunc(text, func(found string) string {
		if found == "$$" {
			return "$"
		}
		m := parameter.FindStringSubmatch(found)
		value := ""
		if values := params[m[2]]; i < len(values) {
			value = values[i]
		}
		if m[3] == "S" {
			return strconv.Quote(value)
		}
		return value
	})
}

// malformed sends one malformed request through the steps of the edge, and
// compares the answer.
func malformed(t *testing.T, svc *schema.Service, op *schema.Operation, tc malformedTest, i int) {
	put := func(text string) string { return expand(text, tc.TestParameters, i) }
	headers := map[string]string{}
	for k, v := range tc.Request.Headers {
		headers[k] = put(v)
	}
	var query []string
	for _, q := range tc.Request.QueryParams {
		name, value, has := strings.Cut(put(q), "=")
		if has {
			name += "=" + url.QueryEscape(value)
		}
		query = append(query, name)
	}
	req := request(t, svc, op, tc.Request.Method, put(tc.Request.URI), query, headers, put(tc.Request.Body))
	_, loose := lenient[tc.ID]
	in, err := restjson.Codec{Strict: !loose}.DecodeRequest(req)
	ex := &schema.Exception{}
	if err != nil {
		f := fault.As(err)
		ex.Code, ex.Message = f.Code, f.Message
	} else if found := constraint.Find(op.Input, in); len(found) > 0 {
		ex.Code = "ValidationException"
		ex.Shape, ex.Fields = smithyValidation(found)
		ex.Message = ex.Fields["message"].(string)
	} else {
		t.Fatalf("got %v, want a refusal", in)
	}
	ex.Status = map[string]int{
		"SerializationException": 400, "ValidationException": 400, "NotAcceptableException": 406, "UnsupportedMediaTypeException": 415,
	}[ex.Code]
	resp := restjson.Codec{}.EncodeException(nil, ex, "id")
	if resp.Status != tc.Response.Code {
		t.Errorf("status: got %d, want %d", resp.Status, tc.Response.Code)
	}
	for k, v := range tc.Response.Headers {
		if got := resp.Header.Get(k); got != v {
			t.Errorf("header %s: got %q, want %q (%s)", k, got, v, ex.Message)
		}
	}
	if want := tc.Response.Body.Assertion.Contents; want != "" {
		compareBodies(t, string(resp.Body), put(want), tc.Response.Body.MediaType)
	}
}

// smithyValidation renders violations as the test model's ValidationException.
func smithyValidation(found []constraint.Violation) (*schema.Shape, map[string]any) {
	text := &schema.Shape{Kind: schema.String}
	member := func(name string, s *schema.Shape) *schema.Member {
		return &schema.Member{Name: name, Shape: s, Field: -1}
	}
	field := &schema.Shape{Kind: schema.Structure, Members: []*schema.Member{member("message", text), member("path", text)}}
	field.Seal()
	list := &schema.Shape{Kind: schema.List, Value: member("member", field)}
	shape := &schema.Shape{Kind: schema.Structure, Members: []*schema.Member{member("message", text), member("fieldList", list)}}
	shape.Seal()

	var fields []any
	var messages []string
	last := ""
	for _, v := range found {
		path := smithyPath(v.Path)
		message := smithyText(v, path)
		if message == last { // one sentence covers both bounds
			continue
		}
		last = message
		fields = append(fields, map[string]any{"message": message, "path": path})
		messages = append(messages, message)
	}
	plural := "error"
	if len(messages) > 1 {
		plural = "errors"
	}
	return shape, map[string]any{
		"message":   fmt.Sprintf("%d validation %s detected. %s", len(messages), plural, strings.Join(messages, "; ")),
		"fieldList": fields,
	}
}

func smithyPath(steps []constraint.Step) string {
	var b strings.Builder
	for _, s := range steps {
		switch {
		case s.IsKey:
		case s.Member != nil:
			b.WriteString("/" + s.Member.Name)
		case s.List:
			b.WriteString("/" + strconv.Itoa(s.Index))
		default:
			b.WriteString("/" + s.Key)
		}
	}
	return b.String()
}

func smithyText(v constraint.Violation, path string) string {
	number := func(f *float64) string { return strconv.FormatFloat(*f, 'f', -1, 64) }
	bound := func(what string) string {
		switch s := v.Shape; {
		case s.Min != nil && s.Max != nil:
			return what + "between " + number(s.Min) + " and " + number(s.Max) + ", inclusive"
		case s.Min != nil:
			return what + "greater than or equal to " + number(s.Min)
		default:
			return what + "less than or equal to " + number(s.Max)
		}
	}
	value, rule := "Value", v.Rule()
	switch v.Kind {
	case constraint.MinLength, constraint.MaxLength:
		value, rule = fmt.Sprintf("Value with length %d", v.Length), bound("Member must have length ")
	case constraint.MinValue, constraint.MaxValue:
		rule = bound("Member must be ")
	}
	return value + " at '" + path + "' failed to satisfy constraint: " + rule
}
