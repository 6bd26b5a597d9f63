package sts

import (
	"context"
	"testing"
	"time"

	api "github.com/outcrop/outcrop/internal/api/sts"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/iam"
)

func TestGetSessionToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "alice")
	for name, tc := range map[string]struct {
		ctx  context.Context
		asks *int32
		want time.Duration
	}{
		"a user":        {f.as(t, "alice"), nil, 12 * time.Hour},
		"a user's wish": {f.as(t, "alice"), ptr(int32(129600)), 36 * time.Hour},
		"root":          {by(t, iam.RootPrincipal(account, "AKIAROOT")), nil, time.Hour},
		"root's wish":   {by(t, iam.RootPrincipal(account, "AKIAROOT")), ptr(int32(900)), 15 * time.Minute},
	} {
		out, err := f.service.GetSessionToken(tc.ctx, &api.GetSessionTokenInput{DurationSeconds: tc.asks})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		c, err := f.Lookup(*out.Credentials.AccessKeyId, *out.Credentials.SessionToken)
		if err != nil || !c.Expires.Equal(at.Add(tc.want)) {
			t.Errorf("%s: got an end of %v, error %v, want %v later", name, c.Expires, err, tc.want)
		}
		who := call.From(tc.ctx).Principal
		if c.Principal.ARN != who.ARN || c.Principal.UserID != who.UserID || c.Principal.Session == nil {
			t.Errorf("%s: got %+v, want the caller in a session", name, c.Principal)
		}
		_, err = f.service.GetSessionToken(by(t, c.Principal), &api.GetSessionTokenInput{})
		wantFault(t, name, err, "", "Cannot call GetSessionToken with session credentials")
		_, err = f.service.GetAccessKeyInfo(by(t, c.Principal), &api.GetAccessKeyInfoInput{AccessKeyId: &c.AccessKeyID})
		wantFault(t, name, err, "", "Cannot call GetAccessKeyInfo with session credentials")
	}
	_, err := f.service.GetSessionToken(f.as(t, "alice"), &api.GetSessionTokenInput{TokenCode: ptr("123456")})
	wantFault(t, "MFA", err, "", "MultiFactorAuthentication failed, must provide valid MFA serial number and one time pass code.")
	nobody := iam.Principal{Type: iam.Anonymous, Account: account, ARN: "arn:aws:iam::000000000000:user/anonymous"}
	_, err = f.service.GetSessionToken(by(t, nobody), &api.GetSessionTokenInput{})
	wantFault(t, "nobody", err, "", "Cannot call GetSessionToken without credentials")
	// Where nobody is checked, a program that takes on a role goes on.
	role := f.role(t, "r", byAlice)
	if _, err := f.service.AssumeRole(by(t, nobody), input(role)); err != nil {
		t.Errorf("a role, without authentication: %v", err)
	}
}

func TestGetAccessKeyInfo(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "alice")
	key, _, err := f.CreateAccessKey(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{key.ID, "AKIAROOT"} {
		out, err := f.service.GetAccessKeyInfo(f.as(t, "alice"), &api.GetAccessKeyInfoInput{AccessKeyId: &id})
		if err != nil || *out.Account != account {
			t.Errorf("%s: got %+v, error %v", id, out, err)
		}
	}
	_, err = f.service.GetAccessKeyInfo(f.as(t, "alice"), &api.GetAccessKeyInfoInput{AccessKeyId: ptr("AKIAAAAAAAAAAAAAAAAA")})
	wantFault(t, "unknown", err, "ValidationError", "The access key ID is not one of this account's.")
}
