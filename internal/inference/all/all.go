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
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/anthropic"
	"github.com/outcrop/outcrop/internal/inference/llamacpp"
	"github.com/outcrop/outcrop/internal/inference/openai"
	"github.com/outcrop/outcrop/internal/inference/scripted"
	"github.com/outcrop/outcrop/internal/outbound"
)

// Params is what adapters are built from.
type Params struct {
	Config *config.Config
	Logger *slog.Logger
	Now    func() time.Time
	// Getenv reads the variables that the configuration names; os.Getenv when
	// nil.
	Getenv func(string) string
	// Dialer opens the connections to other machines.
	Dialer *outbound.Dialer
	// Dir is where backends keep what they need, such as sockets.
	Dir string

	// Caller tells scripted backends about the call in progress; nil knows
	// nothing.
	Caller func(ctx context.Context) scripted.Caller

	// Region tells the region of the call in progress; empty for those that have
	// none.
	Region func(ctx context.Context) string

	// For the embedded engine.
	Runner []string
	Engine func(ctx context.Context) (llamacpp.Engine, error)
	Locate func(ctx context.Context, name string) (llamacpp.Model, error)
}

// adapters is the list: by their type in outcrop.yaml, how the adapters of
// configured backends are made. The name of a backend is the one that routes and
// the header x-outcrop-served-by use.
var adapters = map[string]func(p Params, name string, b config.Backend) (inference.Backend, error){ //nolint:gochecknoglobals // a constant table
	config.BackendAnthropic: func(p Params, name string, b config.Backend) (inference.Backend, error) {
		header, prefix := "X-Api-Key", ""
		if strings.EqualFold(b.Header, "Authorization") {
			header, prefix = "Authorization", "Bearer "
		}
		c, url, err := client(p, name, b, header, prefix)
		if err != nil {
			return nil, err
		}
		return anthropic.New(anthropic.Params{Client: c, Name: name, URL: url, Models: b.Models, Links: b.ImageURLs, Now: p.Now})
	},
	config.BackendBedrock: newBedrock,
	config.BackendOpenAI: func(p Params, name string, b config.Backend) (inference.Backend, error) {
		c, url, err := client(p, name, b, "Authorization", "Bearer ")
		if err != nil {
			return nil, err
		}
		return openai.New(openai.Params{Client: c, URL: url, Flavor: b.Flavor, Models: b.Models, Completion: b.Completion == "prompt", Links: b.ImageURLs, Now: p.Now})
	},
	config.BackendScripted: func(p Params, _ string, b config.Backend) (inference.Backend, error) {
		script, err := scripted.Open(b.Script)
		if err != nil {
			return nil, err
		}
		return scripted.New(scripted.Params{Script: script, Caller: p.Caller, Now: p.Now}), nil
	},
}

// Default is the backend of model names that name none: the engine inside, which
// every server has.
const Default = config.Embedded

// Backends builds the embedded engine and every configured backend. After an
// error nothing is left running.
func Backends(p Params) (map[string]inference.Backend, error) {
	if p.Getenv == nil {
		p.Getenv = os.Getenv
	}
	backends := map[string]inference.Backend{Default: llamacpp.New(llamacppParams(p))}
	for _, name := range slices.Sorted(maps.Keys(p.Config.Backends)) {
		b, err := backend(p, name, p.Config.Backends[name])
		if err != nil {
			err = fmt.Errorf("backends.%s: %w", name, err)
			for _, started := range backends {
				err = errors.Join(err, started.Close())
			}
			return nil, err
		}
		backends[name] = b
	}
	return backends, nil
}

func backend(p Params, name string, b config.Backend) (inference.Backend, error) {
	build, ok := adapters[b.Type]
	if !ok {
		return nil, fmt.Errorf("there is no adapter of type %q", b.Type)
	}
	return build(p, name, b)
}

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
