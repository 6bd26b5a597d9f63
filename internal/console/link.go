package console

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/store"
)

// LinkLife is how long a one-time link is good.
const LinkLife = 15 * time.Minute

// linkBytes is the length of a link's secret before it is encoded.
const linkBytes = 32

// LinkParams are the parts of Links; all are required.
type LinkParams struct {
	Store   store.Store
	Account string
	Now     func() time.Time
	Rand    io.Reader
}

// Links makes and uses the links that sign in once. Who may write into the data
// folder may make one; only the digest of its secret is kept. It is safe for
// concurrent use, also by several processes.
type Links struct{ p LinkParams }

// NewLinks returns Links.
func NewLinks(p LinkParams) *Links { return &Links{p} }

// Owner is whom a link signs in.
type Owner struct {
	Type iam.PrincipalType `json:"type"`           // Root or User
	Name string            `json:"name,omitempty"` // of the user
	ID   string            `json:"id,omitempty"`   // of the user (AIDA…)
}

type linkBody struct {
	expiring

	Owner Owner `json:"owner"`
}

// Make returns the secret of a new link and when it ends.
func (l *Links) Make(ctx context.Context, owner Owner) (iam.Secret, time.Time, error) {
	secret := make([]byte, linkBytes)
	if _, err := io.ReadFull(l.p.Rand, secret); err != nil {
		return "", time.Time{}, fmt.Errorf("read random bytes: %w", err)
	}
	token := base64.RawURLEncoding.EncodeToString(secret)
	now := l.p.Now().UTC().Truncate(time.Second)
	if err := purge(ctx, l.p.Store, kindLink, l.p.Account, now); err != nil {
		return "", time.Time{}, err
	}
	b := linkBody{expiring{now.Add(LinkLife)}, owner}
	body, err := store.Encode(b)
	if err != nil {
		return "", time.Time{}, err
	}
	_, _, err = l.p.Store.Create(ctx, store.Record{Key: l.key(token), Body: body, Created: now, Updated: now}, store.Create{})
	return iam.Secret(token), b.Expires, err
}

// Use tells whom a link signs in, and makes that it cannot be used again. Unknown,
// used and expired ones are NotFound.
func (l *Links) Use(ctx context.Context, token string) (Owner, error) {
	unknown := fault.New(fault.NotFound, "This link was used before, or is too old.")
	if secret, err := base64.RawURLEncoding.Strict().DecodeString(token); err != nil || len(secret) != linkBytes {
		return Owner{}, unknown
	}
	r, err := l.p.Store.Get(ctx, l.key(token))
	if fault.Is(err, fault.NotFound) {
		return Owner{}, unknown
	}
	if err != nil {
		return Owner{}, err
	}
	var b linkBody
	if err := r.Decode(&b); err != nil {
		return Owner{}, err
	}
	// Of those who use it at the same time, one deletes it.
	switch err := l.p.Store.Delete(ctx, r.Key); {
	case fault.Is(err, fault.NotFound):
		return Owner{}, unknown
	case err != nil:
		return Owner{}, err
	case !l.p.Now().Before(b.Expires):
		return Owner{}, unknown
	}
	return b.Owner, nil
}

// key is where a link is kept. The digest is looked up, so that how long it takes
// tells nothing of the secret.
func (l *Links) key(token string) store.Key {
	sum := sha256.Sum256([]byte(token))
	return store.Key{Kind: kindLink, Account: l.p.Account, Region: region, ID: hex.EncodeToString(sum[:])}
}

// LinkURL is a link to the console at an address such as http://127.0.0.1:8484.
// The secret is behind #, which browsers send to nobody: it gets into no log.
func LinkURL(base string, secret iam.Secret) string {
	return base + Prefix + "sign-in#token=" + secret.Reveal()
}
