package embedding_test

import (
	"math"
	"testing"

	"github.com/outcrop/outcrop/internal/embedding"
	"github.com/outcrop/outcrop/internal/pack"
)

// TestDefaultModelIsCutWithoutComputing proves that the shipped basis is that
// of the pinned default model: no text is embedded, what is cut keeps its place
// under rotation, and directions are at right angles.
func TestDefaultModelIsCutWithoutComputing(t *testing.T) {
	t.Parallel()
	const dims, size = 384, 256
	s := &source{dims: dims, rank: 8, digest: pack.EmbeddingSHA256}
	a := embedding.New(s, embedding.Params{})
	units := make([][]float32, dims)
	for i := range units {
		units[i] = make([]float32, dims)
		units[i][i] = 1
	}
	// Cutting the unit vectors gives the columns of the basis.
	columns, err := a.Fit(t.Context(), "all-minilm-l6-v2", units, size, embedding.AsMade)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.texts.Load(); got != 0 {
		t.Errorf("%d texts were embedded, want none", got)
	}
	for i := range size {
		for j := range i + 1 {
			var dot float64
			for k := range dims {
				dot += float64(columns[k][i]) * float64(columns[k][j])
			}
			want := 0.0
			if i == j {
				want = 1
			}
			if math.Abs(dot-want) > 1e-4 {
				t.Fatalf("directions %d and %d: got product %g, want %g", i, j, dot, want)
			}
		}
	}
}
