package credential

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/store"
)

// Bedrock is the service that takes API keys.
const Bedrock = "bedrock.amazonaws.com"

// mostServiceCredentials is how many a user may have for one service.
const mostServiceCredentials = 2

// longestAge is the most days that a service-specific credential may be asked
// to live.
const longestAge = 36600 * 24 * time.Hour

const suffixAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789"

// ServiceCredential is a credential for one service; for Bedrock, a long-term
// API key. It comes without its secret.
type ServiceCredential struct {
	ID      string // ACCA…
	Alias   string // BedrockAPIKey-<suffix>-at-<account>
	Service string // bedrock.amazonaws.com
	User    string
	Status  Status
	Created time.Time
	Expires time.Time // zero: never
}

// Name is the identifier that commands and logs show: the alias without the
// account.
func (c ServiceCredential) Name() string { return c.Alias[:len(c.Alias)-len(apiKeyAccount)-12] }

// CreateServiceCredential makes one for a user, who may have two for a service:
// a further one is LimitExceeded. An age of zero is without end. The secret, for
// Bedrock the API key itself ("ABSK…"), is returned this once; only a digest is
// kept. NotFound: no such user. Unsupported: not a service that takes them here.
func (s *Store) CreateServiceCredential(ctx context.Context, user, service string, age time.Duration) (ServiceCredential, iam.Secret, error) {
	u, err := s.p.Directory.User(ctx, user)
	if err != nil {
		return ServiceCredential{}, "", err
	}
	if err := supported(service); err != nil {
		return ServiceCredential{}, "", err
	}
	has, err := s.owned(ctx, kindService, u.ID)
	if err != nil {
		return ServiceCredential{}, "", err
	}
	full := limitExceeded("Cannot exceed quota for ServiceSpecificCredentialsPerUser: %d", mostServiceCredentials)
	if len(has) >= mostServiceCredentials {
		return ServiceCredential{}, "", full
	}
	c, secret, err := s.addServiceCredential(ctx, u, age, u.ID+"/1", u.ID+"/2")
	if store.Reason(err) == store.NameTaken {
		err = full
	}
	return c, secret, err
}

// AddAPIKey is CreateServiceCredential for an administrator at the machine: as
// many as they want.
func (s *Store) AddAPIKey(ctx context.Context, user string, life time.Duration) (ServiceCredential, iam.Secret, error) {
	u, err := s.p.Directory.User(ctx, user)
	if err != nil {
		return ServiceCredential{}, "", err
	}
	return s.addServiceCredential(ctx, u, life)
}

func supported(service string) error {
	if service == Bedrock {
		return nil
	}
	return fault.New(fault.NotFound, "No such service %s is supported for Service Specific Credentials", service).
		WithCode("ServiceNotSupported")
}

func (s *Store) addServiceCredential(ctx context.Context, u directory.User, life time.Duration, slots ...string) (ServiceCredential, iam.Secret, error) {
	if life > longestAge {
		return ServiceCredential{}, "", fault.New(fault.Invalid, "a key lives at most 36600 days")
	}
	var none ServiceCredential
	id, err := newServiceID(s.p.Rand)
	if err != nil {
		return none, "", err
	}
	secret, err := newBearerSecret(s.p.Rand)
	if err != nil {
		return none, "", err
	}
	b := body{User: u.Name, UserID: u.ID, Status: Active, Digest: digest(secret), Service: Bedrock, ServiceID: id}
	if b.Expires, err = s.end(life); err != nil {
		return none, "", err
	}
	for length := 4; ; length++ { // AWS's have four
		suffix, err := iam.RandomText(s.p.Rand, suffixAlphabet, length)
		if err != nil {
			return none, "", err
		}
		name := apiKeyPrefix + suffix
		r, err := s.create(ctx, kindService, name, b, slots...)
		if store.Reason(err) == store.KeyTaken {
			continue
		}
		if err != nil {
			return none, "", err
		}
		return s.serviceCredentialOf(owned{r, b}), s.apiKey(name, secret), nil
	}
}

// newServiceID makes an identifier of AWS's form: ACCA and 17 characters.
func newServiceID(random io.Reader) (string, error) {
	text, err := iam.RandomText(random, iam.Base32, 17)
	return "ACCA" + text, err
}

// apiKey is what a client sends.
func (s *Store) apiKey(name string, secret iam.Secret) iam.Secret {
	text := name + apiKeyAccount + s.p.Account + ":" + secret.Reveal()
	return iam.Secret("ABSK" + base64.StdEncoding.EncodeToString([]byte(text)))
}

// newBearerSecret makes the secret part of an API key, of the length AWS's have.
func newBearerSecret(random io.Reader) (iam.Secret, error) {
	b := make([]byte, 45)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("read random bytes: %w", err)
	}
	return iam.Secret(base64.StdEncoding.EncodeToString(b)), nil
}

func (s *Store) serviceCredentialOf(o owned) ServiceCredential {
	return ServiceCredential{
		ID: o.body.ServiceID, Alias: o.ID + apiKeyAccount + s.p.Account, Service: o.body.Service, User: o.body.User,
		Status: o.body.Status, Created: o.Created, Expires: o.body.Expires,
	}
}

// ServiceCredentials returns those of a user, the oldest first, for a service or
// with "" for any; with no user those of everyone, and the deleted ones among
// them. Faults as CreateServiceCredential.
func (s *Store) ServiceCredentials(ctx context.Context, user, service string) ([]ServiceCredential, error) {
	if service != "" {
		if err := supported(service); err != nil {
			return nil, err
		}
	}
	list, err := s.ownedBy(ctx, kindService, user)
	if err != nil {
		return nil, err
	}
	out := make([]ServiceCredential, 0, len(list))
	for _, o := range list {
		if service == "" || o.body.Service == service {
			out = append(out, s.serviceCredentialOf(o))
		}
	}
	return out, nil
}

// ResetServiceCredential gives a credential a new secret, which is returned this
// once; the one it had is no longer good. NotFound: the user has no such
// credential.
func (s *Store) ResetServiceCredential(ctx context.Context, user, id string) (ServiceCredential, iam.Secret, error) {
	secret, err := newBearerSecret(s.p.Rand)
	if err != nil {
		return ServiceCredential{}, "", err
	}
	c, err := s.changeServiceCredential(ctx, user, id, func(b *body) { b.Digest = digest(secret) })
	if err != nil {
		return ServiceCredential{}, "", err
	}
	return c, s.apiKey(c.Name(), secret), nil
}

// SetServiceCredentialStatus makes a credential usable or not. NotFound as
// ResetServiceCredential.
func (s *Store) SetServiceCredentialStatus(ctx context.Context, user, id string, active bool) error {
	_, err := s.changeServiceCredential(ctx, user, id, func(b *body) {
		b.Status = Inactive
		if active {
			b.Status = Active
		}
	})
	return err
}

// DeleteServiceCredential ends a credential for good. NotFound as
// ResetServiceCredential.
func (s *Store) DeleteServiceCredential(ctx context.Context, user, id string) error {
	_, err := s.changeServiceCredential(ctx, user, id, (*body).end)
	return err
}

func (s *Store) changeServiceCredential(ctx context.Context, user, id string, f func(*body)) (ServiceCredential, error) {
	missing := noSuch("The service specific credential with id %s cannot be found", id)
	list, err := s.ownedBy(ctx, kindService, user)
	if err != nil {
		return ServiceCredential{}, err
	}
	for _, o := range list {
		if o.body.ServiceID != id || user == "" {
			continue
		}
		err := s.change(ctx, kindService, o.ID, func(b *body) error {
			if b.Status == Deleted {
				return missing
			}
			f(b)
			o.body = *b
			return nil
		})
		return s.serviceCredentialOf(o), err
	}
	return ServiceCredential{}, missing
}
