package iam_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "github.com/outcrop/outcrop/internal/api/iam"
)

const (
	haiku  = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0"
	nova   = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"
	invoke = "bedrock:InvokeModel"
	remove = "bedrock:DeleteGuardrail"
)

// The places are those that AWS reports for a document of this form.
const document = `{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "bedrock:InvokeModel",
            "Resource": "` + haiku + `"
        },
        {
            "Effect": "Deny",
            "Action": "bedrock:Delete*",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:PrincipalTag/Team": "interns"}}
        }
    ]
}`

// result is what a test looks at.
func result(r api.EvaluationResult) string {
	text := fmt.Sprintf("%s %s %s", *r.EvalActionName, *r.EvalResourceName, r.EvalDecision)
	for _, m := range r.MatchedStatements {
		text += fmt.Sprintf(" %s %d:%d-%d:%d", *m.SourcePolicyId, *m.StartPosition.Line, *m.StartPosition.Column, *m.EndPosition.Line, *m.EndPosition.Column)
	}
	for _, key := range r.MissingContextValues {
		text += " missing " + key
	}
	for _, one := range r.ResourceSpecificResults {
		text += fmt.Sprintf(" [%s %s]", *one.EvalResourceName, one.EvalResourceDecision)
	}
	if d := r.PermissionsBoundaryDecisionDetail; d != nil {
		text += fmt.Sprintf(" boundary %v", *d.AllowedByPermissionsBoundary)
	}
	if d := r.OrganizationsDecisionDetail; d != nil {
		text += fmt.Sprintf(" organization %v", *d.AllowedByOrganizations)
	}
	return text
}

func results(list []api.EvaluationResult) []string {
	var all []string
	for _, r := range list {
		all = append(all, result(r))
	}
	return all
}

func TestSimulateCustomPolicy(t *testing.T) {
	t.Parallel()
	s := open(t)
	everything := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	nothing := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`
	team := func(value string) []api.ContextEntry {
		return []api.ContextEntry{{ContextKeyName: ptr("AWS:principaltag/team"), ContextKeyType: "string", ContextKeyValues: []string{value}}}
	}
	for name, tt := range map[string]struct {
		in   api.SimulateCustomPolicyInput
		want []string
	}{
		"one resource": {
			api.SimulateCustomPolicyInput{PolicyInputList: []string{document}, ActionNames: []string{invoke}, ResourceArns: []string{haiku}},
			[]string{invoke + " " + haiku + " allowed PolicyInputList.1 3:19-8:10 [" + haiku + " allowed]"},
		},
		"two resources": {
			api.SimulateCustomPolicyInput{PolicyInputList: []string{document}, ActionNames: []string{invoke}, ResourceArns: []string{haiku, nova}},
			[]string{invoke + " * implicitDeny [" + haiku + " allowed] [" + nova + " implicitDeny]"},
		},
		"no resource and a missing value": {
			api.SimulateCustomPolicyInput{PolicyInputList: []string{document, everything}, ActionNames: []string{remove, invoke}},
			[]string{remove + " * allowed PolicyInputList.2 1:38-1:84 missing aws:PrincipalTag/Team", invoke + " * allowed PolicyInputList.2 1:38-1:84"},
		},
		"a deny is alone": {
			api.SimulateCustomPolicyInput{PolicyInputList: []string{everything, document}, ActionNames: []string{remove}, ContextEntries: team("interns")},
			[]string{remove + " * explicitDeny PolicyInputList.2 8:10-14:10"},
		},
		"a boundary": {
			api.SimulateCustomPolicyInput{PolicyInputList: []string{everything}, PermissionsBoundaryPolicyInputList: []string{document}, ActionNames: []string{remove}, ContextEntries: team("x")},
			[]string{remove + " * implicitDeny PolicyInputList.1 1:38-1:84 boundary false"},
		},
		"an organization": {
			api.SimulateCustomPolicyInput{
				PolicyInputList: []string{everything}, ActionNames: []string{invoke},
				OrderedOrganizationPolicyInputList: []api.OrderedOrganizationPolicyType{{ServiceControlPolicyInputList: []string{everything}}, {ServiceControlPolicyInputList: []string{nothing}}},
			},
			[]string{invoke + " * explicitDeny organization false"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := does(t, s.SimulateCustomPolicy, tt.in)
			if diff := cmp.Diff(tt.want, results(out.EvaluationResults)); diff != "" {
				t.Errorf("results (-want +got):\n%s", diff)
			}
		})
	}
	refuses(t, s.SimulateCustomPolicy, api.SimulateCustomPolicyInput{PolicyInputList: []string{document}, ActionNames: []string{"bedrock:*"}},
		"InvalidInput", "Invalid Action Name: bedrock:*")
	keys := does(t, s.GetContextKeysForCustomPolicy, api.GetContextKeysForCustomPolicyInput{PolicyInputList: []string{document, document}})
	if !slices.Equal(keys.ContextKeyNames, []string{"aws:PrincipalTag/Team"}) {
		t.Errorf("got %v", keys.ContextKeyNames)
	}
}

func TestSimulatePrincipalPolicy(t *testing.T) {
	t.Parallel()
	s := open(t)
	arn := does(t, s.CreateUser, api.CreateUserInput{UserName: ptr("ada"), Tags: []api.Tag{{Key: ptr("team"), Value: ptr("interns")}}}).User.Arn
	does(t, s.CreateGroup, api.CreateGroupInput{GroupName: ptr("g")})
	does(t, s.AddUserToGroup, api.AddUserToGroupInput{UserName: ptr("ada"), GroupName: ptr("g")})
	does(t, s.PutGroupPolicy, api.PutGroupPolicyInput{GroupName: ptr("g"), PolicyName: ptr("p"), PolicyDocument: ptr(document)})
	does(t, s.AttachUserPolicy, api.AttachUserPolicyInput{UserName: ptr("ada"), PolicyArn: ptr(full)})
	in := api.SimulatePrincipalPolicyInput{PolicySourceArn: arn, ActionNames: []string{remove, invoke}, MaxItems: ptr(int32(1))}
	first := does(t, s.SimulatePrincipalPolicy, in)
	if diff := cmp.Diff([]string{remove + " * explicitDeny group_g_p 8:10-14:10"}, results(first.EvaluationResults)); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if !*first.IsTruncated {
		t.Fatal("got one page want two")
	}
	in.Marker = first.Marker
	second := does(t, s.SimulatePrincipalPolicy, in)
	if r := second.EvaluationResults; len(r) != 1 || r[0].EvalDecision != "allowed" || *r[0].MatchedStatements[0].SourcePolicyId != "AmazonBedrockFullAccess" || *second.IsTruncated {
		t.Errorf("got %v", results(r))
	}
	without := does(t, s.SimulatePrincipalPolicy, api.SimulatePrincipalPolicyInput{
		PolicySourceArn: arn, ActionNames: []string{invoke}, ResourceArns: []string{nova},
		PolicyExclusionList: []api.PolicyIdentifier{{PolicyType: "aws-managed", PolicyArn: ptr(full)}},
	})
	if diff := cmp.Diff([]string{invoke + " " + nova + " implicitDeny [" + nova + " implicitDeny]"}, results(without.EvaluationResults)); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	refuses(t, s.SimulatePrincipalPolicy, api.SimulatePrincipalPolicyInput{PolicySourceArn: ptr("arn:aws:iam::123456789012:user/bob"), ActionNames: []string{invoke}},
		"NoSuchEntity", "The user with name bob cannot be found.")
	// What the caller may ask about goes by the ARN: another spelling of it is nobody's.
	for _, other := range []string{"arn:aws:iam::123456789012:user/mine/ada", "arn:aws:iam::123456789012:user/ADA"} {
		refuses(t, s.SimulatePrincipalPolicy, api.SimulatePrincipalPolicyInput{PolicySourceArn: &other, ActionNames: []string{invoke}},
			"NoSuchEntity", "The user with name "+other[strings.LastIndexByte(other, '/')+1:]+" cannot be found.")
	}
	refuses(t, s.SimulatePrincipalPolicy, api.SimulatePrincipalPolicyInput{PolicySourceArn: ptr("arn:aws:iam::999999999999:user/ada"), ActionNames: []string{invoke}},
		"InvalidInput", "Invalid Entity Arn: arn:aws:iam::999999999999:user/ada does not clearly define entity type and name.")
}

// A small request must not keep the server busy for hours: a page has as many
// actions as are little work, and one that never is is refused.
func TestLargeSimulations(t *testing.T) {
	t.Parallel()
	s := open(t)
	statements := strings.TrimSuffix(strings.Repeat(`{"Effect":"Allow","Action":"s3:*","Resource":"*"},`, 500), ",")
	in := api.SimulateCustomPolicyInput{
		PolicyInputList: []string{`{"Version":"2012-10-17","Statement":[` + statements + `]}`},
		ActionNames:     slices.Repeat([]string{"s3:GetObject"}, 100), ResourceArns: slices.Repeat([]string{"arn:aws:s3:::b/k"}, 100), MaxItems: ptr(int32(1000)),
	}
	got, n := 0, 0
	for more := true; more; n++ {
		out := does(t, s.SimulateCustomPolicy, in)
		got, in.Marker, more = got+len(out.EvaluationResults), out.Marker, *out.IsTruncated
		if len(out.EvaluationResults) > 3 || len(out.EvaluationResults[0].ResourceSpecificResults[99].MatchedStatements) != 500 {
			t.Fatalf("got %d results on a page", len(out.EvaluationResults))
		}
	}
	if got != 100 {
		t.Errorf("got %d results on %d pages, want 100", got, n)
	}
	in.ResourceArns = slices.Repeat(in.ResourceArns, 10)
	refuses(t, s.SimulateCustomPolicy, in, "InvalidInput", "The policies are too large to be simulated for so many resources. Name fewer resources in a request.")
}
