package app

import (
	"context"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/provisioned"
	"github.com/outcrop/outcrop/internal/router"
)

// openThroughput opens the provisioned throughput. Its places are reserved when
// the router is there: see bindThroughput.
func (a *App) openThroughput() error {
	cfg := a.p.Config
	a.throughput = provisioned.NewRegistry(provisioned.Params{
		Store: a.state, Places: cfg.Engine.Parallel, PlacesPerUnit: cfg.Limits.SlotsPerUnit, Queue: cfg.Engine.Queue,
		Now: a.p.Now, Partition: a.catalog.Partition, Logger: a.p.Logger,
	})
	a.gov.run = append(a.gov.run, a.throughput.Run)
	return nil
}

// bindThroughput tells the provisioned throughput which local model answers for
// a model, and reserves its places.
func (a *App) bindThroughput(r *router.Router) error {
	a.throughput.Bind(func(ctx context.Context, identifier, region, account string) (provisioned.Model, error) {
		t, err := r.Resolve(ctx, identifier, region, account, "")
		if err != nil {
			return provisioned.Model{}, err
		}
		if t.ProfileID != "" || t.Provisioned != "" {
			return provisioned.Model{}, fault.New(fault.Invalid, "The provided model identifier is invalid.")
		}
		arn := t.ARN
		if id := catalog.Parse(identifier); id.Kind == catalog.NameID || id.Kind == catalog.FoundationModel {
			arn = a.catalog.FoundationModelARN(region, id.Name)
		}
		return provisioned.Model{ID: t.ModelID, ARN: arn, ServedBy: t.ServedBy}, nil
	})
	return a.throughput.Refresh(context.Background())
}
