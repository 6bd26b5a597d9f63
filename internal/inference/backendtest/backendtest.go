// Package backendtest is the contract that every inference.Backend passes: one
// case for each sentence of the port's documentation.
//
// It tests no model's wisdom: a request that names a text to be answered gets
// any text. Adapters call Run from a test; nothing that ships imports it.
package backendtest

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// Subject is a backend under test.
type Subject struct {
	Backend inference.Backend
	Model   string // a model that generates
	Long    string // a user text whose answer is longer than 100 tokens when nothing stops it

	Embedding string // a model that embeds; "" when the backend has none
	Reranker  string // a model that reranks; "" when the backend has none

	// What the model can do beside text; cases of what is not set are left out.
	Tools     bool // it calls the tool that has to be called, and reads results
	Output    bool // its answers fit a schema
	Reasoning bool // it takes back what a model thought
	// Unreadable are parts of messages that the model cannot read.
	Unreadable []inference.Part

	// Window is the context window of Model in tokens, for a backend that does
	// not describe it.
	Window int

	// Sparing is set for servers that say little: what a request has taken comes
	// at its end, and what a model's vectors are like is not described.
	Sparing bool
	// OneModel is set for servers that have one model and answer with it whatever
	// the request names.
	OneModel bool
	// MuteStops is set for servers that do not tell a stop sequence from the end of
	// an answer.
	MuteStops bool
}

// Run tests the contract. newSubject returns a fresh backend each time, and
// closes it when the test ends; most cases share the first.
func Run(t *testing.T, newSubject func(t *testing.T) Subject) {
	t.Helper()
	shared := newSubject(t)
	group := func(name string, cases map[string]func(*testing.T, Subject)) {
		for _, key := range slices.Sorted(keys(cases)) {
			t.Run(name+"/"+key, func(t *testing.T) { cases[key](t, shared) })
		}
	}
	group("generate", generateCases)
	group("cancel", cancelCases)
	group("refuse", refuseCases)
	group("concurrent", concurrentCases)
	group("cache", cacheCases)
	for name, able := range map[string]bool{"tools": shared.Tools, "output": shared.Output, "reasoning": shared.Reasoning} {
		if able {
			group(name, map[string]map[string]func(*testing.T, Subject){"tools": toolCases, "output": outputCases, "reasoning": reasoningCases}[name])
		}
	}
	if _, ok := shared.Backend.(inference.TokenCounter); ok {
		group("count", countCases)
	}
	if _, ok := shared.Backend.(inference.Tokenizer); ok {
		group("tokenize", tokenizeCases)
	}
	if _, ok := shared.Backend.(inference.Describer); ok {
		group("describe", describeCases)
	}
	if _, ok := shared.Backend.(inference.Embedder); ok && shared.Embedding != "" {
		group("embed", embedCases)
	}
	if _, ok := shared.Backend.(inference.Reranker); ok && shared.Reranker != "" {
		group("rerank", rerankCases)
	}
	for _, key := range slices.Sorted(keys(closeCases)) {
		t.Run("close/"+key, func(t *testing.T) { closeCases[key](t, newSubject(t)) })
	}
}

func keys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// ask is a request with one user message. Its answer has a bound and no chance
// in it: a small model that samples may repeat itself until its context is full.
func (s Subject) ask(text string) *inference.Request {
	return &inference.Request{
		Model:       s.Model,
		MaxTokens:   256,
		Temperature: new(float64),
		Seed:        new(uint32),
		Messages: []inference.Message{
			{Role: inference.RoleUser, Parts: []inference.Part{inference.Text{Text: text}}},
		},
	}
}

// long is a request whose answer goes on for a while, the same each time.
func (s Subject) long(tokens int) *inference.Request {
	req := s.ask(s.Long)
	req.MaxTokens = tokens
	return req
}

// record collects the events of one call and finds what no call may do.
type record struct {
	t      *testing.T
	busy   atomic.Bool
	events []inference.Event
	refuse func(inference.Event) error // what emit answers
}

func (r *record) emit(ev inference.Event) error {
	if !r.busy.CompareAndSwap(false, true) {
		r.t.Error("emit was called concurrently")
	}
	defer r.busy.Store(false)
	r.events = append(r.events, ev)
	if d, ok := ev.(inference.TextDelta); ok {
		if d.Text == "" {
			r.t.Error("got an empty delta")
		}
		if !utf8.ValidString(d.Text) {
			r.t.Errorf("got %q, which is not whole UTF-8", d.Text)
		}
	}
	if r.refuse != nil {
		return r.refuse(ev)
	}
	return nil
}

// generate runs a request to its end and returns the events.
func (s Subject) generate(t *testing.T, req *inference.Request) []inference.Event {
	t.Helper()
	r := &record{t: t}
	if err := s.Backend.Generate(t.Context(), req, r.emit); err != nil {
		t.Fatal(err)
	}
	return r.events
}

// answer is generate, checked and added up.
func (s Subject) answer(t *testing.T, req *inference.Request) *inference.Answer {
	t.Helper()
	return s.check(t, req, s.generate(t, req))
}

// check demands the order of events and consistent counts, and adds them up.
func (s Subject) check(t *testing.T, req *inference.Request, events []inference.Event) *inference.Answer {
	t.Helper()
	if len(events) < 2 {
		t.Fatalf("got %d events, want at least Started and Finished", len(events))
	}
	started, ok := events[0].(inference.Started)
	if !ok {
		t.Fatalf("got %T first, want Started", events[0])
	}
	if started.InputTokens <= 0 && !s.Sparing || started.Model == "" {
		t.Errorf("got %+v, want a model and input tokens", started)
	}
	finished, ok := events[len(events)-1].(inference.Finished)
	if !ok {
		t.Fatalf("got %T last, want Finished", events[len(events)-1])
	}
	var c inference.Collector
	for _, ev := range events {
		c.Add(ev)
	}
	a := c.Answer()
	a.Elapsed = 0
	tokens := inOrder(t, events[1:len(events)-1])
	u := finished.Usage
	input := u.InputTokens + u.CacheReadTokens + u.CacheWriteTokens
	if input <= 0 || u.InputTokens < 0 {
		t.Errorf("got usage %+v, want input tokens", u)
	}
	// What comes from a cache may be told apart only at the end.
	if started.InputTokens != u.InputTokens && started.InputTokens != input && !(s.Sparing && started.InputTokens == 0) {
		t.Errorf("got usage %+v, Started told %d input tokens", u, started.InputTokens)
	}
	if finished.Usage.OutputTokens < tokens {
		t.Errorf("got usage of %d output tokens, the deltas told %d", finished.Usage.OutputTokens, tokens)
	}
	if req.MaxTokens > 0 && finished.Usage.OutputTokens > req.MaxTokens {
		t.Errorf("got %d output tokens, want at most %d", finished.Usage.OutputTokens, req.MaxTokens)
	}
	if finished.Reason == "" || finished.Elapsed < 0 {
		t.Errorf("got %+v, want a reason and the time", finished)
	}
	return a
}

// wantFault demands a kind and that nothing was emitted.
func wantFault(t *testing.T, err error, kind fault.Kind, events []inference.Event) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Errorf("got %v, want a fault of kind %v", err, kind)
	}
	if len(events) > 0 {
		t.Errorf("got %d events before the fault, want none", len(events))
	}
}

// inOrder demands that the events between the first and the last make blocks, and
// returns the tokens that they tell.
func inOrder(t *testing.T, events []inference.Event) (tokens int) {
	t.Helper()
	tool := false // a call is under way
	made := func(n int) {
		if n == 0 {
			return // the server says it only at the end
		}
		if n <= tokens {
			t.Errorf("got %d output tokens after %d, want more", n, tokens)
		}
		tokens = n
	}
	for _, ev := range events {
		_, isDelta := ev.(inference.ToolDelta)
		if isDelta && !tool {
			t.Error("got a ToolDelta without a ToolStart")
		}
		switch ev := ev.(type) {
		case inference.TextDelta:
			made(ev.OutputTokens)
		case inference.ReasoningDelta:
			if ev.Text == "" && ev.Signature == "" && ev.Redacted == nil || ev.Text != "" && ev.Redacted != nil {
				t.Errorf("got %+v, want one of its members set", ev)
			}
			made(ev.OutputTokens)
		case inference.ToolStart:
			if ev.ID == "" || ev.Name == "" {
				t.Errorf("got %+v, want an ID and a name", ev)
			}
		case inference.ToolDelta:
			if ev.JSON == "" {
				t.Error("got an empty piece of a tool's input")
			}
			made(ev.OutputTokens)
		case inference.Started, inference.Finished:
			t.Errorf("got %T between Started and Finished", ev)
		}
		_, tool = ev.(inference.ToolStart)
		tool = tool || isDelta
	}
	return tokens
}

var errClient = errors.New("the client has gone")

// unknown is a part that no backend knows.
type unknown struct{ inference.Text }

// refused runs a request that must fail with a fault before any event.
func (s Subject) refused(t *testing.T, ctx context.Context, req *inference.Request, kind fault.Kind) {
	t.Helper()
	r := &record{t: t}
	err := s.Backend.Generate(ctx, req, r.emit)
	wantFault(t, err, kind, r.events)
}
