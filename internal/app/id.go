package app

import (
	"crypto/rand"
	"encoding/hex"
	mathrand "math/rand/v2"
)

// newRequestID returns a UUID v4 in lower case, as the service's are.
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	var text [36]byte
	hex.Encode(text[:], b[:4])
	hex.Encode(text[9:], b[4:6])
	hex.Encode(text[14:], b[6:8])
	hex.Encode(text[19:], b[8:10])
	hex.Encode(text[24:], b[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

const (
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	// padding lengths that the service was seen to use
	minPadding, maxPadding = 2, 61
)

// newPadding returns a prefix of the alphabet, cut at random: it hides the
// length of the tokens in a stream from who watches its packets. It need not be
// unpredictable, only different.
func newPadding() string {
	return letters[:minPadding+mathrand.IntN(maxPadding-minPadding+1)]
}
