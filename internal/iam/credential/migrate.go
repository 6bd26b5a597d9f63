package credential

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/iam/secretfile"
	"github.com/outcrop/outcrop/internal/store"
)

const (
	oldName    = "keys.json"
	oldVersion = 1
	// administrator is attached to the users of old keys: every key might do
	// everything, and what worked goes on working.
	administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
)

// oldFile is keys.json.
type oldFile struct {
	Version int      `json:"version"`
	Keys    []oldKey `json:"keys"`
}

type oldKey struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind"` // access-key, api-key
	Account string    `json:"account"`
	User    string    `json:"user"`
	Status  string    `json:"status"` // Active, Revoked
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	Sealed  []byte    `json:"sealedSecret"`
	Digest  []byte    `json:"secretDigest"`
}

// migrate moves the keys of keys.json, in which an older release kept them, into
// the store, and gives the file another name. It makes the users, who existed
// by having keys. Another process waits meanwhile; one that is killed in between
// is made good by the next. Keys of another account stay in the renamed file.
func (s *Store) migrate(ctx context.Context) error {
	path := filepath.Join(s.p.Dir, oldName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	unlock, err := secretfile.Lock(path)
	if err != nil {
		return err
	}
	err = s.migrateFile(ctx, path)
	return errors.Join(err, unlock())
}

func (s *Store) migrateFile(ctx context.Context, path string) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another process was first
	}
	if err != nil {
		return err
	}
	var f oldFile
	if err := json.Unmarshal(data, &f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if f.Version != oldVersion {
		return fmt.Errorf("%s has version %d, this release reads version %d", path, f.Version, oldVersion)
	}
	users := map[string]directory.User{}
	for _, k := range f.Keys {
		if k.Account != s.p.Account {
			continue
		}
		if _, known := users[k.User]; !known && k.Status == string(Active) { // of keys that are over, the name is enough
			if users[k.User], err = s.importUser(ctx, k.User); err != nil {
				return fmt.Errorf("import the user %s of %s: %w", k.User, path, err)
			}
		}
		if err := s.importKey(ctx, k, users[k.User]); err != nil {
			return fmt.Errorf("import the key %s of %s: %w", k.ID, path, err)
		}
	}
	if err := os.Rename(path, path+".migrated"); err != nil {
		return err
	}
	for name := range users {
		if err := s.p.Store.Delete(ctx, s.key(kindImport, name)); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	return nil
}

// importUser makes a user who may do everything. One who is there already, and
// not because an import was interrupted, keeps the policies that they have.
func (s *Store) importUser(ctx context.Context, name string) (directory.User, error) {
	mark := store.Record{Key: s.key(kindImport, name), Created: s.now(), Updated: s.now()}
	u, err := s.p.Directory.User(ctx, name)
	switch {
	case fault.Is(err, fault.NotFound):
		if _, _, err := s.p.Store.Create(ctx, mark, store.Create{}); err != nil && store.Reason(err) != store.KeyTaken {
			return u, err
		}
		if u, err = s.p.Directory.CreateUser(ctx, directory.NewUser{Name: name}); err != nil {
			return u, err
		}
	case err != nil:
		return u, err
	default:
		if _, err := s.p.Store.Get(ctx, mark.Key); fault.Is(err, fault.NotFound) {
			return u, nil
		} else if err != nil {
			return u, err
		}
	}
	return u, s.p.Directory.AttachUserPolicy(ctx, name, administrator)
}

// importKey makes the record of an old key. Its secret was sealed with the same
// file and is taken over as it is.
func (s *Store) importKey(ctx context.Context, k oldKey, u directory.User) error {
	b := body{User: k.User, UserID: u.ID, Status: Active, Expires: k.Expires, Sealed: k.Sealed, Digest: k.Digest}
	kind := kindAccessKey
	if k.Kind == "api-key" {
		id, err := newServiceID(s.p.Rand)
		if err != nil {
			return err
		}
		kind, b.Service, b.ServiceID = kindService, Bedrock, id
	}
	if k.Status != string(Active) {
		b.end()
	}
	r, err := b.into(store.Record{Key: s.key(kind, k.ID), Created: k.Created, Updated: k.Created})
	if err != nil {
		return err
	}
	_, _, err = s.p.Store.Create(ctx, r, store.Create{})
	if store.Reason(err) == store.KeyTaken {
		return nil // by an import that was interrupted
	}
	return err
}
