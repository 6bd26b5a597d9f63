package vectors_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native/vectors"
)

func TestAppend(t *testing.T) {
	t.Parallel()
	v := []float32{0.5, -0.25, 0, 1e-7, -0.5, 0.125, -1e-9, 0.1, 0.3}
	for _, c := range []struct {
		name string
		got  []byte
		want string
	}{
		{"floats", vectors.AppendFloats(nil, v), "[0.5,-0.25,0,1e-07,-0.5,0.125,-1e-09,0.1,0.3]"},
		{"signs", vectors.AppendSigns(nil, v), "[1,0,0,1,0,1,0,1,1]"},
		{"int8", vectors.AppendBytes(nil, v, false), "[127,-64,0,0,-127,32,0,25,76]"},
		{"uint8", vectors.AppendBytes(nil, v, true), "[255,64,128,128,1,160,128,153,204]"},
		{"binary", vectors.AppendBits(nil, v, false), "[21,0]"},
		{"ubinary", vectors.AppendBits(nil, v, true), "[149,128]"},
		{"nothing but zeros", vectors.AppendBytes(nil, []float32{0, 0}, false), "[0,0]"},
		{"nothing", vectors.AppendBits(nil, nil, true), "[]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if string(c.got) != c.want {
				t.Errorf("got %s, want %s", c.got, c.want)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		e    inference.Embeddings
		want fault.Kind
	}{
		{"too few", inference.Embeddings{Vectors: [][]float32{{1, 2}}, InputTokens: []int{1}}, fault.Internal},
		{"wrong size", inference.Embeddings{Vectors: [][]float32{{1}, {1}}, InputTokens: []int{1, 1}}, fault.Internal},
		{"no counts", inference.Embeddings{Vectors: [][]float32{{1, 2}, {1, 2}}}, fault.Internal},
		{"not a number", inference.Embeddings{Vectors: [][]float32{{1, 2}, {1, float32(math.NaN())}}, InputTokens: []int{1, 1}}, fault.Upstream},
		{"infinite", inference.Embeddings{Vectors: [][]float32{{1, 2}, {1, float32(math.Inf(1))}}, InputTokens: []int{1, 1}}, fault.Upstream},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if err := vectors.Check(&c.e, 2, 2); !fault.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestMean(t *testing.T) {
	t.Parallel()
	e := &inference.Embeddings{Vectors: [][]float32{{1, 0}, {0, 1}, {3, 3}}, InputTokens: []int{1, 2, 4}}
	got, err := vectors.Mean(e, [][]int{{2}, {0, 1}})
	if err != nil {
		t.Fatal(err)
	}
	want := &inference.Embeddings{Vectors: [][]float32{{3, 3}, {0.5, 0.5}}, InputTokens: []int{4, 3}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the means differ (-want +got):\n%s", diff)
	}
	if same, err := vectors.Mean(e, nil); err != nil || same != e {
		t.Errorf("got %v, %v without groups, want what was given", same, err)
	}
	if _, err := vectors.Mean(e, [][]int{{3}}); !fault.Is(err, fault.Internal) {
		t.Errorf("got %v for a vector that is not there, want internal", err)
	}
	odd := &inference.Embeddings{Vectors: [][]float32{{1}, {1, 2}}, InputTokens: []int{1, 1}}
	if _, err := vectors.Mean(odd, [][]int{{0, 1}}); !fault.Is(err, fault.Internal) {
		t.Errorf("got %v for vectors of two sizes, want internal", err)
	}
}
