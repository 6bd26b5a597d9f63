package iam

import "testing"

func TestDecide(t *testing.T) {
	t.Parallel()
	const model = "arn:aws:bedrock:us-east-1::foundation-model/x"
	cases := map[string]struct {
		principal Principal
		resource  string
		reason    string
	}{
		"root": {principal: RootPrincipal("000000000000", "AKIA"), resource: model},
		"user": {principal: UserPrincipal("000000000000", "alice", "AIDA", "AKIA"), resource: model},
		"anonymous": {
			Principal{Type: Anonymous, ARN: "arn:aws:iam::000000000000:user/anonymous"}, model,
			"User: arn:aws:iam::000000000000:user/anonymous is not authorized to perform: bedrock:InvokeModel on resource: " + model +
				" because no identity-based policy allows the bedrock:InvokeModel action",
		},
		"nobody": {
			Principal{}, "",
			"User: anonymous is not authorized to perform: bedrock:InvokeModel because no identity-based policy allows the bedrock:InvokeModel action",
		},
		"a type alone": {
			Principal{Type: Root}, "",
			"User: anonymous is not authorized to perform: bedrock:InvokeModel because no identity-based policy allows the bedrock:InvokeModel action",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := Decision{Allowed: tc.reason == "", Reason: tc.reason}
			if got := Decide(tc.principal, "bedrock:InvokeModel", tc.resource); got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestAction(t *testing.T) {
	t.Parallel()
	cases := map[[2]string]string{
		{"bedrock-runtime", "InvokeModel"}:                        "bedrock:InvokeModel",
		{"bedrock-runtime", "Converse"}:                           "bedrock:InvokeModel",
		{"bedrock-runtime", "StartAsyncInvoke"}:                   "bedrock:InvokeModel",
		{"bedrock-runtime", "InvokeModelWithResponseStream"}:      "bedrock:InvokeModelWithResponseStream",
		{"bedrock-runtime", "ConverseStream"}:                     "bedrock:InvokeModelWithResponseStream",
		{"bedrock-runtime", "CountTokens"}:                        "bedrock:CountTokens",
		{"bedrock", "ListFoundationModels"}:                       "bedrock:ListFoundationModels",
		{"bedrock-agent", "CreateKnowledgeBase"}:                  "bedrock:CreateKnowledgeBase",
		{"bedrock-agent-runtime", "RetrieveAndGenerateStream"}:    "bedrock:RetrieveAndGenerate",
		{"bedrock-agent-runtime", "Retrieve"}:                     "bedrock:Retrieve",
		{"sts", "GetCallerIdentity"}:                              "sts:GetCallerIdentity",
		{"bedrock-runtime", "InvokeModelWithBidirectionalStream"}: "bedrock:InvokeModelWithBidirectionalStream",
		{"service-quotas-of-nobody", "ConverseStream"}:            "service-quotas-of-nobody:ConverseStream",
	}
	for in, want := range cases {
		if got := Action(in[0], in[1]); got != want {
			t.Errorf("got %s for %s %s, want %s", got, in[0], in[1], want)
		}
	}
}
