package answer_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/knowledge/answer"
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
			var right, only, facts int
			for _, q := range questions {
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
			t.Logf("of %d answers %d cite the right file first, %d only that, and %d have the fact", n, right, only, facts)
			if right*10 < n*9 || facts*10 < n*8 {
				t.Error("want nine of ten to cite the right file, and eight of ten to have the fact")
			}
		})
	}
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
