package openaidoor_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/embedding"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/door"
	"github.com/outcrop/outcrop/internal/service/openaidoor"
	"github.com/outcrop/outcrop/internal/store"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// models are a router whose answers a test sets.
type models struct {
	catalog *catalog.Catalog
	events  []inference.Event
	err     error // after the events

	mu   sync.Mutex
	last *inference.Request // that was asked
	used []string           // ServedBy of each request
}

func (m *models) Resolve(_ context.Context, id, _, _ string, want catalog.Kind) (*router.Target, error) {
	entry, ok := m.catalog.Lookup(id)
	if id == "mine" {
		entry, ok = &catalog.Model{ID: id, OutputModalities: []string{"TEXT"}, Streaming: true}, true
	}
	if !ok || want != "" && entry.Kind() != want {
		return nil, fault.New(fault.NotFound, "Could not resolve the foundation model from the provided model identifier.")
	}
	return &router.Target{Entry: entry, ModelID: entry.ID, ARN: "arn:x/" + entry.ID, Backend: "mem", ServedBy: "mem/" + entry.ID}, nil
}

func (m *models) Generate(_ context.Context, req *inference.Request, emit func(inference.Event) error) error {
	m.mu.Lock()
	m.last, m.used = req, append(m.used, req.Model)
	m.mu.Unlock()
	for _, ev := range m.events {
		if err := emit(ev); err != nil {
			return err
		}
	}
	return m.err
}

func (m *models) Embed(_ context.Context, req *inference.EmbedRequest) (*inference.Embeddings, error) {
	out := &inference.Embeddings{Model: req.Model}
	for i := range req.Texts {
		out.Vectors = append(out.Vectors, []float32{float32(i + 1), 0.5})
		out.InputTokens = append(out.InputTokens, 3)
	}
	return out, nil
}

func (m *models) Close() error { return nil }

// fitter puts zeros behind.
type fitter struct{}

func (fitter) Fit(_ context.Context, _ string, vectors [][]float32, size int, _ embedding.Length) ([][]float32, error) {
	out := make([][]float32, len(vectors))
	for i, v := range vectors {
		out[i] = append(append([]float32{}, v...), make([]float32, size-len(v))...)
	}
	return out, nil
}

// kept is a store in memory.
type kept struct {
	mu      sync.Mutex
	records map[store.Key]store.Record
}

func (k *kept) Create(_ context.Context, r store.Record, _ store.Create) (store.Record, bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.records[r.Key] = r
	return r, true, nil
}

func (k *kept) Get(_ context.Context, key store.Key) (store.Record, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r, ok := k.records[key]
	if !ok {
		return r, fault.New(fault.NotFound, "no record")
	}
	return r, nil
}

func (k *kept) Delete(_ context.Context, key store.Key) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.records, key)
	return nil
}

func (k *kept) List(_ context.Context, q store.Query) (store.Page, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var page store.Page
	for _, r := range k.records {
		page.Records = append(page.Records, r)
	}
	return page, nil
}

// records are read once: they do not change.
var records = sync.OnceValues(func() (*catalog.Catalog, error) { return catalog.New() })

// fixture is a door with its models, at noon.
type fixture struct {
	t      *testing.T
	models *models
	kept   *kept
	door   *door.Service
	now    time.Time
	who    string
}

func newFixture(t *testing.T, events ...inference.Event) *fixture {
	t.Helper()
	c, err := records()
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{
		t: t, models: &models{catalog: c, events: events}, kept: &kept{records: map[store.Key]store.Record{}},
		now: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), who: "ann",
	}
	n := 0
	f.door = openaidoor.New(openaidoor.Params{
		Router: f.models, Fitter: fitter{}, Catalog: c, Models: c.All, Kept: f.kept, Now: func() time.Time { return f.now },
		Own: func(id string) bool { return id == "mine" },
		NewID: func(prefix string, _ int) string {
			n++
			return prefix + strings.Repeat("x", n)
		},
	})
	return f
}

// text is an answer of a few words.
func text(words ...string) []inference.Event {
	events := []inference.Event{inference.Started{Model: "m", InputTokens: 5}}
	for i, w := range words {
		events = append(events, inference.TextDelta{Text: w, OutputTokens: i + 1})
	}
	return append(events, inference.Finished{Reason: inference.StopEndTurn, Usage: inference.Usage{InputTokens: 5, OutputTokens: len(words), CacheReadTokens: 2}})
}

// sink keeps what is streamed.
type sink struct {
	opened bool
	events []door.Event
	codec  *door.Service
	op     *schema.Operation
}

func (s *sink) Open(any) error { s.opened = true; return nil }
func (s *sink) Send(event any) error {
	_, name, payload, err := s.codec.Events().Append(nil, s.op, event)
	s.events = append(s.events, door.Event{Name: name, Data: append([]byte(nil), payload...)})
	return err
}

// call runs an operation as the edge does.
func (f *fixture) call(op string, body string, labels map[string]string) (string, []door.Event, error) {
	f.t.Helper()
	return f.callWith(&schema.Request{Body: []byte(body), Labels: labels, Header: http.Header{}, Query: url.Values{}}, op)
}

func (f *fixture) callWith(req *schema.Request, op string) (string, []door.Event, error) {
	f.t.Helper()
	for _, h := range f.door.Handlers() {
		if h.Op.Name != op {
			continue
		}
		req.Op = h.Op
		in, err := f.door.DecodeRequest(req)
		if err != nil {
			return "", nil, err
		}
		ctx := call.With(f.t.Context(), &call.Call{RequestID: "r", Account: "1", Region: "us-east-1", Principal: iam.Principal{ARN: f.who}})
		if _, stream := f.door.Describe(in); stream {
			s := &sink{codec: f.door, op: h.Op}
			err := h.Stream(ctx, in, nil, s)
			if err != nil && s.opened {
				f := fault.As(err)
				_, name, payload := s.codec.Events().AppendException(nil, h.Op, &schema.Exception{Code: "X", Status: 424, Message: f.Message}, "r")
				s.events = append(s.events, door.Event{Name: name, Data: payload})
				return "", s.events, nil
			}
			return "", s.events, err
		}
		out, err := h.Unary(ctx, in)
		if err != nil {
			return "", nil, err
		}
		response, err := f.door.EncodeResponse(nil, h.Op, out, "r")
		if err != nil {
			return "", nil, err
		}
		return string(response.Body), nil, nil
	}
	f.t.Fatalf("there is no operation %s", op)
	return "", nil, nil
}

// must is call of what does not fail, with its JSON.
func (f *fixture) must(op, body string, labels map[string]string) map[string]any {
	f.t.Helper()
	answer, _, err := f.call(op, body, labels)
	if err != nil {
		f.t.Fatalf("%s: %v", op, err)
	}
	var of map[string]any
	if err := json.Unmarshal([]byte(answer), &of); err != nil {
		f.t.Fatalf("%s answered %s", op, answer)
	}
	return of
}

// errorOf is the error object of a fault.
func (f *fixture) errorOf(err error) string {
	f.t.Helper()
	if err == nil {
		f.t.Fatal("no error")
	}
	fa := fault.As(err)
	status := map[fault.Kind]int{fault.NotFound: 404}[fa.Kind]
	if status == 0 {
		status = 400
	}
	return string(f.door.EncodeException(nil, &schema.Exception{Code: "X", Status: status, Message: fa.Message, Fields: fa.Fields}, "r").Body)
}
