package vector

import (
	"math"

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
	v = v[:min(len(v), p.width)]
	q := p.quantize(v)
	n = min(n, p.slots)
	best := newTop(n)
	if p.centered == 0 || count <= p.candidates(n)+fewest/2 {
		for slot := range allowed.All() {
			if slot >= p.slots {
				break
			}
			best.offer(Hit{slot, p.byBytes(q, slot)})
		}
		return best.sorted()
	}
	candidates := p.candidates(n)
	for _, slot := range p.nearest(v, allowed, candidates, make([]int, 0, candidates)) {
		best.offer(Hit{slot, p.byBytes(q, slot)})
	}
	return best.sorted()
}

// candidates is how many slots the bits have to find for the n best to be among
// them: many, because a bit says little; more where more are alike, and where
// there are fewer bits. There have to be bits.
func (p *Planes) candidates(n int) int {
	const usual = 384
	return (512 + p.slots/256 + 12*n) * max(usual, p.width) / p.width
}

// query is a vector in whole numbers, so that its product with a code is one.
type query struct {
	numbers []int16
	unit    float32
}

func (p *Planes) quantize(v []float32) query {
	q := query{numbers: make([]int16, p.width)}
	largest := float32(0)
	for _, x := range v {
		largest = max(largest, abs(x))
	}
	// The sum of all products has to fit into 32 bits.
	most := float32(min(math.MaxInt16/2, math.MaxInt32/(128*max(p.width, 1))))
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
