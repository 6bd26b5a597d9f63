package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/all"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/router/failover"
)

func (a *App) newRouter(models *catalog.Catalog, backends map[string]inference.Backend) (*router.Router, error) {
	r, err := router.New(models, backends, a.routing(a.p.Config, backends))
	if err != nil {
		return nil, fmt.Errorf("the routes of the configuration: %w", err)
	}
	return r, nil
}

// routing is what a configuration says of routes, with the parts of this server.
func (a *App) routing(cfg *config.Config, backends map[string]inference.Backend) router.Params {
	p := routing(cfg, slices.Collect(maps.Keys(backends)))
	p.Now, p.Policy.Logger = a.p.Now, a.p.Logger
	p.Provisioned, p.Applications = a.throughput, a.named.profiles
	return p
}

// own reports whether a route is for an identifier, which makes it one of the
// operator's.
func (a *App) own(id string) bool { return a.router.Names(id) }

// routing is what a configuration says of routes.
func routing(cfg *config.Config, backends []string) router.Params {
	r := cfg.Routing
	p := router.Params{
		DefaultChat: cfg.Defaults.Chat, DefaultEmbedding: cfg.Defaults.Embedding, DefaultBackend: all.Default,
		UnknownModel: router.UnknownModel(cfg.Compat.UnknownModel), Lifecycle: router.Lifecycle(cfg.Compat.Lifecycle),
		Policy: failover.Policy{
			Attempts: r.Retry.Attempts, Backoff: r.Retry.Backoff, MaxBackoff: r.Retry.MaxBackoff, Budget: r.Retry.Budget,
			Failures: r.Breaker.Failures, Open: r.Breaker.Open,
		},
		Fallback: r.Fallback, Sticky: r.Sticky == "prefix", Timeouts: timeouts(r.Timeouts), Guarded: map[string]failover.Timeouts{},
		Probe: r.Probe.Interval, ProbeTimeout: r.Probe.Timeout,
	}
	for _, name := range backends {
		// The engine inside queues and restarts by itself, and the script of a test
		// answers as it is written, not better.
		if name != all.Default && name != config.ScriptBackend {
			p.Guarded[name] = timeouts(cfg.Backends[name].Timeouts)
		}
	}
	for _, configured := range cfg.Routes {
		route := router.Route{
			Match: configured.Match, Model: configured.Model, Fallback: configured.Fallback, Timeouts: timeouts(configured.Timeouts), Like: configured.Like,
		}
		for _, c := range configured.Chain {
			route.Chain = append(route.Chain, router.Candidate{Model: c.Model, Weight: c.Weight, Tier: c.Tier})
		}
		p.Routes = append(p.Routes, route)
	}
	return p
}

func timeouts(t config.BackendTimeouts) failover.Timeouts {
	return failover.Timeouts{FirstToken: t.FirstToken, Idle: t.Idle, Total: t.Total}
}

// Routes returns the routes of a configuration, of which no server runs.
func Routes(cfg *config.Config) (*router.Router, error) {
	models, err := newCatalog(cfg)
	if err != nil {
		return nil, err
	}
	backends := map[string]inference.Backend{all.Default: notRunning{}}
	for name := range cfg.Backends {
		backends[name] = notRunning{}
	}
	r, err := router.New(models, backends, routing(cfg, slices.Collect(maps.Keys(backends))))
	if err != nil {
		return nil, fmt.Errorf("the routes of the configuration: %w", err)
	}
	return r, nil
}

// notRunning stands for a backend that nobody has started.
type notRunning struct{}

func (notRunning) Generate(context.Context, *inference.Request, func(inference.Event) error) error {
	return errors.New("the backend does not run")
}

func (notRunning) Close() error { return nil }

// localModels are the models of the engine inside that routes lead to, with the
// routes' patterns.
func localModels(cfg *config.Config) (list [][2]string) {
	for _, r := range cfg.Routes {
		names := []string{r.Model}
		for _, c := range r.Chain {
			names = append(names, c.Model)
		}
		for _, name := range names {
			backend, _, _ := strings.Cut(name, "/")
			if _, elsewhere := cfg.Backends[backend]; elsewhere || name == "" {
				continue
			}
			list = append(list, [2]string{r.Match, strings.TrimPrefix(name, all.Default+"/")})
		}
	}
	return list
}

// routeMetrics show at GET /metrics how the backends do.
type routeMetrics struct{ router *router.Router }

// Describe implements prometheus.Collector. What there is depends on who was
// asked.
func (routeMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (m routeMetrics) Collect(out chan<- prometheus.Metric) {
	m.router.Each(func(backend, model string, s failover.State) {
		for _, c := range []struct {
			desc  *prometheus.Desc
			value int64
		}{
			{backendRequests, s.Requests}, {backendFailures, s.Failures}, {backendThrottles, s.Throttles},
			{backendRetries, s.Retries}, {backendFallbacks, s.Fallbacks}, {backendPassed, s.Passed},
		} {
			out <- prometheus.MustNewConstMetric(c.desc, prometheus.CounterValue, float64(c.value), backend, model)
		}
		state := map[string]float64{failover.Closed: 0, failover.HalfOpen: 0.5, failover.Open: 1}[s.Breaker]
		out <- prometheus.MustNewConstMetric(backendBreaker, prometheus.GaugeValue, state, backend, model)
	})
}

var (
	backendLabels    = []string{"backend", "model"}
	backendRequests  = prometheus.NewDesc("outcrop_backend_requests_total", "Requests to a backend's model, those that were asked again included.", backendLabels, nil)
	backendFailures  = prometheus.NewDesc("outcrop_backend_failures_total", "Requests that ended in an error or a time-out of the backend.", backendLabels, nil)
	backendThrottles = prometheus.NewDesc("outcrop_backend_throttles_total", "Requests that the backend has throttled.", backendLabels, nil)
	backendRetries   = prometheus.NewDesc("outcrop_backend_retries_total", "Requests that were asked again.", backendLabels, nil)
	backendFallbacks = prometheus.NewDesc("outcrop_backend_fallbacks_total", "Requests that went on to the next candidate.", backendLabels, nil)
	backendPassed    = prometheus.NewDesc("outcrop_backend_passed_over_total", "Requests that were not made because the breaker was open.", backendLabels, nil)
	backendBreaker   = prometheus.NewDesc("outcrop_backend_breaker", "State of the breaker: 0 closed, 0.5 half-open, 1 open.", backendLabels, nil)
)
