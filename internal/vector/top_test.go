package vector

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTop(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		n := 1 + r.IntN(50)
		kept := newTop(n)
		var all []Hit
		for slot := range r.IntN(1000) {
			h := Hit{slot, float32(r.IntN(200))} // many are equal
			all = append(all, h)
			kept.offer(h)
		}
		slices.SortFunc(all, order)
		all = all[:min(n, len(all))]
		got := kept.sorted()
		if diff := cmp.Diff(all, slices.Clone(got)); diff != "" && len(all) > 0 {
			t.Fatalf("the best %d (-want +got):\n%s", n, diff)
		}
	}
}

func TestPart(t *testing.T) {
	t.Parallel()
	for name, score := range map[string]func(i int) float32{
		"ascending": func(i int) float32 { return float32(i) }, "descending": func(i int) float32 { return float32(-i) },
		"equal": func(int) float32 { return 1 }, "waves": func(i int) float32 { return float32(i % 7) },
	} {
		for _, size := range []int{1, 2, 3, 10, 1000} {
			for _, n := range []int{1, size / 2, size} {
				if n == 0 {
					continue
				}
				hits := make([]Hit, size)
				for i := range hits {
					hits[i] = Hit{i, score(i)}
				}
				want := slices.Clone(hits)
				slices.SortFunc(want, order)
				part(hits, n)
				slices.SortFunc(hits[:n], order)
				if diff := cmp.Diff(want[:n], hits[:n]); diff != "" {
					t.Errorf("%s, %d of %d (-want +got):\n%s", name, n, size, diff)
				}
			}
		}
	}
}
