package app

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/all"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/router/failover"
)

func (a *App) newRouter(models *catalog.Catalog, backends map[string]inference.Backend) (*router.Router, error) {
	p := routing(a.p.Config, slices.Collect(maps.Keys(backends)), a.p.Logger)
	p.Now, p.Provisioned, p.Applications = a.p.Now, a.throughput, a.named.profiles
	r, err := router.New(models, backends, p)
	if err != nil {
		return nil, fmt.Errorf("the routes of the configuration: %w", err)
	}
	return r, nil
}

// routing is what a configuration says of routes.
func routing(cfg *config.Config, backends []string, logger *slog.Logger) router.Params {
	r := cfg.Routing
	p := router.Params{
		DefaultChat: cfg.Defaults.Chat, DefaultEmbedding: cfg.Defaults.Embedding, DefaultBackend: all.Default,
		UnknownModel: router.UnknownModel(cfg.Compat.UnknownModel), Lifecycle: router.Lifecycle(cfg.Compat.Lifecycle),
		Policy: failover.Policy{
			Attempts: r.Retry.Attempts, Backoff: r.Retry.Backoff, MaxBackoff: r.Retry.MaxBackoff, Budget: r.Retry.Budget,
			Failures: r.Breaker.Failures, Open: r.Breaker.Open, Logger: logger,
		},
		Fallback: r.Fallback, Sticky: r.Sticky == "prefix", Timeouts: timeouts(r.Timeouts), Guarded: map[string]failover.Timeouts{},
		Probe: r.Probe.Interval, ProbeTimeout: r.Probe.Timeout,
	}
	for _, name := range backends {
		if name != all.Default {
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
