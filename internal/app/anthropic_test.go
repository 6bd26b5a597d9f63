package app

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/messages"
)

// askAnthropic sends a body to the door.
func askAnthropic(t *testing.T, a *App, path, body string, header map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	r.Host = "127.0.0.1"
	for name, v := range header {
		r.Header.Set(name, v)
	}
	w := httptest.NewRecorder()
	a.edge.ServeHTTP(w, r)
	return w
}

// TestAnthropicDoor is about Anthropic's API: its paths, names, events and errors.
func TestAnthropicDoor(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, func(cfg *config.Config) { cfg.Auth = config.Off })
	const question = `{"max_tokens":9,"messages":[{"role":"user","content":"hello"}],`

	for name, want := range map[string]string{
		"claude-sonnet-4-5":                         "claude-sonnet-4-5-20250929",
		"claude-3-5-haiku-latest":                   "claude-3-5-haiku-20241022",
		"claude-opus-4-0":                           "claude-opus-4-20250514",
		"us.anthropic.claude-3-haiku-20240307-v1:0": "claude-3-haiku-20240307",
		"meta.llama3-1-70b-instruct-v1:0":           "meta.llama3-1-70b-instruct-v1:0",
	} {
		w := askAnthropic(t, a, "/anthropic/v1/messages", question+`"model":"`+name+`"}`, nil)
		var answer struct {
			Type, Model, StopReason string
			Content                 []struct{ Type, Text string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusOK {
			t.Fatalf("got %d: %s for %s", w.Code, w.Body, name)
		}
		if answer.Type != "message" || answer.Model != want || len(answer.Content) != 1 || answer.Content[0].Text != "hello" {
			t.Errorf("got %s for %s, want hello of %s", w.Body, name, want)
		}
		if w.Header().Get("Request-Id") == "" {
			t.Error("got no request-id")
		}
	}

	w := askAnthropic(t, a, "/anthropic/v1/messages?beta=true", question+`"model":"claude-sonnet-4-5","stream":true}`, nil)
	if got := w.Header().Get("Content-Type"); !strings.HasPrefix(got, "text/event-stream") {
		t.Errorf("got the content type %s of a stream", got)
	}
	var names []string
	var c inference.Collector
	d := messages.NewDecoder(func(ev inference.Event) error { c.Add(ev); return nil })
	for lines := bufio.NewScanner(w.Body); lines.Scan(); {
		if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			names = append(names, name)
		}
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			if err := d.Chunk([]byte(data)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := d.End(); err != nil {
		t.Fatal(err)
	}
	if got := c.Answer().Text; got != "hello" {
		t.Errorf("got %q in the stream, want hello", got)
	}
	if want := []string{"message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop"}; !slices.Equal(names, want) {
		t.Errorf("got the events %v, want %v", names, want)
	}

	for _, c := range []struct {
		path, body string
		status     int
		kind, text string
	}{
		{"/anthropic/v1/messages", question + `"model":"nobody-knows"}`, http.StatusNotFound, messages.ErrorNotFound, "model: nobody-knows"},
		{"/anthropic/v1/messages", `{"model":"claude-sonnet-4-5","messages":[]}`, http.StatusBadRequest, messages.ErrorInvalid, "max_tokens: Field required"},
		{"/anthropic/v1/messages", question[:len(question)-1] + `}`, http.StatusBadRequest, messages.ErrorInvalid, "model: Field required"},
		{"/anthropic/v1/messages", question + `"model":"claude-sonnet-4-5","temperature":0.1,"top_p":0.1}`, http.StatusBadRequest, messages.ErrorInvalid,
			"`temperature` and `top_p` cannot both be specified for this model. Please use only one."},
		{"/anthropic/v1/complete", `{}`, http.StatusNotFound, messages.ErrorNotFound, ""},
	} {
		w := askAnthropic(t, a, c.path, c.body, nil)
		kind, text, ok := messages.DecodeError(w.Body.Bytes())
		if w.Code != c.status || !ok || kind != c.kind || c.text != "" && text != c.text {
			t.Errorf("got %d: %s for %s %s, want %d, %s: %s", w.Code, w.Body, c.path, c.body, c.status, c.kind, c.text)
		}
	}
}

// TestAnthropicDoorAsksWho holds that keys are where Anthropic's clients have
// them, and that without one nobody gets in.
func TestAnthropicDoorAsksWho(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, nil)
	const question = `{"model":"claude-sonnet-4-5","max_tokens":9,"messages":[{"role":"user","content":"hello"}]}`
	for _, header := range []map[string]string{nil, {"X-Api-Key": "sk-ant-nothing"}, {"Authorization": "Bearer nothing"}} {
		w := askAnthropic(t, a, "/anthropic/v1/messages", question, header)
		kind, _, ok := messages.DecodeError(w.Body.Bytes())
		if w.Code != http.StatusForbidden || !ok || kind != messages.ErrorAuthentication && kind != messages.ErrorPermission {
			t.Errorf("got %d: %s with %v, want it refused in Anthropic's form", w.Code, w.Body, header)
		}
	}
}
