package llamacpp

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/runner/protocol"
)

// Backend runs local models. It is an inference.Backend, Embedder,
// TokenCounter, Tokenizer and Describer.
type Backend struct {
	p    Params
	ctx  context.Context // ends with Close; children are loaded under it
	stop context.CancelFunc
	wg   sync.WaitGroup

	// loading lets one child at a time be started while memory is counted.
	loading sync.Mutex

	mu      sync.Mutex
	workers map[string]*worker
	headers map[string]description // of files, by path
	closed  bool
}

// New returns a Backend. No child is started before the first request.
func New(p Params) *Backend {
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	p.IdleTimeout = cmp.Or(p.IdleTimeout, 10*time.Minute)
	p.LoadTimeout = cmp.Or(p.LoadTimeout, 2*time.Minute)
	p.StopTimeout = cmp.Or(p.StopTimeout, 3*time.Second)
	p.MaxQueue = cmp.Or(p.MaxQueue, 256)
	if p.MemoryLimit == 0 {
		p.MemoryLimit = defaultMemory()
	}
	p.MemoryLimit = max(p.MemoryLimit, 0)
	b := &Backend{p: p, workers: make(map[string]*worker), headers: make(map[string]description)}
	b.ctx, b.stop = context.WithCancel(context.Background())
	if p.IdleTimeout > 0 {
		b.wg.Add(1)
		go b.sweep()
	}
	return b
}

// Close stops all children, politely first, and waits for them. Requests in
// flight end with an error.
func (b *Backend) Close() error {
	b.mu.Lock()
	b.closed = true
	workers := make([]*worker, 0, len(b.workers))
	for _, w := range b.workers {
		workers = append(workers, w)
	}
	b.mu.Unlock()
	b.stop()
	var stopping sync.WaitGroup
	for _, w := range workers {
		stopping.Go(w.unload)
	}
	stopping.Wait()
	b.wg.Wait()
	return nil
}

// sweep unloads models that nobody has used for a while.
func (b *Backend) sweep() {
	defer b.wg.Done()
	tick := time.NewTicker(max(b.p.IdleTimeout/4, time.Second))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			b.unloadIdle()
		case <-b.ctx.Done():
			return
		}
	}
}

func (b *Backend) unloadIdle() {
	for _, w := range b.all() {
		if w.unloadIfUnusedSince(b.p.Now().Add(-b.p.IdleTimeout)) {
			b.p.Logger.Info("model unloaded", "model", w.name, "reason", "idle")
		}
	}
}

func (b *Backend) all() []*worker {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]*worker, 0, len(b.workers))
	for _, w := range b.workers {
		all = append(all, w)
	}
	return all
}

// worker finds the model's worker; it has a child or not.
func (b *Backend) worker(name string) (*worker, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, stopping()
	}
	w := b.workers[name]
	if w == nil {
		w = &worker{b: b, name: name}
		b.workers[name] = w
	}
	return w, nil
}

// forget drops a worker that never had a child: its model does not exist.
func (b *Backend) forget(w *worker) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.workers[w.name] == w {
		delete(b.workers, w.name)
	}
}

// Generate implements inference.Backend.
func (b *Backend) Generate(ctx context.Context, req *inference.Request, emit func(inference.Event) error) error {
	start := b.p.Now()
	g, err := translate(req)
	if err != nil {
		return err
	}
	answered := false
	return b.call(ctx, req.Model, protocol.KindGenerate, g, &answered, func(f protocol.Frame) (bool, error) {
		answered = true
		switch f.Kind {
		case protocol.KindStarted:
			var s protocol.Started
			if err := f.Decode(&s); err != nil {
				return true, err
			}
			return false, emit(inference.Started{Model: req.Model, InputTokens: s.InputTokens})
		case protocol.KindDelta, protocol.KindThought, protocol.KindInput:
			d, err := f.Delta()
			if err != nil {
				return true, err
			}
			return false, emit(delta(f.Kind, d))
		case protocol.KindCall:
			var call protocol.Call
			if err := f.Decode(&call); err != nil {
				return true, err
			}
			return false, emit(inference.ToolStart{ID: toolUseID(), Name: call.Name})
		}
		var end protocol.Finished
		if err := f.Decode(&end); err != nil {
			return true, err
		}
		return true, emit(inference.Finished{
			Reason: end.Reason, StopSequence: end.StopSequence,
			Usage: inference.Usage{
				InputTokens: end.InputTokens - end.CacheRead - end.CacheWrite, OutputTokens: end.OutputTokens,
				CacheReadTokens: end.CacheRead, CacheWriteTokens: end.CacheWrite, ReasoningTokens: end.Thought,
			},
			Elapsed: b.p.Now().Sub(start),
		})
	})
}

func delta(kind protocol.Kind, d protocol.Delta) inference.Event {
	switch kind {
	case protocol.KindThought:
		return inference.ReasoningDelta{Text: d.Text, OutputTokens: d.OutputTokens}
	case protocol.KindInput:
		return inference.ToolDelta{JSON: d.Text, OutputTokens: d.OutputTokens}
	}
	return inference.TextDelta{Text: d.Text, OutputTokens: d.OutputTokens}
}

// toolUseID names a call as Bedrock does.
func toolUseID() string {
	return "tooluse_" + rand.Text()[:22]
}

// CountTokens implements inference.TokenCounter.
func (b *Backend) CountTokens(ctx context.Context, req *inference.Request) (int, error) {
	g, err := translate(req)
	if err != nil {
		return 0, err
	}
	var counted protocol.Counted
	err = b.call(ctx, req.Model, protocol.KindCount, g, new(bool), func(f protocol.Frame) (bool, error) {
		return true, f.Decode(&counted)
	})
	return counted.InputTokens, err
}

// countBytes is how much text goes to the child in one frame to be counted: a
// frame holds up those behind it.
const countBytes = 4 << 20

// CountTexts implements inference.Tokenizer.
func (b *Backend) CountTexts(ctx context.Context, req *inference.TokenizeRequest) ([]int, error) {
	counts := make([]int, 0, len(req.Texts))
	for rest := req.Texts; len(rest) > 0 || len(counts) == 0; {
		n, size := 0, 0
		for n < len(rest) && (n == 0 || size+len(rest[n]) <= countBytes) {
			size += len(rest[n])
			n++
		}
		part := protocol.CountTexts{Texts: rest[:n]}
		if rest = rest[n:]; part.Size() > protocol.MaxPayload {
			return nil, fault.New(fault.Invalid, "A text of %d bytes is too long to be counted.", size)
		}
		var counted protocol.TextsCounted
		err := b.call(ctx, req.Model, protocol.KindCountTexts, part, new(bool), func(f protocol.Frame) (bool, error) {
			return true, f.Decode(&counted)
		})
		if err != nil {
			return nil, err
		}
		if counts = append(counts, counted.Tokens...); n == 0 {
			break // no texts: the model was looked for, as always
		}
	}
	return counts, nil
}

// Embed implements inference.Embedder.
func (b *Backend) Embed(ctx context.Context, req *inference.EmbedRequest) (*inference.Embeddings, error) {
	if len(req.Images) > 0 {
		return nil, fault.New(fault.Unsupported, "The model that serves this request embeds texts, not images.")
	}
	start := b.p.Now()
	out := &inference.Embeddings{Model: req.Model}
	err := b.call(ctx, req.Model, protocol.KindEmbed, protocol.Embed{Texts: req.Texts}, new(bool), func(f protocol.Frame) (bool, error) {
		v, err := f.Vectors()
		out.Vectors, out.InputTokens = v.Vectors, v.InputTokens
		return true, err
	})
	if err != nil {
		return nil, err
	}
	out.Elapsed = b.p.Now().Sub(start)
	return out, nil
}

// call sends one request to the model's child and hands its frames to take,
// which reports when the answer is whole. A child that turns out to be dead
// before it has answered anything is replaced once: it may have died long ago,
// of something else.
func (b *Backend) call(ctx context.Context, model string, kind protocol.Kind, payload any, answered *bool, take func(protocol.Frame) (bool, error)) error {
	for attempt := 1; ; attempt++ {
		err := b.try(ctx, model, kind, payload, take)
		if attempt == 1 && !*answered && isGone(err) && ctx.Err() == nil {
			continue
		}
		if isGone(err) {
			return gone(err, *answered)
		}
		return err
	}
}

// acquire finds the model's worker and its child. The caller must release the
// worker.
func (b *Backend) acquire(ctx context.Context, model string) (*worker, *child, error) {
	for {
		w, err := b.worker(model)
		if err != nil {
			return nil, nil, err
		}
		c, err := w.acquire(ctx)
		if errors.Is(err, errForgotten) {
			continue
		}
		return w, c, err
	}
}

func (b *Backend) try(ctx context.Context, model string, kind protocol.Kind, payload any, take func(protocol.Frame) (bool, error)) error {
	w, c, err := b.acquire(ctx, model)
	if err != nil {
		return err
	}
	defer w.release()
	if g, ok := payload.(*protocol.Generate); ok && c.info.MostText > 0 && g.TooLong(c.info.Syntax, c.info.Context, c.info.MostText) {
		return protocol.ErrTooLong() // the pipe and the child are spared megabytes
	}
	p, err := c.open(kind, payload, b.p.MaxQueue)
	if err != nil {
		return err
	}
	defer c.close(p)
	for {
		f, err := p.next(ctx, c)
		if err != nil {
			return err
		}
		if f.Kind == protocol.KindFailed {
			p.over = true
			var failed protocol.Failed
			if err := f.Decode(&failed); err != nil {
				return err
			}
			return failed.Err()
		}
		over, err := take(f)
		if p.over = over; over || err != nil {
			return err
		}
	}
}

var (
	_ inference.Backend      = (*Backend)(nil)
	_ inference.Embedder     = (*Backend)(nil)
	_ inference.TokenCounter = (*Backend)(nil)
	_ inference.Tokenizer    = (*Backend)(nil)
	_ inference.Describer    = (*Backend)(nil)
)
