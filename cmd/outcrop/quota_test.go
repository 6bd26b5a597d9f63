package main

import (
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/app"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/quota"
)

func TestQuota(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	c.env["OUTCROP_LIMITS_REQUESTS_PER_MINUTE"] = "7"
	cfg := config.Default()
	cfg.Data, cfg.Limits.RequestsPerMinute = c.env["OUTCROP_DATA"], 7
	state, err := app.State(t.Context(), &cfg, func(name string) string { return c.env[name] })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { state.Close() })
	registry, err := app.Quotas(t.Context(), &cfg, state)
	if err != nil {
		t.Fatal(err)
	}
	const model, code = "anthropic.claude-3-5-sonnet-20240620-v1:0", "L-254CACF4"
	values := func(region string) (value, byDefault int64) {
		t.Helper()
		if err := registry.Load(t.Context()); err != nil { // as a server does now and then
			t.Fatal(err)
		}
		q, err := registry.Find(cfg.Account, region, code)
		if err != nil {
			t.Fatal(err)
		}
		return q.Value, q.Default
	}
	for _, tt := range []struct {
		args []string
		want int64
		out  string
	}{
		{[]string{model, "requests-per-minute", "3"}, 3, code + " is 3 in us-east-1: On-demand model inference requests per minute for Anthropic Claude 3.5 Sonnet\n"},
		{[]string{code, "0"}, 0, code + " is 0 in us-east-1"},
		{[]string{code, "unlimited"}, quota.Unlimited, code + " is unlimited"},
		{[]string{code, "default"}, 7, code + " is 7 in us-east-1"},
		{[]string{code, "5", "--region", "eu-west-1"}, 7, code + " is 5 in eu-west-1"},
	} {
		if out := c.must(append([]string{"quota", "set"}, tt.args...)...); !strings.HasPrefix(out, tt.out) {
			t.Errorf("set %v: got %q", tt.args, out)
		}
		if got, byDefault := values("us-east-1"); got != tt.want || byDefault != 7 {
			t.Errorf("after set %v: got %d of %d, want %d of 7", tt.args, got, byDefault, tt.want)
		}
	}
	if got, _ := values("eu-west-1"); got != 5 {
		t.Errorf("in another region: got %d, want 5", got)
	}
	if out := c.must("quota", "set", "us."+model, "tokens-per-minute", "9"); !strings.HasPrefix(out, "L-479B647F is 9") {
		t.Errorf("of a profile: got %q", out)
	}
	list := c.must("quota", "list", "--model", "anthropic.claude-3-5-sonnet-2024062*")
	if strings.Count(list, "\n") != 7 || !strings.Contains(list, code) || !strings.Contains(list, "unlimited") {
		t.Errorf("got\n%s", list)
	}

	made, err := registry.Ask(t.Context(), cfg.Account, "us-east-1", code, 20, "arn:aws:iam::000000000000:user/alice")
	if err != nil {
		t.Fatal(err)
	}
	other, err := registry.Ask(t.Context(), cfg.Account, "us-west-2", code, 30, "arn:aws:iam::000000000000:user/bob")
	if err != nil {
		t.Fatal(err)
	}
	if out := c.must("quota", "requests"); strings.Count(out, "PENDING") != 2 || !strings.Contains(out, "user/alice") {
		t.Errorf("got\n%s", out)
	}
	if out := c.must("quota", "approve", made.ID); !strings.HasPrefix(out, "APPROVED: On-demand") {
		t.Errorf("got %q", out)
	}
	c.must("quota", "deny", other.ID)
	if got, _ := values("us-east-1"); got != 20 {
		t.Errorf("after the approval: got %d, want 20", got)
	}
	if got, _ := values("us-west-2"); got != 7 {
		t.Errorf("after the denial: got %d, want 7", got)
	}
	if out := c.must("quota", "requests"); strings.Count(out, "\n") != 1 {
		t.Errorf("got\n%s", out)
	}
	if out := c.must("quota", "requests", "--all"); !strings.Contains(out, "APPROVED") || !strings.Contains(out, "DENIED") {
		t.Errorf("got\n%s", out)
	}

	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"set", code, "1.5"}, 2, "is no value of a quota"},
		{[]string{"set", code}, 2, "it is written"},
		{[]string{"set", "L-00000000", "1"}, 1, "does not exist"},
		{[]string{"set", "no.model", "requests-per-minute", "1"}, 1, "There is no model no.model"},
		{[]string{"set", model, "requests-per-year", "1"}, 1, "no quota of requests-per-year. Quotas are of requests-per-minute,"},
		{[]string{"set", "us." + model, "concurrency", "1"}, 1, "has no quota concurrency of its own"},
		{[]string{"approve", made.ID}, 1, "has been decided"},
		{[]string{"deny", "none"}, 1, "There is no request none"},
		{[]string{"list", "--model", "["}, 2, "is not a pattern"},
	} {
		if exit, _, errs := c.run(append([]string{"quota"}, tt.args...)...); exit != tt.code || !strings.Contains(errs, tt.want) {
			t.Errorf("quota %v: got exit code %d and %q, want %d and %q", tt.args, exit, errs, tt.code, tt.want)
		}
	}
}
