package failover

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
)

// Timeouts bound one ask; 0 is no bound.
type Timeouts struct {
	FirstToken time.Duration // until the first piece of the answer
	Idle       time.Duration // between two pieces
	Total      time.Duration // for all of it
}

// Or fills what is not set from others.
func (t Timeouts) Or(others Timeouts) Timeouts {
	if t.FirstToken == 0 {
		t.FirstToken = others.FirstToken
	}
	if t.Idle == 0 {
		t.Idle = others.Idle
	}
	if t.Total == 0 {
		t.Total = others.Total
	}
	return t
}

// lateError is the cause of a context that ended because of a Watch.
type lateError struct {
	what string
	d    time.Duration
}

func (l *lateError) Error() string { return l.what + " within " + l.d.String() }

// Watch looks at the time of one ask. Nil looks at nothing. Piece and Taken are
// called by one goroutine.
type Watch struct {
	ctx      context.Context //nolint:containedctx // of one ask, which ends before the value
	cancel   context.CancelCauseFunc
	timer    *time.Timer
	t        Timeouts
	start    time.Time
	deadline atomic.Int64 // for the next piece, in nanoseconds since start; never while a piece is being taken
	begun    atomic.Bool  // a piece has come
	stopped  atomic.Bool
}

const never = math.MaxInt64

// Begin returns a context that ends when a bound is passed. Stop must be called.
func (t Timeouts) Begin(ctx context.Context) (context.Context, *Watch) {
	if t == (Timeouts{}) {
		return ctx, nil
	}
	w := &Watch{t: t, start: time.Now()}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.deadline.Store(never)
	if t.FirstToken > 0 {
		w.deadline.Store(int64(t.FirstToken))
	}
	// The function needs the timer: it is set off when the field is there.
	w.timer = time.AfterFunc(never, w.fire)
	if next := w.next(); next < never {
		w.timer.Reset(time.Duration(next))
	}
	return w.ctx, w
}

func (w *Watch) next() int64 {
	next := w.deadline.Load()
	if w.t.Total > 0 {
		next = min(next, int64(w.t.Total))
	}
	return next
}

// fire looks whether it is really late: pieces move the deadline, not the timer.
func (w *Watch) fire() {
	if w.stopped.Load() {
		return
	}
	now := int64(time.Since(w.start))
	switch {
	case w.t.Total > 0 && now >= int64(w.t.Total):
		w.cancel(&lateError{"no whole answer", w.t.Total})
	case now >= w.deadline.Load():
		if w.begun.Load() {
			w.cancel(&lateError{"no further piece of the answer", w.t.Idle})
		} else {
			w.cancel(&lateError{"no first piece of the answer", w.t.FirstToken})
		}
	default:
		next := w.next()
		if w.t.Idle > 0 {
			next = min(next, now+int64(w.t.Idle)) // a piece that is being taken will be waited for
		}
		if next < never {
			w.timer.Reset(time.Duration(next - now))
		}
	}
}

// Piece says that a piece has come: while it is being taken nobody waits for the
// backend.
func (w *Watch) Piece() {
	if w == nil {
		return
	}
	w.deadline.Store(never)
}

// Taken says that the next piece is waited for.
func (w *Watch) Taken() {
	if w == nil {
		return
	}
	if w.t.Idle > 0 {
		w.deadline.Store(int64(time.Since(w.start) + w.t.Idle))
	}
	if !w.begun.Swap(true) && w.t.Idle > 0 {
		w.timer.Reset(w.t.Idle)
	}
}

// Stop ends the watch and returns err, or the service's own time-out when err is
// because of one.
func (w *Watch) Stop(err error) error {
	if w == nil {
		return err
	}
	w.stopped.Store(true)
	w.timer.Stop()
	var late *lateError
	if err != nil && !isOwn(err) && errors.As(context.Cause(w.ctx), &late) {
		err = fault.Wrap(fault.Timeout, late, "Model has timed out in processing the request. Try your request again.")
	}
	w.cancel(nil)
	return err
}
