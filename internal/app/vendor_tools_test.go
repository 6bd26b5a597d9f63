package app

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/mem"
)

// hears remembers the tools that it was given.
type hears struct {
	*mem.Backend

	mu    sync.Mutex
	tools []inference.Tool
}

func (h *hears) Generate(ctx context.Context, req *inference.Request, emit func(inference.Event) error) error {
	h.mu.Lock()
	h.tools = req.Tools
	h.mu.Unlock()
	return h.Backend.Generate(ctx, req, emit)
}

// The tools that Anthropic has made reach the model through Bedrock and through
// Anthropic's API, in native bodies, at the door and in Converse's additional
// fields, as the caller wrote them.
func TestVendorsToolsPass(t *testing.T) {
	t.Parallel()
	const (
		vendors = `[{"type":"computer_20250124","name":"computer","display_width_px":1024,"display_height_px":768},{"type":"bash_20250124","name":"bash"},` +
			`{"type":"text_editor_20250728","name":"str_replace_based_edit_tool","max_characters":9},{"type":"memory_20250818","name":"memory"}]`
		native = `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"anthropic_beta":["computer-use-2025-01-24"],"messages":[{"role":"user","content":"x"}],"tools":` + vendors + `}`
		beyond = `{"messages":[{"role":"user","content":[{"text":"x"}]}],"additionalModelRequestFields":{"anthropic_beta":["computer-use-2025-01-24"],"tools":` + vendors + `},` +
			`"toolConfig":{"tools":[{"toolSpec":{"name":"mine","inputSchema":{"json":{"type":"object"}}}}]}}`
		door = `{"model":"claude-sonnet-4-5","max_tokens":9,"messages":[{"role":"user","content":"x"}],"tools":` + vendors + `}`
	)
	const sonnet = "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0"
	asks := map[string]struct {
		path, body string
		mine       bool
	}{
		"InvokeModel":    {sonnet + "/invoke", native, false},
		"Converse":       {sonnet + "/converse", beyond, true},
		"ConverseStream": {sonnet + "/converse-stream", beyond, true},
		"the door":       {"/anthropic/v1/messages", door, false},
	}
	front := func(t *testing.T, b config.Backend, getenv func(string) string) *App {
		t.Helper()
		cfg := config.Default()
		cfg.Listen, cfg.Data, cfg.Offline, cfg.Auth = "127.0.0.1:0", t.TempDir(), true, config.Off
		cfg.Backends = map[string]config.Backend{"there": b}
		cfg.Routes = []config.Route{{Match: "anthropic.*", Model: "there/*"}}
		a, err := New(Params{Config: &cfg, Logger: slog.New(slog.DiscardHandler), Version: "test", Command: "bin/outcrop", Getenv: getenv})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = a.Close() })
		return a
	}
	for name, ask := range asks {
		t.Run(name+" of Bedrock", func(t *testing.T) {
			t.Parallel()
			model := &hears{Backend: mem.New(mem.Params{Answer: mem.Say("done")})}
			cloud, url := newCloud(t, model)
			addUser(t, cloud, "front", "arn:aws:iam::aws:policy/AmazonBedrockFullAccess")
			_, key, err := cloud.credentials.AddAPIKey(t.Context(), "front", 0)
			if err != nil {
				t.Fatal(err)
			}
			a := front(t, config.Backend{Type: config.BackendBedrock, URL: url, Key: "${KEY}", Models: map[string]string{
				"anthropic.claude-sonnet-4-5-20250929-v1:0": cloudHaiku,
			}}, env("KEY", key))
			w := askAnthropic(t, a, ask.path, ask.body, map[string]string{"Content-Type": "application/json"})
			if w.Code != http.StatusOK {
				t.Fatalf("got %d %s", w.Code, w.Body)
			}
			got := map[string]string{}
			for _, tool := range model.tools {
				var config map[string]any // the order of members says nothing
				_ = json.Unmarshal(tool.Config, &config)
				text, err := json.Marshal(config)
				if err != nil {
					t.Fatal(err)
				}
				got[tool.Name] = strings.TrimSuffix(tool.Kind+string(text), "null")
			}
			want := map[string]string{
				"computer": `computer_20250124{"display_height_px":768,"display_width_px":1024}`, "bash": "bash_20250124",
				"str_replace_based_edit_tool": `text_editor_20250728{"max_characters":9}`, "memory": "memory_20250818",
			}
			if ask.mine {
				want["mine"] = ""
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the tools there (-want +got):\n%s", diff)
			}
		})
		t.Run(name+" of Anthropic", func(t *testing.T) {
			t.Parallel()
			var body string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				data, _ := io.ReadAll(r.Body)
				body = string(data)
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusTeapot)
			}))
			t.Cleanup(server.Close)
			a := front(t, config.Backend{Type: config.BackendAnthropic, URL: server.URL, Key: "${KEY}"}, env("KEY", "sk"))
			askAnthropic(t, a, ask.path, ask.body, map[string]string{"Content-Type": "application/json"})
			for tool := range strings.SplitSeq(strings.Trim(vendors, "[]"), "},{") {
				if tool = strings.Trim(tool, "{}"); !strings.Contains(body, tool) {
					t.Errorf("the server was not told of {%s}, but:\n%s", tool, body)
				}
			}
			if ask.mine && !strings.Contains(body, `"name":"mine"`) {
				t.Errorf("the caller's own tool is missing: %s", body)
			}
		})
	}
}

// env is an environment of one variable.
func env(name string, value iam.Secret) func(string) string {
	return func(asked string) string {
		if asked == name {
			return value.Reveal()
		}
		return ""
	}
}
