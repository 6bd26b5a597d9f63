package quota_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/admission"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/quota"
)

const none = quota.Unlimited

// unlimited is a Limits of nothing but the values given.
func unlimited(change func(*quota.Limits)) quota.Limits {
	l := quota.Limits{Requests: none, Tokens: none, TokensPerDay: none, Concurrency: none}
	change(&l)
	return l
}

// bench is a limiter with a clock.
type bench struct {
	*testing.T
	*quota.Limiter
	now time.Time
}

func newBench(t *testing.T, p quota.ValuesParams, days quota.Days) *bench {
	t.Helper()
	b := &bench{T: t, now: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)}
	b.Limiter = quota.NewLimiter(quota.LimiterParams{Values: quota.NewValues(p), Days: days, Now: func() time.Time { return b.now }})
	return b
}

func use(change ...func(*admission.Use)) *admission.Use {
	u := &admission.Use{
		Call:  &call.Call{RequestID: "r", Account: "1", Region: "us-east-1", Operation: "Converse", Principal: iam.Principal{ARN: "arn:aws:iam::1:user/ann"}},
		Entry: &catalog.Model{ID: "a", OutputBurndown: 1}, ModelID: "a",
	}
	for _, f := range change {
		f(u)
	}
	return u
}

const (
	tooManyRequests = "Too many requests, please wait before trying again."
	tooManyTokens   = "Too many tokens, please wait before trying again."
	tooManyToday    = "Too many tokens per day, please wait before trying again."
	tooManyCalls    = "Too many connections, please wait before trying again."
)

// call makes a call that reserves and uses tokens, and wants it to be refused
// with a text; empty: not at all.
func (b *bench) call(u *admission.Use, input, most, used int, want string) {
	b.Helper()
	ticket, err := b.Admit(b.Context(), u)
	if err == nil && ticket != nil {
		err = ticket.Reserve(input, most)
		if err != nil {
			input, used = 0, 0
		}
		ticket.Settle(call.Usage{InputTokens: input, OutputTokens: used})
	}
	b.check(err, want)
}

func (b *bench) check(err error, want string) {
	b.Helper()
	kind := fault.Throttled
	if want == tooManyCalls {
		kind = fault.Unavailable
	}
	switch {
	case want == "" && err != nil:
		b.Errorf("got %v, want it admitted", err)
	case want != "" && (!fault.Is(err, kind) || fault.As(err).Message != want):
		b.Errorf("got %v, want %s", err, want)
	}
}

func TestRequestsPerMinute(t *testing.T) {
	t.Parallel()
	b := newBench(t, quota.ValuesParams{Default: unlimited(func(l *quota.Limits) { l.Requests = 3 })}, nil)
	for range 3 {
		b.call(use(), 1, 1, 1, "")
	}
	b.call(use(), 1, 1, 1, tooManyRequests)
	for name, other := range map[string]func(*admission.Use){
		"account": func(u *admission.Use) { u.Call.Account = "2" },
		"region":  func(u *admission.Use) { u.Call.Region = "us-west-2" },
		"model":   func(u *admission.Use) { u.ModelID = "b" },
		"profile": func(u *admission.Use) { u.ProfileID = "us.a" },
		"global":  func(u *admission.Use) { u.ProfileID = "global.a" },
	} {
		t.Log(name)
		b.call(use(other), 1, 1, 1, "")
	}
	b.call(use(func(u *admission.Use) { u.ProfileID = "eu.a" }), 1, 1, 1, "") // the same count as us.a
	b.call(use(func(u *admission.Use) { u.ProfileID = "us.a" }), 1, 1, 1, "")
	b.call(use(func(u *admission.Use) { u.ProfileID = "us.a" }), 1, 1, 1, tooManyRequests)
	b.call(use(func(u *admission.Use) { u.Call.Operation = "CountTokens" }), 0, 0, 0, "")
	b.call(use(func(u *admission.Use) { u.Provisioned = "arn" }), 0, 0, 0, "")

	b.now = b.now.Add(19 * time.Second) // a refused request costs nothing
	b.call(use(), 1, 1, 1, tooManyRequests)
	b.now = b.now.Add(time.Second)
	b.call(use(), 1, 1, 1, "")
	b.call(use(), 1, 1, 1, tooManyRequests)
	b.now = b.now.Add(time.Hour) // no more than a minute's worth is saved up
	for range 3 {
		b.call(use(), 1, 1, 1, "")
	}
	b.call(use(), 1, 1, 1, tooManyRequests)
}

func TestARequestThatNeverCameToTheModelIsGivenBack(t *testing.T) {
	t.Parallel()
	b := newBench(t, quota.ValuesParams{Default: unlimited(func(l *quota.Limits) { l.Requests = 1 })}, nil)
	for range 3 {
		ticket, err := b.Admit(t.Context(), use())
		if err != nil {
			t.Fatal(err)
		}
		ticket.Settle(call.Usage{})
	}
	b.call(use(), 1, 1, 1, "")
	b.call(use(), 1, 1, 1, tooManyRequests)
}

func TestTokensPerMinute(t *testing.T) {
	t.Parallel()
	b := newBench(t, quota.ValuesParams{Default: unlimited(func(l *quota.Limits) { l.Tokens = 1000 })}, nil)
	burning := func(u *admission.Use) { u.Entry.OutputBurndown = 5 }
	b.call(use(burning), 100, 181, 1, tooManyTokens) // what is reserved is more than there is
	b.call(use(burning), 100, 180, 100, "")          // reserved 1000, used 600
	b.call(use(burning), 100, 61, 0, tooManyTokens)
	b.call(use(burning), 100, 60, 0, "") // used 100
	b.now = b.now.Add(30 * time.Second)
	b.call(use(burning), 801, 0, 0, tooManyTokens) // 700 - 500 are left of what was used
	b.call(use(burning), 800, 0, 0, "")

	// What is owed is paid before more is admitted; the cache is read for free.
	b.now = b.now.Add(time.Hour)
	ticket, err := b.Admit(t.Context(), use(burning))
	if err != nil {
		t.Fatal(err)
	}
	if err := ticket.Reserve(10, 10); err != nil {
		t.Fatal(err)
	}
	ticket.Settle(call.Usage{InputTokens: 1000, OutputTokens: 180, CacheWrite: 100, CacheRead: 1 << 30})
	b.now = b.now.Add(time.Minute) // 2000 used, 1000 drained
	b.call(use(burning), 1, 0, 0, tooManyTokens)
	b.now = b.now.Add(time.Minute)
	b.call(use(burning), 1000, 0, 0, "")
}

func TestAReservationIsGivenBackOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, quota.ValuesParams{Default: unlimited(func(l *quota.Limits) { l.Tokens = 1000 })}, nil)
	long, err := b.Admit(t.Context(), use())
	if err != nil {
		t.Fatal(err)
	}
	if err := long.Reserve(0, 1000); err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(2 * time.Minute) // by now all of it has come back
	b.call(use(), 900, 0, 0, "")
	long.Settle(call.Usage{OutputTokens: 1})
	b.call(use(), 101, 0, 0, tooManyTokens)
	b.call(use(), 100, 0, 0, "")

	// Several generations of one call.
	b.now = b.now.Add(time.Hour)
	ticket, err := b.Admit(t.Context(), use())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []struct {
		input, output int
		want          string
	}{{100, 800, ""}, {100, 50, ""}, {200, 801, tooManyTokens}, {200, 800, ""}} {
		b.check(ticket.Reserve(r.input, r.output), r.want)
	}
	ticket.Settle(call.Usage{InputTokens: 200, OutputTokens: 100})
	b.call(use(), 701, 0, 0, tooManyTokens)
	b.call(use(), 700, 0, 0, "")
}

func TestConcurrency(t *testing.T) {
	t.Parallel()
	b := newBench(t, quota.ValuesParams{Default: unlimited(func(l *quota.Limits) { l.Concurrency = 2 })}, nil)
	var tickets []admission.Ticket
	for range 2 {
		ticket, err := b.Admit(t.Context(), use())
		if err != nil {
			t.Fatal(err)
		}
		tickets = append(tickets, ticket)
	}
	b.call(use(), 1, 1, 1, tooManyCalls)
	b.now = b.now.Add(24 * time.Hour)
	b.call(use(), 1, 1, 1, tooManyCalls)
	tickets[0].Settle(call.Usage{})
	b.call(use(), 1, 1, 1, "")
	b.call(use(), 1, 1, 1, "")
}

func TestZeroRefusesEverything(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		limits quota.Limits
		want   string
	}{
		"requests":    {unlimited(func(l *quota.Limits) { l.Requests = 0 }), tooManyRequests},
		"tokens":      {unlimited(func(l *quota.Limits) { l.Tokens = 0 }), tooManyTokens},
		"day":         {unlimited(func(l *quota.Limits) { l.TokensPerDay = 0 }), tooManyToday},
		"concurrency": {unlimited(func(l *quota.Limits) { l.Concurrency = 0 }), tooManyCalls},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, quota.ValuesParams{Default: tt.limits}, nil)
			for range 3 {
				b.call(use(), 1, 1, 1, tt.want)
				b.now = b.now.Add(36 * time.Hour)
			}
		})
	}
}

func TestClockJumps(t *testing.T) {
	t.Parallel()
	limits := unlimited(func(l *quota.Limits) { l.Requests, l.TokensPerDay = 2, 100 })
	b := newBench(t, quota.ValuesParams{Default: limits}, nil)
	b.call(use(), 50, 0, 0, "")
	b.call(use(), 40, 0, 0, "")
	b.now = b.now.Add(-24 * time.Hour) // opens nothing
	b.call(use(), 1, 0, 0, tooManyRequests)
	b.now = b.now.Add(30 * time.Second) // and locks nobody out
	b.call(use(), 11, 0, 0, tooManyToday)
	b.call(use(), 10, 0, 0, "")
	b.call(use(), 1, 0, 0, tooManyRequests)
	b.now = b.now.Add(24 * time.Hour) // a day forward gives no more than a day's and a minute's worth
	b.call(use(), 60, 0, 0, "")
	b.call(use(), 41, 0, 0, tooManyToday)
	b.now = b.now.Add(time.Minute)
	b.call(use(), 40, 0, 0, "")
	b.now = b.now.Add(-48 * time.Hour)
	b.now = b.now.Add(time.Minute)
	b.call(use(), 1, 0, 0, tooManyToday)
	b.now = b.now.Add(12 * time.Hour) // the next midnight
	b.call(use(), 100, 0, 0, "")
}

func TestPrincipals(t *testing.T) {
	t.Parallel()
	two, four := int64(2), int64(4)
	b := newBench(t, quota.ValuesParams{
		Default:    unlimited(func(l *quota.Limits) { l.Requests = 7 }),
		Principals: []quota.Rule{{Match: "arn:aws:iam::*:user/*", Requests: &two}, {Match: "*:assumed-role/dev", Models: "a", Requests: &four}},
	}, nil)
	by := func(arn string) *admission.Use { return use(func(u *admission.Use) { u.Call.Principal.ARN = arn }) }
	for range 2 {
		b.call(by("arn:aws:iam::1:user/x/ann"), 1, 1, 1, "")
	}
	b.call(by("arn:aws:iam::1:user/x/ann"), 1, 1, 1, tooManyRequests)
	for i := range 4 {
		b.call(by(fmt.Sprintf("arn:aws:sts::1:assumed-role/dev/session-%d", i)), 1, 1, 1, "")
	}
	b.call(by("arn:aws:sts::1:assumed-role/dev/another"), 1, 1, 1, tooManyRequests)
	b.call(by("arn:aws:iam::1:root"), 1, 1, 1, "") // what was refused took nothing of the account's
	b.call(by("arn:aws:iam::1:user/bob"), 1, 1, 1, tooManyRequests)
}

// TestAMillionPrincipals has each of them come once: what is kept of them is
// bounded, and those who came last are still known.
func TestAMillionPrincipals(t *testing.T) {
	t.Parallel()
	one := int64(1)
	b := newBench(t, quota.ValuesParams{
		Default:    unlimited(func(*quota.Limits) {}),
		Principals: []quota.Rule{{Match: "*", Requests: &one}},
	}, nil)
	principals, crowd := 1_000_000, 300_000
	if raceEnabled { // ten times slower
		principals, crowd = 100_000, 30_000
	}
	last := use()
	for i := range principals {
		last = use(func(u *admission.Use) { u.Call.Principal.ARN = fmt.Sprintf("arn:aws:iam::1:user/%d", i) })
		b.call(last, 1, 1, 1, "")
		b.now = b.now.Add(10 * time.Millisecond) // 6,000 of them are younger than a minute
	}
	b.call(last, 1, 1, 1, tooManyRequests)
	if got := b.Len(); got > 20_000 {
		t.Errorf("got %d keys in memory", got)
	}
	for i := range crowd { // within no time at all
		b.call(use(func(u *admission.Use) { u.Call.Principal.ARN = fmt.Sprintf("arn:aws:iam::1:role/%d", i) }), 1, 1, 1, "")
	}
	if got, most := b.Len(), 64*4096; got > most {
		t.Errorf("got %d keys in memory, want at most %d", got, most)
	}
}
