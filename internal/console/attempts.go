package console

import (
	"net/netip"
	"sync"
	"time"
)

// Who fails to sign in may try this often at once, and once more each time that
// this long has passed. That stops nobody who mistypes, and makes guessing
// hopeless.
const (
	mostAttempts = 10
	attemptEvery = 6 * time.Second
)

// mostSources bounds how many sources are remembered. Beyond it the ones that
// failed least are forgotten.
const mostSources = 4096

// attempts counts failed sign-ins by where they come from. It is safe for
// concurrent use.
type attempts struct {
	now func() time.Time

	mu   sync.Mutex
	full map[netip.Prefix]time.Time // when the last of the failures is forgiven
}

func newAttempts(now func() time.Time) *attempts {
	return &attempts{now: now, full: map[netip.Prefix]time.Time{}}
}

// take counts an attempt as failed until forgive says otherwise, so that many at
// once are no way around. Where there are none left it says how long to wait.
func (a *attempts) take(from netip.Addr) (wait time.Duration) {
	now, source := a.now(), sourceOf(from)
	a.mu.Lock()
	defer a.mu.Unlock()
	until := a.full[source]
	if until.Before(now) {
		until = now
	}
	if until = until.Add(attemptEvery); until.Sub(now) > mostAttempts*attemptEvery {
		return until.Sub(now) - mostAttempts*attemptEvery
	}
	if _, known := a.full[source]; !known && len(a.full) >= mostSources {
		a.forget(now)
	}
	a.full[source] = until
	return 0
}

// forgive takes an attempt back that was none.
func (a *attempts) forgive(from netip.Addr) {
	source := sourceOf(from)
	a.mu.Lock()
	defer a.mu.Unlock()
	if until, ok := a.full[source]; ok {
		a.full[source] = until.Add(-attemptEvery)
	}
}

// forget makes room.
func (a *attempts) forget(now time.Time) {
	var least netip.Prefix
	var first time.Time
	for source, until := range a.full {
		if !until.After(now) {
			delete(a.full, source)
			continue
		}
		if first.IsZero() || until.Before(first) {
			least, first = source, until
		}
	}
	if len(a.full) >= mostSources {
		delete(a.full, least)
	}
}

// sourceOf is what one person has: an IPv4 address, or a network of IPv6.
func sourceOf(from netip.Addr) netip.Prefix {
	bits := 32
	if from.Is6() {
		bits = 64
	}
	p, _ := from.Prefix(bits) // none for who comes by a Unix socket: they share one
	return p
}
