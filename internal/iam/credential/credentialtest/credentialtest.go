// Package credentialtest opens real users and keys in a temporary folder, for
// the tests of those who check signatures. It is imported by tests alone.
package credentialtest

import (
	"crypto/rand"
	"path/filepath"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/credential"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/store/sqlitestore"
)

// Place is a data directory with users, and their keys.
type Place struct {
	Directory *directory.Directory
	*credential.Store
}

// Open makes one with users of these names. It is closed at the end of the test.
func Open(t testing.TB, account string, root iam.RootKey, now func() time.Time, users ...string) *Place {
	t.Helper()
	dir := t.TempDir()
	db, err := sqlitestore.Open(t.Context(), filepath.Join(dir, "state.db"), sqlitestore.Params{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	p := &Place{Directory: directory.New(directory.Params{Store: db, Account: account, Now: now, Rand: rand.Reader})}
	for _, name := range users {
		if _, err := p.Directory.CreateUser(t.Context(), directory.NewUser{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	p.Store, err = credential.Open(t.Context(), credential.Params{
		Store: db, Dir: dir, Account: account, Root: root, Directory: p.Directory, Now: now, Rand: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
