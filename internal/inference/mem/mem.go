// Package mem is the backend without a model: it answers by a function, at
// once or step by step as a test wants it, and passes the same contract suite
// as the backends that compute.
//
// It is what tests of every package above the hub use. It knows no prompt
// syntax, its tokens are words, and its vectors are drawn from a hash of the
// text, so they are stable but mean nothing.
package mem

import (
	"cmp"
	"context"
	"encoding/json"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// The models of a Backend whose Params name none.
const (
	TextModel      = "mem-text"
	EmbeddingModel = "mem-embedding"
)

// Params say what a Backend answers. The zero value echoes.
type Params struct {
	// Models are the models that exist. A model with Dimensions embeds, any
	// other generates. Nil: TextModel and EmbeddingModel.
	Models []inference.ModelInfo
	// Answer makes the answer to a request. Nil: Echo. It may be called by
	// several goroutines.
	Answer func(req *inference.Request) (Answer, error)
	// Reranker names the model among Models that scores documents: by the share
	// of the query's words that they have. Empty: there is none.
	Reranker string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Answer is a scripted answer.
type Answer struct {
	// Tokens are the pieces of text, one a delta. MaxTokens and StopSequences
	// of the request, and the context window, cut them.
	Tokens []string
	Reason inference.StopReason // when all tokens are sent; "" means end_turn, or tool_use
	// Reasoning comes before the tokens and Calls after them, whole.
	Reasoning string
	Calls     []inference.ToolUse
	// Before is called before each step: step 0 is Started, step n the n-th
	// token, the step after the last token Finished. It may wait; when it
	// fails, the answer ends there with its error. Nil: nothing waits.
	Before func(ctx context.Context, step int) error
}

// Backend is an inference.Backend, Embedder, TokenCounter, Tokenizer, Describer
// and Reranker.
type Backend struct {
	p      Params
	models map[string]inference.ModelInfo
	ctx    context.Context
	stop   context.CancelFunc

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// New returns a Backend.
func New(p Params) *Backend {
	if p.Models == nil {
		p.Models = []inference.ModelInfo{
			{Name: TextModel, Family: "mem", ContextWindow: 4096, Digest: strings.Repeat("0", 64)},
			{Name: EmbeddingModel, Family: "mem", ContextWindow: 512, Dimensions: 384, Digest: strings.Repeat("1", 64)},
		}
	}
	if p.Answer == nil {
		p.Answer = Echo
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	b := &Backend{p: p, models: make(map[string]inference.ModelInfo)}
	for _, m := range p.Models {
		b.models[m.Name] = m
	}
	b.ctx, b.stop = context.WithCancel(context.Background())
	return b
}

// Echo answers with the last text of the conversation, or of the prompt.
func Echo(req *inference.Request) (Answer, error) {
	all := inputs(req)
	if len(all) == 0 {
		return Answer{}, nil
	}
	return Answer{Tokens: Tokens(all[len(all)-1])}, nil
}

// Say answers every request with the same text.
func Say(text string) func(*inference.Request) (Answer, error) {
	return func(*inference.Request) (Answer, error) { return Answer{Tokens: Tokens(text)}, nil }
}

// Able does what a request asks for: it calls a tool that has to be called,
// answers JSON where that is wanted, and says a text otherwise. The JSON is what
// the contract suite's schemas are about.
func Able(text string) func(*inference.Request) (Answer, error) {
	return func(req *inference.Request) (Answer, error) {
		switch {
		case req.Output != nil:
			return Answer{Tokens: []string{`{"name":"Ada",`, `"age":36}`}}, nil
		case req.ToolChoice.Mode == inference.ToolAny, req.ToolChoice.Mode == inference.ToolNamed:
			name := cmp.Or(req.ToolChoice.Name, req.Tools[0].Name)
			return Answer{Reasoning: "A tool.", Calls: []inference.ToolUse{{ID: "call_1", Name: name, Input: json.RawMessage(`{"city":"Lisbon","days":2}`)}}}, nil
		}
		return Answer{Tokens: Tokens(text)}, nil
	}
}

// Fail refuses every request.
func Fail(err error) func(*inference.Request) (Answer, error) {
	return func(*inference.Request) (Answer, error) { return Answer{}, err }
}

// Tokens cuts text into this package's tokens: a word with the space before
// it. Joined, they are the text.
func Tokens(text string) []string {
	var tokens []string
	start, inWord := 0, false
	for i, r := range text {
		space := r == ' ' || r == '\n' || r == '\t'
		if space && inWord {
			tokens = append(tokens, text[start:i])
			start = i
		}
		inWord = !space
	}
	if start < len(text) {
		tokens = append(tokens, text[start:])
	}
	return tokens
}

// inputs are the texts that a request is read from.
func inputs(req *inference.Request) []string {
	var texts []string
	add := func(parts []inference.Part) {
		for _, p := range parts {
			switch p := p.(type) {
			case inference.Text:
				texts = append(texts, p.Text)
			case inference.Guarded:
				texts = append(texts, p.Text)
			}
		}
	}
	add(req.System)
	for _, m := range req.Messages {
		add(m.Parts)
	}
	if len(texts) == 0 && req.Prompt != nil {
		texts = append(texts, req.Prompt.Text)
	}
	return texts
}

// Close implements inference.Backend.
func (b *Backend) Close() error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.stop()
	b.running.Wait()
	return nil
}

// enter checks the model and makes Close wait for the call.
func (b *Backend) enter(ctx context.Context, model string) (inference.ModelInfo, error) {
	if err := ctx.Err(); err != nil {
		return inference.ModelInfo{}, err
	}
	m, ok := b.models[model]
	if !ok {
		return m, fault.New(fault.NotFound, "There is no model %s.", model)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return m, stopping()
	}
	b.running.Add(1)
	return m, nil
}

func stopping() error { return fault.New(fault.Unavailable, "The server is stopping.") }

// Describe implements inference.Describer.
func (b *Backend) Describe(ctx context.Context, model string) (*inference.ModelInfo, error) {
	m, err := b.enter(ctx, model)
	if err != nil {
		return nil, err
	}
	defer b.running.Done()
	return &m, nil
}

// CountTokens implements inference.TokenCounter.
func (b *Backend) CountTokens(ctx context.Context, req *inference.Request) (int, error) {
	if _, err := b.enter(ctx, req.Model); err != nil {
		return 0, err
	}
	defer b.running.Done()
	if err := check(req); err != nil {
		return 0, err
	}
	return count(req), nil
}

// CountTexts implements inference.Tokenizer: a token is a word.
func (b *Backend) CountTexts(ctx context.Context, req *inference.TokenizeRequest) ([]int, error) {
	if _, err := b.enter(ctx, req.Model); err != nil {
		return nil, err
	}
	defer b.running.Done()
	counts := make([]int, len(req.Texts))
	for i, text := range req.Texts {
		counts[i] = len(strings.Fields(text))
	}
	return counts, nil
}

// count counts words, and a token for each message, so that none has zero.
func count(req *inference.Request) int {
	n := len(req.Messages)
	for _, text := range inputs(req) {
		n += len(Tokens(text))
	}
	return max(n, 1)
}

// check refuses what every backend refuses.
func check(req *inference.Request) error {
	all := [][]inference.Part{req.System}
	for _, m := range req.Messages {
		all = append(all, m.Parts)
		for _, p := range m.Parts {
			if r, ok := p.(inference.ToolResult); ok {
				all = append(all, r.Content)
			}
		}
	}
	for _, parts := range all {
		for _, p := range parts {
			switch p.(type) {
			case inference.Text, inference.Guarded, inference.CachePoint, inference.ToolUse, inference.ToolResult, inference.Reasoning, inference.JSON:
			default:
				return fault.New(fault.Unsupported, "The model that serves this request reads only text.")
			}
		}
	}
	if req.MaxTokens < 0 || below(req.Temperature, 0) || below(req.TopP, 0) || req.TopP != nil && *req.TopP > 1 || req.TopK != nil && *req.TopK < 0 {
		return fault.New(fault.Invalid, "A parameter is out of range.")
	}
	return nil
}

func below(x *float64, low float64) bool { return x != nil && !(*x >= low) }

// Embed implements inference.Embedder.
func (b *Backend) Embed(ctx context.Context, req *inference.EmbedRequest) (*inference.Embeddings, error) {
	start := b.p.Now()
	m, err := b.enter(ctx, req.Model)
	if err != nil {
		return nil, err
	}
	defer b.running.Done()
	if m.Dimensions == 0 {
		return nil, fault.New(fault.Unsupported, "The model that serves this request makes text, not embeddings.")
	}
	if len(req.Images) > 0 {
		return nil, fault.New(fault.Unsupported, "The model that serves this request embeds texts, not images.")
	}
	out := &inference.Embeddings{Model: m.Name}
	for _, text := range req.Texts {
		out.Vectors = append(out.Vectors, Vector(text, m.Dimensions))
		out.InputTokens = append(out.InputTokens, max(len(Tokens(text)), 1))
	}
	out.Elapsed = b.p.Now().Sub(start)
	return out, nil
}

// Rerank implements inference.Reranker.
func (b *Backend) Rerank(ctx context.Context, req *inference.RerankRequest) (*inference.Reranking, error) {
	start := b.p.Now()
	m, err := b.enter(ctx, req.Model)
	if err != nil {
		return nil, err
	}
	defer b.running.Done()
	if m.Name != b.p.Reranker {
		return nil, fault.New(fault.Unsupported, "The model that serves this request does not rerank.")
	}
	out := &inference.Reranking{Model: m.Name, Scores: make([]float64, len(req.Documents))}
	words := strings.Fields(strings.ToLower(req.Query))
	for i, document := range req.Documents {
		has := " " + strings.Join(strings.Fields(strings.ToLower(document)), " ") + " "
		for _, word := range words {
			if strings.Contains(has, " "+word+" ") {
				out.Scores[i] += 1 / float64(len(words))
			}
		}
		out.Scores[i] = min(out.Scores[i], 1)
		out.InputTokens += len(Tokens(req.Query)) + len(Tokens(document))
	}
	out.Elapsed = b.p.Now().Sub(start)
	return out, nil
}

// Vector is the unit vector of a text.
func Vector(text string, dimensions int) []float32 {
	h := fnv.New128a()
	_, _ = h.Write([]byte(text))
	sum := h.Sum(nil)
	var seed [32]byte
	copy(seed[:], sum)
	r := rand.New(rand.NewChaCha8(seed))
	v := make([]float64, dimensions)
	var square float64
	for i := range v {
		v[i] = r.NormFloat64()
		square += v[i] * v[i]
	}
	out := make([]float32, dimensions)
	for i := range v {
		out[i] = float32(v[i] / math.Sqrt(square))
	}
	return out
}

var (
	_ inference.Backend      = (*Backend)(nil)
	_ inference.Embedder     = (*Backend)(nil)
	_ inference.TokenCounter = (*Backend)(nil)
	_ inference.Tokenizer    = (*Backend)(nil)
	_ inference.Describer    = (*Backend)(nil)
	_ inference.Reranker     = (*Backend)(nil)
)
