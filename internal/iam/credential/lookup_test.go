package credential

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
)

// TestOtherProcess plays the command line beside a running server.
func TestOtherProcess(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "alice")
	server, _ := p.open(t)
	cli, _ := p.open(t)
	key, _, err := cli.AddAccessKey(t.Context(), "alice", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := server.Lookup(key.ID, ""); err != nil {
		t.Errorf("a new key is not found at once: %v", err)
	}
	if err := cli.Revoke(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	p.clock.Advance(fresh)
	_, err = server.Lookup(key.ID, "")
	wantUnknown(t, "a revoked key", err)
	if err := cli.Revoke(t.Context(), key.ID); err != nil {
		t.Errorf("revoking twice: %v", err)
	}
	for _, id := range []string{"AKIA" + strings.Repeat("B", 16), "BedrockAPIKey-none", "root"} {
		if err := cli.Revoke(t.Context(), id); !fault.Is(err, fault.NotFound) {
			t.Errorf("revoking %s: got %v, want NotFound", id, err)
		}
	}
}

func TestUserIsGone(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "alice", "bob")
	s, _ := p.open(t)
	key, _, err := s.CreateAccessKey(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	api, _, err := s.CreateServiceCredential(t.Context(), "alice", Bedrock, 0)
	if err != nil {
		t.Fatal(err)
	}
	bobs, _, err := s.CreateAccessKey(t.Context(), "bob")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{key.ID, bobs.ID} {
		if _, err := s.Lookup(id, ""); err != nil {
			t.Fatal(err)
		}
	}
	p.people.rename("bob", "robert")
	p.clock.Advance(stale)
	if c, err := s.Lookup(bobs.ID, ""); err != nil || c.Principal.Name != "robert" || c.Principal.ARN != "arn:aws:iam::000000000000:user/team/robert" {
		t.Errorf("a renamed user: got %+v, error %v", c.Principal, err)
	}
	p.people.remove("robert")
	p.clock.Advance(fresh)
	_, err = s.Lookup(bobs.ID, "")
	wantUnknown(t, "a deleted user's key", err)
	p.people.addUser("robert")
	p.clock.Advance(stale)
	_, err = s.Lookup(bobs.ID, "")
	wantUnknown(t, "a key of who had the name before", err)

	if err := s.DeleteAll(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	_, err = s.Lookup(key.ID, "")
	wantUnknown(t, "after DeleteAll", err)
	if list, _ := s.ServiceCredentials(t.Context(), "alice", ""); len(list) != 0 {
		t.Errorf("got %v after DeleteAll, want none, nor %s", list, api.ID)
	}
	if err := s.DeleteAll(t.Context(), "nobody"); err != nil {
		t.Errorf("of nobody: %v", err)
	}
}

// What this process changes in the directory counts for the next request.
func TestUserIsGoneAtOnce(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "alice")
	p.people.setRole("reader", "AROAFIRST")
	s, _ := p.open(t)
	key, _, err := s.CreateAccessKey(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	session := newSession(t, s, SessionParams{Type: iam.AssumedRole, Name: "reader", ID: "AROAFIRST", Life: time.Hour, Session: iam.Session{Name: "ci"}})
	lookup := func() error { _, err := s.Lookup(key.ID, ""); return err }
	role := func() error { _, err := s.Lookup(session.AccessKeyID, session.SessionToken.Reveal()); return err }
	if err := errors.Join(lookup(), role()); err != nil {
		t.Fatal(err)
	}
	p.people.remove("alice")
	p.people.setRole("reader", "AROASECOND")
	p.people.changes.Add(1)
	wantUnknown(t, "a deleted user's key", lookup())
	wantUnknown(t, "a session of a role made anew", role())
}

// A key in memory must not be used again after the clock was set back, and not
// for longer than it may be when it was set ahead.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "alice")
	server, _ := p.open(t)
	cli, _ := p.open(t)
	for _, jump := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		key, _, err := cli.AddAccessKey(t.Context(), "alice", 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := server.Lookup(key.ID, ""); err != nil {
			t.Fatal(err)
		}
		if err := cli.Revoke(t.Context(), key.ID); err != nil {
			t.Fatal(err)
		}
		p.clock.Advance(jump)
		_, err = server.Lookup(key.ID, "")
		wantUnknown(t, jump.String(), err)
	}
}

func TestUnknownKeysCostLittle(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	s, db := p.open(t)
	for range 100 {
		_, err := s.Lookup("AKIA"+strings.Repeat("C", 16), "")
		wantUnknown(t, "unknown", err)
	}
	if n := db.count(); n != 1 {
		t.Errorf("got %d reads for 100 tries of one key, want 1", n)
	}
	for _, id := range []string{"AKIDEXAMPLE", "akia" + strings.Repeat("c", 16), "AKIA" + strings.Repeat("C", 4000)} {
		_, err := s.Lookup(id, "")
		wantUnknown(t, id[:8], err)
	}
	if n := db.count(); n != 1 {
		t.Errorf("got %d reads, want none for what cannot be a key", n-1)
	}
	p.clock.Advance(fresh)
	_, err := s.Lookup("AKIA"+strings.Repeat("C", 16), "")
	wantUnknown(t, "unknown", err)
	if n := db.count(); n != 2 {
		t.Errorf("got %d reads after a second, want 2", n)
	}
}

func TestStoreFails(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "alice")
	s, db := p.open(t)
	key, _, err := s.CreateAccessKey(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lookup(key.ID, ""); err != nil {
		t.Fatal(err)
	}
	db.err = errors.New("disk is gone")
	p.clock.Advance(stale)
	if _, err := s.Lookup(key.ID, ""); !fault.Is(err, fault.Internal) {
		t.Errorf("got %v, want an internal error: the key may have been revoked", err)
	}
	if _, err := s.Lookup("AKIAROOT", ""); err != nil {
		t.Errorf("root: %v", err)
	}
}
