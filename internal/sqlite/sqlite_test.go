package sqlite_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/sqlite"
)

var words = sqlite.Options{Migrations: []string{"CREATE TABLE word (text TEXT PRIMARY KEY)"}, Application: 7}

func open(t *testing.T, path string, o sqlite.Options) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func insert(ctx context.Context, db *sqlite.DB, word string) error {
	return db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO word VALUES (?)", word)
		return err
	})
}

func count(t *testing.T, db *sqlite.DB) (n int) {
	t.Helper()
	err := db.Read(t.Context(), func(tx *sql.Tx) error {
		return tx.QueryRowContext(t.Context(), "SELECT count(*) FROM word").Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestOpenSetsTheDatabaseUp(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new folder?", "a#b%20.db")
	for name, tt := range map[string]struct {
		durability  sqlite.Durability
		synchronous string
	}{"power": {sqlite.PowerLoss, "2"}, "process": {sqlite.ProcessCrash, "1"}} {
		o := words
		o.Durability = tt.durability
		o.MmapBytes = 1 << 20
		db := open(t, path, o)
		for side, pool := range map[string]*sql.DB{"writer": db.Writer(), "reader": db.Reader()} {
			want := map[string]string{"journal_mode": "wal", "synchronous": tt.synchronous, "foreign_keys": "1", "busy_timeout": "10000"}
			if side == "reader" {
				want["query_only"] = "1"
				want["mmap_size"] = "1048576"
			}
			for pragma, want := range want {
				var got string
				if err := pool.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
					t.Errorf("%s, %s: got %s = %q, %v, want %q", name, side, pragma, got, err, want)
				}
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got&0o077 != 0 {
		t.Errorf("mode of the file: got %v, want none for others", got)
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
		t.Errorf("after Close: got %v, want the file alone, with the log in it", files)
	}
}

func TestMigrationsRunOnceAndForward(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	one := words
	two := words
	two.Migrations = slices.Concat(one.Migrations, []string{"ALTER TABLE word ADD COLUMN seen INTEGER; INSERT INTO word VALUES ('migrated', 1)"})
	broken := words
	broken.Migrations = slices.Concat(two.Migrations, []string{"INSERT INTO word VALUES ('half', 0); CREATE TABLE word (again)"})
	foreign := two
	foreign.Application = 8

	first := open(t, path, one)
	if err := insert(t.Context(), first, "old"); err != nil {
		t.Fatal(err)
	}
	first.Close()
	for range 2 {
		db := open(t, path, two)
		if got := count(t, db); got != 2 {
			t.Errorf("after the migration: got %d words, want the old one and the migrated one", got)
		}
		db.Close()
	}
	for name, tt := range map[string]struct {
		options sqlite.Options
		kind    fault.Kind
		text    string
	}{
		"older program":   {one, fault.Invalid, "newer version of Outcrop (its version is 2, this program knows 1)"},
		"another program": {foreign, fault.Invalid, "belongs to another program"},
		"broken script":   {broken, fault.Internal, "from version 2 to 3"},
	} {
		_, err := sqlite.Open(t.Context(), path, tt.options)
		if !fault.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: got %v, want %v with %q", name, err, tt.kind, tt.text)
		}
	}
	if got := count(t, open(t, path, two)); got != 2 {
		t.Errorf("after a broken migration: got %d words, want the 2 from before", got)
	}
}

func TestOpenRefusesWhatIsNoDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.db")
	text := bytes.Repeat([]byte("not a database "), 1000)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), path, words); !fault.Is(err, fault.Invalid) {
		t.Errorf("text file: got %v, want Invalid", err)
	}
	if got, _ := os.ReadFile(path); !bytes.Equal(got, text) {
		t.Error("text file: was changed")
	}
	if _, err := sqlite.Open(t.Context(), dir, words); !fault.Is(err, fault.Unavailable) {
		t.Errorf("folder: got %v, want Unavailable", err)
	}
	if _, err := sqlite.Open(t.Context(), filepath.Join(path, "b.db"), words); !fault.Is(err, fault.Unavailable) {
		t.Errorf("below a file: got %v, want Unavailable", err)
	}
}

func TestOpenAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			db, err := sqlite.Open(t.Context(), path, words)
			if err != nil {
				t.Error(err)
				return
			}
			defer db.Close()
			for j := range 10 {
				if err := insert(t.Context(), db, fmt.Sprint(i, j)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if got := count(t, open(t, path, words)); got != 80 {
		t.Errorf("got %d words of 8 writers, want 80", got)
	}
}

func TestWriteUndoesWhatFails(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "a.db"), words)
	failure := errors.New("no")
	for name, tt := range map[string]struct {
		f    func(ctx context.Context, cancel func(), tx *sql.Tx) error
		want error
	}{
		"error": {func(context.Context, func(), *sql.Tx) error { return failure }, failure},
		"fault": {func(context.Context, func(), *sql.Tx) error { return fault.Wrap(fault.NotFound, failure, "none") }, failure},
		"context at once": {func(_ context.Context, cancel func(), _ *sql.Tx) error {
			cancel()
			return nil
		}, context.Canceled},
		"context before a query": {func(ctx context.Context, cancel func(), tx *sql.Tx) error {
			cancel()
			return tx.QueryRowContext(ctx, endless).Scan(new(int))
		}, context.Canceled},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		err := db.Write(ctx, func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(t.Context(), "INSERT INTO word VALUES ('x')"); err != nil {
				return err
			}
			return tt.f(ctx, cancel, tx)
		})
		cancel()
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("panic: got swallowed, want it to go on")
			}
		}()
		db.Write(t.Context(), func(tx *sql.Tx) error {
			tx.ExecContext(t.Context(), "INSERT INTO word VALUES ('x')")
			panic("bug")
		})
	}()
	if got := count(t, db); got != 0 {
		t.Errorf("got %d words, want all undone", got)
	}
	if err := insert(t.Context(), db, "after"); err != nil {
		t.Errorf("a write after those: %v", err)
	}
}

const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT count(*) FROM n"

func TestCanceledQueriesEnd(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "a.db"), words)
	for name, run := range map[string]func(context.Context, func(*sql.Tx) error) error{"read": db.Read, "write": db.Write} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		err := run(ctx, func(tx *sql.Tx) error { return tx.QueryRowContext(ctx, endless).Scan(new(int)) })
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want the deadline", name, err)
		}
	}
}

func TestReadSeesOneMoment(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "a.db"), words)
	err := db.Read(t.Context(), func(tx *sql.Tx) error {
		for range 2 {
			var got int
			if err := tx.QueryRowContext(t.Context(), "SELECT count(*) FROM word").Scan(&got); err != nil || got != 0 {
				t.Errorf("got %d, %v in the snapshot, want 0", got, err)
			}
			if err := insert(t.Context(), db, fmt.Sprint(time.Now().UnixNano())); err != nil {
				t.Error(err)
			}
		}
		_, err := tx.ExecContext(t.Context(), "DELETE FROM word")
		return err
	})
	if err == nil {
		t.Error("writing in Read: got no error, want one")
	}
	if got := count(t, db); got != 2 {
		t.Errorf("got %d words afterwards, want 2", got)
	}
}

func TestErrorsAreClassified(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	o := words
	o.Busy = time.Millisecond
	db, other := open(t, path, o), open(t, path, o)

	if err := insert(t.Context(), db, "x"); err != nil {
		t.Fatal(err)
	}
	err := insert(t.Context(), db, "x")
	if !sqlite.Unique(err) || !fault.Is(err, fault.Internal) {
		t.Errorf("taken key: got %v, want one that Unique knows and that says nothing to clients", err)
	}
	if sqlite.Unique(errors.New("x")) || sqlite.Unique(nil) {
		t.Error("Unique of other errors: got true, want false")
	}
	err = db.Write(t.Context(), func(*sql.Tx) error { return insert(t.Context(), other, "y") })
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "busy") {
		t.Errorf("locked by another: got %v, want Unavailable because it is busy", err)
	}

	if _, err := db.Writer().ExecContext(t.Context(), "PRAGMA max_page_count = 2"); err != nil {
		t.Fatal(err)
	}
	err = insert(t.Context(), db, strings.Repeat("z", 100_000))
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.As(err).Message, "disk is full") {
		t.Errorf("full: got %v, want Unavailable with the reason", err)
	}
	if got := count(t, db); got != 1 {
		t.Errorf("after a full disk: got %d words, want 1", got)
	}
	if err := insert(t.Context(), other, "small"); err != nil {
		t.Errorf("after a full disk: %v", err)
	}
}

func TestCloseWaitsAndIsFinal(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "a.db"), words)
	inside, proceed, written := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		written <- db.Write(t.Context(), func(tx *sql.Tx) error {
			close(inside)
			<-proceed
			_, err := tx.ExecContext(t.Context(), "INSERT INTO word VALUES ('x')")
			return err
		})
	}()
	<-inside
	closed := make(chan error, 1)
	go func() { closed <- db.Close() }()
	for !fault.Is(db.Read(t.Context(), func(*sql.Tx) error { return nil }), fault.Unavailable) {
		time.Sleep(time.Millisecond) // until Close has begun
	}
	select {
	case <-closed:
		t.Error("Close: got done during a Write, want it to wait")
	default:
	}
	close(proceed)
	if err := errors.Join(<-written, <-closed, db.Close()); err != nil {
		t.Error(err)
	}
}

// What a killed process had committed is there, whatever it was doing.
func TestCommittedSurvivesAKill(t *testing.T) {
	if path := os.Getenv("OUTCROP_TEST_SQLITE"); path != "" {
		writeUntilKilled(t, path)
	}
	t.Parallel()
	for name, durability := range map[string]sqlite.Durability{"power": sqlite.PowerLoss, "process": sqlite.ProcessCrash} {
		path := filepath.Join(t.TempDir(), "a.db")
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCommittedSurvivesAKill$")
		cmd.Env = append(os.Environ(), "OUTCROP_TEST_SQLITE="+path, fmt.Sprintf("OUTCROP_TEST_DURABILITY=%d", durability))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		committed := 0
		for lines := bufio.NewScanner(out); lines.Scan(); committed++ {
			if committed == 50 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		cmd.Wait()
		if got := count(t, open(t, path, words)); got < committed || committed < 50 {
			t.Errorf("%s: got %d words, want the %d that were said to be committed", name, got, committed)
		}
	}
}

func writeUntilKilled(t *testing.T, path string) {
	o := words
	if os.Getenv("OUTCROP_TEST_DURABILITY") == "1" {
		o.Durability = sqlite.ProcessCrash
	}
	db := open(t, path, o)
	for i := 0; ; i++ {
		if err := insert(t.Context(), db, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
		fmt.Println(i)
	}
}
