package credential

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
)

// SessionParams say whose session to make and what of it.
type SessionParams struct {
	Type iam.PrincipalType // AssumedRole, User, or Root
	Name string            // of the role or user
	ID   string            // of the role (AROA…) or user (AIDA…)
	Life time.Duration
	// Session has everything but the times. PackedSize tells whether it fits.
	Session iam.Session
}

// Session makes temporary credentials of a role or user that exists. Nothing is
// kept of them.
func (s *Store) Session(ctx context.Context, p SessionParams) (iam.Credential, error) {
	now := s.now().UTC().Truncate(time.Second)
	secret := make([]byte, 30)
	if _, err := io.ReadFull(s.p.Rand, secret); err != nil {
		return iam.Credential{}, fmt.Errorf("read random bytes: %w", err)
	}
	id, err := s.newTemporaryID()
	if err != nil {
		return iam.Credential{}, err
	}
	c := &claims{
		Type: string(p.Type), Name: p.Name, ID: p.ID, Secret: base64.StdEncoding.EncodeToString(secret),
		Issued: now.Unix(), Expires: now.Add(p.Life).Unix(),
		Session: p.Session.Name, Source: p.Session.SourceIdentity,
		Tags: p.Session.Tags, Keys: p.Session.TransitiveTags, Texts: p.Session.Policies, ARNs: p.Session.PolicyARNs,
	}
	if p.Type == iam.Root {
		c.ID = s.root.AccessKeyID // another root key ends the sessions of this one
	}
	token, err := s.seal.closeToken(s.p.Account, id, c, s.p.Rand)
	if err != nil {
		return iam.Credential{}, err
	}
	return s.credentialOf(ctx, id, token, c)
}

// The parts of an identifier after its prefix: what is random, and what makes
// it ours. A made-up one is refused without anything being opened.
const (
	randomLength = 10
	markLength   = 6
)

func (s *Store) newTemporaryID() (string, error) {
	text, err := iam.RandomText(s.p.Rand, iam.Base32, randomLength)
	id := temporaryPrefix + text
	return id + s.markOf(id), err
}

func (s *Store) markOf(id string) string {
	sum := s.seal.mark(s.p.Account, id)
	var out [markLength]byte
	for i := range out {
		out[i] = iam.Base32[sum[i]%byte(len(iam.Base32))]
	}
	return string(out[:])
}

// temporary reports whether an identifier is one that this account's servers
// have made.
func (s *Store) temporary(id string) bool {
	if len(id) != accessKeyLength || !strings.HasPrefix(id, temporaryPrefix) {
		return false
	}
	n := len(id) - markLength
	return subtle.ConstantTimeCompare([]byte(s.markOf(id[:n])), []byte(id[n:])) == 1
}

// Account tells which account an access key is of, if it is one of ours.
func (s *Store) Account(ctx context.Context, accessKeyID string) (account string, ok bool, err error) {
	switch {
	case accessKeyID == "":
		return "", false, nil
	case accessKeyID == s.root.AccessKeyID, s.temporary(accessKeyID):
		return s.p.Account, true, nil
	case !isAccessKeyID.MatchString(accessKeyID):
		return "", false, nil
	}
	_, err = s.p.Store.Get(ctx, s.key(kindAccessKey, accessKeyID))
	if fault.Is(err, fault.NotFound) {
		return "", false, nil
	}
	return s.p.Account, err == nil, err
}

// session is Lookup for temporary credentials.
func (s *Store) session(id, token string) (iam.Credential, error) {
	generation, now := s.generation(id), s.now().UnixNano()
	old := s.sessions.get(id)
	if old != nil && subtle.ConstantTimeCompare([]byte(old.credential.SessionToken.Reveal()), []byte(token)) != 1 {
		old = nil
	}
	if old != nil && old.current(generation, now) {
		return old.credential, nil
	}
	if !s.temporary(id) {
		return iam.Credential{}, iam.ErrUnknownKey()
	}
	c, err := s.seal.openToken(s.p.Account, id, token)
	if err != nil {
		return iam.Credential{}, iam.ErrUnknownKey()
	}
	s.reads <- struct{}{}
	defer func() { <-s.reads }()
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	credential, err := s.credentialOf(ctx, id, token, c)
	switch {
	case errors.Is(err, errUnusable) || fault.Is(err, fault.NotFound):
		return iam.Credential{}, iam.ErrUnknownKey()
	case err != nil:
		return iam.Credential{}, fault.Wrap(fault.Internal, err, "the owner of the session cannot be read")
	}
	s.sessions.put(&entry{id: id, generation: generation, loaded: now, credential: credential})
	return credential, nil
}

// credentialOf makes a credential of what its token says, if whom it was given
// to still is there: a role or user made anew with the name is another one.
func (s *Store) credentialOf(ctx context.Context, id, token string, c *claims) (iam.Credential, error) {
	session := &iam.Session{
		Name: c.Session, Issued: time.Unix(c.Issued, 0).UTC(), Expires: time.Unix(c.Expires, 0).UTC(),
		SourceIdentity: c.Source, Tags: c.Tags, TransitiveTags: c.Keys, Policies: c.Texts, PolicyARNs: c.ARNs,
	}
	var p iam.Principal
	switch iam.PrincipalType(c.Type) {
	case iam.User:
		var err error
		if p, err = s.owner(ctx, c.ID); err != nil {
			return iam.Credential{}, err
		}
	case iam.AssumedRole:
		role, err := s.p.Directory.Role(ctx, c.Name)
		if err != nil {
			return iam.Credential{}, err
		}
		if role.ID != c.ID {
			return iam.Credential{}, errUnusable
		}
		p = iam.Principal{
			Type: iam.AssumedRole, Name: role.Name, Account: s.p.Account, UserID: role.ID + ":" + c.Session,
			ARN: "arn:aws:sts::" + s.p.Account + ":assumed-role/" + role.Name + "/" + c.Session,
		}
	case iam.Root:
		if c.ID != s.root.AccessKeyID {
			return iam.Credential{}, errUnusable
		}
		p = s.root.Principal
	case iam.Anonymous:
		return iam.Credential{}, errUnusable
	default:
		return iam.Credential{}, errUnusable
	}
	p.AccessKeyID, p.Session = id, session
	return iam.Credential{
		AccessKeyID: id, Secret: iam.Secret(c.Secret), SessionToken: iam.Secret(token), Expires: session.Expires, Principal: p,
	}, nil
}
