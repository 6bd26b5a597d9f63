package bucket

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/outcrop/outcrop/internal/bucket/gateway"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/sigv4"
)

const (
	// startPatience is how long the process may take until it listens.
	startPatience = 30 * time.Second
	// endPatience is how long it may take to end once it has been told to.
	endPatience = 5 * time.Second
	// maxSocketPath is what every platform takes for the path of a socket, less
	// the name in it.
	maxSocketPath = 100
)

// process is one running gateway. It is never restarted: the next request after
// its end makes a new one.
type process struct {
	stdin     io.Closer
	cmd       *exec.Cmd
	folder    string // of the socket
	transport *http.Transport
	signer    sigv4.Signer
	exited    chan struct{}
	ended     sync.Once
	// lost: its socket has gone, as when somebody cleans up the folder for
	// temporary files. It works on what it has, and nothing new reaches it.
	lost atomic.Bool
}

// start runs the command and returns when it listens.
func start(ctx context.Context, p *Params) (*process, error) {
	if len(p.Command) == 0 {
		return nil, errors.New("nobody has said how to start the process of the buckets")
	}
	dir, err := filepath.Abs(p.Dir)
	if err != nil {
		return nil, fmt.Errorf("find the folder of the buckets: %w", err)
	}
	sideCar, err := filepath.Abs(p.AttributesDir)
	if err != nil {
		return nil, fmt.Errorf("find the folder of the objects' attributes: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the buckets: %w", err)
	}
	folder, err := socketFolder()
	if err != nil {
		return nil, err
	}
	socket := filepath.Join(folder, "s3")
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	cfg := gateway.Config{
		Dir: dir, SideCar: sideCar, Socket: socket, Region: innerRegion,
		AccessKeyID: p.Account, Secret: hex.EncodeToString(secret[:]),
	}
	c := &process{
		folder: folder, exited: make(chan struct{}),
		signer: sigv4.Signer{AccessKeyID: cfg.AccessKeyID, Secret: iam.Secret(cfg.Secret), Region: cfg.Region, Service: "s3"},
	}
	c.transport = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			conn, err := d.DialContext(ctx, "unix", socket)
			if errors.Is(err, fs.ErrNotExist) {
				c.lost.Store(true)
			}
			return conn, err
		},
		MaxIdleConnsPerHost: idleConnections, IdleConnTimeout: time.Minute,
		DisableCompression: true, ReadBufferSize: copyBuffer, WriteBufferSize: copyBuffer,
	}
	if err := c.run(ctx, p, cfg); err != nil {
		_ = os.RemoveAll(folder) // the first error is the one to tell
		return nil, err
	}
	return c, nil
}

func (c *process) run(ctx context.Context, p *Params, cfg gateway.Config) error {
	line, err := json.Marshal(cfg) //nolint:gosec // a pipe to the one process that is to know it
	if err != nil {
		return fmt.Errorf("write the gateway's configuration: %w", err)
	}
	c.cmd = exec.Command(p.Command[0], p.Command[1:]...)
	c.cmd.Env = environment(os.Environ())
	c.cmd.WaitDelay = endPatience
	ready := make(chan struct{})
	last := &lastLine{}
	var once sync.Once
	c.cmd.Stdout = &lines{each: func(line string) {
		if line == gateway.Ready {
			once.Do(func() { close(ready) })
		}
	}}
	c.cmd.Stderr = &lines{each: func(line string) {
		last.set(line)
		p.Logger.Warn("the process of the buckets says", slog.String("line", line))
	}}
	stdin, err := c.cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("start the process of the buckets: %w", err)
	}
	if err := c.cmd.Start(); err != nil {
		return fmt.Errorf("start the process of the buckets: %w", err)
	}
	c.stdin = stdin
	go func() {
		_ = c.cmd.Wait() // how it ended is in its state
		close(c.exited)
	}()
	if _, err := stdin.Write(append(line, '\n')); err != nil {
		c.end(0)
		return fmt.Errorf("the process of the buckets does not listen to us (%s): %w", last, err)
	}
	timer := time.NewTimer(startPatience)
	defer timer.Stop()
	select {
	case <-ready:
		return nil
	case <-c.exited:
		err = errors.New("it has ended: " + c.cmd.ProcessState.String())
	case <-timer.C:
		err = errors.New("it takes too long")
	case <-ctx.Done():
		err = ctx.Err()
	}
	c.end(0)
	return fmt.Errorf("the process of the buckets did not start (%s): %w", last, err)
}

// alive reports whether it may still answer.
func (c *process) alive() bool {
	if c.lost.Load() {
		return false
	}
	select {
	case <-c.exited:
		return false
	default:
		return true
	}
}

// end asks the process to end, waits for patience, kills it, and removes its
// socket. It may be called more than once.
func (c *process) end(patience time.Duration) {
	c.ended.Do(func() {
		_ = c.stdin.Close()
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-c.exited:
		case <-timer.C:
			_ = c.cmd.Process.Kill()
			<-c.exited
		}
		c.transport.CloseIdleConnections()
		_ = os.RemoveAll(c.folder)
	})
}

// socketFolder makes a folder that nobody else may look into, with a path short
// enough for a socket.
func socketFolder() (string, error) {
	parent := os.TempDir()
	if len(parent) > maxSocketPath-len("/outcrop-s3-1234567890/s3") && runtime.GOOS != "windows" {
		parent = "/tmp"
	}
	folder, err := os.MkdirTemp(parent, "outcrop-s3-")
	if err != nil {
		return "", fmt.Errorf("make the folder of the buckets' socket: %w", err)
	}
	return folder, nil
}

// passed are the variables that a Go program may need. Everything else stays
// here: the environment of a server holds secrets.
var passed = []string{"TMPDIR", "TEMP", "TMP", "TZ", "SYSTEMROOT", "WINDIR", "GODEBUG", "GOCOVERDIR", "GOMAXPROCS", "GOTRACEBACK"}

func environment(environ []string) []string {
	env := []string{}
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		for _, p := range passed {
			if strings.EqualFold(name, p) {
				env = append(env, kv)
			}
		}
	}
	return env
}

// maxLine bounds a line of the process's output; the rest of it is dropped.
const maxLine = 1 << 10

// lines hands the lines that are written to it on, without colors.
type lines struct {
	each func(string)
	rest []byte
}

// Write implements io.Writer and never fails.
func (l *lines) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		part, after, whole := bytes.Cut(p, []byte("\n"))
		if room := maxLine - len(l.rest); room > 0 {
			l.rest = append(l.rest, part[:min(room, len(part))]...)
		}
		if p = after; !whole {
			break
		}
		if line := strings.TrimSpace(plain(string(l.rest))); line != "" {
			l.each(line)
		}
		l.rest = l.rest[:0]
	}
	return n, nil
}

// plain removes the sequences that color a terminal's text.
func plain(s string) string {
	for {
		before, after, ok := strings.Cut(s, "\x1b[")
		if !ok {
			return strings.ToValidUTF8(s, "\uFFFD")
		}
		_, after, _ = strings.Cut(after, "m")
		s = before + after
	}
}

// lastLine is the last that a process said, for the error about its end.
type lastLine struct {
	mu   sync.Mutex
	text string
}

func (l *lastLine) set(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = text
}

// String returns it.
func (l *lastLine) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text == "" {
		return "it said nothing"
	}
	return l.text
}
