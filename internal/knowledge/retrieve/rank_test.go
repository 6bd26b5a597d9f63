package retrieve_test

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/llamacpp"
	"github.com/outcrop/outcrop/internal/inference/llamacpp/llamacpptest"
	"github.com/outcrop/outcrop/internal/knowledge/retrieve"
	"github.com/outcrop/outcrop/internal/knowledge/retrieve/passage"
	"github.com/outcrop/outcrop/internal/pack/packtest"
	"github.com/outcrop/outcrop/internal/router"
)

func TestMain(m *testing.M) { llamacpptest.Main(m) }

// TestRerankingFindsMore has the stand-in for a rerank model put the fifty best
// of a search by vectors into another order, on a part of the Cranfield
// collection (see package index/embedded for its conventions): it must be a
// better one. On all of it the nDCG@10 rises from 0.3995 to 0.4227; the part is
// what a test can embed in a minute.
func TestRerankingFindsMore(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("OUTCROP_CRANFIELD")
	if dir == "" {
		dir = filepath.Join(filepath.Dir(packtest.Models(t)), "..", "..", "shared", "data", "cranfield")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the Cranfield collection is not here: %v", err)
	}
	documents, queries, relevant := cranfield(t, dir)
	queries = queries[:30]
	documents, relevant = part(documents, relevant, len(queries))
	v := &vectors{t: t, known: map[string][]float32{}}
	v.load("cranfield-part", documents)
	v.load("cranfield-part-queries", queries)
	ranker := retrieve.NewRanker(v)
	var before, after float64
	for i, query := range queries {
		var top []int
		cosines := map[int]float64{}
		for d, text := range documents {
			cosines[d] = passage.Cosine(v.known[query], v.known[text])
			top = append(top, d)
		}
		slices.SortStableFunc(top, func(a, b int) int { return cmp.Compare(cosines[b], cosines[a]) })
		top = top[:50]
		before += gain(top, relevant[i+1])
		texts := make([]string, len(top))
		for j, d := range top {
			texts[j] = documents[d]
		}
		ranking, err := ranker.Rank(t.Context(), retrieve.Rank{Model: "amazon.rerank-v1:0", Query: query, Documents: texts})
		if err != nil {
			t.Fatal(err)
		}
		scores := map[int]float64{}
		for j, d := range top {
			scores[d] = ranking.Scores[j]
		}
		slices.SortStableFunc(top, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
		after += gain(top, relevant[i+1])
	}
	before, after = before/float64(len(queries)), after/float64(len(queries))
	t.Logf("nDCG@10 %.4f by vectors, %.4f after reranking the best 50", before, after)
	if after < before+0.01 {
		t.Errorf("got nDCG@10 %.4f, want at least 0.01 more than %.4f", after, before)
	}
}

// part is every fifth document and those that are relevant for the first
// queries.
func part(documents []string, relevant map[int]map[int]bool, queries int) (kept []string, renumbered map[int]map[int]bool) {
	wanted := map[int]bool{}
	for q := range queries {
		for d := range relevant[q+1] {
			wanted[d-1] = true
		}
	}
	number := map[int]int{}
	for i, text := range documents {
		if wanted[i] || i%5 == 0 {
			kept = append(kept, text)
			number[i+1] = len(kept)
		}
	}
	renumbered = map[int]map[int]bool{}
	for q := range queries {
		renumbered[q+1] = map[int]bool{}
		for d := range relevant[q+1] {
			renumbered[q+1][number[d]] = true
		}
	}
	return kept, renumbered
}

// gain is the nDCG@10 of a list of documents.
func gain(list []int, relevant map[int]bool) float64 {
	var got, ideal float64
	for i, d := range list[:10] {
		if relevant[d+1] {
			got += 1 / math.Log2(float64(i)+2)
		}
	}
	for i := range min(10, len(relevant)) {
		ideal += 1 / math.Log2(float64(i)+2)
	}
	if ideal == 0 {
		return 0
	}
	return got / ideal
}

func cranfield(t *testing.T, dir string) (documents, queries []string, relevant map[int]map[int]bool) {
	t.Helper()
	for _, r := range records(t, filepath.Join(dir, "cran.all.1400")) {
		documents = append(documents, r["T"]+"\n"+r["W"])
	}
	for _, r := range records(t, filepath.Join(dir, "cran.qry")) {
		queries = append(queries, r["W"])
	}
	relevant = map[int]map[int]bool{}
	text, err := os.ReadFile(filepath.Join(dir, "cranqrel"))
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(strings.NewReader(string(text))); lines.Scan(); {
		var query, document, grade int
		if _, err := fmt.Sscan(lines.Text(), &query, &document, &grade); err != nil {
			t.Fatal(err)
		}
		if grade == -1 {
			continue
		}
		if relevant[query] == nil {
			relevant[query] = map[int]bool{}
		}
		relevant[query][document] = true
	}
	return documents, queries, relevant
}

// records reads the fields of a file of the collection.
func records(t *testing.T, path string) []map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var list []map[string]string
	field := ""
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.HasPrefix(line, ".I "):
			list = append(list, map[string]string{})
		case len(strings.TrimSpace(line)) == 2 && line[0] == '.':
			field = line[1:2]
		default:
			list[len(list)-1][field] += line
		}
	}
	for _, r := range list {
		for field := range r {
			r[field] = strings.TrimSpace(r[field])
		}
	}
	return list
}

// vectors are models that embed from what is known, and ask the default
// embedding model for the rest.
type vectors struct {
	t     *testing.T
	known map[string][]float32
	model *llamacpp.Backend
}

func (v *vectors) Resolve(context.Context, string, string, string, catalog.Kind) (*router.Target, error) {
	return &router.Target{ServedBy: "llamacpp/vectors"}, nil
}

func (v *vectors) Rerank(context.Context, *inference.RerankRequest) (*inference.Reranking, error) {
	return nil, fault.New(fault.Unsupported, "no such model")
}

func (v *vectors) Embed(ctx context.Context, req *inference.EmbedRequest) (*inference.Embeddings, error) {
	var missing []string
	for _, text := range req.Texts {
		if v.known[text] == nil {
			missing = append(missing, text)
		}
	}
	if len(missing) > 0 {
		if v.model == nil {
			v.model = llamacpptest.Open(v.t, llamacpptest.Names{Embedding: "vectors"})
		}
		made, err := v.model.Embed(ctx, &inference.EmbedRequest{Model: "vectors", Texts: missing})
		if err != nil {
			return nil, err
		}
		for i, text := range missing {
			v.known[text] = made.Vectors[i]
		}
	}
	out := &inference.Embeddings{InputTokens: make([]int, len(req.Texts))}
	for _, text := range req.Texts {
		out.Vectors = append(out.Vectors, v.known[text])
	}
	return out, nil
}

// load makes the vectors of texts known, and keeps them between runs: they take
// minutes to make.
func (v *vectors) load(name string, texts []string) {
	v.t.Helper()
	sum := sha256.New()
	for _, text := range texts {
		sum.Write([]byte(text))
		sum.Write([]byte{0})
	}
	file := filepath.Join(filepath.Dir(packtest.Models(v.t)), "bench", name+"-"+hex.EncodeToString(sum.Sum(nil)[:6])+".f32")
	const size = 384
	if data, err := os.ReadFile(file); err == nil && len(data) == 4*size*len(texts) {
		for i, text := range texts {
			vector := make([]float32, size)
			for j := range vector {
				vector[j] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*(i*size+j):]))
			}
			v.known[text] = vector
		}
		return
	}
	var data []byte
	for batch := range slices.Chunk(texts, 128) {
		made, err := v.Embed(v.t.Context(), &inference.EmbedRequest{Texts: batch})
		if err != nil {
			v.t.Fatal(err)
		}
		for _, vector := range made.Vectors {
			for _, x := range vector {
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
			}
		}
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		v.t.Fatal(err)
	}
	part := file + fmt.Sprintf(".%d", os.Getpid())
	if err := os.WriteFile(part, data, 0o644); err != nil {
		v.t.Fatal(err)
	}
	if err := os.Rename(part, file); err != nil {
		v.t.Fatal(err)
	}
}
