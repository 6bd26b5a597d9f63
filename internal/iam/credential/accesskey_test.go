package credential

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
)

func TestAccessKey(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "alice")
	s, _ := p.open(t)
	key, secret, err := s.CreateAccessKey(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	if !isAccessKeyID.MatchString(key.ID) || len(secret) != 40 {
		t.Errorf("got ID %q and a secret of %d characters", key.ID, len(secret))
	}
	other, _ := p.open(t)
	for name, s := range map[string]*Store{"the same store": s, "another process": other} {
		got, err := s.Lookup(key.ID, "")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := iam.Credential{AccessKeyID: key.ID, Secret: secret, Principal: iam.Principal{
			Type: iam.User, Name: "alice", Account: testAccount, ARN: "arn:aws:iam::000000000000:user/team/alice",
			UserID: p.people.users["alice"].ID, AccessKeyID: key.ID,
		}}
		if diff := cmp.Diff(want, got); diff != "" || got.Secret.Reveal() != secret.Reveal() {
			t.Errorf("%s: credential (-want +got):\n%s", name, diff)
		}
		_, err = s.Lookup(key.ID, "a token")
		wantUnknown(t, "with a token", err)
	}
	for _, id := range []string{"", "AKIAOTHER", "ASIAOTHER", "AKIA" + strings.Repeat("A", 16), "ASIA" + strings.Repeat("A", 16)} {
		_, err := s.Lookup(id, "")
		wantUnknown(t, id, err)
	}
	list, err := s.AccessKeys(t.Context(), "alice")
	if diff := cmp.Diff([]AccessKey{{ID: key.ID, User: "alice", Status: Active, Created: p.clock.Now()}}, list); diff != "" || err != nil {
		t.Errorf("error %v, list (-want +got):\n%s", err, diff)
	}
	if _, _, err := s.CreateAccessKey(t.Context(), "nobody"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a user that is not there: got %v, want NotFound", err)
	}
}

func TestRoot(t *testing.T) {
	t.Parallel()
	s, _ := newPlace(t).open(t)
	got, err := s.Lookup("AKIAROOT", "")
	want := iam.Credential{AccessKeyID: "AKIAROOT", Secret: "root-secret", Principal: iam.RootPrincipal(testAccount, "AKIAROOT")}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v, credential (-want +got):\n%s", err, diff)
	}
	_, err = s.Lookup("AKIAROOT", "a token")
	wantUnknown(t, "root with a token", err)
}

// What is at rest must not contain a secret.
func TestNoSecretAtRest(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "alice")
	s, _ := p.open(t)
	_, secret, err := s.CreateAccessKey(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	_, token, err := s.CreateServiceCredential(t.Context(), "alice", Bedrock, 0)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(p.dir, "*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("got files %v, error %v", files, err)
	}
	_, bearer := split(t, token)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []iam.Secret{secret, token, bearer} {
			if strings.Contains(string(data), s.Reveal()) {
				t.Errorf("%s contains a secret", filepath.Base(file))
			}
		}
	}
	if info, err := os.Stat(filepath.Join(p.dir, SealName)); err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("got mode %v of the key file, error %v, want nobody else to read it", info.Mode(), err)
	}
}

func TestTwoAccessKeysAUser(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "alice")
	a, _ := p.open(t)
	b, _ := p.open(t)
	var mu sync.Mutex
	made, refused := 0, 0
	var wg sync.WaitGroup
	for i := range 8 {
		s := a
		if i%2 == 1 {
			s = b
		}
		wg.Go(func() {
			_, _, err := s.CreateAccessKey(t.Context(), "alice")
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				made++
			case code(err) == "LimitExceeded" && fault.As(err).Message == "Cannot exceed quota for AccessKeysPerUser: 2":
				refused++
			default:
				t.Errorf("got error %v", err)
			}
		})
	}
	wg.Wait()
	if made != 2 || refused != 6 {
		t.Errorf("got %d keys made and %d refused at once, want 2 and 6", made, refused)
	}
	list, _ := a.AccessKeys(t.Context(), "alice")
	if err := a.DeleteAccessKey(t.Context(), "alice", list[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.CreateAccessKey(t.Context(), "alice"); err != nil {
		t.Errorf("after one was deleted: %v", err)
	}
	if _, _, err := a.AddAccessKey(t.Context(), "alice", time.Hour); err != nil {
		t.Errorf("a third one by the administrator: %v", err)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "alice", "bob")
	s, _ := p.open(t)
	key, _, err := s.CreateAccessKey(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	lookup := func() error { _, err := s.Lookup(key.ID, ""); return err }
	if err := lookup(); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		what string
		do   func() error
		good bool
	}{
		{"inactive", func() error { return s.SetAccessKeyStatus(t.Context(), "alice", key.ID, false) }, false},
		{"active again", func() error { return s.SetAccessKeyStatus(t.Context(), "alice", key.ID, true) }, true},
		{"deleted", func() error { return s.DeleteAccessKey(t.Context(), "alice", key.ID) }, false},
	} {
		if err := s.SetAccessKeyStatus(t.Context(), "bob", key.ID, false); code(err) != "NoSuchEntity" {
			t.Errorf("another user's key: got %v, want NoSuchEntity", err)
		}
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		if err := lookup(); step.good != (err == nil) {
			t.Errorf("%s: got error %v at once, want good %v", step.what, err, step.good)
		}
	}
	for what, err := range map[string]error{
		"status of a deleted key": s.SetAccessKeyStatus(t.Context(), "alice", key.ID, true),
		"deleting twice":          s.DeleteAccessKey(t.Context(), "alice", key.ID),
		"no such key":             s.DeleteAccessKey(t.Context(), "alice", "AKIA'; --"),
	} {
		if code(err) != "NoSuchEntity" {
			t.Errorf("%s: got %v, want NoSuchEntity", what, err)
		}
	}
	all, err := s.AccessKeys(t.Context(), "")
	if err != nil || len(all) != 1 || all[0].Status != Deleted || all[0].User != "alice" {
		t.Errorf("got %+v, error %v, want the deleted key to stay known", all, err)
	}
	r, err := s.p.Store.Get(t.Context(), s.key(kindAccessKey, key.ID))
	if err != nil || strings.Contains(string(r.Body), "sealed") {
		t.Errorf("got %s, error %v, want no secret of a deleted key", r.Body, err)
	}
}

func TestOtherKeyFile(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "alice")
	s, _ := p.open(t)
	key, _, err := s.CreateAccessKey(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SealError(t.Context()); err != nil {
		t.Errorf("SealError: %v", err)
	}
	if err := os.Remove(filepath.Join(p.dir, SealName)); err != nil {
		t.Fatal(err)
	}
	s, _ = p.open(t)
	if err := s.SealError(t.Context()); err == nil || !strings.Contains(err.Error(), key.ID) {
		t.Errorf("got %v, want the key that cannot be opened", err)
	}
	if _, err := s.Lookup(key.ID, ""); !fault.Is(err, fault.Internal) {
		t.Errorf("got %v, want an internal error", err)
	}
	if err := s.Revoke(t.Context(), key.ID); err != nil {
		t.Error(err)
	}
	if err := s.SealError(t.Context()); err != nil {
		t.Errorf("after it was revoked: %v", err)
	}
}

// Sealed secrets are bound to their keys.
func TestSecretsCannotBeSwapped(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "alice", "bob")
	s, _ := p.open(t)
	a, _, err := s.CreateAccessKey(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := s.CreateAccessKey(t.Context(), "bob")
	if err != nil {
		t.Fatal(err)
	}
	ra, _ := s.p.Store.Get(t.Context(), s.key(kindAccessKey, a.ID))
	rb, _ := s.p.Store.Get(t.Context(), s.key(kindAccessKey, b.ID))
	ba, _ := bodyOf(ra)
	bb, _ := bodyOf(rb)
	ba.Sealed = bb.Sealed
	if ra, err = ba.into(ra); err != nil {
		t.Fatal(err)
	}
	if _, err := s.p.Store.Update(t.Context(), ra); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lookup(a.ID, ""); !fault.Is(err, fault.Internal) {
		t.Errorf("got %v, want an internal error", err)
	}
}

func TestLastUsed(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "alice")
	s, db := p.open(t)
	key, _, err := s.CreateAccessKey(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	last := func() LastUsed {
		t.Helper()
		u, err := s.LastUsed(t.Context(), key.ID)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	if got := last(); got != (LastUsed{User: "alice"}) {
		t.Errorf("never used: got %+v", got)
	}
	if _, err := s.Lookup(key.ID, ""); err != nil {
		t.Fatal(err)
	}
	before := db.count()
	first := LastUsed{User: "alice", Time: p.clock.Now(), Service: "bedrock", Region: "us-east-1"}
	s.Used(key.ID, "bedrock", "us-east-1")
	p.clock.Advance(useInterval - time.Second)
	s.Used(key.ID, "s3", "eu-west-1")
	s.Used("AKIAROOT", "s3", "eu-west-1")
	if n := db.count(); n != before {
		t.Errorf("got %d reads for noting a use, want none", n-before)
	}
	if got := last(); got != first {
		t.Errorf("got %+v, want %+v", got, first)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := last(); got != first || len(s.uses) != 0 {
		t.Errorf("written: got %+v and %d unwritten, want %+v", got, len(s.uses), first)
	}
	p.clock.Advance(time.Second)
	s.Used(key.ID, "s3", "eu-west-1")
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	other, _ := p.open(t)
	got, err := other.LastUsed(t.Context(), key.ID)
	if want := (LastUsed{User: "alice", Time: p.clock.Now(), Service: "s3", Region: "eu-west-1"}); err != nil || got != want {
		t.Errorf("another process: got %+v, error %v, want %+v", got, err, want)
	}
	if err := s.DeleteAccessKey(t.Context(), "alice", key.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.p.Store.Get(t.Context(), s.key(kindUse, key.ID)); !fault.Is(err, fault.NotFound) {
		t.Errorf("the use of a deleted key: got %v, want NotFound", err)
	}
	if _, err := s.LastUsed(t.Context(), "AKIA"+strings.Repeat("D", 16)); code(err) != "NoSuchEntity" {
		t.Errorf("no such key: got %v", err)
	}
}
