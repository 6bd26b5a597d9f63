// Package ingest does the durable work of knowledge bases: it syncs data
// sources with the index, indexes and removes documents that are given
// directly, deletes data sources and bases, and watches folders.
//
// Work comes from the store's queue under leases. It may be cut off at any
// moment, a killed process included, and is then done again from what the index
// has: a document and its outcome are one transaction of the index, so what is
// in the index need not be done again, and nothing is counted twice. Statistics
// are always counted in the index and in a new listing of the source, never
// carried along.
//
// The package decides what changed (makePlan), in which state a document is
// (reader), and what fails a document or a whole job (reader, embedder);
// docs/design/063-ingestion.md has the reasons. It parses, splits, embeds and stores nothing by itself, and
// knows no AWS type.
package ingest

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/chunk"
	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/registry"
	"github.com/outcrop/outcrop/internal/store"
)

// Params is what a Worker needs. The parts are required; the figures below them
// have defaults.
type Params struct {
	Registry   *registry.Registry
	Queue      store.Queue
	Indexes    knowledge.Indexes
	Sources    knowledge.Sources
	Embeddings knowledge.Embeddings
	Parser     document.Parser
	Splitter   chunk.Splitter
	Logger     *slog.Logger
	Now        func() time.Time

	// Syncs is how many data sources are synced at a time. 0: 2.
	Syncs int
	// Readers is how many documents of a sync are read and cut at a time, while
	// others are embedded. 0: 2.
	Readers int
	// Lease is how long work stays with a worker that is not heard of any more:
	// so long does a killed server's work wait. 0: 10 s.
	Lease time.Duration
	// Poll is how often the worker looks for work that other processes queued,
	// whether a job was stopped, and brings a job's statistics up to date.
	// 0: 1 s.
	Poll time.Duration
	// Watch is how often watched folders are looked at. 0: 2 s.
	Watch time.Duration
	// Pause is how long the first wait is before something is tried again that
	// failed for a reason that may pass. 0: 1 s.
	Pause time.Duration
	// Patience is how long a job waits for an embedding model that is not ready.
	// 0: 15 minutes, as a fresh server fetches its models meanwhile.
	Patience time.Duration
}

// Worker does the work of one process. Several workers may share a store and
// its indexes, in one process or in several.
type Worker struct {
	p     Params
	log   *slog.Logger
	turns chan struct{} // has an element for each sync that runs
}

// New returns a Worker that does nothing before Run.
func New(p Params) *Worker {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	p.Syncs = positive(p.Syncs, 2)
	p.Readers = positive(p.Readers, 2)
	p.Lease = positive(p.Lease, 10*time.Second)
	p.Poll = positive(p.Poll, time.Second)
	p.Watch = positive(p.Watch, 2*time.Second)
	p.Pause = positive(p.Pause, time.Second)
	p.Patience = positive(p.Patience, 15*time.Minute)
	return &Worker{p: p, log: p.Logger, turns: make(chan struct{}, p.Syncs)}
}

func positive[T int | time.Duration](value, otherwise T) T {
	if value > 0 {
		return value
	}
	return otherwise
}

// How many pieces of work are claimed at a time. Each sort has places of its
// own: a sync may take hours, and the deletion of a base waits for the others.
const (
	// claimed is more than the syncs that run at a time: those that wait for
	// their turn can be stopped meanwhile.
	claimed = 64
	quick   = 2
)

// Run works until ctx ends. It then gives back what it holds, so that a restart
// goes on at once, and returns when nothing of it runs any more. The error is
// always nil; it is there for whoever runs several such things together.
func (w *Worker) Run(ctx context.Context) error {
	wake := func() chan struct{} { return make(chan struct{}, 1) }
	syncs, documents, bases := wake(), wake(), wake()
	var running sync.WaitGroup
	running.Go(func() { w.spread(ctx, syncs, documents, bases) })
	running.Go(func() { w.serve(ctx, syncs, claimed, registry.WorkSync) })
	running.Go(func() { w.serve(ctx, documents, quick, registry.WorkDocuments, registry.WorkDeleteSource) })
	running.Go(func() { w.serve(ctx, bases, 1, registry.WorkDeleteBase) })
	running.Go(func() { w.watch(ctx) })
	running.Wait()
	return nil
}

// spread passes the queue's wake-ups on to all who claim.
func (w *Worker) spread(ctx context.Context, to ...chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.p.Queue.Wake():
			for _, c := range to {
				poke(c)
			}
		}
	}
}

// poke leaves a value in c, which has room for one.
func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// serve claims work of some kinds and does up to limit pieces at a time.
func (w *Worker) serve(ctx context.Context, wake chan struct{}, limit int, kinds ...string) {
	places := make(chan struct{}, limit)
	poll := time.NewTicker(w.p.Poll)
	defer poll.Stop()
	var running sync.WaitGroup
	defer running.Wait()
	troubled := false
	for ctx.Err() == nil {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return
		}
		job, ok, err := w.p.Queue.Claim(ctx, kinds, w.p.Lease)
		if ok && err == nil {
			troubled = false
			running.Go(func() {
				defer func() {
					<-places
					poke(wake) // what waited for this one can be claimed now
				}()
				w.handle(ctx, job)
			})
			continue
		}
		<-places
		if err != nil && ctx.Err() == nil && !troubled {
			w.log.ErrorContext(ctx, "the queue of ingestion jobs cannot be read; trying again", slog.String("cause", err.Error()))
		}
		troubled = err != nil
		select {
		case <-ctx.Done():
		case <-wake:
		case <-poll.C:
		}
	}
}

// wait waits for d, or for the end of ctx.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
