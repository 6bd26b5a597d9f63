package llamacpp

import (
	"github.com/outcrop/outcrop/internal/gguf"
	"github.com/outcrop/outcrop/internal/machine"
	"github.com/outcrop/outcrop/internal/runner/protocol"
)

const (
	// usualCache is the least that a model's key-value cache may take for
	// more than one request of full length; a large machine gives a share.
	usualCache      = 192 << 20
	usualCacheShare = 64
)

// defaultMemory is three quarters of the machine's memory, 0 when that is not
// known.
func defaultMemory() int64 { return machine.Memory() / 4 * 3 }

// sized tells a child about a model how much memory its cache may take.
func (p *Params) sized(file *gguf.File) protocol.Load {
	load := protocol.Load{Slots: p.Slots, Context: p.Context, CacheBytes: p.CacheBytes, Threads: p.Threads}
	if load.CacheBytes <= 0 {
		load.CacheBytes = max(usualCache, p.MemoryLimit/usualCacheShare)
	}
	if p.MemoryLimit > 0 {
		load.CacheMost = max(p.MemoryLimit-file.Size, 1)
	}
	return load
}

// cacheSize is what the child will make of it: the tokens of one request, and
// the bytes of the whole cache.
func cacheSize(file *gguf.File, load protocol.Load) (limit int, bytes int64) {
	arch := file.Text("general.architecture")
	number := func(key string) int64 { return file.Integer(arch + "." + key) }
	heads := number("attention.head_count")
	var key, kv int64
	if heads > 0 {
		key, kv = number("embedding_length")/heads, heads
	}
	if n := number("attention.head_count_kv"); n > 0 {
		kv = n
	}
	value := key
	if n := number("attention.key_length"); n > 0 {
		key = n
	}
	if n := number("attention.value_length"); n > 0 {
		value = n
	}
	perToken := protocol.CacheBytesPerToken(number("block_count"), kv, key+value)
	limit, cells := protocol.CacheSize(int(number("context_length")), perToken, load)
	switch {
	case perToken == 0: // an architecture that says it otherwise
		return limit, load.CacheBytes
	case pools(file):
		cells = limit
	}
	return limit, int64(cells) * perToken
}
