package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/policy"
)

// policies returns 50 policies of 20 statements. statement writes one of them, by the
// numbers of policy and statement.
func policies(tb testing.TB, statement func(p, s int) string) *policy.Set {
	tb.Helper()
	set := &policy.Set{}
	for p := range 50 {
		var list []string
		for s := range 20 {
			list = append(list, statement(p, s))
		}
		d, err := policy.Parse(policy.Managed, `{"Version":"2012-10-17","Statement":[`+strings.Join(list, ",")+`]}`)
		if err != nil {
			tb.Fatal(err)
		}
		set.Identity = append(set.Identity, policy.Attached{Document: d, ID: fmt.Sprint(p)})
	}
	return set
}

// bedrock is what a large organisation's policies look like: several services,
// some of it about models, conditions, denies, variables, and the one statement
// that allows at the very end.
func bedrock(p, s int) string {
	switch {
	case p == 49 && s == 19:
		return `{"Effect":"Allow","Action":["bedrock:InvokeModel","bedrock:InvokeModelWithResponseStream"],
			"Resource":"arn:aws:bedrock:*::foundation-model/amazon.nova-*","Condition":{"IpAddress":{"aws:SourceIp":["192.0.2.0/24","10.0.0.0/8"]}}}`
	case s == 0:
		return fmt.Sprintf(`{"Effect":"Deny","Action":"bedrock:*","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":["us-east-1","eu-west-%d"]}}}`, p)
	case s == 1:
		return fmt.Sprintf(`{"Effect":"Allow","Action":"bedrock:Invoke*","Resource":"arn:aws:bedrock:*::foundation-model/vendor%d.*"}`, p)
	case s == 2:
		return `{"Effect":"Allow","Action":["bedrock:InvokeModel"],"Resource":"arn:aws:bedrock:*:*:inference-profile/${aws:username}-*"}`
	case s == 3:
		return `{"Effect":"Deny","NotAction":["bedrock:*","s3:*","iam:*"],"Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`
	}
	services := []string{"s3", "iam", "ec2", "ecs", "logs", "kms", "lambda", "dynamodb", "sqs", "sns"}
	return fmt.Sprintf(`{"Effect":"Allow","Action":["%s:Get*","%s:Put%d"],"Resource":"*"}`, services[s%10], services[(s+p)%10], s)
}

// worst is all about the action: nothing can be left out by an index.
func worst(p, s int) string {
	if p == 49 && s == 19 {
		return `{"Effect":"Allow","Action":"*","Resource":"arn:aws:bedrock:*::foundation-model/*"}`
	}
	return fmt.Sprintf(`{"Effect":"%s","Action":"bedrock:*Model","Resource":"arn:aws:bedrock:*::foundation-model/v%d-%d.*","Condition":{"StringLike":{"aws:username":"al*"}}}`,
		[]string{"Allow", "Deny"}[s%2], p, s)
}

func benchmarkRequest() *policy.Request {
	return &policy.Request{
		Principal: iam.UserPrincipal(account, "alice", "AIDAALICEALICEALICE22", "AKIA"), Action: "bedrock:InvokeModel", Resource: model,
		Values: values{"aws:requestedregion": {"us-east-1"}, "aws:securetransport": {"true"}, "aws:sourceip": {"10.1.2.3"}, "aws:username": {"alice"}},
	}
}

func BenchmarkEvaluate50x20(b *testing.B) {
	for name, statement := range map[string]func(p, s int) string{"usual": bedrock, "worst": worst} {
		b.Run(name, func(b *testing.B) {
			set, r := policies(b, statement), benchmarkRequest()
			b.ReportAllocs()
			for b.Loop() {
				if !policy.Evaluate(r, set).Allowed {
					b.Fatal("denied")
				}
			}
		})
	}
}

func TestEvaluateAllocatesNothing(t *testing.T) {
	for name, statement := range map[string]func(p, s int) string{"usual": bedrock, "worst": worst} {
		set, keys := policies(t, statement), benchmarkRequest()
		// As a caller does: the request and the set are made for the occasion.
		once := func() {
			r := policy.Request{Principal: keys.Principal, Action: keys.Action, Resource: keys.Resource, Values: keys.Values}
			all := policy.Set{Identity: set.Identity, Boundary: set.Identity}
			if !policy.Evaluate(&r, &all).Allowed {
				t.Error("denied")
			}
		}
		if n := testing.AllocsPerRun(20, once); n != 0 {
			t.Errorf("%s: got %v allocations, want none", name, n)
		}
	}
}
