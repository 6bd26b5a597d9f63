package router

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router/failover"
)

// Router implements inference.Backend and its optional powers.
type Router struct {
	catalog *catalog.Catalog
	current atomic.Pointer[snapshot]
	seed    maphash.Seed // of the callers' numbers

	mu      sync.Mutex // over what follows; no request takes it unless its routes were replaced
	retired []*snapshot
	changed chan struct{} // closed by Swap
	closed  bool
	// closing are those who close backends that nobody uses any more. It grows only
	// under the lock and before the router is closed.
	closing sync.WaitGroup
}

// snapshot is the routes and backends of one moment. It does not change, but for
// what is found out on the way.
type snapshot struct {
	catalog  *catalog.Catalog
	params   Params
	fallback failover.Reasons
	backends map[string]*handle
	own      []*catalog.Model // the operator's own IDs, in the order of the routes
	plans    sync.Map         // Target.Name → *plan
	planned  atomic.Int32     // how many
	users    users
}

// handle is a backend and what is known about it. It outlives the snapshots that
// have it.
type handle struct {
	inference.Backend

	name      string
	health    *failover.Backend
	snapshots int // that have it, under Router.mu
}

// New checks the routes and returns a router over the backends, which it closes
// when it is closed.
func New(c *catalog.Catalog, backends map[string]inference.Backend, p Params) (*Router, error) {
	r := &Router{catalog: c, seed: maphash.MakeSeed(), changed: make(chan struct{})}
	s, err := newSnapshot(c, backends, p, nil)
	if err != nil {
		return nil, err
	}
	r.use(s)
	return r, nil
}

// Swap replaces the routes, the backends and the settings at once. A backend that
// is there under the same name before and after goes on; one that is not there
// any more is closed when the last request to it is over. After an error nothing
// has changed, and new backends are the caller's to close.
func (r *Router) Swap(backends map[string]inference.Backend, p Params) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errors.New("the router is closed")
	}
	old := r.current.Load()
	s, err := newSnapshot(r.catalog, backends, p, old.backends)
	if err != nil {
		return err
	}
	r.use(s)
	r.retired = append(r.retired, old)
	close(r.changed)
	r.changed = make(chan struct{})
	old.users.retire(func() { r.drained(old) })
	return nil
}

// use makes a snapshot the one that counts.
func (r *Router) use(s *snapshot) {
	for _, h := range s.backends {
		h.snapshots++
	}
	r.current.Store(s)
}

// drained closes the backends that a snapshot was the last to have. It may be
// called with the lock held, so the rest is done beside.
func (r *Router) drained(s *snapshot) {
	go func() {
		idle := r.idle(s)
		for _, h := range idle {
			if err := h.Close(); err != nil && s.params.Policy.Logger != nil {
				s.params.Policy.Logger.Warn("a backend that is not configured any more could not be closed",
					slog.String("backend", h.name), slog.String("cause", err.Error()))
			}
		}
		if len(idle) > 0 {
			r.closing.Done()
		}
	}()
}

// idle forgets a snapshot and returns the backends that nobody has any more. Close
// waits for whoever closes them; after it there are none: it has closed them all.
func (r *Router) idle(s *snapshot) []*handle {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	if !s.users.empty() { // found by its name at the last moment
		r.mu.Unlock()
		s.users.again()
		return nil
	}
	defer r.mu.Unlock()
	r.retired = slices.DeleteFunc(r.retired, func(other *snapshot) bool { return other == s })
	var idle []*handle
	for _, h := range s.backends {
		if h.snapshots--; h.snapshots == 0 {
			idle = append(idle, h)
		}
	}
	if len(idle) > 0 {
		r.closing.Add(1) // before Close is let in, which waits
	}
	return idle
}

// Close closes every backend.
func (r *Router) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	open := map[*handle]bool{}
	for _, s := range append(slices.Clone(r.retired), r.current.Load()) {
		for _, h := range s.backends {
			open[h] = true
		}
	}
	r.mu.Unlock()
	errs := make([]error, 0, len(open))
	for _, h := range slices.SortedFunc(maps.Keys(open), func(a, b *handle) int { return cmp.Compare(a.name, b.name) }) {
		errs = append(errs, h.Close())
	}
	r.closing.Wait()
	return errors.Join(errs...)
}

func newSnapshot(c *catalog.Catalog, backends map[string]inference.Backend, p Params, running map[string]*handle) (*snapshot, error) {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.DefaultBackend == "" && len(backends) == 1 {
		for name := range backends {
			p.DefaultBackend = name
		}
	}
	s := &snapshot{catalog: c, params: p, backends: make(map[string]*handle, len(backends))}
	s.params.Routes = slices.Clone(p.Routes)
	for name, b := range backends {
		h := running[name]
		if h == nil || h.Backend != b {
			h = &handle{Backend: b, name: name, health: failover.NewBackend(name)}
		}
		s.backends[name] = h
	}
	var err error
	if s.fallback, err = failover.ParseReasons(p.Fallback); err != nil {
		return nil, fmt.Errorf("router: fallback: %w", err)
	}
	for _, name := range []string{p.DefaultChat, p.DefaultEmbedding} {
		if name == "" {
			continue
		}
		if _, err := s.servedBy(name); err != nil {
			return nil, err
		}
	}
	for i := range s.params.Routes {
		if err := s.checkRoute(&s.params.Routes[i]); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Hold keeps the backends of this moment open until release is called, so that
// what has been resolved can still be asked after the routes were replaced.
func (r *Router) Hold() (release func()) { return r.enter().leave }

// enter returns the snapshot that counts, with one user more.
func (r *Router) enter() entered {
	for {
		s := r.current.Load()
		if cell, ok := s.users.enter(); ok {
			return entered{s, cell}
		}
	}
}

// entered is the use of a snapshot.
type entered struct {
	*snapshot

	cell *cell
}

func (e entered) leave() { e.users.leave(e.cell) }

// find returns how a Target's Name is asked, in the snapshot that counts or else
// in one that was replaced and is held by whoever resolved the name.
func (r *Router) find(name string) (entered, *plan, error) {
	now := r.enter()
	p, err := now.plan(name)
	if err == nil {
		return now, p, nil
	}
	now.leave()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range slices.Backward(r.retired) {
		if p, planErr := s.plan(name); planErr == nil {
			return entered{s, s.users.join()}, p, nil
		}
	}
	return entered{}, nil, err
}

// via begins the names of those whom a route has several of. It is no name of a
// backend.
const via = "via "

// plan is whom a Target's Name leads to.
type plan struct {
	chain failover.Chain
	of    []planned // as the candidates of the chain
}

type planned struct {
	*handle

	model string
	name  string // "backend/model"
}

// maxPlans bounds what is kept, for names hold what callers asked for.
const maxPlans = 4096

func (s *snapshot) plan(name string) (*plan, error) {
	if p, ok := s.plans.Load(name); ok {
		return p.(*plan), nil //nolint:forcetypeassert // nothing else is in it
	}
	p, err := s.newPlan(name)
	if err != nil {
		return nil, err
	}
	if s.planned.Load() >= maxPlans {
		return p, nil
	}
	kept, known := s.plans.LoadOrStore(name, p)
	if !known {
		s.planned.Add(1)
	}
	return kept.(*plan), nil //nolint:forcetypeassert // nothing else is in it
}

func (s *snapshot) newPlan(name string) (*plan, error) {
	p := &plan{chain: failover.Chain{Policy: &s.params.Policy, Fallback: s.fallback}}
	text, several := strings.CutPrefix(name, via)
	if !several {
		backend, model, _ := strings.Cut(name, "/")
		h, ok := s.backends[backend]
		if !ok {
			return nil, fault.New(fault.Internal, "no backend %q", backend)
		}
		p.add(s, h, model, Candidate{}, failover.Timeouts{})
		return p, nil
	}
	match, asked, _ := cutLast(text, " ")
	i := slices.IndexFunc(s.params.Routes, func(route Route) bool { return route.Match == match })
	if i < 0 {
		return nil, fault.New(fault.Internal, "no route %q", match)
	}
	route := &s.params.Routes[i]
	if route.Fallback != nil {
		p.chain.Fallback, _ = failover.ParseReasons(route.Fallback) // checked by checkRoute
	}
	for _, c := range route.candidates() {
		local, err := s.local(c.Model, asked)
		if err != nil {
			return nil, err
		}
		p.add(s, s.backends[local.backend], local.model, c, route.Timeouts)
	}
	return p, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func (p *plan) add(s *snapshot, h *handle, model string, c Candidate, t failover.Timeouts) {
	own, guarded := s.params.Guarded[h.name]
	if guarded {
		t = t.Or(own).Or(s.params.Timeouts)
	}
	p.of = append(p.of, planned{h, model, h.name + "/" + model})
	p.chain.Candidates = append(p.chain.Candidates, failover.Candidate{
		Model: h.health.Model(model), Weight: c.Weight, Tier: c.Tier, Timeouts: t, Guarded: guarded,
	})
}

// several reports whether a route needs more than the name of a model.
func (r *Route) several() bool { return len(r.Chain) > 1 || r.Timeouts != (failover.Timeouts{}) }

// candidates are those of a route, lower tiers first.
func (r *Route) candidates() []Candidate {
	if len(r.Chain) == 0 {
		return []Candidate{{Model: r.Model}}
	}
	return slices.SortedStableFunc(slices.Values(r.Chain), func(a, b Candidate) int { return cmp.Compare(a.Tier, b.Tier) })
}

// Watch probes the backends until ctx ends.
func (r *Router) Watch(ctx context.Context) {
	for {
		r.mu.Lock()
		changed, every := r.changed, r.current.Load().params.Probe
		r.mu.Unlock()
		var tick <-chan time.Time
		var timer *time.Timer
		if every > 0 {
			timer = time.NewTimer(every)
			tick = timer.C
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-tick:
			r.Probe(ctx)
		}
		if timer != nil {
			timer.Stop()
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// Probe asks every guarded backend that somebody is led to whether it is there,
// where it can say so.
func (r *Router) Probe(ctx context.Context) {
	s := r.enter()
	defer s.leave()
	var asked sync.WaitGroup
	for name, h := range s.backends {
		prober, ok := h.Backend.(inference.Prober)
		if _, guarded := s.params.Guarded[name]; !ok || !guarded || !s.names(name) {
			continue
		}
		asked.Go(func() {
			bounded, cancel := ctx, context.CancelFunc(func() {})
			if s.params.ProbeTimeout > 0 {
				bounded, cancel = context.WithTimeout(ctx, s.params.ProbeTimeout)
			}
			defer cancel()
			err := prober.Probe(bounded)
			if ctx.Err() != nil {
				return
			}
			changed := h.health.Probed(failover.Probe{At: s.params.Now(), Err: err})
			logger := s.params.Policy.Logger
			switch {
			case !changed || logger == nil:
			case err != nil:
				logger.Warn("a backend does not answer its probe and is passed over", slog.String("backend", name), slog.String("cause", failover.Describe(err)))
			default:
				logger.Info("a backend answers its probe again", slog.String("backend", name))
			}
		})
	}
	asked.Wait()
}

// names reports whether a route or a default leads to a backend.
func (s *snapshot) names(backend string) bool {
	is := func(model string) bool {
		local, err := s.servedBy(model)
		return err == nil && local.backend == backend
	}
	if is(s.params.DefaultChat) || is(s.params.DefaultEmbedding) {
		return true
	}
	return slices.ContainsFunc(s.params.Routes, func(route Route) bool {
		return slices.ContainsFunc(route.candidates(), func(c Candidate) bool { return is(c.Model) })
	})
}
