package bedrockruntime

import (
	"context"
	"errors"
	"time"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router"
)

// run is one generation: a Backend around the router that measures, keeps the
// usage record and ends an answer that takes too long. A run is used once.
type run struct {
	service *Service
	target  *router.Target
	start   time.Time // of the operation

	firstByte time.Duration // from start to the first text; 0 until then
	usage     inference.Usage
}

func (s *Service) newRun(t *router.Target) *run {
	return &run{service: s, target: t, start: s.params.Now()}
}

// errModelTimeout is the cause of a context that ended because the answer took
// too long, to tell it from a caller's own deadline.
var errModelTimeout = errors.New("the model's time is up")

// Generate implements inference.Backend. What was made is recorded whatever
// happens: a client that hangs up has used what was computed for it.
func (r *run) Generate(ctx context.Context, req *inference.Request, emit func(inference.Event) error) error {
	c := call.From(ctx)
	var elapsed time.Duration
	defer func() {
		if elapsed == 0 {
			elapsed = r.elapsed()
		}
		c.RecordUsage(func(u *call.Usage) {
			u.InputTokens, u.OutputTokens, u.Elapsed = r.usage.InputTokens, r.usage.OutputTokens, elapsed
			if r.firstByte > 0 && !c.Start.IsZero() {
				u.FirstToken = r.start.Add(r.firstByte).Sub(c.Start)
			} else {
				u.FirstToken = r.firstByte
			}
		})
	}()

	timed, cancel := context.WithTimeoutCause(ctx, r.service.params.ModelTimeout, errModelTimeout)
	defer cancel()
	sub := *req
	sub.Model = r.target.ServedBy
	err := r.service.router.Generate(timed, &sub, func(ev inference.Event) error {
		switch ev := ev.(type) {
		case inference.Started:
			r.usage.InputTokens = ev.InputTokens
		case inference.TextDelta:
			r.usage.OutputTokens = ev.OutputTokens
			if r.firstByte == 0 {
				r.firstByte = max(r.elapsed(), time.Nanosecond)
			}
		case inference.Finished:
			r.usage, elapsed = ev.Usage, ev.Elapsed
		}
		return emit(ev)
	})
	return timedOut(timed, err)
}

// timedOut turns the error of an answer that took too long into the service's
// own; any other error stays.
func timedOut(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errModelTimeout) {
		return fault.Wrap(fault.Timeout, err, "Model has timed out in processing the request. Try your request again.")
	}
	return err
}

// Close implements inference.Backend; the router stays open.
func (r *run) Close() error { return nil }

// elapsed is the time since the operation began.
func (r *run) elapsed() time.Duration { return r.service.params.Now().Sub(r.start) }
