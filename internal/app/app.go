// Package app is the one place where Outcrop's parts are wired together:
// configuration in, a running server out, stopped in reverse order.
//
// It decides nothing that a request could notice; that is in the packages
// below. Command outcrop and the tests use the same New, and two Apps can run
// in one process.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/access"
	"github.com/outcrop/outcrop/internal/authn"
	"github.com/outcrop/outcrop/internal/authz"
	"github.com/outcrop/outcrop/internal/bucket"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/certificate"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/console"
	"github.com/outcrop/outcrop/internal/edge"
	"github.com/outcrop/outcrop/internal/embedding"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/credential"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/scripted"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/operator"
	"github.com/outcrop/outcrop/internal/progress"
	"github.com/outcrop/outcrop/internal/provisioned"
	"github.com/outcrop/outcrop/internal/quota"
	"github.com/outcrop/outcrop/internal/resourcepolicy"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/serving"
	"github.com/outcrop/outcrop/internal/store/sqlitestore"
)

// maxBody is the size above which the real service refuses a payload before it
// looks into it.
const maxBody = 32_000_000

// Params is what an App gets from the outside. All but Progress, Backends,
// Observers and Now are required.
type Params struct {
	Config  *config.Config
	Getenv  func(string) string
	Logger  *slog.Logger
	Version string
	// Runner is the command line that starts the engine's child process: this
	// program with "runner".
	Runner []string
	// Gateway is the command line that starts the buckets' child process: this
	// program with "objects".
	Gateway []string
	// Command is what a person types to run this program, for the banner:
	// "bin/outcrop", with the flags that lead to the same data.
	Command string
	// Load reads the configuration again, as Config was read; nil: it cannot be
	// reloaded.
	Load func() (*config.Config, error)
	// Progress shows downloads; nil shows none.
	Progress progress.Sink
	// Backends replaces the backends that are configured, for tests.
	Backends map[string]inference.Backend
	// Observers watch requests beside those of the server, for tests.
	Observers []observe.Observer
	Now       func() time.Time
}

// App is a server. Make one with New, run it with Run; Close releases what New
// opened.
type App struct {
	p           Params
	root        iam.RootKey
	cert        *certificate.Source
	parts       *Parts
	catalog     *catalog.Catalog
	router      *router.Router
	live        live
	models      *serving.Models // the router behind the gate
	quotas      *quota.Registry
	throughput  *provisioned.Registry
	named       *named
	fitter      *embedding.Adapter
	script      *scripted.Backend // the one that answers for every model; nil: none does
	state       *sqlitestore.Store
	directory   *directory.Directory
	credentials *credential.Store
	authorizer  *authz.Authorizer
	buckets     *bucket.Server
	bases       bases
	gov         governance
	access      *access.Registry
	limiter     *quota.Limiter
	ring        *operator.Ring
	operator    *operator.API
	// policies are those of resources.
	policies *resourcepolicy.Registry
	edge     *edge.Edge
	console  *console.Console // nil: there is none
	// edgeServices is what the edge was built from, for the test that lists
	// the operations nobody serves yet.
	edgeServices []edge.Service
	endpoints    endpoints
	ports        []*port // the one port is the first
	server       *http.Server

	closeOnce sync.Once
	closeErr  error
}

// New opens the state and the listening port. Nothing is served before Run.
func New(p Params) (_ *App, err error) {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Progress == nil {
		p.Progress = progress.Silent{}
	}
	a := &App{p: p}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	cfg := p.Config
	if a.root, err = Root(cfg, p.Getenv); err != nil {
		return nil, err
	}
	if a.cert, err = openCertificate(cfg, p.Getenv); err != nil {
		return nil, err
	}
	if a.endpoints, err = openEndpoints(cfg); err != nil {
		return nil, err
	}
	if a.parts, err = OpenParts(cfg, p.Getenv, p.Progress, p.Logger); err != nil {
		return nil, err
	}
	if a.state, err = State(context.Background(), cfg, p.Getenv); err != nil {
		return nil, err
	}
	if err := a.openIdentities(); err != nil {
		return nil, err
	}
	a.policies = resourcepolicy.New(resourcepolicy.Params{Store: a.state, Named: a.directory.Named, Now: p.Now})
	a.buckets = a.newBuckets()
	if err := a.openBases(); err != nil {
		return nil, err
	}
	if a.catalog, err = newCatalog(cfg); err != nil {
		return nil, err
	}
	if err := a.openGovernance(); err != nil {
		return nil, err
	}
	backends, err := a.openBackends()
	if err != nil {
		return nil, err
	}
	a.script = script(cfg, backends)
	if a.edgeServices, err = a.services(backends); err != nil {
		return nil, err
	}
	var authenticator edge.Authenticator = authn.NewOff(cfg.Account, cfg.Region)
	if cfg.Auth == config.On {
		authenticator = newAuthenticator(cfg, a.credentials, a.catalog.HasRegion, p.Now)
	}
	if a.operator, err = a.newOperator(); err != nil {
		return nil, err
	}
	forwards, err := a.forwards()
	if err != nil {
		return nil, err
	}
	passed, unclaimed := a.passed()
	a.edge, err = edge.New(edge.Params{
		Services: a.edgeServices, Authenticator: authenticator, Authorize: a.authorizer.Authorize, ActionService: "sts",
		Logger: p.Logger, Extra: a.extra(), Panicked: a.gov.metrics.Panicked, Now: p.Now, NewID: newRequestID, NewPadding: newPadding,
		Account: cfg.Account, MaxBody: maxBody, BodyTimeout: cfg.Timeouts.Body, WriteTimeout: cfg.Timeouts.Write,
		Enter: entrance(cfg), Forward: forwards, Source: source, Observers: append(a.gov.observers, p.Observers...), Ready: a.parts.Ready, Passed: passed, Unclaimed: unclaimed,
	})
	if err != nil {
		return nil, err
	}
	if err := a.openConsole(); err != nil {
		return nil, err
	}
	return a, a.listen()
}

// Run serves until ctx ends, then stops: no new connections, streams in flight
// get a moment to finish. It fetches what is missing meanwhile.
func (a *App) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var background sync.WaitGroup
	background.Go(func() {
		a.fetch(ctx)
	})
	background.Go(func() {
		_ = a.newWorker().Run(ctx) // never fails
	})
	background.Go(func() { a.router.Watch(ctx) })
	for _, run := range a.gov.run {
		background.Go(func() { run(ctx) })
	}
	if err := a.announce(); err != nil {
		cancel()
		background.Wait()
		return fmt.Errorf("write the address of this server: %w", err)
	}
	defer a.withdraw()
	served := a.serve()
	var err error
	select {
	case err = <-served:
		err = fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
		grace, stop := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
		if a.server.Shutdown(grace) != nil {
			_ = a.server.Close() // what did not finish in time is cut off
		}
		stop()
	}
	cancel()
	background.Wait()
	return err
}

// The times between tries to fetch the parts: a network that is not there at
// the start of a machine is there a little later.
const (
	firstRetry = 2 * time.Second
	lastRetry  = 5 * time.Minute
)

// fetch gets the parts, however often it takes, and then says which routes
// lead to models that are not there.
func (a *App) fetch(ctx context.Context) {
	for delay := firstRetry; ; delay = min(2*delay, lastRetry) {
		err := a.parts.Ensure(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			a.p.Logger.Info("ready")
			break
		}
		attrs := []any{slog.String("cause", err.Error())}
		if a.p.Config.Offline || fault.Is(err, fault.Unsupported) {
			a.p.Logger.Error("the engine and the default models are not there and cannot be fetched", attrs...)
			break
		}
		a.p.Logger.Error("the engine and the default models could not be fetched", append(attrs, slog.Duration("next_try_in", delay))...)
		select {
		case <-ctx.Done():
			return
		case <-time.After(delay):
		}
	}
	for _, route := range localModels(a.p.Config) {
		if _, err := a.parts.Library.Find(route[1]); fault.Is(err, fault.NotFound) {
			a.p.Logger.Warn("a route leads to a model that is not there", slog.String("match", route[0]), slog.String("model", route[1]))
		}
	}
}

// shutdownGrace is how long streams in flight may go on after a stop signal.
const shutdownGrace = 5 * time.Second

// Addr is the address that the port really has, also when the configuration
// asked for any free one.
func (a *App) Addr() net.Addr { return a.ports[0].Addr() }

// Close stops what New started, in reverse. It may be called more than once.
func (a *App) Close() error {
	a.closeOnce.Do(func() {
		var errs []error
		if a.server != nil {
			errs = append(errs, a.server.Close())
		}
		errs = append(errs, a.closePorts()...)
		if a.operator != nil {
			a.operator.End()
		}
		if a.router != nil {
			errs = append(errs, a.router.Close())
		}
		for _, end := range slices.Backward(a.gov.close) {
			errs = append(errs, end())
		}
		errs = append(errs, a.closeBases()...)
		if a.buckets != nil { // the last logs go there
			errs = append(errs, a.buckets.Close())
		}
		if a.state != nil {
			errs = append(errs, a.state.Close())
		}
		a.closeErr = errors.Join(errs...)
	})
	return a.closeErr
}

// CABundle returns the PEM file that clients need to trust the port, and makes
// it when it is not there.
func CABundle(cfg *config.Config, getenv func(string) string) (string, error) {
	source, err := openCertificate(cfg, getenv)
	if err != nil {
		return "", err
	}
	return filepath.Abs(source.BundlePath())
}

func openCertificate(cfg *config.Config, getenv func(string) string) (*certificate.Source, error) {
	hosts := []string{cfg.Listen}
	for _, l := range cfg.Listeners {
		if _, unix := l.Unix(); !unix {
			hosts = append(hosts, l.Address)
		}
	}
	return certificate.Open(certificate.Params{
		Dir: filepath.Join(cfg.DataDir(getenv), "tls"), Hosts: hosts,
		CertFile: cfg.TLS.Certificate, KeyFile: cfg.TLS.Key,
	})
}
