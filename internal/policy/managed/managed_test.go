package managed_test

import (
	"os"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/policy"
	"github.com/outcrop/outcrop/internal/policy/managed"
)

func TestAll(t *testing.T) {
	t.Parallel()
	ids := map[string]bool{}
	last := ""
	for _, p := range managed.All() {
		if _, err := policy.Parse(policy.Managed, p.Document); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		if p.Name <= last {
			t.Errorf("got %s after %s", p.Name, last)
		}
		last = p.Name
		if len(p.ID) != 21 || !strings.HasPrefix(p.ID, "ANPA") || ids[p.ID] {
			t.Errorf("%s: got the ID %s", p.Name, p.ID)
		}
		ids[p.ID] = true
		if len(p.Document) > 6144 || p.Description == "" || p.VersionID != "v1" || p.ARN != "arn:aws:iam::aws:policy"+p.Path+p.Name {
			t.Errorf("got %+v", p)
		}
		found, ok := managed.Lookup(p.ARN)
		if !ok || found != p {
			t.Errorf("%s is not found by its ARN", p.Name)
		}
	}
	files, err := os.ReadDir("documents")
	if err != nil || len(files) != len(ids) {
		t.Errorf("got %d documents for %d policies, error %v", len(files), len(ids), err)
	}
	if _, ok := managed.Lookup("arn:aws:iam::aws:policy/Nothing"); ok {
		t.Error("found a policy that does not exist")
	}
}

// TestEffect: what each policy is there for, and what it must not allow.
func TestEffect(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		allowed []string
		denied  []string
	}{
		{"AdministratorAccess", []string{"iam:CreateUser", "bedrock:InvokeModel", "s3:DeleteBucket"}, nil},
		{"PowerUserAccess", []string{"bedrock:InvokeModel", "s3:PutObject", "iam:ListRoles"}, []string{"iam:CreateUser", "iam:PutUserPolicy"}},
		{
			"ReadOnlyAccess",
			[]string{"bedrock:ListFoundationModels", "s3:GetObject", "iam:GetUser", "ce:GetCostAndUsage", "servicequotas:ListServiceQuotas"},
			[]string{"bedrock:InvokeModel", "s3:PutObject", "iam:CreateUser", "servicequotas:RequestServiceQuotaIncrease", "sts:AssumeRole"},
		},
		{"SecurityAudit", []string{"iam:ListUsers", "s3:GetBucketPolicy"}, []string{"s3:GetObject", "bedrock:InvokeModel", "iam:CreateUser"}},
		{"IAMFullAccess", []string{"iam:CreateUser", "iam:PassRole"}, []string{"bedrock:InvokeModel"}},
		{"IAMReadOnlyAccess", []string{"iam:GetUser", "iam:SimulatePrincipalPolicy"}, []string{"iam:CreateUser"}},
		{"AmazonS3FullAccess", []string{"s3:PutObject"}, []string{"bedrock:InvokeModel"}},
		{"AmazonS3ReadOnlyAccess", []string{"s3:GetObject", "s3:ListBucket"}, []string{"s3:PutObject", "s3:DeleteObject"}},
		{"ServiceQuotasFullAccess", []string{"servicequotas:RequestServiceQuotaIncrease"}, []string{"bedrock:InvokeModel"}},
		{"ServiceQuotasReadOnlyAccess", []string{"servicequotas:GetServiceQuota"}, []string{"servicequotas:RequestServiceQuotaIncrease"}},
		{"CloudWatchReadOnlyAccess", []string{"cloudwatch:GetMetricData"}, []string{"cloudwatch:PutMetricData"}},
		{"AWSBillingReadOnlyAccess", []string{"ce:GetCostAndUsage"}, []string{"ce:CreateCostCategoryDefinition", "bedrock:InvokeModel"}},
		{
			"AmazonBedrockFullAccess",
			[]string{"bedrock:InvokeModel", "bedrock:CreateFoundationModelAgreement", "bedrock:DeleteKnowledgeBase"},
			[]string{"s3:GetObject", "iam:CreateUser", "iam:PassRole"},
		},
		{"AmazonBedrockReadOnly", []string{"bedrock:ListFoundationModels", "bedrock:GetGuardrail"}, []string{"bedrock:InvokeModel", "bedrock:Retrieve"}},
		{
			"AmazonBedrockLimitedAccess",
			[]string{"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream", "bedrock:CallWithBearerToken", "bedrock:ListFoundationModels", "bedrock:CountTokens"},
			[]string{"bedrock:CreateFoundationModelAgreement", "bedrock:PutUseCaseForModelAccess", "bedrock:PutModelInvocationLoggingConfiguration"},
		},
		{"AmazonBedrockMarketplaceAccess", []string{"bedrock:CreateMarketplaceModelEndpoint"}, []string{"bedrock:InvokeModel"}},
	}
	if len(tests) != len(managed.All()) {
		t.Errorf("got %d cases for %d policies", len(tests), len(managed.All()))
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p, ok := managed.Lookup("arn:aws:iam::aws:policy/" + tc.name)
			if !ok {
				t.Fatal("not found")
			}
			d, err := policy.Parse(policy.Managed, p.Document)
			if err != nil {
				t.Fatal(err)
			}
			set := &policy.Set{Identity: []policy.Attached{{Document: d}}}
			decide := func(action string) bool {
				r := &policy.Request{Principal: iam.UserPrincipal("000000000000", "alice", "AIDA", "AKIA"), Action: action, Resource: "*"}
				return policy.Evaluate(r, set).Allowed
			}
			for _, action := range tc.allowed {
				if !decide(action) {
					t.Errorf("%s is denied", action)
				}
			}
			for _, action := range tc.denied {
				if decide(action) {
					t.Errorf("%s is allowed", action)
				}
			}
		})
	}
}
