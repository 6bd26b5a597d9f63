package inference

import (
	"context"
	"time"
)

// Reranker is the optional power to tell how well documents answer a query, by
// a model that reads both together. Similarity of embeddings is not it: package
// knowledge/retrieve makes do with that where no backend has this power.
type Reranker interface {
	// Rerank returns one score for each document, in order. Faults as
	// Generate; Unsupported when the model is not of this kind.
	Rerank(ctx context.Context, req *RerankRequest) (*Reranking, error)
}

// RerankRequest asks how relevant documents are.
type RerankRequest struct {
	Model     string
	Query     string
	Documents []string
}

// Reranking is one score for each document, between 0 and 1, where more is
// more relevant.
type Reranking struct {
	Model       string
	Scores      []float64
	InputTokens int // of all pairs together
	Elapsed     time.Duration
}
