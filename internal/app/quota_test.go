package app

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/provisioned"
	"github.com/outcrop/outcrop/internal/quota"
)

const haiku = "anthropic.claude-3-haiku-20240307-v1:0"

// converseWith has the edge answer a request for a model, without a connection.
func converseWith(ctx context.Context, a *App, model string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/model/"+url.PathEscape(model)+"/converse", strings.NewReader(hello))
	r.Host = "127.0.0.1"
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	a.edge.ServeHTTP(w, r)
	return w
}

func wantStatus(t *testing.T, a *App, model string, want int, message string) {
	t.Helper()
	w := converseWith(t.Context(), a, model)
	if w.Code != want || !strings.Contains(w.Body.String(), message) {
		t.Errorf("%s: got %d %s, want %d %s", model, w.Code, w.Body, want, message)
	}
}

func withoutAuth(cfg *config.Config) { cfg.Auth = config.Off }

func TestQuotaThrottlesUntilItIsRaised(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, withoutAuth)
	account, region := a.p.Config.Account, a.p.Config.Region
	q, err := a.quotas.FindByName(account, region, haiku, quota.Requests)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.quotas.Set(t.Context(), account, region, q.Code, 3); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		wantStatus(t, a, haiku, http.StatusOK, "hello")
	}
	const tooMany = "Too many requests, please wait before trying again."
	wantStatus(t, a, haiku, http.StatusTooManyRequests, tooMany)
	wantStatus(t, a, "arn:aws:bedrock:us-east-1::foundation-model/"+haiku, http.StatusTooManyRequests, tooMany)
	wantStatus(t, a, "us."+haiku, http.StatusOK, "hello") // a quota of its own
	made, err := a.quotas.Ask(t.Context(), account, region, q.Code, 10, "arn")
	if err != nil {
		t.Fatal(err)
	}
	wantStatus(t, a, haiku, http.StatusTooManyRequests, tooMany)
	if _, err := a.quotas.Approve(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, a, haiku, http.StatusOK, "hello")
}

// gate is a backend that computes nothing before it is let.
type gate struct {
	echo
	let     chan struct{}
	running atomic.Int32
}

func (g *gate) Generate(ctx context.Context, req *inference.Request, emit func(inference.Event) error) error {
	g.running.Add(1)
	defer g.running.Add(-1)
	select {
	case <-g.let:
	case <-ctx.Done():
		return ctx.Err()
	}
	return g.echo.Generate(ctx, req, emit)
}

func (g *gate) until(t *testing.T, n int32) {
	t.Helper()
	limit := time.After(30 * time.Second)
	for g.running.Load() != n {
		select {
		case <-limit:
			t.Fatalf("%d are running, want %d", g.running.Load(), n)
		case <-time.After(time.Millisecond):
		}
	}
}

func newGatedApp(t *testing.T, change func(*config.Config)) (*App, *gate) {
	t.Helper()
	cfg := config.Default()
	cfg.Listen, cfg.Data, cfg.Offline, cfg.Auth = "127.0.0.1:0", t.TempDir(), true, config.Off
	change(&cfg)
	g := &gate{let: make(chan struct{})}
	a, err := New(Params{
		Config: &cfg, Getenv: func(string) string { return "" }, Logger: slog.New(slog.DiscardHandler), Version: "test", Command: "bin/outcrop",
		Backends: map[string]inference.Backend{"llamacpp": g},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return a, g
}

func TestAClientThatLeavesGivesItsPlaceBack(t *testing.T) {
	t.Parallel()
	one, tokens := int64(1), int64(10_000)
	a, g := newGatedApp(t, func(cfg *config.Config) {
		cfg.Limits.Models = []config.ModelLimit{{Match: "*", Concurrency: &one, TokensPerMinute: &tokens}}
	})
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = recover() }() // net/http is told so that it ends the connection
		converseWith(ctx, a, haiku)
	}()
	g.until(t, 1)
	wantStatus(t, a, haiku, http.StatusServiceUnavailable, "Too many connections, please wait before trying again.")
	leave()
	<-done
	close(g.let)
	for range 5 { // 4,096 tokens are reserved for each, and two are used
		wantStatus(t, a, haiku, http.StatusOK, "hello")
	}
}

func TestReservedPlacesStayFree(t *testing.T) {
	t.Parallel()
	a, g := newGatedApp(t, func(cfg *config.Config) { cfg.Engine.Parallel, cfg.Engine.Queue = 4, 1 })
	made, err := a.throughput.Create(t.Context(), provisioned.New{
		Account: a.p.Config.Account, Region: a.p.Config.Region, Name: "mine", Model: haiku, Units: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan int)
	ask := func(model string) { go func() { answers <- converseWith(t.Context(), a, model).Code }() }
	for range 4 { // two run, one waits, and there is no room for another one
		ask("amazon.nova-lite-v1:0") // which the same local model answers
	}
	if code := <-answers; code != http.StatusServiceUnavailable {
		t.Errorf("got %d, want %d", code, http.StatusServiceUnavailable)
	}
	g.until(t, 2)
	ask(made.ARN)
	g.until(t, 3)
	ask("mine")
	g.until(t, 4)
	wantStatus(t, a, made.ARN, http.StatusTooManyRequests, "Too many requests, please wait before trying again.")
	close(g.let)
	for range 5 {
		if code := <-answers; code != http.StatusOK {
			t.Errorf("got %d, want %d", code, http.StatusOK)
		}
	}
}

func TestOnlyKnownModelsCanBeReserved(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, withoutAuth)
	for model, kind := range map[string]fault.Kind{"us." + haiku: fault.Invalid, "acme.none": fault.NotFound} {
		_, err := a.throughput.Create(t.Context(), provisioned.New{
			Account: a.p.Config.Account, Region: a.p.Config.Region, Name: "x", Model: model, Units: 1,
		})
		if !fault.Is(err, kind) {
			t.Errorf("%s: got %v, want %s", model, err, kind)
		}
	}
}

// BenchmarkThrottledCall is all of what the server does for a call that it
// throttles, but for the connection and the signature.
func BenchmarkThrottledCall(b *testing.B) {
	cfg := config.Default()
	none := int64(0)
	cfg.Listen, cfg.Data, cfg.Offline, cfg.Auth = "127.0.0.1:0", b.TempDir(), true, config.Off
	cfg.Limits.Models = []config.ModelLimit{{Match: "*", RequestsPerMinute: &none}}
	a, err := New(Params{
		Config: &cfg, Getenv: func(string) string { return "" }, Logger: slog.New(slog.DiscardHandler), Version: "bench", Command: "bin/outcrop",
		Backends: map[string]inference.Backend{"llamacpp": echo{}},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = a.Close() })
	b.ReportAllocs()
	for b.Loop() {
		w := converseWith(b.Context(), a, haiku)
		var body struct{ Message string }
		if err := json.Unmarshal(w.Body.Bytes(), &body); w.Code != http.StatusTooManyRequests || err != nil {
			b.Fatalf("got %d %s", w.Code, w.Body)
		}
	}
}
