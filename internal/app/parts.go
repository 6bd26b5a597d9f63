package app

import (
	"context"
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

	dir    string
	unused bool // a script answers for every model
	state  atomic.Pointer[state]
}

// state is how far Ensure has come.
type state struct {
	ready bool
	err   error
}

// OpenParts opens the models directory of a configuration. It fetches nothing.
func OpenParts(cfg *config.Config, getenv func(string) string, sink progress.Sink, logger *slog.Logger) (*Parts, error) {
	dir := cfg.ModelsDir(getenv)
	packs, err := pack.Open(dir, pack.Params{Progress: sink, Logger: logger, Offline: cfg.Offline, Dialer: Dialer(cfg)})
	if err != nil {
		return nil, err
	}
	p := &Parts{Packs: packs, Library: library.Open(dir, packs, library.Params{Getenv: getenv}), dir: dir, unused: cfg.Script != ""}
	p.state.Store(&state{ready: p.unused})
	return p, nil
}

// Ensure fetches what is missing. Until it is done, Ready answers NotReady. Where
// a script answers for every model, nothing is.
func (p *Parts) Ensure(ctx context.Context) error {
	if p.unused {
		return nil
	}
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
		// What failed may name paths of this machine: the log has it.
		return fault.Wrap(fault.NotReady, s.err, "The engine and the default models could not be fetched. The log of the server says why.")
	}
	return fault.New(fault.NotReady, "The engine and the default models are being fetched. Wait and try your request again.")
}

// Engine tells the embedded engine where its libraries are. It needs no default
// model: own models run as soon as the engine is there.
func (p *Parts) Engine(ctx context.Context) (llamacpp.Engine, error) {
	library, err := p.Packs.Engine()
	if err != nil {
		return llamacpp.Engine{}, p.notReady(ctx, err)
	}
	jinja, err := p.Packs.Jinja()
	if err != nil {
		return llamacpp.Engine{}, p.notReady(ctx, err)
	}
	return llamacpp.Engine{Library: library, Jinja: jinja}, nil
}

// notReady says how far the fetching is, for a part that is not there.
func (p *Parts) notReady(ctx context.Context, err error) error {
	if progress := p.Ready(ctx); progress != nil {
		return progress
	}
	return err
}

// Locate finds the file of a local model by its name.
func (p *Parts) Locate(ctx context.Context, name string) (llamacpp.Model, error) {
	m, err := p.Library.Find(name)
	if fault.Is(err, fault.NotReady) {
		return llamacpp.Model{}, p.notReady(ctx, err)
	}
	if err != nil {
		return llamacpp.Model{}, err
	}
	return llamacpp.Model{Path: m.Path, Digest: m.Digest()}, nil
}

// BasisDir is where package embedding keeps what it computed about models.
func (p *Parts) BasisDir() string { return filepath.Join(p.dir, "basis") }
