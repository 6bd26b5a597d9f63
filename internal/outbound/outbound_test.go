package outbound_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/outbound"
)

func TestPermits(t *testing.T) {
	t.Parallel()
	offline := outbound.New(outbound.Params{Offline: true, Allow: []string{"s3.example.com", ".amazonaws.com", "10.1.2.3", "[fd00::1]", "", "Collector.Example."}})
	online := outbound.New(outbound.Params{})
	for _, test := range []struct {
		host string
		want bool
	}{
		{"localhost", true}, {"LocalHost", true}, {"127.0.0.1", true}, {"127.9.9.9", true}, {"::1", true}, {"[::1]", true},
		{"::ffff:127.0.0.1", true},
		{"s3.example.com", true}, {"S3.Example.com.", true}, {"x.s3.example.com", false}, {"example.com", false},
		{"amazonaws.com", true}, {"s3.eu-west-1.amazonaws.com", true}, {"evilamazonaws.com", false},
		{"10.1.2.3", true}, {"10.1.2.4", false}, {"fd00::1", true}, {"fd00::2", false},
		{"collector.example", true}, {"0.0.0.0", false}, {"169.254.169.254", false}, {"localhost.example.com", false}, {"", false},
	} {
		if got := offline.Permits(test.host); got != test.want {
			t.Errorf("offline, %q: got %t, want %t", test.host, got, test.want)
		}
		if !online.Permits(test.host) {
			t.Errorf("online, %q: got false", test.host)
		}
	}
}

// Nothing is looked up or dialed for a host that is refused: the address is one
// that no resolver would be asked for in this time.
func TestOfflineRefusesBeforeLookingUp(t *testing.T) {
	t.Parallel()
	d := outbound.New(outbound.Params{Offline: true})
	_, err := d.DialContext(t.Context(), "tcp", "somewhere.example:443")
	if !fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), "somewhere.example is on another machine") {
		t.Errorf("got %v, want a refusal that names the host", err)
	}
	if _, err := d.DialContext(t.Context(), "tcp", "no-port"); err == nil {
		t.Error("an address without a port: got no error")
	}
}

func TestThisMachineIsReached(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	defer server.Close()
	client := outbound.New(outbound.Params{Offline: true}).Client()
	response, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusTeapot {
		t.Errorf("got %s", response.Status)
	}
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := outbound.New(outbound.Params{Offline: true}).DialContext(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// A proxy on this machine would reach any host; offline it is not asked to.
func TestProxiesReachOnlyPermittedHosts(t *testing.T) {
	t.Parallel()
	asked := 0
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { asked++; w.WriteHeader(http.StatusTeapot) }))
	defer proxy.Close()
	address, _ := url.Parse(proxy.URL)
	d := outbound.New(outbound.Params{Offline: true, Allow: []string{"models.example"}})
	transport := &http.Transport{Proxy: func(*http.Request) (*url.URL, error) { return address, nil }}
	d.Apply(transport)
	client := &http.Client{Transport: transport}
	if _, err := client.Get("http://elsewhere.example/"); err == nil || !strings.Contains(err.Error(), "the server is offline") {
		t.Errorf("got %v, want a refusal", err)
	}
	if asked != 0 {
		t.Fatal("the proxy was asked")
	}
	response, err := client.Get("http://models.example/")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if asked != 1 || response.StatusCode != http.StatusTeapot {
		t.Errorf("the proxy was asked %d times, and answered %s", asked, response.Status)
	}
}
