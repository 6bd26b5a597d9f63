package llama

// Sampling is how the next token is chosen.
type Sampling struct {
	Temperature float64 // 0: always the most probable token
	TopK        int     // 0: all
	TopP        float64 // 1: all
	MinP        float64 // 0: all
	Seed        uint32
}

// Sampler chooses tokens for one sequence.
type Sampler struct {
	lib *Library
	ptr samplerPtr
}

// NewSampler builds the chain for s: top-k, top-p, min-p, temperature, draw.
func (l *Library) NewSampler(s Sampling) *Sampler {
	chain := l.chainInit(l.chainDefaultParams())
	if s.Temperature <= 0 {
		l.chainAdd(chain, l.samplerGreedy())
		return &Sampler{lib: l, ptr: chain}
	}
	if s.TopK > 0 {
		l.chainAdd(chain, l.samplerTopK(int32(min(s.TopK, 1<<30))))
	}
	if s.TopP < 1 {
		l.chainAdd(chain, l.samplerTopP(float32(s.TopP), 1))
	}
	if s.MinP > 0 {
		l.chainAdd(chain, l.samplerMinP(float32(s.MinP), 1))
	}
	l.chainAdd(chain, l.samplerTemp(float32(s.Temperature)))
	l.chainAdd(chain, l.samplerDist(s.Seed))
	return &Sampler{lib: l, ptr: chain}
}

// Sample chooses a token by the logits of the i-th token of the last batch and
// remembers it.
func (s *Sampler) Sample(c *Context, i int) Token {
	return s.lib.samplerSample(s.ptr, c.ptr, int32(i))
}

// Close frees the chain.
func (s *Sampler) Close() { s.lib.samplerFree(s.ptr) }
