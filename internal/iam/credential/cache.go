package credential

import (
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/outcrop/outcrop/internal/iam"
)

// The ages of what is kept in memory. What another process changes is noticed
// when an entry is read again: one request does that from fresh on, the others
// go on with what is known until stale.
const (
	fresh = time.Second
	stale = 2 * time.Second
)

// entry is a credential in memory. Only used and rereading change.
type entry struct {
	id         string
	generation uint64 // of the identifier when it was read
	loaded     int64  // when it was read, in nanoseconds

	credential iam.Credential
	service    string // of a service-specific credential; empty for access keys
	digest     []byte // of its secret

	rereading atomic.Bool
	used      atomic.Pointer[LastUsed]
}

// current reports whether an entry may be used without being read again. It
// lets one caller after another find out that it has to be.
func (e *entry) current(generation uint64, now int64) bool {
	age := time.Duration(now - e.loaded)
	switch {
	case e.generation != generation, age < 0, age >= stale: // or the clock was set back
		return false
	case age < fresh:
		return true
	}
	return !e.rereading.CompareAndSwap(false, true)
}

// ways is how many entries share a place: a new one displaces the oldest.
const ways = 4

// cache is a bounded table that is read and written without a lock. An entry
// can get lost to another one of the same place, which costs a read.
type cache struct {
	seed  maphash.Seed
	slots []atomic.Pointer[entry] // ways for each place
	mask  uint64
}

// newCache makes one for n entries, a power of two.
func newCache(n int) *cache {
	return &cache{seed: maphash.MakeSeed(), slots: make([]atomic.Pointer[entry], n), mask: uint64(n/ways - 1)}
}

func (c *cache) place(id string) []atomic.Pointer[entry] {
	i := (maphash.String(c.seed, id) & c.mask) * ways
	return c.slots[i : i+ways : i+ways]
}

func (c *cache) get(id string) *entry {
	place := c.place(id)
	for i := range place {
		if e := place[i].Load(); e != nil && e.id == id {
			return e
		}
	}
	return nil
}

func (c *cache) put(e *entry) {
	place := c.place(e.id)
	into, oldest := 0, int64(0)
	for i := range place {
		old := place[i].Load()
		if old == nil {
			into, oldest = i, -1<<63
			continue
		}
		if old.id == e.id {
			into = i
			break
		}
		if i == 0 || old.loaded < oldest {
			into, oldest = i, old.loaded
		}
	}
	place[into].Store(e)
}

// generations count what this process changes, by groups of identifiers, so
// that nothing that was read before a change is used after it.
type generations struct {
	all    atomic.Uint64
	groups [256]atomic.Uint64
}

//nolint:gochecknoglobals // a random number of this process
var generationSeed = maphash.MakeSeed()

func (g *generations) group(id string) *atomic.Uint64 {
	return &g.groups[maphash.String(generationSeed, id)%uint64(len(g.groups))]
}

func (g *generations) of(id string) uint64 { return g.all.Load() + g.group(id).Load() }
func (g *generations) changed(id string)   { g.group(id).Add(1) }
func (g *generations) changedAll()         { g.all.Add(1) }

// negatives remembers for a moment that identifiers are unknown. It is as large
// as it is, whatever is asked for.
type negatives struct {
	seed  maphash.Seed
	slots []atomic.Pointer[negative]
}

type negative struct {
	id         string
	generation uint64
	at         int64
}

func newNegatives(n int) *negatives {
	return &negatives{seed: maphash.MakeSeed(), slots: make([]atomic.Pointer[negative], n)}
}

func (n *negatives) slot(id string) *atomic.Pointer[negative] {
	return &n.slots[maphash.String(n.seed, id)%uint64(len(n.slots))]
}

func (n *negatives) has(id string, generation uint64, now int64) bool {
	e := n.slot(id).Load()
	if e == nil || e.id != id || e.generation != generation {
		return false
	}
	age := time.Duration(now - e.at)
	return age >= 0 && age < fresh
}

func (n *negatives) put(id string, generation uint64, now int64) {
	n.slot(id).Store(&negative{id: id, generation: generation, at: now})
}
