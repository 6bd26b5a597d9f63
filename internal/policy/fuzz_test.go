package policy_test

import (
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/policy"
)

// FuzzParse: no text makes the parser panic, and what it takes can be evaluated
// and taken again.
func FuzzParse(f *testing.F) {
	f.Add(uint8(0), everything)
	f.Add(uint8(1), `{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow","Principal":{"AWS":["*"]},"Action":"sts:AssumeRole","Condition":{"Bool":{"a":true}}}]}`)
	f.Add(uint8(2), `{"Statement":{"Effect":"Deny","NotPrincipal":{"AWS":"111122223333"},"NotAction":"a:b*c?","NotResource":"arn:aws:s3:::${a:b, 'c'}/*","Condition":{"ForAllValues:ArnLikeIfExists":{"a":"arn:*:*:*:*:*"}}}}`)
	f.Add(uint8(3), `{"Statement":{"Effect":"Allow","Action":["*"],"Resource":["*"],"Condition":{"DateLessThan":{"a":"2026-11-21T12:00:00.5+01:00"},"NumericEquals":{"b":-1.50},"IpAddress":{"c":"::/0"},"Null":{"d":"true"},"BinaryEquals":{"e":"YQ=="}}}}`)
	f.Add(uint8(4), `{"Version":"2012-10-17","Statement":[[{}]]}`)
	f.Fuzz(func(t *testing.T, kind uint8, text string) {
		d, err := policy.Parse(policy.Kind(kind%5), text)
		if err != nil {
			if e := fault.As(err); d != nil || e.Kind != fault.Invalid || e.Code != "MalformedPolicyDocument" || e.Message == "" {
				t.Fatalf("got %v, want an error of the document", err)
			}
			return
		}
		if !json.Valid([]byte(text)) || d.Text() != text {
			t.Fatal("took what is no JSON")
		}
		for _, s := range d.Statements() {
			if !json.Valid([]byte(text[s.Start:s.End])) || text[s.Start] != '{' {
				t.Fatalf("a statement's place is %q", text[s.Start:s.End])
			}
		}
		d.ContextKeys()
		r := &policy.Request{Principal: iam.UserPrincipal(account, "alice", "AIDA", "AKIA"), Action: "bedrock:InvokeModel", Resource: model, Values: values{"a": {"b"}}}
		set := &policy.Set{Identity: []policy.Attached{{Document: d}}, Resource: []policy.Attached{{Document: d}}}
		if got, want := policy.Explain(r, set).Allowed, policy.Evaluate(r, set).Allowed; got != want {
			t.Fatalf("Explain: got %v, want %v", got, want)
		}
	})
}

// FuzzWildcards: patterns match what regular expressions match, in conditions,
// resources and actions.
func FuzzWildcards(f *testing.F) {
	for _, seed := range [][2]string{
		{"*", ""}, {"a*b*c", "axxbxbc"}, {"*ab*ab", "abab"}, {"?*?", "ä"}, {"**a?", "aab"}, {"*a*a*a*a*b", strings.Repeat("a", 60)}, {"a:*", "a:b:c"}, {"x", "X"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, p, s string) {
		if len(p) > 500 || len(s) > 500 || !utf8.ValidString(p) || !utf8.ValidString(s) || strings.Contains(p, "${") {
			return
		}
		want := regexp.MustCompile("(?s)^" + wildcards(p) + "$").MatchString(s)
		decide := func(r *policy.Request, statement map[string]any) bool {
			data, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statement})
			if err != nil {
				t.Fatal(err)
			}
			d, err := policy.Parse(policy.Identity, string(data))
			if err != nil {
				t.Fatalf("%q: %v", p, err)
			}
			return policy.Evaluate(r, &policy.Set{Identity: []policy.Attached{{Document: d}}}).Allowed
		}
		alice := iam.UserPrincipal(account, "alice", "AIDA", "AKIA")
		r := &policy.Request{Principal: alice, Action: "a:b", Resource: "arn:aws:x:::" + s, Values: values{"k:k": {s}}}
		if got := decide(r, map[string]any{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": map[string]any{"StringLike": map[string]any{"k:k": p}}}); got != want {
			t.Errorf("StringLike %q of %q: got %v, want %v", p, s, got, want)
		}
		if got := decide(r, map[string]any{"Effect": "Allow", "Action": "*", "Resource": "arn:aws:x:::" + p}); got != want {
			t.Errorf("the resource %q of %q: got %v, want %v", p, s, got, want)
		}
		if !decide(&policy.Request{Principal: alice, Action: s, Resource: p}, map[string]any{"Effect": "Allow", "Action": "*", "Resource": "*"}) {
			t.Errorf("everything does not cover %q on %q", s, p)
		}
		if !ascii(p) || !ascii(s) || strings.Contains(p, ":") {
			return
		}
		want = regexp.MustCompile("(?is)^" + wildcards(p) + "$").MatchString(s)
		r = &policy.Request{Principal: alice, Action: "a:" + s, Resource: "*"}
		if got := decide(r, map[string]any{"Effect": "Allow", "Action": "a:" + p, "Resource": "*"}); got != want {
			t.Errorf("the action %q of %q: got %v, want %v", p, s, got, want)
		}
	})
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

// FuzzEvaluate: the naive implementation decides as the package does.
func FuzzEvaluate(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) { compare(t, seed) })
}

// TestEvaluateAsNaive is a part of FuzzEvaluate that always runs.
func TestEvaluateAsNaive(t *testing.T) {
	t.Parallel()
	results := map[verdict]int{}
	for seed := range uint64(700) {
		results[compare(t, seed)]++
		if t.Failed() {
			return
		}
	}
	// One of a kind that never comes up is not compared at all.
	if results[verdict{allowed: true}] < 50 || len(results) < 15 {
		t.Errorf("got the decisions %v, want some of each", results)
	}
}

// generator makes policies and requests out of a small world, in which they often
// meet.
type generator struct{ *rand.Rand }

func compare(t *testing.T, seed uint64) verdict {
	t.Helper()
	g := generator{rand.New(rand.NewPCG(seed, 1))}
	r, keys := g.request()
	l := layerTexts{identity: g.documents(policy.Identity)}
	if g.IntN(4) == 0 {
		l.boundary = g.documents(policy.Identity)
	}
	if g.IntN(4) == 0 {
		l.session = g.documents(policy.Identity)
	}
	if g.IntN(4) == 0 {
		l.endpoint = g.documents(policy.Resource)
	}
	for range g.IntN(8) / 6 {
		l.service = append(l.service, g.documents(policy.Service))
	}
	kind := policy.Resource
	switch g.IntN(6) {
	case 0, 1:
		l.resource = g.documents(policy.Resource)
	case 2:
		kind, l.trust = policy.Trust, true
		l.resource = append(g.documents(policy.Trust), g.document(policy.Trust))
		r.Action = "sts:AssumeRole"
	}
	set := &policy.Set{
		Identity: parse(t, policy.Identity, l.identity), Boundary: parse(t, policy.Identity, l.boundary), Session: parse(t, policy.Identity, l.session),
		Endpoint: parse(t, policy.Resource, l.endpoint), Resource: parse(t, kind, l.resource),
	}
	for _, level := range l.service {
		set.Service = append(set.Service, parse(t, policy.Service, level))
	}
	got := policy.Evaluate(r, set)
	same := verdict{got.Allowed, got.Explicit, got.By}
	want := naive{r, keys}.decide(l)
	if same != want {
		t.Errorf("seed %d: got %+v, want %+v\n%+v\n%v\n%s", seed, got, want, *r, keys, strings.Join(append(append(l.identity, l.resource...), l.boundary...), "\n"))
	}
	if x := policy.Explain(r, set); x.Allowed != got.Allowed || x.Explicit != got.Explicit || x.By != got.By {
		t.Errorf("seed %d: Explain: got %+v, want %+v", seed, x, got)
	}
	return same
}

func parse(t *testing.T, kind policy.Kind, texts []string) []policy.Attached {
	t.Helper()
	if texts == nil {
		return nil
	}
	list := []policy.Attached{}
	for _, text := range texts {
		d, err := policy.Parse(kind, text)
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		list = append(list, policy.Attached{Document: d})
	}
	return list
}

func (g generator) of(list ...string) string { return list[g.IntN(len(list))] }

// some is one of a list, or several of them.
func (g generator) some(list ...string) any {
	if g.IntN(2) == 0 {
		return g.of(list...)
	}
	all := []any{}
	for range g.IntN(4) {
		all = append(all, g.of(list...))
	}
	return all
}

func (g generator) request() (*policy.Request, values) {
	keys := values{}
	for _, k := range []string{"aws:username", "aws:tagkeys", "aws:principaltag/team", "aws:sourceip", "aws:currenttime", "aws:sourcearn", "k:n", "k:b"} {
		if g.IntN(3) == 0 {
			continue
		}
		list := []string{}
		for range []int{0, 1, 1, 1, 1, 2, 3}[g.IntN(7)] {
			list = append(list, g.value(k))
		}
		keys[k] = list
	}
	r := &policy.Request{
		Action:          g.of("bedrock:InvokeModel", "bedrock:InvokeModel", "bedrock:invokemodel", "bedrock:GetAgent", "s3:GetObject", "sts:AssumeRole", "odd"),
		Resource:        g.of(model, model, profile, "*", "arn:aws:s3:::b/alice/k", "arn:aws:s3:::b/*", "arn:aws:s3:::b/${aws:username}/k", "arn:aws:bedrock:eu-west-1:444455556666:agent/a:b"),
		ResourceAccount: g.of("", "", "", account, "444455556666"),
		Values:          keys,
	}
	switch g.IntN(12) {
	case 0:
		r.Principal = iam.RootPrincipal(account, "AKIA")
	case 1:
		r.Principal = iam.Principal{Type: policy.AWSService, Name: "bedrock.amazonaws.com", ARN: "bedrock.amazonaws.com"}
	case 2:
		r.Principal = iam.Principal{Type: policy.Federated, Name: "idp.example.com"}
	case 3:
		r.Principal = iam.UserPrincipal("444455556666", "alice", "AIDAMALLORYMALLORY222", "AKIA")
	case 4, 5, 6:
		r.Principal = iam.Principal{Type: iam.AssumedRole, Account: account, Name: "builder", ARN: "arn:aws:sts::" + account + ":assumed-role/builder/ci", UserID: "AROABUILDERBUILDER222:ci"}
	default:
		r.Principal = iam.UserPrincipal(account, "alice", "AIDAALICEALICEALICE22", "AKIA")
	}
	return r, keys
}

func (g generator) value(key string) string {
	switch key {
	case "aws:sourceip":
		return g.of("10.1.2.3", "192.0.2.1", "2001:db8::1", "::ffff:10.1.2.3", "x")
	case "aws:currenttime":
		return g.of("2026-11-21T12:00:00Z", "2026-11-21", "1795262400", "2026-11-21T13:00:00+01:00", "2026-11-21T12:00:00.5Z", "x", "")
	case "aws:sourcearn":
		return g.of("arn:aws:s3:::b", "arn:aws:bedrock:us-east-1:111122223333:agent/a", "x", "arn:aws:s3")
	case "k:n":
		return g.of("1", "01.0", "-1", "2.5", "10", "9007199254740993", "x", "")
	case "k:b":
		return g.of("true", "false", "TRUE", "abc", "x")
	}
	return g.of("alice", "Alice", "bob", "a", "", "*", "team-x", "aab", "ä")
}

func (g generator) documents(kind policy.Kind) []string {
	list := []string{}
	for range g.IntN(4) {
		list = append(list, g.document(kind))
	}
	return list
}

func (g generator) document(kind policy.Kind) string {
	statements := []any{g.statement(kind)}
	for range g.IntN(3) {
		statements = append(statements, g.statement(kind))
	}
	doc := map[string]any{"Version": g.of("2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17"), "Statement": statements}
	if len(statements) == 1 && g.IntN(2) == 0 {
		doc["Statement"] = statements[0]
	}
	data, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	if doc["Version"] == "2008-10-17" { // in which a variable is no ARN
		return strings.ReplaceAll(string(data), `"${aws:SourceArn}"`, `"*"`)
	}
	return string(data)
}

func (g generator) statement(kind policy.Kind) map[string]any {
	effect := g.of("Allow", "Allow", "Allow", "Deny")
	s := map[string]any{"Effect": effect}
	actions := []string{"*", "bedrock:*", "bedrock:InvokeModel", "bedrock:Invoke*", "BEDROCK:*model", "bedrock:?nvoke*o*l", "s3:*", "*:Get*", "sts:*", "bedrock:Get*t"}
	if kind == policy.Trust {
		actions = []string{"sts:AssumeRole", "sts:*", "sts:TagSession"}
	}
	// A list must not be empty.
	s[g.of("Action", "Action", "Action", "NotAction")] = []any{g.of(actions...), g.of(actions...)}[:1+g.IntN(2)]
	if kind != policy.Trust {
		resources := []string{
			"*", "*", "arn:aws:bedrock:*::foundation-model/*", "arn:aws:bedrock:*:*:*", "arn:aws:bedrock", "arn:*:bedrock:us-*::*:0", "arn:aws:s3:::b/*", "arn:aws:s3:::b/?*/k",
			"arn:aws:s3:::b/${aws:username}/k", "arn:aws:s3:::b/${aws:PrincipalTag/team, 'alice'}/*", "arn:aws:s3:::b/${*}", "arn:aws:bedrock:*:111122223333:inference-profile/us.*",
			"arn:aws:bedrock:*:4444????6666:agent/*:b", "arn:aws:s3:::b/${aws:TagKeys}*",
		}
		s[g.of("Resource", "Resource", "Resource", "NotResource")] = []any{g.of(resources...), g.of(resources...)}[:1+g.IntN(2)]
	}
	if kind == policy.Trust || kind == policy.Resource {
		name := "Principal"
		if effect == "Deny" && kind == policy.Resource && g.IntN(2) == 0 {
			name = "NotPrincipal"
		}
		s[name] = g.principal()
	}
	if g.IntN(2) == 0 {
		s["Condition"] = g.conditions()
	}
	return s
}

func (g generator) principal() any {
	aws := []string{
		"*", account, "444455556666", "arn:aws:iam::" + account + ":root", "arn:aws:iam::" + account + ":user/alice", "arn:aws:iam::" + account + ":user/bob",
		"arn:aws:iam::" + account + ":role/builder", "arn:aws:iam::" + account + ":role/x/builder", "arn:aws:iam::444455556666:role/builder",
		"arn:aws:sts::" + account + ":assumed-role/builder/ci", "AIDAALICEALICEALICE22", "AROABUILDERBUILDER222", "arn:aws:iam::444455556666:user/alice",
	}
	p := map[string]any{"AWS": []any{g.of(aws...), g.of(aws...)}[:1+g.IntN(2)]}
	switch g.IntN(6) {
	case 0:
		p["Service"] = g.of("bedrock.amazonaws.com", "s3.amazonaws.com")
	case 1:
		p = map[string]any{"Federated": g.of("idp.example.com", "other.example.com"), "Service": "bedrock.amazonaws.com"}
	}
	return p
}

func (g generator) conditions() map[string]any {
	c := map[string]any{}
	for range 1 + g.IntN(2) {
		prefix, suffix := g.of("", "", "", "ForAnyValue:", "ForAllValues:"), g.of("", "", "IfExists")
		switch g.IntN(8) {
		case 0, 1, 2:
			c[prefix+g.of("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike")+suffix] = map[string]any{
				g.of("aws:username", "aws:TagKeys", "AWS:principalTag/team", "missing:key"): g.some("alice", "ALICE", "a*", "*", "?", "${aws:username}", "${aws:PrincipalTag/team}", "${aws:PrincipalTag/none, 'bob'}", "${missing:key}", "*a*b", "x${*}", "team-?", "", "Ä"),
			}
		case 3:
			c[prefix+g.of("NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals")+suffix] = map[string]any{
				g.of("k:n", "missing:key"): g.some("1", "2.50", "-1", "9007199254740992", "+10", "0"),
			}
		case 4:
			c[prefix+g.of("DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals")+suffix] = map[string]any{
				g.of("aws:CurrentTime", "missing:key"): g.some("2026-11-21T12:00:00Z", "2026-11-21", "1795262400", "2026-11", "2026-11-21T12:00Z"),
			}
		case 5:
			c[prefix+g.of("IpAddress", "NotIpAddress")+suffix] = map[string]any{g.of("aws:SourceIp", "missing:key"): g.some("10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "0.0.0.0/0", "10.1.2.3/16")}
		case 6:
			c[prefix+g.of("ArnLike", "ArnEquals", "ArnNotLike", "ArnNotEquals")+suffix] = map[string]any{
				g.of("aws:SourceArn", "missing:key"): g.some("*", "arn:aws:s3:::b", "arn:aws:s3:::?", "arn:*:bedrock:*:*:agent/*", "arn:aws:bedrock:*:111122223333:agent/${aws:username}", "${aws:SourceArn}", "arn:aws:*:*:*:*"),
			}
		case 7:
			switch g.IntN(3) {
			case 0:
				c[prefix+"Bool"+suffix] = map[string]any{g.of("k:b", "missing:key"): g.some("true", "false", "True")}
			case 1:
				c[prefix+"BinaryEquals"+suffix] = map[string]any{g.of("k:b", "missing:key"): g.some("YWJj", "eA==")}
			case 2:
				c["Null"] = map[string]any{g.of("k:b", "aws:username", "missing:key"): g.some("true", "false")}
			}
		}
	}
	return c
}
