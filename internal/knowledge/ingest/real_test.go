package ingest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/chunk"
	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/document/all"
	"github.com/outcrop/outcrop/internal/embedding"
	"github.com/outcrop/outcrop/internal/inference/llamacpp"
	"github.com/outcrop/outcrop/internal/inference/llamacpp/llamacpptest"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/embed"
	"github.com/outcrop/outcrop/internal/knowledge/index/embedded"
	"github.com/outcrop/outcrop/internal/knowledge/ingest"
	"github.com/outcrop/outcrop/internal/knowledge/source/folder"
	"github.com/outcrop/outcrop/internal/router"
)

func TestMain(m *testing.M) { llamacpptest.Main(m) }

// engine is the real default embedding model, in the router's place.
type engine struct{ *llamacpp.Backend }

func (engine) Resolve(context.Context, string, string, string, catalog.Kind) (*router.Target, error) {
	return &router.Target{Backend: "llamacpp", Model: "embedding", ServedBy: "embedding"}, nil
}

func newEngine(t testing.TB) engine {
	t.Helper()
	return engine{llamacpptest.Open(t, llamacpptest.Names{Embedding: "embedding"})}
}

// abstracts are the documents of the test collection: real text of about one
// passage each.
func abstracts(t testing.TB) []string {
	t.Helper()
	path := os.Getenv("OUTCROP_CRANFIELD")
	if path == "" {
		path = filepath.Join("..", "..", "..", "..", "shared", "data", "cranfield")
	}
	text, err := os.ReadFile(filepath.Join(path, "cran.all.1400"))
	if err != nil {
		t.Skipf("the test collection is not there: %v", err)
	}
	var list []string
	for _, part := range strings.Split(string(text), "\n.W\n")[1:] {
		words, _, _ := strings.Cut(part, "\n.I ")
		if strings.TrimSpace(words) != "" {
			list = append(list, words)
		}
	}
	return list
}

// BenchmarkIngestion compares a sync of real files through the real parts with
// the embedding model alone on the same passages. The two take turns, so that
// whatever else the machine does slows down both.
func BenchmarkIngestion(b *testing.B) {
	texts := abstracts(b)
	large := strings.Join(texts[:160], "\n\n")
	for _, test := range []struct {
		name  string
		files []string
	}{
		{"small", texts[:200]},
		{"large", []string{large}},
	} {
		b.Run(test.name, func(b *testing.B) {
			models := newEngine(b)
			embeddings := embed.New(models, embedding.New(models, embedding.Params{}), embed.Params{})
			if _, err := embedAlone(b, embeddings, texts[:1]); err != nil { // loads the model, which neither side is to pay for
				b.Fatal(err)
			}
			var ingested, alone float64
			chunks := 0
			for b.Loop() {
				n, took, passages := ingestReal(b, embeddings, test.files)
				spent, err := embedAlone(b, embeddings, passages)
				if err != nil {
					b.Fatal(err)
				}
				alone += spent.Seconds()
				ingested += took.Seconds()
				chunks += n
			}
			b.ReportMetric(float64(chunks)/ingested, "chunks/s")
			b.ReportMetric(float64(chunks)/alone, "alone/s")
			b.ReportMetric(100*alone/ingested, "%")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// embedAlone asks the model for the vectors of texts, with nothing around it.
func embedAlone(b *testing.B, embeddings knowledge.Embeddings, texts []string) (time.Duration, error) {
	b.Helper()
	model, err := embeddings.Open(b.Context(), knowledge.Base{})
	if err != nil {
		return 0, err
	}
	began := time.Now()
	_, err = model.Embed(b.Context(), texts)
	return time.Since(began), err
}

// ingestReal syncs files from a folder with nothing but real parts.
func ingestReal(t testing.TB, embeddings knowledge.Embeddings, files []string) (chunks int, took time.Duration, passages []string) {
	t.Helper()
	dir := t.TempDir()
	for i, text := range files {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d.txt", i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	indexes, err := embedded.Open(filepath.Join(t.TempDir(), "indexes"), embedded.Params{})
	if err != nil {
		t.Fatal(err)
	}
	defer indexes.Close()
	w := newWorld(t)
	w.indexes = indexes
	w.source = w.addSource(knowledge.DataSource{Name: "folder", Kind: knowledge.Folder, Path: dir})
	keep := &keeping{Splitter: chunk.New()}
	parser := all.New(all.Params{})
	defer parser.Close()
	w.params = func(p *ingest.Params) {
		p.Sources, p.Embeddings, p.Splitter, p.Parser = folder.New(folder.Params{}), embeddings, keep, parser
		p.Poll, p.Watch, p.Pause, p.Syncs, p.Readers = 0, 0, 0, 0, 0
	}
	stop := w.start()
	defer stop()
	began := time.Now()
	j := w.startJob()
	for !finished(w.job(j)) {
		time.Sleep(20 * time.Millisecond)
	}
	took = time.Since(began)
	if j = w.job(j); j.Status != knowledge.JobComplete || j.Statistics.New != int64(len(files)) {
		t.Fatalf("got %s, %+v; log:\n%s", j.Status, j.Statistics, w.log)
	}
	return len(keep.passages), took, keep.passages
}

// keeping is a splitter that keeps what it makes.
type keeping struct {
	chunk.Splitter

	mu       sync.Mutex
	passages []string
}

func (k *keeping) Split(ctx context.Context, text *document.Text, how knowledge.Chunking, m chunk.Model) (*knowledge.Content, error) {
	content, err := k.Splitter.Split(ctx, text, how, m)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range content.Chunks {
		k.passages = append(k.passages, c.Text)
	}
	return content, nil
}
