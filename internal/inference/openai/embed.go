package openai

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// batch is how many texts are embedded with one request.
const batch = 256

// Embed implements inference.Embedder. Servers count the tokens of a request and
// not of each text: those of several texts are spread by their lengths.
func (b *Backend) Embed(ctx context.Context, req *inference.EmbedRequest) (*inference.Embeddings, error) {
	start := b.p.Now()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(req.Images) > 0 {
		return nil, fault.New(fault.Unsupported, "The model that serves this request embeds only texts.")
	}
	f, err := b.flavor(ctx)
	if err != nil {
		return nil, err
	}
	e := &inference.Embeddings{Model: b.name(req.Model)}
	for first := 0; first < len(req.Texts); first += batch {
		if err := b.embed(ctx, f, req, req.Texts[first:min(first+batch, len(req.Texts))], e); err != nil {
			return nil, err
		}
	}
	e.Elapsed = b.p.Now().Sub(start)
	return e, nil
}

func (b *Backend) embed(ctx context.Context, f *flavor, req *inference.EmbedRequest, texts []string, e *inference.Embeddings) error {
	question := struct {
		Model      string   `json:"model"`
		Input      []string `json:"input"`
		Encoding   string   `json:"encoding_format"`
		Dimensions int      `json:"dimensions,omitempty"`
	}{Model: b.name(req.Model), Input: texts, Encoding: "float"}
	if f.base64 {
		question.Encoding = "base64"
	}
	if f.dimensions {
		question.Dimensions = req.Dimensions
	}
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	var answer struct {
		Model string `json:"model"`
		Data  []struct {
			Index     *int   `json:"index"`
			Embedding vector `json:"embedding"`
		} `json:"data"`
		Usage struct {
			Prompt int `json:"prompt_tokens"`
			Total  int `json:"total_tokens"`
		} `json:"usage"`
	}
	if err := b.ask(ctx, "/embeddings", body, &answer); err != nil {
		return err
	}
	vectors := make([][]float32, len(texts))
	for i, item := range answer.Data {
		if item.Index != nil {
			i = *item.Index
		}
		if i < 0 || i >= len(vectors) || vectors[i] != nil || len(item.Embedding) == 0 {
			return fault.New(fault.Upstream, "The model's server answered with other embeddings than it was asked for.")
		}
		vectors[i] = normalize(item.Embedding)
	}
	for _, v := range vectors {
		if len(v) == 0 || len(v) != len(vectors[0]) {
			return fault.New(fault.Upstream, "The model's server answered with other embeddings than it was asked for.")
		}
	}
	if answer.Model != "" {
		e.Model = answer.Model
	}
	e.Vectors = append(e.Vectors, vectors...)
	total := answer.Usage.Prompt
	if total == 0 {
		total = answer.Usage.Total
	}
	e.InputTokens = append(e.InputTokens, spread(total, texts)...)
	return nil
}

// spread divides tokens among texts by their lengths, so that their sum is what
// was counted. Where nothing was, four bytes make a token.
func spread(total int, texts []string) []int {
	tokens := make([]int, len(texts))
	length := 0
	for _, t := range texts {
		length += len(t) + 1
	}
	if total <= 0 {
		for i, t := range texts {
			tokens[i] = (len(t) + 3) / 4
		}
		return tokens
	}
	seen, given := 0, 0
	for i, t := range texts {
		seen += len(t) + 1
		until := int(int64(total) * int64(seen) / int64(length))
		tokens[i] = until - given
		given = until
	}
	return tokens
}

// vector is a list of numbers, or base64 of them as 32 bits each, the lowest byte
// first.
type vector []float32

// UnmarshalJSON implements json.Unmarshaler.
func (v *vector) UnmarshalJSON(data []byte) error {
	if len(data) == 0 || data[0] != '"' {
		return json.Unmarshal(data, (*[]float32)(v))
	}
	var raw []byte
	if plain := data[1 : len(data)-1]; len(plain)%4 == 0 {
		raw = make([]byte, base64.StdEncoding.DecodedLen(len(plain)))
		n, err := base64.StdEncoding.Decode(raw, plain)
		if err != nil {
			if err := json.Unmarshal(data, &raw); err != nil { // with escapes
				return err
			}
		} else {
			raw = raw[:n]
		}
	} else if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	if len(raw)%4 != 0 {
		return fault.New(fault.Upstream, "The model's server answered with a vector of %d bytes.", len(raw))
	}
	*v = make(vector, len(raw)/4)
	for i := range *v {
		(*v)[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return nil
}

// normalize gives a vector the length 1, which most servers have done.
func normalize(v []float32) []float32 {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 || math.IsNaN(sum) || math.IsInf(sum, 0) || math.Abs(sum-1) < 1e-6 {
		return v
	}
	scale := float32(1 / math.Sqrt(sum))
	for i := range v {
		v[i] *= scale
	}
	return v
}

// Rerank implements inference.Reranker, as Jina's API has it, which vLLM,
// llama-server and others offer.
func (b *Backend) Rerank(ctx context.Context, req *inference.RerankRequest) (*inference.Reranking, error) {
	start := b.p.Now()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := b.flavor(ctx)
	if err != nil {
		return nil, err
	}
	out := &inference.Reranking{Model: b.name(req.Model), Scores: make([]float64, len(req.Documents))}
	if len(req.Documents) == 0 {
		return out, nil
	}
	body, err := json.Marshal(struct {
		Model     string   `json:"model"`
		Query     string   `json:"query"`
		Documents []string `json:"documents"`
		TopN      int      `json:"top_n"`
	}{out.Model, req.Query, req.Documents, len(req.Documents)})
	if err != nil {
		return nil, err
	}
	type score struct {
		Index int      `json:"index"`
		Score *float64 `json:"relevance_score"`
	}
	var answer struct {
		Results []score `json:"results"`
		Data    []score `json:"data"` // Voyage's name
		Usage   struct {
			Prompt int `json:"prompt_tokens"`
			Total  int `json:"total_tokens"`
		} `json:"usage"`
	}
	path := f.rerank
	if path == "" {
		path = "/rerank"
	}
	if err := b.ask(ctx, path, body, &answer); err != nil {
		return nil, noPath(err, "The model's server reranks nothing.")
	}
	seen := make([]bool, len(out.Scores))
	logits := f.logits
	for _, s := range append(answer.Results, answer.Data...) {
		if s.Index < 0 || s.Index >= len(seen) || seen[s.Index] || s.Score == nil || math.IsNaN(*s.Score) {
			return nil, fault.New(fault.Upstream, "The model's server answered with other scores than it was asked for.")
		}
		seen[s.Index] = true
		out.Scores[s.Index] = *s.Score
		logits = logits || *s.Score < 0 || *s.Score > 1
	}
	for i := range seen {
		if !seen[i] {
			return nil, fault.New(fault.Upstream, "The model's server answered with fewer scores than it was asked for.")
		}
		if logits {
			out.Scores[i] = 1 / (1 + math.Exp(-out.Scores[i]))
		}
	}
	out.InputTokens = answer.Usage.Prompt
	if out.InputTokens == 0 {
		out.InputTokens = answer.Usage.Total
	}
	out.Elapsed = b.p.Now().Sub(start)
	return out, nil
}
