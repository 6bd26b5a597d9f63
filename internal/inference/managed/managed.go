// Package managed runs the model servers that Outcrop looks after itself:
// llama-server, vLLM, Ollama or any other program that serves HTTP. It starts
// the program when it is needed, waits until it is healthy, starts it again when
// it ends, and stops it when nobody asks any more or the server stops.
//
// It speaks none of the languages of such servers, and is no backend: an adapter
// uses DialContext for its connections, and so finds the server running. What
// is kept open counts as use.
package managed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/outbound"
	"github.com/outcrop/outcrop/internal/subprocess"
)

// The times of a server that are not configured.
const (
	// wait is how long a request waits for a start; then it is told that the
	// model is not ready, which SDKs ask again for. The start goes on.
	wait = 50 * time.Second
	// stopIn is how long a program has to end by itself.
	stopIn = 10 * time.Second
	// Times between attempts to start a program that keeps ending.
	firstBackoff = time.Second
	mostBackoff  = 30 * time.Second
	// settled is how long a program has to run for its end to count as the
	// first one.
	settled = time.Minute
	// firstPoll and mostPoll are the times between two questions to a server
	// that starts.
	firstPoll = 50 * time.Millisecond
	mostPoll  = time.Second
)

// Params describe a managed server.
type Params struct {
	Name    string // of the backend
	Command []string
	Env     []string // all of it
	// Secrets are values that the program may repeat in what it prints, and that
	// the log must not have. Those of less than eight bytes are settings.
	Secrets []string
	Dir     string // working directory; the server's own when empty
	// URL is where the server answers, with {port} in it; http://127.0.0.1:{port}/v1
	// when empty.
	URL string
	// Health is the path that answers 200 when the server is ready; when empty
	// /health, and where there is no such path, the models of URL.
	Health string
	// StartIn is the longest time until the server is healthy; 5 minutes when 0.
	StartIn time.Duration
	// IdleTimeout stops a server that has had no connection for so long; 0 never.
	IdleTimeout time.Duration
	// Eager starts the program at once, and again whenever it ends.
	Eager bool
	// Socket is the path of a Unix socket for commands that have {socket}. Each
	// start gets another one beside it: NAME-1.sock for NAME.sock.
	Socket string
	Dialer *outbound.Dialer
	Logger *slog.Logger
	Now    func() time.Time
}

// Server is a managed server. It is safe for concurrent use.
type Server struct {
	p    Params
	base *url.URL
	ctx  context.Context // ends with Close
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu       sync.Mutex
	run      *run      // the program that runs or starts; nil when none does
	leaving  *run      // the last one that was told to end; nil when there was none
	failures int       // in a row
	notUntil time.Time // the next start
	conns    int       // and who waits for one
	idle     time.Time // since when there is no connection
}

// run is one life of the program.
type run struct {
	cmd     *exec.Cmd
	network string
	address string
	socket  string // its file; empty with TCP
	tail    subprocess.Tail
	started time.Time
	ready   chan struct{} // closed when it is healthy, or will never be
	err     error         // why it never was; after ready
	exited  chan struct{}
}

// New describes a server, and starts it if it is eager. It is closed when the
// backend is.
func New(p Params) (*Server, error) {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.StartIn <= 0 {
		p.StartIn = 5 * time.Minute
	}
	if len(p.Command) == 0 || p.Command[0] == "" {
		return nil, errors.New("the command is empty")
	}
	all := strings.Join(p.Command, "\x00")
	if p.URL == "" {
		p.URL = "http://127.0.0.1:{port}/v1"
		if strings.Contains(all, "{socket}") {
			p.URL = "http://localhost/v1"
		}
	}
	if strings.Contains(p.URL, "{port}") && !strings.Contains(all, "{port}") {
		return nil, errors.New("the command does not say {port}, so no port can be given to it; write it into the command, or a url with the port that it uses")
	}
	base, err := url.Parse(strings.ReplaceAll(p.URL, "{port}", "0"))
	if err != nil || base.Host == "" {
		return nil, errors.New("the url cannot be read")
	}
	s := &Server{p: p, base: base, idle: p.Now()}
	s.ctx, s.stop = context.WithCancel(context.Background())
	if p.Eager {
		s.wg.Go(s.keep)
	}
	if p.IdleTimeout > 0 {
		s.wg.Go(s.reap)
	}
	return s, nil
}

// URL is what clients of the server use. Its host and port mean nothing to
// DialContext, which finds the server by itself.
func (s *Server) URL() string { return s.base.String() }

// DialContext connects to the server, and starts it before if need be. Faults:
// NotReady while it starts for longer than a request should wait, Unavailable
// when it cannot be started.
func (s *Server) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	s.use(1) // from now on nobody calls it idle
	r, err := s.running(ctx)
	if err != nil {
		s.use(-1)
		return nil, err
	}
	conn, err := s.p.Dialer.DialContext(ctx, r.network, r.address)
	if err != nil {
		s.use(-1)
		return nil, err
	}
	return &counted{Conn: conn, over: sync.OnceFunc(func() { s.use(-1) })}, nil
}

// counted is a connection that tells when it is over.
type counted struct {
	net.Conn

	over func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	c.over()
	return c.Conn.Close()
}

func (s *Server) use(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns += n
	s.idle = s.p.Now()
}

// running returns the healthy program.
func (s *Server) running(ctx context.Context) (*run, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		r, before, err := s.begin()
		if err != nil {
			return nil, err
		}
		next := before
		if r != nil {
			next = r.ready
		}
		select {
		case <-next:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-s.ctx.Done():
			return nil, stopping()
		case <-timer.C:
			return nil, fault.New(fault.NotReady, "The model server %s is starting. Try your request again in a moment.", s.p.Name)
		}
		switch {
		case r == nil: // the one before has ended
		case r.err != nil:
			return nil, s.unavailable()
		default:
			return r, nil
		}
	}
}

func stopping() error { return fault.New(fault.Unavailable, "The server is stopping.") }

func (s *Server) unavailable() error {
	return fault.New(fault.Unavailable, "The model server %s could not be started. Its last lines are in Outcrop's log.", s.p.Name)
}

// begin returns the program that runs or starts, and starts one if there is
// none. While the one before is ending it returns none, and what is closed when
// that has ended: two would not fit into the memory, or want the same port.
func (s *Server) begin() (_ *run, before <-chan struct{}, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return nil, nil, stopping()
	}
	if s.run != nil {
		return s.run, nil, nil
	}
	if s.leaving != nil && !isClosed(s.leaving.exited) {
		return nil, s.leaving.exited, nil
	}
	if s.p.Now().Before(s.notUntil) {
		return nil, nil, s.unavailable()
	}
	r, err := s.command()
	if err != nil {
		s.failed(err.Error())
		return nil, nil, s.unavailable()
	}
	s.run, s.idle = r, s.p.Now()
	s.p.Logger.Info("start a model server", slog.String("backend", s.p.Name), slog.String("program", r.cmd.Path), slog.String("address", r.address))
	if err := subprocess.Start(r.cmd, nil, func() { s.ended(r) }); err != nil {
		s.run = nil
		s.failed(err.Error())
		return nil, nil, s.unavailable()
	}
	s.wg.Go(func() { s.watch(r) })
	return r, nil, nil
}

// sockets counts those of this process. A number is not used twice, so that a
// program that ends takes away its own socket and not that of its successor,
// which a reload may already have started.
var sockets atomic.Int64

// newSocket names a socket that nobody listens on: programs do not take over the
// file that a killed one has left.
func newSocket(path string) (string, error) {
	ext := filepath.Ext(path)
	path = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(path, ext), sockets.Add(1), ext)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return path, nil
}

// command prepares one life of the program with an address of its own.
func (s *Server) command() (*run, error) {
	r := &run{network: "tcp", started: s.p.Now(), ready: make(chan struct{}), exited: make(chan struct{})}
	host, port := s.base.Hostname(), s.base.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[s.base.Scheme]
	}
	if strings.Contains(s.p.URL, "{port}") {
		n, err := freePort(host)
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		port = strconv.Itoa(n)
	}
	r.address = net.JoinHostPort(host, port)
	if strings.Contains(strings.Join(s.p.Command, "\x00"), "{socket}") {
		socket, err := newSocket(s.p.Socket)
		if err != nil {
			return nil, fmt.Errorf("find a free socket: %w", err)
		}
		r.network, r.address, r.socket = "unix", socket, socket
	}
	fill := strings.NewReplacer("{port}", port, "{host}", host, "{socket}", r.socket)
	args := make([]string, 0, len(s.p.Command))
	for _, arg := range s.p.Command {
		args = append(args, fill.Replace(arg))
	}
	r.cmd = exec.Command(args[0], args[1:]...)
	r.cmd.Env, r.cmd.Dir = s.p.Env, s.p.Dir
	r.cmd.SysProcAttr = subprocess.Attributes()
	r.cmd.Stdout, r.cmd.Stderr = &r.tail, &r.tail
	r.cmd.WaitDelay = stopIn // for a grandchild that keeps the output open
	return r, nil
}

// freePort asks the system for a port. Somebody else may take it before the
// program does; then the program ends, and gets another one.
func freePort(host string) (int, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, errors.New("not a TCP address")
	}
	return addr.Port, nil
}

// said is how a program ended and what it printed last, for the log. Many print
// their settings when they start.
func (s *Server) said(r *run) string {
	text := r.tail.String()
	for _, secret := range s.p.Secrets {
		if len(secret) >= 8 {
			text = strings.ReplaceAll(text, secret, "(hidden)")
		}
	}
	return text
}

// failed notes a start that came to nothing. The lock is held.
func (s *Server) failed(why string) {
	s.failures++
	backoff := min(firstBackoff<<min(s.failures-1, 10), mostBackoff)
	s.notUntil = s.p.Now().Add(backoff)
	s.p.Logger.Error("a model server is not running", slog.String("backend", s.p.Name), slog.String("cause", why), slog.Duration("next_try_in", backoff))
}

// ended notes the end of a program.
func (s *Server) ended(r *run) {
	r.tail.End(r.cmd.ProcessState.String())
	subprocess.Kill(r.cmd) // whom it left behind
	if r.socket != "" {
		_ = os.Remove(r.socket) // most have done so
	}
	s.mu.Lock()
	if s.run == r { // nobody stopped it
		s.run = nil
		if s.p.Now().Sub(r.started) > settled {
			s.failures = 0
		}
		s.failed(s.said(r))
	}
	s.mu.Unlock()
	close(r.exited)
}

// watch waits until a program is healthy.
func (s *Server) watch(r *run) {
	defer close(r.ready)
	ctx, cancel := context.WithTimeout(s.ctx, s.p.StartIn)
	defer cancel()
	transport := s.p.Dialer.Transport()
	transport.Proxy = nil
	transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return s.p.Dialer.DialContext(ctx, r.network, r.address)
	}
	defer transport.CloseIdleConnections()
	for poll := firstPoll; ; poll = min(poll*2, mostPoll) {
		if s.healthy(ctx, transport) && !isClosed(r.exited) { // else somebody else answers at its port
			s.p.Logger.Info("a model server is ready", slog.String("backend", s.p.Name), slog.Duration("after", s.p.Now().Sub(r.started)))
			return
		}
		select {
		case <-r.exited:
			r.err = errors.New("it ended")
			return
		case <-ctx.Done():
			r.err = ctx.Err()
			if s.ctx.Err() == nil {
				s.p.Logger.Error("a model server did not become ready in time", slog.String("backend", s.p.Name), slog.String("state", s.said(r)))
			}
			s.end(r, s.ctx.Err() == nil)
			return
		case <-time.After(poll):
		}
	}
}

// healthy asks a server whether it is ready.
func (s *Server) healthy(ctx context.Context, server http.RoundTripper) bool {
	if s.p.Health != "" {
		return s.status(ctx, server, s.p.Health) == http.StatusOK
	}
	switch s.status(ctx, server, "/health") {
	case http.StatusOK:
		return true
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return s.status(ctx, server, strings.TrimSuffix(s.base.Path, "/")+"/models") == http.StatusOK
	}
	return false
}

func (s *Server) status(ctx context.Context, server http.RoundTripper, path string) int {
	ctx, cancel := context.WithTimeout(ctx, mostPoll*5)
	defer cancel()
	to := *s.base
	to.Path, to.RawQuery = path, ""
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to.String(), nil)
	if err != nil {
		return 0
	}
	resp, err := server.RoundTrip(req)
	if err != nil {
		return 0
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) // so that the connection can be used again
	return resp.StatusCode
}

// end stops a program and waits for it.
func (s *Server) end(r *run, failed bool) {
	s.mu.Lock()
	if s.run == r {
		s.run, s.leaving = nil, r
		if failed {
			s.failed("it did not become ready in time")
		}
	}
	s.mu.Unlock()
	if isClosed(r.exited) {
		return
	}
	subprocess.Terminate(r.cmd)
	select {
	case <-r.exited:
	case <-time.After(stopIn):
		subprocess.Kill(r.cmd)
		<-r.exited
	}
}

// keep has an eager server running.
func (s *Server) keep() {
	for s.ctx.Err() == nil {
		r, before, err := s.begin()
		if err != nil {
			s.mu.Lock()
			pause := max(s.notUntil.Sub(s.p.Now()), firstPoll)
			s.mu.Unlock()
			select {
			case <-time.After(pause):
			case <-s.ctx.Done():
			}
			continue
		}
		if r != nil {
			before = r.exited
		}
		select {
		case <-before:
		case <-s.ctx.Done():
		}
	}
}

// reap stops a server that nobody uses.
func (s *Server) reap() {
	ticker := time.NewTicker(max(s.p.IdleTimeout/4, firstPoll))
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-s.ctx.Done():
			return
		}
		s.mu.Lock()
		r := s.run
		tired := r != nil && s.conns == 0 && s.p.Now().Sub(s.idle) >= s.p.IdleTimeout && isClosed(r.ready)
		if tired { // at once, so that who comes now starts another one
			s.run, s.leaving = nil, r
		}
		s.mu.Unlock()
		if tired {
			s.p.Logger.Info("stop a model server that nobody asks", slog.String("backend", s.p.Name))
			s.end(r, false)
		}
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Running reports whether the program runs and is healthy.
func (s *Server) Running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run != nil && isClosed(s.run.ready)
}

// Close stops the program and waits for it. It may be called more than once.
func (s *Server) Close() error {
	s.stop()
	s.mu.Lock()
	r := s.run
	s.mu.Unlock()
	if r != nil {
		s.end(r, false)
	}
	s.wg.Wait() // for reap and watch, too, which may be ending another one
	return nil
}
