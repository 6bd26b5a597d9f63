package dualstack

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"
)

// certificate makes a self-signed certificate for 127.0.0.1.
func certificate(t *testing.T) (server *tls.Config, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, roots
}

func listen(t *testing.T, p Params) *Listener {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := New(inner, p)
	t.Cleanup(func() { l.Close() })
	return l
}

// serve runs one http.Server that answers with the protocol it was asked in.
func serve(t *testing.T, l *Listener) {
	t.Helper()
	srv := &http.Server{
		Protocols:         Protocols(),
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			scheme := "http"
			if r.TLS != nil {
				scheme = "https"
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				panic(err)
			}
			io.WriteString(w, scheme+" "+r.Proto+" "+string(body))
		}),
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		srv.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: got %v want %v", err, http.ErrServerClosed)
		}
	})
}

func client(t *testing.T, roots *x509.CertPool, set func(*http.Protocols)) *http.Client {
	t.Helper()
	var protocols http.Protocols
	set(&protocols)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, Protocols: &protocols}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

func get(t *testing.T, c *http.Client, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestOnePortSpeaksEverything(t *testing.T) {
	t.Parallel()
	config, roots := certificate(t)
	l := listen(t, Params{TLS: config})
	serve(t, l)
	for _, tc := range []struct {
		name, scheme string
		protocols    func(*http.Protocols)
		want         string
	}{
		{"plain HTTP/1.1", "http", func(p *http.Protocols) { p.SetHTTP1(true) }, "http HTTP/1.1 "},
		{"plain HTTP/2", "http", func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }, "http HTTP/2.0 "},
		{"TLS HTTP/1.1", "https", func(p *http.Protocols) { p.SetHTTP1(true) }, "https HTTP/1.1 "},
		{"TLS HTTP/2", "https", func(p *http.Protocols) { p.SetHTTP2(true) }, "https HTTP/2.0 "},
		{"TLS, both offered", "https", func(p *http.Protocols) { p.SetHTTP1(true); p.SetHTTP2(true) }, "https HTTP/2.0 "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := client(t, roots, tc.protocols)
			url := tc.scheme + "://" + l.Addr().String() + "/"
			for range 3 { // the later ones on the kept connection
				if got := get(t, c, url); got != tc.want {
					t.Errorf("got %q want %q", got, tc.want)
				}
			}
		})
	}
}

func TestWithoutTLSEverythingIsPlain(t *testing.T) {
	t.Parallel()
	l := listen(t, Params{})
	serve(t, l)
	c := client(t, nil, func(p *http.Protocols) { p.SetHTTP1(true) })
	if got, want := get(t, c, "http://"+l.Addr().String()), "http HTTP/1.1 "; got != want {
		t.Errorf("got %q want %q", got, want)
	}
	if _, err := client(t, nil, func(p *http.Protocols) { p.SetHTTP1(true) }).Get("https://" + l.Addr().String()); err == nil {
		t.Error("TLS: got an answer want an error")
	}
}

// The protocols of the caller's own configuration stay, and the configuration
// itself is not changed.
func TestKeepsTheConfiguredProtocols(t *testing.T) {
	t.Parallel()
	config, roots := certificate(t)
	config.NextProtos = []string{"http/1.1"}
	l := listen(t, Params{TLS: config})
	serve(t, l)
	c := client(t, roots, func(p *http.Protocols) { p.SetHTTP1(true); p.SetHTTP2(true) })
	if got, want := get(t, c, "https://"+l.Addr().String()), "https HTTP/1.1 "; got != want {
		t.Errorf("got %q want %q", got, want)
	}
	if len(config.NextProtos) != 1 {
		t.Errorf("got protocols %q want them unchanged", config.NextProtos)
	}
}

func dial(t *testing.T, l *Listener) net.Conn {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// disconnected waits until the server has closed the connection.
func disconnected(t *testing.T, conn net.Conn) {
	t.Helper()
	n, err := conn.Read(make([]byte, 1))
	if n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %d bytes and %v want to be disconnected", n, err)
	}
}

func TestSilentClientIsDisconnected(t *testing.T) {
	t.Parallel()
	l := listen(t, Params{FirstByteTimeout: 20 * time.Millisecond})
	serve(t, l)
	disconnected(t, dial(t, l))
}

// Once the first byte is there the listener's own time limit is over.
func TestTimeLimitEndsWithTheFirstByte(t *testing.T) {
	t.Parallel()
	l := listen(t, Params{FirstByteTimeout: 10 * time.Second})
	conn := dial(t, l)
	if _, err := conn.Write([]byte("GET")); err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	// The last read waits for a byte that comes only after the others were seen.
	for _, want := range []string{"GET", " / "} {
		got := make([]byte, len(want))
		if _, err := io.ReadFull(accepted, got); err != nil || string(got) != want {
			t.Fatalf("got %q, %v want %q", got, err, want)
		}
		if _, err := conn.Write([]byte(" / ")); err != nil {
			t.Fatal(err)
		}
	}
	if err := accepted.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Errorf("CloseWrite: %v", err)
	}
	disconnected(t, conn)
}

func TestThousandIdleConnections(t *testing.T) {
	t.Parallel()
	config, roots := certificate(t)
	l := listen(t, Params{TLS: config, FirstByteTimeout: 3 * time.Second})
	serve(t, l)
	idle := make([]net.Conn, 1000)
	for i := range idle {
		idle[i] = dial(t, l)
	}
	c := client(t, roots, func(p *http.Protocols) { p.SetHTTP2(true) })
	if got, want := get(t, c, "https://"+l.Addr().String()), "https HTTP/2.0 "; got != want {
		t.Errorf("got %q want %q", got, want)
	}
	var wg sync.WaitGroup
	for _, conn := range idle {
		wg.Go(func() { disconnected(t, conn) })
	}
	wg.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.silent) != 0 {
		t.Errorf("got %d connections still held want 0", len(l.silent))
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	l := listen(t, Params{})
	silent, spoken := dial(t, l), dial(t, l)
	if _, err := spoken.Write([]byte("GET")); err != nil {
		t.Fatal(err)
	}
	// A third one is accepted first, so that the two above are known to be held
	// or waiting: the kernel hands connections out in order.
	third := dial(t, l)
	if _, err := third.Write([]byte("GET")); err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()

	waiting := make(chan error, 1)
	second, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
	go func() {
		_, err := l.Accept()
		waiting <- err
	}()
	if err := l.Close(); err != nil {
		t.Errorf("got %v want no error", err)
	}
	if err := <-waiting; !errors.Is(err, net.ErrClosed) {
		t.Errorf("waiting Accept: got %v want %v", err, net.ErrClosed)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept: got %v want %v", err, net.ErrClosed)
	}
	if err := l.Close(); err != nil {
		t.Errorf("second Close: got %v want no error", err)
	}
	disconnected(t, silent)
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("dial after Close: got a connection")
	}
}

// A connection that has spoken and that nobody accepted is closed, too.
func TestCloseDisconnectsUnaccepted(t *testing.T) {
	t.Parallel()
	l := listen(t, Params{})
	conn := dial(t, l)
	if _, err := conn.Write([]byte("G")); err != nil {
		t.Fatal(err)
	}
	l.Close()
	disconnected(t, conn)
}

// scripted is an inner listener that fails first and then has a connection.
type scripted struct {
	net.Listener
	results chan any
}

func (s *scripted) Accept() (net.Conn, error) {
	r, ok := <-s.results
	if !ok {
		return nil, net.ErrClosed
	}
	if err, ok := r.(error); ok {
		return nil, err
	}
	return r.(net.Conn), nil
}

func (s *scripted) Close() error   { close(s.results); return nil }
func (s *scripted) Addr() net.Addr { return nil }

func TestErrorsOfTheInnerListenerPass(t *testing.T) {
	t.Parallel()
	want := errors.New("too many open files")
	near, far := net.Pipe()
	defer far.Close()
	inner := &scripted{results: make(chan any, 2)}
	inner.results <- want
	inner.results <- near
	l := New(inner, Params{})
	defer l.Close()
	if _, err := l.Accept(); !errors.Is(err, want) {
		t.Errorf("got %v want %v", err, want)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	go func() {
		far.SetDeadline(time.Now().Add(30 * time.Second))
		io.WriteString(far, "x")
		<-ctx.Done()
	}()
	conn, err := l.Accept()
	if err != nil {
		t.Fatalf("after the error: got %v want a connection", err)
	}
	conn.Close()
}
