package sts

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	api "github.com/outcrop/outcrop/internal/api/sts"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/credential/credentialtest"
	"github.com/outcrop/outcrop/internal/iam/directory"
)

const account = "000000000000"

var (
	at   = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant
	root = iam.RootKey{AccessKeyID: "AKIAROOT", Secret: "root-secret"}
)

type fixture struct {
	*credentialtest.Place

	service *Service
	now     time.Time
}

func newFixture(t *testing.T, users ...string) *fixture {
	t.Helper()
	f := &fixture{now: at}
	now := func() time.Time { return f.now }
	f.Place = credentialtest.Open(t, account, root, now, users...)
	f.service = New(Params{Directory: f.Directory, Sessions: f.Store, Now: now})
	return f
}

// role makes a role that a trust policy's statement describes.
func (f *fixture) role(t *testing.T, name, statement string) directory.Role {
	t.Helper()
	r, err := f.Directory.CreateRole(t.Context(), directory.NewRole{
		Name: name, Path: "/team/", MaxSession: 2 * time.Hour,
		TrustPolicy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + statement + `}]}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// allow gives a user a policy.
func (f *fixture) allow(t *testing.T, user, statement string) {
	t.Helper()
	err := f.Directory.PutInline(t.Context(), directory.Who{Sort: directory.SortUser, Name: user}, "p",
		`{"Version":"2012-10-17","Statement":[`+statement+`]}`)
	if err != nil {
		t.Fatal(err)
	}
}

// as is the context of a call by a user.
func (f *fixture) as(t *testing.T, user string) context.Context {
	t.Helper()
	u, err := f.Directory.User(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	return by(t, iam.Principal{Type: iam.User, Name: u.Name, Account: account, ARN: u.ARN, UserID: u.ID, AccessKeyID: "AKIAUSER"})
}

func by(t *testing.T, p iam.Principal) context.Context {
	t.Helper()
	return call.With(t.Context(), &call.Call{
		Principal: p, Account: account, Region: "us-east-1",
		Source: call.Source{IP: netip.MustParseAddr("10.1.2.3"), Secure: true, UserAgent: "test"},
	})
}

func ptr[T any](v T) *T { return &v }

func input(r directory.Role, change ...func(*api.AssumeRoleInput)) *api.AssumeRoleInput {
	in := &api.AssumeRoleInput{RoleArn: &r.ARN, RoleSessionName: ptr("ci")}
	for _, f := range change {
		f(in)
	}
	return in
}

func wantFault(t *testing.T, what string, err error, code, message string) {
	t.Helper()
	f := fault.As(err)
	if f == nil || f.Message != message || f.Code != code {
		t.Errorf("%s: got %+v, want %s: %s", what, f, code, message)
	}
}

const (
	byAlice   = `"Principal":{"AWS":"arn:aws:iam::000000000000:user/alice"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]`
	byAccount = `"Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":"sts:AssumeRole"`
	mayAll    = `{"Effect":"Allow","Action":"sts:*","Resource":"*"}`
)

func TestAssumeRole(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "alice")
	role := f.role(t, "reader", byAlice)
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`
	out, err := f.service.AssumeRole(f.as(t, "alice"), input(role, func(in *api.AssumeRoleInput) {
		in.Policy, in.DurationSeconds, in.SourceIdentity = &policy, ptr(int32(900)), ptr("alice")
		in.PolicyArns = []api.PolicyDescriptorType{{Arn: ptr("arn:aws:iam::aws:policy/AmazonS3FullAccess")}}
		in.Tags = []api.Tag{{Key: ptr("Team"), Value: ptr("a")}}
		in.TransitiveTagKeys = []string{"Team"}
	}))
	if err != nil {
		t.Fatal(err)
	}
	arn, id := "arn:aws:sts::000000000000:assumed-role/reader/ci", role.ID+":ci"
	if *out.AssumedRoleUser.Arn != arn || *out.AssumedRoleUser.AssumedRoleId != id || *out.SourceIdentity != "alice" ||
		!out.Credentials.Expiration.Equal(at.Add(900*time.Second)) || *out.PackedPolicySize < 1 || *out.PackedPolicySize > 20 {
		t.Errorf("got %+v, size %d", out, *out.PackedPolicySize)
	}
	c, err := f.Lookup(*out.Credentials.AccessKeyId, *out.Credentials.SessionToken)
	if err != nil || c.Secret.Reveal() != *out.Credentials.SecretAccessKey {
		t.Fatalf("the credentials are not good: %v", err)
	}
	want := iam.Principal{
		Type: iam.AssumedRole, Name: "reader", Account: account, ARN: arn, UserID: id, AccessKeyID: c.AccessKeyID,
		Session: &iam.Session{
			Name: "ci", Issued: at, Expires: at.Add(900 * time.Second), SourceIdentity: "alice",
			Tags: map[string]string{"Team": "a"}, TransitiveTags: []string{"Team"},
			Policies: []string{policy}, PolicyARNs: []string{"arn:aws:iam::aws:policy/AmazonS3FullAccess"},
		},
	}
	if diff := cmp.Diff(want, c.Principal); diff != "" {
		t.Errorf("principal (-want +got):\n%s", diff)
	}
	who, err := f.service.GetCallerIdentity(by(t, c.Principal), nil)
	if err != nil || *who.Arn != arn || *who.UserId != id || *who.Account != account {
		t.Errorf("got %+v, error %v", who, err)
	}
	plain, err := f.service.AssumeRole(f.as(t, "alice"), input(role))
	if err != nil || plain.PackedPolicySize != nil || plain.SourceIdentity != nil || !plain.Credentials.Expiration.Equal(at.Add(time.Hour)) {
		t.Errorf("a session of nothing but a name: got %+v, error %v", plain, err)
	}
}

func TestWhoMayAssume(t *testing.T) {
	t.Parallel()
	const action = "sts:AssumeRole"
	onRole := `{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::000000000000:role/team/r"}`
	tagged := func(in *api.AssumeRoleInput) { in.Tags = []api.Tag{{Key: ptr("team"), Value: ptr("a")}} }
	for name, tc := range map[string]struct {
		trust, policy string
		change        func(*api.AssumeRoleInput)
		denied        string // the action; empty: allowed
	}{
		"named":                   {trust: byAlice},
		"another is named":        {trust: strings.Replace(byAlice, "alice", "bob", 1), policy: mayAll, denied: action},
		"everyone":                {trust: `"Principal":{"AWS":"*"},"Action":"sts:AssumeRole"`},
		"the account":             {trust: byAccount, denied: action},
		"the account, and may":    {trust: byAccount, policy: onRole},
		"the account, and other":  {trust: byAccount, policy: strings.Replace(onRole, "/r", "/other", 1), denied: action},
		"another account":         {trust: `"Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"`, policy: mayAll, denied: action},
		"a service":               {trust: `"Principal":{"Service":"bedrock.amazonaws.com"},"Action":"sts:AssumeRole"`, policy: mayAll, denied: action},
		"another action":          {trust: `"Principal":{"AWS":"arn:aws:iam::000000000000:user/alice"},"Action":"sts:TagSession"`, denied: action},
		"external ID":             {trust: byAlice + `,"Condition":{"StringEquals":{"sts:ExternalId":"42"}}`, change: func(in *api.AssumeRoleInput) { in.ExternalId = ptr("42") }},
		"wrong external ID":       {trust: byAlice + `,"Condition":{"StringEquals":{"sts:ExternalId":"42"}}`, change: func(in *api.AssumeRoleInput) { in.ExternalId = ptr("43") }, denied: action},
		"no external ID":          {trust: byAlice + `,"Condition":{"StringEquals":{"sts:ExternalId":"42"}}`, denied: action},
		"session name":            {trust: byAlice + `,"Condition":{"StringEquals":{"sts:RoleSessionName":"${aws:username}"}}`, denied: action},
		"own session name":        {trust: byAlice + `,"Condition":{"StringEquals":{"sts:RoleSessionName":"${aws:username}"}}`, change: func(in *api.AssumeRoleInput) { in.RoleSessionName = ptr("alice") }},
		"address":                 {trust: byAlice + `,"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"Bool":{"aws:SecureTransport":"true"}}`},
		"another address":         {trust: byAlice + `,"Condition":{"IpAddress":{"aws:SourceIp":"192.168.0.0/16"}}`, denied: action},
		"principal ARN":           {trust: byAccount + `,"Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/al*"}}`, policy: onRole},
		"principal tag":           {trust: byAccount + `,"Condition":{"StringEquals":{"aws:PrincipalTag/dept":"x"}}`, policy: onRole},
		"another principal tag":   {trust: byAccount + `,"Condition":{"StringEquals":{"aws:PrincipalTag/dept":"y"}}`, policy: onRole, denied: action},
		"MFA":                     {trust: byAlice + `,"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}`, denied: action},
		"tags":                    {trust: byAlice, change: tagged},
		"tags that nobody allows": {trust: byAccount, policy: onRole, change: tagged, denied: "sts:TagSession"},
		"tag by request":          {trust: byAlice + `,"Condition":{"StringEquals":{"aws:RequestTag/Team":"a"},"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}`, change: tagged},
		"wrong tag":               {trust: byAlice + `,"Condition":{"StringEquals":{"aws:RequestTag/Team":"b"}}`, change: tagged, denied: action},
		"transitive":              {trust: byAlice + `,"Condition":{"Null":{"sts:TransitiveTagKeys":"true"}}`, change: func(in *api.AssumeRoleInput) { tagged(in); in.TransitiveTagKeys = []string{"team"} }, denied: action},
		"source identity":         {trust: byAlice + `,"Condition":{"StringEquals":{"sts:SourceIdentity":"al"}}`, change: func(in *api.AssumeRoleInput) { in.SourceIdentity = ptr("al") }},
		"source identity, not":    {trust: byAccount, policy: onRole, change: func(in *api.AssumeRoleInput) { in.SourceIdentity = ptr("al") }, denied: "sts:SetSourceIdentity"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, "alice", "bob")
			if err := f.Directory.Tag(t.Context(), directory.Who{Sort: directory.SortUser, Name: "alice"}, map[string]string{"dept": "x"}); err != nil {
				t.Fatal(err)
			}
			role := f.role(t, "r", tc.trust)
			if tc.policy != "" {
				f.allow(t, "alice", tc.policy)
			}
			in := input(role)
			if tc.change != nil {
				tc.change(in)
			}
			_, err := f.service.AssumeRole(f.as(t, "alice"), in)
			if tc.denied == "" {
				if err != nil {
					t.Errorf("got %v, want to be allowed", err)
				}
				return
			}
			wantFault(t, name, err, "", fmt.Sprintf("User: arn:aws:iam::000000000000:user/alice is not authorized to perform: %s on resource: %s", tc.denied, role.ARN))
		})
	}
}

func TestAssumeRoleExplicitDeny(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "alice")
	role := f.role(t, "r", byAlice)
	f.allow(t, "alice", `{"Effect":"Deny","Action":"sts:AssumeRole","Resource":"*"}`)
	_, err := f.service.AssumeRole(f.as(t, "alice"), input(role))
	wantFault(t, "denied", err, "", "User: arn:aws:iam::000000000000:user/alice is not authorized to perform: sts:AssumeRole on resource: "+
		role.ARN+" with an explicit deny in an identity-based policy")
}

// What does not exist is told like what is not for the caller.
func TestAssumeRoleThatIsNotThere(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "alice")
	role := f.role(t, "r", byAlice)
	f.allow(t, "alice", mayAll)
	for _, arn := range []string{
		"arn:aws:iam::000000000000:role/team/none", "arn:aws:iam::000000000000:role/r", "arn:aws:iam::111122223333:role/team/r",
	} {
		_, err := f.service.AssumeRole(f.as(t, "alice"), &api.AssumeRoleInput{RoleArn: &arn, RoleSessionName: ptr("ci")})
		wantFault(t, arn, err, "", "User: arn:aws:iam::000000000000:user/alice is not authorized to perform: sts:AssumeRole on resource: "+arn)
	}
	for _, arn := range []string{"arn:aws:iam::000000000000:user/alice", "something entirely else"} {
		_, err := f.service.AssumeRole(f.as(t, "alice"), &api.AssumeRoleInput{RoleArn: &arn, RoleSessionName: ptr("ci")})
		wantFault(t, arn, err, "ValidationError", arn+" is invalid")
	}
	_, err := f.service.AssumeRole(by(t, iam.RootPrincipal(account, "AKIAROOT")), input(role))
	wantFault(t, "root", err, "", "Roles may not be assumed by root accounts.")
	_, err = f.service.AssumeRole(t.Context(), input(role))
	wantFault(t, "nobody", err, "MissingAuthenticationToken", "Request is missing Authentication Token")
}

func TestAssumeRoleValidation(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "alice")
	role := f.role(t, "r", byAlice)
	many := make([]api.Tag, 50)
	for i := range many {
		var value strings.Builder
		for j := range 60 {
			fmt.Fprintf(&value, "%x", (i*61+j)*(i*61+j)*2654435761)
		}
		many[i] = api.Tag{Key: ptr(fmt.Sprintf("key%d", i)), Value: ptr(value.String()[:256])}
	}
	for name, tc := range map[string]struct {
		change        func(*api.AssumeRoleInput)
		code, message string
	}{
		"longer than the role allows": {
			func(in *api.AssumeRoleInput) { in.DurationSeconds = ptr(int32(7201)) },
			"ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
		},
		"MFA": {
			func(in *api.AssumeRoleInput) { in.SerialNumber, in.TokenCode = ptr("x"), ptr("123456") },
			"", "MultiFactorAuthentication failed, must provide valid MFA serial number and one time pass code.",
		},
		"a policy that is too long": {
			func(in *api.AssumeRoleInput) { in.Policy = ptr(strings.Repeat(" ", 2049)) },
			"ValidationError", "1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must have length less than or equal to 2048",
		},
		"too many policies": {
			func(in *api.AssumeRoleInput) {
				for range 11 {
					in.PolicyArns = append(in.PolicyArns, api.PolicyDescriptorType{Arn: ptr("arn:aws:iam::aws:policy/ReadOnlyAccess")})
				}
			},
			"ValidationError", "1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to 10",
		},
		"a policy that is not there": {
			func(in *api.AssumeRoleInput) {
				in.PolicyArns = []api.PolicyDescriptorType{{Arn: ptr("arn:aws:iam::aws:policy/NoSuchPolicy")}}
			},
			"ValidationError", "Policy arn:aws:iam::aws:policy/NoSuchPolicy does not exist or is not attachable.",
		},
		"too much": {
			func(in *api.AssumeRoleInput) { in.Tags = many },
			"PackedPolicyTooLarge", "",
		},
		"a tag twice": {
			func(in *api.AssumeRoleInput) {
				in.Tags = []api.Tag{{Key: ptr("a"), Value: ptr("")}, {Key: ptr("A"), Value: ptr("")}}
			},
			"InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
		},
		"a reserved tag": {
			func(in *api.AssumeRoleInput) { in.Tags = []api.Tag{{Key: ptr("AWS:x"), Value: ptr("")}} },
			"InvalidParameterValue", "Tag keys that begin with aws: are reserved.",
		},
		"a transitive tag that is not there": {
			func(in *api.AssumeRoleInput) { in.TransitiveTagKeys = []string{"a"} },
			"InvalidParameterValue", "The specified transitive tag key must be included in the requested tags.",
		},
		"contexts": {
			func(in *api.AssumeRoleInput) { in.ProvidedContexts = []api.ProvidedContext{{}} },
			"ValidationError", "ProvidedContexts are not supported.",
		},
	} {
		_, err := f.service.AssumeRole(f.as(t, "alice"), input(role, tc.change))
		if tc.message == "" {
			tc.message = fault.As(err).Message
			if !strings.HasPrefix(tc.message, "Packed size of session tags consumes ") || !strings.HasSuffix(tc.message, "% of allotted space.") {
				t.Errorf("%s: got %v", name, err)
			}
		}
		wantFault(t, name, err, tc.code, tc.message)
	}
	_, err := f.service.AssumeRole(f.as(t, "alice"), input(role, func(in *api.AssumeRoleInput) { in.Policy = ptr("{") }))
	if f := fault.As(err); f.Code != "MalformedPolicyDocument" {
		t.Errorf("a policy that is none: got %+v", f)
	}
}

// A role that is taken on by a session inherits what is transitive, for an hour.
func TestRoleChaining(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "alice")
	first := f.role(t, "first", byAlice)
	trust := `"Principal":{"AWS":"arn:aws:iam::000000000000:role/team/first"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"],` +
		`"Condition":{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::000000000000:role/team/first"},"StringEquals":{"aws:PrincipalTag/team":"a","aws:SourceIdentity":"alice"}}`
	second := f.role(t, "second", trust)
	out, err := f.service.AssumeRole(f.as(t, "alice"), input(first, func(in *api.AssumeRoleInput) {
		in.Tags = []api.Tag{{Key: ptr("team"), Value: ptr("a")}, {Key: ptr("own"), Value: ptr("b")}}
		in.TransitiveTagKeys, in.SourceIdentity = []string{"team"}, ptr("alice")
	}))
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.Lookup(*out.Credentials.AccessKeyId, *out.Credentials.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	ctx := by(t, c.Principal)
	chained, err := f.service.AssumeRole(ctx, input(second, func(in *api.AssumeRoleInput) {
		in.Tags = []api.Tag{{Key: ptr("more"), Value: ptr("c")}}
	}))
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.Lookup(*chained.Credentials.AccessKeyId, *chained.Credentials.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	want := &iam.Session{
		Name: "ci", Issued: at, Expires: at.Add(time.Hour), SourceIdentity: "alice",
		Tags: map[string]string{"team": "a", "more": "c"}, TransitiveTags: []string{"team"},
	}
	if diff := cmp.Diff(want, got.Principal.Session); diff != "" {
		t.Errorf("session (-want +got):\n%s", diff)
	}
	_, err = f.service.AssumeRole(ctx, input(second, func(in *api.AssumeRoleInput) { in.DurationSeconds = ptr(int32(3601)) }))
	wantFault(t, "more than an hour", err, "ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	_, err = f.service.AssumeRole(ctx, input(second, func(in *api.AssumeRoleInput) { in.Tags = []api.Tag{{Key: ptr("TEAM"), Value: ptr("b")}} }))
	wantFault(t, "another value", err, "InvalidParameterValue", "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
	_, err = f.service.AssumeRole(ctx, input(second, func(in *api.AssumeRoleInput) { in.SourceIdentity = ptr("bob") }))
	wantFault(t, "another source identity", err, "", "The source identity cannot be changed once it is set.")
	_, err = f.service.GetSessionToken(ctx, &api.GetSessionTokenInput{})
	wantFault(t, "a session's token", err, "", "Cannot call GetSessionToken with session credentials")
	if err := f.Directory.DeleteRole(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.service.AssumeRole(ctx, input(second)); fault.As(err).Code != "UnrecognizedClientException" {
		t.Errorf("by a session of a role that is gone: got %v", err)
	}
}
