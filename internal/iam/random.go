package iam

import (
	"fmt"
	"io"
)

// Base32 is the alphabet of AWS's identifiers.
const Base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

const secretAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// NewAccessKeyID makes an identifier of AWS's form: AKIA and 16 characters.
func NewAccessKeyID(random io.Reader) (string, error) {
	s, err := RandomText(random, Base32, 16)
	return "AKIA" + s, err
}

// NewSecret makes 40 characters that need no quoting anywhere (238 bits).
func NewSecret(random io.Reader) (Secret, error) {
	s, err := RandomText(random, secretAlphabet, 40)
	return Secret(s), err
}

// RandomText draws n characters evenly from an alphabet of at most 256 bytes.
func RandomText(random io.Reader, alphabet string, n int) (string, error) {
	out := make([]byte, 0, n)
	fair := 256 - 256%len(alphabet) // bytes from here on would favour the first characters
	var b [64]byte
	for len(out) < n {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return "", fmt.Errorf("read random bytes: %w", err)
		}
		for _, x := range b {
			if int(x) < fair && len(out) < n {
				out = append(out, alphabet[int(x)%len(alphabet)])
			}
		}
	}
	return string(out), nil
}
