package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/operator"
	"github.com/outcrop/outcrop/internal/provisioned"
)

// reloadable is a server of scripted backends whose configuration a test changes.
type reloadable struct {
	*App

	t    *testing.T
	next func() (*config.Config, error)
	cfg  config.Config
	log  *bytes.Buffer
}

func newReloadable(t *testing.T) *reloadable {
	t.Helper()
	cfg := config.Default()
	cfg.Listen, cfg.Data, cfg.Offline, cfg.Auth = "127.0.0.1:0", t.TempDir(), true, config.Off
	cfg.Backends = map[string]config.Backend{"one": script1(t, "from one"), "two": script1(t, "from two")}
	cfg.Routes = []config.Route{{Match: "acme.x", Model: "one/m"}}
	r := &reloadable{t: t, cfg: cfg, log: &bytes.Buffer{}}
	a, err := New(Params{
		Config: &cfg, Getenv: func(string) string { return "" }, Logger: slog.New(slog.NewTextHandler(r.log, nil)), Version: "test", Command: "bin/outcrop",
		Load: func() (*config.Config, error) { return r.next() },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	r.App = a
	return r
}

func script1(t *testing.T, answer string) config.Backend {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(path, []byte("rules: [{answer: "+answer+"}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Backend{Type: config.BackendScripted, Script: path}
}

func (r *reloadable) reload(change func(*config.Config)) (*Reloaded, error) {
	r.next = func() (*config.Config, error) {
		cfg := r.cfg
		change(&cfg)
		return &cfg, nil
	}
	return r.Reload()
}

// says asks a model and returns its answer.
func (r *reloadable) says(id string) (string, error) {
	target, err := r.router.Resolve(r.t.Context(), id, "us-east-1", "", "")
	if err != nil {
		return "", err
	}
	answer, err := inference.Collect(r.t.Context(), r.router, &inference.Request{
		Model: target.Name(), Messages: []inference.Message{{Role: inference.RoleUser, Parts: []inference.Part{inference.Text{Text: "x"}}}},
	})
	if err != nil {
		return "", err
	}
	return answer.Text, nil
}

func TestReload(t *testing.T) {
	t.Parallel()
	r := newReloadable(t)
	if got, err := r.says("acme.x"); got != "from one" || err != nil {
		t.Fatalf("before: got %q, %v", got, err)
	}
	two := r.live.backends["two"]

	done, err := r.reload(func(cfg *config.Config) {
		cfg.Backends = map[string]config.Backend{"two": cfg.Backends["two"], "three": script1(t, "from three")}
		cfg.Routes = []config.Route{{Match: "acme.x", Chain: []config.Candidate{{Model: "three/m"}, {Model: "two/m", Tier: 1}}}, {Match: "acme.new", Model: "two/m"}}
		cfg.Log.Level = "debug"
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(done.Started, []string{"three"}) || !slices.Equal(done.Stopped, []string{"one"}) || !slices.Equal(done.Restart, []string{"log"}) || done.Routes != 2 {
		t.Errorf("got %+v", done)
	}
	if r.live.backends["two"] != two {
		t.Error("a backend of which nothing has changed was built anew")
	}
	for id, want := range map[string]string{"acme.x": "from three", "acme.new": "from two"} {
		if got, err := r.says(id); got != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", id, got, err, want)
		}
	}
	if !r.own("acme.new") || r.own("acme.old") {
		t.Error("the IDs of the operator's own are not those of the new routes")
	}
}

// Another text in a file of rules is another backend, though the configuration
// says the same.
func TestReloadReadsFiles(t *testing.T) {
	t.Parallel()
	r := newReloadable(t)
	if err := os.WriteFile(r.cfg.Backends["one"].Script, []byte("rules: [{answer: changed}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	done, err := r.reload(func(*config.Config) {})
	if err != nil || !slices.Equal(done.Started, []string{"one"}) {
		t.Errorf("got %+v, %v", done, err)
	}
	if got, err := r.says("acme.x"); got != "changed" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestReloadThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	r := newReloadable(t)
	before := r.live.backends
	for name, change := range map[string]func(*config.Config){
		"a backend that cannot be built": func(cfg *config.Config) {
			cfg.Backends = map[string]config.Backend{"two": cfg.Backends["two"], "a": script1(t, "x"), "z": {Type: config.BackendScripted, Script: filepath.Join(t.TempDir(), "none")}}
		},
		"a model that is like none": func(cfg *config.Config) {
			cfg.Backends = map[string]config.Backend{"a": script1(t, "x")}
			cfg.Routes = []config.Route{{Match: "acme.y", Model: "a/m", Like: "acme.z"}}
		},
	} {
		if _, err := r.reload(change); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	r.next = func() (*config.Config, error) { return nil, errors.New("outcrop.yaml:3: nonsense") }
	if _, err := r.Reload(); err == nil || !strings.Contains(r.log.String(), "outcrop.yaml:3: nonsense") {
		t.Errorf("a file that makes no sense: got %v, and the log\n%s", err, r.log)
	}
	if got, err := r.says("acme.x"); got != "from one" || err != nil {
		t.Errorf("after all of them: got %q, %v", got, err)
	}
	for name, b := range before {
		if r.live.backends[name] != b {
			t.Errorf("%s is another one", name)
		}
	}
}

// What operators ask is for those on this machine where authentication is off,
// and for administrators where it is on.
func TestOperators(t *testing.T) {
	t.Parallel()
	r := newReloadable(t)
	r.next = func() (*config.Config, error) { return nil, errors.New("nonsense") }
	ask := func(method, target, from string) (int, string) {
		request := httptest.NewRequest(method, "http://127.0.0.1:8484"+target, nil)
		request.RemoteAddr = from
		request = request.WithContext(context.WithValue(request.Context(), http.LocalAddrContextKey, r.Addr()))
		w := httptest.NewRecorder()
		r.edge.ServeHTTP(w, request)
		return w.Code, w.Body.String()
	}
	const here, there = "127.0.0.1:1", "192.0.2.7:1"
	for _, tt := range []struct {
		method, target, from string
		status               int
		want                 string
	}{
		{"GET", operator.RoutesPath, here, 200, `"match":"acme.x","candidates":[{"model":"one/m","tier":0,"weight":1,"share":1,"available":true,"breaker":"closed"`},
		{"GET", operator.RoutesPath + "?model=acme.x", here, 200, `"route":"acme.x"`},
		{"GET", operator.RoutesPath + "?model=acme.nobody&region=eu-west-1", here, 404, "Could not resolve the foundation model"},
		{"POST", operator.ReloadPath, here, 400, "what was in force stays: nonsense"},
		{"GET", operator.RoutesPath, there, 403, "Call this from the machine"},
		{"POST", operator.ReloadPath, there, 403, "Call this from the machine"},
	} {
		if status, body := ask(tt.method, tt.target, tt.from); status != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s %s from %s: got %d %s, want %d %s", tt.method, tt.target, tt.from, status, body, tt.status, tt.want)
		}
	}
	r.p.Config.Auth = config.On
	if status, body := ask("GET", operator.RoutesPath, here); status != 403 {
		t.Errorf("without a signature: got %d %s", status, body)
	}
}

// Places are reserved in whatever model answers after a reload.
func TestReloadMovesReservedPlaces(t *testing.T) {
	t.Parallel()
	r := newReloadable(t)
	made, err := r.throughput.Create(t.Context(), provisioned.New{Account: r.cfg.Account, Region: r.cfg.Region, Name: "mine", Model: "acme.x", Units: 1})
	if err != nil {
		t.Fatal(err)
	}
	free := func(model string) (n int) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for n < 2*r.cfg.Engine.Parallel {
			leave, err := r.throughput.Enter(ctx, model, "")
			if err != nil {
				return n
			}
			defer leave()
			n++
		}
		return n
	}
	all, some := 2*r.cfg.Engine.Parallel, r.cfg.Engine.Parallel-r.cfg.Limits.SlotsPerUnit
	if one, two := free("one/m"), free("two/m"); one != some || two != all {
		t.Errorf("before: %d and %d are free, want %d and %d", one, two, some, all)
	}
	held, err := r.throughput.Enter(t.Context(), "one/m", made.ARN)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.reload(func(cfg *config.Config) { cfg.Routes = []config.Route{{Match: "acme.x", Model: "two/m"}} }); err != nil {
		t.Fatal(err)
	}
	if one, two := free("one/m"), free("two/m"); one != all || two != some {
		t.Errorf("after: %d and %d are free, want %d and %d", one, two, all, some)
	}
	for i := range r.cfg.Limits.SlotsPerUnit {
		_, err := r.throughput.Enter(t.Context(), "two/m", made.ARN)
		if last := i == r.cfg.Limits.SlotsPerUnit-1; fault.Is(err, fault.Throttled) != last {
			t.Errorf("place %d, while one is in use in the old model: got %v", i+1, err)
		}
	}
	held()
	if _, err := r.throughput.Enter(t.Context(), "two/m", made.ARN); err != nil {
		t.Errorf("when it is given back: got %v", err)
	}
	// A model that is gone has no places, and whoever asks is told so.
	if _, err := r.reload(func(cfg *config.Config) { cfg.Routes = nil }); err != nil {
		t.Fatal(err)
	}
	if got, err := r.throughput.Find(t.Context(), r.cfg.Account, r.cfg.Region, "mine"); err != nil || got.Status != provisioned.Failed || free("two/m") != all {
		t.Errorf("without a route: got %+v, %v, %d free", got, err, free("two/m"))
	}
}
