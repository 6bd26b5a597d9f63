package app

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/inference"
)

// lingering is a backend that takes a while to end what it computes.
type lingering struct {
	gate
	closed atomic.Bool
}

func (l *lingering) Generate(ctx context.Context, req *inference.Request, emit func(inference.Event) error) error {
	l.running.Add(1)
	defer l.running.Add(-1)
	<-l.let
	for range 100_000 {
		runtime.Gosched()
	}
	return l.echo.Generate(ctx, req, emit)
}

func (l *lingering) Close() error {
	if l.closed.CompareAndSwap(false, true) {
		close(l.let)
	}
	return nil
}

// What is still going on when the server stops is over before the logs are
// closed.
func TestRequestsThatAStopCutsOffAreLogged(t *testing.T) {
	t.Parallel()
	cfg := config.Default()
	cfg.Listen, cfg.Data, cfg.Offline, cfg.Auth = "127.0.0.1:0", t.TempDir(), true, config.Off
	cfg.InvocationLogs.Directory = t.TempDir()
	g := &lingering{gate: gate{let: make(chan struct{})}}
	a, err := New(Params{
		Config: &cfg, Getenv: func(string) string { return "" }, Logger: slog.New(slog.DiscardHandler), Version: "test", Command: "bin/outcrop",
		Backends: map[string]inference.Backend{"llamacpp": g},
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		converseWith(t.Context(), a, haiku)
	}()
	g.until(t, 1)
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	<-done
	files, _ := filepath.Glob(filepath.Join(cfg.InvocationLogs.Directory, "*.jsonl"))
	if len(files) != 1 {
		t.Fatalf("got the files %v, want one", files)
	}
	text, err := os.ReadFile(files[0])
	if err != nil || strings.Count(string(text), "\n") != 1 {
		t.Errorf("got %q, %v, want one record", text, err)
	}
}
