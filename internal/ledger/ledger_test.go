package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/ledger"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/price"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

var noon = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

func book(t testing.TB) *price.Book {
	t.Helper()
	c, err := catalog.New()
	if err != nil {
		t.Fatal(err)
	}
	b, err := price.New(c, []price.Override{{Match: "test.*", InputPer1M: 1, OutputPer1M: 2, PerQuery: 0.5}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func params(t testing.TB, dir string) ledger.Params {
	t.Helper()
	return ledger.Params{
		Dir: dir, Prices: book(t), Now: func() time.Time { return noon },
		Metadata: func(input any) map[string]string { return input.(map[string]string) },
	}
}

func open(t testing.TB, p ledger.Params) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

var alice = iam.Principal{Type: iam.User, Account: "000000000000", ARN: "arn:aws:iam::000000000000:user/alice", Name: "alice", AccessKeyID: "AKIA1"}

// view is a call of a whole answer; stream of events.
func view(id string, p iam.Principal) *observe.View {
	return &observe.View{
		Call: &call.Call{
			RequestID: id, Account: "000000000000", Region: "us-east-1", Service: "bedrock-runtime", Operation: "Converse", Principal: p, Start: noon.Add(-time.Second),
		},
		Op: &schema.Operation{}, Input: map[string]string{"team": "blue"},
	}
}

func stream(id string) *observe.View {
	v := view(id, alice)
	v.Call.Operation, v.Op, v.Stream = "ConverseStream", &schema.Operation{OutputStream: &schema.Member{}}, true
	return v
}

func used(v *observe.View, in, out int) {
	v.Call.RecordUsage(func(u *call.Usage) {
		u.Model, u.ServedBy, u.Backend, u.InputTokens, u.OutputTokens = "test.model", "llamacpp/small", "llamacpp", in, out
	})
}

// answer runs a call to its end.
func answer(l *ledger.Ledger, v *observe.View, in, out int) {
	w := l.Begin(v)
	used(v, in, out)
	w.Settled(v)
	v.Status = http.StatusOK
	if !v.Stream {
		w.Answer(v, nil)
	}
	w.End(v)
}

func rows(t testing.TB, l *ledger.Ledger, by ...ledger.Dimension) []ledger.Row {
	t.Helper()
	got, err := l.Rows(context.Background(), ledger.Query{By: by})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// summary is a row in one line: keys, calls, tokens, dollars.
func summary(list []ledger.Row) (lines []string) {
	for _, r := range list {
		lines = append(lines, fmt.Sprintf("%s: %d calls, %d failed, %d in, %d out, $%s", strings.Join(r.Keys, " "), r.Calls, r.Failed, r.Input, r.Output, r.Cost))
	}
	return lines
}

func check(t testing.TB, l *ledger.Ledger, want []string, by ...ledger.Dimension) {
	t.Helper()
	if diff := cmp.Diff(want, summary(rows(t, l, by...))); diff != "" {
		t.Errorf("by %v (-want +got):\n%s", by, diff)
	}
}

func TestEveryCallLeavesOneRecord(t *testing.T) {
	t.Parallel()
	l := open(t, params(t, t.TempDir()))
	defer l.Close()

	answer(l, view("whole", alice), 10, 5)
	answer(l, stream("stream"), 20, 6)

	// Several generations add up.
	v := stream("twice")
	w := l.Begin(v)
	used(v, 1, 1)
	w.Settled(v)
	used(v, 30, 7)
	w.Settled(v)
	v.Status = http.StatusOK
	w.End(v)

	// The client leaves in the middle.
	v = stream("left")
	w = l.Begin(v)
	used(v, 40, 2)
	v.Status, v.Code = 499, "Canceled"
	w.End(v)

	// A refusal names the model by its path.
	v = view("refused", alice)
	v.Labels = map[string]string{"modelId": "test.model"}
	w = l.Begin(v)
	v.Status, v.Code = http.StatusTooManyRequests, "ThrottlingException"
	w.Answer(v, nil)
	w.End(v)

	// What the server does of its own accord.
	l.Record(ledger.Work{ID: "work", Account: "000000000000", Operation: "StartIngestionJob", Usage: call.Usage{Model: "test.model", InputTokens: 7}})
	check(t, l, []string{"server: 1 calls, 0 failed, 7 in, 0 out, $0.000007", "user/alice: 5 calls, 2 failed, 100 in, 20 out, $0.00014"}, ledger.ByName)

	// Who is not known, and what names no model, is not in the bill.
	v = view("stranger", iam.Principal{})
	v.Labels = map[string]string{"modelId": "test.model"}
	w = l.Begin(v)
	v.Status, v.Code = http.StatusForbidden, "InvalidSignatureException"
	w.Answer(v, nil)
	w.End(v)
	v = view("about", alice)
	v.Call.Service, v.Labels = "bedrock", map[string]string{"modelId": "test.model"}
	w = l.Begin(v)
	v.Status = http.StatusOK
	w.Answer(v, nil)
	w.End(v)
	v = view("list", alice)
	w = l.Begin(v)
	v.Status = http.StatusOK
	w.Answer(v, nil)
	w.End(v)

	check(t, l, []string{
		"Canceled: 1 calls, 1 failed, 40 in, 2 out, $0.000044",
		"ThrottlingException: 1 calls, 1 failed, 0 in, 0 out, $0",
		"ok: 4 calls, 0 failed, 67 in, 18 out, $0.000103",
	}, ledger.ByOutcome)
	check(t, l, []string{"server : 1 calls, 0 failed, 7 in, 0 out, $0.000007", "user/alice blue: 5 calls, 2 failed, 100 in, 20 out, $0.00014"}, ledger.ByName, ledger.TagDimension("team"))
}

// A price is missing where something was used, and not where a call was refused.
func TestMissingPrices(t *testing.T) {
	t.Parallel()
	l := open(t, params(t, t.TempDir()))
	defer l.Close()
	for id, tokens := range map[string]int{"used": 3, "refused": 0} {
		v := view(id, alice)
		w := l.Begin(v)
		v.Call.RecordUsage(func(u *call.Usage) { u.Model, u.InputTokens = "nobody.knows", tokens })
		v.Status = http.StatusOK
		w.Answer(v, nil)
		w.End(v)
	}
	if got := rows(t, l); len(got) != 1 || got[0].Calls != 2 || got[0].Unpriced != 1 {
		t.Errorf("got %+v, want one of two calls without a price", got)
	}
}

// What was written before the server was killed is in the bill, once, whoever
// reads the journal and however often.
func TestKilledServersAreReplayed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	killed := open(t, params(t, dir))
	answer(killed, view("a", alice), 10, 1)
	if err := killed.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	answer(killed, view("b", alice), 10, 1)
	// The kill comes as soon as the client can know what was used.
	v := stream("open")
	w := killed.Begin(v)
	used(v, 10, 1)
	w.Settled(v)
	v = view("answered", alice)
	w = killed.Begin(v)
	used(v, 10, 1)
	v.Status = http.StatusOK
	w.Answer(v, nil)

	want := []string{": 1 calls, 1 failed, 10 in, 1 out, $0.000012", "ok: 3 calls, 0 failed, 30 in, 3 out, $0.000036"}
	reader, err := ledger.Read(t.Context(), params(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // beside the server that runs
		check(t, reader, want, ledger.ByOutcome)
	}
	beside := open(t, params(t, dir))
	answer(beside, view("c", alice), 100, 100)
	killed.Kill()
	want = []string{"interrupted: 1 calls, 1 failed, 10 in, 1 out, $0.000012", "ok: 4 calls, 0 failed, 130 in, 103 out, $0.000336"}
	for range 2 {
		check(t, reader, want, ledger.ByOutcome)
	}
	if err := errors.Join(beside.Close(), reader.Close()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		l := open(t, params(t, dir))
		check(t, l, want, ledger.ByOutcome)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "usage", "*")); len(left) > 0 {
		t.Errorf("got %v after all servers are closed, want nothing", left)
	}
}

// A line that was cut off, or that the disk spoiled, costs itself alone.
func TestTornJournals(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(text []byte) []byte{
		"cut off":      func(b []byte) []byte { return b[:len(b)-7] },
		"line feed":    func(b []byte) []byte { return b[:len(b)-1] },
		"bit":          func(b []byte) []byte { b[len(b)-30] ^= 4; return b },
		"zeros behind": func(b []byte) []byte { return append(b[:len(b)-7], make([]byte, 4096)...) },
		"very long":    func(b []byte) []byte { return append(b[:len(b)-7], make([]byte, 3<<20)...) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			l := open(t, params(t, dir))
			for i := range 3 {
				answer(l, view(fmt.Sprint(i), alice), 1, 1)
			}
			l.Kill()
			files, err := filepath.Glob(filepath.Join(dir, "usage", "*.journal"))
			if err != nil || len(files) != 1 {
				t.Fatalf("got the files %v, %v, want one", files, err)
			}
			text, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(files[0], spoil(text), 0o600); err != nil {
				t.Fatal(err)
			}
			l = open(t, params(t, dir))
			defer l.Close()
			check(t, l, []string{": 2 calls, 0 failed, 2 in, 2 out, $0.000006"})
		})
	}
}

// While the disk is full, records are kept in memory, and what is written after
// that is whole.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	p := params(t, t.TempDir())
	p.Memory = 3
	l := open(t, p)
	answer(l, view("before", alice), 1, 0)
	restore := l.FillDisk(t)
	for i := range 5 {
		answer(l, view(fmt.Sprint("full", i), alice), 10, 0)
	}
	if inMemory, lost := l.Trouble(); inMemory != 3 || lost != 2 {
		t.Errorf("got %d records in memory and %d lost, want 3 and the two that memory has no room for", inMemory, lost)
	}
	restore()
	answer(l, view("after", alice), 100, 0)
	check(t, l, []string{": 5 calls, 0 failed, 131 in, 0 out, $0.000131"})
	l.Kill()
	l = open(t, p)
	defer l.Close()
	check(t, l, []string{": 5 calls, 0 failed, 131 in, 0 out, $0.000131"})
}

// Somebody tidies up where a server is running: what was in the file is lost,
// what comes is not.
func TestDeletedJournal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, params(t, dir))
	answer(l, view("a", alice), 1, 0)
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	answer(l, view("b", alice), 10, 0)
	files, err := filepath.Glob(filepath.Join(dir, "usage", "*.journal"))
	if err != nil || len(files) != 1 {
		t.Fatalf("got the files %v, %v, want one", files, err)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Skip(err) // not while it is open, on this system
	}
	check(t, l, []string{": 1 calls, 0 failed, 1 in, 0 out, $0.000001"})
	answer(l, view("c", alice), 100, 0)
	check(t, l, []string{": 2 calls, 0 failed, 101 in, 0 out, $0.000101"})
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// The journal moves on to new files while calls are written, and none is lost.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, params(t, dir))
	const callers, each = 8, 200
	var group sync.WaitGroup
	for c := range callers {
		group.Go(func() {
			for i := range each {
				v := stream(fmt.Sprintf("%d-%d", c, i))
				v.Call.RecordUsage(func(u *call.Usage) { u.Resource = strings.Repeat("x", 900) })
				answer(l, v, 1, 1)
			}
		})
	}
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
			if err := l.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	check(t, l, []string{fmt.Sprintf(": %d calls, 0 failed, %[1]d in, %[1]d out, $0.0048", callers*each)})
	if err := l.Flush(t.Context()); err != nil { // the one that began a new file left the old one
		t.Fatal(err)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "usage", "*.journal")); len(files) != 1 || strings.HasSuffix(files[0], "-000001.journal") {
		t.Errorf("got the files %v, want one later than the first", files)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestMeters(t *testing.T) {
	t.Parallel()
	now := noon
	p := params(t, t.TempDir())
	p.Now = func() time.Time { return now }
	p.Tags = func(p iam.Principal) map[string]string { return map[string]string{"cost": p.Name} }
	l, other := open(t, p), open(t, p)
	defer l.Close()
	defer other.Close()
	bob := alice
	bob.Name = "bob"
	v := view("yesterday", alice)
	v.Call.Start = noon.Add(-24 * time.Hour)
	answer(l, v, 1_000_000, 0)
	answer(other, view("other", alice), 1_000_000, 0)

	meter := func(scope string, period ledger.Period) *ledger.Meter {
		m, err := l.Meter(t.Context(), "000000000000", scope, period)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	if err := other.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, month, user, tag := meter(ledger.Everybody, ledger.Day), meter(ledger.Everybody, ledger.Month), meter("user/alice", ledger.Day), meter(ledger.TagScope("cost", "bob"), ledger.Day)
	expect := func(when string, want ...string) {
		t.Helper()
		var got []string
		for _, m := range []*ledger.Meter{all, month, user, tag} {
			got = append(got, m.Spent(now).String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: all, month, alice, tag (-want +got):\n%s", when, diff)
		}
	}
	expect("at first", "1", "2", "1", "0")
	w := l.Begin(v)
	v = stream("s")
	v.Call.Principal = bob
	used(v, 2_000_000, 0)
	w.Settled(v)
	expect("before the client knows", "3", "4", "1", "2")
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect("in the database", "3", "4", "1", "2")
	used(v, 3_000_000, 0)
	v.Status = http.StatusOK
	w.End(v)
	expect("more of the same call", "4", "5", "1", "3")
	now = now.Add(24 * time.Hour) // the first of April
	expect("a month later", "0", "0", "0", "0")
	v = view("april", alice)
	v.Call.Start = now
	answer(l, v, 1, 0)
	expect("a call of the new one", "0.000001", "0.000001", "0.000001", "0")
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect("in the database", "0.000001", "0.000001", "0.000001", "0")
	reader, err := ledger.Read(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	read, err := reader.Meter(t.Context(), "000000000000", ledger.Everybody, ledger.Month)
	if err != nil || read.Spent(now).String() != "0.000001" {
		t.Errorf("a reader's: got %v, %v, want what the others know", read.Spent(now), err)
	}
	l.Release(all)
	answer(l, view("released", alice), 1, 0)
}

func TestPrune(t *testing.T) {
	t.Parallel()
	p := params(t, t.TempDir())
	p.Keep = 48 * time.Hour
	l := open(t, p)
	defer l.Close()
	for i := range 5 {
		v := view(fmt.Sprint(i), alice)
		v.Call.Start = noon.Add(-time.Duration(i) * 24 * time.Hour)
		answer(l, v, 1, 0)
	}
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.Prune(t.Context())
	check(t, l, []string{
		"2026-03-29: 1 calls, 0 failed, 1 in, 0 out, $0.000001",
		"2026-03-30: 1 calls, 0 failed, 1 in, 0 out, $0.000001",
		"2026-03-31: 1 calls, 0 failed, 1 in, 0 out, $0.000001",
	}, ledger.ByDay)
}
