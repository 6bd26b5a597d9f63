package chunk_test

import (
	"context"
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/outcrop/outcrop/internal/chunk"
	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
)

// words is a model whose tokens are words, and the parts of eight letters of
// longer ones. Its vectors tell how often a text says "cat" and "dog".
type words struct {
	counted int // calls
	err     error
}

func (w *words) CountTokens(_ context.Context, texts []string) ([]int, error) {
	w.counted++
	counts := make([]int, len(texts))
	for i, text := range texts {
		counts[i] = tokens(text)
	}
	return counts, w.err
}

func tokens(text string) int {
	n := 0
	for word := range strings.FieldsSeq(text) {
		n += (len([]rune(word)) + 7) / 8
	}
	return n
}

func (w *words) Embed(_ context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		cats, dogs := float64(strings.Count(text, "cat")), float64(strings.Count(text, "dog"))
		length := math.Hypot(cats, dogs)
		vectors[i] = []float32{float32(cats / max(length, 1)), float32(dogs / max(length, 1))}
	}
	return vectors, w.err
}

func onePage(text string) *document.Text {
	return &document.Text{Pages: []document.Page{{Number: -1, Text: text}}}
}

func split(t *testing.T, text *document.Text, how knowledge.Chunking) *knowledge.Content {
	t.Helper()
	c, err := chunk.New().Split(t.Context(), text, how, &words{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func texts(c *knowledge.Content) []string {
	var all []string
	for _, ch := range c.Chunks {
		all = append(all, ch.Text)
	}
	return all
}

func fixed(tokens, overlap int) knowledge.Chunking {
	return knowledge.Chunking{Strategy: knowledge.FixedSize, MaxTokens: tokens, OverlapPercent: overlap}
}

func TestFixedSize(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		how  knowledge.Chunking
		text string
		want []string
	}{
		"fits": {fixed(10, 0), "One two. Three four.", []string{"One two. Three four."}},
		"sentences stay whole": {
			fixed(5, 0), "One two three. Four five six. Seven eight nine ten.",
			[]string{"One two three.", "Four five six.", "Seven eight nine ten."},
		},
		"as many as fit": {
			fixed(6, 0), "One two three. Four five six. Seven eight nine ten. Eleven.",
			[]string{"One two three. Four five six.", "Seven eight nine ten. Eleven."},
		},
		"wrapped lines are no borders": {
			fixed(5, 0), "One two\nthree. Four\nfive six.", []string{"One two\nthree.", "Four\nfive six."},
		},
		"a long sentence is cut between words": {
			fixed(4, 0), "One two three four five six seven eight.", []string{"One two three four", "five six seven eight."},
		},
		"the last two share": {
			fixed(8, 0), "A b c. D e f. G h i.", []string{"A b c.", "D e f. G h i."},
		},
		"overlap of a sentence": {
			fixed(8, 40), "One two three. Four five six. Seven eight nine. Ten eleven twelve.",
			[]string{"One two three. Four five six.", "Four five six. Seven eight nine.", "Seven eight nine. Ten eleven twelve."},
		},
		"overlap of words": {
			fixed(4, 50), "One two three four five six seven eight.",
			[]string{"One two three four", "three four five six", "five six seven eight."},
		},
		"titles and initials end no sentence": {
			fixed(8, 0), "We saw Dr. Smith and J. K. Rowling. They waved at us.",
			[]string{"We saw Dr. Smith and J. K. Rowling.", "They waved at us."},
		},
		"a heading goes with its text": {
			fixed(8, 0), "One two three four five.\n\n# Title\n\nSix seven. Eight nine ten.",
			[]string{"One two three four five.", "# Title\n\nSix seven. Eight nine ten."},
		},
		"a paragraph rather than a sentence": {
			fixed(10, 0), "One two three four. Five six seven.\n\nEight nine. Ten eleven twelve thirteen fourteen.",
			[]string{"One two three four. Five six seven.", "Eight nine. Ten eleven twelve thirteen fourteen."},
		},
		"rows stay whole": {
			fixed(12, 0), "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n| 5 | 6 |\n| 7 | 8 |\n| 9 | 0 |",
			[]string{"| a | b |\n|---|---|\n| 1 | 2 |", "| 3 | 4 |\n| 5 | 6 |", "| 7 | 8 |\n| 9 | 0 |"},
		},
		"items of a list": {
			fixed(6, 0), "- one two\n- three four\n- five six\n- seven\n  eight",
			[]string{"- one two\n- three four", "- five six\n- seven\n  eight"},
		},
		"code": {
			fixed(7, 0), "```go\nif a {\n\n  b. C()\n}\n```\nDone here. Now more.",
			[]string{"```go\nif a {\n\n  b. C()", "}\n```\nDone here. Now more."},
		},
		"a language without spaces": {
			fixed(3, 0), "漢字漢字漢字。漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字。",
			nil,
		},
		"nothing":           {fixed(5, 0), "", nil},
		"white space":       {fixed(5, 0), " \n\t\n ", nil},
		"signs alone":       {fixed(5, 0), "--- *** ...", nil},
		"a single picture":  {fixed(5, 0), "😀", []string{"😀"}},
		"one token, a word": {fixed(1, 0), "one two three", []string{"one", "two", "three"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := split(t, onePage(tc.text), tc.how)
			if tc.want != nil || strings.TrimSpace(tc.text) == "" {
				if diff := cmp.Diff(tc.want, texts(c), cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("chunks (-want +got):\n%s", diff)
				}
			}
			checkSizes(t, c, tc.how.MaxTokens)
			checkOrder(t, tc.text, texts(c))
		})
	}
}

// checkSizes demands that no chunk is larger than it may be, unless it is one
// character.
func checkSizes(t *testing.T, c *knowledge.Content, most int) {
	t.Helper()
	for i, ch := range c.Chunks {
		if n := tokens(ch.Text); n > most && len([]rune(ch.Text)) > 1 {
			t.Errorf("chunk %d has %d tokens, want at most %d: %.80q", i, n, most, ch.Text)
		}
		if strings.TrimSpace(ch.Text) != ch.Text || ch.Text == "" {
			t.Errorf("chunk %d has white space around it: %.80q", i, ch.Text)
		}
	}
}

// checkOrder demands that chunks are pieces of the text that follow one another
// or overlap, and that nothing but white space is between them.
func checkOrder(t *testing.T, text string, chunks []string) {
	t.Helper()
	text = squeeze(strings.ToValidUTF8(text, "\uFFFD"))
	if len(chunks) == 0 && strings.ContainsFunc(text, unicode.IsLetter) {
		t.Errorf("no chunks of %.80q", text)
	}
	// A text may repeat itself. Each chunk is at from or later, and the one that
	// leaves nothing out before it is the last of those places up to done.
	done, from := 0, 0
	for i, ch := range chunks {
		ch = squeeze(ch)
		at := strings.Index(text[from:], ch)
		if at < 0 || from+at > done {
			t.Fatalf("chunk %d does not go on where those before it end: %.80q", i, ch)
		}
		from += at
		last := strings.LastIndex(text[:min(done+len(ch), len(text))], ch)
		done = max(done, last+len(ch))
	}
	if len(chunks) > 0 && done != len(text) {
		t.Errorf("the end is lost: %.80q", text[done:])
	}
}

// checkContent is checkOrder for a document, whose chunks may be in parents.
func checkContent(t *testing.T, text string, c *knowledge.Content) {
	t.Helper()
	if len(c.Parents) == 0 {
		checkOrder(t, text, texts(c))
		return
	}
	checkOrder(t, text, c.Parents)
	children := make([][]string, len(c.Parents))
	last := 0
	for _, ch := range c.Chunks {
		if ch.Parent < last || ch.Parent > last+1 || ch.Parent >= len(c.Parents) {
			t.Fatalf("got parent %d after %d of %d", ch.Parent, last, len(c.Parents))
		}
		last = ch.Parent
		children[last] = append(children[last], ch.Text)
	}
	for i, parent := range c.Parents {
		checkOrder(t, parent, children[i])
	}
}

// squeeze drops white space.
func squeeze(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
}

func TestDefault(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("The sea was wide and the ship was small that day. ", 100)
	c := split(t, onePage(text), knowledge.Chunking{})
	checkSizes(t, c, 300)
	checkOrder(t, text, texts(c))
	if n := len(c.Chunks); n != 4 {
		t.Errorf("got %d chunks of 1100 tokens, want 4", n)
	}
	for _, ch := range c.Chunks {
		if !strings.HasSuffix(ch.Text, "day.") {
			t.Errorf("got a chunk that ends with %q, want whole sentences", ch.Text[len(ch.Text)-20:])
		}
		if ch.Page != -1 || ch.Parent != -1 {
			t.Errorf("got page %d and parent %d, want none", ch.Page, ch.Parent)
		}
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	sentence := "One two three four five six seven eight nine ten. "
	pages := func(sentences ...int) *document.Text {
		text := &document.Text{}
		for i, n := range sentences {
			text.Pages = append(text.Pages, document.Page{Number: i, Text: strings.Repeat(sentence, n)})
		}
		return text
	}
	for name, tc := range map[string]struct {
		text *document.Text
		want []int // page of each chunk
	}{
		"a chunk ends with its page":       {pages(6, 6, 6), []int{0, 1, 2}},
		"a page of several":                {pages(25, 6), []int{0, 0, 0, 1}},
		"short pages are joined":           {pages(1, 2, 6), []int{0, 2}},
		"an empty page":                    {pages(6, 0, 6), []int{0, 2}},
		"the end of a page is no fragment": {pages(11, 6), []int{0, 0, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := split(t, tc.text, fixed(100, 20))
			var got []int
			for _, ch := range c.Chunks {
				got = append(got, ch.Page)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("pages (-want +got):\n%s", diff)
			}
			checkSizes(t, c, 100)
		})
	}
}

func TestHierarchical(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 60 {
		b.WriteString("Sentence " + strconv.Itoa(i) + " has five words. ")
	}
	how := knowledge.Chunking{Strategy: knowledge.Hierarchical, ParentTokens: 60, ChildTokens: 20, OverlapTokens: 5}
	c := split(t, onePage(b.String()), how)
	checkSizes(t, c, 20)
	checkContent(t, b.String(), c)
	for i, p := range c.Parents {
		if n := tokens(p); n > 60 {
			t.Errorf("parent %d has %d tokens, want at most 60", i, n)
		}
	}
	if !strings.Contains(c.Chunks[1].Text, c.Chunks[0].Text[strings.LastIndex(c.Chunks[0].Text, "Sentence"):]) {
		t.Errorf("got %q after %q, want its last sentence again", c.Chunks[1].Text, c.Chunks[0].Text)
	}
}

func TestSemantic(t *testing.T) {
	t.Parallel()
	text := "A cat sat. The cat ran. My cat ate. A dog sat. The dog ran. My dog ate. Every dog barks."
	how := knowledge.Chunking{Strategy: knowledge.Semantic, MaxTokens: 100, BreakpointPercentile: 80}
	for name, tc := range map[string]struct {
		buffer, most int
		want         []string
	}{
		"where the meaning changes": {0, 100, []string{"A cat sat. The cat ran. My cat ate.", "A dog sat. The dog ran. My dog ate. Every dog barks."}},
		"too long":                  {0, 6, []string{"A cat sat. The cat ran.", "My cat ate.", "A dog sat. The dog ran.", "My dog ate. Every dog barks."}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			how := how
			how.BufferSize, how.MaxTokens = tc.buffer, tc.most
			c := split(t, onePage(text), how)
			if diff := cmp.Diff(tc.want, texts(c)); diff != "" {
				t.Errorf("chunks (-want +got):\n%s", diff)
			}
		})
	}
	how.BufferSize = 1
	c := split(t, onePage(text), how)
	checkOrder(t, text, texts(c))
	if len(c.Chunks) != 2 {
		t.Errorf("with neighbors: got %q, want two chunks", texts(c))
	}
}

func TestNoChunking(t *testing.T) {
	t.Parallel()
	text := &document.Text{Pages: []document.Page{{Number: 0, Text: "One.\n"}, {Number: 1, Text: " "}, {Number: 2, Text: "Two."}}}
	c := split(t, text, knowledge.Chunking{Strategy: knowledge.NoChunking})
	want := &knowledge.Content{Chunks: []knowledge.Chunk{{Text: "One.\n\nTwo.", Parent: -1, Page: -1}}}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("content (-want +got):\n%s", diff)
	}
}

func TestRecords(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("One two three. ", 4)
	text := &document.Text{Records: []document.Record{
		{Text: "A short row.", Metadata: map[string]string{"id": "1", "price": "3.50", knowledge.KeySourceURI: "s3://another/file", knowledge.KeyPageNumber: "7"}},
		{Text: "  "},
		{Text: long, Metadata: map[string]string{"id": "3"}},
	}}
	id := func(s string) knowledge.Metadata { return knowledge.Metadata{"id": knowledge.String(s)} }
	first := knowledge.Chunk{Text: "A short row.", Parent: -1, Page: -1, Metadata: knowledge.Metadata{"id": knowledge.String("1"), "price": knowledge.String("3.50")}}
	row := func(text string, parent int) knowledge.Chunk {
		return knowledge.Chunk{Text: text, Parent: parent, Page: -1, Metadata: id("3")}
	}
	half := "One two three. One two three."
	for name, tc := range map[string]struct {
		how  knowledge.Chunking
		want *knowledge.Content
	}{
		"default":    {knowledge.Chunking{}, &knowledge.Content{Chunks: []knowledge.Chunk{first, row(strings.TrimSpace(long), -1)}}},
		"fixed size": {fixed(6, 0), &knowledge.Content{Chunks: []knowledge.Chunk{first, row(half, -1), row(half, -1)}}},
		"parents": {
			knowledge.Chunking{Strategy: knowledge.Hierarchical, ParentTokens: 20, ChildTokens: 6, OverlapTokens: 1},
			&knowledge.Content{Chunks: []knowledge.Chunk{first, row(half, 0), row(half, 0)}, Parents: []string{strings.TrimSpace(long)}},
		},
		"none": {knowledge.Chunking{Strategy: knowledge.NoChunking}, &knowledge.Content{Chunks: []knowledge.Chunk{first, row(strings.TrimSpace(long), -1)}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, split(t, text, tc.how), cmp.Comparer(knowledge.Value.Equal)); diff != "" {
				t.Errorf("content (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	broken := fault.New(fault.Unavailable, "gone")
	for _, strategy := range []knowledge.ChunkingStrategy{"", knowledge.FixedSize, knowledge.Hierarchical, knowledge.Semantic} {
		if _, err := chunk.New().Split(t.Context(), onePage("One two."), knowledge.Chunking{Strategy: strategy}, &words{err: broken}); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%q: got %v, want the model's fault", strategy, err)
		}
	}
	if _, err := chunk.New().Split(t.Context(), onePage("One."), knowledge.Chunking{Strategy: "BY_COLOR"}, &words{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("an unknown strategy: got %v, want %v", err, fault.Invalid)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := chunk.New().Split(ctx, onePage("One."), knowledge.Chunking{}, &words{}); !fault.Is(err, fault.Canceled) {
		t.Errorf("canceled: got %v", err)
	}
	many := onePage(strings.Repeat("ab ", 1<<20+1))
	if _, err := chunk.New().Split(t.Context(), many, fixed(1, 0), &words{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a million chunks: got %v, want %v", err, fault.Invalid)
	}
}

func TestTokensAreCountedInBatches(t *testing.T) {
	t.Parallel()
	m := &words{}
	text := strings.Repeat("One two three four. ", 20_000)
	if _, err := chunk.New().Split(t.Context(), onePage(text), knowledge.Chunking{}, m); err != nil {
		t.Fatal(err)
	}
	if m.counted > 10 {
		t.Errorf("got %d calls for 20000 sentences, want a few", m.counted)
	}
}
