// Package sqlitestore keeps the control plane's state in one SQLite file. It
// implements store.Store; several processes may have the file open.
//
// It knows no resource: who reads and writes one owns its JSON. A method that
// has returned without an error survives a power cut.
package sqlitestore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"time"

	"github.com/outcrop/outcrop/internal/sqlite"
	"github.com/outcrop/outcrop/internal/store"
)

// application marks the file as Outcrop's state: "OCst".
const application = 0x4f437374

// Params are the settings of a Store.
type Params struct {
	Now func() time.Time // time.Now when nil
	// NewLease makes a value that no other claim has, of any process; random
	// when nil.
	NewLease func() string
}

// Store is a store.Store in a file.
type Store struct {
	db       *sqlite.DB
	now      func() time.Time
	newLease func() string
	wake     chan struct{}
}

var _ store.Store = (*Store)(nil)

// Open opens the state in the file at a path, and makes it when there is none.
// Faults as sqlite.Open.
func Open(ctx context.Context, path string, p Params) (*Store, error) {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.NewLease == nil {
		p.NewLease = rand.Text
	}
	db, err := sqlite.Open(ctx, path, sqlite.Options{Migrations: migrations(), Application: application, Durability: sqlite.PowerLoss})
	if err != nil {
		return nil, err
	}
	return &Store{db: db, now: p.Now, newLease: p.NewLease, wake: make(chan struct{}, 1)}, nil
}

// Close implements store.Store. It waits for calls in progress.
func (s *Store) Close() error { return s.db.Close() }

// migrations: see sqlite.Options. Times are nanoseconds since 1970, 0 is none.
func migrations() []string {
	return []string{`
CREATE TABLE record (
	seq     INTEGER PRIMARY KEY AUTOINCREMENT, -- order of creation; never used again, so that positions stay valid
	kind    TEXT NOT NULL,
	account TEXT NOT NULL,
	region  TEXT NOT NULL,
	parent  TEXT NOT NULL,
	id      TEXT NOT NULL,
	name    TEXT NOT NULL,
	status  TEXT NOT NULL,
	version INTEGER NOT NULL,
	tags    TEXT NOT NULL, -- JSON
	body    BLOB NOT NULL,
	created INTEGER NOT NULL,
	updated INTEGER NOT NULL,
	UNIQUE (kind, account, region, parent, id)
);
CREATE UNIQUE INDEX record_name ON record (kind, account, region, parent, name) WHERE name <> '';
CREATE INDEX record_status ON record (kind, account, region, parent, status);
CREATE INDEX record_parent ON record (account, region, parent);

CREATE TABLE token (
	kind    TEXT NOT NULL,
	account TEXT NOT NULL,
	region  TEXT NOT NULL,
	parent  TEXT NOT NULL,
	value   TEXT NOT NULL,
	request TEXT NOT NULL,
	record  INTEGER NOT NULL REFERENCES record (seq) ON DELETE CASCADE,
	created INTEGER NOT NULL,
	PRIMARY KEY (kind, account, region, parent, value)
) WITHOUT ROWID;
CREATE INDEX token_record ON token (record);
CREATE INDEX token_created ON token (created);

CREATE TABLE job (
	seq      INTEGER PRIMARY KEY AUTOINCREMENT,
	id       TEXT NOT NULL UNIQUE,
	kind     TEXT NOT NULL,
	payload  BLOB NOT NULL,
	"group"  TEXT NOT NULL,
	run_at   INTEGER NOT NULL,
	attempts INTEGER NOT NULL DEFAULT 0,
	lease    TEXT NOT NULL DEFAULT '', -- of who holds it; '' nobody
	expires  INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX job_due ON job (run_at, seq);
CREATE INDEX job_group ON job ("group", seq);
`}
}

// nanos and moment keep the zero time.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func moment(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// exists reports whether a query has a row.
func exists(ctx context.Context, tx *sql.Tx, query string, args ...any) (bool, error) {
	var found bool
	err := tx.QueryRowContext(ctx, "SELECT EXISTS ("+query+")", args...).Scan(&found)
	return found, err
}

// changed reports whether a statement did something.
func changed(result sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}
