package ingest

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
)

const (
	// inFlight is how many requests the model has at a time from one pipeline:
	// one that is computed, one that waits in the engine, and one on its way.
	inFlight = 3
	// A request has at most so many texts and bytes: as many as make its
	// overhead small, and not so many that stopping takes long.
	batchTexts = 32
	batchBytes = 16 << 10
	// mostPoisoned is how many documents in a row the model may fail on before
	// the model is to blame.
	mostPoisoned = 5
)

// passage is a chunk that waits for its vector.
type passage struct {
	of *prepared
	i  int
}

// embedder fills in the vectors of documents, packing the chunks of several
// into one request where they are small.
type embedder struct {
	model knowledge.Embedding
	in    <-chan *prepared // closed when there are no more
	out   chan<- *prepared // complete ones, and those without anything to embed

	embedded *atomic.Int64 // counts texts
	poisoned atomic.Int32  // documents in a row that the model failed on
}

// run returns when everything has left, or with the first error that is not one
// document's.
func (e *embedder) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	batches := make(chan []passage)
	var running sync.WaitGroup
	for range inFlight {
		running.Go(func() {
			for batch := range batches {
				if err := e.embed(ctx, batch); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	e.pack(ctx, batches)
	close(batches)
	running.Wait()
	return context.Cause(ctx)
}

// pack makes batches. A full one waits for a place, and one that is not full is
// taken as it is when there is a place, so that the model never waits.
func (e *embedder) pack(ctx context.Context, batches chan<- []passage) {
	var batch []passage
	size := 0
	in := e.in
	for in != nil || len(batch) > 0 {
		ready := batches
		if len(batch) == 0 {
			ready = nil
		}
		select {
		case <-ctx.Done():
			return
		case ready <- batch:
			batch, size = nil, 0
		case p, ok := <-in:
			if !ok {
				in = nil
				continue
			}
			if len(p.texts) == 0 {
				if !send(ctx, e.out, p) {
					return
				}
				continue
			}
			p.left.Store(int64(len(p.texts)))
			for i, text := range p.texts {
				if len(batch) == batchTexts || len(batch) > 0 && size+len(text) > batchBytes {
					if !send(ctx, batches, batch) {
						return
					}
					batch, size = nil, 0
				}
				batch = append(batch, passage{p, i})
				size += len(text)
			}
		}
	}
}

// embed computes the vectors of a batch and lets go of documents that are
// complete with it. An error is the model's and ends everything; what is a
// document's own fault is kept in the document.
func (e *embedder) embed(ctx context.Context, batch []passage) error {
	open := make([]passage, 0, len(batch))
	texts := make([]string, 0, len(batch))
	for _, c := range batch {
		if c.of.failure.Load() == nil {
			open = append(open, c)
			texts = append(texts, c.of.texts[c.i])
		}
	}
	if len(open) > 0 {
		vectors, err := e.model.Embed(ctx, texts)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil && len(vectors) == len(open):
			for i, c := range open {
				c.of.content.Chunks[c.i].Vector = vectors[i]
			}
			e.poisoned.Store(0)
		default:
			if err == nil {
				err = fault.New(fault.Upstream, "The embedding model made %d vectors of %d texts.", len(vectors), len(open))
			}
			if err := e.isolate(ctx, open, err); err != nil {
				return err
			}
		}
	}
	e.embedded.Add(int64(len(open)))
	for _, c := range batch {
		if c.of.left.Add(-1) == 0 && !send(ctx, e.out, c.of) {
			return context.Cause(ctx)
		}
	}
	return nil
}

// isolate finds the document whose text the model fails on, so that it costs no
// other.
func (e *embedder) isolate(ctx context.Context, open []passage, cause error) error {
	switch fault.KindOf(cause) {
	case fault.NotFound, fault.Denied, fault.Unsupported, fault.Unauthenticated:
		return cause // no text is to blame
	case fault.Unavailable, fault.NotReady, fault.Throttled:
		// Either the model is gone, or these texts kill it each time.
		if _, err := e.model.Embed(ctx, []string{"probe"}); err != nil {
			return err
		}
	default:
	}
	groups := byDocument(open)
	if len(groups) == 1 {
		if e.poisoned.Add(1) >= mostPoisoned {
			return cause
		}
		open[0].of.fail("The embedding model failed on the text of the file. " + reasonOf(cause))
		return nil
	}
	for _, group := range groups {
		texts := make([]string, len(group))
		for i, c := range group {
			texts[i] = c.of.texts[c.i]
		}
		vectors, err := e.model.Embed(ctx, texts)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			if err := e.isolate(ctx, group, err); err != nil {
				return err
			}
		case len(vectors) != len(group):
			return cause
		default:
			for i, c := range group {
				c.of.content.Chunks[c.i].Vector = vectors[i]
			}
			e.poisoned.Store(0)
		}
	}
	return nil
}

// byDocument cuts a batch where the document changes.
func byDocument(batch []passage) [][]passage {
	var groups [][]passage
	for i, c := range batch {
		if i == 0 || c.of != batch[i-1].of {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], c)
	}
	return groups
}

// reasonOf is the public text of an error.
func reasonOf(err error) string {
	f := fault.As(err)
	if f.Kind == fault.Internal {
		return "An internal error happened; the log of the server tells more."
	}
	return f.Message
}
