package answer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/chunk"
	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/embedding"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/llamacpp"
	"github.com/outcrop/outcrop/internal/inference/llamacpp/llamacpptest"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/answer"
	"github.com/outcrop/outcrop/internal/knowledge/embed"
	"github.com/outcrop/outcrop/internal/knowledge/index/embedded"
	"github.com/outcrop/outcrop/internal/knowledge/registry"
	"github.com/outcrop/outcrop/internal/knowledge/retrieve"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/store"
	"github.com/outcrop/outcrop/internal/store/sqlitestore"
)

func TestMain(m *testing.M) { llamacpptest.Main(m) }

const (
	account = "000000000000"
	region  = "us-east-1"
	titan   = "amazon.titan-embed-text-v2:0"
)

// world is everything that an Answerer stands on, with a base that is empty.
type world struct {
	router   *router.Router
	store    store.Store
	base     knowledge.Base
	index    knowledge.Index
	embedder knowledge.Embedding
	// retriever is what the Answerer searches with.
	retriever *retrieve.Retriever
	answerer  *answer.Answerer
	now       time.Time // what the Answerer's clock shows
}

// newWorld stands on a backend with the models "chat" and "vectors".
func newWorld(t testing.TB, b inference.Backend) *world {
	t.Helper()
	c, err := catalog.New()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{now: time.Date(2026, 11, 21, 13, 0, 0, 0, time.UTC)}
	w.router, err = router.New(c, map[string]inference.Backend{"local": b}, router.Params{DefaultChat: "chat", DefaultEmbedding: "vectors"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.router.Close() })
	dir := t.TempDir()
	w.store, err = sqlitestore.Open(t.Context(), filepath.Join(dir, "state.db"), sqlitestore.Params{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
	indexes, err := embedded.Open(filepath.Join(dir, "indexes"), embedded.Params{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = indexes.Close() })
	reg := registry.New(registry.Params{Store: w.store})
	embeddings := embed.New(w.router, embedding.New(w.router, embedding.Params{}), embed.Params{Patience: -1})
	w.base, _, err = reg.CreateBase(t.Context(), knowledge.Base{Account: account, Region: region, Name: "base", EmbeddingModel: titan}, store.Token{})
	if err != nil {
		t.Fatal(err)
	}
	if w.embedder, err = embeddings.Open(t.Context(), w.base); err != nil {
		t.Fatal(err)
	}
	if w.index, err = indexes.Open(t.Context(), w.base.ID, w.embedder.Spec()); err != nil {
		t.Fatal(err)
	}
	w.retriever = retrieve.New(retrieve.Params{Bases: reg, Indexes: indexes, Embeddings: embeddings, Ranker: retrieve.NewRanker(w.router)})
	w.answerer = answer.New(answer.Params{
		Retriever: w.retriever,
		Store:     w.store, Embeddings: embeddings, EmbeddingModel: titan, Splitter: chunk.New(), Parser: plainText{}, Sources: buckets{},
		Now: func() time.Time { return w.now },
	})
	return w
}

// add puts a document of one passage into the base, or of several when the text
// has lines of "---".
func (w *world) add(t testing.TB, id, text string, metadata knowledge.Metadata) {
	t.Helper()
	var content knowledge.Content
	content.Metadata = metadata
	texts := strings.Split(text, "\n---\n")
	vectors, err := w.embedder.Embed(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range texts {
		content.Chunks = append(content.Chunks, knowledge.Chunk{
			ID: fmt.Sprintf("00000000-0000-4000-8000-%012x", len(id)*1000+i), Text: text, Parent: -1, Page: -1, Vector: vectors[i],
		})
		content.Chunks[i].ID = id + "#" + content.Chunks[i].ID
	}
	doc := knowledge.Document{Source: "SOURCE0001", ID: id, ETag: "1", Modality: "TEXT", MIME: "text/plain", Size: int64(len(text)), Status: knowledge.Indexed}
	if err := w.index.Put(t.Context(), "", doc, &content, knowledge.OutcomeNone); err != nil {
		t.Fatal(err)
	}
}

// request is a question to the base.
func (w *world) request(t testing.TB, question string) answer.Request {
	t.Helper()
	return answer.Request{Account: account, Region: region, Question: question, Base: w.base.ID, Model: w.model(t)}
}

func (w *world) model(t testing.TB) answer.Model {
	t.Helper()
	info, err := w.router.Describe(t.Context(), "local/chat")
	if err != nil {
		t.Fatal(err)
	}
	return answer.Model{
		Backend: chat{w.router}, Info: *info,
		Count: func(ctx context.Context, req *inference.Request) (int, error) {
			sub := *req
			sub.Model = "local/chat"
			return w.router.CountTokens(ctx, &sub)
		},
	}
}

// chat is the router with the model filled in.
type chat struct{ *router.Router }

func (c chat) Generate(ctx context.Context, req *inference.Request, emit func(inference.Event) error) error {
	sub := *req
	sub.Model = "local/chat"
	return c.Router.Generate(ctx, &sub, emit)
}

// plainText reads plain text.
type plainText struct{}

func (plainText) Parse(_ context.Context, in document.Input) (*document.Text, error) {
	return &document.Text{MIME: "text/plain", Pages: []document.Page{{Number: -1, Text: string(in.Content)}}}, nil
}
func (plainText) Close() error { return nil }

// engine is the real engine with the default models.
func engine(t testing.TB) inference.Backend {
	t.Helper()
	return llamacpp.New(llamacpptest.Params(t, llamacpptest.Names{Chat: "chat", Embedding: "vectors"}))
}

// question is one of testdata/company.json and its like.
type question struct {
	Question string   `json:"question"`
	File     string   `json:"file"`
	Facts    []string `json:"facts"` // one of them is in a good answer
}

// fill puts the files of a folder of testdata into the base and returns the
// questions about them.
func (w *world) fill(t testing.TB, folder string) []question {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d files, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		w.add(t, "s3://"+folder+"/"+filepath.Base(file), string(text), nil)
	}
	data, err := os.ReadFile(filepath.Join("testdata", folder+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var questions []question
	if err := json.Unmarshal(data, &questions); err != nil {
		t.Fatal(err)
	}
	return questions
}
