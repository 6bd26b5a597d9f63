package main

import (
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/app"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/iam/directory"
)

const novaARN = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"

// withUser makes the user alice with one policy in the data directory.
func (c *cli) withUser(policy string) {
	c.t.Helper()
	cfg := config.Default()
	cfg.Data = c.env["OUTCROP_DATA"]
	state, err := app.State(c.t.Context(), &cfg, func(string) string { return "" })
	if err != nil {
		c.t.Fatal(err)
	}
	defer state.Close()
	d := directory.New(directory.Params{Store: state, Account: cfg.Account, Rand: rand.Reader})
	if _, err := d.CreateUser(c.t.Context(), directory.NewUser{Name: "alice"}); err != nil {
		c.t.Fatal(err)
	}
	if err := d.PutInline(c.t.Context(), directory.Who{Sort: directory.SortUser, Name: "alice"}, "only", policy); err != nil {
		c.t.Fatal(err)
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	c.withUser(`{"Version":"2012-10-17","Statement":[
		{"Sid":"Nova","Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"` + novaARN + `"},
		{"Effect":"Deny","Action":"bedrock:*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpce":"vpce-2"}}}]}`)
	cases := map[string]struct {
		args []string
		code int
		want []string
	}{
		"an operation": {
			[]string{"--action", "Converse", "--resource", "amazon.nova-lite-v1:0"}, 0,
			[]string{
				"allowed: arn:aws:iam::000000000000:user/alice may perform bedrock:InvokeModel on " + novaARN,
				"* allows: identity-based policy only, statement 1 (Nova)\n", `"Sid":"Nova"`, "aws:sourcevpce",
			},
		},
		"no permission": {[]string{"--action", "GetCallerIdentity"}, 0, []string{"allowed: the operation needs no permission"}},
		"an action":     {[]string{"--action", "bedrock:InvokeModel", "--resource", novaARN}, 0, []string{"allowed: "}},
		"another region": {
			[]string{"--action", "Converse", "--resource", "amazon.nova-lite-v1:0", "--in", "eu-west-1"}, 3,
			[]string{"denied: User: arn:aws:iam::000000000000:user/alice is not authorized", "no statement of any policy"},
		},
		"a condition": {
			[]string{"--action", "Converse", "--resource", "amazon.nova-lite-v1:0", "--context", "aws:SourceVpce=vpce-2"}, 3,
			[]string{"explicit deny in an identity-based policy", "* denies: identity-based policy only, statement 2\n"},
		},
		"no value":      {[]string{"--action", "Converse", "--context", "aws:SourceVpce"}, 2, []string{"is not a condition key with a value"}},
		"nothing asked": {nil, 2, []string{"--principal and --action"}},
		"no such thing": {[]string{"--action", "Nonsense"}, 1, []string{"neither an action"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			code, out, errs := c.run(append([]string{"iam", "explain", "--principal", "alice"}, tc.args...)...)
			if code != tc.code {
				t.Errorf("got exit code %d, want %d\n%s%s", code, tc.code, out, errs)
			}
			for _, want := range tc.want {
				if !strings.Contains(out+errs, want) {
					t.Errorf("got\n%s%swant %q in it", out, errs, want)
				}
			}
		})
	}
	if code, _, errs := c.run("iam", "explain", "--principal", "nobody", "--action", "Converse"); code != 1 || !strings.Contains(errs, "no user and no role nobody") {
		t.Errorf("an unknown caller: got %d, %s", code, errs)
	}
	if code, out, _ := c.run("iam", "explain", "--principal", "root", "--action", "Converse", "--resource", "x"); code != 0 || !strings.Contains(out, "allowed: ") || !strings.Contains(out, "root may do everything") {
		t.Errorf("the owner: got %d, %s", code, out)
	}
}

func TestExplainJSON(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	c.withUser(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"bedrock:*","Resource":"*"}}`)
	c.env["OUTCROP_IAM_SERVICE_CONTROL_POLICY"] = filepath.Join(t.TempDir(), "org.json")
	const deny = `{"Version":"2012-10-17","Statement":{"Sid":"No","Effect":"Deny","Action":"bedrock:InvokeModel","Resource":"*"}}`
	if err := os.WriteFile(c.env["OUTCROP_IAM_SERVICE_CONTROL_POLICY"], []byte(deny), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := c.run("iam", "explain", "--principal", "alice", "--action", "Rerank", "--resource", "amazon.rerank-v1:0", "--json")
	if code != 3 {
		t.Fatalf("got exit code %d: %s", code, errs)
	}
	var answer []struct {
		Action, Resource, Layer, Policy string
		Allowed, Explicit               bool
		Matches                         []struct {
			SID, Effect string
			Decisive    bool
			Text        struct{ Sid string }
		}
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	if len(answer) != 2 || !answer[0].Allowed || answer[0].Action != "bedrock:Rerank" || answer[1].Allowed {
		t.Fatalf("got\n%s", out)
	}
	no := answer[1]
	if !no.Explicit || no.Layer != "service control policy" || !strings.HasSuffix(no.Policy, "/p-org") || no.Action != "bedrock:InvokeModel" {
		t.Errorf("got %+v", no)
	}
	decisive := 0
	for _, m := range no.Matches {
		if m.Decisive {
			decisive++
			if m.SID != "No" || m.Effect != "Deny" || m.Text.Sid != "No" {
				t.Errorf("got %+v", m)
			}
		}
	}
	if decisive != 1 {
		t.Errorf("got %d statements that made the decision:\n%s", decisive, out)
	}
}

func TestActions(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	if out := c.must("iam", "actions"); strings.Count(out, "\n") < 500 || !strings.Contains(out, "GetCallerIdentity") {
		t.Errorf("got %d lines", strings.Count(out, "\n"))
	}
	if out := c.must("iam", "actions", "conversestream"); !strings.Contains(out, "bedrock:InvokeModelWithResponseStream") {
		t.Errorf("got\n%s", out)
	}
	if code, _, errs := c.run("iam", "actions", "Nonsense"); code != 2 || !strings.Contains(errs, "no operation Nonsense") {
		t.Errorf("got %d, %s", code, errs)
	}
}
