package directory_test

import (
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/policy"
)

// A trust policy names users and roles that are there, and goes on meaning them.
func TestTrustedUsersAndRoles(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := t.Context()
	alice := must[directory.User](t)(d.CreateUser(ctx, directory.NewUser{Name: "alice", Path: "/team/"}))
	naming := func(arn string) string { return strings.Replace(trust, `"*"`, `"`+arn+`"`, 1) }
	r := must[directory.Role](t)(d.CreateRole(ctx, directory.NewRole{Name: "r", TrustPolicy: naming(alice.ARN)}))
	must[directory.Role](t)(d.UpdateRole(ctx, "r", directory.RoleChange{TrustPolicy: naming(r.ARN)}))
	must[directory.Role](t)(d.UpdateRole(ctx, "r", directory.RoleChange{TrustPolicy: naming("arn:aws:iam::999999999999:user/theirs")}))
	for _, arn := range []string{
		strings.Replace(alice.ARN, "/team", "", 1), strings.Replace(alice.ARN, "alice", "Alice", 1),
		strings.Replace(alice.ARN, "user/team/alice", "role/none", 1),
	} {
		_, err := d.UpdateRole(ctx, "r", directory.RoleChange{TrustPolicy: naming(arn)})
		refused(t, err, "MalformedPolicyDocument", `Invalid principal in policy: "AWS":"`+arn+`"`)
		_, err = d.CreateRole(ctx, directory.NewRole{Name: "other", TrustPolicy: naming(arn)})
		refused(t, err, "MalformedPolicyDocument", `Invalid principal in policy: "AWS":"`+arn+`"`)
	}

	must[directory.Role](t)(d.UpdateRole(ctx, "r", directory.RoleChange{TrustPolicy: naming(alice.ARN)}))
	trusts := func(u directory.User) bool {
		t.Helper()
		document, err := must[directory.Role](t)(d.Role(ctx, "r")).Trust()
		if err != nil {
			t.Fatal(err)
		}
		request := policy.Request{Principal: principal(u), Action: "sts:AssumeRole", Resource: r.ARN}
		return policy.Evaluate(&request, &policy.Set{Resource: []policy.Attached{{Document: document, ID: r.ARN, Type: "role", Owner: r.ARN}}}).Allowed
	}
	if !trusts(alice) {
		t.Error("who is named is not trusted")
	}
	ok(t, d.DeleteUser(ctx, "alice"))
	if again := must[directory.User](t)(d.CreateUser(ctx, directory.NewUser{Name: "alice", Path: "/team/"})); trusts(again) {
		t.Error("a user who was made anew under the name is trusted")
	}
}
