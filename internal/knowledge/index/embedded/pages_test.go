package embedded_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/outcrop/outcrop/internal/knowledge"
)

// around is n vectors around some centers, which are nearer to each other than
// what a code of a vector can tell apart.
func around(n, dimensions int, spread float64) [][]float32 {
	r := rand.New(rand.NewPCG(1, 2))
	list := make([][]float32, n)
	center := make([]float64, dimensions)
	for i := range center {
		center[i] = r.NormFloat64()
	}
	for i := range list {
		v := make([]float32, dimensions)
		sum := 0.0
		for d := range v {
			x := center[d] + spread*r.NormFloat64()
			v[d] = float32(x)
			sum += x * x
		}
		for d := range v {
			v[d] /= float32(math.Sqrt(sum))
		}
		list[i] = v
	}
	return list
}

// TestPagesNeitherOverlapNorLeaveOut reads pages of chunks that are so alike
// that their codes put them into another order than their vectors.
func TestPagesNeitherOverlapNorLeaveOut(t *testing.T) {
	t.Parallel()
	const dimensions, n = 64, 300
	index, err := open(t, t.TempDir()).Open(t.Context(), "KB00000001", knowledge.Spec{Model: "m", Dimensions: dimensions})
	if err != nil {
		t.Fatal(err)
	}
	vectors := around(n+1, dimensions, 0.002)
	content := &knowledge.Content{}
	for i, v := range vectors[:n] {
		content.Chunks = append(content.Chunks, knowledge.Chunk{ID: fmt.Sprint(i), Text: fmt.Sprintf("text %d", i%7), Parent: -1, Page: -1, Vector: v})
	}
	if err := index.Put(t.Context(), "", knowledge.Document{Source: "s", ID: "d", Status: knowledge.Indexed}, content, ""); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []knowledge.Mode{knowledge.SemanticSearch, knowledge.TextSearch, knowledge.HybridSearch} {
		// All pages of one size, or the first one of another.
		for _, limits := range [][2]int{{5, 5}, {10, 10}, {100, 100}, {5, 100}, {100, 5}} {
			seen := map[string]int{}
			limit := limits[0]
			for offset := 0; offset < n; offset += limit {
				if offset > 0 {
					limit = limits[1]
				}
				q := knowledge.Query{Mode: mode, Vector: vectors[n], Text: "text 1 2 3 4 5 6 0", Limit: limit, Offset: offset}
				hits, err := index.Search(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				for _, h := range hits {
					if first, ok := seen[h.Chunk]; ok {
						t.Errorf("%s, pages of %v: chunk %s is on the page from %d and from %d", mode, limits, h.Chunk, first, offset)
					}
					seen[h.Chunk] = offset
				}
			}
			if len(seen) != n {
				t.Errorf("%s, pages of %v: got %d chunks on all pages, want %d", mode, limits, len(seen), n)
			}
		}
	}
}
