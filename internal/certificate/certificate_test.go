package certificate

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/clocktest"
)

func newClock() *clocktest.Clock { return clocktest.New(time.Now()) }

func open(t *testing.T, p Params) *Source {
	t.Helper()
	s, err := Open(p)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return s
}

func leaf(t *testing.T, s *Source) *x509.Certificate {
	t.Helper()
	c, err := s.GetCertificate(&tls.ClientHelloInfo{ServerName: "localhost"})
	if err != nil {
		t.Fatalf("GetCertificate: %v", err)
	}
	return c.Leaf
}

// authorityPath is the authority alone, as the documentation names it.
func authorityPath(s *Source) string { return filepath.Join(s.params.Dir, "ca.pem") }

// roots are what a client trusts that is given the bundle.
func roots(t *testing.T, path string) *x509.CertPool {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		t.Fatalf("got no certificate in %s", path)
	}
	return pool
}

func TestClientsTrustTheBundle(t *testing.T) {
	t.Parallel()
	s := open(t, Params{Dir: filepath.Join(t.TempDir(), "tls"), Hosts: []string{"Bedrock.example.com:8484", "192.0.2.7", "[2001:db8::1]:8484", "my_box"}})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	// Not httptest: it has a certificate of its own, which comes first for
	// clients that send no name.
	server := &http.Server{
		TLSConfig: s.TLSConfig(),
		Handler:   http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }),
	}
	stopped := make(chan error)
	go func() { stopped <- server.ServeTLS(listener, "", "") }()
	defer func() {
		server.Close()
		<-stopped
	}()
	address := listener.Addr().String()
	for _, host := range []string{"localhost", "127.0.0.1", "[::1]", "bedrock.example.com", "192.0.2.7", "[2001:db8::1]", "my_box"} {
		client := &http.Client{Transport: &http.Transport{
			ForceAttemptHTTP2: true,
			TLSClientConfig:   &tls.Config{RootCAs: roots(t, s.BundlePath())},
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, address)
			},
		}}
		response, err := client.Get("https://" + host + "/")
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		client.CloseIdleConnections()
		if string(body) != "HTTP/2.0" {
			t.Errorf("%s: got protocol %s, want HTTP/2.0", host, body)
		}
	}
	_, err = leaf(t, s).Verify(x509.VerifyOptions{DNSName: "elsewhere.example.com", Roots: roots(t, authorityPath(s))})
	if err == nil {
		t.Error("got a certificate for a name that was not configured")
	}
}

func TestSecondStartKeepsTheAuthority(t *testing.T) {
	t.Parallel()
	p := Params{Dir: t.TempDir()}
	first := open(t, p)
	before, err := os.Stat(first.BundlePath())
	if err != nil {
		t.Fatal(err)
	}
	second := open(t, p)
	after, err := os.Stat(second.BundlePath())
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("got the bundle written again without a change (%v)", err)
	}
	if _, err := leaf(t, second).Verify(x509.VerifyOptions{DNSName: "localhost", Roots: roots(t, authorityPath(first))}); err != nil {
		t.Errorf("a client of the first start does not trust the second: %v", err)
	}
	if runtime.GOOS != "windows" {
		info, err := os.Stat(filepath.Join(p.Dir, "ca.key"))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("ca.key: got mode %v, error %v; want 0600", info.Mode(), err)
		}
	}
}

func TestStartsTogether(t *testing.T) {
	t.Parallel()
	p := Params{Dir: filepath.Join(t.TempDir(), "tls")}
	var wait sync.WaitGroup
	sources := make([]*Source, 6)
	for i := range sources {
		wait.Go(func() {
			var err error
			if sources[i], err = Open(p); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for _, s := range sources {
		if s == nil || !bytes.Equal(s.ca.cert.Raw, sources[0].ca.cert.Raw) {
			t.Error("got different authorities from starts at the same time")
		}
	}
}

func TestRenewal(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := open(t, Params{Dir: t.TempDir(), Now: c.Now})
	first := leaf(t, s)
	c.Advance(leafLife - renewBefore - 2*backdate)
	if !leaf(t, s).Equal(first) {
		t.Error("got a new certificate before its time")
	}
	c.Advance(2 * backdate)
	second := leaf(t, s)
	if second.Equal(first) {
		t.Error("got the old certificate when it was time for a new one")
	}
	if _, err := second.Verify(x509.VerifyOptions{DNSName: "localhost", Roots: roots(t, authorityPath(s)), CurrentTime: c.Now()}); err != nil {
		t.Errorf("the new certificate: %v", err)
	}
	// Close to the authority's end a leaf is shorter, but not made anew each time.
	c.Advance(caLife - leafLife)
	last := leaf(t, s)
	if last.NotAfter.After(s.ca.cert.NotAfter) {
		t.Errorf("got a certificate until %v, longer than its authority's %v", last.NotAfter, s.ca.cert.NotAfter)
	}
	c.Advance(time.Hour)
	if !leaf(t, s).Equal(last) {
		t.Error("got a new certificate for each handshake near the authority's end")
	}
}

func TestRefusesToStart(t *testing.T) {
	t.Parallel()
	write := func(p *Params, name, data string) error {
		return os.WriteFile(filepath.Join(p.Dir, name), []byte(data), 0o600)
	}
	cases := map[string]struct {
		change func(p *Params, c *clocktest.Clock) error
		want   string
	}{
		"half a configuration": {func(p *Params, _ *clocktest.Clock) error { p.CertFile = "x"; return nil }, "only one half"},
		"absent files": {func(p *Params, _ *clocktest.Clock) error {
			p.CertFile, p.KeyFile = "no-such.pem", "no-such.key"
			return nil
		}, "load the configured TLS certificate"},
		"not a certificate": {func(p *Params, _ *clocktest.Clock) error { return write(p, "ca.pem", "x") }, "holds no PEM certificate"},
		"not a key":         {func(p *Params, _ *clocktest.Clock) error { return write(p, "ca.key", "x") }, "holds no PEM key"},
		"a broken key": {func(p *Params, _ *clocktest.Clock) error {
			return write(p, "ca.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
		}, "no key in PKCS #8 form"},
		"another key":    {func(p *Params, _ *clocktest.Clock) error { return os.Remove(filepath.Join(p.Dir, "ca.key")) }, "is not the certificate of ca.key"},
		"expired":        {func(_ *Params, c *clocktest.Clock) error { c.Advance(caLife); return nil }, "expired on"},
		"missing system": {func(p *Params, _ *clocktest.Clock) error { p.SystemRoots = "no-such.pem"; return nil }, "no-such.pem"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClock()
			p := Params{Dir: t.TempDir(), Now: c.Now}
			open(t, p)
			if err := tc.change(&p, c); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(p); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want one with %q", err, tc.want)
			}
		})
	}
}

// ownPair writes a self-signed certificate as an operator would have one.
func ownPair(t *testing.T, dir string, now time.Time) (cert, key string) {
	t.Helper()
	if _, err := openAuthority(dir, now); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, caName), filepath.Join(dir, caKeyName)
}

func TestConfiguredCertificate(t *testing.T) {
	t.Parallel()
	c := newClock()
	cert, key := ownPair(t, t.TempDir(), c.Now())
	p := Params{Dir: t.TempDir(), CertFile: cert, KeyFile: key, Now: c.Now}
	s := open(t, p)
	first := leaf(t, s)
	own, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(own)
	if !bytes.Equal(first.Raw, block.Bytes) {
		t.Error("got another certificate than the configured one")
	}
	bundle, err := os.ReadFile(s.BundlePath())
	if err != nil || !bytes.Contains(bundle, bytes.TrimSpace(own)) {
		t.Errorf("got a bundle without the self-signed certificate (%v)", err)
	}

	// A renewed pair: first the key is replaced, then the certificate.
	newCert, newKey := ownPair(t, t.TempDir(), c.Now())
	replace := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
		// The two files may have been made within one tick of the file
		// system's clock.
		if err := os.Chtimes(to, c.Now(), c.Now()); err != nil {
			t.Fatal(err)
		}
	}
	c.Advance(recheckInterval)
	replace(newKey, key)
	if !leaf(t, s).Equal(first) {
		t.Error("got no certificate, or another, while the files do not fit together")
	}
	c.Advance(recheckInterval)
	replace(newCert, cert)
	if leaf(t, s).Equal(first) {
		t.Error("got the old certificate after its files were replaced")
	}
}

func TestHostList(t *testing.T) {
	t.Parallel()
	hosts := hostList([]string{"127.0.0.1:8484", "LOCALHOST", "a.example.com.", "bad name", "", "0.0.0.0:8484", "*.example.com"})
	for _, want := range []string{"localhost", "127.0.0.1", "::1", "a.example.com", "*.example.com"} {
		if n := len(slices.DeleteFunc(slices.Clone(hosts), func(h string) bool { return h != want })); n != 1 {
			t.Errorf("got %s %d times in %v, want once", want, n, hosts)
		}
	}
	for _, not := range []string{"0.0.0.0", "::", "bad name", ""} {
		if slices.Contains(hosts, not) {
			t.Errorf("got %q in %v", not, hosts)
		}
	}
}

func TestBundleKeepsSystemRoots(t *testing.T) {
	t.Parallel()
	system, _ := ownPair(t, t.TempDir(), time.Now())
	s := open(t, Params{Dir: t.TempDir(), SystemRoots: system})
	want, err := os.ReadFile(system)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(s.BundlePath())
	if err != nil || !bytes.Contains(got, want) || bytes.Count(got, []byte("BEGIN CERTIFICATE")) != 2 {
		t.Errorf("got a bundle that is not the authority and the system's roots (%v):\n%s", err, got)
	}
}
