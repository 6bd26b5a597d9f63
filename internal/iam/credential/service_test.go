package credential

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/iam"
)

// split takes an API key apart as its verifier does.
func split(t *testing.T, token iam.Secret) (name string, secret iam.Secret) {
	t.Helper()
	rest, ok := strings.CutPrefix(token.Reveal(), "ABSK")
	text, err := base64.StdEncoding.DecodeString(rest)
	if !ok || err != nil {
		t.Fatalf("got a token that is not ABSK and base64 (%v)", err)
	}
	name, s, _ := strings.Cut(string(text), ":")
	return name, iam.Secret(s)
}

func TestAPIKey(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "bob")
	s, _ := p.open(t)
	key, token, err := s.CreateServiceCredential(t.Context(), "bob", Bedrock, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if len(token) != 132 {
		t.Errorf("got a token of %d characters, want 132 as AWS's have", len(token))
	}
	name, secret := split(t, token)
	if name != key.Alias || !strings.HasPrefix(key.Name(), "BedrockAPIKey-") || key.Alias != key.Name()+"-at-"+testAccount ||
		!strings.HasPrefix(key.ID, "ACCA") || len(key.ID) != 21 {
		t.Errorf("got name %q of %+v", name, key)
	}
	other, _ := p.open(t)
	principal, err := other.LookupAPIKey(name, secret)
	if err != nil || principal.ARN != "arn:aws:iam::000000000000:user/team/bob" || principal.AccessKeyID != key.Name() {
		t.Errorf("got principal %+v, error %v", principal, err)
	}
	lookup := func(name string, secret iam.Secret) error { _, err := s.LookupAPIKey(name, secret); return err }
	access, accessSecret, err := s.CreateAccessKey(t.Context(), "bob")
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Lookup(key.Name(), "")
	wantUnknown(t, "as an access key", err)
	for what, err := range map[string]error{
		"wrong secret":                 lookup(name, secret+"x"),
		"no secret":                    lookup(name, ""),
		"another account":              lookup(key.Name()+"-at-111122223333", secret),
		"no account":                   lookup(key.Name(), secret),
		"an unknown name":              lookup("BedrockAPIKey-x-at-"+testAccount, secret),
		"another prefix":               lookup("x-at-"+testAccount, secret),
		"root's access key":            lookup("AKIAROOT-at-"+testAccount, "root-secret"),
		"an access key as an API key":  lookup(access.ID+"-at-"+testAccount, accessSecret),
		"an endless name":              lookup("BedrockAPIKey-"+strings.Repeat("x", 4000)+"-at-"+testAccount, secret),
		"an access key without secret": lookup(access.ID+"-at-"+testAccount, ""),
	} {
		wantUnknown(t, what, err)
	}
	p.clock.Advance(24 * time.Hour)
	if err := lookup(name, secret); code(err) != "ExpiredTokenException" {
		t.Errorf("expired: got error %v, want ExpiredTokenException", err)
	}
	wantUnknown(t, "expired and wrong", lookup(name, "guess"))
}

func TestServiceCredentials(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "bob", "eve")
	s, _ := p.open(t)
	key, token, err := s.CreateServiceCredential(t.Context(), "bob", Bedrock, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.CreateServiceCredential(t.Context(), "bob", Bedrock, 0); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.CreateServiceCredential(t.Context(), "bob", Bedrock, 0); code(err) != "LimitExceeded" {
		t.Errorf("a third one: got %v, want LimitExceeded", err)
	}
	if _, _, err := s.CreateServiceCredential(t.Context(), "bob", "codecommit.amazonaws.com", 0); code(err) != "ServiceNotSupported" {
		t.Errorf("another service: got %v, want ServiceNotSupported", err)
	}
	lookup := func(token iam.Secret) error {
		name, secret := split(t, token)
		_, err := s.LookupAPIKey(name, secret)
		return err
	}
	if err := lookup(token); err != nil {
		t.Fatal(err)
	}
	_, second, err := s.ResetServiceCredential(t.Context(), "bob", key.ID)
	if err != nil {
		t.Fatal(err)
	}
	wantUnknown(t, "the secret before", lookup(token))
	if err := lookup(second); err != nil {
		t.Errorf("the new secret: %v", err)
	}
	if err := s.SetServiceCredentialStatus(t.Context(), "bob", key.ID, false); err != nil {
		t.Fatal(err)
	}
	wantUnknown(t, "inactive", lookup(second))
	if err := s.SetServiceCredentialStatus(t.Context(), "bob", key.ID, true); err != nil {
		t.Fatal(err)
	}
	if err := lookup(second); err != nil {
		t.Errorf("active again: %v", err)
	}
	for what, err := range map[string]error{
		"another user's": s.DeleteServiceCredential(t.Context(), "eve", key.ID),
		"unknown":        s.DeleteServiceCredential(t.Context(), "bob", "ACCAUNKNOWN"),
		"of nobody":      s.DeleteServiceCredential(t.Context(), "", key.ID),
	} {
		if code(err) != "NoSuchEntity" {
			t.Errorf("%s: got %v, want NoSuchEntity", what, err)
		}
	}
	if err := s.DeleteServiceCredential(t.Context(), "bob", key.ID); err != nil {
		t.Fatal(err)
	}
	wantUnknown(t, "deleted", lookup(second))
	list, err := s.ServiceCredentials(t.Context(), "bob", Bedrock)
	if err != nil || len(list) != 1 || list[0].ID == key.ID {
		t.Errorf("got %+v, error %v, want the other one", list, err)
	}
	all, err := s.ServiceCredentials(t.Context(), "", "")
	if err != nil || len(all) != 2 || all[0].Status != Deleted {
		t.Errorf("got %+v, error %v, want both", all, err)
	}
}
