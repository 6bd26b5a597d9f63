// Package retrieve searches knowledge bases: it embeds a question with the
// base's own model, searches the base's index, fuses the results of several
// questions, and lets a reranker put them into another order.
//
// It writes nothing, generates no text (package answer does) and knows no AWS
// type: filters and modes come in the hub's words. Folder passage compares texts
// by their words. Services call it.
package retrieve

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/retrieve/passage"
)

// Bases finds knowledge bases; *registry.Registry does.
type Bases interface {
	Base(ctx context.Context, account, region, id string) (knowledge.Base, error)
}

// Params are the parts of a Retriever; all but Ranked are required.
type Params struct {
	Bases      Bases
	Indexes    knowledge.Indexes
	Embeddings knowledge.Embeddings
	Ranker     *Ranker
	// Ranked is told of what a ranker has done for a search; nil: nobody asks.
	Ranked func(ctx context.Context, q Rank, made *Ranking)
}

// Retriever opens bases for searching. It is safe for concurrent use.
type Retriever struct{ p Params }

// New returns a Retriever.
func New(p Params) *Retriever { return &Retriever{p: p} }

// Searcher is a base that is open for searching. It need not be closed and is
// safe for concurrent use.
type Searcher struct {
	Base      knowledge.Base
	Embedding knowledge.Embedding
	index     knowledge.Index
	ranker    *Ranker
	ranked    func(ctx context.Context, q Rank, made *Ranking)
}

// invalid is what Bedrock says of everything that is wrong inside of a base.
const invalid = "Invalid input or configuration provided. Check the input and Knowledge Base configuration and try your request again."

// Open finds a base with its embedding model and its index.
//
// Faults: NotFound for a base that there is not, Invalid for one that cannot be
// searched (its status, or vectors of another model), and those of the model.
func (r *Retriever) Open(ctx context.Context, account, region, id string) (*Searcher, error) {
	base, err := r.p.Bases.Base(ctx, account, region, id)
	if err != nil {
		return nil, err
	}
	switch base.Status {
	case knowledge.BaseActive, knowledge.BaseUpdating, knowledge.BaseDeleteUnsuccessful:
	default:
		return nil, fault.New(fault.Invalid, "%s (The status of knowledge base %s is %s.)", invalid, id, base.Status)
	}
	embedding, err := r.p.Embeddings.Open(ctx, base)
	if err != nil {
		return nil, err
	}
	index, err := r.p.Indexes.Open(ctx, id, embedding.Spec())
	if fault.Is(err, fault.Conflict) {
		return nil, fault.Wrap(fault.Invalid, err, "%s (%s)", invalid, fault.As(err).Message)
	}
	if err != nil {
		return nil, err
	}
	return &Searcher{Base: base, Embedding: embedding, index: index, ranker: r.p.Ranker, ranked: r.p.Ranked}, nil
}

// Question is a text to search for. Weight is how much its results count among
// those of other questions; 0 means 1.
type Question struct {
	Text   string
	Weight float64
}

// Search is what to search for.
type Search struct {
	Questions []Question // at least one
	// Mode is how to compare. Empty: HybridSearch, unless the questions have no
	// words that a text could contain.
	Mode   knowledge.Mode
	Filter *knowledge.Filter
	Limit  int // the most results on all pages, at least 1
	// Bytes is how much text a page has at most, unless its first result alone
	// has more; 0: no bound, and one page.
	Bytes int
	// Token is Results.Next of the search before; empty: from the start. Only
	// for one question without Rerank.
	Token  string
	Rerank *Rerank // nil: the order of the index
}

// Results are the best first.
type Results struct {
	Hits []knowledge.Hit
	// Next continues a list that is too large for one page; empty at its end,
	// and with several questions or Rerank.
	Next string
	// RankedBy is the model that reranked, in the router's words; empty: none.
	RankedBy string
}

// Search finds chunks. Faults: Invalid for a token of another search, and those
// of the models.
func (s *Searcher) Search(ctx context.Context, q Search) (*Results, error) {
	if len(q.Questions) == 0 || q.Limit < 1 {
		return nil, fault.New(fault.Internal, "a search for nothing")
	}
	offset, err := s.offset(q)
	if err != nil {
		return nil, err
	}
	mode := q.Mode
	if mode == "" {
		mode = defaultMode(q.Questions)
	}
	hits, err := s.find(ctx, q, mode, offset)
	if err != nil {
		return nil, err
	}
	found := &Results{Hits: hits[:min(len(hits), q.Limit)]}
	if len(q.Questions) == 1 && q.Rerank == nil {
		if n := page(hits, q.Bytes); n < len(hits) {
			found.Hits, found.Next = hits[:n], s.token(q, offset+n)
		}
	}
	if q.Rerank != nil && len(found.Hits) > 0 {
		if err := s.rerank(ctx, q, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// page is how many hits are on a page of so many bytes.
func page(hits []knowledge.Hit, bytes int) int {
	if bytes == 0 {
		return len(hits)
	}
	for i, hit := range hits {
		if bytes -= len(hit.Text); bytes < 0 && i > 0 {
			return i
		}
	}
	return len(hits)
}

// defaultMode compares words too where there are any: on every collection that
// was measured, both together find more than vectors alone.
func defaultMode(questions []Question) knowledge.Mode {
	for _, q := range questions {
		if len(passage.Terms(q.Text)) > 0 {
			return knowledge.HybridSearch
		}
	}
	return knowledge.SemanticSearch
}

func (s *Searcher) find(ctx context.Context, q Search, mode knowledge.Mode, offset int) ([]knowledge.Hit, error) {
	vectors := make([][]float32, len(q.Questions))
	if mode != knowledge.TextSearch {
		texts := make([]string, len(q.Questions))
		for i, question := range q.Questions {
			texts[i] = question.Text
		}
		var err error
		if vectors, err = s.Embedding.Embed(ctx, texts); err != nil {
			return nil, err
		}
	}
	lists := make([][]knowledge.Hit, len(q.Questions))
	for i, question := range q.Questions {
		query := knowledge.Query{Mode: mode, Filter: q.Filter, Limit: q.Limit - offset, Offset: offset}
		if mode != knowledge.TextSearch {
			query.Vector = vectors[i]
		}
		if mode != knowledge.SemanticSearch {
			query.Text = question.Text
		}
		hits, err := s.index.Search(ctx, query)
		if err != nil {
			return nil, err
		}
		lists[i] = hits
	}
	if len(lists) == 1 {
		return lists[0], nil
	}
	return fuse(lists, q.Questions), nil
}

// rankConstant is reciprocal rank fusion's usual one: how little the first
// places count more than the next.
const rankConstant = 60

// fuse puts the hits of several questions into one order by reciprocal rank. A
// hit's score is the best that a question gave it.
func fuse(lists [][]knowledge.Hit, questions []Question) []knowledge.Hit {
	type fused struct {
		hit   knowledge.Hit
		score float64
	}
	var all []*fused
	// Not by the chunk's ID: for a passage that several chunks are parts of, each
	// question may name another part.
	type key struct{ source, document, text string }
	seen := make(map[key]*fused)
	for i, hits := range lists {
		weight := questions[i].Weight
		if weight == 0 {
			weight = 1
		}
		for rank, hit := range hits {
			k := key{hit.Source, hit.Document, hit.Text}
			f, ok := seen[k]
			if !ok {
				f = &fused{hit: hit}
				seen[k] = f
				all = append(all, f)
			}
			f.hit.Score = max(f.hit.Score, hit.Score)
			f.score += weight / float64(rankConstant+rank+1)
		}
	}
	slices.SortStableFunc(all, func(a, b *fused) int { return cmp.Compare(b.score, a.score) })
	hits := make([]knowledge.Hit, len(all))
	for i, f := range all {
		hits[i] = f.hit
	}
	return hits
}

// text joins the questions for a reranker, which reads one.
func text(questions []Question) string {
	texts := make([]string, len(questions))
	for i, q := range questions {
		texts[i] = q.Text
	}
	return strings.Join(texts, "\n")
}
