package embedded_test

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/index/embedded"
	"github.com/outcrop/outcrop/internal/sqlite"
)

// The collection of the benchmarks: real texts with real vectors of them. A
// chunk's vector is that of its first passage alone, which takes a quarter of
// the time; its text goes on for seven more, up to the size that chunks have.
const (
	benchChunks  = 100_000
	benchQueries = 500
	perDocument  = 50
)

type collection struct {
	texts     []string
	vectors   [][]float32
	questions []string
	queries   [][]float32
}

// embeddings makes the vectors of the passages: real ones, or some like them.
type embeddings func(t testing.TB, passages []string) [][]float32

func realVectors(t testing.TB, passages []string) [][]float32 {
	t.Helper()
	return vectors(t, "passages", passages)
}

// madeUp are vectors around centers that are themselves to one side, as those
// of texts are.
func madeUp(size int) embeddings {
	return func(_ testing.TB, passages []string) [][]float32 {
		r := rand.New(rand.NewPCG(1, 2))
		random := func() []float32 {
			v := make([]float32, size)
			for i := range v {
				v[i] = float32(r.NormFloat64())
			}
			return v
		}
		centers := make([][]float32, len(passages)/100+1)
		for i := range centers {
			centers[i] = random()
		}
		side := random()
		list := make([][]float32, len(passages))
		for i := range list {
			v, center := random(), centers[r.IntN(len(centers))]
			length := 0.0
			for d := range v {
				v[d] += center[d] + 0.7*side[d]
				length += float64(v[d]) * float64(v[d])
			}
			for d := range v {
				v[d] = float32(float64(v[d]) / math.Sqrt(length))
			}
			list[i] = v
		}
		return list
	}
}

func collect(t testing.TB, embed embeddings) collection {
	t.Helper()
	list := passages(t)
	if len(list) < benchChunks+benchQueries {
		t.Skipf("the standard library has %d passages", len(list))
	}
	order := mixed(len(list))[:benchChunks+1000]
	picked := make([]string, len(order))
	var c collection
	for i, at := range order {
		picked[i] = list[at]
		if i < benchChunks {
			c.texts = append(c.texts, strings.Join(list[at:min(at+8, len(list))], "\n"))
		}
	}
	all := embed(t, picked)
	c.vectors, c.queries = all[:benchChunks], all[benchChunks:benchChunks+benchQueries]
	for i := range c.queries {
		words := strings.Fields(picked[benchChunks+i])
		c.questions = append(c.questions, "what does it mean that "+strings.Join(words[:min(len(words), 10)], " ")+"?")
	}
	return c
}

// fill puts a collection into an index, and returns how long that took.
func fill(t testing.TB, index knowledge.Index, c collection) time.Duration {
	t.Helper()
	start := time.Now()
	for at := 0; at < len(c.texts); at += perDocument {
		content := knowledge.Content{Metadata: knowledge.Metadata{
			"year": knowledge.Number(float64(2000 + at/perDocument%25)), "rare": knowledge.Bool(at/perDocument%100 == 0),
		}}
		for i := at; i < min(at+perDocument, len(c.texts)); i++ {
			content.Chunks = append(content.Chunks, knowledge.Chunk{
				ID: fmt.Sprintf("%08d-0000-4000-8000-000000000000", i), Text: c.texts[i], Parent: -1, Page: i % 40, Vector: c.vectors[i],
			})
		}
		doc := knowledge.Document{
			Source: "DS00000001", ID: fmt.Sprintf("s3://bucket/folder/%06d.pdf", at/perDocument), ETag: "e", Modality: "TEXT", MIME: "application/pdf",
			Status: knowledge.Indexed, Chunks: len(content.Chunks),
		}
		if err := index.Put(t.Context(), "job", doc, &content, knowledge.OutcomeNew); err != nil {
			t.Fatal(err)
		}
	}
	return time.Since(start)
}

// percentile sorts times and returns one of them.
func percentile(times []time.Duration, share float64) time.Duration {
	slices.Sort(times)
	return times[min(int(share*float64(len(times))), len(times)-1)]
}

// measure runs f for each iteration, and reports the times of single ones.
func measure(b *testing.B, f func(i int) error) (median time.Duration) {
	b.Helper()
	var times []time.Duration
	for i := 0; b.Loop(); i++ {
		start := time.Now()
		if err := f(i); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(start))
	}
	median = percentile(times, 0.5)
	b.ReportMetric(float64(median.Microseconds())/1e3, "p50-ms")
	b.ReportMetric(float64(percentile(times, 0.95).Microseconds())/1e3, "p95-ms")
	return median
}

// BenchmarkIndex measures an index of 100,000 chunks of 384 dimensions against
// what the project demands of it.
func BenchmarkIndex(b *testing.B) {
	b.Run("384 real", func(b *testing.B) { benchmark(b, collect(b, realVectors)) })
	b.Run("1024 made up", func(b *testing.B) { benchmark(b, collect(b, madeUp(1024))) })
}

func benchmark(b *testing.B, c collection) {
	b.Helper()
	dimensions := len(c.vectors[0])
	dir := b.TempDir()
	indexes := open(b, dir)
	spec := knowledge.Spec{Model: model, Dimensions: dimensions}
	index, err := indexes.Open(b.Context(), "KB00000001", spec)
	if err != nil {
		b.Fatal(err)
	}
	took := fill(b, index, c)
	b.Run("put", func(b *testing.B) {
		for b.Loop() { // it was done above; only its figures are told here
		}
		b.ReportMetric(float64(len(c.texts))/took.Seconds(), "chunks/s")
		b.ReportMetric(float64(took.Microseconds())/1e3/float64(len(c.texts)/perDocument), "ms/document")
	})
	b.Run("memory", func(b *testing.B) {
		size, err := index.Size(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
		}
		floats := float64(4 * dimensions * len(c.texts))
		b.ReportMetric(float64(size.Memory)/floats, "x-floats")
		b.ReportMetric(float64(size.Memory)/1e6, "MB")
		b.ReportMetric(float64(size.Bytes)/1e6, "MB-disk")
		if float64(size.Memory) > 2*floats {
			b.Errorf("got %d bytes of memory, want at most twice the float vectors, %.0f", size.Memory, 2*floats)
		}
	})
	ask := func(q knowledge.Query) func(i int) error {
		return func(i int) error {
			q.Vector, q.Text = c.queries[i%len(c.queries)], c.questions[i%len(c.questions)]
			_, err := index.Search(b.Context(), q)
			return err
		}
	}
	for _, tc := range []struct {
		name  string
		query knowledge.Query
		limit time.Duration
	}{
		{"semantic", knowledge.Query{Mode: knowledge.SemanticSearch, Limit: 5}, 5 * time.Millisecond},
		{"semantic 100", knowledge.Query{Mode: knowledge.SemanticSearch, Limit: 100}, 0},
		{"semantic filter 4%", knowledge.Query{Mode: knowledge.SemanticSearch, Limit: 5, Filter: &knowledge.Filter{
			Operator: knowledge.Equals, Key: "year", Value: knowledge.Number(2007),
		}}, 5 * time.Millisecond},
		{"semantic filter 50%", knowledge.Query{Mode: knowledge.SemanticSearch, Limit: 5, Filter: &knowledge.Filter{
			Operator: knowledge.All, Members: []knowledge.Filter{
				{Operator: knowledge.StartsWith, Key: knowledge.KeySourceURI, Value: knowledge.String("s3://bucket/folder/0")},
				{Operator: knowledge.LessThan, Key: "year", Value: knowledge.Number(2013)},
				{Operator: knowledge.NotEquals, Key: "missing", Value: knowledge.Bool(true)},
			},
		}}, 5 * time.Millisecond},
		{"text", knowledge.Query{Mode: knowledge.TextSearch, Limit: 5}, 0},
		{"hybrid", knowledge.Query{Mode: knowledge.HybridSearch, Limit: 5}, 20 * time.Millisecond},
		{"exact", knowledge.Query{Mode: knowledge.SemanticSearch, Limit: 5, Exact: true}, 0},
	} {
		b.Run(tc.name, func(b *testing.B) {
			if p50 := measure(b, ask(tc.query)); tc.limit > 0 && p50 > tc.limit {
				b.Errorf("got %v, want at most %v", p50, tc.limit)
			}
		})
	}
	b.Run("semantic in parallel", func(b *testing.B) {
		f := ask(knowledge.Query{Mode: knowledge.SemanticSearch, Limit: 5})
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				if err := f(i); err != nil {
					b.Error(err)
				}
			}
		})
	})
	b.Run("recall", func(b *testing.B) { reportRecall(b, index, c) })
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			if err := indexes.Close(); err != nil {
				b.Fatal(err)
			}
			if indexes, err = embedded.Open(dir, embedded.Params{}); err != nil {
				b.Fatal(err)
			}
			if _, err := indexes.Open(b.Context(), "KB00000001", spec); err != nil {
				b.Fatal(err)
			}
		}
		if err := indexes.Close(); err != nil {
			b.Fatal(err)
		}
	})
}

// reportRecall compares the first ten hits with brute force over the vectors.
func reportRecall(b *testing.B, index knowledge.Index, c collection) {
	b.Helper()
	const limit = 10
	for b.Loop() {
	}
	right := 0
	var mu sync.Mutex
	var running sync.WaitGroup
	for part := range 2 {
		running.Go(func() {
			for i := part; i < len(c.queries); i += 2 {
				truth := map[string]bool{}
				for _, at := range brute(c.vectors, c.queries[i], limit) {
					truth[fmt.Sprintf("%08d-0000-4000-8000-000000000000", at)] = true
				}
				hits, err := index.Search(context.WithoutCancel(b.Context()), knowledge.Query{Mode: knowledge.SemanticSearch, Vector: c.queries[i], Limit: limit})
				if err != nil {
					b.Error(err)
					return
				}
				mu.Lock()
				for _, h := range hits {
					if truth[h.Chunk] {
						right++
					}
				}
				mu.Unlock()
			}
		})
	}
	running.Wait()
	recall := float64(right) / float64(limit*len(c.queries))
	b.ReportMetric(recall, "recall@10")
	if recall < 0.99 {
		b.Errorf("got recall@10 %.4f, want 0.99", recall)
	}
}

// brute returns the positions of the n vectors nearest to q.
func brute(vectors [][]float32, q []float32, n int) []int {
	type near struct {
		at    int
		score float32
	}
	var best []near
	for at, v := range vectors {
		var s0, s1, s2, s3 float32
		for i := 0; i+4 <= len(v); i += 4 {
			s0 += v[i] * q[i]
			s1 += v[i+1] * q[i+1]
			s2 += v[i+2] * q[i+2]
			s3 += v[i+3] * q[i+3]
		}
		score := s0 + s1 + s2 + s3
		if len(best) == n && score <= best[n-1].score {
			continue
		}
		to, _ := slices.BinarySearchFunc(best, score, func(x near, s float32) int {
			if x.score >= s {
				return -1
			}
			return 1
		})
		best = slices.Insert(best, to, near{at, score})
		best = best[:min(n, len(best))]
	}
	list := make([]int, len(best))
	for i, x := range best {
		list[i] = x.at
	}
	return list
}

// BenchmarkFTS5 is what SQLite's own full-text search takes for the same texts
// and questions.
func BenchmarkFTS5(b *testing.B) {
	c := collect(b, madeUp(1))
	db, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "fts.db"), sqlite.Options{
		Migrations: []string{"CREATE VIRTUAL TABLE f USING fts5 (text, content='', tokenize='porter unicode61')"}, CacheBytes: 64 << 20,
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	err = db.Write(b.Context(), func(tx *sql.Tx) error {
		for i, text := range c.texts {
			if _, err := tx.ExecContext(b.Context(), "INSERT INTO f (rowid, text) VALUES (?, ?)", i, text); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	measure(b, func(i int) error {
		var quoted []string
		for _, word := range strings.FieldsFunc(c.questions[i%len(c.questions)], func(r rune) bool { return !('a' <= r|0x20 && r|0x20 <= 'z' || '0' <= r && r <= '9') }) {
			switch strings.ToLower(word) {
			case "what", "does", "it", "mean", "that", "the", "a", "an", "of", "to", "is", "in", "and", "or", "for", "if", "be", "by", "with", "this", "as", "are", "on", "not":
			default:
				quoted = append(quoted, `"`+word+`"`)
			}
		}
		if len(quoted) == 0 {
			return nil
		}
		rows, err := db.Reader().QueryContext(b.Context(), "SELECT rowid FROM f WHERE f MATCH ? ORDER BY bm25(f) LIMIT 100", strings.Join(quoted, " OR "))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id int
			if err := rows.Scan(&id); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}
