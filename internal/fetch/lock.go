package fetch

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/outcrop/outcrop/internal/progress"
)

// lockPoll is how often a lock that another process holds is asked for again.
const lockPoll = 100 * time.Millisecond

// Lock takes the lock that path names, for this goroutine alone on this
// machine, and returns the function that gives it back. While another holds it,
// what is noted once to the sink. The operating system frees the lock of a
// process that dies. The empty file stays: removing it would let two owners
// hold it at once.
func Lock(ctx context.Context, path, what string, sink progress.Sink) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, DiskFault(err, "cannot make %s", filepath.Dir(path))
	}
	lock := flock.New(path)
	locked, err := lock.TryLock()
	if err == nil && !locked {
		sink.Note("waiting for another outcrop that works on " + what)
		_, err = lock.TryLockContext(ctx, lockPoll)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, DiskFault(err, "cannot lock %s", path)
	}
	// An error here means that the file is gone, and the lock with it.
	return func() { _ = lock.Unlock() }, nil
}
