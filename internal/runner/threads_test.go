package runner

import (
	"testing"
	"time"
)

// machine says what a batch of one token costs with n threads.
type machine func(n int) time.Duration

// drive computes for so long and returns the mean rate and the number of
// threads used last.
func drive(t *threads, m machine, span time.Duration) (perSecond float64) {
	var spent time.Duration
	tokens := 0
	for spent < span {
		d := m(t.next(1))
		t.took(1, d)
		spent += d
		tokens++
	}
	return float64(tokens) / spent.Seconds()
}

// unknown is a system that does not tell how busy it is.
var unknown = loadMeter{
	idle: func() (float64, bool) { return 0, false },
	free: func() (int, bool) { return 0, false },
}

func TestThreadsLeaveTakenCoresAlone(t *testing.T) {
	t.Parallel()
	free := 4
	th := newThreads(4, loadMeter{idle: unknown.idle, free: func() (int, bool) { return free, true }})
	const usual, slow = time.Millisecond, 3 * time.Millisecond
	for i, tc := range []struct {
		free, want int
		took       time.Duration
	}{
		{1, 1, usual}, // nothing is known yet
		{4, 4, usual},
		{1, 4, usual}, // one count of the moment is no reason
		{1, 4, slow},
		{3, 2, usual}, {2, 2, usual}, {1, 1, usual}, {0, 1, usual}, {-3, 1, usual}, // it was one
		{4, 4, usual},
		{1, 4, usual}, // forgotten
	} {
		free = tc.free
		if got := th.next(1); got != tc.want {
			t.Errorf("batch %d with %d free cores: got %d threads, want %d", i, tc.free, got, tc.want)
		}
		th.took(1, tc.took)
	}
}

func TestThreadsLookForIdleCores(t *testing.T) {
	t.Parallel()
	idle := 0.1
	th := newThreads(2, loadMeter{idle: func() (float64, bool) { return idle, true }, free: unknown.free})
	tried := 0
	cost := func(n int) time.Duration {
		if n == 2 {
			tried++
			return 6 * time.Millisecond
		}
		return 11 * time.Millisecond
	}
	drive(th, cost, 20*time.Second)
	if tried > 0 {
		t.Errorf("got %d batches with two threads while no core was idle, want none", tried)
	}
	idle = 0.9
	drive(th, cost, time.Second)
	if got := drive(th, cost, 10*time.Second); got < 150 {
		t.Errorf("with an idle core: got %.0f tokens/s, want nearly the 167 of two threads", got)
	}
}

func TestThreadsFollowTheMachine(t *testing.T) {
	t.Parallel()
	alone := func(n int) time.Duration { return 11 * time.Millisecond / time.Duration(n) }
	// The measured case: one busy neighbor on two cores.
	turn := 0
	busy := func(n int) time.Duration {
		turn++
		if n == 1 {
			return 12 * time.Millisecond
		}
		if turn%5 == 0 {
			return 7 * time.Millisecond // it does not always hit
		}
		return 50 * time.Millisecond
	}
	th := newThreads(2, unknown)
	if got := drive(th, alone, 10*time.Second); got < 165 {
		t.Errorf("alone: got %.0f tokens/s, want nearly the 182 of two threads", got)
	}
	drive(th, busy, time.Second)
	if got := drive(th, busy, 20*time.Second); got < 75 {
		t.Errorf("beside a busy neighbor: got %.0f tokens/s, want nearly the 83 of one thread", got)
	}
	drive(th, alone, 5*time.Second)
	if got := drive(th, alone, 10*time.Second); got < 165 {
		t.Errorf("alone again: got %.0f tokens/s, want nearly the 182 of two threads", got)
	}
}

func TestThreadsFindTheMiddle(t *testing.T) {
	t.Parallel()
	th := newThreads(16, unknown)
	best4 := func(n int) time.Duration {
		d := n - 4
		if d < 0 {
			d = -d
		}
		return time.Duration(10+d) * time.Millisecond
	}
	drive(th, best4, 10*time.Second)
	if got := drive(th, best4, 10*time.Second); got < 95 {
		t.Errorf("got %.0f tokens/s, want nearly the 100 of four threads", got)
	}
}

func TestThreadsOfOneCore(t *testing.T) {
	t.Parallel()
	th := newThreads(1, unknown)
	drive(th, func(n int) time.Duration {
		if n != 1 {
			t.Fatalf("got %d threads of 1", n)
		}
		return time.Millisecond
	}, time.Second)
}
