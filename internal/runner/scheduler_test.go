package runner

import (
	"bufio"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/runner/llama"
	"github.com/outcrop/outcrop/internal/runner/protocol"
	"github.com/outcrop/outcrop/internal/runner/toolcall"
)

// The fake model's tokens are characters. Its answer to "abc" is "defg…z",
// after which it ends; so what was computed decides what comes next, and a
// sequence that was mixed up with another shows.
const endToken = llama.Token('z' + 1)

// fakeComputer keeps what was put into its cache and refuses what a real one
// would compute wrongly.
type fakeComputer struct {
	t      *testing.T
	cells  int
	room   int
	cache  map[int][]llama.Token
	batch  []fakeToken
	sizes  []int        // of the batches, as they came
	mixed  []int        // how many sequences each batch had
	decode func() error // before each batch
	open   int          // samplers that are not closed
	unfit  llama.Token  // no grammar allows it to be forced; 0: each one may be
}

type fakeToken struct {
	t   llama.Token
	pos int
	seq int
	out llama.Output
}

func newFake(t *testing.T, cells, room int) *fakeComputer {
	return &fakeComputer{t: t, cells: cells, room: room, cache: map[int][]llama.Token{}}
}

func (f *fakeComputer) Reset()    { f.batch = f.batch[:0] }
func (f *fakeComputer) Len() int  { return len(f.batch) }
func (f *fakeComputer) Room() int { return f.room - len(f.batch) }

func (f *fakeComputer) Add(t llama.Token, pos, seq int, out llama.Output) int {
	if len(f.batch) == f.room {
		f.t.Errorf("a batch of more than %d tokens", f.room)
	}
	f.batch = append(f.batch, fakeToken{t, pos, seq, out})
	return len(f.batch) - 1
}

func (f *fakeComputer) Decode() error {
	if f.decode != nil {
		if err := f.decode(); err != nil {
			return err
		}
	}
	seqs := map[int]bool{}
	for _, b := range f.batch {
		if len(f.cache[b.seq]) != b.pos {
			f.t.Errorf("sequence %d: a token at position %d, the cache has %d", b.seq, b.pos, len(f.cache[b.seq]))
		}
		f.cache[b.seq] = append(f.cache[b.seq], b.t)
		seqs[b.seq] = true
	}
	used := 0
	for _, c := range f.cache {
		used += len(c)
	}
	if used > f.cells {
		f.t.Errorf("%d tokens in a cache of %d", used, f.cells)
	}
	f.sizes = append(f.sizes, len(f.batch))
	f.mixed = append(f.mixed, len(seqs))
	return nil
}

func (f *fakeComputer) Forget(seq, from int) bool {
	if from < len(f.cache[seq]) {
		f.cache[seq] = f.cache[seq][:from]
	}
	return true
}

func (f *fakeComputer) Copy(from, to, n int) {
	if len(f.cache[to]) > 0 {
		f.t.Errorf("a copy onto %d tokens of sequence %d", len(f.cache[to]), to)
	}
	f.cache[to] = slices.Clone(f.cache[from][:n])
}

func (f *fakeComputer) SetThreads(int) {}

func (f *fakeComputer) NewSampler(llama.Sampling) sampler {
	f.open++
	return fakeSampler{f}
}

type fakeSampler struct{ f *fakeComputer }

func (s fakeSampler) Force(t llama.Token) bool { return t != s.f.unfit }

func (s fakeSampler) Sample(i int) llama.Token {
	if !s.f.batch[i].out {
		s.f.t.Errorf("token %d of the batch has no output", i)
	}
	return s.f.batch[i].t + 1
}

func (s fakeSampler) Constrain(string) error { return nil }
func (s fakeSampler) Release()               {}
func (s fakeSampler) Close()                 { s.f.open-- }

type fakeVocab struct{}

func (fakeVocab) Piece(dst []byte, t llama.Token) []byte { return append(dst, byte(t)) }
func (fakeVocab) EndsGeneration(t llama.Token) bool      { return t == endToken }

// bench is a scheduler on a fake, stepped by hand.
type bench struct {
	t      *testing.T
	s      *scheduler
	f      *fakeComputer
	frames chan protocol.Frame
	nextID uint32
	gone   []uint32
}

func newBench(t *testing.T, slots, cells, room int) *bench {
	t.Helper()
	b := &bench{t: t, f: newFake(t, cells, room), frames: make(chan protocol.Frame, 10000)}
	r, w := io.Pipe()
	out := newOutput(w)
	done := make(chan struct{})
	go func() {
		defer close(done)
		br := bufio.NewReader(r)
		for {
			f, err := protocol.Read(br)
			if err != nil {
				return
			}
			b.frames <- f
		}
	}()
	t.Cleanup(func() {
		out.close()
		_ = w.Close()
		<-done
	})
	b.s = &scheduler{
		comp: b.f, vocab: fakeVocab{}, out: out, now: time.Now, threads: newThreads(1, unknown),
		limit: cells, cells: cells, slots: make([]slot, slots),
		forget: func(id uint32) { b.gone = append(b.gone, id) },
		wake:   make(chan struct{}, 1),
	}
	return b
}

func (b *bench) ask(prompt string, change func(*sequence)) *sequence {
	b.nextID++
	q := &sequence{id: b.nextID, canceled: new(atomic.Bool)}
	for _, c := range prompt {
		q.tokens = append(q.tokens, c)
	}
	q.prompt = len(q.tokens)
	if change != nil {
		change(q)
	}
	b.s.submit(q)
	return q
}

// run steps until nothing is left to do, at most limit times.
func (b *bench) run(limit int) {
	b.t.Helper()
	for range limit {
		if !b.s.step() {
			return
		}
	}
	b.t.Fatalf("still busy after %d steps", limit)
}

// answers reads the frames of n ended requests and adds them up.
func (b *bench) answers(n int) map[uint32]string {
	b.t.Helper()
	got := map[uint32]string{}
	for n > 0 {
		f := <-b.frames
		switch f.Kind {
		case protocol.KindDelta:
			d, err := f.Delta()
			if err != nil {
				b.t.Fatal(err)
			}
			got[f.ID] += d.Text
		case protocol.KindFinished:
			var fin protocol.Finished
			if err := f.Decode(&fin); err != nil {
				b.t.Fatal(err)
			}
			got[f.ID] += "|" + string(fin.Reason)
			n--
		case protocol.KindFailed:
			var failed protocol.Failed
			if err := f.Decode(&failed); err != nil {
				b.t.Fatal(err)
			}
			got[f.ID] += "|" + failed.Message
			n--
		}
	}
	return got
}

func TestSchedulerAnswersManyAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, 4, 1000, 64)
	for _, p := range []string{"a", "abcdef", "klm", "x", "ghi", "uv"} {
		b.ask(p, nil)
	}
	b.run(200)
	want := map[uint32]string{
		1: "bcdefghijklmnopqrstuvwxyz|end_turn", 2: "ghijklmnopqrstuvwxyz|end_turn", 3: "nopqrstuvwxyz|end_turn",
		4: "yz|end_turn", 5: "jklmnopqrstuvwxyz|end_turn", 6: "wxyz|end_turn",
	}
	if diff := cmp.Diff(want, b.answers(6)); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	if most := slices.Max(b.f.mixed); most != 4 {
		t.Errorf("got at most %d sequences in a batch, want all 4 slots", most)
	}
	if b.f.open != 0 || len(b.gone) != 6 {
		t.Errorf("got %d open samplers and %d forgotten requests, want 0 and 6", b.f.open, len(b.gone))
	}
}

func TestSchedulerEndsAnswers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		prompt string
		change func(*sequence)
		limit  int
		want   string
	}{
		"max tokens":                  {prompt: "a", change: func(q *sequence) { q.max = 3 }, want: "bcd|max_tokens"},
		"stop sequence":               {prompt: "a", change: func(q *sequence) { q.text.stops.stops = []string{"efg"} }, want: "bcd|stop_sequence"},
		"held back until the maximum": {prompt: "a", change: func(q *sequence) { q.max = 4; q.text.stops.stops = []string{"defX"} }, want: "bcde|max_tokens"},
		"context full":                {prompt: "abc", limit: 8, want: "defgh|model_context_window_exceeded"},
		"maximum at the context":      {prompt: "abc", limit: 8, change: func(q *sequence) { q.max = 5 }, want: "defgh|max_tokens"},
		"ends at once":                {prompt: "z", want: "|end_turn"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, 2, 100, 16)
			if tc.limit > 0 {
				b.s.limit = tc.limit
			}
			b.ask(tc.prompt, tc.change)
			b.run(100)
			if got := b.answers(1)[1]; got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// A long prompt is read in pieces, and who streams gets a token with each.
func TestSchedulerDoesNotStallStreams(t *testing.T) {
	t.Parallel()
	b := newBench(t, 4, 10000, 512)
	now := time.Unix(0, 0)
	b.s.now = func() time.Time { return now }
	b.f.decode = func() error {
		now = now.Add(time.Duration(b.f.Len()) * 3 * time.Millisecond) // 333 tokens a second
		return nil
	}
	b.ask(strings.Repeat("b", 600), func(q *sequence) { q.max = 1 })
	b.run(50)
	b.answers(1)
	b.f.sizes = nil
	b.ask("a", nil)
	b.s.step()
	b.ask(strings.Repeat("c", 3000), func(q *sequence) { q.max = 1 })
	for range 10 {
		before := now
		b.s.step()
		if took := now.Sub(before); took > 2*stallTarget {
			t.Errorf("a stream waited %v for a prompt, want about %v", took, stallTarget)
		}
	}
	got := ""
	for range 9 {
		f := <-b.frames
		if d, err := f.Delta(); err == nil && f.Kind == protocol.KindDelta && f.ID == 2 {
			got += d.Text
		}
	}
	if len(got) < 7 {
		t.Errorf("got %q while the prompt was read, want a letter for each of 10 batches", got)
	}
}

// Short prompts beside a long one are answered long before it.
func TestSchedulerSharesPromptReading(t *testing.T) {
	t.Parallel()
	b := newBench(t, 4, 10000, 64)
	b.ask(strings.Repeat("c", 5000), func(q *sequence) { q.max = 1 })
	b.s.step()
	b.ask("abcdefghij", func(q *sequence) { q.max = 1 })
	b.s.step()
	if f := <-b.frames; f.Kind != protocol.KindStarted || f.ID != 2 {
		t.Errorf("got frame %d of request %d first, want Started of 2", f.Kind, f.ID)
	}
}

func TestSchedulerReusesTheCommonPrefix(t *testing.T) {
	t.Parallel()
	b := newBench(t, 2, 1000, 512)
	first := strings.Repeat("abc", 20)
	b.ask(first, func(q *sequence) { q.max = 2 })
	b.run(20)
	b.answers(1)
	computed := func(prompt string, change func(*sequence)) int {
		b.f.sizes = nil
		b.ask(prompt, change)
		b.run(50)
		b.answers(1)
		return b.f.sizes[0]
	}
	one := func(q *sequence) { q.max = 1 }
	if n := computed(first+"dxy", one); n != 2 {
		t.Errorf("a conversation that goes on: got %d tokens computed, want 2, the first 61 are known", n)
	}
	if n := computed(first, one); n != 1 {
		t.Errorf("the same prompt: got %d tokens computed, want 1", n)
	}
	if n := computed(first, func(q *sequence) { q.max = 1; q.fresh = true }); n != 60 {
		t.Errorf("with a seed: got %d tokens computed, want all 60", n)
	}
	if n := computed("xyzw"+first, one); n != 64 {
		t.Errorf("another prompt: got %d tokens computed, want all 64", n)
	}
}

// More is asked than the cache holds: answers wait, or give their place up and
// start over, and all come out right.
func TestSchedulerWhenTheCacheIsFull(t *testing.T) {
	t.Parallel()
	b := newBench(t, 8, 60, 16)
	want := map[uint32]string{}
	for i := range 12 {
		b.ask(strings.Repeat("a", 5+i), nil)
		want[uint32(i+1)] = "bcdefghijklmnopqrstuvwxyz|end_turn"
	}
	b.run(3000)
	if diff := cmp.Diff(want, b.answers(12)); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	if b.f.open != 0 {
		t.Errorf("got %d open samplers", b.f.open)
	}
}

func TestSchedulerDropsCanceled(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1, 1000, 64)
	running, waiting := b.ask("a", nil), b.ask("b", nil)
	b.s.step()
	running.canceled.Store(true)
	waiting.canceled.Store(true)
	last := b.ask("x", nil)
	b.s.step()
	if got := b.s.slots[0].user; got != last {
		t.Errorf("the slot is not the one's who waits, after one batch")
	}
	b.run(20)
	if got := b.answers(1)[3]; got != "yz|end_turn" {
		t.Errorf("got %q", got)
	}
	if diff := cmp.Diff([]uint32{1, 2, 3}, b.gone); diff != "" {
		t.Errorf("forgotten (-want +got):\n%s", diff)
	}
}

func TestSchedulerSurvivesAFailedBatch(t *testing.T) {
	t.Parallel()
	b := newBench(t, 4, 1000, 64)
	b.ask("a", nil)
	b.ask("b", nil)
	b.s.step()
	b.f.decode = func() error { return errors.New("native failure") }
	b.s.step()
	b.f.decode = nil
	b.ask("x", nil)
	b.run(20)
	got := b.answers(3)
	want := map[uint32]string{
		1: "b|The model failed to compute the answer.", 2: "c|The model failed to compute the answer.", 3: "yz|end_turn",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

// The library may need more cells than we count; then the newest waits.
func TestSchedulerBelievesTheLibraryThatItIsFull(t *testing.T) {
	t.Parallel()
	b := newBench(t, 4, 1000, 64)
	for range 4 {
		b.ask("a", nil)
	}
	b.f.decode = func() error {
		seqs := map[int]bool{}
		for _, tok := range b.f.batch {
			seqs[tok.seq] = true
		}
		if len(seqs) > 2 {
			return llama.ErrNoRoom
		}
		return nil
	}
	for range 400 {
		if !b.s.step() {
			break
		}
	}
	for id, got := range b.answers(4) {
		if got != "bcdefghijklmnopqrstuvwxyz|end_turn" {
			t.Errorf("request %d got %q", id, got)
		}
	}
}

// Whatever comes together, each request ends once, and the books agree with the
// cache: the fake complains otherwise.
func TestSchedulerEndsEverything(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 0))
		slots := 1 + r.IntN(5)
		cells := 20 + r.IntN(300)
		b := newBench(t, slots, cells, slots+r.IntN(80))
		now := time.Unix(0, 0)
		b.s.now = func() time.Time { return now }
		b.f.decode = func() error {
			now = now.Add(time.Duration(b.f.Len()) * time.Duration(r.IntN(20)) * time.Millisecond)
			if r.IntN(30) == 0 {
				return llama.ErrNoRoom
			}
			return nil
		}
		var asked []*sequence
		prompt := ""
		for range 1 + r.IntN(20) {
			prompt = prompt[:r.IntN(len(prompt)+1)] // begins like the one before
			for range r.IntN(cells) {
				prompt += string(rune('a' + r.IntN(26)))
			}
			prompt = prompt[:min(len(prompt), cells-1)]
			asked = append(asked, b.ask("a"+prompt[:max(len(prompt)-1, 0)], func(q *sequence) { q.fresh = r.IntN(4) == 0 }))
			for range r.IntN(8) {
				b.s.step()
			}
			if r.IntN(3) == 0 {
				asked[r.IntN(len(asked))].canceled.Store(true)
			}
		}
		b.run(50_000)
		ended := map[uint32]int{}
		for _, id := range b.gone {
			ended[id]++
		}
		for _, q := range asked {
			if ended[q.id] != 1 {
				t.Errorf("seed %d: request %d ended %d times, want once", seed, q.id, ended[q.id])
			}
		}
		if b.f.open != 0 {
			t.Errorf("seed %d: got %d open samplers, want 0", seed, b.f.open)
		}
	}
}

// What a batch made has left before the next one is computed.
func TestSchedulerSendsAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1, 100, 16)
	b.ask("a", nil)
	for i, want := range []string{"b", "c", "d"} {
		b.s.step()
		if i == 0 {
			if f := <-b.frames; f.Kind != protocol.KindStarted {
				t.Fatalf("got frame %d first, want Started", f.Kind)
			}
		}
		if d, err := (<-b.frames).Delta(); err != nil || d.Text != want || d.OutputTokens != i+1 {
			t.Errorf("got %+v, %v after batch %d, want %q", d, err, i+1, want)
		}
	}
}

// finished reads the frames of the end of n requests.
func (b *bench) finished(n int) map[uint32]protocol.Finished {
	b.t.Helper()
	got := map[uint32]protocol.Finished{}
	for len(got) < n {
		f := <-b.frames
		if f.Kind != protocol.KindFinished {
			continue
		}
		var fin protocol.Finished
		if err := f.Decode(&fin); err != nil {
			b.t.Fatal(err)
		}
		got[f.ID] = fin
	}
	return got
}

func TestCacheCounts(t *testing.T) {
	t.Parallel()
	b := newBench(t, 2, 1000, 64)
	const system = "aabbccddeeffgghhiijj" // 20 tokens
	point := func(n int) func(*sequence) {
		return func(q *sequence) { q.cached, q.keep, q.max = n, time.Minute, 3 }
	}
	ask := func(prompt string, change func(*sequence)) protocol.Finished {
		t.Helper()
		q := b.ask(prompt, change)
		b.run(50)
		return b.finished(1)[q.id]
	}
	for _, tc := range []struct {
		prompt      string
		change      func(*sequence)
		read, write int
	}{
		{system + "k", point(20), 0, 20},
		{system + "l", point(20), 20, 0},
		{system + "lxn", point(22), 21, 1},
		{system + "n", func(q *sequence) { q.max = 3 }, 0, 0},                     // reused, but nobody asked
		{system + "k", func(q *sequence) { point(20)(q); q.fresh = true }, 0, 20}, // a seed reuses nothing
	} {
		if got := ask(tc.prompt, tc.change); got.CacheRead != tc.read || got.CacheWrite != tc.write || got.InputTokens != len(tc.prompt) {
			t.Errorf("%s: got %d read and %d written of %d, want %d and %d", tc.prompt, got.CacheRead, got.CacheWrite, got.InputTokens, tc.read, tc.write)
		}
	}
}

func TestCachesAreKept(t *testing.T) {
	t.Parallel()
	b := newBench(t, 2, 1000, 64)
	now := time.Unix(1e9, 0)
	b.s.now = func() time.Time { return now }
	kept := func(q *sequence) { q.cached, q.keep, q.max = 20, time.Minute, 1 }
	short := func(q *sequence) { q.max = 1 }
	const system = "aabbccddeeffgghhiijj"
	ask := func(prompt string, change func(*sequence)) protocol.Finished {
		t.Helper()
		q := b.ask(prompt, change)
		b.run(50)
		return b.finished(1)[q.id]
	}
	ask(system+"k", kept)
	for range 3 {
		ask("uvw"+system, short)
		ask("xuv"+system, short)
	}
	if got := ask(system+"l", kept); got.CacheRead != 20 {
		t.Errorf("got %d tokens read, want the 20 that were to be kept", got.CacheRead)
	}
	now = now.Add(2 * time.Minute)
	ask("uvw"+system, short)
	ask("xuv"+system, short)
	ask("yuv"+system, short)
	if got := ask(system+"l", kept); got.CacheRead != 0 {
		t.Errorf("got %d tokens read, want none: their time is over", got.CacheRead)
	}
}

// A conversation that shares its beginning with a cache that is kept leaves it
// whole, while there is a slot for a copy.
func TestKeptCachesAreShared(t *testing.T) {
	t.Parallel()
	b := newBench(t, 3, 1000, 64)
	const system = "aabbccddeeffgghhiijj"
	point := func(n int) func(*sequence) {
		return func(q *sequence) { q.cached, q.keep, q.max = n, time.Minute, 1 }
	}
	ask := func(prompt string, n int) protocol.Finished {
		t.Helper()
		q := b.ask(prompt, point(n))
		b.run(50)
		return b.finished(1)[q.id]
	}
	long := system + strings.Repeat("k", 20)
	ask(long, 40)
	if got := ask(system+"xyz", 20); got.CacheRead != 20 {
		t.Errorf("got %d tokens read, want the 20 that both begin with", got.CacheRead)
	}
	if got := ask(long+"l", 40); got.CacheRead != 40 {
		t.Errorf("got %d tokens read, want all 40: they were to be kept", got.CacheRead)
	}
}

// A model that thinks for too long is brought to its answer.
func TestReasoningBudget(t *testing.T) {
	t.Parallel()
	const end = "</think>"
	format := toolcall.Detect("<|im_start|> <think> "+end, nil)
	for name, tt := range map[string]struct {
		prompt  string
		budget  int
		enough  string
		unfit   llama.Token
		thought string
		answer  string
		tokens  int // of reasoning
	}{
		"no budget":                  {prompt: "v", thought: "wxyz", tokens: 4},
		"it ends by itself before":   {prompt: "v", budget: 10, enough: end, thought: "wxyz", tokens: 4},
		"the budget is used up":      {prompt: "a", budget: 3, enough: end, thought: "bcd", answer: "?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz", tokens: 3 + len(end)},
		"the form allows no end":     {prompt: "v", budget: 1, enough: end, unfit: '<', thought: "wxyz", tokens: 4},
		"not in the middle of marks": {prompt: ";", budget: 1, enough: end, thought: "<=", answer: "?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz", tokens: 2 + len(end)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, 1, 400, 64)
			b.f.unfit = tt.unfit
			b.ask(tt.prompt, func(q *sequence) {
				q.text.parser = format.NewParser(toolcall.Options{InReasoning: true})
				q.budget = tt.budget
				for _, c := range tt.enough {
					q.enough = append(q.enough, c)
				}
			})
			b.run(300)
			var thought, answer string
			for {
				f := <-b.frames
				if f.Kind == protocol.KindDelta || f.Kind == protocol.KindThought {
					d, err := f.Delta()
					if err != nil {
						t.Fatal(err)
					}
					if f.Kind == protocol.KindThought {
						thought += d.Text
					} else {
						answer += d.Text
					}
				}
				if f.Kind != protocol.KindFinished {
					continue
				}
				var fin protocol.Finished
				if err := f.Decode(&fin); err != nil {
					t.Fatal(err)
				}
				if thought != tt.thought || answer != tt.answer || fin.Thought != tt.tokens {
					t.Errorf("got the reasoning %q of %d tokens and the answer %q, want %q of %d and %q", thought, fin.Thought, answer, tt.thought, tt.tokens, tt.answer)
				}
				return
			}
		})
	}
}
