package router

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/router/failover"
)

// Status is what is known about the routes and backends, for people and for
// metrics.
type Status struct {
	Routes   []RouteStatus   `json:"routes"`
	Backends []BackendStatus `json:"backends"`
}

// RouteStatus is one route, or one of the defaults.
type RouteStatus struct {
	Match      string            `json:"match"` // a pattern, or words for the rest
	Candidates []CandidateStatus `json:"candidates"`
	Fallback   []string          `json:"fallback,omitempty"` // where there are several candidates
	Sticky     bool              `json:"sticky,omitempty"`
}

// CandidateStatus is one of those that may answer. The counts are of its model,
// whichever route led to it, since the backend was started.
type CandidateStatus struct {
	Model     string     `json:"model"` // "backend/model"
	Tier      int        `json:"tier"`
	Weight    int        `json:"weight"`
	Share     float64    `json:"share"`             // of the requests that come to its tier, between 0 and 1
	Available bool       `json:"available"`         // it would be asked now
	Breaker   string     `json:"breaker"`           // closed, open, half-open
	Callers   int        `json:"callersPassedOver"` // for whom alone the breaker is open
	Requests  int64      `json:"requests"`
	Failures  int64      `json:"failures"`
	Throttles int64      `json:"throttles"`
	Retries   int64      `json:"retries"`
	Fallbacks int64      `json:"fallbacks"` // how often the next one was asked after it
	Passed    int64      `json:"passedOver"`
	LastError string     `json:"lastError,omitempty"`
	LastAt    *time.Time `json:"lastErrorAt,omitempty"`
}

// BackendStatus is one backend.
type BackendStatus struct {
	Name string `json:"name"`
	// Health is what the last probe found: "up", "down", or "unknown" where nobody
	// has asked.
	Health    string     `json:"health"`
	ProbedAt  *time.Time `json:"probedAt,omitempty"`
	LastError string     `json:"lastError,omitempty"`
	Guarded   bool       `json:"guarded"` // it is asked again, passed over when it fails, and probed
}

// Status returns what is known now.
func (r *Router) Status() *Status {
	s := r.current.Load()
	out := &Status{}
	for i := range s.params.Routes {
		route := &s.params.Routes[i]
		status := RouteStatus{Match: route.Match, Candidates: s.status(route, "")}
		if len(status.Candidates) > 1 {
			status.Fallback, status.Sticky = route.Fallback, s.params.Sticky
			if route.Fallback == nil {
				status.Fallback = s.params.Fallback
			}
		}
		out.Routes = append(out.Routes, status)
	}
	for _, line := range s.defaults(len(out.Routes) > 0) {
		out.Routes = append(out.Routes, RouteStatus{Match: line.kind, Candidates: s.status(&Route{Model: line.model}, "")})
	}
	for _, name := range slices.Sorted(maps.Keys(s.backends)) {
		_, guarded := s.params.Guarded[name]
		status := BackendStatus{Name: name, Health: "unknown", Guarded: guarded}
		if probe := s.backends[name].health.LastProbe(); probe != nil {
			status.Health, status.ProbedAt = "up", &probe.At
			if probe.Err != nil {
				status.Health, status.LastError = "down", failover.Describe(probe.Err)
			}
		}
		out.Backends = append(out.Backends, status)
	}
	return out
}

type defaultRoute struct{ kind, model string }

// defaults are the lines for what no route names.
func (s *snapshot) defaults(others bool) []defaultRoute {
	every := "every"
	if others {
		every = "every other"
	}
	all := []defaultRoute{
		{every + " text model", s.params.DefaultChat},
		{every + " text-embedding model", s.params.DefaultEmbedding},
		{every + " rerank model", s.params.DefaultEmbedding},
	}
	return slices.DeleteFunc(all, func(d defaultRoute) bool { return d.model == "" })
}

// status tells about the candidates of a route. asked is the name for those that
// take the caller's; empty: all that were.
func (s *snapshot) status(route *Route, asked string) []CandidateStatus {
	var list []CandidateStatus
	total := map[int]int{}
	for _, c := range route.candidates() {
		local, err := s.servedBy(c.Model)
		if err != nil {
			continue // checkRoute has seen to it
		}
		h := s.backends[local.backend]
		_, guarded := s.params.Guarded[local.backend]
		if local.model == "*" && asked != "" {
			local.model = asked
		}
		status := CandidateStatus{Model: local.String(), Tier: c.Tier, Weight: max(c.Weight, 1), Breaker: failover.Closed, Available: true}
		add := func(m *failover.Model) {
			candidate := failover.Candidate{Model: m, Guarded: guarded}
			status.add(m.State(), candidate.Available())
		}
		if local.model == "*" {
			h.health.Models(add)
		} else {
			add(h.health.Model(local.model))
		}
		total[c.Tier] += status.Weight
		list = append(list, status)
	}
	for i := range list {
		list[i].Share = float64(list[i].Weight) / float64(total[list[i].Tier])
	}
	return list
}

func (c *CandidateStatus) add(s failover.State, available bool) {
	c.Available = c.Available && available
	if s.Breaker != failover.Closed {
		c.Breaker = s.Breaker
	}
	c.Callers += s.Callers
	c.Requests += s.Requests
	c.Failures += s.Failures
	c.Throttles += s.Throttles
	c.Retries += s.Retries
	c.Fallbacks += s.Fallbacks
	c.Passed += s.Passed
	if s.Last != nil && (c.LastAt == nil || s.Last.At.After(*c.LastAt)) {
		c.LastError, c.LastAt = s.Last.Why, &s.Last.At
	}
}

// Each calls f with what is known about each model that was ever asked, of the
// backends that there are.
func (r *Router) Each(f func(backend, model string, s failover.State)) {
	s := r.current.Load()
	for _, name := range slices.Sorted(maps.Keys(s.backends)) {
		s.backends[name].health.Models(func(m *failover.Model) {
			f(name, strings.TrimPrefix(m.Name(), name+"/"), m.State())
		})
	}
}

// Explanation says who would answer for an identifier, and why.
type Explanation struct {
	ModelID    string            `json:"modelId"`
	ProfileID  string            `json:"profileId,omitempty"`
	ARN        string            `json:"arn"`
	Route      string            `json:"route,omitempty"` // its match; empty where the defaults hold
	StandIn    bool              `json:"standIn"`
	Candidates []CandidateStatus `json:"candidates"`
	Fallback   []string          `json:"fallback,omitempty"`
	Sticky     bool              `json:"sticky"`
}

// Explain tells what Resolve would do. Faults as Resolve.
func (r *Router) Explain(identifier, region, account string) (*Explanation, error) {
	s := r.current.Load()
	t, route, err := s.resolve(identifier, region, account, "")
	if err != nil {
		return nil, err
	}
	e := &Explanation{ModelID: t.ModelID, ProfileID: t.ProfileID, ARN: t.ARN, StandIn: t.StandIn}
	if route == nil {
		route = &Route{Model: t.ServedBy}
	} else {
		e.Route = route.Match
	}
	e.Candidates = s.status(route, asked(t))
	if len(e.Candidates) > 1 {
		e.Sticky, e.Fallback = s.params.Sticky, route.Fallback
		if route.Fallback == nil {
			e.Fallback = s.params.Fallback
		}
	}
	return e, nil
}

// Names reports whether a route is for just this identifier.
func (r *Router) Names(id string) bool {
	return slices.ContainsFunc(r.current.Load().params.Routes, func(route Route) bool { return route.Match == id })
}
