package answer_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/inference/mem"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/answer"
)

// hashed embeds without a model: only equal texts are alike.
type hashed struct{}

func (hashed) Spec() knowledge.Spec { return knowledge.Spec{Model: "hashed", Dimensions: 32} }
func (hashed) Window() int          { return 0 }
func (hashed) Embed(_ context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i] = mem.Vector(text, 32)
	}
	return vectors, nil
}

func (hashed) CountTokens(_ context.Context, texts []string) ([]int, error) {
	counts := make([]int, len(texts))
	for i, text := range texts {
		counts[i] = len(strings.Fields(text))
	}
	return counts, nil
}

func passages() []knowledge.Hit {
	return []knowledge.Hit{
		{Chunk: "c1", Document: "s3://b/refunds.md", Text: "Refunds take seven days. Tents cannot be returned."},
		{Chunk: "c2", Document: "s3://b/shipping.md", Text: "Shipping costs six euros."},
		{Chunk: "c3", Document: "s3://b/hours.md", Text: "The store opens at nine. Refunds take seven days."},
	}
}

// cited writes citations down: the text and the numbers of the passages.
func cited(w *answer.Whole) []string {
	var list []string
	for _, c := range w.Citations {
		line := c.Text + " <-"
		if c.Span == nil {
			line = "(no span) " + line
		}
		for _, hit := range c.References {
			line += " " + hit.Chunk
		}
		list = append(list, line)
	}
	return list
}

func TestFormat(t *testing.T) {
	t.Parallel()
	const whole = `<answer><answer_part><text>Refunds take seven days.</text><sources><source>1</source><source>3</source></sources></answer_part><answer_part><text>Shipping costs six euros.</text><sources><source>2</source></sources></answer_part></answer>`
	for name, tc := range map[string]struct {
		text, want string
		cited      []string
	}{
		"as asked": {
			whole, "Refunds take seven days. Shipping costs six euros.",
			[]string{"Refunds take seven days. <- c1 c3", "Shipping costs six euros. <- c2"},
		},
		"with white space and chatter": {
			"Here is the answer:\n<answer>\n<answer_part>\n<text>\n  Refunds take seven days.\n</text>\n<sources>\n<source>1</source>\n</sources>\n</answer_part>\n</answer>\nI hope that helps!",
			"Refunds take seven days.", []string{"Refunds take seven days. <- c1"},
		},
		"thinking first": {
			"<thinking>The first <answer> is best.</thinking>" + whole, "Refunds take seven days. Shipping costs six euros.",
			[]string{"Refunds take seven days. <- c1 c3", "Shipping costs six euros. <- c2"},
		},
		"thinking twice":       {" <think>a</think>\n<scratchpad>b</scratchpad><text>So.</text>", "So.", []string{"So. <-"}},
		"nothing but thoughts": {"<think>The <answer> is long", answer.Refusal, []string{"(no span) " + answer.Refusal + " <-"}},
		"no such source": {
			"<answer><answer_part><text>It is so.</text><sources><source>9</source><source>0</source><source>2</source><source>2</source></sources></answer_part>",
			"It is so.", []string{"It is so. <- c2"},
		},
		"a number of two figures": {
			"<answer><answer_part><text>It is so.</text><sources><source>12</source><source>3</source></sources></answer_part></answer>",
			"It is so.", []string{"It is so. <- c3"},
		},
		"two texts of one part": {
			"<answer><answer_part><text>It is so.</text>\n<text>And so.</text><sources><source>1</source></sources></answer_part></answer>",
			"It is so. And so.", []string{"It is so. And so. <- c1"},
		},
		"elements of the same names": {
			"<answer><answer_part><text>Put a <source> into <video>, and a <text> into <svg>.</text><sources><source>1</source></sources></answer_part></answer>",
			"Put a <source> into <video>, and a <text> into <svg>.", []string{"Put a <source> into <video>, and a <text> into <svg>. <- c1"},
		},
		"sources within the text": {
			"<answer><answer_part><text>It is so. <source>\n2</source></answer_part></answer>", "It is so.", []string{"It is so. <- c2"},
		},
		"no sources": {
			"<answer><answer_part><text>It is so.</text></answer_part></answer>", "It is so.", []string{"It is so. <-"},
		},
		"several numbers in one": {
			"<answer><answer_part><text>It is so.</text><sources><source>1, 2</source></sources></answer_part></answer>", "It is so.", []string{"It is so. <- c1 c2"},
		},
		"tags forgotten": {
			"<answer_part>It is so.<sources><source>1</source></sources></answer_part><answer_part><text>And so.<sources>2</sources></answer_part>",
			"It is so. And so.", []string{"It is so. <- c1", "And so. <- c2"},
		},
		"a list": {
			"<answer><answer_part><text>- one</text><sources><source>1</source></sources></answer_part><answer_part><text>- two</text><sources><source>2</source></sources></answer_part></answer>",
			"- one\n- two", []string{"- one <- c1", "- two <- c2"},
		},
		"angle brackets in the text": {
			"<answer><answer_part><text>If a < b then <b>a</b> <= b.</text><sources><source>1</source></sources></answer_part></answer>",
			"If a < b then <b>a</b> <= b.", []string{"If a < b then <b>a</b> <= b. <- c1"},
		},
		"cut off in the text":    {"<answer><answer_part><text>Refunds take sev", "Refunds take sev", []string{"Refunds take sev <-"}},
		"cut off in a tag":       {"<answer><answer_part><text>Refunds take</te", "Refunds take", []string{"Refunds take <-"}},
		"cut off in the sources": {"<answer><answer_part><text>So.</text><sources><source>1</source><sou", "So.", []string{"So. <- c1"}},
		"not formatted": {
			"Refunds take seven days. Nobody knows why.", "Refunds take seven days. Nobody knows why.", []string{"Refunds take seven days. <- c1 c3"},
		},
		"not formatted and long": {
			strings.Repeat("Shipping costs six euros. ", 20) + "Good.", strings.Repeat("Shipping costs six euros. ", 20) + "Good.",
			[]string{strings.TrimSpace(strings.Repeat("Shipping costs six euros. ", 20)) + " <- c2"},
		},
		"a refusal": {
			"<answer><answer_part><text>" + answer.Refusal + "</text><sources></sources></answer_part></answer>", answer.Refusal, []string{"(no span) " + answer.Refusal + " <-"},
		},
		"nothing":           {"", answer.Refusal, []string{"(no span) " + answer.Refusal + " <-"}},
		"nothing formatted": {"<answer></answer>", answer.Refusal, []string{"(no span) " + answer.Refusal + " <-"}},
		"other characters": {
			"<answer><answer_part><text>Größe: 😀 ja.</text><sources><source>1</source></sources></answer_part><answer_part><text>否。</text><sources><source>2</source></sources></answer_part></answer>",
			"Größe: 😀 ja. 否。", []string{"Größe: 😀 ja. <- c1", "否。 <- c2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{1, 3, 7, 10_000} {
				got, err := answer.ReadFormat(t.Context(), hashed{}, passages(), inPieces(tc.text, size))
				if err != nil {
					t.Fatal(err)
				}
				if got.Text != tc.want {
					t.Errorf("in pieces of %d: got %q, want %q", size, got.Text, tc.want)
				}
				if diff := cmp.Diff(tc.cited, cited(got)); diff != "" {
					t.Errorf("in pieces of %d: citations (-want +got):\n%s", size, diff)
				}
				checkCitations(t, got)
			}
		})
	}
}

func TestProse(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		text, want string
		cited      []string
	}{
		"sources of each sentence": {
			" Shipping costs six euros. Tents cannot be returned.\n", "Shipping costs six euros. Tents cannot be returned.",
			[]string{"Shipping costs six euros. <- c2", "Tents cannot be returned. <- c1"},
		},
		"one citation for sentences of the same source": {
			"Refunds take seven days. Refunds take 7 days. The moon is far.", "Refunds take seven days. Refunds take 7 days. The moon is far.",
			[]string{"Refunds take seven days. <- c1 c3"},
		},
		"in circles": {
			"Shipping costs six euros. It does. Shipping costs six euros. It does.", "Shipping costs six euros. It does.", []string{"Shipping costs six euros. <- c2"},
		},
		"a list in circles": {"Yes.\nNo.\nYes.\nYes.\nYes.", "Yes.\nNo.\nYes.", []string{"Yes.\nNo.\nYes. <-"}},
		"the beginning of a repetition that is none": {
			"Tents cannot be returned. Tents cannot be returned to shops.", "Tents cannot be returned. Tents cannot be returned to shops.",
			[]string{"Tents cannot be returned. <- c1"},
		},
		"thinking first": {
			"<think>\nTents cannot be returned.\n</think>\n\nShipping costs six euros.", "Shipping costs six euros.", []string{"Shipping costs six euros. <- c2"},
		},
		"no thought":          {"<thin> tents cannot be returned.", "<thin> tents cannot be returned.", []string{"<thin> tents cannot be returned. <- c1"}},
		"nothing supports it": {"The moon is far away.", "The moon is far away.", []string{"The moon is far away. <-"}},
		"hardly supported":    {"It costs euros somewhere.", "It costs euros somewhere.", []string{"It costs euros somewhere. <- c2"}},
		"silence":             {" \n ", answer.Refusal, []string{"(no span) " + answer.Refusal + " <-"}},
		"without an end": {
			numbers(500), numbers(500), []string{numbers(500) + " <-"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{1, 4, 10_000} {
				got, err := answer.ReadProse(t.Context(), hashed{}, passages(), inPieces(tc.text, size))
				if err != nil {
					t.Fatal(err)
				}
				if got.Text != tc.want {
					t.Errorf("in pieces of %d: got %q, want %q", size, got.Text, tc.want)
				}
				if diff := cmp.Diff(tc.cited, cited(got)); diff != "" {
					t.Errorf("in pieces of %d: citations (-want +got):\n%s", size, diff)
				}
				checkCitations(t, got)
			}
		})
	}
}

// numbers is a text of so many words without an end of a sentence.
func numbers(n int) string {
	words := make([]string, n)
	for i := range words {
		words[i] = fmt.Sprintf("w%d", i)
	}
	return strings.Join(words, " ")
}

// inPieces cuts a text into pieces of so many characters.
func inPieces(text string, size int) []string {
	var pieces []string
	runes := []rune(text)
	for i := 0; i < len(runes); i += size {
		pieces = append(pieces, string(runes[i:min(i+size, len(runes))]))
	}
	return pieces
}

// Whatever a model writes, and in whatever pieces, the spans of the citations are
// in the text, in order, and name what they cite.
func FuzzReaders(f *testing.F) {
	f.Add("<answer><answer_part><text>Refunds take seven days.</text><sources><source>1</source></sources></answer_part>", 3)
	f.Add("</text><text>a</answer_part></sources>b<source>2<answer>c", 1)
	f.Add("Refunds take seven days. Refunds take seven days. 12 p.m. \u00a0\u2028x", 2)
	f.Add("<thinking>a</thinking><text>\u00a0 x \u00a0</text><text>y", 5)
	f.Fuzz(func(t *testing.T, text string, size int) {
		if size < 1 || size > 64 || len(text) > 1000 || !utf8.ValidString(text) {
			return
		}
		for _, read := range []func(context.Context, knowledge.Embedding, []knowledge.Hit, []string) (*answer.Whole, error){answer.ReadFormat, answer.ReadProse} {
			got, err := read(t.Context(), hashed{}, passages(), inPieces(text, size))
			if err != nil {
				t.Fatal(err)
			}
			if got.Text == "" || got.Text != strings.TrimSpace(got.Text) {
				t.Errorf("got the text %q", got.Text)
			}
			checkCitations(t, got)
		}
	})
}
