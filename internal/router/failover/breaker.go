package failover

import (
	"sync/atomic"
	"time"
)

// breaker keeps requests from what fails again and again. Its zero value is
// closed: everybody may pass. After enough failures in a row it is open: nobody
// may, for a while. Then it is half-open: one may try, and what becomes of that
// one closes or opens it.
//
// While everything is well a request reads two words that nobody writes.
type breaker struct {
	failures atomic.Int32 // in a row
	until    atomic.Int64 // when it is half-open, in Unix nanoseconds; 0 while it is closed
	trial    atomic.Bool  // somebody tries
}

// permit is leave to pass, to be given back once by succeed, fail or leave.
type permit struct{ trial bool }

func (b *breaker) enter() (permit, bool) {
	until := b.until.Load()
	switch {
	case until == 0:
		return permit{}, true
	case time.Now().UnixNano() < until:
		return permit{}, false
	case !b.trial.CompareAndSwap(false, true):
		return permit{}, false
	case b.until.Load() != until: // another trial has ended meanwhile
		b.trial.Store(false)
		return b.enter()
	}
	return permit{trial: true}, true
}

// succeed gives leave back after an answer.
func (b *breaker) succeed(p permit) {
	if b.failures.Load() != 0 {
		b.failures.Store(0)
	}
	if p.trial {
		b.until.Store(0)
		b.trial.Store(false)
	}
}

// fail gives leave back after a failure, and reports whether the breaker opened
// because of it. What began before it opened changes nothing.
func (b *breaker) fail(p permit, limit int, open time.Duration) (opened bool) {
	until := time.Now().Add(open).UnixNano()
	if p.trial {
		b.until.Store(until)
		b.trial.Store(false)
		return false // it was open
	}
	n := b.failures.Add(1)
	return limit > 0 && int(n) >= limit && b.until.CompareAndSwap(0, until)
}

// leave gives leave back of one of whom nothing is learnt.
func (b *breaker) leave(p permit) {
	if p.trial {
		b.trial.Store(false)
	}
}

// close closes it whatever it was. A trial goes on and decides anew.
func (b *breaker) close() {
	b.failures.Store(0)
	b.until.Store(0)
}

func (b *breaker) state(now time.Time) string {
	switch until := b.until.Load(); {
	case until == 0:
		return Closed
	case now.UnixNano() < until:
		return Open
	}
	return HalfOpen
}

// budget bounds the retries of a backend by its requests. Its zero value holds
// as many as it can.
type budget struct{ spent atomic.Int64 } // in thousandths of a retry

// most is how many retries can be saved up.
const most = 10_000

// deposit counts a request. While nothing is retried it only reads.
func (b *budget) deposit(share float64) {
	for {
		spent := b.spent.Load()
		if spent == 0 {
			return
		}
		if b.spent.CompareAndSwap(spent, max(spent-int64(share*1000), 0)) {
			return
		}
	}
}

// take asks for a retry.
func (b *budget) take(share float64) bool {
	if share <= 0 {
		return false
	}
	for {
		spent := b.spent.Load()
		if spent+1000 > most {
			return false
		}
		if b.spent.CompareAndSwap(spent, spent+1000) {
			return true
		}
	}
}
