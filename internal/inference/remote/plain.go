package remote

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// A body that fits the buffers of a connection is written before the answer
	// is read. Servers may answer in the middle of a larger one.
	plainBody = 64 << 10
	plainIdle = time.Minute
)

// plain is an http.RoundTripper to one server over HTTP/1.1 without TLS and
// proxies, as model servers on the same network are. It writes a request and
// reads the answer in the goroutine of who asks. http.Transport hands both to two
// others, and on a machine with something else to do each handing over costs as
// much as the whole of a small request.
//
// It is safe for concurrent use.
type plain struct {
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	address string            // host and port
	next    http.RoundTripper // for what is not for it

	mu    sync.Mutex
	idle  []*kept // the latest last
	timer *time.Timer
}

// kept is a connection between two requests or in one.
type kept struct {
	net.Conn
	in    *bufio.Reader
	out   bytes.Buffer
	left  int64 // bytes that the head of an answer may still have; negative: no limit
	since time.Time
}

var errLongHead = errors.New("the head of the answer is too long")

// Read reads from the connection, of a head only so much.
func (k *kept) Read(p []byte) (int, error) {
	if k.left == 0 {
		return 0, errLongHead
	}
	if k.left > 0 && int64(len(p)) > k.left {
		p = p[:k.left]
	}
	n, err := k.Conn.Read(p)
	if k.left > 0 {
		k.left -= int64(n)
	}
	return n, err
}

// RoundTrip implements http.RoundTripper.
func (p *plain) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.ContentLength > plainBody || r.ContentLength < 0 || r.Body != nil && r.GetBody == nil {
		return p.next.RoundTrip(r)
	}
	for {
		k := p.take()
		// What comes while nobody asks (word of a time that is over, or an answer
		// too many) would be taken for the answer to what is asked next.
		if k != nil && !quiet(k.Conn) {
			k.Close()
			continue
		}
		fresh := k == nil
		if fresh {
			c, err := p.dial(r.Context(), "tcp", p.address)
			if err != nil {
				return nil, err
			}
			k = &kept{Conn: c}
			k.in = bufio.NewReaderSize(k, buffer)
		}
		answer, again, err := p.ask(k, r)
		if err == nil {
			return answer, nil
		}
		k.Close()
		// A server closes connections that were idle for its taste when it likes,
		// also while a request is on its way.
		if fresh || !again || r.Context().Err() != nil {
			return nil, err
		}
	}
}

// ask writes a request and reads the head of the answer. again says that the
// connection ended before anything of an answer came.
func (p *plain) ask(k *kept, r *http.Request) (answer *http.Response, again bool, err error) {
	k.out.Reset()
	if err := write(&k.out, r); err != nil {
		return nil, false, err
	}
	// The end of the context ends what waits for the server.
	unhook := context.AfterFunc(r.Context(), func() { _ = k.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if err != nil {
			unhook()
		}
	}()
	_, wrote := k.Write(k.out.Bytes())
	if k.out.Cap() > buffer {
		k.out = bytes.Buffer{}
	}
	k.left = headerLimit
	if _, err := k.in.Peek(1); err != nil {
		// A server that refuses may close before it has read everything: what it
		// says counts more than that it could not be written to.
		if wrote != nil {
			err = wrote
		}
		return nil, !errors.Is(err, errLongHead), err
	}
	for {
		if answer, err = http.ReadResponse(k.in, r); err != nil {
			return nil, false, err
		}
		if answer.StatusCode >= http.StatusOK || answer.StatusCode == http.StatusSwitchingProtocols {
			break // others are followed by the answer
		}
	}
	k.left = -1
	body := &plainAnswer{Reader: answer.Body, p: p, k: k, unhook: unhook, keep: wrote == nil && !answer.Close && answer.StatusCode != http.StatusSwitchingProtocols}
	if answer.ContentLength == 0 {
		body.over()
	}
	answer.Body = body
	return answer, false, nil
}

// write writes a request as it goes over the connection.
func write(out *bytes.Buffer, r *http.Request) error {
	out.WriteString(r.Method)
	out.WriteByte(' ')
	target := r.URL.RequestURI()
	if strings.ContainsFunc(target, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
		return errors.New("the path of the request has characters that cannot be sent")
	}
	out.WriteString(target)
	out.WriteString(" HTTP/1.1\r\nHost: ")
	out.WriteString(r.Host)
	for name, values := range r.Header {
		switch name {
		case "Host", "Content-Length", "Transfer-Encoding", "Trailer":
			continue // they are what the request is, and http.Transport leaves them out as well
		}
		for _, value := range values {
			if strings.ContainsAny(name, "\r\n\x00: ") || strings.ContainsAny(value, "\r\n\x00") {
				return fmt.Errorf("the header %q is not one that can be sent", name)
			}
			out.WriteString("\r\n")
			out.WriteString(name)
			out.WriteString(": ")
			out.WriteString(value)
		}
	}
	if r.Body != nil || r.Method == http.MethodPost {
		out.WriteString("\r\nContent-Length: ")
		out.Write(strconv.AppendInt(out.AvailableBuffer(), r.ContentLength, 10))
	}
	out.WriteString("\r\n\r\n")
	if r.Body == nil {
		return nil
	}
	body, err := r.GetBody() // the request may be written twice
	if err != nil {
		return err
	}
	_, err = out.ReadFrom(body)
	return err
}

// plainAnswer is the body of an answer. Its connection is free again when it was
// read to its end.
type plainAnswer struct {
	io.Reader

	p      *plain
	k      *kept // nil when the answer is over
	unhook func() bool
	keep   bool
}

// Read implements io.Reader.
func (a *plainAnswer) Read(b []byte) (int, error) {
	if a.k == nil {
		return 0, io.EOF
	}
	n, err := a.Reader.Read(b)
	if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		a.over()
		return n, io.EOF
	}
	return n, err
}

// over gives the connection back.
func (a *plainAnswer) over() {
	k := a.k
	if a.k = nil; k == nil {
		return
	}
	// Where the context has ended already the connection has its deadline, and
	// what is in the buffer after an answer is none.
	if !a.unhook() || !a.keep || k.in.Buffered() > 0 {
		k.Close()
		return
	}
	a.p.put(k)
}

// Close implements io.Closer.
func (a *plainAnswer) Close() error {
	a.keep = false
	a.over()
	return nil
}

// take returns the connection that was used last, nil when there is none.
func (p *plain) take() *kept {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	k := p.idle[n-1]
	p.idle[n-1] = nil
	p.idle = p.idle[:n-1]
	return k
}

// put keeps a connection for the next request.
func (p *plain) put(k *kept) {
	k.since = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) >= connections {
		k.Close()
		return
	}
	p.idle = append(p.idle, k)
	if p.timer == nil {
		p.timer = time.AfterFunc(plainIdle, p.reap)
	}
}

// reap closes the connections that nobody has used for a while.
func (p *plain) reap() {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for n < len(p.idle) && time.Since(p.idle[n].since) >= plainIdle {
		p.idle[n].Close()
		n++
	}
	p.idle = append(p.idle[:0:0], p.idle[n:]...)
	if p.timer = nil; len(p.idle) > 0 {
		p.timer = time.AfterFunc(max(plainIdle-time.Since(p.idle[0].since), time.Second), p.reap)
	}
}

// close closes the connections that nobody uses.
func (p *plain) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.idle {
		k.Close()
	}
	p.idle = nil
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
}
