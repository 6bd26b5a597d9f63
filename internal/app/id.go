package app

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
)

// newRequestID returns a UUID v4 in lower case, as the service's are.
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
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
