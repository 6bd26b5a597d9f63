// Package credential keeps what signatures are checked against: access keys,
// service-specific credentials (Bedrock API keys) and temporary credentials.
//
// Keys are records of the store, their secrets sealed with the key file in the
// data directory; API keys leave nothing but a digest. Temporary credentials are
// not kept at all: everything about them is in the session token, sealed with
// the same file, so that every server on the same data can read it.
//
// It does not keep users and roles (package iam/directory does; a small
// interface asks it), checks no signature (package sigv4) and decides nothing
// (packages policy and authz).
package credential

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/store"
)

// SealName is the file in the data directory that opens every secret.
const SealName = "keys.secret"

// Directory knows the users and roles that credentials belong to;
// *directory.Directory is one. NotFound for those that are not there.
type Directory interface {
	User(ctx context.Context, name string) (directory.User, error)
	UserByID(ctx context.Context, id string) (directory.User, error) // whatever the name is by now
	Role(ctx context.Context, name string) (directory.Role, error)
	// Generation changes with everything that this process changes.
	Generation() uint64
	// CreateUser and AttachUserPolicy are for keys of an older release, whose
	// users existed by having keys. Conflict: the user is there already.
	CreateUser(ctx context.Context, n directory.NewUser) (directory.User, error)
	AttachUserPolicy(ctx context.Context, user, policyARN string) error
}

// Params configure a Store. All are required but Now and Logged.
type Params struct {
	Store     store.Store
	Dir       string // the data directory: keys.secret, and keys.json of an older release
	Account   string // 12 digits
	Root      iam.RootKey
	Directory Directory
	// Now is the clock; time.Now when nil.
	Now func() time.Time
	// Rand makes identifiers and secrets (crypto/rand.Reader, except in tests).
	Rand io.Reader
}

// Store finds, makes and ends credentials. It is safe for concurrent use, and
// several processes may have one over the same data.
type Store struct {
	p    Params
	now  func() time.Time
	root iam.Credential
	seal *seal

	keys     *cache // access keys and API keys
	sessions *cache
	unknown  *negatives
	changes  generations
	reads    chan struct{} // bounds the reads of keys that are not in memory

	useMu sync.Mutex
	uses  map[string]LastUsed // not written yet, by access key ID
}

// The sizes of what is kept in memory, in entries. A key takes about 500 bytes,
// a session up to 12 KB with the largest token.
const (
	mostKeys     = 32 << 10
	mostSessions = 4 << 10
	mostUnknown  = 4 << 10
	mostReads    = 8
)

// Open opens the credentials of a data directory. Keys of an older release are
// moved into the store first; see migrate.
func Open(ctx context.Context, p Params) (*Store, error) {
	s := &Store{
		p: p, now: p.Now,
		keys: newCache(mostKeys), sessions: newCache(mostSessions), unknown: newNegatives(mostUnknown),
		reads: make(chan struct{}, mostReads), uses: make(map[string]LastUsed),
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.root = iam.Credential{
		AccessKeyID: p.Root.AccessKeyID, Secret: p.Root.Secret,
		Principal: iam.RootPrincipal(p.Account, p.Root.AccessKeyID),
	}
	if err := s.migrate(ctx); err != nil {
		return nil, err
	}
	var err error
	if s.seal, err = openSeal(filepath.Join(p.Dir, SealName), p.Rand); err != nil {
		return nil, fmt.Errorf("the key file of the secrets: %w", err)
	}
	return s, nil
}
