package resourcepolicy_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/policy"
	"github.com/outcrop/outcrop/internal/resourcepolicy"
	"github.com/outcrop/outcrop/internal/store/sqlitestore"
)

const (
	account = "000000000000"
	region  = "us-east-1"
	base    = "arn:aws:bedrock:us-east-1:000000000000:knowledge-base/ABCDEFGHIJ"
	other   = "arn:aws:bedrock:us-east-1:000000000000:knowledge-base/KLMNOPQRST"
	alice   = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:user/alice"},"Action":"bedrock:Retrieve","Resource":"*"}}`
	nobody  = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"bedrock:Retrieve","Resource":"*"}}`
)

type fixture struct {
	*resourcepolicy.Registry

	t     *testing.T
	store *sqlitestore.Store
	now   time.Time
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"), sqlitestore.Params{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	f := &fixture{t: t, store: s, now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	f.Registry = f.another()
	return f
}

func (f *fixture) another() *resourcepolicy.Registry {
	return resourcepolicy.New(resourcepolicy.Params{Store: f.store, Now: func() time.Time { return f.now }})
}

// may is what the policies of a resource alone say about alice.
func (f *fixture) may(arn string) string {
	f.t.Helper()
	list, err := f.Policies(f.t.Context(), arn)
	if err != nil {
		f.t.Fatal(err)
	}
	d := policy.Evaluate(&policy.Request{
		Principal: iam.UserPrincipal(account, "alice", "AIDAEXAMPLE", "AKIAEXAMPLE"), Action: "bedrock:Retrieve", Resource: arn,
	}, &policy.Set{Identity: []policy.Attached{}, Resource: list})
	switch {
	case d.Allowed:
		return "allowed"
	case d.Explicit:
		return "denied"
	}
	return "nothing"
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	want := func(arn, answer string) {
		t.Helper()
		if got := f.may(arn); got != answer {
			t.Errorf("%s: got %s, want %s", arn, got, answer)
		}
	}
	want(base, "nothing")
	put, err := f.Put(t.Context(), account, region, base, alice, "")
	if err != nil {
		t.Fatal(err)
	}
	want(base, "allowed")
	want(other, "nothing")
	got, err := f.Get(t.Context(), account, region, base)
	if err != nil || got != put || got.Text != alice {
		t.Errorf("got %+v, %v, want %+v", got, err, put)
	}
	// Another process changes it; this one notices in two seconds.
	changed, err := f.another().Put(t.Context(), account, region, base, nobody, put.Revision)
	if err != nil {
		t.Fatal(err)
	}
	want(base, "allowed")
	f.now = f.now.Add(2 * time.Second)
	want(base, "denied")
	if _, err := f.Put(t.Context(), account, region, base, alice, put.Revision); !fault.Is(err, fault.Conflict) {
		t.Errorf("an old revision: got %v, want a conflict", err)
	}
	for _, revision := range []string{"0", "1"} {
		if _, err := f.Put(t.Context(), account, region, other, alice, revision); !fault.Is(err, fault.Conflict) {
			t.Errorf("revision %s of nothing: got %v, want a conflict", revision, err)
		}
	}
	if err := f.Delete(t.Context(), account, region, base, put.Revision); !fault.Is(err, fault.Conflict) {
		t.Errorf("deleting an old revision: got %v, want a conflict", err)
	}
	if err := f.Delete(t.Context(), account, region, base, changed.Revision); err != nil {
		t.Fatal(err)
	}
	want(base, "nothing")
	if err := f.Delete(t.Context(), account, region, base, ""); !fault.Is(err, fault.NotFound) {
		t.Errorf("deleted twice: got %v", err)
	}
}

func TestMalformedPolicies(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, text := range map[string]string{
		"no JSON":      "{",
		"no principal": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"bedrock:Retrieve","Resource":"*"}}`,
	} {
		_, err := f.Put(t.Context(), account, region, base, text, "")
		if !fault.Is(err, fault.Invalid) || fault.As(err).Code != "" || !strings.HasPrefix(fault.As(err).Message, "The resource policy is malformed: ") {
			t.Errorf("%s: got %v, want a ValidationException", name, err)
		}
	}
	if got := f.may(base); got != "nothing" {
		t.Errorf("got %s", got)
	}
}

// Who is named stays who is meant: not whoever is made under the name later, and
// nobody who is not there.
func TestWhoIsNamed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := "AIDAFIRSTFIRSTFIRST1"
	f.Registry = resourcepolicy.New(resourcepolicy.Params{
		Store: f.store, Now: func() time.Time { return f.now },
		Named: func(_ context.Context, d *policy.Document) (map[string]string, error) {
			ids := map[string]string{}
			for _, arn := range d.Named() {
				if arn != "arn:aws:iam::000000000000:user/alice" {
					return nil, fault.New(fault.Invalid, "Invalid principal in policy: %s", arn).WithCode("MalformedPolicyDocument")
				}
				ids[arn] = id
			}
			return ids, nil
		},
	})
	if _, err := f.Put(t.Context(), account, region, base, strings.Replace(alice, "alice", "gone", 1), ""); !fault.Is(err, fault.Invalid) {
		t.Errorf("naming a user who is not there: got %v", err)
	}
	if _, err := f.Put(t.Context(), account, region, base, alice, ""); err != nil {
		t.Fatal(err)
	}
	for who, want := range map[string]bool{id: true, "AIDASECONDSECONDSEC2": false} {
		list, err := f.Policies(t.Context(), base)
		if err != nil {
			t.Fatal(err)
		}
		d := policy.Evaluate(&policy.Request{
			Principal: iam.UserPrincipal(account, "alice", who, "AKIAEXAMPLE"), Action: "bedrock:Retrieve", Resource: base,
		}, &policy.Set{Identity: []policy.Attached{}, Resource: list})
		if d.Allowed != want {
			t.Errorf("%s: got %v", who, d.Allowed)
		}
	}
}
