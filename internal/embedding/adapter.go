// Package embedding fits the vectors of whatever model serves an embedding call
// to the size that the API promises: Titan Text Embeddings V2 answers 256, 512
// or 1024 numbers, whatever answers for it.
//
// It makes no embeddings of its own and invents no numbers. A smaller model's
// vectors get zeros behind them, which changes no cosine. A larger model's are
// cut: as they come when the model was trained for that (Matryoshka), otherwise
// in its principal-component basis, where the first numbers say the most. The
// bedrockruntime service calls it. An Adapter is safe for concurrent use.
package embedding

import (
	"context"
	"log/slog"
	"math"
	"strings"
	"sync"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// Source is what the adapter needs of the backends to know a model.
type Source interface {
	inference.Embedder
	inference.Describer
}

// Length says what the length of a vector shall be.
type Length uint8

// Unit scales to length 1; AsMade leaves the length that the model and the cut
// gave.
const (
	AsMade Length = iota
	Unit
)

// Params are the settings of an adapter.
type Params struct {
	// Dir keeps the bases between runs; empty keeps them in memory only.
	Dir string
	// Logger is told when a basis could not be kept; nil is silent.
	Logger *slog.Logger
}

// Adapter fits vectors. It computes the basis of a model once, when it is first
// needed, and keeps it.
type Adapter struct {
	source Source
	params Params

	mu    sync.Mutex
	bases map[string]*slot // by model
}

// New returns an adapter that computes bases with source.
func New(source Source, p Params) *Adapter {
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	return &Adapter{source: source, params: p, bases: make(map[string]*slot)}
}

// Fit returns vectors of the wanted size; it changes none of those it got. The
// first cut below the own size of a model embeds a built-in corpus with it,
// which takes seconds. Faults are those of the source.
func (a *Adapter) Fit(ctx context.Context, model string, vectors [][]float32, size int, length Length) ([][]float32, error) {
	if size <= 0 {
		return nil, fault.New(fault.Internal, "vectors of size %d were asked for", size)
	}
	fitted := make([][]float32, len(vectors))
	for i, v := range vectors {
		out := make([]float32, size)
		if len(v) <= size || matryoshka(model) {
			copy(out, v)
		} else {
			b, err := a.basis(ctx, model, len(v), size)
			if err != nil {
				return nil, err
			}
			b.project(out, v)
		}
		if length == Unit {
			normalize(out)
		}
		fitted[i] = out
	}
	return fitted, nil
}

// matryoshka reports whether a model is known to be trained so that the first
// numbers of its vectors can stand alone. GGUF files do not say it, so it goes
// by names.
func matryoshka(model string) bool {
	name := strings.ToLower(model)
	for _, known := range []string{
		"nomic-embed-text-v1.5", "nomic-embed-text-v2", "mxbai-embed-large", "embeddinggemma", "qwen3-embedding",
		"arctic-embed-m-v1.5", "arctic-embed-m-v2", "arctic-embed-l-v2", "jina-embeddings-v3", "jina-embeddings-v4",
	} {
		if strings.Contains(name, known) {
			return true
		}
	}
	return false
}

// normalize scales v to length 1; the zero vector has no direction and stays.
func normalize(v []float32) {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return
	}
	scale := 1 / math.Sqrt(sum)
	for i, x := range v {
		v[i] = float32(float64(x) * scale)
	}
}
