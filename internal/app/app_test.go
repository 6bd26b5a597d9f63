package app

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/sigv4"
)

// echo is a backend that answers with the last thing it was told. The scripted
// backend of package mem does more than these tests need.
type echo struct{}

func (echo) Generate(_ context.Context, req *inference.Request, emit func(inference.Event) error) error {
	text := ""
	for _, m := range req.Messages {
		for _, p := range m.Parts {
			if t, ok := p.(inference.Text); ok {
				text = t.Text
			}
		}
	}
	for _, ev := range []inference.Event{
		inference.Started{Model: req.Model, InputTokens: 1},
		inference.TextDelta{Text: text, OutputTokens: 1},
		inference.Finished{Reason: inference.StopEndTurn, Usage: inference.Usage{InputTokens: 1, OutputTokens: 1}},
	} {
		if err := emit(ev); err != nil {
			return err
		}
	}
	return nil
}

func (echo) Close() error { return nil }

// newTestApp makes a server on a free port with its own data; change may alter
// its configuration.
func newTestApp(t *testing.T, change func(*config.Config), observers ...observe.Observer) *App {
	t.Helper()
	cfg := config.Default()
	cfg.Listen, cfg.Data, cfg.Offline = "127.0.0.1:0", t.TempDir(), true
	if change != nil {
		change(&cfg)
	}
	a, err := New(Params{
		Config: &cfg, Getenv: func(string) string { return "" }, Logger: slog.New(slog.DiscardHandler), Version: "test", Command: "bin/outcrop",
		Backends: map[string]inference.Backend{"llamacpp": echo{}}, Observers: observers,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return a
}

// start runs a server until the test ends.
func start(t *testing.T, a *App) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return "http://" + a.Addr().String()
}

const (
	converse = "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse"
	hello    = `{"messages":[{"role":"user","content":[{"text":"hello"}]}]}`
)

func post(t *testing.T, a *App, url string, sign bool) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+converse, strings.NewReader(hello))
	if err != nil {
		t.Fatal(err)
	}
	if sign {
		sigv4.Signer{AccessKeyID: a.root.AccessKeyID, Secret: a.root.Secret, Region: "us-east-1", Service: "bedrock"}.
			Sign(r, sigv4.BodyHash([]byte(hello)), time.Now())
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestTwoServersInOneProcess(t *testing.T) {
	t.Parallel()
	one, two := newTestApp(t, nil), newTestApp(t, nil)
	urlOne, urlTwo := start(t, one), start(t, two)
	for _, server := range []struct {
		app *App
		url string
	}{{one, urlOne}, {two, urlTwo}} {
		if status, body := post(t, server.app, server.url, true); status != http.StatusOK || !strings.Contains(body, `{"text":"hello"}`) {
			t.Errorf("got %d %s", status, body)
		}
	}
	if status, body := post(t, two, urlOne, true); status != http.StatusForbidden || !strings.Contains(body, "The security token included in the request is invalid.") {
		t.Errorf("the other server's key: got %d %s", status, body)
	}
}

func TestAuthOff(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, func(cfg *config.Config) { cfg.Auth = config.Off })
	url := start(t, a)
	if status, body := post(t, a, url, false); status != http.StatusOK {
		t.Errorf("got %d %s", status, body)
	}
	var banner bytes.Buffer
	a.Banner(&banner)
	if !strings.Contains(banner.String(), "authentication is OFF") {
		t.Errorf("the banner does not say that authentication is off:\n%s", &banner)
	}
	strict := newTestApp(t, nil)
	if status, _ := post(t, strict, start(t, strict), false); status != http.StatusForbidden {
		t.Errorf("an unsigned request with authentication: got %d", status)
	}
}

func TestThrottling(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, func(cfg *config.Config) { cfg.Limits.RequestsPerMinute = 1 })
	url := start(t, a)
	if status, body := post(t, a, url, true); status != http.StatusOK {
		t.Fatalf("the first request: got %d %s", status, body)
	}
	if status, body := post(t, a, url, true); status != http.StatusTooManyRequests || body != `{"message":"Too many requests, please wait before trying again."}` {
		t.Errorf("the second request: got %d %s", status, body)
	}
}

func TestBannerNamesStandIns(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, func(cfg *config.Config) {
		cfg.Routes = []config.Route{{Match: "meta.*", Model: "my-llama"}}
	})
	var b bytes.Buffer
	a.Banner(&b)
	for _, want := range []string{"meta.*", "llamacpp/my-llama", "llamacpp/smollm2-135m-instruct", "llamacpp/all-minilm-l6-v2", "stand-in", a.Addr().String(), `eval "$(bin/outcrop env)"`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the banner does not name %q:\n%s", want, &b)
		}
	}
}

func TestNotReadyWithoutParts(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, nil)
	url := start(t, a)
	response, err := http.Get(url + "/health/live")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("live: got %d", response.StatusCode)
	}
	if err := a.parts.Ensure(t.Context()); err == nil {
		t.Fatal("offline without parts: got no error")
	}
	response, err = http.Get(url + "/health/ready")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "could not be fetched") {
		t.Errorf("ready: got %d %s", response.StatusCode, body)
	}
}

// closing counts how often it was closed.
type closing struct {
	echo

	closed *int
}

func (c closing) Close() error {
	*c.closed++
	return nil
}

func TestAddressIsThatOfTheRunningServer(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, nil)
	getenv := func(string) string { return "" }
	cfg := *a.p.Config
	cfg.Listen = "0.0.0.0:8484" // what another command's configuration says
	if got, want := Address(&cfg, getenv), "127.0.0.1:8484"; got != want {
		t.Errorf("before the start: got %s, want %s", got, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	response, err := http.Get("http://" + a.Addr().String() + "/health/live") // now it runs
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if got, want := Address(&cfg, getenv), a.Addr().String(); got != want {
		t.Errorf("while it runs: got %s, want %s", got, want)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got, want := Address(&cfg, getenv), "127.0.0.1:8484"; got != want {
		t.Errorf("after the stop: got %s, want %s", got, want)
	}
}

func TestHalfFailedStartStopsWhatItStarted(t *testing.T) {
	t.Parallel()
	taken := newTestApp(t, nil)
	cfg := config.Default()
	cfg.Listen, cfg.Data = taken.Addr().String(), t.TempDir()
	closed := 0
	_, err := New(Params{
		Config: &cfg, Getenv: func(string) string { return "" }, Logger: slog.New(slog.DiscardHandler),
		Backends: map[string]inference.Backend{"llamacpp": closing{closed: &closed}},
	})
	if err == nil || !strings.Contains(err.Error(), "listen") {
		t.Errorf("got %v, want an error about the port", err)
	}
	if closed != 1 {
		t.Errorf("the backend was closed %d times, want once", closed)
	}
}
