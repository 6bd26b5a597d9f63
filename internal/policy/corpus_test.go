package policy_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/policy"
)

// request is what a case of the corpus asks. What it leaves out is alice of
// account 111122223333 who invokes a model.
type request struct {
	Principal       string // user, role, root, service, federated, anonymous; or other, a user of another account
	Action          string
	Resource        string `yaml:"on"`
	ResourceAccount string `yaml:"resourceAccount"`
	Keys            map[string]any
}

const (
	account = "111122223333"
	model   = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"
	profile = "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.amazon.nova-lite-v1:0"
)

func (q request) build(t *testing.T) *policy.Request {
	t.Helper()
	r := &policy.Request{Action: q.Action, Resource: q.Resource, ResourceAccount: q.ResourceAccount}
	if r.Action == "" {
		r.Action = "bedrock:InvokeModel"
	}
	if r.Resource == "" {
		r.Resource = model
	}
	switch q.Principal {
	case "", "user":
		r.Principal = iam.UserPrincipal(account, "alice", "AIDAALICEALICEALICE22", "AKIA")
	case "other":
		r.Principal = iam.UserPrincipal("444455556666", "mallory", "AIDAMALLORYMALLORY222", "AKIA")
	case "root":
		r.Principal = iam.RootPrincipal(account, "AKIA")
	case "role":
		r.Principal = iam.Principal{
			Type: iam.AssumedRole, Account: account, Name: "builder",
			ARN: "arn:aws:sts::" + account + ":assumed-role/builder/ci", UserID: "AROABUILDERBUILDER222:ci",
		}
	case "service":
		r.Principal = iam.Principal{Type: policy.AWSService, Name: "bedrock.amazonaws.com", ARN: "bedrock.amazonaws.com"}
	case "federated":
		r.Principal = iam.Principal{Type: policy.Federated, Name: "idp.example.com", ARN: "idp.example.com"}
	case "anonymous":
		r.Principal = iam.Principal{Type: iam.Anonymous}
	default:
		t.Fatalf("no principal %q", q.Principal)
	}
	r.Values = keys(t, q.Keys)
	return r
}

// values are condition keys in lower case.
type values map[string][]string

func (v values) Get(key string) ([]string, bool) {
	list, ok := v[key]
	return list, ok
}

func keys(t *testing.T, m map[string]any) values {
	t.Helper()
	v := values{}
	for key, value := range m {
		list := []string{}
		switch x := value.(type) {
		case string:
			list = append(list, x)
		case []any:
			for _, item := range x {
				list = append(list, item.(string))
			}
		default:
			t.Fatalf("the key %s has a value that is neither a string nor a list", key)
		}
		v[strings.ToLower(key)] = list
	}
	return v
}

// text returns a document of a case as JSON.
func text(t *testing.T, doc any) string {
	t.Helper()
	if s, ok := doc.(string); ok {
		return s
	}
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func attach(t *testing.T, kind policy.Kind, docs []any, id string) []policy.Attached {
	t.Helper()
	if docs == nil {
		return nil
	}
	list := make([]policy.Attached, 0, len(docs))
	for _, doc := range docs {
		d, err := policy.Parse(kind, text(t, doc))
		if err != nil {
			t.Fatalf("%v in %s", err, text(t, doc))
		}
		list = append(list, policy.Attached{Document: d, ID: id})
	}
	return list
}

func load[T any](t *testing.T, file string) []T {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var cases []T
	d := yaml.NewDecoder(strings.NewReader(string(data)))
	d.KnownFields(true)
	if err := d.Decode(&cases); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if len(cases) == 0 {
		t.Fatalf("%s: got no cases", file)
	}
	return cases
}

// TestDocuments reads documents that are right and documents that are not.
func TestDocuments(t *testing.T) {
	t.Parallel()
	kinds := map[string]policy.Kind{
		"": policy.Identity, "identity": policy.Identity, "trust": policy.Trust, "resource": policy.Resource,
		"service": policy.Service, "managed": policy.Managed,
	}
	for _, tc := range load[struct{ Name, Kind, Text, Error string }](t, "documents.yaml") {
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			kind, ok := kinds[tc.Kind]
			if !ok {
				t.Fatalf("no kind %q", tc.Kind)
			}
			d, err := policy.Parse(kind, tc.Text)
			if tc.Error == "" {
				if err != nil || d.Text() != tc.Text || d.Kind() != kind {
					t.Fatalf("got error %v, want none", err)
				}
				return
			}
			if err == nil || d != nil {
				t.Fatalf("got no error, want %q", tc.Error)
			}
			f := fault.As(err)
			if f.Kind != fault.Invalid || f.Code != "MalformedPolicyDocument" || f.Message != tc.Error {
				t.Errorf("got %s %s %q, want %q", f.Kind, f.Code, f.Message, tc.Error)
			}
		})
	}
}

// TestStatements evaluates one statement, as Allow alone and as Deny beside an
// Allow of everything: it decides the one way and the other, or not at all.
func TestStatements(t *testing.T) {
	t.Parallel()
	type statement struct {
		Name      string
		Request   request `yaml:",inline"`
		Version   string
		Statement map[string]any
		Applies   bool
		// DenyApplies is for what applies as Deny alone: negations of variables
		// that have no value.
		DenyApplies bool `yaml:"denyApplies"`
	}
	files := []string{"actions.yaml", "resources.yaml", "variables.yaml", "strings.yaml", "numbers.yaml", "dates.yaml", "others.yaml", "sets.yaml"}
	for _, file := range files {
		for _, tc := range load[statement](t, file) {
			t.Run(strings.TrimSuffix(file, ".yaml")+"/"+tc.Name, func(t *testing.T) {
				t.Parallel()
				r := tc.Request.build(t)
				one := func(effect string) any {
					s := map[string]any{"Effect": effect}
					if tc.Statement["NotAction"] == nil {
						s["Action"] = "*"
					}
					if tc.Statement["NotResource"] == nil {
						s["Resource"] = "*"
					}
					maps.Copy(s, tc.Statement)
					version := tc.Version
					if version == "" {
						version = "2012-10-17"
					}
					return map[string]any{"Version": version, "Statement": s}
				}
				got := policy.Evaluate(r, &policy.Set{Identity: attach(t, policy.Identity, []any{one("Allow")}, "p")})
				if want := (policy.Decision{Allowed: tc.Applies}); got.Allowed != want.Allowed || !got.Allowed && got.By != policy.ByIdentity {
					t.Errorf("as Allow: got %+v, want allowed %v", got, tc.Applies)
				}
				set := &policy.Set{Identity: attach(t, policy.Identity, []any{everything, one("Deny")}, "p")}
				got = policy.Evaluate(r, set)
				if want := tc.Applies || tc.DenyApplies; got.Allowed == want || got.Explicit != want {
					t.Errorf("as Deny: got %+v, want denied %v", got, want)
				}
			})
		}
	}
}

const everything = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`

// TestLayers evaluates sets of policies.
func TestLayers(t *testing.T) {
	t.Parallel()
	type layers struct {
		Name     string
		Request  request `yaml:",inline"`
		Identity []any
		Boundary []any
		Session  []any
		Service  [][]any
		Endpoint []any
		Resource []any
		Trust    []any
		Want     string // allow, or the whole sentence of the denial
	}
	for _, tc := range load[layers](t, "layers.yaml") {
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			set := &policy.Set{
				Identity: attach(t, policy.Identity, tc.Identity, "identity"),
				Boundary: attach(t, policy.Managed, tc.Boundary, "boundary"),
				Session:  attach(t, policy.Identity, tc.Session, "session"),
				Endpoint: attach(t, policy.Resource, tc.Endpoint, "endpoint"),
				Resource: append(attach(t, policy.Resource, tc.Resource, "resource"), attach(t, policy.Trust, tc.Trust, "trust")...),
			}
			for _, level := range tc.Service {
				set.Service = append(set.Service, attach(t, policy.Service, level, "arn:aws:organizations::1:policy/o-1/service_control_policy/p-1"))
			}
			r := tc.Request.build(t)
			got := policy.Evaluate(r, set)
			sentence := got.Text(r.Principal.ARN, r.Action, r.Resource)
			if got.Allowed {
				sentence = "allow"
			}
			if sentence != tc.Want {
				t.Errorf("got  %s\nwant %s", sentence, tc.Want)
			}
			if x := policy.Explain(r, set); x.Allowed != got.Allowed || x.By != got.By || x.Explicit != got.Explicit || x.Policy != got.Policy {
				t.Errorf("Explain: got %+v, want %+v", x, got)
			}
		})
	}
}
