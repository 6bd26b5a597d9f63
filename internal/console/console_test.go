package console

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/apikey"
	"github.com/outcrop/outcrop/internal/clocktest"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/credential"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/sigv4"
	"github.com/outcrop/outcrop/internal/store"
	"github.com/outcrop/outcrop/internal/store/sqlitestore"
)

const account = "000000000000"

var rootKey = iam.RootKey{AccessKeyID: "AKIAROOTROOTROOTROOT", Secret: "the secret of root, of no use"}

// place is a data directory with a console over it, and what the console hands
// its calls to.
type place struct {
	t         *testing.T
	clock     *clocktest.Clock
	store     *sqlitestore.Store
	directory *directory.Directory
	keys      *credential.Store
	verifier  *sigv4.Verifier
	apiKeys   *apikey.Verifier
	params    Params
	log       bytes.Buffer

	mu    sync.Mutex
	calls []called
	told  []SignIn
	// handle, where it is set, answers calls that have been verified.
	handle http.HandlerFunc
}

// called is a call as the edge sees it.
type called struct {
	request   *http.Request
	principal iam.Principal
	region    string
	service   string
}

// newPlace makes one with the user alice; change may alter the console's
// parameters.
func newPlace(t *testing.T, change func(*Params)) *place {
	t.Helper()
	p := &place{t: t, clock: clocktest.New(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))}
	dir := t.TempDir()
	var err error
	if p.store, err = sqlitestore.Open(t.Context(), filepath.Join(dir, "state.db"), sqlitestore.Params{Now: p.clock.Now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.store.Close(); err != nil {
			t.Error(err)
		}
	})
	p.directory = directory.New(directory.Params{Store: p.store, Account: account, Now: p.clock.Now, Rand: rand.Reader})
	p.user("alice")
	p.keys, err = credential.Open(t.Context(), credential.Params{
		Store: p.store, Dir: dir, Account: account, Root: rootKey, Directory: p.directory, Now: p.clock.Now, Rand: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	p.verifier = sigv4.New(sigv4.Params{Keys: p.keys, Now: p.clock.Now, Services: []string{"bedrock", "iam", "sts", "s3"}})
	p.apiKeys = apikey.New(apikey.Params{Keys: p.keys, Signatures: p.verifier, Now: p.clock.Now})
	p.params = Params{
		Handler: http.HandlerFunc(p.serve), Credentials: p.keys, Store: p.store, Account: account, Region: "eu-central-1",
		APIKey: func(key string) (iam.Principal, error) {
			id, err := p.apiKeys.Verify(key, "")
			return id.Principal, err
		},
		Idle: time.Hour, Longest: 12 * time.Hour, Patience: time.Minute,
		Source: func(r *http.Request) netip.Addr {
			from, _ := netip.ParseAddrPort(r.RemoteAddr)
			return from.Addr()
		},
		SignedIn: func(s SignIn) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.told = append(p.told, s)
		},
		Logger: slog.New(slog.NewTextHandler(&p.log, nil)), Now: p.clock.Now, Rand: rand.Reader,
		NewID: func() string { return "b5a7c1de-0000-4000-8000-000000000001" },
	}
	if change != nil {
		change(&p.params)
	}
	return p
}

func (p *place) user(name string) directory.User {
	p.t.Helper()
	u, err := p.directory.CreateUser(p.t.Context(), directory.NewUser{Name: name})
	if err != nil {
		p.t.Fatal(err)
	}
	return u
}

// key makes an access key of a user.
func (p *place) key(user string, life time.Duration) iam.Credential {
	p.t.Helper()
	k, secret, err := p.keys.AddAccessKey(p.t.Context(), user, life)
	if err != nil {
		p.t.Fatal(err)
	}
	return iam.Credential{AccessKeyID: k.ID, Secret: secret}
}

func (p *place) console() *Console {
	p.t.Helper()
	c, err := New(p.params)
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// serve stands for the edge: it proves who has signed.
func (p *place) serve(w http.ResponseWriter, r *http.Request) {
	seen := called{request: r}
	if token, ok := apikey.FromRequest(r); ok {
		id, err := p.apiKeys.Verify(token, strings.TrimSuffix(strings.TrimPrefix(r.Host, "bedrock."), ".amazonaws.com"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		seen.principal, seen.region = id.Principal, id.Region
	} else {
		cred, err := sigv4.Parse(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		seen.region, seen.service = cred.Region, cred.Service
		if !p.params.Off {
			id, err := p.verifier.Verify(cred, r, sigv4.BodyHash(nil))
			if err != nil {
				http.Error(w, err.Error(), http.StatusForbidden)
				return
			}
			seen.principal = id.Principal
		}
	}
	p.mu.Lock()
	p.calls = append(p.calls, seen)
	handle := p.handle
	p.mu.Unlock()
	if handle != nil {
		handle(w, r)
		return
	}
	_, _ = io.WriteString(w, "answered")
}

// last is the only call since it was asked before.
func (p *place) last() called {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.calls) != 1 {
		p.t.Fatalf("the handler got %d calls, want one", len(p.calls))
	}
	one := p.calls[0]
	p.calls = nil
	return one
}

func (p *place) none() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.calls) != 0 {
		p.t.Errorf("the handler got %d calls, want none", len(p.calls))
	}
}

// browser is one, at the console's pages.
type browser struct {
	t      *testing.T
	base   string
	client *http.Client
	csrf   string
}

// browse starts a server for a console and a browser at it.
func (p *place) browse() *browser {
	p.t.Helper()
	server := httptest.NewServer(p.console())
	p.t.Cleanup(server.Close)
	return newBrowser(p.t, server.URL)
}

func newBrowser(t *testing.T, base string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, base: base, client: &http.Client{Jar: jar, Transport: &http.Transport{DisableCompression: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// reply is an answer that has been read.
type reply struct {
	*http.Response

	body string
}

// refusal is what the console says why it did not answer.
func (r reply) refusal() (code, message string) {
	var said struct{ Code, Message, RequestID string }
	if err := json.Unmarshal([]byte(r.body), &said); err != nil || said.RequestID == "" {
		return "no refusal: " + r.body, ""
	}
	if r.Header.Get(errorHeader) != said.Code {
		return "the header says " + r.Header.Get(errorHeader), ""
	}
	return said.Code, said.Message
}

// request makes one as a page does; edit may spoil it.
func (b *browser) request(method, path string, body io.Reader, edit func(*http.Request)) *http.Request {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if method != http.MethodGet && method != http.MethodHead {
		r.Header.Set("Origin", b.base)
	}
	if b.csrf != "" {
		r.Header.Set(csrfHeader, b.csrf)
	}
	if edit != nil {
		edit(r)
	}
	return r
}

func (b *browser) do(method, path, body string, edit func(*http.Request)) reply {
	b.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	response, err := b.client.Do(b.request(method, path, reader, edit))
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return reply{response, string(text)}
}

func (b *browser) signIn(in any, edit func(*http.Request)) reply {
	b.t.Helper()
	text, err := json.Marshal(in)
	if err != nil {
		b.t.Fatal(err)
	}
	r := b.do(http.MethodPost, sessionPath, string(text), func(r *http.Request) {
		r.Header.Set("Content-Type", "application/json")
		if edit != nil {
			edit(r)
		}
	})
	if r.StatusCode == http.StatusOK {
		b.csrf = r.describes(b.t).CSRF
	}
	return r
}

func (r reply) describes(t *testing.T) described {
	t.Helper()
	var d described
	if err := json.Unmarshal([]byte(r.body), &d); err != nil {
		t.Fatalf("%v: %s", err, r.body)
	}
	return d
}

// mustSignIn signs in with an access key.
func (b *browser) mustSignIn(key iam.Credential) described {
	b.t.Helper()
	r := b.signIn(keyOf(key), nil)
	if r.StatusCode != http.StatusOK {
		b.t.Fatalf("sign in: got %d %s", r.StatusCode, r.body)
	}
	return r.describes(b.t)
}

func keyOf(c iam.Credential) signIn {
	return signIn{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.Secret.Reveal(), SessionToken: c.SessionToken.Reveal()}
}

const models = callPrefix + "bedrock/us-west-2/foundation-models"

// wants fails unless the console refuses so.
func (b *browser) wants(what string, r reply, status int, code string) {
	b.t.Helper()
	if got, _ := r.refusal(); r.StatusCode != status || got != code {
		b.t.Errorf("%s: got %d %s, want %d %s", what, r.StatusCode, got, status, code)
	}
}

func rootCredential() iam.Credential {
	return iam.Credential{AccessKeyID: rootKey.AccessKeyID, Secret: rootKey.Secret}
}

// Whoever signs in is who the service sees, however they did it.
func TestSignIn(t *testing.T) {
	t.Parallel()
	const alice, root = "arn:aws:iam::000000000000:user/alice", "arn:aws:iam::000000000000:root"
	cases := map[string]struct {
		in     func(p *place) signIn
		method Method
		arn    string
		name   string
		kind   iam.PrincipalType
		ends   time.Duration
	}{
		"access key": {
			func(p *place) signIn { return keyOf(p.key("alice", 0)) }, ByAccessKey, alice, "alice", iam.User, 12 * time.Hour,
		},
		"key of root": {func(*place) signIn { return keyOf(rootCredential()) }, ByAccessKey, root, "root", iam.Root, 12 * time.Hour},
		"with spaces around it, as it was copied": {func(*place) signIn {
			return signIn{AccessKeyID: " " + rootKey.AccessKeyID + "\n", SecretAccessKey: rootKey.Secret.Reveal() + " "}
		}, ByAccessKey, root, "root", iam.Root, 12 * time.Hour},
		"temporary credentials": {func(p *place) signIn {
			u, err := p.directory.User(p.t.Context(), "alice")
			if err != nil {
				p.t.Fatal(err)
			}
			c, err := p.keys.Session(p.t.Context(), credential.SessionParams{Type: iam.User, Name: "alice", ID: u.ID, Life: 2 * time.Hour})
			if err != nil {
				p.t.Fatal(err)
			}
			return keyOf(c)
		}, ByTemporary, alice, "alice", iam.User, 2 * time.Hour},
		"API key": {func(p *place) signIn {
			_, key, err := p.keys.AddAPIKey(p.t.Context(), "alice", 0)
			if err != nil {
				p.t.Fatal(err)
			}
			return signIn{APIKey: key.Reveal()}
		}, ByAPIKey, alice, "alice", iam.User, 12 * time.Hour},
		"link": {func(p *place) signIn { return signIn{Token: p.link(Owner{Type: iam.Root})} }, ByLink, root, "root", iam.Root, 12 * time.Hour},
		"link for a user": {func(p *place) signIn {
			u, err := p.directory.User(p.t.Context(), "alice")
			if err != nil {
				p.t.Fatal(err)
			}
			return signIn{Token: p.link(Owner{Type: iam.User, Name: u.Name, ID: u.ID})}
		}, ByLink, alice, "alice", iam.User, 12 * time.Hour},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, nil)
			b := p.browse()
			in := tc.in(p)
			r := b.signIn(in, nil)
			if r.StatusCode != http.StatusOK {
				t.Fatalf("got %d %s", r.StatusCode, r.body)
			}
			got := r.describes(t)
			want := described{
				Principal: person{ARN: tc.arn, Account: account, Name: tc.name, Kind: tc.kind}, Region: "eu-central-1", SignIn: tc.method,
				Expires: p.clock.Now().Add(time.Hour), Ends: p.clock.Now().Add(tc.ends), CSRF: got.CSRF,
			}
			if got != want || got.CSRF == "" {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
			if again := b.do(http.MethodGet, sessionPath, "", nil); again.StatusCode != http.StatusOK || again.describes(t) != got {
				t.Errorf("the session itself: got %d %s", again.StatusCode, again.body)
			}
			if r := b.do(http.MethodPost, models, "{}", nil); r.StatusCode != http.StatusOK || r.body != "answered" {
				t.Fatalf("a call: got %d %s", r.StatusCode, r.body)
			}
			if c := p.last(); c.principal.ARN != tc.arn || c.region != "us-west-2" {
				t.Errorf("the service sees %s in %s, want %s in us-west-2", c.principal.ARN, c.region, tc.arn)
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			if len(p.told) != 1 || p.told[0].Principal.ARN != tc.arn || p.told[0].Method != tc.method {
				t.Errorf("told of %+v", p.told)
			}
			for _, secret := range []string{in.SecretAccessKey, in.SessionToken, in.APIKey, in.Token, b.cookie(), got.CSRF} {
				if secret = strings.TrimSpace(secret); secret != "" && strings.Contains(p.log.String(), secret) {
					t.Errorf("the log has a secret:\n%s", p.log.String())
				}
			}
			if !strings.Contains(p.log.String(), tc.arn) {
				t.Errorf("the log does not say who has signed in:\n%s", p.log.String())
			}
		})
	}
}

// link makes a one-time link.
func (p *place) link(owner Owner) string {
	p.t.Helper()
	secret, expires, err := p.links().Make(p.t.Context(), owner)
	if err != nil {
		p.t.Fatal(err)
	}
	if got := expires.Sub(p.clock.Now()); got != LinkLife {
		p.t.Errorf("the link is good for %v", got)
	}
	return secret.Reveal()
}

// links are those of another process over the same data.
func (p *place) links() *Links {
	return NewLinks(LinkParams{Store: p.store, Account: account, Now: p.clock.Now, Rand: rand.Reader})
}

// cookie is what the browser has of the session.
func (b *browser) cookie() string {
	r := b.request(http.MethodGet, models, nil, nil)
	var all []string
	for _, c := range b.client.Jar.Cookies(r.URL) {
		all = append(all, c.Value)
	}
	return strings.Join(all, "")
}

func TestCookieAttributes(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	c := p.console()
	key := p.key("alice", 0)
	for name, tc := range map[string]struct {
		host, origin string
		want         string
		secure       bool
	}{
		"plain":             {"127.0.0.1:8484", "http://127.0.0.1:8484", "outcrop-session-8484", false},
		"TLS":               {"localhost:8484", "https://localhost:8484", "__Secure-outcrop-session-8484", true},
		"no port":           {"localhost", "http://localhost", "outcrop-session", false},
		"behind a proxy":    {"console.example.com", "https://console.example.com", "__Secure-outcrop-session", true},
		"IPv6, of a tunnel": {"[::1]:9999", "http://[::1]:9999", "outcrop-session-9999", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := json.Marshal(keyOf(key))
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, sessionPath, bytes.NewReader(text))
			r.Host = tc.host
			r.Header.Set("Origin", tc.origin)
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			c.ServeHTTP(w, r)
			cookies := w.Result().Cookies()
			if w.Code != http.StatusOK || len(cookies) != 1 {
				t.Fatalf("got %d %s with %d cookies", w.Code, w.Body, len(cookies))
			}
			got := cookies[0]
			if got.Name != tc.want || got.Secure != tc.secure || !got.HttpOnly || got.SameSite != http.SameSiteStrictMode || got.Path != "/console/" || got.MaxAge != 0 || got.Domain != "" {
				t.Errorf("got %s", w.Header().Get("Set-Cookie"))
			}
			if strings.Contains(got.Value, key.Secret.Reveal()) {
				t.Error("the cookie shows the secret")
			}
		})
	}
}

func TestSignInRefused(t *testing.T) {
	t.Parallel()
	text := func(s string) func(*place) string { return func(*place) string { return s } }
	in := func(s func(p *place) signIn) func(*place) string {
		return func(p *place) string {
			data, err := json.Marshal(s(p))
			if err != nil {
				p.t.Fatal(err)
			}
			return string(data)
		}
	}
	root := in(func(*place) signIn { return keyOf(rootCredential()) })
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	cases := map[string]struct {
		body   func(*place) string
		edit   func(*http.Request)
		status int
		code   string
	}{
		"wrong secret":  {body: in(func(*place) signIn { return signIn{AccessKeyID: rootKey.AccessKeyID, SecretAccessKey: "guess"} }), status: 403, code: codeSignInFailed},
		"unknown key":   {body: in(func(*place) signIn { return signIn{AccessKeyID: "AKIAAAAAAAAAAAAAAAAA", SecretAccessKey: "guess"} }), status: 403, code: codeSignInFailed},
		"no key at all": {body: in(func(*place) signIn { return signIn{AccessKeyID: "x", SecretAccessKey: "y"} }), status: 403, code: codeSignInFailed},
		"inactive key": {body: in(func(p *place) signIn {
			k := p.key("alice", 0)
			if err := p.keys.SetAccessKeyStatus(p.t.Context(), "alice", k.AccessKeyID, false); err != nil {
				p.t.Fatal(err)
			}
			return keyOf(k)
		}), status: 403, code: codeSignInFailed},
		"expired key": {body: in(func(p *place) signIn {
			k := p.key("alice", time.Hour)
			p.clock.Advance(time.Hour)
			return keyOf(k)
		}), status: 403, code: codeSignInFailed},
		"session token of another key": {body: in(func(p *place) signIn {
			k := p.key("alice", 0)
			k.SessionToken = "bm90IG9uZQ=="
			return keyOf(k)
		}), status: 403, code: codeSignInFailed},
		"temporary key without its token": {body: in(func(p *place) signIn {
			c, err := p.keys.Session(p.t.Context(), credential.SessionParams{Type: iam.Root, Life: time.Hour})
			if err != nil {
				p.t.Fatal(err)
			}
			c.SessionToken = ""
			return keyOf(c)
		}), status: 403, code: codeSignInFailed},
		"wrong API key":      {body: in(func(*place) signIn { return signIn{APIKey: "ABSKbm90IG9uZQ=="} }), status: 403, code: codeSignInFailed},
		"no API key":         {body: in(func(*place) signIn { return signIn{APIKey: "hello"} }), status: 403, code: codeSignInFailed},
		"unknown link":       {body: in(func(*place) signIn { return signIn{Token: strings.Repeat("A", 43)} }), status: 403, code: codeSignInFailed},
		"no link":            {body: in(func(*place) signIn { return signIn{Token: "../../x"} }), status: 403, code: codeSignInFailed},
		"link that was used": {body: in(func(p *place) signIn { return signIn{Token: p.used()} }), status: 403, code: codeSignInFailed},
		"old link": {body: in(func(p *place) signIn {
			token := p.link(Owner{Type: iam.Root})
			p.clock.Advance(LinkLife)
			return signIn{Token: token}
		}), status: 403, code: codeSignInFailed},
		"link for who is gone": {body: in(func(p *place) signIn {
			u := p.user("bob")
			token := p.link(Owner{Type: iam.User, Name: "bob", ID: u.ID})
			if err := p.directory.DeleteUser(p.t.Context(), "bob"); err != nil {
				p.t.Fatal(err)
			}
			return signIn{Token: token}
		}), status: 403, code: codeSignInFailed},

		"nothing":            {body: text(`{}`), status: 400, code: codeInvalid},
		"half a key":         {body: text(`{"accessKeyId":"AKIAAAAAAAAAAAAAAAAA"}`), status: 400, code: codeInvalid},
		"two ways":           {body: text(`{"apiKey":"a","token":"b"}`), status: 400, code: codeInvalid},
		"a key and a link":   {body: text(`{"accessKeyId":"a","secretAccessKey":"b","token":"c"}`), status: 400, code: codeInvalid},
		"no JSON":            {body: text(`accessKeyId=a`), status: 400, code: codeInvalid},
		"other JSON":         {body: text(`[1]`), status: 400, code: codeInvalid},
		"a form":             {body: root, edit: set("Content-Type", "text/plain"), status: 415, code: codeInvalid},
		"large":              {body: text(`{"apiKey":"` + strings.Repeat("a", mostSignIn) + `"}`), status: 413, code: codeTooLarge},
		"another origin":     {body: root, edit: set("Origin", "http://evil.example"), status: 403, code: codeOrigin},
		"another port":       {body: root, edit: set("Origin", "http://127.0.0.1:1"), status: 403, code: codeOrigin},
		"opaque origin":      {body: root, edit: set("Origin", "null"), status: 403, code: codeOrigin},
		"strange origin":     {body: root, edit: set("Origin", "file://127.0.0.1"), status: 403, code: codeOrigin},
		"no origin":          {body: root, edit: func(r *http.Request) { r.Header.Del("Origin") }, status: 403, code: codeOrigin},
		"a page elsewhere":   {body: root, edit: set("Sec-Fetch-Site", "cross-site"), status: 403, code: codeOrigin},
		"a page beside":      {body: root, edit: set("Sec-Fetch-Site", "same-site"), status: 403, code: codeOrigin},
		"by a rebound name":  {body: root, edit: func(r *http.Request) { r.Host = "evil.example" }, status: 403, code: codeHost},
		"typed as a request": {body: root, edit: set("Sec-Fetch-Site", "none"), status: 403, code: codeOrigin},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, nil)
			b := p.browse()
			r := b.do(http.MethodPost, sessionPath, tc.body(p), func(r *http.Request) {
				r.Header.Set("Content-Type", "application/json; charset=utf-8")
				if tc.edit != nil {
					tc.edit(r)
				}
			})
			b.wants("the sign-in", r, tc.status, tc.code)
			if b.cookie() != "" || r.Header.Get("Set-Cookie") != "" {
				t.Error("there is a cookie")
			}
			b.wants("the session", b.do(http.MethodGet, sessionPath, "", nil), 401, codeNotSignedIn)
			p.mu.Lock()
			defer p.mu.Unlock()
			if tc.code != codeSignInFailed {
				if len(p.told) != 0 {
					t.Errorf("told of %+v", p.told)
				}
				return
			}
			if len(p.told) != 1 || p.told[0].Principal.ARN != "" {
				t.Errorf("told of %+v, want one that failed", p.told)
			}
		})
	}
}

// used makes a link and uses it.
func (p *place) used() string {
	p.t.Helper()
	token := p.link(Owner{Type: iam.Root})
	if _, err := p.links().Use(p.t.Context(), token); err != nil {
		p.t.Fatal(err)
	}
	return token
}

// Nobody learns from an answer whether a key exists.
func TestUnknownKeysLookLikeWrongSecrets(t *testing.T) {
	t.Parallel()
	b := newPlace(t, nil).browse()
	_, one := b.signIn(signIn{AccessKeyID: rootKey.AccessKeyID, SecretAccessKey: "guess"}, nil).refusal()
	_, two := b.signIn(signIn{AccessKeyID: "AKIAAAAAAAAAAAAAAAAA", SecretAccessKey: "guess"}, nil).refusal()
	if one != two || one == "" {
		t.Errorf("got %q and %q", one, two)
	}
}

func TestLinksAreUsedOnce(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	token := p.link(Owner{Type: iam.Root})
	var wait sync.WaitGroup
	var mu sync.Mutex
	used := 0
	for range 8 {
		wait.Go(func() {
			if _, err := p.links().Use(context.Background(), token); err == nil {
				mu.Lock()
				used++
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	if used != 1 {
		t.Errorf("the link was used %d times, want once", used)
	}
	// Those that nobody used do not stay.
	for range 3 {
		p.link(Owner{Type: iam.Root})
	}
	p.clock.Advance(LinkLife)
	p.link(Owner{Type: iam.Root})
	if n := p.records(kindLink); n != 1 {
		t.Errorf("%d links are kept, want the last", n)
	}
}

func TestBruteForce(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	b := p.browse()
	wrong := signIn{AccessKeyID: rootKey.AccessKeyID, SecretAccessKey: "guess"}
	for i := range mostAttempts {
		b.wants(fmt.Sprintf("guess %d", i), b.signIn(wrong, nil), 403, codeSignInFailed)
	}
	late := b.signIn(wrong, nil)
	b.wants("one guess more", late, 429, codeTooMany)
	if got := late.Header.Get("Retry-After"); got != "6" {
		t.Errorf("Retry-After: got %s, want 6", got)
	}
	b.wants("the right secret after that", b.signIn(keyOf(rootCredential()), nil), 429, codeTooMany)
	p.clock.Advance(attemptEvery)
	b.mustSignIn(rootCredential())
	// What was right has not been counted: there is still room for one.
	b.wants("a guess after the right one", b.signIn(wrong, nil), 403, codeSignInFailed)
	b.wants("two guesses after the right one", b.signIn(wrong, nil), 429, codeTooMany)
}

// records counts what is kept of a kind.
func (p *place) records(kind store.Kind) int {
	p.t.Helper()
	page, err := p.store.List(p.t.Context(), store.Query{Kind: kind, Account: account, Region: region})
	if err != nil {
		p.t.Fatal(err)
	}
	return len(page.Records)
}
