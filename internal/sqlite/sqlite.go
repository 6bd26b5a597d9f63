// Package sqlite opens the embedded databases in the one way that suits a
// server: a write-ahead log, one connection that writes, several that read, and
// migrations counted in the file itself.
//
// It holds no schema and no query; who keeps something in a database brings
// both. What goes wrong in a database is classified here, once: see Classify.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/outcrop/outcrop/internal/fault"
)

// Durability says what a committed transaction survives. After any crash the
// database is consistent and holds a prefix of the transactions.
type Durability int

// The durabilities. The zero value is the safest.
const (
	// PowerLoss waits for the disk at every commit.
	PowerLoss Durability = iota
	// ProcessCrash leaves that to the operating system: a killed process loses
	// nothing, a machine without power may lose the last transactions.
	ProcessCrash
)

// Options are the settings of a database. The zero value of each is a sensible
// one.
type Options struct {
	// Migrations are SQL scripts. The first makes an empty database into one of
	// version 1, the second that into version 2, and so on. They are only ever
	// appended to: a script that was released is never edited.
	Migrations []string
	// Application is written into the header of a new file, and a file with
	// another one is refused. 0: not checked.
	Application int32
	Durability  Durability
	Readers     int           // connections that read at once; 0: 4
	Busy        time.Duration // how long to wait for a lock of another process; 0: 10 s
	CacheBytes  int64         // page cache of each connection; 0: SQLite's own, about 2 MB
	MmapBytes   int64         // how much of the file readers map into memory; 0: none
}

const (
	defaultReaders = 4
	defaultBusy    = 10 * time.Second
	// walLimit is what the log is cut down to after a large transaction, bytes.
	walLimit = 64 << 20
)

// DB is an open database. It is safe for concurrent use. Several processes may
// have the same file open, on a local file system.
type DB struct {
	writer *sql.DB
	reader *sql.DB

	mu     sync.Mutex
	closed bool
	inUse  sync.WaitGroup // transactions
}

// Open opens the database at a path, makes it when there is none (its folder
// too), and brings it to the newest version. The file and its log are readable
// for their owner alone.
//
// Invalid: the file is of a newer version than the program, of another
// application, or no database. Unavailable: it cannot be read or written.
func Open(ctx context.Context, path string, o Options) (*DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("the database's path: %w", err)
	}
	if err := touch(path); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "The database %s cannot be opened.", path)
	}
	readers := o.Readers
	if readers <= 0 {
		readers = defaultReaders
	}
	// The writer comes first: it alone may switch the file to a write-ahead log
	// and change its tables.
	writer, err := connect(path, o, "immediate", 1)
	if err != nil {
		return nil, err
	}
	db := &DB{writer: writer}
	if err := db.migrate(ctx, path, o); err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	if db.reader, err = connect(path, o, "deferred", readers, "query_only(1)", "mmap_size("+strconv.FormatInt(o.MmapBytes, 10)+")"); err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	return db, nil
}

// touch makes the file before SQLite does, which would let everybody read it.
// The log gets the modes of the file.
func touch(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func connect(path string, o Options, lock string, connections int, more ...string) (*sql.DB, error) {
	busy := o.Busy
	if busy <= 0 {
		busy = defaultBusy
	}
	synchronous := "FULL"
	if o.Durability == ProcessCrash {
		synchronous = "NORMAL"
	}
	// The driver sets busy_timeout first and the others in alphabetical order.
	pragmas := append([]string{
		fmt.Sprintf("busy_timeout(%d)", busy.Milliseconds()),
		"foreign_keys(1)",
		"journal_mode(WAL)",
		fmt.Sprintf("journal_size_limit(%d)", walLimit),
		"synchronous(" + synchronous + ")",
		"temp_store(MEMORY)",
		"trusted_schema(0)",
	}, more...)
	if o.CacheBytes > 0 {
		pragmas = append(pragmas, fmt.Sprintf("cache_size(-%d)", (o.CacheBytes+1023)/1024))
	}
	// A URI, because a plain path may not hold a question mark.
	slash := filepath.ToSlash(path)
	if !strings.HasPrefix(slash, "/") {
		slash = "/" + slash // C:/…
	}
	uri := url.URL{Scheme: "file", Path: slash, RawQuery: url.Values{
		"_pragma": pragmas, "_txlock": {lock}, "_dqs": {"0"}, "_defensive": {"1"}, "_error_rc": {"1"},
	}.Encode()}
	pool, err := sql.Open("sqlite", uri.String())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections) // a connection has its cache and its prepared statements
	return pool, nil
}

// Write runs f in a transaction that is the only one writing, waits for those
// before it, and commits when f returns nil. f sees what was committed before,
// and nothing that it did remains when Write fails. It must not keep tx, nor
// start another Write. A context that ends before the commit undoes everything.
// Errors are classified.
func (db *DB) Write(ctx context.Context, f func(tx *sql.Tx) error) error {
	return db.run(ctx, db.writer, f)
}

// Read runs f on a snapshot: all that it reads is of one moment, whatever is
// written meanwhile. It must not keep tx. Errors are classified.
func (db *DB) Read(ctx context.Context, f func(tx *sql.Tx) error) error {
	return db.run(ctx, db.reader, f)
}

func (db *DB) run(ctx context.Context, pool *sql.DB, f func(tx *sql.Tx) error) (err error) {
	if err := db.enter(); err != nil {
		return err
	}
	defer db.inUse.Done()
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return classify(ctx, err)
	}
	committed := false
	defer func() {
		if committed {
			return
		}
		// Also after a panic in f, so that the lock does not stay. Nothing is
		// lost when this fails: what is not committed does not count.
		_ = tx.Rollback()
	}()
	if err := f(tx); err != nil {
		return classify(ctx, err)
	}
	if err := tx.Commit(); err != nil {
		return classify(ctx, err)
	}
	committed = true
	return nil
}

// Writer is the connection of Write, for preparing statements that Write's f
// uses with tx.Stmt. Statements are to be closed before the database.
func (db *DB) Writer() *sql.DB { return db.writer }

// Reader is the pool of Read, for prepared statements and for queries that need
// no snapshot. Errors from it are not classified; see Classify.
func (db *DB) Reader() *sql.DB { return db.reader }

func (db *DB) enter() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return fault.New(fault.Unavailable, "The server is shutting down. Try your request again.")
	}
	db.inUse.Add(1)
	return nil
}

// Close waits for the transactions in progress, and closes the database. The
// last process that closes it moves the log into the file. A second Close does
// nothing.
func (db *DB) Close() error {
	db.mu.Lock()
	if db.closed {
		db.mu.Unlock()
		return nil
	}
	db.closed = true
	db.mu.Unlock()
	db.inUse.Wait()
	// The writer goes last: a connection that may not write cannot move the log.
	return errors.Join(db.reader.Close(), db.writer.Close())
}
