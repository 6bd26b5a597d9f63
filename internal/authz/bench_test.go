package authz

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/policy"
)

// governed is a Directory with one caller, whose policies are read.
type governed struct {
	people

	set policy.Set
}

func (g *governed) Governing(context.Context, iam.Principal) (directory.Governing, error) {
	return directory.Governing{Set: g.set}, nil
}

// manyPolicies are fifty policies of twenty statements, about other models and
// other actions, and one statement that allows.
func manyPolicies(b *testing.B) policy.Set {
	b.Helper()
	set := policy.Set{}
	for i := range 50 {
		var statements []string
		for j := range 20 {
			switch {
			case i == 49 && j == 19:
				statements = append(statements, `{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:*::foundation-model/`+model+`"}`)
			case j%4 == 0:
				statements = append(statements, fmt.Sprintf(`{"Effect":"Deny","Action":["bedrock:Invoke*","s3:Get*"],"Resource":"arn:aws:bedrock:*::foundation-model/vendor-%d.model-%d*"}`, i, j))
			case j%4 == 1:
				statements = append(statements, fmt.Sprintf(`{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:eu-west-%d::foundation-model/*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"team-%d"}}}`, i, j))
			case j%4 == 2:
				statements = append(statements, fmt.Sprintf(`{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::bucket-%d/%d/*"}`, i, j))
			default:
				statements = append(statements, fmt.Sprintf(`{"Effect":"Allow","Action":"bedrock:Get*","Resource":"arn:aws:bedrock:us-east-1:000000000000:knowledge-base/KB%d%d"}`, i, j))
			}
		}
		set.Identity = append(set.Identity, attached(b, policy.Identity, fmt.Sprintf("p%d", i), `{"Version":"2012-10-17","Statement":[`+strings.Join(statements, ",")+`]}`))
	}
	return set
}

// BenchmarkAuthorize is the whole step for one call of a model: what it needs,
// and a thousand statements asked.
func BenchmarkAuthorize(b *testing.B) {
	a := newAuthorizer(b, Params{Directory: &governed{set: manyPolicies(b)}})
	b.Run("a thousand statements", func(b *testing.B) {
		v := view(b, user("alice"), "bedrock-runtime", "Converse", converse(model))
		b.ReportAllocs()
		for b.Loop() {
			if err := a.Authorize(v); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("the owner", func(b *testing.B) {
		v := view(b, iam.RootPrincipal(account, ""), "bedrock-runtime", "Converse", converse(model))
		b.ReportAllocs()
		for b.Loop() {
			if err := a.Authorize(v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
