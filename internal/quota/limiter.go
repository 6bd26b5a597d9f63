package quota

import (
	"context"
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/admission"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
)

const (
	// shards is how many locks there are, so that calls of different models and
	// principals do not wait for each other.
	shards = 64
	// mostInShard is how many buckets a shard keeps; beyond it the least used one
	// of a few is forgotten for each new one.
	mostInShard = 4096
	// probes is how many buckets are looked at for each new one, to drop those
	// that remember nothing.
	probes = 4
)

// Key is what is counted apart.
type Key struct {
	Account, Region, Model string
	Class                  Class
	// Principal is the ARN of the user or role; empty for what is counted for
	// the account as a whole.
	Principal string
}

// Days keeps the tokens of a day beyond the end of the process.
type Days interface {
	// Spent returns what is known to be used of a key's tokens on a day.
	Spent(ctx context.Context, key Key, day int64) (int64, error)
	// Add adds to them and returns the sum, with what other processes added.
	Add(ctx context.Context, key Key, day, tokens int64) (int64, error)
}

// LimiterParams are the parts of a Limiter; Days may be nil.
type LimiterParams struct {
	Values *Values
	Days   Days
	Now    func() time.Time
}

// Limiter is an admission.Check that refuses what is beyond the quotas. It is
// safe for concurrent use.
type Limiter struct {
	p      LimiterParams
	start  time.Time
	seed   maphash.Seed
	shards [shards]shard
}

type shard struct {
	mu      sync.Mutex
	buckets map[Key]*bucket
}

var _ admission.Check = (*Limiter)(nil)

// NewLimiter returns a limiter.
func NewLimiter(p LimiterParams) *Limiter {
	if p.Now == nil {
		p.Now = time.Now
	}
	l := &Limiter{p: p, start: p.Now(), seed: maphash.MakeSeed()}
	for i := range l.shards {
		l.shards[i].buckets = make(map[Key]*bucket)
	}
	return l
}

// Admit implements admission.Check. Faults: Throttled, Unavailable when there
// are too many calls at the same time, with the service's texts.
//
// Provisioned throughput has no quota, and counting tokens uses none.
func (l *Limiter) Admit(ctx context.Context, u *admission.Use) (admission.Ticket, error) {
	if u.Provisioned != "" || u.Call.Operation == "CountTokens" {
		return nil, nil //nolint:nilnil // nothing to settle, as the port says
	}
	key := Key{Account: u.Call.Account, Region: u.Call.Region, Model: u.ModelID, Class: ClassOf(u.ProfileID)}
	of := l.p.Values.limits(key, u.Entry, u.ProfileID)
	var own Limits
	var ruled bool
	arn := principal(u.Call)
	if arn != "" {
		own, ruled = l.p.Values.principal(arn, u.ModelID, u.ProfileID)
	}
	if of.limits.unlimited() && !ruled {
		return nil, nil //nolint:nilnil // as above
	}
	t := &ticket{l: l, burndown: of.burndown}
	if !of.limits.unlimited() {
		if err := t.enter(ctx, key, of.limits); err != nil {
			return nil, err
		}
	}
	if ruled {
		key.Principal = arn
		if err := t.enter(ctx, key, own); err != nil {
			t.Settle(call.Usage{})
			return nil, err
		}
	}
	return t, nil
}

// principal is the ARN that a caller is counted by. The sessions of a role are
// counted together: a new one costs nothing.
func principal(c *call.Call) string {
	arn := c.Principal.ARN
	if i := strings.Index(arn, ":assumed-role/"); i >= 0 {
		if j := strings.LastIndexByte(arn, '/'); j > i+len(":assumed-role/") {
			return arn[:j]
		}
	}
	return arn
}

// clock is the time since the limiter's start, which settings of the clock do
// not change, and the day in UTC, which they do. For a bucket it is read under
// the lock: a call that had waited with an older time would have the time since
// then pass twice.
func (l *Limiter) clock() (now time.Duration, day int64) {
	t := l.p.Now()
	return t.Sub(l.start), dayOf(t)
}

func dayOf(t time.Time) int64 {
	const seconds = 24 * 60 * 60
	return t.Unix() / seconds
}

func (l *Limiter) shard(key Key) *shard {
	return &l.shards[maphash.Comparable(l.seed, key)%shards]
}

// ticket implements admission.Ticket over the buckets of the account and of the
// principal.
type ticket struct {
	l        *Limiter
	burndown int
	parts    [2]part
	n        int
}

type part struct {
	share  share
	bucket *bucket
	shard  *shard
}

// enter takes a part in a key's bucket.
func (t *ticket) enter(ctx context.Context, key Key, limits Limits) error {
	s := t.l.shard(key)
	var spent, of int64
	s.mu.Lock()
	b, ok := s.buckets[key]
	if !ok && limits.TokensPerDay < Unlimited && t.l.p.Days != nil {
		s.mu.Unlock()
		_, of = t.l.clock()
		var err error
		if spent, err = t.l.p.Days.Spent(ctx, key, of); err != nil {
			return fault.Wrap(fault.Unavailable, err, "Bedrock is unable to process your request.")
		}
		s.mu.Lock()
		b, ok = s.buckets[key]
	}
	defer s.mu.Unlock()
	now, day := t.l.clock()
	if !ok {
		s.sweep(now, day)
		b = &bucket{at: now, day: of, spent: spent, stored: spent}
		s.buckets[key] = b
	}
	b.limits = limits
	b.pass(now, day)
	p := &t.parts[t.n]
	if err := b.enter(&p.share); err != nil {
		return err
	}
	p.bucket, p.shard = b, s
	t.n++
	return nil
}

// sweep makes room: it drops some of the buckets that remember nothing, and when
// there are too many, the least used one that it sees.
func (s *shard) sweep(now time.Duration, day int64) {
	seen := 0
	var least Key
	use := -1.0
	for key, b := range s.buckets {
		b.pass(now, day)
		if b.empty() {
			delete(s.buckets, key)
		} else if used := b.requests.used + b.tokens.used; b.running == 0 && b.unwritten() == 0 && (use < 0 || used < use) {
			least, use = key, used
		}
		if seen++; seen == probes {
			break
		}
	}
	if len(s.buckets) >= mostInShard && use >= 0 {
		delete(s.buckets, least)
	}
}

// Reserve implements admission.Ticket.
func (t *ticket) Reserve(inputTokens, maxTokens int) error {
	amount := cost(inputTokens, maxTokens, t.burndown)
	before := t.parts
	for i := range t.n {
		if err := t.parts[i].reserve(t.l, amount); err != nil {
			// Nobody goes on to the model: a caller who is held down to little
			// must not use up what the whole account has.
			for j := range i {
				t.parts[j].restore(t.l, before[j].share)
			}
			return err
		}
	}
	return nil
}

func (p *part) reserve(l *Limiter, amount float64) error {
	p.shard.mu.Lock()
	defer p.shard.mu.Unlock()
	p.bucket.pass(l.clock())
	return p.bucket.reserve(&p.share, amount)
}

// restore takes back the last reserve.
func (p *part) restore(l *Limiter, before share) {
	p.shard.mu.Lock()
	defer p.shard.mu.Unlock()
	p.bucket.pass(l.clock())
	p.bucket.restore(&p.share, before)
}

// Settle implements admission.Ticket. What was read from a cache is free.
func (t *ticket) Settle(u call.Usage) {
	amount := cost(u.InputTokens+u.CacheWrite, u.OutputTokens, t.burndown)
	for i := range t.n {
		p := &t.parts[i]
		p.shard.mu.Lock()
		p.bucket.pass(t.l.clock())
		p.bucket.leave(&p.share, amount)
		p.shard.mu.Unlock()
	}
	t.n = 0
}
