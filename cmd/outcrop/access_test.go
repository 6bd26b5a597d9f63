package main

import (
	"strings"
	"testing"

	modelaccess "github.com/outcrop/outcrop/internal/access"
	"github.com/outcrop/outcrop/internal/app"
	"github.com/outcrop/outcrop/internal/config"
)

func TestAccess(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	c.env["OUTCROP_ACCESS"] = "approval"
	const nova, claude = "amazon.nova-micro-v1:0", "anthropic.claude-3-haiku-20240307-v1:0"
	cfg := config.Default()
	cfg.Data, cfg.Access = c.env["OUTCROP_DATA"], "approval"
	state, err := app.State(t.Context(), &cfg, func(name string) string { return c.env[name] })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { state.Close() })
	registry, err := app.Access(&cfg, state)
	if err != nil {
		t.Fatal(err)
	}
	status := func(region, model string) string {
		t.Helper()
		a, err := registry.Agreement(t.Context(), cfg.Account, region, model)
		if err != nil {
			return "none"
		}
		return string(a.Status)
	}
	for _, model := range []string{nova, claude} {
		for _, region := range []string{"us-east-1", "eu-west-1"} {
			if _, err := registry.Accept(t.Context(), cfg.Account, region, model, "", modelaccess.Token(model, ""), "arn:aws:iam::000000000000:user/alice"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if out := c.must("access", "list", "--pending"); strings.Count(out, "PENDING") != 4 || !strings.Contains(out, "user/alice") {
		t.Errorf("got\n%s", out)
	}
	if out := c.must("access", "approve", "anthropic.*", "--region", "eu-west-1"); out != claude+" in eu-west-1: GRANTED\n" {
		t.Errorf("got %q", out)
	}
	c.must("access", "approve", nova)
	c.must("access", "deny", claude, "--region", "us-east-1", "--reason", "Too dear.")
	c.must("access", "approve", "amazon.nova-lite-v1:0", "--region", "eu-central-1") // without a request
	for _, want := range [][3]string{
		{"eu-west-1", claude, "GRANTED"},
		{"us-east-1", claude, "DENIED"},
		{"us-east-1", nova, "GRANTED"},
		{"eu-west-1", nova, "GRANTED"},
		{"eu-central-1", "amazon.nova-lite-v1:0", "GRANTED"},
	} {
		if got := status(want[0], want[1]); got != want[2] {
			t.Errorf("%s in %s: got %s, want %s", want[1], want[0], got, want[2])
		}
	}
	c.must("access", "deny", "*", "--region", "eu-west-1") // takes away
	if got := status("eu-west-1", nova); got != "DENIED" {
		t.Errorf("taken away: got %s", got)
	}
	if code, _, stderr := c.run("access", "approve", "amazon.*"); code != 1 || status("eu-west-1", nova) != "DENIED" {
		t.Errorf("a pattern took back a denial: exit code %d, %s", code, stderr)
	}
	if out := c.must("access", "approve", claude); strings.Count(out, "GRANTED") != 2 || status("us-east-1", claude) != "GRANTED" {
		t.Errorf("approved after a denial: got %q", out)
	}
	for name, tc := range map[string]struct {
		args []string
		code int
		want string
	}{
		"nobody asked":     {[]string{"approve", "meta.*"}, 1, "nobody has asked for meta.*"},
		"no such model":    {[]string{"approve", "amazon.nova", "--region", "us-east-1"}, 1, "there is no model amazon.nova in us-east-1"},
		"no such region":   {[]string{"deny", "amazon.nova-lite-v1:0", "--region", "nowhere"}, 1, "there is no model"},
		"not a pattern":    {[]string{"deny", "[", "--region", "us-east-1"}, 2, "not a pattern"},
		"no model":         {[]string{"approve"}, 2, "outcrop access approve MODEL"},
		"pattern unasked":  {[]string{"approve", "meta.*", "--region", "us-east-1"}, 1, "name one model ID and a --region"},
		"unknown commands": {[]string{"grant"}, 2, `unknown command "grant"`},
	} {
		if code, _, stderr := c.run(append([]string{"access"}, tc.args...)...); code != tc.code || !strings.Contains(stderr, tc.want) {
			t.Errorf("%s: got exit code %d and %q, want %d and %q", name, code, stderr, tc.code, tc.want)
		}
	}
}
