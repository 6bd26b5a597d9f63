package embedded_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/index/embedded"
	"github.com/outcrop/outcrop/internal/sqlite"
)

// metadataIndex is an index whose documents have their number of chunks.
func metadataIndex(t testing.TB, chunks ...int) knowledge.Index {
	t.Helper()
	indexes, err := embedded.Open(t.TempDir(), embedded.Params{Durability: sqlite.ProcessCrash})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := indexes.Close(); err != nil {
			t.Error(err)
		}
	})
	index, err := indexes.Open(t.Context(), "KB00000001", knowledge.Spec{Model: "m", Dimensions: 2})
	if err != nil {
		t.Fatal(err)
	}
	for d, n := range chunks {
		c := &knowledge.Content{Metadata: knowledge.Metadata{"which": knowledge.Number(float64(d)), fmt.Sprint("own", d): knowledge.Bool(true)}}
		for i := range n {
			c.Chunks = append(c.Chunks, knowledge.Chunk{ID: fmt.Sprint(d, "-", i), Text: "x", Parent: -1, Page: -1, Vector: []float32{1, 0}})
		}
		if err := index.Put(t.Context(), "", knowledge.Document{Source: "s", ID: fmt.Sprint(d)}, c, ""); err != nil {
			t.Fatal(err)
		}
	}
	return index
}

func having(t *testing.T, index knowledge.Index, key string, value knowledge.Value) int {
	t.Helper()
	hits, err := index.Search(t.Context(), knowledge.Query{
		Mode: knowledge.SemanticSearch, Vector: []float32{1, 0}, Limit: 5000, Filter: &knowledge.Filter{Operator: knowledge.Equals, Key: key, Value: value},
	})
	if err != nil {
		t.Fatal(err)
	}
	return len(hits)
}

// TestMetadataOfADocumentGoesAlone replaces the metadata of a document whose
// slots begin and end within pages, and then the document.
func TestMetadataOfADocumentGoesAlone(t *testing.T) {
	t.Parallel()
	index := metadataIndex(t, 1000, 2100, 1000)
	want := func(which, own, fresh int) {
		t.Helper()
		yes := knowledge.Bool(true)
		for key, n := range map[string]int{"own0": 1000, "own1": own, "own2": 1000, "fresh": fresh} {
			if got := having(t, index, key, yes); got != n {
				t.Errorf("got %d chunks with %s, want %d", got, key, n)
			}
		}
		if got := having(t, index, "which", knowledge.Number(1)); got != which {
			t.Errorf("got %d chunks of document 1, want %d", got, which)
		}
	}
	want(2100, 2100, 0)
	doc := knowledge.Document{Source: "s", ID: "1"}
	if err := index.PutMetadata(t.Context(), "", doc, knowledge.Metadata{"fresh": knowledge.Bool(true)}, ""); err != nil {
		t.Fatal(err)
	}
	want(0, 0, 2100)
	if err := index.Remove(t.Context(), "", "s", []string{"1"}, ""); err != nil {
		t.Fatal(err)
	}
	want(0, 0, 0)
}

// TestOldMetadataLeavesMemory changes one document's metadata again and again,
// as a bucket does whose files say when they were looked at.
func TestOldMetadataLeavesMemory(t *testing.T) {
	t.Parallel()
	index := metadataIndex(t, 1, 1)
	for i := range 2500 {
		m := knowledge.Metadata{"seen": knowledge.String(fmt.Sprint(i, strings.Repeat("x", 2000)))}
		if err := index.PutMetadata(t.Context(), "", knowledge.Document{Source: "s", ID: "1"}, m, ""); err != nil {
			t.Fatal(err)
		}
	}
	size, err := index.Size(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if most := int64(4 << 20); size.Memory > most {
		t.Errorf("got %d bytes of memory for two documents, want at most %d", size.Memory, most)
	}
}

// mostConditions is how many conditions a filter may have.
const mostConditions = 1000

// manyConditions searches with n conditions of which one has to hold, and one
// more that denies the first of them.
func manyConditions(ctx context.Context, index knowledge.Index, key string, n int) (hits int, err error) {
	f := knowledge.Filter{Operator: knowledge.Any}
	for i := range n {
		f.Members = append(f.Members, knowledge.Filter{Operator: knowledge.Equals, Key: key, Value: knowledge.String(fmt.Sprint("0-", i))})
	}
	// Also within others, and behind a negation.
	no := knowledge.Filter{Operator: knowledge.NotEquals, Key: key, Value: knowledge.String("0-0")}
	f = knowledge.Filter{Operator: knowledge.All, Members: []knowledge.Filter{no, f}}
	found, err := index.Search(ctx, knowledge.Query{Mode: knowledge.SemanticSearch, Vector: []float32{1, 0}, Limit: mostConditions, Filter: &f})
	return len(found), err
}

// TestManyConditions has filters as long as they may be, and longer ones.
func TestManyConditions(t *testing.T) {
	t.Parallel()
	index := metadataIndex(t, 6000)
	for key, want := range map[string]int{"which": 0, knowledge.KeyChunkID: mostConditions - 2} {
		if n, err := manyConditions(t.Context(), index, key, mostConditions-1); err != nil || n != want {
			t.Errorf("%s: got %d hits, %v, want %d", key, n, err, want)
		}
		if _, err := manyConditions(t.Context(), index, key, mostConditions); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %d conditions: got %v, want %v", key, mostConditions+1, err, fault.Invalid)
		}
	}
}

// BenchmarkManyConditions takes milliseconds, and seconds where all IDs are read
// for each condition.
func BenchmarkManyConditions(b *testing.B) {
	index := metadataIndex(b, 6000)
	for _, key := range []string{"which", knowledge.KeyChunkID} {
		b.Run(key, func(b *testing.B) {
			for b.Loop() {
				if _, err := manyConditions(b.Context(), index, key, mostConditions-1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
