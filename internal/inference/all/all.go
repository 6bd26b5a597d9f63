// Package all is the list of the adapters: the one line that a new backend adds
// outside of its own folder.
//
// It holds no logic beyond building each adapter from the configuration.
// Package app calls it.
package all

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/llamacpp"
)

// Params is what adapters are built from.
type Params struct {
	Config *config.Config
	Logger *slog.Logger
	Now    func() time.Time

	// For the embedded engine.
	Runner []string
	Engine func(ctx context.Context) (llamacpp.Engine, error)
	Locate func(ctx context.Context, name string) (llamacpp.Model, error)
}

// adapters is the list. The name is the one that outcrop.yaml and the header
// x-outcrop-served-by use.
var adapters = []struct { //nolint:gochecknoglobals // a constant table
	name string
	make func(Params) (inference.Backend, error)
}{
	{"llamacpp", newLlamacpp},
}

// Default is the adapter of model names that name none.
const Default = "llamacpp"

// Backends builds every adapter. After an error nothing is left running.
func Backends(p Params) (map[string]inference.Backend, error) {
	backends := make(map[string]inference.Backend, len(adapters))
	for _, a := range adapters {
		b, err := a.make(p)
		if err != nil {
			err = fmt.Errorf("backend %s: %w", a.name, err)
			for _, started := range backends {
				err = errors.Join(err, started.Close())
			}
			return nil, err
		}
		backends[a.name] = b
	}
	return backends, nil
}

func newLlamacpp(p Params) (inference.Backend, error) { return llamacpp.New(llamacppParams(p)), nil }

func llamacppParams(p Params) llamacpp.Params {
	e := p.Config.Engine
	idle := e.IdleTimeout
	if idle == 0 {
		idle = -1 // the adapter's own zero is a default
	}
	return llamacpp.Params{
		Command: p.Runner, Engine: p.Engine, Locate: p.Locate, Logger: p.Logger, Now: p.Now,
		IdleTimeout: idle, LoadTimeout: e.LoadTimeout, MemoryLimit: int64(e.Memory),
		// The configuration counts those that wait; the adapter those that run, too.
		MaxQueue: e.Parallel + e.Queue, Slots: e.Parallel, Context: e.Context,
	}
}
