package indextest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/knowledge"
)

var modes = []knowledge.Mode{knowledge.SemanticSearch, knowledge.TextSearch, knowledge.HybridSearch}

func testEmpty(t *testing.T, s Subject) {
	index := open(t, s)
	for _, mode := range modes {
		for name, f := range map[string]*knowledge.Filter{"none": nil, "missing": {Operator: knowledge.NotEquals, Key: "k", Value: text("v")}} {
			hits := search(t, index, knowledge.Query{Mode: mode, Vector: unit(size, 1), Text: "word", Limit: 5, Filter: f})
			wantIDs(t, string(mode)+", filter "+name, hits)
		}
	}
	put(t, index, document("a"), nil, chunk("1", "", unit(size, 1)), chunk("2", "the of and", unit(size, 0, 1)))
	for _, query := range []string{"", " ", "?!", "the", "nowhere", `" OR NEAR( * ^`, "\x00\xff", "🙂"} {
		wantIDs(t, fmt.Sprintf("text %q", query), search(t, index, knowledge.Query{Mode: knowledge.TextSearch, Text: query, Limit: 5}))
		hits := search(t, index, knowledge.Query{Mode: knowledge.HybridSearch, Vector: unit(size, 1), Text: query, Limit: 5})
		wantIDs(t, fmt.Sprintf("hybrid %q", query), hits, "1", "2")
	}
	search(t, index, knowledge.Query{Mode: knowledge.TextSearch, Text: strings.Repeat("word and 語 ", 10_000), Limit: 5})
}

func testSemantic(t *testing.T, s Subject) {
	index := open(t, s)
	put(t, index, document("a"), nil,
		chunk("same", "x", unit(size, 3, 4)), chunk("near", "x", unit(size, 4, 3)), chunk("right", "x", unit(size, -4, 3)), chunk("opposite", "x", unit(size, -3, -4)))
	for _, exact := range []bool{false, true} {
		hits := search(t, index, knowledge.Query{Mode: knowledge.SemanticSearch, Vector: unit(size, 3, 4), Limit: 10, Exact: exact})
		wantIDs(t, "order", hits, "same", "near", "right", "opposite")
		for i, want := range []float64{1, 0.96, 0, 0} {
			if i < len(hits) && math.Abs(hits[i].Score-want) > 1e-6 {
				t.Errorf("%s: got score %v, want %v", hits[i].Chunk, hits[i].Score, want)
			}
		}
		wantIDs(t, "limit", search(t, index, knowledge.Query{Mode: knowledge.SemanticSearch, Vector: unit(size, 3, 4), Limit: 2, Exact: exact}), "same", "near")
	}
}

// corpus fills an index with random vectors, many of them in bundles, as those
// of real texts are.
func corpus(t *testing.T, index knowledge.Index, documents, perDocument int) map[string][]float32 {
	t.Helper()
	dimensions := index.Spec().Dimensions
	r := rand.New(rand.NewPCG(3, 4))
	vectors := map[string][]float32{}
	common := anywhere(r, dimensions)
	for d := range documents {
		center := anywhere(r, dimensions)
		var chunks []knowledge.Chunk
		for c := range perDocument {
			v := anywhere(r, dimensions)
			for i := range v {
				v[i] += center[i] + common[i]
			}
			id := fmt.Sprintf("%d/%d", d, c)
			vectors[id] = normal(v)
			chunks = append(chunks, chunk(id, fmt.Sprintf("word%d text%d", d, c), vectors[id]))
		}
		put(t, index, document(fmt.Sprint(d)), nil, chunks...)
	}
	return vectors
}

// testSemanticMany compares with brute force, which an index may miss by little.
func testSemanticMany(t *testing.T, s Subject) {
	const dimensions, documents, perDocument, queries, limit = 128, 60, 100, 30, 10
	sp := spec()
	sp.Dimensions = dimensions
	index := openAs(t, s(t), sp)
	vectors := corpus(t, index, documents, perDocument)
	r := rand.New(rand.NewPCG(5, 6))
	found := 0
	for i := range queries {
		q := anywhere(r, dimensions)
		near := vectors[fmt.Sprintf("%d/%d", r.IntN(documents), r.IntN(perDocument))]
		for i := range q {
			q[i] += near[i]
		}
		q = normal(q)
		want := nearest(vectors, q, limit)
		hits := search(t, index, knowledge.Query{Mode: knowledge.SemanticSearch, Vector: q, Limit: limit})
		for _, id := range ids(hits) {
			if slices.Contains(want, id) {
				found++
			}
		}
		for _, h := range hits {
			if c := cosine(vectors[h.Chunk], q); math.Abs(c-h.Score) > 1e-5 {
				t.Errorf("%s: got score %v, want %v", h.Chunk, h.Score, c)
			}
		}
		if i < 3 {
			exact := search(t, index, knowledge.Query{Mode: knowledge.SemanticSearch, Vector: q, Limit: limit, Exact: true})
			wantIDs(t, "exactly", exact, want...)
		}
	}
	if recall := float64(found) / (queries * limit); recall < 0.99 {
		t.Errorf("got recall %v, want 0.99", recall)
	}
}

func testText(t *testing.T, s Subject) {
	index := open(t, s)
	v := unit(size, 1)
	put(t, index, document("a"), nil,
		chunk("refund", "Our refund policy: we refund every order within thirty days.", v),
		chunk("order", "An order can be changed until it has left the house, whatever it was that was ordered and whoever has ordered it.", v),
		chunk("café", "The CAFÉ on the ground floor has no Wi-Fi.", v),
		chunk("cjk", "東京都の返金ポリシー", v),
		chunk("greek", "Η πολιτική επιστροφών", v),
		chunk("long", strings.Repeat("nothing to see here ", 50)+"refund", v),
	)
	for query, want := range map[string][]string{
		"What is our refund policy?": {"refund", "long"},
		"refunds":                    {"refund", "long"},
		"REFUNDED":                   {"refund", "long"},
		"orders":                     {"order", "refund"},
		"cafe":                       {"café"},
		"Café":                       {"café"},
		"wi-fi":                      {"café"},
		"返金":                         {"cjk"},
		"東京都":                        {"cjk"},
		"ΠΟΛΙΤΙΚΗ":                   {"greek"},
	} {
		wantIDs(t, query, search(t, index, knowledge.Query{Mode: knowledge.TextSearch, Text: query, Limit: 5}), want...)
	}
	// A word that is rare weighs more than one that is not.
	put(t, index, document("b"), nil, chunk("rare", "order zymurgy", v), chunk("common", "order refund", v))
	hits := search(t, index, knowledge.Query{Mode: knowledge.TextSearch, Text: "refund zymurgy", Limit: 1})
	wantIDs(t, "a rare word", hits, "rare")
}

func testHybrid(t *testing.T, s Subject) {
	index := open(t, s)
	put(t, index, document("a"), nil,
		chunk("both", "walrus and seal", unit(size, 10, 1)),
		chunk("vector", "other words", unit(size, 1)),
		chunk("word", "walrus, a walrus", unit(size, -1)),
		chunk("neither", "other words", unit(size, -1, -1)),
	)
	q := knowledge.Query{Mode: knowledge.HybridSearch, Vector: unit(size, 1), Text: "a walrus", Limit: 10}
	hits := search(t, index, q)
	// Ranks by vector: vector, both, neither, word. By words: word, both.
	wantIDs(t, "fused", hits, "both", "word", "vector", "neither")
	if len(hits) > 0 {
		if want := (1.0/62 + 1.0/62) / (2.0 / 61); math.Abs(hits[0].Score-want) > 1e-9 {
			t.Errorf("got score %v, want %v, the share of the best one possible", hits[0].Score, want)
		}
	}
	q.Text = "seal"
	wantIDs(t, "other words", search(t, index, q), "both", "vector", "neither", "word")
	q.Limit = 2
	wantIDs(t, "limit", search(t, index, q), "both", "vector")
}

func testParents(t *testing.T, s Subject) {
	index := open(t, s)
	part := func(id string, parent int, text string, v []float32) knowledge.Chunk {
		c := chunk(id, text, v)
		c.Parent = parent
		return c
	}
	for _, id := range []string{"a", "b"} {
		content := &knowledge.Content{
			Parents: []string{"first passage of " + id, "second passage of " + id},
			Chunks: []knowledge.Chunk{
				part(id+"1", 0, "part one", unit(size, 10, 1)), part(id+"2", 0, "part two", unit(size, 10, 2)),
				part(id+"3", 1, "part three", unit(size, 10, 3)), part(id+"4", -1, "alone", unit(size, 10, 4)),
				part(id+"5", 0, "part five", unit(size, 10, 5)),
			},
		}
		if err := index.Put(t.Context(), "", document(id), content, knowledge.OutcomeNone); err != nil {
			t.Fatal(err)
		}
	}
	for _, mode := range modes {
		for _, exact := range []bool{false, true} {
			hits := search(t, index, knowledge.Query{Mode: mode, Vector: unit(size, 10, 1), Text: "part one alone", Limit: 10, Exact: exact})
			texts := make([]string, len(hits))
			for i, h := range hits {
				texts[i] = h.Text
			}
			slices.Sort(texts)
			want := []string{"alone", "alone", "first passage of a", "first passage of b", "second passage of a", "second passage of b"}
			if diff := gocmp.Diff(want, texts); diff != "" {
				t.Errorf("%s: texts (-want +got):\n%s", mode, diff)
			}
			if mode == knowledge.SemanticSearch && len(hits) > 0 && math.Abs(hits[0].Score-1) > 1e-6 {
				t.Errorf("got score %v, want the best child's, 1", hits[0].Score)
			}
		}
	}
	hits := search(t, index, knowledge.Query{Mode: knowledge.SemanticSearch, Vector: unit(size, 10, 1), Limit: 3})
	if len(hits) != 3 {
		t.Errorf("got %d hits, want 3 whatever is folded into one", len(hits))
	}
	// A document whose passages were replaced has none of the old ones.
	content := &knowledge.Content{Parents: []string{"new passage"}, Chunks: []knowledge.Chunk{part("a6", 0, "part six", unit(size, 1))}}
	if err := index.Put(t.Context(), "", document("a"), content, knowledge.OutcomeNone); err != nil {
		t.Fatal(err)
	}
	hits = search(t, index, knowledge.Query{Mode: knowledge.SemanticSearch, Vector: unit(size, 1), Limit: 1})
	if len(hits) != 1 || hits[0].Text != "new passage" || hits[0].Chunk != "a6" {
		t.Errorf("got %+v, want the new passage", hits)
	}
}

func testPages(t *testing.T, s Subject) {
	sp := spec()
	sp.Dimensions = 32
	index := openAs(t, s(t), sp)
	corpus(t, index, 30, 10)
	v := anywhere(rand.New(rand.NewPCG(7, 8)), 32)
	for _, mode := range modes {
		q := knowledge.Query{Mode: mode, Vector: v, Text: "text3 text7 word5", Limit: 300}
		whole := ids(search(t, index, q))
		q.Limit = 7
		var pages []string
		for {
			page := ids(search(t, index, q))
			if len(page) == 0 {
				break
			}
			pages = append(pages, page...)
			q.Offset += q.Limit
		}
		slices.Sort(pages)
		for i := 1; i < len(pages); i++ {
			if pages[i] == pages[i-1] {
				t.Errorf("%s: %s is on two pages", mode, pages[i])
			}
		}
		slices.Sort(whole)
		if diff := gocmp.Diff(whole, pages); diff != "" {
			t.Errorf("%s: all pages together (-at once +paged):\n%s", mode, diff)
		}
	}
}

func testHit(t *testing.T, s Subject) {
	index := open(t, s)
	c := chunk("5f0a3a4e-0000-4000-8000-000000000001", "some text — \"quoted\"\n and a zero: \x00.", unit(size, 1))
	c.Page = 2
	c.Metadata = knowledge.Metadata{"row": number(7)}
	d := document("s3://bucket/a.txt")
	put(t, index, d, knowledge.Metadata{"year": number(2024), "tags": list([]string{"x", "y"}), "open": truth(false), "name": text("ü")}, c)
	plain := document("s3://bucket/b.txt")
	plain.Modality, plain.MIME = "", ""
	put(t, index, plain, nil, chunk("2", "other", unit(size, 0, 1)))
	want := []knowledge.Hit{{
		Chunk: c.ID, Document: d.ID, Source: source, Text: c.Text, Page: 2, Score: 1, Metadata: knowledge.Metadata{
			"year": number(2024), "tags": list([]string{"x", "y"}), "open": truth(false), "name": text("ü"), "row": number(7),
			knowledge.KeySourceURI: text(d.ID), knowledge.KeyChunkID: text(c.ID), knowledge.KeyDataSourceID: text(source),
			knowledge.KeyPageNumber: number(2), knowledge.KeyModality: text("TEXT"), knowledge.KeyMIME: text("text/plain"),
		},
	}, {
		Chunk: "2", Document: plain.ID, Source: source, Text: "other", Page: -1, Score: 0, Metadata: knowledge.Metadata{
			knowledge.KeySourceURI: text(plain.ID), knowledge.KeyChunkID: text("2"), knowledge.KeyDataSourceID: text(source),
		},
	}}
	got := search(t, index, knowledge.Query{Mode: knowledge.SemanticSearch, Vector: unit(size, 1), Limit: 5})
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("hits (-want +got):\n%s", diff)
	}
}

func testSize(t *testing.T, s Subject) {
	index := open(t, s)
	want := func(documents, chunks int64) {
		t.Helper()
		got, err := index.Size(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got.Documents != documents || got.Chunks != chunks {
			t.Errorf("got %d documents and %d chunks, want %d and %d", got.Documents, got.Chunks, documents, chunks)
		}
		if got.Bytes < 0 || got.Memory < 0 {
			t.Errorf("got %d bytes on disk and %d in memory", got.Bytes, got.Memory)
		}
	}
	want(0, 0)
	put(t, index, document("a"), nil, chunk("1", "one", unit(size, 1)), chunk("2", "two", unit(size, 1)))
	put(t, index, document("b"), nil)
	want(2, 2)
	put(t, index, document("a"), nil, chunk("3", "three", unit(size, 1)))
	want(2, 1)
	if err := index.Remove(t.Context(), "", source, []string{"a"}, knowledge.OutcomeNone); err != nil {
		t.Fatal(err)
	}
	want(1, 0)
}
