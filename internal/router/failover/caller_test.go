package failover_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/router/failover"
)

// noDial is what a server says that is not there: no request can be blamed.
var noDial = fault.Wrap(fault.Unavailable, &net.OpError{Op: "dial", Err: errors.New("refused")}, "away")

// callers ask a candidate that fails as each step says.
type callers struct {
	t *testing.T
	c *failover.Chain
}

// ask asks once and tells whether the candidate was asked.
func (s callers) ask(caller uint64, answer error) (asked bool) {
	s.t.Helper()
	err := s.c.Run(s.t.Context(), &failover.Ask{Caller: caller, Try: func(context.Context, int) (bool, error) {
		asked = true
		return answer == nil, answer
	}})
	if asked && !errors.Is(err, answer) || !asked && !fault.Is(err, fault.Unavailable) {
		s.t.Errorf("caller %d: got %v, want %v", caller, err, answer)
	}
	return asked
}

func (s callers) fail(caller uint64, n int, with error) {
	s.t.Helper()
	for i := range n {
		if !s.ask(caller, with) {
			s.t.Fatalf("caller %d was passed over at the %d. failure", caller, i+1)
		}
	}
}

func newCallers(t *testing.T, limit int) callers {
	t.Helper()
	p := policy()
	p.Attempts, p.Failures = 1, limit
	return callers{t, chain(p, every, "a")}
}

// Whoever makes a server fail does not take it from the others.
func TestOneCallersFailures(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		limit int
		fails func(s callers)
		want  map[uint64]bool // who may ask afterwards
		state string
		alone int
	}{
		"one caller's open it for that one":              {4, func(s callers) { s.fail(1, 4, broken) }, map[uint64]bool{1: false, 2: true}, failover.Closed, 1},
		"also when a single failure is enough":           {1, func(s callers) { s.fail(1, 1, broken) }, map[uint64]bool{1: false, 2: true}, failover.Closed, 1},
		"fewer open nothing":                             {4, func(s callers) { s.fail(1, 3, broken) }, map[uint64]bool{1: true, 2: true}, failover.Closed, 0},
		"two callers' open it for all":                   {4, func(s callers) { s.fail(1, 2, broken); s.fail(2, 2, late) }, map[uint64]bool{1: false, 2: false, 3: false}, failover.Open, 0},
		"one of another is not enough":                   {4, func(s callers) { s.fail(1, 3, broken); s.fail(2, 1, broken) }, map[uint64]bool{1: true, 2: true, 3: true}, failover.Closed, 0},
		"one caller's are half at most":                  {4, func(s callers) { s.fail(1, 4, broken); s.fail(2, 1, broken) }, map[uint64]bool{1: false, 2: true, 3: true}, failover.Closed, 1},
		"an answer to another begins the row anew":       {4, func(s callers) { s.fail(1, 2, broken); s.ask(3, nil); s.fail(2, 2, broken) }, map[uint64]bool{1: true, 2: true}, failover.Closed, 0},
		"but not that of the one who fails":              {4, func(s callers) { s.fail(1, 3, broken); s.ask(3, nil); s.fail(1, 1, broken) }, map[uint64]bool{1: false, 3: true}, failover.Closed, 1},
		"an answer to the same caller does":              {4, func(s callers) { s.fail(1, 3, broken); s.ask(1, nil); s.fail(1, 3, broken) }, map[uint64]bool{1: true}, failover.Closed, 0},
		"nobody can be blamed for a missing connection":  {4, func(s callers) { s.fail(1, 4, noDial) }, map[uint64]bool{1: false, 2: false}, failover.Open, 0},
		"nor is anybody where callers are not known":     {4, func(s callers) { s.fail(0, 4, broken) }, map[uint64]bool{0: false, 1: false}, failover.Open, 0},
		"no limit, no breaker":                           {0, func(s callers) { s.fail(1, 40, broken); s.fail(2, 40, broken) }, map[uint64]bool{1: true, 2: true}, failover.Closed, 0},
		"what the request itself is to blame for counts": {4, func(s callers) { s.fail(1, 3, broken); s.ask(1, invalid); s.fail(1, 3, broken) }, map[uint64]bool{1: true}, failover.Closed, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newCallers(t, tt.limit)
				tt.fails(s)
				if got := s.c.Candidates[0].Model.State(); got.Breaker != tt.state || got.Callers != tt.alone {
					t.Errorf("the breaker is %s and open for %d, want %s and %d", got.Breaker, got.Callers, tt.state, tt.alone)
				}
				for caller, want := range tt.want {
					// An answer that teaches nothing leaves everything as it is.
					if got := s.ask(caller, throttled); got != want {
						t.Errorf("caller %d was asked for: %t, want %t", caller, got, want)
					}
				}
			})
		})
	}
}

// Asking again for the same request makes no further failure of it.
func TestRetriesCountOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newCallers(t, 4)
		s.c.Policy.Attempts, s.c.Policy.Budget = 3, 1
		for i, want := range []int{3, 3, 3, 1} {
			asked := 0
			err := s.c.Run(t.Context(), &failover.Ask{Caller: 1, Try: func(context.Context, int) (bool, error) {
				asked++
				return false, broken
			}})
			if asked != want || !errors.Is(err, broken) {
				t.Fatalf("request %d was asked %d times and got %v", i+1, asked, err)
			}
		}
		if s.ask(1, nil) || !s.ask(2, nil) {
			t.Error("want four requests to open it for their caller alone")
		}
	})
}

func TestTheBreakerOfOneCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		s := newCallers(t, 2)
		s.c.Policy.Logger = slog.New(slog.NewTextHandler(&out, nil))
		s.fail(1, 2, broken)
		if text := out.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "for one caller") {
			t.Errorf("logged\n%s", text)
		}
		if s.ask(1, nil) {
			t.Error("while it is open: asked")
		}
		time.Sleep(s.c.Policy.Open)
		if !s.ask(1, broken) || s.ask(1, nil) {
			t.Error("a trial that fails: want it open again")
		}
		time.Sleep(s.c.Policy.Open)
		if !s.ask(1, nil) || s.c.Candidates[0].Model.State().Callers != 0 {
			t.Error("a trial that succeeds: want it closed")
		}
		// A good probe of a server that was away is news for everybody.
		s.fail(1, 2, broken)
		b := failover.NewBackend("b")
		s.c.Candidates[0].Model = b.Model("m")
		s.fail(1, 2, broken)
		b.Probed(failover.Probe{Err: away})
		b.Probed(failover.Probe{})
		if !s.ask(1, nil) {
			t.Error("after a good probe: passed over")
		}
	})
}

// The one who fails all the time is not always the one who tries.
func TestTrialsGoAround(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newCallers(t, 4)
		s.fail(1, 2, broken)
		s.fail(2, 2, broken)
		time.Sleep(s.c.Policy.Open)
		if !s.ask(1, broken) {
			t.Fatal("nobody may try")
		}
		time.Sleep(s.c.Policy.Open)
		if s.ask(1, broken) {
			t.Error("the same caller tries again")
		}
		if !s.ask(2, nil) || !s.ask(3, nil) {
			t.Error("another one does not get through")
		}
	})
	// Where there is nobody else it may, a little later.
	synctest.Test(t, func(t *testing.T) {
		s := newCallers(t, 4)
		s.fail(1, 2, broken)
		s.fail(2, 2, broken)
		time.Sleep(s.c.Policy.Open)
		s.ask(1, broken)
		time.Sleep(2 * s.c.Policy.Open)
		if !s.ask(1, nil) || !s.ask(2, nil) {
			t.Error("the breaker stays open")
		}
	})
	// A trial that finds no server says nothing of who tried.
	synctest.Test(t, func(t *testing.T) {
		s := newCallers(t, 2)
		s.fail(1, 2, noDial)
		for range 3 {
			time.Sleep(s.c.Policy.Open)
			if !s.ask(1, noDial) {
				t.Fatal("passed over after its time")
			}
		}
		time.Sleep(s.c.Policy.Open)
		if !s.ask(1, nil) || !s.ask(2, nil) {
			t.Error("the breaker stays open")
		}
	})
}

// Callers that come and go fill no memory, and old failures are forgotten.
func TestCallersAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newCallers(t, 4)
		for caller := range uint64(5000) {
			s.fail(caller+1, 1, broken)
			s.ask(1_000_000, nil) // the row of all does not grow
		}
		s.fail(1, 3, broken)
		s.ask(1_000_000, nil)
		s.fail(4999, 5, broken) // one too many to be remembered
		if got := s.c.Candidates[0].Model.State(); got.Callers != 1 {
			t.Errorf("open for %d callers, want 1", got.Callers)
		}
		time.Sleep(time.Hour)
		s.ask(1_000_000, nil)
		s.fail(4999, 4, broken)
		if got := s.c.Candidates[0].Model.State(); got.Callers != 1 {
			t.Errorf("after an hour: open for %d callers, want 1", got.Callers)
		}
		if s.ask(4999, nil) || !s.ask(1, nil) {
			t.Error("want it open for the last one alone")
		}
	})
}

func TestCallersAtOnce(t *testing.T) {
	t.Parallel()
	p := policy()
	p.Backoff, p.MaxBackoff, p.Open, p.Random = 0, 0, time.Microsecond, nil
	c := chain(p, every, "a", "b")
	var all sync.WaitGroup
	for worker := range uint64(8) {
		all.Go(func() {
			for n := range uint64(500) {
				err := c.Run(t.Context(), &failover.Ask{Caller: 1 + (worker+n)%5, Try: func(_ context.Context, i int) (bool, error) {
					if answers := []error{broken, nil, throttled, noDial, late, nil}; (n/3+uint64(i))%2 == 0 {
						return false, answers[(n+worker)%6]
					}
					return true, nil
				}})
				if err != nil && !slices.ContainsFunc([]error{broken, throttled, noDial, late}, func(e error) bool { return errors.Is(err, e) }) && !fault.Is(err, fault.Unavailable) && !fault.Is(err, fault.Throttled) {
					t.Error(fmt.Sprint("got ", err))
				}
			}
		})
	}
	all.Wait()
	for i := range c.Candidates {
		c.Candidates[i].Model.State()
	}
}
