package app

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/audit"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/sigv4"
)

// person is somebody at a browser that has the console open.
type person struct {
	t      *testing.T
	url    string
	client http.Client
	csrf   string
}

func newPerson(t *testing.T, url string) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &person{t: t, url: url, client: http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// send makes a request as a page does.
func (p *person) send(method, path, body string, header map[string]string) *http.Response {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Origin", p.url)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "a browser")
	r.Header.Set("X-Outcrop-Csrf", p.csrf)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	response, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

func (p *person) do(method, path, body string, header map[string]string) (*http.Response, string) {
	p.t.Helper()
	response := p.send(method, path, body, header)
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response, string(text)
}

// signIn returns the ARN of who has signed in.
func (p *person) signIn(body string) string {
	p.t.Helper()
	response, text := p.do(http.MethodPost, "/console/session", body, nil)
	var session struct {
		Principal struct{ ARN string }
		CSRF      string
	}
	if err := json.Unmarshal([]byte(text), &session); err != nil || response.StatusCode != http.StatusOK {
		p.t.Fatalf("sign in: got %d %s", response.StatusCode, text)
	}
	p.csrf = session.CSRF
	return session.Principal.ARN
}

// asUser signs in with a new access key of a new user with a policy.
func (p *person) asUser(a *App, name, policy string) {
	p.t.Helper()
	ctx := p.t.Context()
	if _, err := a.directory.CreateUser(ctx, directory.NewUser{Name: name}); err != nil {
		p.t.Fatal(err)
	}
	if err := a.directory.PutInline(ctx, directory.Who{Sort: directory.SortUser, Name: name}, "policy", policy); err != nil {
		p.t.Fatal(err)
	}
	key, secret, err := a.credentials.CreateAccessKey(ctx, name)
	if err != nil {
		p.t.Fatal(err)
	}
	p.signIn(`{"accessKeyId":"` + key.ID + `","secretAccessKey":"` + secret.Reveal() + `"}`)
}

const callBedrock = "/console/call/bedrock/us-east-1"

// Who signs in with an access key may do what the key may do, and reads AWS's words
// about the rest.
func TestConsole(t *testing.T) {
	t.Parallel()
	a := newScriptedApp(t, "rules: [{answer: '${operation} by ${principal}'}]", nil)
	p := newPerson(t, start(t, a))
	if response, text := p.do(http.MethodGet, "/console/", "", nil); response.StatusCode != http.StatusOK || !strings.Contains(text, "<title>Outcrop</title>") {
		t.Errorf("the page: got %d %s", response.StatusCode, text)
	}
	if response, text := p.do(http.MethodPost, callBedrock+converse, hello, nil); response.StatusCode != http.StatusUnauthorized || response.Header.Get("X-Outcrop-Console-Error") != "NotSignedIn" {
		t.Errorf("before the sign-in: got %d %s", response.StatusCode, text)
	}
	p.asUser(a, "alice", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}}}`)
	response, text := p.do(http.MethodPost, callBedrock+converse, hello, nil)
	if response.StatusCode != http.StatusOK || !strings.Contains(text, "Converse by arn:aws:iam::000000000000:user/alice") {
		t.Errorf("Converse: got %d %s", response.StatusCode, text)
	}
	if response.Header.Get("X-Amzn-Requestid") == "" || response.Header.Get("X-Outcrop-Served-By") == "" {
		t.Errorf("the headers of the service are gone: %v", response.Header)
	}
	response, text = p.do(http.MethodGet, callBedrock+"/foundation-models", "", nil)
	if response.StatusCode != http.StatusForbidden || !strings.HasPrefix(response.Header.Get("X-Amzn-Errortype"), "AccessDeniedException:") || response.Header.Get("X-Outcrop-Console-Error") != "" ||
		!strings.Contains(text, "User: arn:aws:iam::000000000000:user/alice is not authorized to perform: bedrock:ListFoundationModels") {
		t.Errorf("what she may not do: got %d %v %s", response.StatusCode, response.Header, text)
	}
	for path, want := range map[string]string{"/console/call/outcrop/us-east-1/routes": "outcrop:Operate", "/console/call/outcrop/us-east-1/script/rules": "outcrop:ControlScript"} {
		if response, text = p.do(http.MethodGet, path, "", nil); response.StatusCode != http.StatusForbidden || !strings.Contains(text, want) {
			t.Errorf("%s: got %d %s", path, response.StatusCode, text)
		}
	}
	// The key is deactivated elsewhere: that is the end of the session.
	keys, err := a.credentials.AccessKeys(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.credentials.SetAccessKeyStatus(t.Context(), "alice", keys[0].ID, false); err != nil {
		t.Fatal(err)
	}
	if response, text = p.do(http.MethodPost, callBedrock+converse, hello, nil); response.Header.Get("X-Outcrop-Console-Error") != "SessionEnded" {
		t.Errorf("after that: got %d %s", response.StatusCode, text)
	}
}

// The audit trail has the sign-ins, and the calls as those of who has signed in,
// from where their browser is.
func TestConsoleIsAudited(t *testing.T) {
	t.Parallel()
	a := newScriptedApp(t, "rules: [{answer: x}]", nil)
	p := newPerson(t, start(t, a))
	const wrong = "not-the-secret-of-anybody"
	if response, text := p.do(http.MethodPost, "/console/session", `{"accessKeyId":"`+a.root.AccessKeyID+`","secretAccessKey":"`+wrong+`"}`, nil); response.StatusCode != http.StatusForbidden {
		t.Fatalf("got %d %s", response.StatusCode, text)
	}
	p.signIn(`{"accessKeyId":"` + a.root.AccessKeyID + `","secretAccessKey":"` + a.root.Secret.Reveal() + `"}`)
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	if response, text := p.do(http.MethodPost, "/console/call/iam/us-east-1/", "Action=CreateUser&Version=2010-05-08&UserName=bob", form); response.StatusCode != http.StatusOK {
		t.Fatalf("got %d %s", response.StatusCode, text)
	}
	var events []string
	err := audit.Read(AuditDir(a.p.Config, a.p.Getenv), audit.Filter{}, func(e *audit.Event, text []byte) error {
		events = append(events, e.EventName+" "+e.UserIdentity.ARN+" "+e.SourceIPAddress+" "+e.UserAgent+" "+e.ErrorMessage)
		if bytes.Contains(text, []byte(wrong)) || bytes.Contains(text, []byte(a.root.Secret.Reveal())) {
			t.Errorf("a secret is in the trail: %s", text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"ConsoleLogin  127.0.0.1 a browser Failed authentication",
		"ConsoleLogin arn:aws:iam::000000000000:root 127.0.0.1 a browser ",
		"CreateUser arn:aws:iam::000000000000:root 127.0.0.1 a browser ",
	}
	if strings.Join(events, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q\nwant %q", events, want)
	}
}

// gated is a backend that goes on when it is told to.
type gated struct {
	echo

	next chan struct{}
}

func (g gated) Generate(_ context.Context, req *inference.Request, emit func(inference.Event) error) error {
	if err := emit(inference.Started{Model: req.Model, InputTokens: 1}); err != nil {
		return err
	}
	for _, text := range []string{"first", "second"} {
		if err := emit(inference.TextDelta{Text: text, OutputTokens: 1}); err != nil {
			return err
		}
		<-g.next
	}
	return emit(inference.Finished{Reason: inference.StopEndTurn, Usage: inference.Usage{InputTokens: 1, OutputTokens: 2}})
}

// A person sees a stream while it is made: the second piece is not made before the
// first one has been read.
func TestConsoleStreams(t *testing.T) {
	t.Parallel()
	cfg := config.Default()
	cfg.Listen, cfg.Data, cfg.Offline = "127.0.0.1:0", t.TempDir(), true
	next := make(chan struct{})
	a, err := New(Params{
		Config: &cfg, Getenv: func(string) string { return "" }, Logger: slog.New(slog.DiscardHandler), Version: "test", Command: "bin/outcrop",
		Backends: map[string]inference.Backend{"llamacpp": gated{next: next}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	p := newPerson(t, start(t, a))
	p.signIn(`{"accessKeyId":"` + a.root.AccessKeyID + `","secretAccessKey":"` + a.root.Secret.Reveal() + `"}`)
	response := p.send(http.MethodPost, callBedrock+converse+"-stream", hello, nil)
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "application/vnd.amazon.eventstream" {
		t.Fatalf("got %d %v", response.StatusCode, response.Header)
	}
	var seen bytes.Buffer
	piece := make([]byte, 4096)
	for _, want := range []string{"first", "second"} {
		for !bytes.Contains(seen.Bytes(), []byte(want)) {
			n, err := response.Body.Read(piece)
			if seen.Write(piece[:n]); err != nil {
				t.Fatalf("%v before %s: %s", err, want, &seen)
			}
		}
		next <- struct{}{}
	}
	if _, err := seen.ReadFrom(response.Body); err != nil || !bytes.Contains(seen.Bytes(), []byte("messageStop")) {
		t.Errorf("the end: %v %s", err, &seen)
	}
}

// A link from the command line signs in at the server that runs on the same data.
func TestConsoleLink(t *testing.T) {
	t.Parallel()
	a := newScriptedApp(t, "rules: [{answer: x}]", nil)
	url := start(t, a)
	if _, err := a.directory.CreateUser(t.Context(), directory.NewUser{Name: "bob"}); err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]string{"": "arn:aws:iam::000000000000:root", "bob": "arn:aws:iam::000000000000:user/bob"} {
		link, err := NewConsoleLink(t.Context(), a.p.Config, a.p.Getenv, user, "https://bedrock.example.com/console/")
		if err != nil {
			t.Fatal(err)
		}
		token, ok := strings.CutPrefix(link.URL, "https://bedrock.example.com/console/sign-in#token=")
		if !ok || time.Until(link.Expires) > 15*time.Minute {
			t.Fatalf("got %+v", link)
		}
		if got := newPerson(t, url).signIn(`{"token":"` + token + `"}`); got != want {
			t.Errorf("signed in as %s, want %s", got, want)
		}
		if response, text := newPerson(t, url).do(http.MethodPost, "/console/session", `{"token":"`+token+`"}`, nil); response.StatusCode != http.StatusForbidden {
			t.Errorf("a second time: got %d %s", response.StatusCode, text)
		}
	}
	if _, err := NewConsoleLink(t.Context(), a.p.Config, a.p.Getenv, "nobody", ""); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("a user who is not there: got %v", err)
	}
	var shown bytes.Buffer
	if err := a.WelcomeConsole(t.Context(), &shown); err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(shown.String(), url+"/console/sign-in#token=")
	token, _, _ := strings.Cut(rest, "\n")
	if !ok {
		t.Fatalf("got %s", &shown)
	}
	if got := newPerson(t, url).signIn(`{"token":"` + token + `"}`); got != "arn:aws:iam::000000000000:root" {
		t.Errorf("the link at the start signs in as %s", got)
	}
	var banner bytes.Buffer
	a.Banner(&banner)
	if strings.Contains(banner.String(), "token=") {
		t.Errorf("the banner, which gets into logs, has a link:\n%s", &banner)
	}
	// What is in the data folder is of no use to whoever reads it later.
	database, err := os.ReadFile(filepath.Join(a.p.Config.Data, stateName+"-wal"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(database, []byte(token)) {
		t.Error("the database has the token")
	}
}

// A person who types the address gets to the console, and clients of AWS get what
// they have always got.
func TestFrontDoor(t *testing.T) {
	t.Parallel()
	a := newScriptedApp(t, "rules: [{answer: x}]", nil)
	p := newPerson(t, start(t, a))
	for _, tc := range []struct {
		method, path string
		header       map[string]string
		status       int
		location     string
	}{
		{http.MethodGet, "/", map[string]string{"Accept": "text/html,application/xhtml+xml"}, http.StatusFound, "/console/"},
		{http.MethodGet, "/console", nil, http.StatusPermanentRedirect, "/console/"},
		{http.MethodGet, "/", nil, http.StatusForbidden, ""},
		{http.MethodGet, "/?Action=GetCallerIdentity", map[string]string{"Accept": "text/html"}, http.StatusForbidden, ""},
		{http.MethodPost, "/", map[string]string{"Accept": "text/html"}, http.StatusForbidden, ""},
		{http.MethodGet, "/", map[string]string{"Accept": "text/html", "Authorization": "Bearer x"}, http.StatusBadRequest, ""},
	} {
		response, text := p.do(tc.method, tc.path, "", tc.header)
		if response.StatusCode != tc.status || response.Header.Get("Location") != tc.location {
			t.Errorf("%s %s %v: got %d to %q: %s", tc.method, tc.path, tc.header, response.StatusCode, response.Header.Get("Location"), text)
		}
	}
	// A bucket may be named console.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/console/session", nil)
	if err != nil {
		t.Fatal(err)
	}
	sigv4.Signer{AccessKeyID: a.root.AccessKeyID, Secret: "wrong", Region: "us-east-1", Service: "s3"}.Sign(r, sigv4.BodyHash(nil), time.Now())
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.Header.Get("Server") != "AmazonS3" {
		t.Errorf("what is signed for S3: got %d from %s", response.StatusCode, response.Header.Get("Server"))
	}
}

// Without authentication the console is for browsers on this machine, which may
// then do everything.
func TestConsoleWithoutAuthentication(t *testing.T) {
	t.Parallel()
	a := newScriptedApp(t, "rules: [{answer: '${operation}'}]", func(cfg *config.Config) { cfg.Auth = config.Off })
	p := newPerson(t, start(t, a))
	if got := p.signIn(`{}`); got != "arn:aws:iam::000000000000:user/anonymous" {
		t.Errorf("got %s", got)
	}
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	for _, tc := range []struct {
		method, path, body string
		header             map[string]string
		status             int
		want               string
	}{
		{http.MethodPost, callBedrock + converse, hello, nil, http.StatusOK, `"text":"Converse"`},
		{http.MethodGet, "/console/call/bedrock/eu-west-1/foundation-models", "", nil, http.StatusOK, "arn:aws:bedrock:eu-west-1::"},
		{http.MethodPost, "/console/call/iam/us-east-1/", "Action=ListUsers&Version=2010-05-08", form, http.StatusOK, "<ListUsersResult>"},
		{http.MethodGet, "/console/call/outcrop/us-east-1/routes", "", nil, http.StatusOK, `"routes"`},
		{http.MethodGet, "/console/call/outcrop/us-east-1/routes", "", map[string]string{"X-Forwarded-For": "192.0.2.1"}, http.StatusForbidden, "from the machine"},
		{http.MethodPost, callBedrock + converse, hello, map[string]string{"Origin": "http://evil.example"}, http.StatusForbidden, "OriginNotAllowed"},
	} {
		response, text := p.do(tc.method, tc.path, tc.body, tc.header)
		if response.StatusCode != tc.status || !strings.Contains(text, tc.want) {
			t.Errorf("%s %s %v: got %d %s", tc.method, tc.path, tc.header, response.StatusCode, text)
		}
	}
}

func TestConsoleDisabled(t *testing.T) {
	t.Parallel()
	a := newScriptedApp(t, "rules: [{answer: x}]", func(cfg *config.Config) { cfg.Console.Enabled = false })
	p := newPerson(t, start(t, a))
	for _, path := range []string{"/console/", "/console/session", "/"} {
		if response, text := p.do(http.MethodGet, path, "", map[string]string{"Accept": "text/html"}); response.StatusCode < 400 || strings.Contains(text, "<title>") {
			t.Errorf("%s: got %d %s", path, response.StatusCode, text)
		}
	}
	if _, err := NewConsoleLink(t.Context(), a.p.Config, a.p.Getenv, "", ""); err == nil {
		t.Error("there is a link to a console that is not there")
	}
}
