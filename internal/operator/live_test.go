package operator

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
)

// stream is what a client has got of a live stream so far.
type stream struct {
	*httptest.ResponseRecorder

	mu   sync.Mutex
	text strings.Builder
}

func (s *stream) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

// take is what came since the last time.
func (s *stream) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := s.text.String()
	s.text.Reset()
	return text
}

// watch begins a live stream; over is closed when it has ended.
func watch(ctx context.Context, t *testing.T, a *API, query string) (s *stream, over chan struct{}) {
	t.Helper()
	s, over = &stream{ResponseRecorder: httptest.NewRecorder()}, make(chan struct{})
	v, err := parameters(query, liveFilters())
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/outcrop/requests/live", nil)
	go func() {
		defer close(over)
		if made, err := a.live(&request{Request: r, id: "id", call: &call.Call{}, query: v, w: s}); err != nil || made != (written{}) {
			t.Errorf("got %v, %v", made, err)
		}
	}()
	return s, over
}

// batches reads the events of a stream.
func batches(t *testing.T, text string) (list []LiveBatch) {
	t.Helper()
	for part := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		_, data, ok := strings.Cut(part, "event: requests\ndata: ")
		if !ok {
			t.Fatalf("got %q", text)
		}
		var b LiveBatch
		if err := json.Unmarshal([]byte(data), &b); err != nil {
			t.Fatal(err)
		}
		list = append(list, b)
	}
	return list
}

func newLive(b *bench) *API {
	a := &API{p: Params{Ring: b.Ring}}
	a.over, a.end = context.WithCancel(context.Background())
	a.pulls = newPulls(a)
	return a
}

// However many requests there are, a client gets at most five batches a second and
// is told what it has missed.
func TestLive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(0)
		a := newLive(b)
		ctx, leave := context.WithCancel(t.Context())
		s, over := watch(ctx, t, a, "")
		failures, overToo := watch(ctx, t, a, "status=error&operation=Con*")
		synctest.Wait()
		if got := s.take(); got != "retry: 2000\n\n" || s.Header().Get("Content-Type") != "text/event-stream; charset=utf-8" {
			t.Errorf("at first: got %q as %v", got, s.Header())
		}
		failures.take()
		b.Begin(b.view("running"))
		for i := range 500 {
			v := b.view(fmt.Sprint("r", i))
			code := ""
			status := http.StatusOK
			if i%100 == 7 {
				code, status = "ThrottlingException", http.StatusTooManyRequests
			}
			b.end(v, b.Begin(v), 0, status, code)
			time.Sleep(2 * time.Millisecond) // of the test's own clock
			synctest.Wait()
		}
		got := batches(t, s.take())
		requests, dropped := 0, 0
		for _, batch := range got {
			requests += len(batch.Requests)
			dropped += batch.Dropped
			if batch.Running != 1 {
				t.Errorf("got %d under way", batch.Running)
			}
		}
		if len(got) > 5 || requests < 400 || requests+dropped > 500 || dropped != 0 {
			t.Errorf("in a second: got %d requests in %d batches, %d dropped", requests, len(got), dropped)
		}
		var failed []string
		for _, batch := range batches(t, failures.take()) {
			failed = append(failed, ids(batch.Requests))
		}
		if diff := cmp.Diff("r7 r107 r207 r307 r407", strings.Join(failed, " ")); diff != "" {
			t.Errorf("failures (-want +got):\n%s", diff)
		}
		time.Sleep(batchEvery)
		synctest.Wait()
		s.take()
		// A burst is more than anybody reads.
		for i := range 700 {
			v := b.view(fmt.Sprint("burst", i))
			b.end(v, b.Begin(v), 0, http.StatusOK, "")
		}
		time.Sleep(batchEvery)
		synctest.Wait()
		burst := batches(t, s.take())
		if len(burst) != 1 || burst[0].Dropped != 200 || len(burst[0].Requests) != 500 || burst[0].Requests[0].ID != "burst200" || burst[0].Requests[499].ID != "burst699" {
			t.Errorf("a burst: got %d batches", len(burst))
		}
		time.Sleep(heartbeatEvery)
		synctest.Wait()
		if got := s.take(); got != ": alive\n\n" {
			t.Errorf("nothing to say: got %q", got)
		}
		leave()
		<-over
		<-overToo
		if len(b.live) != 0 {
			t.Errorf("%d streams are left", len(b.live))
		}
	})
}

// A server that ends ends its streams.
func TestLiveEndsWithTheServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newLive(newBench(0))
		_, over := watch(t.Context(), t, a, "")
		synctest.Wait()
		a.End()
		<-over
	})
}

// Who may follow the requests is decided anew after a while: nobody follows them for
// ever with a key that is gone.
func TestLiveIsAskedForAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(0)
		s, over := watch(t.Context(), t, newLive(b), "")
		time.Sleep(longestStream - time.Millisecond) // of the test's own clock
		synctest.Wait()
		select {
		case <-over:
			t.Error("it has ended too early")
		default:
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		select {
		case <-over:
		default:
			t.Fatal("it goes on")
		}
		if text := s.take(); !strings.HasPrefix(text, "retry: ") || len(b.live) != 0 {
			t.Errorf("got %q, and %d streams are left", text, len(b.live))
		}
	})
}

// There are only so many streams.
func TestLiveIsBounded(t *testing.T) {
	t.Parallel()
	b := newBench(0)
	// Nobody takes all of them.
	for range mostOfOne {
		if _, err := b.open(filter{}, "mallory"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.open(filter{}, "mallory"); !fault.Is(err, fault.Throttled) {
		t.Errorf("more of one: got %v", err)
	}
	var last *feed
	for i := range mostFeeds - mostOfOne {
		var err error
		if last, err = b.open(filter{}, fmt.Sprint("user", i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.open(filter{}, "bob"); !fault.Is(err, fault.Throttled) {
		t.Errorf("more than all: got %v", err)
	}
	b.close(last)
	if _, err := b.open(filter{}, "bob"); err != nil {
		t.Errorf("after one was closed: got %v", err)
	}
}
