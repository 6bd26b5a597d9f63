package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/chat"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/runner/llama"
	"github.com/outcrop/outcrop/internal/runner/protocol"
)

const (
	defaultSlots = 16
	// generationBatch is the most tokens of one batch: enough for a prompt to
	// be read at full speed.
	generationBatch = 512
	// embeddingBatch holds several texts. Attention in an encoder grows with
	// the square of it, so more is slower, and less is on cores that others use
	// too: threads wait for each other as often in a small batch.
	embeddingBatch     = 512
	embeddingSequences = 64
	// idleSpin is the library's poll level: threads spin for about a
	// millisecond between two batches and then sleep. Its default of 50 burns
	// a core for a long time after the last token.
	idleSpin = 1
	// progressEvery bounds the signs of life while loading.
	progressEvery = 100 * time.Millisecond

	keyMaxTokens = "outcrop.embedding.max_tokens"
)

// loaded is a model that is ready: it has a scheduler or an embedder.
type loaded struct {
	prompter  *prompter
	scheduler *scheduler
	embedder  *embedder
	textLimit int // tokens of a text to embed
}

// compute loads the model and runs its loop. All native computing happens on
// this goroutine's thread.
func (s *session) compute(ctx context.Context, load protocol.Load, logs io.Writer) int {
	runtime.LockOSThread()
	info, m, err := s.load(ctx, load, logs)
	if err != nil {
		s.out.failed(0, err)
		return ExitLoad
	}
	s.model = m
	close(s.ready)
	s.out.json(protocol.KindLoaded, 0, info)
	if m.scheduler != nil {
		m.scheduler.run(ctx)
	} else {
		m.embedder.run(ctx)
	}
	return ExitOK
}

// tail remembers the last error line of the library.
type tail struct {
	mu   sync.Mutex
	w    io.Writer
	last string
}

func (t *tail) line(s string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = s
	fmt.Fprintln(t.w, s)
}

func (t *tail) reason() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

func (s *session) load(ctx context.Context, load protocol.Load, logs io.Writer) (protocol.Loaded, *loaded, error) {
	var info protocol.Loaded
	script, err := os.ReadFile(load.Jinja)
	if err != nil {
		return info, nil, fault.Wrap(fault.NotReady, err, "The chat template renderer is not there.")
	}
	renderer, err := chat.NewRenderer(script)
	if err != nil {
		return info, nil, err
	}
	last := &tail{w: logs}
	lib, err := llama.Open(load.Library, last.line)
	if err != nil {
		return info, nil, fault.Wrap(fault.NotReady, err, "The inference engine cannot be used on this machine.")
	}
	var sent time.Time
	m, err := lib.LoadModel(load.Model, func(fraction float64) {
		if now := time.Now(); now.Sub(sent) >= progressEvery {
			sent = now
			s.out.json(protocol.KindProgress, 0, protocol.Progress{Fraction: fraction})
		}
	})
	if err != nil {
		reason := reasonOf(last.reason(), load.Model)
		return info, nil, fault.Wrap(fault.Upstream, errors.New(reason), "The model file is not usable: %s", reason)
	}
	var warm sync.WaitGroup
	if !embeds(m) {
		// Whatever is wrong with the template is for the requests.
		warm.Go(func() { _ = renderer.Prepare(ctx, m.ChatTemplate()) })
	}
	l, size, err := s.build(lib, m, renderer, load)
	warm.Wait()
	if err != nil {
		return info, nil, fault.Wrap(fault.Upstream, err, "The model cannot be computed on this machine.")
	}
	info.Family, _ = m.Meta("general.architecture")
	info.Syntax = l.prompter.syntax
	info.Bytes = m.Size() + size
	if l.scheduler != nil {
		info.Generates = true
		info.Context = l.scheduler.limit
		info.MostText = l.prompter.most
	} else {
		info.Dimensions = m.Dimensions()
		info.Context = l.textLimit
	}
	return info, l, nil
}

// reasonOf brings the library's last error into a sentence for the public:
// without the function's name, and without the file's.
func reasonOf(line, path string) string {
	if _, rest, ok := strings.Cut(line, "error loading model: "); ok {
		line = rest
	} else if name, rest, ok := strings.Cut(line, ": "); ok && !strings.Contains(name, " ") {
		line = rest
	}
	line = strings.ReplaceAll(line, path, "the file")
	if line = strings.TrimSpace(line); line == "" {
		line = "the engine gives no reason"
	}
	return line
}

// build makes the context for what the model is for, and its loop, and
// estimates the memory that they take beside the weights.
func (s *session) build(lib *llama.Library, m *llama.Model, renderer *chat.Renderer, load protocol.Load) (*loaded, int64, error) {
	most := load.Threads
	if most <= 0 {
		most = runtime.GOMAXPROCS(0) // which knows of container limits
	}
	if embeds(m) {
		return s.buildEmbedder(m, renderer, most)
	}
	slots := load.Slots
	if slots <= 0 {
		slots = defaultSlots
	}
	limit, cells := protocol.CacheSize(m.TrainingContext(), m.CacheBytesPerToken(), load)
	c, err := m.NewContext(llama.ContextParams{
		Tokens: cells, Batch: generationBatch, Sequences: slots, Outputs: slots,
		Threads: most, Poll: idleSpin,
	})
	if err != nil {
		return nil, 0, err
	}
	l := &loaded{prompter: newPrompter(m, renderer, limit)}
	l.scheduler = &scheduler{
		comp:  generation{c, lib, m.Vocab()},
		vocab: m.Vocab(), out: s.out, now: time.Now,
		threads: newThreads(most, s.machine),
		limit:   limit, cells: min(cells, c.Size()),
		slots:  make([]slot, slots),
		forget: s.forget,
		wake:   make(chan struct{}, 1),
	}
	return l, int64(cells) * m.CacheBytesPerToken(), nil
}

// embeds reports whether the file says that its model makes vectors.
func embeds(m *llama.Model) bool {
	arch, _ := m.Meta("general.architecture")
	text, ok := m.Meta(arch + ".pooling_type")
	if !ok {
		return !m.HasDecoder()
	}
	kind, err := strconv.ParseInt(text, 10, 64)
	return err == nil && protocol.Pools(kind)
}

func (s *session) buildEmbedder(m *llama.Model, renderer *chat.Renderer, most int) (*loaded, int64, error) {
	limit := m.TrainingContext()
	if text, ok := m.Meta(keyMaxTokens); ok {
		if n, err := strconv.Atoi(text); err == nil && n > 1 {
			limit = min(limit, n)
		}
	}
	if limit <= 1 {
		limit = embeddingBatch
	}
	batch := max(embeddingBatch, limit)
	c, err := m.NewContext(llama.ContextParams{
		Tokens: batch, Batch: batch, Sequences: embeddingSequences,
		Threads: most, Poll: idleSpin, Embeddings: true,
	})
	if err != nil {
		return nil, 0, err
	}
	if !c.Pools() {
		return nil, 0, errors.New("the model has no pooling: it makes one vector for each token")
	}
	return &loaded{
		prompter:  newPrompter(m, renderer, limit),
		textLimit: limit,
		embedder: &embedder{
			comp: c, out: s.out, now: time.Now,
			threads: newThreads(most, s.machine), dims: m.Dimensions(), sequences: embeddingSequences, packed: embeddingBatch,
			forget: s.forget,
			wake:   make(chan struct{}, 1),
		},
	}, int64(batch) * m.CacheBytesPerToken(), nil
}

// generation is a context as the scheduler wants it.
type generation struct {
	*llama.Context
	lib   *llama.Library
	vocab *llama.Vocab
}

func (g generation) NewSampler(s llama.Sampling) sampler {
	return boundSampler{g.lib.NewSampler(s), g.Context, g.vocab}
}

type boundSampler struct {
	s     *llama.Sampler
	c     *llama.Context
	vocab *llama.Vocab
}

func (b boundSampler) Sample(i int) llama.Token       { return b.s.Sample(b.c, i) }
func (b boundSampler) Force(t llama.Token) bool       { return b.s.Force(t) }
func (b boundSampler) Constrain(grammar string) error { return b.s.Constrain(b.vocab, grammar) }
func (b boundSampler) Release()                       { b.s.Release() }
func (b boundSampler) Close()                         { b.s.Close() }
