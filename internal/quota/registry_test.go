package quota_test

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/admission"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/quota"
	"github.com/outcrop/outcrop/internal/store"
	"github.com/outcrop/outcrop/internal/store/sqlitestore"
)

func open(t *testing.T, file string) store.Store {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), file, sqlitestore.Params{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func models(t *testing.T) *catalog.Catalog {
	t.Helper()
	c, err := catalog.New()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newRegistry is a registry over a file, in which every request a minute is
// allowed 10 times where nothing else was set.
func newRegistry(t *testing.T, file string, in quota.Increases) (*quota.Registry, *quota.Values) {
	t.Helper()
	values := quota.NewValues(quota.ValuesParams{Default: unlimited(func(l *quota.Limits) { l.Requests = 10 })})
	n := 0
	return quota.NewRegistry(quota.RegistryParams{
		Store: open(t, file), Values: values, Models: models(t).All, Increases: in,
		Now:   func() time.Time { return time.Date(2026, 11, 20, 12, 0, n, 0, time.UTC) },
		NewID: func() string { n++; return fmt.Sprintf("request-%d", n) },
	}), values
}

const sonnet = "anthropic.claude-3-5-sonnet-20240620-v1:0"

func TestCodesAndNames(t *testing.T) {
	t.Parallel()
	r, _ := newRegistry(t, filepath.Join(t.TempDir(), "state.db"), quota.Increases{})
	list := r.List("1", "us-east-1")
	codes, names := map[string]quota.ID{}, map[string]quota.ID{}
	for _, q := range list {
		if !regexp.MustCompile(`^L-[0-9A-F]{8}$`).MatchString(q.Code) {
			t.Errorf("%s is no code", q.Code)
		}
		if other, ok := codes[q.Code]; ok {
			t.Errorf("%v and %v have the code %s", q.ID, other, q.Code)
		}
		if other, ok := names[q.Name]; ok {
			t.Errorf("%v and %v have the name %s", q.ID, other, q.Name)
		}
		codes[q.Code], names[q.Name] = q.ID, q.ID
	}
	for code, want := range map[string]string{ // these never change
		"L-254CACF4": "On-demand model inference requests per minute for Anthropic Claude 3.5 Sonnet",
		"L-479B647F": "Cross-region model inference tokens per minute for Anthropic Claude 3.5 Sonnet",
		"L-826516E2": "On-demand model inference requests per minute for Meta Llama 3 8B Instruct",
		"L-7BEE40FB": "Global cross-region model inference tokens per minute for Anthropic Claude Sonnet 4.6",
	} {
		q, err := r.Find("1", "us-east-1", code)
		if err != nil || q.Name != want {
			t.Errorf("%s: got %q, %v, want %q", code, q.Name, err, want)
		}
	}
}

func TestSet(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.db")
	r, values := newRegistry(t, file, quota.Increases{})
	other, _ := newRegistry(t, file, quota.Increases{})
	ctx := t.Context()
	value := func(r *quota.Registry, account, model string, m quota.Metric) int64 {
		t.Helper()
		q, err := r.FindByName(account, "us-east-1", model, m)
		if err != nil {
			t.Fatal(err)
		}
		return q.Value
	}
	q, err := r.FindByName("1", "us-east-1", sonnet, quota.Requests)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int64{3, 0, 4} {
		if err := r.Set(ctx, "1", "us-east-1", q.Code, n); err != nil {
			t.Fatal(err)
		}
		if got := value(r, "1", sonnet, quota.Requests); got != n {
			t.Errorf("got %d, want %d", got, n)
		}
	}
	for what, got := range map[string]int64{
		"another account":        value(r, "2", sonnet, quota.Requests),
		"its profile":            value(r, "1", "us."+sonnet, quota.Requests),
		"another process so far": value(other, "1", sonnet, quota.Requests),
	} {
		if got != 10 {
			t.Errorf("%s: got %d, want 10", what, got)
		}
	}
	if err := other.Load(ctx); err != nil || value(other, "1", sonnet, quota.Requests) != 4 {
		t.Errorf("another process: got %d, %v, want 4", value(other, "1", sonnet, quota.Requests), err)
	}
	if err := r.Set(ctx, "1", "us-east-1", q.Code, -1); !fault.Is(err, fault.Invalid) {
		t.Errorf("a negative value: got %v", err)
	}
	if err := r.Set(ctx, "1", "us-east-1", "L-00000000", 1); !fault.Is(err, fault.NotFound) {
		t.Errorf("an unknown code: got %v", err)
	}

	// What was set holds at once in the limiter of the process.
	l := quota.NewLimiter(quota.LimiterParams{Values: values, Now: time.Now})
	u := &admission.Use{Call: &call.Call{Account: "1", Region: "us-east-1"}, Entry: &catalog.Model{ID: sonnet}, ModelID: sonnet}
	for range 4 {
		if _, err := l.Admit(ctx, u); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Admit(ctx, u); !fault.Is(err, fault.Throttled) {
		t.Errorf("got %v, want it throttled", err)
	}
	if err := r.Reset(ctx, "1", "us-east-1", q.Code); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Admit(ctx, u); err != nil || value(r, "1", sonnet, quota.Requests) != 10 {
		t.Errorf("after the reset: got %v and %d", err, value(r, "1", sonnet, quota.Requests))
	}
}

func TestIncreases(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		increases quota.Increases
		desired   int64
		want      quota.Status
		value     int64
	}{
		"manual":            {quota.Increases{}, 20, quota.Pending, 10},
		"automatic":         {quota.Increases{Automatic: true}, 1 << 40, quota.Approved, 1 << 40},
		"within the factor": {quota.Increases{Automatic: true, Factor: 2}, 20, quota.Approved, 20},
		"beyond the factor": {quota.Increases{Automatic: true, Factor: 2}, 21, quota.CaseOpened, 10},
		"within the value":  {quota.Increases{Automatic: true, UpTo: 20}, 20, quota.Approved, 20},
		"beyond the value":  {quota.Increases{Automatic: true, UpTo: 20}, 21, quota.CaseOpened, 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := newRegistry(t, filepath.Join(t.TempDir(), "state.db"), tt.increases)
			made, err := r.Ask(t.Context(), "1", "us-east-1", "L-254CACF4", tt.desired, "arn")
			if err != nil || made.Status != tt.want {
				t.Errorf("got %s, %v, want %s", made.Status, err, tt.want)
			}
			if q, err := r.Find("1", "us-east-1", "L-254CACF4"); err != nil || q.Value != tt.value {
				t.Errorf("got the value %d, %v, want %d", q.Value, err, tt.value)
			}
		})
	}
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	r, _ := newRegistry(t, filepath.Join(t.TempDir(), "state.db"), quota.Increases{})
	ctx := t.Context()
	ask := func(n int64) (quota.Request, error) { return r.Ask(ctx, "1", "us-east-1", "L-254CACF4", n, "arn") }
	for _, n := range []int64{10, 9, 0} {
		if _, err := ask(n); !fault.Is(err, fault.Invalid) {
			t.Errorf("%d: got %v, want Invalid", n, err)
		}
	}
	first, err := ask(11)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ask(12); !fault.Is(err, fault.Conflict) {
		t.Errorf("while one waits: got %v, want a Conflict", err)
	}
	if _, err := r.Ask(ctx, "2", "us-east-1", "L-254CACF4", 12, "arn"); err != nil {
		t.Errorf("of another account: %v", err)
	}
	if denied, err := r.Deny(ctx, first.ID); err != nil || denied.Status != quota.Denied {
		t.Errorf("got %s, %v", denied.Status, err)
	}
	second, err := ask(12)
	if err != nil {
		t.Fatal(err)
	}
	if approved, err := r.Approve(ctx, second.ID); err != nil || approved.Status != quota.Approved {
		t.Errorf("got %s, %v", approved.Status, err)
	}
	if q, err := r.Find("1", "us-east-1", "L-254CACF4"); err != nil || q.Value != 12 || q.Default != 10 {
		t.Errorf("got %d of %d, %v, want 12 of 10", q.Value, q.Default, err)
	}
	for id, kind := range map[string]fault.Kind{first.ID: fault.Conflict, second.ID: fault.Conflict, "none": fault.NotFound} {
		for _, decide := range []func(context.Context, string) (quota.Request, error){r.Approve, r.Deny} {
			if _, err := decide(ctx, id); !fault.Is(err, kind) {
				t.Errorf("%s: got %v, want %s", id, err, kind)
			}
		}
	}
	list, err := r.Requests(ctx, "1", "us-east-1")
	if err != nil || len(list) != 2 || list[0].ID != second.ID || list[1].Status != quota.Denied {
		t.Errorf("got %v, %v, want both, newest first", list, err)
	}
}

func TestParseIncreases(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "0 0", "10x": "10 0", "1.5x": "1.5 0", "5000": "0 5000",
		"0.5x": "error", "x": "error", "0": "error", "-1": "error", "NaNx": "error", "ten": "error",
	} {
		factor, value, err := quota.ParseIncreases(text)
		got := fmt.Sprint(factor, value)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
