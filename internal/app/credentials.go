package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/credential"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/policy/managed"
	"github.com/outcrop/outcrop/internal/service/sts"
	"github.com/outcrop/outcrop/internal/store"
)

// Root returns root's key, and makes it when there is none.
func Root(cfg *config.Config, getenv func(string) string) (iam.RootKey, error) {
	dir := cfg.DataDir(getenv)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return iam.RootKey{}, fmt.Errorf("make the data directory: %w", err)
	}
	return iam.LoadRoot(filepath.Join(dir, "credentials"), iam.RootParams{
		AccessKeyID:     getenv("OUTCROP_ROOT_ACCESS_KEY_ID"),
		SecretAccessKey: iam.Secret(getenv("OUTCROP_ROOT_SECRET_ACCESS_KEY")),
		Rand:            rand.Reader,
	})
}

// Identities are the users and keys of a data directory. Commands open them
// beside a running server, which notices what they change.
type Identities struct {
	Directory   *directory.Directory
	Credentials *credential.Store
	state       store.Store
	close       func() error
}

// OpenIdentities opens them. The caller closes them.
func OpenIdentities(ctx context.Context, cfg *config.Config, getenv func(string) string) (*Identities, error) {
	root, err := Root(cfg, getenv)
	if err != nil {
		return nil, err
	}
	state, err := State(ctx, cfg, getenv)
	if err != nil {
		return nil, err
	}
	i, err := identities(ctx, cfg, getenv, state, root, time.Now)
	if err != nil {
		return nil, errors.Join(err, state.Close())
	}
	i.close = state.Close
	return i, nil
}

// Close releases what OpenIdentities opened.
func (i *Identities) Close() error { return i.close() }

func identities(ctx context.Context, cfg *config.Config, getenv func(string) string, state store.Store, root iam.RootKey, now func() time.Time) (*Identities, error) {
	i := &Identities{state: state, Directory: directory.New(directory.Params{Store: state, Account: cfg.Account, Now: now, Rand: rand.Reader})}
	var err error
	i.Credentials, err = credential.Open(ctx, credential.Params{
		Store: state, Dir: cfg.DataDir(getenv), Account: cfg.Account, Root: root, Directory: i.Directory, Now: now, Rand: rand.Reader,
	})
	if err != nil {
		return nil, fmt.Errorf("open the access keys: %w", err)
	}
	return i, nil
}

// openIdentities opens the server's own.
func (a *App) openIdentities() error {
	i, err := identities(context.Background(), a.p.Config, a.p.Getenv, a.state, a.root, a.p.Now)
	if err != nil {
		return err
	}
	a.directory, a.credentials = i.Directory, i.Credentials
	a.gov.run = append(a.gov.run, a.credentials.Run)
	if err := a.credentials.SealError(context.Background()); err != nil {
		a.p.Logger.Warn("access keys cannot be used", slog.String("cause", err.Error()))
	}
	return nil
}

// tokenService is the service of temporary credentials.
func (a *App) tokenService() *sts.Service {
	return sts.New(sts.Params{
		Directory: a.directory, Sessions: a.credentials, Organization: a.gov.organization, Endpoints: a.endpoints.Policies, Now: a.p.Now,
	})
}

// EnsureUser makes a user when they are not there, with these managed policies
// attached: names of AWS's or of the account's, or ARNs. It returns the ARNs of
// those; none for a user who was there, and whose policies are left alone.
func (i *Identities) EnsureUser(ctx context.Context, name string, policies []string) (attached []string, made bool, err error) {
	if _, err := i.Directory.User(ctx, name); !fault.Is(err, fault.NotFound) {
		return nil, false, err
	}
	for _, p := range policies {
		arn, err := i.policyARN(ctx, p)
		if err != nil {
			return nil, false, err
		}
		attached = append(attached, arn)
	}
	if _, err := i.Directory.CreateUser(ctx, directory.NewUser{Name: name}); err != nil {
		return nil, false, err
	}
	for _, arn := range attached {
		if err := i.Directory.AttachUserPolicy(ctx, name, arn); err != nil {
			return nil, true, fmt.Errorf("attach %s to the new user %s: %w", arn, name, err)
		}
	}
	return attached, true, nil
}

// policyARN finds a managed policy by its name or ARN.
func (i *Identities) policyARN(ctx context.Context, name string) (string, error) {
	if strings.HasPrefix(name, "arn:") {
		_, err := i.Directory.Policy(ctx, name)
		return name, err
	}
	for _, p := range managed.All() {
		if p.Name == name {
			return p.ARN, nil
		}
	}
	page, err := i.Directory.Policies(ctx, directory.List{})
	if err != nil {
		return "", err
	}
	for _, p := range page.Items {
		if p.Name == name {
			return p.ARN, nil
		}
	}
	return "", fault.New(fault.NotFound, "there is no managed policy %q", name)
}

// Key is an access key or an API key as commands show it.
type Key struct {
	ID      string
	APIKey  bool
	User    string
	Status  credential.Status
	Created time.Time
	Expires time.Time // zero: never
}

// Keys lists every key, deleted ones included, in the order they were made.
func (i *Identities) Keys(ctx context.Context) ([]Key, error) {
	access, err := i.Credentials.AccessKeys(ctx, "")
	if err != nil {
		return nil, err
	}
	api, err := i.Credentials.ServiceCredentials(ctx, "", "")
	if err != nil {
		return nil, err
	}
	keys := make([]Key, 0, len(access)+len(api))
	for _, k := range access {
		keys = append(keys, Key{ID: k.ID, User: k.User, Status: k.Status, Created: k.Created, Expires: k.Expires})
	}
	for _, c := range api {
		keys = append(keys, Key{ID: c.Name(), APIKey: true, User: c.User, Status: c.Status, Created: c.Created, Expires: c.Expires})
	}
	slices.SortStableFunc(keys, func(a, b Key) int { return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID)) })
	return keys, nil
}
