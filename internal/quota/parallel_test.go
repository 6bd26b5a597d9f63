package quota_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/quota"
)

// TestManyAtOnce has many calls compete: never more are admitted than there is
// room for, and when all are over nothing is missing.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	const atOnce, tokens = 4, 1000
	b := newBench(t, quota.ValuesParams{Default: unlimited(func(l *quota.Limits) { l.Concurrency, l.Tokens, l.TokensPerDay = atOnce, tokens, tokens })}, nil)
	var running, most, admitted atomic.Int64
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for range 200 {
				ticket, err := b.Admit(t.Context(), use())
				if fault.Is(err, fault.Unavailable) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				now := running.Add(1)
				for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
				}
				if err := ticket.Reserve(100, 150); err != nil {
					t.Errorf("%d calls of 250 tokens each have room: %v", atOnce, err)
				}
				if err := ticket.Reserve(0, 0); err != nil {
					t.Errorf("less was refused: %v", err)
				}
				admitted.Add(1)
				running.Add(-1)
				ticket.Settle(call.Usage{})
			}
		})
	}
	group.Wait()
	if most.Load() > atOnce || admitted.Load() == 0 {
		t.Errorf("%d of %d ran at once", most.Load(), admitted.Load())
	}
	b.call(use(), tokens, 0, tokens, "")
}

// failing are days that cannot be read.
type failing struct{ err error }

func (f failing) Spent(context.Context, quota.Key, int64) (int64, error) { return 0, f.err }

func (f failing) Add(context.Context, quota.Key, int64, int64) (int64, error) { return 0, f.err }

func TestDaysThatCannotBeReadOpenNothing(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is gone")
	b := newBench(t, quota.ValuesParams{Default: unlimited(func(l *quota.Limits) { l.TokensPerDay = 10 })}, failing{broken})
	if _, err := b.Admit(t.Context(), use()); !fault.Is(err, fault.Unavailable) || !errors.Is(err, broken) {
		t.Errorf("got %v, want Unavailable because of %v", err, broken)
	}
}
