package runner

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/runner/llama"
	"github.com/outcrop/outcrop/internal/runner/protocol"
)

// computer is what the scheduler needs of a context.
type computer interface {
	Reset()
	Len() int
	Room() int
	Add(t llama.Token, pos, seq int, out llama.Output) int
	Decode() error
	Forget(seq, from int) bool
	// Copy makes the first n tokens of a sequence those of an empty one too.
	Copy(from, to, n int)
	SetThreads(n int)
	NewSampler(llama.Sampling) sampler
}

type sampler interface {
	// Sample answers llama.NoToken when the grammar allows none.
	Sample(i int) llama.Token
	// Force takes a token instead of Sample; false when the grammar does not allow
	// it.
	Force(t llama.Token) bool
	Constrain(grammar string) error
	Release()
	Close()
}

// speller is what the scheduler needs of a vocabulary.
type speller interface {
	Piece(dst []byte, t llama.Token) []byte
	EndsGeneration(t llama.Token) bool
}

const (
	// worthKeeping is the common prefix from which on a slot's cache decides
	// who gets the slot.
	worthKeeping = 16
	// stallTarget is how long running streams may wait for a piece of someone
	// else's prompt; loneTarget how long a batch may take when nobody streams,
	// which is how long a cancellation may take.
	stallTarget = 100 * time.Millisecond
	loneTarget  = 400 * time.Millisecond
	minChunk    = 32
)

// scheduler computes all answers of one model with one context. One loop owns
// everything but incoming: each turn it makes one batch, with a token of each
// running answer and pieces of the prompts that are still to be read, computes
// it, and samples and sends what came of it.
type scheduler struct {
	comp    computer
	vocab   speller
	out     *output
	now     func() time.Time
	threads *threads
	limit   int // tokens that one sequence may have
	cells   int // tokens that the cache holds
	slots   []slot
	forget  func(id uint32) // the request is over

	refused int // how many sequences fewer than slots the library has shown to have room for
	turn    uint64
	rate    float64 // prompt tokens a second, smoothed
	waiting []*sequence
	outputs []outputRow
	reading []int // slots whose prompts are still to be read

	mu       sync.Mutex
	incoming []*sequence
	wake     chan struct{}
}

// outputRow is a slot whose next token can be sampled after the batch.
type outputRow struct{ slot, index int }

// submit hands a sequence over. It may be called from any goroutine.
func (s *scheduler) submit(q *sequence) {
	s.mu.Lock()
	s.incoming = append(s.incoming, q)
	s.mu.Unlock()
	s.nudge()
}

func (s *scheduler) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run computes until ctx ends.
func (s *scheduler) run(ctx context.Context) {
	for ctx.Err() == nil {
		if s.step() {
			continue
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
		}
	}
}

// step makes one turn and reports whether there was anything to compute.
func (s *scheduler) step() bool {
	s.mu.Lock()
	s.waiting = append(s.waiting, s.incoming...)
	s.incoming = nil
	s.mu.Unlock()
	s.turn++
	s.dropCanceled()
	s.admit()
	if !s.fill() {
		return false
	}
	s.compute()
	return true
}

func (s *scheduler) dropCanceled() {
	for i := range s.slots {
		if q := s.slots[i].user; q != nil && q.canceled.Load() {
			s.release(&s.slots[i])
		}
	}
	kept := s.waiting[:0]
	for _, q := range s.waiting {
		if q.canceled.Load() {
			s.end(q)
			continue
		}
		kept = append(kept, q)
	}
	clear(s.waiting[len(kept):])
	s.waiting = kept
}

// release takes a slot from its user, whose request is over.
func (s *scheduler) release(sl *slot) {
	if keep := sl.user.keep; keep > 0 {
		sl.keepUntil = s.now().Add(keep)
	}
	s.end(sl.user)
	sl.user = nil
	sl.admitted = s.turn
}

func (s *scheduler) end(q *sequence) {
	if q.sampler != nil {
		q.sampler.Close()
		q.sampler = nil
	}
	s.forget(q.id)
}

// admit gives slots to those who wait, in order, while their prompts fit.
func (s *scheduler) admit() {
	promised, users := 0, 0
	for i := range s.slots {
		if q := s.slots[i].user; q != nil {
			promised += len(q.tokens)
			users++
		}
	}
	for ; len(s.waiting) > 0 && users < len(s.slots)-s.refused; users++ {
		q := s.waiting[0]
		if promised += len(q.tokens); promised > s.cells {
			return
		}
		i, prefix := s.choose(q)
		if i < 0 {
			return
		}
		i, prefix = s.share(i, prefix)
		sl := &s.slots[i]
		if !s.comp.Forget(i, prefix) {
			s.comp.Forget(i, 0)
			prefix = 0
		}
		sl.cached = sl.cached[:prefix]
		sl.user, sl.admitted = q, s.turn
		if q.sampler == nil {
			q.read = min(prefix, q.cached)
			q.sampler = s.comp.NewSampler(q.sampling)
			if err := q.constrain(); err != nil {
				s.out.failed(q.id, fault.Wrap(fault.Invalid, err, "The JSON schema cannot be made a grammar of."))
				s.release(sl)
			}
		}
		s.waiting[0] = nil
		s.waiting = s.waiting[1:]
	}
}

// choose finds a slot for q and how much of its cache q can go on from: the
// one with the longest common prefix, or an empty one, or the one unused for
// longest.
func (s *scheduler) choose(q *sequence) (index, prefix int) {
	index = -1
	oldest := -1
	for i := range s.slots {
		sl := &s.slots[i]
		if sl.user != nil {
			continue
		}
		if oldest < 0 || s.dropsBefore(sl, &s.slots[oldest]) {
			oldest = i
		}
		if q.fresh {
			continue
		}
		// The last token is always computed: its logits are wanted.
		if n := commonPrefix(sl.cached, q.tokens[:len(q.tokens)-1]); n >= worthKeeping && n > prefix {
			index, prefix = i, n
		}
	}
	if index < 0 {
		return oldest, 0
	}
	return index, prefix
}

// share leaves a cache that somebody asked to keep, and that q would cut off, to
// its next user: q goes on from a copy in an empty slot, if there is one. A copy
// takes no memory, but is counted as if it did.
func (s *scheduler) share(i, prefix int) (index, shared int) {
	from := &s.slots[i]
	if prefix == 0 || prefix == len(from.cached) || !s.kept(from) {
		return i, prefix
	}
	for j := range s.slots {
		to := &s.slots[j]
		if to.user != nil || len(to.cached) > 0 || j == i {
			continue
		}
		s.comp.Forget(j, 0)
		s.comp.Copy(i, j, prefix)
		to.cached = append(to.cached, from.cached[:prefix]...)
		return j, prefix
	}
	return i, prefix
}

// dropsBefore reports whether a's cache is given up rather than b's: an empty one
// first, then one that nobody asked to keep, then the one unused for longest.
func (s *scheduler) dropsBefore(a, b *slot) bool {
	if (len(a.cached) == 0) != (len(b.cached) == 0) {
		return len(a.cached) == 0
	}
	if keepA, keepB := s.kept(a), s.kept(b); keepA != keepB {
		return keepB
	}
	return a.admitted < b.admitted
}

func (s *scheduler) kept(sl *slot) bool {
	return !sl.keepUntil.IsZero() && s.now().Before(sl.keepUntil)
}

// fill makes the batch and reports whether there is one.
func (s *scheduler) fill() bool {
	for {
		s.comp.Reset()
		s.outputs = s.outputs[:0]
		s.reading = s.reading[:0]
		running := 0
		for i := range s.slots {
			switch sl := &s.slots[i]; {
			case sl.user == nil:
			case sl.missing() == 1:
				running++
			default:
				s.reading = append(s.reading, i)
			}
		}
		if running+len(s.reading) == 0 {
			return false
		}
		if s.makeRoom(running) < running {
			s.preempt()
			continue
		}
		for i := range s.slots {
			if sl := &s.slots[i]; sl.user != nil && sl.missing() == 1 {
				s.add(i, 1)
			}
		}
		s.fillPrompts(running > 0)
		if s.comp.Len() > 0 {
			return true
		}
		s.preempt()
	}
}

// fillPrompts adds pieces of prompts, evenly, so that a short one need not
// wait for a long one.
func (s *scheduler) fillPrompts(streaming bool) {
	budget := min(s.chunk(streaming), s.comp.Room())
	budget = min(budget, s.makeRoom(budget))
	for left := len(s.reading); left > 0; left-- {
		i := s.reading[len(s.reading)-left]
		n := min(s.slots[i].missing(), (budget+left-1)/left)
		budget -= n
		s.add(i, n)
	}
}

// chunk is how many prompt tokens a batch takes, by the rate at which they
// were computed lately.
func (s *scheduler) chunk(streaming bool) int {
	target := loneTarget
	if streaming {
		target = stallTarget
	}
	if s.rate == 0 {
		return 4 * minChunk
	}
	return max(minChunk, int(s.rate*target.Seconds()))
}

// add puts the next n missing tokens of a slot's user into the batch.
func (s *scheduler) add(i, n int) {
	sl := &s.slots[i]
	for range n {
		pos := len(sl.cached)
		t := sl.user.tokens[pos]
		last := pos == len(sl.user.tokens)-1
		index := s.comp.Add(t, pos, i, llama.Output(last))
		sl.cached = append(sl.cached, t)
		if last {
			s.outputs = append(s.outputs, outputRow{i, index})
		}
	}
}

// makeRoom drops caches that nobody uses, oldest first, until n more tokens
// fit, and returns how many do. What is in the batch is in the caches already.
func (s *scheduler) makeRoom(n int) int {
	for {
		used, oldest := 0, -1
		for i := range s.slots {
			sl := &s.slots[i]
			used += len(sl.cached)
			if sl.user == nil && len(sl.cached) > 0 && (oldest < 0 || s.dropsBefore(sl, &s.slots[oldest])) {
				oldest = i
			}
		}
		if free := s.cells - used; free >= n || oldest < 0 {
			return free
		}
		s.drop(oldest)
	}
}

func (s *scheduler) drop(i int) {
	s.comp.Forget(i, 0)
	s.slots[i].cached, s.slots[i].keepUntil = s.slots[i].cached[:0], time.Time{}
}

// preempt takes the slot from the user that came last, which starts over from
// its own tokens when there is room again. The one that came first always goes
// on: alone it fits, because a sequence is never longer than the cache.
func (s *scheduler) preempt() {
	last := -1
	for i := range s.slots {
		if s.slots[i].user != nil && (last < 0 || s.slots[i].admitted > s.slots[last].admitted ||
			s.slots[i].admitted == s.slots[last].admitted && s.slots[i].user.id > s.slots[last].user.id) {
			last = i
		}
	}
	sl := &s.slots[last]
	q := sl.user
	sl.user = nil
	s.drop(last)
	s.waiting = append([]*sequence{q}, s.waiting...)
}

// compute decodes the batch, then samples and sends for each slot in it.
func (s *scheduler) compute() {
	n := s.comp.Len()
	s.comp.SetThreads(s.threads.next(n))
	start := s.now()
	err := s.comp.Decode()
	if err != nil {
		s.broken(err)
		return
	}
	took := s.now().Sub(start)
	s.threads.took(n, took)
	if n >= minChunk && took > 0 {
		rate := float64(n) / took.Seconds()
		if s.rate == 0 {
			s.rate = rate
		}
		s.rate += smoothing * (rate - s.rate)
	}
	for _, row := range s.outputs {
		sl := &s.slots[row.slot]
		t, forced := sl.user.forced()
		if !forced {
			t = sl.user.sampler.Sample(row.index)
		}
		if t == llama.NoToken {
			s.out.failed(sl.user.id, fault.New(fault.Upstream, "The model cannot go on in the form that was asked for."))
			s.release(sl)
			continue
		}
		if end, over := s.advance(sl.user, t); over {
			s.finish(sl, end)
		}
	}
}

// advance takes the next token of an answer and sends what it makes certain.
func (s *scheduler) advance(q *sequence, t llama.Token) (ending, bool) {
	if !q.announced {
		q.announced = true
		s.out.json(protocol.KindStarted, q.id, protocol.Started{InputTokens: q.prompt - q.cached})
	}
	q.tokens = append(q.tokens, t)
	send := func(kind protocol.Kind, text string) { s.send(q, kind, text) }
	if s.vocab.EndsGeneration(t) {
		q.text.flush(send)
		return ending{reason: q.text.reason()}, true
	}
	if q.text.thinking() {
		q.thought++
	}
	stop := q.text.write(s.vocab, t, send)
	switch {
	case stop != "":
		return ending{inference.StopSequence, stop}, true
	case q.max > 0 && q.sampled() >= q.max:
		q.text.flush(send)
		return ending{reason: inference.StopMaxTokens}, true
	case len(q.tokens) >= s.limit:
		q.text.flush(send)
		return ending{reason: inference.StopContextWindow}, true
	}
	q.steer()
	q.bound()
	return ending{}, false
}

func (s *scheduler) send(q *sequence, kind protocol.Kind, text string) {
	switch {
	case text == "":
	case kind == protocol.KindCall:
		s.out.json(kind, q.id, protocol.Call{Name: text})
	default:
		s.out.delta(kind, q.id, protocol.Delta{OutputTokens: q.sampled(), Text: text})
	}
}

func (s *scheduler) finish(sl *slot, end ending) {
	q := sl.user
	s.out.json(protocol.KindFinished, q.id, protocol.Finished{
		Reason: end.reason, StopSequence: end.stop,
		InputTokens: q.prompt, OutputTokens: q.sampled(), Thought: q.thought,
		CacheRead: q.read, CacheWrite: q.cached - q.read,
		Elapsed: s.now().Sub(q.received),
	})
	s.release(sl)
	s.refused = max(s.refused-1, 0)
}

// broken answers a batch that could not be computed. What the cache holds of
// it is not known, so everything is dropped.
func (s *scheduler) broken(err error) {
	if errors.Is(err, llama.ErrNoRoom) && s.giveWay() {
		return
	}
	for i := range s.slots {
		if q := s.slots[i].user; q != nil {
			s.out.failed(q.id, fault.Wrap(fault.Upstream, err, "The model failed to compute the answer."))
			s.release(&s.slots[i])
		}
		s.drop(i)
	}
}

// giveWay believes the library that the cache is full, though we counted less,
// and reports whether there was anything to give up: the caches that nobody
// uses, else the place of the one that came last, and until an answer is over
// one less is computed at a time. The library has kept the state from before
// the batch, but our books have not, so the others start over as well.
func (s *scheduler) giveWay() bool {
	users, idle := 0, 0
	for i := range s.slots {
		switch sl := &s.slots[i]; {
		case sl.user != nil:
			users++
		case len(sl.cached) > 0:
			idle++
			s.drop(i)
		}
	}
	if idle == 0 {
		if users < 2 {
			return false
		}
		s.refused = len(s.slots) - users + 1
		s.preempt()
	}
	for i := range s.slots {
		if s.slots[i].user != nil {
			s.drop(i)
		}
	}
	return true
}
