package answer_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/answer"
)

func TestDocumentsOfTheQuestion(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		document answer.Document
		id       string
		key      string
	}{
		"in a bucket":      {answer.Document{URI: "s3://bucket/kit.txt"}, "s3://bucket/kit.txt", knowledge.KeySourceURI},
		"with its content": {answer.Document{Name: "kit.txt", MIME: "text/plain", Content: []byte(kit)}, "kit.txt", answer.KeyContent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &script{answers: []string{"The first aid kit hangs beside the door of the workshop."}}
			w := newScripted(t, tinySize, s)
			req := w.request(t, "Where is it?")
			req.Base, req.Documents = "", []answer.Document{tc.document}
			got, err := w.answerer.Collect(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			checkCitations(t, got)
			if !cmp.Equal(references(got), []string{tc.id}) {
				t.Fatalf("got %v, want %s", references(got), tc.id)
			}
			if v := got.Citations[0].References[0].Metadata[tc.key]; !v.Equal(knowledge.String(tc.id)) {
				t.Errorf("got the metadata %v", got.Citations[0].References[0].Metadata)
			}
			req.Session = got.Session
			if _, err := w.answerer.Collect(t.Context(), req); err != nil {
				t.Errorf("the session does not go on: %v", err)
			}
		})
	}
}

// The model that compares is not the caller's choice, so a region without it
// answers too.
func TestDocumentsInARegionWithoutTheEmbeddingModel(t *testing.T) {
	t.Parallel()
	w := newScripted(t, tinySize, &script{answers: []string{"The first aid kit hangs beside the door of the workshop."}})
	req := w.request(t, "Where is it?")
	req.Region, req.Base, req.Documents = "moon-north-1", "", []answer.Document{{Name: "kit.txt", Content: []byte(kit)}}
	if _, err := w.answerer.Collect(t.Context(), req); err != nil {
		t.Fatal(err)
	}
}

func TestDocumentsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	w := newScripted(t, tinySize, &script{answers: []string{"x"}})
	for text, document := range map[string]answer.Document{
		"The object s3://bucket/none.txt does not exist.":                        {URI: "s3://bucket/none.txt"},
		"The object s3://other/kit.txt does not exist.":                          {URI: "s3://other/kit.txt"},
		"The object s3://bucket/secret.txt cannot be read: access is denied.":    {URI: "s3://bucket/secret.txt"},
		"The object s3://bucket/changing.txt changed while it was read.":         {URI: "s3://bucket/changing.txt"},
		"The object s3://bucket/huge.txt has 2147483648 bytes":                   {URI: "s3://bucket/huge.txt"},
		"bucket/kit.txt is not the URI of an object in S3.":                      {URI: "bucket/kit.txt"},
		"Token limit exceeded: input contains 30000 tokens and exceeds limit of": {Name: "long.txt", Content: []byte(strings.Repeat("word ", 30_000))},
	} {
		req := w.request(t, "Where is it?")
		req.Base, req.Documents = "", []answer.Document{document}
		_, err := w.answerer.Collect(t.Context(), req)
		if f := fault.As(err); err == nil || f.Kind != fault.Invalid || !strings.HasPrefix(f.Message, text) {
			t.Errorf("got %v, want %q", err, text)
		}
	}
}

// Of a document that is longer than the context, the passages that suit are
// shown.
func TestLongDocument(t *testing.T) {
	t.Parallel()
	s := &script{answers: []string{"The secret word is heliotrope."}}
	w := newScripted(t, plainSize, s)
	var text strings.Builder
	for i := range 1200 {
		text.WriteString("Nothing is said here about anything at all. ")
		if i == 900 {
			text.WriteString("The secret word is heliotrope. ")
		}
	}
	req := w.request(t, "What is the secret word?")
	req.Base, req.Documents = "", []answer.Document{{Name: "long.txt", Content: []byte(text.String())}}
	got, err := w.answerer.Collect(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	checkCitations(t, got)
	if len(references(got)) != 1 || !strings.Contains(s.asked[0], "heliotrope") {
		t.Errorf("got %v from a prompt of %d bytes", references(got), len(s.asked[0]))
	}
	if n, err := req.Model.Count(t.Context(), s.last); err != nil || n > 4096 {
		t.Errorf("got %d tokens, %v", n, err)
	}
}
