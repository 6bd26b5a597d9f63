package app

import (
	"context"
	"strings"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/quota"
	"github.com/outcrop/outcrop/internal/store"
)

// openQuotas opens the quotas and puts them into the gate.
func (a *App) openQuotas() error {
	values := quotaValues(a.p.Config)
	var err error
	a.quotas, err = newQuotas(a.p.Config, a.catalog, a.state, values, quota.RegistryParams{Now: a.p.Now, Logger: a.p.Logger})
	if err != nil {
		return err
	}
	ctx := context.Background()
	if err := a.quotas.Load(ctx); err != nil {
		return err
	}
	days := quota.NewStoredDays(a.state)
	const kept = 2 * 24 * 60 * 60 // a day more, for clocks that are set back
	if err := days.Forget(ctx, (a.p.Now().Unix()-kept)/(24*60*60)); err != nil {
		return err
	}
	limiter := quota.NewLimiter(quota.LimiterParams{Values: values, Days: days, Now: a.p.Now})
	a.limiter = limiter
	a.gov.gate = append(a.gov.gate, limiter)
	a.gov.run = append(a.gov.run, a.quotas.Run, func(ctx context.Context) { limiter.Run(ctx, a.p.Logger) })
	a.gov.close = append(a.gov.close, func() error { return limiter.Flush(ctx) }) // of requests that were cut off
	return nil
}

// Quotas are the quotas of a data directory. Commands open them beside a running
// server, which notices what they change.
func Quotas(ctx context.Context, cfg *config.Config, s store.Store) (*quota.Registry, error) {
	models, err := newCatalog(cfg)
	if err != nil {
		return nil, err
	}
	r, err := newQuotas(cfg, models, s, quotaValues(cfg), quota.RegistryParams{})
	if err != nil {
		return nil, err
	}
	return r, r.Load(ctx)
}

func newQuotas(cfg *config.Config, models *catalog.Catalog, s store.Store, values *quota.Values, p quota.RegistryParams) (*quota.Registry, error) {
	factor, upTo, err := quota.ParseIncreases(cfg.Limits.Increases.UpTo)
	if err != nil {
		return nil, err
	}
	p.Store, p.Values = s, values
	p.Increases = quota.Increases{Automatic: cfg.Limits.Increases.Approve == "automatic", Factor: factor, UpTo: upTo}
	p.Models = func(region string) []*catalog.Model { return append(models.All(region), ownModels(cfg, models)...) }
	return quota.NewRegistry(p), nil
}

// ownModels are the operator's own IDs: routes that name one ID that Bedrock
// does not have.
func ownModels(cfg *config.Config, models *catalog.Catalog) []*catalog.Model {
	var own []*catalog.Model
	for _, r := range cfg.Routes {
		if strings.ContainsAny(r.Match, `*?[\`) || strings.HasPrefix(r.Match, "arn:") {
			continue
		}
		_, known := models.Lookup(r.Match)
		if _, ok := models.Profile(r.Match); known || ok {
			continue
		}
		own = append(own, &catalog.Model{ID: r.Match, Name: r.Match})
	}
	return own
}

// quotaValues is what the configuration says of quotas.
func quotaValues(cfg *config.Config) *quota.Values {
	orNone := func(n int) int64 {
		if n == 0 {
			return quota.Unlimited
		}
		return int64(n)
	}
	l := cfg.Limits
	p := quota.ValuesParams{
		Default: quota.Limits{
			Requests: orNone(l.RequestsPerMinute), Tokens: orNone(l.TokensPerMinute),
			TokensPerDay: orNone(l.TokensPerDay), Concurrency: orNone(l.Concurrency),
		},
		Catalog: l.Catalog,
	}
	for _, m := range l.Models {
		p.Models = append(p.Models, quota.Rule{
			Match: m.Match, Requests: m.RequestsPerMinute, Tokens: m.TokensPerMinute, TokensPerDay: m.TokensPerDay,
			Concurrency: m.Concurrency, OutputBurndown: m.OutputBurndown,
		})
	}
	for _, m := range l.Principals {
		p.Principals = append(p.Principals, quota.Rule{
			Match: m.Match, Models: m.Models, Requests: m.RequestsPerMinute, Tokens: m.TokensPerMinute,
			TokensPerDay: m.TokensPerDay, Concurrency: m.Concurrency,
		})
	}
	return quota.NewValues(p)
}
