// Package remote asks model servers over HTTP: it keeps connections, watches the
// times of a request, reads server-sent events and turns what can go wrong into
// faults. The adapters of the vendors' APIs are built on it.
//
// It knows no vendor's format, follows no redirect, asks nothing twice and never
// puts a key into a message.
package remote

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/outbound"
)

// Params describe a server.
type Params struct {
	// Name is the backend's, for messages.
	Name string
	// URL is where the server is. Paths are put behind its path, and its query
	// is sent with each request.
	URL string
	// Header goes with every request. Its values are secrets: none of them is
	// ever part of a message.
	Header http.Header
	// Dialer opens the connections.
	Dialer *outbound.Dialer
	// Socket is a Unix socket that is used in place of the URL's host.
	Socket string
	// Server is the program behind the URL, where it is looked after here; the
	// Client closes it. nil: it runs by itself.
	Server Server
	// CA are PEM certificates of the authorities that the server's certificate
	// is checked with; the machine's when empty.
	CA []byte

	// The times of one request; 0 is no limit. FirstByte is from the request to
	// the first byte of the answer's body, Idle between two reads of it.
	Connect, FirstByte, Idle, Total time.Duration

	// Requests is how many are under way at the same time; further ones wait. 0
	// is no limit.
	Requests int
	// Sign signs a request, after everything else is set; nil signs nothing.
	Sign func(r *http.Request, body []byte) error
	// Now is the clock for dates of the server's; time.Now when nil.
	Now func() time.Time
}

// Server is a program that is started when somebody connects to it; package
// managed has them.
type Server interface {
	// DialContext connects to the program, which it starts if need be. The time
	// of a start is its own to bound.
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
	// Running reports whether the program runs and is healthy.
	Running() bool
	// Close stops the program and waits for it.
	Close() error
}

// The sizes that a connection needs, and what a server may send.
const (
	connections = 1024
	buffer      = 4 << 10
	headerLimit = 256 << 10
	bodyLimit   = 256 << 20
	lineLimit   = 4 << 20 // of a line of server-sent events, and of an event
	streamLimit = 1 << 30 // of all events of an answer: one that never ends is none
	errorLimit  = 64 << 10
	drainLimit  = 64 << 10
	drainTime   = time.Second
)

// Client asks one server. It is safe for concurrent use.
type Client struct {
	p         Params
	base      url.URL
	query     string
	header    http.Header // Header and what every request has besides
	secrets   []string
	transport http.RoundTripper
	// streamLimit is the constant, but for tests.
	streamLimit int
	idle        func() // closes the connections that nobody uses
	places      chan struct{}

	ctx  context.Context // ends with Close
	stop context.CancelFunc

	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup // requests under way
}

// New returns a Client. It opens no connection.
func New(p Params) (*Client, error) {
	base, err := url.Parse(p.URL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.User != nil {
		return nil, errors.New("the URL is not one such as http://gpu1:8000/v1, without user and password") // it may hold a secret
	}
	if p.Dialer == nil {
		return nil, errors.New("a client needs a dialer")
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	t := p.Dialer.Transport()
	c := &Client{p: p, base: *base, query: base.RawQuery, transport: t, idle: t.CloseIdleConnections, streamLimit: streamLimit}
	c.base.RawQuery, c.base.Fragment = "", ""
	c.base.Path, c.base.RawPath = "", ""
	c.p.URL = strings.TrimSuffix(base.EscapedPath(), "/") // the path in front of every other

	t.DisableCompression = true // compressed events would wait for their block
	t.ResponseHeaderTimeout = 0 // FirstByte bounds it
	t.MaxIdleConnsPerHost, t.MaxIdleConns = connections, connections
	t.ReadBufferSize, t.WriteBufferSize = buffer, buffer
	t.MaxResponseHeaderBytes = headerLimit
	t.DialContext = c.dial(t.DialContext)
	if p.Server != nil {
		t.DialContext = p.Server.DialContext
	}
	if p.Socket != "" || p.Server != nil {
		t.Proxy = nil
	}
	if len(p.CA) > 0 {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(p.CA) {
			return nil, errors.New("the file of authorities holds no certificate in PEM")
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	if address, ok := plainly(base, t.Proxy); ok && looks {
		direct := &plain{dial: t.DialContext, address: address, next: t}
		c.transport, c.idle = direct, func() { direct.close(); t.CloseIdleConnections() }
	}
	if p.Requests > 0 {
		c.places = make(chan struct{}, p.Requests)
	}
	c.header = http.Header{
		"User-Agent": {"outcrop"}, "Accept-Encoding": {"identity"},
		// A request that met a connection which the server was just closing is
		// sent again on another one. The empty value is not sent.
		"Idempotency-Key": {},
	}
	maps.Copy(c.header, p.Header)
	c.secrets = secretsOf(p.Header)
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c, nil
}

// plainly reports whether a server is asked without TLS and proxies, and where.
func plainly(base *url.URL, proxies func(*http.Request) (*url.URL, error)) (address string, ok bool) {
	if base.Scheme != "http" {
		return "", false
	}
	if proxies != nil {
		if proxy, err := proxies(&http.Request{URL: base}); err != nil || proxy != nil {
			return "", false
		}
	}
	return net.JoinHostPort(base.Hostname(), cmp.Or(base.Port(), "80")), true
}

// dial bounds the time to open a connection.
func (c *Client) dial(next func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if c.p.Connect > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, c.p.Connect)
			defer cancel()
		}
		if c.p.Socket != "" {
			network, address = "unix", c.p.Socket
		}
		return next(ctx, network, address)
	}
}

// Close ends the requests under way, with Unavailable, and waits for them. It
// may be called more than once.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed = true
	c.stop()
	c.mu.Unlock()
	c.wg.Wait()
	c.idle()
	if c.p.Server != nil {
		return c.p.Server.Close()
	}
	return nil
}

// Asleep reports whether the server is one that would have to be started to
// answer.
func (c *Client) Asleep() bool { return c.p.Server != nil && !c.p.Server.Running() }

// enter counts a request and waits for its place.
func (c *Client) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return c.stopping()
	}
	c.wg.Add(1)
	c.mu.Unlock()
	if c.places == nil {
		return nil
	}
	select {
	case c.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		c.wg.Done()
		return ctx.Err()
	case <-c.ctx.Done():
		c.wg.Done()
		return c.stopping()
	}
}

func (c *Client) leave() {
	if c.places != nil {
		<-c.places
	}
	c.wg.Done()
}

func (c *Client) stopping() error {
	return fault.New(fault.Unavailable, "The backend %s is being stopped.", c.p.Name)
}

// Do sends a request. path begins with a slash, is escaped, and may have a query;
// one that begins with two is behind the URL's path without its version: next to
// http://gpu1:8000/v1, //health is http://gpu1:8000/health.
//
// h goes over the client's own header. body is not changed, and not used after
// the response is closed. The answer is closed by the caller; one with a status
// of 300 or above is a fault, see [Client.Refused].
//
// Faults: Timeout, Unavailable when the server cannot be reached or closes the
// connection before it answers, Upstream when what it sends is no HTTP; ctx's
// error when ctx ends.
func (c *Client) Do(ctx context.Context, method, path string, h http.Header, body []byte) (*Response, error) {
	return c.DoWithin(ctx, c.p.FirstByte, method, path, h, body)
}

// FirstByte is how long Do waits for the first byte of an answer; 0 is no bound.
func (c *Client) FirstByte() time.Duration { return c.p.FirstByte }

// DoWithin is Do with another time for the first byte.
func (c *Client) DoWithin(ctx context.Context, first time.Duration, method, path string, h http.Header, body []byte) (*Response, error) {
	request, err := c.request(method, path, h, body)
	if err != nil {
		return nil, err
	}
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	r := &Response{c: c, parent: ctx}
	r.watch(cmp.Or(first, c.p.Total))
	request = request.WithContext(r.ctx)
	if c.p.Sign != nil {
		if err := c.p.Sign(request, body); err != nil {
			r.release()
			return nil, err
		}
	}
	answer, err := c.transport.RoundTrip(request) //nolint:bodyclose // release closes it
	if err != nil {
		err = r.failed(err, true)
		r.release()
		return nil, err
	}
	r.Status, r.Header, r.body, r.Body = answer.StatusCode, answer.Header, answer.Body, r
	if r.Status >= http.StatusMultipleChoices || r.Status < http.StatusOK {
		err := r.refused()
		r.end()
		return nil, err
	}
	return r, nil
}

// request builds the request without a context.
func (c *Client) request(method, path string, h http.Header, body []byte) (*http.Request, error) {
	u := c.base
	path, query, _ := strings.Cut(path, "?")
	if outside, ok := strings.CutPrefix(path, "//"); ok {
		path = version.ReplaceAllString(c.p.URL, "") + "/" + outside
	} else {
		path = c.p.URL + path
	}
	plain, err := url.PathUnescape(path)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The path of the request is not valid.")
	}
	u.Path = plain
	if plain != path {
		u.RawPath = path
	}
	u.RawQuery = join(c.query, query)
	request := &http.Request{
		Method: method, URL: &u, Host: u.Host, Header: c.header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if len(h) > 0 || c.p.Sign != nil || body != nil {
		request.Header = make(http.Header, len(c.header)+len(h)+1)
		maps.Copy(request.Header, c.header)
		if body != nil {
			request.Header["Content-Type"] = contentTypeJSON
		}
		maps.Copy(request.Header, h)
	}
	if body != nil {
		request.ContentLength = int64(len(body))
		request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		request.Body, _ = request.GetBody()
	}
	return request, nil
}

// version is the last part of a path that names one.
var version = regexp.MustCompile(`/v[0-9][a-z0-9]*$`)

var contentTypeJSON = []string{"application/json"} // shared: headers are not changed, they are replaced

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "&" + b
}
