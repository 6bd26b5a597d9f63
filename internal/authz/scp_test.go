package authz

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
)

const denyNova = `{"Version":"2012-10-17","Statement":[
  {"Effect":"Deny","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:*::foundation-model/amazon.nova-*"}
]}`

// control is a ServiceControl over a file, with a clock that a test moves.
type control struct {
	*ServiceControl

	path string
	now  time.Time
	log  bytes.Buffer
}

func (c *control) write(t *testing.T, text string) {
	t.Helper()
	c.now = c.now.Add(2 * lookEvery)
	if err := os.WriteFile(c.path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(c.path, c.now, c.now); err != nil {
		t.Fatal(err)
	}
}

func newControl(t *testing.T, text string) (*control, error) {
	t.Helper()
	c := &control{path: filepath.Join(t.TempDir(), "org deny.json"), now: time.Unix(1_800_000_000, 0)}
	c.write(t, text)
	var err error
	c.ServiceControl, err = OpenServiceControl(c.path, account, slog.New(slog.NewTextHandler(&c.log, nil)), func() time.Time { return c.now })
	return c, err
}

func TestServiceControl(t *testing.T) {
	t.Parallel()
	c, err := newControl(t, denyNova)
	if err != nil {
		t.Fatal(err)
	}
	a := newAuthorizer(t, Params{Service: c.Levels, Directory: &people{policies: map[string]string{"alice": allow("*", "*", "")}}})
	denied := func(who iam.Principal, model string) string {
		err := a.Authorize(view(t, who, "bedrock-runtime", "Converse", converse(model)))
		if err == nil {
			return ""
		}
		return fault.As(err).Message
	}
	const name = "with an explicit deny in a service control policy: arn:aws:organizations::000000000000:policy/o-outcrop/service_control_policy/p-org_deny"
	if got := denied(user("alice"), model); !strings.HasSuffix(got, name) {
		t.Errorf("got %q, want it to end in %q", got, name)
	}
	if got := denied(user("alice"), "meta.llama3-8b-instruct-v1:0"); got != "" {
		t.Errorf("what the file does not deny: got %q", got)
	}
	if got := denied(iam.RootPrincipal(account, ""), model); got != "" {
		t.Errorf("the owner: got %q", got)
	}

	// A change counts, once the file is looked at again.
	c.write(t, strings.ReplaceAll(denyNova, "amazon.nova-", "meta."))
	if got := denied(user("alice"), model); got != "" {
		t.Errorf("after a change: got %q", got)
	}
	if got := denied(user("alice"), "meta.llama3-8b-instruct-v1:0"); !strings.HasSuffix(got, name) {
		t.Errorf("after a change: got %q", got)
	}

	// What is wrong does not count, and neither does a file that is gone. The
	// log says so once.
	for _, text := range []string{`{"Version":"2012-10-17","Statement":[{"Effect":"Perhaps"}]}`, "{\n  oops"} {
		c.write(t, text)
		for range 3 {
			c.now = c.now.Add(2 * lookEvery)
			if got := denied(user("alice"), "meta.llama3-8b-instruct-v1:0"); !strings.HasSuffix(got, name) {
				t.Errorf("after %q: got %q", text, got)
			}
		}
	}
	if err := os.Remove(c.path); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		c.now = c.now.Add(2 * lookEvery)
		if got := denied(user("alice"), "meta.llama3-8b-instruct-v1:0"); !strings.HasSuffix(got, name) {
			t.Errorf("without the file: got %q", got)
		}
	}
	if got := strings.Count(c.log.String(), "cannot be used"); got != 3 {
		t.Errorf("got %d complaints, want 3:\n%s", got, c.log.String())
	}
}

// A file that allows is the list of what is allowed at all.
func TestServiceControlThatAllows(t *testing.T) {
	t.Parallel()
	c, err := newControl(t, allow("bedrock:*", "*", ""))
	if err != nil {
		t.Fatal(err)
	}
	a := newAuthorizer(t, Params{Service: c.Levels, Directory: &people{policies: map[string]string{"alice": allow("*", "*", "")}}})
	if err := a.Authorize(view(t, user("alice"), "bedrock-runtime", "Converse", converse(model))); err != nil {
		t.Error(err)
	}
	err = a.Authorize(view(t, user("alice"), "iam", "ListUsers", nil))
	if got, want := fault.As(err).Message, "because no service control policy allows the iam:ListUsers action"; !strings.HasSuffix(got, want) {
		t.Errorf("got %q, want it to end in %q", got, want)
	}
}

func TestServiceControlThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{\n  \"Version\": oops}":           "org deny.json:2:14: ",
		"":                                  "org deny.json:1:1: ",
		`{"Version":"2012-10-17"}`:          "org deny.json: ",
		`{"Version":"2012-10-17","Id":[1]}`: "org deny.json: ",
	} {
		_, err := newControl(t, text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want an error with %q", text, err, want)
		}
	}
	if _, err := OpenServiceControl(filepath.Join(t.TempDir(), "none"), account, nil, time.Now); err == nil {
		t.Error("a file that is not there: got no error")
	}
}
