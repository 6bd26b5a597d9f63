// Package vector searches vectors in memory by their dot product with another,
// without a graph and without training: a plane of one bit for each number finds
// candidates among all that are allowed, and a plane of one byte for each puts
// them in order. docs/design/064-embedded-index.md says why, with figures.
//
// It keeps no floats and nothing on disk: who uses it has the vectors, adds their
// codes (Encode) at start, and compares the few best once more, exactly.
package vector

import (
	"encoding/binary"
	"math"
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
	centered   int       // how many there were when bits were last made; 0: there are none
	mean       []float32 // of all vectors then
}

// page holds neighboring slots, so that more memory is only ever a page more.
type page struct {
	codes []byte    // signed, width for each slot
	units []float32 // what 1 is worth
	bits  []uint64  // width of them for each slot; see bits.go
}

const (
	pageSlots = 1024
	// fewest is how many vectors are compared by their bytes alone, as are those
	// of less than narrowest numbers: so few bits tell too little.
	fewest    = 4096
	narrowest = 128
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
	if p.slots%pageSlots == 0 {
		g := &page{}
		if p.slots > 0 { // a small index does not pay for a whole page
			g.codes = make([]byte, 0, pageSlots*p.width)
			g.units = make([]float32, 0, pageSlots)
		}
		p.pages = append(p.pages, g)
	}
	g := p.pages[len(p.pages)-1]
	g.codes = append(g.codes, code...)
	g.codes = append(g.codes, make([]byte, p.width-len(code))...)
	g.units = append(g.units, unit)
	p.slots++
	if p.centered > 0 {
		newSigner(p).add(g, len(g.units)-1)
	}
	return nil
}

// widen makes room for more numbers in each slot.
func (p *Planes) widen(numbers int) {
	width := (numbers + 63) / 64 * 64
	for i, old := range p.pages {
		g := &page{codes: make([]byte, len(old.units)*width), units: old.units}
		for slot := range old.units {
			copy(g.codes[slot*width:], old.codes[slot*p.width:(slot+1)*p.width])
		}
		p.pages[i] = g
	}
	p.width, p.centered, p.mean = width, 0, nil
}

// Due reports whether Rebuilt would make searches better: there are twice as
// many vectors as when the bits were made.
func (p *Planes) Due() bool {
	return p.width >= narrowest && p.slots >= fewest && p.slots >= 2*p.centered
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
	if p.width < narrowest || p.slots < fewest {
		return &fresh
	}
	fresh.centered, fresh.mean = p.slots, p.average()
	inParallel(len(fresh.pages), func(i int) {
		s := newSigner(&fresh)
		for slot := range fresh.pages[i].units {
			s.add(fresh.pages[i], slot)
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

// Bytes is the memory in use.
func (p *Planes) Bytes() int64 {
	n := 4 * int64(len(p.mean))
	for _, g := range p.pages {
		n += int64(cap(g.codes)) + 4*int64(cap(g.units)) + 8*int64(cap(g.bits))
	}
	return n
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
