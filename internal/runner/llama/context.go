package llama

import (
	"errors"
	"fmt"
	"unsafe"
)

// ContextParams size a context.
type ContextParams struct {
	Tokens     int  // of all sequences together
	Batch      int  // most tokens of one Decode
	Sequences  int  // most sequences
	Outputs    int  // most tokens of a batch that want logits; 0: all
	Threads    int  // of the thread pool
	Poll       int  // 0 to 100: how long idle threads spin before they sleep
	Embeddings bool // pool embeddings instead of logits
}

// Context computes. It belongs to one goroutine.
type Context struct {
	lib  *Library
	ptr  contextPtr
	mem  memoryPtr
	pool threadpoolPtr
	b    batch

	tokens []Token
	pos    []int32
	nSeq   []int32
	seqs   []unsafe.Pointer // of one int32 each
	logits []int8
	n      int
}

// ErrNoRoom means that the key-value cache has no place for the batch.
var ErrNoRoom = errors.New("no room in the key-value cache")

// NewContext makes a context of the model, with a pool of threads of its own.
func (m *Model) NewContext(cp ContextParams) (*Context, error) {
	l := m.lib
	p := l.ctxDefaultParams()
	p.nCtx = uint32(cp.Tokens)
	p.nBatch = uint32(cp.Batch)
	p.nUbatch = uint32(cp.Batch)
	p.nSeqMax = uint32(cp.Sequences)
	p.nOutputsMax = uint32(cp.Outputs)
	p.nThreads = int32(cp.Threads)
	p.nThreadsBatch = int32(cp.Threads)
	p.kvUnified = true
	p.embeddings = cp.Embeddings
	ptr := l.initFromModel(m.ptr, p)
	if ptr == 0 {
		return nil, fmt.Errorf("the library could not make a context of %d tokens", cp.Tokens)
	}
	c := &Context{lib: l, ptr: ptr, mem: l.getMemory(ptr)}
	var tp threadpoolParams
	l.threadpoolInit(&tp, int32(min(cp.Threads, maxThreads)))
	tp.poll = uint32(cp.Poll)
	if c.pool = l.threadpoolNew(&tp); c.pool == 0 {
		l.ctxFree(ptr)
		return nil, fmt.Errorf("the library could not make %d threads", cp.Threads)
	}
	l.attachThreadpool(ptr, c.pool, c.pool)

	c.b = l.batchInit(int32(cp.Batch), 0, 1)
	c.tokens = unsafe.Slice((*Token)(c.b.token), cp.Batch)
	c.pos = unsafe.Slice((*int32)(c.b.pos), cp.Batch)
	c.nSeq = unsafe.Slice((*int32)(c.b.nSeqID), cp.Batch)
	c.seqs = unsafe.Slice((*unsafe.Pointer)(c.b.seqID), cp.Batch)
	c.logits = unsafe.Slice((*int8)(c.b.logits), cp.Batch)
	return c, nil
}

// Close frees the context and its threads.
func (c *Context) Close() {
	c.lib.detachThreadpool(c.ptr)
	c.lib.batchFree(c.b)
	c.lib.ctxFree(c.ptr)
	c.lib.threadpoolFree(c.pool)
}

// Size is the number of tokens of all sequences together, as the library
// rounded it.
func (c *Context) Size() int { return int(c.lib.nCtx(c.ptr)) }

// Pools reports whether the context answers one embedding for each sequence.
func (c *Context) Pools() bool { return c.lib.poolingType(c.ptr) > 0 }

// SetThreads sets how many threads of the pool compute.
func (c *Context) SetThreads(n int) { c.lib.setNThreads(c.ptr, int32(n), int32(n)) }

// Reset empties the batch.
func (c *Context) Reset() { c.n = 0 }

// Len is the number of tokens in the batch.
func (c *Context) Len() int { return c.n }

// Room is the number of tokens that the batch still takes.
func (c *Context) Room() int { return len(c.tokens) - c.n }

// Output tells whether a token's logits are wanted.
type Output bool

// The choices.
const (
	NoOutput   Output = false
	WantOutput Output = true
)

// Add puts a token into the batch and returns its index there. The caller
// checks Room.
func (c *Context) Add(t Token, pos, seq int, out Output) int {
	i := c.n
	c.tokens[i] = t
	c.pos[i] = int32(pos)
	c.nSeq[i] = 1
	*(*int32)(c.seqs[i]) = int32(seq)
	c.logits[i] = 0
	if out {
		c.logits[i] = 1
	}
	c.n++
	return i
}

// Decode computes the batch. After ErrNoRoom the cache is as it was before.
func (c *Context) Decode() error {
	c.b.nTokens = int32(c.n)
	switch rc := c.lib.decode(c.ptr, c.b); rc {
	case 0:
		return nil
	case 1:
		return ErrNoRoom
	default:
		return fmt.Errorf("llama_decode answered %d", rc)
	}
}

// Encode computes the batch without a cache.
func (c *Context) Encode() error {
	c.b.nTokens = int32(c.n)
	if rc := c.lib.encode(c.ptr, c.b); rc != 0 {
		return fmt.Errorf("llama_encode answered %d", rc)
	}
	return nil
}

// HasCache reports whether the context keeps keys and values: an encoder
// without one uses Encode.
func (c *Context) HasCache() bool { return c.mem != 0 }

// Forget removes a sequence's tokens from position from on. It reports false
// when the model's memory cannot be cut there; from 0 it always can.
func (c *Context) Forget(seq, from int) bool {
	if c.mem == 0 {
		return true
	}
	return c.lib.memorySeqRm(c.mem, int32(seq), int32(from), -1)
}

// Copy makes the first n tokens of a sequence those of another one too, which is
// empty. They share their memory.
func (c *Context) Copy(from, to, n int) {
	if c.mem != 0 {
		c.lib.memorySeqCp(c.mem, int32(from), int32(to), 0, int32(n))
	}
}

// Clear forgets every sequence.
func (c *Context) Clear() {
	if c.mem != 0 {
		c.lib.memoryClear(c.mem, false)
	}
}

// Embedding copies a sequence's pooled embedding of n numbers, or nil.
func (c *Context) Embedding(seq, n int) []float32 {
	p := c.lib.getEmbeddingsSeq(c.ptr, int32(seq))
	if p == nil {
		return nil
	}
	v := make([]float32, n)
	copy(v, unsafe.Slice(p, n))
	return v
}

// Logits copies the n logits of the i-th token of the last batch, or nil.
func (c *Context) Logits(i, n int) []float32 {
	p := c.lib.getLogitsIth(c.ptr, int32(i))
	if p == nil {
		return nil
	}
	v := make([]float32, n)
	copy(v, unsafe.Slice(p, n))
	return v
}
