package embedding_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/embedding"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// source is a model whose vectors lie near a few directions, so that cutting
// them at the wrong place shows. It counts the texts that it embedded.
type source struct {
	dims, rank int
	digest     string
	err        error
	texts      atomic.Int64

	once       sync.Once
	directions [][]float64
}

func (s *source) vector(text string) []float32 {
	s.once.Do(func() {
		r := rand.New(rand.NewPCG(1, 2))
		for range s.rank {
			direction := make([]float64, s.dims)
			for j := range direction {
				direction[j] = r.NormFloat64()
			}
			s.directions = append(s.directions, direction)
		}
	})
	h := fnv.New64a()
	h.Write([]byte(text))
	seed := rand.New(rand.NewPCG(h.Sum64(), 1))
	v := make([]float64, s.dims)
	for _, direction := range s.directions {
		weight := seed.NormFloat64()
		for j, x := range direction {
			v[j] += weight * x
		}
	}
	var sum float64
	for j := range v {
		v[j] += 0.01 * seed.NormFloat64()
		sum += v[j] * v[j]
	}
	out := make([]float32, s.dims)
	for j := range v {
		out[j] = float32(v[j] / math.Sqrt(sum))
	}
	return out
}

func (s *source) Embed(_ context.Context, req *inference.EmbedRequest) (*inference.Embeddings, error) {
	if s.err != nil {
		return nil, s.err
	}
	e := &inference.Embeddings{Model: req.Model}
	for _, text := range req.Texts {
		s.texts.Add(1)
		e.Vectors = append(e.Vectors, s.vector(text))
		e.InputTokens = append(e.InputTokens, 1)
	}
	return e, nil
}

func (s *source) Describe(_ context.Context, model string) (*inference.ModelInfo, error) {
	return &inference.ModelInfo{Name: model, Dimensions: s.dims, Digest: s.digest}, nil
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

func length(v []float32) float64 {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum)
}

func fit(t *testing.T, a *embedding.Adapter, model string, vectors [][]float32, size int, l embedding.Length) [][]float32 {
	t.Helper()
	fitted, err := a.Fit(t.Context(), model, vectors, size, l)
	if err != nil {
		t.Fatalf("Fit: %v", err)
	}
	for _, v := range fitted {
		if len(v) != size {
			t.Fatalf("got a vector of %d, want %d", len(v), size)
		}
	}
	return fitted
}

func TestPaddingChangesNoCosine(t *testing.T) {
	t.Parallel()
	s := &source{dims: 384, rank: 20}
	a := embedding.New(s, embedding.Params{})
	x, y := s.vector("one"), s.vector("two")
	got := fit(t, a, "minilm", [][]float32{x, y}, 1024, embedding.Unit)
	if want := cosine(x, y); math.Abs(cosine(got[0], got[1])-want) > 1e-6 {
		t.Errorf("got cosine %v, want %v", cosine(got[0], got[1]), want)
	}
	for _, z := range got[0][384:] {
		if z != 0 {
			t.Fatalf("got %v behind the vector, want zeros", z)
		}
	}
	if s.texts.Load() != 0 {
		t.Error("padding embedded the corpus")
	}
}

func TestLength(t *testing.T) {
	t.Parallel()
	a := embedding.New(&source{dims: 4}, embedding.Params{})
	in := [][]float32{{3, 0, 4, 0}, {0, 0, 0, 0}}
	if diff := cmp.Diff([][]float32{{3, 0, 4, 0, 0}, {0, 0, 0, 0, 0}}, fit(t, a, "m", in, 5, embedding.AsMade)); diff != "" {
		t.Errorf("as made (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]float32{{0.6, 0, 0.8, 0}, {0, 0, 0, 0}}, fit(t, a, "m", in, 4, embedding.Unit)); diff != "" {
		t.Errorf("unit (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]float32{{3, 0, 4, 0}, {0, 0, 0, 0}}, in); diff != "" {
		t.Errorf("Fit changed its input (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]float32{{3, 0}, {0, 0}}, fit(t, a, "nomic-embed-text-v1.5.Q8_0", in, 2, embedding.AsMade)); diff != "" {
		t.Errorf("Matryoshka (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]float32{{1, 0}, {0, 0}}, fit(t, a, "llamacpp/hf.co/Qwen/Qwen3-Embedding-0.6B-GGUF", in, 2, embedding.Unit)); diff != "" {
		t.Errorf("Matryoshka, unit (-want +got):\n%s", diff)
	}
}

// The vectors lie near 20 directions of 384. Cut to 32 in the basis, cosines
// stay; cut as they come, they do not.
func TestCutKeepsCosines(t *testing.T) {
	t.Parallel()
	s := &source{dims: 384, rank: 20}
	a := embedding.New(s, embedding.Params{})
	var vectors [][]float32
	for _, text := range []string{"alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"} {
		vectors = append(vectors, s.vector(text))
	}
	got := fit(t, a, "m", vectors, 32, embedding.Unit)
	var worst, naive float64
	for i := range vectors {
		if l := length(got[i]); math.Abs(l-1) > 1e-6 {
			t.Errorf("vector %d: got length %v, want 1", i, l)
		}
		for j := range i {
			want := cosine(vectors[i], vectors[j])
			worst = max(worst, math.Abs(cosine(got[i], got[j])-want))
			naive = max(naive, math.Abs(cosine(vectors[i][:32], vectors[j][:32])-want))
		}
	}
	if worst > 0.02 {
		t.Errorf("a cosine moved by %.3f, want at most 0.02", worst)
	}
	if naive < 5*worst {
		t.Errorf("cutting as they come moves a cosine by %.3f, in the basis by %.3f: the basis gains nothing", naive, worst)
	}
}

// More directions are asked for than the texts span, or there are fewer texts
// than dimensions: the basis is orthonormal all the same, and the first
// directions hold the texts.
func TestPrincipal(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name              string
		rows, dims, size  int
		rank, wantInFirst int
	}{
		{"more texts than dimensions", 60, 24, 16, 5, 5},
		{"fewer texts than dimensions", 10, 32, 20, 32, 10},
		{"as many directions as dimensions", 10, 32, 32, 3, 10},
		{"one text", 1, 8, 4, 8, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := &source{dims: tc.dims, rank: tc.rank}
			var rows [][]float32
			for i := range tc.rows {
				rows = append(rows, s.vector(fmt.Sprint(i)))
			}
			basis, err := embedding.Principal(rows, tc.size)
			if err != nil {
				t.Fatal(err)
			}
			if len(basis) < tc.size {
				t.Fatalf("got %d directions, want at least %d", len(basis), tc.size)
			}
			for i, b := range basis {
				for j, c := range basis[:i+1] {
					want := 0.0
					if i == j {
						want = 1
					}
					if got := dot(b, c); math.Abs(got-want) > 1e-5 {
						t.Fatalf("directions %d and %d: got product %v, want %v", i, j, got, want)
					}
				}
			}
			for i, r := range rows {
				var kept float64
				for _, b := range basis[:tc.wantInFirst] {
					kept += dot(r, b) * dot(r, b)
				}
				if kept < 0.97 {
					t.Errorf("text %d: the first %d directions keep %.3f of its length, want at least 0.97", i, tc.wantInFirst, kept)
				}
			}
		})
	}
}

func dot(a, b []float32) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func TestBasisIsKept(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "basis")
	s := &source{dims: 64, rank: 10, digest: "0123abcd"}
	v := [][]float32{s.vector("one")}
	a := embedding.New(s, embedding.Params{Dir: dir})
	want := fit(t, a, "m", v, 16, embedding.Unit)
	computed := s.texts.Load()
	if computed == 0 {
		t.Fatal("the corpus was not embedded")
	}
	fit(t, a, "m", v, 32, embedding.Unit)
	if n := s.texts.Load(); n != computed {
		t.Errorf("the second cut embedded %d more texts, want none", n-computed)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 || filepath.Base(files[0]) != "0123abcd-v1.f32" {
		t.Fatalf("got files %v, %v, want 0123abcd-v1.f32", files, err)
	}

	again := embedding.New(s, embedding.Params{Dir: dir})
	if diff := cmp.Diff(want, fit(t, again, "m", v, 16, embedding.Unit)); diff != "" {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
	if n := s.texts.Load(); n != computed {
		t.Errorf("the restart embedded %d texts, want none", n-computed)
	}

	// A file that is not what it should be is made again, with the same result.
	for name, content := range map[string][]byte{"cut off": {1, 2, 3}, "zeros": make([]byte, 64*64*4), "empty": {}} {
		if err := os.WriteFile(files[0], content, 0o644); err != nil {
			t.Fatal(err)
		}
		before := s.texts.Load()
		if diff := cmp.Diff(want, fit(t, embedding.New(s, embedding.Params{Dir: dir}), "m", v, 16, embedding.Unit)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if s.texts.Load() == before {
			t.Errorf("%s: the broken file was used", name)
		}
	}
}

// Where the directory cannot be written, the answer is the same and the log says
// why the next start will be slow.
func TestBasisCannotBeKept(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s := &source{dims: 64, rank: 10, digest: "0123abcd"}
	a := embedding.New(s, embedding.Params{Dir: filepath.Join(file, "basis"), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	fit(t, a, "m", [][]float32{s.vector("one")}, 16, embedding.Unit)
	if !bytes.Contains(log.Bytes(), []byte("not a directory")) {
		t.Errorf("got log %q, want the reason", log.String())
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	busy := fault.New(fault.Unavailable, "busy")
	s := &source{dims: 64, rank: 4, err: busy}
	a := embedding.New(s, embedding.Params{})
	v := [][]float32{make([]float32, 64)}
	if _, err := a.Fit(t.Context(), "m", v, 16, embedding.Unit); !errors.Is(err, busy) {
		t.Errorf("got %v, want the source's error", err)
	}
	if _, err := a.Fit(t.Context(), "m", v, 0, embedding.Unit); !fault.Is(err, fault.Internal) {
		t.Errorf("size 0: got %v, want an internal error", err)
	}
	// An error is not kept.
	s.err = nil
	if _, err := a.Fit(t.Context(), "m", v, 16, embedding.Unit); err != nil {
		t.Errorf("after the error: got %v", err)
	}
}

// Callers that come together wait for one computation, and one that goes away
// does not wait.
func TestConcurrentCuts(t *testing.T) {
	t.Parallel()
	s := &source{dims: 64, rank: 10}
	a := embedding.New(s, embedding.Params{})
	v := [][]float32{s.vector("one")}
	errs := make(chan error)
	for range 8 {
		go func() {
			_, err := a.Fit(context.Background(), "m", v, 16, embedding.Unit)
			errs <- err
		}()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n, want := s.texts.Load(), int64(len(embedding.Corpus())); n != want {
		t.Errorf("got %d texts embedded, want the corpus once: %d", n, want)
	}
}
