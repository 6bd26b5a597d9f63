package operator

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/clocktest"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/price"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// bench is a ring with a clock.
type bench struct {
	*Ring

	clock *clocktest.Clock
}

func newBench(size int) *bench {
	b := &bench{clock: clocktest.New(noon)}
	b.Ring = NewRing(RingParams{Now: b.clock.Now, Size: size, Cost: func(u call.Usage) (price.Cost, bool) {
		return price.Cost{Input: price.Amount(u.InputTokens) * price.MicroDollar}, u.Model != ""
	}})
	return b
}

var alice = iam.Principal{Type: iam.User, Account: "000000000000", ARN: "arn:aws:iam::000000000000:user/team/alice", Name: "alice", AccessKeyID: "AKIA1"}

// view is a call of a model that has just come in.
func (b *bench) view(id string) *observe.View {
	return &observe.View{Call: &call.Call{
		RequestID: id, Account: "000000000000", Region: "us-east-1", Service: "bedrock-runtime", Operation: "Converse", Principal: alice, Start: b.clock.Now(),
		Source: call.Source{UserAgent: "Boto3/1"},
	}, Labels: map[string]string{"modelId": "amazon.nova-lite-v1:0"}}
}

// end ends a call after a time.
func (b *bench) end(v *observe.View, w observe.Watch, took time.Duration, status int, code string) {
	b.clock.Advance(took)
	v.Status, v.Code, v.Elapsed = status, code, b.clock.Now().Sub(v.Call.Start)
	w.End(v)
}

func ids(list []RequestSummary) string {
	var all []string
	for _, q := range list {
		all = append(all, q.ID)
	}
	return strings.Join(all, " ")
}

// The ring remembers the last exchanges and forgets the oldest ones.
func TestRingIsBounded(t *testing.T) {
	t.Parallel()
	b := newBench(3)
	since := func(want time.Time) {
		t.Helper()
		if _, got := b.all(); !got.Equal(want) {
			t.Errorf("got all since %v, want %v", got, want)
		}
	}
	since(noon)
	for i := range 5 {
		b.clock.Advance(time.Minute)
		v := b.view(fmt.Sprint("r", i))
		b.end(v, b.Begin(v), time.Second, 200, "")
	}
	list, _ := b.all()
	if got := ids(list); got != "r3 r4 r2" {
		t.Errorf("got %s", got)
	}
	since(noon.Add(2*time.Minute + time.Second))
	if _, _, _, ok := b.find("r1"); ok || len(b.byID) != 3 {
		t.Errorf("what was forgotten is found, of %d", len(b.byID))
	}
	if q, _, _, ok := b.find("r4"); !ok || q.ID != "r4" {
		t.Errorf("got %v, %v", q, ok)
	}
}

func TestExchange(t *testing.T) {
	t.Parallel()
	b := newBench(0)
	v := b.view("r")
	v.Call.Source.UserAgent = strings.Repeat("é", 5000)
	w := b.Begin(v)
	b.clock.Advance(time.Millisecond)
	v.Call.Mark(call.Authenticated, alice.ARN)
	v.Call.Mark(call.Decided, "")
	b.clock.Advance(time.Millisecond)
	v.Call.RecordUsage(func(u *call.Usage) { u.Model, u.ModelID, u.ServedBy = "us.m", "m", "script/m" })
	running, _ := b.all()
	if len(running) != 1 || running[0].State != "running" || running[0].Principal != alice.ARN || running[0].LatencyMs != 2 || running[0].Model != "us.m" {
		t.Errorf("under way: got %+v", running)
	}
	if q, x, steps, ok := b.find("r"); !ok || x != nil || len(steps) != 2 || q.ServedBy != "script/m" {
		t.Errorf("under way: found %+v %v %v %v", q, x, steps, ok)
	}
	if n := b.busy()["m"]; n != 1 {
		t.Errorf("got %d under way", n)
	}
	v.Call.RecordUsage(func(u *call.Usage) {
		u.InputTokens, u.OutputTokens, u.CacheRead, u.FirstToken = 10, 20, 3, 3*time.Millisecond
	})
	b.clock.Advance(time.Millisecond)
	w.Event(v, "messageStart", nil)
	w.Event(v, "messageStop", nil)
	b.clock.Advance(time.Millisecond)
	w.Settled(v)
	v.Call.Resource = "arn:aws:bedrock:us-east-1::foundation-model/m"
	v.Message = "the stream broke"
	b.end(v, w, time.Millisecond, 200, "ModelStreamErrorException")
	q, x, steps, _ := b.find("r")
	d := &RequestDetail{RequestSummary: q, Steps: []Step{}}
	d.way(x, steps)
	var got []string
	for _, s := range d.Steps {
		got = append(got, fmt.Sprintf("%s %g %s", s.Name, s.Ms, s.Detail))
	}
	want := []string{
		"received 0 ", "authenticated 1 " + alice.ARN, "decided 1 ", "firstToken 3 ", "settled 4 ", "done 5 ModelStreamErrorException 2 events",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("its way (-want +got):\n%s", diff)
	}
	if len(q.UserAgent) > longest+3 || !strings.HasSuffix(q.UserAgent, "é…") {
		t.Errorf("got a user agent of %d bytes", len(q.UserAgent))
	}
	q.UserAgent = ""
	if diff := cmp.Diff(RequestSummary{
		ID: "r", Time: noon, State: "done", Service: "bedrock-runtime", Operation: "Converse", Region: "us-east-1", Principal: alice.ARN, AccessKeyID: "AKIA1",
		Model: "us.m", ModelID: "m", ServedBy: "script/m", Status: 200, Code: "ModelStreamErrorException", Message: "the stream broke", LatencyMs: 5, FirstTokenMs: 3,
		Tokens: Tokens{Input: 10, Output: 20, CacheRead: 3}, CostUSD: "0.00001", Priced: true,
	}, q); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if d.Resource != v.Call.Resource || d.Costs.Input != "0.00001" || d.Costs.Output != "0" {
		t.Errorf("got %s, %+v", d.Resource, d.Costs)
	}
	if got := b.speeds()["script/m"]; got != 9500 { // 19 tokens after the first, in 2 ms
		t.Errorf("got %v tokens a second", got)
	}
}

// A call that was refused before its model was looked for names what it asked for.
func TestRefusedExchange(t *testing.T) {
	t.Parallel()
	b := newBench(0)
	v := b.view("r")
	v.Cause = errors.New("no")
	b.end(v, b.Begin(v), 0, http.StatusForbidden, "AccessDeniedException")
	if list, _ := b.all(); list[0].Model != "amazon.nova-lite-v1:0" || list[0].Code != "AccessDeniedException" {
		t.Errorf("got %+v", list[0])
	}
}

// Whoever reads does not disturb those who write; the race detector watches.
func TestRingIsSharedByMany(t *testing.T) {
	t.Parallel()
	b := newBench(10)
	f, err := b.open(filter{}, "alice")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 100 {
				v := b.view(fmt.Sprint(i, "-", n))
				w := b.Begin(v)
				v.Call.Mark(call.Authenticated, "x")
				v.Call.RecordUsage(func(u *call.Usage) { u.ModelID = "m" })
				b.end(v, w, 0, 200, "")
			}
		})
		all.Go(func() {
			for range 100 {
				list, _ := b.all()
				for _, q := range list {
					b.find(q.ID)
				}
				b.busy()
				b.speeds()
				f.take()
			}
		})
	}
	all.Wait()
	b.close(f)
	if list, _ := b.all(); len(list) != 10 || len(b.running) != 0 || len(b.live) != 0 {
		t.Errorf("got %d, %d under way", len(list), len(b.running))
	}
}

// What is remembered of a call does not keep the header that its signature was in, and
// what nobody checked where authentication is off is not kept at any length.
func TestRingKeepsNoHeaders(t *testing.T) {
	t.Parallel()
	b := newBench(0)
	header := "AWS4-HMAC-SHA256 Credential=AKIA1/20260301/us-east-1/bedrock/aws4_request, SignedHeaders=" + strings.Repeat("x;", 32<<10)
	key, region := header[28:33], header[43:52]
	v := b.view("short")
	v.Call.Region, v.Call.Principal.AccessKeyID = region, key
	b.end(v, b.Begin(v), 0, http.StatusOK, "")
	list, _ := b.all()
	if q := list[0]; q.Region != "us-east-1" || q.AccessKeyID != "AKIA1" || unsafe.StringData(q.Region) == unsafe.StringData(region) || unsafe.StringData(q.AccessKeyID) == unsafe.StringData(key) {
		t.Errorf("got %q and %q, want copies", q.Region, q.AccessKeyID)
	}
	v = b.view("long")
	v.Call.Region = header
	b.end(v, b.Begin(v), 0, http.StatusOK, "")
	list, _ = b.all()
	if n := len(list[1].Region); n > longest+3 {
		t.Errorf("got a region of %d bytes", n)
	}
}

// Anybody can make requests that nobody is recognized in: however many there are,
// those of people with keys are not forgotten for them.
func TestRingKeepsKnownCallersFromAFlood(t *testing.T) {
	t.Parallel()
	b := newBench(3)
	f, err := b.open(filter{}, "alice")
	if err != nil {
		t.Fatal(err)
	}
	known := b.view("known")
	b.end(known, b.Begin(known), time.Second, http.StatusOK, "")
	for i := range 2 * mostWaiting {
		v := b.view(fmt.Sprint("flood-", i))
		v.Call.Principal = iam.Principal{}
		b.end(v, b.Begin(v), 0, http.StatusForbidden, "UnrecognizedClientException")
	}
	last := b.view("last")
	b.end(last, b.Begin(last), time.Second, http.StatusOK, "")
	list, since := b.all()
	if len(list) != 2+mostStrangers || list[0].ID != "known" || list[1].ID != "last" || !since.Equal(noon) {
		t.Errorf("got %d since %v, the first are %s", len(list), since, ids(list[:2]))
	}
	if len(b.byID) != len(list) {
		t.Errorf("got %d that are found, want %d", len(b.byID), len(list))
	}
	for id, want := range map[string]bool{"known": true, "flood-0": false, fmt.Sprint("flood-", 2*mostWaiting-1): true} {
		if _, _, _, ok := b.find(id); ok != want {
			t.Errorf("%s: found %v", id, ok)
		}
	}
	batch, _ := f.take()
	if n := len(batch.Requests); n != 2+mostStrangersWaiting || batch.Requests[0].ID != "known" || batch.Requests[n-1].ID != "last" {
		t.Errorf("live: got %d", n)
	}
	if want := 2*mostWaiting - mostStrangersWaiting; batch.Dropped != want {
		t.Errorf("live: got %d dropped, want %d", batch.Dropped, want)
	}
	for range 3 {
		v := b.view("stranger")
		v.Call.Principal = iam.Principal{}
		b.end(v, b.Begin(v), 0, http.StatusForbidden, "")
	}
	if batch, _ := f.take(); len(batch.Requests) != 3 || batch.Dropped != 0 {
		t.Errorf("live, the next batch: got %d, %d dropped", len(batch.Requests), batch.Dropped)
	}
}

func TestFilterByCaller(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		caller          string
		known, stranger bool
	}{{"", true, true}, {callerKnown, true, false}, {callerUnknown, false, true}} {
		f, err := values{Values: url.Values{"caller": {tc.caller}}}.filter()
		if err != nil {
			t.Fatal(err)
		}
		if got := f.matches(&RequestSummary{Principal: alice.ARN}); got != tc.known {
			t.Errorf("%q: a known caller: got %v", tc.caller, got)
		}
		if got := f.matches(&RequestSummary{}); got != tc.stranger {
			t.Errorf("%q: a stranger: got %v", tc.caller, got)
		}
	}
}
