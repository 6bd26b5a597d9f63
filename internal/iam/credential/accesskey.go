package credential

import (
	"context"
	"errors"
	"regexp"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/store"
)

// mostAccessKeys is how many access keys AWS lets a user have.
const mostAccessKeys = 2

// AccessKey is what is known of an access key, without its secret.
type AccessKey struct {
	ID      string // AKIA…
	User    string
	Status  Status
	Created time.Time
	Expires time.Time // zero: never, as every key that the API makes
}

// CreateAccessKey makes an access key for a user, who may have two: a further
// one is LimitExceeded. The secret is returned this once. NotFound: there is no
// such user.
func (s *Store) CreateAccessKey(ctx context.Context, user string) (AccessKey, iam.Secret, error) {
	u, err := s.p.Directory.User(ctx, user)
	if err != nil {
		return AccessKey{}, "", err
	}
	has, err := s.owned(ctx, kindAccessKey, u.ID)
	if err != nil {
		return AccessKey{}, "", err
	}
	full := limitExceeded("Cannot exceed quota for AccessKeysPerUser: %d", mostAccessKeys)
	if len(has) >= mostAccessKeys {
		return AccessKey{}, "", full
	}
	// The names are what two requests at once cannot both have.
	key, secret, err := s.addAccessKey(ctx, u, 0, u.ID+"/1", u.ID+"/2")
	if store.Reason(err) == store.NameTaken {
		err = full
	}
	return key, secret, err
}

// AddAccessKey is CreateAccessKey for an administrator at the machine: as many
// as they want, and with an end. A life of zero is without.
func (s *Store) AddAccessKey(ctx context.Context, user string, life time.Duration) (AccessKey, iam.Secret, error) {
	u, err := s.p.Directory.User(ctx, user)
	if err != nil {
		return AccessKey{}, "", err
	}
	return s.addAccessKey(ctx, u, life)
}

func (s *Store) addAccessKey(ctx context.Context, u directory.User, life time.Duration, slots ...string) (AccessKey, iam.Secret, error) {
	secret, err := iam.NewSecret(s.p.Rand)
	if err != nil {
		return AccessKey{}, "", err
	}
	b := body{User: u.Name, UserID: u.ID, Status: Active}
	if b.Expires, err = s.end(life); err != nil {
		return AccessKey{}, "", err
	}
	for {
		id, err := iam.NewAccessKeyID(s.p.Rand)
		if err != nil {
			return AccessKey{}, "", err
		}
		if b.Sealed, err = s.seal.closeSecret(id, secret, s.p.Rand); err != nil {
			return AccessKey{}, "", err
		}
		r, err := s.create(ctx, kindAccessKey, id, b, slots...)
		if store.Reason(err) == store.KeyTaken {
			continue
		}
		if err != nil {
			return AccessKey{}, "", err
		}
		return accessKeyOf(owned{r, b}), secret, nil
	}
}

// end is when a key of this life ends.
func (s *Store) end(life time.Duration) (time.Time, error) {
	switch {
	case life < 0:
		return time.Time{}, fault.New(fault.Invalid, "a key cannot expire before it is made")
	case life == 0:
		return time.Time{}, nil
	}
	return s.now().UTC().Truncate(time.Second).Add(life), nil
}

func accessKeyOf(o owned) AccessKey {
	return AccessKey{ID: o.ID, User: o.body.User, Status: o.body.Status, Created: o.Created, Expires: o.body.Expires}
}

// AccessKeys returns the access keys of a user, the oldest first; with "" those
// of every user, and the deleted ones among them. NotFound as CreateAccessKey.
func (s *Store) AccessKeys(ctx context.Context, user string) ([]AccessKey, error) {
	list, err := s.ownedBy(ctx, kindAccessKey, user)
	if err != nil {
		return nil, err
	}
	keys := make([]AccessKey, len(list))
	for i, o := range list {
		keys[i] = accessKeyOf(o)
	}
	return keys, nil
}

// ownedBy is owned for the name of a user.
func (s *Store) ownedBy(ctx context.Context, kind store.Kind, user string) ([]owned, error) {
	if user == "" {
		return s.owned(ctx, kind, "")
	}
	u, err := s.p.Directory.User(ctx, user)
	if err != nil {
		return nil, err
	}
	list, err := s.owned(ctx, kind, u.ID)
	for i := range list {
		list[i].body.User = u.Name // they may have had another one
	}
	return list, err
}

// SetAccessKeyStatus makes a key usable or not. NotFound: the user has no such
// key.
func (s *Store) SetAccessKeyStatus(ctx context.Context, user, id string, active bool) error {
	return s.changeAccessKey(ctx, user, id, func(b *body) {
		b.Status = Inactive
		if active {
			b.Status = Active
		}
	})
}

// DeleteAccessKey ends a key for good and forgets its secret. NotFound as
// SetAccessKeyStatus.
func (s *Store) DeleteAccessKey(ctx context.Context, user, id string) error {
	if err := s.changeAccessKey(ctx, user, id, (*body).end); err != nil {
		return err
	}
	return s.forgetUse(ctx, id)
}

// end makes what is left of a key.
func (b *body) end() { b.Status, b.Sealed, b.Digest = Deleted, nil, nil }

func (s *Store) changeAccessKey(ctx context.Context, user, id string, f func(*body)) error {
	missing := noSuch("The Access Key with id %s cannot be found", id)
	if !isAccessKeyID.MatchString(id) {
		return missing
	}
	u, err := s.p.Directory.User(ctx, user)
	if err != nil {
		return err
	}
	err = s.change(ctx, kindAccessKey, id, func(b *body) error {
		if b.UserID != u.ID || b.Status == Deleted {
			return missing
		}
		f(b)
		return nil
	})
	if fault.Is(err, fault.NotFound) {
		return missing
	}
	return err
}

// isAccessKeyID is what an identifier of a permanent key may look like.
var isAccessKeyID = regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`)

// Revoke ends the access key or the API key with this identifier for good,
// whoever's it is. Revoking twice is no error; an unknown identifier is NotFound.
// Root's key is not in the store: it is changed by its configuration or file.
func (s *Store) Revoke(ctx context.Context, id string) error {
	kind := kindAccessKey
	if !isAccessKeyID.MatchString(id) {
		kind = kindService
	}
	err := s.change(ctx, kind, id, func(b *body) error {
		b.end()
		return nil
	})
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, "there is no key with the identifier %q", id)
	}
	if err != nil {
		return err
	}
	return s.forgetUse(ctx, id)
}

// DeleteAll ends every key of a user, who is about to be deleted or is gone.
func (s *Store) DeleteAll(ctx context.Context, user string) error {
	u, err := s.p.Directory.User(ctx, user)
	if fault.Is(err, fault.NotFound) {
		s.changes.changedAll() // what is still in memory is found to be nobody's
		return nil
	}
	if err != nil {
		return err
	}
	var errs []error
	for _, kind := range []store.Kind{kindAccessKey, kindService} {
		list, err := s.owned(ctx, kind, u.ID)
		errs = append(errs, err)
		for _, o := range list {
			errs = append(errs, s.Revoke(ctx, o.ID))
		}
	}
	s.changes.changedAll() // their sessions
	return errors.Join(errs...)
}
