package asyncinvoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/delivery"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/store"
	"github.com/outcrop/outcrop/internal/store/sqlitestore"
)

// buckets keep what is put.
type buckets struct {
	mu      sync.Mutex
	objects map[string]string
	owners  []string // that were asked for
	err     error
}

func (b *buckets) Put(_ context.Context, o delivery.Object) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return b.err
	}
	b.objects[o.Bucket+"/"+o.Key] = string(o.Body)
	b.owners = append(b.owners, o.Owner)
	return nil
}

type fixture struct {
	*Invoker

	t       *testing.T
	now     time.Time
	store   store.Store
	buckets *buckets
	run     func(ctx context.Context, inv *Invocation, folder string) ([]File, error)
	mu      sync.Mutex
	tried   []string // request IDs
	tries   []Try
	may     error
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, now: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), buckets: &buckets{objects: map[string]string{}}}
	clock := func() time.Time { return f.now }
	state, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"), sqlitestore.Params{Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = state.Close() })
	f.store = state
	f.run = func(context.Context, *Invocation, string) ([]File, error) {
		return []File{{"output.json", "application/json", []byte(`{"a":1}`)}}, nil
	}
	n := 0
	f.Invoker = New(Params{
		Store: state, Putter: f.buckets, Now: clock,
		Run: func(ctx context.Context, inv *Invocation, try Try) ([]File, error) {
			f.mu.Lock()
			f.tried, f.tries = append(f.tried, try.RequestID), append(f.tries, try)
			f.mu.Unlock()
			return f.run(ctx, inv, try.Folder)
		},
		May:   func(context.Context, *Invocation) error { return f.may },
		NewID: func() string { n++; return fmt.Sprintf("abcdefghij%02d", n) },
	})
	return f
}

func (f *fixture) start(change func(*Invocation)) Invocation {
	f.t.Helper()
	inv := Invocation{
		Account: "1", Region: "us-east-1", Model: "m", ModelARN: "arn:m", Input: json.RawMessage(`{"x":1}`), URI: "s3://results/pre/",
		Principal: iam.Principal{ARN: "ann"}, Tags: map[string]string{"team": "blue"},
	}
	if change != nil {
		change(&inv)
	}
	inv, err := f.Start(f.t.Context(), inv)
	if err != nil {
		f.t.Fatal(err)
	}
	return inv
}

// work does the next job; false: there is none that is due.
func (f *fixture) work(ctx context.Context) bool {
	f.t.Helper()
	job, ok, err := f.store.Claim(f.t.Context(), []string{work}, f.p.Lease)
	if err != nil {
		f.t.Fatal(err)
	}
	if ok {
		f.handle(ctx, job, slog.New(slog.DiscardHandler))
	}
	return ok
}

func (f *fixture) get(arn string) Invocation {
	f.t.Helper()
	inv, err := f.Get(f.t.Context(), "1", "us-east-1", arn)
	if err != nil {
		f.t.Fatal(err)
	}
	return inv
}

func TestPanicCostsTheInvocationAlone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.run = func(context.Context, *Invocation, string) ([]File, error) { panic("a bug") }
	inv := f.start(nil)
	if !f.work(t.Context()) || f.work(t.Context()) {
		t.Error("got another try, want one")
	}
	if got := f.get(inv.ARN); got.Status != Failed || got.Input != nil || strings.Contains(got.Failure, "bug") || got.Failure == "" {
		t.Errorf("got %+v, want a failure that tells nothing", got)
	}
}

func TestInvocation(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	inv := f.start(nil)
	if inv.ARN != "arn:aws:bedrock:us-east-1:1:async-invoke/abcdefghij01" || inv.Status != InProgress || !inv.Submitted.Equal(f.now) {
		t.Errorf("started: got %+v", inv)
	}
	f.now = f.now.Add(time.Minute)
	if !f.work(t.Context()) || f.work(t.Context()) {
		t.Error("an invocation is one job")
	}
	got := f.get(inv.ARN)
	if got.Status != Completed || !got.Ended.Equal(f.now) || !got.Modified.Equal(f.now) || !got.Submitted.Before(f.now) || got.Input != nil || got.Tags["team"] != "blue" {
		t.Errorf("done: got %+v", got)
	}
	want := map[string]string{
		"results/pre/abcdefghij01/output.json":   `{"a":1}`,
		"results/pre/abcdefghij01/manifest.json": `{"files":["output.json"],"invocationArn":"` + inv.ARN + `","modelArn":"arn:m"}`,
	}
	if d := cmp.Diff(want, f.buckets.objects); d != "" {
		t.Errorf("objects (-want +got):\n%s", d)
	}
}

// The same token starts one invocation, and only for the same request.
func TestToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := func(inv *Invocation) { inv.Token = "t" }
	one, two := f.start(token), f.start(token)
	if one.ARN != two.ARN {
		t.Errorf("got %s and %s", one.ARN, two.ARN)
	}
	inv := Invocation{Account: "1", Region: "us-east-1", Model: "other", URI: "s3://results", Token: "t"}
	if _, err := f.Start(t.Context(), inv); !fault.Is(err, fault.Conflict) {
		t.Errorf("another request: got %v, want a conflict", err)
	}
	for f.work(t.Context()) {
	}
	if len(f.tried) != 1 {
		t.Errorf("%d were run, want 1", len(f.tried))
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		run, put error
		want     string
	}{
		"refused":   {fault.New(fault.Invalid, "bad input"), nil, "bad input"},
		"a bug":     {errors.New("secret"), nil, "The system encountered an unexpected error during processing. Try your request again."},
		"no bucket": {nil, fault.New(fault.NotFound, "x"), "The bucket results of the output does not exist."},
		"denied":    {nil, fault.New(fault.Denied, "The keys may not write."), "The keys may not write."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.run = func(context.Context, *Invocation, string) ([]File, error) { return nil, tc.run }
			f.buckets.err = tc.put
			inv := f.start(nil)
			f.work(t.Context())
			if got := f.get(inv.ARN); got.Status != Failed || got.Failure != tc.want {
				t.Errorf("got %s %q, want %q", got.Status, got.Failure, tc.want)
			}
			if f.work(t.Context()) {
				t.Error("what has failed is done again")
			}
		})
	}
}

// What may pass is tried again, later each time, and not for ever.
func TestTriesAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.run = func(context.Context, *Invocation, string) ([]File, error) {
		return nil, fault.New(fault.Throttled, "too much")
	}
	inv := f.start(nil)
	var waits []time.Duration
	for last := f.now; f.get(inv.ARN).Status == InProgress; f.now = f.now.Add(time.Second) {
		if f.work(t.Context()) {
			waits = append(waits, f.now.Sub(last))
			last = f.now
		} else if f.now.Sub(last) > time.Hour {
			t.Fatal("it is never tried again")
		}
	}
	if got := f.get(inv.ARN); got.Status != Failed || got.Failure != "too much" {
		t.Errorf("got %s %q", got.Status, got.Failure)
	}
	if d := cmp.Diff([]time.Duration{0, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second}, waits); d != "" {
		t.Errorf("waits (-want +got):\n%s", d)
	}
	if len(slices.Compact(slices.Sorted(slices.Values(f.tried)))) != len(f.tried) {
		t.Errorf("request IDs: got %v, want each once", f.tried)
	}
	for i, try := range f.tries {
		if try.Record != "async-invoke-"+inv.ID || try.Number != i+1 {
			t.Errorf("try %d: got the line %s, version %d of the bill, want one line and its next version", i+1, try.Record, try.Number)
		}
	}
}

// Whoever may not any more gets no answer, also when they lose the right between
// two tries.
func TestMayStill(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.may = fault.New(fault.Denied, "ann may not")
	inv := f.start(nil)
	f.work(t.Context())
	if got := f.get(inv.ARN); got.Status != Failed || got.Failure != "ann may not" || len(f.tried) != 0 {
		t.Errorf("got %s %q, asked %v, want it refused before anybody is asked", got.Status, got.Failure, f.tried)
	}
	// Nobody can be asked for a moment: that is no answer.
	f.may = fault.New(fault.Unavailable, "busy")
	inv = f.start(nil)
	f.work(t.Context())
	if got := f.get(inv.ARN); got.Status != InProgress {
		t.Fatalf("got %s %q, want another try", got.Status, got.Failure)
	}
	f.may = nil
	f.run = func(context.Context, *Invocation, string) ([]File, error) {
		return nil, fault.New(fault.Throttled, "later")
	}
	f.now = f.now.Add(time.Minute)
	f.work(t.Context())
	f.may = fault.New(fault.Denied, "ann may not")
	f.now = f.now.Add(time.Minute)
	f.work(t.Context())
	if got := f.get(inv.ARN); got.Status != Failed || got.Failure != "ann may not" || len(f.tried) != 1 {
		t.Errorf("got %s %q, asked %v", got.Status, got.Failure, f.tried)
	}
}

// Results go to the bucket of the account that was named, and to no other one.
func TestOwner(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	owner := func(inv *Invocation) { inv.Owner = "123456789012" }
	f.start(owner)
	f.work(t.Context())
	if want := []string{"123456789012", "123456789012"}; !slices.Equal(f.buckets.owners, want) {
		t.Errorf("the owners of the buckets: got %v, want %v", f.buckets.owners, want)
	}
	f.p.Owner = "123456789012"
	f.start(owner)
	f.start(nil)
	f.p.Owner = "999999999999"
	_, err := f.Start(t.Context(), Invocation{Account: "1", URI: "s3://results/x", Owner: "123456789012"})
	if want := "The bucket results does not belong to the account 123456789012."; !fault.Is(err, fault.Denied) || fault.As(err).Message != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// What a policy may ask about is there again when the work is done.
func TestSourceIsKept(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	want := call.Source{IP: netip.MustParseAddr("192.0.2.7"), Secure: true, Endpoint: "vpce-1", UserAgent: "test/1"}
	inv := f.start(func(inv *Invocation) { inv.Source = want })
	if got := f.get(inv.ARN).Source; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A server that stops gives its work back, and the next one does it; one that was
// killed is waited for until its lease is over.
func TestGoesOn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	inv := f.start(nil)
	ctx, stop := context.WithCancel(t.Context())
	f.run = func(ctx context.Context, _ *Invocation, _ string) ([]File, error) {
		stop()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	f.work(ctx)
	if got := f.get(inv.ARN); got.Status != InProgress {
		t.Fatalf("stopped: got %s", got.Status)
	}
	// The next one is killed: nobody gives the job back.
	if _, ok, err := f.store.Claim(t.Context(), []string{work}, f.p.Lease); !ok || err != nil {
		t.Fatalf("what was given back cannot be claimed: %v", err)
	}
	f.run = func(context.Context, *Invocation, string) ([]File, error) {
		return []File{{"output.json", "application/json", []byte(`1`)}}, nil
	}
	if f.work(t.Context()) {
		t.Error("the work of a killed server was taken before its lease was over")
	}
	f.now = f.now.Add(f.p.Lease + time.Second)
	if !f.work(t.Context()) || f.get(inv.ARN).Status != Completed {
		t.Errorf("got %+v", f.get(inv.ARN))
	}
}

// A server that was killed after the end was written does nothing again.
func TestEndsOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	inv := f.start(nil)
	job, _, err := f.store.Claim(t.Context(), []string{work}, f.p.Lease)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.once(t.Context(), job, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.once(t.Context(), job, slog.New(slog.DiscardHandler)); err != nil || len(f.tried) != 1 {
		t.Errorf("tried %v, %v", f.tried, err)
	}
	if f.get(inv.ARN).Status != Completed {
		t.Error("it is not completed")
	}
}

func TestGetAndList(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for range 3 {
		f.start(nil)
		f.now = f.now.Add(time.Second)
	}
	f.start(func(inv *Invocation) { inv.Account = "2" })
	all, err := f.List(t.Context(), "1", "us-east-1")
	if err != nil || len(all) != 3 || all[0].ID != "abcdefghij01" || all[2].ID != "abcdefghij03" {
		t.Errorf("got %v, %v", all, err)
	}
	for _, arn := range []string{"arn:aws:bedrock:us-east-1:2:async-invoke/abcdefghij01", "arn:aws:bedrock:us-east-1:1:async-invoke/nothing", ""} {
		if _, err := f.Get(t.Context(), "1", "us-east-1", arn); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: got %v", arn, err)
		}
	}
	for _, uri := range []string{"", "results", "https://results/x", "s3://", "s3:///x"} {
		if _, err := f.Start(t.Context(), Invocation{Account: "1", URI: uri}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: got %v", uri, err)
		}
	}
}

// Work does what is there, and what comes, and ends with its context.
func TestWork(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	done := make(chan string, 2)
	f.run = func(_ context.Context, inv *Invocation, folder string) ([]File, error) {
		done <- folder
		return nil, nil
	}
	f.start(nil)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { f.Work(ctx, slog.New(slog.DiscardHandler)) })
	got := []string{<-done}
	f.start(func(inv *Invocation) { inv.URI = "s3://results" })
	got = append(got, <-done)
	stop()
	running.Wait()
	if want := "s3://results/pre/abcdefghij01 s3://results/abcdefghij02"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}
