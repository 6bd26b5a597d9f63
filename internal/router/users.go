package router

import (
	"math/rand/v2"
	"sync/atomic"
)

// users counts who uses a snapshot, so that processors which count at the same
// time do not wait for each other: each takes one of several cells. A user that
// comes after retire is turned away.
type users struct {
	cells   [8]cell
	retired atomic.Bool
	told    atomic.Bool
	gone    func() // set before retired
}

// cell is alone on its cache lines.
type cell struct {
	n atomic.Int64
	_ [120]byte
}

func (u *users) enter() (*cell, bool) {
	c := u.join()
	if u.retired.Load() {
		u.leave(c)
		return nil, false
	}
	return c, true
}

// join is enter also after retire; see again.
func (u *users) join() *cell {
	c := &u.cells[rand.Uint32()%uint32(len(u.cells))]
	c.n.Add(1)
	return c
}

func (u *users) leave(c *cell) {
	c.n.Add(-1)
	if u.retired.Load() {
		u.look()
	}
}

// retire has gone called when the last user has left.
func (u *users) retire(gone func()) {
	u.gone = gone
	u.retired.Store(true)
	u.look()
}

// look tells gone, once, when nobody is left.
func (u *users) look() {
	if u.empty() && u.told.CompareAndSwap(false, true) {
		u.gone()
	}
}

// empty reports whether nobody is there. After retire no cell grows but for a
// moment, and none is below zero: all of them at zero means that nobody is.
func (u *users) empty() bool {
	for i := range u.cells {
		if u.cells[i].n.Load() != 0 {
			return false
		}
	}
	return true
}

// again undoes that gone was told: somebody has joined in between.
func (u *users) again() {
	u.told.Store(false)
	u.look()
}
