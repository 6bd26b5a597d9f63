package embed_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/chunk"
	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/embedding"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/llamacpp"
	"github.com/outcrop/outcrop/internal/inference/llamacpp/llamacpptest"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/embed"
	"github.com/outcrop/outcrop/internal/router"
)

// pidFile is an environment variable: where the child process writes its ID.
const pidFile = "OUTCROP_RUNNER_PID_FILE"

func TestMain(m *testing.M) {
	if llamacpptest.IsChild() {
		_ = os.WriteFile(os.Getenv(pidFile), []byte(strconv.Itoa(os.Getpid())), 0o600)
	}
	llamacpptest.Main(m)
}

const titan = "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0"

// realModel is the default embedding model behind a router.
type realModel struct {
	*router.Router
	pid string // file
}

func openReal(t testing.TB) *realModel {
	t.Helper()
	pid := t.TempDir() + "/pid"
	p := llamacpptest.Params(t, llamacpptest.Names{Embedding: "minilm"})
	p.Env = append(p.Env, pidFile+"="+pid)
	locate := p.Locate
	p.Locate = func(ctx context.Context, name string) (llamacpp.Model, error) {
		m, err := locate(ctx, name)
		m.Digest = "0123"
		return m, err
	}
	backend := llamacpp.New(p)
	c, err := catalog.New()
	if err != nil {
		t.Fatal(err)
	}
	r, err := router.New(c, map[string]inference.Backend{"llamacpp": backend}, router.Params{DefaultEmbedding: "minilm"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return &realModel{r, pid}
}

func (r *realModel) open(t testing.TB, base knowledge.Base) knowledge.Embedding {
	t.Helper()
	base.EmbeddingModel, base.Region = titan, "us-east-1"
	m, err := embed.New(r, embedding.New(r, embedding.Params{}), embed.Params{}).Open(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// prose is a text of so many sentences that are not all alike.
func prose(sentences int) string {
	nouns := []string{"lighthouse", "refund", "wing", "boundary layer", "invoice", "harbor", "temperature", "committee"}
	verbs := []string{"reduces", "explains", "delays", "measures", "contradicts", "supports"}
	var b strings.Builder
	for i := range sentences {
		fmt.Fprintf(&b, "The %s of section %d %s every other %s, as was reported in %d. ", nouns[i%8], i, verbs[i%6], nouns[i*5%8], 1900+i%120)
	}
	return b.String()
}

// Passages are counted as the model itself counts, whatever the text.
func TestRealChunksAreNotTooLarge(t *testing.T) {
	t.Parallel()
	m := openReal(t).open(t, knowledge.Base{})
	for name, text := range map[string]string{
		"prose": prose(200), "base64": strings.Repeat("QmFzZTY0IGlz", 2000), "ideographs": strings.Repeat("漢字とかな混じり文", 800),
		"emoji": strings.Repeat("😀👍", 3000), "rows": strings.Repeat("| größer | 3.14159 |\n", 900), "one-letter words": strings.Repeat("a ", 5000),
		"unknown words": strings.Repeat("ab😀cd ", 2000), "camel case": strings.Repeat("getHTTPResponseCodeOr404_", 800),
	} {
		t.Run(name, func(t *testing.T) {
			for _, how := range []knowledge.Chunking{
				{},
				{Strategy: knowledge.FixedSize, MaxTokens: 50, OverlapPercent: 20},
				{Strategy: knowledge.FixedSize, MaxTokens: 3, OverlapPercent: 50},
				{Strategy: knowledge.Hierarchical, ParentTokens: 400, ChildTokens: 100, OverlapTokens: 20},
			} {
				most, parents := max(how.MaxTokens, how.ChildTokens), max(how.ParentTokens, 1)
				if most == 0 {
					most = 300
				}
				text := text
				if most < 10 {
					text = text[:600]
				}
				c, err := chunk.New().Split(t.Context(), &document.Text{Pages: []document.Page{{Text: text}}}, how, m)
				if err != nil {
					t.Fatal(err)
				}
				texts := make([]string, len(c.Chunks))
				for i := range c.Chunks {
					texts[i] = c.Chunks[i].Text
				}
				within(t, m, texts, most)
				within(t, m, c.Parents, parents)
			}
		})
	}
}

func within(t *testing.T, m knowledge.Embedding, texts []string, most int) {
	t.Helper()
	counts, err := m.CountTokens(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for i, n := range counts {
		if n > most && len([]rune(texts[i])) > 1 {
			t.Errorf("text %d of %d has %d tokens, want at most %d: %.60q", i, len(texts), n, most, texts[i])
		}
		total += n
	}
	// A passage is filled, unless words are of many tokens.
	if n := len(texts); n > 3 && most >= 50 && total < n*most/2 && !strings.ContainsRune(texts[0], '😀') {
		t.Errorf("%d texts have %d tokens together, want them filled up to %d", n, total, most)
	}
}

// A text is found by its end too.
func TestRealLongTexts(t *testing.T) {
	t.Parallel()
	m := openReal(t).open(t, knowledge.Base{})
	if m.Window() != 256 {
		t.Fatalf("got a window of %d tokens, want 256", m.Window())
	}
	filler := "The committee met on Monday to agree on the minutes of the meeting before. "
	end := "Penguins are birds that cannot fly."
	v, err := m.Embed(t.Context(), []string{strings.Repeat(filler, 30) + end, strings.Repeat(filler, 30), "penguins"})
	if err != nil {
		t.Fatal(err)
	}
	with, without := dot(v[0], v[2]), dot(v[1], v[2])
	if with < without+0.02 {
		t.Errorf("got a cosine of %.3f with a text that ends with it, %.3f with one that does not", with, without)
	}
}

// The model's process dies in the middle, twice: the vectors are those that it
// would have made.
func TestRealDeathOfTheModel(t *testing.T) {
	t.Parallel()
	r := openReal(t)
	m := r.open(t, knowledge.Base{})
	texts := strings.SplitAfter(prose(400), ". ")
	texts = texts[:400]
	want, err := m.Embed(t.Context(), texts[:3])
	if err != nil {
		t.Fatal(err)
	}
	dead := make(chan error, 1)
	go func() {
		dead <- func() error {
			text, err := os.ReadFile(r.pid)
			if err != nil {
				return err
			}
			pid, err := strconv.Atoi(string(text))
			if err != nil {
				return err
			}
			p, err := os.FindProcess(pid)
			if err != nil {
				return err
			}
			return p.Kill()
		}()
	}()
	got, err := m.Embed(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-dead; err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		if n := dot(v, v); n < 0.999 || n > 1.001 {
			t.Fatalf("vector %d has length %v", i, n)
		}
	}
	for i := range want {
		if d := dot(want[i], got[i]); d < 0.999 {
			t.Errorf("text %d has a cosine of %v with its vector before", i, d)
		}
	}
}

// A question does not wait for the documents that came before it.
func TestRealQuestionsOvertakeDocuments(t *testing.T) {
	t.Parallel()
	r := openReal(t)
	documents, questions := r.open(t, knowledge.Base{}), r.open(t, knowledge.Base{})
	if _, err := questions.Embed(t.Context(), []string{"load"}); err != nil {
		t.Fatal(err)
	}
	texts := make([]string, 200)
	for i := range texts {
		texts[i] = fmt.Sprint(i, ": ", prose(8))
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := documents.Embed(ctx, texts)
		done <- err
	}()
	for i := range 3 {
		if _, err := questions.Embed(t.Context(), []string{"What is the refund policy?"}); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-done:
			t.Fatalf("the documents were done (%v) before question %d", err, i)
		default:
		}
	}
	stop()
	if err := <-done; !fault.Is(err, fault.Canceled) {
		t.Errorf("got %v, want the cancellation", err)
	}
}

func dot(a, b []float32) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// BenchmarkRealEmbed compares this package with the model alone: one request
// with all texts, which the engine computes without a gap. Both do a part by
// turns, so that what else the machine does costs them the same.
//
//	OUTCROP_BENCH_ENGINE=1 go test -run=^$ -bench=RealEmbed -benchtime=1x ./internal/knowledge/embed
func BenchmarkRealEmbed(b *testing.B) {
	if os.Getenv("OUTCROP_BENCH_ENGINE") == "" {
		b.Skip("OUTCROP_BENCH_ENGINE is not set")
	}
	r := openReal(b)
	m := r.open(b, knowledge.Base{})
	how := knowledge.Chunking{Strategy: knowledge.FixedSize, MaxTokens: 250}
	begin := time.Now()
	content, err := chunk.New().Split(b.Context(), &document.Text{Pages: []document.Page{{Text: prose(22_000)}}}, how, m)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d chunks cut in %v", len(content.Chunks), time.Since(begin))
	const part, rounds = 125, 16
	var alone, here time.Duration
	for b.Loop() {
		for i := range rounds {
			texts := make([]string, part)
			for j := range texts {
				texts[j] = content.Chunks[(i*part+j)%len(content.Chunks)].Text
			}
			begin := time.Now()
			if _, err := r.Embed(b.Context(), &inference.EmbedRequest{Model: "llamacpp/minilm", Texts: texts}); err != nil {
				b.Fatal(err)
			}
			alone += time.Since(begin)
			begin = time.Now()
			if _, err := m.Embed(b.Context(), texts); err != nil {
				b.Fatal(err)
			}
			here += time.Since(begin)
		}
	}
	n := float64(b.N * part * rounds)
	b.ReportMetric(n/here.Seconds(), "chunks/s")
	b.ReportMetric(n/alone.Seconds(), "chunks/s-alone")
	b.ReportMetric(100*alone.Seconds()/here.Seconds(), "%-of-alone")
}
