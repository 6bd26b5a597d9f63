package retrieve

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/knowledge/retrieve/passage"
)

// The stand-in for a rerank model: the similarity of the query with the document
// and, where that is longer than an embedding model reads, with those windows of
// it that have the most words of the query; and the share of the query's words
// that the document has. The weights were measured on the Cranfield collection
// with the default embedding model, where cutting short documents into windows
// gained nothing; see TestRerankingFindsMore.
const (
	longDocument = 1500 // bytes, from which a document has windows
	windowBytes  = 900
	mostWindows  = 6   // of one document that are embedded
	mostTexts    = 600 // of all documents that are embedded, but one of each at least
	// mostDocument is how much of a document is read, bytes: the longest text of
	// the Rerank API. A JSON document or a passage that is a whole file is longer.
	mostDocument = 128_000

	weightWhole  = 0.5
	weightWindow = 0.5
	weightWords  = 0.2

	// A score is the logistic function of the similarity: middle is where about
	// half of the documents answer the query, and slope stretches what
	// embeddings crowd together.
	middle = 0.52
	slope  = 9
)

// similarity scores documents with an embedding model.
func similarity(ctx context.Context, models inference.Embedder, model, query string, documents []string) (scores []float64, tokens int, err error) {
	documents = slices.Clone(documents)
	terms := make([][]string, len(documents))
	for i, d := range documents {
		documents[i] = head(d)
		terms[i] = passage.Terms(documents[i])
	}
	weights := passage.NewWeights(terms)
	wanted := passage.Terms(query)

	texts := []string{query}
	type part struct{ whole, first, end int } // positions in texts
	parts := make([]part, len(documents))
	most := min(mostWindows, max(0, mostTexts/len(documents)-1))
	for i, d := range documents {
		if strings.TrimSpace(d) == "" {
			continue // nothing to embed: the query's own place, which is none
		}
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
		if p.whole == 0 {
			scores[i] = logistic(0)
			continue
		}
		whole := passage.Cosine(vectors[0], vectors[p.whole])
		best := whole
		for j := p.first; j < p.end; j++ {
			best = max(best, passage.Cosine(vectors[0], vectors[j]))
		}
		s := weightWhole*whole + weightWindow*best + weightWords*weights.Overlap(wanted, terms[i])
		scores[i] = logistic(s)
	}
	return scores, tokens, nil
}

// head is as much of a document as is read, whole characters.
func head(document string) string {
	if len(document) <= mostDocument {
		return document
	}
	n := mostDocument
	for n > 0 && !utf8.RuneStart(document[n]) {
		n--
	}
	return document[:n]
}

func logistic(similarity float64) float64 { return 1 / (1 + math.Exp(-slope*(similarity-middle))) }

// windows returns runs of words of a document, those with the most words of the
// query, or none for a document that is one window itself. They begin where a
// sentence does, as far as the sentences are short enough.
func windows(document string, most int, weights *passage.Weights, wanted []string) []string {
	if most < 1 || len(document) <= longDocument {
		return nil
	}
	type window struct {
		text  string
		words float64
	}
	var all []window
	var current []string
	size := 0
	flush := func() {
		if size > 0 {
			text := strings.Join(current, " ")
			all = append(all, window{text, weights.Overlap(wanted, passage.Terms(text))})
		}
	}
	for _, unit := range passage.Units(document) {
		for _, piece := range passage.Pieces(unit, windowBytes/3) {
			if size > 0 && size+len(piece) > windowBytes {
				flush()
				// The last sentence of a window begins the next one too.
				if last := current[len(current)-1]; len(current) > 1 && len(last)+len(piece) <= windowBytes {
					current, size = []string{last}, len(last)
				} else {
					current, size = nil, 0
				}
			}
			current = append(current, piece)
			size += len(piece)
		}
	}
	flush()
	slices.SortStableFunc(all, func(a, b window) int { return cmp.Compare(b.words, a.words) })
	texts := make([]string, 0, min(most, len(all)))
	for _, w := range all[:min(most, len(all))] {
		texts = append(texts, w.text)
	}
	return texts
}
