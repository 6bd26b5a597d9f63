package app

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/telemetry/series"
)

// counted is what CloudWatch would say of a metric of the last day.
func counted(t *testing.T, a *App, metric series.Metric) float64 {
	t.Helper()
	if err := a.gov.metrics.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	steps, err := a.gov.series.Points(t.Context(), series.Query{
		Key:   series.Key{Account: "000000000000", Region: "us-east-1", Model: "anthropic.claude-3-haiku-20240307-v1:0", Metric: metric},
		Start: series.Align(now.Add(-24*time.Hour), now), End: now.Add(time.Hour), Period: 48 * time.Hour,
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	if len(steps) == 0 {
		return 0
	}
	return steps[0].Stat.Sum
}

// TestMetricsSurviveARestart: a server that is started on the same data goes on
// counting where the one before stopped.
func TestMetricsSurviveARestart(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	off := func(cfg *config.Config) { cfg.Auth, cfg.Data = config.Off, data }
	first := newTestApp(t, off)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- first.Run(ctx) }()
	if status, body := post(t, first, "http://"+first.Addr().String(), false); status != http.StatusOK {
		t.Fatalf("got %d %s", status, body)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := newTestApp(t, off)
	url := start(t, second)
	if status, body := post(t, second, url, false); status != http.StatusOK {
		t.Fatalf("got %d %s", status, body)
	}
	response, err := http.Get(url + "/metrics") //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || !strings.Contains(string(text), `gen_ai_response_model="llamacpp/`) {
		t.Errorf("/metrics does not say who answered: %v", err)
	}
	if got := counted(t, second, series.Invocations); got != 2 {
		t.Errorf("got %v invocations, want 2", got)
	}
}

// TestTracesReachACollector, also when the server stops right after.
func TestTracesReachACollector(t *testing.T) {
	t.Parallel()
	var got atomic.Int64
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/traces" {
			got.Add(1)
		}
	}))
	t.Cleanup(collector.Close)
	a := newTestApp(t, func(cfg *config.Config) { cfg.Auth, cfg.Telemetry.OTLP.Endpoint = config.Off, collector.URL })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	if status, body := post(t, a, "http://"+a.Addr().String(), false); status != http.StatusOK {
		t.Fatalf("got %d %s", status, body)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if got.Load() == 0 {
		t.Error("no trace arrived")
	}
}
