package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/all"
)

// live is what a reload replaces.
type live struct {
	mu       sync.Mutex // one reload at a time
	config   *config.Config
	backends map[string]inference.Backend
	prints   map[string]all.Print
}

// Reloaded says what a reload has done.
type Reloaded struct {
	// Started and Stopped are backends; one that was changed is in both. The old one
	// stops when its last request is over.
	Started []string `json:"started"`
	Stopped []string `json:"stopped"`
	Routes  int      `json:"routes"`
	// Restart are the keys of the configuration that have changed and hold only
	// after a restart.
	Restart []string `json:"restart"`
}

// backendParams is what backends are built from.
func (a *App) backendParams(cfg *config.Config) all.Params {
	return all.Params{
		Config: cfg, Runner: a.p.Runner, Logger: a.p.Logger, Now: a.p.Now, Getenv: a.p.Getenv, Dialer: Dialer(cfg), Dir: cfg.DataDir(a.p.Getenv),
		Engine: a.parts.Engine, Locate: a.parts.Locate, Caller: caller, Region: callRegion,
	}
}

// callRegion is the region of the call in progress.
func callRegion(ctx context.Context) string { return call.From(ctx).Region }

// openBackends builds the backends of the configuration.
func (a *App) openBackends() (map[string]inference.Backend, error) {
	a.live.config, a.live.backends = a.p.Config, a.p.Backends
	if a.p.Backends != nil {
		return a.p.Backends, nil
	}
	p := a.backendParams(a.p.Config)
	backends, err := all.Backends(p)
	if err != nil {
		return nil, fmt.Errorf("start the backends: %w", err)
	}
	a.live.backends, a.live.prints = backends, all.Prints(p)
	return backends, nil
}

// Reload reads the configuration again and replaces backends, routes and how they
// are used. Requests that run finish where they are. After an error everything
// is as it was.
func (a *App) Reload() (_ *Reloaded, err error) {
	defer func() {
		if err != nil {
			a.p.Logger.Error("the configuration was not reloaded; what was in force stays", slog.String("cause", err.Error()))
		}
	}()
	if a.p.Load == nil {
		return nil, errors.New("this server has no configuration that it could read again")
	}
	a.live.mu.Lock()
	defer a.live.mu.Unlock()
	read, err := a.p.Load()
	if err != nil {
		return nil, err
	}
	old := a.live.config
	next := *old
	next.Backends, next.Routes, next.Routing, next.Defaults = read.Backends, read.Routes, read.Routing, read.Defaults
	done := &Reloaded{Routes: len(next.Routes), Restart: restart(old, read)}
	backends, prints := a.live.backends, a.live.prints
	var fresh []inference.Backend
	if a.p.Backends == nil {
		p := a.backendParams(&next)
		if backends, fresh, err = all.Again(p, a.live.backends, a.live.prints); err != nil {
			return nil, err
		}
		prints = all.Prints(p)
	}
	if err := a.router.Swap(backends, a.routing(&next, backends)); err != nil {
		for _, b := range fresh {
			err = errors.Join(err, b.Close())
		}
		return nil, fmt.Errorf("the routes of the configuration: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(backends)) {
		if a.live.backends[name] != backends[name] {
			done.Started = append(done.Started, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.live.backends)) {
		if a.live.backends[name] != backends[name] {
			done.Stopped = append(done.Stopped, name)
		}
	}
	a.live.config, a.live.backends, a.live.prints = &next, backends, prints
	if err := a.throughput.Refresh(context.Background()); err != nil {
		a.p.Logger.Warn("the provisioned throughput could not be matched with the new routes", slog.String("cause", fault.As(err).Error()))
	}
	attrs := []any{slog.Int("routes", done.Routes), slog.Any("started", done.Started), slog.Any("stopped", done.Stopped)}
	if len(done.Restart) > 0 {
		attrs = append(attrs, slog.Any("only_after_a_restart", done.Restart))
	}
	a.p.Logger.Info("the configuration was reloaded", attrs...)
	return done, nil
}

// restart lists the keys that have changed and are not replaced.
func restart(old, read *config.Config) []string {
	var keys []string
	o, r := reflect.ValueOf(*old), reflect.ValueOf(*read)
	for i := range o.NumField() {
		key, _, _ := strings.Cut(o.Type().Field(i).Tag.Get("yaml"), ",")
		switch key {
		case "backends", "routes", "routing", "defaults":
			continue
		}
		if !reflect.DeepEqual(o.Field(i).Interface(), r.Field(i).Interface()) {
			keys = append(keys, key)
		}
	}
	return keys
}
