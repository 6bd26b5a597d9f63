package ledger

import (
	"context"
	"database/sql"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/price"
)

// Everybody is the scope of all calls of an account. The other scopes are a
// Record's Name, and TagScope.
const Everybody = "all"

// TagPrefix begins every TagScope.
const TagPrefix = "tag/"

// TagScope is the scope of the calls of principals with a tag.
func TagScope(key, value string) string { return TagPrefix + key + "=" + value }

// Period is how long a Meter counts before it begins at nothing again, in UTC.
type Period string

// The periods.
const (
	Day   Period = "day"
	Month Period = "month"
)

// First is the first day of the period of a time.
func (p Period) First(t time.Time) time.Time {
	t = t.UTC()
	if p == Day {
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	}
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// Next is the first day of the period after that of a time.
func (p Period) Next(t time.Time) time.Time {
	if p == Day {
		return p.First(t).AddDate(0, 0, 1)
	}
	return p.First(t).AddDate(0, 1, 0)
}

// Meter knows what a scope has spent in its period: what this server's calls
// cost from the moment when it is known, before their clients are told, and what
// other servers' calls cost within about a second. A call counts for the period
// in which it began.
type Meter struct {
	account, scope string
	period         Period

	mu sync.Mutex
	// first is the day that base is of.
	first time.Time
	base  price.Sum // in the database
	// By the first day of the period: not in the database yet, or on the way.
	fresh, flushing map[time.Time]price.Sum
}

// Spent is what was spent in the period of a time. It waits for nothing.
func (m *Meter) Spent(now time.Time) price.Sum {
	first := m.period.First(now)
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.fresh[first].Join(m.flushing[first])
	if first.Equal(m.first) {
		s = s.Join(m.base)
	}
	return s
}

func (m *Meter) charge(t time.Time, amount price.Amount) {
	first := m.period.First(t)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fresh[first] = m.fresh[first].Plus(amount)
}

// begin notes that what is fresh is now being put into the database.
func (m *Meter) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for first, s := range m.fresh { // of a flush that failed something may be left
		m.flushing[first] = m.flushing[first].Join(s)
	}
	clear(m.fresh)
}

// done notes what the database has.
func (m *Meter) done(first time.Time, base price.Sum) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.first, m.base = first, base
	clear(m.flushing)
}

// meters are the meters that somebody holds, by scope.
type meters struct {
	mu sync.RWMutex
	by map[scopeKey][]*Meter
}

type scopeKey struct{ account, scope string }

func (ms *meters) all() []*Meter {
	ms.mu.RLock()
	defer ms.mu.RUnlock()
	var list []*Meter
	for _, of := range ms.by {
		list = append(list, of...)
	}
	return list
}

// charge adds what a call cost to the meters of its scopes.
func (ms *meters) charge(r *Record, amount price.Amount) {
	if amount == 0 {
		return
	}
	ms.mu.RLock()
	defer ms.mu.RUnlock()
	if len(ms.by) == 0 {
		return
	}
	add := func(scope string) {
		for _, m := range ms.by[scopeKey{r.Account, scope}] {
			m.charge(r.Time, amount)
		}
	}
	add(Everybody)
	add(r.Name)
	for key, value := range r.Tags {
		add(TagScope(key, value))
	}
}

// Meter returns a meter that counts from the start of the present period. Let go
// of it with Release.
func (l *Ledger) Meter(ctx context.Context, account, scope string, period Period) (*Meter, error) {
	m := &Meter{account: account, scope: scope, period: period, fresh: map[time.Time]price.Sum{}, flushing: map[time.Time]price.Sum{}}
	key := scopeKey{account, scope}
	l.meters.mu.Lock()
	l.meters.by[key] = append(l.meters.by[key], m)
	l.meters.mu.Unlock()
	// The flush puts into the database what was written before the meter was
	// there, and reads what it has.
	if err := l.Flush(ctx); err != nil {
		l.Release(m)
		return nil, err
	}
	return m, nil
}

// Release ends a meter.
func (l *Ledger) Release(m *Meter) {
	l.meters.mu.Lock()
	defer l.meters.mu.Unlock()
	key := scopeKey{m.account, m.scope}
	of := l.meters.by[key]
	for i := range of {
		if of[i] == m {
			// Not in place: somebody may be reading the list.
			l.meters.by[key] = append(append([]*Meter(nil), of[:i]...), of[i+1:]...)
			break
		}
	}
	if len(l.meters.by[key]) == 0 {
		delete(l.meters.by, key)
	}
}

// read fills the meters from the database.
func (l *Ledger) read(ctx context.Context, list []*Meter) error {
	if len(list) == 0 {
		return nil
	}
	now := l.p.Now()
	sums := make([]price.Sum, len(list))
	err := l.db.db.Read(ctx, func(tx *sql.Tx) (err error) {
		for i, m := range list {
			first, last := m.period.First(now), m.period.Next(now).Add(-time.Second)
			if sums[i], err = l.db.spent(ctx, tx, m.account, m.scope, day(first), day(last)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, m := range list {
		m.done(m.period.First(now), sums[i])
	}
	return nil
}
