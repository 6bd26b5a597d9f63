package vector

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/vector/bitmap"
)

// TestLargeNumbers has a few numbers that are much larger than the others, as
// some models have them. Without the turn, their bits would say nearly all there
// is to say, and the other ones nothing.
func TestLargeNumbers(t *testing.T) {
	t.Parallel()
	const dimensions, vectors, queries, limit, candidates = 384, 5000, 20, 10, 60
	r := rand.New(rand.NewPCG(9, 10))
	random := func(center []float32) []float32 {
		v := make([]float32, dimensions)
		for d := range v {
			v[d] = float32(r.NormFloat64())
			if d%100 == 0 {
				v[d] *= 20
			}
			if center != nil {
				v[d] = center[d] + v[d]/2
			}
		}
		return v
	}
	centers := make([][]float32, 50)
	for i := range centers {
		centers[i] = random(nil)
	}
	p := New(dimensions)
	list := make([][]float32, vectors)
	for i := range list {
		list[i] = random(centers[r.IntN(len(centers))])
		length := 0.0
		for _, x := range list[i] {
			length += float64(x * x)
		}
		for d := range list[i] {
			list[i][d] /= float32(math.Sqrt(length))
		}
		if err := p.Add(Encode(nil, list[i])); err != nil {
			t.Fatal(err)
		}
	}
	p = p.Rebuilt()
	found := 0
	for range queries {
		q := list[r.IntN(vectors)]
		exact := newTop(limit)
		for slot, v := range list {
			exact.offer(Hit{slot, Dot(q, AppendFloats(nil, v))})
		}
		slots := p.nearest(q, bitmap.Full(vectors), candidates, nil)
		if len(slots) != candidates {
			t.Fatalf("got %d candidates, want %d", len(slots), candidates)
		}
		for _, h := range exact.sorted() {
			if slices.Contains(slots, h.Slot) {
				found++
			}
		}
	}
	recall := float64(found) / (queries * limit)
	t.Logf("recall %.4f", recall)
	if recall < 0.9 {
		t.Errorf("got recall %.4f, want 0.9", recall)
	}
}

// TestOnAllCores compares the two ways to scan.
func TestOnAllCores(t *testing.T) {
	t.Parallel()
	const dimensions, vectors = 128, 40_000
	r := rand.New(rand.NewPCG(11, 12))
	p := New(dimensions)
	code := make([]byte, codeHeader+dimensions)
	for range vectors {
		for i := codeHeader; i < len(code); i += 8 {
			binary.LittleEndian.PutUint64(code[i:], r.Uint64())
		}
		binary.LittleEndian.PutUint32(code, math.Float32bits(0.01))
		if err := p.Add(code); err != nil {
			t.Fatal(err)
		}
	}
	p = p.Rebuilt()
	allowed := bitmap.Of(vectors)
	for i := range vectors {
		if i%5 > 0 && i > 3000 || i%1000 == 0 {
			allowed = allowed.With(i)
		}
	}
	fresh := func() *scan {
		return &scan{words: p.width / 64, query: p.pages[7].bits[:p.width/64], allowed: allowed, pages: p.pages, distances: make([]uint16, p.slots)}
	}
	one, all := fresh(), fresh()
	if diff := cmp.Diff(one.run(), all.onAllCores()); diff != "" {
		t.Errorf("counts (-one core +all):\n%s", diff)
	}
	if diff := cmp.Diff(one.distances, all.distances); diff != "" {
		t.Errorf("distances (-one core +all):\n%s", diff)
	}
	for slot, d := range one.distances {
		if (d == far) == allowed.Has(slot) {
			t.Fatalf("slot %d: got distance %d, allowed is %v", slot, d, allowed.Has(slot))
		}
	}
}
