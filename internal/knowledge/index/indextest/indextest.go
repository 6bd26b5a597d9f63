// Package indextest is the contract of knowledge.Indexes and knowledge.Index as
// a test suite, which every implementation passes: each sentence of the port's
// comments has a case here.
//
// It is for tests and sees an index through the port alone. What only one
// implementation can promise (files, speed) is tested there.
package indextest

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
)

// Subject opens the same indexes again and again: what one has written, the next
// one finds. Cleaning up is its own business.
type Subject func(t testing.TB) knowledge.Indexes

// Run runs the suite. fresh returns a Subject without any index.
func Run(t *testing.T, fresh func(t testing.TB) Subject) {
	for name, test := range map[string]func(t *testing.T, s Subject){
		"open":                testOpen,
		"existing":            testExisting,
		"other model":         testOtherModel,
		"drop":                testDrop,
		"close":               testClose,
		"documents":           testDocuments,
		"put replaces":        testReplace,
		"status alone":        testStatus,
		"metadata alone":      testMetadata,
		"remove":              testRemove,
		"remove source":       testRemoveSource,
		"outcomes":            testOutcomes,
		"refusals":            testRefusals,
		"empty":               testEmpty,
		"semantic":            testSemantic,
		"semantic among many": testSemanticMany,
		"text":                testText,
		"hybrid":              testHybrid,
		"parents":             testParents,
		"pages":               testPages,
		"hit":                 testHit,
		"filters":             testFilters,
		"filter keeps recall": testFilterRecall,
		"chunk metadata":      testChunkMetadata,
		"size":                testSize,
		"again":               testAgain,
		"churn":               testChurn,
		"at once":             testAtOnce,
		"canceled":            testCanceled,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, fresh(t))
		})
	}
}

const (
	base   = "KB00000001"
	source = "DS00000001"
	size   = 8
)

func spec() knowledge.Spec {
	return knowledge.Spec{Model: "test/embedding", Digest: "sha256:0123456789abcdef", Dimensions: size}
}

func open(t testing.TB, s Subject) knowledge.Index {
	t.Helper()
	return openAs(t, s(t), spec())
}

func openAs(t testing.TB, indexes knowledge.Indexes, spec knowledge.Spec) knowledge.Index {
	t.Helper()
	index, err := indexes.Open(t.Context(), base, spec)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

// unit returns the direction of numbers, with zeros behind.
func unit(dimensions int, numbers ...float64) []float32 {
	length := 0.0
	for _, n := range numbers {
		length += n * n
	}
	v := make([]float32, dimensions)
	for i, n := range numbers {
		v[i] = float32(n / math.Sqrt(length))
	}
	return v
}

// anywhere returns a random direction.
func anywhere(r *rand.Rand, dimensions int) []float32 {
	numbers := make([]float64, dimensions)
	for i := range numbers {
		numbers[i] = r.NormFloat64()
	}
	return unit(dimensions, numbers...)
}

func cosine(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// document is one with a status, as ingestion writes it.
func document(id string) knowledge.Document {
	return knowledge.Document{
		Source: source, ID: id, ETag: "etag of " + id, Modality: "TEXT", MIME: "text/plain", Size: 42,
		Status: knowledge.Indexed, Updated: time.Date(2026, 11, 1, 12, 0, 0, 123456000, time.UTC),
	}
}

// chunk is one without a parent.
func chunk(id, text string, vector []float32) knowledge.Chunk {
	return knowledge.Chunk{ID: id, Text: text, Parent: -1, Page: -1, Vector: vector}
}

func put(t testing.TB, index knowledge.Index, doc knowledge.Document, metadata knowledge.Metadata, chunks ...knowledge.Chunk) {
	t.Helper()
	doc.Chunks = len(chunks)
	if err := index.Put(t.Context(), "", doc, &knowledge.Content{Metadata: metadata, Chunks: chunks}, knowledge.OutcomeNone); err != nil {
		t.Fatal(err)
	}
}

func search(t testing.TB, index knowledge.Index, q knowledge.Query) []knowledge.Hit {
	t.Helper()
	hits, err := index.Search(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for i, h := range hits {
		if !(h.Score >= 0 && h.Score <= 1) {
			t.Errorf("hit %d: got score %v, want one from 0 to 1", i, h.Score)
		}
		if i > 0 && h.Score > hits[i-1].Score {
			t.Errorf("hit %d: got score %v after %v, want the best first", i, h.Score, hits[i-1].Score)
		}
	}
	return hits
}

// ids are the chunks of hits, in their order.
func ids(hits []knowledge.Hit) []string {
	list := make([]string, len(hits))
	for i, h := range hits {
		list[i] = h.Chunk
	}
	return list
}

// all returns the IDs of all chunks that a filter lets through, sorted.
func all(t testing.TB, index knowledge.Index, f *knowledge.Filter) []string {
	t.Helper()
	list := ids(search(t, index, knowledge.Query{
		Mode: knowledge.SemanticSearch, Vector: unit(index.Spec().Dimensions, 1), Filter: f, Limit: 1000,
	}))
	slices.Sort(list)
	return list
}

func wantIDs(t testing.TB, what string, got []knowledge.Hit, want ...string) {
	t.Helper()
	if diff := gocmp.Diff(want, ids(got)); diff != "" && len(want)+len(got) > 0 {
		t.Errorf("%s: chunks (-want +got):\n%s", what, diff)
	}
}

func wantKind(t testing.TB, what string, err error, kind fault.Kind) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Errorf("%s: got %v, want %v", what, err, kind)
	}
}

// nearest are the IDs of the n best of vectors by brute force.
func nearest(vectors map[string][]float32, q []float32, n int) []string {
	list := make([]string, 0, len(vectors))
	for id := range vectors {
		list = append(list, id)
	}
	slices.SortFunc(list, func(a, b string) int {
		return cmp.Or(cmp.Compare(cosine(vectors[b], q), cosine(vectors[a], q)), cmp.Compare(a, b))
	})
	return list[:min(n, len(list))]
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
