// Package vector searches vectors in memory by their dot product with another,
// without a graph and without training: a plane of one bit for each number finds
// candidates among all that are allowed, and a plane of one byte for each puts
// them in order. Package doc DESIGN.md says why and with which figures.
//
// It keeps no floats and nothing on disk: who uses it has the vectors, adds their
// codes (Encode) at start, and compares the few best once more, exactly.
package vector

import (
	"encoding/binary"
	"math"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
)

// Planes are the codes of vectors, which are known by a slot: the first one
// added has 0, the next 1, and so on. Searches may run at once, while nothing is
// added.
type Planes struct {
	dimensions int
	width      int // numbers kept of each: up to the last that is not zero in all, in whole words
	pages      []*page
	slots      int
	centered   int // how many there were when bits were last made; 0: there are none
	mean       []float32
}

// page holds neighboring slots, so that more memory is only ever a page more.
type page struct {
	codes []byte    // signed, width for each slot
	units []float32 // what 1 is worth
	// Of the difference to the mean: which numbers are positive, what a sum of
	// signs is worth, and how many are positive. Nil until there are enough.
	bits    []uint64
	factors []float32
	ones    []float32
}

const (
	pageSlots = 4096
	// fewest is how many vectors are compared by their bytes alone.
	fewest = 4096
)

// New returns empty planes for vectors of a size.
func New(dimensions int) *Planes {
	return &Planes{dimensions: dimensions}
}

// Len is how many slots there are.
func (p *Planes) Len() int { return p.slots }

// Add gives the next slot to a vector by its code. It fails when the code is
// damaged.
func (p *Planes) Add(code []byte) error {
	if len(code) < codeHeader || len(code)-codeHeader > p.dimensions {
		return errCode
	}
	unit := math.Float32frombits(binary.LittleEndian.Uint32(code))
	code = code[codeHeader:]
	if !(unit >= 0 && unit <= math.MaxFloat32) {
		return errCode
	}
	if len(code) > p.width {
		p.widen(len(code))
	}
	var last *page
	if p.slots%pageSlots == 0 {
		last = &page{}
		if p.slots > 0 { // a small index does not pay for a whole page
			last.codes = make([]byte, 0, pageSlots*p.width)
			last.units = make([]float32, 0, pageSlots)
		}
		p.pages = append(p.pages, last)
	} else {
		last = p.pages[len(p.pages)-1]
	}
	at := len(last.codes)
	last.codes = append(last.codes, code...)
	last.codes = append(last.codes, make([]byte, p.width-len(code))...)
	last.units = append(last.units, unit)
	p.slots++
	if p.centered > 0 {
		p.addBits(last, at/p.width)
	}
	return nil
}

// widen makes room for more numbers in each slot.
func (p *Planes) widen(numbers int) {
	width := min((numbers+63)/64*64, (p.dimensions+63)/64*64)
	for _, old := range p.pages {
		n := len(old.units)
		codes := make([]byte, n*width)
		for s := range n {
			copy(codes[s*width:], old.codes[s*p.width:(s+1)*p.width])
		}
		*old = page{codes: codes, units: old.units}
	}
	p.width, p.centered, p.mean = width, 0, nil
}

// Due reports whether Rebuilt would make searches better: there are twice as
// many vectors as when the bits were made.
func (p *Planes) Due() bool {
	return p.slots >= fewest && p.slots >= 2*p.centered
}

// Rebuilt returns the same planes with fresh bits, if there are enough vectors
// for any. p stays as it is and may be searched meanwhile; nothing must be added
// to it any more.
func (p *Planes) Rebuilt() *Planes {
	fresh := *p
	fresh.pages = make([]*page, len(p.pages))
	for i, old := range p.pages {
		fresh.pages[i] = &page{codes: old.codes, units: old.units}
	}
	fresh.centered, fresh.mean = 0, nil
	if p.slots < fewest {
		return &fresh
	}
	fresh.centered, fresh.mean = p.slots, p.average()
	inParallel(len(fresh.pages), func(i int) {
		for slot := range fresh.pages[i].units {
			fresh.addBits(fresh.pages[i], slot)
		}
	})
	return &fresh
}

// average is the mean of all vectors.
func (p *Planes) average() []float32 {
	sums := make([][]float64, len(p.pages))
	inParallel(len(p.pages), func(i int) {
		sum := make([]float64, p.width)
		g := p.pages[i]
		for slot, unit := range g.units {
			for d, c := range g.codes[slot*p.width : (slot+1)*p.width] {
				sum[d] += float64(unit * float32(int8(c)))
			}
		}
		sums[i] = sum
	})
	mean := make([]float32, p.width)
	for d := range mean {
		total := 0.0
		for _, sum := range sums {
			total += sum[d]
		}
		mean[d] = float32(total / float64(p.slots))
	}
	return mean
}

// addBits appends the bits of a slot of a page.
func (p *Planes) addBits(to *page, slot int) {
	if to.bits == nil {
		room := cap(to.units)
		to.bits = make([]uint64, 0, room*p.width/64)
		to.factors = make([]float32, 0, room)
		to.ones = make([]float32, 0, room)
	}
	code := to.codes[slot*p.width : (slot+1)*p.width]
	unit := to.units[slot]
	var squares, sizes float32
	ones := 0
	for w := 0; w < p.width; w += 64 {
		word := uint64(0)
		c, m := (*[64]byte)(code[w:]), (*[64]float32)(p.mean[w:])
		for i := range 64 {
			x := unit*float32(int8(c[i])) - m[i]
			squares += x * x
			sizes += abs(x)
			word |= uint64(math.Float32bits(x)>>31) << i // 1 where x is negative
		}
		word = ^word
		ones += bits.OnesCount64(word)
		to.bits = append(to.bits, word)
	}
	factor := float32(0)
	if sizes > 0 {
		factor = squares / sizes
	}
	to.factors = append(to.factors, factor)
	to.ones = append(to.ones, float32(ones))
}

// Bytes is the memory in use.
func (p *Planes) Bytes() int64 {
	n := int64(0)
	for _, g := range p.pages {
		n += int64(cap(g.codes)) + 4*int64(cap(g.units)+cap(g.factors)+cap(g.ones)) + 8*int64(cap(g.bits))
	}
	return n + 4*int64(len(p.mean))
}

// inParallel calls f for the numbers below n, on all cores.
func inParallel(n int, f func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	all.Wait()
}
