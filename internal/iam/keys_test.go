package iam

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
)

const testAccount = "123456789012"

var testRoot = RootKey{AccessKeyID: "AKIAROOT", Secret: "root-secret"}

// clock is a clock that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func openKeys(t *testing.T, dir string, c *clock) *Keys {
	t.Helper()
	k, err := OpenKeys(dir, KeysParams{Account: testAccount, Root: testRoot, Now: c.now, Rand: rand.Reader})
	if err != nil {
		t.Fatalf("OpenKeys: %v", err)
	}
	return k
}

func code(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Code
	}
	return ""
}

func TestAccessKey(t *testing.T) {
	t.Parallel()
	dir, c := t.TempDir(), newClock()
	k := openKeys(t, dir, c)
	key, secret, err := k.CreateAccessKey("alice", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(key.ID, "AKIA") || len(key.ID) != 20 || len(secret) != 40 {
		t.Errorf("got ID %q and a secret of %d characters, want AKIA and 16, and 40", key.ID, len(secret))
	}
	want := Key{ID: key.ID, Kind: AccessKey, User: "alice", Status: Active, Created: c.now(), Expires: c.now().Add(time.Hour)}
	if diff := cmp.Diff(want, key); diff != "" {
		t.Errorf("key (-want +got):\n%s", diff)
	}
	for name, store := range map[string]*Keys{"the same store": k, "another process": openKeys(t, dir, c)} {
		got, err := store.Lookup(key.ID, "")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got.Secret != secret || got.SessionToken != "" || !got.Expires.Equal(key.Expires) {
			t.Errorf("%s: got another credential than was created", name)
		}
		p := got.Principal
		if p.Type != User || p.ARN != "arn:aws:iam::123456789012:user/alice" || p.Account != testAccount ||
			p.AccessKeyID != key.ID || !strings.HasPrefix(p.UserID, "AIDA") || len(p.UserID) != 21 {
			t.Errorf("%s: got principal %+v", name, p)
		}
	}
	second, _, err := k.CreateAccessKey("alice", 0)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := k.Lookup(key.ID, "")
	b, _ := k.Lookup(second.ID, "")
	if a.Principal.UserID != b.Principal.UserID || !b.Expires.IsZero() {
		t.Errorf("got user IDs %s and %s of one user", a.Principal.UserID, b.Principal.UserID)
	}
}

func TestRootIsFound(t *testing.T) {
	t.Parallel()
	k := openKeys(t, t.TempDir(), newClock())
	got, err := k.Lookup("AKIAROOT", "")
	want := Credential{AccessKeyID: "AKIAROOT", Secret: "root-secret", Principal: Principal{
		Type: Root, Account: testAccount, ARN: "arn:aws:iam::123456789012:root", UserID: testAccount, AccessKeyID: "AKIAROOT",
	}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v, credential (-want +got):\n%s", err, diff)
	}
	for _, id := range []string{"", "AKIAOTHER"} {
		if _, err := k.Lookup(id, ""); code(err) != "UnrecognizedClientException" {
			t.Errorf("got error %v for %q, want UnrecognizedClientException", err, id)
		}
	}
}

// split takes an API key apart as its verifier does.
func split(t *testing.T, token Secret) (name string, secret Secret) {
	t.Helper()
	rest, ok := strings.CutPrefix(token.Reveal(), "ABSK")
	text, err := base64.StdEncoding.DecodeString(rest)
	if !ok || err != nil {
		t.Fatalf("got a token that is not ABSK and base64 (%v)", err)
	}
	name, s, _ := strings.Cut(string(text), ":")
	return name, Secret(s)
}

func TestAPIKey(t *testing.T) {
	t.Parallel()
	dir, c := t.TempDir(), newClock()
	k := openKeys(t, dir, c)
	key, token, err := k.CreateAPIKey("bob", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if len(token) != 132 {
		t.Errorf("got a token of %d characters, want 132 as AWS's have", len(token))
	}
	name, secret := split(t, token)
	if name != key.ID+"-at-"+testAccount || !strings.HasPrefix(key.ID, "BedrockAPIKey-") {
		t.Errorf("got name %q of key %q", name, key.ID)
	}
	p, err := openKeys(t, dir, c).LookupAPIKey(name, secret)
	if err != nil || p.ARN != "arn:aws:iam::123456789012:user/bob" || p.AccessKeyID != key.ID {
		t.Errorf("got principal %+v, error %v", p, err)
	}
	for what, f := range map[string]func() error{
		"wrong secret":      func() error { _, err := k.LookupAPIKey(name, secret+"x"); return err },
		"no secret":         func() error { _, err := k.LookupAPIKey(name, ""); return err },
		"another account":   func() error { _, err := k.LookupAPIKey(key.ID+"-at-000000000000", secret); return err },
		"no account":        func() error { _, err := k.LookupAPIKey(key.ID, secret); return err },
		"as an access key":  func() error { _, err := k.Lookup(key.ID, ""); return err },
		"an unknown name":   func() error { _, err := k.LookupAPIKey("x-at-"+testAccount, secret); return err },
		"root's access key": func() error { _, err := k.LookupAPIKey("AKIAROOT-at-"+testAccount, "root-secret"); return err },
	} {
		if err := f(); code(err) != "UnrecognizedClientException" {
			t.Errorf("%s: got error %v, want UnrecognizedClientException", what, err)
		}
	}
	c.advance(time.Hour)
	if _, err := k.LookupAPIKey(name, secret); code(err) != "ExpiredTokenException" {
		t.Errorf("expired: got error %v, want ExpiredTokenException", err)
	}
	if _, err := k.LookupAPIKey(name, "guess"); code(err) != "UnrecognizedClientException" {
		t.Errorf("expired and wrong: got error %v, want UnrecognizedClientException", err)
	}
	access, accessSecret, err := k.CreateAccessKey("bob", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.LookupAPIKey(access.ID+"-at-"+testAccount, accessSecret); code(err) != "UnrecognizedClientException" {
		t.Errorf("access key as API key: got error %v, want UnrecognizedClientException", err)
	}
}

// TestOtherProcess plays the command line beside a running server.
func TestOtherProcess(t *testing.T) {
	t.Parallel()
	dir, c := t.TempDir(), newClock()
	server, cli := openKeys(t, dir, c), openKeys(t, dir, c)
	key, _, err := cli.CreateAccessKey("alice", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := server.Lookup(key.ID, ""); err != nil {
		t.Errorf("a new key is not found at once: %v", err)
	}
	if err := cli.Revoke(key.ID); err != nil {
		t.Fatal(err)
	}
	c.advance(refreshInterval)
	if _, err := server.Lookup(key.ID, ""); code(err) != "UnrecognizedClientException" {
		t.Errorf("a revoked key: got error %v, want UnrecognizedClientException", err)
	}
	if err := cli.Revoke(key.ID); err != nil {
		t.Errorf("revoking twice: %v", err)
	}
	if err := cli.Revoke("AKIAOTHER"); !fault.Is(err, fault.NotFound) {
		t.Errorf("revoking an unknown key: got error %v, want not found", err)
	}
	keys, err := server.List()
	want := []Key{{ID: key.ID, Kind: AccessKey, User: "alice", Status: Revoked, Created: key.Created}}
	if diff := cmp.Diff(want, keys); diff != "" || err != nil {
		t.Errorf("error %v, keys (-want +got):\n%s", err, diff)
	}
}

// TestConcurrentWriters checks that no key is lost when several stores write.
func TestConcurrentWriters(t *testing.T) {
	t.Parallel()
	dir, c := t.TempDir(), newClock()
	const writers, each = 4, 8
	var wait sync.WaitGroup
	for range writers {
		k := openKeys(t, dir, c)
		wait.Go(func() {
			for i := range each {
				var err error
				if i%2 == 0 {
					_, _, err = k.CreateAccessKey("alice", 0)
				} else {
					_, _, err = k.CreateAPIKey("bob", 0)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	k := openKeys(t, dir, c)
	keys, err := k.List()
	if err != nil || len(keys) != writers*each {
		t.Fatalf("got %d keys, error %v; want %d", len(keys), err, writers*each)
	}
	for _, key := range keys {
		if key.Kind == AccessKey {
			if _, err := k.Lookup(key.ID, ""); err != nil {
				t.Errorf("%s: %v", key.ID, err)
			}
		}
	}
}

func TestSecretsAtRest(t *testing.T) {
	t.Parallel()
	dir, c := t.TempDir(), newClock()
	k := openKeys(t, dir, c)
	key, secret, err := k.CreateAccessKey("alice", 0)
	if err != nil {
		t.Fatal(err)
	}
	_, token, err := k.CreateAPIKey("alice", 0)
	if err != nil {
		t.Fatal(err)
	}
	_, bearer := split(t, token)
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	stored := read("keys.json")
	for what, s := range map[string]Secret{"the secret": secret, "the token": token, "the token's secret": bearer} {
		if bytes.Contains(stored, []byte(s.Reveal())) || bytes.Contains(stored, []byte(base64.StdEncoding.EncodeToString([]byte(s.Reveal())))) {
			t.Errorf("got %s in keys.json", what)
		}
	}
	if runtime.GOOS != "windows" { // there the folder's access list protects them
		for _, name := range []string{"keys.json", "keys.secret"} {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: got mode %v, error %v; want 0600", name, info.Mode(), err)
			}
		}
	}
	if err := k.Revoke(key.ID); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(read("keys.json"), []byte("sealedSecret")) {
		t.Error("got the sealed secret of a revoked key, want it forgotten")
	}
}

func TestDamagedFile(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ data, want string }{
		"not JSON":        {`{"version":1,"keys":[`, "keys.json"},
		"a newer version": {`{"version":2}`, "version 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, c := t.TempDir(), newClock()
			k := openKeys(t, dir, c)
			key, _, err := k.CreateAccessKey("alice", 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(k.path(), []byte(tc.data), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err = OpenKeys(dir, KeysParams{Account: testAccount, Root: testRoot, Now: c.now, Rand: rand.Reader})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want one with %q", err, tc.want)
			}
			// A running server refuses the stored keys, and still knows root.
			c.advance(refreshInterval)
			if _, err := k.Lookup(key.ID, ""); !fault.Is(err, fault.Internal) {
				t.Errorf("got error %v, want an internal one", err)
			}
			if _, err := k.Lookup("AKIAROOT", ""); err != nil {
				t.Errorf("root: %v", err)
			}
			if _, _, err := k.CreateAccessKey("bob", 0); err == nil {
				t.Error("got a new key written over a file that cannot be read")
			}
		})
	}
}

// TestDamagedSeal checks that secrets which cannot be opened cost their own keys
// only, and that those can be got rid of.
func TestDamagedSeal(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		damage func(dir string, records []keyRecord) error
		want   string
	}{
		"another secret": {func(dir string, _ []keyRecord) error {
			return os.WriteFile(filepath.Join(dir, sealName), []byte(strings.Repeat("00", 32)), 0o600)
		}, "was not sealed with keys.secret"},
		"a secret cut off": {func(dir string, _ []keyRecord) error {
			return os.WriteFile(filepath.Join(dir, sealName), []byte("00"), 0o600)
		}, "does not hold a key of 32 bytes"},
		"no secret":     {func(dir string, _ []keyRecord) error { return os.Remove(filepath.Join(dir, sealName)) }, sealName},
		"a thin record": {func(_ string, r []keyRecord) error { r[0].Sealed, r[1].Sealed = nil, nil; return nil }, "too short"},
		"swapped secrets": {func(_ string, r []keyRecord) error {
			r[0].Sealed, r[1].Sealed = r[1].Sealed, r[0].Sealed
			return nil
		}, "was not sealed with keys.secret"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, c := t.TempDir(), newClock()
			k := openKeys(t, dir, c)
			for range 2 {
				if _, _, err := k.CreateAccessKey("alice", 0); err != nil {
					t.Fatal(err)
				}
			}
			_, token, err := k.CreateAPIKey("bob", 0)
			if err != nil {
				t.Fatal(err)
			}
			records, err := readKeyFile(k.path())
			if err != nil {
				t.Fatal(err)
			}
			if err := tc.damage(dir, records); err != nil {
				t.Fatal(err)
			}
			if err := writeKeyFile(k.path(), records); err != nil {
				t.Fatal(err)
			}
			k = openKeys(t, dir, c)
			if err := k.SealError(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want one with %q", err, tc.want)
			}
			for _, r := range records[:2] {
				if _, err := k.Lookup(r.ID, ""); !fault.Is(err, fault.Internal) {
					t.Errorf("got error %v, want an internal one", err)
				}
				if err := k.Revoke(r.ID); err != nil {
					t.Errorf("revoke: %v", err)
				}
			}
			name, secret := split(t, token)
			if _, err := k.LookupAPIKey(name, secret); err != nil {
				t.Errorf("the API key: %v", err)
			}
			if err := k.SealError(); err != nil {
				t.Errorf("after revoking: %v", err)
			}
		})
	}
}

func TestInvalidKeys(t *testing.T) {
	t.Parallel()
	dir, c := t.TempDir(), newClock()
	k := openKeys(t, dir, c)
	for _, user := range []string{"", "a b", "a/b", "ü", strings.Repeat("x", 65)} {
		if _, _, err := k.CreateAccessKey(user, 0); !fault.Is(err, fault.Invalid) {
			t.Errorf("user %q: got error %v, want an invalid one", user, err)
		}
	}
	if _, _, err := k.CreateAPIKey("alice", -time.Second); !fault.Is(err, fault.Invalid) {
		t.Errorf("negative life: got error %v, want an invalid one", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("got files %v, error %v; want none before the first key", left, err)
	}
}
