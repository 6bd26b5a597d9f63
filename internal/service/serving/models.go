package serving

import (
	"context"
	"slices"
	"sync"

	"github.com/outcrop/outcrop/internal/admission"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router"
)

// Router is what Models needs of package router.
type Router interface {
	inference.Backend
	inference.Embedder
	inference.TokenCounter
	inference.Tokenizer
	inference.Reranker
	inference.Describer
	Resolver
}

// Lanes hand out the places in which a local model computes, so that some can be
// kept free for those who reserved them.
type Lanes interface {
	// Enter waits for a place of the model and returns how to leave it again.
	// reserved is the ARN of the provisioned throughput that the call has been
	// resolved to; empty for every other call. Faults: Throttled, Unavailable.
	Enter(ctx context.Context, servedBy, reserved string) (leave func(), err error)
}

// ModelsParams are the parts of Models.
type ModelsParams struct {
	Router Router
	Gate   admission.Gate // nil admits everything
	Lanes  Lanes          // nil: every request goes to its model at once
}

// Models is a router that asks the gate: when a call resolves a model, whether it
// may use it at all, and before each generation, embedding or ranking, whether
// there are tokens left for it. When the call is over, whatever became of it,
// each admission is settled with what its model really used.
//
// What is computed outside of a request, for a job, passes without the gate. It
// is safe for concurrent use.
type Models struct {
	p     ModelsParams
	calls sync.Map // *call.Call → *admissions, while the call lasts
}

var _ Router = (*Models)(nil)

// NewModels returns a router that asks the gate.
func NewModels(p ModelsParams) *Models { return &Models{p: p} }

// admissions are those of one call.
type admissions struct {
	mu   sync.Mutex
	list []*admitted
}

// Resolve finds the model that answers and asks the gate for it. Faults as
// router.Router.Resolve, and those of the checks.
func (m *Models) Resolve(ctx context.Context, identifier, region, account string, want catalog.Kind) (*router.Target, error) {
	t, err := m.p.Router.Resolve(ctx, identifier, region, account, want)
	if err != nil {
		return nil, err
	}
	c := call.From(ctx)
	if c.RequestID == "" {
		return t, nil
	}
	ticket, err := m.p.Gate.Admit(ctx, &admission.Use{
		Call: c, Entry: t.Entry, Identifier: identifier, ModelID: t.ModelID, ProfileID: t.ProfileID, ARN: t.ARN, ServedBy: t.ServedBy,
		Provisioned: t.Provisioned,
	})
	if err != nil {
		return nil, err
	}
	m.keep(c, &admitted{ticket: ticket, target: t, used: call.Usage{
		Model: identifier, ModelID: t.ModelID, Resource: t.ARN, ServedBy: t.ServedBy, Backend: t.Backend,
	}})
	return t, nil
}

func (m *Models) keep(c *call.Call, a *admitted) {
	known, ok := m.calls.Load(c)
	if !ok {
		var loaded bool
		if known, loaded = m.calls.LoadOrStore(c, &admissions{}); !loaded {
			c.OnEnd(func() { m.settle(c) })
		}
	}
	of, _ := known.(*admissions)
	of.mu.Lock()
	defer of.mu.Unlock()
	of.list = append(of.list, a)
}

// settle ends the admissions of a call that is over.
func (m *Models) settle(c *call.Call) {
	known, ok := m.calls.LoadAndDelete(c)
	if !ok {
		return
	}
	of, _ := known.(*admissions)
	of.mu.Lock()
	list := of.list
	of.list = nil
	of.mu.Unlock()
	for _, a := range list {
		a.ticket.Settle(a.usage())
	}
}

// admitted finds the call's admission to a local model: the latest one, where
// several models that were asked for have the same stand-in. nil outside of
// requests.
func (m *Models) admitted(ctx context.Context, servedBy string) *admitted {
	known, ok := m.calls.Load(call.From(ctx))
	if !ok {
		return nil
	}
	of, _ := known.(*admissions)
	of.mu.Lock()
	defer of.mu.Unlock()
	for _, a := range slices.Backward(of.list) {
		if a.target.Name() == servedBy || a.target.ServedBy == servedBy {
			return a
		}
	}
	return nil
}

// begin reserves the tokens of one request to a model and takes a place in it.
// end must be called; it is told what was used.
func (m *Models) begin(ctx context.Context, servedBy string, tokens func(*admitted) (input, output int)) (end func(inference.Usage), err error) {
	a := m.admitted(ctx, servedBy)
	var input, output int
	reserved := ""
	if a != nil {
		input, output = tokens(a)
		if err := a.reserve(input, output); err != nil {
			return nil, err
		}
		reserved = a.target.Provisioned
		servedBy = a.target.ServedBy // the place is that of the model that was asked for
	}
	leave := func() {}
	if m.p.Lanes != nil {
		if leave, err = m.p.Lanes.Enter(ctx, servedBy, reserved); err != nil {
			a.spend(input, output, inference.Usage{})
			return nil, err
		}
	}
	var once sync.Once
	return func(used inference.Usage) {
		once.Do(func() {
			leave()
			a.spend(input, output, used)
		})
	}, nil
}

// Generate implements inference.Backend.
func (m *Models) Generate(ctx context.Context, req *inference.Request, emit func(inference.Event) error) error {
	end, err := m.begin(ctx, req.Model, func(a *admitted) (int, int) { return inputTokens(req), a.mostOutput(req.MaxTokens) })
	if err != nil {
		return err
	}
	var used inference.Usage
	defer func() { end(used) }()
	return m.p.Router.Generate(ctx, req, func(ev inference.Event) error {
		switch ev := ev.(type) {
		case inference.Started:
			used.InputTokens = ev.InputTokens
		case inference.TextDelta:
			used.OutputTokens = ev.OutputTokens
		case inference.Finished:
			used = ev.Usage
			end(used) // before the client is told, who may ask again at once
		}
		return emit(ev)
	})
}

// Embed implements inference.Embedder.
func (m *Models) Embed(ctx context.Context, req *inference.EmbedRequest) (*inference.Embeddings, error) {
	end, err := m.begin(ctx, req.Model, func(*admitted) (int, int) { return textTokens(req.Texts), 0 })
	if err != nil {
		return nil, err
	}
	var used inference.Usage
	defer func() { end(used) }()
	made, err := m.p.Router.Embed(ctx, req)
	if err != nil {
		return nil, err
	}
	for _, n := range made.InputTokens {
		used.InputTokens += n
	}
	return made, nil
}

// Rerank implements inference.Reranker.
func (m *Models) Rerank(ctx context.Context, req *inference.RerankRequest) (*inference.Reranking, error) {
	end, err := m.begin(ctx, req.Model, func(*admitted) (int, int) {
		return textTokens(req.Documents) + len(req.Documents)*estimate(len(req.Query)), 0
	})
	if err != nil {
		return nil, err
	}
	var used inference.Usage
	defer func() { end(used) }()
	made, err := m.p.Router.Rerank(ctx, req)
	if err != nil {
		return nil, err
	}
	used.InputTokens = made.InputTokens
	return made, nil
}

// CountTokens implements inference.TokenCounter. Counting uses no quota.
func (m *Models) CountTokens(ctx context.Context, req *inference.Request) (int, error) {
	return m.p.Router.CountTokens(ctx, req)
}

// CountTexts implements inference.Tokenizer.
func (m *Models) CountTexts(ctx context.Context, req *inference.TokenizeRequest) ([]int, error) {
	return m.p.Router.CountTexts(ctx, req)
}

// Describe implements inference.Describer.
func (m *Models) Describe(ctx context.Context, model string) (*inference.ModelInfo, error) {
	return m.p.Router.Describe(ctx, model)
}

// Close implements inference.Backend; the router stays open.
func (m *Models) Close() error { return nil }
