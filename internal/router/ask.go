package router

import (
	"context"
	"hash/maphash"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router/failover"
)

// Trail is told what becomes of a request; see WithTrail.
type Trail struct {
	// RequestID is for the log.
	RequestID string
	// Caller is whoever asks: what fails because of their requests is passed over
	// for them alone. Empty: nobody knows.
	Caller string
	// Served is called with who answers, before the first piece of the answer is
	// passed on; not when nobody does. nil: nobody wants to know.
	Served func(servedBy, backend string)
	// Tried is called with who was asked in vain, and why, without the words of a
	// server; once for each try. nil: nobody wants to know.
	Tried func(servedBy, why string)
}

type trailKey struct{}

// WithTrail returns a context whose requests tell t what becomes of them.
func WithTrail(ctx context.Context, t *Trail) context.Context {
	return context.WithValue(ctx, trailKey{}, t)
}

func trailOf(ctx context.Context) *Trail {
	t, _ := ctx.Value(trailKey{}).(*Trail)
	if t == nil {
		return &Trail{}
	}
	return t
}

// caller is a number for whoever asks. It is of this router alone, so that nobody
// can find two names with the same one.
func (r *Router) caller(t *Trail) uint64 {
	if t.Caller == "" {
		return 0
	}
	return max(maphash.String(r.seed, t.Caller), 1)
}

func (t *Trail) served(by *planned) {
	if t.Served != nil {
		t.Served(by.name, by.handle.name)
	}
}

func (t *Trail) tried(by *planned, err error) {
	if t.Tried != nil {
		t.Tried(by.name, failover.Describe(err))
	}
}

// key is what decides between the candidates of a tier.
func (p *plan) key(s *snapshot, prefix func() uint64) uint64 {
	switch {
	case len(p.of) == 1:
		return 0
	case s.params.Sticky && prefix != nil:
		return prefix()
	}
	return p.chain.Any()
}

// Generate implements inference.Backend; req.Model is a Target's Name. Started is
// held back until the first piece of the answer where somebody else could still
// be asked: it opens the client's stream.
func (r *Router) Generate(ctx context.Context, req *inference.Request, emit func(inference.Event) error) error {
	s, p, err := r.find(req.Model)
	if err != nil {
		return err
	}
	defer s.leave()
	trail := trailOf(ctx)
	return p.chain.Run(ctx, &failover.Ask{
		Key: p.key(s.snapshot, func() uint64 { return Prefix(req) }), Caller: r.caller(trail), RequestID: trail.RequestID,
		Try: func(ctx context.Context, i int) (bool, error) {
			candidate, by := &p.chain.Candidates[i], &p.of[i]
			sub, times := *req, candidate.Timeouts
			sub.Model = by.model
			sub.Whole, times.FirstToken = req.Within(times.FirstToken)
			ctx, watch := times.Begin(ctx)
			g := generation{trail: trail, by: by, emit: emit, watch: watch, hold: candidate.Guarded || len(p.of) > 1}
			err := by.Generate(ctx, &sub, g.event)
			if err == nil {
				err = g.begin() // a backend that says nothing has answered all the same
			}
			err = watch.Stop(err)
			if !g.told && fault.Is(err, fault.Unsupported) {
				err = RefusedBy{by.name, err}
			}
			if err != nil && !g.told {
				trail.tried(by, err)
			}
			return g.told, err
		},
	})
}

// RefusedBy is a refusal of Generate's, fault.Unsupported, and who gave it: of
// several candidates the last that was asked.
type RefusedBy struct {
	ServedBy string
	error
}

// Unwrap returns the refusal.
func (r RefusedBy) Unwrap() error { return r.error }

// generation passes the events of one candidate on.
type generation struct {
	trail *Trail
	by    *planned
	emit  func(inference.Event) error
	watch *failover.Watch
	hold  bool

	started inference.Event // held back
	told    bool            // the caller has got something
}

func (g *generation) event(ev inference.Event) error {
	if started, ok := ev.(inference.Started); ok {
		started.ServedBy = g.by.name
		g.started = started
		if g.hold {
			return nil
		}
		return g.begin()
	}
	g.watch.Piece()
	if err := g.begin(); err != nil {
		return err
	}
	err := failover.Own(g.emit(ev))
	g.watch.Taken()
	return err
}

// begin says who answers and passes on what was held back.
func (g *generation) begin() error {
	if !g.told {
		g.told = true
		g.trail.served(g.by)
	}
	if g.started == nil {
		return nil
	}
	ev := g.started
	g.started = nil
	return failover.Own(g.emit(ev))
}

// ask runs what has one answer over the candidates that have the power to.
func ask[Power, Answer any](
	ctx context.Context, r *Router, name string, prefix func() uint64, bounds func(failover.Timeouts) failover.Timeouts, unable error,
	call func(ctx context.Context, b Power, model string) (Answer, error),
) (Answer, error) {
	var answer Answer
	s, p, err := r.find(name)
	if err != nil {
		return answer, err
	}
	defer s.leave()
	trail := trailOf(ctx)
	err = p.chain.Run(ctx, &failover.Ask{
		Key: p.key(s.snapshot, prefix), Caller: r.caller(trail), RequestID: trail.RequestID, Unable: unable,
		Able: func(i int) bool {
			_, ok := p.of[i].Backend.(Power)
			return ok
		},
		Try: func(ctx context.Context, i int) (bool, error) {
			by := &p.of[i]
			b, _ := by.Backend.(Power)
			ctx, watch := bounds(p.chain.Candidates[i].Timeouts).Begin(ctx)
			made, err := call(ctx, b, by.model)
			if err = watch.Stop(err); err != nil {
				trail.tried(by, err)
				return false, err
			}
			trail.served(by)
			answer = made
			return true, nil
		},
	})
	return answer, err
}

// atOnce are the bounds of an answer that is one piece.
func atOnce(t failover.Timeouts) failover.Timeouts {
	t.Idle = 0
	return t
}

// whole are the bounds of an answer that is told when it is finished, which may
// take long.
func whole(t failover.Timeouts) failover.Timeouts { return failover.Timeouts{Total: t.Total} }

// Embed implements inference.Embedder. The candidates of a route should be the
// same model: vectors of different ones cannot be compared.
func (r *Router) Embed(ctx context.Context, req *inference.EmbedRequest) (*inference.Embeddings, error) {
	return ask(ctx, r, req.Model, nil, atOnce, fault.New(fault.Unsupported, "The backend of model %s makes no embeddings.", req.Model),
		func(ctx context.Context, b inference.Embedder, model string) (*inference.Embeddings, error) {
			sub := *req
			sub.Model = model
			return b.Embed(ctx, &sub)
		})
}

// CountTokens implements inference.TokenCounter.
func (r *Router) CountTokens(ctx context.Context, req *inference.Request) (int, error) {
	return ask(ctx, r, req.Model, func() uint64 { return Prefix(req) }, atOnce, fault.New(fault.Invalid, "The provided model doesn't support counting tokens."),
		func(ctx context.Context, b inference.TokenCounter, model string) (int, error) {
			sub := *req
			sub.Model = model
			return b.CountTokens(ctx, &sub)
		})
}

// CountTexts implements inference.Tokenizer.
func (r *Router) CountTexts(ctx context.Context, req *inference.TokenizeRequest) ([]int, error) {
	return ask(ctx, r, req.Model, nil, atOnce, fault.New(fault.Unsupported, "The backend of model %s does not tell how it cuts texts into tokens.", req.Model),
		func(ctx context.Context, b inference.Tokenizer, model string) ([]int, error) {
			sub := *req
			sub.Model = model
			return b.CountTexts(ctx, &sub)
		})
}

// Rerank implements inference.Reranker.
func (r *Router) Rerank(ctx context.Context, req *inference.RerankRequest) (*inference.Reranking, error) {
	return ask(ctx, r, req.Model, nil, atOnce, fault.New(fault.Unsupported, "The backend of model %s does not rerank.", req.Model),
		func(ctx context.Context, b inference.Reranker, model string) (*inference.Reranking, error) {
			sub := *req
			sub.Model = model
			return b.Rerank(ctx, &sub)
		})
}

// Describe implements inference.Describer.
func (r *Router) Describe(ctx context.Context, name string) (*inference.ModelInfo, error) {
	return ask(ctx, r, name, nil, atOnce, fault.New(fault.Unsupported, "The backend of model %s does not describe its models.", name),
		func(ctx context.Context, b inference.Describer, model string) (*inference.ModelInfo, error) {
			return b.Describe(ctx, model)
		})
}

// MakeImages implements inference.ImageMaker.
func (r *Router) MakeImages(ctx context.Context, req *inference.ImageRequest) (*inference.Images, error) {
	return ask(ctx, r, req.Model, nil, whole, fault.New(fault.Unsupported, "The backend of model %s makes no images.", req.Model),
		func(ctx context.Context, b inference.ImageMaker, model string) (*inference.Images, error) {
			sub := *req
			sub.Model = model
			return b.MakeImages(ctx, &sub)
		})
}

// Speaks implements inference.Invoker: bodies are handed on as they are where
// every candidate can read them, so that each of them may answer.
func (r *Router) Speaks(name, format string) bool {
	s, p, err := r.find(name)
	if err != nil {
		return false
	}
	defer s.leave()
	for i := range p.of {
		b, ok := p.of[i].Backend.(inference.Invoker)
		if !ok || !b.Speaks(p.of[i].model, format) {
			return false
		}
	}
	return true
}

// Invoke implements inference.Invoker.
func (r *Router) Invoke(ctx context.Context, req *inference.NativeRequest, emit func(chunk []byte, last bool) error) (*inference.NativeResult, error) {
	s, p, err := r.find(req.Model)
	if err != nil {
		return nil, err
	}
	defer s.leave()
	trail := trailOf(ctx)
	var result *inference.NativeResult
	err = p.chain.Run(ctx, &failover.Ask{
		Key: p.key(s.snapshot, func() uint64 {
			if key, ok := prefixOfBody(req.Body); ok {
				return key
			}
			return p.chain.Any()
		}), Caller: r.caller(trail), RequestID: trail.RequestID,
		Unable: fault.New(fault.Unsupported, "The backend of model %s does not read the format %s.", req.Model, req.Format),
		Able: func(i int) bool {
			b, ok := p.of[i].Backend.(inference.Invoker)
			return ok && b.Speaks(p.of[i].model, req.Format)
		},
		Try: func(ctx context.Context, i int) (told bool, err error) {
			by := &p.of[i]
			b, _ := by.Backend.(inference.Invoker)
			bounds := p.chain.Candidates[i].Timeouts
			if !req.Stream {
				bounds = whole(bounds)
			}
			ctx, watch := bounds.Begin(ctx)
			sub := *req
			sub.Model = by.model
			made, err := b.Invoke(ctx, &sub, func(chunk []byte, last bool) error {
				watch.Piece()
				if !told {
					told = true
					trail.served(by)
				}
				err := failover.Own(emit(chunk, last))
				watch.Taken()
				return err
			})
			if err = watch.Stop(err); err == nil || told {
				result = made // of a cut answer, too: it has used something
			}
			return told, err
		},
	})
	return result, err
}

var (
	_ inference.Backend      = (*Router)(nil)
	_ inference.Embedder     = (*Router)(nil)
	_ inference.TokenCounter = (*Router)(nil)
	_ inference.Tokenizer    = (*Router)(nil)
	_ inference.Describer    = (*Router)(nil)
	_ inference.Reranker     = (*Router)(nil)
	_ inference.Invoker      = (*Router)(nil)
	_ inference.ImageMaker   = (*Router)(nil)
)
