package openai_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/chatcompletions"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/backendtest"
	"github.com/outcrop/outcrop/internal/inference/mem"
	"github.com/outcrop/outcrop/internal/inference/openai"
	"github.com/outcrop/outcrop/internal/inference/remote"
	"github.com/outcrop/outcrop/internal/outbound"
)

// client asks a server of a test.
func client(t testing.TB, url string, change ...func(*remote.Params)) *remote.Client {
	t.Helper()
	p := remote.Params{Name: "gpu1", URL: url, Dialer: outbound.New(outbound.Params{}), Header: http.Header{"Authorization": {"Bearer sk-not-to-be-told"}}}
	for _, f := range change {
		f(&p)
	}
	c, err := remote.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func open(t testing.TB, url string, change ...func(*openai.Params)) *openai.Backend {
	t.Helper()
	p := openai.Params{Client: client(t, url), URL: url}
	for _, f := range change {
		f(&p)
	}
	b, err := openai.New(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// fake is a server of vLLM's kind over the backend without a model.
type fake struct {
	b *mem.Backend
}

func newFake(t testing.TB) *httptest.Server {
	t.Helper()
	f := &fake{b: mem.New(mem.Params{
		Models: []inference.ModelInfo{
			{Name: "text", ContextWindow: 4096}, {Name: "embedding", ContextWindow: 512, Dimensions: 384}, {Name: "rerank"},
		},
		Reranker: "rerank",
		Answer:   mem.Able(strings.Repeat("Once upon a time the sea was wide. ", 50)),
	})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /v1/models", f.models)
	mux.HandleFunc("POST /v1/chat/completions", f.chat)
	mux.HandleFunc("POST /v1/completions", f.completion)
	mux.HandleFunc("POST /v1/embeddings", f.embed)
	mux.HandleFunc("POST /v1/rerank", f.rerank)
	mux.HandleFunc("POST /tokenize", f.tokenize)
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.Close()
		_ = f.b.Close()
	})
	return server
}

// refuse answers an error as vLLM does.
func refuse(w http.ResponseWriter, err error) {
	status, message := http.StatusInternalServerError, fault.As(err).Message
	switch fault.KindOf(err) {
	case fault.Invalid:
		status = http.StatusBadRequest
	case fault.NotFound:
		status = http.StatusNotFound
	case fault.Unsupported:
		status, message = http.StatusBadRequest, "The model does not support this API"
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"object":"error","message":%q,"type":"BadRequestError","param":null,"code":%d}`, message, status)
}

func answerJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		panic(err)
	}
}

func (f *fake) models(w http.ResponseWriter, _ *http.Request) {
	type entry struct {
		ID    string `json:"id"`
		Owner string `json:"owned_by"`
		Max   int    `json:"max_model_len"`
	}
	answerJSON(w, map[string]any{"data": []entry{{"text", "vllm", 4096}, {"embedding", "vllm", 512}, {"rerank", "vllm", 512}}})
}

func (f *fake) chat(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	call, err := chatcompletions.DecodeRequest(body)
	if err != nil {
		refuse(w, err)
		return
	}
	call.Request.Model = call.Model
	if !call.Stream {
		f.whole(r.Context(), w, call.Request)
		return
	}
	f.generate(r.Context(), w, call.Request, call.IncludeUsage)
}

func (f *fake) completion(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Model, Prompt string
		Stream        bool
		MaxTokens     int `json:"max_tokens"`
	}
	if json.NewDecoder(r.Body).Decode(&q) != nil {
		return
	}
	req := &inference.Request{Model: q.Model, Prompt: &inference.Prompt{Text: q.Prompt}, MaxTokens: q.MaxTokens}
	if !q.Stream {
		f.whole(r.Context(), w, req)
		return
	}
	f.generate(r.Context(), w, req, true)
}

// whole answers in one piece.
func (f *fake) whole(ctx context.Context, w http.ResponseWriter, req *inference.Request) {
	a, err := inference.Collect(ctx, f.b, req)
	if err != nil {
		refuse(w, err)
		return
	}
	body, err := chatcompletions.EncodeAnswer(a, chatcompletions.Meta{ID: "chatcmpl-1"})
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) // a client that is gone reads nothing
}

// generate streams. Errors before the first event are answers of their own.
func (f *fake) generate(ctx context.Context, w http.ResponseWriter, req *inference.Request, usage bool) {
	began := false
	s := chatcompletions.NewStream(chatcompletions.Meta{ID: "chatcmpl-1", IncludeUsage: usage}, func(chunk []byte) error {
		if !began {
			w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
			began = true
		}
		if _, err := fmt.Fprintf(w, "data: %s\n\n", chunk); err != nil {
			return err
		}
		return http.NewResponseController(w).Flush()
	})
	if err := f.b.Generate(ctx, req, s.Event); err != nil {
		if !began {
			refuse(w, err)
		}
		return
	}
	fmt.Fprint(w, "data: [DONE]\n\n")
}

func (f *fake) embed(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Model    string
		Input    []string
		Encoding string `json:"encoding_format"`
	}
	if json.NewDecoder(r.Body).Decode(&q) != nil {
		return
	}
	e, err := f.b.Embed(r.Context(), &inference.EmbedRequest{Model: q.Model, Texts: q.Input})
	if err != nil {
		refuse(w, err)
		return
	}
	var data []any
	total := 0
	for i, v := range e.Vectors {
		total += e.InputTokens[i]
		var out any = v
		if q.Encoding == "base64" {
			raw := make([]byte, 0, 4*len(v))
			for _, x := range v {
				raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
			}
			out = base64.StdEncoding.EncodeToString(raw)
		}
		data = append(data, map[string]any{"index": i, "embedding": out})
	}
	answerJSON(w, map[string]any{"model": q.Model, "data": data, "usage": map[string]int{"prompt_tokens": total}})
}

func (f *fake) rerank(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Model, Query string
		Documents    []string
	}
	if json.NewDecoder(r.Body).Decode(&q) != nil {
		return
	}
	out, err := f.b.Rerank(r.Context(), &inference.RerankRequest{Model: q.Model, Query: q.Query, Documents: q.Documents})
	if err != nil {
		refuse(w, err)
		return
	}
	var results []any
	for i, score := range slices.Backward(out.Scores) {
		results = append(results, map[string]any{"index": i, "relevance_score": score})
	}
	answerJSON(w, map[string]any{"results": results, "usage": map[string]int{"total_tokens": 7}})
}

func (f *fake) tokenize(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var native struct {
		Model  string
		Prompt *string
	}
	_ = json.Unmarshal(body, &native)
	req := &inference.Request{}
	if native.Prompt != nil {
		req.Prompt = &inference.Prompt{Text: *native.Prompt}
	} else {
		call, err := chatcompletions.DecodeRequest(body)
		if err != nil {
			refuse(w, err)
			return
		}
		req = call.Request
	}
	req.Model = native.Model
	n, err := f.b.CountTokens(r.Context(), req)
	if err != nil {
		refuse(w, err)
		return
	}
	answerJSON(w, map[string]int{"count": n, "max_model_len": 4096})
}

// The contract, over HTTP: native prompts as messages, and as they are.
func TestContract(t *testing.T) {
	t.Parallel()
	for _, completion := range []bool{false, true} {
		t.Run(fmt.Sprint("completion ", completion), func(t *testing.T) {
			t.Parallel()
			backendtest.Run(t, func(t *testing.T) backendtest.Subject {
				b := open(t, newFake(t).URL+"/v1", func(p *openai.Params) {
					p.Completion, p.Now = completion, time.Now
					p.Models = map[string]string{"mine": "text"}
				})
				return backendtest.Subject{Backend: b, Model: "mine", Embedding: "embedding", Reranker: "rerank", Long: "Tell me a story.", Sparing: true, Tools: true, Output: true, Reasoning: true}
			})
		})
	}
}
