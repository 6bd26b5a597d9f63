package authz

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/api/bedrock"
	"github.com/outcrop/outcrop/internal/api/bedrockagent"
	rt "github.com/outcrop/outcrop/internal/api/bedrockagentruntime"
	"github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/api/ce"
	"github.com/outcrop/outcrop/internal/api/cloudwatch"
	apiiam "github.com/outcrop/outcrop/internal/api/iam"
	"github.com/outcrop/outcrop/internal/api/servicequotas"
	"github.com/outcrop/outcrop/internal/api/sts"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/goldentest"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/policy"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

const account = "000000000000"

// people is a Directory of what a test says.
type people struct {
	policies map[string]string // by the name of the principal
	tags     map[string]string
	users    map[string]directory.User
	roles    map[string]directory.Role
	groups   map[string]directory.Group
}

func attached(t testing.TB, kind policy.Kind, id, text string) policy.Attached {
	t.Helper()
	d, err := policy.Parse(kind, text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return policy.Attached{Document: d, ID: id}
}

func (p *people) Governing(_ context.Context, who iam.Principal) (directory.Governing, error) {
	if who.Type == iam.Root {
		return directory.Governing{}, nil
	}
	text, ok := p.policies[who.Name]
	if !ok {
		return directory.Governing{}, iam.ErrUnknownKey()
	}
	d, err := policy.Parse(policy.Identity, text)
	if err != nil {
		return directory.Governing{}, err
	}
	return directory.Governing{Set: policy.Set{Identity: []policy.Attached{{Document: d, ID: "test"}}}, Tags: p.tags}, nil
}

func find[T any](of map[string]T, name string) (T, error) {
	v, ok := of[name]
	if !ok {
		return v, fault.New(fault.NotFound, "no %s", name)
	}
	return v, nil
}

func (p *people) User(_ context.Context, name string) (directory.User, error) {
	return find(p.users, name)
}

func (p *people) Group(_ context.Context, name string) (directory.Group, error) {
	return find(p.groups, name)
}

func (p *people) Role(_ context.Context, name string) (directory.Role, error) {
	return find(p.roles, name)
}

func newAuthorizer(t testing.TB, p Params) *Authorizer {
	t.Helper()
	var err error
	if p.Catalog, err = catalog.New(); err != nil {
		t.Fatal(err)
	}
	p.Services = services()
	if p.Directory == nil {
		p.Directory = &people{}
	}
	p.Now = func() time.Time { return time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC) }
	a, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func operation(t testing.TB, service, name string) (*schema.Service, *schema.Operation) {
	t.Helper()
	for _, s := range services() {
		if s.ID != service {
			continue
		}
		for _, op := range s.Operations {
			if op.Name == name {
				return s, op
			}
		}
	}
	t.Fatalf("no operation %s of %s", name, service)
	return nil, nil
}

func user(name string) iam.Principal {
	return iam.Principal{Type: iam.User, Account: account, ARN: "arn:aws:iam::" + account + ":user/" + name, UserID: "AIDA", Name: name}
}

func view(t testing.TB, who iam.Principal, service, op string, input any) *observe.View {
	t.Helper()
	s, o := operation(t, service, op)
	return &observe.View{
		Call:    &call.Call{Account: account, Region: "us-east-1", Service: service, Operation: op, Principal: who},
		Service: s, Op: o, Input: input, Header: http.Header{},
	}
}

func ptr[T any](v T) *T { return &v }

func tagged(path, name string, tags map[string]string) directory.Entity {
	return directory.Entity{Name: name, Path: path, ARN: "arn:aws:iam::" + account + ":user" + path + name, Tags: tags}
}

// TestNeeds tells what real inputs take: the golden file has the action and the
// resource of every permission, in order.
func TestNeeds(t *testing.T) {
	t.Parallel()
	const model, profile = "amazon.nova-lite-v1:0", "us.amazon.nova-lite-v1:0"
	s3doc := func(uri string) bedrockagent.KnowledgeBaseDocument {
		return bedrockagent.KnowledgeBaseDocument{Content: &bedrockagent.DocumentContent{
			S3: &bedrockagent.S3Content{S3Location: &bedrockagent.S3Location{Uri: &uri}},
		}}
	}
	cases := []struct {
		service, op string
		input       any
	}{
		{"bedrock-runtime", "Converse", &bedrockruntime.ConverseInput{ModelId: ptr(model)}},
		{"bedrock-runtime", "Converse", &bedrockruntime.ConverseInput{ModelId: ptr("arn:aws:bedrock:us-east-1::foundation-model/" + model)}},
		{"bedrock-runtime", "Converse", &bedrockruntime.ConverseInput{ModelId: ptr("arn:aws:bedrock:eu-west-1::foundation-model/" + model)}},
		{"bedrock-runtime", "Converse", &bedrockruntime.ConverseInput{ModelId: ptr("arn:aws:bedrock:us-east-1:999999999999:foundation-model/" + model)}},
		{"bedrock-runtime", "Converse", &bedrockruntime.ConverseInput{ModelId: ptr(profile)}},
		{"bedrock-runtime", "Converse", &bedrockruntime.ConverseInput{ModelId: ptr("arn:aws:bedrock:us-east-1:999999999999:inference-profile/" + profile)}},
		{"bedrock-runtime", "Converse", &bedrockruntime.ConverseInput{ModelId: ptr("arn:aws:bedrock:us-east-1:999999999999:inference-profile/us.unknown")}},
		{"bedrock-runtime", "Converse", &bedrockruntime.ConverseInput{ModelId: ptr("global.anthropic.claude-sonnet-4-20250514-v1:0")}},
		{"bedrock-runtime", "Converse", &bedrockruntime.ConverseInput{ModelId: ptr("nobody.knows-it")}},
		{"bedrock-runtime", "Converse", &bedrockruntime.ConverseInput{ModelId: ptr("amazon.nova-2-lite-v1:0:256k")}},
		{"bedrock-runtime", "Converse", &bedrockruntime.ConverseInput{ModelId: ptr("arn:aws:bedrock:us-east-1:000000000000:provisioned-model/abcdefghijkl")}},
		{"bedrock-runtime", "Converse", &bedrockruntime.ConverseInput{ModelId: ptr("mine")}},
		{"bedrock-runtime", "Converse", &bedrockruntime.ConverseInput{ModelId: ptr("arn:aws:bedrock:us-east-1:000000000000:application-inference-profile/abcdefghijkl")}},
		{"bedrock-runtime", "Converse", &bedrockruntime.ConverseInput{ModelId: ptr("arn:aws:bedrock:us-east-1:000000000000:imported-model/abcdefghijkl")}},
		{"bedrock-runtime", "Converse", &bedrockruntime.ConverseInput{ModelId: ptr("arn:aws:bedrock:us-east-1:000000000000:prompt/ABCDEFGHIJ:1")}},
		{"bedrock-runtime", "Converse", &bedrockruntime.ConverseInput{ModelId: ptr("arn:aws:sagemaker:us-east-1:000000000000:endpoint/x")}},
		{"bedrock-runtime", "Converse", &bedrockruntime.ConverseInput{
			ModelId: ptr(model), GuardrailConfig: &bedrockruntime.GuardrailConfiguration{GuardrailIdentifier: ptr("abc"), GuardrailVersion: ptr("2")},
		}},
		{"bedrock-runtime", "ConverseStream", &bedrockruntime.ConverseStreamInput{ModelId: ptr(model)}},
		{"bedrock-runtime", "InvokeModel", &bedrockruntime.InvokeModelInput{ModelId: ptr(model)}},
		{"bedrock-runtime", "InvokeModelWithResponseStream", &bedrockruntime.InvokeModelWithResponseStreamInput{ModelId: ptr(model)}},
		{"bedrock-runtime", "CountTokens", &bedrockruntime.CountTokensInput{ModelId: ptr(model)}},
		{"bedrock-runtime", "StartAsyncInvoke", &bedrockruntime.StartAsyncInvokeInput{ModelId: ptr(model)}},
		{"bedrock", "ListFoundationModels", &bedrock.ListFoundationModelsInput{}},
		{"bedrock", "GetFoundationModel", &bedrock.GetFoundationModelInput{ModelIdentifier: ptr(model)}},
		{"bedrock", "GetInferenceProfile", &bedrock.GetInferenceProfileInput{InferenceProfileIdentifier: ptr(profile)}},
		{"bedrock", "CreateInferenceProfile", &bedrock.CreateInferenceProfileInput{
			ModelSource: &bedrock.InferenceProfileModelSource{CopyFrom: ptr(model)}, Tags: []bedrock.Tag{{Key: ptr("a"), Value: ptr("b")}},
		}},
		{"bedrock", "CreateModelInvocationJob", &bedrock.CreateModelInvocationJobInput{ModelId: ptr(model), RoleArn: ptr("arn:aws:iam::000000000000:role/batch")}},
		{"bedrock", "UpdateProvisionedModelThroughput", &bedrock.UpdateProvisionedModelThroughputInput{ProvisionedModelId: ptr("mine"), DesiredModelId: ptr(model)}},
		{"bedrock", "BatchDeleteEvaluationJob", &bedrock.BatchDeleteEvaluationJobInput{JobIdentifiers: []string{"a", "b"}}},
		{"bedrock", "TagResource", &bedrock.TagResourceInput{ResourceARN: ptr("arn:aws:bedrock:us-east-1:000000000000:provisioned-model/x")}},
		{"bedrock-agent", "CreateKnowledgeBase", &bedrockagent.CreateKnowledgeBaseInput{RoleArn: ptr("arn:aws:iam::000000000000:role/kb"), Tags: map[string]string{"a": "b"}}},
		{"bedrock-agent", "GetKnowledgeBase", &bedrockagent.GetKnowledgeBaseInput{KnowledgeBaseId: ptr("KB12345678")}},
		{"bedrock-agent", "IngestKnowledgeBaseDocuments", &bedrockagent.IngestKnowledgeBaseDocumentsInput{
			KnowledgeBaseId: ptr("KB12345678"), Documents: []bedrockagent.KnowledgeBaseDocument{s3doc("s3://docs/a b.txt"), s3doc("s3://docs/c"), s3doc("s3://docs/mine/../theirs")},
		}},
		{"bedrock-agent", "GetPrompt", &bedrockagent.GetPromptInput{PromptIdentifier: ptr("P"), PromptVersion: ptr("3")}},
		{"bedrock-agent", "GetPrompt", &bedrockagent.GetPromptInput{PromptIdentifier: ptr("P")}},
		{"bedrock-agent", "GetFlowAlias", &bedrockagent.GetFlowAliasInput{FlowIdentifier: ptr("F"), AliasIdentifier: ptr("A")}},
		{"bedrock-agent", "GetFlowAlias", &bedrockagent.GetFlowAliasInput{FlowIdentifier: ptr("arn:aws:bedrock:us-east-1:000000000000:flow/F"), AliasIdentifier: ptr("A")}},
		{"bedrock-agent-runtime", "Retrieve", &rt.RetrieveInput{KnowledgeBaseId: ptr("KB12345678")}},
		{"bedrock-agent-runtime", "Retrieve", &rt.RetrieveInput{KnowledgeBaseId: ptr("KB12345678"), RetrievalConfiguration: reranked()}},
		{"bedrock-agent-runtime", "RetrieveAndGenerate", &rt.RetrieveAndGenerateInput{RetrieveAndGenerateConfiguration: &rt.RetrieveAndGenerateConfiguration{
			KnowledgeBaseConfiguration: &rt.KnowledgeBaseRetrieveAndGenerateConfiguration{KnowledgeBaseId: ptr("KB12345678"), ModelArn: ptr(model), RetrievalConfiguration: reranked()},
		}}},
		{"bedrock-agent-runtime", "RetrieveAndGenerate", &rt.RetrieveAndGenerateInput{RetrieveAndGenerateConfiguration: &rt.RetrieveAndGenerateConfiguration{
			KnowledgeBaseConfiguration: &rt.KnowledgeBaseRetrieveAndGenerateConfiguration{KnowledgeBaseId: ptr("KB12345678"), ModelArn: ptr(model)},
		}}},
		{"bedrock-agent-runtime", "RetrieveAndGenerateStream", &rt.RetrieveAndGenerateStreamInput{RetrieveAndGenerateConfiguration: &rt.RetrieveAndGenerateConfiguration{
			ExternalSourcesConfiguration: &rt.ExternalSourcesRetrieveAndGenerateConfiguration{
				ModelArn: ptr(model), Sources: []rt.ExternalSource{{S3Location: &rt.S3ObjectDoc{Uri: ptr("s3://docs/a")}}},
			},
		}}},
		{"bedrock-agent-runtime", "Rerank", &rt.RerankInput{RerankingConfiguration: &rt.RerankingConfiguration{
			BedrockRerankingConfiguration: &rt.BedrockRerankingConfiguration{ModelConfiguration: &rt.BedrockRerankingModelConfiguration{ModelArn: ptr("arn:aws:bedrock:us-east-1::foundation-model/amazon.rerank-v1:0")}},
		}}},
		{"sts", "GetCallerIdentity", &sts.GetCallerIdentityInput{}},
		{"sts", "AssumeRole", &sts.AssumeRoleInput{RoleArn: ptr("arn:aws:iam::000000000000:role/x")}},
		{"sts", "GetFederationToken", &sts.GetFederationTokenInput{Name: ptr("bob"), Tags: []sts.Tag{{Key: ptr("a"), Value: ptr("b")}}}},
		{"iam", "GetUser", &apiiam.GetUserInput{}},
		{"iam", "GetUser", &apiiam.GetUserInput{UserName: ptr("bob")}},
		{"iam", "GetUser", &apiiam.GetUserInput{UserName: ptr("nobody")}},
		{"iam", "GetAccessKeyLastUsed", &apiiam.GetAccessKeyLastUsedInput{AccessKeyId: ptr("AKIABOB")}},
		{"iam", "GetAccessKeyLastUsed", &apiiam.GetAccessKeyLastUsedInput{AccessKeyId: ptr("AKIANOBODY")}},
		{"iam", "CreateUser", &apiiam.CreateUserInput{UserName: ptr("carol"), Path: ptr("/x/"), Tags: []apiiam.Tag{{Key: ptr("a"), Value: ptr("b")}}}},
		{"iam", "CreateRole", &apiiam.CreateRoleInput{RoleName: ptr("r")}},
		{"iam", "UpdateUser", &apiiam.UpdateUserInput{UserName: ptr("bob"), NewUserName: ptr("rob")}},
		{"iam", "UpdateUser", &apiiam.UpdateUserInput{UserName: ptr("bob"), NewPath: ptr("/z/")}},
		{"iam", "ListUsers", &apiiam.ListUsersInput{}},
		{"iam", "ListPolicies", &apiiam.ListPoliciesInput{}},
		{"iam", "AttachUserPolicy", &apiiam.AttachUserPolicyInput{UserName: ptr("bob"), PolicyArn: ptr("arn:aws:iam::aws:policy/X")}},
		{"iam", "GetPolicy", &apiiam.GetPolicyInput{PolicyArn: ptr("arn:aws:iam::aws:policy/X")}},
		{"iam", "ListServiceSpecificCredentials", &apiiam.ListServiceSpecificCredentialsInput{AllUsers: ptr(true)}},
		{"servicequotas", "RequestServiceQuotaIncrease", &servicequotas.RequestServiceQuotaIncreaseInput{ServiceCode: ptr("bedrock"), QuotaCode: ptr("L-1")}},
		{"ce", "GetCostAndUsage", &ce.GetCostAndUsageInput{}},
		{"monitoring", "GetMetricData", &cloudwatch.GetMetricDataInput{}},
		{"monitoring", "DeleteAlarms", &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{}}},
		{"monitoring", "DeleteAlarms", &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{"arn:aws:cloudwatch:us-east-1:000000000000:alarm:other"}}},
	}
	a := newAuthorizer(t, Params{
		Open: true, Directory: &people{users: map[string]directory.User{"bob": {Entity: tagged("/eng/", "bob", nil)}}},
		KeyOwner: func(_ context.Context, id string) (string, bool) { return "bob", id == "AKIABOB" },
		Provisioned: func(_ context.Context, account, region, identifier string) (string, bool) {
			return "arn:aws:bedrock:" + region + ":" + account + ":provisioned-model/abcdefghijkl", identifier == "mine"
		},
	})
	var b strings.Builder
	for _, tc := range cases {
		v := view(t, user("alice"), tc.service, tc.op, tc.input)
		q := a.question(v)
		fmt.Fprintf(&b, "%s %s\n", tc.service, tc.op)
		for _, target := range q.targets(nil) {
			fmt.Fprintf(&b, "    %s %s", target.action, target.resource)
			if target.profile != "" {
				fmt.Fprintf(&b, " through %s", target.profile)
			}
			if target.passedTo != "" {
				fmt.Fprintf(&b, " to %s", target.passedTo)
			}
			b.WriteByte('\n')
		}
		if err := a.Authorize(v); err != nil {
			t.Errorf("%s: got %v where everybody may do everything", tc.op, err)
		}
		if v.Call.Resource != "" {
			fmt.Fprintf(&b, "    = %s\n", v.Call.Resource)
		}
	}
	goldentest.Check(t, "testdata/needs.txt", b.String())
}

// allow is a policy of one statement.
func allow(action, resource, condition string) string {
	text := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"` + action + `","Resource":"` + resource + `"`
	if condition != "" {
		text += `,"Condition":` + condition
	}
	return text + `}]}`
}
