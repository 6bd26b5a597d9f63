package rpcv2cbor

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/outcrop/outcrop/internal/wire/schema"
	"github.com/outcrop/outcrop/internal/wire/vectortest"
)

// The published test model of the protocol, loaded as one more table.

type astMember struct {
	Target string
	Traits map[string]json.RawMessage
}

type astShape struct {
	Type               string
	Members            map[string]astMember
	Member, Key, Value *astMember
	Traits             map[string]json.RawMessage
	Input, Output      *astMember
	Errors             []astMember
}

type vector struct {
	ID        string
	AppliesTo string
	Method    string
	URI       string
	Code      int
	Headers   map[string]string
	Body      string
	Params    json.RawMessage
}

type smithy struct {
	t      *testing.T
	model  struct{ Shapes map[string]*astShape }
	shapes map[string]*schema.Shape
}

func loadSmithy(t *testing.T) *smithy {
	t.Helper()
	data, err := os.ReadFile("testdata/smithy-rpcv2Cbor.json")
	if err != nil {
		t.Fatal(err)
	}
	s := &smithy{t: t, shapes: map[string]*schema.Shape{}}
	if err := json.Unmarshal(data, &s.model); err != nil {
		t.Fatal(err)
	}
	return s
}

var astKinds = map[string]schema.Kind{
	"structure": schema.Structure, "union": schema.Union, "list": schema.List, "map": schema.Map, "string": schema.String,
	"enum": schema.String, "blob": schema.Blob, "boolean": schema.Boolean, "byte": schema.Byte, "short": schema.Short,
	"integer": schema.Integer, "intEnum": schema.Integer, "long": schema.Long, "float": schema.Float, "double": schema.Double,
	"timestamp": schema.Timestamp,
}

func (s *smithy) shape(id string) *schema.Shape {
	if sh, ok := s.shapes[id]; ok {
		return sh
	}
	_, name, _ := strings.Cut(id, "#")
	sh := &schema.Shape{Name: name}
	s.shapes[id] = sh
	kind := strings.ToLower(strings.TrimPrefix(name, "Primitive"))
	ast := s.model.Shapes[id]
	if ast != nil {
		kind = ast.Type
	}
	var ok bool
	if sh.Kind, ok = astKinds[kind]; !ok {
		s.t.Fatalf("%s: unknown type %s", id, kind)
	}
	if ast == nil {
		return sh
	}
	_, sh.Sparse = ast.Traits["smithy.api#sparse"]
	switch sh.Kind {
	case schema.List:
		sh.Value = s.member("member", *ast.Member)
	case schema.Map:
		sh.Key, sh.Value = s.member("key", *ast.Key), s.member("value", *ast.Value)
	case schema.Structure, schema.Union:
		for name, m := range ast.Members {
			sh.Members = append(sh.Members, s.member(name, m))
		}
		sh.Seal()
		if class, ok := ast.Traits["smithy.api#error"]; ok {
			sh.Error = &schema.ErrorInfo{Code: name, Status: http.StatusBadRequest, Sender: string(class) == `"client"`}
			if status, ok := ast.Traits["smithy.api#httpError"]; ok {
				sh.Error.Status, _ = strconv.Atoi(string(status))
			}
		}
	}
	return sh
}

func (s *smithy) member(name string, ast astMember) *schema.Member {
	return &schema.Member{Name: name, Shape: s.shape(ast.Target), Field: -1}
}

// operation makes the table's row; nil where the shape is none.
func (s *smithy) operation(id string) *schema.Operation {
	ast := s.model.Shapes[id]
	if ast.Type != "operation" {
		return nil
	}
	_, name, _ := strings.Cut(id, "#")
	op := &schema.Operation{Name: name, Status: http.StatusOK}
	if ast.Input != nil && ast.Input.Target != "smithy.api#Unit" {
		op.Input = s.shape(ast.Input.Target)
	}
	if ast.Output != nil && ast.Output.Target != "smithy.api#Unit" {
		op.Output = s.shape(ast.Output.Target)
	}
	return op
}

// vectors are those of a trait that a server can be held to.
func (s *smithy) vectors(ast *astShape, trait string) []vector {
	var all []vector
	if raw, ok := ast.Traits["smithy.test#"+trait]; ok {
		if err := json.Unmarshal(raw, &all); err != nil {
			s.t.Fatal(err)
		}
	}
	// Service models as botocore publishes them, and so the tables, have no
	// default values.
	return slices.DeleteFunc(all, func(v vector) bool { return v.AppliesTo == "client" || strings.Contains(v.ID, "PopulatesDefaults") })
}

func TestRequestVectors(t *testing.T) {
	t.Parallel()
	s := loadSmithy(t)
	ran := 0
	for id, ast := range s.model.Shapes {
		op := s.operation(id)
		if op == nil {
			continue
		}
		for _, v := range s.vectors(ast, "httpRequestTests") {
			ran++
			t.Run(v.ID, func(t *testing.T) {
				t.Parallel()
				req := &schema.Request{Op: op, Header: http.Header{}, Body: decode64(t, v.Body)}
				for name, value := range v.Headers {
					req.Header.Set(name, value)
				}
				got, err := Codec{}.DecodeRequest(req)
				if err != nil {
					t.Fatal(err)
				}
				want := vectortest.Params(t, op.Input, v.Params)
				if diff := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-6, 0)); diff != "" {
					t.Errorf("input (-want +got):\n%s", diff)
				}
			})
		}
	}
	if ran != 34 {
		t.Errorf("got %d vectors, want 34", ran)
	}
}

func TestResponseVectors(t *testing.T) {
	t.Parallel()
	s := loadSmithy(t)
	ran := 0
	for id, ast := range s.model.Shapes {
		for _, v := range s.vectors(ast, "httpResponseTests") {
			ran++
			op := s.operation(id)
			var shape *schema.Shape
			if op == nil {
				shape = s.shape(id)
			}
			t.Run(v.ID, func(t *testing.T) {
				t.Parallel()
				got := answer(t, op, shape, v)
				if got.Status != v.Code {
					t.Errorf("status: got %d, want %d", got.Status, v.Code)
				}
				for name, value := range v.Headers {
					if got.Header.Get(name) != value {
						t.Errorf("header %s: got %q, want %q", name, got.Header.Get(name), value)
					}
				}
				want := decode64(t, v.Body)
				if len(want) == 0 || len(got.Body) == 0 {
					if len(want) != len(got.Body) {
						t.Errorf("body: got %x, want %x", got.Body, want)
					}
					return
				}
				if diff := cmp.Diff(plain(t, want), plain(t, got.Body), cmpopts.EquateNaNs()); diff != "" {
					t.Errorf("body (-want +got):\n%s", diff)
				}
			})
		}
	}
	if ran != 24 {
		t.Errorf("got %d vectors, want 24", ran)
	}
}

func answer(t *testing.T, op *schema.Operation, shape *schema.Shape, v vector) *schema.Response {
	t.Helper()
	if op != nil {
		got, err := Codec{}.EncodeResponse(nil, op, vectortest.Params(t, op.Output, v.Params), "id")
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	fields := vectortest.Params(t, shape, v.Params).(map[string]any)
	message, _ := fields["message"].(string)
	if capital, ok := fields["Message"].(string); ok {
		message = capital
	}
	return Codec{}.EncodeException(nil, &schema.Exception{
		Code: shape.Error.Code, Status: shape.Error.Status, Shape: shape, Message: message, Fields: fields, Sender: shape.Error.Sender,
	}, "id")
}

func decode64(t *testing.T, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// plain reads an item without a table, so that bodies can be compared that are
// written differently and say the same. The names of exceptions lose their
// namespace, which the tables do not have.
func plain(t *testing.T, body []byte) any {
	t.Helper()
	r := &reader{data: body}
	v := plainItem(t, r)
	if err := r.end(); err != nil {
		t.Fatalf("%v in %x", err, body)
	}
	if m, ok := v.(map[string]any); ok && m["__type"] != nil {
		name := m["__type"].(string)
		m["__type"] = name[strings.Index(name, "#")+1:]
	}
	return v
}

func plainItem(t *testing.T, r *reader) any {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Fatalf("%v at %d of %x", err, r.pos, r.data)
		}
	}
	h, err := r.head()
	must(err)
	switch h.major {
	case unsigned:
		return float64(h.arg)
	case negative:
		return -1 - float64(h.arg)
	case byteString, textString:
		b, err := r.bytes(h)
		must(err)
		if h.major == textString {
			return string(b)
		}
		return b
	case array, mapping:
		list, fields := []any{}, map[string]any{}
		for n := uint64(0); ; n++ {
			more, err := r.more(h, n)
			must(err)
			if !more {
				break
			}
			if h.major == mapping {
				key, err := r.key()
				must(err)
				fields[string(key)] = plainItem(t, r)
				continue
			}
			list = append(list, plainItem(t, r))
		}
		if h.major == mapping {
			return fields
		}
		return list
	case tag:
		return []any{"tag", h.arg, plainItem(t, r)}
	}
	if f, ok := h.float(); ok {
		return f
	}
	return map[byte]any{simpleFalse: false, simpleTrue: true, simpleNull: nil, simpleUndefined: nil}[h.info]
}
