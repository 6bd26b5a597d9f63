package door_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/service/door"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// form writes errors as their code and message.
type form struct{}

func (form) Error(ex *schema.Exception, id string) []byte {
	return []byte(ex.Code + "/" + ex.Message + "/" + id)
}

func (form) StreamError(op string, ex *schema.Exception, id string) door.Event {
	return door.Event{Name: "error", Data: []byte(op + "/" + ex.Code + "/" + id)}
}

func newDoor(decode func(*door.Input) error) *door.Service {
	return door.New(door.Params{
		Schema: door.Table("test", "/test/v1/", []string{"other"}, []door.Row{
			{Name: "Say", Method: http.MethodPost, Path: "/say/{name}", Stream: true}, {Name: "Ask", Method: http.MethodGet, Path: "/ask"},
		}),
		Errors: form{}, RequestID: "X-Id",
		Operations: map[string]door.Operation{
			"Say": {
				Decode: decode,
				Whole: func(_ context.Context, in *door.Input) (*door.Output, error) {
					return &door.Output{Body: in.Body, Header: http.Header{"X-More": {"1"}}}, nil
				},
				Stream: func(_ context.Context, in *door.Input, sink door.Sink) error {
					if err := sink.Open(nil); err != nil {
						return err
					}
					return sink.Send(door.Event{Name: "word", Data: in.Body})
				},
			},
			"Ask": {Whole: func(context.Context, *door.Input) (*door.Output, error) { return nil, fault.New(fault.NotFound, "no") }},
		},
	})
}

func TestTable(t *testing.T) {
	t.Parallel()
	d := newDoor(nil)
	ops := d.Schema().Operations
	if len(ops) != 2 || ops[0].Name != "Ask" || ops[1].URI != "/test/v1/say/{name}" || ops[1].OutputStream == nil || ops[0].OutputStream != nil {
		t.Errorf("got %+v", ops)
	}
	if s := d.Schema(); s.ID != "bedrock-runtime" || s.Door != "test" || s.SigningName != "bedrock" || s.AlsoSigned[0] != "other" {
		t.Errorf("got %+v", s)
	}
	for _, h := range d.Handlers() {
		if h.Unary == nil || (h.Stream != nil) != (h.Op.OutputStream != nil) {
			t.Errorf("%s: unary %t, stream %t", h.Op.Name, h.Unary != nil, h.Stream != nil)
		}
	}
}

func TestInput(t *testing.T) {
	t.Parallel()
	d := newDoor(func(in *door.Input) error {
		if len(in.Body) == 0 {
			return fault.New(fault.Invalid, "no body")
		}
		in.SetModel("m", true)
		return nil
	})
	op := d.Schema().Operations[1]
	req := &schema.Request{Op: op, Body: []byte("x"), Header: http.Header{}, Query: url.Values{}, Labels: map[string]string{"name": "n"}}
	got, err := d.DecodeRequest(req)
	if err != nil {
		t.Fatal(err)
	}
	in := got.(*door.Input)
	if labels, stream := d.Describe(in); !stream || labels["modelId"] != "m" || in.Model() != "m" || in.Labels["name"] != "n" || door.CheckGuardrail(in) != nil {
		t.Errorf("got %+v, %v %t", in, labels, stream)
	}
	req.Header.Set("X-Amzn-Bedrock-Guardrailidentifier", "g")
	if got, err = d.DecodeRequest(req); err != nil || door.CheckGuardrail(got.(*door.Input)) == nil {
		t.Errorf("a guardrail is not refused: %v", err)
	}
	req.Body = nil
	if _, err := d.DecodeRequest(req); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
	if labels, stream := d.Describe(nil); labels != nil || stream {
		t.Error("nothing is described")
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	d := newDoor(nil)
	op := d.Schema().Operations[1]
	r, err := d.EncodeResponse(nil, op, &door.Output{Body: []byte("{}"), Header: http.Header{"X-More": {"1"}}}, "id")
	if err != nil || r.Status != http.StatusOK || r.Header.Get("X-Id") != "id" || r.Header.Get("X-More") != "1" || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("got %+v, %v", r, err)
	}
	if _, err := d.EncodeResponse(nil, op, "text", "id"); err == nil {
		t.Error("a string is no answer")
	}
	if e := d.EncodeException(nil, &schema.Exception{Code: "C", Status: 429, Message: "m"}, "id"); e.Status != 429 || string(e.Body) != "C/m/id" || e.Header.Get("X-Id") != "id" {
		t.Errorf("got %+v", e)
	}
	e := d.Events()
	frame, name, payload, err := e.Append([]byte("before;"), op, &door.Event{Name: "n", Data: []byte("d")})
	if err != nil || string(frame) != "before;event: n\ndata: d\n\n" || name != "n" || string(payload) != "d" {
		t.Errorf("got %q %q %q, %v", frame, name, payload, err)
	}
	if frame, _, _, _ := e.Append(nil, op, &door.Event{Data: []byte("[DONE]")}); string(frame) != "data: [DONE]\n\n" {
		t.Errorf("got %q", frame)
	}
	for _, bad := range []any{"text", &door.Event{Data: []byte("a\nb")}} {
		if _, _, _, err := e.Append(nil, op, bad); err == nil {
			t.Errorf("%v is an event", bad)
		}
	}
	if frame, name, payload := e.AppendException(nil, op, &schema.Exception{Code: "C"}, "id"); string(frame) != "event: error\ndata: Say/C/id\n\n" || name != "error" || string(payload) != "Say/C/id" {
		t.Errorf("got %q %q %q", frame, name, payload)
	}
}
