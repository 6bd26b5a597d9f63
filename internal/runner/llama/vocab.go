package llama

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"unicode/utf8"
	"unsafe"
)

// Attributes of a token.
const (
	attrUnknown = 1 << 0
	attrControl = 1 << 3
)

// Vocab is a model's vocabulary. It is safe for concurrent use.
type Vocab struct {
	lib    *Library
	ptr    vocabPtr
	size   int
	bos    Token
	eos    Token
	addBOS bool

	controls func() []bool // of each token: a control token that ends nothing
	show     map[Token]bool
}

func newVocab(l *Library, ptr vocabPtr) *Vocab {
	v := &Vocab{
		lib: l, ptr: ptr,
		size: int(l.vocabNTokens(ptr)), bos: l.vocabBOS(ptr), eos: l.vocabEOS(ptr), addBOS: l.vocabAddBOS(ptr),
	}
	v.controls = sync.OnceValue(v.findControls)
	return v
}

func (v *Vocab) findControls() []bool {
	found := make([]bool, v.size)
	for t := range Token(v.size) {
		found[t] = v.lib.vocabAttr(v.ptr, t)&(attrControl|attrUnknown) != 0 && !v.EndsGeneration(t)
	}
	return found
}

// Show makes control tokens fit for grammars, which know them by their texts.
// Others are never chosen under one: they stand for nothing in an answer. It is
// called before anything is sampled.
func (v *Vocab) Show(tokens ...Token) {
	v.show = make(map[Token]bool, len(tokens))
	for _, t := range tokens {
		v.show[t] = true
	}
}

func (v *Vocab) hidden(t Token) bool { return v.controls()[t] && !v.show[t] }

// Size is the number of tokens.
func (v *Vocab) Size() int { return v.size }

// BOS is the token that begins a text, or -1.
func (v *Vocab) BOS() Token { return v.bos }

// EOS is the token that ends a text, or -1.
func (v *Vocab) EOS() Token { return v.eos }

// AddsBOS reports whether the model expects BOS in front.
func (v *Vocab) AddsBOS() bool { return v.addBOS && v.bos >= 0 }

// EndsGeneration reports whether t means that the answer is over.
func (v *Vocab) EndsGeneration(t Token) bool { return v.lib.vocabIsEOG(v.ptr, t) }

// Text is the token as the vocabulary spells it, empty for -1.
func (v *Vocab) Text(t Token) string {
	if t < 0 || int(t) >= v.size {
		return ""
	}
	return v.lib.vocabText(v.ptr, t)
}

// Special lists the texts that tokenization with ParseSpecial turns into a
// control token.
func (v *Vocab) Special() []string {
	var s []string
	for t := range Token(v.size) {
		if v.lib.vocabAttr(v.ptr, t)&(attrControl|attrUnknown) == 0 {
			continue
		}
		if text := v.Text(t); text != "" {
			s = append(s, text)
		}
	}
	return s
}

// Longest is the most bytes of text that one token stands for: its spelling in
// an answer, or its name if it is a control token. Characters that the
// vocabulary does not know take at most four.
func (v *Vocab) Longest() int {
	longest := utf8.UTFMax
	var buf []byte
	for t := range Token(v.size) {
		if buf = v.Piece(buf[:0], t); len(buf) == 0 {
			buf = append(buf, v.Text(t)...)
		}
		longest = max(longest, len(buf))
	}
	return longest
}

// Parse tells how to read texts of control tokens.
type Parse bool

// The ways to tokenize.
const (
	PlainText    Parse = false // control tokens' texts are text
	ParseSpecial Parse = true  // control tokens' texts become the tokens
)

// Frame tells whether to add what the vocabulary puts around a text.
type Frame bool

// The ways to frame.
const (
	NoFrame  Frame = false
	AddFrame Frame = true // BOS, EOS, [CLS], [SEP] as the model wants
)

// Tokenize appends the tokens of text to dst.
func (v *Vocab) Tokenize(dst []Token, text string, frame Frame, parse Parse) ([]Token, error) {
	if len(text) > math.MaxInt32/2 {
		return nil, fmt.Errorf("a text of %d bytes is too long to tokenize", len(text))
	}
	var p *byte
	if len(text) > 0 {
		p = unsafe.StringData(text)
	} else {
		p = new(byte)
	}
	// A token is rarely shorter than 3 bytes; the second try is exact.
	room := len(text)/3 + 16
	for range 2 {
		start := len(dst)
		dst = slices.Grow(dst, room)
		space := dst[:start+room]
		n := v.lib.tokenize(v.ptr, p, int32(len(text)), &space[start], int32(room), bool(frame), bool(parse))
		switch {
		case n == math.MinInt32:
			return nil, fmt.Errorf("a text of %d bytes makes too many tokens", len(text))
		case n >= 0:
			return space[:start+int(n)], nil
		}
		room = int(-n)
	}
	return nil, fmt.Errorf("the tokenizer changed its mind about a text of %d bytes", len(text))
}

// Piece appends the bytes that t stands for in an answer; control tokens stand
// for nothing. The bytes need not be whole UTF-8.
func (v *Vocab) Piece(dst []byte, t Token) []byte {
	var buf [64]byte
	n := v.lib.tokenToPiece(v.ptr, t, &buf[0], int32(len(buf)), 0, false)
	if n >= 0 {
		return append(dst, buf[:n]...)
	}
	long := make([]byte, -n)
	n = v.lib.tokenToPiece(v.ptr, t, &long[0], int32(len(long)), 0, false)
	if n < 0 {
		return dst
	}
	return append(dst, long[:n]...)
}
