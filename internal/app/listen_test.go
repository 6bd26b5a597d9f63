package app

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/observe"
)

// origins is an observer that notes where requests came from.
type origins chan call.Source

func (s origins) Begin(v *observe.View) observe.Watch { s <- v.Call.Source; return nil }

// newListening makes a server with further addresses, and tells from where
// requests come to it.
func newListening(t *testing.T, listeners ...config.Listener) (*App, origins) {
	t.Helper()
	seen := make(origins, 16)
	a := newTestApp(t, func(cfg *config.Config) { cfg.Listeners = listeners }, seen)
	start(t, a)
	return a, seen
}

func ask(t *testing.T, client *http.Client, url string) (string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+converse, strings.NewReader(hello))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("User-Agent", "test/1")
	response, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.Status + " " + string(body), nil
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	// A socket that a killed server has left.
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	left.Close()
	_, seen := newListening(t, config.Listener{Address: "unix:" + path, Endpoint: "vpce-0a1b"})
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want a socket for its owner alone", info.Mode(), err)
	}
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	if got, err := ask(t, client, "http://outcrop"); err != nil || !strings.HasPrefix(got, "403 ") {
		t.Errorf("got %s, %v, want the refusal of an unsigned request", got, err)
	}
	if got, want := <-seen, (call.Source{UserAgent: "test/1", Host: "outcrop", Endpoint: "vpce-0a1b"}); got != want {
		t.Errorf("source: got %+v, want %+v", got, want)
	}
	if _, err := listenUnix(path); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a socket in use: got %v, want it left alone", err)
	}
	file := filepath.Join(dir, "f")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listenUnix(file); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("a file: got %v, want it left alone", err)
	}
}

// The one who starts the server sees every address.
func TestBannerNamesListeners(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "s")
	a := newTestApp(t, func(cfg *config.Config) {
		cfg.Listeners = []config.Listener{{Address: "unix:" + socket}, {Address: "127.0.0.1:0", Endpoint: "vpce-1", Plain: "off"}}
	})
	var b strings.Builder
	a.Banner(&b)
	for _, want := range []string{"also on unix:" + socket + "\n", "also on https://" + a.ports[2].Addr().String() + ", endpoint vpce-1\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the banner does not name %q:\n%s", want, &b)
		}
	}
}

func TestOnePortTellsWhereRequestsComeFrom(t *testing.T) {
	t.Parallel()
	a, seen := newListening(t)
	if _, err := ask(t, http.DefaultClient, "http://"+a.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if got := <-seen; got.IP.String() != "127.0.0.1" || got.Secure || got.Endpoint != "" || got.UserAgent != "test/1" {
		t.Errorf("got %+v", got)
	}
}

func TestClientCertificates(t *testing.T) {
	t.Parallel()
	ca, caKey := newCertificate(t, nil, nil)
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	a, seen := newListening(t, config.Listener{Address: "127.0.0.1:0", Endpoint: "vpce-1", ClientCA: caFile})
	address := a.ports[1].Addr().String()
	bundle, err := os.ReadFile(a.cert.BundlePath())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	client := func(certificates ...tls.Certificate) *http.Client {
		return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: certificates}}}
	}
	leaf, leafKey := newCertificate(t, ca, caKey)
	if got, err := ask(t, client(tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: leafKey}), "https://"+address); err != nil || !strings.HasPrefix(got, "403 ") {
		t.Errorf("a client with a certificate: got %s, %v", got, err)
	}
	if got := <-seen; !got.Secure || got.Endpoint != "vpce-1" {
		t.Errorf("source: got %+v", got)
	}
	if got, err := ask(t, client(), "https://"+address); err == nil {
		t.Errorf("a client without a certificate: got %s", got)
	}
	stranger, strangerKey := newCertificate(t, nil, nil)
	if got, err := ask(t, client(tls.Certificate{Certificate: [][]byte{stranger.Raw}, PrivateKey: strangerKey}), "https://"+address); err == nil {
		t.Errorf("a client with a stranger's certificate: got %s", got)
	}
	if got, err := ask(t, http.DefaultClient, "http://"+address); err == nil && !strings.Contains(got, "TLS alone") {
		t.Errorf("plain HTTP: got %s", got)
	}
	if len(seen) != 0 {
		t.Errorf("%d requests were let in that should not have been", len(seen))
	}
}

// newCertificate issues a certificate, by itself where no authority is given.
func newCertificate(t *testing.T, ca *x509.Certificate, caKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "client"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: ca == nil, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if ca == nil {
		ca, caKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, &key.PublicKey, caKey)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made, key
}

func TestEndpointPoliciesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	bad := filepath.Join(t.TempDir(), "policy.json")
	if err := os.WriteFile(bad, []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Perhaps"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{bad: "policy.json:1: statement 1: ", bad + ".missing": ".missing"} {
		cfg := config.Default()
		cfg.Listeners = []config.Listener{{Address: "127.0.0.1:0", Endpoint: "vpce-1", Policy: file}}
		if _, err := openEndpoints(&cfg); err == nil || !strings.Contains(err.Error(), "vpce-1") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error that names the endpoint and says %q", file, err, want)
		}
	}
}
