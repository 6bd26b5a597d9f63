package authz

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/api/bedrock"
	"github.com/outcrop/outcrop/internal/api/bedrockagent"
	rt "github.com/outcrop/outcrop/internal/api/bedrockagentruntime"
	"github.com/outcrop/outcrop/internal/api/bedrockruntime"
	apiiam "github.com/outcrop/outcrop/internal/api/iam"
	"github.com/outcrop/outcrop/internal/api/servicequotas"
	"github.com/outcrop/outcrop/internal/api/sts"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/goldentest"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/policy"
)

const (
	model   = "amazon.nova-lite-v1:0"
	profile = "us.amazon.nova-lite-v1:0"
	allARNs = "arn:aws:bedrock:*::foundation-model/*"
)

func converse(id string) *bedrockruntime.ConverseInput {
	return &bedrockruntime.ConverseInput{ModelId: &id}
}

// TestDenials is the golden list of what callers are told.
func TestDenials(t *testing.T) {
	t.Parallel()
	const one = "arn:aws:bedrock:us-east-1::foundation-model/" + model
	deny := func(action string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"` + action + `","Resource":"*"}]}`
	}
	role := iam.Principal{
		Type: iam.AssumedRole, Account: account, ARN: "arn:aws:sts::" + account + ":assumed-role/r/s", UserID: "AROA:s", Name: "r",
		Session: &iam.Session{Name: "s"},
	}
	cases := []struct {
		name        string
		who         iam.Principal
		policy      string
		service, op string
		input       any
		change      func(*observe.View)
		params      Params
	}{
		{name: "nothing allows", policy: allow("s3:*", "*", ""), service: "bedrock-runtime", op: "Converse", input: converse(model)},
		{name: "the model", policy: allow("bedrock:InvokeModel", one, ""), service: "bedrock-runtime", op: "Converse", input: converse(model)},
		{name: "another model", policy: allow("bedrock:InvokeModel", one, ""), service: "bedrock-runtime", op: "Converse", input: converse("amazon.nova-pro-v1:0")},
		{name: "an unknown model", policy: allow("bedrock:InvokeModel", one, ""), service: "bedrock-runtime", op: "Converse", input: converse("nobody.knows-it")},
		{name: "another region", policy: allow("bedrock:InvokeModel", one, ""), service: "bedrock-runtime", op: "Converse", input: converse(model), change: func(v *observe.View) { v.Call.Region = "eu-west-1" }},
		{name: "streaming", policy: allow("bedrock:InvokeModel", "*", ""), service: "bedrock-runtime", op: "ConverseStream", input: &bedrockruntime.ConverseStreamInput{ModelId: ptr(model)}},
		{name: "an assumed role", who: role, policy: allow("s3:*", "*", ""), service: "bedrock-runtime", op: "Converse", input: converse(model)},
		{name: "a profile alone", policy: allow("bedrock:InvokeModel", "arn:aws:bedrock:us-east-1:*:inference-profile/*", ""), service: "bedrock-runtime", op: "Converse", input: converse(profile)},
		{name: "a profile and one region", policy: `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":["arn:aws:bedrock:us-east-1:*:inference-profile/*","` + one + `"]}}`, service: "bedrock-runtime", op: "Converse", input: converse(profile)},
		{name: "a profile and its models", policy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:us-east-1:*:inference-profile/*"},{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"` + allARNs + `","Condition":{"StringLike":{"bedrock:InferenceProfileArn":"arn:aws:bedrock:us-east-1:*:inference-profile/us.*"}}}]}`, service: "bedrock-runtime", op: "Converse", input: converse(profile)},
		{name: "the model without its profile", policy: allow("bedrock:InvokeModel", allARNs, `{"StringLike":{"bedrock:InferenceProfileArn":"*"}}`), service: "bedrock-runtime", op: "Converse", input: converse(model)},
		{name: "an explicit deny", policy: deny("bedrock:InvokeModel*"), service: "bedrock-runtime", op: "Converse", input: converse(model)},
		{name: "a list", policy: allow("s3:*", "*", ""), service: "bedrock", op: "ListFoundationModels", input: &bedrock.ListFoundationModelsInput{}},
		{name: "a list of IAM", policy: allow("s3:*", "*", ""), service: "iam", op: "ListPolicies", input: &apiiam.ListPoliciesInput{}},
		{name: "oneself", policy: allow("iam:GetUser", "arn:aws:iam::*:user/${aws:username}", ""), service: "iam", op: "GetUser", input: &apiiam.GetUserInput{}},
		{name: "somebody else", policy: allow("iam:GetUser", "arn:aws:iam::*:user/${aws:username}", ""), service: "iam", op: "GetUser", input: &apiiam.GetUserInput{UserName: ptr("bob")}},
		{name: "who one is", policy: deny("*"), service: "sts", op: "GetCallerIdentity", input: &sts.GetCallerIdentityInput{}},
		{name: "an API key", policy: allow("bedrock:InvokeModel", "*", ""), service: "bedrock-runtime", op: "Converse", input: converse(model), change: func(v *observe.View) { v.Header.Set("Authorization", "Bearer ABSKx") }},
		{name: "an API key that may", policy: allow("bedrock:*", "*", ""), service: "bedrock-runtime", op: "Converse", input: converse(model), change: func(v *observe.View) { v.Header.Set("Authorization", "Bearer ABSKx") }},
		{name: "a long-term API key where short ones may", policy: allow("bedrock:*", "*", `{"StringEqualsIfExists":{"bedrock:BearerTokenType":"SHORT_TERM"}}`), service: "bedrock-runtime", op: "Converse", input: converse(model), change: func(v *observe.View) { v.Header.Set("Authorization", "bearer ABSKx") }},
		{name: "a short-term API key", policy: allow("bedrock:*", "*", `{"StringEqualsIfExists":{"bedrock:BearerTokenType":"SHORT_TERM"}}`), service: "bedrock-runtime", op: "Converse", input: converse(model), change: func(v *observe.View) { v.Header.Set("Authorization", "Bearer bedrock-api-key-x") }},
		{name: "a short-term API key behind a tab", policy: allow("bedrock:*", "*", `{"StringEqualsIfExists":{"bedrock:BearerTokenType":"SHORT_TERM"}}`), service: "bedrock-runtime", op: "Converse", input: converse(model), change: func(v *observe.View) { v.Header.Set("Authorization", "Bearer \tbedrock-api-key-x") }},
		{name: "a role that may not be passed", policy: allow("bedrock:*", "*", ""), service: "bedrock-agent", op: "CreateKnowledgeBase", input: &bedrockagent.CreateKnowledgeBaseInput{RoleArn: ptr("arn:aws:iam::" + account + ":role/kb")}},
		{name: "a role passed to somebody else", policy: allow("*", "*", `{"StringEqualsIfExists":{"iam:PassedToService":"ec2.amazonaws.com"}}`), service: "bedrock-agent", op: "CreateKnowledgeBase", input: &bedrockagent.CreateKnowledgeBaseInput{RoleArn: ptr("arn:aws:iam::" + account + ":role/kb")}},
		{name: "a quota", policy: allow("servicequotas:*", "*", `{"StringEquals":{"servicequotas:service":"s3"}}`), service: "servicequotas", op: "GetServiceQuota", input: &servicequotas.GetServiceQuotaInput{ServiceCode: ptr("bedrock"), QuotaCode: ptr("L-1")}},
		{
			name: "a service control policy", policy: allow("*", "*", ""), service: "bedrock-runtime", op: "Converse", input: converse(model),
			params: Params{Service: func() [][]policy.Attached {
				return [][]policy.Attached{{attached(t, policy.Service, "arn:aws:organizations::"+account+":policy/o-outcrop/service_control_policy/p-x", deny("bedrock:*"))}}
			}},
		},
		{
			name: "an endpoint", policy: allow("*", "*", ""), service: "bedrock-runtime", op: "Converse", input: converse(model),
			change: func(v *observe.View) { v.Call.Source.Endpoint = "vpce-1" },
			params: Params{Endpoints: func(string) []policy.Attached {
				return []policy.Attached{attached(t, policy.Resource, "vpce-1", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}}`)}
			}},
		},
	}
	var b strings.Builder
	for _, tc := range cases {
		who := tc.who
		if who.Type == "" {
			who = user("alice")
		}
		tc.params.Directory = &people{policies: map[string]string{who.Name: tc.policy}}
		a := newAuthorizer(t, tc.params)
		v := view(t, who, tc.service, tc.op, tc.input)
		if tc.change != nil {
			tc.change(v)
		}
		text := "yes"
		if err := a.Authorize(v); err != nil {
			if !fault.Is(err, fault.Denied) {
				t.Errorf("%s: got %v", tc.name, err)
			}
			text = fault.As(err).Message
		}
		fmt.Fprintf(&b, "%s:\n    %s\n", tc.name, text)
		v.Call.Principal = iam.RootPrincipal(account, "AKIA")
		if err := a.Authorize(v); err != nil && tc.name != "an endpoint" {
			t.Errorf("%s: got %v for the account's owner", tc.name, err)
		}
	}
	goldentest.Check(t, "testdata/denials.txt", b.String())
}

func TestPrincipalsThatAreGone(t *testing.T) {
	t.Parallel()
	a := newAuthorizer(t, Params{})
	for _, who := range []iam.Principal{user("deleted"), {Type: iam.Anonymous, ARN: "arn:aws:iam::" + account + ":user/anonymous"}, {}} {
		err := a.Authorize(view(t, who, "bedrock-runtime", "Converse", converse(model)))
		if fault.As(err).Code != "UnrecognizedClientException" {
			t.Errorf("%s: got %v, want that the token is invalid", who.ARN, err)
		}
	}
}

// An operation that no table knows is nobody's.
func TestUnknownOperation(t *testing.T) {
	t.Parallel()
	a := newAuthorizer(t, Params{Open: true})
	v := view(t, user("alice"), "bedrock-runtime", "Converse", converse(model))
	v.Op = nil
	if err := a.Authorize(v); !fault.Is(err, fault.Denied) {
		t.Errorf("got %v, want a denial", err)
	}
}

func TestRolesThatAreHandedOver(t *testing.T) {
	t.Parallel()
	trust := func(statement string) directory.Role {
		return directory.Role{
			Entity:      directory.Entity{Name: "kb", Path: "/", ARN: "arn:aws:iam::" + account + ":role/kb"},
			TrustPolicy: `{"Version":"2012-10-17","Statement":` + statement + `}`,
		}
	}
	const bedrockMay = `{"Effect":"Allow","Principal":{"Service":"bedrock.amazonaws.com"},"Action":"sts:AssumeRole"`
	cases := map[string]struct {
		role directory.Role
		arn  string
		ok   bool
	}{
		"unknown":         {arn: "arn:aws:iam::" + account + ":role/elsewhere", ok: true},
		"trusts":          {role: trust(bedrockMay + `}`), ok: true},
		"trusts us":       {role: trust(bedrockMay + `,"Condition":{"StringEquals":{"aws:SourceAccount":"` + account + `"},"ArnLike":{"aws:SourceArn":"arn:aws:bedrock:us-east-1:` + account + `:knowledge-base/*"}}}`), ok: true},
		"trusts others":   {role: trust(bedrockMay + `,"Condition":{"StringEquals":{"aws:SourceAccount":"999999999999"}}}`)},
		"trusts lambda":   {role: trust(`{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`)},
		"of another path": {role: trust(`{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`), arn: "arn:aws:iam::" + account + ":role/x/kb", ok: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.arn == "" {
				tc.arn = "arn:aws:iam::" + account + ":role/kb"
			}
			a := newAuthorizer(t, Params{Directory: &people{roles: map[string]directory.Role{"kb": tc.role}, policies: map[string]string{"alice": allow("*", "*", "")}}})
			for _, who := range []iam.Principal{user("alice"), iam.RootPrincipal(account, "AKIA")} {
				err := a.Authorize(view(t, who, "bedrock-agent", "CreateKnowledgeBase", &bedrockagent.CreateKnowledgeBaseInput{RoleArn: &tc.arn}))
				if tc.ok && err != nil || !tc.ok && (!fault.Is(err, fault.Invalid) || !strings.HasPrefix(fault.As(err).Message, "Bedrock Knowledge Base was unable to assume the given role.")) {
					t.Errorf("%s: got %v", who.Type, err)
				}
			}
		})
	}
}

// What a data source reads, the knowledge base's role may read; where the account
// does not have the role, the caller.
func TestWhatDataSourcesRead(t *testing.T) {
	t.Parallel()
	reader := directory.Role{Entity: directory.Entity{Name: "reader", ID: "AROAREADER", ARN: "arn:aws:iam::" + account + ":role/reader"}}
	a := newAuthorizer(t, Params{
		Directory: &people{
			policies: map[string]string{
				"alice":  allow("bedrock:*", "*", ""),
				"both":   `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["bedrock:*","s3:Get*"],"Resource":"*"}}`,
				"reader": allow("s3:GetObject", "arn:aws:s3:::docs/open/*", ""),
			},
			roles: map[string]directory.Role{"reader": reader},
		},
		BaseRole: func(_ context.Context, _, _, id string) string {
			return map[string]string{"KNOWN": reader.ARN, "UNKNOWN": "arn:aws:iam::" + account + ":role/elsewhere"}[id]
		},
	})
	for _, tc := range []struct {
		who, base, bucket, prefix string
		want                      error
	}{
		{"alice", "KNOWN", "docs", "open/", nil},
		{"alice", "KNOWN", "docs", "", fault.New(fault.Invalid, "")},
		{"both", "KNOWN", "docs", "closed/", fault.New(fault.Invalid, "")},
		{"alice", "UNKNOWN", "docs", "open/", fault.New(fault.Denied, "")},
		{"both", "UNKNOWN", "docs", "open/", nil},
		{"alice", "KNOWN", "", "", nil}, // documents are given one by one
	} {
		in := &bedrockagent.CreateDataSourceInput{KnowledgeBaseId: &tc.base, DataSourceConfiguration: &bedrockagent.DataSourceConfiguration{}}
		if tc.bucket != "" {
			s := &bedrockagent.S3DataSourceConfiguration{BucketArn: ptr("arn:aws:s3:::" + tc.bucket)}
			if tc.prefix != "" {
				s.InclusionPrefixes = []string{tc.prefix}
			}
			in.DataSourceConfiguration.S3Configuration = s
		}
		err := a.Authorize(view(t, user(tc.who), "bedrock-agent", "CreateDataSource", in))
		if (err == nil) != (tc.want == nil) || err != nil && !fault.Is(err, fault.KindOf(tc.want)) {
			t.Errorf("%s, %s, %s/%s: got %v, want %v", tc.who, tc.base, tc.bucket, tc.prefix, err, tc.want)
		}
	}
}

// A bucket has one ARN, in whatever partition the request names it.
func TestPartitionsOfBuckets(t *testing.T) {
	t.Parallel()
	a := newAuthorizer(t, Params{Directory: &people{policies: map[string]string{"alice": `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::closed/*"}]}`}}})
	for _, partition := range []string{"aws", "aws-cn", "aws-us-gov"} {
		source := &bedrockagent.CreateDataSourceInput{KnowledgeBaseId: ptr("BASE000001"), DataSourceConfiguration: &bedrockagent.DataSourceConfiguration{
			S3Configuration: &bedrockagent.S3DataSourceConfiguration{BucketArn: ptr("arn:" + partition + ":s3:::closed")},
		}}
		if err := a.Authorize(view(t, user("alice"), "bedrock-agent", "CreateDataSource", source)); !fault.Is(err, fault.Denied) {
			t.Errorf("a data source in %s: got %v", partition, err)
		}
	}
	v := view(t, user("alice"), "bedrock-agent", "IngestKnowledgeBaseDocuments", &bedrockagent.IngestKnowledgeBaseDocumentsInput{
		KnowledgeBaseId: ptr("BASE000001"), Documents: []bedrockagent.KnowledgeBaseDocument{{Content: &bedrockagent.DocumentContent{
			S3: &bedrockagent.S3Content{S3Location: &bedrockagent.S3Location{Uri: ptr("s3://closed/a")}},
		}}},
	})
	v.Call.Region = "us-gov-west-1"
	if err := a.Authorize(v); !fault.Is(err, fault.Denied) {
		t.Errorf("a document in a region of another partition: got %v", err)
	}
}

// A resource's own policy has a say about that resource alone.
func TestPoliciesOfResources(t *testing.T) {
	t.Parallel()
	const shared = "arn:aws:bedrock:us-east-1:" + account + ":knowledge-base/SHARED0000"
	own := []policy.Attached{attached(t, policy.Resource, shared,
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::`+account+`:user/alice"},"Action":"bedrock:Retrieve","Resource":"*"}}`)}
	broken := fault.New(fault.Internal, "the store is gone")
	a := newAuthorizer(t, Params{
		Directory: &people{policies: map[string]string{"alice": allow("s3:*", "*", ""), "bob": allow("s3:*", "*", "")}},
		Resource: func(_ context.Context, arn string) ([]policy.Attached, error) {
			switch {
			case arn == shared:
				return own, nil
			case strings.HasSuffix(arn, "BROKEN0000"):
				return nil, broken
			}
			return nil, nil
		},
	})
	for _, tc := range []struct {
		who, base string
		want      error // of the kind; nil: allowed
	}{
		{"alice", "SHARED0000", nil},
		{"bob", "SHARED0000", fault.New(fault.Denied, "")},
		{"alice", "ANOTHER000", fault.New(fault.Denied, "")},
		{"alice", "BROKEN0000", broken},
	} {
		err := a.Authorize(view(t, user(tc.who), "bedrock-agent-runtime", "Retrieve", &rt.RetrieveInput{KnowledgeBaseId: &tc.base}))
		if (err == nil) != (tc.want == nil) || err != nil && !fault.Is(err, fault.KindOf(tc.want)) {
			t.Errorf("%s on %s: got %v, want %v", tc.who, tc.base, err, tc.want)
		}
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	a := newAuthorizer(t, Params{Directory: &people{policies: map[string]string{"alice": allow("s3:GetObject", "arn:aws:s3:::docs/*", `{"StringEquals":{"s3:x":"1"}}`)}}})
	c := &call.Call{Account: account, Region: "us-east-1", Principal: user("alice")}
	if err := a.Decide(t.Context(), c, "s3:GetObject", "arn:aws:s3:::docs/a", map[string][]string{"s3:x": {"1"}}); err != nil {
		t.Error(err)
	}
	err := a.Decide(t.Context(), c, "s3:PutObject", "arn:aws:s3:::docs/a", nil)
	const want = `User: arn:aws:iam::000000000000:user/alice is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::docs/a" because no identity-based policy allows the s3:PutObject action`
	if fault.As(err).Message != want {
		t.Errorf("got  %s\nwant %s", fault.As(err).Message, want)
	}
}

// reranked is a search whose results a model puts into order.
func reranked() *rt.KnowledgeBaseRetrievalConfiguration {
	return &rt.KnowledgeBaseRetrievalConfiguration{VectorSearchConfiguration: &rt.KnowledgeBaseVectorSearchConfiguration{
		RerankingConfiguration: &rt.VectorSearchRerankingConfiguration{BedrockRerankingConfiguration: &rt.VectorSearchBedrockRerankingConfiguration{
			ModelConfiguration: &rt.VectorSearchBedrockRerankingModelConfiguration{ModelArn: ptr("arn:aws:bedrock:us-east-1::foundation-model/amazon.rerank-v1:0")},
		}},
	}}
}

// Who may search a knowledge base may not use any model for it: its role has to be
// able to, and where the account does not have the role, the caller.
func TestModelsThatRankResults(t *testing.T) {
	t.Parallel()
	role := func(name string) directory.Role {
		return directory.Role{Entity: directory.Entity{Name: name, ID: "AROA" + name, ARN: "arn:aws:iam::" + account + ":role/" + name}}
	}
	search := `{"Effect":"Allow","Action":["bedrock:Retrieve","bedrock:RetrieveAndGenerate"],"Resource":"*"}`
	rank := `{"Effect":"Allow","Action":["bedrock:Rerank","bedrock:InvokeModel"],"Resource":"*"}`
	policies := map[string]string{}
	for name, statements := range map[string]string{"alice": search, "both": search + "," + rank, "ranks": rank, "reads": search} {
		policies[name] = `{"Version":"2012-10-17","Statement":[` + statements + `]}`
	}
	a := newAuthorizer(t, Params{
		Directory: &people{policies: policies, roles: map[string]directory.Role{"ranks": role("ranks"), "reads": role("reads")}},
		BaseRole:  func(_ context.Context, _, _, id string) string { return "arn:aws:iam::" + account + ":role/" + id },
	})
	for _, tc := range []struct {
		who, role string
		want      error
	}{
		{"alice", "ranks", nil},
		{"both", "reads", fault.New(fault.Invalid, "")},
		{"alice", "elsewhere", fault.New(fault.Denied, "")},
		{"both", "elsewhere", nil},
	} {
		err := a.Authorize(view(t, user(tc.who), "bedrock-agent-runtime", "Retrieve", &rt.RetrieveInput{KnowledgeBaseId: &tc.role, RetrievalConfiguration: reranked()}))
		if (err == nil) != (tc.want == nil) || err != nil && !fault.Is(err, fault.KindOf(tc.want)) {
			t.Errorf("Retrieve of %s in %s: got %v, want %v", tc.who, tc.role, err, tc.want)
		}
	}
	in := &rt.RetrieveAndGenerateInput{RetrieveAndGenerateConfiguration: &rt.RetrieveAndGenerateConfiguration{
		KnowledgeBaseConfiguration: &rt.KnowledgeBaseRetrieveAndGenerateConfiguration{KnowledgeBaseId: ptr("ranks"), RetrievalConfiguration: reranked()},
	}}
	for who, want := range map[string]bool{"alice": false, "both": true} {
		if err := a.Authorize(view(t, user(who), "bedrock-agent-runtime", "RetrieveAndGenerate", in)); (err == nil) != want {
			t.Errorf("RetrieveAndGenerate of %s: got %v", who, err)
		}
	}
}

// A model of the operator's answers before provisioned throughput of the same name,
// so who may only use the throughput that they named like it may not use it.
func TestThroughputNamedLikeAModel(t *testing.T) {
	t.Parallel()
	const reserved = "arn:aws:bedrock:us-east-1:" + account + ":provisioned-model/abcdefghijkl"
	a := newAuthorizer(t, Params{
		Directory: &people{policies: map[string]string{
			"alice": allow("bedrock:InvokeModel", "arn:aws:bedrock:*:*:provisioned-model/*", ""), "bob": allow("bedrock:InvokeModel", "*", ""),
		}},
		Provisioned: func(context.Context, string, string, string) (string, bool) { return reserved, true },
		Own:         func(id string) bool { return id == "our-llama" },
	})
	for _, tc := range []struct {
		who, id string
		want    bool
	}{{"alice", "mine", true}, {"alice", "our-llama", false}, {"bob", "our-llama", true}} {
		if err := a.Authorize(view(t, user(tc.who), "bedrock-runtime", "Converse", converse(tc.id))); (err == nil) != tc.want {
			t.Errorf("%s with %s: got %v", tc.who, tc.id, err)
		}
	}
}
