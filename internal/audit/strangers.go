package audit

import (
	"sync"
	"time"
)

// Callers whom nobody knows leave this many events at once, and one more with
// every second: enough to see that somebody tries keys, and too few to fill the
// disk with, which anybody could who reaches the port.
const (
	mostStrangers = 100
	strangerEvery = time.Second
)

// strangers counts the events that callers whom nobody knows may still leave. The
// zero value has all of them. It is safe for concurrent use.
type strangers struct {
	mu    sync.Mutex
	taken time.Duration // strangerEvery for each event, less the time since
	at    time.Time
}

// admit reports whether there is room for one more.
func (s *strangers) admit(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.After(s.at) { // requests come here in any order
		s.taken = max(0, s.taken-now.Sub(s.at))
		s.at = now
	}
	if s.taken+strangerEvery > mostStrangers*strangerEvery {
		return false
	}
	s.taken += strangerEvery
	return true
}
