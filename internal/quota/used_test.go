package quota_test

import (
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/quota"
	"github.com/outcrop/outcrop/internal/store/sqlitestore"
)

func TestUsed(t *testing.T) {
	t.Parallel()
	state, err := sqlitestore.Open(t.Context(), t.TempDir()+"/state.db", sqlitestore.Params{})
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	days := quota.NewStoredDays(state)
	limits := quota.Limits{Requests: 60, Tokens: 6000, TokensPerDay: 100_000, Concurrency: 5}
	b := newBench(t, quota.ValuesParams{Default: limits}, days)
	expect := func(when string, want ...float64) {
		t.Helper()
		for i, m := range []quota.Metric{quota.Requests, quota.Tokens, quota.TokensPerDay, quota.Concurrency} {
			got, err := b.Used(t.Context(), "1", "us-east-1", quota.ID{Model: "a", Class: quota.OnDemand, Metric: m})
			if err != nil || got != want[i] {
				t.Errorf("%s: %s: got %v, %v, want %v", when, m, got, err, want[i])
			}
		}
	}
	expect("before anybody calls", 0, 0, 0, 0)
	ticket, err := b.Admit(t.Context(), use())
	if err != nil {
		t.Fatal(err)
	}
	if err := ticket.Reserve(100, 500); err != nil {
		t.Fatal(err)
	}
	expect("under way", 1, 600, 600, 1)
	ticket.Settle(call.Usage{InputTokens: 100, OutputTokens: 20})
	expect("over", 1, 120, 120, 0)
	b.now = b.now.Add(time.Second)
	expect("a second later", 0, 20, 120, 0)
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	b = newBench(t, quota.ValuesParams{Default: limits}, days)
	expect("after a restart", 0, 0, 120, 0)
	if got, err := b.Used(t.Context(), "1", "us-east-1", quota.ID{Model: "a", Class: quota.Global, Metric: quota.TokensPerDay}); err != nil || got != 0 {
		t.Errorf("of another class: got %v, %v", got, err)
	}
}
