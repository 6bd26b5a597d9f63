package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// TestCanceledWritesLeaveNothingOpen cancels writes at every moment, BEGIN and
// COMMIT included: the only connection that writes must stay usable, and what
// was said to have failed must not be there.
func TestCanceledWritesLeaveNothingOpen(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "words.db"), words)
	kept, unsure := 0, 0
	for i := range 600 {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for range i * 50 { // spins: a timer is too coarse
				if ctx.Err() != nil {
					return
				}
			}
			cancel()
		}()
		err := insert(ctx, db, fmt.Sprint(i))
		cancel()
		switch {
		case err == nil:
			kept++
		case !errors.Is(err, context.Canceled):
			t.Fatalf("write %d: %v", i, err)
		default:
			unsure++
		}
		short, end := context.WithTimeout(t.Context(), 5*time.Second)
		if err := db.Write(short, func(*sql.Tx) error { return nil }); err != nil {
			t.Fatalf("after the canceled write %d: %v", i, err)
		}
		end()
		if got := count(t, db); got != kept {
			t.Fatalf("after write %d (%v): got %d words, want %d", i, err, got, kept)
		}
	}
	t.Logf("%d were written, %d canceled", kept, unsure)
}
