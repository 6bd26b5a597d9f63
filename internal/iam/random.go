package iam

import (
	"encoding/base64"
	"fmt"
	"io"
)

const (
	base32Alphabet  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	secretAlphabet  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	suffixAlphabet  = "abcdefghijklmnopqrstuvwxyz0123456789"
	accessKeyPrefix = "AKIA"
	userIDPrefix    = "AIDA"
)

// newAccessKeyID makes an identifier of AWS's form: AKIA and 16 characters.
func newAccessKeyID(random io.Reader) (string, error) {
	s, err := randomText(random, base32Alphabet, 16)
	return accessKeyPrefix + s, err
}

// newUserID makes an identifier of AWS's form: AIDA and 17 characters.
func newUserID(random io.Reader) (string, error) {
	s, err := randomText(random, base32Alphabet, 17)
	return userIDPrefix + s, err
}

// newSecret makes 40 characters that need no quoting anywhere (238 bits).
func newSecret(random io.Reader) (string, error) { return randomText(random, secretAlphabet, 40) }

// newBearerSecret makes the secret part of an API key, of the length AWS's have.
func newBearerSecret(random io.Reader) (string, error) {
	b := make([]byte, 45)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("read random bytes: %w", err)
	}
	return base64.StdEncoding.EncodeToString(b), nil
}

// randomText draws n characters evenly from an alphabet.
func randomText(random io.Reader, alphabet string, n int) (string, error) {
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
