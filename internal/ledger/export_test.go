package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Kill leaves the ledger as a killed process does: nothing is flushed, and the
// operating system frees the lock.
func (l *Ledger) Kill() {
	_ = l.journal.file.Close()
	_ = l.journal.lock.Unlock()
	_ = l.db.close()
}

// FillDisk makes every write to the journal fail.
func (l *Ledger) FillDisk(t *testing.T) (restore func()) {
	t.Helper()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no full device")
	}
	l.journal.mu.Lock()
	file := l.journal.file
	l.journal.file = full
	l.journal.mu.Unlock()
	return func() {
		l.journal.mu.Lock()
		l.journal.file = file
		l.journal.mu.Unlock()
		_ = full.Close()
	}
}

// Prune deletes what is too old.
func (l *Ledger) Prune(ctx context.Context) { l.prune(ctx) }

// AppendLine, ReadLine and ReadAll are the journal's form.
func AppendLine(r *Record) []byte { return appendLine(nil, r) }

// ReadLine reads a line.
func ReadLine(b []byte) (Record, error) { return readLine(b) }

// ReadAll reads a whole journal.
func ReadAll(text []byte) (records []Record, damaged int, err error) {
	damaged, err = read(bytes.NewReader(text), 0, int64(len(text)), func(batch []Record, _ int64) error {
		records = append(records, batch...)
		return nil
	})
	return records, damaged, err
}

// Downgrade makes the bill of a folder one that has no sums of hours.
func Downgrade(t *testing.T, dir string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, databaseName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "DROP TABLE total; DROP TRIGGER total_inserted; DROP TRIGGER total_changed; PRAGMA user_version = 1"); err != nil {
		t.Fatal(err)
	}
}

// Fill puts records into the database, evenly over a time.
func Fill(b *testing.B, l *Ledger, n int, from time.Time, over time.Duration) {
	b.Helper()
	const batch = 10_000
	records := make([]Record, 0, batch)
	for i := range n {
		records = append(records, Record{
			ID: fmt.Sprintf("%08d", i), Version: 1, Time: from.Add(over / time.Duration(n) * time.Duration(i)), Account: "000000000000", Region: "us-east-1",
			Service: "bedrock-runtime", Operation: "Converse", Name: "user/alice", Model: "test.model", Input: 100, Output: 10, Status: 200, Outcome: OK,
		})
		if len(records) == batch || i == n-1 {
			if err := l.db.put(b.Context(), "filled", records); err != nil {
				b.Fatal(err)
			}
			records = records[:0]
		}
	}
}
