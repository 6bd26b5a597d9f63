// Command launch runs a command against a running Outcrop.
//
// It starts the binary on a free port with an empty data folder, waits until it
// is ready, sets the environment that "outcrop env" prints, runs the command,
// and stops the server. The server is started offline: engine and models have
// to be in the models folder already. A server that dies meanwhile, or does not
// stop cleanly, is a failure even when the command liked it.
//
// The Makefile calls it, once for each client's test suite.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	readyTimeout = 2 * time.Minute
	stopTimeout  = 20 * time.Second
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "launch:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("launch", flag.ContinueOnError)
	bin := flags.String("bin", "bin/outcrop", "the binary")
	models := flags.String("models", "", "folder of the engine and the models")
	logs := flags.String("log", os.TempDir(), "folder for the server's log")
	script := flags.String("script", "", "file of rules that answers for every model; empty: the models do")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("usage: launch [flags] -- command")
	}
	// The command may run in another folder than this one.
	for _, path := range []*string{bin, models, logs, script} {
		if *path == "" {
			continue
		}
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	data, err := os.MkdirTemp("", "outcrop-test-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
	srv, err := start(*bin, data, *models, *logs, *script)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	if err := srv.waitReady(ctx); err != nil {
		return err
	}
	env, err := srv.clientEnv(ctx)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, flags.Arg(0), flags.Args()[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = env
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
	return cmd.Run()
}

// server is one running Outcrop.
type server struct {
	bin, data, models, address, log string
	env                             []string
	cmd                             *exec.Cmd
	done                            chan struct{} // closed when the process has ended
	err                             error         // how it ended, after done
}

func start(bin, data, models, logs, script string) (*server, error) {
	// The port is free now, and nothing else on a test machine takes one from
	// the ephemeral range by its number.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{bin: bin, data: data, models: models, address: listener.Addr().String(), done: make(chan struct{})}
	if err := listener.Close(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(logs, "server-*.log")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	s.log = file.Name()
	s.env = cleanEnv(os.Environ())
	if coverage := filepath.Join(filepath.Dir(logs), "coverage"); os.MkdirAll(coverage, 0o755) == nil {
		s.env = append(s.env, "GOCOVERDIR="+coverage)
	}
	// In the environment, so that every outcrop command a test runs means this
	// server.
	s.env = append(s.env, "OUTCROP_LISTEN="+s.address, "OUTCROP_DATA="+data, "OUTCROP_MODELS="+models,
		"OUTCROP_INVOCATION_LOGS_INTERVAL=100ms") // tests wait for what is in a bucket
	if script != "" {
		s.env = append(s.env, "OUTCROP_SCRIPT="+script)
	}
	s.cmd = exec.Command(bin, "serve", "--offline")
	s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = s.env, file, file
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.done)
	}()
	return s, nil
}

func (s *server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-s.done:
			return fmt.Errorf("the server ended before it was ready: %w\n%s", s.err, s.logTail())
		case <-ctx.Done():
			return fmt.Errorf("the server did not get ready: %w\n%s", ctx.Err(), s.logTail())
		case <-tick.C:
			if s.ready(ctx) {
				return nil
			}
		}
	}
}

func (s *server) ready(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+"/health/ready", nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body) // so that the connection is reused
	return res.StatusCode == http.StatusOK
}

// clientEnv is the environment of a client: what "outcrop env" says, and what
// the tests need to know about the server itself.
func (s *server) clientEnv(ctx context.Context) ([]string, error) {
	cmd := exec.CommandContext(ctx, s.bin, "env")
	cmd.Env = s.env
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("outcrop env: %w: %s", err, stderr.String())
	}
	exports := parseExports(string(out))
	if len(exports) == 0 {
		return nil, fmt.Errorf("outcrop env printed no exports: %q", out)
	}
	env := append([]string{}, s.env...)
	env = append(env, exports...)
	return append(env,
		// Nothing of the user's own AWS set-up may reach a test.
		"AWS_CONFIG_FILE="+filepath.Join(s.data, "no-config"),
		"AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(s.data, "no-credentials"),
		"AWS_EC2_METADATA_DISABLED=true",
		"TESTED_BINARY="+s.bin,
		"TESTED_ADDRESS="+s.address,
		fmt.Sprintf("TESTED_PID=%d", s.cmd.Process.Pid),
		"TESTED_LOG="+s.log,
	), nil
}

// stop ends the server as a service manager would, and says so when it had died
// before, or does not stop well.
func (s *server) stop() error {
	select {
	case <-s.done:
		return fmt.Errorf("the server died during the tests: %w\n%s", s.err, s.logTail())
	default:
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	timeout := time.NewTimer(stopTimeout)
	defer timeout.Stop()
	select {
	case <-s.done:
		if s.err != nil {
			return fmt.Errorf("the server did not stop cleanly: %w\n%s", s.err, s.logTail())
		}
		return nil
	case <-timeout.C:
		killErr := s.cmd.Process.Kill()
		<-s.done
		return errors.Join(fmt.Errorf("the server did not stop within %s\n%s", stopTimeout, s.logTail()), killErr)
	}
}

func (s *server) logTail() string {
	const lines = 40
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// parseExports reads lines of the form export NAME='value' as a shell would,
// quotes without escapes inside.
func parseExports(text string) []string {
	var env []string
	for line := range strings.Lines(text) {
		assignment, ok := strings.CutPrefix(strings.TrimSpace(line), "export ")
		if !ok {
			continue
		}
		name, value, ok := strings.Cut(assignment, "=")
		if !ok {
			continue
		}
		if n := len(value); n >= 2 && (value[0] == '\'' || value[0] == '"') && value[n-1] == value[0] {
			value = value[1 : n-1]
		}
		env = append(env, name+"="+value)
	}
	return env
}

// cleanEnv drops what would change a client's or the server's behaviour: AWS
// settings and Outcrop's own. Proxies must not stand between the two either.
func cleanEnv(environ []string) []string {
	var env []string
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		switch {
		case strings.HasPrefix(name, "AWS_"), strings.HasPrefix(name, "OUTCROP_"),
			strings.EqualFold(name, "http_proxy"), strings.EqualFold(name, "https_proxy"), strings.EqualFold(name, "all_proxy"):
			continue
		}
		env = append(env, kv)
	}
	return env
}
