package access_test

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/access"
	"github.com/outcrop/outcrop/internal/admission"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/store/sqlitestore"
)

const (
	account = "000000000000"
	region  = "us-east-1"
	nova    = "amazon.nova-micro-v1:0"
	claude  = "anthropic.claude-3-haiku-20240307-v1:0"
	alice   = "arn:aws:iam::000000000000:user/alice"
)

type fixture struct {
	t     *testing.T
	store *sqlitestore.Store
	now   time.Time
	*access.Registry
}

func newFixture(t *testing.T, mode access.Mode) *fixture {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"), sqlitestore.Params{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	f := &fixture{t: t, store: s, now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	f.Registry = f.another(mode)
	return f
}

// another is a registry of another process on the same store.
func (f *fixture) another(mode access.Mode) *access.Registry {
	return access.New(access.Params{Store: f.store, Mode: mode, Now: func() time.Time { return f.now }})
}

func (f *fixture) admit(model string) error {
	f.t.Helper()
	provider := "Amazon"
	if model == claude {
		provider = "Anthropic"
	}
	_, err := f.Admit(f.t.Context(), &admission.Use{
		Call:  &call.Call{Account: account, Region: region},
		Entry: &catalog.Model{ID: model, Provider: provider}, ModelID: model,
	})
	return err
}

func (f *fixture) accept(model string) access.Agreement {
	f.t.Helper()
	a, err := f.Accept(f.t.Context(), account, region, model, "terms", access.Token(model, "terms"), alice)
	if err != nil {
		f.t.Fatal(err)
	}
	return a
}

func (f *fixture) refused(err error, kind fault.Kind, text string) {
	f.t.Helper()
	if !fault.Is(err, kind) || fault.As(err).Message != text {
		f.t.Errorf("got %v, want %s: %s", err, kind, text)
	}
}

const (
	noAccess  = "You don't have access to the model with the specified model ID."
	noUseCase = "Model use case details have not been submitted for this account. Fill out the Anthropic use case details form before using the model. If you have already filled out the form, try again in 15 minutes."
)

func TestAutoAdmitsEverything(t *testing.T) {
	t.Parallel()
	f := newFixture(t, access.Auto)
	if err := f.admit(claude); err != nil {
		t.Error(err)
	}
}

func TestRequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t, access.Request)
	f.refused(f.admit(nova), fault.Denied, noAccess)
	got := f.accept(nova)
	want := access.Agreement{
		Account: account, Region: region, Model: nova, Status: access.Granted, Terms: got.Terms, By: alice, Requested: f.now, Decided: f.now,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("agreement (-want +got):\n%s", diff)
	}
	if err := f.admit(nova); err != nil {
		t.Errorf("after the agreement: %v", err)
	}
	// Another region is another matter.
	if _, err := f.Admit(t.Context(), &admission.Use{
		Call: &call.Call{Account: account, Region: "eu-west-1"}, Entry: &catalog.Model{ID: nova}, ModelID: nova,
	}); !fault.Is(err, fault.Denied) {
		t.Errorf("another region: got %v, want a denial", err)
	}
	// A model of the account's own needs nobody's agreement.
	if _, err := f.Admit(t.Context(), &admission.Use{
		Call: &call.Call{Account: account, Region: region}, Entry: &catalog.Model{}, ModelID: "arn:aws:bedrock:us-east-1:000000000000:imported-model/x",
	}); err != nil {
		t.Errorf("an own model: %v", err)
	}
	if err := f.Withdraw(t.Context(), account, region, nova); err != nil {
		t.Fatal(err)
	}
	f.refused(f.admit(nova), fault.Denied, noAccess)
	if err := f.Withdraw(t.Context(), account, region, nova); !fault.Is(err, fault.NotFound) {
		t.Errorf("withdrawn twice: got %v", err)
	}
}

func TestTermsMustHaveBeenRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t, access.Request)
	for name, token := range map[string]string{
		"nothing": "", "another model's": access.Token(claude, "terms"), "an older document's": access.Token(nova, "old terms"),
	} {
		if _, err := f.Accept(t.Context(), account, region, nova, "terms", token, alice); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v, want invalid", name, err)
		}
	}
	f.refused(f.admit(nova), fault.Denied, noAccess)
}

func TestUseCaseComesFirst(t *testing.T) {
	t.Parallel()
	f := newFixture(t, access.Request)
	f.refused(f.admit(claude), fault.NotFound, noUseCase)
	f.refused(f.admit(nova), fault.Denied, noAccess) // not asked of others
	for _, form := range []string{`{"companyName":"Example"}`, `{"companyName":"Example 2"}`} {
		if err := f.SubmitUseCase(t.Context(), account, []byte(form)); err != nil {
			t.Fatal(err)
		}
		if got, err := f.UseCase(t.Context(), account); err != nil || !bytes.Equal(got, []byte(form)) {
			t.Errorf("got %s, %v, want %s", got, err, form)
		}
	}
	f.refused(f.admit(claude), fault.Denied, noAccess)
	f.accept(claude)
	if err := f.admit(claude); err != nil {
		t.Error(err)
	}
	if _, err := f.UseCase(t.Context(), "111111111111"); !fault.Is(err, fault.NotFound) {
		t.Errorf("another account's form: got %v", err)
	}
}

func TestApproval(t *testing.T) {
	t.Parallel()
	f := newFixture(t, access.Approval)
	if a := f.accept(nova); a.Status != access.Pending || !a.Decided.IsZero() {
		t.Errorf("got %+v, want it pending", a)
	}
	f.refused(f.admit(nova), fault.Denied, noAccess)
	first := f.now
	f.now = f.now.Add(time.Hour)
	if a := f.accept(nova); !a.Requested.Equal(first) {
		t.Errorf("asked again: got %v, want the first request kept", a.Requested)
	}
	waiting, err := f.List(t.Context(), account, access.Pending)
	if err != nil || len(waiting) != 1 || waiting[0].Model != nova || waiting[0].By != alice {
		t.Fatalf("got %+v, %v, want one request of alice", waiting, err)
	}
	// An administrator decides in another process.
	admin := f.another(access.Approval)
	granted, err := admin.Grant(t.Context(), account, region, nova)
	if err != nil || granted.Status != access.Granted || granted.By != alice || !granted.Requested.Equal(first) || !granted.Decided.Equal(f.now) {
		t.Fatalf("got %+v, %v", granted, err)
	}
	f.now = f.now.Add(2 * time.Second)
	if err := f.admit(nova); err != nil {
		t.Errorf("two seconds after the approval: %v", err)
	}
	if a := f.accept(nova); a.Status != access.Granted {
		t.Errorf("accepted again: got %s, want it to stay granted", a.Status)
	}
	if _, err := admin.Deny(t.Context(), account, region, nova, "Not for you."); err != nil {
		t.Fatal(err)
	}
	f.now = f.now.Add(2 * time.Second)
	f.refused(f.admit(nova), fault.Denied, noAccess)
	if a := f.accept(nova); a.Status != access.Pending {
		t.Errorf("asked again after a denial: got %s, want it pending", a.Status)
	}
	// A grant that nobody asked for.
	if _, err := admin.Grant(t.Context(), account, "eu-west-1", claude); err != nil {
		t.Fatal(err)
	}
	all, err := f.List(t.Context(), account)
	if err != nil || len(all) != 2 {
		t.Errorf("got %d agreements, %v, want 2", len(all), err)
	}
}

// What an administrator has refused is not granted by asking again, nor by
// taking the request back and asking afresh, also where nobody has to approve.
func TestDenialStands(t *testing.T) {
	t.Parallel()
	for _, mode := range []access.Mode{access.Request, access.Approval} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, mode)
			f.accept(nova)
			if _, err := f.Deny(t.Context(), account, region, nova, "Not for you."); err != nil {
				t.Fatal(err)
			}
			if err := f.Withdraw(t.Context(), account, region, nova); !fault.Is(err, fault.NotFound) {
				t.Errorf("a denial was withdrawn: %v", err)
			}
			for range 2 {
				if a := f.accept(nova); a.Status != access.Pending || a.By != alice {
					t.Errorf("asked again: got %+v, want it pending", a)
				}
				f.refused(f.admit(nova), fault.Denied, noAccess)
				if err := f.Withdraw(t.Context(), account, region, nova); err != nil {
					t.Fatal(err)
				}
				a, err := f.Agreement(t.Context(), account, region, nova)
				if err != nil || a.Status != access.Denied || a.Reason != "Not for you." {
					t.Errorf("the request taken back: got %+v, %v, want the denial and its reason", a, err)
				}
			}
			f.accept(nova)
			if a, err := f.Grant(t.Context(), account, region, nova); err != nil || a.Barred || a.Reason != "" {
				t.Errorf("got %+v, %v", a, err)
			}
			if err := f.admit(nova); err != nil {
				t.Errorf("granted: %v", err)
			}
			// A denial that was taken back leaves nothing behind.
			if err := f.Withdraw(t.Context(), account, region, nova); err != nil {
				t.Fatal(err)
			}
			want := access.Pending
			if mode == access.Request {
				want = access.Granted
			}
			if a := f.accept(nova); a.Status != want {
				t.Errorf("afresh: got %s, want %s", a.Status, want)
			}
		})
	}
}

// What is remembered is looked at again in the background, and not believed for
// longer than two seconds, nor when the clock is set back.
func TestRemembered(t *testing.T) {
	t.Parallel()
	f := newFixture(t, access.Request)
	f.accept(nova)
	if err := f.admit(nova); err != nil {
		t.Fatal(err)
	}
	if err := f.another(access.Request).Withdraw(context.Background(), account, region, nova); err != nil {
		t.Fatal(err)
	}
	if err := f.admit(nova); err != nil {
		t.Errorf("at once: %v, want what is remembered", err)
	}
	f.now = f.now.Add(-time.Minute)
	f.refused(f.admit(nova), fault.Denied, noAccess)
}

func BenchmarkAdmit(b *testing.B) {
	s, err := sqlitestore.Open(b.Context(), filepath.Join(b.TempDir(), "state.db"), sqlitestore.Params{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	now := time.Now()
	r := access.New(access.Params{Store: s, Mode: access.Request, Now: func() time.Time { return now }})
	if _, err := r.Grant(b.Context(), account, region, nova); err != nil {
		b.Fatal(err)
	}
	u := &admission.Use{Call: &call.Call{Account: account, Region: region}, Entry: &catalog.Model{ID: nova}, ModelID: nova}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := r.Admit(context.Background(), u); err != nil {
				b.Error(err)
			}
		}
	})
}
