package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/backendtest"
	"github.com/outcrop/outcrop/internal/inference/bedrock"
	"github.com/outcrop/outcrop/internal/inference/mem"
	"github.com/outcrop/outcrop/internal/inference/remote"
	"github.com/outcrop/outcrop/internal/outbound"
)

const cloudHaiku = "us.anthropic.claude-haiku-4-5-20251001-v1:0"

// newCloud starts a server that plays AWS, with an account and keys of its own,
// over a backend.
func newCloud(t *testing.T, b inference.Backend) (*App, string) {
	t.Helper()
	cfg := config.Default()
	cfg.Listen, cfg.Data, cfg.Offline = "127.0.0.1:0", t.TempDir(), true
	cfg.Routes = []config.Route{
		{Match: "anthropic.claude-haiku-4-5-20251001-v1:0", Model: "llamacpp/" + mem.TextModel},
		{Match: "amazon.rerank-v1:0", Model: "llamacpp/" + mem.TextModel},
		{Match: "amazon.titan-embed-text-v2:0", Model: "llamacpp/" + mem.EmbeddingModel},
	}
	a, err := New(Params{
		Config: &cfg, Getenv: func(string) string { return "" }, Logger: slog.New(slog.DiscardHandler), Version: "test", Command: "bin/outcrop",
		Backends: map[string]inference.Backend{"llamacpp": b},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a, start(t, a)
}

// asks is a backend that asks a cloud, signed with a key.
func asks(t *testing.T, url, key, secret string, format func(string) string) *bedrock.Backend {
	t.Helper()
	account := &bedrock.Account{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider(key, secret, "")}
	c, err := remote.New(remote.Params{Name: "cloud", URL: url, Dialer: outbound.New(outbound.Params{}), Sign: account.Sign})
	if err != nil {
		t.Fatal(err)
	}
	b := bedrock.New(bedrock.Params{Client: c, Name: "cloud", Models: map[string]string{"story": cloudHaiku}, Format: format})
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func claudeFormat(model string) string {
	switch {
	case strings.Contains(model, "claude"):
		return "anthropic-messages"
	case strings.Contains(model, "titan-embed"):
		return "titan-embed-v2"
	}
	return ""
}

// The backend keeps the port's contract over a real server that checks its
// signatures.
func TestBedrockBackendContract(t *testing.T) {
	t.Parallel()
	backendtest.Run(t, func(t *testing.T) backendtest.Subject {
		story := strings.Repeat("Once upon a time the sea was wide. ", 50)
		a, url := newCloud(t, mem.New(mem.Params{Answer: mem.Able(story)}))
		return backendtest.Subject{
			Backend: asks(t, url, a.root.AccessKeyID, a.root.Secret.Reveal(), nil), Model: "story", Long: "Tell me a story.", Sparing: true,
			Tools: true, Output: true, Reasoning: true, Window: 4096, // that of package mem
		}
	})
}

func TestBedrockBackendRefused(t *testing.T) {
	t.Parallel()
	a, url := newCloud(t, mem.New(mem.Params{}))
	const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	_, err := inference.Collect(t.Context(), asks(t, url, a.root.AccessKeyID, secret, nil), &inference.Request{Model: "story", Messages: asked("hi")})
	if f := fault.As(err); f.Kind != fault.Upstream || f.Message != "The backend cloud refused its key." {
		t.Errorf("got %v, want the key refused and nothing said of it", err)
	}
	if strings.Contains(err.Error(), secret) || strings.Contains(fault.As(err).Message, a.root.AccessKeyID) {
		t.Errorf("the credentials are in %v", err)
	}
}

func asked(text string) []inference.Message {
	return []inference.Message{{Role: inference.RoleUser, Parts: []inference.Part{inference.Text{Text: text}}}}
}

// The exceptions of the service come back as faults of their class, before the
// stream and in it.
func TestBedrockBackendFaults(t *testing.T) {
	t.Parallel()
	for _, want := range []*fault.Error{
		fault.New(fault.Throttled, "Too many requests, please wait before trying again."),
		fault.New(fault.Invalid, "Input is too long for requested model."),
		fault.New(fault.NotReady, "The model is loading."),
		fault.New(fault.Unavailable, "Too many connections, please wait before trying again."),
		fault.New(fault.Timeout, "Model has timed out in processing the request. Try your request again."),
		fault.New(fault.Upstream, "The model broke.").WithField("originalStatusCode", 503).WithField("resourceName", "gpu1"),
	} {
		for _, after := range []bool{false, true} {
			_, url := newFaulty(t, want, after)
			var got []inference.Event
			err := url.Generate(t.Context(), &inference.Request{Model: "story", Messages: asked("hi")}, func(ev inference.Event) error {
				got = append(got, ev)
				return nil
			})
			f := fault.As(err)
			kind := want.Kind
			if after && (kind == fault.NotReady || kind == fault.Timeout) {
				continue // streams have no exception of these classes
			}
			if f == nil || f.Kind != kind || f.Message != want.Message {
				t.Errorf("after the beginning %t: got %v, want %v", after, err, want)
			}
			if kind == fault.Upstream && !after && (f.Fields["originalStatusCode"] != 503 || f.Fields["resourceName"] != "gpu1") {
				t.Errorf("got the fields %v, want those of the service", f.Fields)
			}
			if after != (len(got) > 0) {
				t.Errorf("after the beginning %t: got %d events", after, len(got))
			}
			if kind == fault.Invalid && !after && !errors.Is(err, inference.ErrContextWindow) {
				t.Errorf("got %v, want the context window in its chain", err)
			}
		}
	}
}

// newFaulty is a backend whose cloud fails.
func newFaulty(t *testing.T, err error, after bool) (*App, *bedrock.Backend) {
	t.Helper()
	m := mem.New(mem.Params{Answer: func(*inference.Request) (mem.Answer, error) {
		if !after {
			return mem.Answer{}, err
		}
		return mem.Answer{Tokens: []string{"one", " two"}, Before: func(_ context.Context, step int) error {
			if step == 2 {
				return err
			}
			return nil
		}}, nil
	}})
	a, url := newCloud(t, m)
	return a, asks(t, url, a.root.AccessKeyID, a.root.Secret.Reveal(), nil)
}

// Native bodies go as they are, and what the service measured stays its own.
func TestBedrockBackendInvokes(t *testing.T) {
	t.Parallel()
	a, url := newCloud(t, mem.New(mem.Params{Answer: mem.Say("Once upon a time")}))
	b := asks(t, url, a.root.AccessKeyID, a.root.Secret.Reveal(), claudeFormat)
	if !b.Speaks(cloudHaiku, "anthropic-messages") || b.Speaks(cloudHaiku, "nova-messages") || b.Speaks("story", "") {
		t.Error("it speaks what its models do not, or not what they do")
	}
	const body = `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":"Go on"}]}`
	for _, stream := range []bool{false, true} {
		var chunks []string
		result, err := b.Invoke(t.Context(), &inference.NativeRequest{Model: cloudHaiku, Format: "anthropic-messages", Body: []byte(body), Stream: stream}, func(chunk []byte, last bool) error {
			if len(chunks) > 0 && strings.HasPrefix(chunks[len(chunks)-1], "last ") {
				t.Error("a chunk came after the last one")
			}
			if last {
				chunks = append(chunks, "last "+string(chunk))
			} else {
				chunks = append(chunks, string(chunk))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		all := strings.Join(chunks, "\n")
		if result.Usage.InputTokens != 3 || result.Usage.OutputTokens != 4 || strings.Contains(all, "amazon-bedrock") {
			t.Errorf("got %+v and %s", result, all)
		}
		if stream && (len(chunks) < 5 || chunks[len(chunks)-1] != `last {"type":"message_stop"}`) || !stream && !strings.Contains(all, `"text":"Once upon a time"`) {
			t.Errorf("stream %t: got %s", stream, all)
		}
	}
	_, err := b.Invoke(t.Context(), &inference.NativeRequest{Model: cloudHaiku, Format: "anthropic-messages", Body: []byte(`{"messages":[]}`)}, nil)
	if !fault.Is(err, fault.Invalid) || !strings.HasPrefix(fault.As(err).Message, "Malformed input request: ") {
		t.Errorf("got %v, want the service's own refusal", err)
	}
}

func TestBedrockBackendEmbeds(t *testing.T) {
	t.Parallel()
	a, url := newCloud(t, mem.New(mem.Params{}))
	b := asks(t, url, a.root.AccessKeyID, a.root.Secret.Reveal(), claudeFormat)
	made, err := b.Embed(t.Context(), &inference.EmbedRequest{Model: "amazon.titan-embed-text-v2:0", Texts: []string{"one two", "three"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(made.Vectors) != 2 || len(made.Vectors[0]) != 1024 || made.InputTokens[0] != 2 || made.InputTokens[1] != 1 {
		t.Errorf("got %d vectors of %v tokens", len(made.Vectors), made.InputTokens)
	}
	if _, err := b.Embed(t.Context(), &inference.EmbedRequest{Model: "story", Texts: []string{"x"}}); !fault.Is(err, fault.Unsupported) {
		t.Errorf("got %v, want a model that does not embed refused", err)
	}
}

func TestBedrockBackendReranks(t *testing.T) {
	t.Parallel()
	a, url := newCloud(t, mem.New(mem.Params{Reranker: mem.TextModel}))
	b := asks(t, url, a.root.AccessKeyID, a.root.Secret.Reveal(), func(string) string { return "rerank" })
	made, err := b.Rerank(t.Context(), &inference.RerankRequest{
		Model: "amazon.rerank-v1:0", Query: "red fish", Documents: []string{"a blue bird", "one red fish", "a red bird"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if s := made.Scores; len(s) != 3 || s[1] <= s[2] || s[2] <= s[0] {
		t.Errorf("got the scores %v, want the second document first and the first one last", s)
	}
	if _, err := asks(t, url, a.root.AccessKeyID, a.root.Secret.Reveal(), nil).Rerank(t.Context(), &inference.RerankRequest{Model: "x"}); !fault.Is(err, fault.Unsupported) {
		t.Errorf("got %v, want a model that does not rerank refused", err)
	}
}

// A server of something else than events is no answer.
func TestBedrockBackendOfSomethingElse(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html>Log in</html>"))
	}))
	t.Cleanup(server.Close)
	b := asks(t, server.URL, "AKIDEXAMPLE", "secret", claudeFormat)
	req := &inference.Request{Model: "story", Messages: asked("hi")}
	if _, err := inference.Collect(t.Context(), b, req); !fault.Is(err, fault.Upstream) {
		t.Errorf("Generate: got %v, want an upstream fault", err)
	}
	if _, err := b.CountTokens(t.Context(), req); !fault.Is(err, fault.Upstream) {
		t.Errorf("CountTokens: got %v, want an upstream fault", err)
	}
}
