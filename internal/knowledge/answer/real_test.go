package answer_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/knowledge/answer"
	"github.com/outcrop/outcrop/internal/knowledge/retrieve"
)

// The default models answer the questions about the files of testdata, and cite
// the right one. The prompts were chosen on the first set and not on the second.
func TestRealQuestions(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"company", "clinic"} {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, engine(t))
			questions := w.fill(t, folder)
			var found, right, only, facts int
			for _, q := range questions {
				if w.first(t, q.Question) == "s3://"+folder+"/"+q.File {
					found++
				}
				got, err := w.answerer.Collect(t.Context(), w.request(t, q.Question))
				if err != nil {
					t.Fatalf("%s: %v", q.Question, err)
				}
				checkCitations(t, got)
				files := references(got)
				if len(files) > 0 && files[0] == "s3://"+folder+"/"+q.File {
					right++
					if len(files) == 1 {
						only++
					}
				}
				if slices.ContainsFunc(q.Facts, func(fact string) bool { return strings.Contains(got.Text, fact) }) {
					facts++
				}
				t.Logf("%s\n\t%s\n\t%v", q.Question, got.Text, files)
			}
			n := len(questions)
			t.Logf("of %d searches %d find the right file first", n, found)
			t.Logf("of %d answers %d cite the right file first, %d only that, and %d have the fact", n, right, only, facts)
			if found*20 < n*19 || right*10 < n*9 || facts*10 < n*8 {
				t.Error("want 95 % to be found, 90 % to be cited rightly, and 80 % to have the fact")
			}
		})
	}
}

// first is the document that a search finds first.
func (w *world) first(t *testing.T, question string) string {
	t.Helper()
	s, err := w.retriever.Open(t.Context(), account, region, w.base.ID)
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.Search(t.Context(), retrieve.Search{Questions: []retrieve.Question{{Text: question}}, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	return found.Hits[0].Document
}

// references are the documents that an answer names, in order.
func references(a *answer.Whole) []string {
	var files []string
	for _, c := range a.Citations {
		for _, hit := range c.References {
			if !slices.Contains(files, hit.Document) {
				files = append(files, hit.Document)
			}
		}
	}
	return files
}

// checkCitations checks what holds for every answer: spans are in order and name
// exactly the text that they cite.
func checkCitations(t testing.TB, a *answer.Whole) {
	t.Helper()
	runes := []rune(a.Text)
	last := -1
	if len(a.Citations) == 0 {
		t.Errorf("%q has no citations", a.Text)
	}
	for _, c := range a.Citations {
		if c.Span == nil {
			if c.Text != answer.Refusal || a.Text != answer.Refusal || len(c.References) > 0 {
				t.Errorf("got a citation without a span of %q in %q", c.Text, a.Text)
			}
			continue
		}
		if c.Span.Start <= last || c.Span.End < c.Span.Start || c.Span.End >= len(runes) {
			t.Errorf("got the span %+v after %d in a text of %d characters", *c.Span, last, len(runes))
			continue
		}
		last = c.Span.End
		if got := string(runes[c.Span.Start : c.Span.End+1]); got != c.Text {
			t.Errorf("the span %+v names %q, the citation %q", *c.Span, got, c.Text)
		}
	}
}
