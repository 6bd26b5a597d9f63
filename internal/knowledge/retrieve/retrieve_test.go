package retrieve_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/mem"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/index/embedded"
	"github.com/outcrop/outcrop/internal/knowledge/retrieve"
	"github.com/outcrop/outcrop/internal/router"
)

const (
	account = "000000000000"
	region  = "us-east-1"
)

// bases has one base, "BASE000001", of a status.
type bases struct{ status knowledge.BaseStatus }

func (b bases) Base(_ context.Context, account, region, id string) (knowledge.Base, error) {
	if id != "BASE000001" {
		return knowledge.Base{}, fault.New(fault.NotFound, "Knowledge Base with id %s does not exist", id)
	}
	return knowledge.Base{Account: account, Region: region, ID: id, Status: b.status, EmbeddingModel: "e"}, nil
}

// hashed are embeddings without a model: only equal texts are alike.
type hashed struct{ model string }

func (h hashed) Open(context.Context, knowledge.Base) (knowledge.Embedding, error) { return h, nil }
func (h hashed) Spec() knowledge.Spec                                              { return knowledge.Spec{Model: h.model, Dimensions: 64} }
func (hashed) Window() int                                                         { return 0 }
func (hashed) Embed(_ context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i] = mem.Vector(text, 64)
	}
	return vectors, nil
}
func (hashed) CountTokens(context.Context, []string) ([]int, error) { return nil, nil }

// world is a retriever over a base with documents "d0" to "d9", which are about
// "topic0" to "topic9", and all about "everything".
type world struct {
	retriever *retrieve.Retriever
	indexes   knowledge.Indexes
	params    retrieve.Params
}

func newWorld(t *testing.T) *world {
	t.Helper()
	indexes, err := embedded.Open(t.TempDir(), embedded.Params{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = indexes.Close() })
	index, err := indexes.Open(t.Context(), "BASE000001", hashed{"m"}.Spec())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		text := fmt.Sprintf("Everything about topic%d.", i)
		vectors, _ := hashed{}.Embed(t.Context(), []string{text})
		content := &knowledge.Content{
			Metadata: knowledge.Metadata{"number": knowledge.Number(float64(i)), "name": knowledge.String(fmt.Sprintf("n%d", i))},
			Chunks:   []knowledge.Chunk{{ID: fmt.Sprintf("c%d", i), Text: text, Parent: -1, Page: -1, Vector: vectors[0]}},
		}
		doc := knowledge.Document{Source: "SOURCE0001", ID: fmt.Sprintf("d%d", i), Status: knowledge.Indexed}
		if err := index.Put(t.Context(), "", doc, content, knowledge.OutcomeNone); err != nil {
			t.Fatal(err)
		}
	}
	w := &world{indexes: indexes}
	w.params = retrieve.Params{Bases: bases{knowledge.BaseActive}, Indexes: indexes, Embeddings: hashed{"m"}, Ranker: retrieve.NewRanker(newRouter(t, "rank"))}
	w.retriever = retrieve.New(w.params)
	return w
}

// newRouter leads rerank models to a model of a backend: "rank", which reranks,
// or "vectors", which embeds.
func newRouter(t *testing.T, model string) *router.Router {
	t.Helper()
	c, err := catalog.New()
	if err != nil {
		t.Fatal(err)
	}
	b := mem.New(mem.Params{Models: []inference.ModelInfo{{Name: "rank"}, {Name: "vectors", Dimensions: 64}, {Name: "chat"}}, Reranker: "rank"})
	r, err := router.New(c, map[string]inference.Backend{"mem": b}, router.Params{DefaultEmbedding: model, DefaultChat: "chat"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func (w *world) open(t *testing.T) *retrieve.Searcher {
	t.Helper()
	s, err := w.retriever.Open(t.Context(), account, region, "BASE000001")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *world) search(t *testing.T, q retrieve.Search) *retrieve.Results {
	t.Helper()
	found, err := w.open(t).Search(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func documents(found *retrieve.Results) []string {
	var ids []string
	for _, hit := range found.Hits {
		ids = append(ids, hit.Document)
	}
	return ids
}

func ask(texts ...string) []retrieve.Question {
	var questions []retrieve.Question
	for _, text := range texts {
		questions = append(questions, retrieve.Question{Text: text})
	}
	return questions
}

func TestModes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// By words, or by the very text.
	if got := documents(w.search(t, retrieve.Search{Questions: ask("Tell me of topic7"), Limit: 1})); !cmp.Equal(got, []string{"d7"}) {
		t.Errorf("by words: got %v, want d7", got)
	}
	if got := documents(w.search(t, retrieve.Search{Questions: ask("Everything about topic3."), Mode: knowledge.SemanticSearch, Limit: 1})); !cmp.Equal(got, []string{"d3"}) {
		t.Errorf("by vector: got %v, want d3", got)
	}
	if found := w.search(t, retrieve.Search{Questions: ask("!?"), Limit: 3}); len(found.Hits) != 3 {
		t.Errorf("a question without words: got %d hits, want the 3 nearest", len(found.Hits))
	}
	filter := &knowledge.Filter{Operator: knowledge.Equals, Key: "number", Value: knowledge.Number(4)}
	if got := documents(w.search(t, retrieve.Search{Questions: ask("everything"), Filter: filter, Limit: 5})); !cmp.Equal(got, []string{"d4"}) {
		t.Errorf("with a filter: got %v, want d4", got)
	}
}

// A list ends where it was told to, and comes in pages where its texts are too
// long for one.
func TestPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if found := w.search(t, retrieve.Search{Questions: ask("everything"), Limit: 4, Bytes: 1 << 20}); len(found.Hits) != 4 || found.Next != "" {
		t.Errorf("got %d documents and %q, want 4 and no more", len(found.Hits), found.Next)
	}
	whole := documents(w.search(t, retrieve.Search{Questions: ask("everything"), Limit: 9}))
	q := retrieve.Search{Questions: ask("everything"), Limit: 9, Bytes: bytesOfFour(t, w)}
	seen := map[string]bool{}
	pages := 0
	var order []string
	for {
		found := w.search(t, q)
		pages++
		for _, id := range documents(found) {
			if seen[id] {
				t.Errorf("%s came twice", id)
			}
			seen[id] = true
			order = append(order, id)
		}
		if q.Token = found.Next; q.Token == "" {
			break
		}
	}
	if pages != 3 || !cmp.Equal(order, whole) {
		t.Errorf("got %v on %d pages, want %v on 3", order, pages, whole)
	}
	q.Bytes, q.Token = 1, ""
	if found := w.search(t, q); len(found.Hits) != 1 || found.Next == "" {
		t.Errorf("a page smaller than a text: got %d documents and %q, want one and more", len(found.Hits), found.Next)
	}
}

// bytesOfFour is a page for four of the world's texts, which are of one length
// but for their numbers.
func bytesOfFour(t *testing.T, w *world) int {
	t.Helper()
	longest := 0
	for _, hit := range w.search(t, retrieve.Search{Questions: ask("everything"), Limit: 10}).Hits {
		longest = max(longest, len(hit.Text))
	}
	return 4 * longest
}

func TestTokensBelongToTheirSearch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	q := retrieve.Search{Questions: ask("everything"), Limit: 9, Bytes: bytesOfFour(t, w)}
	token := w.search(t, q).Next
	if token == "" {
		t.Fatal("got no token")
	}
	for name, change := range map[string]func(*retrieve.Search){
		"another question": func(q *retrieve.Search) { q.Questions = ask("something") },
		"another mode":     func(q *retrieve.Search) { q.Mode = knowledge.SemanticSearch },
		"another filter": func(q *retrieve.Search) {
			q.Filter = &knowledge.Filter{Operator: knowledge.Equals, Key: "number", Value: knowledge.Number(4)}
		},
		"several questions":   func(q *retrieve.Search) { q.Questions = ask("everything", "more") },
		"reranking":           func(q *retrieve.Search) { q.Rerank = &retrieve.Rerank{Model: "amazon.rerank-v1:0"} },
		"a shorter list":      func(q *retrieve.Search) { q.Limit = 4 },
		"cut off":             func(q *retrieve.Search) { q.Token = q.Token[:10] },
		"longer":              func(q *retrieve.Search) { q.Token += "AA" },
		"not of the alphabet": func(q *retrieve.Search) { q.Token = "!" + q.Token[1:] },
	} {
		changed := q
		changed.Token = token
		change(&changed)
		if _, err := w.open(t).Search(t.Context(), changed); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v, want %v", name, err, fault.Invalid)
		}
	}
	q.Token, q.Bytes = token, 1
	if got := documents(w.search(t, q)); len(got) != 1 {
		t.Errorf("another page size: got %v, want the next one", got)
	}
}

func TestSeveralQuestionsAreFused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := documents(w.search(t, retrieve.Search{Questions: ask("topic2", "topic8"), Limit: 2}))
	if !cmp.Equal(got, []string{"d2", "d8"}) && !cmp.Equal(got, []string{"d8", "d2"}) {
		t.Errorf("got %v, want d2 and d8", got)
	}
	weighted := []retrieve.Question{{Text: "topic2", Weight: 0.1}, {Text: "topic8", Weight: 2}}
	if got := documents(w.search(t, retrieve.Search{Questions: weighted, Limit: 1})); !cmp.Equal(got, []string{"d8"}) {
		t.Errorf("with weights: got %v, want d8", got)
	}
}

func TestReranking(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	q := retrieve.Search{Questions: ask("everything n6"), Limit: 10, Rerank: &retrieve.Rerank{
		Model: "amazon.rerank-v1:0", Limit: 3, Metadata: func(key string) bool { return key == "name" },
	}}
	found := w.search(t, q)
	if got := documents(found); len(got) != 3 || got[0] != "d6" {
		t.Errorf("got %v, want 3 with d6 first, whose metadata has the word", got)
	}
	if found.RankedBy != "mem/rank" || found.Next != "" || found.Hits[0].Score != 1 || found.Hits[1].Score != 0.5 {
		t.Errorf("got %+v, want the scores of mem/rank and no next page", found)
	}
	q.Rerank.Metadata = nil
	if found := w.search(t, q); found.Hits[0].Score != 0.5 {
		t.Errorf("without metadata: got the score %v, want 0.5", found.Hits[0].Score)
	}
	var told []string
	w.params.Ranked = func(_ context.Context, q retrieve.Rank, made *retrieve.Ranking) {
		told = append(told, fmt.Sprintf("%s by %s: %d documents", q.Model, made.Target.ServedBy, len(q.Documents)))
	}
	w.retriever = retrieve.New(w.params)
	w.search(t, q)
	if want := []string{"amazon.rerank-v1:0 by mem/rank: 10 documents"}; !cmp.Equal(told, want) {
		t.Errorf("who keeps the bill was told %v, want %v", told, want)
	}
	q.Rerank.Model = "amazon.titan-embed-text-v2:0"
	if _, err := w.open(t).Search(t.Context(), q); !fault.Is(err, fault.Invalid) {
		t.Errorf("a model of another kind: got %v, want %v", err, fault.Invalid)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.retriever.Open(t.Context(), account, region, "OTHER00001"); !fault.Is(err, fault.NotFound) {
		t.Errorf("an unknown base: got %v, want %v", err, fault.NotFound)
	}
	for _, status := range []knowledge.BaseStatus{knowledge.BaseCreating, knowledge.BaseDeleting, knowledge.BaseFailed} {
		p := w.params
		p.Bases = bases{status}
		if _, err := retrieve.New(p).Open(t.Context(), account, region, "BASE000001"); !fault.Is(err, fault.Invalid) {
			t.Errorf("status %s: got %v, want %v", status, err, fault.Invalid)
		}
	}
	p := w.params
	p.Embeddings = hashed{"another"}
	if _, err := retrieve.New(p).Open(t.Context(), account, region, "BASE000001"); !fault.Is(err, fault.Invalid) {
		t.Errorf("vectors of another model: got %v, want %v", err, fault.Invalid)
	}
}

// Without a backend that reranks, an embedding model compares.
func TestStandInForAReranker(t *testing.T) {
	t.Parallel()
	ranker := retrieve.NewRanker(newRouter(t, "vectors"))
	long := ""
	for i := range 300 {
		long += fmt.Sprintf("Sentence %d says nothing. ", i)
	}
	const query = "Refunds take seven days."
	got, err := ranker.Rank(t.Context(), retrieve.Rank{Model: "cohere.rerank-v3-5:0", Region: region, Account: account, Query: query, Documents: []string{
		query, "Refunds are slow.", "The moon is far away.", "", long + "Refunds take seven days." + long,
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got.Target.ServedBy != "mem/vectors" || got.InputTokens == 0 {
		t.Errorf("got %+v, want an answer of mem/vectors", got.Target)
	}
	s := got.Scores
	if len(s) != 5 || !(s[0] > 0.9 && s[0] > s[4] && s[4] > s[2] && s[0] > s[1] && s[2] < 0.1 && s[3] < 0.1) {
		t.Errorf("got %v, want the equal text first and the others far behind", s)
	}
	for _, score := range s {
		if !(score >= 0 && score <= 1) {
			t.Errorf("got the score %v, want one between 0 and 1", score)
		}
	}
	if _, err := ranker.Rank(t.Context(), retrieve.Rank{Model: "amazon.rerank-v9:0", Region: region, Account: account, Query: "x", Documents: []string{"y"}}); !fault.Is(err, fault.NotFound) {
		t.Errorf("an unknown model: got %v, want %v", err, fault.NotFound)
	}
}

// Of a document that is longer than the API's texts the beginning is read: a
// passage may be a file of 50 MB.
func TestStandInReadsTheBeginning(t *testing.T) {
	t.Parallel()
	ranker := retrieve.NewRanker(newRouter(t, "vectors"))
	rank := func(documents ...string) []float64 {
		got, err := ranker.Rank(t.Context(), retrieve.Rank{Model: "cohere.rerank-v3-5:0", Region: region, Account: account, Query: "refunds", Documents: documents})
		if err != nil {
			t.Fatal(err)
		}
		return got.Scores
	}
	// The first character that is too much begins before the end and ends behind it.
	begin := "x" + strings.Repeat("ü", 64_000)
	if s := rank(begin, begin+" refunds", begin[:1000]+" refunds"); s[0] != s[1] || s[2] <= s[0] {
		t.Errorf("got the scores %v, want no difference by what is behind 128,000 bytes", s)
	}
}
