// Package sts serves the Security Token Service: who am I, and credentials for a
// while, of a role or of oneself.
//
// It verifies no signature (the caller was verified before the edge called the
// service, and is found in the call's context) and keeps nothing: package
// iam/credential makes sessions, package iam/directory knows roles and package
// policy decides. Whether a role may be taken on is decided here and not in
// package authz, because the role's trust policy has a say. Package app makes
// the Service.
package sts

import (
	"context"
	"time"

	api "github.com/outcrop/outcrop/internal/api/sts"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/credential"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/policy"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Directory knows the roles and what governs a caller; see package directory.
type Directory interface {
	Role(ctx context.Context, name string) (directory.Role, error)
	Policy(ctx context.Context, arn string) (directory.Policy, error)
	Governing(ctx context.Context, p iam.Principal) (directory.Governing, error)
}

// Sessions makes temporary credentials; see package credential.
type Sessions interface {
	Session(ctx context.Context, p credential.SessionParams) (iam.Credential, error)
	Account(ctx context.Context, accessKeyID string) (account string, ok bool, err error)
}

// Params are the parts of a Service. Directory and Sessions are required.
type Params struct {
	Directory Directory
	Sessions  Sessions
	// Organization returns the service control policies that are in force; nil:
	// there are none.
	Organization func() [][]policy.Attached
	// Endpoints finds the policies of a VPC endpoint by its ID; nil: no endpoint
	// has any.
	Endpoints func(id string) []policy.Attached
	Now       func() time.Time // time.Now when nil
}

// Service implements the STS operations that Outcrop has. It has no state and
// is safe for concurrent use.
type Service struct {
	api.Unimplemented

	p Params
}

var _ api.Service = (*Service)(nil)

// New returns the service.
func New(p Params) *Service {
	if p.Organization == nil {
		p.Organization = func() [][]policy.Attached { return nil }
	}
	if p.Endpoints == nil {
		p.Endpoints = func(string) []policy.Attached { return nil }
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	return &Service{p: p}
}

// caller returns the verified caller. Without one it is Unauthenticated.
func caller(ctx context.Context) (iam.Principal, error) {
	p := call.From(ctx).Principal
	if p.ARN == "" {
		return p, fault.New(fault.Unauthenticated, "Request is missing Authentication Token").
			WithCode("MissingAuthenticationToken")
	}
	return p, nil
}

// GetCallerIdentity tells the verified caller's account, ARN and id. It needs no
// permission.
func (*Service) GetCallerIdentity(ctx context.Context, _ *api.GetCallerIdentityInput) (*api.GetCallerIdentityOutput, error) {
	p, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	return &api.GetCallerIdentityOutput{Account: &p.Account, Arn: &p.ARN, UserId: &p.UserID}, nil
}

// GetAccessKeyInfo tells the account of an access key: one of this account's, or
// ValidationError.
func (s *Service) GetAccessKeyInfo(ctx context.Context, in *api.GetAccessKeyInfoInput) (*api.GetAccessKeyInfoOutput, error) {
	p, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	if p.Session != nil && p.Type != iam.AssumedRole {
		return nil, denied("Cannot call GetAccessKeyInfo with session credentials")
	}
	account, ok, err := s.p.Sessions.Account(ctx, schema.Deref(in.AccessKeyId))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, invalid("The access key ID is not one of this account's.")
	}
	return &api.GetAccessKeyInfoOutput{Account: &account}, nil
}

// The life of the sessions of GetSessionToken. Root gets an hour, however much
// it asks for.
const (
	defaultToken = 12 * time.Hour
	longestRoot  = time.Hour
)

// GetSessionToken makes temporary credentials of the caller, a user or root.
// What they may do is what the user may do. A session cannot get another one,
// and since there are no MFA devices, no session proves one.
func (s *Service) GetSessionToken(ctx context.Context, in *api.GetSessionTokenInput) (*api.GetSessionTokenOutput, error) {
	p, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	if p.Type == iam.Anonymous {
		return nil, denied("Cannot call GetSessionToken without credentials")
	}
	if p.Session != nil || p.Type == iam.AssumedRole {
		return nil, denied("Cannot call GetSessionToken with session credentials")
	}
	if err := noMFA(in.SerialNumber, in.TokenCode); err != nil {
		return nil, err
	}
	life := defaultToken
	if in.DurationSeconds != nil {
		life = time.Duration(*in.DurationSeconds) * time.Second
	}
	if p.Type == iam.Root {
		life = min(life, longestRoot)
	}
	c, err := s.p.Sessions.Session(ctx, credential.SessionParams{Type: p.Type, Name: p.Name, ID: p.UserID, Life: life})
	if err != nil {
		return nil, err
	}
	return &api.GetSessionTokenOutput{Credentials: credentials(c)}, nil
}

// noMFA refuses the code of a device: there are none.
func noMFA(serial, code *string) error {
	if schema.Deref(serial) != "" || schema.Deref(code) != "" {
		return denied("MultiFactorAuthentication failed, must provide valid MFA serial number and one time pass code.")
	}
	return nil
}

func credentials(c iam.Credential) *api.Credentials {
	secret, token := c.Secret.Reveal(), c.SessionToken.Reveal()
	return &api.Credentials{AccessKeyId: &c.AccessKeyID, SecretAccessKey: &secret, SessionToken: &token, Expiration: &c.Expires}
}

func denied(format string, args ...any) error { return fault.New(fault.Denied, format, args...) }

func invalid(format string, args ...any) error {
	return fault.New(fault.Invalid, format, args...).WithCode("ValidationError")
}

func badValue(text string) error {
	return fault.New(fault.Invalid, "%s", text).WithCode("InvalidParameterValue")
}
