package iam_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	api "github.com/outcrop/outcrop/internal/api/iam"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/credential"
	"github.com/outcrop/outcrop/internal/iam/directory"
	service "github.com/outcrop/outcrop/internal/service/iam"
	"github.com/outcrop/outcrop/internal/store/sqlitestore"
)

const (
	account = "123456789012"
	full    = "arn:aws:iam::aws:policy/AmazonBedrockFullAccess"
	trust   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}`
)

func now() time.Time { return time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC) }

// open makes the service over a real directory and real credentials.
func open(t *testing.T) *service.Service {
	t.Helper()
	dir := t.TempDir()
	s, err := sqlitestore.Open(t.Context(), filepath.Join(dir, "state.db"), sqlitestore.Params{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	d := directory.New(directory.Params{Store: s, Account: account, Now: now, Rand: rand.Reader})
	keys, err := credential.Open(t.Context(), credential.Params{Store: s, Dir: dir, Account: account, Directory: d, Now: now, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	return service.New(service.Params{Directory: d, Credentials: keys})
}

// does calls an operation that must succeed.
func does[In, Out any](t *testing.T, f func(context.Context, *In) (*Out, error), in In) *Out {
	t.Helper()
	return doesAs(t, iam.Principal{}, f, in)
}

func doesAs[In, Out any](t *testing.T, p iam.Principal, f func(context.Context, *In) (*Out, error), in In) *Out {
	t.Helper()
	out, err := f(call.With(t.Context(), &call.Call{Principal: p}), &in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func refuses[In, Out any](t *testing.T, f func(context.Context, *In) (*Out, error), in In, code, message string) {
	t.Helper()
	_, err := f(t.Context(), &in)
	if got := fault.As(err); got == nil || got.Code != code || got.Message != message {
		t.Errorf("got  %v\nwant %s: %s", err, code, message)
	}
}

func ptr[T any](v T) *T { return &v }

func TestUserAndCaller(t *testing.T) {
	t.Parallel()
	s := open(t)
	made := does(t, s.CreateUser, api.CreateUserInput{UserName: ptr("ada"), Path: ptr("/ml/"), Tags: []api.Tag{{Key: ptr("b"), Value: ptr("2")}, {Key: ptr("a"), Value: ptr("1")}}}).User
	if *made.Arn != "arn:aws:iam::123456789012:user/ml/ada" || *made.Tags[0].Key != "a" {
		t.Errorf("got %+v", made)
	}
	ada := iam.Principal{Type: iam.User, Name: "ada", UserID: *made.UserId, ARN: *made.Arn}
	if got := doesAs(t, ada, s.GetUser, api.GetUserInput{}).User; *got.UserId != *made.UserId {
		t.Errorf("got %s for the caller", *got.UserId)
	}
	root := doesAs(t, iam.RootPrincipal(account, "AKIA"), s.GetUser, api.GetUserInput{}).User
	if *root.Arn != "arn:aws:iam::123456789012:root" || *root.UserId != account || root.UserName != nil {
		t.Errorf("got %+v for root", root)
	}
	refuses(t, s.GetUser, api.GetUserInput{}, "ValidationError", "Must specify userName when calling with non-User credentials")
	refuses(t, s.CreateUser, api.CreateUserInput{UserName: ptr("x"), Tags: []api.Tag{{Key: ptr("k"), Value: ptr("")}, {Key: ptr("K"), Value: ptr("")}}},
		"InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
	if listed := does(t, s.ListUsers, api.ListUsersInput{}).Users; len(listed) != 1 || listed[0].Tags != nil {
		t.Errorf("got %+v", listed)
	}

	key := doesAs(t, ada, s.CreateAccessKey, api.CreateAccessKeyInput{}).AccessKey
	if *key.UserName != "ada" || len(*key.SecretAccessKey) != 40 || key.Status != api.StatusTypeActive {
		t.Errorf("got a key %s of %s", *key.AccessKeyId, *key.UserName)
	}
	never := does(t, s.GetAccessKeyLastUsed, api.GetAccessKeyLastUsedInput{AccessKeyId: key.AccessKeyId})
	if *never.UserName != "ada" || *never.AccessKeyLastUsed.ServiceName != "N/A" || never.AccessKeyLastUsed.LastUsedDate != nil {
		t.Errorf("got %+v", never.AccessKeyLastUsed)
	}
	does(t, s.UpdateAccessKey, api.UpdateAccessKeyInput{UserName: ptr("ada"), AccessKeyId: key.AccessKeyId, Status: api.StatusTypeInactive})
	if keys := does(t, s.ListAccessKeys, api.ListAccessKeysInput{UserName: ptr("ada")}).AccessKeyMetadata; len(keys) != 1 || keys[0].Status != api.StatusTypeInactive {
		t.Errorf("got %+v", keys)
	}
	refuses(t, s.DeleteUser, api.DeleteUserInput{UserName: ptr("ada")}, "DeleteConflict", "Cannot delete entity, must delete access keys first.")
	does(t, s.DeleteAccessKey, api.DeleteAccessKeyInput{UserName: ptr("ada"), AccessKeyId: key.AccessKeyId})

	c := does(t, s.CreateServiceSpecificCredential, api.CreateServiceSpecificCredentialInput{
		UserName: ptr("ada"), ServiceName: ptr("bedrock.amazonaws.com"), CredentialAgeDays: ptr(int32(30)),
	}).ServiceSpecificCredential
	if !strings.HasPrefix(*c.ServiceCredentialSecret, "ABSK") || !strings.HasSuffix(*c.ServiceCredentialAlias, "-at-"+account) || !c.ExpirationDate.Equal(now().AddDate(0, 0, 30)) {
		t.Errorf("got %s until %v", *c.ServiceCredentialAlias, c.ExpirationDate)
	}
	again := does(t, s.ResetServiceSpecificCredential, api.ResetServiceSpecificCredentialInput{UserName: ptr("ada"), ServiceSpecificCredentialId: c.ServiceSpecificCredentialId}).ServiceSpecificCredential
	if *again.ServiceCredentialSecret == *c.ServiceCredentialSecret || *again.ServiceCredentialAlias != *c.ServiceCredentialAlias {
		t.Error("a reset credential has the secret that it had, or another alias")
	}
	does(t, s.UpdateServiceSpecificCredential, api.UpdateServiceSpecificCredentialInput{UserName: ptr("ada"), ServiceSpecificCredentialId: c.ServiceSpecificCredentialId, Status: api.StatusTypeInactive})
	if list := does(t, s.ListServiceSpecificCredentials, api.ListServiceSpecificCredentialsInput{AllUsers: ptr(true)}).ServiceSpecificCredentials; len(list) != 1 || list[0].Status != api.StatusTypeInactive {
		t.Errorf("got %+v", list)
	}
	refuses(t, s.DeleteUser, api.DeleteUserInput{UserName: ptr("ada")}, "DeleteConflict", "Cannot delete entity, must delete service specific credentials first.")
	does(t, s.DeleteServiceSpecificCredential, api.DeleteServiceSpecificCredentialInput{UserName: ptr("ada"), ServiceSpecificCredentialId: c.ServiceSpecificCredentialId})
	does(t, s.DeleteUser, api.DeleteUserInput{UserName: ptr("ada")})
	refuses(t, s.DeleteUser, api.DeleteUserInput{UserName: ptr("ada")}, "NoSuchEntity", "The user with name ada cannot be found.")
}

// Documents come back percent-encoded, and are what was written.
func TestDocumentsAreEscaped(t *testing.T) {
	t.Parallel()
	s := open(t)
	document := "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": {\"Sid\": \"a\", \"Effect\": \"Allow\", \"Action\": \"bedrock:*\", \"Resource\": \"arn:aws:s3:::a+b ~é/*\"}\n}"
	does(t, s.CreateGroup, api.CreateGroupInput{GroupName: ptr("g")})
	does(t, s.PutGroupPolicy, api.PutGroupPolicyInput{GroupName: ptr("g"), PolicyName: ptr("p"), PolicyDocument: &document})
	got := *does(t, s.GetGroupPolicy, api.GetGroupPolicyInput{GroupName: ptr("g"), PolicyName: ptr("p")}).PolicyDocument
	if plain, err := url.PathUnescape(got); err != nil || plain != document || strings.ContainsAny(got, "+ *\n") || !strings.Contains(got, "~%C3%A9") {
		t.Errorf("got %s, %v", got, err)
	}
}

// Every list can be read in pages of one, and then has everything once.
func TestPages(t *testing.T) {
	t.Parallel()
	s := open(t)
	one := ptr(int32(1))
	for i := range 3 {
		name := fmt.Sprint("n", i)
		does(t, s.CreateUser, api.CreateUserInput{UserName: &name})
		does(t, s.CreateGroup, api.CreateGroupInput{GroupName: &name})
		does(t, s.CreateRole, api.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: ptr(trust)})
		document := ptr(strings.Replace(trust, `"Principal":{"AWS":"*"},`, `"Resource":"*",`, 1))
		p := does(t, s.CreatePolicy, api.CreatePolicyInput{PolicyName: &name, PolicyDocument: document}).Policy
		does(t, s.AttachUserPolicy, api.AttachUserPolicyInput{UserName: ptr("n0"), PolicyArn: p.Arn})
		does(t, s.PutUserPolicy, api.PutUserPolicyInput{UserName: ptr("n0"), PolicyName: &name, PolicyDocument: document})
		does(t, s.AddUserToGroup, api.AddUserToGroupInput{UserName: ptr("n0"), GroupName: &name})
		does(t, s.AddUserToGroup, api.AddUserToGroupInput{UserName: &name, GroupName: ptr("n0")})
		does(t, s.TagUser, api.TagUserInput{UserName: ptr("n0"), Tags: []api.Tag{{Key: &name, Value: &name}}})
	}
	does(t, s.AttachRolePolicy, api.AttachRolePolicyInput{RoleName: ptr("n0"), PolicyArn: ptr(full)})
	names := []string{"n0", "n1", "n2"}
	lists := map[string]struct {
		read func(marker *string) (items []string, truncated *bool, next *string)
		want []string
	}{
		"users": {func(m *string) (items []string, _ *bool, _ *string) {
			out := does(t, s.ListUsers, api.ListUsersInput{Marker: m, MaxItems: one})
			for _, u := range out.Users {
				items = append(items, *u.UserName)
			}
			return items, out.IsTruncated, out.Marker
		}, names},
		"tags": {func(m *string) (items []string, _ *bool, _ *string) {
			out := does(t, s.ListUserTags, api.ListUserTagsInput{UserName: ptr("n0"), Marker: m, MaxItems: one})
			for _, tag := range out.Tags {
				items = append(items, *tag.Key)
			}
			return items, out.IsTruncated, out.Marker
		}, names},
		"inline": {func(m *string) ([]string, *bool, *string) {
			out := does(t, s.ListUserPolicies, api.ListUserPoliciesInput{UserName: ptr("n0"), Marker: m, MaxItems: one})
			return out.PolicyNames, out.IsTruncated, out.Marker
		}, names},
		"attached": {func(m *string) (items []string, _ *bool, _ *string) {
			out := does(t, s.ListAttachedUserPolicies, api.ListAttachedUserPoliciesInput{UserName: ptr("n0"), Marker: m, MaxItems: one})
			for _, p := range out.AttachedPolicies {
				items = append(items, *p.PolicyName)
			}
			return items, out.IsTruncated, out.Marker
		}, names},
		"members": {func(m *string) (items []string, _ *bool, _ *string) {
			out := does(t, s.GetGroup, api.GetGroupInput{GroupName: ptr("n0"), Marker: m, MaxItems: one})
			for _, u := range out.Users {
				items = append(items, *u.UserName)
			}
			return items, out.IsTruncated, out.Marker
		}, names},
		"groups of a user": {func(m *string) (items []string, _ *bool, _ *string) {
			out := does(t, s.ListGroupsForUser, api.ListGroupsForUserInput{UserName: ptr("n0"), Marker: m, MaxItems: one})
			for _, g := range out.Groups {
				items = append(items, *g.GroupName)
			}
			return items, out.IsTruncated, out.Marker
		}, names},
		"attached policies of the account": {func(m *string) (items []string, _ *bool, _ *string) {
			out := does(t, s.ListPolicies, api.ListPoliciesInput{OnlyAttached: ptr(true), Marker: m, MaxItems: one})
			for _, p := range out.Policies {
				items = append(items, *p.PolicyName)
			}
			return items, out.IsTruncated, out.Marker
		}, append(slices.Clone(names), "AmazonBedrockFullAccess")},
		"details": {func(m *string) (items []string, _ *bool, _ *string) {
			out := does(t, s.GetAccountAuthorizationDetails, api.GetAccountAuthorizationDetailsInput{Marker: m, MaxItems: one})
			for _, u := range out.UserDetailList {
				items = append(items, "user "+*u.UserName)
			}
			for _, g := range out.GroupDetailList {
				items = append(items, "group "+*g.GroupName)
			}
			for _, r := range out.RoleDetailList {
				items = append(items, "role "+*r.RoleName)
			}
			for _, p := range out.Policies {
				items = append(items, "policy "+*p.PolicyName)
			}
			return items, out.IsTruncated, out.Marker
		}, []string{
			"user n0", "user n1", "user n2", "group n0", "group n1", "group n2", "role n0", "role n1", "role n2",
			"policy n0", "policy n1", "policy n2", "policy AmazonBedrockFullAccess",
		}},
	}
	for name, l := range lists {
		var got []string
		var marker *string
		for pages := 0; ; pages++ {
			items, truncated, next := l.read(marker)
			if got = append(got, items...); len(items) > 1 || pages > 50 {
				t.Errorf("%s: got a page of %d after %d", name, len(items), pages)
				break
			}
			if *truncated != (next != nil) {
				t.Errorf("%s: got IsTruncated %v with a marker %v", name, *truncated, next)
			}
			if marker = next; marker == nil {
				break
			}
		}
		if !slices.Equal(got, l.want) {
			t.Errorf("%s: got %v want %v", name, got, l.want)
		}
	}
	refuses(t, s.ListUserTags, api.ListUserTagsInput{UserName: ptr("n0"), Marker: ptr("!")}, "ValidationError", "Invalid Marker")
	refuses(t, s.GetAccountAuthorizationDetails, api.GetAccountAuthorizationDetailsInput{Marker: ptr("x:")}, "ValidationError", "Invalid Marker")
	sum := does(t, s.GetAccountSummary, api.GetAccountSummaryInput{}).SummaryMap
	if sum["Users"] != 3 || sum["Policies"] != 3 || sum["GroupsPerUserQuota"] != 10 {
		t.Errorf("got %v", sum)
	}
	entities := does(t, s.ListEntitiesForPolicy, api.ListEntitiesForPolicyInput{PolicyArn: ptr(full)})
	if len(entities.PolicyRoles) != 1 || *entities.PolicyRoles[0].RoleName != "n0" || len(entities.PolicyUsers) != 0 {
		t.Errorf("got %+v", entities)
	}
}
