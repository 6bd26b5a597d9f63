package rpcv2cbor

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// The major types of CBOR items (RFC 8949, section 3.1).
const (
	unsigned = iota
	negative
	byteString
	textString
	array
	mapping
	tag
	simple
)

// Additional information of major type 7.
const (
	simpleFalse     = 20
	simpleTrue      = 21
	simpleNull      = 22
	simpleUndefined = 23
	floatHalf       = 25
	floatSingle     = 26
	floatDouble     = 27
)

const (
	indefinite = 31   // additional information of items whose end is marked
	breakByte  = 0xff // the mark
	epochTag   = 1    // of timestamps: seconds since 1970
	maxDepth   = 64
	// maxElements bounds the elements and entries of a body: one byte in it can
	// cost a hundred in memory.
	maxElements = 1 << 18
)

// reader takes a body apart into items. Everything it hands out that is not
// copied lies in data.
type reader struct {
	data  []byte
	pos   int
	depth int
}

// head is the beginning of an item.
type head struct {
	major byte
	info  byte
	arg   uint64 // value or length
}

func (h head) open() bool { return h.info == indefinite }

func errEnd() error { return malformed("The request body ends too early.") }

func (r *reader) peek() (byte, error) {
	if r.pos >= len(r.data) {
		return 0, errEnd()
	}
	return r.data[r.pos], nil
}

func (r *reader) head() (head, error) {
	b, err := r.peek()
	if err != nil {
		return head{}, err
	}
	r.pos++
	h := head{major: b >> 5, info: b & 0x1f}
	switch {
	case h.info < 24:
		h.arg = uint64(h.info)
	case h.info <= 27:
		n := 1 << (h.info - 24)
		raw, err := r.take(uint64(n))
		if err != nil {
			return head{}, err
		}
		var wide [8]byte
		copy(wide[8-n:], raw)
		h.arg = binary.BigEndian.Uint64(wide[:])
	case h.open() && h.major >= byteString && h.major <= mapping:
	default:
		return head{}, malformed("The request body is not valid CBOR.")
	}
	return h, nil
}

func (r *reader) take(n uint64) ([]byte, error) {
	if n > uint64(len(r.data)-r.pos) {
		return nil, errEnd()
	}
	b := r.data[r.pos : r.pos+int(n)]
	r.pos += int(n)
	return b, nil
}

// end says that nothing may follow.
func (r *reader) end() error {
	if r.pos != len(r.data) {
		return malformed("The request body goes on after its end.")
	}
	return nil
}

// enter goes into a list, a map or a tag; leave comes out of it.
func (r *reader) enter() error {
	if r.depth++; r.depth > maxDepth {
		return malformed("The request body is nested too deeply.")
	}
	return nil
}

func (r *reader) leave() { r.depth-- }

// more says whether a list or a map goes on. n is how many elements were read.
func (r *reader) more(h head, n uint64) (bool, error) {
	if !h.open() {
		return n < h.arg, nil
	}
	b, err := r.peek()
	if err != nil {
		return false, err
	}
	if b == breakByte {
		r.pos++
		return false, nil
	}
	return true, nil
}

// null takes a null or an undefined, if that is what comes.
func (r *reader) null() (bool, error) {
	b, err := r.peek()
	if err != nil {
		return false, err
	}
	if b != simple<<5|simpleNull && b != simple<<5|simpleUndefined {
		return false, nil
	}
	r.pos++
	return true, nil
}

// bytes reads what follows the head of a string of either kind.
func (r *reader) bytes(h head) ([]byte, error) {
	if !h.open() {
		return r.take(h.arg)
	}
	var whole []byte
	for {
		more, err := r.more(h, 0)
		if err != nil {
			return nil, err
		}
		if !more {
			return whole, nil
		}
		piece, err := r.head()
		if err != nil {
			return nil, err
		}
		if piece.major != h.major || piece.open() {
			return nil, malformed("The pieces of a string must be strings.")
		}
		b, err := r.take(piece.arg)
		if err != nil {
			return nil, err
		}
		if h.major == textString && !utf8.Valid(b) {
			return nil, errText()
		}
		whole = append(whole, b...)
	}
}

func errText() error { return malformed("A text of the request is not valid UTF-8.") }

// key reads the key of a map.
func (r *reader) key() ([]byte, error) {
	h, err := r.head()
	if err != nil {
		return nil, err
	}
	if h.major != textString {
		return nil, malformed("The keys of maps must be strings.")
	}
	b, err := r.bytes(h)
	if err == nil && !utf8.Valid(b) {
		err = errText()
	}
	return b, err
}

// skip reads an item that nobody wants.
func (r *reader) skip() error {
	h, err := r.head()
	if err != nil {
		return err
	}
	switch h.major {
	case byteString, textString:
		b, err := r.bytes(h)
		if err == nil && h.major == textString && !utf8.Valid(b) {
			err = errText()
		}
		return err
	case tag:
		if err := r.enter(); err != nil {
			return err
		}
		defer r.leave()
		return r.skip()
	case array, mapping:
		if err := r.enter(); err != nil {
			return err
		}
		defer r.leave()
		for n := uint64(0); ; n++ {
			if more, err := r.more(h, n); err != nil || !more {
				return err
			}
			if h.major == mapping {
				if err := r.skip(); err != nil {
					return err
				}
			}
			if err := r.skip(); err != nil {
				return err
			}
		}
	case simple:
		if h.info == 24 && h.arg < 32 {
			return malformed("The request body is not valid CBOR.")
		}
	}
	return nil
}

// float is the value of a head of major type 7; ok is false when it is no
// number.
func (h head) float() (_ float64, ok bool) {
	switch h.info {
	case floatHalf:
		return half(uint16(h.arg)), true
	case floatSingle:
		return float64(math.Float32frombits(uint32(h.arg))), true
	case floatDouble:
		return math.Float64frombits(h.arg), true
	}
	return 0, false
}

// half is the value of a number of two bytes (RFC 8949, appendix D).
func half(b uint16) float64 {
	exponent, mantissa := int(b>>10&0x1f), float64(b&0x3ff)
	var v float64
	switch exponent {
	case 0:
		v = math.Ldexp(mantissa, -24)
	case 31:
		v = math.Inf(1)
		if mantissa != 0 {
			v = math.NaN()
		}
	default:
		v = math.Ldexp(mantissa+1024, exponent-25)
	}
	if b&0x8000 != 0 {
		return -v
	}
	return v
}
