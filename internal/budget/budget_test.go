package budget_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/admission"
	"github.com/outcrop/outcrop/internal/budget"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/ledger"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/price"
	"github.com/outcrop/outcrop/internal/store"
	"github.com/outcrop/outcrop/internal/store/sqlitestore"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

const account = "000000000000"

var noon = time.Date(2026, 3, 30, 12, 0, 0, 0, time.UTC)

// world is a data directory and what runs on it.
type world struct {
	t     *testing.T
	dir   string
	now   time.Time
	store store.Store
	bill  *ledger.Ledger
	guard *budget.Guard
	log   bytes.Buffer
	calls int
}

type nothing struct{}

func (nothing) Lookup(string) (*catalog.Model, bool) { return nil, false }

func tags(p iam.Principal) map[string]string { return map[string]string{"team": "team of " + p.Name} }

func newWorld(t *testing.T, dir string) *world {
	t.Helper()
	w := &world{t: t, dir: dir, now: noon}
	prices, err := price.New(nothing{}, []price.Override{{Match: "*", InputPer1M: 1_000_000}}) // a dollar a token
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqlitestore.Open(t.Context(), filepath.Join(dir, "state.db"), sqlitestore.Params{})
	if err != nil {
		t.Fatal(err)
	}
	w.store = s
	now := func() time.Time { return w.now }
	if w.bill, err = ledger.Open(t.Context(), ledger.Params{Dir: dir, Prices: prices, Now: now, Tags: tags}); err != nil {
		t.Fatal(err)
	}
	w.guard = budget.New(budget.Params{Store: s, Ledger: w.bill, Tags: tags, Logger: slog.New(slog.NewTextHandler(&w.log, nil)), Now: now})
	w.refresh()
	return w
}

func (w *world) close() {
	w.t.Helper()
	if err := w.bill.Close(); err != nil {
		w.t.Error(err)
	}
	if err := w.store.Close(); err != nil {
		w.t.Error(err)
	}
}

func (w *world) refresh() {
	w.t.Helper()
	if err := w.guard.Refresh(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) set(b budget.Budget) {
	w.t.Helper()
	b.Account = account
	if b.Period == "" {
		b.Period = ledger.Day
	}
	if err := budget.Set(w.t.Context(), w.store, b); err != nil {
		w.t.Fatal(err)
	}
	w.refresh()
}

// ask asks for a call of a user that costs so many dollars, and makes it when it
// is admitted. It returns the warning, or the refusal.
func (w *world) ask(user string, dollars int) string {
	w.t.Helper()
	w.calls++
	c := &call.Call{
		RequestID: fmt.Sprintf("%s-%d", w.dir, w.calls), Account: account, Start: w.now,
		Principal: iam.Principal{Type: iam.User, ARN: "arn:aws:iam::000000000000:user/" + user, Name: user},
	}
	v := &observe.View{Call: c, Op: &schema.Operation{}}
	watch := w.bill.Begin(v)
	defer watch.End(v)
	ticket, err := w.guard.Admit(w.t.Context(), &admission.Use{Call: c, ModelID: "m"})
	if err != nil {
		if !fault.Is(err, fault.Denied) {
			w.t.Fatal(err)
		}
		v.Status, v.Code = http.StatusForbidden, "AccessDeniedException"
		return fault.As(err).Message
	}
	if ticket != nil {
		w.t.Error("got a ticket, want none")
	}
	c.RecordUsage(func(u *call.Usage) { u.Model, u.InputTokens = "m", dollars })
	v.Status = http.StatusOK
	watch.Answer(v, nil)
	return strings.Join(c.Header()[budget.WarningHeader], "|")
}

func (w *world) expect(what, got, want string) {
	w.t.Helper()
	if got != want {
		w.t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

const refusal = "The budget b is spent: $11.00 of $10.00 this day. It begins anew on 2026-03-31."

func TestAHardStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t, t.TempDir())
	w.ask("alice", 4) // before there is a budget
	w.set(budget.Budget{Name: "b", Scope: "user/alice", Limit: 10e6, Warn: 80, Stop: true})
	w.expect("in budget", w.ask("alice", 3), "")
	w.expect("still below the threshold", w.ask("alice", 1), "")
	w.expect("above it", w.ask("alice", 3), "b; spent=8.00; limit=10.00; until=2026-03-31")
	w.expect("spent", w.ask("alice", 1), refusal)
	w.expect("somebody else", w.ask("bob", 100), "")

	// It survives a restart, and another server knows of it.
	w.close()
	w = newWorld(t, w.dir)
	w.expect("after a restart", w.ask("alice", 1), refusal)
	other := newWorld(t, w.dir)
	other.expect("on another server", other.ask("alice", 1), refusal)
	other.close()

	w.set(budget.Budget{Name: "b", Scope: "user/alice", Limit: 12e6, Stop: true})
	w.expect("raised", w.ask("alice", 2), "")
	w.expect("spent again", w.ask("alice", 2), "The budget b is spent: $13.00 of $12.00 this day. It begins anew on 2026-03-31.")
	w.now = w.now.Add(12 * time.Hour)
	w.expect("the next day", w.ask("alice", 20), "")
	if err := budget.Remove(t.Context(), w.store, account, "b"); err != nil {
		t.Fatal(err)
	}
	w.refresh()
	w.expect("removed", w.ask("alice", 1), "")
	if err := budget.Remove(t.Context(), w.store, account, "b"); !fault.Is(err, fault.NotFound) {
		t.Errorf("removed twice: got %v, want NotFound", err)
	}
	w.close()
}

func TestScopesAndPeriods(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]budget.Budget{
		"everybody": {Scope: ledger.Everybody, Limit: 10e6},
		"a tag":     {Scope: ledger.TagScope("team", "team of alice"), Limit: 10e6},
		"a month":   {Scope: "user/alice", Limit: 10e6, Period: ledger.Month},
		"nothing":   {Scope: "user/alice", Limit: 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, t.TempDir())
			defer w.close()
			b.Name, b.Stop = "b", true
			w.ask("alice", 10)
			w.now = w.now.Add(time.Minute)
			w.set(b)
			if got := w.ask("alice", 1); !strings.Contains(got, "is spent") {
				t.Errorf("got %q, want a refusal", got)
			}
			if got := w.ask("bob", 1); strings.Contains(got, "is spent") != (b.Scope == ledger.Everybody) {
				t.Errorf("somebody else: got %q", got)
			}
			w.now = noon.Add(24 * time.Hour)
			if got := w.ask("alice", 1); strings.Contains(got, "is spent") != (b.Period == ledger.Month || b.Limit == 0) {
				t.Errorf("tomorrow: got %q", got)
			}
		})
	}
}

func TestAWarningStopsNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, t.TempDir())
	defer w.close()
	w.set(budget.Budget{Name: "b", Scope: "all", Limit: 10e6, Warn: 50})
	w.ask("alice", 5)
	w.ask("alice", 5)
	w.ask("alice", 5)
	w.expect("spent", w.ask("alice", 5), "b; spent=15.00; limit=10.00; until=2026-03-31")
	for _, text := range []string{`"a budget runs out"`, `"a budget is spent"`} {
		if got := strings.Count(w.log.String(), text); got != 1 {
			t.Errorf("got %d lines with %s, want one:\n%s", got, text, w.log.String())
		}
	}
	want := []budget.Status{{Budget: budget.Budget{Name: "b", Account: account, Scope: "all", Period: ledger.Day, Limit: 10e6, Warn: 50}, Spent: 20e6}}
	if diff := cmp.Diff(want, w.guard.Statuses()); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}

// What is spent too much is bounded by the calls in flight.
func TestCallsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, t.TempDir())
	defer w.close()
	w.set(budget.Budget{Name: "b", Scope: "all", Limit: 100e6, Stop: true})
	const callers, each = 4, 200
	var group sync.WaitGroup
	for c := range callers {
		group.Go(func() {
			for i := range each {
				id := fmt.Sprintf("%d-%d", c, i)
				v := &observe.View{
					Call: &call.Call{RequestID: id, Account: account, Start: noon, Principal: iam.Principal{Type: iam.Root, ARN: "root"}}, Op: &schema.Operation{},
				}
				watch := w.bill.Begin(v)
				if _, err := w.guard.Admit(context.Background(), &admission.Use{Call: v.Call}); err == nil {
					v.Call.RecordUsage(func(u *call.Usage) { u.Model, u.InputTokens = "m", 1 })
					v.Status = http.StatusOK
					watch.Answer(v, nil)
				}
				watch.End(v)
			}
		})
	}
	group.Wait()
	if spent := w.guard.Statuses()[0].Spent / 1e6; spent < 100 || spent > 100+callers {
		t.Errorf("got %d dollars spent, want 100 and at most %d more", spent, callers)
	}
}

func TestSetRefusesNonsense(t *testing.T) {
	t.Parallel()
	w := newWorld(t, t.TempDir())
	defer w.close()
	good := budget.Budget{Name: "b", Account: account, Scope: "all", Period: ledger.Day}
	for name, change := range map[string]func(*budget.Budget){
		"no name": func(b *budget.Budget) { b.Name = "" }, "name": func(b *budget.Budget) { b.Name = "a/b" },
		"scope": func(b *budget.Budget) { b.Scope = "alice" }, "user": func(b *budget.Budget) { b.Scope = "user/" },
		"tag": func(b *budget.Budget) { b.Scope = "tag/x" }, "period": func(b *budget.Budget) { b.Period = "week" },
		"limit": func(b *budget.Budget) { b.Limit = -1 }, "warn": func(b *budget.Budget) { b.Warn = 101 },
	} {
		b := good
		change(&b)
		if err := budget.Set(t.Context(), w.store, b); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v, want Invalid", name, err)
		}
	}
	for range 2 {
		if err := budget.Set(t.Context(), w.store, good); err != nil {
			t.Fatal(err)
		}
	}
	list, err := budget.List(t.Context(), w.store, account)
	if diff := cmp.Diff([]budget.Budget{good}, list); diff != "" || err != nil {
		t.Errorf("list: %v (-want +got):\n%s", err, diff)
	}
}

func TestDollars(t *testing.T) {
	t.Parallel()
	for micro, want := range map[int64]string{0: "0.00", 1: "0.000001", 12_500_000: "12.50", 100_000: "0.10", 1_234_500: "1.2345"} {
		if got := budget.Dollars(micro); got != want {
			t.Errorf("%d: got %s, want %s", micro, got, want)
		}
	}
}
