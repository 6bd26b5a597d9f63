package retrieve

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/knowledge/retrieve/passage"
)

// The stand-in for a rerank model. A whole document's vector blurs what a
// sentence of it says, so the best window of each document counts beside the
// whole, and so do the words of the query that it has.
//
// The numbers were measured on the Cranfield collection with the default
// embedding model; see TestRerankingDoesNotHurt.
const (
	windowUnits = 3   // sentences in a window
	mostWindows = 6   // of one document that are embedded
	mostTexts   = 600 // of all documents that are embedded, but one of each at least

	weightWhole  = 0.5
	weightWindow = 0.5
	weightWords  = 0.35

	// A score is the logistic function of the similarity: middle is where half
	// of the documents answer the query, and slope stretches what embeddings
	// crowd together.
	middle = 0.62
	slope  = 9
)

// similarity scores documents with an embedding model.
func similarity(ctx context.Context, models inference.Embedder, model, query string, documents []string) (scores []float64, tokens int, err error) {
	terms := make([][]string, len(documents))
	for i, d := range documents {
		terms[i] = passage.Terms(d)
	}
	weights := passage.NewWeights(terms)
	wanted := passage.Terms(query)

	texts := []string{query}
	type part struct{ whole, first, end int } // positions in texts
	parts := make([]part, len(documents))
	most := min(mostWindows, max(0, mostTexts/len(documents)-1))
	for i, d := range documents {
		parts[i].whole = len(texts)
		texts = append(texts, d)
		parts[i].first = len(texts)
		texts = append(texts, windows(d, most, weights, wanted)...)
		parts[i].end = len(texts)
	}
	made, err := models.Embed(ctx, &inference.EmbedRequest{Model: model, Texts: texts})
	if err != nil {
		return nil, 0, err
	}
	for _, n := range made.InputTokens {
		tokens += n
	}
	vectors := made.Vectors
	scores = make([]float64, len(documents))
	for i, p := range parts {
		whole := passage.Cosine(vectors[0], vectors[p.whole])
		best := whole
		for j := p.first; j < p.end; j++ {
			best = max(best, passage.Cosine(vectors[0], vectors[j]))
		}
		s := weightWhole*whole + weightWindow*best + weightWords*weights.Overlap(wanted, terms[i])
		scores[i] = 1 / (1 + math.Exp(-slope*(s-middle)))
	}
	return scores, tokens, nil
}

// windows returns runs of sentences of a document, those with the most words of
// the query, or none for a document that is one window itself.
func windows(document string, most int, weights *passage.Weights, wanted []string) []string {
	units := passage.Units(document)
	if len(units) <= windowUnits || most < 1 {
		return nil
	}
	type window struct {
		text  string
		words float64
	}
	var all []window
	for i := 0; i < len(units); i += windowUnits - 1 {
		text := strings.Join(units[i:min(i+windowUnits, len(units))], " ")
		all = append(all, window{text, weights.Overlap(wanted, passage.Terms(text))})
		if i+windowUnits >= len(units) {
			break
		}
	}
	slices.SortStableFunc(all, func(a, b window) int { return cmp.Compare(b.words, a.words) })
	texts := make([]string, 0, most)
	for _, w := range all[:min(most, len(all))] {
		texts = append(texts, w.text)
	}
	return texts
}
