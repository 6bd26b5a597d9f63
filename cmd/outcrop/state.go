package main

import (
	"context"
	"errors"

	"github.com/outcrop/outcrop/internal/app"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/store"
)

// withState opens the state of the data directory for use, beside a running
// server.
func (e *environment) withState(ctx context.Context, use func(*config.Config, store.Store) error) error {
	cfg, err := e.load()
	if err != nil {
		return err
	}
	state, err := app.State(ctx, cfg, e.getenv)
	if err != nil {
		return err
	}
	return errors.Join(use(cfg, state), state.Close())
}
