package failover_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router/failover"
)

func policy() *failover.Policy {
	return &failover.Policy{
		Attempts: 2, Backoff: 200 * time.Millisecond, MaxBackoff: 5 * time.Second, Budget: 0.2, Failures: 3, Open: 10 * time.Second,
		Random: func() uint64 { return 0 }, // half of each wait
	}
}

var every = reasons("throttled", "error", "timeout", "context", "unsupported")

func reasons(words ...string) failover.Reasons {
	set, err := failover.ParseReasons(words)
	if err != nil {
		panic(err)
	}
	return set
}

// chain makes guarded candidates, one of a tier.
func chain(p *failover.Policy, fallback failover.Reasons, names ...string) *failover.Chain {
	c := &failover.Chain{Policy: p, Fallback: fallback}
	for i, name := range names {
		c.Candidates = append(c.Candidates, failover.Candidate{Model: failover.NewBackend(name).Model("m"), Tier: i, Guarded: true})
	}
	return c
}

// run asks a chain whose candidates answer by script: each error once, then nil.
func run(ctx context.Context, c *failover.Chain, script map[int][]error) (asked []int, err error) {
	err = c.Run(ctx, &failover.Ask{Try: func(_ context.Context, i int) (bool, error) {
		asked = append(asked, i)
		if left := script[i]; len(left) > 0 {
			script[i] = left[1:]
			return false, left[0]
		}
		return true, nil
	}})
	return asked, err
}

var (
	throttled   = fault.New(fault.Throttled, "slow down")
	broken      = fault.New(fault.Upstream, "broken")
	away        = fault.New(fault.Unavailable, "away")
	late        = fault.New(fault.Timeout, "late")
	invalid     = fault.New(fault.Invalid, "no")
	unsupported = fault.New(fault.Unsupported, "cannot see")
	tooLong     = fault.Wrap(fault.Invalid, inference.ErrContextWindow, "Input is too long for requested model.")
	gone        = fault.New(fault.NotFound, "no such model")
	errBug      = errors.New("a bug")
)

func later(d time.Duration) error {
	return fault.Wrap(fault.Throttled, inference.RetryAfter{Wait: d}, "slow down")
}

func TestRun(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fallback failover.Reasons
		script   map[int][]error
		asked    []int
		err      error
		took     time.Duration
	}{
		"the first answers":                      {every, nil, []int{0}, nil, 0},
		"again after an error":                   {every, map[int][]error{0: {broken}}, []int{0, 0}, nil, 100 * time.Millisecond},
		"again after throttling":                 {every, map[int][]error{0: {throttled}}, []int{0, 0}, nil, 100 * time.Millisecond},
		"the next after all attempts":            {every, map[int][]error{0: {broken, away}}, []int{0, 0, 1}, nil, 100 * time.Millisecond},
		"a time-out is not waited for again":     {every, map[int][]error{0: {late}}, []int{0, 1}, nil, 0},
		"the context of another":                 {every, map[int][]error{0: {tooLong}}, []int{0, 1}, nil, 0},
		"what one cannot read":                   {every, map[int][]error{0: {unsupported}}, []int{0, 1}, nil, 0},
		"a bug is an error":                      {every, map[int][]error{0: {errBug, errBug}}, []int{0, 0, 1}, nil, 100 * time.Millisecond},
		"no such model":                          {every, map[int][]error{0: {gone, gone}}, []int{0, 0, 1}, nil, 100 * time.Millisecond},
		"the request is wrong for all":           {every, map[int][]error{0: {invalid}}, []int{0}, invalid, 0},
		"all fail, the last one's error":         {every, map[int][]error{0: {broken, broken}, 1: {late}}, []int{0, 0, 1}, late, 100 * time.Millisecond},
		"no fall-back for this reason":           {reasons("throttled"), map[int][]error{0: {broken, away}}, []int{0, 0}, away, 100 * time.Millisecond},
		"never a fall-back":                      {0, map[int][]error{0: {tooLong}}, []int{0}, tooLong, 0},
		"the server says when":                   {every, map[int][]error{0: {later(3 * time.Second)}}, []int{0, 0}, nil, 3 * time.Second},
		"it says sooner than one would":          {every, map[int][]error{0: {later(time.Millisecond)}}, []int{0, 0}, nil, 100 * time.Millisecond},
		"it says later than one waits":           {every, map[int][]error{0: {later(time.Minute)}}, []int{0, 1}, nil, 0},
		"an invalid answer of the second is one": {every, map[int][]error{0: {late}, 1: {invalid}}, []int{0, 1}, invalid, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				asked, err := run(t.Context(), chain(policy(), tt.fallback, "a", "b"), tt.script)
				if !slices.Equal(asked, tt.asked) || !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
					t.Errorf("asked %v and got %v, want %v and %v", asked, err, tt.asked, tt.err)
				}
				if took := time.Since(start); took != tt.took {
					t.Errorf("waited %v, want %v", took, tt.took)
				}
			})
		})
	}
}

func TestBackoffGrowsUpToItsBound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := policy()
		p.Attempts, p.MaxBackoff, p.Failures = 6, time.Second, 0
		var waits []time.Duration
		last := time.Now()
		c := chain(p, every, "a")
		err := c.Run(t.Context(), &failover.Ask{Try: func(context.Context, int) (bool, error) {
			waits, last = append(waits, time.Since(last)), time.Now()
			return false, broken
		}})
		ms := time.Millisecond
		if diff := cmp.Diff([]time.Duration{0, 100 * ms, 200 * ms, 400 * ms, 500 * ms, 500 * ms}, waits); diff != "" || !errors.Is(err, broken) {
			t.Errorf("got %v, waits (-want +got):\n%s", err, diff)
		}
	})
}

// A wait that would outlast the caller is not begun: there is time for the next
// candidate instead.
func TestNoWaitBeyondTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		asked, err := run(ctx, chain(policy(), every, "a", "b"), map[int][]error{0: {later(2 * time.Second)}})
		if !slices.Equal(asked, []int{0, 1}) || err != nil {
			t.Errorf("asked %v and got %v", asked, err)
		}
	})
}

// What the caller does is no failure of anybody.
func TestTheCallersOwnErrors(t *testing.T) {
	t.Parallel()
	hungUp := errors.New("the client is gone")
	for name, try := range map[string]func(cancel context.CancelFunc) error{
		"its client is gone":         func(context.CancelFunc) error { return failover.Own(hungUp) },
		"and the backend wraps it":   func(context.CancelFunc) error { return fmt.Errorf("write: %w", failover.Own(hungUp)) },
		"it cancels":                 func(cancel context.CancelFunc) error { cancel(); return context.Canceled },
		"and the backend says so":    func(cancel context.CancelFunc) error { cancel(); return away },
		"the request makes no sense": func(context.CancelFunc) error { return invalid },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := chain(policy(), every, "a", "b")
			for range 10 {
				ctx, cancel := context.WithCancel(t.Context())
				asked := 0
				err := c.Run(ctx, &failover.Ask{Try: func(context.Context, int) (bool, error) {
					asked++
					return false, try(cancel)
				}})
				cancel()
				if err == nil || asked != 1 {
					t.Fatalf("asked %d times and got %v, want once and an error", asked, err)
				}
			}
			if s := c.Candidates[0].Model.State(); s.Failures != 0 || s.Breaker != failover.Closed || s.Requests != 10 {
				t.Errorf("got %+v, want no failures", s)
			}
		})
	}
}

// After the first piece nobody else is asked, but it was a failure.
func TestNothingAfterTheFirstPiece(t *testing.T) {
	t.Parallel()
	c := chain(policy(), every, "a", "b")
	err := c.Run(t.Context(), &failover.Ask{Try: func(_ context.Context, i int) (bool, error) {
		if i != 0 {
			t.Error("somebody else was asked")
		}
		return true, broken
	}})
	if s := c.Candidates[0].Model.State(); !errors.Is(err, broken) || s.Failures != 1 || s.Requests != 1 || s.Last == nil {
		t.Errorf("got %v, %+v", err, s)
	}
}

func TestCancelWhileWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		c := chain(policy(), every, "a", "b")
		asked, err := run(ctx, c, map[int][]error{0: {later(3 * time.Second)}})
		if !errors.Is(err, context.Canceled) || len(asked) != 1 {
			t.Errorf("asked %v and got %v, want one and the cancellation", asked, err)
		}
	})
}

func TestBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := policy()
		p.Attempts = 1
		c := chain(p, every, "a", "b")
		a := c.Candidates[0].Model
		fails := func() map[int][]error { return map[int][]error{0: {broken}} }
		want := func(when string, asked []int, state string, script map[int][]error) {
			t.Helper()
			got, err := run(t.Context(), c, script)
			if err != nil || !slices.Equal(got, asked) || a.State().Breaker != state {
				t.Errorf("%s: asked %v, got %v, %s; want %v, %s", when, got, err, a.State().Breaker, asked, state)
			}
		}
		want("a failure", []int{0, 1}, failover.Closed, fails())
		want("a second one", []int{0, 1}, failover.Closed, fails())
		want("a success in between", []int{0}, failover.Closed, nil)
		for range 2 {
			want("two more", []int{0, 1}, failover.Closed, fails())
		}
		want("the third in a row", []int{0, 1}, failover.Open, fails())
		want("while it is open", []int{1}, failover.Open, nil)
		time.Sleep(10 * time.Second)
		if got := a.State().Breaker; got != failover.HalfOpen {
			t.Errorf("after its time: got %s", got)
		}
		want("a trial that fails", []int{0, 1}, failover.Open, fails())
		want("then it is open again", []int{1}, failover.Open, nil)
		time.Sleep(10 * time.Second)
		want("a trial that succeeds", []int{0}, failover.Closed, nil)
		if got := a.State(); got.Passed != 2 || got.Failures != 6 || got.Fallbacks != 6 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestOneTrialAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := policy()
		p.Attempts, p.Failures = 1, 1
		c := chain(p, every, "a", "b")
		if _, err := run(t.Context(), c, map[int][]error{0: {broken}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(p.Open)
		trial := make(chan struct{})
		var first, second atomic.Int32
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				_ = c.Run(t.Context(), &failover.Ask{Try: func(_ context.Context, i int) (bool, error) {
					if i == 0 {
						first.Add(1)
						<-trial
					} else {
						second.Add(1)
					}
					return true, nil
				}})
			})
		}
		synctest.Wait()
		if first.Load() != 1 || second.Load() != 19 {
			t.Errorf("%d tried and %d went on, want 1 and 19", first.Load(), second.Load())
		}
		close(trial)
		all.Wait()
		if got := c.Candidates[0].Model.State().Breaker; got != failover.Closed {
			t.Errorf("after the trial: got %s", got)
		}
	})
}

// A trial of which nothing is learnt does not keep the breaker for ever.
func TestTrialsThatTeachNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := policy()
		p.Attempts, p.Failures = 1, 1
		c := chain(p, every, "a")
		if _, err := run(t.Context(), c, map[int][]error{0: {broken}}); err == nil {
			t.Fatal("got no error")
		}
		time.Sleep(p.Open)
		func() {
			defer func() { _ = recover() }()
			_ = c.Run(t.Context(), &failover.Ask{Try: func(context.Context, int) (bool, error) { panic("a bug") }})
		}()
		if _, err := run(t.Context(), c, map[int][]error{0: {failover.Own(context.Canceled)}}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the caller's own error", err)
		}
		if _, err := run(t.Context(), c, map[int][]error{0: {throttled}}); !errors.Is(err, throttled) {
			t.Errorf("got %v, want a refusal", err)
		}
		if _, err := run(t.Context(), c, nil); err != nil || c.Candidates[0].Model.State().Breaker != failover.Closed {
			t.Errorf("got %v, %s, want it closed", err, c.Candidates[0].Model.State().Breaker)
		}
	})
}

func TestEverybodyIsPassedOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := policy()
		p.Attempts, p.Failures = 1, 1
		c := chain(p, every, "a", "b")
		if _, err := run(t.Context(), c, map[int][]error{0: {broken}, 1: {broken}}); !errors.Is(err, broken) {
			t.Fatalf("got %v", err)
		}
		asked, err := run(t.Context(), c, nil)
		if len(asked) != 0 || !fault.Is(err, fault.Unavailable) || fault.As(err).Message != "Bedrock is unable to process your request." {
			t.Errorf("asked %v and got %v", asked, err)
		}
	})
}

// A server that wants to be left alone is, for as long as somebody else is there.
func TestRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := chain(policy(), every, "a", "b")
		if asked, err := run(t.Context(), c, map[int][]error{0: {later(30 * time.Second)}}); err != nil || !slices.Equal(asked, []int{0, 1}) {
			t.Fatalf("asked %v and got %v", asked, err)
		}
		if asked, err := run(t.Context(), c, nil); err != nil || !slices.Equal(asked, []int{1}) {
			t.Errorf("while it rests: asked %v and got %v", asked, err)
		}
		if _, err := run(t.Context(), c, map[int][]error{1: {later(20 * time.Second)}}); !fault.Is(err, fault.Throttled) {
			t.Errorf("the second wants it too: got %v", err)
		}
		if asked, err := run(t.Context(), c, nil); len(asked) != 0 || !fault.Is(err, fault.Throttled) {
			t.Errorf("while both rest: asked %v and got %v", asked, err)
		}
		time.Sleep(20 * time.Second)
		if asked, err := run(t.Context(), c, nil); err != nil || !slices.Equal(asked, []int{1}) {
			t.Errorf("after the second's rest: asked %v and got %v", asked, err)
		}
		time.Sleep(10 * time.Second)
		if asked, err := run(t.Context(), c, nil); err != nil || !slices.Equal(asked, []int{0}) {
			t.Errorf("after the first's rest: asked %v and got %v", asked, err)
		}
	})
}

func TestBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := policy()
		p.Failures = 0
		c := chain(p, every, "a")
		fail := func() (asked int) {
			_ = c.Run(t.Context(), &failover.Ask{Try: func(context.Context, int) (bool, error) {
				asked++
				return false, broken
			}})
			return asked
		}
		retries, requests := 0, 0
		for range 100 {
			n := fail()
			requests += n
			retries += n - 1
		}
		// Ten are saved up; then it is one for five requests, retries included.
		if want := 10 + int(0.2*float64(requests)); retries > want || retries < want-2 {
			t.Errorf("%d retries among %d requests, want about %d", retries, requests, want)
		}
		p.Budget = 0
		if n := fail(); n != 1 {
			t.Errorf("without a budget: asked %d times", n)
		}
	})
}

// A server that is being started is not passed over: somebody has to wait for it.
// It is asked once, because whoever asks has waited already.
func TestNotReadyOpensNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := chain(policy(), every, "a", "b")
		starting := fault.New(fault.NotReady, "starting")
		for range 10 {
			if asked, err := run(t.Context(), c, map[int][]error{0: {starting, starting}}); err != nil || !slices.Equal(asked, []int{0, 1}) {
				t.Fatalf("asked %v and got %v", asked, err)
			}
		}
		if s := c.Candidates[0].Model.State(); s.Breaker != failover.Closed || s.Fallbacks != 10 {
			t.Errorf("got %+v", s)
		}
	})
}

func TestUnguarded(t *testing.T) {
	t.Parallel()
	c := chain(policy(), every, "a", "b")
	c.Candidates[0].Guarded = false
	for range 10 {
		asked, err := run(t.Context(), c, map[int][]error{0: {away}})
		if err != nil || !slices.Equal(asked, []int{0, 1}) {
			t.Fatalf("asked %v and got %v, want each once", asked, err)
		}
	}
}

func TestAble(t *testing.T) {
	t.Parallel()
	c := chain(policy(), every, "a", "b")
	for able, want := range map[int][]int{0: {0}, 1: {1}, 2: nil} {
		var asked []int
		err := c.Run(t.Context(), &failover.Ask{
			Able: func(i int) bool { return i == able }, Unable: unsupported,
			Try: func(_ context.Context, i int) (bool, error) {
				asked = append(asked, i)
				return true, nil
			},
		})
		if !slices.Equal(asked, want) || (err == nil) != (want != nil) || want == nil && !errors.Is(err, unsupported) {
			t.Errorf("%d is able: asked %v and got %v", able, asked, err)
		}
	}
}

func TestProbes(t *testing.T) {
	t.Parallel()
	b := failover.NewBackend("a")
	p := policy()
	p.Attempts, p.Failures = 1, 1
	c := &failover.Chain{Policy: p, Fallback: every, Candidates: []failover.Candidate{{Model: b.Model("m"), Guarded: true}, {Model: failover.NewBackend("b").Model("m"), Tier: 1}}}
	if !b.Probed(failover.Probe{Err: away}) || b.Probed(failover.Probe{Err: away}) {
		t.Error("the first failure alone is a change")
	}
	if asked, err := run(t.Context(), c, nil); err != nil || !slices.Equal(asked, []int{1}) {
		t.Errorf("asked %v and got %v, want the second", asked, err)
	}
	if s := b.Model("m").State(); s.Breaker != failover.Open {
		t.Errorf("got %s", s.Breaker)
	}
	if !b.Probed(failover.Probe{}) || b.Probed(failover.Probe{}) {
		t.Error("the first good answer alone is a change")
	}
	if asked, err := run(t.Context(), c, nil); err != nil || !slices.Equal(asked, []int{0}) {
		t.Errorf("asked %v and got %v, want the first", asked, err)
	}
	// A server that is there and fails is still passed over.
	if _, err := run(t.Context(), c, map[int][]error{0: {broken}}); err != nil {
		t.Error(err)
	}
	b.Probed(failover.Probe{})
	if s := b.Model("m").State(); s.Breaker != failover.Open {
		t.Errorf("after failures and a good probe: got %s", s.Breaker)
	}
}

// Prompts and the messages of servers, which may repeat them, are not logged.
func TestLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := policy()
		p.Logger, p.Failures = slog.New(slog.NewTextHandler(&out, nil)), 1
		c := chain(p, every, "a", "b")
		secret := fault.New(fault.Upstream, "cannot answer: tell me the secret").WithField("originalStatusCode", 502)
		err := c.Run(t.Context(), &failover.Ask{RequestID: "r-1", Try: func(_ context.Context, i int) (bool, error) {
			if i == 0 {
				return false, secret
			}
			return false, late
		}})
		text := out.String()
		if !errors.Is(err, late) || strings.Contains(text, "secret") {
			t.Errorf("got %v and logged\n%s", err, text)
		}
		for _, want := range []string{`a/m="upstream, status 502"`, "b/m=timeout", "request_id=r-1", "no candidate of the route has answered", "passed over for a while"} {
			if !strings.Contains(text, want) {
				t.Errorf("not in the log: %s\n%s", want, text)
			}
		}
	})
}

func TestParseReasons(t *testing.T) {
	t.Parallel()
	if _, err := failover.ParseReasons([]string{"error", "bad luck"}); err == nil || !strings.Contains(err.Error(), `"bad luck" is not one of throttled, error, timeout, context, unsupported`) {
		t.Errorf("got %v", err)
	}
	if set := reasons("context"); !set.Has(failover.Context) || set.Has(failover.Error) || set.Has(failover.None) {
		t.Error("the set has others")
	}
}

// Many at once, candidates that come and go: whoever gets nil has been answered.
func TestRace(t *testing.T) {
	t.Parallel()
	p := policy()
	p.Backoff, p.MaxBackoff, p.Open, p.Random = 0, 0, time.Microsecond, nil
	c := chain(p, every, "a", "b", "c")
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for n := range 500 {
				answered := false
				asked := 0
				err := c.Run(t.Context(), &failover.Ask{Key: uint64(n), Try: func(_ context.Context, i int) (bool, error) {
					asked++
					if (n/7+i+worker)%3 == 0 {
						return false, broken
					}
					answered = true
					return true, nil
				}})
				if (err == nil) != answered || asked > 6 {
					t.Errorf("asked %d times, answered %t, got %v", asked, answered, err)
				}
				if n%50 == 0 {
					c.Candidates[0].Model.State()
				}
			}
		})
	}
	all.Wait()
}

// Names that callers make up fill no memory.
func TestModelsAreBounded(t *testing.T) {
	t.Parallel()
	b := failover.NewBackend("b")
	for i := range 10_000 {
		if m := b.Model(fmt.Sprint(i)); m.Name() != fmt.Sprint("b/", i) {
			t.Fatalf("got %s", m.Name())
		}
	}
	n := 0
	b.Models(func(*failover.Model) { n++ })
	if first := b.Model("1"); n > 5000 || b.Model("1") != first {
		t.Errorf("%d are remembered", n)
	}
}
