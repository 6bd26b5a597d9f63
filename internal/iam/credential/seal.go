package credential

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/secretfile"
)

const sealKeySize = 32

// seal is what the key file is good for. The keys have nothing in common
// that whoever learns one of them could use.
type seal struct {
	secrets cipher.AEAD // of stored keys: the file's own key, as older releases used it
	tokens  cipher.AEAD // session tokens
	marks   []byte      // of the identifiers of temporary keys
	derive  func(purpose string) ([]byte, error)
}

// openSeal reads the key file, and makes it when there is none.
func openSeal(path string, random io.Reader) (*seal, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		fresh := make([]byte, sealKeySize)
		if _, err := io.ReadFull(random, fresh); err != nil {
			return nil, fmt.Errorf("read random bytes: %w", err)
		}
		data, err = secretfile.Create(path, []byte(hex.EncodeToString(fresh)+"\n"))
	}
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(data)))
	if err != nil || len(key) != sealKeySize {
		return nil, fmt.Errorf("%s does not hold a key of %d bytes in hex", path, sealKeySize)
	}
	return newSeal(key)
}

func newSeal(key []byte) (*seal, error) {
	s := &seal{derive: func(purpose string) ([]byte, error) { return hkdf.Key(sha256.New, key, nil, purpose, sealKeySize) }}
	tokens, err := hkdf.Key(sha256.New, key, nil, "outcrop session token", sealKeySize)
	if err != nil {
		return nil, err
	}
	if s.marks, err = hkdf.Key(sha256.New, key, nil, "outcrop temporary access key", sealKeySize); err != nil {
		return nil, err
	}
	if s.secrets, err = gcm(key); err != nil {
		return nil, err
	}
	s.tokens, err = gcm(tokens)
	return s, err
}

// Derive returns a key of 32 bytes for a purpose of another package, the same one
// for every server on the same data. It tells nothing of the keys of this package
// or of another purpose.
func (s *Store) Derive(purpose string) ([]byte, error) {
	return s.seal.derive("outcrop for " + purpose)
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// closeSecret seals a secret to the identifier it belongs to, so that records
// cannot swap theirs.
func (s *seal) closeSecret(id string, secret iam.Secret, random io.Reader) ([]byte, error) {
	return shut(s.secrets, []byte(secret.Reveal()), []byte(id), random)
}

func (s *seal) openSecret(id string, sealed []byte) (iam.Secret, error) {
	text, err := unshut(s.secrets, sealed, []byte(id))
	return iam.Secret(text), err
}

// mark is what makes the identifier of a temporary key ours.
func (s *seal) mark(account, id string) [sha256.Size]byte {
	h := hmac.New(sha256.New, s.marks)
	h.Write([]byte(account + "/" + id))
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	return sum
}

// shut seals data with a nonce before it.
func shut(aead cipher.AEAD, data, bound []byte, random io.Reader) ([]byte, error) {
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(data)+aead.Overhead())
	if _, err := io.ReadFull(random, nonce); err != nil {
		return nil, fmt.Errorf("read random bytes: %w", err)
	}
	return aead.Seal(nonce, nonce, data, bound), nil
}

func unshut(aead cipher.AEAD, sealed, bound []byte) ([]byte, error) {
	n := aead.NonceSize()
	if len(sealed) < n {
		return nil, errors.New("what was sealed is too short")
	}
	return aead.Open(nil, sealed[:n], sealed[n:], bound)
}
