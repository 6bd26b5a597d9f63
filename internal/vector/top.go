package vector

import (
	"cmp"
	"math"
	"slices"
)

// top keeps the n best of the hits that it is offered. It collects twice as many
// before it throws the worse half away, which costs less than keeping them in
// order.
type top struct {
	n     int
	hits  []Hit
	least float32 // what is not above is not among them
}

func newTop(n int) *top {
	return &top{n: n, least: float32(math.Inf(-1)), hits: make([]Hit, 0, 2*n+64)}
}

func (t *top) offer(h Hit) {
	if h.Score <= t.least {
		return
	}
	if t.hits = append(t.hits, h); len(t.hits) == cap(t.hits) {
		t.halve()
	}
}

// halve keeps the n best.
func (t *top) halve() {
	if len(t.hits) <= t.n {
		return
	}
	part(t.hits, t.n)
	t.hits = t.hits[:t.n]
	t.least = t.hits[0].Score
	for _, h := range t.hits {
		t.least = min(t.least, h.Score)
	}
}

// sorted are the n best, the best first.
func (t *top) sorted() []Hit {
	t.halve()
	slices.SortFunc(t.hits, order)
	return t.hits
}

// order puts the higher score first, and of equal ones the lower slot.
func order(a, b Hit) int {
	if a.Score != b.Score {
		if a.Score > b.Score {
			return -1
		}
		return 1
	}
	return cmp.Compare(a.Slot, b.Slot)
}

// part moves the n best hits to the front (Hoare's selection).
func part(hits []Hit, n int) {
	low, high := 0, len(hits)-1
	for low < high {
		// The median of three keeps what is already in order from being slow.
		middle := low + (high-low)/2
		if order(hits[middle], hits[low]) < 0 {
			hits[middle], hits[low] = hits[low], hits[middle]
		}
		if order(hits[high], hits[low]) < 0 {
			hits[high], hits[low] = hits[low], hits[high]
		}
		if order(hits[high], hits[middle]) < 0 {
			hits[high], hits[middle] = hits[middle], hits[high]
		}
		pivot := hits[middle]
		i, j := low, high
		for i <= j {
			for order(hits[i], pivot) < 0 {
				i++
			}
			for order(hits[j], pivot) > 0 {
				j--
			}
			if i <= j {
				hits[i], hits[j] = hits[j], hits[i]
				i++
				j--
			}
		}
		switch {
		case n-1 <= j:
			high = j
		case n-1 >= i:
			low = i
		default:
			return
		}
	}
}
