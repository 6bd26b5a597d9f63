package llama

import (
	"errors"
	"math"
	"runtime"
	"slices"
	"unsafe"
)

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

	grammar    samplerPtr // 0: none
	vocab      *Vocab
	candidates []tokenData
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
	if s.grammar != 0 {
		return s.constrained(c, i)
	}
	return s.lib.samplerSample(s.ptr, c.ptr, int32(i))
}

// Force takes a token as if Sample had chosen it; false when the grammar does not
// allow it, and then nothing has changed.
func (s *Sampler) Force(t Token) bool {
	if s.grammar == 0 {
		return true // the rest of the chain remembers no token
	}
	s.candidates = append(s.candidates[:0], tokenData{id: t, logit: 1})
	s.apply(s.grammar)
	if !allowed(s.candidates[0]) {
		return false
	}
	s.lib.samplerAccept(s.grammar, t)
	return true
}

// Close frees the chain.
func (s *Sampler) Close() {
	s.Release()
	s.lib.samplerFree(s.ptr)
}

// Constrain makes every further token one that keeps the text in the grammar,
// until Release. The grammar begins with the next token; its root is "root". A
// grammar that the library does not take is an error.
func (s *Sampler) Constrain(v *Vocab, grammar string) error {
	s.Release()
	if s.grammar = s.lib.samplerGrammar(v.ptr, grammar, "root"); s.grammar == 0 {
		return ErrGrammar
	}
	s.vocab = v
	return nil
}

// ErrGrammar means that the library does not take a grammar.
var ErrGrammar = errors.New("the library refused the grammar")

// Release ends what Constrain began.
func (s *Sampler) Release() {
	if s.grammar != 0 {
		s.lib.samplerFree(s.grammar)
		s.grammar = 0
	}
}

// NoToken is what Sample returns when the grammar allows none.
const NoToken Token = -1

// constrained chooses a token that the grammar allows. Whether it allows the one
// that would be chosen anyway is cheap to find out; only if not all tokens are
// tried. The library ends the process when it is told of one that the grammar
// does not allow, so none is that was not tried.
func (s *Sampler) constrained(c *Context, i int) Token {
	t := s.lib.samplerSample(s.ptr, c.ptr, int32(i))
	s.candidates = append(s.candidates[:0], tokenData{id: t, logit: 1})
	s.apply(s.grammar)
	if !allowed(s.candidates[0]) || s.vocab.hidden(t) {
		if t = s.again(c, i); t == NoToken {
			return t
		}
	}
	if !s.vocab.EndsGeneration(t) {
		s.lib.samplerAccept(s.grammar, t)
	}
	return t
}

// again chooses among all tokens that the grammar allows.
func (s *Sampler) again(c *Context, i int) Token {
	p := s.lib.getLogitsIth(c.ptr, int32(i))
	if p == nil {
		return NoToken
	}
	logits := unsafe.Slice(p, s.vocab.size)
	s.candidates = slices.Grow(s.candidates[:0], len(logits))
	for id, logit := range logits {
		if t := Token(id); !s.vocab.hidden(t) {
			s.candidates = append(s.candidates, tokenData{id: t, logit: logit})
		}
	}
	s.apply(s.grammar)
	s.candidates = slices.DeleteFunc(s.candidates, func(d tokenData) bool { return !allowed(d) })
	if len(s.candidates) == 0 {
		return NoToken
	}
	array := s.apply(s.ptr)
	if array.selected < 0 || uint64(array.selected) >= array.size {
		return NoToken
	}
	// The samplers may have moved the candidates to memory of their own.
	return unsafe.Slice((*tokenData)(array.data), array.size)[array.selected].id
}

func allowed(d tokenData) bool { return !math.IsInf(float64(d.logit), -1) }

// apply runs a sampler over the candidates.
func (s *Sampler) apply(ptr samplerPtr) tokenDataArray {
	var pins runtime.Pinner
	defer pins.Unpin()
	array := &tokenDataArray{data: unsafe.Pointer(&s.candidates[0]), size: uint64(len(s.candidates)), selected: -1}
	pins.Pin(array)
	pins.Pin(&s.candidates[0])
	s.lib.samplerApply(ptr, array)
	return *array
}
