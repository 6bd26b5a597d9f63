package ledger

import (
	"bytes"
	"context"
	"os"
	"testing"
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
