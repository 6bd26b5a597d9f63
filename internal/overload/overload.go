// Package overload keeps the server from taking on more than it can hold: beyond
// a number of requests at once, or of bytes that they need, a further one is
// refused at once instead of everybody waiting until memory runs out.
//
// It is beneath the quotas and knows neither callers nor models: it looks at the
// process alone. Package edge asks it before it reads anything. Queues of models
// have bounds of their own (engine.queue).
package overload

import (
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
)

// Params are the bounds; 0 is none.
type Params struct {
	Requests int64 // at once
	// Memory is how many bytes the process may use. A request is refused when
	// what is in use, and what the requests that have been let in have yet to
	// take, leave no room for it.
	Memory int64
	Now    func() time.Time // time.Now when nil
	// InUse tells the bytes in use; the process's own heap when nil.
	InUse func() int64
}

// expansion is how many bytes a byte of a request's body becomes: the body
// itself, what it is decoded to, and what the services make of it.
const expansion = 4

// freshness is how old the look at the memory may be. It costs microseconds.
const freshness = 50 * time.Millisecond

// Guard counts the requests that are in. It is safe for concurrent use.
type Guard struct {
	p        Params
	requests atomic.Int64
	bytes    atomic.Int64 // that the bodies of the requests inside take
	inUse    atomic.Int64
	looked   atomic.Int64 // Unix nanoseconds
	looking  sync.Mutex
}

// New returns a Guard.
func New(p Params) *Guard {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.InUse == nil {
		p.InUse = heap
	}
	g := &Guard{p: p}
	g.looked.Store(p.Now().Add(-freshness).UnixNano())
	return g
}

// Enter lets a request in whose body has so many bytes, and returns what ends it.
// Its error is fault.Unavailable with the service's text.
func (g *Guard) Enter(body int64) (leave func(), err error) {
	need := max(body, 0) * expansion
	requests, bytes := g.requests.Add(1), g.bytes.Add(need)
	leave = func() {
		g.requests.Add(-1)
		g.bytes.Add(-need)
	}
	if g.p.Requests > 0 && requests > g.p.Requests || g.p.Memory > 0 && !g.fits(bytes) {
		leave()
		return nil, fault.New(fault.Unavailable, "Too many connections, please wait before trying again.")
	}
	return leave, nil
}

// fits reports whether what is in use and what is still to come stay in bounds.
// Bodies that have been read are counted twice, which errs on the safe side.
func (g *Guard) fits(bytes int64) bool {
	if now := g.p.Now().UnixNano(); outdated(g.looked.Load(), now) && g.looking.TryLock() {
		g.inUse.Store(g.p.InUse())
		g.looked.Store(now)
		g.looking.Unlock()
	}
	return g.inUse.Load()+bytes <= g.p.Memory
}

// outdated is also true when the clock was set back.
func outdated(looked, now int64) bool {
	age := now - looked
	return age < 0 || age >= int64(freshness)
}

// heap is what the Go heap holds, garbage that has not been collected yet
// included; so a refusal may come before the collector has done its work, and
// the next request finds room.
func heap() int64 {
	sample := [1]metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample[:])
	return int64(sample[0].Value.Uint64())
}
