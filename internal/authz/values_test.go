package authz

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/api/bedrockagent"
	"github.com/outcrop/outcrop/internal/api/bedrockruntime"
	apiiam "github.com/outcrop/outcrop/internal/api/iam"
	"github.com/outcrop/outcrop/internal/api/sts"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/observe"
)

func TestConditionKeys(t *testing.T) {
	t.Parallel()
	dir := &people{
		policies: map[string]string{"alice": allow("*", "*", "")},
		tags:     map[string]string{"Team": "red"},
		users:    map[string]directory.User{"bob": {Entity: tagged("/", "bob", map[string]string{"Level": "9"})}},
		roles:    map[string]directory.Role{"r": {Entity: directory.Entity{Name: "r", ARN: "arn:aws:iam::" + account + ":role/p/r"}}},
	}
	dir.users["bob"] = func() directory.User { u := dir.users["bob"]; u.Boundary = "arn:aws:iam::aws:policy/B"; return u }()
	a := newAuthorizer(t, Params{Directory: dir, Tags: func(_ context.Context, arn string) map[string]string {
		return map[string]string{"Of": arn[strings.LastIndexByte(arn, '/')+1:]}
	}})
	kb := func() *observe.View {
		return view(t, user("alice"), "bedrock-agent", "CreateKnowledgeBase", &bedrockagent.CreateKnowledgeBaseInput{Tags: map[string]string{"Env": "prod"}})
	}
	role := user("r")
	role.Type, role.Session = iam.AssumedRole, &iam.Session{Issued: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), SourceIdentity: "me"}
	cases := []struct {
		view   *observe.View
		target target
		key    string
		want   string // absent when empty
	}{
		{kb(), target{}, "aws:sourceip", "10.1.2.3"},
		{kb(), target{}, "aws:vpcsourceip", ""},
		{kb(), target{}, "aws:sourcevpce", ""},
		{kb(), target{}, "aws:securetransport", "true"},
		{kb(), target{}, "aws:currenttime", "2026-05-04T03:02:01Z"},
		{kb(), target{}, "aws:epochtime", "1777863721"},
		{kb(), target{}, "aws:requestedregion", "us-east-1"},
		{kb(), target{}, "aws:useragent", "Boto3"},
		{kb(), target{}, "aws:referer", "https://example.com"},
		{kb(), target{}, "aws:userid", "AIDA"},
		{kb(), target{}, "aws:username", "alice"},
		{kb(), target{}, "aws:principalarn", "arn:aws:iam::" + account + ":user/alice"},
		{kb(), target{}, "aws:principalaccount", account},
		{kb(), target{}, "aws:principaltype", "User"},
		{kb(), target{}, "aws:principaltag/team", "red"},
		{kb(), target{}, "aws:principaltag/other", ""},
		{kb(), target{}, "aws:requesttag/env", "prod"},
		{kb(), target{}, "aws:requesttag/team", ""},
		{kb(), target{}, "aws:tagkeys", "Env"},
		{kb(), target{}, "aws:viaawsservice", "false"},
		{kb(), target{}, "aws:principalisawsservice", "false"},
		{kb(), target{}, "aws:calledvia", ""},
		{kb(), target{}, "aws:multifactorauthpresent", ""},
		{kb(), target{}, "aws:tokenissuetime", ""},
		{kb(), target{}, "aws:sourceidentity", ""},
		{kb(), target{}, "aws:nothing", ""},
		{kb(), target{}, "nothing", ""},
		{kb(), target{resource: "arn:aws:bedrock:us-east-1:000000000000:knowledge-base/KB1"}, "aws:resourcetag/of", "KB1"},
		{kb(), target{resource: "arn:aws:bedrock:us-east-1:000000000000:knowledge-base/KB1"}, "aws:resourceaccount", account},
		{kb(), target{resource: "*"}, "aws:resourcetag/of", ""},
		{kb(), target{passedTo: bedrockService}, "iam:passedtoservice", bedrockService},
		{kb(), target{profile: "arn:x"}, "bedrock:inferenceprofilearn", "arn:x"},
		{kb(), target{}, "bedrock:inferenceprofilearn", ""},
		{kb(), target{}, "bedrock:guardrailidentifier", ""},
		{view(t, role, "sts", "GetCallerIdentity", &sts.GetCallerIdentityInput{}), target{}, "aws:tokenissuetime", "2026-01-02T03:04:05Z"},
		{view(t, role, "sts", "GetCallerIdentity", &sts.GetCallerIdentityInput{}), target{}, "aws:sourceidentity", "me"},
		{view(t, role, "sts", "GetCallerIdentity", &sts.GetCallerIdentityInput{}), target{}, "aws:principalarn", "arn:aws:iam::" + account + ":role/p/r"},
		{view(t, role, "sts", "GetCallerIdentity", &sts.GetCallerIdentityInput{}), target{}, "aws:username", ""},
		{view(t, role, "sts", "GetCallerIdentity", &sts.GetCallerIdentityInput{}), target{}, "aws:multifactorauthpresent", "false"},
		{
			view(t, user("alice"), "iam", "AttachUserPolicy", &apiiam.AttachUserPolicyInput{UserName: ptr("bob"), PolicyArn: ptr("arn:aws:iam::aws:policy/X")}),
			target{resource: "arn:aws:iam::" + account + ":user/bob"}, "iam:policyarn", "arn:aws:iam::aws:policy/X",
		},
		{view(t, user("alice"), "iam", "DeleteUser", &apiiam.DeleteUserInput{}), target{resource: "arn:aws:iam::" + account + ":user/bob"}, "iam:resourcetag/level", "9"},
		{view(t, user("alice"), "iam", "DeleteUser", &apiiam.DeleteUserInput{}), target{resource: "arn:aws:iam::" + account + ":user/bob"}, "aws:resourcetag/level", "9"},
		{view(t, user("alice"), "iam", "DeleteUser", &apiiam.DeleteUserInput{}), target{resource: "arn:aws:iam::" + account + ":user/bob"}, "iam:permissionsboundary", "arn:aws:iam::aws:policy/B"},
		{view(t, user("alice"), "iam", "DeleteUser", &apiiam.DeleteUserInput{}), target{resource: "arn:aws:iam::" + account + ":user/gone"}, "iam:permissionsboundary", ""},
		{view(t, user("alice"), "iam", "CreateUser", &apiiam.CreateUserInput{PermissionsBoundary: ptr("arn:b"), Tags: []apiiam.Tag{{Key: ptr("k"), Value: ptr("v")}}}), target{}, "iam:permissionsboundary", "arn:b"},
		{view(t, user("alice"), "iam", "CreateUser", &apiiam.CreateUserInput{Tags: []apiiam.Tag{{Key: ptr("k"), Value: ptr("v")}}}), target{}, "aws:requesttag/k", "v"},
		{view(t, user("alice"), "iam", "TagUser", &apiiam.TagUserInput{Tags: []apiiam.Tag{{Key: ptr("k")}}}), target{}, "aws:tagkeys", "k"},
		{view(t, user("alice"), "iam", "UntagUser", &apiiam.UntagUserInput{TagKeys: []string{"a", "b"}}), target{}, "aws:tagkeys", "a,b"},
		{view(t, user("alice"), "sts", "AssumeRole", &sts.AssumeRoleInput{ExternalId: ptr("e")}), target{}, "sts:externalid", "e"},
		{
			view(t, user("alice"), "bedrock-runtime", "Converse", &bedrockruntime.ConverseInput{
				GuardrailConfig: &bedrockruntime.GuardrailConfiguration{GuardrailIdentifier: ptr("g"), GuardrailVersion: ptr("DRAFT")},
				ServiceTier:     &bedrockruntime.ServiceTier{Type: "priority"},
			}), target{}, "bedrock:guardrailidentifier", "arn:aws:bedrock:us-east-1:" + account + ":guardrail/g",
		},
		{
			view(t, user("alice"), "bedrock-runtime", "InvokeModel", &bedrockruntime.InvokeModelInput{GuardrailIdentifier: ptr("g"), GuardrailVersion: ptr("7")}),
			target{}, "bedrock:guardrailidentifier", "arn:aws:bedrock:us-east-1:" + account + ":guardrail/g:7",
		},
		{
			view(t, user("alice"), "bedrock-runtime", "Converse", &bedrockruntime.ConverseInput{ServiceTier: &bedrockruntime.ServiceTier{Type: "priority"}}),
			target{}, "bedrock:servicetier", "priority",
		},
	}
	for _, tc := range cases {
		v := tc.view
		v.Call.Source = call.Source{IP: netip.MustParseAddr("::ffff:10.1.2.3"), Secure: true, UserAgent: "Boto3"}
		v.Header.Set("Referer", "https://example.com")
		q := a.question(v)
		q.target = &tc.target
		if v.Call.Principal.Type == iam.User {
			if err := q.govern(v.Service); err != nil {
				t.Fatal(err)
			}
		}
		values, ok := q.Get(tc.key)
		if got := strings.Join(values, ","); got != tc.want || ok != (tc.want != "") {
			t.Errorf("%s of %s: got %q, %v, want %q", tc.key, v.Op.Name, got, ok, tc.want)
		}
	}
	v := kb()
	v.Call.Source = call.Source{IP: netip.MustParseAddr("10.1.2.3"), Endpoint: "vpce-1"}
	q := a.question(v)
	for key, want := range map[string]string{"aws:sourceip": "", "aws:vpcsourceip": "10.1.2.3", "aws:sourcevpce": "vpce-1", "aws:securetransport": "false"} {
		if values, _ := q.Get(key); strings.Join(values, ",") != want {
			t.Errorf("%s through an endpoint: got %q, want %q", key, values, want)
		}
	}
}

// The region of the services that have none is us-east-1, whatever the request
// was signed for.
func TestRequestedRegion(t *testing.T) {
	t.Parallel()
	a := newAuthorizer(t, Params{Directory: &people{policies: map[string]string{"alice": allow("*", "*", "")}}})
	for service, want := range map[string]string{"iam": "us-east-1", "bedrock": "eu-west-1"} {
		op := map[string]string{"iam": "ListUsers", "bedrock": "ListFoundationModels"}[service]
		v := view(t, user("alice"), service, op, nil)
		v.Call.Region = "eu-west-1"
		q := a.question(v)
		if err := q.govern(v.Service); err != nil {
			t.Fatal(err)
		}
		if got, _ := q.Get("aws:requestedregion"); got[0] != want {
			t.Errorf("%s: got %s, want %s", service, got, want)
		}
	}
}
