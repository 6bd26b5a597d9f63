package authz

import (
	"testing"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/policy/managed"
)

// The policies that AWS wrote fit the actions and resources of the table: who has
// one can do what its name says.
func TestManagedPolicies(t *testing.T) {
	t.Parallel()
	const nova, kb, role = "amazon.nova-lite-v1:0", "KB12345678", "arn:aws:iam::000000000000:role/AmazonBedrockX"
	yes, no := true, false
	cases := []struct {
		policy, action, resource string
		want                     bool
	}{
		{"AdministratorAccess", "CreateUser", "bob", yes},
		{"AmazonBedrockFullAccess", "Converse", nova, yes},
		{"AmazonBedrockFullAccess", "ConverseStream", "us." + nova, yes},
		{"AmazonBedrockFullAccess", "CreateKnowledgeBase", "*", yes},
		{"AmazonBedrockFullAccess", "iam:PassRole", "arn:aws:iam::000000000000:role/other", no},
		{"AmazonBedrockFullAccess", "RetrieveAndGenerate", kb, yes},
		{"AmazonBedrockFullAccess", "Rerank", "amazon.rerank-v1:0", yes},
		{"AmazonBedrockFullAccess", "bedrock:CallWithBearerToken", "*", yes},
		{"AmazonBedrockFullAccess", "ListUsers", "*", no},
		{"AmazonBedrockReadOnly", "ListFoundationModels", "*", yes},
		{"AmazonBedrockReadOnly", "GetKnowledgeBase", kb, yes},
		{"AmazonBedrockReadOnly", "GetInferenceProfile", "us." + nova, yes},
		{"AmazonBedrockReadOnly", "Converse", nova, no},
		{"AmazonBedrockReadOnly", "DeleteKnowledgeBase", kb, no},
		{"AmazonBedrockLimitedAccess", "bedrock:CallWithBearerToken", "*", yes},
		{"AmazonBedrockLimitedAccess", "Converse", nova, yes},
		{"AmazonBedrockLimitedAccess", "ConverseStream", "global." + nova, yes},
		{"AmazonBedrockLimitedAccess", "ListFoundationModels", "*", yes},
		{"IAMFullAccess", "CreateAccessKey", "bob", yes},
		{"IAMReadOnlyAccess", "ListUsers", "*", yes},
		{"IAMReadOnlyAccess", "GetRole", "x", yes},
		{"IAMReadOnlyAccess", "CreateUser", "x", no},
		{"AmazonS3ReadOnlyAccess", "s3:GetObject", "arn:aws:s3:::docs/a", yes},
		{"AmazonS3ReadOnlyAccess", "s3:ListAllMyBuckets", "*", yes},
		{"AmazonS3ReadOnlyAccess", "s3:PutObject", "arn:aws:s3:::docs/a", no},
		{"ServiceQuotasFullAccess", "servicequotas:RequestServiceQuotaIncrease", "*", yes},
		{"ServiceQuotasReadOnlyAccess", "ListServiceQuotas", "*", yes},
		{"CloudWatchReadOnlyAccess", "GetMetricData", "*", yes},
		{"AWSBillingReadOnlyAccess", "GetCostAndUsage", "*", yes},
		{"ReadOnlyAccess", "GetFoundationModel", nova, yes},
		{"ReadOnlyAccess", "Converse", nova, no},
		{"SecurityAudit", "ListUsers", "*", yes},
		{"PowerUserAccess", "Converse", nova, yes},
		{"PowerUserAccess", "CreateUser", "x", no},
	}
	for _, tc := range cases {
		p, ok := managed.Lookup("arn:aws:iam::aws:policy/" + tc.policy)
		if !ok {
			t.Errorf("there is no policy %s", tc.policy)
			continue
		}
		a := newAuthorizer(t, Params{Directory: &people{policies: map[string]string{"alice": p.Document}}})
		resource := tc.resource
		if tc.action == "CreateKnowledgeBase" {
			resource = role
		}
		list, err := a.Explain(t.Context(), &call.Call{Account: account, Region: "us-east-1", Principal: user("alice")}, tc.action, resource, nil)
		if err != nil {
			t.Errorf("%s: %v", tc.action, err)
		}
		allowed := len(list) > 0
		for _, x := range list {
			allowed = allowed && x.Decision.Allowed
		}
		if allowed != tc.want {
			t.Errorf("%s, %s on %s: got %v", tc.policy, tc.action, tc.resource, allowed)
			for _, x := range list {
				t.Log(x.Action, x.Resource, x.Text)
			}
		}
	}
}
