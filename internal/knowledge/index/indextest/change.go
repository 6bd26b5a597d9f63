package indextest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/knowledge"
)

// everything is what an index shows of itself.
func everything(t testing.TB, index knowledge.Index) any {
	t.Helper()
	dimensions := index.Spec().Dimensions
	documents, err := index.Documents(t.Context(), source, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	shown := []any{documents}
	r := rand.New(rand.NewPCG(9, 10))
	for range 5 {
		v := anywhere(r, dimensions)
		for _, mode := range modes {
			shown = append(shown, search(t, index, knowledge.Query{
				Mode: mode, Vector: v, Text: fmt.Sprintf("word%d text%d common", r.IntN(20), r.IntN(20)), Limit: 20,
			}))
		}
	}
	return shown
}

func testAgain(t *testing.T, s Subject) {
	first := s(t)
	index := openAs(t, first, spec())
	corpus(t, index, 20, 10)
	for i := range 5 {
		put(t, index, document(fmt.Sprint(i)), knowledge.Metadata{"i": number(float64(i))}, chunk(fmt.Sprint("new", i), "common word3", unit(size, float64(i), 1)))
	}
	if err := index.Remove(t.Context(), "job", source, []string{"7", "8"}, knowledge.OutcomeDeleted); err != nil {
		t.Fatal(err)
	}
	want := everything(t, index)
	// Once while the first is open, once when it is closed.
	if diff := gocmp.Diff(want, everything(t, open(t, s))); diff != "" {
		t.Errorf("opened beside it (-want +got):\n%s", diff)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(want, everything(t, open(t, s))); diff != "" {
		t.Errorf("opened again (-want +got):\n%s", diff)
	}
}

// testChurn replaces and removes documents for a long time, and compares with an
// index that has only ever seen the last state.
func testChurn(t *testing.T, s Subject) {
	index := open(t, s)
	r := rand.New(rand.NewPCG(11, 12))
	type state struct {
		metadata knowledge.Metadata
		chunks   []knowledge.Chunk
	}
	now := map[string]state{}
	for i := range 400 {
		id := fmt.Sprint(r.IntN(40))
		if r.IntN(4) == 0 {
			if err := index.Remove(t.Context(), "", source, []string{id}, knowledge.OutcomeNone); err != nil {
				t.Fatal(err)
			}
			delete(now, id)
			continue
		}
		st := state{metadata: knowledge.Metadata{"turn": number(float64(i % 7))}}
		for c := range r.IntN(30) {
			st.chunks = append(st.chunks, chunk(fmt.Sprintf("%s/%d/%d", id, i, c), fmt.Sprintf("word%d text%d common", r.IntN(20), c), anywhere(r, size)))
		}
		put(t, index, document(id), st.metadata, st.chunks...)
		now[id] = st
	}
	for turn := range 7 {
		var want []string
		for _, st := range now {
			if st.metadata["turn"].Equal(number(float64(turn))) {
				for _, c := range st.chunks {
					want = append(want, c.ID)
				}
			}
		}
		slices.Sort(want)
		got := all(t, index, &knowledge.Filter{Operator: knowledge.Equals, Key: "turn", Value: number(float64(turn))})
		if diff := gocmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
			t.Errorf("chunks of turn %d (-want +got):\n%s", turn, diff)
		}
	}
	// Weights of words must not remember what is gone.
	other, err := s(t).Open(t.Context(), "KB00000009", spec())
	if err != nil {
		t.Fatal(err)
	}
	for id, st := range now {
		put(t, other, document(id), st.metadata, st.chunks...)
	}
	score := func(index knowledge.Index) map[string]float64 {
		scores := map[string]float64{}
		for _, h := range search(t, index, knowledge.Query{Mode: knowledge.TextSearch, Text: "word3 text5 common", Limit: 1000}) {
			scores[h.Chunk] = math.Round(h.Score * 1e5)
		}
		return scores
	}
	if diff := gocmp.Diff(score(other), score(index)); diff != "" {
		t.Errorf("scores by text (-never changed +changed):\n%s", diff)
	}
}

// testAtOnce searches while documents are replaced: each search sees each
// document as it was at one moment, whole.
func testAtOnce(t *testing.T, s Subject) {
	const documents, parts, rounds, searchers = 4, 5, 15, 3
	index := open(t, s)
	write := func(d, round int) {
		var chunks []knowledge.Chunk
		for p := range parts {
			chunks = append(chunks, chunk(fmt.Sprintf("%d.%d.%d", d, round, p), "word", unit(size, float64(d+1), float64(p))))
		}
		put(t, index, document(fmt.Sprint(d)), knowledge.Metadata{"round": number(float64(round))}, chunks...)
	}
	for d := range documents {
		write(d, 0)
	}
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		defer close(done)
		for round := 1; round <= rounds; round++ {
			for d := range documents {
				write(d, round)
			}
		}
	})
	for i := range searchers {
		mode := modes[i%len(modes)]
		running.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				hits, err := index.Search(t.Context(), knowledge.Query{Mode: mode, Vector: unit(size, 1), Text: "word", Limit: 100})
				if err != nil {
					t.Error(err)
					return
				}
				seen := map[string]int{} // by document and round
				for _, h := range hits {
					seen[h.Document+" in round "+fmt.Sprint(h.Metadata["round"].Any())]++
				}
				if len(seen) != documents || len(hits) != documents*parts {
					t.Errorf("%s: got %d hits, %v, want %d of each document, all of one round", mode, len(hits), seen, parts)
					return
				}
			}
		})
	}
	running.Wait()
}
