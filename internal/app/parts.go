package app

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"

	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference/llamacpp"
	"github.com/outcrop/outcrop/internal/library"
	"github.com/outcrop/outcrop/internal/pack"
	"github.com/outcrop/outcrop/internal/progress"
)

// Parts are the files that the embedded engine runs on: packs and models.
type Parts struct {
	Packs   *pack.Store
	Library *library.Library

	dir   string
	state atomic.Pointer[state]
}

// state is how far Ensure has come.
type state struct {
	ready bool
	err   error
}

// OpenParts opens the models directory of a configuration. It fetches nothing.
func OpenParts(cfg *config.Config, getenv func(string) string, sink progress.Sink, logger *slog.Logger) (*Parts, error) {
	dir := cfg.ModelsDir(getenv)
	packs, err := pack.Open(dir, pack.Params{Progress: sink, Logger: logger, Offline: cfg.Offline})
	if err != nil {
		return nil, err
	}
	p := &Parts{Packs: packs, Library: library.Open(dir, packs, library.Params{Getenv: getenv}), dir: dir}
	p.state.Store(&state{})
	return p, nil
}

// Ensure fetches what is missing. Until it is done, Engine and Ready answer
// NotReady; after a failure, they tell what failed.
func (p *Parts) Ensure(ctx context.Context) error {
	err := p.Packs.Ensure(ctx)
	p.state.Store(&state{ready: err == nil, err: err})
	return err
}

// Ready says whether a model could answer now.
func (p *Parts) Ready(context.Context) error {
	s := p.state.Load()
	switch {
	case s.ready:
		return nil
	case s.err != nil:
		return fault.Wrap(fault.NotReady, s.err, "The engine and the default models could not be fetched: %s", fault.As(s.err).Message)
	}
	return fault.New(fault.NotReady, "The engine and the default models are being fetched. Wait and try your request again.")
}

// Engine tells the embedded engine where its libraries are.
func (p *Parts) Engine(ctx context.Context) (llamacpp.Engine, error) {
	if err := p.Ready(ctx); err != nil {
		return llamacpp.Engine{}, err
	}
	library, err := p.Packs.Engine()
	if err != nil {
		return llamacpp.Engine{}, fmt.Errorf("find the engine: %w", err)
	}
	jinja, err := p.Packs.Jinja()
	if err != nil {
		return llamacpp.Engine{}, fmt.Errorf("find the template renderer: %w", err)
	}
	return llamacpp.Engine{Library: library, Jinja: jinja}, nil
}

// Locate finds the file of a local model by its name.
func (p *Parts) Locate(_ context.Context, name string) (llamacpp.Model, error) {
	m, err := p.Library.Find(name)
	if err != nil {
		return llamacpp.Model{}, err
	}
	return llamacpp.Model{Path: m.Path, Digest: m.Digest()}, nil
}

// BasisDir is where package embedding keeps what it computed about models.
func (p *Parts) BasisDir() string { return filepath.Join(p.dir, "basis") }
