package llamacpp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/runner/protocol"
	"github.com/outcrop/outcrop/internal/subprocess"
)

// child is one running process with a loaded model. It is never restarted: a
// worker makes a new one.
type child struct {
	cmd     *exec.Cmd
	stdin   io.Closer
	sender  *protocol.Sender
	info    protocol.Loaded
	stderr  *subprocess.Tail
	drained chan struct{} // closed when nobody reads frames any more
	exited  chan struct{} // closed by the reaper
	done    chan struct{} // closed when no frame comes any more, and why is set
	why     error         // after done

	mu     sync.Mutex
	calls  map[uint32]*pending
	lastID uint32
}

// pending is a request that the child works on. Frames wait in it until its
// client takes them, so that a slow client holds nobody else up; an answer is
// small.
type pending struct {
	id     uint32
	over   bool // the child has nothing more to say
	wake   chan struct{}
	mu     sync.Mutex
	frames []protocol.Frame
}

// start runs the command and returns when the model is loaded. It fails when
// there is no sign of life for silence, or ctx ends.
func start(ctx context.Context, command, env []string, load protocol.Load, silence time.Duration) (*child, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = env
	cmd.SysProcAttr = subprocess.Attributes()
	cmd.WaitDelay = silence // for a grandchild that keeps standard error open
	c := &child{
		cmd: cmd, stderr: &subprocess.Tail{},
		drained: make(chan struct{}), exited: make(chan struct{}), done: make(chan struct{}),
		calls: make(map[uint32]*pending),
	}
	cmd.Stderr = c.stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.stdin = stdin
	if err := c.spawn(); err != nil {
		return nil, err
	}
	c.sender = protocol.NewSender(stdin)
	r := bufio.NewReaderSize(stdout, 64<<10)
	loaded := make(chan error, 1)
	alive := make(chan struct{}, 1)
	go c.read(r, load, alive, loaded)
	timer := time.NewTimer(silence)
	defer timer.Stop()
	for {
		select {
		case err = <-loaded:
			if err != nil {
				c.kill()
				return nil, c.explain(err)
			}
			return c, nil
		case <-alive:
			timer.Reset(silence)
			continue
		case <-timer.C:
			err = errSilent
		case <-ctx.Done():
			err = ctx.Err()
		}
		c.kill()
		return nil, c.explain(err)
	}
}

// spawn starts the process. Frames are read from a pipe that waiting closes.
func (c *child) spawn() error {
	return subprocess.Start(c.cmd, c.drained, func() {
		c.stderr.End(c.cmd.ProcessState.String())
		close(c.exited)
	})
}

// handshake says what to load and waits until it is.
func (c *child) handshake(r io.Reader, load protocol.Load, alive chan<- struct{}) error {
	f, err := protocol.Read(r)
	if err != nil {
		return err
	}
	var hello protocol.Hello
	if f.Kind != protocol.KindHello || f.Decode(&hello) != nil || hello.Version != protocol.Version {
		return fmt.Errorf("the runner speaks version %d of the protocol, want %d", hello.Version, protocol.Version)
	}
	if err := c.sender.AddJSON(protocol.KindLoad, 0, load); err != nil {
		return err
	}
	for {
		f, err := protocol.Read(r)
		if err != nil {
			return err
		}
		switch f.Kind {
		case protocol.KindProgress:
			select {
			case alive <- struct{}{}:
			default:
			}
		case protocol.KindLoaded:
			return f.Decode(&c.info)
		case protocol.KindFailed:
			var failed protocol.Failed
			if err := f.Decode(&failed); err != nil {
				return err
			}
			return failed.Err()
		default:
			return fmt.Errorf("a frame of kind %d while loading", f.Kind)
		}
	}
}

// read does the handshake, reports its outcome, and hands frames to the
// requests that they belong to until there are none.
func (c *child) read(r io.Reader, load protocol.Load, alive chan<- struct{}, loaded chan<- error) {
	err := c.handshake(r, load, alive)
	loaded <- err
	if err != nil {
		close(c.drained)
		return
	}
	for {
		var f protocol.Frame
		if f, err = protocol.Read(r); err != nil {
			break
		}
		c.mu.Lock()
		p := c.calls[f.ID]
		c.mu.Unlock()
		if p == nil {
			continue // canceled
		}
		p.mu.Lock()
		p.frames = append(p.frames, f)
		p.mu.Unlock()
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
	close(c.drained)
	if !errors.Is(err, io.EOF) {
		c.kill() // it does not make sense any more
	}
	c.why = &errGone{c.explain(err)}
	close(c.done)
}

// explain adds how the process ended and its last words to an error, once the
// process has ended.
func (c *child) explain(err error) error {
	<-c.exited
	return fmt.Errorf("%w (%s)", err, c.stderr)
}

// open sends a request. It fails when most requests are under way already, or
// the child is gone.
func (c *child) open(kind protocol.Kind, payload any, most int) (*pending, error) {
	p := &pending{wake: make(chan struct{}, 1)}
	c.mu.Lock()
	if len(c.calls) >= most {
		c.mu.Unlock()
		return nil, queueFull()
	}
	c.lastID++
	p.id = c.lastID
	c.calls[p.id] = p
	c.mu.Unlock()
	if err := c.send(kind, p.id, payload); err != nil {
		c.close(p)
		return nil, &errGone{err}
	}
	return p, nil
}

func (c *child) send(kind protocol.Kind, id uint32, payload any) error {
	if texts, ok := payload.(protocol.CountTexts); ok {
		return c.sender.Add(func(dst []byte) []byte { return protocol.AppendCountTexts(dst, id, texts) })
	}
	return c.sender.AddJSON(kind, id, payload)
}

// close ends a request; one that is not over yet is canceled.
func (c *child) close(p *pending) {
	c.mu.Lock()
	delete(c.calls, p.id)
	c.mu.Unlock()
	if !p.over {
		_ = c.sender.Add(func(dst []byte) []byte {
			return protocol.Append(dst, protocol.KindCancel, p.id, nil)
		})
	}
}

// next waits for the request's next frame. What the child has sent before its
// end is still handed out.
func (p *pending) next(ctx context.Context, c *child) (protocol.Frame, error) {
	for {
		if err := ctx.Err(); err != nil {
			return protocol.Frame{}, err
		}
		if f, ok := p.take(); ok {
			return f, nil
		}
		select {
		case <-p.wake:
		case <-ctx.Done():
		case <-c.done:
			if f, ok := p.take(); ok {
				return f, nil
			}
			return protocol.Frame{}, c.why
		}
	}
}

func (p *pending) take() (protocol.Frame, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.frames) == 0 {
		return protocol.Frame{}, false
	}
	f := p.frames[0]
	p.frames[0] = protocol.Frame{}
	p.frames = p.frames[1:]
	return f, true
}

// alive reports whether frames may still come.
func (c *child) alive() bool {
	select {
	case <-c.done:
		return false
	case <-c.exited:
		return false
	default:
		return true
	}
}

// end asks the process to end, waits for patience, and kills it.
func (c *child) end(patience time.Duration) {
	go c.sender.Close() // a stuck pipe must not hold us up
	_ = c.stdin.Close()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-c.exited:
	case <-timer.C:
		c.kill()
	}
}

// kill ends the process now and waits for it.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	<-c.exited
}
