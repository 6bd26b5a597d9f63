package schema_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

type getInput struct {
	Id    *string //nolint:revive // generated names keep AWS spelling
	Limit *int32
}

type getOutput struct {
	Kind *string
}

type event struct {
	Tick *string
}

var table = schema.Table{
	ID: "thing", Name: "Thing", Protocol: "rest-json",
	Shapes: []schema.ShapeRow{
		0: {Name: "Text", Kind: schema.String, Bounds: &schema.Bounds{Has: schema.HasMin | schema.HasMax, Min: 0, Max: 5}},
		1: {Name: "GetRequest", Kind: schema.Structure, Go: (*getInput)(nil), Members: []schema.MemberRow{
			{Name: "id", Shape: 0, Traits: schema.RequiredMember, Location: schema.URI, LocationName: "id"},
			{Name: "limit", Shape: 2, LocationName: "aLimit"},
		}},
		2: {Name: "Number", Kind: schema.Integer, Bounds: &schema.Bounds{Has: schema.HasMax, Max: 3}},
		3: {Name: "GetResponse", Kind: schema.Structure, Payload: "events", Go: (*getOutput)(nil), Members: []schema.MemberRow{
			{Name: "events", Shape: 4},
			{Name: "kind", Shape: 0, Location: schema.Header, LocationName: "X-Kind"},
		}},
		4: {Name: "Events", Kind: schema.Union, Traits: schema.EventStreamShape, Go: (*event)(nil), Members: []schema.MemberRow{
			{Name: "tick", Shape: 0},
		}},
		5: {Name: "Texts", Kind: schema.List, Members: []schema.MemberRow{{Name: "member", Shape: 0}}},
		6: {Name: "TextMap", Kind: schema.Map, Traits: schema.SparseShape, Members: []schema.MemberRow{{Name: "key", Shape: 0}, {Name: "value", Shape: 5}}},
		7: {Name: "Text", Kind: schema.Structure}, // a copy under a name that is taken
	},
	Operations: []schema.OperationRow{{Name: "Get", Method: "GET", URI: "/{id}", Status: 200, Input: 1, Output: 3}},
}

func TestLink(t *testing.T) {
	t.Parallel()
	svc := schema.Link(&table)
	op := svc.Operation("Get")
	if op == nil || svc.Operation("Put") != nil {
		t.Fatal("Operation finds by name")
	}
	if op.OutputStream == nil || op.OutputStream.Shape != svc.Shapes["Events"] || op.InputStream != nil {
		t.Errorf("streams: got %v, %v", op.InputStream, op.OutputStream)
	}
	if f := op.Output.Member("events").Field; f != -1 {
		t.Errorf("field of the stream: got %d, want none", f)
	}
	if f := op.Output.Member("kind").Field; f != 0 {
		t.Errorf("field behind the stream: got %d, want 0", f)
	}
	if _, ok := op.Input.New().(*getInput); !ok {
		t.Errorf("New: got %T", op.Input.New())
	}
	text := svc.Shapes["Text"]
	if text.Kind != schema.String || text.Min == nil || *text.Min != 0 || *text.Max != 5 {
		t.Errorf("Text: got %+v, want the first of the name with both bounds", text)
	}
	if n := svc.Shapes["Number"]; n.Min != nil || *n.Max != 3 {
		t.Error("Number: got a lower bound")
	}
	m := svc.Shapes["TextMap"]
	if !m.Sparse || m.Key.Shape != text || m.Value.Shape.Value.Shape != text {
		t.Errorf("TextMap: got %+v", m)
	}
	if body := op.Input.BodyMembers(); len(body) != 1 || body[0].Name != "limit" {
		t.Errorf("body members: got %v", body)
	}
	for name, want := range map[string]int{"aLimit": 0, "limit": -1, "id": -1, "": -1} {
		if got := op.Input.BodyIndex([]byte(name)); got != want {
			t.Errorf("BodyIndex(%q): got %d, want %d", name, got, want)
		}
	}
}

func TestValidatorIsKept(t *testing.T) {
	t.Parallel()
	s := &schema.Shape{Pattern: "a"}
	calls := 0
	for range 3 {
		s.Validator(func(string) *schema.Validator {
			calls++
			return &schema.Validator{Match: func(string) bool { return true }}
		})
	}
	if calls != 1 {
		t.Errorf("compiled %d times, want once", calls)
	}
}

func TestDocumentValue(t *testing.T) {
	t.Parallel()
	var v struct{ A, B schema.DocumentValue }
	in := []byte(`{"A":{"x": [1]}}`)
	if err := json.Unmarshal(in, &v); err != nil {
		t.Fatal(err)
	}
	clear(in) // the value is a copy
	if out, err := json.Marshal(v); err != nil || string(out) != `{"A":{"x":[1]},"B":null}` {
		t.Errorf("got %s, %v", out, err)
	}
}

func TestNotImplemented(t *testing.T) {
	t.Parallel()
	err := schema.NotImplemented("Get")
	if !errors.Is(err, schema.ErrNotImplemented) || !fault.Is(err, fault.Unsupported) {
		t.Errorf("got %v", err)
	}
}
