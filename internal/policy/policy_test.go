package policy_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/policy"
)

func mustParse(t *testing.T, kind policy.Kind, text string) *policy.Document {
	t.Helper()
	d, err := policy.Parse(kind, text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestExplain(t *testing.T) {
	t.Parallel()
	const text = `{"Version": "2012-10-17", "Statement": [
		{"Sid": "Models", "Effect": "Allow", "Action": "bedrock:*", "Resource": "*"},
		{"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"not:Asked": "true"}}},
		{"Sid": "Home", "Effect": "Deny", "NotAction": "bedrock:Get*", "Resource": "*",
			"Condition": {"StringEquals": {"aws:RequestTag/Team": "x"}, "Null": {"aws:UserName": "true", "aws:sourceip": "false"}}},
		{"Sid": "Off", "Effect": "Deny", "Action": "bedrock:InvokeModel", "Resource": "*", "Condition": {"StringEquals": {"k:k": "v"}}},
		{"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::*", "Condition": {"Bool": {"not:AskedEither": "true"}}}]}`
	own := policy.Attached{Document: mustParse(t, policy.Identity, text), ID: "own", Type: "user", Owner: "arn:aws:iam::111122223333:user/alice"}
	scp := policy.Attached{Document: mustParse(t, policy.Service, everything), ID: "arn:scp"}
	r := request{Keys: map[string]any{"k:k": "v"}}.build(t)
	got := policy.Explain(r, &policy.Set{Identity: []policy.Attached{own}, Service: [][]policy.Attached{{scp}}})
	if got.Allowed || !got.Explicit || got.By != policy.ByIdentity || got.Policy != "own" {
		t.Errorf("got %+v, want a deny by own", got)
	}
	type match struct {
		Layer     policy.Layer
		ID, SID   string
		Statement int
		Deny      bool
		Text      string
	}
	var matches []match
	for _, m := range got.Matches {
		matches = append(matches, match{m.Layer, m.Policy.ID, m.SID, m.Statement, m.Deny, m.Policy.Text()[m.Start:m.End]})
	}
	want := []match{
		{policy.ByIdentity, "own", "Models", 0, false, `{"Sid": "Models", "Effect": "Allow", "Action": "bedrock:*", "Resource": "*"}`},
		{policy.ByIdentity, "own", "Off", 3, true, `{"Sid": "Off", "Effect": "Deny", "Action": "bedrock:InvokeModel", "Resource": "*", "Condition": {"StringEquals": {"k:k": "v"}}}`},
		{policy.ByService, "arn:scp", "", 0, false, `{"Effect":"Allow","Action":"*","Resource":"*"}`},
	}
	if diff := cmp.Diff(want, matches); diff != "" {
		t.Error(diff)
	}
	if want := []string{"aws:requesttag/team", "aws:sourceip", "aws:username"}; !slices.Equal(got.Missing, want) {
		t.Errorf("missing keys: got %v, want %v", got.Missing, want)
	}
	if d := policy.Evaluate(r, &policy.Set{Identity: []policy.Attached{own}}); d.Matches != nil || d.Missing != nil {
		t.Errorf("Evaluate: got %+v, want no reasons", d)
	}
}

// TestExplainOfRoot: no policy but an endpoint's has a say.
func TestExplainOfRoot(t *testing.T) {
	t.Parallel()
	d := mustParse(t, policy.Resource, `{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}`)
	list := []policy.Attached{{Document: d}}
	r := request{Principal: "root"}.build(t)
	got := policy.Explain(r, &policy.Set{Identity: list, Boundary: list, Session: list, Service: [][]policy.Attached{list}, Endpoint: list, Resource: list})
	if !got.Allowed || len(got.Matches) != 1 || got.Matches[0].Layer != policy.ByEndpoint {
		t.Errorf("got %+v, want one match, by the endpoint", got)
	}
}

func TestDocument(t *testing.T) {
	t.Parallel()
	const text = `{"Version":"2012-10-17","Statement":[
		{"Sid":"One","Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:UserName}/${aws:PrincipalTag/Team, 'x'}${*}",
			"Condition":{"StringLike":{"s3:prefix":["${aws:username}/*","${aws:userid}"]},"ArnLike":{"aws:SourceArn":"arn:aws:s3:::${k:b}"}}},
		{"Effect":"Deny","NotAction":"a:b","NotResource":"*","Condition":{"Bool":{"AWS:SecureTransport":false,"S3:Prefix":"true"}}}]}`
	d := mustParse(t, policy.Managed, text)
	want := []string{"aws:UserName", "aws:PrincipalTag/Team", "s3:prefix", "aws:userid", "aws:SourceArn", "k:b", "AWS:SecureTransport"}
	if got := d.ContextKeys(); !slices.Equal(got, want) {
		t.Errorf("context keys: got %v, want %v", got, want)
	}
	if d.Kind() != policy.Managed || d.Text() != text || d.Version() != "2012-10-17" {
		t.Errorf("got the kind %v, the version %s and %q", d.Kind(), d.Version(), d.Text())
	}
	list := d.Statements()
	if len(list) != 2 || list[0].SID != "One" || list[0].Deny || list[1].SID != "" || !list[1].Deny ||
		!strings.HasPrefix(text[list[1].Start:list[1].End], `{"Effect":"Deny"`) || text[list[1].End:] != "]}" {
		t.Errorf("got the statements %+v", list)
	}
	if old := mustParse(t, policy.Identity, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`); old.Version() != "2008-10-17" {
		t.Errorf("without a version: got %s, want the oldest", old.Version())
	}
}

// TestUnreadable: a policy that could not be read may have denied anything.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	allow := policy.Attached{Document: mustParse(t, policy.Identity, everything)}
	r := request{}.build(t)
	got := policy.Evaluate(r, &policy.Set{Identity: []policy.Attached{allow, {ID: "broken"}}})
	if got.Allowed || !got.Explicit || got.Policy != "broken" {
		t.Errorf("got %+v, want a deny by the broken one", got)
	}
	if got := policy.Explain(r, &policy.Set{Identity: []policy.Attached{{ID: "broken"}, allow}}); got.Allowed {
		t.Errorf("Explain: got %+v, want a deny", got)
	}
}

func TestNoValues(t *testing.T) {
	t.Parallel()
	d := mustParse(t, policy.Identity, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"a":"${b}"},"Null":{"c":"true"}}}}`)
	r := &policy.Request{Principal: iam.UserPrincipal(account, "alice", "AIDA", "AKIA"), Action: "a:b", Resource: "*"}
	for _, decide := range []func(*policy.Request, *policy.Set) policy.Decision{policy.Evaluate, policy.Explain} {
		if got := decide(r, &policy.Set{Identity: []policy.Attached{{Document: d}}}); !got.Allowed {
			t.Errorf("got %+v, want allowed", got)
		}
	}
}

// TestText is about what the corpus cannot say.
func TestText(t *testing.T) {
	t.Parallel()
	tests := map[string]policy.Decision{
		"": {Allowed: true},
		"User: arn is not authorized to perform: a:b with an explicit deny in a service control policy":        {Explicit: true, By: policy.ByService, Policy: "deny.json"},
		"User: arn is not authorized to perform: a:b with an explicit deny in a service control policy: arn:x": {Explicit: true, By: policy.ByService, Policy: "arn:x"},
		"User: arn is not authorized to perform: a:b with an explicit deny in an identity-based policy":        {Explicit: true, By: policy.ByIdentity, Policy: "arn:x"},
		"User: arn is not authorized to perform: a:b because no resource-based policy allows the a:b action":   {By: policy.ByResource},
		"User: arn is not authorized to perform: a:b because no service control policy allows the a:b action":  {By: policy.ByService},
		"User: arn is not authorized to perform: a:b because no VPC endpoint policy allows the a:b action":     {By: policy.ByEndpoint},
		"User: arn is not authorized to perform: a:b with an explicit deny in a VPC endpoint policy":           {Explicit: true, By: policy.ByEndpoint},
		"User: arn is not authorized to perform: a:b with an explicit deny in the role trust policy":           {Explicit: true, By: policy.ByTrust},
		"User: arn is not authorized to perform: a:b because no session policy allows the a:b action":          {By: policy.BySession},
		"User: arn is not authorized to perform: a:b because no permissions boundary allows the a:b action":    {By: policy.ByBoundary},
		"User: arn is not authorized to perform: a:b because no role trust policy allows the a:b action":       {By: policy.ByTrust},
		"User: arn is not authorized to perform: a:b with an explicit deny in a permissions boundary":          {Explicit: true, By: policy.ByBoundary},
		"User: arn is not authorized to perform: a:b with an explicit deny in a resource-based policy":         {Explicit: true, By: policy.ByResource},
		"User: arn is not authorized to perform: a:b because no identity-based policy allows the a:b action":   {By: policy.ByIdentity},
		"User: arn is not authorized to perform: a:b with an explicit deny in a session policy":                {Explicit: true, By: policy.BySession},
	}
	for want, d := range tests {
		for _, resource := range []string{"", "*"} {
			if got := d.Text("arn", "a:b", resource); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		}
	}
}

// TestHugeDocuments: what is as long as the API takes is read, refused and
// evaluated at once, however it is made.
func TestHugeDocuments(t *testing.T) {
	t.Parallel()
	statement := func(action, resource, value string) string {
		return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":[` + action + `],"Resource":"` + resource +
			`","Condition":{"StringLike":{"k:k":"` + value + `"}}}}`
	}
	var distinct []string
	for i := range 4000 {
		distinct = append(distinct, `"a:`+strings.Repeat("b", i%40)+string(rune('a'+i%26))+`"`)
	}
	tests := map[string]string{
		"many actions":     statement(strings.Join(distinct, ","), "*", "*"),
		"dollars":          statement(`"*"`, "arn:aws:s3:::"+strings.Repeat("$", 120_000), "*"),
		"braces":           statement(`"*"`, "arn:aws:s3:::"+strings.Repeat("${", 60_000), "*"),
		"stars":            statement(`"*"`, "*", strings.Repeat("*a", 60_000)+"b"),
		"question marks":   statement(`"*"`, "*", "*"+strings.Repeat("?", 120_000)),
		"stars in actions": statement(`"bedrock:`+strings.Repeat("*o", 60_000)+`"`, "*", "*"),
		"deep":             `{"Statement":` + strings.Repeat("[", 130_000),
		"too long":         statement(`"*"`, "*", strings.Repeat("a", 140_000)),
		"many statements":  `{"Statement":[` + strings.TrimSuffix(strings.Repeat(`{"Effect":"Allow","Action":"*","Resource":"*"},`, 2700), ",") + `]}`,
	}
	r := request{Keys: map[string]any{"k:k": strings.Repeat("a", 2048)}}.build(t)
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			d, err := policy.Parse(policy.Identity, text)
			if err == nil {
				policy.Evaluate(r, &policy.Set{Identity: []policy.Attached{{Document: d}}})
			} else if !fault.Is(err, fault.Invalid) {
				t.Errorf("got error %v, want an invalid document", err)
			}
			// A machine that does ten things at once needs a fraction of it.
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// TestConcurrent: a document serves any number of requests at once.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	set := policies(t, bedrock)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			r := benchmarkRequest()
			for range 50 {
				if !policy.Evaluate(r, set).Allowed || !policy.Explain(r, set).Allowed {
					t.Error("got a denial")
				}
			}
		})
	}
	wait.Wait()
}
