package titanembed_test

import (
	"math"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/nativetest"
	"github.com/outcrop/outcrop/internal/native/titanembed"
)

func TestGolden(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		family native.Embedding
		id     string
	}{
		{"v1", titanembed.V1{}, "amazon.titan-embed-text-v1"},
		{"v2", titanembed.V2{}, "amazon.titan-embed-text-v2:0"},
		{"mm", titanembed.Multimodal{}, "amazon.titan-embed-image-v1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			nativetest.RunEmbedding(t, c.family, nativetest.Model(c.id), c.name)
		})
	}
}

func TestSizesComeFromTheCatalog(t *testing.T) {
	t.Parallel()
	m := nativetest.Model("amazon.titan-embed-text-v2:0")
	m.Dimensions = []int{8, 4}
	req, err := titanembed.V2{}.Decode(m, []byte(`{"inputText":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	if req.Dimensions != 8 {
		t.Errorf("got %d dimensions, want the first that is offered, 8", req.Dimensions)
	}
	if _, err := (titanembed.V2{}).Decode(m, []byte(`{"inputText":"x","dimensions":1024}`)); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v for a size that is not offered, want invalid", err)
	}
}

func TestTextsAreLimited(t *testing.T) {
	t.Parallel()
	m := nativetest.Model("amazon.titan-embed-text-v2:0")
	if _, err := (titanembed.V2{}).Decode(m, []byte(`{"inputText":"`+strings.Repeat("ä", 50_000)+`"}`)); err != nil {
		t.Errorf("got %v for 50,000 characters, want none", err)
	}
	const want = "Malformed input request: #/inputText: expected maxLength: 50000, actual: 50001, please reformat your input and try again."
	_, err := titanembed.V2{}.Decode(m, []byte(`{"inputText":"`+strings.Repeat("ä", 50_001)+`"}`))
	if err == nil || fault.As(err).Message != want {
		t.Errorf("got %v for 50,001 characters, want %q", err, want)
	}
}

func TestEncodeRefusesWhatIsNoAnswer(t *testing.T) {
	t.Parallel()
	req := &native.EmbeddingRequest{Texts: []string{"x"}, Dimensions: 2, Types: []string{"float"}}
	for _, c := range []struct {
		name string
		e    inference.Embeddings
		want fault.Kind
	}{
		{"no vector", inference.Embeddings{}, fault.Internal},
		{"two vectors", inference.Embeddings{Vectors: [][]float32{{1, 2}, {3, 4}}, InputTokens: []int{1, 2}}, fault.Internal},
		{"wrong size", inference.Embeddings{Vectors: [][]float32{{1}}, InputTokens: []int{1}}, fault.Internal},
		{"not a number", inference.Embeddings{Vectors: [][]float32{{1, float32(math.NaN())}}, InputTokens: []int{1}}, fault.Upstream},
		{"infinite", inference.Embeddings{Vectors: [][]float32{{1, float32(math.Inf(-1))}}, InputTokens: []int{1}}, fault.Upstream},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, f := range []native.Embedding{titanembed.V1{}, titanembed.V2{}, titanembed.Multimodal{}} {
				if _, err := f.Encode(native.Model{}, req, &c.e); !fault.Is(err, c.want) {
					t.Errorf("got %v from %T, want %v", err, f, c.want)
				}
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	nativetest.FuzzEmbedding(f, titanembed.V2{}, nativetest.Model("amazon.titan-embed-text-v2:0"), "v2")
}

func FuzzDecodeMultimodal(f *testing.F) {
	nativetest.FuzzEmbedding(f, titanembed.Multimodal{}, nativetest.Model("amazon.titan-embed-image-v1"), "mm")
}
