package app

import (
	"context"
	"fmt"

	"github.com/outcrop/outcrop/internal/appprofile"
)

// openProfiles opens the application inference profiles.
func (a *App) openProfiles() error {
	a.profiles = appprofile.NewRegistry(appprofile.Params{Store: a.state, Now: a.p.Now, Partition: a.catalog.Partition, Logger: a.p.Logger})
	if err := a.profiles.Refresh(context.Background()); err != nil {
		return fmt.Errorf("read the application inference profiles: %w", err)
	}
	a.gov.run = append(a.gov.run, a.profiles.Run)
	return nil
}

// profileModels finds the models of an application inference profile.
func profileModels(r *appprofile.Registry) func(account, region, arn string) ([]string, bool) {
	return func(account, region, arn string) ([]string, bool) {
		_, models, ok := r.Lead(arn, region, account)
		return models, ok
	}
}
