package app

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/clocktest"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/bedrock"
	"github.com/outcrop/outcrop/internal/inference/mem"
	"github.com/outcrop/outcrop/internal/inference/remote"
	"github.com/outcrop/outcrop/internal/outbound"
)

// A configured backend asks with a Bedrock API key as well as with AWS's keys:
// conversations, native bodies and streams of both; and is refused when the key is
// over.
func TestBedrockBackendByAPIKey(t *testing.T) {
	t.Parallel()
	clock := clocktest.New(time.Now().UTC().Truncate(time.Second))
	cfg := config.Default()
	cfg.Listen, cfg.Data, cfg.Offline = "127.0.0.1:0", t.TempDir(), true
	cfg.Routes = []config.Route{{Match: "anthropic.*", Model: "llamacpp/" + mem.TextModel}}
	cloud, err := New(Params{
		Config: &cfg, Getenv: func(string) string { return "" }, Logger: slog.New(slog.DiscardHandler), Version: "test", Command: "bin/outcrop",
		Backends: map[string]inference.Backend{"llamacpp": mem.New(mem.Params{Answer: mem.Say("Once upon a time")})}, Now: clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	url := start(t, cloud)
	addUser(t, cloud, "front", "arn:aws:iam::aws:policy/AmazonBedrockFullAccess")
	_, secret, err := cloud.credentials.AddAPIKey(t.Context(), "front", time.Hour)
	if err != nil {
		t.Fatal(err)
	}

	here := config.Default()
	here.Listen, here.Data, here.Offline, here.Auth = "127.0.0.1:0", t.TempDir(), true, config.Off
	here.Backends = map[string]config.Backend{"cloud": {Type: config.BackendBedrock, URL: url, Key: "${CLOUD_KEY}"}}
	here.Routes = []config.Route{{Match: "anthropic.*", Model: "cloud/*"}}
	front, err := New(Params{
		Config: &here, Logger: slog.New(slog.DiscardHandler), Version: "test", Command: "bin/outcrop",
		Getenv: func(name string) string { return map[string]string{"CLOUD_KEY": secret.Reveal()}[name] },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = front.Close() })

	const body = `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":"Go on"}]}`
	model := "/model/" + strings.ReplaceAll(haiku, ":", "%3A")
	asks := map[string]string{"/converse": hello, "/converse-stream": hello, "/invoke": body, "/invoke-with-response-stream": body}
	for path, ask := range asks {
		w := askAnthropic(t, front, model+path, ask, map[string]string{"Content-Type": "application/json"})
		if w.Code != http.StatusOK || w.Body.Len() == 0 || strings.HasSuffix(path, "e") && !strings.Contains(w.Body.String(), "Once upon a time") {
			t.Errorf("%s: got %d %s", path, w.Code, w.Body)
		}
	}
	clock.Advance(time.Hour + time.Second)
	for path, ask := range asks {
		w := askAnthropic(t, front, model+path, ask, map[string]string{"Content-Type": "application/json"})
		if w.Code != http.StatusFailedDependency || !strings.Contains(w.Body.String(), "The backend cloud refused its key.") || strings.Contains(w.Body.String(), secret.Reveal()) {
			t.Errorf("%s with a key that is over: got %d %s", path, w.Code, w.Body)
		}
	}
}

// A backend that takes the caller's region signs for it.
func TestBedrockBackendInTheCallersRegion(t *testing.T) {
	t.Parallel()
	cfg := config.Default()
	cfg.Listen, cfg.Data, cfg.Offline = "127.0.0.1:0", t.TempDir(), true
	cfg.Routes = []config.Route{{Match: "anthropic.*", Model: "llamacpp/" + mem.TextModel}}
	cfg.Regions = []config.Regional{{Match: haiku, Regions: []string{"eu-west-1"}}}
	cloud, err := New(Params{
		Config: &cfg, Getenv: func(string) string { return "" }, Logger: slog.New(slog.DiscardHandler), Version: "test", Command: "bin/outcrop",
		Backends: map[string]inference.Backend{"llamacpp": mem.New(mem.Params{})},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	type in struct{}
	account := &bedrock.Account{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider(cloud.root.AccessKeyID, cloud.root.Secret.Reveal(), ""),
		Of: func(ctx context.Context) string { region, _ := ctx.Value(in{}).(string); return region },
	}
	c, err := remote.New(remote.Params{Name: "cloud", URL: start(t, cloud), Dialer: outbound.New(outbound.Params{}), Sign: account.Sign})
	if err != nil {
		t.Fatal(err)
	}
	b := bedrock.New(bedrock.Params{Client: c, Name: "cloud"})
	t.Cleanup(func() { _ = b.Close() })
	for region, there := range map[string]bool{"": false, "us-west-2": false, "eu-west-1": true} {
		_, err := inference.Collect(context.WithValue(t.Context(), in{}, region), b, &inference.Request{Model: haiku, Messages: asked("hi")})
		if (err == nil) != there || err != nil && !fault.Is(err, fault.NotFound) {
			t.Errorf("from region %q: got %v, want the model there: %t", region, err, there)
		}
	}
}

// sees embeds images, too, and remembers what it was asked for.
type sees struct {
	*mem.Backend

	size  int // of its vectors
	mu    sync.Mutex
	asked []inference.EmbedRequest
}

func (s *sees) Embed(_ context.Context, req *inference.EmbedRequest) (*inference.Embeddings, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, *req)
	made := &inference.Embeddings{Model: req.Model}
	for i := range len(req.Texts) + len(req.Images) {
		v := make([]float32, s.size)
		v[i] = 1
		made.Vectors, made.InputTokens = append(made.Vectors, v), append(made.InputTokens, 2)
	}
	return made, nil
}

// The bodies of every family that embeds are those that the service takes: another
// Outcrop reads them as strictly.
func TestBedrockBackendEmbedsWithEveryFamily(t *testing.T) {
	t.Parallel()
	models, err := catalog.New()
	if err != nil {
		t.Fatal(err)
	}
	format := func(id string) string {
		m, _ := models.Lookup(id)
		return m.NativeFormat
	}
	const png = "\x89PNG\r\n\x1a\n and more"
	pictures := []inference.Image{{Format: "png", Bytes: []byte(png), Detail: "high"}}
	texts := []string{"one", "two"}
	for _, tt := range []struct {
		model   string
		req     inference.EmbedRequest
		size    int
		purpose string // that the model was told
		refused bool
	}{
		{"amazon.titan-embed-text-v1", inference.EmbedRequest{Texts: texts, Dimensions: 256}, 1536, "", false},
		{"amazon.titan-embed-text-v2:0", inference.EmbedRequest{Texts: texts, Dimensions: 256}, 256, "", false},
		{"amazon.titan-embed-text-v2:0", inference.EmbedRequest{Images: pictures}, 0, "", true},
		{"amazon.titan-embed-image-v1", inference.EmbedRequest{Texts: texts, Images: pictures, Dimensions: 384}, 384, "", false},
		{"amazon.titan-embed-image-v1", inference.EmbedRequest{Images: pictures, Dimensions: 7}, 1024, "", false},
		{"amazon.titan-embed-image-v1", inference.EmbedRequest{Images: []inference.Image{{URL: "s3://x/y"}}}, 0, "", true},
		{"cohere.embed-english-v3", inference.EmbedRequest{Texts: texts, Images: pictures, Purpose: "search_query", Truncate: "END"}, 1024, "search_query", false},
		{"cohere.embed-v4:0", inference.EmbedRequest{Texts: texts, Images: pictures, Dimensions: 512, Truncate: "END"}, 512, "search_document", false},
		{"amazon.nova-2-multimodal-embeddings-v1:0", inference.EmbedRequest{Texts: texts, Images: pictures, Dimensions: 1024, Purpose: "clustering"}, 1024, "clustering", false},
		{"amazon.nova-2-multimodal-embeddings-v1:0", inference.EmbedRequest{Texts: texts, Truncate: "START"}, 3072, "search_document", false},
		{haiku, inference.EmbedRequest{Texts: texts}, 0, "", true},
	} {
		t.Run(tt.model, func(t *testing.T) {
			t.Parallel()
			backend := &sees{Backend: mem.New(mem.Params{}), size: tt.size}
			cfg := config.Default()
			cfg.Listen, cfg.Data, cfg.Offline = "127.0.0.1:0", t.TempDir(), true
			cfg.Routes = []config.Route{{Match: tt.model, Model: "llamacpp/" + mem.EmbeddingModel}}
			cloud, err := New(Params{
				Config: &cfg, Getenv: func(string) string { return "" }, Logger: slog.New(slog.DiscardHandler), Version: "test", Command: "bin/outcrop",
				Backends: map[string]inference.Backend{"llamacpp": backend},
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = cloud.Close() })
			b := asks(t, start(t, cloud), cloud.root.AccessKeyID, cloud.root.Secret.Reveal(), format)
			tt.req.Model = tt.model
			made, err := b.Embed(t.Context(), &tt.req)
			if tt.refused {
				if !fault.Is(err, fault.Unsupported) || len(backend.asked) > 0 {
					t.Errorf("got %v after %d requests, want it refused before any", err, len(backend.asked))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			n := len(tt.req.Texts) + len(tt.req.Images)
			if len(made.Vectors) != n || len(made.InputTokens) != n || made.InputTokens[0] == 0 {
				t.Fatalf("got %d vectors of %v tokens, want %d", len(made.Vectors), made.InputTokens, n)
			}
			for _, v := range made.Vectors {
				if len(v) != tt.size {
					t.Errorf("got a vector of %d, want %d", len(v), tt.size)
				}
			}
			var seen []string
			pictures := 0
			for _, r := range backend.asked {
				seen = append(seen, r.Texts...)
				for _, img := range r.Images {
					pictures++
					if string(img.Bytes) != png || img.Format != "png" {
						t.Errorf("got the image %q of format %s", img.Bytes, img.Format)
					}
				}
				if len(r.Texts) > 0 && r.Purpose != tt.purpose {
					t.Errorf("got the purpose %q, want %q", r.Purpose, tt.purpose)
				}
				if len(r.Texts) > 0 && tt.purpose != "" && tt.req.Truncate != "" && r.Truncate != tt.req.Truncate {
					t.Errorf("got %q cut off, want %q", r.Truncate, tt.req.Truncate)
				}
			}
			if !slices.Equal(seen, tt.req.Texts) || pictures != len(tt.req.Images) {
				t.Errorf("got %d texts and %d images", len(seen), pictures)
			}
		})
	}
}
