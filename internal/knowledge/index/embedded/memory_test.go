package embedded_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/index/embedded"
)

func putVersion(t testing.TB, index knowledge.Index, id, round int) {
	t.Helper()
	doc, content := version(id, round)
	if err := index.Put(t.Context(), "job", doc, content, knowledge.OutcomeNew); err != nil {
		t.Fatal(err)
	}
}

// answers are what an index finds.
func answers(t testing.TB, index knowledge.Index) map[string][]knowledge.Hit {
	t.Helper()
	all := map[string][]knowledge.Hit{}
	r := rand.New(rand.NewPCG(5, 6))
	for i := range 10 {
		v := make([]float32, index.Spec().Dimensions)
		for d := range v {
			v[d] = float32(r.NormFloat64())
		}
		for _, mode := range []knowledge.Mode{knowledge.SemanticSearch, knowledge.TextSearch, knowledge.HybridSearch} {
			for name, f := range map[string]*knowledge.Filter{
				"all": nil, "some": {Operator: knowledge.LessThan, Key: "round", Value: knowledge.Number(4)},
			} {
				all[fmt.Sprint(i, mode, name)] = find(t, index, knowledge.Query{
					Mode: mode, Vector: v, Text: fmt.Sprintf("document%d round%d part", i, i%5), Filter: f, Limit: 15,
				})
			}
		}
	}
	return all
}

// TestTwoProcesses has an index open twice, as two processes have it: each sees
// at once what the other one has written, of every kind.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, second := openSmall(t, dir), openSmall(t, dir)
	same := func(when string) {
		t.Helper()
		if diff := cmp.Diff(answers(t, first), answers(t, second)); diff != "" {
			t.Fatalf("%s: answers (-first +second):\n%s", when, diff)
		}
		whole(t, first)
		whole(t, second)
	}
	putVersion(t, first, 1, 1)
	same("new")
	putVersion(t, second, 1, 2)
	putVersion(t, second, 2, 1)
	same("replaced by the other")
	for i := range 10 {
		putVersion(t, first, i, i)
		putVersion(t, second, i+5, i+1)
	}
	same("by turns")
	doc, _ := version(3, 3)
	doc.ETag = "3"
	change := knowledge.Metadata{"round": knowledge.Number(3), "extra": knowledge.Bool(true)}
	putVersion(t, first, 3, 3)
	if err := first.PutMetadata(t.Context(), "job", doc, change, knowledge.OutcomeNew); err != nil {
		t.Fatal(err)
	}
	filter := knowledge.Filter{Operator: knowledge.Equals, Key: "extra", Value: knowledge.Bool(true)}
	hits := find(t, second, knowledge.Query{Mode: knowledge.SemanticSearch, Vector: make([]float32, small), Limit: 100, Filter: &filter})
	if len(hits) != doc.Chunks {
		t.Errorf("got %d hits by metadata that the other has changed, want %d", len(hits), doc.Chunks)
	}
	same("metadata")
	if err := second.Remove(t.Context(), "other job", source, []string{"5", "6", "nothing"}, knowledge.OutcomeDeleted); err != nil {
		t.Fatal(err)
	}
	if err := second.Forget(t.Context(), "job"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(answers(t, first), answers(t, second)); diff != "" {
		t.Errorf("removed: answers (-first +second):\n%s", diff)
	}
	// So many changes that the single ones are not known any more.
	for i := range 1100 {
		putVersion(t, second, i%9, i)
	}
	if diff := cmp.Diff(answers(t, first), answers(t, second)); diff != "" {
		t.Errorf("long after: answers (-first +second):\n%s", diff)
	}
}

// TestTiesInEveryProcess has chunks that are equally good: they have one order,
// whoever was told of them when. Pages of one list may come from two processes.
func TestTiesInEveryProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, second := openSmall(t, dir), openSmall(t, dir)
	for _, id := range []string{"a", "b", "c", "a"} {
		v := make([]float32, small)
		v[0] = 1
		content := &knowledge.Content{Chunks: []knowledge.Chunk{{ID: id, Text: "the same words", Parent: -1, Page: -1, Vector: v}}}
		if err := first.Put(t.Context(), "", knowledge.Document{Source: source, ID: id}, content, knowledge.OutcomeNone); err != nil {
			t.Fatal(err)
		}
	}
	for _, mode := range []knowledge.Mode{knowledge.SemanticSearch, knowledge.TextSearch, knowledge.HybridSearch} {
		v := make([]float32, small)
		v[0] = 1
		q := knowledge.Query{Mode: mode, Vector: v, Text: "words", Limit: 5}
		want := find(t, first, q)
		for name, index := range map[string]knowledge.Index{"open meanwhile": second, "opened later": openSmall(t, dir)} {
			if diff := cmp.Diff(want, find(t, index, q)); diff != "" {
				t.Errorf("%s, %s (-writer +reader):\n%s", mode, name, diff)
			}
		}
	}
}

// TestTwoWriters has two that write the same documents at once.
func TestTwoWriters(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	indexes := []knowledge.Index{openSmall(t, dir), openSmall(t, dir)}
	var running sync.WaitGroup
	for _, index := range indexes {
		running.Go(func() {
			for i := range 60 {
				doc, content := version(i%6, i)
				if err := index.Put(t.Context(), "job", doc, content, knowledge.OutcomeNew); err != nil {
					t.Error(err)
				}
				if _, err := index.Search(t.Context(), knowledge.Query{Mode: knowledge.HybridSearch, Vector: content.Chunks[0].Vector, Text: "part", Limit: 3}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	for _, index := range indexes {
		whole(t, index)
	}
	if diff := cmp.Diff(answers(t, indexes[0]), answers(t, indexes[1])); diff != "" {
		t.Errorf("answers (-first +second):\n%s", diff)
	}
}

// TestDeadSlots replaces until memory would be full of what is gone.
func TestDeadSlots(t *testing.T) {
	t.Parallel()
	index := openSmall(t, t.TempDir())
	content := func(round int) *knowledge.Content {
		var c knowledge.Content
		for i := range 400 {
			v := make([]float32, small)
			v[i%small], v[(i+round)%small] = 0.8, 0.6
			c.Chunks = append(c.Chunks, knowledge.Chunk{ID: fmt.Sprint(round, "/", i), Text: fmt.Sprintf("part %d of round%d", i, round), Parent: -1, Vector: v})
		}
		return &c
	}
	most := 0
	for round := range 12 {
		doc, _ := version(1, round)
		doc.Chunks = 400
		if err := index.Put(t.Context(), "", doc, content(round), knowledge.OutcomeNone); err != nil {
			t.Fatal(err)
		}
		all, dead := embedded.Slots(index)
		if all-dead != 400 {
			t.Fatalf("round %d: got %d slots alive, want 400", round, all-dead)
		}
		most = max(most, all)
		hits := find(t, index, knowledge.Query{Mode: knowledge.TextSearch, Text: fmt.Sprintf("round%d", round), Limit: 1000})
		if len(hits) != 400 {
			t.Errorf("round %d: got %d hits, want 400", round, len(hits))
		}
	}
	if most > 2000 {
		t.Errorf("got %d slots for 400 chunks, want the dead ones removed now and then", most)
	}
}

// TestOtherAnalyzer opens an index whose terms were made by another version.
func TestOtherAnalyzer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	index := openSmall(t, dir)
	for i := range 30 {
		putVersion(t, index, i, i%5)
	}
	want := answers(t, index)
	for _, statement := range []string{
		"UPDATE meta SET analyzer = 0", "UPDATE entry SET terms = x''", "DELETE FROM term",
	} {
		if err := embedded.Exec(t.Context(), index, statement); err != nil {
			t.Fatal(err)
		}
	}
	again := openSmall(t, dir)
	if diff := cmp.Diff(want, answers(t, again)); diff != "" {
		t.Errorf("answers (-before +analyzed anew):\n%s", diff)
	}
	whole(t, again)
	whole(t, index) // who had it open sees it too
}

// TestTermsOfTextsThatAreGone replaces a document whose words are never the same
// again.
func TestTermsOfTextsThatAreGone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	index := openSmall(t, dir)
	for i := range 20 {
		putVersion(t, index, i, i%5)
	}
	for round := range 3 {
		var text strings.Builder
		for i := range 4000 {
			fmt.Fprintf(&text, "n%dx%d ", round, i)
		}
		content := &knowledge.Content{Chunks: []knowledge.Chunk{{ID: "log", Text: text.String(), Parent: -1, Page: -1, Vector: make([]float32, small)}}}
		if err := index.Put(t.Context(), "", knowledge.Document{Source: "logs", ID: "log"}, content, ""); err != nil {
			t.Fatal(err)
		}
	}
	want, known := answers(t, index), embedded.Terms(index)
	again, err := openWith(t, dir, embedded.Params{ManyTerms: 10_000}).Open(t.Context(), base, smallSpec())
	if err != nil {
		t.Fatal(err)
	}
	if got := embedded.Terms(again); known < 12_000 || got > 4100 {
		t.Errorf("got %d terms, want those of the %d that a text has", got, known)
	}
	both := map[string]knowledge.Index{"opened again": again, "open all the time": index}
	for name, index := range both {
		if diff := cmp.Diff(want, answers(t, index)); diff != "" {
			t.Errorf("%s: answers (-before +after):\n%s", name, diff)
		}
		if hits := find(t, index, knowledge.Query{Mode: knowledge.TextSearch, Text: "n2x77", Limit: 5}); len(hits) != 1 {
			t.Errorf("%s: got %d hits for a word of the last version, want 1", name, len(hits))
		}
	}
	for _, index := range both {
		putVersion(t, index, 3, 3)
		putVersion(t, index, 30, 7)
		whole(t, index)
	}
	if got := embedded.Terms(index); got > 4100 {
		t.Errorf("open all the time: got %d terms, want those of the one who opened it later", got)
	}
}
