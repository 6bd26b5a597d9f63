package iam_test

import (
	"testing"

	api "github.com/outcrop/outcrop/internal/api/iam"
)

func TestListPoliciesGrantingServiceAccess(t *testing.T) {
	t.Parallel()
	s := open(t)
	does(t, s.CreateGroup, api.CreateGroupInput{GroupName: ptr("g")})
	arn := does(t, s.CreateUser, api.CreateUserInput{UserName: ptr("u")}).User.Arn
	does(t, s.AddUserToGroup, api.AddUserToGroupInput{UserName: ptr("u"), GroupName: ptr("g")})
	put := func(name, statement string) {
		does(t, s.PutGroupPolicy, api.PutGroupPolicyInput{
			GroupName: ptr("g"), PolicyName: &name, PolicyDocument: ptr(`{"Version":"2012-10-17","Statement":` + statement + `}`),
		})
	}
	put("some", `[{"Effect":"Allow","Action":["Bedrock:List*"],"Resource":"*"}]`)
	put("denies", `{"Effect":"Deny","Action":"sts:*","Resource":"*"}`)
	put("others", `{"Effect":"Allow","NotAction":"bedrock:*","Resource":"*"}`)
	does(t, s.AttachUserPolicy, api.AttachUserPolicyInput{UserName: ptr("u"), PolicyArn: ptr(full)})
	out := does(t, s.ListPoliciesGrantingServiceAccess, api.ListPoliciesGrantingServiceAccessInput{Arn: arn, ServiceNamespaces: []string{"bedrock", "sts"}})
	want := [][]string{{"AmazonBedrockFullAccess", "some"}, {"others"}}
	for i, entry := range out.PoliciesGrantingServiceAccess {
		var got []string
		for _, p := range entry.Policies {
			got = append(got, *p.PolicyName)
		}
		if len(got) != len(want[i]) || got[0] != want[i][0] || got[len(got)-1] != want[i][len(want[i])-1] {
			t.Errorf("%s: got %v want %v", *entry.ServiceNamespace, got, want[i])
		}
	}
	inline := out.PoliciesGrantingServiceAccess[1].Policies[0]
	if inline.PolicyType != api.PolicyTypeInline || inline.EntityType != api.PolicyOwnerEntityTypeGroup || *inline.EntityName != "g" {
		t.Errorf("got %+v", inline)
	}
}
