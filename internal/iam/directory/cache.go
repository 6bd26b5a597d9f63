package directory

import (
	"hash/maphash"
	"maps"
	"sync"
	"sync/atomic"
)

const shards = 64

// cache remembers values by their keys, and not more than it was told. Reading
// takes no lock and writes to no shared memory, except once after a value was
// passed over for eviction: many cores may ask for one key. Writing copies the
// 64th part that the key is in.
type cache[V any] struct {
	seed   maphash.Seed
	size   int // of a shard
	shards [shards]shard[V]
}

type shard[V any] struct {
	mu    sync.Mutex // of who writes
	slots atomic.Pointer[map[string]*slot[V]]
}

type slot[V any] struct {
	value atomic.Pointer[V]
	used  atomic.Bool // since the last look for something to forget
}

func newCache[V any](size int) *cache[V] {
	return &cache[V]{seed: maphash.MakeSeed(), size: max(1, size/shards)}
}

func (c *cache[V]) shard(key string) *shard[V] {
	return &c.shards[maphash.String(c.seed, key)%shards]
}

// get returns the value of a key, or nil.
func (c *cache[V]) get(key string) *V {
	slots := c.shard(key).slots.Load()
	if slots == nil {
		return nil
	}
	s := (*slots)[key]
	if s == nil {
		return nil
	}
	if !s.used.Load() {
		s.used.Store(true)
	}
	return s.value.Load()
}

func (c *cache[V]) put(key string, v *V) {
	sh := c.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	old := sh.slots.Load()
	if old != nil {
		if s := (*old)[key]; s != nil {
			s.value.Store(v)
			return
		}
	}
	fresh := make(map[string]*slot[V], c.size)
	if old != nil {
		maps.Copy(fresh, *old)
	}
	for len(fresh) >= c.size {
		// The order of a map is random, so this is the second-chance rule with a
		// hand that jumps.
		for key, s := range fresh {
			if !s.used.Swap(false) {
				delete(fresh, key)
				break
			}
		}
	}
	s := &slot[V]{}
	s.value.Store(v)
	fresh[key] = s
	sh.slots.Store(&fresh)
}

// count returns how many values are remembered.
func (c *cache[V]) count() int {
	n := 0
	for i := range c.shards {
		if slots := c.shards[i].slots.Load(); slots != nil {
			n += len(*slots)
		}
	}
	return n
}
