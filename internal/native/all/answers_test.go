package all_test

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/all"
	"github.com/outcrop/outcrop/internal/native/nativetest"
)

// vectorsOf reads the vectors of numbers, by the format's own words, and the
// tokens where it says them.
func vectorsOf(t *testing.T, format string, body []byte) (vectors [][]float32, tokens int) {
	t.Helper()
	var in struct {
		Embedding  []float32
		Embeddings json.RawMessage
		Tokens     int                  `json:"inputTextTokenCount"`
		ByType     map[string][]float32 `json:"embeddingsByType"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		t.Fatal(err)
	}
	switch format {
	case "nova-embed":
		var list []struct{ Embedding []float32 }
		if err := json.Unmarshal(in.Embeddings, &list); err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			vectors = append(vectors, e.Embedding)
		}
	case "cohere-embed-v3", "cohere-embed-v4":
		if err := json.Unmarshal(in.Embeddings, &vectors); err != nil {
			t.Fatal(err)
		}
	default:
		vectors = [][]float32{in.Embedding}
		if same, ok := in.ByType["float"]; ok && !slices.Equal(same, in.Embedding) {
			t.Errorf("got two different vectors in %s", body)
		}
	}
	return vectors, in.Tokens
}

// Vectors come back to the last bit, whatever their exponents.
func TestVectorsRoundTrip(t *testing.T) {
	t.Parallel()
	for format, f := range all.Embeddings() {
		for seed := range uint64(100) {
			r := nativetest.NewRandom(seed)
			req := &native.EmbeddingRequest{Texts: r.Texts(3), Dimensions: 1 + r.IntN(40), Types: []string{"float"}}
			if format != "cohere-embed-v3" && format != "cohere-embed-v4" {
				req.Texts = req.Texts[:1]
			}
			e := &inference.Embeddings{}
			for range req.Texts {
				v := make([]float32, req.Dimensions)
				for i := range v {
					for v[i] = math.Float32frombits(r.Uint32()); v[i] != v[i] || math.IsInf(float64(v[i]), 0); {
						v[i] = math.Float32frombits(r.Uint32())
					}
				}
				e.Vectors, e.InputTokens = append(e.Vectors, v), append(e.InputTokens, 1+r.IntN(999))
			}
			body, err := f.Encode(nativetest.Model("m"), req, e)
			if err != nil {
				t.Fatalf("%s: %v", format, err)
			}
			got, tokens := vectorsOf(t, format, body)
			if diff := cmp.Diff(e.Vectors, got); diff != "" {
				t.Fatalf("%s: the vectors of seed %d came back different (-want +got):\n%s", format, seed, diff)
			}
			if tokens != 0 && tokens != e.InputTokens[0] {
				t.Errorf("%s: got %d tokens, want %d", format, tokens, e.InputTokens[0])
			}
		}
	}
}

// The best documents come first, each with its own number and its score to the
// last bit; what scores the same stays in order.
func TestScoresRoundTrip(t *testing.T) {
	t.Parallel()
	for format, f := range all.Rerankings() {
		for seed := range uint64(100) {
			r := nativetest.NewRandom(seed)
			req := &native.RerankRequest{Query: r.Text(), Documents: r.Texts(9)}
			req.Top = r.IntN(len(req.Documents) + 1)
			scores := make([]float64, len(req.Documents))
			for i := range scores {
				if scores[i] = r.Float64(); r.Chance(3) {
					scores[i] = 0.5
				}
			}
			body, err := f.Encode(nativetest.Model("m"), req, scores)
			if err != nil {
				t.Fatal(err)
			}
			var in struct {
				Results []struct {
					Index int
					Score float64 `json:"relevance_score"`
				}
			}
			if err := json.Unmarshal(body, &in); err != nil {
				t.Fatal(err)
			}
			want := req.Top
			if want == 0 {
				want = len(scores)
			}
			if len(in.Results) != want {
				t.Fatalf("%s: got %d results, want %d", format, len(in.Results), want)
			}
			seen := map[int]bool{}
			for i, result := range in.Results {
				if result.Score != scores[result.Index] || seen[result.Index] {
					t.Errorf("%s: got %v for document %d, want %v, once", format, result.Score, result.Index, scores[result.Index])
				}
				seen[result.Index] = true
				if i > 0 && (result.Score > in.Results[i-1].Score || result.Score == in.Results[i-1].Score && result.Index < in.Results[i-1].Index) {
					t.Errorf("%s: got document %d behind %d", format, result.Index, in.Results[i-1].Index)
				}
			}
			for i, score := range scores {
				if !seen[i] && score > in.Results[want-1].Score {
					t.Errorf("%s: document %d is better than the last result, and left out", format, i)
				}
			}
		}
	}
}

// Images come back as they were made, in order, each with its seed.
func TestImagesRoundTrip(t *testing.T) {
	t.Parallel()
	for format, f := range all.Images() {
		for seed := range uint64(100) {
			r := nativetest.NewRandom(seed)
			made := &inference.Images{}
			for range 1 + r.IntN(4) {
				made.Images, made.Seeds = append(made.Images, r.Made()), append(made.Seeds, r.Uint32())
			}
			body, err := f.Encode(nativetest.Model("m"), &inference.ImageRequest{}, made)
			if err != nil {
				t.Fatal(err)
			}
			var in struct {
				Images  [][]byte
				Seeds   []uint32
				Reasons []*string `json:"finish_reasons"`
				Error   *string
			}
			if err := json.Unmarshal(body, &in); err != nil {
				t.Fatal(err)
			}
			if len(in.Images) != len(made.Images) || in.Error != nil || slices.ContainsFunc(in.Reasons, func(s *string) bool { return s != nil }) {
				t.Fatalf("%s: got %s", format, body)
			}
			for i, img := range made.Images {
				if !bytes.Equal(img.Bytes, in.Images[i]) || in.Seeds != nil && in.Seeds[i] != made.Seeds[i] {
					t.Errorf("%s: image %d came back different", format, i)
				}
			}
		}
	}
}
