package failover

import (
	"errors"
	"hash/fnv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/outcrop/outcrop/internal/inference"
)

// Backend is what is known about one backend, its models' and its own. It is safe
// for concurrent use.
type Backend struct {
	name   string
	budget budget
	down   atomic.Pointer[Probe] // the last probe, when it failed
	probed atomic.Pointer[Probe]
	models sync.Map // name → *Model
	known  atomic.Int32
}

// maxModels bounds what is remembered of a backend's models: names that a route
// takes from callers may be of any number.
const maxModels = 4096

// Probe is an answer to the question whether a backend is there.
type Probe struct {
	At  time.Time
	Err error // nil: it is
}

// NewBackend returns a backend of which nothing bad is known.
func NewBackend(name string) *Backend {
	b := &Backend{name: name}
	return b
}

// Model returns what is known about one of its models; of one too many nothing is
// remembered.
func (b *Backend) Model(name string) *Model {
	if m, ok := b.models.Load(name); ok {
		return m.(*Model) //nolint:forcetypeassert // nothing else is in it
	}
	if b.known.Load() >= maxModels {
		return newModel(b, name)
	}
	m, known := b.models.LoadOrStore(name, newModel(b, name))
	if !known {
		b.known.Add(1)
	}
	return m.(*Model) //nolint:forcetypeassert // nothing else is in it
}

// Models calls f with all models that were ever asked for.
func (b *Backend) Models(f func(*Model)) {
	b.models.Range(func(_, m any) bool {
		f(m.(*Model)) //nolint:forcetypeassert // nothing else is in it
		return true
	})
}

// Probed notes what a probe has found. A backend that is not there is passed
// over with all its models; the first good answer brings it back. changed tells
// that it came or went.
func (b *Backend) Probed(p Probe) (changed bool) {
	b.probed.Store(&p)
	if p.Err != nil {
		return b.down.Swap(&p) == nil
	}
	if b.down.Swap(nil) == nil {
		return false
	}
	b.Models(func(m *Model) { m.breaker.close() })
	return true
}

// LastProbe returns the last answer, or nil.
func (b *Backend) LastProbe() *Probe { return b.probed.Load() }

// Model is what is known about one model of a backend.
type Model struct {
	name    string // "backend/model"
	hash    uint64
	backend *Backend
	breaker breaker
	resting atomic.Int64 // until when its server does not want to be asked; Unix nanoseconds

	asked, failed, throttled, retried, left, passed atomic.Int64
	last                                            atomic.Pointer[Failure]
}

// Failure is the last one of a model.
type Failure struct {
	At  time.Time
	Why string // see Describe
}

func newModel(b *Backend, name string) *Model {
	m := &Model{name: b.name + "/" + name, backend: b}
	h := fnv.New64a()
	_, _ = h.Write([]byte(m.name)) // never fails
	m.hash = h.Sum64()
	return m
}

// Name is the router's name of the model.
func (m *Model) Name() string { return m.name }

// State is what is known about a model, for people.
type State struct {
	Requests  int64 // how often it was asked
	Failures  int64 // errors and time-outs
	Throttles int64
	Retries   int64 // how often it was asked again
	Fallbacks int64 // how often the next candidate was asked after it
	Passed    int64 // how often it was passed over
	Breaker   string
	Callers   int // for whom alone the breaker is open
	Last      *Failure
}

// The states of a breaker.
const (
	Closed   = "closed"
	Open     = "open"
	HalfOpen = "half-open"
)

// State returns what is known now.
func (m *Model) State() State {
	now := time.Now()
	s := State{
		Requests: m.asked.Load(), Failures: m.failed.Load(), Throttles: m.throttled.Load(), Retries: m.retried.Load(),
		Fallbacks: m.left.Load(), Passed: m.passed.Load(), Breaker: m.breaker.state(now), Callers: m.breaker.callers(now), Last: m.last.Load(),
	}
	if m.backend.down.Load() != nil {
		s.Breaker = Open
	}
	return s
}

func (m *Model) fail(reason Reason, err error) {
	if reason == Throttled {
		m.throttled.Add(1)
	} else {
		m.failed.Add(1)
	}
	m.last.Store(&Failure{At: time.Now(), Why: Describe(err)})
}

// maxRest bounds how long a server is believed that it does not want to be
// asked.
const maxRest = time.Minute

// rest notes that a server wants to be left alone for longer than one waits.
func (m *Model) rest(err error) {
	if after, ok := errors.AsType[inference.RetryAfter](err); ok && ReasonOf(err) == Throttled {
		m.resting.Store(time.Now().Add(min(after.Wait, maxRest)).UnixNano())
	}
}

// pass is why a candidate is passed over.
type pass uint8

const (
	passNot pass = iota
	passOpen
	passResting
)

// enter asks for leave to ask the candidate. others says that somebody else may
// answer: without, one that rests is asked all the same.
func (c *Candidate) enter(caller uint64, others bool) (permit, pass) {
	m := c.Model
	if !c.Guarded {
		return permit{}, passNot
	}
	if m.backend.down.Load() != nil {
		return permit{}, passOpen
	}
	if until := m.resting.Load(); until != 0 && others {
		if time.Now().UnixNano() < until {
			return permit{}, passResting
		}
		m.resting.CompareAndSwap(until, 0)
	}
	p, ok := m.breaker.enter(caller)
	if !ok {
		return permit{}, passOpen
	}
	return p, passNot
}

// Available reports whether a candidate would be asked now, without asking.
func (c *Candidate) Available() bool {
	m := c.Model
	return !c.Guarded || m.backend.down.Load() == nil && m.breaker.state(time.Now()) != Open && time.Now().UnixNano() >= m.resting.Load()
}
