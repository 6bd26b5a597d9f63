package failover_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/router/failover"
)

// pieces is a backend that makes pieces after pauses, and a client that takes
// each for as long as it likes.
func pieces(ctx context.Context, w *failover.Watch, pause, taking []time.Duration) error {
	for i, d := range pause {
		select {
		case <-ctx.Done():
			return w.Stop(ctx.Err())
		case <-time.After(d):
		}
		w.Piece()
		if i < len(taking) {
			time.Sleep(taking[i])
		}
		w.Taken()
	}
	return w.Stop(nil)
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	s := time.Second
	bounds := failover.Timeouts{FirstToken: 10 * s, Idle: 5 * s, Total: 60 * s}
	type list = []time.Duration
	for name, tt := range map[string]struct {
		bounds        failover.Timeouts
		pause, taking list
		took          time.Duration
		late          bool
	}{
		"in time":                             {bounds, list{9 * s, 4 * s, 4 * s}, nil, 17 * s, false},
		"no first piece":                      {bounds, list{11 * s}, nil, 10 * s, true},
		"a pause that is too long":            {bounds, list{1 * s, 6 * s}, nil, 6 * s, true},
		"a later one":                         {bounds, list{1 * s, 4 * s, 4 * s, 6 * s}, nil, 14 * s, true},
		"a client that takes long":            {bounds, list{1 * s, 4 * s, 4 * s}, list{20 * s, 7 * s}, 36 * s, false},
		"and a pause after it":                {bounds, list{1 * s, 6 * s}, list{20 * s}, 26 * s, true},
		"all of it takes too long":            {bounds, list{9 * s, 4 * s, 4 * s, 4 * s}, list{20 * s, 20 * s}, 60 * s, true},
		"only the first piece is bounded":     {failover.Timeouts{FirstToken: s}, list{s / 2, 100 * s}, nil, 100*s + s/2, false},
		"only pauses are":                     {failover.Timeouts{Idle: s}, list{100 * s, 2 * s}, nil, 101 * s, true},
		"only the whole is":                   {failover.Timeouts{Total: 5 * s}, list{3 * s, 3 * s}, nil, 5 * s, true},
		"nothing is":                          {failover.Timeouts{}, list{1000 * s, 1000 * s}, nil, 2000 * s, false},
		"pauses are shorter than the first":   {failover.Timeouts{FirstToken: 10 * s, Idle: s}, list{s / 2, 2 * s}, nil, s + s/2, true},
		"pauses may be longer than that":      {failover.Timeouts{FirstToken: s, Idle: 10 * s}, list{s / 2, 9 * s, 9 * s}, nil, 18*s + s/2, false},
		"the last moment is a moment in time": {bounds, list{10*s - 1, 5*s - 1}, nil, 15*s - 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				ctx, w := tt.bounds.Begin(t.Context())
				err := pieces(ctx, w, tt.pause, tt.taking)
				if late := fault.Is(err, fault.Timeout); late != tt.late || !late && err != nil || time.Since(start) != tt.took {
					t.Errorf("got %v after %v, want late %t after %v", err, time.Since(start), tt.late, tt.took)
				}
				if tt.late && fault.As(err).Message != "Model has timed out in processing the request. Try your request again." {
					t.Errorf("got %q", fault.As(err).Message)
				}
			})
		})
	}
}

// The caller's own end is not the backend's time-out.
func TestTheCallersDeadlineIsItsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		caller, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		ctx, w := failover.Timeouts{FirstToken: time.Minute}.Begin(caller)
		if err := pieces(ctx, w, []time.Duration{time.Hour}, nil); !errors.Is(err, context.DeadlineExceeded) || errors.As(err, new(*fault.Error)) {
			t.Errorf("got %v, want the caller's deadline as it is", err)
		}
	})
}

func TestTimeoutsOr(t *testing.T) {
	t.Parallel()
	got := failover.Timeouts{Idle: 1}.Or(failover.Timeouts{FirstToken: 2, Idle: 3}).Or(failover.Timeouts{FirstToken: 4, Total: 5})
	if want := (failover.Timeouts{FirstToken: 2, Idle: 1, Total: 5}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}
