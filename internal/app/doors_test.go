package app

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/budget"
	"github.com/outcrop/outcrop/internal/clocktest"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/ledger"
	"github.com/outcrop/outcrop/internal/quota"
)

// doorway is one of the ways in, for the model haiku.
type doorway struct {
	path, body string
	keyHeader  string // where the key is; empty: Authorization
	code       string // a member of the body of errors by which clients know the vendor's form
}

// doorways are the ways in that generate. What governs a model governs it at each
// of them.
func doorways() map[string]doorway {
	const user = `"messages":[{"role":"user","content":"hello"}]`
	return map[string]doorway{
		"chat completions": {path: "/openai/v1/chat/completions", body: `{"model":"` + haiku + `",` + user + `}`, code: `"error":{`},
		"responses":        {path: "/openai/v1/responses", body: `{"model":"` + haiku + `","input":"hello"}`, code: `"error":{`},
		"messages":         {path: "/anthropic/v1/messages", body: `{"model":"` + haiku + `","max_tokens":9,` + user + `}`, keyHeader: "X-Api-Key", code: `"type":"error"`},
		"Converse":         {path: "/model/" + strings.ReplaceAll(haiku, ":", "%3A") + "/converse", body: hello, code: `essage":"`},
	}
}

// visitor is a server with a user, whose key asks at a door.
type visitor struct {
	*testing.T
	*App
	door  doorway
	clock *clocktest.Clock
	key   string
}

func newVisitor(t *testing.T, door doorway, change func(*config.Config)) *visitor {
	t.Helper()
	g := &visitor{T: t, door: door, clock: clocktest.New(time.Now().UTC().Truncate(time.Second))}
	cfg := config.Default()
	cfg.Listen, cfg.Data, cfg.Offline = "127.0.0.1:0", t.TempDir(), true
	if change != nil {
		change(&cfg)
	}
	var err error
	g.App, err = New(Params{
		Config: &cfg, Getenv: func(string) string { return "" }, Logger: slog.New(slog.DiscardHandler), Version: "test", Command: "bin/outcrop",
		Backends: map[string]inference.Backend{"llamacpp": echo{}}, Now: g.clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	if _, err := g.directory.CreateUser(t.Context(), directory.NewUser{Name: "ann"}); err != nil {
		t.Fatal(err)
	}
	if err := g.directory.AttachUserPolicy(t.Context(), "ann", "arn:aws:iam::aws:policy/AmazonBedrockFullAccess"); err != nil {
		t.Fatal(err)
	}
	_, secret, err := g.credentials.AddAPIKey(t.Context(), "ann", 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	g.key = string(secret)
	return g
}

// request is one at the door with the user's key.
func (g *visitor) request() *http.Request {
	r := httptest.NewRequestWithContext(g.Context(), http.MethodPost, g.door.path, strings.NewReader(g.door.body))
	r.Host = "127.0.0.1"
	r.Header.Set("Content-Type", "application/json")
	if g.door.keyHeader != "" {
		r.Header.Set(g.door.keyHeader, g.key)
	} else {
		r.Header.Set("Authorization", "Bearer "+g.key)
	}
	return r
}

// answers asks and holds the answer to be hello.
func (g *visitor) answers(when string) {
	g.Helper()
	w := httptest.NewRecorder()
	g.edge.ServeHTTP(w, g.request())
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "hello") {
		g.Errorf("%s: got %d %s, want an answer", when, w.Code, w.Body)
	}
}

// refuses asks and holds the answer to be an error in the vendor's form.
func (g *visitor) refuses(when string, status int, text string) {
	g.Helper()
	w := httptest.NewRecorder()
	g.edge.ServeHTTP(w, g.request())
	if w.Code != status || !json.Valid(w.Body.Bytes()) || !strings.Contains(w.Body.String(), g.door.code) || !strings.Contains(w.Body.String(), text) {
		g.Errorf("%s: got %d %s, want %d %s in the form %s", when, w.Code, w.Body, status, text, g.door.code)
	}
}

// atEveryDoor runs a test at each door.
func atEveryDoor(t *testing.T, change func(*config.Config), test func(g *visitor)) {
	t.Helper()
	for name, door := range doorways() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(newVisitor(t, door, change))
		})
	}
}

func TestQuotasHoldAtEveryDoor(t *testing.T) {
	t.Parallel()
	atEveryDoor(t, nil, func(g *visitor) {
		account, region := g.p.Config.Account, g.p.Config.Region
		q, err := g.quotas.FindByName(account, region, haiku, quota.Requests)
		if err != nil {
			g.Fatal(err)
		}
		if err := g.quotas.Set(g.Context(), account, region, q.Code, 2); err != nil {
			g.Fatal(err)
		}
		g.answers("the first")
		g.answers("the second")
		g.refuses("the third", http.StatusTooManyRequests, "Too many requests, please wait before trying again.")
		g.clock.Advance(time.Minute)
		g.answers("a minute later")
	})
}

func TestBudgetsHoldAtEveryDoor(t *testing.T) {
	t.Parallel()
	atEveryDoor(t, nil, func(g *visitor) {
		b := budget.Budget{Name: "small", Account: g.p.Config.Account, Scope: "user/ann", Period: ledger.Day, Limit: 1, Stop: true}
		if err := budget.Set(g.Context(), g.state, b); err != nil {
			g.Fatal(err)
		}
		if err := g.gov.bill.guard.Refresh(g.Context()); err != nil {
			g.Fatal(err)
		}
		g.answers("while there is money")
		g.refuses("when it is spent", http.StatusForbidden, "The budget small is spent")
		b.Stop = false
		if err := budget.Set(g.Context(), g.state, b); err != nil {
			g.Fatal(err)
		}
		if err := g.gov.bill.guard.Refresh(g.Context()); err != nil {
			g.Fatal(err)
		}
		g.answers("when it only warns")
	})
}

func TestKeysEndAtEveryDoor(t *testing.T) {
	t.Parallel()
	atEveryDoor(t, nil, func(g *visitor) {
		g.answers("while the key is good")
		g.clock.Advance(24*time.Hour + time.Second)
		g.refuses("when its time is over", http.StatusForbidden, "")
		_, secret, err := g.credentials.AddAPIKey(g.Context(), "ann", time.Hour)
		if err != nil {
			g.Fatal(err)
		}
		g.key = string(secret)
		g.answers("with a new one")
		if err := g.directory.PutInline(g.Context(), directory.Who{Sort: directory.SortUser, Name: "ann"}, "no",
			`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"bedrock:InvokeModel*","Resource":"*"}]}`); err != nil {
			g.Fatal(err)
		}
		g.refuses("when a policy denies it", http.StatusForbidden, "")
	})
}

func TestEndpointPoliciesHoldAtEveryDoor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	policies := map[string]string{
		"open":   `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`,
		"closed": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"bedrock:List*","Resource":"*"}]}`,
		"other": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"},
			{"Effect":"Deny","Principal":"*","Action":"bedrock:InvokeModel*","Resource":"arn:aws:bedrock:*::foundation-model/` + haiku + `"}]}`,
	}
	var listeners []config.Listener
	for _, name := range []string{"open", "closed", "other"} {
		file := filepath.Join(dir, name+".json")
		if err := os.WriteFile(file, []byte(policies[name]), 0o600); err != nil {
			t.Fatal(err)
		}
		listeners = append(listeners, config.Listener{Address: "127.0.0.1:0", Endpoint: "vpce-" + name, Policy: file})
	}
	atEveryDoor(t, func(cfg *config.Config) { cfg.Listeners = listeners }, func(g *visitor) {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- g.App.Run(ctx) }()
		defer func() { cancel(); <-done }()
		for i, want := range []int{http.StatusOK, http.StatusOK, http.StatusForbidden, http.StatusForbidden} {
			r := g.request()
			r.RequestURI = ""
			r.Host = ""
			r.URL.Scheme, r.URL.Host = "http", g.ports[i].Addr().String()
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				g.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != want {
				g.Errorf("at port %d: got %d, want %d", i, response.StatusCode, want)
			}
		}
	})
}
