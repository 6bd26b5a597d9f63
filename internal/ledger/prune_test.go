package ledger_test

import (
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/ledger"
)

// What was deleted for its age does not come back with a journal that still has
// it: it would be paid for twice.
func TestPrunedRecordsStayAway(t *testing.T) {
	t.Parallel()
	p := params(t, t.TempDir())
	now := noon
	p.Now = func() time.Time { return now }
	p.Keep = 48 * time.Hour
	l := open(t, p)
	answer(l, view("old", alice), 1, 0)
	for range 3 { // it goes on, and has little to do
		if err := l.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		now = now.Add(26 * time.Hour)
	}
	l.Prune(t.Context())

	expect := func(of string, l *ledger.Ledger) {
		t.Helper()
		check(t, l, nil)
		m, err := l.Meter(t.Context(), "000000000000", ledger.Everybody, ledger.Month)
		if err != nil || m.Spent(noon).String() != "0.000001" {
			t.Errorf("%s: got %v, %v, want what the call cost", of, m.Spent(noon), err)
		}
	}
	now = noon
	expect("the server", l)
	reader, err := ledger.Read(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	expect("who reads", reader)
	l.Kill()
	next := open(t, p)
	defer next.Close()
	expect("the next server", next)
}
