package operator

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/price"
)

const (
	// ringSize is how many exchanges are remembered.
	ringSize = 2000
	// mostStrangers is how many are remembered of those in which nobody was
	// recognized. Anybody can make such requests, as many as they like: those of
	// people with keys must not be forgotten for them.
	mostStrangers = 200
)

// RingParams are the parts of a Ring. All are required but Size.
type RingParams struct {
	Now func() time.Time
	// Cost prices a use.
	Cost func(u call.Usage) (cost price.Cost, known bool)
	Size int // 0: 2000
}

// Ring remembers the last exchanges, of every kind: those that have a bill and
// those that have none. It is an observe.Observer and safe for concurrent use; what
// it holds is bounded.
type Ring struct {
	p RingParams

	mu        sync.Mutex
	over      memory // of callers who were recognized
	strangers memory // of the others
	byID      map[string]*exchange
	running   map[*exchange]struct{}
	since     time.Time // what a known caller began later is not forgotten
	// live are the streams that want to be told.
	live map[*feed]struct{}
}

var _ observe.Observer = (*Ring)(nil)

// NewRing returns an empty Ring.
func NewRing(p RingParams) *Ring {
	p.Size = cmp.Or(p.Size, ringSize)
	return &Ring{
		p: p, over: memory{size: p.Size}, strangers: memory{size: mostStrangers},
		byID: map[string]*exchange{}, running: map[*exchange]struct{}{}, live: map[*feed]struct{}{}, since: p.Now().UTC(),
	}
}

// memory holds the last exchanges of a kind.
type memory struct {
	size int
	list []*exchange // the oldest is at next once it is full
	next int
}

// add remembers an exchange and returns the one that is forgotten for it, or nil.
func (m *memory) add(x *exchange) *exchange {
	if len(m.list) < m.size {
		m.list = append(m.list, x)
		return nil
	}
	forgotten := m.list[m.next]
	m.list[m.next] = x
	m.next = (m.next + 1) % m.size
	return forgotten
}

// exchange is one request. Once it is over it is never changed.
type exchange struct {
	RequestSummary

	ring     *Ring
	call     *call.Call // while it runs; nil after that
	steps    []call.Step
	cost     price.Cost
	resource string
	// By the exchange alone until it is over.
	settled, firstEvent, answered time.Time
	events                        int
}

// Begin implements observe.Observer.
func (r *Ring) Begin(v *observe.View) observe.Watch {
	c := v.Call
	x := &exchange{ring: r, call: c, RequestSummary: RequestSummary{ID: c.RequestID, Time: c.Start.UTC(), State: stateRunning, Service: c.Service, Operation: c.Operation}}
	v.Call.Follow(r.p.Now)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running[x] = struct{}{}
	return x
}

// Settled implements observe.Watch.
func (x *exchange) Settled(*observe.View) { x.settled = x.ring.p.Now() }

// Answer implements observe.Watch.
func (x *exchange) Answer(*observe.View, []byte) { x.answered = x.ring.p.Now() }

// Event implements observe.Watch.
func (x *exchange) Event(*observe.View, string, []byte) {
	if x.events++; x.events == 1 {
		x.firstEvent = x.ring.p.Now()
	}
}

// End implements observe.Watch.
func (x *exchange) End(v *observe.View) {
	r := x.ring
	c := v.Call
	made := summary(c, r.p.Cost)
	made.State, made.Status, made.Code, made.Message, made.LatencyMs = stateDone, v.Status, v.Code, bounded(v.Message), milliseconds(v.Elapsed)
	if made.Model == "" && c.Service == runtimeService {
		made.Model = bounded(v.Labels["modelId"]) // it was refused before anybody was asked
	}
	cost, _ := r.p.Cost(c.Usage())
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.running, x)
	x.RequestSummary, x.steps, x.resource, x.cost, x.call = made, c.Steps(), c.Resource, cost, nil
	if x.stranger() {
		if old := r.strangers.add(x); old != nil {
			delete(r.byID, old.ID)
		}
	} else if old := r.over.add(x); old != nil {
		delete(r.byID, old.ID)
		if old.Time.After(r.since) {
			r.since = old.Time
		}
	}
	r.byID[x.ID] = x
	for f := range r.live {
		f.offer(&x.RequestSummary)
	}
}

// stranger reports whether nobody was recognized as the caller.
func (q *RequestSummary) stranger() bool { return q.Principal == "" }

// runtimeService is the service whose requests name a model in their paths.
const runtimeService = "bedrock-runtime"

// summary is what is known of a call so far.
func summary(c *call.Call, price func(call.Usage) (price.Cost, bool)) RequestSummary {
	u := c.Usage()
	q := RequestSummary{
		ID: c.RequestID, Time: c.Start.UTC(), State: stateRunning, Service: c.Service, Operation: c.Operation, Region: c.Region,
		Principal: c.Principal.ARN, AccessKeyID: c.Principal.AccessKeyID, UserAgent: c.Source.UserAgent,
		Model: u.Model, ModelID: u.ModelID, ServedBy: u.ServedBy, Backend: u.Backend, StandIn: u.StandIn, FirstTokenMs: milliseconds(u.FirstToken),
		Tokens: Tokens{Input: int64(u.InputTokens), Output: int64(u.OutputTokens), CacheRead: int64(u.CacheRead), CacheWrite: int64(u.CacheWrite)},
	}
	if c.Source.IP.IsValid() {
		q.SourceIP = c.Source.IP.String()
	}
	for _, text := range []*string{&q.UserAgent, &q.Model, &q.AccessKeyID, &q.Operation, &q.Region} {
		*text = bounded(*text)
	}
	// They are pieces of the header with the signature, which is not to be kept.
	q.AccessKeyID, q.Region = strings.Clone(q.AccessKeyID), strings.Clone(q.Region)
	cost, known := price(u)
	q.CostUSD, q.Priced = cost.Total().String(), known
	return q
}

// longest is how much is kept of a text that a client has written, bytes.
const longest = 1024

// bounded is a text that holds no more memory than what is kept of it.
func bounded(text string) string {
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(strings.Clone(text[:longest]), "") + "…"
}

// milliseconds are kept to the microsecond.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// snapshot tells of an exchange that is not over. The edge sets fields of the call
// meanwhile, so only what has a lock is read, and what was there when it began.
func (x *exchange) snapshot(now time.Time) (RequestSummary, []call.Step) {
	c := x.call
	q := x.RequestSummary
	q.LatencyMs = milliseconds(now.Sub(q.Time))
	steps := c.Steps()
	for _, s := range steps {
		if s.Name == call.Authenticated {
			q.Principal = s.Detail
		}
	}
	u := c.Usage()
	q.Model, q.ModelID, q.ServedBy, q.Backend, q.StandIn, q.FirstTokenMs = u.Model, u.ModelID, u.ServedBy, u.Backend, u.StandIn, milliseconds(u.FirstToken)
	cost, known := x.ring.p.Cost(u)
	q.CostUSD, q.Priced = cost.Total().String(), known
	q.Tokens = Tokens{Input: int64(u.InputTokens), Output: int64(u.OutputTokens), CacheRead: int64(u.CacheRead), CacheWrite: int64(u.CacheWrite)}
	return q, steps
}

// all are the exchanges, those that run too, and since when none of a known caller
// is forgotten.
func (r *Ring) all() ([]RequestSummary, time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	running := slices.Collect(maps.Keys(r.running))
	list := make([]RequestSummary, 0, len(r.over.list)+len(r.strangers.list)+len(running))
	for _, m := range []*memory{&r.over, &r.strangers} {
		for _, x := range m.list {
			list = append(list, x.RequestSummary)
		}
	}
	now := r.p.Now()
	for _, x := range running {
		q, _ := x.snapshot(now)
		list = append(list, q)
	}
	return list, r.since
}

// newer orders requests, the newest first. The bill knows microseconds.
func newer(a time.Time, aID string, b time.Time, bID string) int {
	return cmp.Or(cmp.Compare(b.UnixMicro(), a.UnixMicro()), cmp.Compare(bID, aID))
}

// find finds an exchange by its ID, and what is known of its way. The second result
// is nil while it runs.
func (r *Ring) find(id string) (RequestSummary, *exchange, []call.Step, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if x := r.byID[id]; x != nil {
		return x.RequestSummary, x, x.steps, true
	}
	for x := range r.running {
		if x.ID == id {
			q, steps := x.snapshot(r.p.Now())
			return q, nil, steps, true
		}
	}
	return RequestSummary{}, nil, nil, false
}

// speeds are the tokens a second of the local models in the exchanges that are
// remembered, by who answered: of the output, from the first token on.
func (r *Ring) speeds() map[string]float64 {
	tokens, seconds := map[string]float64{}, map[string]float64{}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, x := range r.over.list {
		took := (x.LatencyMs - x.FirstTokenMs) / 1000
		if x.ServedBy == "" || x.Tokens.Output < 2 || x.FirstTokenMs == 0 || took <= 0 {
			continue
		}
		tokens[x.ServedBy] += float64(x.Tokens.Output - 1)
		seconds[x.ServedBy] += took
	}
	for by := range tokens {
		tokens[by] /= seconds[by]
	}
	return tokens
}

// busy counts the requests under way for each model and region of an account.
func (r *Ring) busy() map[string]int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := map[string]int64{}
	for x := range r.running {
		if id := x.call.Usage().ModelID; id != "" {
			n[id]++
		}
	}
	return n
}
