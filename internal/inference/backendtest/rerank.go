package backendtest

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

var rerankCases = map[string]func(*testing.T, Subject){
	"one score for each document, in order": func(t *testing.T, s Subject) {
		documents := []string{"the ship sails at noon", "the refund policy says 45 days", "bread and butter", "the refund policy says 45 days"}
		got := s.rerank(t, "refund policy", documents)
		if len(got) != len(documents) {
			t.Fatalf("got %d scores, want %d", len(got), len(documents))
		}
		for i, score := range got {
			if !(score >= 0 && score <= 1) {
				t.Errorf("document %d: got a score of %v, want one between 0 and 1", i, score)
			}
		}
		if got[1] <= got[0] || got[1] <= got[2] {
			t.Errorf("got %v, want the most for the document that answers", got)
		}
		if math.Abs(got[1]-got[3]) > 1e-3 {
			t.Errorf("equal documents score %v and %v", got[1], got[3])
		}
	},
	"no documents": func(t *testing.T, s Subject) {
		if got := s.rerank(t, "refund policy", nil); len(got) != 0 {
			t.Errorf("got %d scores, want none", len(got))
		}
	},
	"refuses what it cannot": func(t *testing.T, s Subject) {
		reranker := s.Backend.(inference.Reranker)
		_, err := reranker.Rerank(t.Context(), &inference.RerankRequest{Model: "no-such-model", Query: "x", Documents: []string{"y"}})
		wantFault(t, err, fault.NotFound, nil)
		_, err = reranker.Rerank(t.Context(), &inference.RerankRequest{Model: s.Model, Query: "x", Documents: []string{"y"}})
		wantFault(t, err, fault.Unsupported, nil)
	},
	"canceled": func(t *testing.T, s Subject) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.Backend.(inference.Reranker).Rerank(ctx, &inference.RerankRequest{Model: s.Reranker, Query: "x", Documents: []string{"y"}})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	},
}

func (s Subject) rerank(t *testing.T, query string, documents []string) []float64 {
	t.Helper()
	got, err := s.Backend.(inference.Reranker).Rerank(t.Context(), &inference.RerankRequest{Model: s.Reranker, Query: query, Documents: documents})
	if err != nil {
		t.Fatal(err)
	}
	return got.Scores
}
