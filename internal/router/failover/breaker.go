package failover

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// breaker keeps requests from what fails again and again. Its zero value is
// closed: everybody may pass. After enough failures in a row it is open: nobody
// may, for a while. Then it is half-open: one may try, and what becomes of that
// one closes or opens it.
//
// Whoever sends what makes a server fail shall not take it from the others. So
// failures are counted by caller: those of one open the breaker for that one
// alone, and for everybody only when others have failed as well, or when no
// request can be blamed. See row.
//
// While everything is well a request reads two words that nobody writes.
type breaker struct {
	failures atomic.Int32 // what row has counted
	until    atomic.Int64 // when it is half-open, in Unix nanoseconds; 0 while it is closed
	noted    atomic.Int32 // how many callers there are in own

	mu    sync.Mutex // over what follows, and over changes of the above
	trial bool       // somebody tries
	row   row
	// tried is the caller whose trial was the last that failed, and may not try
	// again before again: another one has a turn.
	tried uint64
	again int64
	own   map[uint64]*suspect
	keep  int64 // for how long a suspect is remembered
	sweep int64 // when those are looked for that have been long enough
}

// row counts failures in a row of all callers.
type row struct {
	n     int
	by    map[uint64]int
	plain bool // one of them is no request's fault
}

// suspect is the breaker of one caller.
type suspect struct {
	failures int // in a row
	until    int64
	trial    bool
	last     int64 // failure
}

// maxSuspects bounds how many callers are remembered.
const maxSuspects = 1024

// permit is leave to pass, to be given back once by succeed, fail or leave.
type permit struct {
	caller uint64 // 0: nobody that could be told from others
	again  bool   // the same request was counted already
	trial  bool
	own    *suspect // whose trial it is
}

func (b *breaker) enter(caller uint64) (permit, bool) {
	if b.until.Load() == 0 && b.noted.Load() == 0 {
		return permit{caller: caller}, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now().UnixNano()
	p := permit{caller: caller}
	if until := b.until.Load(); until != 0 {
		if now < until || b.trial || caller != 0 && caller == b.tried && now < b.again {
			return permit{}, false
		}
		p.trial = true
	}
	if now >= b.sweep {
		b.forget(now)
	}
	if s := b.own[caller]; s != nil && s.until != 0 {
		if now < s.until || s.trial {
			return permit{}, false
		}
		s.trial, p.own = true, s
	}
	b.trial = b.trial || p.trial
	return p, true
}

// succeed gives leave back after an answer.
func (b *breaker) succeed(p permit) {
	if b.failures.Load() == 0 && b.noted.Load() == 0 && !p.trial {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.start()
	if _, known := b.own[p.caller]; known {
		delete(b.own, p.caller)
		b.noted.Store(int32(len(b.own)))
	}
	if p.trial {
		b.tried = 0
		b.until.Store(0)
	}
	b.back(p)
}

// opened says for whom a failure has opened a breaker.
type opened uint8

const (
	openedNot opened = iota
	openedForCaller
	openedForAll
)

// fail gives leave back after a failure. plain says that no request can be
// blamed for it. What began before the breaker opened changes nothing.
func (b *breaker) fail(p permit, plain bool, limit int, open time.Duration) opened {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.back(p)
	now := time.Now()
	until := now.Add(open).UnixNano()
	forCaller := !plain && p.caller != 0 && limit > 0 && b.blame(p, limit, now.UnixNano(), open)
	switch {
	case p.trial:
		b.until.Store(until)
		b.tried = 0
		if !plain {
			b.tried, b.again = p.caller, now.Add(2*open).UnixNano()
		}
		return openedNot // it was open
	case limit <= 0:
		return openedNot
	case (plain || !p.again) && b.row.add(p.caller, plain, limit) && b.until.Load() == 0:
		b.until.Store(until)
		b.failures.Store(int32(b.row.n))
		return openedForAll
	}
	b.failures.Store(int32(b.row.n))
	if forCaller {
		return openedForCaller
	}
	return openedNot
}

// add counts a failure and reports whether they are enough to pass a candidate
// over: as many as the limit, at most half of them one caller's.
func (r *row) add(caller uint64, plain bool, limit int) bool {
	switch {
	case plain || caller == 0:
		r.plain = true
		r.n++
	case r.by[caller] < (limit+1)/2:
		if r.by == nil {
			r.by = map[uint64]int{}
		}
		r.by[caller]++
		r.n++
	}
	return r.n >= limit && (r.plain || len(r.by) > 1)
}

// blame counts a failure against its caller, and reports whether that one's
// breaker opened because of it.
func (b *breaker) blame(p permit, limit int, now int64, open time.Duration) bool {
	s := b.own[p.caller]
	if s == nil {
		if b.keep = int64(memory * open); len(b.own) >= maxSuspects {
			b.forget(now)
		}
		if len(b.own) >= maxSuspects {
			return false
		}
		if b.own == nil {
			b.own = map[uint64]*suspect{}
		}
		s = &suspect{}
		b.own[p.caller] = s
		b.noted.Store(int32(len(b.own)))
	}
	s.last = now
	if !p.again || p.own != nil {
		s.failures++
	}
	if s.failures < limit {
		return false
	}
	before := s.until
	if before == 0 || p.own == s {
		s.until = now + int64(open)
	}
	return before == 0
}

// memory is for how many times the time of an open breaker a caller's failures
// are remembered.
const memory = 6

// forget drops the callers that have not failed for long.
func (b *breaker) forget(now int64) {
	maps.DeleteFunc(b.own, func(_ uint64, s *suspect) bool { return !s.trial && now >= s.last+b.keep })
	b.sweep = now + b.keep
	b.noted.Store(int32(len(b.own)))
}

// start begins the row anew.
func (b *breaker) start() {
	b.row = row{}
	b.failures.Store(0)
}

// leave gives leave back of one of whom nothing is learnt.
func (b *breaker) leave(p permit) {
	if !p.trial && p.own == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.back(p)
}

// back ends the trials of a permit.
func (b *breaker) back(p permit) {
	if p.trial {
		b.trial = false
	}
	if p.own != nil {
		p.own.trial = false
	}
}

// close closes it whatever it was. A trial goes on and decides anew.
func (b *breaker) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.start()
	b.until.Store(0)
	b.tried, b.own = 0, nil
	b.noted.Store(0)
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

// callers is how many it is open for while it is not for everybody.
func (b *breaker) callers(now time.Time) (n int) {
	if b.noted.Load() == 0 {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.own {
		if now.UnixNano() < s.until {
			n++
		}
	}
	return n
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
