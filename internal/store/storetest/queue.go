package storetest

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/store"
)

func mustEnqueue(t *testing.T, s store.Queue, jobs ...store.Job) {
	t.Helper()
	for _, j := range jobs {
		if err := s.Enqueue(t.Context(), j); err != nil {
			t.Fatal(err)
		}
	}
}

func mustClaim(t *testing.T, s store.Queue, want string) store.Job {
	t.Helper()
	j, ok, err := s.Claim(t.Context(), []string{"k", "other"}, time.Minute)
	if err != nil || !ok || j.ID != want {
		t.Fatalf("Claim: got %q, %v, %v, want %q", j.ID, ok, err, want)
	}
	return j
}

func checkNone(t *testing.T, what string, s store.Queue, kinds ...string) {
	t.Helper()
	if j, ok, err := s.Claim(t.Context(), kinds, time.Minute); ok || err != nil {
		t.Errorf("%s: got %q, %v, %v, want nothing to claim", what, j.ID, ok, err)
	}
}

func claim(t *testing.T, f *fixture) {
	checkNone(t, "an empty queue", f, "k")
	want := store.Job{ID: "1", Kind: "k", Payload: json.RawMessage(`{"a":1}`)}
	mustEnqueue(t, f, want)
	checkNone(t, "other kinds", f, "x", "y")
	checkNone(t, "no kinds", f)
	got := mustClaim(t, f, "1")
	if got.Lease == "" {
		t.Error("lease: got none")
	}
	want.Attempts, want.Lease, want.RunAt = 1, got.Lease, start
	check(t, "the job", got, want)
	checkNone(t, "a job that is held", f, "k")
	mustEnqueue(t, f, want) // is there
	checkNone(t, "a job that is held and was enqueued again", f, "k")
	if err := f.Finish(t.Context(), got); err != nil {
		t.Error(err)
	}
	f.clock.Advance(time.Hour)
	checkNone(t, "a job that is finished", f, "k")
	checkReason(t, "Finish again", f.Finish(t.Context(), got), store.LeaseTaken)
	mustEnqueue(t, f, want) // is a new one
	if again := mustClaim(t, f, "1"); again.Attempts != 1 || again.Lease == got.Lease {
		t.Errorf("a job of the same ID: got attempt %d with the lease %q, want the first with a lease of its own", again.Attempts, again.Lease)
	}
}

func claimOrder(t *testing.T, f *fixture) {
	mustEnqueue(t, f,
		store.Job{ID: "later", Kind: "k", RunAt: start.Add(time.Minute)},
		store.Job{ID: "first", Kind: "k"},
		store.Job{ID: "second", Kind: "other"},
		store.Job{ID: "overdue", Kind: "k", RunAt: start.Add(-time.Minute)})
	for _, want := range []string{"overdue", "first", "second"} {
		mustClaim(t, f, want)
	}
	checkNone(t, "before its time", f, "k", "other")
	f.clock.Advance(time.Minute - 1)
	checkNone(t, "a nanosecond before its time", f, "k") // the leases of the others last as long
	f.clock.Advance(1)
	mustClaim(t, f, "overdue") // its lease has run out
	mustClaim(t, f, "first")
	mustClaim(t, f, "second")
	mustClaim(t, f, "later")
}

// claimAtOnce: nobody gets a job that another one holds, whoever has the store
// open.
func claimAtOnce(t *testing.T, f *fixture) {
	stores := []store.Store{f, f.another()}
	const jobs = 30
	for i := range jobs {
		mustEnqueue(t, f, store.Job{ID: numbered(i), Kind: "k"})
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	claims := map[string]int{}
	for i := range 6 {
		group.Go(func() {
			for {
				j, ok, err := stores[i%2].Claim(t.Context(), []string{"k"}, time.Minute)
				if err != nil {
					t.Error(err)
				}
				if !ok {
					return
				}
				mu.Lock()
				claims[j.ID]++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	for id, n := range claims {
		if n != 1 {
			t.Errorf("%s: got %d claims, want 1", id, n)
		}
	}
	check(t, "jobs", len(claims), jobs)
}

func lease(t *testing.T, f *fixture) {
	mustEnqueue(t, f, store.Job{ID: "1", Kind: "k"})
	first := mustClaim(t, f, "1")
	f.clock.Advance(50 * time.Second)
	if err := f.Renew(t.Context(), first, time.Minute); err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(59 * time.Second)
	checkNone(t, "a renewed lease", f, "k")
	f.clock.Advance(time.Second)
	if err := f.Renew(t.Context(), first, time.Minute); err != nil {
		t.Errorf("Renew of a lease that ran out and that nobody took: %v", err)
	}
	f.clock.Advance(2 * time.Minute)
	second := mustClaim(t, f.another(), "1")
	check(t, "attempts", second.Attempts, 2)
	checkReason(t, "Renew", f.Renew(t.Context(), first, time.Minute), store.LeaseTaken)
	checkReason(t, "Finish", f.Finish(t.Context(), first), store.LeaseTaken)
	checkReason(t, "Release", f.Release(t.Context(), first, time.Time{}), store.LeaseTaken)
	checkReason(t, "Finish without a claim", f.Finish(t.Context(), store.Job{ID: "1"}), store.LeaseTaken)
	checkNone(t, "after what was refused", f, "k")
	if err := f.Finish(t.Context(), second); err != nil {
		t.Error(err)
	}
}

func release(t *testing.T, f *fixture) {
	mustEnqueue(t, f, store.Job{ID: "1", Kind: "k"}, store.Job{ID: "2", Kind: "k"})
	first := mustClaim(t, f, "1")
	if err := f.Release(t.Context(), first, start.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	checkReason(t, "Release again", f.Release(t.Context(), first, time.Time{}), store.LeaseTaken)
	mustClaim(t, f, "2")
	checkNone(t, "before its time", f, "k")
	f.clock.Advance(30 * time.Minute)
	two := mustClaim(t, f, "2")
	if err := f.Release(t.Context(), two, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if got := mustClaim(t, f, "2"); got.Attempts != 3 {
		t.Errorf("attempts: got %d, want 3", got.Attempts)
	}
	f.clock.Advance(30*time.Minute - 1)
	mustClaim(t, f, "2")
	checkNone(t, "a nanosecond before its time", f, "k")
	f.clock.Advance(1)
	if got := mustClaim(t, f, "1"); got.Attempts != 2 || !got.RunAt.Equal(start.Add(time.Hour)) {
		t.Errorf("got attempt %d, to be run at %v, want the second at its new time", got.Attempts, got.RunAt)
	}
}

func groups(t *testing.T, f *fixture) {
	mustEnqueue(t, f,
		store.Job{ID: "a1", Kind: "k", Group: "a", RunAt: start.Add(time.Second)},
		store.Job{ID: "a2", Kind: "k", Group: "a", RunAt: start.Add(-time.Minute)},
		store.Job{ID: "b1", Kind: "other", Group: "b"},
		store.Job{ID: "b2", Kind: "k", Group: "b"},
		store.Job{ID: "free", Kind: "k"})
	if j, ok, err := f.Claim(t.Context(), []string{"k"}, time.Minute); err != nil || !ok || j.ID != "free" {
		t.Fatalf("Claim: got %q, %v, %v, want the one that waits for nobody, as one waits for its time and one is of another kind", j.ID, ok, err)
	}
	checkNone(t, "behind one of another kind", f, "k")
	b1 := mustClaim(t, f, "b1")
	check(t, "group", b1.Group, "b")
	checkNone(t, "behind one that waits, and one that is held", f, "k")
	f.clock.Advance(time.Second)
	a1 := mustClaim(t, f, "a1")
	if err := f.Release(t.Context(), a1, start.Add(30*time.Second)); err != nil {
		t.Fatal(err)
	}
	checkNone(t, "behind one that was released for later", f, "k", "other")
	for len(f.Wake()) > 0 {
		<-f.Wake()
	}
	if err := f.Finish(t.Context(), b1); err != nil {
		t.Fatal(err)
	}
	select {
	case <-f.Wake():
	default:
		t.Error("Finish of a job that another one of its group waits for: got nobody woken")
	}
	mustClaim(t, f, "b2")
	f.clock.Advance(29 * time.Second)
	a1 = mustClaim(t, f, "a1")
	f.clock.Advance(time.Minute) // the lease has run out, and it is a1's turn again
	mustClaim(t, f, "b2")
	mustClaim(t, f, "free")
	again := mustClaim(t, f, "a1")
	checkReason(t, "Finish of a lost lease", f.Finish(t.Context(), a1), store.LeaseTaken)
	checkNone(t, "behind one that another worker took", f, "k")
	if err := f.Finish(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	mustClaim(t, f, "a2")
}

// groupsAtOnce: each group is worked on by one at a time and in its order,
// whoever has the store open.
func groupsAtOnce(t *testing.T, f *fixture) {
	stores := []store.Store{f, f.another()}
	want := map[string][]string{}
	for i := range 30 {
		j := store.Job{ID: numbered(i), Kind: "k", Group: string(rune('a' + i%3))}
		want[j.Group] = append(want[j.Group], j.ID)
		mustEnqueue(t, f, j)
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	got, busy := map[string][]string{}, map[string]bool{}
	left := 30
	for i := range 4 {
		group.Go(func() {
			for {
				j, ok, err := stores[i%2].Claim(t.Context(), []string{"k"}, time.Minute)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if left == 0 {
					mu.Unlock()
					return
				}
				if ok {
					if busy[j.Group] {
						t.Errorf("%s: got claimed while another one of its group was held", j.ID)
					}
					busy[j.Group] = true
					got[j.Group] = append(got[j.Group], j.ID)
				}
				mu.Unlock()
				if !ok {
					continue
				}
				mu.Lock()
				busy[j.Group] = false
				left--
				mu.Unlock()
				if err := stores[i%2].Finish(t.Context(), j); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	check(t, "the order of each group", got, want)
}

func enqueueWithRecord(t *testing.T, f *fixture) {
	job := func(id string) *store.Job { return &store.Job{ID: id, Kind: "k"} }
	r, _, err := f.Create(t.Context(), record("A"), store.Create{Token: store.Token{Value: "t"}, Enqueue: job("1")})
	if err != nil {
		t.Fatal(err)
	}
	if _, created, err := f.Create(t.Context(), record("B"), store.Create{Token: store.Token{Value: "t"}, Enqueue: job("not")}); err != nil || created {
		t.Fatalf("the token again: got %v, %v", created, err)
	}
	must[store.Record](t)(f.Update(t.Context(), r, *job("2"), *job("3")))
	for _, want := range []string{"1", "2", "3"} {
		mustClaim(t, f, want)
	}
	checkNone(t, "after those", f, "k")
}

func wake(t *testing.T, f *fixture) {
	// A call that wakes somebody has done so when it returns.
	woken := func(what string, want bool) {
		t.Helper()
		got := false
		select {
		case <-f.Wake():
			got = true
		default:
		}
		if got != want {
			t.Errorf("%s: got woken %v, want %v", what, got, want)
		}
	}
	woken("nothing", false)
	mustEnqueue(t, f, store.Job{ID: "1", Kind: "k"}, store.Job{ID: "2", Kind: "k"})
	woken("Enqueue", true)
	mustClaim(t, f, "1")
	woken("Claim, since there may be more", true)
	two := mustClaim(t, f, "2")
	woken("Claim", true)
	checkNone(t, "after those", f, "k")
	woken("Claim of nothing", false)
	if err := f.Release(t.Context(), two, time.Time{}); err != nil {
		t.Fatal(err)
	}
	woken("Release", true)
	r, _, err := f.Create(t.Context(), record("A"), store.Create{Enqueue: &store.Job{ID: "3", Kind: "k"}})
	if err != nil {
		t.Fatal(err)
	}
	woken("Create", true)
	must[store.Record](t)(f.Update(t.Context(), r, store.Job{ID: "4", Kind: "k"}))
	woken("Update", true)
}
