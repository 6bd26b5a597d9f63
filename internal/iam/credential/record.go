package credential

import (
	"context"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/store"
)

// The kinds of records. The ID of an access key is the access key ID, that of a
// service-specific credential the name in its bearer token. A record's Status is
// the ID of the user who owns the key, which is what lists are asked by.
const (
	kindAccessKey store.Kind = "iam-access-key"
	kindService   store.Kind = "iam-service-credential"
	kindUse       store.Kind = "iam-access-key-use"
	kindImport    store.Kind = "iam-key-import"
)

// ofNobody is the record Status of keys that were deleted: they stay, without
// their secret, so that an identifier in an old log can be explained.
const ofNobody = "deleted"

// Status says whether a key is good. One that is past its time stays Active.
type Status string

// The states.
const (
	Active   Status = "Active"
	Inactive Status = "Inactive"
	Deleted  Status = "Deleted"
)

// region is where the records are. IAM has no regions, but for a query of the
// store an empty one is any.
const region = "aws-global"

// body is what a record of either kind holds.
type body struct {
	User    string    `json:"user"` // the name when the key was made
	UserID  string    `json:"userId"`
	Status  Status    `json:"status"`
	Expires time.Time `json:"expires,omitzero"`
	Sealed  []byte    `json:"sealedSecret,omitempty"` // of an access key
	Digest  []byte    `json:"secretDigest,omitempty"` // SHA-256 of what a bearer shows
	// Service and ServiceID are of a service-specific credential: the service's
	// name, and the identifier that it has in the IAM API (ACCA…).
	Service   string `json:"service,omitempty"`
	ServiceID string `json:"serviceId,omitempty"`
}

func (s *Store) key(kind store.Kind, id string) store.Key {
	return store.Key{Kind: kind, Account: s.p.Account, Region: region, ID: id}
}

func (b *body) into(r store.Record) (store.Record, error) {
	data, err := store.Encode(b)
	if err != nil {
		return r, err
	}
	r.Body, r.Status = data, b.UserID
	if b.Status == Deleted {
		r.Status, r.Name = ofNobody, ""
	}
	return r, nil
}

func bodyOf(r store.Record) (b body, err error) {
	err = r.Decode(&b)
	return b, err
}

// create writes a new record. slots are names of which it takes the first that
// is free; none for a record that needs no name.
func (s *Store) create(ctx context.Context, kind store.Kind, id string, b body, slots ...string) (store.Record, error) {
	now := s.now().UTC().Truncate(time.Second)
	r, err := b.into(store.Record{Key: s.key(kind, id), Created: now, Updated: now})
	if err != nil {
		return r, err
	}
	if len(slots) == 0 {
		slots = []string{""}
	}
	for _, name := range slots {
		r.Name = name
		var made store.Record
		made, _, err = s.p.Store.Create(ctx, r, store.Create{})
		if store.Reason(err) == store.NameTaken {
			continue
		}
		if err == nil {
			s.changes.changed(id)
		}
		return made, err
	}
	return store.Record{}, err
}

// change replaces a record by what f makes of it, as often as it takes. f must
// change nothing but b.
func (s *Store) change(ctx context.Context, kind store.Kind, id string, f func(b *body) error) error {
	for {
		r, err := s.p.Store.Get(ctx, s.key(kind, id))
		if err != nil {
			return err
		}
		b, err := bodyOf(r)
		if err != nil {
			return err
		}
		if err := f(&b); err != nil {
			return err
		}
		if r, err = b.into(r); err != nil {
			return err
		}
		r.Updated = s.now().UTC()
		_, err = s.p.Store.Update(ctx, r)
		s.changes.changed(id)
		if store.Reason(err) == store.Changed {
			continue
		}
		return err
	}
}

// owned lists the records of a kind that a user has; with "" those of everyone,
// deleted ones included.
func (s *Store) owned(ctx context.Context, kind store.Kind, userID string) ([]owned, error) {
	q := store.Query{Kind: kind, Account: s.p.Account, Region: region}
	if userID != "" {
		q.Statuses = []string{userID}
	}
	page, err := s.p.Store.List(ctx, q)
	if err != nil {
		return nil, err
	}
	list := make([]owned, 0, len(page.Records))
	for _, r := range page.Records {
		b, err := bodyOf(r)
		if err != nil {
			return nil, err
		}
		list = append(list, owned{r, b})
	}
	return list, nil
}

type owned struct {
	store.Record

	body body
}

func noSuch(format string, args ...any) error {
	return fault.New(fault.NotFound, format, args...).WithCode("NoSuchEntity")
}

func limitExceeded(format string, args ...any) error {
	return fault.New(fault.QuotaExceeded, format, args...).WithCode("LimitExceeded")
}
