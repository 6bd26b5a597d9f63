package sts

import (
	"context"
	"strings"
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

// The life of a role's session. One that is taken on by a session of another
// role (chaining) lasts an hour at most, whatever the role allows.
const (
	defaultSession = time.Hour
	longestChained = time.Hour
)

// AssumeRole makes temporary credentials of a role. The role's trust policy must
// let the caller: by naming them, or by naming the account, and then the
// caller's own policies must let them too. What the caller may not take on and
// what does not exist get the same answer.
func (s *Service) AssumeRole(ctx context.Context, in *api.AssumeRoleInput) (*api.AssumeRoleOutput, error) {
	p, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	if p.Type == iam.Root {
		return nil, denied("Roles may not be assumed by root accounts.")
	}
	if err := noMFA(in.SerialNumber, in.TokenCode); err != nil {
		return nil, err
	}
	if len(in.ProvidedContexts) > 0 {
		return nil, invalid("ProvidedContexts are not supported.")
	}
	session, err := s.session(ctx, in, p.Session)
	if err != nil {
		return nil, err
	}
	role, err := s.role(ctx, p, schema.Deref(in.RoleArn))
	if err != nil {
		return nil, err
	}
	if err := s.trusted(ctx, in, p, role, session); err != nil {
		return nil, err
	}
	life := defaultSession
	if in.DurationSeconds != nil {
		life = time.Duration(*in.DurationSeconds) * time.Second
	}
	switch {
	case p.Type == iam.AssumedRole && life > longestChained:
		return nil, invalid("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	case life > role.MaxSession:
		return nil, invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	size, err := packed(session)
	if err != nil {
		return nil, err
	}
	c, err := s.p.Sessions.Session(ctx, credential.SessionParams{
		Type: iam.AssumedRole, Name: role.Name, ID: role.ID, Life: life, Session: *session,
	})
	if err != nil {
		return nil, err
	}
	out := &api.AssumeRoleOutput{
		AssumedRoleUser: &api.AssumedRoleUser{Arn: &c.Principal.ARN, AssumedRoleId: &c.Principal.UserID},
		Credentials:     credentials(c),
	}
	if size > 0 {
		out.PackedPolicySize = &size
	}
	if session.SourceIdentity != "" {
		out.SourceIdentity = &session.SourceIdentity
	}
	return out, nil
}

// packed returns the PackedPolicySize of a session, and an error where there is
// no room for it.
func packed(session *iam.Session) (int32, error) {
	size, err := credential.PackedSize(session)
	if err != nil {
		return 0, err
	}
	if size <= 100 {
		return int32(size), nil
	}
	text := "Packed size of session tags consumes %d%% of allotted space."
	if len(session.Policies)+len(session.PolicyARNs) > 0 {
		text = "Packed policy consumes %d%% of allotted space, please use smaller policy."
	}
	return 0, fault.New(fault.Invalid, text, size).WithCode("PackedPolicyTooLarge")
}

// role finds the role of an ARN.
func (s *Service) role(ctx context.Context, p iam.Principal, arn string) (directory.Role, error) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "iam" || !strings.HasPrefix(parts[5], "role/") {
		return directory.Role{}, invalid("%s is invalid", arn)
	}
	role, err := s.p.Directory.Role(ctx, arn[strings.LastIndexByte(arn, '/')+1:])
	if fault.Is(err, fault.NotFound) || err == nil && role.ARN != arn {
		return directory.Role{}, unauthorized(p, "sts:AssumeRole", arn)
	}
	return role, err
}

// unauthorized is all that a caller learns about a role that is not for them.
func unauthorized(p iam.Principal, action, arn string) error {
	return denied("User: %s is not authorized to perform: %s on resource: %s", p.ARN, action, arn)
}

// trusted decides whether the caller may take on the role, with everything that
// the session is to have.
func (s *Service) trusted(ctx context.Context, in *api.AssumeRoleInput, p iam.Principal, role directory.Role, session *iam.Session) error {
	if p.Type == iam.Anonymous {
		return nil // nobody is checked on this server
	}
	governing, err := s.p.Directory.Governing(ctx, p)
	if err != nil {
		return err
	}
	trust, err := role.Trust()
	if err != nil {
		return fault.Wrap(fault.Internal, err, "the trust policy of %s cannot be read", role.ARN)
	}
	c := call.From(ctx)
	set := governing.Set
	set.Service = s.p.Organization()
	if c.Source.Endpoint != "" {
		set.Endpoint = s.p.Endpoints(c.Source.Endpoint)
	}
	set.Resource = []policy.Attached{{Document: trust, ID: role.ARN, Type: "role", Owner: role.ARN}}
	v := &values{call: c, in: in, now: s.p.Now(), tags: governing.Tags, role: role, source: session.SourceIdentity}
	if v.principalARN, err = s.principalARN(ctx, p); err != nil {
		return err
	}
	actions := []string{"sts:AssumeRole"}
	if len(in.Tags) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	if session.SourceIdentity != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	for _, action := range actions {
		r := policy.Request{Principal: p, Action: action, Resource: role.ARN, Values: v}
		if d := policy.Evaluate(&r, &set); d.Explicit && d.By != policy.ByTrust {
			return denied("%s", d.Text(p.ARN, action, role.ARN))
		} else if !d.Allowed {
			return unauthorized(p, action, role.ARN)
		}
	}
	return nil
}

// principalARN is aws:PrincipalArn: for a session the ARN of its role.
func (s *Service) principalARN(ctx context.Context, p iam.Principal) (string, error) {
	if p.Type != iam.AssumedRole {
		return p.ARN, nil
	}
	role, err := s.p.Directory.Role(ctx, p.Name)
	if fault.Is(err, fault.NotFound) {
		return "", iam.ErrUnknownKey()
	}
	return role.ARN, err
}
