package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

const (
	liveTimeout  = 30 * time.Second
	readyTimeout = 2 * time.Minute
	stopTimeout  = 20 * time.Second

	accessKey = "AKIAOUTCROPBENCH0001"
	secretKey = "bench/secret/of/a/server/that/lives/a/minute"
)

// server is one running Outcrop.
type server struct {
	address string
	log     string
	started time.Time
	cmd     *exec.Cmd
	done    chan struct{} // closed when the process has ended
	err     error         // how it ended, after done
	client  *http.Client
}

// start runs the binary with a data folder, which may have been used before.
func start(o options, data string) (*server, error) {
	// The port is free now, and nothing else takes one from the ephemeral range
	// by its number.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	log, err := os.CreateTemp(filepath.Dir(data), "server-*.log")
	if err != nil {
		return nil, err
	}
	defer log.Close()

	args := []string{"serve", "--offline", "--listen", address, "--data", data}
	if o.models != "" {
		args = append(args, "--models", o.models)
	}
	cmd := exec.Command(o.bin, args...)
	cmd.Env = append(withoutOutcrop(os.Environ()),
		"OUTCROP_ROOT_ACCESS_KEY_ID="+accessKey, "OUTCROP_ROOT_SECRET_ACCESS_KEY="+secretKey)
	cmd.Dir = data // so that no outcrop.yaml of the working directory counts
	cmd.Stdout, cmd.Stderr = log, log
	s := &server{
		address: address, log: log.Name(), cmd: cmd, done: make(chan struct{}),
		// One connection, as a client's keep-alive has it.
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}},
	}
	s.started = time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		s.err = cmd.Wait()
		close(s.done)
	}()
	return s, nil
}

// withoutOutcrop drops the caller's own settings: they would be measured, too.
func withoutOutcrop(env []string) []string {
	var kept []string
	for _, v := range env {
		if !strings.HasPrefix(v, "OUTCROP_") {
			kept = append(kept, v)
		}
	}
	return kept
}

// wait polls a health path until it answers 200.
func (s *server) wait(ctx context.Context, path string, every, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if s.get(ctx, path) == nil {
			return nil
		}
		select {
		case <-s.done:
			return fmt.Errorf("the server ended: %w\n%s", s.err, s.tail())
		case <-ctx.Done():
			return fmt.Errorf("GET %s: %w\n%s", path, ctx.Err(), s.tail())
		case <-tick.C:
		}
	}
}

func (s *server) get(ctx context.Context, path string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+path, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}

// residentMiB is the resident memory of the server process itself; models live
// in child processes.
func (s *server) residentMiB(ctx context.Context) (float64, error) {
	if runtime.GOOS == "linux" {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
		if err != nil {
			return 0, err
		}
		return residentOf(string(status))
	}
	out, err := exec.CommandContext(ctx, "ps", "-o", "rss=", "-p", strconv.Itoa(s.cmd.Process.Pid)).Output()
	if err != nil {
		return 0, fmt.Errorf("ps: %w", err)
	}
	kib, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	return kib / 1024, err
}

func residentOf(status string) (float64, error) {
	for line := range strings.Lines(status) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			return kib / 1024, err
		}
	}
	return 0, errors.New("the process status has no VmRSS")
}

// stop ends the server as a service manager would.
func (s *server) stop() error {
	s.client.CloseIdleConnections()
	select {
	case <-s.done:
		return fmt.Errorf("the server had ended: %w\n%s", s.err, s.tail())
	default:
	}
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		return errors.Join(err, s.cmd.Process.Kill())
	}
	select {
	case <-s.done:
		if s.err != nil {
			return fmt.Errorf("the server did not stop cleanly: %w\n%s", s.err, s.tail())
		}
		return nil
	case <-time.After(stopTimeout):
		return errors.Join(errors.New("the server did not stop"), s.cmd.Process.Kill())
	}
}

// tail is the end of the server's log, for error messages.
func (s *server) tail() string {
	log, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	if len(log) > 4000 {
		log = log[len(log)-4000:]
	}
	return string(log)
}
