package quota_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/admission"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/quota"
)

func TestWhichValueHolds(t *testing.T) {
	t.Parallel()
	n := func(n int64) *int64 { return &n }
	m := &catalog.Model{
		ID: "acme.a", Name: "A", Profiles: []string{"us.acme.a", "global.acme.a"},
		Quotas: catalog.Quotas{OnDemandRPM: 100, CrossRegionRPM: 200, GlobalRPM: 300, OnDemandTPM: 1000, TokensPerDay: 5000},
	}
	values := func(p quota.ValuesParams) map[string]int64 {
		got := map[string]int64{}
		for _, q := range quota.NewValues(p).Quotas("1", "us-east-1", []*catalog.Model{m}) {
			got[string(q.Class)+" "+string(q.Metric)] = q.Value
		}
		return got
	}
	for name, tt := range map[string]struct {
		p    quota.ValuesParams
		want map[string]int64
	}{
		"default": {quota.ValuesParams{Default: quota.Limits{Requests: 7, Tokens: none, TokensPerDay: 10, Concurrency: 2}}, map[string]int64{
			"on-demand requests-per-minute": 7, "on-demand tokens-per-minute": none, "on-demand tokens-per-day": 10, "on-demand concurrency": 2,
			"cross-region requests-per-minute": 7, "cross-region tokens-per-minute": none,
			"global requests-per-minute": 7, "global tokens-per-minute": none, "global tokens-per-day": 20,
		}},
		"catalog": {quota.ValuesParams{Default: quota.Limits{Requests: 7, Tokens: 8, TokensPerDay: 9, Concurrency: none}, Catalog: true}, map[string]int64{
			"on-demand requests-per-minute": 100, "on-demand tokens-per-minute": 1000, "on-demand tokens-per-day": 5000, "on-demand concurrency": none,
			"cross-region requests-per-minute": 200, "cross-region tokens-per-minute": 8,
			"global requests-per-minute": 300, "global tokens-per-minute": 8, "global tokens-per-day": 10000,
		}},
		"rules": {quota.ValuesParams{
			Default: quota.Limits{Requests: 7, Tokens: none, TokensPerDay: none, Concurrency: none}, Catalog: true,
			Models: []quota.Rule{
				{Match: "other", Requests: n(1)}, {Match: "us.*", Requests: n(2), Tokens: n(20)},
				{Match: "acme.*", Tokens: n(0)}, {Match: "*", Tokens: n(5), Concurrency: n(3)},
			},
		}, map[string]int64{
			"on-demand requests-per-minute": 100, "on-demand tokens-per-minute": 0, "on-demand tokens-per-day": 5000, "on-demand concurrency": 3,
			"cross-region requests-per-minute": 2, "cross-region tokens-per-minute": 20,
			"global requests-per-minute": 300, "global tokens-per-minute": 0, "global tokens-per-day": 10000,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := values(tt.p)
			for key, want := range tt.want {
				if got[key] != want {
					t.Errorf("%s: got %d, want %d", key, got[key], want)
				}
			}
			if len(got) != len(tt.want) {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestBurndownOfTheConfiguration(t *testing.T) {
	t.Parallel()
	two := 2
	b := newBench(t, quota.ValuesParams{
		Default: unlimited(func(l *quota.Limits) { l.Tokens = 100 }),
		Models:  []quota.Rule{{Match: "us.a", OutputBurndown: &two}},
	}, nil)
	by := func(profile string) *admission.Use {
		return use(func(u *admission.Use) { u.Entry.OutputBurndown, u.ProfileID = 5, profile })
	}
	b.call(by(""), 0, 21, 0, tooManyTokens)
	b.call(by(""), 0, 20, 0, "")
	b.call(by("us.a"), 0, 51, 0, tooManyTokens)
	b.call(by("us.a"), 0, 50, 0, "")
}

// TestTheDayIsRemembered has a limiter forgotten and another one begin, as after
// a restart, and two that count the same day together.
func TestTheDayIsRemembered(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "state.db"))
	p := quota.ValuesParams{Default: unlimited(func(l *quota.Limits) { l.TokensPerDay = 100 })}
	flush := func(b *bench) {
		b.Helper()
		if err := b.Flush(t.Context()); err != nil {
			b.Fatal(err)
		}
	}
	first := newBench(t, p, quota.NewStoredDays(s))
	first.call(use(), 30, 10, 10, "")
	held, err := first.Admit(t.Context(), use())
	if err != nil {
		t.Fatal(err)
	}
	if err := held.Reserve(50, 0); err != nil { // what is reserved is not used yet
		t.Fatal(err)
	}
	flush(first)

	second := newBench(t, p, quota.NewStoredDays(s))
	second.call(use(), 61, 0, 0, tooManyToday)
	second.call(use(), 20, 0, 0, "")
	flush(second)
	first.call(use(), 11, 0, 0, tooManyToday)
	first.call(use(), 1, 0, 0, "")
	flush(first) // and learns of the 20
	first.call(use(), 1, 0, 0, tooManyToday)

	third := newBench(t, p, quota.NewStoredDays(s))
	third.call(use(), 40, 0, 0, tooManyToday)
	third.call(use(), 39, 0, 0, "")
	third.now = third.now.Add(12 * time.Hour)
	third.call(use(), 100, 0, 0, "")
	flush(third)
	late := newBench(t, p, quota.NewStoredDays(s))
	late.call(use(), 1, 0, 0, tooManyToday) // a clock that is behind opens nothing
	days := quota.NewStoredDays(s)
	if err := days.Forget(t.Context(), third.now.Unix()/86400+1); err != nil {
		t.Fatal(err)
	}
	if n, err := days.Spent(t.Context(), quota.Key{Account: "1", Region: "us-east-1", Model: "a", Class: quota.OnDemand}, 0); n != 0 || err != nil {
		t.Errorf("after Forget: got %d, %v", n, err)
	}
}
