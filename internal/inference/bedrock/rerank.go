package bedrock

import (
	"context"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

var _ inference.Reranker = (*Backend)(nil)

// Rerank implements inference.Reranker, with the bodies of the rerank models of
// bedrock-runtime. What was read is not told by the service, so InputTokens is 0.
func (b *Backend) Rerank(ctx context.Context, req *inference.RerankRequest) (*inference.Reranking, error) {
	start := b.p.Now()
	model := b.model(req.Model)
	if b.p.Format(model) != "rerank" {
		return nil, fault.New(fault.Unsupported, "The backend %s does not rerank with model %s.", b.p.Name, model)
	}
	made := &inference.Reranking{Model: model, Scores: make([]float64, len(req.Documents))}
	if len(req.Documents) == 0 {
		return made, nil
	}
	body := map[string]any{"query": req.Query, "documents": req.Documents}
	if strings.Contains(model, "cohere.") {
		body["api_version"] = 2
	}
	var out struct {
		Results []struct {
			Index int     `json:"index"`
			Score float64 `json:"relevance_score"`
		} `json:"results"`
	}
	if _, err := b.ask(ctx, req.Model, body, &out); err != nil {
		return nil, err
	}
	seen := make([]bool, len(made.Scores))
	for _, r := range out.Results {
		if r.Index < 0 || r.Index >= len(seen) || seen[r.Index] {
			return nil, fault.New(fault.Upstream, "The backend %s ranked documents that it was not given.", b.p.Name)
		}
		seen[r.Index], made.Scores[r.Index] = true, r.Score
	}
	if len(out.Results) != len(seen) {
		return nil, fault.New(fault.Upstream, "The backend %s ranked %d of %d documents.", b.p.Name, len(out.Results), len(seen))
	}
	made.Elapsed = max(b.p.Now().Sub(start), 0)
	return made, nil
}
