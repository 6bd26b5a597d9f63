package failover

import "math/bits"

// Key is made from the beginning of a conversation. Its zero value is that of an
// empty one. It is no cryptographic hash: who chooses the text may choose the
// candidate, which is no secret and no advantage.
type Key struct{ h uint64 }

const (
	k0 = 0xa0761d6478bd642f
	k1 = 0xe7037ed1a0b428db
)

func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// mix spreads a number over all bits.
func mix(x uint64) uint64 { return fold(fold(x^k0, k1)^x, k0) }

// maxText is how much of one text counts: conversations that begin with so much
// in common have the rest in common as well, or little to win from a cache.
const maxText = 4096

// Text adds a text.
func (k *Key) Text(s string) {
	s = s[:min(len(s), maxText)]
	k.Number(uint64(len(s)))
	for ; len(s) >= 8; s = s[8:] {
		k.h = fold(k.h^k0^word(s), k1)
	}
	var tail uint64
	for i := range len(s) {
		tail = tail<<8 | uint64(s[i])
	}
	k.h = fold(k.h^k1^tail, k0)
}

// Bytes adds bytes as Text.
func (k *Key) Bytes(b []byte) { k.Text(string(b[:min(len(b), maxText)])) }

// Number adds a number.
func (k *Key) Number(n uint64) { k.h = fold(k.h^k0, n^k1) }

// Sum is the key.
func (k *Key) Sum() uint64 { return mix(k.h) }

func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
