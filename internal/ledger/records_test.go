package ledger_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/ledger"
)

// totals are an account's sums in lines.
func totals(t *testing.T, l *ledger.Ledger, from, to time.Time) (lines []string) {
	t.Helper()
	rows, err := l.Totals(t.Context(), "000000000000", from, to)
	if err != nil {
		t.Fatal(err)
	}
	return summary(rows)
}

// The sums that are kept are those that counting would give, whatever becomes of a
// record: later versions of it, its deletion, a killed server.
func TestTotals(t *testing.T) {
	t.Parallel()
	p := params(t, t.TempDir())
	p.Keep = 48 * time.Hour
	l := open(t, p)
	defer l.Close()
	old := view("old", alice)
	old.Call.Start = noon.Add(-72 * time.Hour)
	answer(l, old, 100, 0)
	answer(l, view("a", alice), 10, 5)
	answer(l, view("b", alice), 20, 0)
	failed := view("c", alice)
	w := l.Begin(failed)
	used(failed, 0, 0)
	failed.Status, failed.Code = http.StatusTooManyRequests, "ThrottlingException"
	w.Answer(failed, nil)
	w.End(failed)
	// A stream is written when it is settled and when it is over.
	s := stream("d")
	w = l.Begin(s)
	used(s, 1, 2)
	w.Settled(s)
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	day := noon.Truncate(24 * time.Hour)
	want := []string{
		": 1 calls, 0 failed, 1 in, 2 out, $0.000005",
		"ThrottlingException: 1 calls, 1 failed, 0 in, 0 out, $0",
		"ok: 2 calls, 0 failed, 30 in, 5 out, $0.00004",
	}
	if diff := cmp.Diff(want, totals(t, l, day, day.Add(24*time.Hour))); diff != "" {
		t.Errorf("while a stream is under way (-want +got):\n%s", diff)
	}
	s.Status = http.StatusOK
	w.End(s)
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want = []string{"ThrottlingException: 1 calls, 1 failed, 0 in, 0 out, $0", "ok: 3 calls, 0 failed, 31 in, 7 out, $0.000045"}
	if diff := cmp.Diff(want, totals(t, l, day, day.Add(24*time.Hour))); diff != "" {
		t.Errorf("when it is over (-want +got):\n%s", diff)
	}
	l.Prune(t.Context())
	if diff := cmp.Diff([]string{"ok: 1 calls, 0 failed, 100 in, 0 out, $0.0001"}, totals(t, l, day.Add(-96*time.Hour), day)); diff != "" {
		t.Errorf("of records that were deleted (-want +got):\n%s", diff)
	}
	// Only whole hours are summed up: those that begin in the span.
	if diff := cmp.Diff(want, totals(t, l, noon.Add(-time.Hour), noon)); diff != "" {
		t.Errorf("of an hour (-want +got):\n%s", diff)
	}
	if got := totals(t, l, noon, noon.Add(time.Hour)); got != nil {
		t.Errorf("of the next hour: got %v", got)
	}
}

// A bill that was begun before there were sums gets them.
func TestTotalsOfAnOlderBill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, params(t, dir))
	answer(l, view("a", alice), 10, 5)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	ledger.Downgrade(t, dir)
	l = open(t, params(t, dir))
	defer l.Close()
	if diff := cmp.Diff([]string{"ok: 1 calls, 0 failed, 10 in, 5 out, $0.00002"}, totals(t, l, noon.Add(-24*time.Hour), noon.Add(24*time.Hour))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRecords(t *testing.T) {
	t.Parallel()
	l := open(t, params(t, t.TempDir()))
	defer l.Close()
	for i := range 5 {
		v := view(fmt.Sprintf("r%d", i), alice)
		v.Call.Start = noon.Add(time.Duration(i) * time.Minute)
		if i == 3 {
			v.Call.Start = noon.Add(2 * time.Minute) // two at the same time
		}
		w := l.Begin(v)
		used(v, i, 1)
		v.Status = http.StatusOK
		if i == 1 {
			v.Status, v.Code = http.StatusTooManyRequests, "ThrottlingException"
		}
		w.Answer(v, nil)
		w.End(v)
	}
	// Neither is a request.
	l.Record(ledger.Work{ID: "job", Account: "000000000000", Region: "us-east-1", Usage: call.Usage{Model: "test.model", InputTokens: 1}})
	l.Beside(view("r0", alice).Call, "beside", call.Usage{Model: "test.ranker", Queries: 1})
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var second ledger.Record
	for name, tt := range map[string]struct {
		find ledger.Find
		want string
	}{
		"all":             {ledger.Find{Limit: 10}, "r4 r3 r2 r1 r0"},
		"some":            {ledger.Find{Limit: 2}, "r4 r3"},
		"the next":        {ledger.Find{Limit: 2, Before: noon.Add(2 * time.Minute), BeforeID: "r3"}, "r2 r1"},
		"one":             {ledger.Find{Limit: 1, ID: "r1"}, "r1"},
		"none":            {ledger.Find{Limit: 1, ID: "r9"}, ""},
		"a span":          {ledger.Find{Limit: 9, From: noon.Add(time.Minute), To: noon.Add(2 * time.Minute)}, "r1"},
		"failed":          {ledger.Find{Limit: 9, Failed: true}, "r1"},
		"an outcome":      {ledger.Find{Limit: 9, Outcome: "Throttl*"}, "r1"},
		"a class":         {ledger.Find{Limit: 9, StatusFrom: 400, StatusTo: 499}, "r1"},
		"slow":            {ledger.Find{Limit: 9, AtLeast: time.Hour}, ""},
		"by model":        {ledger.Find{Limit: 9, Where: ledger.Condition{Dimension: ledger.ByAsked, Match: ledger.Like, Values: []string{"test.*"}}}, "r4 r3 r2 r1 r0"},
		"another":         {ledger.Find{Limit: 9, Where: ledger.Condition{Dimension: ledger.ByKey, Values: []string{"AKIA2"}}}, ""},
		"another account": {ledger.Find{Limit: 9, Account: "1"}, ""},
	} {
		if tt.find.Account == "" {
			tt.find.Account = "000000000000"
		}
		list, err := l.Records(t.Context(), tt.find)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, r := range list {
			ids = append(ids, r.ID)
			if r.ID == "r1" {
				second = r
			}
		}
		if got := strings.Join(ids, " "); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
	want := ledger.Record{
		ID: "r1", Version: 1, Time: noon.Add(time.Minute), Account: "000000000000", Region: "us-east-1", Service: "bedrock-runtime", Operation: "Converse",
		Principal: alice.ARN, Name: "user/alice", AccessKeyID: "AKIA1", Model: "test.model", ServedBy: "llamacpp/small", Backend: "llamacpp", Input: 1, Output: 1,
		Priced: true, Latency: -time.Minute, Status: http.StatusTooManyRequests, Outcome: "ThrottlingException", Metadata: map[string]string{"team": "blue"},
	}
	want.Cost.Input, want.Cost.Output = 1_000_000, 2_000_000
	if diff := cmp.Diff(want, second); diff != "" {
		t.Errorf("a record (-want +got):\n%s", diff)
	}
	if cost, known := l.Cost(call.Usage{Model: "test.model", OutputTokens: 3}); !known || cost.Total().String() != "0.000006" {
		t.Errorf("a cost: got %v, %v", cost.Total(), known)
	}
}

// The sums of a day do not take longer with a bill of a million records.
func BenchmarkTotals(b *testing.B) {
	l := open(b, params(b, b.TempDir()))
	defer l.Close()
	ledger.Fill(b, l, 1_000_000, noon.Truncate(24*time.Hour), 24*time.Hour)
	for b.Loop() {
		if _, err := l.Totals(b.Context(), "000000000000", noon.Truncate(24*time.Hour), noon.Truncate(24*time.Hour).Add(24*time.Hour)); err != nil {
			b.Fatal(err)
		}
	}
}

// So does a page of the newest records.
func BenchmarkRecords(b *testing.B) {
	l := open(b, params(b, b.TempDir()))
	defer l.Close()
	ledger.Fill(b, l, 1_000_000, noon.Truncate(24*time.Hour), 24*time.Hour)
	for name, f := range map[string]ledger.Find{
		"newest": {Account: "000000000000", Limit: 50},
		"rare":   {Account: "000000000000", Limit: 50, Outcome: "NoSuchException"},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := l.Records(b.Context(), f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
