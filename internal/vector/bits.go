package vector

import (
	"math"
	"math/bits"
	"sync"

	"github.com/outcrop/outcrop/internal/vector/bitmap"
)

// A vector's bits are the signs of its difference to the mean of all vectors,
// turned. Without the mean, all vectors of a model would have many bits in
// common, since they are all to one side. Without the turn, a few numbers that
// are much larger than the others, as some models have them, would decide which
// vectors are near and still have only a bit each.

// signer makes bits. It is for one goroutine.
type signer struct {
	width  int
	mean   []float32
	turned []float32
}

func newSigner(p *Planes) *signer {
	return &signer{width: p.width, mean: p.mean, turned: make([]float32, p.width)}
}

// add appends the bits of a slot to its page.
func (s *signer) add(g *page, slot int) {
	if g.bits == nil {
		g.bits = make([]uint64, 0, cap(g.units)*s.width/64)
	}
	unit := g.units[slot]
	mean := s.mean[:s.width]
	for d, c := range g.codes[slot*s.width : (slot+1)*s.width] {
		s.turned[d] = unit*float32(int8(c)) - mean[d]
	}
	g.bits = s.signs(g.bits)
}

// of returns the bits of a vector.
func (s *signer) of(v []float32) []uint64 {
	for d := range s.turned {
		s.turned[d] = -s.mean[d]
		if d < len(v) {
			s.turned[d] += v[d]
		}
	}
	return s.signs(nil)
}

// signs turns what is in turned, and appends its bits to dst.
func (s *signer) signs(dst []uint64) []uint64 {
	turn(s.turned)
	for w := 0; w < s.width; w += 64 {
		word := uint64(0)
		for i, x := range (*[64]float32)(s.turned[w:]) {
			word |= uint64(math.Float32bits(x)>>31) << i
		}
		dst = append(dst, word)
	}
	return dst
}

// turn turns v, whose length is in whole words: it flips the signs of numbers
// that were chosen once by chance, and mixes each block of a power of two with a
// Hadamard transform. The lengths of vectors change, all by the same; who looks
// at signs alone does not mind.
func turn(v []float32) {
	state := uint64(0x9e3779b97f4a7c15)
	for i := range v {
		// xorshift: any bits without a pattern will do.
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		v[i] = math.Float32frombits(math.Float32bits(v[i]) ^ uint32(state>>63)<<31)
	}
	for len(v) > 0 {
		size := 1 << (bits.Len(uint(len(v))) - 1)
		hadamard(v[:size])
		v = v[size:]
	}
}

// hadamard is the fast Walsh-Hadamard transform of a block of at least 64.
func hadamard(v []float32) {
	for half := 1; half < len(v); half *= 2 {
		for i := 0; i < len(v); i += 2 * half {
			low, high := v[i:i+half], v[i+half:i+2*half]
			high = high[:len(low)]
			for j, a := range low {
				b := high[j]
				low[j], high[j] = a+b, a-b
			}
		}
	}
}

// far marks a slot that is not allowed. No vector is that far.
const far = math.MaxUint16

// nearest returns about n of the allowed slots: those whose bits are most like
// those of the vector.
func (p *Planes) nearest(v []float32, allowed bitmap.Set, n int, dst []int) []int {
	s := scan{words: p.width / 64, query: newSigner(p).of(v), allowed: allowed, pages: p.pages, distances: make([]uint16, p.slots)}
	counts := s.run()
	// The distance that n slots are within. Of those that are just as far, only
	// as many as it takes are used: there may be any number of them.
	limit, within := 0, 0
	for limit < len(counts) && within+counts[limit] < n {
		within += counts[limit]
		limit++
	}
	rest := n - within
	for slot, d := range s.distances {
		if int(d) > limit || d == far {
			continue
		}
		if int(d) == limit {
			if rest == 0 {
				continue
			}
			rest--
		}
		dst = append(dst, slot)
	}
	return dst
}

// scan compares bits with those of all allowed slots.
type scan struct {
	words     int
	query     []uint64
	allowed   bitmap.Set
	pages     []*page
	distances []uint16 // by slot
}

// manyPages is from how many pages on a scan uses more than one core.
const manyPages = 200

// run returns how many slots there are at each distance.
func (s *scan) run() []int {
	if len(s.pages) >= manyPages {
		return s.onAllCores()
	}
	counts := make([]int, 64*s.words+1)
	for i := range s.pages {
		s.page(i, counts)
	}
	return counts
}

// onAllCores is run for many pages.
func (s *scan) onAllCores() []int {
	const together = 16 // pages
	counts := make([]int, 64*s.words+1)
	var mu sync.Mutex
	inParallel((len(s.pages)+together-1)/together, func(part int) {
		own := make([]int, len(counts))
		for i := part * together; i < min((part+1)*together, len(s.pages)); i++ {
			s.page(i, own)
		}
		mu.Lock()
		defer mu.Unlock()
		for d, n := range own {
			counts[d] += n
		}
	})
	return counts
}

// page fills in the distances of a page, and counts them.
func (s *scan) page(i int, counts []int) {
	g := s.pages[i]
	n := len(g.units)
	distances := s.distances[i*pageSlots : i*pageSlots+n]
	for start := 0; start < n; start += 64 {
		block := distances[start:min(start+64, n)]
		allowed := uint64(0)
		if at := (i*pageSlots + start) / 64; at < len(s.allowed) {
			allowed = s.allowed[at]
		}
		if bits.OnesCount64(allowed) < len(block)/4 {
			s.some(g, start, block, allowed)
		} else {
			s.all(g, start, block)
		}
		for j, d := range block {
			if allowed>>j&1 == 0 {
				block[j] = far
				continue
			}
			counts[d]++
		}
	}
}

// some fills in the distances of the few slots of a block that are allowed.
func (s *scan) some(g *page, start int, block []uint16, allowed uint64) {
	for ; allowed != 0; allowed &= allowed - 1 {
		j := bits.TrailingZeros64(allowed)
		if j >= len(block) {
			return
		}
		own := g.bits[(start+j)*s.words:]
		d := 0
		for w, q := range s.query {
			d += bits.OnesCount64(own[w] ^ q)
		}
		block[j] = uint16(d)
	}
}

// all fills in the distances of a block.
func (s *scan) all(g *page, start int, block []uint16) {
	own := g.bits[start*s.words:]
	switch s.words {
	case 6: // 384 numbers, the default model's
		q := (*[6]uint64)(s.query)
		q0, q1, q2, q3, q4, q5 := q[0], q[1], q[2], q[3], q[4], q[5]
		for j := range block {
			o := (*[6]uint64)(own[6*j:])
			block[j] = uint16(bits.OnesCount64(o[0]^q0) + bits.OnesCount64(o[1]^q1) + bits.OnesCount64(o[2]^q2) +
				bits.OnesCount64(o[3]^q3) + bits.OnesCount64(o[4]^q4) + bits.OnesCount64(o[5]^q5))
		}
	default:
		for j := range block {
			slot := own[:s.words]
			own = own[s.words:]
			query := s.query[:len(slot)]
			d0, d1 := 0, 0
			w := 0
			for ; w+4 <= len(slot); w += 4 {
				o, q := (*[4]uint64)(slot[w:]), (*[4]uint64)(query[w:])
				d0 += bits.OnesCount64(o[0]^q[0]) + bits.OnesCount64(o[1]^q[1])
				d1 += bits.OnesCount64(o[2]^q[2]) + bits.OnesCount64(o[3]^q[3])
			}
			for ; w < len(slot); w++ {
				d0 += bits.OnesCount64(slot[w] ^ query[w])
			}
			block[j] = uint16(d0 + d1)
		}
	}
}
