package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/certificate"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/dualstack"
	"github.com/outcrop/outcrop/internal/outbound"
	"github.com/outcrop/outcrop/internal/policy"
)

// port is one address that the server listens at.
type port struct {
	*dualstack.Listener

	endpoint string // ID of its VPC endpoint
}

// listen opens every address. Nothing is accepted before Run.
func (a *App) listen() error {
	cfg := a.p.Config
	main, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	a.ports = append(a.ports, &port{Listener: dualstack.New(main, dualstack.Params{TLS: a.cert.TLSConfig(), FirstByteTimeout: cfg.Timeouts.Header})})
	for _, l := range cfg.Listeners {
		p, err := a.listenAt(l)
		if err != nil {
			return fmt.Errorf("listen at %s: %w", l.Address, err)
		}
		a.ports = append(a.ports, p)
	}
	a.server = &http.Server{
		Handler:           a.front(),
		Protocols:         dualstack.Protocols(),
		TLSConfig:         a.cert.TLSConfig(),
		BaseContext:       a.baseContext,
		ReadHeaderTimeout: cfg.Timeouts.Header,
		IdleTimeout:       5 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		// net/http's own complaints (a client that broke the TLS handshake) are
		// of no interest to an operator unless they ask.
		ErrorLog: slog.NewLogLogger(a.p.Logger.Handler(), slog.LevelDebug),
	}
	a.server.RegisterOnShutdown(a.operator.End) // what goes on without end would hold it up
	return nil
}

func (a *App) listenAt(l config.Listener) (*port, error) {
	secure, err := a.listenerTLS(l)
	if err != nil {
		return nil, err
	}
	var inner net.Listener
	if path, ok := l.Unix(); ok {
		inner, err = listenUnix(path)
	} else {
		inner, err = net.Listen("tcp", l.Address)
	}
	if err != nil {
		return nil, err
	}
	p := dualstack.Params{TLS: secure, TLSOnly: l.TLSOnly(), FirstByteTimeout: a.p.Config.Timeouts.Header}
	return &port{Listener: dualstack.New(inner, p), endpoint: l.Endpoint}, nil
}

// listenerTLS is what an address shows and demands in the handshake.
func (a *App) listenerTLS(l config.Listener) (*tls.Config, error) {
	source := a.cert
	if l.Certificate != "" {
		var err error
		source, err = certificate.Open(certificate.Params{
			Dir: filepath.Join(a.p.Config.DataDir(a.p.Getenv), "tls"), CertFile: l.Certificate, KeyFile: l.Key,
		})
		if err != nil {
			return nil, err
		}
	}
	c := source.TLSConfig()
	if l.ClientCA == "" {
		return c, nil
	}
	pem, err := os.ReadFile(l.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("read clientCA: %w", err)
	}
	c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	if !c.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate", l.ClientCA)
	}
	return c, nil
}

// listenUnix opens a socket for its owner alone. One that a killed server has
// left is replaced; one that somebody listens at is not.
func listenUnix(path string) (net.Listener, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case info.Mode().Type() != fs.ModeSocket:
		return nil, errors.New("there is a file of that name, and it is not a socket")
	case answers(path):
		return nil, errors.New("another process listens at it")
	default:
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// answers reports whether somebody listens at a socket.
func answers(path string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), aliveTimeout)
	defer cancel()
	conn, err := outbound.New(outbound.Params{}).DialContext(ctx, "unix", path)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// serve accepts at every port until one of them fails.
func (a *App) serve() <-chan error {
	served := make(chan error, len(a.ports))
	for _, p := range a.ports {
		go func() { served <- a.server.Serve(p) }()
	}
	return served
}

func (a *App) closePorts() []error {
	var errs []error
	for _, p := range a.ports {
		if err := p.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errs
}

type portKey struct{}

// baseContext tells requests which port they have come through.
func (a *App) baseContext(l net.Listener) context.Context {
	p, _ := l.(*port)
	return context.WithValue(context.Background(), portKey{}, p)
}

// source says where a request comes from.
func source(r *http.Request) call.Source {
	s := call.Source{Secure: r.TLS != nil, UserAgent: r.UserAgent(), Host: r.Host}
	if r.TLS != nil {
		s.TLSVersion = strings.Replace(tls.VersionName(r.TLS.Version), "TLS ", "TLSv", 1)
		s.CipherSuite = tls.CipherSuiteName(r.TLS.CipherSuite)
	}
	if from, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		s.IP = from.Addr().Unmap().WithZone("")
	}
	if p, ok := r.Context().Value(portKey{}).(*port); ok && p != nil {
		s.Endpoint = p.endpoint
	}
	return s
}

// endpoints are the policies of VPC endpoints, by their IDs.
type endpoints map[string][]policy.Attached

// Policies returns the policy of an endpoint; nil when it has none and so allows
// everything.
func (e endpoints) Policies(id string) []policy.Attached { return e[id] }

// openEndpoints reads the policies of the listeners. One that cannot be read
// stops the start: it may forbid something.
func openEndpoints(cfg *config.Config) (endpoints, error) {
	policies := endpoints{}
	for _, l := range cfg.Listeners {
		if l.Policy == "" {
			continue
		}
		text, err := os.ReadFile(l.Policy)
		if err != nil {
			return nil, fmt.Errorf("read the policy of %s: %w", l.Endpoint, err)
		}
		d, err := policy.Parse(policy.Resource, string(text))
		if err != nil {
			return nil, fmt.Errorf("the policy of %s in %s%s: %w", l.Endpoint, l.Policy, policy.Locate(policy.Resource, string(text)), err)
		}
		policies[l.Endpoint] = []policy.Attached{{Document: d, ID: l.Endpoint, Type: "resource"}}
	}
	return policies, nil
}
