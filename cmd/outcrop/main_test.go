package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// run executes one command line in a data directory of its own.
type cli struct {
	t   *testing.T
	env map[string]string
}

func newCLI(t *testing.T) *cli {
	t.Helper()
	dir := t.TempDir()
	return &cli{t, map[string]string{
		"OUTCROP_DATA":                filepath.Join(dir, "data"),
		"AWS_CONFIG_FILE":             filepath.Join(dir, "aws", "config"),
		"AWS_SHARED_CREDENTIALS_FILE": filepath.Join(dir, "aws", "credentials"),
	}}
}

func (c *cli) run(args ...string) (code int, stdout, stderr string) {
	c.t.Helper()
	var out, errs bytes.Buffer
	code = execute(c.t.Context(), args, strings.NewReader(""), &out, &errs, func(name string) string { return c.env[name] })
	return code, out.String(), errs.String()
}

func (c *cli) must(args ...string) string {
	c.t.Helper()
	code, out, errs := c.run(args...)
	if code != 0 {
		c.t.Fatalf("outcrop %s: exit code %d\n%s", strings.Join(args, " "), code, errs)
	}
	return out
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("listen: 127.0.0.1:1\nlissten: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	secretive := filepath.Join(t.TempDir(), "secretive.yaml")
	text := "backends:\n  up: {type: openai, url: \"http://127.0.0.1:1/v1\", key: \"${NO_SUCH_KEY}\", headers: {X-Team: \"file:/no/such/file\"}}\n"
	if err := os.WriteFile(secretive, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args []string
		code int
		want string
	}{
		"version":             {[]string{"version"}, 0, ""},
		"unknown flag":        {[]string{"serve", "--lisen", "x"}, 2, "unknown flag: --lisen"},
		"unknown command":     {[]string{"sevre"}, 2, `unknown command "sevre"`},
		"mistyped in a group": {[]string{"kb", "cretae", "x"}, 2, `unknown command "cretae" for "outcrop kb"; outcrop kb --help lists`},
		"group alone":         {[]string{"kb"}, 0, ""},
		"arguments too few":   {[]string{"kb", "create"}, 2, "received 0; it is written: outcrop kb create NAME"},
		"unknown key":         {[]string{"--config", bad, "config", "check"}, 2, "line 2: field lissten not found"},
		"name that clears":    {[]string{"--config", "\x1b[2J.yaml", "config", "check"}, 2, "open \ufffd[2J.yaml: no such file"},
		"no such file":        {[]string{"--config", bad + "x", "config", "check"}, 2, "no such file"},
		"auth off outside":    {[]string{"serve", "--listen", "0.0.0.0:0", "--auth", "off"}, 2, "off is only allowed on a loopback address"},
		"unknown shell":       {[]string{"env", "--shell", "csh"}, 2, `"csh" is not one of`},
		"key without a user":  {[]string{"keys", "create"}, 2, "name one with --user"},
		"revoke nothing":      {[]string{"keys", "revoke", "AKIANOSUCHKEY"}, 1, ""},
		"arguments too many":  {[]string{"env", "x"}, 2, "unknown command"},
		"secrets missing": {[]string{"--config", secretive, "config", "check"}, 2,
			"backends.up.key: the environment variable NO_SUCH_KEY is not set\nbackends.up.headers.X-Team: its file: open /no/such/file"},
		"good configuration":  {[]string{"config", "check"}, 0, ""},
		"no address to serve": {[]string{"serve", "--listen", "nowhere"}, 2, "is not host:port"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, _, stderr := (&cli{t, c.env}).run(tc.args...)
			if code != tc.code || !strings.Contains(stderr, tc.want) {
				t.Errorf("got exit code %d and %q, want %d and %q", code, stderr, tc.code, tc.want)
			}
		})
	}
}

func TestEnv(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	c.env["OUTCROP_LISTEN"] = "0.0.0.0:9999"
	out := c.must("env")
	for _, want := range []string{
		"export AWS_ENDPOINT_URL='http://127.0.0.1:9999'\n", "export AWS_REGION='us-east-1'\n",
		"export AWS_CA_BUNDLE='" + filepath.Join(c.env["OUTCROP_DATA"], "tls", "ca-bundle.pem") + "'\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("got\n%s\nwant it to have %s", out, want)
		}
	}
	if again := c.must("env"); again != out {
		t.Errorf("the second time differs:\n%s\n%s", out, again)
	}
	if out := c.must("env", "--tls", "--shell", "powershell"); !strings.Contains(out, "$Env:AWS_ENDPOINT_URL = 'https://127.0.0.1:9999'") {
		t.Errorf("got\n%s", out)
	}
}

func TestExportQuotes(t *testing.T) {
	t.Parallel()
	for shell, want := range map[string]string{
		"sh": `export A='it'\''s'`, "fish": `set -gx A 'it\'s'`, "powershell": `$Env:A = 'it''s'`,
		"cmd": `set "A=it's"`, "dotenv": `A='it'\''s'`,
	} {
		if got, err := export(shell, "A", "it's"); err != nil || got != want {
			t.Errorf("%s: got %s (%v), want %s", shell, got, err, want)
		}
	}
}

func TestConfigureWritesAProfile(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	if out := c.must("configure"); !strings.Contains(out, "profile outcrop") {
		t.Errorf("got %q", out)
	}
	config, err := os.ReadFile(c.env["AWS_CONFIG_FILE"])
	if err != nil {
		t.Fatal(err)
	}
	if want := "[profile outcrop]\nregion = us-east-1\nendpoint_url = http://127.0.0.1:8484\n"; !strings.HasPrefix(string(config), want) {
		t.Errorf("config: got %q, want it to begin with %q", config, want)
	}
	credentials, err := os.ReadFile(c.env["AWS_SHARED_CREDENTIALS_FILE"])
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^\[outcrop\]\naws_access_key_id = AKIA\w+\naws_secret_access_key = \S{40}\n$`).Match(credentials) {
		t.Error("the credentials file is not one profile with a key and a secret")
	}
	if strings.Contains(c.must("configure"), "secret_access_key = ") {
		t.Error("the command prints a secret")
	}
}

func TestKeysAreCreatedListedAndRevoked(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	out := c.must("keys", "create", "--user", "ann")
	m := regexp.MustCompile(`AWS_ACCESS_KEY_ID=(AKIA\w+)\nAWS_SECRET_ACCESS_KEY=(\S{40})\n`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("got %q", out)
	}
	if out := c.must("keys", "create", "--user", "ann", "--api-key", "--expires-in", "24h"); !strings.Contains(out, "AWS_BEARER_TOKEN_BEDROCK=ABSK") {
		t.Errorf("got %q", out)
	}
	list := c.must("keys", "list")
	if !strings.Contains(list, m[1]) || !strings.Contains(list, "api-key") || strings.Contains(list, m[2]) {
		t.Errorf("got\n%s", list)
	}
	c.must("keys", "revoke", m[1])
	if list := c.must("keys", "list"); !regexp.MustCompile(m[1] + `\s+access-key\s+ann\s+Revoked`).MatchString(list) {
		t.Errorf("got\n%s", list)
	}
}

// A user who is made with a key is given policies, and told which; one who is
// there keeps what they have.
func TestKeysMakeUsersWithPolicies(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	const managed = "arn:aws:iam::aws:policy/"
	for _, tc := range []struct {
		args []string
		want string // the first line
	}{
		{[]string{"--user", "ann"}, "# made user ann with " + managed + "AmazonBedrockFullAccess, " + managed + "AmazonS3FullAccess"},
		{[]string{"--user", "ann"}, "# access key of user ann"},
		{[]string{"--user", "ann", "--policy", "AdministratorAccess"}, "# access key of user ann"},
		{[]string{"--user", "bob", "--api-key"}, "# made user bob with " + managed + "AmazonBedrockLimitedAccess"},
		{[]string{"--user", "eve", "--policy", "AdministratorAccess", "--policy", managed + "AmazonS3ReadOnlyAccess"}, "# made user eve with " + managed + "AdministratorAccess, " + managed + "AmazonS3ReadOnlyAccess"},
	} {
		first, _, _ := strings.Cut(c.must(append([]string{"keys", "create"}, tc.args...)...), "\n")
		if first != tc.want {
			t.Errorf("%v: got %q, want %q", tc.args, first, tc.want)
		}
	}
	// A policy that is not there makes no user, who would have none.
	for _, policy := range []string{"NoSuchPolicy", managed + "NoSuchPolicy"} {
		if code, _, errs := c.run("keys", "create", "--user", "tom", "--policy", policy); code != 1 || !strings.Contains(errs, "NoSuchPolicy") {
			t.Errorf("got code %d and %q, want 1 and the policy", code, errs)
		}
	}
	if first, _, _ := strings.Cut(c.must("keys", "create", "--user", "tom"), " with"); first != "# made user tom" {
		t.Errorf("got %q, want the user to be made only now", first)
	}
}

func TestPrintedConfigurationIsAConfiguration(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	path := filepath.Join(t.TempDir(), "printed.yaml")
	if err := os.WriteFile(path, []byte(c.must("config", "print")), 0o600); err != nil {
		t.Fatal(err)
	}
	c.must("--config", path, "config", "check")
}
