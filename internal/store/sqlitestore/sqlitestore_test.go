package sqlitestore_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/store"
	"github.com/outcrop/outcrop/internal/store/sqlitestore"
	"github.com/outcrop/outcrop/internal/store/storetest"
)

func open(t *testing.T, place string, now func() time.Time) store.Store {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), filepath.Join(place, "state.db"), sqlitestore.Params{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, open)
}

// A process that is killed takes nothing with it that it had answered, and the
// job that it held is run again by the next one.
func TestStateSurvivesAKill(t *testing.T) {
	if place := os.Getenv("OUTCROP_TEST_STORE"); place != "" {
		createUntilKilled(t, place)
	}
	t.Parallel()
	place := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestStateSurvivesAKill$")
	cmd.Env = append(os.Environ(), "OUTCROP_TEST_STORE="+place)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var answered []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if id, ok := strings.CutPrefix(lines.Text(), "created "); ok {
			answered = append(answered, id)
		}
		if len(answered) == 30 {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	cmd.Wait()
	if len(answered) < 30 {
		t.Fatalf("got %d records from the process, want 30", len(answered))
	}

	now := time.Now()
	s := open(t, place, func() time.Time { return now })
	defer s.Close()
	for _, id := range answered {
		if _, err := s.Get(t.Context(), store.Key{Kind: "thing", ID: id}); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	jobs := map[string]int{}
	claim := func() {
		for {
			j, ok, err := s.Claim(t.Context(), []string{"work"}, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				return
			}
			jobs[j.ID] = j.Attempts
		}
	}
	claim()
	if _, held := jobs[answered[0]]; held {
		t.Error("got the job that the killed process held while its lease lasts")
	}
	now = now.Add(time.Hour)
	claim()
	for _, id := range answered {
		if jobs[id] == 0 {
			t.Errorf("job of %s: got lost", id)
		}
	}
	if got := jobs[answered[0]]; got != 2 {
		t.Errorf("the job that was held: got attempt %d, want the second", got)
	}
}

// createUntilKilled makes records with a job each, and holds the first job.
func createUntilKilled(t *testing.T, place string) {
	s := open(t, place, time.Now)
	for i := 0; ; i++ {
		id := fmt.Sprint("R", i)
		_, _, err := s.Create(t.Context(), store.Record{Key: store.Key{Kind: "thing", ID: id}, Body: []byte("{}")},
			store.Create{Enqueue: &store.Job{ID: id, Kind: "work"}})
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if _, ok, err := s.Claim(t.Context(), []string{"work"}, 30*time.Minute); !ok {
				t.Fatal(err)
			}
		}
		fmt.Println("created", id)
	}
}

func TestOpenRefusesOtherFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("text", 5000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlitestore.Open(t.Context(), path, sqlitestore.Params{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v, want Invalid", err)
	}
}

func BenchmarkCreate(b *testing.B) {
	s, err := sqlitestore.Open(b.Context(), filepath.Join(b.TempDir(), "state.db"), sqlitestore.Params{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for i := 0; b.Loop(); i++ {
		r := store.Record{Key: store.Key{Kind: "thing", Account: "1", Region: "r", ID: fmt.Sprint(i)}, Body: []byte(`{"a":1}`)}
		if _, _, err := s.Create(b.Context(), r, store.Create{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	s, err := sqlitestore.Open(b.Context(), filepath.Join(b.TempDir(), "state.db"), sqlitestore.Params{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	key := store.Key{Kind: "thing", Account: "1", Region: "r", ID: "A"}
	if _, _, err := s.Create(b.Context(), store.Record{Key: key, Body: []byte(`{"a":1}`)}, store.Create{}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Get(b.Context(), key); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkClaimNothing(b *testing.B) {
	s, err := sqlitestore.Open(b.Context(), filepath.Join(b.TempDir(), "state.db"), sqlitestore.Params{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for b.Loop() {
		if _, _, err := s.Claim(b.Context(), []string{"a", "b"}, time.Minute); err != nil {
			b.Fatal(err)
		}
	}
}
