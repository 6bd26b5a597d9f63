package operator

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/fetch"
	"github.com/outcrop/outcrop/internal/ledger"
	"github.com/outcrop/outcrop/internal/price"
	"github.com/outcrop/outcrop/internal/router/failover"
)

// About is what a server is, which does not change while it runs.
type About struct {
	Version string    `json:"version"`
	Account string    `json:"account"`
	Region  string    `json:"region"` // of requests that name none
	Auth    string    `json:"auth"`   // "on" or "off"
	Offline bool      `json:"offline"`
	Script  bool      `json:"script"` // rules answer for every model
	Data    string    `json:"dataDirectory"`
	Models  string    `json:"modelsDirectory"`
	Started time.Time `json:"started"`
}

// Server is how a server does.
type Server struct {
	About

	Time          time.Time     `json:"time"`
	UptimeSeconds int64         `json:"uptimeSeconds"`
	DiskFree      *int64        `json:"diskFreeBytes"`       // of the data directory; null: not known
	ModelsFree    *int64        `json:"modelsDiskFreeBytes"` // of the models directory; null: not known
	Engine        Engine        `json:"engine"`
	Memory        Memory        `json:"memory"`
	Backends      []Backend     `json:"backends"`
	Assignments   []Assignment  `json:"assignments"` // who answers for whom, in the order in which it is decided
	Today         Today         `json:"today"`
	Models        []LoadedModel `json:"models"` // those that the engine inside was asked for
}

// Engine is the engine inside.
type Engine struct {
	Name   string `json:"name"`   // "llama.cpp"
	Build  string `json:"build"`  // the pack and its version
	Device string `json:"device"` // what it is built for: "cpu", "metal", "cuda", "vulkan"
	Ready  bool   `json:"ready"`  // a model could answer now
	Why    string `json:"why"`    // it is not ready; empty when it is
}

// Memory is the machine's, or the container's.
type Memory struct {
	Total  *int64 `json:"totalBytes"` // null: not known
	Free   *int64 `json:"freeBytes"`  // null: not known
	Models int64  `json:"modelBytes"` // what loaded models take
	Limit  *int64 `json:"limitBytes"` // of all models together; null: there is none
}

// Backend is one backend and how it does.
type Backend struct {
	Name      string         `json:"name"`
	Health    string         `json:"health"` // of the last probe: "up", "down", or "unknown" where nobody has asked
	ProbedAt  *time.Time     `json:"probedAt"`
	LastError string         `json:"lastError"` // of the last probe
	Guarded   bool           `json:"guarded"`   // it is asked again, passed over when it fails, and probed
	Models    []BackendModel `json:"models"`    // those that were asked
}

// BackendModel is a model of a backend. The counts are since the start of the
// backend.
type BackendModel struct {
	Model       string     `json:"model"`
	Breaker     string     `json:"breaker"` // "closed", "open" or "half-open"
	Requests    int64      `json:"requests"`
	Failures    int64      `json:"failures"`
	Throttles   int64      `json:"throttles"`
	Retries     int64      `json:"retries"`
	Fallbacks   int64      `json:"fallbacks"`  // how often the next candidate was asked after it
	PassedOver  int64      `json:"passedOver"` // how often it was not asked because the breaker was open
	LastError   string     `json:"lastError"`
	LastErrorAt *time.Time `json:"lastErrorAt"`
}

// Assignment is a line of the list of who answers for whom.
type Assignment struct {
	Models   string `json:"models"` // a pattern of model IDs, or words for the rest
	ServedBy string `json:"servedBy"`
	StandIn  bool   `json:"standIn"`
}

// Today is what was used since midnight, UTC. It may lack the last second.
type Today struct {
	From time.Time `json:"from"`
	Sums
	Errors []ErrorCount `json:"errorsByCode"`
}

// ErrorCount counts the requests that ended in one way.
type ErrorCount struct {
	Code  string `json:"code"`
	Count int64  `json:"count"`
}

// Sums are what was used.
type Sums struct {
	Requests int64  `json:"requests"`
	Failed   int64  `json:"errors"`
	Unpriced int64  `json:"unpriced"` // requests without a known price, counted at no cost
	Tokens   Tokens `json:"tokens"`
	Queries  int64  `json:"queries"` // of rerankers
	CostUSD  string `json:"costUsd"` // a decimal number of dollars, exact
}

// Tokens are counted as the bill counts them: those of the cache are beside input.
type Tokens struct {
	Input      int64 `json:"input"`
	Output     int64 `json:"output"`
	CacheRead  int64 `json:"cacheRead"`
	CacheWrite int64 `json:"cacheWrite"`
}

// sums adds rows up.
func sums(rows ...ledger.Row) Sums {
	var s Sums
	var cost price.Sum
	for _, r := range rows {
		s.Requests += r.Calls
		s.Failed += r.Failed
		s.Unpriced += r.Unpriced
		s.Queries += r.Queries
		s.Tokens.Input += r.Input
		s.Tokens.Output += r.Output
		s.Tokens.CacheRead += r.CacheRead
		s.Tokens.CacheWrite += r.CacheWrite
		cost = cost.Join(r.Cost)
	}
	s.CostUSD = cost.String()
	return s
}

// server answers GET /outcrop/server.
func (a *API) server(q *request) (any, error) {
	now := a.p.Now().UTC()
	out := &Server{
		About: a.p.About, Time: now, UptimeSeconds: int64(now.Sub(a.p.About.Started).Seconds()),
		DiskFree: diskFree(a.p.About.Data), ModelsFree: diskFree(a.p.About.Models), Memory: a.memory(),
		Backends: a.backends(), Assignments: []Assignment{}, Models: a.loadedModels(),
	}
	for _, s := range a.p.Router.Assignments() {
		out.Assignments = append(out.Assignments, Assignment(s))
	}
	out.Engine = a.p.Local.Engine()
	if err := a.p.Ready(q.Context()); err != nil {
		out.Engine.Why = fault.As(err).Message
	} else {
		out.Engine.Ready = true
	}
	var err error
	out.Today, err = a.today(q, now)
	return out, err
}

// known is a number that is not known below another one.
func known(n, least int64) *int64 {
	if n < least {
		return nil
	}
	return &n
}

func (a *API) today(q *request, now time.Time) (Today, error) {
	from := now.Truncate(24 * time.Hour)
	rows, err := a.p.Ledger.Totals(q.Context(), q.call.Account, from, from.Add(24*time.Hour))
	if err != nil {
		return Today{}, err
	}
	t := Today{From: from, Sums: sums(rows...), Errors: []ErrorCount{}}
	for _, r := range rows {
		if r.Keys[0] != ledger.OK && r.Keys[0] != "" {
			t.Errors = append(t.Errors, ErrorCount{Code: r.Keys[0], Count: r.Calls})
		}
	}
	return t, nil
}

func (a *API) backends() []Backend {
	list := []Backend{}
	at := map[string]int{}
	for _, b := range a.p.Router.Status().Backends {
		at[b.Name] = len(list)
		list = append(list, Backend{Name: b.Name, Health: b.Health, ProbedAt: b.ProbedAt, LastError: b.LastError, Guarded: b.Guarded, Models: []BackendModel{}})
	}
	a.p.Router.Each(func(backend, model string, s failover.State) {
		i, ok := at[backend]
		if !ok {
			return // replaced in between
		}
		m := BackendModel{
			Model: model, Breaker: s.Breaker, Requests: s.Requests, Failures: s.Failures, Throttles: s.Throttles, Retries: s.Retries,
			Fallbacks: s.Fallbacks, PassedOver: s.Passed,
		}
		if s.Last != nil {
			m.LastError, m.LastErrorAt = s.Last.Why, &s.Last.At
		}
		list[i].Models = append(list[i].Models, m)
	})
	for _, b := range list {
		slices.SortFunc(b.Models, func(x, y BackendModel) int { return strings.Compare(x.Model, y.Model) })
	}
	return list
}

// routes answers GET /outcrop/routes, with what outcrop routes shows.
func (a *API) routes(q *request) (any, error) {
	model := q.query.Get("model")
	if model == "" {
		return a.p.Router.Status(), nil
	}
	found, err := a.p.Router.Explain(model, q.region(), q.call.Account)
	if err != nil {
		return nil, err
	}
	return found, nil
}

// region is the one that a request is about: that of its parameter, or else the
// one that it is signed for.
func (q *request) region() string {
	if r := q.query.Get("region"); r != "" {
		return r
	}
	return q.call.Region
}

// reload answers POST /outcrop/reload.
func (a *API) reload(*request) (any, error) {
	done, err := a.p.Reload()
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The configuration was not reloaded, and what was in force stays: %s", err.Error())
	}
	return done, nil
}

// diskFree is the free space of a folder, which need not be there yet.
func diskFree(dir string) *int64 {
	for {
		if n := fetch.Free(dir); n >= 0 {
			return &n
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return nil
		}
		dir = parent
	}
}
