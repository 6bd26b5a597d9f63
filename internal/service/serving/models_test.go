package serving_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/admission"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/serving"
)

// fake is a router whose answers a test sets.
type fake struct {
	serving.Router
	generate func(emit func(inference.Event) error) error
}

func (f *fake) Resolve(_ context.Context, identifier, _, _ string, _ catalog.Kind) (*router.Target, error) {
	return &router.Target{Entry: &catalog.Model{ID: identifier, MaxOutput: 500}, ModelID: identifier, ServedBy: "mem/" + identifier}, nil
}

func (f *fake) Generate(_ context.Context, _ *inference.Request, emit func(inference.Event) error) error {
	return f.generate(emit)
}

func (f *fake) Embed(context.Context, *inference.EmbedRequest) (*inference.Embeddings, error) {
	return &inference.Embeddings{InputTokens: []int{3, 4}}, nil
}

func (f *fake) Rerank(context.Context, *inference.RerankRequest) (*inference.Reranking, error) {
	return &inference.Reranking{InputTokens: 9}, nil
}

// gate writes down what it is asked.
type gate struct {
	refuse  error // at Admit
	reserve error // at Reserve

	uses     []string
	reserved [][2]int
	settled  []call.Usage
}

func (g *gate) Admit(_ context.Context, u *admission.Use) (admission.Ticket, error) {
	g.uses = append(g.uses, u.ModelID)
	if g.refuse != nil {
		return nil, g.refuse
	}
	return g, nil
}

func (g *gate) Reserve(input, most int) error {
	g.reserved = append(g.reserved, [2]int{input, most})
	return g.reserve
}

func (g *gate) Settle(u call.Usage) { g.settled = append(g.settled, u) }

func begin(t *testing.T, f *fake, g *gate) (*serving.Models, context.Context, *call.Call) {
	t.Helper()
	c := &call.Call{RequestID: "r", Account: "1", Region: "us-east-1"}
	return serving.NewModels(serving.ModelsParams{Router: f, Gate: admission.Gate{g}}), call.With(t.Context(), c), c
}

func resolve(ctx context.Context, t *testing.T, m *serving.Models, id string) {
	t.Helper()
	if _, err := m.Resolve(ctx, id, "us-east-1", "1", ""); err != nil {
		t.Fatal(err)
	}
}

func text(s string) []inference.Part { return []inference.Part{inference.Text{Text: s}} }

func TestGenerateReservesAndSettles(t *testing.T) {
	t.Parallel()
	whole := func(emit func(inference.Event) error) error {
		for _, ev := range []inference.Event{
			inference.Started{InputTokens: 7}, inference.TextDelta{Text: "x", OutputTokens: 1},
			inference.Finished{Usage: inference.Usage{InputTokens: 7, OutputTokens: 2, CacheReadTokens: 5, CacheWriteTokens: 3}},
		} {
			if err := emit(ev); err != nil {
				return err
			}
		}
		return nil
	}
	all := call.Usage{Model: "a", ModelID: "a", ServedBy: "mem/a", InputTokens: 7, OutputTokens: 2, CacheRead: 5, CacheWrite: 3}
	part := call.Usage{Model: "a", ModelID: "a", ServedBy: "mem/a", InputTokens: 7, OutputTokens: 1}
	gone := errors.New("the client is gone")
	for name, tt := range map[string]struct {
		generate func(emit func(inference.Event) error) error
		most     int
		emit     error
		reserved [][2]int
		settled  call.Usage
	}{
		"whole":           {whole, 0, nil, [][2]int{{26, 500}, {10, 2}}, all},
		"with maxTokens":  {whole, 40, nil, [][2]int{{26, 40}, {10, 2}}, all},
		"the client left": {whole, 40, gone, [][2]int{{26, 40}, {7, 1}}, part},
		"the client left before the server told": {func(emit func(inference.Event) error) error {
			if err := emit(inference.Started{}); err != nil {
				return err
			}
			return emit(inference.TextDelta{Text: strings.Repeat("x", 40)})
		}, 40, gone, [][2]int{{26, 40}, {26, 11}}, call.Usage{Model: "a", ModelID: "a", ServedBy: "mem/a", InputTokens: 26, OutputTokens: 11}},
		"never began": {func(func(inference.Event) error) error { return fault.New(fault.NotReady, "x") }, 40, nil,
			[][2]int{{26, 40}, {0, 0}}, call.Usage{Model: "a", ModelID: "a", ServedBy: "mem/a"}},
		"panic": {func(emit func(inference.Event) error) error {
			_ = emit(inference.Started{InputTokens: 7})
			_ = emit(inference.TextDelta{OutputTokens: 1})
			panic("a bug")
		}, 40, nil, [][2]int{{26, 40}, {7, 1}}, part},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := &gate{}
			m, ctx, c := begin(t, &fake{generate: tt.generate}, g)
			resolve(ctx, t, m, "a")
			func() {
				defer func() { _ = recover() }()
				_ = m.Generate(ctx, &inference.Request{
					Model: "mem/a", MaxTokens: tt.most, System: text(strings.Repeat("s", 40)),
					Messages: []inference.Message{{Parts: text(strings.Repeat("m", 60))}},
				}, func(ev inference.Event) error {
					if _, ok := ev.(inference.TextDelta); ok {
						return tt.emit
					}
					return nil
				})
			}()
			if len(g.settled) != 0 {
				t.Error("settled before the end of the call")
			}
			c.End()
			if d := cmp.Diff(tt.reserved, g.reserved); d != "" {
				t.Errorf("reserved (-want +got):\n%s", d)
			}
			if d := cmp.Diff([]call.Usage{tt.settled}, g.settled); d != "" {
				t.Errorf("settled (-want +got):\n%s", d)
			}
		})
	}
}

// TestOneCallManyModels is what a question to a knowledge base does: several
// models, and several requests to one of them.
func TestOneCallManyModels(t *testing.T) {
	t.Parallel()
	g := &gate{}
	m, ctx, c := begin(t, &fake{generate: func(emit func(inference.Event) error) error {
		return emit(inference.Finished{Usage: inference.Usage{InputTokens: 10, OutputTokens: 5}})
	}}, g)
	resolve(ctx, t, m, "text")
	resolve(ctx, t, m, "vectors")
	for range 2 {
		if err := m.Generate(ctx, &inference.Request{Model: "mem/text", MaxTokens: 100}, func(inference.Event) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.Embed(ctx, &inference.EmbedRequest{Model: "mem/vectors", Texts: []string{"12345678", "1"}}); err != nil {
		t.Fatal(err)
	}
	resolve(ctx, t, m, "vectors") // as a reranker, by the same local model
	if _, err := m.Rerank(ctx, &inference.RerankRequest{Model: "mem/vectors", Query: "1234", Documents: []string{"1234", ""}}); err != nil {
		t.Fatal(err)
	}
	c.End()
	c.End()
	if d := cmp.Diff([][2]int{{1, 100}, {10, 5}, {11, 105}, {20, 10}, {4, 0}, {7, 0}, {7, 0}, {9, 0}}, g.reserved); d != "" {
		t.Errorf("reserved (-want +got):\n%s", d)
	}
	var used [][2]int
	for _, u := range g.settled {
		used = append(used, [2]int{u.InputTokens, u.OutputTokens})
	}
	if d := cmp.Diff([][2]int{{20, 10}, {7, 0}, {9, 0}}, used); d != "" {
		t.Errorf("settled (-want +got):\n%s", d)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	refusal := fault.New(fault.Throttled, "no")
	g := &gate{refuse: refusal}
	m, ctx, c := begin(t, &fake{}, g)
	if _, err := m.Resolve(ctx, "a", "us-east-1", "1", ""); !errors.Is(err, refusal) {
		t.Errorf("Resolve: got %v, want %v", err, refusal)
	}
	c.End()
	if len(g.settled) != 0 {
		t.Error("what was not admitted was settled")
	}

	g = &gate{reserve: refusal}
	m, ctx, c = begin(t, &fake{generate: func(func(inference.Event) error) error { panic("asked") }}, g)
	resolve(ctx, t, m, "a")
	if err := m.Generate(ctx, &inference.Request{Model: "mem/a"}, nil); !errors.Is(err, refusal) {
		t.Errorf("Generate: got %v, want %v", err, refusal)
	}
	c.End()
	if len(g.settled) != 1 {
		t.Errorf("settled %d times, want once", len(g.settled))
	}
}

func TestJobsPassWithoutTheGate(t *testing.T) {
	t.Parallel()
	g := &gate{refuse: fault.New(fault.Throttled, "no")}
	m, _, _ := begin(t, &fake{}, g)
	resolve(t.Context(), t, m, "a")
	if _, err := m.Embed(t.Context(), &inference.EmbedRequest{Model: "mem/a"}); err != nil {
		t.Error(err)
	}
	if len(g.uses) != 0 {
		t.Errorf("the gate was asked for %v", g.uses)
	}
}

// TestCountsOfServers holds that a server which counts nonsense gives its callers
// nothing back.
func TestCountsOfServers(t *testing.T) {
	t.Parallel()
	const huge = 1<<63 - 1
	g := &gate{}
	m, ctx, c := begin(t, &fake{generate: func(emit func(inference.Event) error) error {
		for _, ev := range []inference.Event{
			inference.Started{InputTokens: -7}, inference.TextDelta{Text: "x", OutputTokens: huge},
			inference.Finished{Usage: inference.Usage{InputTokens: -7, OutputTokens: huge, CacheReadTokens: huge, CacheWriteTokens: -3, CacheWrite1h: -3, ReasoningTokens: -1}},
		} {
			if err := emit(ev); err != nil {
				return err
			}
		}
		return nil
	}}, g)
	target, err := m.Resolve(ctx, "a", "us-east-1", "1", "")
	if err != nil {
		t.Fatal(err)
	}
	var told []int
	err = serving.NewRun(m, target, serving.Limits{Now: time.Now, Timeout: time.Minute}).Generate(ctx, &inference.Request{}, func(ev inference.Event) error {
		switch ev := ev.(type) {
		case inference.Started:
			told = append(told, ev.InputTokens)
		case inference.Finished:
			u := ev.Usage
			told = append(told, u.InputTokens, u.OutputTokens, u.CacheReadTokens, u.CacheWriteTokens, u.CacheWrite1h, u.ReasoningTokens)
		}
		return nil
	})
	if diff := cmp.Diff([]int{0, 0, 1 << 31, 1 << 31, 0, 0, 0}, told); err != nil || diff != "" {
		t.Errorf("%v, told (-want +got):\n%s", err, diff)
	}
	c.End()
	if len(g.settled) != 1 || g.settled[0].InputTokens != 0 || g.settled[0].OutputTokens != 1<<31 || g.settled[0].CacheRead != 1<<31 || g.settled[0].CacheWrite != 0 {
		t.Errorf("settled %+v", g.settled)
	}
}
