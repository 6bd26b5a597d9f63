package openai_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/openai"
	"github.com/outcrop/outcrop/internal/inference/remote"
	"github.com/outcrop/outcrop/internal/outbound"
)

// A server of the operator's own fetches what callers name only where it may,
// whether it is known what it is or has to be found out.
func TestAddressesOfMedia(t *testing.T) {
	t.Parallel()
	const address = "https://example.com/a.png"
	for name, tt := range map[string]struct {
		flavor string
		links  bool
	}{
		"vLLM": {"vllm", false}, "vLLM, which may": {"vllm", true}, "any": {"", false}, "any, which may": {"", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var told string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if r.Method == http.MethodGet {
					_, _ = io.WriteString(w, `{"data":[{"id":"m","owned_by":"me"}]}`)
					return
				}
				body, _ := io.ReadAll(r.Body)
				told = string(body)
				w.WriteHeader(http.StatusTeapot)
			}))
			t.Cleanup(server.Close)
			c, err := remote.New(remote.Params{Name: "gpu", URL: server.URL, Dialer: outbound.New(outbound.Params{})})
			if err != nil {
				t.Fatal(err)
			}
			b, err := openai.New(openai.Params{Client: c, URL: server.URL, Flavor: tt.flavor, Links: tt.links})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = b.Close() })
			ask := func(url string) error {
				return b.Generate(t.Context(), &inference.Request{Model: "m", Messages: []inference.Message{
					{Role: inference.RoleUser, Parts: []inference.Part{inference.Image{URL: url}}},
				}}, func(inference.Event) error { return nil })
			}
			err = ask(address)
			if refused := fault.Is(err, fault.Unsupported) && told == ""; refused == tt.links || strings.Contains(told, address) != tt.links {
				t.Errorf("got %v, and the server was told %q", err, told)
			}
			told = ""
			if err := ask("s3://bucket/a.png"); !fault.Is(err, fault.Unsupported) || told != "" {
				t.Errorf("a place in a bucket: got %v, and the server was told %q", err, told)
			}
			told = ""
			_, err = b.Invoke(t.Context(), &inference.NativeRequest{Model: "m", Format: "openai-chat", Body: []byte(`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"` + address + `"}}]}]}`)},
				func([]byte, bool) error { return nil })
			if err == nil || strings.Contains(told, address) != tt.links {
				t.Errorf("a native body: got %v, and the server was told %q", err, told)
			}
		})
	}
}
