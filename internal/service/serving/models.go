package serving

import (
	"context"
	"slices"
	"sync"

	"github.com/outcrop/outcrop/internal/admission"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/iam"
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
	inference.Invoker
	inference.ImageMaker
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
	// Hold keeps what a call has resolved within reach until release is called,
	// whatever becomes of the configuration meanwhile; nil: nothing changes.
	Hold func() (release func())
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
	c := call.From(ctx)
	if c.RequestID == "" {
		return m.p.Router.Resolve(ctx, identifier, region, account, want)
	}
	release := func() {}
	if m.p.Hold != nil {
		release = m.p.Hold()
	}
	t, err := m.p.Router.Resolve(ctx, identifier, region, account, want)
	if err != nil {
		release()
		return nil, err
	}
	ticket, err := m.p.Gate.Admit(ctx, &admission.Use{
		Call: c, Entry: t.Entry, Identifier: identifier, ModelID: t.ModelID, ProfileID: t.ProfileID, ARN: t.ARN, ServedBy: t.ServedBy,
		Provisioned: t.Provisioned,
	})
	if err != nil {
		release()
		return nil, err
	}
	c.Mark(call.Admitted, t.ServedBy)
	m.keep(c, &admitted{ticket: ticket, release: release, target: t, used: call.Usage{
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
		a.release()
		a.ticket.Settle(a.usage())
	}
}

// admitted finds the call's admission to who answers, by their name or that of
// the first of them: the latest one, where several models that were asked for
// have the same stand-in. nil outside of requests.
func (m *Models) admitted(ctx context.Context, name string) *admitted {
	known, ok := m.calls.Load(call.From(ctx))
	if !ok {
		return nil
	}
	of, _ := known.(*admissions)
	of.mu.Lock()
	defer of.mu.Unlock()
	for _, a := range slices.Backward(of.list) {
		if a.target.Name() == name || a.target.ServedBy == name {
			return a
		}
	}
	return nil
}

// use is one request to a model.
type use struct {
	ctx   context.Context //nolint:containedctx // of the request, which ends before the value
	model string          // the router's name of all who may answer
	// end must be called; it is told what was used.
	end func(inference.Usage)
}

// caller tells principals apart: the sessions of a role are one, for whoever may
// assume it names them. Empty where nobody says who they are.
func caller(p iam.Principal) string {
	if p.Type == "" || p.Type == iam.Anonymous {
		return ""
	}
	return p.Account + " " + string(p.Type) + " " + p.Name
}

// trail follows a request on its way through the backends. The model is the
// Name of a target, or its ServedBy.
func (m *Models) trail(ctx context.Context, model string) (context.Context, string, *admitted) {
	c := call.From(ctx)
	if c.RequestID == "" {
		return ctx, model, nil
	}
	t := &router.Trail{Tried: func(servedBy, why string) { c.Mark(call.Tried, servedBy+": "+why) }, RequestID: c.RequestID, Caller: caller(c.Principal)}
	a := m.admitted(ctx, model)
	if a != nil {
		model = a.target.Name()
		t.Served = func(servedBy, backend string) { a.served(c, servedBy, backend) }
	}
	return router.WithTrail(ctx, t), model, a
}

// begin reserves the tokens of one request to a model and takes a place in it.
// Both are those of the model that was asked for, whoever answers.
func (m *Models) begin(ctx context.Context, model string, tokens func(*admitted) (input, output int)) (*use, error) {
	u := &use{}
	var a *admitted
	u.ctx, u.model, a = m.trail(ctx, model)
	servedBy, reserved := model, ""
	var input, output int
	if a != nil {
		input, output = tokens(a)
		if err := a.reserve(input, output); err != nil {
			return nil, err
		}
		servedBy, reserved = a.target.ServedBy, a.target.Provisioned
	}
	leave := func() {}
	if m.p.Lanes != nil {
		var err error
		if leave, err = m.p.Lanes.Enter(ctx, servedBy, reserved); err != nil {
			a.spend(input, output, inference.Usage{})
			return nil, err
		}
	}
	var once sync.Once
	u.end = func(used inference.Usage) {
		once.Do(func() {
			leave()
			a.spend(input, output, used)
		})
	}
	return u, nil
}

// Generate implements inference.Backend.
func (m *Models) Generate(ctx context.Context, req *inference.Request, emit func(inference.Event) error) error {
	u, err := m.begin(ctx, req.Model, func(a *admitted) (int, int) { return inputTokens(req), a.mostOutput(req.MaxTokens) })
	if err != nil {
		return err
	}
	var used inference.Usage
	defer func() { u.end(used) }()
	sub := *req
	sub.Model = u.model
	begun, finished, said := false, false, 0
	err = m.p.Router.Generate(u.ctx, &sub, func(event inference.Event) error {
		said += written(event)
		switch ev := event.(type) {
		case inference.Started:
			begun = true
			ev.InputTokens = plausible(ev.InputTokens)
			used.InputTokens, event = ev.InputTokens, ev
		case inference.Finished:
			ev.Usage = believed(ev.Usage)
			if uncounted(ev.Usage) && said > 0 {
				ev.Usage = unfinished(req, used, said)
			}
			used, event, finished = ev.Usage, ev, true
			u.end(used) // before the client is told, who may ask again at once
		default:
			used.OutputTokens = max(used.OutputTokens, plausible(made(ev)))
		}
		return emit(event)
	})
	if err != nil && begun && !finished {
		used = unfinished(req, used, said)
	}
	return err
}

// mostTokens is above what any call uses. Counts come from servers: one that is
// negative, or so large that a sum overflows, would turn the caller's bill and
// quotas back.
const mostTokens = 1 << 31

func plausible(tokens int) int { return min(max(tokens, 0), mostTokens) }

func believed(u inference.Usage) inference.Usage {
	return inference.Usage{
		InputTokens: plausible(u.InputTokens), OutputTokens: plausible(u.OutputTokens),
		CacheReadTokens: plausible(u.CacheReadTokens), CacheWriteTokens: plausible(u.CacheWriteTokens),
		CacheWrite1h: plausible(u.CacheWrite1h), ReasoningTokens: plausible(u.ReasoningTokens),
	}
}

// made is how many tokens have been made when an event comes; 0 where it does
// not say.
func made(ev inference.Event) int {
	switch ev := ev.(type) {
	case inference.TextDelta:
		return ev.OutputTokens
	case inference.ReasoningDelta:
		return ev.OutputTokens
	case inference.ToolDelta:
		return ev.OutputTokens
	}
	return 0
}

// Embed implements inference.Embedder.
func (m *Models) Embed(ctx context.Context, req *inference.EmbedRequest) (*inference.Embeddings, error) {
	u, err := m.begin(ctx, req.Model, func(*admitted) (int, int) { return textTokens(req.Texts) + len(req.Images)*mediumTokens, 0 })
	if err != nil {
		return nil, err
	}
	var used inference.Usage
	defer func() { u.end(used) }()
	sub := *req
	sub.Model = u.model
	made, err := m.p.Router.Embed(u.ctx, &sub)
	if err != nil {
		return nil, err
	}
	for i, n := range made.InputTokens {
		made.InputTokens[i] = plausible(n)
		used.InputTokens += made.InputTokens[i]
	}
	return made, nil
}

// Rerank implements inference.Reranker.
func (m *Models) Rerank(ctx context.Context, req *inference.RerankRequest) (*inference.Reranking, error) {
	u, err := m.begin(ctx, req.Model, func(*admitted) (int, int) {
		return textTokens(req.Documents) + len(req.Documents)*estimate(len(req.Query)), 0
	})
	if err != nil {
		return nil, err
	}
	var used inference.Usage
	defer func() { u.end(used) }()
	sub := *req
	sub.Model = u.model
	made, err := m.p.Router.Rerank(u.ctx, &sub)
	if err != nil {
		return nil, err
	}
	made.InputTokens = plausible(made.InputTokens)
	used.InputTokens = made.InputTokens
	return made, nil
}

// MakeImages implements inference.ImageMaker.
func (m *Models) MakeImages(ctx context.Context, req *inference.ImageRequest) (*inference.Images, error) {
	u, err := m.begin(ctx, req.Model, func(*admitted) (int, int) { return estimate(len(req.Prompt) + len(req.Negative)), 0 })
	if err != nil {
		return nil, err
	}
	var used inference.Usage
	defer func() { u.end(used) }()
	sub := *req
	sub.Model = u.model
	made, err := m.p.Router.MakeImages(u.ctx, &sub)
	if err != nil {
		return nil, err
	}
	made.InputTokens = plausible(made.InputTokens)
	used.InputTokens = made.InputTokens
	return made, nil
}

// Speaks implements inference.Invoker; model is the Name of a target.
func (m *Models) Speaks(model, format string) bool { return m.p.Router.Speaks(model, format) }

// Invoke implements inference.Invoker.
func (m *Models) Invoke(ctx context.Context, req *inference.NativeRequest, emit func(chunk []byte, last bool) error) (*inference.NativeResult, error) {
	u, err := m.begin(ctx, req.Model, func(a *admitted) (int, int) {
		return bodyTokens(req.Body), a.mostOutput(mostInBody(req.Body))
	})
	if err != nil {
		return nil, err
	}
	var used inference.Usage
	defer func() { u.end(used) }()
	sub := *req
	sub.Model = u.model
	chunks := 0
	result, err := m.p.Router.Invoke(u.ctx, &sub, func(chunk []byte, last bool) error {
		chunks++
		return emit(chunk, last)
	})
	if err != nil {
		used = partly(result, req.Body, chunks)
		return result, err
	}
	result.Usage = believed(result.Usage)
	if uncounted(result.Usage) {
		result.Usage = partly(result, req.Body, chunks)
	}
	used = result.Usage
	return result, nil
}

// uncounted reports whether a server has answered and counted nothing at all. Its
// answer is not for free.
func uncounted(u inference.Usage) bool {
	return u.InputTokens+u.OutputTokens+u.CacheReadTokens+u.CacheWriteTokens == 0
}

// partly is what a native answer has used that ended with an error after some
// chunks: what the backend knows of it, and an estimate for the rest. A chunk
// holds a token or more.
func partly(result *inference.NativeResult, body []byte, chunks int) inference.Usage {
	var u inference.Usage
	if chunks == 0 {
		return u
	}
	if result != nil {
		u = believed(result.Usage)
	}
	if u.InputTokens+u.CacheReadTokens+u.CacheWriteTokens == 0 {
		u.InputTokens = bodyTokens(body)
	}
	u.OutputTokens = max(u.OutputTokens, chunks)
	return u
}

// CountTokens implements inference.TokenCounter. Counting uses no quota.
func (m *Models) CountTokens(ctx context.Context, req *inference.Request) (int, error) {
	sub := *req
	ctx, sub.Model, _ = m.trail(ctx, req.Model)
	return m.p.Router.CountTokens(ctx, &sub)
}

// CountTexts implements inference.Tokenizer.
func (m *Models) CountTexts(ctx context.Context, req *inference.TokenizeRequest) ([]int, error) {
	sub := *req
	ctx, sub.Model, _ = m.trail(ctx, req.Model)
	return m.p.Router.CountTexts(ctx, &sub)
}

// Describe implements inference.Describer.
func (m *Models) Describe(ctx context.Context, model string) (*inference.ModelInfo, error) {
	ctx, model, _ = m.trail(ctx, model)
	return m.p.Router.Describe(ctx, model)
}

// Close implements inference.Backend; the router stays open.
func (m *Models) Close() error { return nil }
