package runner

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/runner/llama"
	"github.com/outcrop/outcrop/internal/runner/protocol"
)

// Benchmarks with the real engine, behind a variable because a process opens
// the library once and they take a while:
//
//	OUTCROP_BENCH_ENGINE=1 go test -run=^$ -bench=Engine -benchtime=1x ./internal/runner
func BenchmarkEngine(b *testing.B) {
	if os.Getenv("OUTCROP_BENCH_ENGINE") == "" {
		b.Skip("OUTCROP_BENCH_ENGINE is not set")
	}
	runtime.LockOSThread()
	e := openEngine(b)
	cores := runtime.NumCPU()
	for _, threads := range []string{"1", strconv.Itoa(cores), "adaptive"} {
		for _, sequences := range []int{1, 8} {
			b.Run(fmt.Sprintf("generate/threads=%s/sequences=%d", threads, sequences), func(b *testing.B) {
				s := e.scheduler(b, threads, protocol.Load{})
				b.ReportMetric(e.rate(b, s, sequences, "Tell me a story.", 128), "tokens/s")
			})
		}
	}
	b.Run("read", func(b *testing.B) {
		s := e.scheduler(b, "adaptive", protocol.Load{})
		prompt := strings.Repeat("The sea was wide and the ship was small. ", 200)
		b.ReportMetric(e.rate(b, s, 1, prompt, 1), "tokens/s")
	})
	b.Run("sample", func(b *testing.B) {
		s := e.scheduler(b, "1", protocol.Load{})
		e.rate(b, s, 1, "Hello", 1)
		p := newPrompter(e.chat, e.renderer, 8192)
		tokens, err := p.tokens(b.Context(), &protocol.Generate{Messages: []protocol.Message{user("Hello")}})
		if err != nil {
			b.Fatal(err)
		}
		s.comp.Forget(0, 0)
		s.comp.Reset()
		last := 0
		for pos, tok := range tokens {
			last = s.comp.Add(tok, pos, 0, llama.Output(pos == len(tokens)-1))
		}
		if err := s.comp.Decode(); err != nil {
			b.Fatal(err)
		}
		for name, how := range map[string]llama.Sampling{
			"greedy": {}, "default": p.defaults, "top p alone": {Temperature: 1, TopP: 0.9}, "all": {Temperature: 1, TopP: 1},
		} {
			sampler := s.comp.NewSampler(how)
			start := time.Now()
			for range 100 {
				sampler.Sample(last)
			}
			b.Logf("sample %s: %v", name, time.Since(start)/100)
			sampler.Close()
		}
	})
	b.Run("embed", func(b *testing.B) { e.benchEmbed(b) })
}

// scheduler is a fresh one, with a fixed number of threads or an adaptive one.
func (e *engine) scheduler(b *testing.B, threads string, load protocol.Load) *scheduler {
	b.Helper()
	s := newSession(newOutput(io.Discard))
	b.Cleanup(s.out.close)
	l, _, err := s.build(e.lib, e.chat, e.renderer, load)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(l.scheduler.comp.(generation).Close)
	if n, err := strconv.Atoi(threads); err == nil {
		l.scheduler.threads = newThreads(1, unknown)
		l.scheduler.threads.choices[0] = n
	}
	return l.scheduler
}

// rate is how many tokens a second come out, of the prompt when one token is
// asked for.
func (e *engine) rate(b *testing.B, s *scheduler, sequences int, prompt string, tokens int) float64 {
	b.Helper()
	p := newPrompter(e.chat, e.renderer, 8192)
	n := 0
	start := time.Now()
	for i := range sequences {
		q, err := p.sequence(b.Context(), &protocol.Generate{Messages: []protocol.Message{user(prompt)}, MaxTokens: tokens, Seed: new(uint32)})
		if err != nil {
			b.Fatal(err)
		}
		q.id, q.canceled = uint32(i), new(atomic.Bool)
		s.submit(q)
		if n += tokens; tokens == 1 {
			n += q.prompt - 1
		}
	}
	for s.step() {
	}
	return float64(n) / time.Since(start).Seconds()
}

func (e *engine) benchEmbed(b *testing.B) {
	b.Helper()
	m, err := e.lib.LoadModel(e.vec, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	s := newSession(newOutput(io.Discard))
	defer s.out.close()
	for _, words := range []int{5, 50, 180} {
		l, _, err := s.build(e.lib, m, e.renderer, protocol.Load{})
		if err != nil {
			b.Fatal(err)
		}
		for _, sequences := range []int{1, 4, 64} {
			l.embedder.sequences = sequences
			j := &embedding{id: 1, canceled: new(atomic.Bool), vectors: make([][]float32, 64)}
			n := 0
			for range 64 {
				tokens, err := embeddingTokens(b.Context(), m.Vocab(), strings.Repeat("lighthouse ", words), l.textLimit)
				if err != nil {
					b.Fatal(err)
				}
				j.texts = append(j.texts, tokens)
				n += len(tokens)
			}
			l.embedder.submit(j)
			start := time.Now()
			for l.embedder.step() {
			}
			b.Logf("embed texts of %d words, at most %d at a time: %.0f tokens/s", words, sequences, float64(n)/time.Since(start).Seconds())
		}
		l.embedder.comp.(*llama.Context).Close()
	}
}
