package quota_test

import (
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/quota"
)

// BenchmarkAdmit is the quotas' part of one call: admitted, reserved and settled,
// all of them of one key, which is the worst case for the locks.
func BenchmarkAdmit(b *testing.B) {
	for name, tt := range map[string]struct {
		limits    quota.Limits
		throttled bool
	}{
		"limited":   {limits: quota.Limits{Requests: none / 2, Tokens: none / 2, TokensPerDay: none, Concurrency: none / 2}},
		"unlimited": {limits: unlimited(func(*quota.Limits) {})},
		"throttled": {limits: unlimited(func(l *quota.Limits) { l.Requests = 0 }), throttled: true},
	} {
		l := quota.NewLimiter(quota.LimiterParams{Values: quota.NewValues(quota.ValuesParams{Default: tt.limits}), Now: time.Now})
		u := use()
		one := func(b *testing.B) {
			b.Helper()
			ticket, err := l.Admit(b.Context(), u)
			if (err != nil) != tt.throttled {
				b.Fatalf("got %v", err)
			}
			if ticket == nil {
				return
			}
			if err := ticket.Reserve(100, 1000); err != nil {
				b.Fatal(err)
			}
			ticket.Settle(call.Usage{InputTokens: 100, OutputTokens: 50})
		}
		b.Run(name+"/serial", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				one(b)
			}
		})
		b.Run(name+"/parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					one(b)
				}
			})
		})
	}
}
