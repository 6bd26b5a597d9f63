package credential

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/store"
)

// The keys of testdata/v1, which "outcrop keys create" of the release before
// has made: their secrets as it printed them.
const (
	oldKeyID     = "AKIACK23KKCV54UPUNJM" // alice's, for ever
	oldSecret    = "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"
	oldExpiring  = "AKIACH4BCFQXLSJ3C5LG" // alice's, for 100 years
	oldThird     = "AKIAS6ZJIQITIRGIABWI" // alice's, one more than the API makes
	oldRevoked   = "AKIATXRNILZLLCGXNZSO" // carol's
	oldAPIKey    = "ABSKQmVkcm9ja0FQSUtleS1sb2xuLWF0LTAwMDAwMDAwMDAwMDpTNkRja2J4TS92ZlBVdmk1NHpZRlcvcHNKRGExWE1hbk1jWS9wZFVMeElFdnFlWHlFZ0hXZC82VHVteEg="
	oldAPIKeyEnd = "ABSKQmVkcm9ja0FQSUtleS0wbWI3LWF0LTAwMDAwMDAwMDAwMDo4dTlKSFk3NXBEL2dkdzZLVnB0OUFMOWZzUXZodWRUcmN6ckEzeExnQUlEYllkVmp3cndEOGtyUFFEenE=" // carol's, an hour
)

// newOldPlace is a data directory as the release before left it.
func newOldPlace(t *testing.T, names ...string) *place {
	t.Helper()
	p := newPlace(t, names...)
	for _, name := range []string{oldName, SealName} {
		data, err := os.ReadFile(filepath.Join("testdata", "v1", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(p.dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// wantMigrated checks that everything of the old file is there.
func wantMigrated(t *testing.T, p *place, s *Store) {
	t.Helper()
	c, err := s.Lookup(oldKeyID, "")
	if err != nil || c.Secret.Reveal() != oldSecret || c.Principal.Name != "alice" || !c.Expires.IsZero() {
		t.Errorf("an old key: got principal %+v, error %v", c.Principal, err)
	}
	if c, err := s.Lookup(oldExpiring, ""); err != nil || c.Expires.Year() != 2126 {
		t.Errorf("an old key with an end: got %v, error %v", c.Expires, err)
	}
	if _, err := s.Lookup(oldThird, ""); err != nil {
		t.Errorf("a third key: %v", err)
	}
	_, err = s.Lookup(oldRevoked, "")
	wantUnknown(t, "a revoked key", err)
	name, secret := split(t, iam.Secret(oldAPIKey))
	if principal, err := s.LookupAPIKey(name, secret); err != nil || principal.Name != "bob" {
		t.Errorf("an old API key: got %+v, error %v", principal, err)
	}
	name, secret = split(t, iam.Secret(oldAPIKeyEnd))
	if principal, err := s.LookupAPIKey(name, secret); err != nil || principal.Name != "carol" {
		t.Errorf("an old API key with an end: got %+v, error %v", principal, err)
	}
	keys, err := s.AccessKeys(t.Context(), "")
	if err != nil || len(keys) != 4 || keys[3].ID != oldRevoked || keys[3].Status != Deleted ||
		!keys[0].Created.Equal(time.Date(2026, 11, 21, 19, 33, 58, 0, time.UTC)) {
		t.Errorf("got keys %+v, error %v", keys, err)
	}
	if _, err := os.Stat(filepath.Join(p.dir, oldName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old file is still there (%v)", err)
	}
	if _, err := os.Stat(filepath.Join(p.dir, oldName+".migrated")); err != nil {
		t.Error(err)
	}
}

func TestMigration(t *testing.T) {
	t.Parallel()
	p := newOldPlace(t)
	s, _ := p.open(t)
	wantMigrated(t, p, s)
	want := map[string][]string{"alice": {administrator}, "bob": {administrator}, "carol": {administrator}}
	if diff := cmp.Diff(want, p.people.attached); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
	again, _ := p.open(t)
	wantMigrated(t, p, again)
	if len(p.people.users) != 3 {
		t.Errorf("got users %v", p.people.users)
	}
	// Alice has her keys already: no more through the API.
	if _, _, err := s.CreateAccessKey(t.Context(), "alice"); code(err) != "LimitExceeded" {
		t.Errorf("got %v, want LimitExceeded", err)
	}
}

// An import that is interrupted is finished by the next, wherever it was.
func TestMigrationIsInterrupted(t *testing.T) {
	t.Parallel()
	p := newOldPlace(t)
	for range 3 { // one for each user
		p.people.failing = errors.New("killed")
		if _, _, err := p.tryOpen(t); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("got %v, want the import to end", err)
		}
		p.people.failing = nil
		// It went as far as a user without a policy; the next one dies after it.
		if len(p.people.attached) == len(p.people.users) {
			t.Fatal("got every user with a policy, want one that was interrupted")
		}
		s, _, err := p.tryOpen(t)
		if err != nil {
			t.Fatal(err)
		}
		wantMigrated(t, p, s)
		if len(p.people.attached) != 3 {
			t.Errorf("got policies %v, want those of three users", p.people.attached)
		}
		if err := os.Rename(filepath.Join(p.dir, oldName+".migrated"), filepath.Join(p.dir, oldName)); err != nil {
			t.Fatal(err)
		}
		// The whole once more, from the same file over what is there.
		s, _, err = p.tryOpen(t)
		if err != nil {
			t.Fatal(err)
		}
		wantMigrated(t, p, s)
		p = newOldPlace(t)
	}
}

// It may be killed before any of its writes.
func TestMigrationIsKilled(t *testing.T) {
	t.Parallel()
	for n := 0; ; n++ {
		p := newOldPlace(t)
		_, err := openAt(t, p, p.clock.Now, func(c *counting) store.Store { return &dying{counting: c, left: n} })
		if err != nil && !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		s, _ := p.open(t)
		wantMigrated(t, p, s)
		if len(p.people.users) != 3 || len(p.people.attached) != 3 {
			t.Errorf("killed before write %d: got users %v with %v", n, p.people.users, p.people.attached)
		}
		if err == nil {
			if n < 10 {
				t.Errorf("got no more than %d writes", n)
			}
			return
		}
	}
}

func TestMigrationByManyAtOnce(t *testing.T) {
	t.Parallel()
	p := newOldPlace(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, _, err := p.tryOpen(t); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s, _ := p.open(t)
	wantMigrated(t, p, s)
	if len(p.people.users) != 3 {
		t.Errorf("got users %v", p.people.users)
	}
}

// Who has nothing but revoked keys is not made: the keys are only remembered.
func TestMigrationOfRevokedKeys(t *testing.T) {
	t.Parallel()
	p := newOldPlace(t)
	path := filepath.Join(p.dir, oldName)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	revoked := strings.ReplaceAll(string(data), `"status": "Active"`, `"status": "Revoked"`)
	if err := os.WriteFile(path, []byte(revoked), 0o600); err != nil {
		t.Fatal(err)
	}
	s, _ := p.open(t)
	if len(p.people.users) != 0 {
		t.Errorf("got users %v, want none", p.people.users)
	}
	keys, err := s.AccessKeys(t.Context(), "")
	if err != nil || len(keys) != 4 || keys[0].User != "alice" || keys[0].Status != Deleted {
		t.Errorf("got %+v, error %v, want the keys to be known", keys, err)
	}
}

// Who is in the directory already is given nothing by an old file.
func TestMigrationLeavesPoliciesAlone(t *testing.T) {
	t.Parallel()
	p := newOldPlace(t, "alice")
	s, _ := p.open(t)
	wantMigrated(t, p, s)
	if got := p.people.attached["alice"]; got != nil {
		t.Errorf("got %v attached to a user who was there, want nothing", got)
	}
}

func TestMigrationOfAnotherAccount(t *testing.T) {
	t.Parallel()
	p := newOldPlace(t)
	path := filepath.Join(p.dir, oldName)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(data), testAccount, "111122223333")), 0o600); err != nil {
		t.Fatal(err)
	}
	s, _ := p.open(t)
	_, err = s.Lookup(oldKeyID, "")
	wantUnknown(t, "a key of another account", err)
	if len(p.people.users) != 0 {
		t.Errorf("got users %v, want none", p.people.users)
	}
}

func TestMigrationRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	for what, text := range map[string]string{"no JSON": "{", "a later version": `{"version":2,"keys":[]}`} {
		p := newPlace(t)
		if err := os.WriteFile(filepath.Join(p.dir, oldName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := p.tryOpen(t); err == nil || !strings.Contains(err.Error(), oldName) {
			t.Errorf("%s: got %v, want the file to be named", what, err)
		}
		if _, err := os.Stat(filepath.Join(p.dir, oldName)); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
