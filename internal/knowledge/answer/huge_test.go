package answer_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/mem"
	"github.com/outcrop/outcrop/internal/knowledge"
)

// measured counts the bytes that are embedded.
type measured struct {
	*mem.Backend

	embedded atomic.Int64
}

func (m *measured) Embed(ctx context.Context, req *inference.EmbedRequest) (*inference.Embeddings, error) {
	for _, text := range req.Texts {
		m.embedded.Add(int64(len(text)))
	}
	return m.Backend.Embed(ctx, req)
}

// A passage that is a whole file is not read from one end to the other: the
// model is shown what suits the question, and citations are found in that.
func TestHugePassage(t *testing.T) {
	t.Parallel()
	const secret = "Refunds in the seventh warehouse take forty days."
	var sentences, words strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&sentences, "Nothing of note was written on page %d. ", i)
		fmt.Fprintf(&words, "refunds take days and warehouse number %d ", i)
		if i == 15_000 {
			sentences.WriteString(secret + " ")
		}
	}
	for _, size := range []int64{tinySize, plainSize, largeSize} {
		for name, tc := range map[string]struct{ text, question, answer, shown, file string }{
			"the answer is in it":     {sentences.String(), "How many days do refunds in the seventh warehouse take?", secret, secret, "s3://b/huge.txt"},
			"the answer is elsewhere": {words.String(), "Can tents be returned, or how many days do refunds take?", "Tents cannot be returned.", "Tents cannot be returned.", "s3://b/refunds.md"},
		} {
			t.Run(fmt.Sprintf("%s, %d", name, size), func(t *testing.T) {
				t.Parallel()
				s := &script{answers: []string{tc.answer}}
				const window = 8192
				b := &measured{Backend: mem.New(mem.Params{
					Models: []inference.ModelInfo{
						{Name: "chat", ContextWindow: window, Parameters: size}, {Name: "vectors", Dimensions: 64, ContextWindow: 512, Digest: "d"},
					},
					Answer: s.answer,
				})}
				w := newWorld(t, b)
				w.add(t, "s3://b/refunds.md", "Refunds take seven days. Tents cannot be returned.", nil)
				w.add(t, "s3://b/shipping.md", "Shipping costs six euros.", nil)
				w.add(t, "s3://b/huge.txt", tc.text, nil)
				b.embedded.Store(0)
				got, err := w.answerer.Collect(t.Context(), w.request(t, tc.question))
				if err != nil {
					t.Fatal(err)
				}
				checkCitations(t, got)
				if !cmp.Equal(references(got), []string{tc.file}) {
					t.Errorf("got %v, want %s", references(got), tc.file)
				}
				for _, c := range got.Citations {
					for _, hit := range c.References {
						if hit.Document == "s3://b/huge.txt" && hit.Text != tc.text {
							t.Errorf("got a reference with %d bytes of a passage of %d", len(hit.Text), len(tc.text))
						}
					}
				}
				if n := b.embedded.Load(); n > 20_000 {
					t.Errorf("%d bytes were embedded", n)
				}
				if n := len(s.asked[0]); n > 4*window || !strings.Contains(s.asked[0], tc.shown) {
					t.Errorf("the model was asked with %d bytes, want some of which %q is a part", n, tc.shown)
				}
				if size != tinySize && !strings.Contains(s.asked[0], "Tents cannot be returned.") {
					t.Error("the model was not shown the short passage")
				}
			})
		}
	}
}

// Nor is a passage refused that is all that there is and longer than the
// context.
func TestPassageLongerThanTheContext(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{plainSize, largeSize} {
		s := &script{answers: []string{"Refunds take seven days."}}
		w := newScripted(t, size, s)
		w.add(t, "s3://b/long.md", strings.Repeat("Of it a b c. ", 1000)+"Refunds of the seventh kind take long. "+strings.Repeat("Of it a b c. ", 1000), knowledge.Metadata{"long": knowledge.Bool(true)})
		req := w.request(t, "How long do refunds of the seventh kind take?")
		req.Search.Filter = &knowledge.Filter{Operator: knowledge.Equals, Key: "long", Value: knowledge.Bool(true)}
		req.Model.Info.ContextWindow = 1500
		if _, err := w.answerer.Collect(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		if n, err := req.Model.Count(t.Context(), s.last); err != nil || n > 1500 || !strings.Contains(s.asked[0], "Refunds of the seventh kind take long.") {
			t.Errorf("size %d: got a prompt of %d tokens, %v:\n%s", size, n, err, s.asked[0])
		}
	}
}
