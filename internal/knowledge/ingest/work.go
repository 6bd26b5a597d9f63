package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge/registry"
	"github.com/outcrop/outcrop/internal/store"
)

// Why the context of a piece of work ended, beside that the server stops.
var (
	errLost = errors.New("the lease was lost to another worker")
	errStop = errors.New("the job is to stop")
	errGone = errors.New("what the work is about has been deleted")
)

// mostAttempts is how often a piece of work is begun before it is given up: a
// document that takes the whole server down must not do so for ever.
const mostAttempts = 100

// lastAttempt is what work is told that is begun for the last time: it must end,
// whatever it takes.
type lastAttempt bool

// handle does a claimed piece of work and then finishes it or gives it back.
func (w *Worker) handle(ctx context.Context, job store.Job) {
	log := w.log.With(slog.String("work", job.ID))
	err := w.attempt(ctx, job)
	// What happens with the queue now must happen although the server stops.
	after := context.WithoutCancel(ctx)
	switch {
	case err == nil:
		err = w.p.Queue.Finish(after, job)
	case errors.Is(err, errLost):
		log.WarnContext(ctx, "work was taken over by another server")
		return
	case ctx.Err() != nil:
		err = w.p.Queue.Release(after, job, time.Time{})
	default:
		pause := w.backoff(job.Attempts)
		log.ErrorContext(ctx, "work failed; it is tried again", slog.String("cause", err.Error()), slog.Duration("next_try_in", pause))
		err = w.p.Queue.Release(after, job, w.p.Now().Add(pause))
	}
	if err != nil && !fault.Is(err, fault.Conflict) {
		// The lease runs out, and the work is done again.
		log.ErrorContext(ctx, "the queue of ingestion jobs cannot be written", slog.String("cause", err.Error()))
	}
}

func (w *Worker) backoff(attempts int) time.Duration {
	return min(w.p.Pause<<min(max(attempts-1, 0), 6), time.Minute)
}

// attempt does the work while it holds its lease. A nil error means that nothing
// is left to do.
func (w *Worker) attempt(ctx context.Context, job store.Job) (err error) {
	defer func() {
		// A bug costs this attempt and not the server.
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	work, err := registry.DecodeWork(job)
	if err != nil {
		w.log.ErrorContext(ctx, "work that cannot be read was dropped", slog.String("work", job.ID), slog.String("cause", err.Error()))
		return nil
	}
	ctx, end := w.hold(ctx, job)
	defer end()
	last := lastAttempt(job.Attempts >= mostAttempts)
	switch job.Kind {
	case registry.WorkSync:
		err = w.sync(ctx, work, last)
	case registry.WorkDocuments:
		err = w.documents(ctx, work, job.Attempts)
	case registry.WorkDeleteSource:
		err = w.deleteSource(ctx, work, job.Attempts)
	case registry.WorkDeleteBase:
		err = w.deleteBase(ctx, work, job.Attempts)
	}
	if errors.Is(context.Cause(ctx), errLost) {
		return errLost // whatever came of it: it is another's now
	}
	return err
}

// hold renews the lease of a job until end is called. The context ends with
// errLost when the lease is lost, or may be.
func (w *Worker) hold(ctx context.Context, job store.Job) (held context.Context, end func()) {
	held, cancel := context.WithCancelCause(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(w.p.Lease / 3)
		defer ticker.Stop()
		renewed := time.Now()
		for {
			select {
			case <-held.Done():
				return
			case <-ticker.C:
			}
			began := time.Now()
			err := w.p.Queue.Renew(held, job, w.p.Lease)
			switch {
			case err == nil:
				renewed = began
			case held.Err() != nil:
				return
			case fault.Is(err, fault.Conflict) || time.Since(renewed) > w.p.Lease:
				cancel(errLost)
				return
			}
		}
	}()
	return held, func() {
		cancel(context.Canceled)
		<-stopped
	}
}

// every calls check at once and then again and again, until end is called or
// check returns an error, which then is the cause of the context's end.
func (w *Worker) every(ctx context.Context, check func(ctx context.Context) error) (checked context.Context, end func()) {
	checked, cancel := context.WithCancelCause(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(w.p.Poll)
		defer ticker.Stop()
		for {
			if err := check(checked); err != nil {
				cancel(err)
				return
			}
			select {
			case <-checked.Done():
				return
			case <-ticker.C:
			}
		}
	}()
	return checked, func() {
		cancel(context.Canceled)
		<-stopped
	}
}
