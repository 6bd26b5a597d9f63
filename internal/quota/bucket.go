package quota

import (
	"time"

	"github.com/outcrop/outcrop/internal/fault"
)

// slack is what sums of fractions may be wrong by.
const slack = 1e-6

// gauge is what was taken of a minute's allowance and has not come back yet. It
// drains as time passes, at the rate of the limit.
type gauge struct {
	used float64
	// turn counts how often it was empty: what was taken before the last time is
	// forgotten and cannot be given back again.
	turn uint32
}

func (g *gauge) drain(limit int64, passed time.Duration) {
	if g.used == 0 || passed <= 0 {
		return
	}
	if g.used -= float64(limit) * passed.Minutes(); g.used <= 0 {
		g.used = 0
		g.turn++
	}
}

// hold is what one ticket has taken of a gauge.
type hold struct {
	amount float64
	left   float64 // of amount, what may be given back
	turn   uint32
}

// set makes a ticket's part of the gauge as large as it shall be. More than the
// limit is only refused when checked is set. A limit of 0 refuses everything.
func (g *gauge) set(h *hold, amount float64, limit int64, checked bool) bool {
	more := amount - h.amount
	if checked && more > 0 && g.used+more > float64(limit)+slack {
		return false
	}
	if h.turn != g.turn {
		h.left, h.turn = 0, g.turn
	}
	change := max(more, -h.left)
	g.used = max(0, g.used+change)
	h.left += change
	h.amount = amount
	return true
}

// bucket is the counts of one key. The lock of its shard guards it.
type bucket struct {
	at       time.Duration // since the limiter's start, of the last change
	limits   Limits
	requests gauge
	tokens   gauge
	running  int64

	day    int64 // since 1970, in UTC
	spent  int64 // tokens of the day, with those that are reserved
	held   int64 // of spent, what is reserved and not settled
	stored int64 // of spent, what the store has
}

// pass lets time pass until now. Time that goes backwards does not pass, and what
// was used stays used: a clock that is set back opens nothing, and what it says
// from then on counts.
func (b *bucket) pass(now time.Duration, day int64) {
	passed := now - b.at
	b.at = now
	b.requests.drain(b.limits.Requests, passed)
	b.tokens.drain(b.limits.Tokens, passed)
	if day > b.day {
		b.spent, b.held, b.stored = 0, 0, 0
	}
	b.day = day
}

// empty reports whether the bucket remembers nothing that anybody could miss.
func (b *bucket) empty() bool {
	return b.running == 0 && b.requests.used == 0 && b.tokens.used == 0 && b.unwritten() == 0
}

// unwritten is what the store does not know of the day's tokens. What is
// reserved is not written: a process that is killed has not used it.
func (b *bucket) unwritten() int64 {
	if b.limits.TokensPerDay >= Unlimited {
		return 0
	}
	return b.spent - b.held - b.stored
}

// share is what one ticket has of one bucket.
type share struct {
	requests hold
	tokens   hold
	cost     float64 // as it is counted for the day
	day      int64
	began    bool // tokens were reserved: the model was asked
}

func (b *bucket) enter(s *share) error {
	if b.running >= b.limits.Concurrency {
		return fault.New(fault.Unavailable, "Too many connections, please wait before trying again.")
	}
	if !b.requests.set(&s.requests, 1, b.limits.Requests, true) {
		return fault.New(fault.Throttled, "Too many requests, please wait before trying again.")
	}
	b.running++
	s.day = b.day
	return nil
}

// reserve makes a ticket's tokens as many as it asks for.
func (b *bucket) reserve(s *share, cost float64) error {
	more := int64(cost) - b.counted(s)
	if more > 0 && b.spent+more > b.limits.TokensPerDay {
		return fault.New(fault.Throttled, "Too many tokens per day, please wait before trying again.")
	}
	if !b.tokens.set(&s.tokens, cost, b.limits.Tokens, true) {
		return fault.New(fault.Throttled, "Too many tokens, please wait before trying again.")
	}
	b.count(s, cost)
	s.began = true
	return nil
}

// restore makes a ticket's tokens as many as they were.
func (b *bucket) restore(s *share, before share) {
	b.tokens.set(&s.tokens, before.cost, b.limits.Tokens, false)
	b.count(s, before.cost)
	s.began = before.began
}

// leave ends a ticket with what it really used.
func (b *bucket) leave(s *share, cost float64) {
	b.running--
	b.tokens.set(&s.tokens, cost, b.limits.Tokens, false)
	b.count(s, cost)
	b.held -= b.counted(s)
	if !s.began {
		b.requests.set(&s.requests, 0, b.limits.Requests, false) // it never came to the model
	}
}

// counted is what of the day's tokens is the ticket's.
func (b *bucket) counted(s *share) int64 {
	if s.day != b.day {
		return 0 // of another day, which is over
	}
	return int64(s.cost)
}

func (b *bucket) count(s *share, cost float64) {
	more := int64(cost) - b.counted(s)
	b.spent = max(0, b.spent+more)
	b.held = max(0, b.held+more)
	s.cost, s.day = cost, b.day
}
