package app

import (
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/sigv4"
)

// newScriptedApp makes a server that answers by rules.
func newScriptedApp(t *testing.T, rules string, change func(*config.Config)) *App {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Listen, cfg.Data, cfg.Script = "127.0.0.1:0", t.TempDir(), file
	if change != nil {
		change(&cfg)
	}
	cfg.Scripted()
	a, err := New(Params{
		Config: &cfg, Getenv: func(string) string { return "" }, Logger: slog.New(slog.DiscardHandler), Version: "test", Command: "bin/outcrop",
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

// A server with a script is ready at once, answers by it, and fails as it says:
// nothing is asked again inside.
func TestScript(t *testing.T) {
	t.Parallel()
	a := newScriptedApp(t, "rules: [{when: {nth: 1}, answer: {fault: throttle}}, {answer: '${operation} of ${model} by ${principal}'}]", nil)
	url := start(t, a)
	if err := a.parts.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	if status, body := post(t, a, url, true); status != http.StatusTooManyRequests {
		t.Errorf("got %d %s, want it throttled", status, body)
	}
	want := "Converse of anthropic.claude-3-haiku-20240307-v1:0 by arn:aws:iam::000000000000:root"
	if status, body := post(t, a, url, true); status != http.StatusOK || !strings.Contains(body, want) {
		t.Errorf("got %d %s, want %s", status, body, want)
	}
}

func TestScriptFileIsWrong(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(file, []byte("rules:\n  - answr: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Listen, cfg.Data, cfg.Script = "127.0.0.1:0", t.TempDir(), file
	cfg.Scripted()
	_, err := New(Params{Config: &cfg, Getenv: func(string) string { return "" }, Logger: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "rules.yaml: line 2: a rule has no answr") {
		t.Errorf("got %v", err)
	}
}

// Programs on this machine may control the script, and administrators who sign.
func TestScriptControl(t *testing.T) {
	t.Parallel()
	const rules = "rules: [{answer: x}]"
	signedAs := func(a *App) func(r *http.Request) {
		return func(r *http.Request) {
			sigv4.Signer{AccessKeyID: a.root.AccessKeyID, Secret: a.root.Secret, Region: "us-east-1", Service: "bedrock"}.
				Sign(r, sigv4.BodyHash([]byte(rules)), time.Now())
		}
	}
	header := func(name, value string) func(r *http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	on, off := newScriptedApp(t, rules, nil), newScriptedApp(t, rules, func(cfg *config.Config) { cfg.Auth = config.Off })
	start(t, on)
	start(t, off)
	for name, tt := range map[string]struct {
		app    *App
		change []func(r *http.Request)
		want   int
	}{
		"local":                   {app: on, want: http.StatusOK},
		"local without auth":      {app: off, want: http.StatusOK},
		"by localhost":            {app: on, change: []func(*http.Request){func(r *http.Request) { r.Host = "localhost:8484" }}, want: http.StatusOK},
		"a web page":              {app: on, change: []func(*http.Request){header("Origin", "https://example.com")}, want: http.StatusForbidden},
		"a web page without auth": {app: off, change: []func(*http.Request){header("Sec-Fetch-Site", "cross-site")}, want: http.StatusForbidden},
		"by another name":         {app: on, change: []func(*http.Request){func(r *http.Request) { r.Host = "rebound.example.com" }}, want: http.StatusForbidden},
		"a proxy":                 {app: on, change: []func(*http.Request){header("X-Forwarded-For", "203.0.113.7")}, want: http.StatusForbidden},
		"a proxy that hides":      {app: on, change: []func(*http.Request){header("X-Forwarded-Proto", "https")}, want: http.StatusForbidden},
		"a proxy, signed":         {app: on, change: []func(*http.Request){signedAs(on), header("X-Forwarded-For", "203.0.113.7")}, want: http.StatusOK},
		"signed elsewhere":        {app: on, change: []func(*http.Request){signedAs(off), header("X-Forwarded-For", "203.0.113.7")}, want: http.StatusForbidden},
		"signed without auth":     {app: off, change: []func(*http.Request){signedAs(off), header("Via", "1.1 proxy")}, want: http.StatusForbidden},
	} {
		url := "http://" + tt.app.Addr().String()
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url+scriptPath+"rules", strings.NewReader(rules))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range tt.change {
				f(r)
			}
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil || response.StatusCode != tt.want {
				t.Errorf("got %d %s, %v, want %d", response.StatusCode, body, err, tt.want)
			}
		})
	}
}

// Without --script there is nothing to control.
func TestNoScriptControl(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, nil)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, start(t, a)+scriptPath+"calls", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		t.Error("the calls can be read")
	}
}
