package openai_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// Scores are between 0 and 1, also of servers that answer what the model gave.
func TestScores(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]float64{
		`{"results":[{"index":1,"relevance_score":0},{"index":0,"relevance_score":0}]}`:                              {0.5, 0.5},
		`{"results":[{"index":0,"relevance_score":-800},{"index":1,"relevance_score":800}],"usage":{"x":1}}`:         {0, 1},
		`{"data":[{"index":0,"relevance_score":0},{"index":1,"relevance_score":0}],"usage":{"total_tokens":"many"}}`: nil,
		`{"results":[{"index":0,"relevance_score":0.5}]}`:                                                            nil,
		`{"results":[{"index":0,"relevance_score":0.5},{"index":0,"relevance_score":0.5}]}`:                          nil,
		`{"results":[{"index":0,"relevance_score":0.5},{"index":7,"relevance_score":0.5}]}`:                          nil,
		`{"results":[{"index":0},{"index":1}]}`:                                                                      nil,
	} {
		url, _ := serve(t, "application/json", body)
		got, err := open(t, url, as("llama-server")).Rerank(t.Context(), &inference.RerankRequest{Model: "m", Query: "q", Documents: []string{"a", "b"}})
		if want == nil {
			if !fault.Is(err, fault.Upstream) {
				t.Errorf("%s: got %v", body, err)
			}
			continue
		}
		if err != nil || !cmp.Equal(got.Scores, want) {
			t.Errorf("%s: got %+v, %v, want %v", body, got, err, want)
		}
	}
}

// What a server does not offer is unsupported, and no failure of it.
func TestPathsThatServersLack(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	b := open(t, server.URL+"/v1", as("vllm"))
	_, err := b.Rerank(t.Context(), &inference.RerankRequest{Model: "m", Documents: []string{"a"}})
	for what, err := range map[string]error{
		"rerank": err,
		"count":  second(b.CountTokens(t.Context(), ask())),
		"images": second(b.MakeImages(t.Context(), &inference.ImageRequest{Model: "m", Prompt: "x"})),
		"others": second(open(t, server.URL, as("ollama")).CountTokens(t.Context(), ask())),
	} {
		if !fault.Is(err, fault.Unsupported) {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// A model is described by what its server says of it.
func TestDescriptions(t *testing.T) {
	t.Parallel()
	url, asked := serve(t, "application/json", `{"details":{"family":"bert"},"capabilities":["embedding"],"model_info":{"general.architecture":"bert","bert.context_length":512,"bert.embedding_length":384,"general.parameter_count":22565376}}`)
	got, err := open(t, url, as("ollama")).Describe(t.Context(), "all-minilm")
	want := &inference.ModelInfo{Name: "all-minilm", Family: "bert", ContextWindow: 512, Dimensions: 384, Parameters: 22565376}
	if err != nil || !cmp.Equal(got, want) || *asked != `{"model":"all-minilm"}` {
		t.Errorf("got %+v, %v; asked %s", got, err, *asked)
	}
	url, _ = serve(t, "application/json", `{"data":[{"id":"Qwen/Qwen3-8B","owned_by":"vllm","max_model_len":40960}]}`)
	b := open(t, url) // what it is, it says itself
	got, err = b.Describe(t.Context(), "Qwen/Qwen3-8B")
	want = &inference.ModelInfo{Name: "Qwen/Qwen3-8B", Family: "qwen3", ContextWindow: 40960}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := b.Describe(t.Context(), "other"); !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v", err)
	}
	if err := b.Probe(t.Context()); err != nil {
		t.Error(err)
	}
}

// What is white in the hub's masks is transparent in OpenAI's.
func TestMasks(t *testing.T) {
	t.Parallel()
	picture := image.NewGray(image.Rect(0, 0, 2, 1))
	picture.SetGray(1, 0, color.Gray{Y: 255})
	var encoded bytes.Buffer
	if err := png.Encode(&encoded, picture); err != nil {
		t.Fatal(err)
	}
	var alphas []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, _, err := r.FormFile("mask")
		if err != nil || r.URL.Path != "/v1/images/edits" || r.FormValue("prompt") != "a sea" || r.FormValue("n") != "1" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		mask, err := png.Decode(file)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		for x := range 2 {
			_, _, _, a := mask.At(x, 0).RGBA()
			alphas = append(alphas, fmt.Sprint(a>>8))
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"data":[{"b64_json":"eA=="}],"output_format":"webp"}`)
	}))
	t.Cleanup(server.Close)
	source := &inference.Image{Format: "png", Bytes: encoded.Bytes()}
	b := open(t, server.URL+"/v1", as("openai"))
	got, err := b.MakeImages(t.Context(), &inference.ImageRequest{Task: inference.ImageInpaint, Model: "m", Prompt: "a sea", Source: source, Mask: source})
	if err != nil || got.Images[0].Format == "" || strings.Join(alphas, " ") != "255 0" {
		t.Errorf("got %+v, %v with alphas %v", got, err, alphas)
	}
	_, err = b.MakeImages(t.Context(), &inference.ImageRequest{Task: inference.ImageInpaint, Model: "m", Prompt: "a sea", Source: source, Mask: &inference.Image{Bytes: []byte("no")}})
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
}
