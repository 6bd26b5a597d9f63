package periodic_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/outcrop/outcrop/internal/periodic"
)

// Of tries that fail one after the other the first is told, and so is the first
// of the next time.
func TestTroubleIsToldOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		ctx, stop := context.WithCancel(t.Context())
		done := 0
		go periodic.Run(ctx, periodic.Params{
			Every: time.Second, Logger: slog.New(slog.NewTextHandler(&log, nil)), Trouble: "it is away",
			Do: func(ctx context.Context) error {
				switch done++; done {
				case 2, 3, 5:
					return errors.New("no disk")
				case 7:
					stop()
					return ctx.Err() // the stop is no trouble
				}
				return nil
			},
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		if done != 7 {
			t.Errorf("it was done %d times, want 7: not after the end", done)
		}
		if n := strings.Count(log.String(), `msg="it is away" cause="no disk"`); n != 2 || strings.Count(log.String(), "\n") != 2 {
			t.Errorf("the log says %s, want two lines", &log)
		}
	})
}
