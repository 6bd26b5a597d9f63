package vector

import (
	"math"
	"math/bits"
	"slices"

	"github.com/outcrop/outcrop/internal/vector/bitmap"
)

// Hit is a slot that was found.
type Hit struct {
	Slot  int
	Score float32 // about the dot product
}

// Search returns about the n best of the allowed slots, the best first. count is
// how many are allowed.
func (p *Planes) Search(v []float32, allowed bitmap.Set, count, n int) []Hit {
	if p.slots == 0 || n <= 0 {
		return nil
	}
	q := p.quantize(v)
	top := newTop(n)
	candidates := 30*n + 200
	if p.centered == 0 || count <= candidates+fewest {
		for slot := range allowed.All() {
			if slot >= p.slots {
				break
			}
			top.offer(Hit{slot, p.byBytes(q, slot)})
		}
		return top.sorted()
	}
	for _, c := range p.candidates(v, allowed, candidates) {
		top.offer(Hit{c.Slot, p.byBytes(q, c.Slot)})
	}
	return top.sorted()
}

// query is a vector in whole numbers, so that its product with a code is one.
type query struct {
	numbers []int16
	unit    float32
}

func (p *Planes) quantize(v []float32) query {
	v = v[:min(len(v), p.width)]
	q := query{numbers: make([]int16, p.width)}
	largest := float32(0)
	for _, x := range v {
		largest = max(largest, abs(x))
	}
	// The sum of all products has to fit into 32 bits.
	most := float32(min(math.MaxInt16/2, math.MaxInt32/(127*max(p.width, 1))))
	q.unit = largest / most
	if q.unit > 0 {
		for i, x := range v {
			q.numbers[i] = int16(math.Round(float64(x / q.unit)))
		}
	}
	return q
}

// byBytes is about the dot product of the query and the vector in a slot.
func (p *Planes) byBytes(q query, slot int) float32 {
	g := p.pages[slot/pageSlots]
	at := slot % pageSlots
	code := g.codes[at*p.width : (at+1)*p.width]
	var s0, s1, s2, s3 int32
	numbers := q.numbers[:len(code)]
	for len(code) >= 8 && len(numbers) >= 8 {
		c, n := (*[8]byte)(code), (*[8]int16)(numbers)
		s0 += int32(int8(c[0]))*int32(n[0]) + int32(int8(c[4]))*int32(n[4])
		s1 += int32(int8(c[1]))*int32(n[1]) + int32(int8(c[5]))*int32(n[5])
		s2 += int32(int8(c[2]))*int32(n[2]) + int32(int8(c[6]))*int32(n[6])
		s3 += int32(int8(c[3]))*int32(n[3]) + int32(int8(c[7]))*int32(n[7])
		code, numbers = code[8:], numbers[8:]
	}
	return float32(s0+s1+s2+s3) * q.unit * g.units[at]
}

// sliced is a query with four bits for each number, each bit in a word of its
// own: an AND with the bits of a vector and a count of ones for each.
type sliced struct {
	planes    [4][]uint64
	low, step float32
	sum       float32
}

func (p *Planes) slice(v []float32) sliced {
	full := make([]float32, p.width)
	copy(full, v)
	low, high := slices.Min(full), slices.Max(full)
	s := sliced{low: low, step: (high - low) / 15}
	for b := range s.planes {
		s.planes[b] = make([]uint64, p.width/64)
	}
	for i, x := range full {
		u := 0
		if s.step > 0 {
			u = int(math.Round(float64((x - low) / s.step)))
		}
		s.sum += low + s.step*float32(u)
		for b := range s.planes {
			s.planes[b][i/64] |= uint64(u>>b&1) << (i % 64)
		}
	}
	return s
}

// candidates returns the n slots that seem best by the bits.
func (p *Planes) candidates(v []float32, allowed bitmap.Set, n int) []Hit {
	s := p.slice(v)
	top := newTop(n)
	scores := make([]float32, pageSlots)
	for i, g := range p.pages {
		scores = scores[:len(g.units)]
		s.score(g, p.width/64, scores)
		for at, score := range scores {
			if score > top.least {
				if slot := i*pageSlots + at; allowed.Has(slot) {
					top.offer(Hit{slot, score})
				}
			}
		}
	}
	return top.kept()
}

func (s *sliced) score(g *page, words int, scores []float32) {
	all := g.bits
	p0, p1, p2, p3 := s.planes[0][:words], s.planes[1][:words], s.planes[2][:words], s.planes[3][:words]
	for i := range scores {
		own := all[i*words : (i+1)*words]
		var t0, t1, t2, t3 int
		for w, word := range own {
			t0 += bits.OnesCount64(word & p0[w])
			t1 += bits.OnesCount64(word & p1[w])
			t2 += bits.OnesCount64(word & p2[w])
			t3 += bits.OnesCount64(word & p3[w])
		}
		t := t0 + t1<<1 + t2<<2 + t3<<3
		scores[i] = (2*(s.low*g.ones[i]+s.step*float32(t)) - s.sum) * g.factors[i]
	}
}
