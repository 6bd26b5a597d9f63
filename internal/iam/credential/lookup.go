package credential

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/store"
)

const (
	permanentPrefix = "AKIA"
	temporaryPrefix = "ASIA"
	apiKeyPrefix    = "BedrockAPIKey-"
	apiKeyAccount   = "-at-"

	accessKeyLength = 20
	longestAPIKey   = 64
)

// readTimeout ends a read of the store that a request waits for.
const readTimeout = 10 * time.Second

// Lookup returns the credential of an access key and of the session token that
// came with it, empty for none. Unknown, inactive and deleted keys, keys of users
// that are gone, and tokens that are not the key's own are iam.ErrUnknownKey. A
// credential that is past its time is returned with its Expires, which the
// caller checks once it knows that the signature is right.
func (s *Store) Lookup(accessKeyID, sessionToken string) (iam.Credential, error) {
	switch {
	case accessKeyID == "":
	case accessKeyID == s.root.AccessKeyID:
		if sessionToken == "" {
			return s.root, nil
		}
	case len(accessKeyID) != accessKeyLength:
	case strings.HasPrefix(accessKeyID, temporaryPrefix):
		if sessionToken != "" {
			return s.session(accessKeyID, sessionToken)
		}
	case strings.HasPrefix(accessKeyID, permanentPrefix) && sessionToken == "":
		e, err := s.find(kindAccessKey, accessKeyID)
		if err != nil {
			return iam.Credential{}, err
		}
		return e.credential, nil
	}
	return iam.Credential{}, iam.ErrUnknownKey()
}

// LookupAPIKey returns the owner of the API key with this name
// ("BedrockAPIKey-<suffix>-at-<account>") if the secret is its own, else
// iam.ErrUnknownKey, or iam.ErrExpired when its time has passed.
func (s *Store) LookupAPIKey(name string, secret iam.Secret) (iam.Principal, error) {
	id, account, _ := strings.Cut(name, apiKeyAccount)
	if account != s.p.Account || !strings.HasPrefix(id, apiKeyPrefix) || len(id) > longestAPIKey {
		return iam.Principal{}, iam.ErrUnknownKey()
	}
	e, err := s.find(kindService, id)
	if err != nil {
		return iam.Principal{}, err
	}
	switch c := &e.credential; {
	case e.service != Bedrock, subtle.ConstantTimeCompare(e.digest, digest(secret)) != 1:
		return iam.Principal{}, iam.ErrUnknownKey()
	case !c.Expires.IsZero() && !s.now().Before(c.Expires):
		return iam.Principal{}, iam.ErrExpired()
	}
	return e.credential.Principal, nil
}

// find returns a key from memory, or from the store when it is not there or was
// there for too long.
func (s *Store) find(kind store.Kind, id string) (*entry, error) {
	generation, now := s.generation(id), s.now().UnixNano()
	old := s.keys.get(id)
	if old != nil && old.current(generation, now) {
		return old, nil
	}
	if s.unknown.has(id, generation, now) {
		return nil, iam.ErrUnknownKey()
	}
	s.reads <- struct{}{}
	defer func() { <-s.reads }()
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	e, err := s.read(ctx, kind, id)
	switch {
	case errors.Is(err, errUnusable) || fault.Is(err, fault.NotFound):
		s.unknown.put(id, generation, now)
		return nil, iam.ErrUnknownKey()
	case err != nil:
		return nil, fault.Wrap(fault.Internal, err, "the key cannot be read")
	}
	e.generation, e.loaded = generation, now
	if old != nil {
		e.used.Store(old.used.Load())
	}
	s.keys.put(e)
	return e, nil
}

// generation is another one after every change by this process that an
// identifier may have to do with: of the key itself, or of users and roles.
func (s *Store) generation(id string) uint64 { return s.changes.of(id) + s.p.Directory.Generation() }

// errUnusable is why a key that is there is as good as unknown.
var errUnusable = errors.New("the key is not active, or its user is gone")

// read makes an entry of what the store and the directory know.
func (s *Store) read(ctx context.Context, kind store.Kind, id string) (*entry, error) {
	r, err := s.p.Store.Get(ctx, s.key(kind, id))
	if err != nil {
		return nil, err
	}
	b, err := bodyOf(r)
	if err != nil {
		return nil, err
	}
	if b.Status != Active {
		return nil, errUnusable
	}
	principal, err := s.owner(ctx, b.UserID)
	if err != nil {
		return nil, err
	}
	principal.AccessKeyID = id
	e := &entry{id: id, service: b.Service, digest: b.Digest}
	e.credential = iam.Credential{AccessKeyID: id, Expires: b.Expires, Principal: principal}
	if kind == kindAccessKey {
		if e.credential.Secret, err = s.seal.openSecret(id, b.Sealed); err != nil {
			return nil, fmt.Errorf("the secret of %s was not sealed with %s: %w", id, SealName, err)
		}
	}
	return e, nil
}

// owner is the user with an ID, as they are now.
func (s *Store) owner(ctx context.Context, id string) (iam.Principal, error) {
	u, err := s.p.Directory.UserByID(ctx, id)
	if err != nil {
		return iam.Principal{}, err
	}
	p := iam.UserPrincipal(s.p.Account, u.Name, u.ID, "")
	p.ARN = u.ARN // with their path
	return p, nil
}

func digest(secret iam.Secret) []byte {
	sum := sha256.Sum256([]byte(secret.Reveal()))
	return sum[:]
}

// SealError returns why the secrets of access keys cannot be opened, so that a
// server can say so when it starts; nil when they can. It looks at the oldest
// keys. Such keys fail as internal errors until they are revoked or the key file
// is brought back; API keys go on.
func (s *Store) SealError(ctx context.Context) error {
	page, err := s.p.Store.List(ctx, store.Query{Kind: kindAccessKey, Account: s.p.Account, Region: region, Limit: 16})
	if err != nil {
		return err
	}
	for _, r := range page.Records {
		b, err := bodyOf(r)
		if err != nil {
			return err
		}
		if b.Status == Deleted {
			continue
		}
		if _, err := s.seal.openSecret(r.ID, b.Sealed); err != nil {
			return fmt.Errorf("the secret of %s was not sealed with %s: %w", r.ID, SealName, err)
		}
	}
	return nil
}
