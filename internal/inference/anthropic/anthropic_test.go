package anthropic_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/goldentest"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/anthropic"
	"github.com/outcrop/outcrop/internal/inference/backendtest"
	"github.com/outcrop/outcrop/internal/inference/mem"
	"github.com/outcrop/outcrop/internal/inference/remote"
	"github.com/outcrop/outcrop/internal/messages"
	"github.com/outcrop/outcrop/internal/outbound"
)

const key = "sk-ant-verysecretkey"

func backend(t *testing.T, url string) *anthropic.Backend {
	t.Helper()
	now := func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	c, err := remote.New(remote.Params{
		Name: "vendor", URL: url, Header: http.Header{"X-Api-Key": {key}}, Dialer: outbound.New(outbound.Params{}), Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := anthropic.New(anthropic.Params{Client: c, Name: "vendor", URL: url, Models: map[string]string{"fast": "claude-haiku-4-5"}, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// server plays Anthropic's API over a backend without a model.
type server struct {
	t     *testing.T
	model *mem.Backend
}

func (s server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Api-Key") != key || r.Header.Get("Anthropic-Version") != "2023-06-01" {
		s.t.Errorf("got the headers %v, want key and version", r.Header)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	switch {
	case r.URL.Path == "/v1/messages":
		s.messages(w, r, body)
	case r.URL.Path == "/v1/messages/count_tokens":
		c, err := messages.Decode(body, messages.DecodeOptions{Count: true})
		if err != nil {
			refuse(w, err)
			return
		}
		c.Request.Model = c.Model
		n, err := s.model.CountTokens(r.Context(), c.Request)
		if err != nil {
			refuse(w, err)
			return
		}
		answer(w, string(messages.EncodeCount(n)))
	case r.URL.Path == "/v1/models":
		answer(w, `{"data":[{"type":"model","id":"mem-text"}]}`)
	case strings.HasPrefix(r.URL.Path, "/v1/models/"):
		info, err := s.model.Describe(r.Context(), strings.TrimPrefix(r.URL.Path, "/v1/models/"))
		if err != nil {
			refuse(w, err)
			return
		}
		answer(w, fmt.Sprintf(`{"type":"model","id":%q,"max_input_tokens":%d}`, info.Name, info.ContextWindow))
	default:
		http.NotFound(w, r)
	}
}

func (s server) messages(w http.ResponseWriter, r *http.Request, body []byte) {
	c, err := messages.DecodeRequest(body)
	if err != nil {
		refuse(w, err)
		return
	}
	c.Request.Model = c.Model
	started := false
	out := messages.NewStream(messages.Meta{ID: "msg_1", Model: c.Model}, func(chunk []byte) error {
		if !started {
			w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
			started = true
		}
		_, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", messages.EventName(chunk), chunk)
		w.(http.Flusher).Flush()
		return err
	})
	if err := s.model.Generate(r.Context(), c.Request, out.Event); err != nil && !started {
		refuse(w, err)
	}
}

func answer(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, body)
}

func refuse(w http.ResponseWriter, err error) {
	status, kind := http.StatusBadRequest, messages.ErrorInvalid
	if fault.Is(err, fault.NotFound) {
		status, kind = http.StatusNotFound, messages.ErrorNotFound
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(messages.EncodeError(kind, fault.As(err).Message, "req_1"))
}

func TestContract(t *testing.T) {
	t.Parallel()
	backendtest.Run(t, func(t *testing.T) backendtest.Subject {
		m := mem.New(mem.Params{Answer: mem.Able(strings.Repeat("Once upon a time the sea was wide. ", 50))})
		t.Cleanup(func() { _ = m.Close() })
		return backendtest.Subject{Backend: backend(t, serve(t, server{t, m}.ServeHTTP)), Model: mem.TextModel, Long: "Tell me a story.", Tools: true, Output: true, Reasoning: true}
	})
}

func ask(model string) *inference.Request {
	return &inference.Request{Model: model, Messages: []inference.Message{{Role: inference.RoleUser, Parts: []inference.Part{inference.Text{Text: "hi"}}}}}
}

// TestCassettes plays what servers of this API are documented to send, and holds
// what becomes of it against golden files.
func TestCassettes(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.sse")
	if err != nil || len(files) == 0 {
		t.Fatalf("got no cassettes: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			tape, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				_, _ = w.Write(tape)
			})
			a, err := inference.Collect(t.Context(), backend(t, url), ask("fast"))
			var got bytes.Buffer
			if err != nil {
				fmt.Fprintf(&got, "%v: %s\n", fault.KindOf(err), fault.As(err).Message)
			} else {
				for _, p := range a.Parts {
					fmt.Fprintf(&got, "%T %s\n", p, encode(t, p))
				}
				fmt.Fprintf(&got, "%s %q %s %s\n", a.Reason, a.StopSequence, encode(t, a.Usage), encode(t, a.Extra))
			}
			goldentest.Check(t, strings.TrimSuffix(file, ".sse")+".golden", got.String())
		})
	}
}

func encode(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestRequestsOnTheWire is about what leaves the server.
func TestRequestsOnTheWire(t *testing.T) {
	t.Parallel()
	var got struct {
		path, beta string
		body       map[string]any
	}
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got.path, got.beta, got.body = r.URL.Path, r.Header.Get("Anthropic-Beta"), nil
		if err := json.NewDecoder(r.Body).Decode(&got.body); err != nil {
			t.Error(err)
		}
		answer(w, `{"type":"message","model":"claude-haiku-4-5","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":1}}`)
	})
	req := ask("fast")
	req.Dialect = messages.Dialect
	req.Extra = map[string]json.RawMessage{"anthropic_beta": json.RawMessage(`["a-1","b-2"]`), "metadata": json.RawMessage(`{"user_id":"u"}`)}
	req.Reasoning = &inference.ReasoningConfig{Effort: "low"}
	for _, path := range []string{"", "/", "/v1", "/v1/"} {
		a, err := inference.Collect(t.Context(), backend(t, url+path), req)
		if err != nil || a.Text != "hi" || a.Usage.InputTokens != 3 {
			t.Fatalf("got %+v, %v of a server that does not stream", a, err)
		}
		want := map[string]any{
			"model": "claude-haiku-4-5", "max_tokens": 32768.0, "stream": true, "metadata": map[string]any{"user_id": "u"},
			"thinking": map[string]any{"type": "enabled", "budget_tokens": 2048.0},
			"messages": []any{map[string]any{"role": "user", "content": []any{map[string]any{"type": "text", "text": "hi"}}}},
		}
		if diff := cmp.Diff(want, got.body); diff != "" || got.path != "/v1/messages" || got.beta != "a-1,b-2" {
			t.Errorf("got %s with the betas %q for the URL's path %q (-want +got):\n%s", got.path, got.beta, path, diff)
		}
	}
	req.Dialect = "openai-chat"
	if _, err := inference.Collect(t.Context(), backend(t, url), req); err != nil {
		t.Fatal(err)
	}
	if _, ok := got.body["metadata"]; ok || got.beta != "" {
		t.Errorf("got %v with the betas %q, want nothing of another format's", got.body, got.beta)
	}
}

// TestIDsOfOtherServers holds that a conversation which began elsewhere can go on.
func TestIDsOfOtherServers(t *testing.T) {
	t.Parallel()
	var body string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		body = string(data)
		answer(w, `{"model":"m","content":[],"stop_reason":"end_turn","usage":{}}`)
	})
	req := ask("fast")
	req.Messages = append(req.Messages,
		inference.Message{Role: inference.RoleAssistant, Parts: []inference.Part{inference.ToolUse{ID: "functions.f:0", Name: "f"}}},
		inference.Message{Role: inference.RoleUser, Parts: []inference.Part{inference.ToolResult{ID: "functions.f:0"}}})
	before := encode(t, req)
	if _, err := inference.Collect(t.Context(), backend(t, url), req); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(body, `"id":"functions_f_0"`) || !strings.Contains(body, `"tool_use_id":"functions_f_0"`) {
		t.Errorf("got %s, want ids that the API takes", body)
	}
	if after := encode(t, req); after != before {
		t.Errorf("the request changed to %s", after)
	}
}

const start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"m\",\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n"

// TestFaults is about servers that fail.
func TestFaults(t *testing.T) {
	t.Parallel()
	status := func(status int, kind, message string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write(messages.EncodeError(kind, message, "req_1"))
		}
	}
	stream := func(contentType, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			_, _ = io.WriteString(w, text)
		}
	}
	const sse = "text/event-stream"
	for name, c := range map[string]struct {
		server http.HandlerFunc
		kind   fault.Kind
		text   string
		is     error
	}{
		"rate limit":     {status(429, messages.ErrorRateLimit, "slow", "Retry-After", "7"), fault.Throttled, "", inference.RetryAfter{Wait: 7 * time.Second}},
		"overloaded":     {status(529, messages.ErrorOverloaded, "Overloaded"), fault.Unavailable, "", nil},
		"too large":      {status(413, messages.ErrorTooLarge, "Request exceeds the maximum size"), fault.Invalid, "", nil},
		"too long":       {status(400, messages.ErrorInvalid, "prompt is too long: 210000 tokens > 200000 maximum"), fault.Invalid, "prompt is too long: 210000 tokens > 200000 maximum", inference.ErrContextWindow},
		"bad key":        {status(401, messages.ErrorAuthentication, "invalid x-api-key "+key), fault.Upstream, "The backend vendor refused its key.", nil},
		"no such model":  {status(404, messages.ErrorNotFound, "model: x"), fault.NotFound, "", nil},
		"internal":       {status(500, messages.ErrorAPI, "Internal server error"), fault.Upstream, "", nil},
		"HTML":           {stream("text/html", "<html>login</html>"), fault.Upstream, "", nil},
		"HTML in events": {stream(sse, "<html>\n\n"), fault.Upstream, "", nil},
		"not JSON":       {stream(sse, start+"data: {\n\n"), fault.Upstream, "", nil},
		"cut":            {stream(sse, start), fault.Upstream, "", nil},
		"cut in an event": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", sse)
			w.Header().Set("Content-Length", "9999")
			_, _ = io.WriteString(w, start+"event: content_block_st")
		}, fault.Upstream, "", nil},
		"overloaded in the middle": {stream(sse, start+"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"), fault.Unavailable, "", nil},
		"an unnamed error":         {stream(sse, start+"data: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"x\"}}\n\n"), fault.Upstream, "", nil},
		"endless line":             {stream(sse, start+"data: "+strings.Repeat("x", 10<<20)), fault.Upstream, "", nil},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://example.com/?token=secret", http.StatusFound)
		}, fault.Upstream, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := backend(t, serve(t, c.server))
			_, err := inference.Collect(t.Context(), b, ask("fast"))
			if !fault.Is(err, c.kind) || c.is != nil && !errors.Is(err, c.is) {
				t.Fatalf("got %v, want a fault of kind %v with %v", err, c.kind, c.is)
			}
			if got := fault.As(err).Message; strings.Contains(got, "secret") || c.text != "" && got != c.text {
				t.Errorf("got %q, want %q, and nothing secret", got, c.text)
			}
			var chunks int
			_, err = b.Invoke(t.Context(), &inference.NativeRequest{Model: "fast", Format: messages.Dialect, Stream: true, Body: []byte(`{"messages":[]}`)},
				func([]byte, bool) error { chunks++; return nil })
			if !fault.Is(err, c.kind) {
				t.Errorf("got %v of a native body, want a fault of kind %v", err, c.kind)
			}
		})
	}
}

// TestUsageThatComesTwice holds that totals are totals.
func TestUsageThatComesTwice(t *testing.T) {
	t.Parallel()
	delta := "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"input_tokens\":3,\"output_tokens\":8}}\n\n"
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, start+delta+delta+"data: {\"type\":\"message_stop\"}\n\n")
	})
	a, err := inference.Collect(t.Context(), backend(t, url), ask("fast"))
	if want := (inference.Usage{InputTokens: 3, OutputTokens: 8}); err != nil || a.Usage != want {
		t.Errorf("got %+v, %v, want %+v", a, err, want)
	}
}

// TestNativeBodies holds that native bodies arrive as they are, but for what
// Bedrock has elsewhere, and that answers come back as they are.
func TestNativeBodies(t *testing.T) {
	t.Parallel()
	const whole = `{"id":"msg_01","type":"message","role":"assistant", "model":"claude-haiku-4-5-20251001","content":[{"type":"hologram"}],"stop_reason":"tool_use","usage":{"input_tokens":5,"output_tokens":2,"cache_read_input_tokens":4}}`
	events := []string{
		`{"type":"message_start","message":{"id":"msg_01","model":"claude-haiku-4-5-20251001","usage":{"input_tokens":5,"cache_read_input_tokens":4,"output_tokens":1}}}`,
		`{"type":"ping"}`,
		`{"type":"content_block_start","index":0,"content_block":{"type":"hologram"}}`,
		`{"type":"content_block_stop","index":0}`,
		`{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":2}}`,
		`{"type":"message_stop"}`,
	}
	var body, beta string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		body, beta = string(data), r.Header.Get("Anthropic-Beta")
		if !strings.Contains(body, `"stream":true`) {
			answer(w, whole)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for _, ev := range events {
			_, _ = fmt.Fprintf(w, "event: x\ndata: %s\n\n", ev)
		}
	})
	b := backend(t, url)
	if !b.Speaks("any", "anthropic-messages") || b.Speaks("any", "nova-messages") {
		t.Error("the backend does not say what it speaks")
	}
	req := &inference.NativeRequest{
		Model: "fast", Format: messages.Dialect,
		Body: []byte(`{"anthropic_version":"bedrock-2023-05-31", "anthropic_beta":["x-1"],"max_tokens":9, "messages":[{"role":"user","content":"\u00fc  "}],"new_thing":{"b":1,"a":2}}`),
	}
	want := &inference.NativeResult{Model: "claude-haiku-4-5-20251001", Usage: inference.Usage{InputTokens: 5, OutputTokens: 2, CacheReadTokens: 4}, Reason: inference.StopToolUse}
	var got []string
	lasts := 0
	emit := func(chunk []byte, last bool) error {
		got = append(got, string(chunk))
		if last {
			lasts++
		}
		return nil
	}
	result, err := b.Invoke(t.Context(), req, emit)
	if err != nil || len(got) != 1 || got[0] != whole || lasts != 1 {
		t.Errorf("got %q, %v, want the server's answer", got, err)
	}
	if diff := cmp.Diff(want, result); diff != "" {
		t.Errorf("the result (-want +got):\n%s", diff)
	}
	if want := `{"model":"claude-haiku-4-5","max_tokens":9,"messages":[{"role":"user","content":"\u00fc  "}],"new_thing":{"b":1,"a":2}}`; body != want || beta != "x-1" {
		t.Errorf("got the body %s and the betas %q, want %s and x-1", body, beta, want)
	}
	got, lasts, req.Stream = nil, 0, true
	result, err = b.Invoke(t.Context(), req, emit)
	if diff := cmp.Diff(append(events[:1:1], events[2:]...), got); err != nil || diff != "" || lasts != 1 {
		t.Errorf("got %v and %d last chunks; the stream (-want +got):\n%s", err, lasts, diff)
	}
	if diff := cmp.Diff(want, result); diff != "" {
		t.Errorf("the result of the stream (-want +got):\n%s", diff)
	}
}

// TestServersWithoutLists is about servers that have messages and nothing else.
func TestServersWithoutLists(t *testing.T) {
	t.Parallel()
	for _, notFound := range []http.HandlerFunc{http.NotFound, func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, fault.New(fault.NotFound, "no such path"))
	}} {
		b := backend(t, serve(t, notFound))
		if err := b.Probe(t.Context()); err != nil {
			t.Errorf("got %v, want a server that is there", err)
		}
		if info, err := b.Describe(t.Context(), "fast"); err != nil || info.Family != "claude" || info.ContextWindow != 200000 {
			t.Errorf("got %+v, %v, want what the name says", info, err)
		}
	}
	one := backend(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/models" {
			refuse(w, fault.New(fault.NotFound, "no such path"))
			return
		}
		answer(w, `{"data":[{"id":"/models/some.gguf","meta":{"n_ctx_train":2048,"n_params":7}}]}`)
	}))
	if info, err := one.Describe(t.Context(), "some-1b"); err != nil || info.Family != "some" || info.ContextWindow != 2048 || info.Parameters != 7 {
		t.Errorf("got %+v, %v of a server with one model, want that one", info, err)
	}
	if _, err := backend(t, serve(t, http.NotFound)).CountTokens(t.Context(), ask("fast")); !fault.Is(err, fault.Unsupported) {
		t.Errorf("got %v, want unsupported", err)
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	if err := backend(t, gone.URL).Probe(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v of a server that is gone, want unavailable", err)
	}
}

// TestAddressesThatMayBeFetched holds that the operator may let a server fetch.
func TestAddressesThatMayBeFetched(t *testing.T) {
	t.Parallel()
	var got string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = string(body)
		w.WriteHeader(http.StatusTeapot)
	})
	c, err := remote.New(remote.Params{Name: "vendor", URL: url, Dialer: outbound.New(outbound.Params{})})
	if err != nil {
		t.Fatal(err)
	}
	b, err := anthropic.New(anthropic.Params{Client: c, Name: "vendor", URL: url, Links: true})
	if err != nil {
		t.Fatal(err)
	}
	req := ask("fast")
	req.Messages[0].Parts = []inference.Part{inference.Image{URL: "https://example.com/a.png"}}
	if err := b.Generate(t.Context(), req, func(inference.Event) error { return nil }); err == nil || !strings.Contains(got, `"url":"https://example.com/a.png"`) {
		t.Errorf("got %v, and the server was told %s", err, got)
	}
}

// TestAddresses holds servers of the operator's own to what is in the request:
// whoever may ask a model could make them ask others from within.
func TestAddresses(t *testing.T) {
	t.Parallel()
	b := backend(t, serve(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was asked for", r.URL.Path) }))
	for name, part := range map[string]inference.Part{
		"image":    inference.Image{URL: "https://10.0.0.1/a.png"},
		"document": inference.Document{Format: "pdf", URL: "https://10.0.0.1/a.pdf"},
		"result":   inference.ToolResult{ID: "t", Content: []inference.Part{inference.Image{URL: "https://10.0.0.1/a.png"}}},
	} {
		req := ask("fast")
		req.Messages[0].Parts = []inference.Part{part}
		if err := b.Generate(t.Context(), req, func(inference.Event) error { return nil }); !fault.Is(err, fault.Unsupported) {
			t.Errorf("%s: got %v, want a refusal", name, err)
		}
		if _, err := b.CountTokens(t.Context(), req); !fault.Is(err, fault.Unsupported) {
			t.Errorf("%s: counting: got %v, want a refusal", name, err)
		}
	}
	for _, body := range []string{
		`{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"http://169.254.169.254/"}}]}]}`,
		`{"messages":[],"messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"image","sour\u0063e":{"\u0075rl":"https://x"}}]}]}]}`,
		`{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"content","content":[{"type":"image","source":{"type":"url","url":"https://x"}}]}}]}]}`,
	} {
		_, err := b.Invoke(t.Context(), &inference.NativeRequest{Model: "fast", Format: messages.Dialect, Body: []byte(body)}, func([]byte, bool) error { return nil })
		if !fault.Is(err, fault.Unsupported) {
			t.Errorf("%s: got %v, want a refusal", body, err)
		}
	}
}
