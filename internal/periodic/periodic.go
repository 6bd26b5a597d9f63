// Package periodic does something again and again, and says once when it begins
// to fail: what was known stays, and the log does not fill up while a disk is
// away.
//
// It is for what has to be looked at because another process may have changed
// it. What has to be done when a server stops is not its business.
package periodic

import (
	"context"
	"log/slog"
	"time"
)

// Params say what is done.
type Params struct {
	Every  time.Duration
	Do     func(ctx context.Context) error
	Logger *slog.Logger
	// Trouble is what the log says when Do begins to fail: what is wrong, and what
	// holds meanwhile.
	Trouble string
}

// Run does it until ctx ends, the first time when Every has passed.
func Run(ctx context.Context, p Params) {
	ticker := time.NewTicker(p.Every)
	defer ticker.Stop()
	for failed := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := p.Do(ctx)
		if err != nil && !failed && ctx.Err() == nil {
			p.Logger.Error(p.Trouble, slog.String("cause", err.Error()))
		}
		failed = err != nil
	}
}
