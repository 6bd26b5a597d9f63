//go:build unix

package managed_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference/managed"
	"github.com/outcrop/outcrop/internal/inference/remote"
	"github.com/outcrop/outcrop/internal/outbound"
)

// The test's own binary plays the model server.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "play-server" {
		play(os.Args[2:])
		return
	}
	os.Exit(m.Run())
}

// play serves until it is told to end. Arguments: where to listen, a file to
// which each start adds a line, and what it does.
func play(args []string) {
	log, err := os.OpenFile(args[1], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	if _, err := fmt.Fprintln(log, os.Getenv("GREETING")); err != nil {
		panic(err)
	}
	if args[2] == "fails" {
		fmt.Fprintln(os.Stderr, "out of memory, it said, and api_key=a-long-secret, threads=2")
		os.Exit(3)
	}
	if args[2] == "slow to end" {
		alone(args[1] + ".lock")
	}
	network, address := "tcp", args[0]
	if strings.HasPrefix(address, "/") {
		network = "unix"
	}
	l, err := net.Listen(network, address)
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	asked := 0
	var mu sync.Mutex
	health := func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if asked++; asked < 3 { // it loads its model
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}
	if args[2] == "models" {
		mux.HandleFunc("/v1/models", health)
	} else {
		mux.HandleFunc("/health", health)
	}
	mux.HandleFunc("/v1/pid", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, os.Getpid()) })
	mux.HandleFunc("/v1/die", func(http.ResponseWriter, *http.Request) { os.Exit(1) })
	_ = http.Serve(l, mux)
}

// alone ends the program where another one runs, as a card does that has no room
// for two, and takes its time to end.
func alone(lock string) {
	f, err := os.OpenFile(lock, os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		panic(err)
	}
	_ = f.Close()
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	go func() {
		<-told
		time.Sleep(100 * time.Millisecond)
		_ = os.Remove(lock)
		os.Exit(0)
	}()
}

type stage struct {
	*managed.Server

	log    string
	socket string
	client *http.Client
}

func open(t *testing.T, what string, change func(*managed.Params)) *stage {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	sockets, err := os.MkdirTemp("", "m") //nolint:usetesting // the names of sockets have to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(sockets) })
	s := &stage{log: filepath.Join(dir, "starts")}
	// A socket: a port that is free now may be somebody else's when the program
	// wants it.
	p := managed.Params{
		Name: "gpu", Command: []string{self, "play-server", "{socket}", s.log, what}, Env: append(os.Environ(), "GREETING=hello"),
		Socket: filepath.Join(sockets, "gpu.sock"), Dialer: outbound.New(outbound.Params{Offline: true}), Logger: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&p)
	}
	s.socket = p.Socket
	if s.Server, err = managed.New(p); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.client = &http.Client{Transport: &http.Transport{DialContext: s.DialContext, DisableKeepAlives: true}}
	return s
}

func (s *stage) get(t *testing.T, path string) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func (s *stage) starts(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(s.log)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(text), "hello\n")
}

// eventually waits for something that another process does; the test's own time
// is the limit.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for !holds() {
		select {
		case <-t.Context().Done():
			t.Fatalf("waited for %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestManyRequestsStartOneServer(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"health", "models"} {
		s := open(t, what, nil)
		if s.Running() {
			t.Error("it runs before anybody asked")
		}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := s.get(t, "/pid"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := s.starts(t); n != 1 {
			t.Errorf("%s: got %d starts, want 1", what, n)
		}
	}
}

func TestPort(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := time.Now()
	s := open(t, "health", func(p *managed.Params) {
		p.Command[2] = "127.0.0.1:{port}"
		p.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); now = now.Add(time.Hour); return now }
	})
	// Whose port somebody else has taken meanwhile gets another one.
	eventually(t, "an answer", func() bool { pid, err := s.get(t, "/pid"); return err == nil && pid != "" })
}

// Two servers with one name of a socket, as when a reload replaces one that still
// has requests, do not take it from each other.
func TestSocketOfItsOwn(t *testing.T) {
	t.Parallel()
	old := open(t, "health", nil)
	first, err := old.get(t, "/pid")
	if err != nil {
		t.Fatal(err)
	}
	next := open(t, "health", func(p *managed.Params) { p.Socket = old.socket })
	second, err := next.get(t, "/pid")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := old.get(t, "/pid"); err != nil || again != first || again == second {
		t.Errorf("got %q, %v from the old one, want %q; the new one is %q", again, err, first, second)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	if again, err := next.get(t, "/pid"); err != nil || again != second {
		t.Errorf("after the end of the old one: got %q, %v, want %q", again, err, second)
	}
	if err := next.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Dir(old.socket) + "/*"); err != nil || len(left) > 0 {
		t.Errorf("got %v, %v left over", left, err)
	}
}

// A server that ended is started again, when it is asked or by itself.
func TestStartsAgain(t *testing.T) {
	t.Parallel()
	for _, eager := range []bool{false, true} {
		var mu sync.Mutex
		now := time.Now()
		s := open(t, "health", func(p *managed.Params) {
			p.Eager = eager
			p.Now = func() time.Time { // every look is an hour later: no pause is long
				mu.Lock()
				defer mu.Unlock()
				now = now.Add(time.Hour)
				return now
			}
		})
		eventually(t, "the first start", func() bool { pid, err := s.get(t, "/pid"); return err == nil && pid != "" })
		if _, err := s.get(t, "/die"); err == nil {
			t.Error("it died and answered")
		}
		if eager {
			eventually(t, "a second start by itself", func() bool { return s.starts(t) > 1 && s.Running() })
		}
		eventually(t, "the second start", func() bool { _, err := s.get(t, "/pid"); return err == nil })
		if n := s.starts(t); n != 2 {
			t.Errorf("eager %v: got %d starts, want 2", eager, n)
		}
	}
}

// A program that ends at once is not started again for every request.
func TestFailingProgram(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	var mu sync.Mutex
	s := open(t, "fails", func(p *managed.Params) {
		now := time.Now()
		p.Now = func() time.Time { return now }
		p.Secrets = []string{"a-long-secret", "2", ""}
		p.Logger = slog.New(slog.NewTextHandler(writer(func(b []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			return log.Write(b)
		}), nil))
	})
	for range 10 {
		_, err := s.get(t, "/pid")
		if !fault.Is(err, fault.Unavailable) {
			t.Fatalf("got %v, want %v", err, fault.Unavailable)
		}
		if text := fault.As(err).Message; !strings.Contains(text, "gpu") || strings.Contains(text, "memory") {
			t.Errorf("got the message %q", text)
		}
	}
	if n := s.starts(t); n != 1 {
		t.Errorf("got %d starts, want 1", n)
	}
	mu.Lock()
	defer mu.Unlock()
	if !strings.Contains(log.String(), "out of memory, it said") {
		t.Errorf("the log does not say why: %s", log.String())
	}
	if !strings.Contains(log.String(), "api_key=(hidden), threads=2") {
		t.Errorf("the log has a secret, or hides a setting: %s", log.String())
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

func TestMissingProgram(t *testing.T) {
	t.Parallel()
	s := open(t, "health", func(p *managed.Params) { p.Command[0] = "/nowhere/llama-server" })
	if _, err := s.get(t, "/pid"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v, want %v", err, fault.Unavailable)
	}
}

// A server that nobody asks is stopped, but never under an open connection.
func TestIdle(t *testing.T) {
	t.Parallel()
	s := open(t, "health", func(p *managed.Params) { p.IdleTimeout = time.Millisecond })
	conn, err := s.DialContext(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	pid, err := s.get(t, "/pid")
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the stop", func() bool { return !s.Running() })
	again, err := s.get(t, "/pid")
	if err != nil {
		t.Fatal(err)
	}
	if pid == again {
		t.Error("it was not stopped")
	}
}

// Who comes while one is being stopped gets the next one, once that has ended.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	s := open(t, "slow to end", func(p *managed.Params) { p.IdleTimeout = time.Millisecond })
	for range 3 {
		if _, err := s.get(t, "/pid"); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the stop", func() bool { return !s.Running() })
	}
}

func TestCloseStopsTheProgram(t *testing.T) {
	t.Parallel()
	s := open(t, "health", nil)
	pid, err := s.get(t, "/pid")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	n, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := os.FindProcess(n); err == nil && p.Signal(syscall.Signal(0)) == nil {
		t.Errorf("process %d still runs", n)
	}
	if _, err := s.DialContext(context.Background(), "", ""); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v, want %v", err, fault.Unavailable)
	}
}

func TestWhatCannotWork(t *testing.T) {
	t.Parallel()
	for _, p := range []managed.Params{
		{},
		{Command: []string{"llama-server", "--port", "8080"}},
		{Command: []string{"llama-server"}, URL: "http://127.0.0.1:{port}"},
		{Command: []string{"llama-server", "{port}"}, URL: "nothing"},
	} {
		if s, err := managed.New(p); err == nil {
			t.Errorf("%+v: got no error", p)
			_ = s.Close()
		}
	}
}

// What asks model servers uses a managed one by its connections, and ends it.
func TestBehindAClient(t *testing.T) {
	t.Parallel()
	s := open(t, "health", nil)
	c, err := remote.New(remote.Params{Name: "gpu", URL: s.URL(), Dialer: outbound.New(outbound.Params{}), Server: s, Connect: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	if !c.Asleep() {
		t.Error("it runs before anybody asked")
	}
	for range 2 {
		resp, err := c.Do(t.Context(), http.MethodGet, "/pid", nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp); err != nil {
			t.Error(err)
		}
		if err := resp.Close(); err != nil {
			t.Error(err)
		}
	}
	if c.Asleep() || s.starts(t) != 1 {
		t.Errorf("asleep %v after %d starts, want one that is awake", c.Asleep(), s.starts(t))
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if s.Running() {
		t.Error("it runs after the end of its client")
	}
}
