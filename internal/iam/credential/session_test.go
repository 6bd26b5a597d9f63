package credential

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/iam"
)

func newSession(t *testing.T, s *Store, p SessionParams) iam.Credential {
	t.Helper()
	c, err := s.Session(t.Context(), p)
	if err != nil {
		t.Fatalf("Session: %v", err)
	}
	return c
}

// Tools that look for keys know the characters of AWS's.
func TestSecretsHaveAWSsCharacters(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.people.setRole("reader", "AROAFIRST")
	s, _ := p.open(t)
	secret := regexp.MustCompile(`^[A-Za-z0-9/+]{40}$`)
	for range 16 {
		c := newSession(t, s, SessionParams{Type: iam.AssumedRole, Name: "reader", ID: "AROAFIRST", Life: time.Hour, Session: iam.Session{Name: "ci"}})
		if !secret.MatchString(c.Secret.Reveal()) {
			t.Fatalf("got a secret %q", c.Secret.Reveal())
		}
	}
}

func TestSessionOfRole(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.people.setRole("reader", "AROAFIRST")
	s, db := p.open(t)
	given := iam.Session{
		Name: "ci", SourceIdentity: "alice", Tags: map[string]string{"team": "a", "cost": "7"}, TransitiveTags: []string{"team"},
		Policies: []string{`{"Version":"2012-10-17","Statement":[]}`}, PolicyARNs: []string{"arn:aws:iam::aws:policy/ReadOnlyAccess"},
	}
	c := newSession(t, s, SessionParams{Type: iam.AssumedRole, Name: "reader", ID: "AROAFIRST", Life: time.Hour, Session: given})
	if n := db.count(); n != 0 {
		t.Errorf("got %d reads, want nothing to be kept of a session", n)
	}
	if !strings.HasPrefix(c.AccessKeyID, "ASIA") || len(c.AccessKeyID) != 20 || len(c.Secret) != 40 || len(c.SessionToken) > 1024 {
		t.Errorf("got %s, a secret of %d and a token of %d characters", c.AccessKeyID, len(c.Secret), len(c.SessionToken))
	}
	given.Issued, given.Expires = p.clock.Now(), p.clock.Now().Add(time.Hour)
	want := iam.Credential{
		AccessKeyID: c.AccessKeyID, Expires: given.Expires, Secret: c.Secret, SessionToken: c.SessionToken,
		Principal: iam.Principal{
			Type: iam.AssumedRole, Name: "reader", Account: testAccount, ARN: "arn:aws:sts::000000000000:assumed-role/reader/ci",
			UserID: "AROAFIRST:ci", AccessKeyID: c.AccessKeyID, Session: &given,
		},
	}
	other, _ := p.open(t)
	for what, s := range map[string]*Store{"the server that made it": s, "another server": other} {
		for range 2 { // from the token, and from memory
			got, err := s.Lookup(c.AccessKeyID, c.SessionToken.Reveal())
			if diff := cmp.Diff(want, got); diff != "" || err != nil || got.Secret.Reveal() != c.Secret.Reveal() {
				t.Errorf("%s: error %v, credential (-want +got):\n%s", what, err, diff)
			}
		}
	}
	// It is returned with its end, also when that is past: the caller says so
	// once it knows that the signature is right.
	p.clock.Advance(2 * time.Hour)
	if got, err := s.Lookup(c.AccessKeyID, c.SessionToken.Reveal()); err != nil || !got.Expires.Equal(given.Expires) {
		t.Errorf("expired: got an end of %v, error %v", got.Expires, err)
	}
}

func TestSessionTokensThatAreNotGood(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.people.setRole("reader", "AROAFIRST")
	s, _ := p.open(t)
	params := SessionParams{Type: iam.AssumedRole, Name: "reader", ID: "AROAFIRST", Life: time.Hour, Session: iam.Session{Name: "ci"}}
	c, second := newSession(t, s, params), newSession(t, s, params)
	foreign, _ := newPlace(t).open(t)
	foreign.p.Directory.(*people).setRole("reader", "AROAFIRST")
	theirs := newSession(t, foreign, params)
	token := c.SessionToken.Reveal()
	raw, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	flip := func(i int) string {
		b := append([]byte(nil), raw...)
		b[i] ^= 1
		return base64.StdEncoding.EncodeToString(b)
	}
	if _, err := s.Lookup(c.AccessKeyID, token); err != nil {
		t.Fatal(err) // and it is in memory from here on
	}
	for what, try := range map[string][2]string{
		"no token":                         {c.AccessKeyID, ""},
		"another session's token":          {c.AccessKeyID, second.SessionToken.Reveal()},
		"another session's key":            {second.AccessKeyID, token},
		"another server's":                 {theirs.AccessKeyID, theirs.SessionToken.Reveal()},
		"another server's token":           {c.AccessKeyID, theirs.SessionToken.Reveal()},
		"another version":                  {c.AccessKeyID, flip(0)},
		"another nonce":                    {c.AccessKeyID, flip(1)},
		"another text":                     {c.AccessKeyID, flip(20)},
		"another tag":                      {c.AccessKeyID, flip(len(raw) - 1)},
		"a cut token":                      {c.AccessKeyID, token[:len(token)-4]},
		"a longer token":                   {c.AccessKeyID, token + "AAAA"},
		"line ends in the token":           {c.AccessKeyID, token[:8] + "\n" + token[8:]},
		"not base64":                       {c.AccessKeyID, "%%%"},
		"an endless token":                 {c.AccessKeyID, strings.Repeat("A", 1<<20)},
		"a made-up key":                    {"ASIA" + strings.Repeat("A", 16), token},
		"the key in lower case":            {strings.ToLower(c.AccessKeyID), token},
		"a permanent key with the token":   {"AKIA" + c.AccessKeyID[4:], token},
		"root's key with the token":        {"AKIAROOT", token},
		"nobody's key with the token":      {"", token},
		"a token of AWS":                   {c.AccessKeyID, "IQoJb3JpZ2luX2VjEXAMPLE"},
		"a session's key with two tokens":  {c.AccessKeyID, token + "," + token},
		"a session's key, token and space": {c.AccessKeyID, token + " "},
	} {
		_, err := s.Lookup(try[0], try[1])
		wantUnknown(t, what, err)
	}
	other, err := Open(t.Context(), Params{
		Store: s.p.Store, Dir: p.dir, Account: "111122223333", Root: testRoot, Directory: p.people, Now: p.clock.Now, Rand: s.p.Rand,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = other.Lookup(c.AccessKeyID, token)
	wantUnknown(t, "the same server with another account", err)
}

func TestSessionsEndWithTheirOwner(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "alice")
	p.people.setRole("reader", "AROAFIRST")
	s, _ := p.open(t)
	role := newSession(t, s, SessionParams{Type: iam.AssumedRole, Name: "reader", ID: "AROAFIRST", Life: time.Hour, Session: iam.Session{Name: "ci"}})
	alice := p.people.users["alice"]
	user := newSession(t, s, SessionParams{Type: iam.User, Name: "alice", ID: alice.ID, Life: time.Hour})
	root := newSession(t, s, SessionParams{Type: iam.Root, Life: time.Hour})
	lookup := func(c iam.Credential) error { _, err := s.Lookup(c.AccessKeyID, c.SessionToken.Reveal()); return err }
	for _, c := range []iam.Credential{role, user, root} {
		if err := lookup(c); err != nil {
			t.Fatal(err)
		}
	}
	if user.Principal.ARN != alice.ARN || user.Principal.UserID != alice.ID || user.Principal.Session == nil ||
		root.Principal.ARN != "arn:aws:iam::000000000000:root" || root.Principal.Session == nil || s.root.Principal.Session != nil {
		t.Errorf("got principals %+v and %+v", user.Principal, root.Principal)
	}

	p.people.setRole("reader", "")
	p.clock.Advance(fresh)
	wantUnknown(t, "a deleted role", lookup(role))
	p.people.setRole("reader", "AROASECOND")
	p.clock.Advance(fresh)
	wantUnknown(t, "a role made anew", lookup(role))

	p.people.remove("alice")
	p.clock.Advance(fresh)
	wantUnknown(t, "a deleted user", lookup(user))
	p.people.addUser("alice")
	p.clock.Advance(fresh)
	wantUnknown(t, "a user made anew", lookup(user))

	changed, err := Open(t.Context(), Params{
		Store: s.p.Store, Dir: p.dir, Account: testAccount, Root: iam.RootKey{AccessKeyID: "AKIANEWROOT", Secret: "x"},
		Directory: p.people, Now: p.clock.Now, Rand: s.p.Rand,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = changed.Lookup(root.AccessKeyID, root.SessionToken.Reveal())
	wantUnknown(t, "after root's key was changed", err)
	if _, err := s.Session(t.Context(), SessionParams{Type: iam.AssumedRole, Name: "nobody", ID: "AROA", Life: time.Hour}); err == nil {
		t.Error("got a session of a role that is not there")
	}
	if _, err := s.Session(t.Context(), SessionParams{Type: iam.Anonymous, Life: time.Hour}); err == nil {
		t.Error("got a session of nobody")
	}
}

// The deletion of a user by this process ends their sessions at once.
func TestDeleteAllEndsSessions(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "alice")
	s, _ := p.open(t)
	c := newSession(t, s, SessionParams{Type: iam.User, Name: "alice", ID: p.people.users["alice"].ID, Life: time.Hour})
	if _, err := s.Lookup(c.AccessKeyID, c.SessionToken.Reveal()); err != nil {
		t.Fatal(err)
	}
	p.people.remove("alice")
	if err := s.DeleteAll(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	_, err := s.Lookup(c.AccessKeyID, c.SessionToken.Reveal())
	wantUnknown(t, "at once", err)
}

func TestPackedSize(t *testing.T) {
	t.Parallel()
	varied := func(seed, n int) string { // text that hardly gets smaller
		var b strings.Builder
		for i := seed * 1000; b.Len() < n; i++ {
			fmt.Fprintf(&b, "%x", i*i*2654435761)
		}
		return b.String()[:n]
	}
	tags := map[string]string{}
	for i := range 50 {
		tags[fmt.Sprintf("key-%d", i)] = varied(i, 256)
	}
	for what, tc := range map[string]struct {
		session  iam.Session
		min, max int
	}{
		"nothing":        {iam.Session{}, 0, 0},
		"a name":         {iam.Session{Name: "ci", SourceIdentity: "alice"}, 0, 0},
		"a tag":          {iam.Session{Tags: map[string]string{"a": "b"}}, 1, 3},
		"a policy":       {iam.Session{Policies: []string{`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`}}, 1, 8},
		"a large policy": {iam.Session{Policies: []string{varied(0, 2048)}}, 40, 100},
		"too much":       {iam.Session{Tags: tags}, 101, 1000},
	} {
		got, err := PackedSize(&tc.session)
		if err != nil || got < tc.min || got > tc.max {
			t.Errorf("%s: got %d, error %v, want %d to %d", what, got, err, tc.min, tc.max)
		}
	}
}

func TestLargestTokenIsBelow4KB(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.people.setRole("reader", "AROAFIRST")
	s, _ := p.open(t)
	session := iam.Session{Name: strings.Repeat("n", 64), SourceIdentity: strings.Repeat("s", 64), Tags: map[string]string{}}
	for i := 0; ; i++ {
		session.Tags[fmt.Sprintf("%x", i*i*2654435761)] = fmt.Sprintf("%x", i*i*i*2246822519)
		size, err := PackedSize(&session)
		if err != nil {
			t.Fatal(err)
		}
		if size > 100 {
			break
		}
	}
	c := newSession(t, s, SessionParams{Type: iam.AssumedRole, Name: "reader", ID: "AROAFIRST", Life: time.Hour, Session: session})
	if len(c.SessionToken) >= 4<<10 {
		t.Errorf("got a token of %d characters, want less than 4096", len(c.SessionToken))
	}
}

func TestAccount(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "alice")
	s, _ := p.open(t)
	key, _, err := s.CreateAccessKey(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	session := newSession(t, s, SessionParams{Type: iam.Root, Life: time.Hour})
	for id, want := range map[string]bool{
		key.ID: true, session.AccessKeyID: true, "AKIAROOT": true,
		"AKIA" + strings.Repeat("A", 16): false, "ASIA" + strings.Repeat("A", 16): false, "": false, "x": false,
	} {
		if account, ok, err := s.Account(t.Context(), id); err != nil || ok != want || ok && account != testAccount {
			t.Errorf("%q: got %q, %v, error %v, want %v", id, account, ok, err, want)
		}
	}
}

// FuzzOpenToken: nothing but what was sealed is opened, and nothing makes the
// opener panic.
func FuzzOpenToken(f *testing.F) {
	s, err := newSeal(make([]byte, sealKeySize))
	if err != nil {
		f.Fatal(err)
	}
	const id = "ASIAAAAAAAAAAAAAAAAA"
	good, err := s.closeToken(testAccount, id, &claims{Type: "Root", Secret: "x"}, strings.NewReader(strings.Repeat("n", 64)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, []byte{plain, '{', '}'})
	f.Add("", []byte{deflated, 1, 2, 3})
	f.Add("AQ==", []byte{})
	f.Fuzz(func(t *testing.T, token string, data []byte) {
		if c, err := s.openToken(testAccount, id, token); err == nil && (token != good || c.Secret != "x") {
			t.Errorf("got claims of the token %q", token)
		}
		// What is inside of a token that another release has sealed.
		if c, err := readClaims(data); err == nil && c == nil {
			t.Error("got no claims and no error")
		}
	})
}
