package console

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/clocktest"
)

func fixedAEAD(t testing.TB) cipher.AEAD {
	t.Helper()
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return aead
}

func TestSourcesAreCountedApart(t *testing.T) {
	t.Parallel()
	clock := clocktest.New(time.Unix(1_000_000, 0))
	a := newAttempts(clock.Now)
	one := netip.MustParseAddr("192.0.2.1")
	for range mostAttempts {
		if wait := a.take(one); wait != 0 {
			t.Fatalf("got %v to wait", wait)
		}
	}
	if a.take(one) == 0 {
		t.Error("there is no end of attempts")
	}
	for _, other := range []string{"192.0.2.2", "2001:db8::1"} {
		if a.take(netip.MustParseAddr(other)) != 0 {
			t.Errorf("%s waits for another one's failures", other)
		}
	}
	for i := range mostAttempts {
		host := netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(i)})
		if last := a.take(host) != 0; last != (i == mostAttempts-1) { // one was taken above
			t.Errorf("%s: refused %v: a network of IPv6 is one source", host, last)
		}
	}
	if a.take(netip.Addr{}) != 0 {
		t.Error("a Unix socket waits for others")
	}
	clock.Advance(mostAttempts * attemptEvery)
	for range mostAttempts {
		if a.take(one) != 0 {
			t.Error("what is long ago still counts")
		}
	}
}

// Many sources take no more memory than a few.
func TestSourcesAreForgotten(t *testing.T) {
	t.Parallel()
	clock := clocktest.New(time.Unix(1_000_000, 0))
	a := newAttempts(clock.Now)
	bad := netip.MustParseAddr("192.0.2.1")
	for range mostAttempts {
		a.take(bad)
	}
	for i := range mostSources + 100 {
		a.take(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
	}
	if len(a.full) > mostSources {
		t.Errorf("%d sources are remembered", len(a.full))
	}
	if a.take(bad) == 0 {
		t.Error("the one that failed most was forgotten")
	}
	clock.Advance(attemptEvery)
	a.take(netip.MustParseAddr("198.51.100.1"))
	if len(a.full) > 2 {
		t.Errorf("%d sources are remembered whose time is over", len(a.full))
	}
}

// A session that does not fit into one cookie takes several, and leaves none when
// it gets shorter.
func TestLongCookies(t *testing.T) {
	t.Parallel()
	browser := map[string]string{}
	request := func() *http.Request {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost:8484/console/session", nil)
		for name, value := range browser {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		return r
	}
	for _, tc := range []struct {
		length, cookies int
		fits            bool
	}{{10, 1, true}, {pieceLength, 1, true}, {pieceLength + 1, 2, true}, {3*pieceLength + 7, 4, true}, {mostPieces*pieceLength + 1, 4, false}, {20, 1, true}, {0, 0, true}} {
		w := httptest.NewRecorder()
		want := strings.Repeat("a", max(0, tc.length-1)) + strings.Repeat("b", min(1, tc.length))
		if fits := writeCookie(w, request(), want, false); fits != tc.fits {
			t.Fatalf("%d characters: fits %v", tc.length, fits)
		}
		for _, c := range w.Result().Cookies() {
			if len(c.String()) > 4096 {
				t.Errorf("a cookie of %d bytes", len(c.String()))
			}
			if c.MaxAge < 0 {
				delete(browser, c.Name)
			} else {
				browser[c.Name] = c.Value
			}
		}
		if len(browser) != tc.cookies {
			t.Errorf("%d characters: got %d cookies, want %d", tc.length, len(browser), tc.cookies)
		}
		if got := readCookie(request()); tc.fits && got != want {
			t.Errorf("%d characters: got %d back", tc.length, len(got))
		}
	}
}

// A secure session is not shadowed by a plain cookie, which a page of another
// server on this machine could have set.
func TestSecureCookiesComeFirst(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost:8484/console/session", nil)
	r.AddCookie(&http.Cookie{Name: "outcrop-session-8484", Value: "plain"})
	r.AddCookie(&http.Cookie{Name: "__Secure-outcrop-session-8484", Value: "secure"})
	r.AddCookie(&http.Cookie{Name: "outcrop-session-9999", Value: "other"})
	if got := readCookie(r); got != "secure" {
		t.Errorf("got %s", got)
	}
}

// Over TLS a plain cookie is no session: whoever is on the way of a plain request to
// this host could have set it.
func TestPlainCookiesAreNoneOverTLS(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://localhost:8484/console/session", nil)
	r.AddCookie(&http.Cookie{Name: "outcrop-session-8484", Value: "plain"})
	if got := readCookie(r); got != "" {
		t.Errorf("got %s", got)
	}
	r.AddCookie(&http.Cookie{Name: "__Secure-outcrop-session-8484", Value: "secure"})
	if got := readCookie(r); got != "secure" {
		t.Errorf("got %s", got)
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	at := func(address string) net.Addr {
		a, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	local, lan := at("127.0.0.1:8484"), at("192.0.2.1:8484")
	for _, tc := range []struct {
		host string
		at   net.Addr
		off  bool
		want bool
	}{
		{"localhost:8484", local, false, true},
		{"LOCALHOST", local, false, true},
		{"127.0.0.1:8484", local, false, true},
		{"127.8.8.8", local, false, true},
		{"[::1]:8484", local, false, true},
		{"console.localhost:8484", local, false, true},
		{"evil.example", local, false, false},
		{"localhost.evil.example", local, false, false},
		{"127.0.0.1.evil.example:8484", local, false, false},
		{"192.0.2.1:8484", local, false, false},
		{"", local, false, false},
		{"bedrock.corp.example", local, false, true}, // configured
		{"BEDROCK.corp.example:443", local, false, true},
		{"192.0.2.1:8484", lan, false, true},
		{"bedrock.internal", lan, false, true},
		{"bedrock.internal", lan, true, false},
		{"localhost", lan, true, true},
		{"evil.example", &net.UnixAddr{Name: "/run/outcrop", Net: "unix"}, false, true},
		{"evil.example", local, true, false},
	} {
		p := newPlace(t, func(p *Params) { p.Hosts, p.Off = []string{"bedrock.corp.example"}, tc.off })
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/console/", nil)
		r = r.WithContext(withAddr(r, tc.at))
		r.Host = tc.host
		w := httptest.NewRecorder()
		p.console().ServeHTTP(w, r)
		if got := w.Code == http.StatusOK; got != tc.want {
			t.Errorf("%s at %v (off: %v): got %d", tc.host, tc.at, tc.off, w.Code)
		}
		if w.Code != http.StatusOK && (w.Code != http.StatusForbidden || w.Header().Get(errorHeader) != codeHost || !strings.Contains(w.Body.String(), "console.hosts")) {
			t.Errorf("%s: got %d %s", tc.host, w.Code, w.Body)
		}
	}
}

// A proxy that calls the server by another name is known by the configuration.
func TestOriginOfAProxy(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *Params) { p.Hosts = []string{"bedrock.corp.example"} })
	b := p.browse()
	r := b.signIn(keyOf(rootCredential()), func(r *http.Request) { r.Header.Set("Origin", "https://bedrock.corp.example") })
	if r.StatusCode != http.StatusOK || !strings.Contains(r.Header.Get("Set-Cookie"), "; Secure") {
		t.Errorf("got %d %s with %s", r.StatusCode, r.body, r.Header.Get("Set-Cookie"))
	}
}

func withAddr(r *http.Request, at net.Addr) context.Context {
	return context.WithValue(r.Context(), http.LocalAddrContextKey, at)
}
