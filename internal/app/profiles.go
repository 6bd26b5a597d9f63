package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/outcrop/outcrop/internal/appprofile"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/promptrouter"
	"github.com/outcrop/outcrop/internal/resource"
	"github.com/outcrop/outcrop/internal/store"
)

// named are the resources that calls name in the place of a model.
type named struct {
	profiles *appprofile.Registry
	routers  *promptrouter.Registry
}

// newNamed reads them.
func newNamed(ctx context.Context, p resource.Params) (*named, error) {
	n := &named{profiles: appprofile.NewRegistry(p), routers: promptrouter.NewRegistry(p)}
	if err := n.profiles.Refresh(ctx); err != nil {
		return nil, fmt.Errorf("read the application inference profiles: %w", err)
	}
	if err := n.routers.Refresh(ctx); err != nil {
		return nil, fmt.Errorf("read the prompt routers: %w", err)
	}
	return n, nil
}

// models are the models behind an ARN of one of them.
func (n *named) models(account, region, arn string) ([]string, bool) {
	if _, models, ok := n.profiles.Lead(arn, region, account); ok {
		return models, true
	}
	r, ok := n.routers.Known(arn, region, account)
	if !ok {
		return nil, false
	}
	return append(slices.Clone(r.Body.Models), r.Body.Fallback), true
}

// outputPrice tells what a model's answers cost at AWS, by the ARN of the model or
// of a system-defined profile.
func outputPrice(models *catalog.Catalog) promptrouter.Price {
	return func(arn string) float64 {
		id := catalog.Parse(arn)
		if p, ok := models.Profile(id.Name); ok && id.Kind == catalog.SystemProfile {
			return p.Model.OutputPer1M
		}
		if m, ok := models.Lookup(id.Name); ok {
			return m.OutputPer1M
		}
		return 0
	}
}

// openNamed opens the application inference profiles and the prompt routers.
func (a *App) openNamed() (err error) {
	a.named, err = newNamed(context.Background(), resource.Params{Store: a.state, Now: a.p.Now, Partition: a.catalog.Partition, Logger: a.p.Logger})
	if err != nil {
		return err
	}
	a.gov.run = append(a.gov.run, a.named.profiles.Run, a.named.routers.Run)
	return nil
}

// openNamedFor reads them for a command.
func openNamedFor(ctx context.Context, s store.Store) (*named, error) {
	return newNamed(ctx, resource.Params{Store: s})
}
