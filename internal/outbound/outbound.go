// Package outbound is the one place where connections to other machines are
// opened. Every client of the server is made with its Dialer, so that offline is
// a rule that is enforced and not a habit.
//
// It knows no protocol above HTTP's transport and none of the clients. A test in
// test/layers finds packages that dial by themselves, and one in test/offline
// watches a server in a network of its own.
package outbound

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
)

// The times of a connection.
const (
	dialTimeout      = 20 * time.Second
	keepAlive        = 30 * time.Second
	handshakeTimeout = 20 * time.Second
	headerTimeout    = time.Minute
	idleTimeout      = time.Minute
)

// Params say what may be reached.
type Params struct {
	// Offline refuses every host but this machine and those of Allow, before its
	// name is looked up: a question to a name server is a connection too.
	Offline bool
	// Allow are the hosts that the configuration names: host names, addresses,
	// or with a leading dot a domain with everything below it.
	Allow []string
}

// Dialer opens connections. It is safe for concurrent use.
type Dialer struct {
	offline bool
	allow   []string
	dialer  net.Dialer

	// proxies are hosts that a permitted request was led through. They are
	// configured like the others, in the environment.
	proxies sync.Map
}

// New returns a Dialer.
func New(p Params) *Dialer {
	d := &Dialer{offline: p.Offline, dialer: net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive}}
	for _, host := range p.Allow {
		if host = canonical(host); host != "" {
			d.allow = append(d.allow, host)
		}
	}
	return d
}

// Offline reports whether only permitted hosts are reached.
func (d *Dialer) Offline() bool { return d.offline }

// Permits reports whether connections to a host may be opened.
func (d *Dialer) Permits(host string) bool {
	host = canonical(host)
	if !d.offline || local(host) {
		return true
	}
	for _, allowed := range d.allow {
		if host == allowed || strings.HasPrefix(allowed, ".") && (strings.HasSuffix(host, allowed) || host == allowed[1:]) {
			return true
		}
	}
	return false
}

func canonical(host string) string {
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// local reports whether a host can only be this machine.
func local(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// refused is the error of a connection that offline forbids. It is not worth
// another try.
func refused(host string) error {
	return fault.New(fault.Unsupported, "%s is on another machine, and the server is offline", host)
}

// DialContext opens a connection, as net.Dialer does, to a host that is
// permitted. Unix sockets are on this machine.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if d.offline && network != "unix" {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, fmt.Errorf("dial: %w", err)
		}
		if _, proxy := d.proxies.Load(canonical(host)); !proxy && !d.Permits(host) {
			return nil, refused(host)
		}
	}
	return d.dialer.DialContext(ctx, network, address)
}

// Apply makes a transport dial through d, and its proxies be used for permitted
// hosts alone: a proxy would reach any host for who asks it.
func (d *Dialer) Apply(t *http.Transport) {
	t.DialContext = d.DialContext
	t.DialTLSContext = nil
	if d.offline && t.Proxy != nil {
		t.Proxy = d.proxied(t.Proxy)
	}
}

func (d *Dialer) proxied(choose func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(r *http.Request) (*url.URL, error) {
		if !d.Permits(r.URL.Hostname()) {
			return nil, refused(r.URL.Hostname())
		}
		proxy, err := choose(r)
		if err == nil && proxy != nil {
			d.proxies.Store(canonical(proxy.Hostname()), true)
		}
		return proxy, err
	}
}

// Transport returns a transport with sensible times, through the proxies of the
// environment.
func (d *Dialer) Transport() *http.Transport {
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: handshakeTimeout, ResponseHeaderTimeout: headerTimeout,
		IdleConnTimeout: idleTimeout, ForceAttemptHTTP2: true,
	}
	d.Apply(t)
	return t
}

// Client returns a client over a transport of its own. It has no limit for a
// whole answer.
func (d *Dialer) Client() *http.Client { return &http.Client{Transport: d.Transport()} }
