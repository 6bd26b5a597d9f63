// Package embed makes the vectors of knowledge bases with whatever model the
// router finds for a base, and keeps that model busy: many texts at a time,
// with the next request waiting while one is computed.
//
// It is the one implementation of knowledge.Embeddings. It stores nothing and
// cuts no documents into passages (package chunk does). A model that is gone for
// a while costs its callers a pause: see Params.Patience.
package embed

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/embedding"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/router"
)

// Models finds and runs embedding models; *router.Router does.
type Models interface {
	Resolve(ctx context.Context, identifier, region, account string, want catalog.Kind) (*router.Target, error)
	inference.Embedder
	inference.Describer
	inference.Tokenizer
}

// Params are the settings of Embeddings.
type Params struct {
	// Patience is how long a request is repeated that failed because the model
	// was not there: its process died, it is being loaded, its queue is full.
	// 0 means two minutes, which outlasts a restart and is right for jobs;
	// negative never repeats. Callers with a client waiting take seconds.
	Patience time.Duration
	// TellThrottled has a request that is throttled fail at once: a client waits
	// that knows what it means. Jobs repeat it.
	TellThrottled bool
	// Wait waits for d or until ctx ends; nil uses a timer.
	Wait func(ctx context.Context, d time.Duration) error
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Logger is told of pauses; nil is silent.
	Logger *slog.Logger
	// Used is told of every request that a model answered; nil: nobody asks.
	Used func(ctx context.Context, u Used)
}

// Used is what a request to a model used, and for which base.
type Used struct {
	Base        knowledge.Base
	Target      *router.Target
	InputTokens int
}

const (
	defaultPatience = 2 * time.Minute
	// remembered is how long a model's description is used again: reading it
	// costs milliseconds, which every question would pay.
	remembered = 5 * time.Second
)

// Embeddings implements knowledge.Embeddings.
type Embeddings struct {
	models Models
	fitter *embedding.Adapter
	p      Params

	mu    sync.Mutex
	lanes map[string]chan struct{} // by model: has an element for each bulk request under way
	known map[string]description   // by model
}

// description is what a model was described as, and when.
type description struct {
	info inference.ModelInfo
	at   time.Time
}

// New returns Embeddings over models. The fitter cuts vectors for bases that
// want fewer dimensions than their model makes.
func New(models Models, fitter *embedding.Adapter, p Params) *Embeddings {
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Wait == nil {
		p.Wait = wait
	}
	if p.Patience == 0 {
		p.Patience = defaultPatience
	}
	return &Embeddings{models: models, fitter: fitter, p: p, lanes: make(map[string]chan struct{}), known: make(map[string]description)}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Open implements knowledge.Embeddings. It reads the header of the model's
// file and loads nothing.
//
// The vectors are of the size that the base asks for where the model has more
// dimensions, and of the model's own where it has as many or fewer: zeros
// behind a vector change no cosine and would cost memory.
func (e *Embeddings) Open(ctx context.Context, base knowledge.Base) (knowledge.Embedding, error) {
	target, err := e.models.Resolve(ctx, base.EmbeddingModel, base.Region, base.Account, catalog.Embedding)
	if err != nil {
		return nil, err
	}
	info, err := e.describe(ctx, target.Name())
	if err != nil {
		return nil, err
	}
	if info.Dimensions <= 0 {
		return nil, fault.New(fault.Unsupported, "Model %s, which answers for %s, makes no embeddings.", target.ServedBy, target.ModelID)
	}
	size := info.Dimensions
	if base.Dimensions > 0 {
		size = min(size, base.Dimensions)
	}
	return &model{
		e: e, base: base, target: target, name: target.ServedBy, window: info.ContextWindow,
		spec: knowledge.Spec{Model: target.ServedBy, Digest: info.Digest, Dimensions: size, Binary: base.Binary},
		lane: e.lane(target.ServedBy),
	}, nil
}

func (e *Embeddings) describe(ctx context.Context, name string) (inference.ModelInfo, error) {
	now := e.p.Now()
	e.mu.Lock()
	d, ok := e.known[name]
	e.mu.Unlock()
	if age := now.Sub(d.at); ok && age >= 0 && age < remembered {
		return d.info, nil
	}
	info, err := e.models.Describe(ctx, name)
	if err != nil {
		return inference.ModelInfo{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.known[name] = description{*info, now}
	return *info, nil
}

func (e *Embeddings) lane(name string) chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	lane, ok := e.lanes[name]
	if !ok {
		lane = make(chan struct{}, mostInFlight)
		e.lanes[name] = lane
	}
	return lane
}

var _ knowledge.Embeddings = (*Embeddings)(nil)
