// Package dualstack serves plain HTTP and TLS on one port: the first byte that
// a client sends tells which it speaks. Clients that refuse to send a bearer
// key over plain HTTP, and clients that were told an http:// address, then use
// the same endpoint.
//
// It is a net.Listener, not a server: one http.Server serves what Accept
// returns. A TLS connection comes out as a *tls.Conn, which is how net/http
// recognises one and finds the protocol that was negotiated; any other comes
// out as it is, for HTTP/1.1 or HTTP/2 with prior knowledge. Protocols returns
// the setting that the http.Server needs. Package app calls it.
//
// What always holds: Accept never waits for a client to speak, a client that
// stays silent is disconnected, and Close leaves no goroutine and no connection
// that Accept has not handed out.
package dualstack

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// recordHandshake is the first byte of every TLS connection: the content type
// of a handshake record (RFC 8446, section 5.1). No HTTP method starts with it.
const recordHandshake = 0x16

// DefaultFirstByteTimeout is how long a client may stay silent.
const DefaultFirstByteTimeout = 10 * time.Second

// Params are the optional parts of a listener.
type Params struct {
	// TLS is the configuration of TLS connections; without one every connection
	// is taken for plain HTTP. It is cloned, and offers h2 and http/1.1 where it
	// names no protocols itself.
	TLS *tls.Config
	// TLSOnly refuses connections that are not TLS.
	TLSOnly bool
	// FirstByteTimeout is how long a client may stay silent before it is
	// disconnected; 0 is DefaultFirstByteTimeout. Later silence is the
	// http.Server's business (ReadHeaderTimeout bounds the TLS handshake, too).
	FirstByteTimeout time.Duration
}

// Protocols returns what an http.Server behind a listener should speak:
// HTTP/1.1 and HTTP/2, the latter with and without TLS.
func Protocols() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true)
	return &p
}

// Listener is a net.Listener for plain and TLS connections. Its methods are
// safe for concurrent use.
type Listener struct {
	inner   net.Listener
	tls     *tls.Config
	tlsOnly bool
	timeout time.Duration

	ready chan net.Conn // told apart, waiting for Accept
	fails chan error    // of the inner Accept
	ctx   context.Context
	stop  context.CancelFunc
	wg    sync.WaitGroup

	mu      sync.Mutex
	silent  map[net.Conn]struct{} // whose first byte has not come; nil when closed
	closing error                 // what the inner Close returned
}

// New returns a listener over inner and starts accepting. The caller closes it,
// which closes inner.
func New(inner net.Listener, p Params) *Listener {
	l := &Listener{
		inner:   inner,
		tlsOnly: p.TLSOnly,
		timeout: p.FirstByteTimeout,
		ready:   make(chan net.Conn),
		fails:   make(chan error),
		silent:  make(map[net.Conn]struct{}),
	}
	if l.timeout <= 0 {
		l.timeout = DefaultFirstByteTimeout
	}
	if p.TLS != nil {
		l.tls = p.TLS.Clone()
		if len(l.tls.NextProtos) == 0 {
			l.tls.NextProtos = []string{"h2", "http/1.1"}
		}
	}
	l.ctx, l.stop = context.WithCancel(context.Background())
	l.wg.Go(l.accept)
	return l
}

// Accept returns the next connection whose first byte has arrived. Errors are
// those of the inner listener; after Close it is net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	// First, so that a closed listener never hands out a connection that was
	// still waiting.
	if l.ctx.Err() != nil {
		return nil, net.ErrClosed
	}
	select {
	case conn := <-l.ready:
		return conn, nil
	case err := <-l.fails:
		return nil, err
	case <-l.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Addr returns the inner listener's address.
func (l *Listener) Addr() net.Addr { return l.inner.Addr() }

// Close stops listening, disconnects the clients that Accept has not returned
// and waits for the goroutines. It may be called more than once.
func (l *Listener) Close() error {
	l.mu.Lock()
	if l.silent != nil {
		l.stop()
		l.closing = l.inner.Close()
		for conn := range l.silent {
			conn.Close()
		}
		l.silent = nil
	}
	err := l.closing
	l.mu.Unlock()
	l.wg.Wait()
	return err
}

func (l *Listener) accept() {
	for {
		conn, err := l.inner.Accept()
		if errors.Is(err, net.ErrClosed) {
			l.stop()
			return
		}
		if err != nil {
			// Whoever calls Accept decides what an error means: http.Server
			// waits after a temporary one, which holds this loop back as well.
			select {
			case l.fails <- err:
			case <-l.ctx.Done():
				return
			}
			continue
		}
		if !l.hold(conn) {
			conn.Close()
			return
		}
		l.wg.Go(func() { l.tell(conn) })
	}
}

// hold remembers a silent connection for Close; false means closed.
func (l *Listener) hold(conn net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.silent == nil {
		return false
	}
	l.silent[conn] = struct{}{}
	return true
}

// tell waits for the first byte and hands the connection to Accept.
func (l *Listener) tell(conn net.Conn) {
	p := &peeked{Conn: conn}
	err := conn.SetReadDeadline(time.Now().Add(l.timeout))
	if err == nil {
		_, err = conn.Read(p.first[:])
	}
	if err == nil {
		err = conn.SetReadDeadline(time.Time{})
	}
	l.mu.Lock()
	delete(l.silent, conn)
	l.mu.Unlock()
	if err != nil {
		conn.Close()
		return
	}
	var out net.Conn = p
	switch {
	case l.tls != nil && p.first[0] == recordHandshake:
		out = tls.Server(p, l.tls)
	case l.tlsOnly:
		refuse(p)
		return
	}
	select {
	case l.ready <- out:
	case <-l.ctx.Done():
		conn.Close()
	}
}

// peeked gives the first byte back to whoever reads the connection.
type peeked struct {
	net.Conn
	first [1]byte
	given bool // by the one goroutine that may read
}

func (p *peeked) Read(b []byte) (int, error) {
	if p.given {
		return p.Conn.Read(b)
	}
	if len(b) == 0 {
		return 0, nil
	}
	p.given = true
	return copy(b, p.first[:]), nil
}

// CloseWrite lets net/http end an answer without cutting off what it sent last.
func (p *peeked) CloseWrite() error {
	if c, ok := p.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}

var (
	_ net.Listener = (*Listener)(nil)
	_ net.Conn     = (*peeked)(nil)
)
