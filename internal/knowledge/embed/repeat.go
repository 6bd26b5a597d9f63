package embed

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
)

const (
	firstPause = 250 * time.Millisecond
	mostPause  = 10 * time.Second
)

// repeat does what needs a model until it succeeds, fails for another reason
// than that the model is not there, or patience has run out. Pauses double, and
// differ a little so that those who failed together do not return together.
func (e *Embeddings) repeat(ctx context.Context, model string, do func() error) error {
	begin := e.p.Now()
	for pause := firstPause; ; pause = min(2*pause, mostPause) {
		err := do()
		if err == nil || !e.passes(err) || ctx.Err() != nil {
			return err
		}
		jittered := pause + rand.N(pause/4)
		if e.p.Now().Sub(begin)+jittered > e.p.Patience {
			return err
		}
		e.p.Logger.WarnContext(ctx, "the embedding model is not there; trying again", "model", model, "pause", jittered, "error", err)
		if err := e.p.Wait(ctx, jittered); err != nil {
			return err
		}
	}
}

// passes reports whether a fault is of the model's process and not of the
// request.
func (e *Embeddings) passes(err error) bool {
	return fault.Is(err, fault.Unavailable) || fault.Is(err, fault.NotReady) || fault.Is(err, fault.Throttled) && !e.p.TellThrottled
}
