package series

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/outcrop/outcrop/internal/sqlite"
)

// resolutions are the steps in which points are kept, and for how long: those
// of CloudWatch. Every point is written in all of them at once, so that nothing
// has to be summed up later and nothing is lost when it is not.
var resolutions = []struct{ step, keep time.Duration }{
	{time.Minute, 15 * 24 * time.Hour},
	{5 * time.Minute, 63 * 24 * time.Hour},
	{time.Hour, 455 * 24 * time.Hour},
}

// Key says whose values a point holds.
type Key struct {
	Account string
	Region  string
	Model   string // empty: of all models together
	Metric  Metric
}

// Point is what happened to a metric in one minute.
type Point struct {
	Key
	Minute time.Time
	Stat   Stat
}

const application = 0x6f637473 // "octs"

var migrations = []string{`
CREATE TABLE points (
	account TEXT NOT NULL,
	region  TEXT NOT NULL,
	metric  INTEGER NOT NULL,
	model   TEXT NOT NULL,
	step    INTEGER NOT NULL, -- seconds
	start   INTEGER NOT NULL, -- seconds since 1970, a multiple of step
	n       INTEGER NOT NULL,
	sum     REAL NOT NULL,
	min     REAL NOT NULL,
	max     REAL NOT NULL,
	buckets BLOB NOT NULL,
	PRIMARY KEY (account, region, metric, model, step, start)
) WITHOUT ROWID;
CREATE INDEX points_by_age ON points (step, start);
CREATE TABLE listed (
	account TEXT NOT NULL,
	region  TEXT NOT NULL,
	metric  INTEGER NOT NULL,
	model   TEXT NOT NULL,
	last    INTEGER NOT NULL, -- seconds since 1970: the latest point
	PRIMARY KEY (account, region, metric, model)
) WITHOUT ROWID;
`}

// Store keeps points. It is safe for concurrent use, also by several processes.
type Store struct{ db *sqlite.DB }

// Open opens the database at path and makes it if it is not there.
func Open(ctx context.Context, path string) (*Store, error) {
	db, err := sqlite.Open(ctx, path, sqlite.Options{
		Migrations: migrations, Application: application, Durability: sqlite.ProcessCrash, Readers: 2,
	})
	if err != nil {
		return nil, err
	}
	return &Store{db: db}, nil
}

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

// Add adds points to what is there, all or none.
func (s *Store) Add(ctx context.Context, points []Point) error {
	if len(points) == 0 {
		return nil
	}
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		read, err := tx.PrepareContext(ctx, `SELECT buckets FROM points WHERE account = ? AND region = ? AND metric = ? AND model = ? AND step = ? AND start = ?`)
		if err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
		defer func() { _ = read.Close() }() // the transaction has its error
		write, err := tx.PrepareContext(ctx, `
INSERT INTO points (account, region, metric, model, step, start, n, sum, min, max, buckets) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET n = n + excluded.n, sum = sum + excluded.sum, min = min(min, excluded.min), max = max(max, excluded.max), buckets = excluded.buckets`)
		if err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
		defer func() { _ = write.Close() }() // the transaction has its error
		list, err := tx.PrepareContext(ctx, `
INSERT INTO listed (account, region, metric, model, last) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET last = max(last, excluded.last)`)
		if err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
		defer func() { _ = list.Close() }() // the transaction has its error
		for i := range points {
			p := &points[i]
			if _, err := list.ExecContext(ctx, p.Account, p.Region, p.Metric, p.Model, p.Minute.Unix()); err != nil {
				return fmt.Errorf("list a metric: %w", err)
			}
			for _, r := range resolutions {
				if err := add(ctx, read, write, p, int64(r.step/time.Second)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func add(ctx context.Context, read, write *sql.Stmt, p *Point, step int64) error {
	start := p.Minute.Unix() - p.Minute.Unix()%step
	var merged Stat
	merged.Merge(&p.Stat)
	var known []byte
	switch err := read.QueryRowContext(ctx, p.Account, p.Region, p.Metric, p.Model, step, start).Scan(&known); {
	case err == nil:
		merged.decode(known)
	case !errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("read a point: %w", err)
	}
	if _, err := write.ExecContext(ctx, p.Account, p.Region, p.Metric, p.Model, step, start,
		int64(p.Stat.N), p.Stat.Sum, p.Stat.Min, p.Stat.Max, merged.encode()); err != nil {
		return fmt.Errorf("write a point: %w", err)
	}
	return nil
}

// Prune removes what is older than CloudWatch would keep it.
func (s *Store) Prune(ctx context.Context, now time.Time) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		for _, r := range resolutions {
			if _, err := tx.ExecContext(ctx, `DELETE FROM points WHERE step = ? AND start < ?`, int64(r.step/time.Second), now.Add(-r.keep).Unix()); err != nil {
				return fmt.Errorf("remove old points: %w", err)
			}
		}
		oldest := now.Add(-resolutions[len(resolutions)-1].keep).Unix()
		if _, err := tx.ExecContext(ctx, `DELETE FROM listed WHERE last < ?`, oldest); err != nil {
			return fmt.Errorf("remove old metrics: %w", err)
		}
		return nil
	})
}

// Query asks for the values of a key from Start on, before End, in steps of
// Period that begin at Start. Period is a multiple of a minute.
type Query struct {
	Key
	Start, End time.Time
	Period     time.Duration
}

// Step is one answer of Points.
type Step struct {
	Start time.Time
	Stat  Stat
}

// Align returns the beginning of the point that holds a time, in the resolution
// in which that time is still kept.
func Align(t, now time.Time) time.Time {
	step := resolutions[0].step
	for _, r := range resolutions[1:] {
		if t.Before(now.Add(-previous(r.step))) {
			step = r.step
		}
	}
	return t.Truncate(step)
}

// Points returns the steps that have values, oldest first. They are made from
// the finest points that divide the period and are kept as far back as Start,
// which Align has made.
func (s *Store) Points(ctx context.Context, q Query, now time.Time) ([]Step, error) {
	step := resolutions[0].step
	for _, r := range resolutions[1:] {
		if q.Period%r.step == 0 && q.Start.Before(now.Add(-previous(r.step))) {
			step = r.step
		}
	}
	var steps []Step
	err := s.db.Read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `
SELECT start, n, sum, min, max, buckets FROM points
WHERE account = ? AND region = ? AND metric = ? AND model = ? AND step = ? AND start >= ? AND start < ? ORDER BY start`,
			q.Account, q.Region, q.Metric, q.Model, int64(step/time.Second), q.Start.Unix(), q.End.Unix())
		if err != nil {
			return fmt.Errorf("read points: %w", err)
		}
		defer func() { _ = rows.Close() }() // rows.Err has its error
		period := int64(q.Period / time.Second)
		for rows.Next() {
			var start int64
			var one Stat
			var buckets []byte
			if err := rows.Scan(&start, &one.N, &one.Sum, &one.Min, &one.Max, &buckets); err != nil {
				return fmt.Errorf("read a point: %w", err)
			}
			one.decode(buckets)
			at := time.Unix(start-(start-q.Start.Unix())%period, 0).UTC()
			if n := len(steps); n == 0 || !steps[n-1].Start.Equal(at) {
				steps = append(steps, Step{Start: at})
			}
			steps[len(steps)-1].Stat.Merge(&one)
		}
		return rows.Err()
	})
	return steps, err
}

// previous is how long the points are kept that are finer than step.
func previous(step time.Duration) time.Duration {
	keep := time.Duration(0)
	for _, r := range resolutions {
		if r.step < step {
			keep = r.keep
		}
	}
	return keep
}

// Keys returns what has had values since a time, in an account and region, in
// a steady order.
func (s *Store) Keys(ctx context.Context, account, region string, since time.Time) ([]Key, error) {
	var keys []Key
	err := s.db.Read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT metric, model FROM listed WHERE account = ? AND region = ? AND last >= ? ORDER BY metric, model`, account, region, since.Unix())
		if err != nil {
			return fmt.Errorf("list metrics: %w", err)
		}
		defer func() { _ = rows.Close() }() // rows.Err has its error
		for rows.Next() {
			k := Key{Account: account, Region: region}
			if err := rows.Scan(&k.Metric, &k.Model); err != nil {
				return fmt.Errorf("list metrics: %w", err)
			}
			if k.Metric < Count {
				keys = append(keys, k)
			}
		}
		return rows.Err()
	})
	return keys, err
}
