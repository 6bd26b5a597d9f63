package ingest

import (
	"context"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
)

// aheadBytes bounds the documents that are read and not yet written, in bytes
// that they take. A larger document goes alone.
const aheadBytes = 32 << 20

// leastWeight is what the smallest document counts, so that the bound above is
// one of their number too.
const leastWeight = 64 << 10

// task is a document to be worked on.
type task struct {
	size int64 // bytes that will be read
	// prepare reads the document and cuts it. What is wrong with the document
	// is in the result; an error ends the whole pipeline.
	prepare func(ctx context.Context) (*prepared, error)
}

// prepared is what shall become of a document in the index. A nil one is
// nothing.
type prepared struct {
	doc     knowledge.Document
	outcome knowledge.Outcome
	// content replaces the chunks; nil keeps those that there are.
	content *knowledge.Content
	// texts are embedded, one for each chunk of content.
	texts []string
	// metadata replaces the document's metadata alone.
	metadata *knowledge.Metadata
	// known is the document as it is, for one that fails.
	known *knowledge.Document

	weight  int64
	left    atomic.Int64           // texts without a vector
	failure atomic.Pointer[string] // why the document failed while it was embedded
}

// fail gives a reason why the document cannot be embedded. The first one counts.
func (p *prepared) fail(reason string) { p.failure.CompareAndSwap(nil, &reason) }

// failed is a document that could not be indexed. What an older version of it
// left in the index stays there, with the ETags of that version, until a sync
// succeeds or the document is deleted: a file that is broken for a day must not
// take its answers away. As its status is a failure, every sync tries again.
func failed(doc knowledge.Document, known *knowledge.Document, reason string) *prepared {
	doc.Status, doc.Reason, doc.Chunks = knowledge.Failed, reason, 0
	if known != nil && known.Chunks > 0 {
		doc.Chunks, doc.ETag, doc.MetadataETag = known.Chunks, known.ETag, known.MetadataETag
		doc.MIME, doc.Size = known.MIME, known.Size
	}
	return &prepared{doc: doc, outcome: knowledge.OutcomeFailed}
}

// pipeline reads and cuts documents, embeds their chunks together with those of
// others, and writes each document when it is complete. Embedding takes nearly
// all of the time, so there is always more than one request for the model under
// way, whatever the size of documents.
type pipeline struct {
	w       *Worker
	log     *slog.Logger
	index   knowledge.Index
	model   knowledge.Embedding
	job     string // what outcomes are recorded under; empty: none are
	readers int

	documents atomic.Int64 // that were written, for the log
	chunks    atomic.Int64 // that were embedded
}

// run works on all tasks. It returns when all are in the index, or with the
// first error that ends everything, when nothing of it runs any more.
func (l *pipeline) run(ctx context.Context, tasks iter.Seq[task]) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	budget := newBudget(aheadBytes)
	feed := make(chan task)
	ready := make(chan *prepared)
	// Room for some, so that writing does not keep the next batch from the model.
	embedded := make(chan *prepared, batchTexts)
	fail := func(err error) {
		if err != nil {
			cancel(err)
		}
	}

	var running sync.WaitGroup
	running.Go(func() {
		defer close(feed)
		for t := range tasks {
			t.size = max(t.size, leastWeight)
			if budget.take(ctx, t.size) != nil || !send(ctx, feed, t) {
				return
			}
		}
	})
	var readers sync.WaitGroup
	for range l.readers {
		readers.Go(func() {
			for t := range feed {
				p, err := t.prepare(ctx)
				if err != nil {
					fail(err)
					return
				}
				if p == nil {
					budget.give(t.size)
					continue
				}
				p.weight = p.weigh(l.model.Spec().Dimensions)
				budget.change(t.size, p.weight)
				if !send(ctx, ready, p) {
					return
				}
			}
		})
	}
	running.Go(func() {
		readers.Wait()
		close(ready)
	})
	running.Go(func() {
		defer close(embedded)
		fail((&embedder{model: l.model, in: ready, out: embedded, embedded: &l.chunks}).run(ctx))
	})
	for p := range embedded {
		if ctx.Err() != nil {
			continue // until the others have noticed
		}
		fail(l.write(ctx, p))
		budget.give(p.weight)
	}
	running.Wait()
	return context.Cause(ctx)
}

// weigh is about how many bytes of memory a document takes.
func (p *prepared) weigh(dimensions int) int64 {
	const overhead = 200 // of a chunk
	n := int64(leastWeight)
	for _, t := range p.texts {
		n += int64(2*len(t) + 4*dimensions + overhead)
	}
	return n
}

// send sends unless ctx ends.
func send[T any](ctx context.Context, c chan<- T, v T) bool {
	select {
	case c <- v:
		return true
	case <-ctx.Done():
		return false
	}
}

// write puts a document into the index, with its outcome.
func (l *pipeline) write(ctx context.Context, p *prepared) error {
	if reason := p.failure.Load(); reason != nil {
		p = failed(p.doc, p.known, *reason)
	}
	p.doc.Updated = l.w.p.Now()
	err := l.w.insist(ctx, func() error {
		if p.metadata != nil {
			return l.index.PutMetadata(ctx, l.job, p.doc, *p.metadata, p.outcome)
		}
		return l.index.Put(ctx, l.job, p.doc, p.content, p.outcome)
	})
	if err != nil {
		return err
	}
	l.documents.Add(1)
	return nil
}

// insist repeats what failed because something was not there, a few times.
func (w *Worker) insist(ctx context.Context, do func() error) error {
	const tries = 4
	for try := 1; ; try++ {
		err := do()
		if err == nil || try == tries || !passes(err) {
			return err
		}
		if wait(ctx, w.backoff(try)) != nil {
			return err
		}
	}
}

// passes reports whether a fault may pass by itself.
func passes(err error) bool {
	switch fault.KindOf(err) {
	case fault.Unavailable, fault.NotReady, fault.Throttled, fault.Timeout:
		return true
	default:
		return false
	}
}

// progress logs how far a sync is, now and then.
func (l *pipeline) progress(ctx context.Context, total int, began time.Time) {
	done, chunks := l.documents.Load(), l.chunks.Load()
	l.log.InfoContext(ctx, "syncing", slog.Int64("documents", done), slog.Int("of", total),
		slog.Int64("chunks", chunks), slog.Float64("chunks_per_second", rate(chunks, l.w.p.Now().Sub(began))))
}

func rate(n int64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(int64(10*float64(n)/d.Seconds())) / 10
}
