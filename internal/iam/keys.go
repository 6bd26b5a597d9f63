package iam

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam/secretfile"
)

// KeyKind is what a key is used for.
type KeyKind string

// The kinds.
const (
	AccessKey KeyKind = "access-key" // signs requests
	APIKey    KeyKind = "api-key"    // is sent as a bearer token
)

// KeyStatus says whether a key is good.
type KeyStatus string

// The states. A key that is past its time stays Active; Expires tells.
const (
	Active  KeyStatus = "Active"
	Revoked KeyStatus = "Revoked"
)

// Key is what is known of a key, without its secret.
type Key struct {
	ID      string // AKIA… or BedrockAPIKey-…
	Kind    KeyKind
	User    string
	Status  KeyStatus
	Created time.Time
	Expires time.Time // zero: never
}

// refreshInterval is how long a change that another process made (outcrop keys
// revoke) may go unnoticed by a running server. New keys are noticed at once.
const refreshInterval = time.Second

const (
	keysName   = "keys.json"
	sealName   = "keys.secret"
	apiPrefix  = "BedrockAPIKey-"
	apiAccount = "-at-"
	apiToken   = "ABSK"
)

// KeysParams configure a key store.
type KeysParams struct {
	Account string  // of root and of new users; 12 digits
	Root    RootKey // found by Lookup beside the stored keys
	// Now is the clock; time.Now when nil.
	Now func() time.Time
	// Rand makes identifiers and secrets; required (crypto/rand.Reader, except in tests).
	Rand io.Reader
}

// Keys is the store of access keys and API keys: a file that several processes
// may read and change at once. It is safe for concurrent use.
type Keys struct {
	dir     string
	account string
	root    Credential
	now     func() time.Time
	random  io.Reader

	mu      sync.Mutex
	view    *keyView
	checked time.Time // when the file was last looked at
}

// keyView is the file as it was at one moment.
type keyView struct {
	info    fs.FileInfo // nil when there was no file
	records []keyRecord
	byID    map[string]int
	secrets map[string]Secret // of active access keys, by ID
	sealed  error             // why some secrets are missing
}

// OpenKeys opens the store in a folder. A store without keys has no files.
func OpenKeys(dir string, p KeysParams) (*Keys, error) {
	k := &Keys{dir: dir, account: p.Account, now: p.Now, random: p.Rand}
	if k.now == nil {
		k.now = time.Now
	}
	k.root = Credential{
		AccessKeyID: p.Root.AccessKeyID,
		Secret:      p.Root.Secret,
		Principal:   RootPrincipal(p.Account, p.Root.AccessKeyID),
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, err := k.current(true); err != nil {
		return nil, err
	}
	return k, nil
}

func (k *Keys) path() string { return filepath.Join(k.dir, keysName) }

// Lookup returns the credential of an access key. An unknown or revoked key is
// ErrUnknownKey; one past its time is returned with its Expires, which the
// caller checks once it knows that the signature is right.
func (k *Keys) Lookup(accessKeyID, _ string) (Credential, error) {
	if accessKeyID != "" && accessKeyID == k.root.AccessKeyID {
		return k.root, nil
	}
	r, secret, err := k.find(accessKeyID)
	if err != nil {
		return Credential{}, err
	}
	if r.Kind != AccessKey || r.Status != Active {
		return Credential{}, ErrUnknownKey()
	}
	if secret == "" {
		return Credential{}, fault.Wrap(fault.Internal, k.SealError(), "the secret of the access key cannot be opened")
	}
	return Credential{AccessKeyID: r.ID, Secret: secret, Expires: r.Expires, Principal: r.principal()}, nil
}

// LookupAPIKey returns the owner of the API key with this name
// ("BedrockAPIKey-<suffix>-at-<account>") if the secret is its own, else
// ErrUnknownKey, or ErrExpired when its time has passed.
func (k *Keys) LookupAPIKey(name string, secret Secret) (Principal, error) {
	id, account, _ := strings.Cut(name, apiAccount)
	r, _, err := k.find(id)
	if err != nil {
		return Principal{}, err
	}
	switch {
	case r.Kind != APIKey, r.Status != Active, r.Account != account,
		subtle.ConstantTimeCompare(r.Digest, digest(secret)) != 1:
		return Principal{}, ErrUnknownKey()
	case !r.Expires.IsZero() && !k.now().Before(r.Expires):
		return Principal{}, ErrExpired()
	}
	return r.principal(), nil
}

// find looks in the file as it is known, and once more in the file as it is
// when the key is not there.
func (k *Keys) find(id string) (keyRecord, Secret, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, fresh := range [...]bool{false, true} {
		view, err := k.current(fresh)
		if err != nil {
			return keyRecord{}, "", fault.Wrap(fault.Internal, err, "the key store cannot be read")
		}
		if i, ok := view.byID[id]; ok {
			return view.records[i], view.secrets[id], nil
		}
	}
	return keyRecord{}, "", ErrUnknownKey()
}

// current returns the file's contents, read again if it has changed since; how
// often that is looked at is bounded unless fresh. k.mu must be held.
func (k *Keys) current(fresh bool) (*keyView, error) {
	now := k.now()
	if age := now.Sub(k.checked); !fresh && k.view != nil && age >= 0 && age < refreshInterval {
		return k.view, nil
	}
	info, err := os.Stat(k.path())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if k.view == nil || !sameFile(k.view.info, info) {
		view, err := k.load(info)
		if err != nil {
			k.view = nil // not the old keys: one of them may have been revoked
			return nil, err
		}
		k.view = view
	}
	k.checked = now
	return k.view, nil
}

func sameFile(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}

func (k *Keys) load(info fs.FileInfo) (*keyView, error) {
	records, err := readKeyFile(k.path())
	if err != nil {
		return nil, err
	}
	view := &keyView{info: info, records: records, byID: make(map[string]int, len(records)), secrets: make(map[string]Secret)}
	var s seal
	for i, r := range records {
		view.byID[r.ID] = i
		if r.Kind != AccessKey || r.Status != Active {
			continue
		}
		// A secret that cannot be opened makes its key useless, not the store:
		// API keys go on, and the key can be revoked.
		if s.aead == nil {
			if s, err = openSeal(filepath.Join(k.dir, sealName), nil); err != nil {
				view.sealed = fmt.Errorf("the secrets in %s cannot be opened: %w", k.path(), err)
				continue
			}
		}
		secret, err := s.open(r.ID, r.Sealed)
		if err != nil {
			view.sealed = fmt.Errorf("the secret of %s in %s was not sealed with %s: %w", r.ID, k.path(), sealName, err)
			continue
		}
		view.secrets[r.ID] = secret
	}
	return view, nil
}

// SealError returns why secrets of active access keys cannot be opened, so that
// a server can say so when it starts; nil when all can. Such keys fail as
// internal errors until they are revoked or the key file is brought back.
func (k *Keys) SealError() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	view, err := k.current(false)
	if err != nil {
		return err
	}
	return view.sealed
}

// List returns all keys, revoked ones included, in the order they were made.
func (k *Keys) List() ([]Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	view, err := k.current(true)
	if err != nil {
		return nil, err
	}
	keys := make([]Key, len(view.records))
	for i, r := range view.records {
		keys[i] = r.key()
	}
	return keys, nil
}

var userName = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)

// CreateAccessKey makes an access key for a user, who exists by having keys.
// A life of zero is without end. The secret is returned this once.
func (k *Keys) CreateAccessKey(user string, life time.Duration) (Key, Secret, error) {
	var secret Secret
	key, err := k.create(AccessKey, user, life, func(r *keyRecord, taken func(string) bool) error {
		s, err := openSeal(filepath.Join(k.dir, sealName), k.random)
		if err != nil {
			return err
		}
		for r.ID == "" || taken(r.ID) {
			if r.ID, err = NewAccessKeyID(k.random); err != nil {
				return err
			}
		}
		text, err := NewSecret(k.random)
		if err != nil {
			return err
		}
		secret = text
		r.Sealed, err = s.close(r.ID, secret, k.random)
		return err
	})
	return key, secret, err
}

// CreateAPIKey makes a long-term API key for a user and returns its text
// ("ABSK…") this once: only a digest is kept. A life of zero is without end.
func (k *Keys) CreateAPIKey(user string, life time.Duration) (Key, Secret, error) {
	var token Secret
	key, err := k.create(APIKey, user, life, func(r *keyRecord, taken func(string) bool) error {
		for r.ID == "" || taken(r.ID) {
			suffix, err := RandomText(k.random, suffixAlphabet, 4)
			if err != nil {
				return err
			}
			r.ID = apiPrefix + suffix
		}
		secret, err := newBearerSecret(k.random)
		if err != nil {
			return err
		}
		r.Digest = digest(Secret(secret))
		token = Secret(apiToken + base64.StdEncoding.EncodeToString([]byte(r.ID+apiAccount+r.Account+":"+secret)))
		return nil
	})
	return key, token, err
}

func (k *Keys) create(kind KeyKind, user string, life time.Duration,
	fill func(r *keyRecord, taken func(string) bool) error,
) (Key, error) {
	if !userName.MatchString(user) {
		return Key{}, fault.New(fault.Invalid, "a user name has 1 to 64 letters, digits and characters of _+=,.@-")
	}
	if life < 0 {
		return Key{}, fault.New(fault.Invalid, "a key cannot expire before it is made")
	}
	r := keyRecord{
		Kind: kind, Account: k.account, User: user, Status: Active,
		Created: k.now().UTC().Truncate(time.Second),
	}
	if life > 0 {
		r.Expires = r.Created.Add(life)
	}
	err := k.change(func(records []keyRecord) ([]keyRecord, error) {
		same := func(o keyRecord) bool { return o.User == user && o.Account == k.account }
		if i := slices.IndexFunc(records, same); i >= 0 {
			r.UserID = records[i].UserID
		} else {
			var err error
			if r.UserID, err = newUserID(k.random); err != nil {
				return nil, err
			}
		}
		taken := func(id string) bool {
			return slices.ContainsFunc(records, func(o keyRecord) bool { return o.ID == id })
		}
		if err := fill(&r, taken); err != nil {
			return nil, err
		}
		return append(records, r), nil
	})
	return r.key(), err
}

// Revoke ends a key for good and forgets its secret. The record stays, so that
// List tells what an identifier in an old log was. Revoking twice is no error;
// an unknown identifier is fault.NotFound. Root's key is not in the store: it
// is changed by its configuration or file.
func (k *Keys) Revoke(id string) error {
	return k.change(func(records []keyRecord) ([]keyRecord, error) {
		i := slices.IndexFunc(records, func(r keyRecord) bool { return r.ID == id })
		if i < 0 {
			return nil, fault.New(fault.NotFound, "there is no key with the identifier %q", id)
		}
		records[i].Status, records[i].Sealed, records[i].Digest = Revoked, nil, nil
		return records, nil
	})
}

// change replaces the file by what f makes of its present contents, with every
// other writer kept out.
func (k *Keys) change(f func([]keyRecord) ([]keyRecord, error)) (err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	unlock, err := secretfile.Lock(k.path())
	if err != nil {
		return fmt.Errorf("lock the key store: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	records, err := readKeyFile(k.path())
	if err != nil {
		return err
	}
	if records, err = f(records); err != nil {
		return err
	}
	if err := writeKeyFile(k.path(), records); err != nil {
		return fmt.Errorf("write the key store: %w", err)
	}
	k.checked = time.Time{} // look at the file at the next question
	return nil
}
