// Package quota decides whether a call is admitted: so far by requests a minute
// for each account, region and model, as Bedrock's first quota is.
//
// It counts and refuses; it queues nothing, knows no operation and keeps nothing
// on disk. Package app gives it to the edge, which asks before it calls a
// service.
package quota

import (
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
)

// maxIdle is how many buckets are kept before those that have filled up again,
// and so remember nothing, are dropped.
const maxIdle = 4096

// Key is what a rate is counted for.
type Key struct{ Account, Region, Model string }

// Limiter admits requests at a rate, with bursts of up to a minute's worth. It is
// safe for concurrent use. A nil Limiter admits everything.
type Limiter struct {
	perMinute float64
	now       func() time.Time

	mu      sync.Mutex
	buckets map[Key]bucket
}

// bucket is how many requests were left at a time.
type bucket struct {
	left float64
	at   time.Time
}

// New returns a limiter, nil when requestsPerMinute is 0: no limit.
func New(requestsPerMinute int, now func() time.Time) *Limiter {
	if requestsPerMinute <= 0 {
		return nil
	}
	return &Limiter{perMinute: float64(requestsPerMinute), now: now, buckets: map[Key]bucket{}}
}

// Admit takes one request from the key's allowance, or answers fault.Throttled
// with the service's text.
func (l *Limiter) Admit(key Key) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	b := l.filled(key, now)
	if b.left < 1 {
		return fault.New(fault.Throttled, "Too many requests, please wait before trying again.")
	}
	if len(l.buckets) >= maxIdle {
		for k := range l.buckets {
			if l.filled(k, now).left >= l.perMinute {
				delete(l.buckets, k)
			}
		}
	}
	l.buckets[key] = bucket{left: b.left - 1, at: now}
	return nil
}

// filled returns the bucket of a key as time has filled it.
func (l *Limiter) filled(key Key, now time.Time) bucket {
	b, ok := l.buckets[key]
	if !ok {
		return bucket{left: l.perMinute, at: now}
	}
	b.left = min(l.perMinute, b.left+l.perMinute*now.Sub(b.at).Minutes())
	b.at = now
	return b
}
