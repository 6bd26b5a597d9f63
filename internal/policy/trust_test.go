package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/policy"
)

// Who is made anew under a name is not who was trusted.
func TestTrustIsInWhoHadTheName(t *testing.T) {
	t.Parallel()
	const (
		alice = "arn:aws:iam::000000000000:user/team/alice"
		app   = "arn:aws:iam::000000000000:role/app"
		text  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":["` + alice + `","` + app + `","000000000001"]}},
			{"Effect":"Allow","Action":"sts:TagSession","Principal":{"AWS":"` + alice + `"}}]}`
	)
	d, err := policy.ParseTrust(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{alice, app}, d.Named()); diff != "" {
		t.Errorf("named (-want +got):\n%s", diff)
	}
	user := func(id string) iam.Principal {
		return iam.Principal{Type: iam.User, Account: "000000000000", ARN: alice, Name: "alice", UserID: id}
	}
	session := func(id string) iam.Principal {
		return iam.Principal{Type: iam.AssumedRole, Account: "000000000000", ARN: "arn:aws:sts::000000000000:assumed-role/app/s", Name: "app", UserID: id + ":s"}
	}
	ids := map[string]string{alice: "AIDAAAAAAAAAAAAAAAAAA", app: "AROAAAAAAAAAAAAAAAAAA"}
	for name, tc := range map[string]struct {
		ids  map[string]string
		who  iam.Principal
		want bool
	}{
		"the user":            {ids, user("AIDAAAAAAAAAAAAAAAAAA"), true},
		"another user":        {ids, user("AIDABBBBBBBBBBBBBBBBB"), false},
		"a user by name":      {nil, user("AIDABBBBBBBBBBBBBBBBB"), true},
		"the role's session":  {ids, session("AROAAAAAAAAAAAAAAAAAA"), true},
		"another role's":      {ids, session("AROABBBBBBBBBBBBBBBBB"), false},
		"a role by name":      {nil, session("AROABBBBBBBBBBBBBBBBB"), true},
		"one of them by name": {map[string]string{alice: "AIDAAAAAAAAAAAAAAAAAA"}, session("AROABBBBBBBBBBBBBBBBB"), true},
	} {
		d, err := policy.ParseTrust(text, tc.ids)
		if err != nil {
			t.Fatal(err)
		}
		r := policy.Request{Principal: tc.who, Action: "sts:AssumeRole", Resource: "arn:aws:iam::000000000000:role/r"}
		if got := policy.Evaluate(&r, &policy.Set{Resource: []policy.Attached{{Document: d, ID: r.Resource, Type: "role", Owner: r.Resource}}}); got.Allowed != tc.want {
			t.Errorf("%s: got %+v, want allowed to be %t", name, got, tc.want)
		}
	}
}
