// Package failover asks the candidates of a chain until one of them answers: in
// an order by tier, weight and the beginning of the conversation, again after a
// wait where that may help, passing over those that fail all the time.
//
// It knows no model identifier and no request: package router gives it the
// candidates and a function that asks one. What is known about candidates lives
// in Backend and Model and outlives a change of the configuration.
package failover

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// Policy says what happens when a candidate does not answer. Its zero value asks
// each candidate once and goes on after nothing.
type Policy struct {
	Attempts   int           // how often one candidate is asked; 0 is 1
	Backoff    time.Duration // first wait; it doubles each time
	MaxBackoff time.Duration // longest wait
	Budget     float64       // retries of a backend as a share of its requests
	Failures   int           // in a row that open the breaker of a candidate; 0 never
	Open       time.Duration // how long it is passed over
	Logger     *slog.Logger  // nil: nothing is logged
	// Random returns numbers of which every bit is random; nil: rand/v2's.
	Random func() uint64
}

// Candidate is one of those that may answer.
type Candidate struct {
	Model  *Model
	Weight int // 0 is 1
	Tier   int
	// Timeouts bound each ask; see Timeouts.Begin.
	Timeouts Timeouts
	// Guarded candidates are asked again, and passed over when they fail. The
	// engine inside is not: it queues and restarts by itself.
	Guarded bool
}

// Chain is the candidates of a route. It does not change and is safe for
// concurrent use.
type Chain struct {
	Candidates []Candidate // lower tiers first
	Policy     *Policy
	// Fallback is what makes it go on with the next candidate.
	Fallback Reasons
}

// Ask is one request to a chain.
type Ask struct {
	// Key decides between candidates of a tier: the same key has the same order.
	Key uint64
	// Caller tells whoever asks from others, whose breakers their failures leave
	// alone; 0: nobody knows.
	Caller uint64
	// RequestID is for the log.
	RequestID string
	// Able reports whether a candidate has the power that is asked for; nil: all
	// have. Unable is the error when none has.
	Able   func(candidate int) bool
	Unable error
	// Try asks one candidate. told says that a piece of its answer has reached the
	// caller: then its error is final. The caller's own error (its client is gone)
	// is returned wrapped by Own.
	Try func(ctx context.Context, candidate int) (told bool, err error)
}

// ownError marks what is the caller's.
type ownError struct{ error }

func (o ownError) Unwrap() error { return o.error }

// Own marks an error as the caller's own: it is returned as it is, nobody else
// is asked, and no candidate has failed. Own(nil) is nil.
func Own(err error) error {
	if err == nil {
		return nil
	}
	return ownError{err}
}

func isOwn(err error) bool {
	var own ownError
	return errors.As(err, &own)
}

// failure is what became of one candidate.
type failure struct {
	candidate int
	reason    Reason
	asked     int
	err       error
}

// Run asks the candidates. Its error is that of the last one that was asked, and
// fault.Unavailable or fault.Throttled when all of them are passed over.
func (c *Chain) Run(ctx context.Context, a *Ask) error {
	var orders [maxInline]int
	order := c.order(orders[:0], a.Key)
	var failures []failure
	resting, open, able := false, false, false
	for place, i := range order {
		if a.Able != nil && !a.Able(i) {
			continue
		}
		able = true
		candidate := &c.Candidates[i]
		permit, why := candidate.enter(a.Caller, len(order) > 1)
		if why != passNot {
			candidate.Model.passed.Add(1)
			resting, open = resting || why == passResting, open || why == passOpen
			continue
		}
		f, err := c.ask(ctx, a, i, permit)
		if err == nil || f.reason == None {
			return err
		}
		failures = append(failures, f)
		if !c.Fallback.Has(f.reason) {
			break
		}
		if place < len(order)-1 {
			candidate.Model.left.Add(1)
		}
	}
	switch {
	case len(failures) > 0:
		last := failures[len(failures)-1].err
		if len(c.Candidates) > 1 {
			c.log(ctx, a, "no candidate of the route has answered", failures)
		}
		return last
	case !able:
		return a.Unable
	case resting && !open:
		return fault.New(fault.Throttled, "Too many requests, please wait before trying again.")
	}
	return fault.Wrap(fault.Unavailable, errAllOpen, "Bedrock is unable to process your request.")
}

var errAllOpen = errors.New("every candidate of the route is passed over, for it failed again and again")

// ask asks one candidate, again where that may help. A failure without a reason
// is final.
func (c *Chain) ask(ctx context.Context, a *Ask, i int, permit permit) (failure, error) {
	candidate := &c.Candidates[i]
	m := candidate.Model
	for asked := 1; ; asked++ {
		m.asked.Add(1)
		if candidate.Guarded {
			m.backend.budget.deposit(c.Policy.Budget)
		}
		told, err := c.try(ctx, a, i, permit)
		if err == nil {
			if asked > 1 {
				c.logRetried(ctx, a, i, asked)
			}
			return failure{}, nil
		}
		if own, ok := err.(ownError); ok { //nolint:errorlint // the outermost one, as Own made it
			return failure{}, own.error
		}
		reason := ReasonOf(err)
		if reason == None || told || ctx.Err() != nil || isOwn(err) {
			return failure{}, err
		}
		f := failure{i, reason, asked, err}
		if !candidate.Guarded || asked >= max(c.Policy.Attempts, 1) || !mayPass(reason, err) {
			return f, err
		}
		wait, ok := c.wait(ctx, asked, err)
		if !ok {
			m.rest(err)
			return f, err
		}
		if !m.backend.budget.take(c.Policy.Budget) {
			return f, err
		}
		if err := sleep(ctx, wait); err != nil {
			return failure{}, err
		}
		next, why := candidate.enter(a.Caller, false)
		if why != passNot {
			return f, err
		}
		next.again = true
		permit = next
		m.retried.Add(1)
	}
}

// try asks once and tells the breaker what became of it, also when Try panics.
func (c *Chain) try(ctx context.Context, a *Ask, i int, p permit) (told bool, err error) {
	candidate := &c.Candidates[i]
	m := candidate.Model
	ended := false
	defer func() {
		if !ended {
			m.breaker.leave(p)
		}
	}()
	told, err = a.Try(ctx, i)
	ended = true
	switch {
	case err == nil:
		m.breaker.succeed(p)
	case isOwn(err), ctx.Err() != nil:
		m.breaker.leave(p)
	default:
		switch reason := ReasonOf(err); reason {
		case Error, Timeout:
			m.fail(reason, err)
			if fault.Is(err, fault.NotReady) { // it is being started and says so
				m.breaker.leave(p)
				break
			}
			if candidate.Guarded {
				c.logOpened(ctx, a, i, err, m.breaker.fail(p, plain(err), c.Policy.Failures, c.Policy.Open))
			}
		case Throttled:
			m.fail(reason, err)
			m.breaker.leave(p)
		case None, Context, Unsupported: // it is there and has read the request
			m.breaker.succeed(p)
		}
	}
	return told, err
}

// wait is how long a candidate is left alone before it is asked again; false:
// longer than one may wait.
func (c *Chain) wait(ctx context.Context, asked int, err error) (time.Duration, bool) {
	wait := min(c.Policy.Backoff<<min(asked-1, 20), c.Policy.MaxBackoff)
	// Half of it is certain, half is chance: those that failed together do not
	// come back together.
	if half := wait / 2; half > 0 {
		wait = half + time.Duration(c.random()%uint64(half+1))
	}
	if after, ok := errors.AsType[inference.RetryAfter](err); ok {
		if after.Wait > c.Policy.MaxBackoff {
			return 0, false
		}
		wait = max(wait, after.Wait)
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return 0, false
	}
	return wait, true
}

func (c *Chain) random() uint64 {
	if c.Policy.Random != nil {
		return c.Policy.Random()
	}
	return rand.Uint64()
}

// Any returns a key for a request that may go to anyone.
func (c *Chain) Any() uint64 { return c.random() }

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// maxInline is how many candidates are ordered without memory of their own.
const maxInline = 8

// Order returns the candidates in the order in which they are asked.
func (c *Chain) Order(key uint64) []int { return c.order(nil, key) }

// order draws lots: each candidate has a number that the key and its name
// decide, spread so that the smallest one is a candidate's as often as its
// weight says. When one is added or goes, no other two change places.
func (c *Chain) order(to []int, key uint64) []int {
	if len(c.Candidates) == 1 {
		return append(to, 0)
	}
	var inline [maxInline]float64
	lots := inline[:0]
	for i := range c.Candidates {
		candidate := &c.Candidates[i]
		u := (float64(mix(key^candidate.Model.hash)>>11) + 0.5) / (1 << 53)
		lots = append(lots, -math.Log(u)/float64(max(candidate.Weight, 1)))
		to = append(to, i)
		for j := len(to) - 1; j > 0 && c.before(to[j], to[j-1], lots); j-- {
			to[j], to[j-1] = to[j-1], to[j]
		}
	}
	return to
}

func (c *Chain) before(a, b int, lots []float64) bool {
	if x, y := c.Candidates[a].Tier, c.Candidates[b].Tier; x != y {
		return x < y
	}
	return lots[a] < lots[b]
}

// log tells why candidates failed: kinds and statuses, never a message, which may
// repeat what the client has sent.
func (c *Chain) log(ctx context.Context, a *Ask, message string, failures []failure) {
	if c.Policy.Logger == nil || !c.Policy.Logger.Enabled(ctx, slog.LevelWarn) {
		return
	}
	attrs := make([]slog.Attr, 0, len(failures)+1)
	if a.RequestID != "" {
		attrs = append(attrs, slog.String("request_id", a.RequestID))
	}
	for _, f := range failures {
		text := Describe(f.err)
		if f.asked > 1 {
			text += ", asked " + strconv.Itoa(f.asked) + " times"
		}
		attrs = append(attrs, slog.String(c.Candidates[f.candidate].Model.name, text))
	}
	c.Policy.Logger.LogAttrs(context.WithoutCancel(ctx), slog.LevelWarn, message, attrs...)
}

func (c *Chain) logRetried(ctx context.Context, a *Ask, i, asked int) {
	if c.Policy.Logger == nil || !c.Policy.Logger.Enabled(ctx, slog.LevelDebug) {
		return
	}
	c.Policy.Logger.LogAttrs(ctx, slog.LevelDebug, "a backend has answered after it was asked again",
		slog.String("request_id", a.RequestID), slog.String("model", c.Candidates[i].Model.name), slog.Int("asked", asked))
}

func (c *Chain) logOpened(ctx context.Context, a *Ask, i int, err error, whom opened) {
	if c.Policy.Logger == nil || whom == openedNot {
		return
	}
	message := "a model fails again and again and is passed over for a while"
	if whom == openedForCaller {
		message = "a model fails again and again for one caller and is passed over for them for a while"
	}
	c.Policy.Logger.LogAttrs(context.WithoutCancel(ctx), slog.LevelWarn, message,
		slog.String("request_id", a.RequestID), slog.String("model", c.Candidates[i].Model.name),
		slog.Duration("for", c.Policy.Open), slog.String("cause", Describe(err)))
}
