package ledger

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// put puts the lines of a file of a journal, from a place on, into the database.
// limit -1 is its end. It returns the place that it came to.
func (l *Ledger) put(ctx context.Context, server string, from place, limit int64) (place, error) {
	file, err := os.Open(segmentPath(l.dir, server, from.segment))
	if err != nil {
		return from, err
	}
	defer file.Close()
	if limit < 0 {
		info, err := file.Stat()
		if err != nil {
			return from, err
		}
		limit = info.Size()
	}
	damaged, err := read(file, from.offset, limit, func(batch []Record, next int64) error {
		if err := l.db.put(ctx, server, batch); err != nil {
			return err
		}
		from.offset = next
		return nil
	})
	if damaged > 0 {
		l.p.Logger.Error("lines of the usage journal are damaged and were left out", slog.String("file", file.Name()), slog.Int("lines", damaged))
	}
	if err == nil {
		from.offset = limit // what has no line feed is no record
	}
	return from, err
}

// adopt puts the journals of servers that are dead into the database and deletes
// them; with living also those of servers that run, which stay.
func (l *Ledger) adopt(ctx context.Context, living bool) error {
	names, err := servers(l.dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		if l.journal != nil && name == l.journal.name {
			continue
		}
		if err := l.adoptOne(ctx, name, living); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (l *Ledger) adoptOne(ctx context.Context, name string, living bool) error {
	lock := flock.New(filepath.Join(l.dir, name+lockSuffix), flock.SetFlag(os.O_RDWR)) // it is there, or somebody was faster
	defer func() { _ = lock.Close() }()
	dead, err := lock.TryLock()
	if err != nil || !dead && !living {
		return err
	}
	segments, err := segmentsOf(l.dir, name)
	if err != nil || len(segments) == 0 {
		return err // a server that is just starting: its lock must stay
	}
	for _, n := range segments {
		// A file that is gone was put into the database by its owner.
		if _, err := l.put(ctx, name, place{segment: n}, -1); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if !dead {
		return nil
	}
	if err := l.db.interrupt(ctx, name); err != nil {
		return err
	}
	for _, n := range segments {
		if err := os.Remove(segmentPath(l.dir, name, n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.Remove(lock.Path())
}
