package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/store"
)

// Enqueue implements store.Queue.
func (s *Store) Enqueue(ctx context.Context, j store.Job) error {
	err := s.db.Write(ctx, func(tx *sql.Tx) error { return s.enqueue(ctx, tx, j) })
	if err == nil {
		s.signal()
	}
	return err
}

func (s *Store) enqueue(ctx context.Context, tx *sql.Tx, j store.Job) error {
	if j.RunAt.IsZero() {
		j.RunAt = s.now()
	}
	payload := []byte(j.Payload)
	if payload == nil {
		payload = []byte{}
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO job (id, kind, payload, "group", run_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
		j.ID, j.Kind, payload, j.Group, nanos(j.RunAt))
	return err
}

// Claim implements store.Queue. A successful one wakes the next worker, for
// there may be more to do.
func (s *Store) Claim(ctx context.Context, kinds []string, lease time.Duration) (j store.Job, ok bool, err error) {
	if len(kinds) == 0 {
		return store.Job{}, false, nil
	}
	due := `SELECT seq FROM job WHERE run_at <= ? AND (lease = '' OR expires <= ?) AND kind IN (?` + strings.Repeat(", ?", len(kinds)-1) + `)
		AND ("group" = '' OR NOT EXISTS (SELECT 1 FROM job AS before WHERE before."group" = job."group" AND before.seq < job.seq))
		ORDER BY run_at, seq LIMIT 1`
	now := s.now()
	args := []any{nanos(now), nanos(now)}
	for _, kind := range kinds {
		args = append(args, kind)
	}
	// Whoever asks in vain, again and again, does not keep others from writing.
	err = s.db.Read(ctx, func(tx *sql.Tx) error { return tx.QueryRowContext(ctx, due, args...).Scan(new(int64)) })
	if err == nil {
		err = s.db.Write(ctx, func(tx *sql.Tx) error {
			var runAt int64
			var payload []byte
			update := append([]any{s.newLease(), nanos(now.Add(lease))}, args...)
			err := tx.QueryRowContext(ctx, "UPDATE job SET lease = ?, expires = ?, attempts = attempts + 1 WHERE seq = ("+due+`) RETURNING id, kind, payload, "group", run_at, attempts, lease`, update...).
				Scan(&j.ID, &j.Kind, &payload, &j.Group, &runAt, &j.Attempts, &j.Lease)
			j.Payload, j.RunAt = payload, moment(runAt)
			return err
		})
	}
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return store.Job{}, false, nil
	case err != nil:
		return store.Job{}, false, err
	}
	s.signal()
	return j, true, nil
}

// Renew implements store.Queue.
func (s *Store) Renew(ctx context.Context, j store.Job, lease time.Duration) error {
	return s.held(ctx, "UPDATE job SET expires = ? WHERE id = ? AND lease = ? AND lease <> ''", nanos(s.now().Add(lease)), j.ID, j.Lease)
}

// Finish implements store.Queue.
func (s *Store) Finish(ctx context.Context, j store.Job) error {
	err := s.held(ctx, "DELETE FROM job WHERE id = ? AND lease = ? AND lease <> ''", j.ID, j.Lease)
	if err == nil && j.Group != "" {
		s.signal() // the next one of the group
	}
	return err
}

// Release implements store.Queue.
func (s *Store) Release(ctx context.Context, j store.Job, runAt time.Time) error {
	if runAt.IsZero() {
		runAt = s.now()
	}
	err := s.held(ctx, "UPDATE job SET lease = '', expires = 0, run_at = ? WHERE id = ? AND lease = ? AND lease <> ''", nanos(runAt), j.ID, j.Lease)
	if err == nil {
		s.signal()
	}
	return err
}

// held changes a job that the caller still holds.
func (s *Store) held(ctx context.Context, statement string, args ...any) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		found, err := changed(tx.ExecContext(ctx, statement, args...))
		if err == nil && !found {
			return store.Conflict(store.LeaseTaken)
		}
		return err
	})
}

// Wake implements store.Queue.
func (s *Store) Wake() <-chan struct{} { return s.wake }

func (s *Store) signal() {
	select {
	case s.wake <- struct{}{}:
	default: // somebody will be woken anyhow
	}
}
