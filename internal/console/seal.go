package console

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// sealVersion is the first byte of what is in a cookie.
const sealVersion = 1

// seal keeps what is in a cookie from whoever has the cookie, and makes the
// tokens that belong to sessions.
type seal struct {
	aead    cipher.AEAD
	tokens  []byte
	account []byte
	rand    io.Reader
}

func newSeal(keys Credentials, account string, random io.Reader) (*seal, error) {
	key, err := keys.Derive("console session")
	if err != nil {
		return nil, fmt.Errorf("the key of the console's sessions: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	s := &seal{account: []byte(account), rand: random}
	if s.aead, err = cipher.NewGCM(block); err != nil {
		return nil, err
	}
	s.tokens, err = keys.Derive("console csrf token")
	return s, err
}

// close returns the text of a session for cookies.
func (s *seal) close(session *session) (string, error) {
	text, err := json.Marshal(session) //nolint:gosec // it is sealed below
	if err != nil {
		return "", err
	}
	sealed := make([]byte, 1+s.aead.NonceSize(), 1+s.aead.NonceSize()+len(text)+s.aead.Overhead())
	sealed[0] = sealVersion
	nonce := sealed[1:]
	if _, err := io.ReadFull(s.rand, nonce); err != nil {
		return "", fmt.Errorf("read random bytes: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(sealed, nonce, text, s.account)), nil //nolint:gosec // the nonce was just read from rand
}

var errSeal = errors.New("not a session of this server")

// open reads what close has made. Whatever is wrong with it is errSeal.
func (s *seal) open(text string) (*session, error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	n := 1 + s.aead.NonceSize()
	// Package base64 skips the ends of lines.
	if err != nil || len(sealed) < n || sealed[0] != sealVersion || strings.ContainsAny(text, "\r\n") {
		return nil, errSeal
	}
	data, err := s.aead.Open(nil, sealed[1:n], sealed[n:], s.account)
	if err != nil {
		return nil, errSeal
	}
	session := &session{}
	if err := json.Unmarshal(data, session); err != nil {
		return nil, errSeal
	}
	return session, nil
}

// csrf is the token of a session: what a page must say with every call, and what
// a page of another site cannot know.
func (s *seal) csrf(id string) string { return s.mark("csrf", id) }

// fingerprint tells one secret from another one, without the secret.
func (s *seal) fingerprint(secret string) string { return s.mark("secret", secret) }

func (s *seal) mark(purpose, text string) string {
	h := hmac.New(sha256.New, s.tokens)
	h.Write([]byte(purpose + "\x00" + text))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// same compares secrets without telling how much of them is the same.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return hmac.Equal(x[:], y[:])
}
