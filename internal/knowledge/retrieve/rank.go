package retrieve

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/router"
)

// Models finds and runs the models that rank; *router.Router does.
type Models interface {
	Resolve(ctx context.Context, identifier, region, account string, want catalog.Kind) (*router.Target, error)
	inference.Reranker
	inference.Embedder
}

// Ranker scores documents against a query with whatever answers for a rerank
// model: a model made for it where a backend has one, and otherwise an embedding
// model, whose similarity of sentences is mixed with that of their words. It is
// safe for concurrent use.
type Ranker struct{ models Models }

// NewRanker returns a Ranker over models.
func NewRanker(models Models) *Ranker { return &Ranker{models: models} }

// Rank asks for the scores of documents.
type Rank struct {
	Model           string // ID or ARN of a rerank model
	Region, Account string
	Query           string
	Documents       []string
}

// documentsOfQuery is how many documents Bedrock bills as one query.
const documentsOfQuery = 100

// Queries is how many queries it is in a bill.
func (q *Rank) Queries() int { return (len(q.Documents) + documentsOfQuery - 1) / documentsOfQuery }

// Ranking is one score for each document, in order, between 0 and 1.
type Ranking struct {
	Scores      []float64
	Target      *router.Target // who answered
	InputTokens int
}

// Rank scores documents. Faults as router.Router.Resolve and those of the model.
func (r *Ranker) Rank(ctx context.Context, q Rank) (*Ranking, error) {
	target, err := r.models.Resolve(ctx, q.Model, q.Region, q.Account, catalog.Rerank)
	if err != nil {
		return nil, err
	}
	return r.Score(ctx, target, q)
}

// Score is Rank for a model that has been found: only the query and the documents
// of q count. Faults are those of the model.
func (r *Ranker) Score(ctx context.Context, target *router.Target, q Rank) (*Ranking, error) {
	out := &Ranking{Target: target}
	made, err := r.models.Rerank(ctx, &inference.RerankRequest{Model: target.Name(), Query: q.Query, Documents: q.Documents})
	switch {
	case err == nil && len(made.Scores) != len(q.Documents):
		return nil, fault.New(fault.Internal, "%d scores for %d documents", len(made.Scores), len(q.Documents))
	case err == nil:
		out.Scores, out.InputTokens = made.Scores, made.InputTokens
		return out, nil
	case !fault.Is(err, fault.Unsupported):
		return nil, err
	}
	out.Scores, out.InputTokens, err = similarity(ctx, r.models, target.Name(), q.Query, q.Documents)
	return out, err
}

// Rerank puts results into a ranker's order, with its scores.
type Rerank struct {
	Model string // ID or ARN of a rerank model
	Limit int    // results that are left; 0: all
	// Metadata picks the attributes that the ranker reads before the text; nil:
	// none.
	Metadata func(key string) bool
}

func (s *Searcher) rerank(ctx context.Context, q Search, found *Results) error {
	documents := make([]string, len(found.Hits))
	for i, hit := range found.Hits {
		documents[i] = described(hit, q.Rerank.Metadata)
	}
	rank := Rank{Model: q.Rerank.Model, Region: s.Base.Region, Account: s.Base.Account, Query: text(q.Questions), Documents: documents}
	ranking, err := s.ranker.Rank(ctx, rank)
	if err != nil {
		return err
	}
	if s.ranked != nil {
		s.ranked(ctx, rank, ranking)
	}
	for i := range found.Hits {
		found.Hits[i].Score = ranking.Scores[i]
	}
	slices.SortStableFunc(found.Hits, func(a, b knowledge.Hit) int { return cmp.Compare(b.Score, a.Score) })
	if q.Rerank.Limit > 0 && len(found.Hits) > q.Rerank.Limit {
		found.Hits = found.Hits[:q.Rerank.Limit]
	}
	found.RankedBy = ranking.Target.ServedBy
	return nil
}

// described is the text of a hit with the attributes that were picked, one a
// line, in front of it.
func described(hit knowledge.Hit, pick func(key string) bool) string {
	if pick == nil {
		return hit.Text
	}
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(hit.Metadata)) {
		if pick(key) {
			b.WriteString(key + ": " + plain(hit.Metadata[key]) + "\n")
		}
	}
	return b.String() + hit.Text
}

// plain writes a value as a person would.
func plain(v knowledge.Value) string {
	switch v := v.Any().(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case []string:
		return strings.Join(v, ", ")
	}
	return ""
}
