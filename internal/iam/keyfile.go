package iam

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/iam/secretfile"
)

// keyFileVersion is raised when an older release could misread the file.
const keyFileVersion = 1

// keyFile is keys.json.
type keyFile struct {
	Version int         `json:"version"`
	Keys    []keyRecord `json:"keys"`
}

// keyRecord is one key as it is stored: an access key with its secret sealed,
// an API key with the digest of its secret, a revoked key with neither.
type keyRecord struct {
	ID      string    `json:"id"`
	Kind    KeyKind   `json:"kind"`
	Account string    `json:"account"`
	User    string    `json:"user"`
	UserID  string    `json:"userId"`
	Status  KeyStatus `json:"status"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"`
	Sealed  []byte    `json:"sealedSecret,omitempty"`
	Digest  []byte    `json:"secretDigest,omitempty"`
}

func (r keyRecord) key() Key {
	return Key{ID: r.ID, Kind: r.Kind, User: r.User, Status: r.Status, Created: r.Created, Expires: r.Expires}
}

func (r keyRecord) principal() Principal { return UserPrincipal(r.Account, r.User, r.UserID, r.ID) }

// readKeyFile returns no records for a file that does not exist.
func readKeyFile(path string) ([]keyRecord, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var f keyFile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if f.Version != keyFileVersion {
		return nil, fmt.Errorf("%s has version %d, this release reads version %d", path, f.Version, keyFileVersion)
	}
	return f.Keys, nil
}

func writeKeyFile(path string, records []keyRecord) error {
	data, err := json.MarshalIndent(keyFile{Version: keyFileVersion, Keys: records}, "", "  ")
	if err != nil {
		return err
	}
	return secretfile.Replace(path, append(data, '\n'))
}

// seal is the cipher for secrets that have to be read again.
type seal struct{ aead cipher.AEAD }

const sealKeySize = 32

// openSeal reads the key file at path. With random it makes one when there is
// none; without, its absence is an error.
func openSeal(path string, random io.Reader) (seal, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && random != nil {
		fresh := make([]byte, sealKeySize)
		if _, err := io.ReadFull(random, fresh); err != nil {
			return seal{}, fmt.Errorf("read random bytes: %w", err)
		}
		data, err = secretfile.Create(path, []byte(hex.EncodeToString(fresh)+"\n"))
	}
	if err != nil {
		return seal{}, err
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(data)))
	if err != nil || len(key) != sealKeySize {
		return seal{}, fmt.Errorf("%s does not hold a key of %d bytes in hex", path, sealKeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return seal{}, err
	}
	aead, err := cipher.NewGCM(block)
	return seal{aead}, err
}

// close seals a secret to the identifier it belongs to, so that records cannot
// swap theirs.
func (s seal) close(id string, secret Secret, random io.Reader) ([]byte, error) {
	nonce := make([]byte, s.aead.NonceSize())
	if _, err := io.ReadFull(random, nonce); err != nil {
		return nil, fmt.Errorf("read random bytes: %w", err)
	}
	return s.aead.Seal(nonce, nonce, []byte(secret.Reveal()), []byte(id)), nil
}

func (s seal) open(id string, sealed []byte) (Secret, error) {
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return "", errors.New("sealed secret is too short")
	}
	text, err := s.aead.Open(nil, sealed[:n], sealed[n:], []byte(id))
	return Secret(text), err
}

func digest(secret Secret) []byte {
	sum := sha256.Sum256([]byte(secret.Reveal()))
	return sum[:]
}

const suffixAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789"

func newUserID(random io.Reader) (string, error) {
	s, err := RandomText(random, Base32, 17)
	return "AIDA" + s, err
}

func newBearerSecret(random io.Reader) (string, error) {
	b := make([]byte, 45)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("read random bytes: %w", err)
	}
	return base64.StdEncoding.EncodeToString(b), nil
}
