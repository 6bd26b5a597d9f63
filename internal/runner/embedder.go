package runner

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/runner/llama"
	"github.com/outcrop/outcrop/internal/runner/protocol"
)

// embedding is one request for vectors. It belongs to the embedder's loop,
// except for canceled.
type embedding struct {
	id       uint32
	canceled *atomic.Bool
	texts    [][]llama.Token
	vectors  [][]float32
	next     int // the first text that is not computed
	left     int // tokens of the texts from next on
}

// embedComputer is what the embedder needs of a context.
type embedComputer interface {
	Reset()
	Len() int
	Room() int
	Add(t llama.Token, pos, seq int, out llama.Output) int
	Decode() error
	Encode() error
	HasCache() bool
	Clear()
	SetThreads(n int)
	Embedding(seq, n int) []float32
}

// oldestEvery is how often a batch begins with the oldest request. The others
// begin with the one that has least left to compute: a question must not wait
// until the documents of a whole request are done, nor these for ever.
const oldestEvery = 4

// embedder computes all vectors of one model with one context, as many texts
// at a time as fit into a batch, from one request or several.
type embedder struct {
	comp      embedComputer
	out       *output
	now       func() time.Time
	threads   *threads
	dims      int
	sequences int
	packed    int // tokens of a batch of several texts, at most
	forget    func(id uint32)
	jobs      []*embedding // in the order in which they came
	order     []*embedding // of the batch under way
	batches   int
	batch     []place

	mu       sync.Mutex
	incoming []*embedding
	wake     chan struct{}
}

// place is the text that a sequence of the batch computes.
type place struct {
	job  *embedding
	text int
}

// submit hands a request over. It may be called from any goroutine.
func (e *embedder) submit(j *embedding) {
	for _, tokens := range j.texts {
		j.left += len(tokens)
	}
	e.mu.Lock()
	e.incoming = append(e.incoming, j)
	e.mu.Unlock()
	e.nudge()
}

func (e *embedder) nudge() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// run computes until ctx ends.
func (e *embedder) run(ctx context.Context) {
	for ctx.Err() == nil {
		if e.step() {
			continue
		}
		select {
		case <-e.wake:
		case <-ctx.Done():
		}
	}
}

// step computes one batch and reports whether there was one.
func (e *embedder) step() bool {
	e.mu.Lock()
	e.jobs = append(e.jobs, e.incoming...)
	e.incoming = nil
	e.mu.Unlock()
	e.dropDone()
	e.fill()
	if len(e.batch) == 0 {
		return false
	}
	n := e.comp.Len()
	e.comp.SetThreads(e.threads.next(n))
	start := e.now()
	err := e.computeBatch()
	e.threads.took(n, e.now().Sub(start))
	for seq, p := range e.batch {
		if p.job.vectors == nil {
			continue // failed in this batch already
		}
		v := e.vector(err, seq)
		if v == nil {
			e.out.failed(p.job.id, fault.Wrap(fault.Upstream, err, "The model failed to compute the embedding."))
			p.job.vectors = nil
			continue
		}
		p.job.vectors[p.text] = v
		if p.text == len(p.job.texts)-1 {
			e.out.vectors(p.job.id, p.job.result())
		}
	}
	e.dropDone()
	return true
}

// vector is the normalized vector of a sequence of the batch.
func (e *embedder) vector(err error, seq int) []float32 {
	if err != nil {
		return nil
	}
	v := e.comp.Embedding(seq, e.dims)
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum > 0 {
		scale := 1 / math.Sqrt(sum)
		for i, x := range v {
			v[i] = float32(float64(x) * scale)
		}
	}
	return v
}

func (e *embedder) computeBatch() error {
	if e.comp.HasCache() {
		e.comp.Clear()
		return e.comp.Decode()
	}
	return e.comp.Encode()
}

// dropDone forgets requests that are canceled, failed or answered.
func (e *embedder) dropDone() {
	kept := e.jobs[:0]
	for _, j := range e.jobs {
		if j.canceled.Load() || j.vectors == nil || j.next == len(j.texts) {
			e.forget(j.id)
			continue
		}
		kept = append(kept, j)
	}
	clear(e.jobs[len(kept):])
	e.jobs = kept
}

// fill puts as many whole texts into the batch as it takes, those of a request
// in order.
func (e *embedder) fill() {
	e.comp.Reset()
	e.batch = e.batch[:0]
	e.order = append(e.order[:0], e.jobs...)
	if e.batches++; e.batches%oldestEvery != 0 {
		slices.SortStableFunc(e.order, func(a, b *embedding) int { return cmp.Compare(a.left, b.left) })
	}
	for _, j := range e.order {
		for j.next < len(j.texts) && e.fits(len(j.texts[j.next])) {
			tokens := j.texts[j.next]
			for pos, t := range tokens {
				e.comp.Add(t, pos, len(e.batch), llama.WantOutput)
			}
			e.batch = append(e.batch, place{j, j.next})
			j.next++
			j.left -= len(tokens)
		}
	}
	clear(e.order)
}

// fits reports whether the batch takes a text of so many tokens. One that is
// longer than a packed batch is computed alone.
func (e *embedder) fits(tokens int) bool {
	if len(e.batch) == 0 {
		return tokens <= e.comp.Room()
	}
	return len(e.batch) < e.sequences && tokens <= min(e.comp.Room(), e.packed-e.comp.Len())
}

func (j *embedding) result() protocol.Vectors {
	v := protocol.Vectors{Vectors: j.vectors, InputTokens: make([]int, len(j.texts))}
	for i, tokens := range j.texts {
		v.InputTokens[i] = len(tokens)
	}
	return v
}
