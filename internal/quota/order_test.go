package quota_test

import (
	"context"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/quota"
)

// A caller whose own tokens are used up takes nothing of what the account has,
// however often they ask.
func TestARefusedPrincipalTakesNothingFromTheAccount(t *testing.T) {
	t.Parallel()
	b := newBench(t, quota.ValuesParams{
		Default:    unlimited(func(l *quota.Limits) { l.Requests, l.Tokens, l.TokensPerDay = 3, 100, 1000 }),
		Principals: []quota.Rule{{Match: "*user/ann", Tokens: new(int64(5))}},
	}, nil)
	for range 20 {
		b.call(use(), 10, 10, 0, tooManyTokens)
	}
	ben := use()
	ben.Call.Principal.ARN = "arn:aws:iam::1:user/ben"
	for range 3 {
		b.call(ben, 10, 20, 20, "")
	}
	b.call(ben, 1, 1, 1, tooManyRequests)
}

// slowDays lets something happen while the first call waits for the store.
type slowDays struct{ meanwhile func() }

func (d *slowDays) Spent(context.Context, quota.Key, int64) (int64, error) {
	if f := d.meanwhile; f != nil {
		d.meanwhile = nil
		f()
	}
	return 0, nil
}

func (*slowDays) Add(_ context.Context, _ quota.Key, _, tokens int64) (int64, error) {
	return tokens, nil
}

// A call that has waited for the store does not bring its old time with it: the
// time that passed meanwhile would pass a second time.
func TestTimePassesOnce(t *testing.T) {
	t.Parallel()
	days := &slowDays{}
	b := newBench(t, quota.ValuesParams{Default: unlimited(func(l *quota.Limits) { l.Requests, l.TokensPerDay = 3, 1000 })}, days)
	days.meanwhile = func() {
		b.now = b.now.Add(30 * time.Second)
		for range 3 {
			b.call(use(), 1, 1, 1, "")
		}
	}
	b.call(use(), 1, 1, 1, tooManyRequests)
	b.call(use(), 1, 1, 1, tooManyRequests)
}
