package credential

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/iam"
)

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	c := newCache(64)
	for i := range 10_000 {
		c.put(&entry{id: fmt.Sprint(i), loaded: int64(i)})
	}
	found := 0
	for i := range 10_000 {
		if e := c.get(fmt.Sprint(i)); e != nil {
			if e.id != fmt.Sprint(i) {
				t.Fatalf("got entry %s for %d", e.id, i)
			}
			found++
		}
	}
	if found != 64 {
		t.Errorf("got %d entries, want 64", found)
	}
	c.put(&entry{id: "9999", loaded: 7})
	if e := c.get("9999"); e == nil || e.loaded != 7 {
		t.Errorf("got %+v, want the entry that was put last", e)
	}
}

func TestOneRereadsAtATime(t *testing.T) {
	t.Parallel()
	e := &entry{generation: 3, loaded: int64(time.Hour)}
	at := func(d time.Duration) int64 { return int64(time.Hour + d) }
	for _, step := range []struct {
		what       string
		generation uint64
		now        int64
		want       bool
	}{
		{"fresh", 3, at(fresh - 1), true},
		{"changed", 4, at(0), false},
		{"clock set back", 3, at(-1), false},
		{"the first one after a second", 3, at(fresh), false},
		{"the others", 3, at(fresh), true},
		{"still the others", 3, at(stale - 1), true},
		{"too old for anybody", 3, at(stale), false},
	} {
		if got := e.current(step.generation, step.now); got != step.want {
			t.Errorf("%s: got %v, want %v", step.what, got, step.want)
		}
	}
}

// What this process changes is never seen in its old state after the change
// has returned, however many look at it meanwhile.
func TestChangesAreSeenAtOnce(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "alice")
	s, _ := p.open(t)
	key, _, err := s.CreateAccessKey(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_, _ = s.Lookup(key.ID, "")
				}
			}
		})
	}
	for i := range 50 {
		active := i%2 == 1
		if err := s.SetAccessKeyStatus(t.Context(), "alice", key.ID, active); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Lookup(key.ID, ""); active != (err == nil) {
			t.Fatalf("change %d: got %v, want active %v", i, err, active)
		}
	}
	close(stop)
	wg.Wait()
}

func benchmarkStore(b *testing.B) (*Store, string, iam.Credential) {
	b.Helper()
	p := &place{dir: b.TempDir(), clock: newClock(), people: newPeople("alice")}
	p.people.setRole("reader", "AROAFIRST")
	s, err := openAt(b, p, time.Now, whole)
	if err != nil {
		b.Fatal(err)
	}
	key, _, err := s.CreateAccessKey(b.Context(), "alice")
	if err != nil {
		b.Fatal(err)
	}
	c, err := s.Session(b.Context(), SessionParams{
		Type: iam.AssumedRole, Name: "reader", ID: "AROAFIRST", Life: time.Hour,
		Session: iam.Session{Name: "ci", Policies: []string{strings.Repeat("policy ", 100)}},
	})
	if err != nil {
		b.Fatal(err)
	}
	return s, key.ID, c
}

func BenchmarkLookup(b *testing.B) {
	s, id, c := benchmarkStore(b)
	token := c.SessionToken.Reveal()
	for _, bench := range []struct{ name, id, token string }{{"key", id, ""}, {"session", c.AccessKeyID, token}} {
		lookup := func(b *testing.B) {
			b.Helper()
			if _, err := s.Lookup(bench.id, bench.token); err != nil {
				b.Error(err)
			}
		}
		b.Run(bench.name+"/one", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				lookup(b)
			}
		})
		b.Run(bench.name+"/all", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					lookup(b)
				}
			})
		})
	}
	b.Run("session/cold", func(b *testing.B) {
		for b.Loop() {
			s.changes.changedAll()
			if _, err := s.Lookup(c.AccessKeyID, token); err != nil {
				b.Error(err)
			}
		}
	})
	b.Run("used/all", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				s.Used(id, "bedrock", "us-east-1")
			}
		})
	})
}
