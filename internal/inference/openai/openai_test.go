package openai_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/openai"
)

func ask() *inference.Request {
	return &inference.Request{Model: "m", Messages: []inference.Message{{Role: inference.RoleUser, Parts: []inference.Part{inference.Text{Text: "x"}}}}}
}

// serve answers every request with one body, and keeps the last question.
func serve(t testing.TB, contentType, body string) (url string, asked *string) {
	t.Helper()
	asked = new(string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		question, _ := io.ReadAll(r.Body)
		*asked = string(question)
		w.Header().Set("Content-Type", contentType)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/v1", asked
}

func as(flavor string) func(*openai.Params) {
	return func(p *openai.Params) { p.Flavor = flavor }
}

const stream = "text/event-stream"

// What servers really stream, or document that they do; testdata/README.md says
// where each is from.
func TestRecordedStreams(t *testing.T) {
	t.Parallel()
	use := func(id, city string) inference.ToolUse {
		return inference.ToolUse{ID: id, Name: "get_weather", Input: json.RawMessage(city)}
	}
	for flavor, want := range map[string]inference.Answer{
		"llama-server": {
			Model: "SmolLM2-135M-Instruct.Q4_1.gguf", Parts: []inference.Part{inference.Text{Text: "The story of a"}}, Reason: inference.StopMaxTokens,
			Usage: inference.Usage{InputTokens: 10, CacheReadTokens: 24, OutputTokens: 4},
			Extra: map[string]json.RawMessage{"system_fingerprint": json.RawMessage(`"b1-de3ff81"`), "timings": json.RawMessage(`{"cache_n":0,"prompt_n":34}`)},
		},
		"vllm": {
			Model: "Qwen/Qwen3-8B", Reason: inference.StopToolUse, Usage: inference.Usage{InputTokens: 11, CacheReadTokens: 160, OutputTokens: 35},
			Parts: []inference.Part{inference.Reasoning{Text: "The user wants the weather."}, use("chatcmpl-tool-0a", `{"city": "Paris"}`)},
		},
		"ollama": {
			Model: "qwen3:8b", Reason: inference.StopToolUse, Usage: inference.Usage{InputTokens: 141, OutputTokens: 52},
			Parts: []inference.Part{inference.Reasoning{Text: "Two cities."}, use("call_a1", `{"city":"Paris"}`), use("call_a2", `{"city":"Oslo"}`)},
			Extra: map[string]json.RawMessage{"system_fingerprint": json.RawMessage(`"fp_ollama"`)},
		},
		"openai": {
			Model: "gpt-5.1-2025-11-13", Reason: inference.StopToolUse, Usage: inference.Usage{InputTokens: 176, CacheReadTokens: 1024, OutputTokens: 90, ReasoningTokens: 64},
			Parts: []inference.Part{use("call_X1", `{"city":"Paris"}`), use("call_X2", `{"city":"Oslo"}`)},
			Extra: map[string]json.RawMessage{"service_tier": json.RawMessage(`"default"`)},
		},
		"deepseek": {
			Model: "deepseek-reasoner", Reason: inference.StopEndTurn, Usage: inference.Usage{InputTokens: 18, OutputTokens: 40, ReasoningTokens: 33},
			Parts: []inference.Part{inference.Reasoning{Text: "Nine is more."}, inference.Text{Text: "9.8"}},
			Extra: map[string]json.RawMessage{"system_fingerprint": json.RawMessage(`"fp_1"`)},
		},
	} {
		t.Run(flavor, func(t *testing.T) {
			t.Parallel()
			body, err := os.ReadFile("testdata/" + flavor + ".sse")
			if err != nil {
				t.Fatal(err)
			}
			url, _ := serve(t, stream, string(body))
			got, err := inference.Collect(t.Context(), open(t, url, as(flavor)), ask())
			if err != nil {
				t.Fatal(err)
			}
			got.Elapsed, got.Text = 0, ""
			if diff := cmp.Diff(&want, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

const (
	begun = `data: {"model":"m","choices":[{"delta":{"content":"a"}}]}` + "\n\n"
	ended = `data: {"choices":[{"delta":{},"finish_reason":"stop"}]}` + "\n\n"
)

// Whatever a server does, it is a fault that says whose it is, without the key.
func TestFaultsOfServers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		contentType, body string
		kind              fault.Kind
	}{
		"HTML":                      {"text/html", "<html>login</html>", fault.Upstream},
		"no content type":           {"", "", fault.Upstream},
		"ends before it is over":    {stream, begun, fault.Upstream},
		"ends in a frame":           {stream, begun + `data: {"choices":[{"del`, fault.Upstream},
		"no JSON":                   {stream, begun + "data: sorry\n\n", fault.Upstream},
		"nothing":                   {stream, "", fault.Upstream},
		"only done":                 {stream, "data: [DONE]\n\n", fault.Upstream},
		"an endless line":           {stream, begun + "data: " + strings.Repeat("x", 5<<20), fault.Upstream},
		"an error in the stream":    {stream, begun + `data: {"error":{"message":"CUDA error sk-not-to-be-told","type":"server_error"}}` + "\n\n", fault.Upstream},
		"a limit in the stream":     {stream, `data: {"error":{"message":"slow","type":"rate_limit_error"}}` + "\n\n", fault.Throttled},
		"an error with status 200":  {"application/json", `{"error":{"message":"no","code":400}}`, fault.Invalid},
		"too long, in a stream":     {stream, `data: {"error":{"code":"context_length_exceeded","message":"maximum context length is 5"}}` + "\n\n", fault.Invalid},
		"JSON that is no answer":    {"application/json", `{}`, fault.Upstream},
		"JSON of another kind":      {"application/json", `[]`, fault.Upstream},
		"a call that never began":   {stream, `data: {"choices":[{"delta":{"tool_calls":[{"index":3,"function":{"arguments":"{"}}]}}]}` + "\n\n", fault.Upstream},
		"a failure at the very end": {stream, begun + `data: {"choices":[{"delta":{},"finish_reason":"error"}]}` + "\n\n", fault.Upstream},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, _ := serve(t, test.contentType, test.body)
			finished := false
			err := open(t, url, as("vllm")).Generate(t.Context(), ask(), func(ev inference.Event) error {
				_, over := ev.(inference.Finished)
				finished = finished || over
				return nil
			})
			if !fault.Is(err, test.kind) || finished {
				t.Errorf("got %v, finished %v, want %v", err, finished, test.kind)
			}
			if err != nil && strings.Contains(err.Error(), "sk-not") {
				t.Errorf("got %v, with the key", err)
			}
			if name == "too long, in a stream" && !errors.Is(err, inference.ErrContextWindow) {
				t.Errorf("got %v, want the context window", err)
			}
		})
	}
}

func TestWholeAnswersOfServersThatDoNotStream(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, "application/json", `{"model":"m2","choices":[{"message":{"content":"a"},"finish_reason":"length"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}`)
	got, err := inference.Collect(t.Context(), open(t, url, as("vllm")), ask())
	if err != nil || got.Text != "a" || got.Reason != inference.StopMaxTokens || got.Usage.InputTokens != 3 || got.Model != "m2" {
		t.Errorf("got %+v, %v", got, err)
	}
}

// A server that counts nothing is not for free.
func TestMissingUsageIsGuessed(t *testing.T) {
	t.Parallel()
	url, asked := serve(t, stream, begun+begun+ended)
	got, err := inference.Collect(t.Context(), open(t, url, as("vllm")), ask())
	if want := (len(*asked) + 3) / 4; err != nil || got.Usage.InputTokens != want || got.Usage.OutputTokens != 2 {
		t.Errorf("got %+v, %v, want %d tokens read and 2 made", got.Usage, err, want)
	}
}

// A short answer that is wanted whole is asked for so, a long one is streamed. One
// whose server counts nothing costs its bytes.
func TestShortAnswersAreAskedForWhole(t *testing.T) {
	t.Parallel()
	url, asked := serve(t, "application/json", `{"model":"m2","choices":[{"message":{"content":"four","reasoning_content":"and five"},"finish_reason":"stop"}]}`)
	req := ask()
	req.MaxTokens = 200
	got, err := inference.Collect(t.Context(), open(t, url, as("vllm")), req)
	if want := (len(*asked) + 3) / 4; err != nil || got.Text != "four" || got.Usage.InputTokens != want || got.Usage.OutputTokens != 3 {
		t.Errorf("got %+v, %v, want %d tokens read and 3 made", got, err, want)
	}
	if strings.Contains(*asked, "stream") {
		t.Errorf("asked %s, want no stream", *asked)
	}
	req.MaxTokens = 2000
	url, asked = serve(t, stream, begun+ended)
	if _, err := inference.Collect(t.Context(), open(t, url, as("vllm")), req); err != nil || !strings.Contains(*asked, `"stream":true`) {
		t.Errorf("asked %s, %v, want a stream", *asked, err)
	}
}

// Each flavor is asked by the members that it knows.
func TestWhatFlavorsAreAsked(t *testing.T) {
	t.Parallel()
	on := true
	req := ask()
	req.MaxTokens, req.TopK, req.Parallel = 5, new(int), &on
	req.Reasoning = &inference.ReasoningConfig{Mode: inference.ReasoningOn, Budget: 4096}
	req.Tools = []inference.Tool{{Name: "f"}, {Name: "g"}}
	req.ToolChoice = inference.ToolChoice{Mode: inference.ToolNamed, Name: "g"}
	const messages = `"model":"m","messages":[{"role":"user","content":"x"}]`
	const f, g = `{"type":"function","function":{"name":"f"}}`, `{"type":"function","function":{"name":"g"}}`
	for flavor, want := range map[string]string{
		"vllm":         `{` + messages + `,"max_tokens":5,"top_k":0,"tools":[` + f + `,` + g + `],"tool_choice":` + g + `,"parallel_tool_calls":true,"chat_template_kwargs":{"enable_thinking":true},"reasoning_effort":"medium","stream":true,"stream_options":{"include_usage":true}}`,
		"llama-server": `{` + messages + `,"max_tokens":5,"top_k":0,"tools":[` + g + `],"tool_choice":"required","parallel_tool_calls":true,"chat_template_kwargs":{"enable_thinking":true},"reasoning_effort":"medium","stream":true,"stream_options":{"include_usage":true}}`,
		"openai":       `{` + messages + `,"max_completion_tokens":5,"tools":[` + f + `,` + g + `],"tool_choice":` + g + `,"parallel_tool_calls":true,"reasoning_effort":"medium","stream":true,"stream_options":{"include_usage":true}}`,
		"deepseek":     `{` + messages + `,"max_tokens":5,"tools":[` + f + `,` + g + `],"tool_choice":` + g + `,"thinking":{"type":"enabled"},"stream":true,"stream_options":{"include_usage":true}}`,
		"mistral":      `{` + messages + `,"max_tokens":5,"tools":[` + f + `,` + g + `],"tool_choice":` + g + `,"parallel_tool_calls":true,"stream":true}`,
		"openrouter":   `{` + messages + `,"max_tokens":5,"top_k":0,"tools":[` + f + `,` + g + `],"tool_choice":` + g + `,"parallel_tool_calls":true,"reasoning":{"max_tokens":4096},"stream":true,"stream_options":{"include_usage":true}}`,
	} {
		url, asked := serve(t, stream, begun+ended)
		if err := open(t, url, as(flavor)).Generate(t.Context(), req, func(inference.Event) error { return nil }); err != nil {
			t.Errorf("%s: %v", flavor, err)
		}
		if *asked != want {
			t.Errorf("%s: asked\n%s, want\n%s", flavor, *asked, want)
		}
	}
	if _, err := openai.New(openai.Params{Flavor: "vanilla"}); err == nil || !strings.Contains(err.Error(), "vllm") {
		t.Errorf("got %v, want the flavors", err)
	}
}

// A native body goes to the server as it is, and its answer comes back so.
func TestNativeBodies(t *testing.T) {
	t.Parallel()
	const first, last, usage = `{"model":"m2","x":1,"choices":[{"delta":{"content":"a"}}]}`, `{"choices":[{"delta":{},"finish_reason":"stop"}]}`, `{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}`
	body := "data: " + first + "\n\ndata: " + last + "\n\ndata: " + usage + "\n\ndata: [DONE]\n\n"
	for question, test := range map[string]struct {
		sent string
		want []string
	}{
		`{"model":"theirs","new":{"a":[1]},"messages":[]}`: {`{"model":"m","new":{"a":[1]},"messages":[],"stream":true,"stream_options":{"include_usage":true}}`, []string{first, last + "!"}},
		`{"stream":true,"stream_options":{"include_usage":true,"y":2},"messages":[]}`: {
			`{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true,"y":2}}`, []string{first, last, usage + "!"},
		},
	} {
		url, asked := serve(t, stream, body)
		var got []string
		result, err := open(t, url, as("vllm")).Invoke(t.Context(), &inference.NativeRequest{Model: "m", Format: "openai-chat", Body: []byte(question), Stream: true}, func(chunk []byte, last bool) error {
			got = append(got, string(chunk)+strings.Repeat("!", map[bool]int{true: 1}[last]))
			return nil
		})
		if err != nil || *asked != test.sent || !cmp.Equal(got, test.want) {
			t.Errorf("got %q, %v; asked %s, want %q and %s", got, err, *asked, test.want, test.sent)
		}
		if err == nil && (result.Usage.InputTokens != 7 || result.Usage.OutputTokens != 2 || result.Model != "m2" || result.Reason != inference.StopEndTurn) {
			t.Errorf("got %+v", result)
		}
	}
	const whole = `{"model":"m2","choices":[{"message":{"content":"a","new":1},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":2}}`
	url, asked := serve(t, "application/json", whole)
	b := open(t, url, as("vllm"))
	result, err := b.Invoke(t.Context(), &inference.NativeRequest{Model: "m", Body: []byte(`{"messages":[],"stream":false}`)}, func(chunk []byte, last bool) error {
		if string(chunk) != whole || !last {
			t.Errorf("got %s, last %v", chunk, last)
		}
		return nil
	})
	if err != nil || result.Usage.InputTokens != 7 || *asked != `{"model":"m","messages":[]}` {
		t.Errorf("got %+v, %v; asked %s", result, err, *asked)
	}
	if _, err := b.Invoke(t.Context(), &inference.NativeRequest{Body: []byte("{")}, nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
	if !b.Speaks("m", "openai-chat") || b.Speaks("m", "nova-messages") {
		t.Error("it speaks its own format alone")
	}
}

func TestImages(t *testing.T) {
	t.Parallel()
	png := []byte("\x89PNG\x0d\x0a\x1a\x0a")
	answer, err := json.Marshal(map[string]any{"data": []any{map[string]any{"b64_json": png, "seed": 9}}})
	if err != nil {
		t.Fatal(err)
	}
	url, asked := serve(t, "application/json", string(answer))
	req := &inference.ImageRequest{Model: "sd", Prompt: "a sea", Negative: "ships", Count: 1, Width: 512, Height: 256}
	got, err := open(t, url, as("vllm")).MakeImages(t.Context(), req)
	if err != nil || len(got.Images) != 1 || got.Images[0].Format != "png" || !bytes.Equal(got.Images[0].Bytes, png) || len(got.Seeds) != 1 || got.Seeds[0] != 9 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if want := `{"model":"sd","n":1,"negative_prompt":"ships","prompt":"a sea","response_format":"b64_json","size":"512x256"}`; *asked != want {
		t.Errorf("asked %s, want %s", *asked, want)
	}
	elsewhere, _ := serve(t, "application/json", `{"data":[{"url":"https://x/y.png"}]}`)
	if _, err := open(t, elsewhere, as("vllm")).MakeImages(t.Context(), req); !fault.Is(err, fault.Upstream) {
		t.Errorf("got %v", err)
	}
}

// What comes back is what was asked for, or a fault.
func TestEmbeddingsOfBadServers(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"too few":         `{"data":[{"index":0,"embedding":[1]}]}`,
		"twice":           `{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}`,
		"out of range":    `{"data":[{"index":0,"embedding":[1]},{"index":2,"embedding":[1]}]}`,
		"of two sizes":    `{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1,0]}]}`,
		"empty":           `{"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[]}]}`,
		"no base64":       `{"data":[{"index":0,"embedding":"*"},{"index":1,"embedding":"*"}]}`,
		"half a number":   `{"data":[{"index":0,"embedding":"AAA="},{"index":1,"embedding":"AAA="}]}`,
		"not even a list": `{"data":7}`,
	} {
		url, _ := serve(t, "application/json", body)
		_, err := open(t, url, as("vllm")).Embed(t.Context(), &inference.EmbedRequest{Model: "m", Texts: []string{"a", "b"}})
		if !fault.Is(err, fault.Upstream) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	url, asked := serve(t, "application/json", `{"data":[{"index":1,"embedding":[0,2]},{"index":0,"embedding":"AACAPwAAAAA="}],"usage":{"prompt_tokens":10}}`)
	got, err := open(t, url, as("openai")).Embed(t.Context(), &inference.EmbedRequest{Model: "m", Texts: []string{"a", "bcd"}, Dimensions: 2})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]float32{{1, 0}, {0, 1}}, got.Vectors); diff != "" || got.InputTokens[0]+got.InputTokens[1] != 10 {
		t.Errorf("got %+v", got)
	}
	if want := `{"model":"m","input":["a","bcd"],"encoding_format":"base64","dimensions":2}`; *asked != want {
		t.Errorf("asked %s, want %s", *asked, want)
	}
}

// BenchmarkGenerate is what the adapter adds to a server that answers at once:
// the exchange over the loopback, encoding and decoding.
func BenchmarkGenerate(b *testing.B) {
	body := []byte("data: " + `{"id":"x","model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}` + "\n\n" + ended +
		`data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}` + "\n\ndata: [DONE]\n\n")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", stream)
		_, _ = w.Write(body)
	}))
	defer server.Close()
	backend := open(b, server.URL+"/v1", as("vllm"))
	b.ReportAllocs()
	for b.Loop() {
		if err := backend.Generate(b.Context(), ask(), func(inference.Event) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
