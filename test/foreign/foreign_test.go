package foreign_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/openai"
	"github.com/outcrop/outcrop/internal/inference/remote"
	"github.com/outcrop/outcrop/internal/outbound"
	"github.com/outcrop/outcrop/internal/pack/packtest"
	"github.com/outcrop/outcrop/internal/subprocess"
)

// patience bounds a failure; a machine may be busy.
const patience = 5 * time.Minute

// alone has one server compute at a time: there are two cores for all tests.
var alone sync.Mutex

// file is one of those that build.sh makes.
func file(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("OUTCROP_FOREIGN")
	if dir == "" {
		dir = filepath.Join(filepath.Dir(packtest.Models(t)), "foreign")
	}
	path := filepath.Join(dir, name)
	for _, needed := range []string{path, filepath.Join(dir, "version")} { // the last one to be written
		if _, err := os.Stat(needed); err != nil {
			t.Skipf("llama-server has not been built, which make foreign does where there is a C++ compiler: %v", err)
		}
	}
	return path
}

// weights finds the file of a default model.
func weights(t *testing.T, name string) string {
	t.Helper()
	packtest.Open(t)
	found := ""
	err := filepath.WalkDir(filepath.Join(packtest.Models(t), "packs"), func(path string, _ fs.DirEntry, err error) error {
		if strings.Contains(path, name) && strings.HasSuffix(path, ".gguf") {
			found = path
		}
		return err
	})
	if err != nil || found == "" {
		t.Fatalf("the weights of %s were not found: %v", name, err)
	}
	return found
}

// server is a llama-server on a socket of its own.
type server struct {
	*openai.Backend

	socket string
}

// start starts llama-server and waits until it is there. It computes with one
// thread: several would wait for each other, and on busy cores for long.
func start(t *testing.T, model string, args ...string) server {
	t.Helper()
	program, file := file(t, "llama-server"), weights(t, model)
	alone.Lock()
	t.Cleanup(alone.Unlock)
	dir, err := os.MkdirTemp("", "foreign") //nolint:usetesting // the names of sockets have to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := server{socket: filepath.Join(dir, "llama.sock")}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, append([]string{
		"--model", file, "--host", s.socket, "--threads", "1", "--no-webui",
	}, args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = subprocess.Attributes() // it ends with the test, however that ends
	ended := make(chan struct{})
	if err := subprocess.Start(cmd, nil, func() { close(ended) }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		subprocess.Kill(cmd)
		<-ended
		if t.Failed() {
			said, _ := os.ReadFile(log.Name())
			t.Logf("llama-server said:\n%.20000s", said)
		}
		_ = log.Close()
	})
	s.Backend = s.open(t, false)
	for begun := time.Now(); s.Probe(t.Context()) != nil; time.Sleep(50 * time.Millisecond) {
		select {
		case <-ended:
			t.Fatalf("llama-server ended: %v", cmd.ProcessState)
		default:
		}
		if time.Since(begun) > patience {
			t.Fatal("llama-server did not come up")
		}
	}
	return s
}

// open makes an adapter for the server; nobody tells it what the server is.
func (s server) open(t *testing.T, completion bool) *openai.Backend {
	t.Helper()
	c, err := remote.New(remote.Params{Name: "llama", URL: "http://llama/v1", Socket: s.socket, Dialer: outbound.New(outbound.Params{Offline: true})})
	if err != nil {
		t.Fatal(err)
	}
	b, err := openai.New(openai.Params{Client: c, Completion: completion})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func user(parts ...inference.Part) inference.Message {
	return inference.Message{Role: inference.RoleUser, Parts: parts}
}

func ask(text string, tokens int) *inference.Request {
	return &inference.Request{
		Model: "smollm2", Messages: []inference.Message{user(inference.Text{Text: text})}, MaxTokens: tokens, Temperature: new(float64), Seed: new(uint32),
	}
}

func collect(t *testing.T, b inference.Backend, req *inference.Request) *inference.Answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	a, err := inference.Collect(ctx, b, req)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func input(u inference.Usage) int { return u.InputTokens + u.CacheReadTokens + u.CacheWriteTokens }

// One server for all the cases that generate: it takes seconds to start.
func TestLlamaServer(t *testing.T) {
	t.Parallel()
	s := start(t, "smollm2", "--jinja", "--ctx-size", "2048", "--parallel", "2")
	for _, c := range []struct {
		name string
		f    func(*testing.T, server)
	}{
		{"chat", chat},
		{"stream", stream},
		{"a prefill is gone on from, and not said again", prefill},
		{"a native prompt", nativePrompt},
		{"an answer fits a schema", schema},
		{"tokens are counted as usage tells them", count},
		{"it is described", describe},
		{"a native body as it is", invoke},
		{"a canceled request ends at the server", cancellation},
		{"what does not fit, and what it cannot", refusals},
	} {
		t.Run(c.name, func(t *testing.T) { c.f(t, s) })
	}
}

func chat(t *testing.T, s server) {
	req := ask("Tell me a story about the sea.", 12)
	req.System = []inference.Part{inference.Text{Text: "You tell short stories."}}
	a := collect(t, s, req)
	if a.Text == "" || a.Reason != inference.StopMaxTokens || a.Usage.OutputTokens != 12 || input(a.Usage) < 10 {
		t.Errorf("got %+v, want 12 tokens of text", a)
	}
	// Not the same text: what is in the cache changes the last digits.
	req.StopSequences = []string{" "}
	if stopped := collect(t, s, req); strings.Contains(stopped.Text, " ") || stopped.Usage.OutputTokens >= 12 {
		t.Errorf("stopped at a space: got %+v", stopped)
	}
}

func stream(t *testing.T, s server) {
	deltas := 0
	err := s.Generate(t.Context(), ask("Count to ten.", 10), func(ev inference.Event) error {
		if _, ok := ev.(inference.TextDelta); ok {
			deltas++
		}
		return nil
	})
	if err != nil || deltas < 5 {
		t.Errorf("got %d pieces of text, %v, want them one by one", deltas, err)
	}
}

func prefill(t *testing.T, s server) {
	req := ask("Say hello.", 8)
	const begun = "Well, let me"
	req.Messages = append(req.Messages, inference.Message{Role: inference.RoleAssistant, Parts: []inference.Part{inference.Text{Text: begun}}})
	if a := collect(t, s, req); a.Text == "" || strings.HasPrefix(a.Text, begun) {
		t.Errorf("got %q, want what comes after %q", a.Text, begun)
	}
}

func nativePrompt(t *testing.T, s server) {
	b := s.open(t, true)
	req := ask("", 6)
	req.Prompt = &inference.Prompt{Text: "The capital of France is"}
	a := collect(t, b, req)
	if !strings.Contains(a.Text, "Paris") || a.Usage.OutputTokens != 6 {
		t.Errorf("got %+v, want the prompt to be gone on from", a)
	}
	n, err := b.CountTokens(t.Context(), req)
	if err != nil || n != input(a.Usage) {
		t.Errorf("got %d tokens, %v, want %d", n, err, input(a.Usage))
	}
}

var weather = inference.Tool{
	Name: "get_weather", Description: "The weather of a city",
	Schema: json.RawMessage(`{"type":"object","properties":{"city":{"type":"string","maxLength":12},"unit":{"enum":["c","f"]}},"required":["city","unit"],"additionalProperties":false}`),
}

// The template of a model that calls tools: SmolLM2's own has none.
func TestLlamaServerCallsTools(t *testing.T) {
	t.Parallel()
	s := start(t, "smollm2", "--jinja", "--ctx-size", "1024", "--parallel", "1", "--chat-template-file", file(t, "tools.jinja"))
	req := ask("What is the weather in Paris?", 200)
	req.Tools = []inference.Tool{weather, {Name: "other", Schema: json.RawMessage(`{"type":"object","properties":{}}`)}}
	req.ToolChoice = inference.ToolChoice{Mode: inference.ToolNamed, Name: "get_weather"}
	req.Parallel = new(bool)
	a := collect(t, s, req)
	calls := a.ToolUses()
	var got struct{ City, Unit string }
	if len(calls) != 1 || a.Reason != inference.StopToolUse || json.Unmarshal(calls[0].Input, &got) != nil || got.City == "" || got.Unit != "c" && got.Unit != "f" {
		t.Fatalf("got %+v, want a call that fits the schema", a)
	}
	if calls[0].Name != "get_weather" || calls[0].ID == "" {
		t.Errorf("got %+v", calls[0])
	}
	n, err := s.CountTokens(t.Context(), req)
	if want := input(a.Usage); err != nil || n != want {
		t.Errorf("got %d tokens, %v, usage tells %d", n, err, want)
	}
	// What the tool answered is read. The model is too small to say something
	// that its template allows, so it calls again.
	req.Messages = append(req.Messages,
		inference.Message{Role: inference.RoleAssistant, Parts: []inference.Part{calls[0]}},
		user(inference.ToolResult{ID: calls[0].ID, Content: []inference.Part{inference.JSON{Value: json.RawMessage(`{"temperature":21}`)}}}),
	)
	again := collect(t, s, req)
	if len(again.ToolUses()) != 1 || input(again.Usage) <= input(a.Usage) {
		t.Errorf("after the tool's result: got %+v", again)
	}
}

func schema(t *testing.T, s server) {
	req := ask("Name a colour.", 60)
	req.Output = &inference.OutputFormat{Name: "colour", Schema: json.RawMessage(`{"type":"object","properties":{"colour":{"enum":["red","green"]}},"required":["colour"],"additionalProperties":false}`)}
	var got struct{ Colour string }
	if a := collect(t, s, req); json.Unmarshal([]byte(a.Text), &got) != nil || got.Colour != "red" && got.Colour != "green" {
		t.Errorf("got %q, want what fits the schema", a.Text)
	}
}

func count(t *testing.T, s server) {
	long := ask("Über <|im_end|> 😀", 2)
	long.System = []inference.Part{inference.Text{Text: "Be brief."}}
	for name, req := range map[string]*inference.Request{"plain": ask("Hello", 2), "system": long} {
		n, err := s.CountTokens(t.Context(), req)
		if want := input(collect(t, s, req).Usage); err != nil || n != want {
			t.Errorf("%s: got %d tokens, %v, usage tells %d", name, n, err, want)
		}
	}
}

func describe(t *testing.T, s server) {
	info, err := s.Describe(t.Context(), "smollm2")
	if err != nil || info.Family != "smollm2" || info.ContextWindow <= 0 || info.Parameters < 1e8 {
		t.Errorf("got %+v, %v", info, err)
	}
}

func invoke(t *testing.T, s server) {
	body := []byte(`{"model":"theirs","messages":[{"role":"user","content":"Say hello."}],"max_tokens":5,"temperature":0,"min_p":0.05}`)
	for _, streamed := range []bool{false, true} {
		chunks, over := 0, false
		result, err := s.Invoke(t.Context(), &inference.NativeRequest{Model: "smollm2", Format: "openai-chat", Body: body, Stream: streamed}, func(chunk []byte, last bool) error {
			if over || !json.Valid(chunk) {
				t.Errorf("got %s", chunk)
			}
			chunks, over = chunks+1, last
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if !over || streamed != (chunks > 3) || result.Usage.OutputTokens != 5 || result.Reason != inference.StopMaxTokens {
			t.Errorf("streamed %v: got %d chunks, the last one told %v, %+v", streamed, chunks, over, result)
		}
	}
}

func cancellation(t *testing.T, s server) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := s.Generate(ctx, ask("Tell me a very long story.", 1500), func(ev inference.Event) error {
		if _, ok := ev.(inference.TextDelta); ok {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	c, err := remote.New(remote.Params{Name: "llama", URL: "http://llama", Socket: s.socket, Dialer: outbound.New(outbound.Params{})})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		r, err := c.Do(t.Context(), http.MethodGet, "/slots", nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := r.JSON()
		r.Close()
		var slots []struct {
			Busy bool `json:"is_processing"`
		}
		if err != nil || json.Unmarshal(body, &slots) != nil || len(slots) != 2 {
			t.Fatalf("got %s, %v", body, err)
		}
		if !slots[0].Busy && !slots[1].Busy {
			return
		}
		if time.Since(begun) > patience {
			t.Fatal("the server still computes what nobody waits for")
		}
	}
}

func refusals(t *testing.T, s server) {
	nothing := func(inference.Event) error { return nil }
	if err := s.Generate(t.Context(), ask(strings.Repeat("word ", 5000), 5), nothing); !fault.Is(err, fault.Invalid) || !errors.Is(err, inference.ErrContextWindow) {
		t.Errorf("too long: got %v", err)
	}
	if _, err := s.Embed(t.Context(), &inference.EmbedRequest{Model: "smollm2", Texts: []string{"x"}}); !fault.Is(err, fault.Unsupported) {
		t.Errorf("embedding: got %v", err)
	}
	if _, err := s.Rerank(t.Context(), &inference.RerankRequest{Model: "smollm2", Query: "x", Documents: []string{"y"}}); !fault.Is(err, fault.Unsupported) {
		t.Errorf("reranking: got %v", err)
	}
	if _, err := s.MakeImages(t.Context(), &inference.ImageRequest{Model: "smollm2", Prompt: "x"}); !fault.Is(err, fault.Unsupported) {
		t.Errorf("images: got %v", err)
	}
}

func TestLlamaServerEmbeds(t *testing.T) {
	t.Parallel()
	s := start(t, "all-minilm", "--embeddings")
	e, err := s.Embed(t.Context(), &inference.EmbedRequest{Model: "minilm", Texts: []string{"refund policy", "the wide sea", "refund policy"}})
	if err != nil || len(e.Vectors) != 3 || len(e.Vectors[0]) != 384 {
		t.Fatalf("got %+v, %v, want 3 vectors of 384", e, err)
	}
	dot := func(a, b []float32) (sum float64) {
		for i := range a {
			sum += float64(a[i]) * float64(b[i])
		}
		return sum
	}
	if math.Abs(dot(e.Vectors[0], e.Vectors[0])-1) > 1e-4 || dot(e.Vectors[0], e.Vectors[2]) < 0.999 || dot(e.Vectors[0], e.Vectors[1]) > 0.9 {
		t.Errorf("got cosines of %v, %v and %v", dot(e.Vectors[0], e.Vectors[0]), dot(e.Vectors[0], e.Vectors[2]), dot(e.Vectors[0], e.Vectors[1]))
	}
	if e.InputTokens[0] <= 0 || e.InputTokens[0]+e.InputTokens[1]+e.InputTokens[2] < 9 {
		t.Errorf("got %v tokens", e.InputTokens)
	}
	if err := s.Generate(t.Context(), ask("Hello", 2), func(inference.Event) error { return nil }); !fault.Is(err, fault.Unsupported) {
		t.Errorf("generating: got %v", err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := s.Embed(t.Context(), &inference.EmbedRequest{Model: "minilm", Texts: []string{"the sea"}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
