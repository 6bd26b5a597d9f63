package embedded_test

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/knowledge"
)

// TestQuality measures how well each kind of search finds what people judged
// relevant: the Cranfield collection, 1,400 abstracts and 225 questions about
// aerodynamics, with the default embedding model. A grade counts as relevant or
// not, and judgements of -1 do not count.
//
// The collection is not in the repository. OUTCROP_CRANFIELD names its folder;
// else it is looked for beside the repository.
func TestQuality(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("OUTCROP_CRANFIELD")
	if dir == "" {
		dir = filepath.Join(repository(t), "..", "shared", "data", "cranfield")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the Cranfield collection is not here: %v", err)
	}
	c := readCranfield(t, dir)
	index, err := open(t, t.TempDir()).Open(t.Context(), base, knowledge.Spec{Model: model, Dimensions: dimensions})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range vectors(t, "cranfield", c.documents) {
		id := strconv.Itoa(i + 1)
		doc := knowledge.Document{Source: source, ID: id, Status: knowledge.Indexed, Chunks: 1}
		content := knowledge.Content{Chunks: []knowledge.Chunk{{ID: id, Text: c.documents[i], Parent: -1, Page: -1, Vector: v}}}
		if err := index.Put(t.Context(), "", doc, &content, knowledge.OutcomeNone); err != nil {
			t.Fatal(err)
		}
	}
	queries := vectors(t, "cranfield-queries", c.queries)
	figures := map[knowledge.Mode]figure{}
	for _, mode := range []knowledge.Mode{knowledge.SemanticSearch, knowledge.TextSearch, knowledge.HybridSearch} {
		var sum figure
		for i, text := range c.queries {
			hits := find(t, index, knowledge.Query{Mode: mode, Vector: queries[i], Text: text, Limit: 10})
			f := judge(hits, c.relevant[i])
			sum.ndcg += f.ndcg / float64(len(c.queries))
			sum.recall += f.recall / float64(len(c.queries))
		}
		figures[mode] = sum
		t.Logf("%-8s nDCG@10 %.4f, recall@10 %.4f", mode, sum.ndcg, sum.recall)
	}
	for mode, least := range map[knowledge.Mode]float64{
		knowledge.SemanticSearch: 0.39, knowledge.TextSearch: 0.38, knowledge.HybridSearch: 0.42,
	} {
		if got := figures[mode].ndcg; got < least {
			t.Errorf("%s: got nDCG@10 %.4f, want %v", mode, got, least)
		}
	}
	if hybrid, legs := figures[knowledge.HybridSearch].ndcg, max(figures[knowledge.SemanticSearch].ndcg, figures[knowledge.TextSearch].ndcg); hybrid < legs {
		t.Errorf("hybrid: got nDCG@10 %.4f, want no less than the better of the two, %.4f", hybrid, legs)
	}
}

// figure is how good lists of hits are, from 0 to 1.
type figure struct{ ndcg, recall float64 }

// judge compares ten hits with the documents that are relevant.
func judge(hits []knowledge.Hit, relevant map[string]bool) figure {
	if len(relevant) == 0 {
		return figure{}
	}
	var gain, ideal, found float64
	for i, h := range hits {
		if relevant[h.Document] {
			gain += 1 / math.Log2(float64(i)+2)
			found++
		}
	}
	for i := range min(10, len(relevant)) {
		ideal += 1 / math.Log2(float64(i)+2)
	}
	return figure{ndcg: gain / ideal, recall: found / float64(len(relevant))}
}

// cranfield is the collection.
type cranfield struct {
	documents []string          // title and text; the number of a document is its position plus 1
	queries   []string          // by their order
	relevant  []map[string]bool // by query: numbers of documents
}

func readCranfield(t *testing.T, dir string) cranfield {
	t.Helper()
	var c cranfield
	for _, record := range records(t, filepath.Join(dir, "cran.all.1400")) {
		c.documents = append(c.documents, record["T"]+"\n"+record["W"])
	}
	for _, record := range records(t, filepath.Join(dir, "cran.qry")) {
		c.queries = append(c.queries, record["W"])
		c.relevant = append(c.relevant, map[string]bool{})
	}
	file, err := os.Open(filepath.Join(dir, "cranqrel"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var query, document, grade int
		if _, err := fmt.Sscan(lines.Text(), &query, &document, &grade); err != nil {
			t.Fatal(err)
		}
		if grade != -1 {
			c.relevant[query-1][strconv.Itoa(document)] = true
		}
	}
	if len(c.documents) != 1400 || len(c.queries) != 225 {
		t.Fatalf("read %d documents and %d queries, want 1400 and 225", len(c.documents), len(c.queries))
	}
	return c
}

// records reads a file of fields that begin with a line of a dot and a letter.
func records(t *testing.T, path string) []map[string]string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var list []map[string]string
	field := ""
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := strings.TrimRight(lines.Text(), "\r\n")
		if tag, _, _ := strings.Cut(line, " "); len(tag) == 2 && tag[0] == '.' && tag[1] >= 'A' && tag[1] <= 'Z' {
			if field = tag[1:]; field == "I" {
				list = append(list, map[string]string{})
			}
			continue
		}
		if len(list) > 0 {
			record := list[len(list)-1]
			record[field] = strings.TrimSpace(record[field] + " " + strings.TrimSpace(line))
		}
	}
	return list
}
