package console

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/credential"
)

// Everything that does not come from a page of who is signed in is refused, and
// no service ever sees it.
func TestCallRefused(t *testing.T) {
	t.Parallel()
	set := func(name, value string) func(*place, *browser, *http.Request) {
		return func(_ *place, _ *browser, r *http.Request) { r.Header.Set(name, value) }
	}
	cases := map[string]struct {
		path   string
		method string
		before func(p *place, b *browser)
		edit   func(p *place, b *browser, r *http.Request)
		status int
		code   string
	}{
		"no cookie":             {edit: func(_ *place, b *browser, _ *http.Request) { b.client.Jar = nil }, status: 401, code: codeNotSignedIn},
		"no token":              {edit: func(_ *place, _ *browser, r *http.Request) { r.Header.Del(csrfHeader) }, status: 403, code: codeCSRF},
		"no token for a read":   {method: http.MethodGet, edit: func(_ *place, _ *browser, r *http.Request) { r.Header.Del(csrfHeader) }, status: 403, code: codeCSRF},
		"another token":         {edit: set(csrfHeader, "x"), status: 403, code: codeCSRF},
		"another session's":     {edit: func(p *place, _ *browser, r *http.Request) { r.Header.Set(csrfHeader, p.another().csrf) }, status: 403, code: codeCSRF},
		"the token of no one":   {edit: func(p *place, _ *browser, r *http.Request) { r.Header.Set(csrfHeader, p.console().seal.csrf(nobody)) }, status: 403, code: codeCSRF},
		"another origin":        {edit: set("Origin", "https://evil.example"), status: 403, code: codeOrigin},
		"no origin":             {edit: func(_ *place, _ *browser, r *http.Request) { r.Header.Del("Origin") }, status: 403, code: codeOrigin},
		"a page elsewhere":      {edit: set("Sec-Fetch-Site", "cross-site"), status: 403, code: codeOrigin},
		"a read from elsewhere": {method: http.MethodGet, edit: set("Sec-Fetch-Site", "same-site"), status: 403, code: codeOrigin},
		"by a rebound name":     {edit: func(_ *place, _ *browser, r *http.Request) { r.Host = "evil.example:80" }, status: 403, code: codeHost},
		"a cookie that was made": {edit: func(_ *place, b *browser, r *http.Request) {
			b.client.Jar = nil
			r.AddCookie(&http.Cookie{Name: cookieOf(r, false), Value: "abc"})
		}, status: 401, code: codeNotSignedIn},
		"a cookie of elsewhere": {edit: func(_ *place, b *browser, r *http.Request) {
			other := newPlace(b.t, nil).browse()
			other.mustSignIn(rootCredential())
			b.client.Jar = nil
			r.AddCookie(&http.Cookie{Name: cookieOf(r, false), Value: other.cookie()})
		}, status: 401, code: codeNotSignedIn},
		"a cookie with a change": {edit: func(_ *place, b *browser, r *http.Request) {
			text := []byte(b.cookie())
			text[len(text)/2] ^= 1
			b.client.Jar = nil
			r.AddCookie(&http.Cookie{Name: cookieOf(r, false), Value: string(text)})
		}, status: 401, code: codeNotSignedIn},
		"a session that ended": {edit: func(_ *place, b *browser, r *http.Request) {
			kept := b.cookie()
			b.signOut()
			b.client.Jar = nil
			r.AddCookie(&http.Cookie{Name: cookieOf(r, false), Value: kept})
		}, status: 401, code: codeSessionEnded},
		"a session that nobody used": {before: func(p *place, _ *browser) { p.clock.Advance(time.Hour) }, status: 401, code: codeSessionExpired},
		"a user who is gone": {before: func(p *place, _ *browser) {
			if err := p.keys.DeleteAll(p.t.Context(), "alice"); err != nil {
				p.t.Fatal(err)
			}
			if err := p.directory.DeleteUser(p.t.Context(), "alice"); err != nil {
				p.t.Fatal(err)
			}
		}, status: 401, code: codeSessionEnded},
		"a key that was revoked": {before: func(p *place, b *browser) {
			keys, err := p.keys.AccessKeys(p.t.Context(), "alice")
			if err != nil || len(keys) != 1 {
				p.t.Fatal(keys, err)
			}
			if err := p.keys.Revoke(p.t.Context(), keys[0].ID); err != nil {
				p.t.Fatal(err)
			}
		}, status: 401, code: codeSessionEnded},
		"no path":              {path: callPrefix + "bedrock/us-east-1", status: 404, code: codeNotFound},
		"no region":            {path: callPrefix + "bedrock/nowhere/foundation-models", status: 404, code: codeNotFound},
		"no service":           {path: callPrefix + "/us-east-1/x", status: 404, code: codeNotFound},
		"strange service":      {path: callPrefix + "Bed%2Frock/us-east-1/x", status: 404, code: codeNotFound},
		"the console itself":   {path: callPrefix + "bedrock/us-east-1/console/session", status: 404, code: codeNotFound},
		"the console, escaped": {path: callPrefix + "bedrock/us-east-1/%63onsole%2Fsession", status: 404, code: codeNotFound},
		"a strange method":     {method: "TRACE", status: 405, code: codeMethod},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, nil)
			b := p.browse()
			b.mustSignIn(p.key("alice", 0))
			if tc.before != nil {
				tc.before(p, b)
			}
			path, method := tc.path, tc.method
			if path == "" {
				path = models
			}
			if method == "" {
				method = http.MethodPost
			}
			r := b.do(method, path, "", func(r *http.Request) {
				if tc.edit != nil {
					tc.edit(p, b, r)
				}
			})
			b.wants("the call", r, tc.status, tc.code)
			p.none()
		})
	}
}

// another is a second browser of the same person.
func (p *place) another() *browser {
	p.t.Helper()
	b := p.browse()
	b.mustSignIn(p.key("alice", 0))
	return b
}

func (b *browser) signOut() {
	b.t.Helper()
	if r := b.do(http.MethodDelete, sessionPath, "", nil); r.StatusCode != http.StatusNoContent {
		b.t.Fatalf("sign out: got %d %s", r.StatusCode, r.body)
	}
}

func TestTwoSessions(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	p.user("bob")
	one, two := p.browse(), p.browse()
	one.mustSignIn(p.key("alice", 0))
	two.mustSignIn(p.key("bob", 0))
	for _, b := range []struct {
		*browser

		name string
	}{{one, "alice"}, {two, "bob"}, {one, "alice"}} {
		if r := b.do(http.MethodPost, models, "", nil); r.StatusCode != http.StatusOK {
			t.Fatalf("%s: got %d %s", b.name, r.StatusCode, r.body)
		}
		if got := p.last().principal.Name; got != b.name {
			t.Errorf("the service sees %s, want %s", got, b.name)
		}
	}
	one.signOut()
	if r := two.do(http.MethodPost, models, "", nil); r.StatusCode != http.StatusOK {
		t.Errorf("the other session: got %d %s", r.StatusCode, r.body)
	}
	// Who signs in anew leaves the session they had.
	kept, token := two.cookie(), two.csrf
	two.mustSignIn(p.key("alice", 0))
	r := two.do(http.MethodGet, models, "", func(r *http.Request) {
		two.client.Jar = nil
		r.AddCookie(&http.Cookie{Name: cookieOf(r, false), Value: kept})
		r.Header.Set(csrfHeader, token)
	})
	two.wants("the session before", r, 401, codeSessionEnded)
}

// A session that was signed out of is over for every server on the same data, also
// for one that is started later.
func TestSignOut(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	here := p.browse()
	here.mustSignIn(p.key("alice", 0))
	server := httptest.NewServer(p.console())
	t.Cleanup(server.Close)
	there := newBrowser(t, server.URL)
	there.csrf = here.csrf
	kept := here.cookie()
	ask := func() reply {
		return there.do(http.MethodGet, models, "", func(r *http.Request) { r.AddCookie(&http.Cookie{Name: cookieOf(r, false), Value: kept}) })
	}
	if r := ask(); r.StatusCode != http.StatusOK {
		t.Fatalf("the other server: got %d %s", r.StatusCode, r.body)
	}
	unsure := here.do(http.MethodDelete, sessionPath, "", func(r *http.Request) { r.Header.Del(csrfHeader) })
	here.wants("signing out without the token", unsure, 403, codeCSRF)
	foreign := here.do(http.MethodDelete, sessionPath, "", func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") })
	here.wants("signing out from elsewhere", foreign, 403, codeOrigin)
	here.signOut()
	if here.cookie() != "" {
		t.Error("the browser still has the cookie")
	}
	here.signOut() // twice is no error
	p.clock.Advance(asked)
	there.wants("the other server", ask(), 401, codeSessionEnded)
	p.clock.Advance(12*time.Hour - asked)
	// After its time it is not remembered: it is over by itself.
	second := p.another()
	second.signOut()
	if n := p.records(kindEnded); n != 1 {
		t.Errorf("%d ended sessions are remembered, want the last", n)
	}
}

// A session that is used goes on, under the same token and with new credentials,
// and ends at last all the same.
func TestSessionGoesOn(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	b := p.browse()
	first := b.mustSignIn(p.key("alice", 0))
	keys := map[string]bool{}
	for at := 50 * time.Minute; at < 12*time.Hour; at += 50 * time.Minute {
		p.clock.Advance(50 * time.Minute)
		r := b.do(http.MethodGet, models, "", nil)
		if r.StatusCode != http.StatusOK || r.Header.Get("Set-Cookie") == "" {
			t.Fatalf("after %v: got %d %s", at, r.StatusCode, r.body)
		}
		keys[p.last().principal.AccessKeyID] = true
		if r := b.do(http.MethodGet, models, "", nil); r.StatusCode != http.StatusOK || r.Header.Get("Set-Cookie") != "" {
			t.Fatalf("at once again: got %d with the cookie %s, want none", r.StatusCode, r.Header.Get("Set-Cookie"))
		}
		p.last()
		now := b.do(http.MethodGet, sessionPath, "", nil).describes(t)
		if want := minTime(p.clock.Now().Add(time.Hour), first.Ends); now.Expires != want || now.Ends != first.Ends || now.CSRF != first.CSRF {
			t.Fatalf("after %v: got %+v, want it to expire at %v", at, now, want)
		}
	}
	if len(keys) != 14 {
		t.Errorf("the calls were signed with %d keys, want a new one each time", len(keys))
	}
	p.clock.Advance(20 * time.Minute)
	b.wants("after twelve hours", b.do(http.MethodGet, models, "", nil), 401, codeSessionExpired)
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// To look at the session is not to use it.
func TestLookingDoesNotProlong(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	b := p.browse()
	b.mustSignIn(p.key("alice", 0))
	for range 2 {
		p.clock.Advance(29 * time.Minute)
		if r := b.do(http.MethodGet, sessionPath, "", nil); r.StatusCode != http.StatusOK {
			t.Fatalf("got %d %s", r.StatusCode, r.body)
		}
	}
	p.clock.Advance(2 * time.Minute)
	b.wants("after an hour", b.do(http.MethodGet, sessionPath, "", nil), 401, codeSessionExpired)
}

// Temporary credentials are what they are: the session ends with them.
func TestTemporaryCredentialsEndTheSession(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	c, err := p.keys.Session(t.Context(), credential.SessionParams{Type: iam.Root, Life: 90 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	b := p.browse()
	b.mustSignIn(c)
	p.clock.Advance(50 * time.Minute)
	if r := b.do(http.MethodGet, models, "", nil); r.StatusCode != http.StatusOK {
		t.Fatalf("got %d %s", r.StatusCode, r.body)
	}
	if got := p.last().principal.AccessKeyID; got != c.AccessKeyID {
		t.Errorf("signed with %s, want %s", got, c.AccessKeyID)
	}
	p.clock.Advance(40 * time.Minute)
	b.wants("after their time", b.do(http.MethodGet, models, "", nil), 401, codeSessionExpired)
}

func TestAPIKeySessions(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	made, key, err := p.keys.AddAPIKey(t.Context(), "alice", 0)
	if err != nil {
		t.Fatal(err)
	}
	b := p.browse()
	if r := b.signIn(signIn{APIKey: key.Reveal()}, nil); r.StatusCode != http.StatusOK {
		t.Fatalf("got %d %s", r.StatusCode, r.body)
	}
	if r := b.do(http.MethodGet, callPrefix+"outcrop/eu-west-1/server", "", nil); r.StatusCode != http.StatusOK {
		t.Errorf("the operator API: got %d %s", r.StatusCode, r.body)
	}
	if c := p.last(); c.request.URL.Path != "/outcrop/server" || c.region != "eu-west-1" {
		t.Errorf("got %s in %s", c.request.URL, c.region)
	}
	b.wants("a service that takes none", b.do(http.MethodPost, callPrefix+"iam/us-east-1/", "", nil), 403, codeAPIKey)
	if err := p.keys.Revoke(t.Context(), made.Name()); err != nil {
		t.Fatal(err)
	}
	b.wants("after the key is revoked", b.do(http.MethodGet, models, "", nil), 401, codeSessionEnded)
	p.none()
}

// The path gets to the service as the page wrote it: escapes tell a slash of an
// ARN from one of the path.
func TestCallPaths(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	b := p.browse()
	b.mustSignIn(rootCredential())
	const arn = "arn%3Aaws%3Abedrock%3Aus-east-1%3A000000000000%3Aapplication-inference-profile%2Fabc"
	for sent, want := range map[string]struct{ uri, service, region string }{
		"bedrock/us-east-1/model/" + arn + "/converse":         {"/model/" + arn + "/converse", "bedrock", "us-east-1"},
		"bedrock/us-gov-west-1/model/a.b-v1%3A0/invoke":        {"/model/a.b-v1%3A0/invoke", "bedrock", "us-gov-west-1"},
		"bedrock/us-east-1/model/a:b/invoke":                   {"/model/a:b/invoke", "bedrock", "us-east-1"},
		"bedrock/us-east-1/foundation-models?byProvider=a%2Fb": {"/foundation-models?byProvider=a%2Fb", "bedrock", "us-east-1"},
		"iam/us-east-1/":                             {"/", "iam", "us-east-1"},
		"sts/eu-central-1/":                          {"/", "sts", "eu-central-1"},
		"outcrop/us-east-1/requests/live?x=1":        {"/outcrop/requests/live?x=1", "bedrock", "us-east-1"},
		"s3/us-east-1/":                              {"/", "s3", "us-east-1"},
		"s3/us-east-1/docs?list-type=2&prefix=a%20b": {"/docs?list-type=2&prefix=a%20b", "s3", "us-east-1"},
		"s3/us-east-1/docs/a%2F%2Fb/%C3%A4%20+~.txt": {"/docs/a%2F%2Fb/%C3%A4%20+~.txt", "s3", "us-east-1"},
		"s3/us-east-1/docs/a//b":                     {"/docs/a//b", "s3", "us-east-1"},
		"s3/us-east-1/console/x":                     {"/console/x", "s3", "us-east-1"},
	} {
		r := b.do(http.MethodGet, callPrefix+sent, "", nil)
		if r.StatusCode != http.StatusOK {
			t.Errorf("%s: got %d %s", sent, r.StatusCode, r.body)
			continue
		}
		c := p.last()
		if c.request.RequestURI != want.uri || c.service != want.service || c.region != want.region {
			t.Errorf("%s: got %s for %s in %s", sent, c.request.RequestURI, c.service, c.region)
		}
		if path, _, _ := strings.Cut(want.uri, "?"); c.request.URL.EscapedPath() != path {
			t.Errorf("%s: got the path %s, want %s", sent, c.request.URL.EscapedPath(), path)
		}
	}
}

// The service gets of the page's headers what it may have, and who connects is who
// has connected.
func TestCallHeaders(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	p.handle = func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(body)
	}
	b := p.browse()
	b.mustSignIn(rootCredential())
	r := b.do(http.MethodPut, callPrefix+"s3/us-east-1/docs/a", "the object", func(r *http.Request) {
		for _, name := range []string{
			"Authorization", "X-Amz-Security-Token", "X-Amz-Date", "X-Amz-Content-Sha256", "Proxy-Authorization", "Referer",
			"Content-Encoding", "X-Outcrop-Anything", "X-Api-Key", "X-Amz-Algorithm", "Te",
		} {
			r.Header.Set(name, "forged")
		}
		r.Header.Set("Content-Type", "text/plain")
		r.Header.Set("X-Amz-Meta-Author", "alice")
		r.Header.Set("If-None-Match", "*")
		r.Header.Set("X-Forwarded-For", "192.0.2.1")
		r.Header.Set("X-Amzn-Bedrock-Trace", "ENABLED")
	})
	if r.StatusCode != http.StatusOK || r.body != "the object" {
		t.Fatalf("got %d %s", r.StatusCode, r.body)
	}
	got := p.last().request
	var names []string
	for name := range got.Header {
		names = append(names, name)
		if slices.Contains(got.Header[name], "forged") {
			t.Errorf("%s got through", name)
		}
	}
	slices.Sort(names)
	want := []string{
		"Authorization", "Content-Type", "If-None-Match", "Sec-Fetch-Site", "User-Agent", "X-Amz-Content-Sha256", "X-Amz-Date", "X-Amz-Meta-Author", "X-Amz-Security-Token", "X-Amzn-Bedrock-Trace", "X-Forwarded-For",
	}
	if !slices.Equal(names, want) {
		t.Errorf("got %v\nwant %v", names, want)
	}
	if got.ContentLength != int64(len("the object")) || !strings.HasPrefix(got.RemoteAddr, "127.0.0.1:") {
		t.Errorf("got a body of %d from %s", got.ContentLength, got.RemoteAddr)
	}
}

// An answer arrives piece by piece, as the service sends it.
func TestAnswersAreNotHeldBack(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	read := make(chan struct{})
	p.handle = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
		for _, piece := range []string{"one", "two"} {
			_, _ = io.WriteString(w, piece)
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			<-read
		}
	}
	b := p.browse()
	b.mustSignIn(rootCredential())
	response, err := b.client.Do(b.request(http.MethodPost, models, nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for _, want := range []string{"one", "two"} {
		piece := make([]byte, 3)
		if _, err := io.ReadFull(response.Body, piece); err != nil || string(piece) != want {
			t.Fatalf("got %s, error %v; want %s", piece, err, want)
		}
		read <- struct{}{}
	}
	if got := response.Header.Get("Content-Type"); got != "application/vnd.amazon.eventstream" {
		t.Errorf("got %s", got)
	}
}

// A body is read as the service reads it, however large it is.
func TestBodiesAreNotHeldBack(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	began := make(chan struct{})
	p.handle = func(w http.ResponseWriter, r *http.Request) {
		var first [5]byte
		_, err := io.ReadFull(r.Body, first[:])
		close(began)
		rest, restErr := io.Copy(io.Discard, r.Body)
		if err := errors.Join(err, restErr); err != nil || string(first[:]) != "first" || rest != 1<<20 {
			t.Errorf("got %s and %d bytes, error %v", first, rest, err)
		}
	}
	b := p.browse()
	b.mustSignIn(rootCredential())
	out, in := io.Pipe()
	go func() {
		_, _ = io.WriteString(in, "first")
		<-began // the rest is not sent before the service has seen this
		_, _ = in.Write(make([]byte, 1<<20))
		_ = in.Close()
	}()
	response, err := b.client.Do(b.request(http.MethodPut, callPrefix+"s3/us-east-1/docs/large", out, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("got %d", response.StatusCode)
	}
}

// Who leaves the page ends the call.
func TestWhoGoesAwayEndsTheCall(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	began, ended := make(chan struct{}), make(chan struct{})
	p.handle = func(_ http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done()
		close(ended)
	}
	b := p.browse()
	b.mustSignIn(rootCredential())
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		response, err := b.client.Do(b.request(http.MethodGet, models, nil, nil).WithContext(ctx))
		if err == nil {
			_ = response.Body.Close()
		}
		done <- err
	}()
	<-began
	leave()
	<-ended
	if err := <-done; err == nil {
		t.Error("the call was answered")
	}
}

// What a service answers is data: it sets no cookie, is no page and lets no other
// site read it.
func TestAnswersActForNobody(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	p.handle = func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html")
		h.Set("Set-Cookie", "outcrop-session=mine; Path=/")
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Clear-Site-Data", `"cookies"`)
		h.Set("Content-Security-Policy", "default-src *")
		h.Set("Refresh", "0; url=http://evil.example")
		h["x-amzn-RequestId"] = []string{"id"}
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "<script>alert(1)</script>")
	}
	b := p.browse()
	b.mustSignIn(p.key("alice", 0))
	p.clock.Advance(30 * time.Minute)
	r := b.do(http.MethodGet, callPrefix+"s3/us-east-1/docs/page.html", "", nil)
	if r.StatusCode != http.StatusTeapot {
		t.Fatalf("got %d %s", r.StatusCode, r.body)
	}
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": "", "Clear-Site-Data": "", "Refresh": "", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox", "X-Amzn-Requestid": "id", errorHeader: "",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	cookies := r.Cookies()
	if len(cookies) != 1 || cookies[0].Path != Prefix || cookies[0].Value == "mine" {
		t.Errorf("got the cookies %v, want the prolonged session", cookies)
	}
}

// Where authentication is off nobody signs in, and only pages of the console call.
func TestOff(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *Params) { p.Off = true })
	b := p.browse()
	got := b.do(http.MethodGet, sessionPath, "", nil).describes(t)
	want := described{
		Principal: person{ARN: "arn:aws:iam::000000000000:user/anonymous", Account: account, Name: "anonymous", Kind: iam.Anonymous},
		Region:    "eu-central-1", SignIn: ByNobody, CSRF: got.CSRF,
	}
	if got != want || got.CSRF == "" {
		t.Errorf("got %+v, want %+v", got, want)
	}
	b.wants("a call without the token", b.do(http.MethodPost, models, "", nil), 403, codeCSRF)
	b.csrf = got.CSRF
	foreign := b.do(http.MethodPost, models, "", func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") })
	b.wants("a call from elsewhere", foreign, 403, codeOrigin)
	rebound := b.do(http.MethodPost, models, "", func(r *http.Request) { r.Host = "evil.example" })
	b.wants("a call by another name", rebound, 403, codeHost)
	p.none()
	if r := b.do(http.MethodPost, models, "", nil); r.StatusCode != http.StatusOK {
		t.Errorf("a call: got %d %s", r.StatusCode, r.body)
	}
	if c := p.last(); c.region != "us-west-2" || c.service != "bedrock" || c.request.Header.Get("X-Amz-Security-Token") != "" {
		t.Errorf("got %+v", c)
	}
	if r := b.signIn(keyOf(rootCredential()), nil); r.StatusCode != http.StatusOK || r.describes(t) != want || b.cookie() != "" {
		t.Errorf("a sign-in: got %d %s", r.StatusCode, r.body)
	}
	b.signOut()
}

func TestSessionMethods(t *testing.T) {
	t.Parallel()
	b := newPlace(t, nil).browse()
	r := b.do(http.MethodPut, sessionPath, "", nil)
	b.wants("PUT", r, 405, codeMethod)
	if got := r.Header.Get("Allow"); got != "GET, HEAD, POST, DELETE" {
		t.Errorf("Allow: got %s", got)
	}
}

func FuzzParseCall(f *testing.F) {
	for _, s := range []string{"bedrock/us-east-1/model/a%2Fb/converse", "s3/us-east-1/", "outcrop/us-east-1/server", "bedrock/us-east-1/%63onsole/x", "a/b", "%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, rest string) {
		to, err := parseCall(rest)
		if err != nil {
			return
		}
		if !strings.HasSuffix(rest, to.path) && to.name != operatorName {
			t.Errorf("the path %q is not the end of %q", to.path, rest)
		}
		if to.name == operatorName && !strings.HasPrefix(to.path, operatorPath+"/") {
			t.Errorf("the operator API is not at %q", to.path)
		}
		if !strings.HasPrefix(to.path, "/") || strings.Contains(to.name+to.region, "/") {
			t.Errorf("%q is read as %+v", rest, to)
		}
	})
}

func FuzzOpen(f *testing.F) {
	s := &seal{account: []byte(account), rand: strings.NewReader(strings.Repeat("n", 1<<16)), tokens: make([]byte, 32)}
	s.aead = fixedAEAD(f)
	good, err := s.close(&session{ID: "a", Method: ByAccessKey})
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{good, good[:len(good)-2], good[:9] + "\r\n" + good[9:], "", "AQ", "A=", strings.Repeat("A", 5000)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := s.open(text); err == nil && text != good {
			t.Errorf("%q is taken for the session %+v", text, got)
		}
	})
}
