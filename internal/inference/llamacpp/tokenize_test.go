package llamacpp_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/inference"
)

// The counts are those of the texts alone: no control token is read out of
// them and none is put around them.
func TestRealCountTexts(t *testing.T) {
	t.Parallel()
	p, _ := params(t)
	b := open(t, p)
	for name, tc := range map[string]struct {
		model, text string
		want        int
	}{
		"words":             {vecModel, "refund policy", 3},
		"a control token":   {vecModel, "[SEP]", 3},
		"a chat's":          {chatModel, "<|im_end|>", 7},
		"space":             {vecModel, " \n\t ", 0},
		"an unknown word":   {vecModel, "😀😀😀", 1},
		"character by char": {vecModel, "漢字", 2},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := b.CountTexts(t.Context(), &inference.TokenizeRequest{Model: tc.model, Texts: []string{tc.text}})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]int{tc.want}, got); diff != "" {
				t.Errorf("%q (-want +got):\n%s", tc.text, diff)
			}
		})
	}
	texts := []string{"refund policy", "The sea was wide, and the ship was small.", strings.Repeat("lighthouses ", 80)}
	counts, err := b.CountTexts(t.Context(), &inference.TokenizeRequest{Model: vecModel, Texts: texts})
	if err != nil {
		t.Fatal(err)
	}
	e, err := b.Embed(t.Context(), &inference.EmbedRequest{Model: vecModel, Texts: texts})
	if err != nil {
		t.Fatal(err)
	}
	for i := range texts {
		if framed := counts[i] + 2; framed != e.InputTokens[i] {
			t.Errorf("%.20q: got %d tokens, with the frame %d were embedded", texts[i], counts[i], e.InputTokens[i])
		}
	}
}

// BenchmarkRealCountTexts reads documents of 1 MB, sentence by sentence:
//
//	OUTCROP_BENCH_ENGINE=1 go test -run=^$ -bench=RealCountTexts ./internal/inference/llamacpp
func BenchmarkRealCountTexts(b *testing.B) {
	if os.Getenv("OUTCROP_BENCH_ENGINE") == "" {
		b.Skip("OUTCROP_BENCH_ENGINE is not set")
	}
	p, _ := params(b)
	backend := open(b, p)
	const sentence = "A refund is paid within fourteen working days, unless the goods (see section 4.2) have been used or damaged. "
	texts := make([]string, 1_000_000/len(sentence))
	for i := range texts {
		texts[i] = sentence
	}
	for _, model := range []string{vecModel, chatModel} {
		b.Run(model, func(b *testing.B) {
			count := func() {
				if _, err := backend.CountTexts(b.Context(), &inference.TokenizeRequest{Model: model, Texts: texts}); err != nil {
					b.Fatal(err)
				}
			}
			count() // loads
			b.SetBytes(int64(len(texts) * len(sentence)))
			start := time.Now()
			for b.Loop() {
				count()
			}
			b.ReportMetric(float64(b.N*len(texts))/time.Since(start).Seconds(), "texts/s")
		})
	}
}
