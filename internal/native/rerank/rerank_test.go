package rerank_test

import (
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/nativetest"
	"github.com/outcrop/outcrop/internal/native/rerank"
)

func cohere() native.Model { return nativetest.Model("cohere.rerank-v3-5:0") }

func TestGolden(t *testing.T) {
	t.Parallel()
	t.Run("cohere", func(t *testing.T) { t.Parallel(); nativetest.RunReranking(t, rerank.Family{}, cohere(), "cohere") })
	t.Run("amazon", func(t *testing.T) {
		t.Parallel()
		nativetest.RunReranking(t, rerank.Family{}, nativetest.Model("amazon.rerank-v1:0"), "amazon")
	})
}

func FuzzDecode(f *testing.F) {
	nativetest.FuzzOther(f, "cohere", func(body []byte) error {
		req, err := rerank.Family{}.Decode(cohere(), body)
		if err == nil {
			_, err = rerank.Family{}.Encode(cohere(), req, make([]float64, len(req.Documents)))
		}
		return err
	})
}

func TestEncodeRefusesOtherCounts(t *testing.T) {
	t.Parallel()
	if _, err := (rerank.Family{}).Encode(cohere(), &native.RerankRequest{Documents: []string{"a"}}, nil); !fault.Is(err, fault.Internal) {
		t.Errorf("got %v for no scores of one document, want internal", err)
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	nativetest.RoundTripOther(t, func(r nativetest.Random) map[string]any {
		b := map[string]any{"query": r.Text(), "documents": r.Texts(9), "api_version": 2}
		r.Maybe(b, "top_n", 1+r.IntN(9))
		r.Maybe(b, "max_tokens_per_doc", 4096+r.IntN(9))
		return b
	}, func(data []byte) (any, error) {
		req, err := rerank.Family{}.Decode(cohere(), data)
		if err != nil {
			return nil, err
		}
		b := map[string]any{"query": req.Query, "documents": req.Documents, "api_version": 2}
		if req.Top > 0 {
			b["top_n"] = req.Top
		}
		if req.MaxTokens > 0 {
			b["max_tokens_per_doc"] = req.MaxTokens
		}
		return b, nil
	})
}
