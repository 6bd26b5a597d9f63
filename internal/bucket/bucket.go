// Package bucket is the embedded S3 endpoint: it finds out who a request is
// from, whether they may do it, and passes it on to an S3 server of somebody
// else (package gateway), which keeps each bucket as a folder.
//
// Signatures are checked here, all of S3's kinds: headers, presigned URLs,
// bodies that are signed chunk by chunk, and the version before, which boto3
// still presigns with. What is passed on is signed anew with a credential that
// only this package and that process know. So keys, regions, virtual hosts and,
// one day, policies are the server's own, and the gateway cannot be asked for
// anything around them.
//
// It is no S3 server, and it keeps no object: what it does not do itself is
// verified to be an operation that the gateway does as S3 does, and refused as
// NotImplemented otherwise. Package edge gives it the requests, and
// knowledge/source/s3 reads through Client.
package bucket

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/sigv4"
)

const (
	// innerRegion is the region that requests are signed for on their way to
	// the gateway, whatever their own is.
	innerRegion = "us-east-1"
	// idleConnections to the gateway are kept open.
	idleConnections = 32
	// copyBuffer is how much of an object is in memory for each request.
	copyBuffer = 256 << 10
)

// Params are the parts of a Server. Signatures, Keys and Guard may be nil, and
// Decide where Signatures is.
type Params struct {
	// Dir holds a folder for each bucket, AttributesDir the attributes of
	// objects where Dir's file system cannot. Both are made when they are needed.
	Dir, AttributesDir string
	// Command starts the gateway: this program with its hidden subcommand.
	Command []string
	// Account owns all buckets.
	Account string
	// Domain is the host name below which a bucket can be part of the host
	// name: docs.localhost for the bucket docs.
	Domain string
	// Signatures verifies requests. When it is nil nobody is checked: every
	// request is an anonymous one that may do everything.
	Signatures *sigv4.Verifier
	// Keys finds the secret of a signature of the version before; nil where
	// Signatures is.
	Keys sigv4.KeySource
	// Decide says whether a sender may do something: nil, or a fault.Denied with
	// the text that they are told.
	Decide func(ctx context.Context, q Question) error
	// Guard refuses requests before anything else; nil: none.
	Guard  func(r *http.Request) error
	Logger *slog.Logger
	Now    func() time.Time
}

// Server is the S3 endpoint. It is safe for concurrent use. The gateway starts
// with the first request, and again when it has died.
type Server struct {
	p     Params
	proxy *httputil.ReverseProxy

	// background lives until Close: a start goes on when the request that asked
	// for it is gone, for the next one will need it.
	background context.Context
	stop       context.CancelFunc

	mu       sync.Mutex
	closed   bool
	current  *process
	starting chan struct{} // closed when a start is over; nil: none is going on
	startErr error         // of the last start
}

// New returns a Server. It starts and opens nothing.
func New(p Params) *Server {
	s := &Server{p: p}
	s.background, s.stop = context.WithCancel(context.Background())
	s.proxy = &httputil.ReverseProxy{
		Rewrite:        func(*httputil.ProxyRequest) {}, // Serve has done it
		Transport:      s,
		FlushInterval:  -1,
		ErrorHandler:   gatewayFailed,
		ModifyResponse: adjust,
		BufferPool:     newBuffers(),
		ErrorLog:       slog.NewLogLogger(p.Logger.Handler(), slog.LevelDebug),
	}
	return s
}

var errClosed = errors.New("the server of the buckets is closed")

// gateway returns the running process, and starts it when there is none.
func (s *Server) gateway(ctx context.Context) (*process, error) {
	for {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return nil, errClosed
		}
		if s.current != nil && s.current.alive() {
			c := s.current
			s.mu.Unlock()
			return c, nil
		}
		if c := s.current; c != nil && c.lost.Load() {
			s.p.Logger.Error("the socket of the buckets has gone; another process takes over")
			go c.end(endPatience) // for what it still works on
			s.current = nil
		} else if c != nil {
			s.p.Logger.Error("the process of the buckets has ended", slog.String("state", c.cmd.ProcessState.String()))
			c.end(0)
			s.current = nil
		}
		wait := s.starting
		if wait == nil {
			wait = make(chan struct{})
			s.starting = wait
			go s.start(wait)
		}
		s.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		s.mu.Lock()
		err := s.startErr
		s.mu.Unlock()
		if err != nil {
			return nil, err
		}
	}
}

// start makes the process for everybody who waits.
func (s *Server) start(done chan struct{}) {
	began := time.Now()
	c, err := start(s.background, &s.p)
	s.mu.Lock()
	closed := s.closed
	if err == nil && !closed {
		s.current = c
	}
	s.startErr, s.starting = err, nil
	s.mu.Unlock()
	switch {
	case err != nil && !closed:
		s.p.Logger.Error("the buckets cannot be served", slog.String("cause", err.Error()))
	case err == nil && closed:
		c.end(0) // nobody has used it
	case err == nil:
		s.p.Logger.Debug("the process of the buckets has started", slog.Duration("elapsed", time.Since(began)))
	}
	close(done)
}

// RoundTrip implements http.RoundTripper: it signs a request for the gateway,
// whoever it is from, and sends it there.
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	c, err := s.gateway(r.Context())
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, err
	}
	out := r.Clone(r.Context())
	out.URL.Scheme, out.URL.Host = "http", "gateway" // there is one to connect to
	c.sign(out)
	return c.transport.RoundTrip(out)
}

// Client returns a client whose requests reach the buckets without any check of
// a signature, for the server's own use. The host of its URLs does not matter.
func (s *Server) Client() *http.Client { return &http.Client{Transport: s} }

// Close ends the gateway. Requests in flight get a moment to finish.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	c, starting := s.current, s.starting
	s.mu.Unlock()
	s.stop()
	if starting != nil {
		<-starting
	}
	if c != nil {
		c.end(endPatience)
	}
	return nil
}

// Outcome is what became of a request, for the log.
type Outcome struct {
	Principal iam.Principal
	Region    string
	Operation string // in S3's words: "PutObject"; empty when it is none
	Resource  string // ARN of the bucket or object that it is for
	Status    int
	Code      string // of the error; empty on success
	Cause     error  // what stands behind an error, for the log alone
}

// buffers are the memory that objects are copied through.
type buffers struct{ pool sync.Pool }

func newBuffers() *buffers {
	return &buffers{sync.Pool{New: func() any {
		b := make([]byte, copyBuffer)
		return &b
	}}}
}

// Get implements httputil.BufferPool.
func (b *buffers) Get() []byte { return *b.pool.Get().(*[]byte) }

// Put implements httputil.BufferPool.
func (b *buffers) Put(p []byte) { b.pool.Put(&p) }
