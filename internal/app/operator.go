package app

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/outcrop/outcrop/internal/authn"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference/all"
	"github.com/outcrop/outcrop/internal/inference/llamacpp"
	"github.com/outcrop/outcrop/internal/library"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/operator"
	"github.com/outcrop/outcrop/internal/pack"
	"github.com/outcrop/outcrop/internal/router"
)

// openRing remembers the last requests, for operators.
func (a *App) openRing() error {
	a.ring = operator.NewRing(operator.RingParams{Now: a.p.Now, Cost: a.gov.ledger.Cost})
	a.gov.observers = append(a.gov.observers, a.ring)
	return nil
}

// newOperator makes the API for those who run the server.
func (a *App) newOperator() (*operator.API, error) {
	cfg := a.p.Config
	prices, err := newPrices(cfg, a.catalog)
	if err != nil {
		return nil, err
	}
	p := operator.Params{
		Authenticate: a.operatorCall(), Authorize: a.authorizer.Authorize, Logger: a.p.Logger, Now: a.p.Now, NewID: newRequestID,
		About: operator.About{
			Version: a.p.Version, Account: cfg.Account, Region: cfg.Region, Auth: string(cfg.Auth), Offline: cfg.Offline, Script: cfg.Script != "",
			Data: cfg.DataDir(a.p.Getenv), Models: cfg.ModelsDir(a.p.Getenv), Started: a.p.Now().UTC(),
		},
		Router: a.router, Catalog: a.catalog, Listed: a.listed, Prices: prices, Ready: a.parts.Ready, Local: &localModelsOf{a}, Ledger: a.gov.ledger, Ring: a.ring,
		Logging: a.gov.logging, Access: a.access, Quotas: a.quotas, Limiter: a.limiter, Explainer: a.authorizer,
		Reload: func() (any, error) { return a.Reload() },
	}
	if cfg.InvocationLogs.Directory != "" {
		if p.InvocationFiles, err = filepath.Abs(cfg.InvocationLogs.Directory); err != nil {
			return nil, err
		}
	}
	if cfg.Audit.Files == config.On {
		p.AuditDir = AuditDir(cfg, a.p.Getenv)
	}
	if a.gov.audit != nil {
		p.Observers = []observe.Observer{a.gov.audit}
	}
	return operator.New(p), nil
}

// operators are the handlers for those who run the server.
func (a *App) operators() map[string]http.Handler {
	return map[string]http.Handler{operator.Prefix: a.operator}
}

// listed are the models that ListFoundationModels shows.
func (a *App) listed(region string) []*catalog.Model {
	var list []*catalog.Model
	for _, m := range a.router.Models(region) {
		if router.Lifecycle(a.p.Config.Compat.Lifecycle) != router.Enforce || m.LifecycleAt(a.p.Now()) != catalog.EOL {
			list = append(list, m)
		}
	}
	return list
}

// operatorCall proves who asks: by their signature, or where authentication is off,
// that they are on this machine.
func (a *App) operatorCall() func(r *http.Request, body []byte, op string) (*call.Call, error) {
	cfg := a.p.Config
	signatures := newAuthenticator(cfg, a.credentials, a.catalog.HasRegion, a.p.Now)
	off := authn.NewOff(cfg.Account, cfg.Region)
	service := operator.Schema()
	return func(r *http.Request, body []byte, op string) (*call.Call, error) {
		c := &call.Call{Account: cfg.Account, Region: cfg.Region, Start: a.p.Now(), Source: source(r)}
		if cfg.Auth == config.Off {
			if !local(r) {
				return nil, fault.New(fault.Denied, "Call this from the machine that the server runs on.")
			}
			claim, err := off.Claim(r)
			if err != nil {
				return nil, err
			}
			c.Region = claim.Region() // that of a signature that nobody checks counts
			c.Principal, _, err = claim.Verify(body)
			return c, err
		}
		claim, err := signatures.Claim(r)
		if err != nil {
			return nil, err
		}
		for _, o := range service.Operations {
			if o.Name != op {
				continue
			}
			if err := claim.Check(service, o); err != nil {
				return nil, err
			}
		}
		if c.Principal, _, err = claim.Verify(body); err != nil {
			return nil, err
		}
		c.Account, c.Region = cmp.Or(c.Principal.Account, cfg.Account), cmp.Or(claim.Region(), cfg.Region)
		return c, nil
	}
}

// localModelsOf is the engine inside of a server.
type localModelsOf struct{ a *App }

var _ operator.Local = (*localModelsOf)(nil)

// engine is the one that runs now; nil: none does.
func (l *localModelsOf) engine() *llamacpp.Backend {
	l.a.live.mu.Lock()
	defer l.a.live.mu.Unlock()
	b, _ := l.a.live.backends[all.Default].(*llamacpp.Backend)
	return b
}

// Backend implements operator.Local.
func (l *localModelsOf) Backend() string { return all.Default }

// Engine implements operator.Local.
func (l *localModelsOf) Engine() operator.Engine {
	e := operator.Engine{Name: "llama.cpp"}
	name, err := l.a.parts.Packs.EngineName()
	if err != nil {
		return e
	}
	e.Build, e.Device = name, "cpu"
	for _, device := range []string{"metal", "cuda", "vulkan"} {
		if strings.HasSuffix(name, "-"+device) {
			e.Device = device
		}
	}
	if pin, ok := l.a.parts.Packs.Pin(name); ok {
		e.Build += " " + pin.Version
	}
	return e
}

// Library implements operator.Local.
func (l *localModelsOf) Library() *library.Library { return l.a.parts.Library }

// Fetch implements operator.Local.
func (l *localModelsOf) Fetch(ctx context.Context, name string, progress *operator.Pulling) error {
	if name != pack.Chat && name != pack.Embedding {
		return fault.New(fault.NotFound, "The model %s does not come with Outcrop.", name)
	}
	return l.a.parts.Packs.With(l.a.parts.Packs.Fetch().WithProgress(progress)).Ensure(ctx, name)
}

// States implements operator.Local.
func (l *localModelsOf) States() []operator.ModelState {
	e := l.engine()
	if e == nil {
		return nil
	}
	var list []operator.ModelState
	for _, s := range e.Statuses() {
		list = append(list, operator.ModelState{
			Name: s.Name, State: string(s.Phase), MemoryBytes: s.Bytes, Context: s.Context, Users: s.Users, Loaded: s.Loaded, Used: s.Used, Why: s.Why,
		})
	}
	return list
}

// errNoEngine is for a server whose models are answered for by a script.
func errNoEngine() error {
	return fault.New(fault.Unsupported, "The engine inside does not run on this server: no model can be loaded.")
}

// Load implements operator.Local.
func (l *localModelsOf) Load(ctx context.Context, name string) error {
	e := l.engine()
	if e == nil {
		return errNoEngine()
	}
	return e.Load(ctx, name)
}

// Unload implements operator.Local.
func (l *localModelsOf) Unload(ctx context.Context, name string) error {
	e := l.engine()
	if e == nil {
		return errNoEngine()
	}
	return e.Unload(ctx, name)
}

// Need implements operator.Local.
func (l *localModelsOf) Need(path string) int64 {
	e := l.engine()
	if e == nil {
		return 0
	}
	n, err := e.Need(path)
	if err != nil {
		l.a.p.Logger.Debug("what a model takes is not known", slog.String("cause", err.Error()))
		return 0
	}
	return n
}

// Estimate implements operator.Local.
func (l *localModelsOf) Estimate(size int64) int64 {
	if e := l.engine(); e != nil {
		return e.Estimate(size)
	}
	return 0
}

// MemoryLimit implements operator.Local.
func (l *localModelsOf) MemoryLimit() int64 {
	if e := l.engine(); e != nil {
		return e.MemoryLimit()
	}
	return 0
}
