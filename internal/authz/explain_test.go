package authz

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	const nova = "arn:aws:bedrock:us-east-1::foundation-model/" + model
	text := `{"Version":"2012-10-17","Statement":[
		{"Sid":"Nova","Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"` + nova + `"},
		{"Sid":"Inside","Effect":"Deny","Action":"bedrock:*","Resource":"*","Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}}]}`
	a := newAuthorizer(t, Params{Directory: &people{policies: map[string]string{"alice": text}}})
	c := &call.Call{Account: account, Region: "us-east-1", Principal: user("alice")}

	for _, action := range []string{"Converse", "bedrock:Converse", "bedrock:InvokeModel", "converse"} {
		for _, resource := range []string{model, nova} {
			list, err := a.Explain(t.Context(), c, action, resource, map[string][]string{"aws:sourcevpce": {"vpce-1"}})
			if err != nil || len(list) != 1 || !list[0].Decision.Allowed || list[0].Resource != nova || list[0].Action != "bedrock:InvokeModel" {
				t.Errorf("%s on %s: got %+v, %v", action, resource, list, err)
			}
		}
	}
	list, err := a.Explain(t.Context(), c, "Converse", model, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := list[0].Decision
	if d.Allowed || !d.Explicit || d.Policy != "test" || !slices.Contains(d.Missing, "aws:sourcevpce") || len(d.Matches) != 2 || list[0].Text == "" {
		t.Errorf("got %+v", list[0])
	}

	resources := func(action, resource string) (got []string) {
		list, err := a.Explain(t.Context(), c, action, resource, nil)
		if err != nil {
			t.Errorf("%s: %v", action, err)
		}
		for _, x := range list {
			got = append(got, x.Action+" "+x.Resource)
		}
		return got
	}
	for _, tc := range []struct {
		action, resource string
		want             []string
	}{
		{"GetKnowledgeBase", "KB1", []string{"bedrock:GetKnowledgeBase arn:aws:bedrock:us-east-1:000000000000:knowledge-base/KB1"}},
		{"ListFoundationModels", "*", []string{"bedrock:ListFoundationModels *"}},
		{"iam:GetUser", "bob", []string{"iam:GetUser arn:aws:iam::000000000000:user/bob"}},
		{"iam:GetUser", "*", []string{"iam:GetUser arn:aws:iam::000000000000:user/alice"}},
		{"Rerank", "amazon.rerank-v1:0", []string{"bedrock:Rerank *", "bedrock:InvokeModel arn:aws:bedrock:us-east-1::foundation-model/amazon.rerank-v1:0"}},
		{"s3:GetObject", "arn:aws:s3:::a/b", []string{"s3:GetObject arn:aws:s3:::a/b"}},
		{"cloudwatch:GetMetricData", "*", []string{"cloudwatch:GetMetricData *"}},
		{"bedrock:InvokeModel", profile, []string{
			"bedrock:InvokeModel arn:aws:bedrock:us-east-1:000000000000:inference-profile/" + profile,
			"bedrock:InvokeModel arn:aws:bedrock:us-east-1::foundation-model/" + model,
			"bedrock:InvokeModel arn:aws:bedrock:us-east-2::foundation-model/" + model,
			"bedrock:InvokeModel arn:aws:bedrock:us-west-2::foundation-model/" + model,
		}},
	} {
		if diff := cmp.Diff(tc.want, resources(tc.action, tc.resource)); diff != "" {
			t.Errorf("%s on %s (-want +got):\n%s", tc.action, tc.resource, diff)
		}
	}
	if _, err := a.Explain(t.Context(), c, "Nonsense", "*", nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v for what is nothing", err)
	}
}

func TestPrincipal(t *testing.T) {
	t.Parallel()
	bob := tagged("/eng/", "bob", nil)
	bob.ID = "AIDABOB"
	role := directory.Entity{Name: "reader", Path: "/", ARN: "arn:aws:iam::" + account + ":role/reader", ID: "AROAREADER"}
	a := newAuthorizer(t, Params{Directory: &people{
		users: map[string]directory.User{"bob": {Entity: bob}}, roles: map[string]directory.Role{"reader": {Entity: role}},
	}})
	for who, want := range map[string]string{
		"bob": bob.ARN, "user/bob": bob.ARN, bob.ARN: bob.ARN,
		"reader": "arn:aws:sts::000000000000:assumed-role/reader/explain", "role/reader": "arn:aws:sts::000000000000:assumed-role/reader/explain",
		role.ARN: "arn:aws:sts::000000000000:assumed-role/reader/explain",
		"arn:aws:sts::000000000000:assumed-role/reader/me": "arn:aws:sts::000000000000:assumed-role/reader/me",
		"root":                              "arn:aws:iam::000000000000:root",
		"arn:aws:iam::000000000000:root":    "arn:aws:iam::000000000000:root",
		"nobody":                            "",
		"role/bob":                          "",
		"arn:aws:iam::1:user/bob":           "",
		"arn:aws:iam::000000000000:group/x": "",
	} {
		p, err := a.Principal(t.Context(), account, who)
		if p.ARN != want || (err == nil) != (want != "") || err != nil && !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: got %q, %v, want %q", who, p.ARN, err, want)
		}
		if p.Type == iam.AssumedRole && p.Session == nil {
			t.Errorf("%s: got no session", who)
		}
	}
}
