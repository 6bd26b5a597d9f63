package vector_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/outcrop/outcrop/internal/vector"
	"github.com/outcrop/outcrop/internal/vector/bitmap"
)

// random returns unit vectors that are like those of texts: around centers that
// are themselves to one side.
func random(r *rand.Rand, n, dimensions int) [][]float32 {
	side := gauss(r, dimensions)
	var center []float32
	list := make([][]float32, n)
	for i := range list {
		if i%50 == 0 {
			center = gauss(r, dimensions)
		}
		v := gauss(r, dimensions)
		for d := range v {
			v[d] += center[d] + 0.7*side[d]
		}
		list[i] = unit(v)
	}
	return list
}

func gauss(r *rand.Rand, dimensions int) []float32 {
	v := make([]float32, dimensions)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func unit(v []float32) []float32 {
	length := math.Sqrt(float64(dot(v, v)))
	for i := range v {
		v[i] = float32(float64(v[i]) / length)
	}
	return v
}

func dot(a, b []float32) float32 {
	sum := float32(0)
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

func near(r *rand.Rand, v []float32) []float32 {
	q := slices.Clone(v)
	for i, x := range gauss(r, len(v)) {
		q[i] += 0.7 * x / float32(math.Sqrt(float64(len(v))))
	}
	return unit(q)
}

func fill(t testing.TB, dimensions int, list [][]float32) *vector.Planes {
	t.Helper()
	p := vector.New(dimensions)
	for _, v := range list {
		if err := p.Add(vector.Encode(nil, v)); err != nil {
			t.Fatal(err)
		}
		if p.Due() {
			p = p.Rebuilt()
		}
	}
	return p
}

// best are the n best by brute force.
func best(list [][]float32, q []float32, allowed bitmap.Set, n int) []int {
	scores := map[int]float32{}
	var order []int
	for i := range allowed.All() {
		scores[i] = dot(list[i], q)
		order = append(order, i)
	}
	slices.SortFunc(order, func(a, b int) int {
		if scores[a] != scores[b] {
			if scores[a] > scores[b] {
				return -1
			}
			return 1
		}
		return a - b
	})
	return order[:min(n, len(order))]
}

// TestSearch compares with brute force, for all sizes of vectors and of what a
// filter leaves.
func TestSearch(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ dimensions, vectors int }{
		{1, 100}, {3, 5000}, {64, 5000}, {100, 6000}, {384, 9000}, {1024, 5000}, {1536, 500},
	} {
		list := random(rand.New(rand.NewPCG(1, uint64(tc.dimensions))), tc.vectors, tc.dimensions)
		p := fill(t, tc.dimensions, list)
		for _, share := range []float64{1, 0.7, 0.01} {
			t.Run(fmt.Sprintf("%d of %d dimensions, %v of them", tc.vectors, tc.dimensions, share), func(t *testing.T) {
				t.Parallel()
				const queries, limit = 8, 10
				r := rand.New(rand.NewPCG(1, uint64(tc.dimensions)))
				allowed := bitmap.Of(tc.vectors)
				for i := range list {
					if r.Float64() < share {
						allowed = allowed.With(i)
					}
				}
				count := allowed.Count()
				found, wanted := 0, 0
				for range queries {
					q := near(r, list[r.IntN(len(list))])
					want := best(list, q, allowed, limit)
					wanted += len(want)
					hits := p.Search(q, allowed, count, 2*limit)
					for i, h := range hits {
						if !allowed.Has(h.Slot) {
							t.Fatalf("got slot %d, which is not allowed", h.Slot)
						}
						if i > 0 && h.Score > hits[i-1].Score {
							t.Fatalf("got score %v after %v, want the best first", h.Score, hits[i-1].Score)
						}
						if exact := dot(list[h.Slot], q); math.Abs(float64(h.Score-exact)) > 0.01 {
							t.Fatalf("got score %v, want about %v", h.Score, exact)
						}
						if slices.Contains(want, h.Slot) {
							found++
						}
					}
				}
				recall := float64(found) / float64(max(wanted, 1))
				t.Logf("recall %.4f", recall)
				// In few dimensions many vectors are as near as the tenth.
				if recall < 0.99 && tc.dimensions > 3 {
					t.Errorf("got recall %.4f, want 0.99", recall)
				}
			})
		}
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	v := unit(gauss(r, 384))
	code := vector.Encode([]byte("x"), v)
	if len(code) != 1+4+384 {
		t.Fatalf("got %d bytes, want a byte for each number and four", len(code)-1)
	}
	step := math.Float32frombits(binary.LittleEndian.Uint32(code[1:]))
	for i, x := range v {
		if got := step * float32(int8(code[5+i])); math.Abs(float64(got-x)) > 0.5001*float64(step) {
			t.Errorf("number %d: got %v, want %v", i, got, x)
		}
	}
	if code := vector.Encode(nil, make([]float32, 384)); len(code) != 4 {
		t.Errorf("got %d bytes for zeros, want 4", len(code))
	}
	long := append(slices.Clone(v), make([]float32, 640)...)
	if got := vector.Encode(nil, long); !slices.Equal(got, code[1:]) {
		t.Error("zeros at the end change the code")
	}
	floats := vector.AppendFloats(nil, long)
	if len(floats) != 4*384 {
		t.Errorf("got %d bytes of floats, want those without the zeros at the end", len(floats))
	}
	q := unit(gauss(r, 1024))
	if got, want := vector.Dot(q, floats), dot(q, long); math.Abs(float64(got-want)) > 1e-6 {
		t.Errorf("got product %v, want %v", got, want)
	}
	if got, want := vector.Dot(q[:5], vector.AppendFloats(nil, v[:7])), dot(q[:5], v[:5]); math.Abs(float64(got-want)) > 1e-6 {
		t.Errorf("got product %v of a few numbers, want %v", got, want)
	}
}

func TestDamagedCodes(t *testing.T) {
	t.Parallel()
	p := vector.New(4)
	for name, code := range map[string][]byte{
		"empty": nil, "short": {0, 0, 0}, "long": make([]byte, 9), "infinite": {0, 0, 0x80, 0x7f, 1}, "no number": {0, 0, 0xc0, 0x7f, 1}, "negative": {0, 0, 0x80, 0xbf, 1},
	} {
		if err := p.Add(code); err == nil {
			t.Errorf("%s: got no error, want one", name)
		}
	}
	if p.Len() != 0 {
		t.Errorf("got %d slots, want none", p.Len())
	}
}

// TestZerosAtTheEnd has vectors that begin short and become longer.
func TestZerosAtTheEnd(t *testing.T) {
	t.Parallel()
	const dimensions = 1024
	r := rand.New(rand.NewPCG(3, 4))
	var list [][]float32
	for i, short := range random(r, 5000, 384) {
		v := make([]float32, dimensions)
		copy(v, short)
		if i > 4500 {
			copy(v, unit(gauss(r, dimensions)))
		}
		list = append(list, v)
	}
	short := fill(t, dimensions, list[:4500])
	if perVector := float64(short.Bytes()) / 4500; perVector > 600 {
		t.Errorf("got %v bytes for a vector of 384 numbers and zeros, want what 384 take", perVector)
	}
	p := fill(t, dimensions, list)
	all := bitmap.Full(len(list))
	for i := 0; i < len(list); i += 250 {
		if hits := p.Search(list[i], all, len(list), 3); len(hits) == 0 || hits[0].Slot != i {
			t.Errorf("vector %d: got %v, want itself first", i, hits)
		}
	}
}

// TestNoDirection has vectors of nothing but zeros, then others too.
func TestNoDirection(t *testing.T) {
	t.Parallel()
	zeros := make([]float32, 4)
	list := [][]float32{zeros, zeros, zeros}
	for range 2 {
		hits := fill(t, 4, list).Search([]float32{0, 1, 0, 0}, bitmap.Full(len(list)), len(list), 2)
		if len(hits) != 2 || hits[1].Score != 0 {
			t.Errorf("got %v, want 2 hits and zeros with the score 0", hits)
		}
		list = append(list, []float32{0, 1, 0, 0})
	}
}

// TestSame has nothing but one vector: no direction from the mean.
func TestSame(t *testing.T) {
	t.Parallel()
	v := unit([]float32{1, 2, 3, 4})
	list := slices.Repeat([][]float32{v}, 9000)
	p := fill(t, 4, list)
	hits := p.Search(v, bitmap.Full(9000), 9000, 5)
	for i, h := range hits {
		if h.Slot != i || math.Abs(float64(h.Score)-1) > 0.01 {
			t.Errorf("hit %d: got %v, want the lowest slots", i, h)
		}
	}
	if len(hits) != 5 {
		t.Errorf("got %d hits, want 5", len(hits))
	}
	if hits := p.Search(make([]float32, 4), bitmap.Full(9000), 9000, 5); len(hits) != 5 {
		t.Errorf("got %d hits for zeros, want 5", len(hits))
	}
}

// TestRebuiltIsAnother searches planes while others are made of them.
func TestRebuiltIsAnother(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	list := random(r, 9000, 64)
	p := fill(t, 64, list)
	all := bitmap.Full(len(list))
	var running sync.WaitGroup
	for i := range 4 {
		running.Go(func() {
			for n := range 10 {
				slot := (i*1000 + n*7) % len(list)
				if hits := p.Search(list[slot], all, len(list), 1); len(hits) == 0 || dot(list[hits[0].Slot], list[slot]) < 0.99 {
					t.Errorf("slot %d: got %v", slot, hits)
				}
			}
		})
	}
	for range 5 {
		q := p.Rebuilt()
		for _, v := range list[:100] {
			if err := q.Add(vector.Encode(nil, v)); err != nil {
				t.Error(err)
			}
		}
	}
	running.Wait()
	if p.Len() != len(list) {
		t.Errorf("got %d slots, want %d", p.Len(), len(list))
	}
}

func BenchmarkSearch(b *testing.B) {
	for _, dimensions := range []int{384, 1024} {
		b.Run(fmt.Sprint(dimensions), func(b *testing.B) {
			const vectors = 100_000
			r := rand.New(rand.NewPCG(7, 8))
			list := random(r, vectors, dimensions)
			p := fill(b, dimensions, list)
			all := bitmap.Full(vectors)
			for b.Loop() {
				p.Search(list[r.IntN(vectors)], all, vectors, 22)
			}
			b.ReportMetric(float64(p.Bytes())/float64(4*vectors*dimensions), "x-floats")
		})
	}
}
