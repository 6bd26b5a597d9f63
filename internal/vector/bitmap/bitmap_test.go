package bitmap_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/vector/bitmap"
)

// members are those of a set below n, one by one.
func members(s bitmap.Set, n int) []int {
	var list []int
	for i := range n {
		if s.Has(i) {
			list = append(list, i)
		}
	}
	return list
}

func TestSets(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		const n = 300
		random := func() (bitmap.Set, map[int]bool) {
			s, m := bitmap.Of(r.IntN(n)), map[int]bool{}
			for range r.IntN(n) {
				i := r.IntN(n)
				s = s.With(i)
				m[i] = true
			}
			for range r.IntN(50) {
				i := r.IntN(2 * n)
				s.Remove(i)
				delete(m, i)
			}
			return s, m
		}
		check := func(what string, s bitmap.Set, in func(i int) bool) {
			t.Helper()
			var want []int
			for i := range n {
				if in(i) {
					want = append(want, i)
				}
			}
			if diff := cmp.Diff(want, members(s, n)); diff != "" {
				t.Fatalf("%s: members (-want +got):\n%s", what, diff)
			}
			if diff := cmp.Diff(want, slices.Collect(s.All())); diff != "" {
				t.Fatalf("%s: All (-want +got):\n%s", what, diff)
			}
			if s.Count() != len(want) {
				t.Fatalf("%s: got %d members, want %d", what, s.Count(), len(want))
			}
		}
		a, inA := random()
		b, inB := random()
		check("added", a, func(i int) bool { return inA[i] })
		and := slices.Clone(a)
		and.And(b)
		check("and", and, func(i int) bool { return inA[i] && inB[i] })
		without := slices.Clone(a)
		without.AndNot(b)
		check("and not", without, func(i int) bool { return inA[i] && !inB[i] })
		or := slices.Clone(a)
		or.Or(b)
		check("or", or, func(i int) bool { return inA[i] || inB[i] && i < 64*len(a) })
	}
}

func TestFull(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 63, 64, 65, 128, 1000} {
		s := bitmap.Full(n)
		if s.Count() != n || s.Has(n) || n > 0 && !s.Has(n-1) {
			t.Errorf("%d: got %d members", n, s.Count())
		}
	}
	var none bitmap.Set
	if none.Has(0) || none.Count() != 0 {
		t.Error("the zero set has members")
	}
	for i := range bitmap.Full(70).All() {
		if i == 3 {
			break
		}
	}
}
