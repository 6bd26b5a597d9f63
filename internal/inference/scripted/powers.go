package scripted

import (
	"cmp"
	"context"
	"crypto/sha256"
	"math"
	"math/rand/v2"
	"strings"
	"unicode"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// Embed implements inference.Embedder.
func (b *Backend) Embed(ctx context.Context, req *inference.EmbedRequest) (out *inference.Embeddings, err error) {
	start := b.p.Now()
	leave, err := b.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	s := &scene{b: b, caller: b.p.Caller(ctx), kind: kindEmbed, model: req.Model, texts: req.Texts}
	e := b.begin(s, func() []byte { return encodeEmbed(req) })
	defer func() { b.finish(e, err) }()
	a, err := s.prepare(ctx, "embedding")
	if err != nil {
		return nil, err
	}
	size := cmp.Or(a.dimensions, req.Dimensions, s.known.dimensions, a.set.dimensions, defaultDimensions)
	if size < 0 || size > maxDimensions {
		return nil, fault.New(fault.Invalid, "A vector of %d numbers was asked for.", size)
	}
	out = &inference.Embeddings{Model: req.Model, Elapsed: b.p.Now().Sub(start)}
	add := func(content []byte, tokens int) {
		v := a.vector
		if v == nil {
			v = vector(content, size)
		}
		out.Vectors = append(out.Vectors, unit(v))
		out.InputTokens = append(out.InputTokens, max(tokens, 1))
	}
	for _, text := range req.Texts {
		add([]byte(text), countText(text))
	}
	for _, image := range req.Images {
		add(append([]byte(image.URL+"\x00"), image.Bytes...), imageTokens)
	}
	return out, nil
}

// prepare does what all calls without a conversation have in common: the model,
// the delay and the fault.
func (s *scene) prepare(ctx context.Context, kind string) (*answer, error) {
	var err error
	if s.known, err = s.script.model(s.model, s.caller.Model, s.caller.ModelID); err != nil {
		return nil, err
	}
	if k := s.known.kind; k != "" && kind != "" && k != kind {
		return nil, fault.New(fault.Unsupported, "The model that serves this request is of the kind %s.", k)
	}
	a := &answer{set: s.script.set}
	if s.rule != nil {
		a = &s.rule.answer
	}
	if a.set.start > 0 {
		if err := s.b.p.Wait(ctx, a.set.start); err != nil {
			return nil, err
		}
	}
	if a.fault != nil {
		return nil, a.fault.err(ctx, s)
	}
	return a, nil
}

// vector is drawn from a hash of what is embedded.
func vector(content []byte, size int) []float32 {
	r := rand.New(rand.NewChaCha8(sha256.Sum256(content)))
	v := make([]float32, size)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

// unit returns v with length 1; the zero vector has no direction and stays.
func unit(v []float32) []float32 {
	var square float64
	for _, x := range v {
		square += float64(x) * float64(x)
	}
	out := make([]float32, len(v))
	if square == 0 {
		return out
	}
	scale := 1 / math.Sqrt(square)
	for i, x := range v {
		out[i] = float32(float64(x) * scale)
	}
	return out
}

// Rerank implements inference.Reranker.
func (b *Backend) Rerank(ctx context.Context, req *inference.RerankRequest) (out *inference.Reranking, err error) {
	start := b.p.Now()
	leave, err := b.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	s := &scene{b: b, caller: b.p.Caller(ctx), kind: kindRerank, model: req.Model, texts: []string{req.Query}}
	e := b.begin(s, func() []byte { return encodeRerank(req) })
	defer func() { b.finish(e, err) }()
	a, err := s.prepare(ctx, "rerank")
	if err != nil {
		return nil, err
	}
	out = &inference.Reranking{Model: req.Model, Scores: make([]float64, len(req.Documents))}
	query := words(req.Query)
	for i, document := range req.Documents {
		if i < len(a.scores) {
			out.Scores[i] = a.scores[i]
		} else {
			out.Scores[i] = overlap(query, words(document))
		}
		out.InputTokens += countText(req.Query) + countText(document)
	}
	out.Elapsed = b.p.Now().Sub(start)
	return out, nil
}

// words are the different words of a text, in lower case.
func words(text string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		set[w] = true
	}
	return set
}

// overlap is the share of the query's words that a document has.
func overlap(query, document map[string]bool) float64 {
	if len(query) == 0 {
		return 0
	}
	n := 0
	for w := range query {
		if document[w] {
			n++
		}
	}
	return float64(n) / float64(len(query))
}

// CountTokens implements inference.TokenCounter.
func (b *Backend) CountTokens(ctx context.Context, req *inference.Request) (n int, err error) {
	leave, err := b.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	s := &scene{b: b, caller: b.p.Caller(ctx), kind: kindCount, model: req.Model, req: req}
	e := b.begin(s, func() []byte { return encodeRequest(req) })
	defer func() { b.finish(e, err) }()
	a, err := s.prepare(ctx, "")
	if err != nil {
		return 0, err
	}
	if n, err = countRequest(req); err != nil || a.tokens == 0 {
		return n, err
	}
	return a.tokens, nil
}

// CountTexts implements inference.Tokenizer. No rule can change it: it is how
// documents are cut for knowledge bases, not something that a program asks for.
func (b *Backend) CountTexts(ctx context.Context, req *inference.TokenizeRequest) ([]int, error) {
	leave, err := b.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	c := b.p.Caller(ctx)
	b.mu.Lock()
	s := b.script
	b.mu.Unlock()
	if _, err := s.model(req.Model, c.Model, c.ModelID); err != nil {
		return nil, err
	}
	counts := make([]int, len(req.Texts))
	for i, text := range req.Texts {
		counts[i] = countText(text)
	}
	return counts, nil
}
