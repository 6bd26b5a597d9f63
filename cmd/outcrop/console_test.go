package main

import (
	"maps"
	"regexp"
	"strings"
	"testing"
)

func TestConsoleCommand(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	c.withUser(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"bedrock:*","Resource":"*"}}`)
	c.env["OUTCROP_LISTEN"] = "127.0.0.1:1"
	for name, tc := range map[string]struct {
		args   []string
		env    string // OUTCROP_AUTH
		code   int
		stdout string // a pattern
		stderr string
	}{
		"as root":            {nil, "", 0, `^http://127\.0\.0\.1:[0-9]+/console/sign-in#token=[A-Za-z0-9_-]{43}\n$`, "good once, until "},
		"as a user":          {[]string{"--user", "alice", "--url", "https://bedrock.example.com"}, "", 0, `^https://bedrock\.example\.com/console/sign-in#token=[A-Za-z0-9_-]{43}\n$`, "good once"},
		"as nobody there":    {[]string{"--user", "mallory"}, "", 1, `^$`, "mallory"},
		"at no address":      {[]string{"--url", "bedrock.example.com"}, "", 2, `^$`, "--url is the address"},
		"without signing in": {nil, "off", 0, `^http://127\.0\.0\.1:[0-9]+/console/\n$`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			here := &cli{t, maps.Clone(c.env)}
			here.env["OUTCROP_AUTH"] = tc.env
			code, stdout, stderr := here.run(append([]string{"console"}, tc.args...)...)
			if code != tc.code || !regexp.MustCompile(tc.stdout).MatchString(stdout) || !strings.Contains(stderr, tc.stderr) {
				t.Errorf("got %d\n%s\n%s", code, stdout, stderr)
			}
		})
	}
}
