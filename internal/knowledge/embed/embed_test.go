package embed_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/embedding"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/mem"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/embed"
	"github.com/outcrop/outcrop/internal/router"
)

// open is a base's model on the memory backend.
func open(base knowledge.Base) (knowledge.Embedding, error) {
	c, err := catalog.New()
	if err != nil {
		return nil, err
	}
	r, err := router.New(c, map[string]inference.Backend{"mem": mem.New(mem.Params{})}, router.Params{
		DefaultEmbedding: mem.EmbeddingModel, DefaultChat: mem.TextModel,
		Routes: []router.Route{{Match: "amazon.titan-embed-text-v1", Model: "mem/" + mem.TextModel}},
	})
	if err != nil {
		return nil, err
	}
	return embed.New(r, embedding.New(r, embedding.Params{}), embed.Params{}).Open(context.Background(), base)
}

func TestOpen(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		asked, want int
		binary      bool
	}{
		"the model's own size": {0, 384, false},
		"the same size":        {384, 384, false},
		"larger":               {1024, 384, false},
		"smaller":              {256, 256, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := open(knowledge.Base{EmbeddingModel: titan, Region: "us-east-1", Dimensions: tc.asked, Binary: tc.binary})
			if err != nil {
				t.Fatal(err)
			}
			want := knowledge.Spec{Model: "mem/mem-embedding", Digest: strings.Repeat("1", 64), Dimensions: tc.want, Binary: tc.binary}
			if diff := cmp.Diff(want, m.Spec()); diff != "" {
				t.Errorf("spec (-want +got):\n%s", diff)
			}
			if m.Window() != 512 {
				t.Errorf("got a window of %d tokens, want 512", m.Window())
			}
			vectors, err := m.Embed(t.Context(), []string{"one", "two", "one"})
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range vectors {
				if len(v) != tc.want || math.Abs(dot(v, v)-1) > 1e-4 {
					t.Errorf("vector %d has %d dimensions and length %v, want %d and 1", i, len(v), math.Sqrt(dot(v, v)), tc.want)
				}
			}
			if diff := cmp.Diff(vectors[0], vectors[2]); diff != "" {
				t.Errorf("equal texts (-first +third):\n%s", diff)
			}
		})
	}
}

// A model is described anew when some time has passed: its file may be another.
func TestDescriptionsAreRemembered(t *testing.T) {
	t.Parallel()
	m, clock := &model{window: 10}, time.Unix(1e9, 0)
	e := embed.New(m, embedding.New(m, embedding.Params{}), embed.Params{Now: func() time.Time { return clock }})
	for _, want := range []int{10, 10, 20} {
		got, err := e.Open(t.Context(), knowledge.Base{})
		if err != nil || got.Window() != want {
			t.Errorf("got a window of %d, %v, want %d", got.Window(), err, want)
		}
		if m.window == 20 {
			clock = clock.Add(time.Minute)
		}
		m.window = 20
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		model string
		want  fault.Kind
	}{
		"no such model":     {"arn:aws:bedrock:us-east-1::foundation-model/amazon.no-such-model", fault.NotFound},
		"another region":    {"arn:aws:bedrock:us-west-2::foundation-model/amazon.titan-embed-text-v2:0", fault.NotFound},
		"a text model":      {"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", fault.Invalid},
		"makes no vectors":  {"arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v1", fault.Unsupported},
		"nothing like that": {"", fault.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := open(knowledge.Base{EmbeddingModel: tc.model, Region: "us-east-1"}); !fault.Is(err, tc.want) {
				t.Errorf("got %v, want a fault of kind %v", err, tc.want)
			}
		})
	}
}

// model is a backend whose tokens are words, and whose vectors turn with the
// number in a text.
type model struct {
	inference.Backend
	mu       sync.Mutex
	requests [][]string
	before   func(ctx context.Context, req *inference.EmbedRequest) error
	count    func(texts []string) ([]int, error)
	window   int
}

func (m *model) Resolve(context.Context, string, string, string, catalog.Kind) (*router.Target, error) {
	return &router.Target{ServedBy: "fake/model"}, nil
}

func (m *model) Describe(context.Context, string) (*inference.ModelInfo, error) {
	return &inference.ModelInfo{Name: "model", ContextWindow: m.window, Dimensions: 2}, nil
}

func (m *model) Embed(ctx context.Context, req *inference.EmbedRequest) (*inference.Embeddings, error) {
	m.mu.Lock()
	m.requests = append(m.requests, req.Texts)
	m.mu.Unlock()
	if m.before != nil {
		if err := m.before(ctx, req); err != nil {
			return nil, err
		}
	}
	out := &inference.Embeddings{}
	for _, text := range req.Texts {
		out.Vectors = append(out.Vectors, vector(text))
		out.InputTokens = append(out.InputTokens, len(strings.Fields(text)))
	}
	return out, nil
}

// vector points up as often as a text says "up" and to the right as often as it
// does not, and nowhere for one that says "nowhere".
func vector(text string) []float32 {
	var n float64
	if _, err := fmt.Sscan(text, &n); err == nil {
		return []float32{float32(math.Cos(n / 1000)), float32(math.Sin(n / 1000))}
	}
	if strings.Contains(text, "nowhere") {
		return []float32{0, 0}
	}
	up := strings.Count(text, "up")
	x, y := float64(len(strings.Fields(text))-up), float64(up)
	return []float32{float32(x / math.Hypot(x, y)), float32(y / math.Hypot(x, y))}
}

func (m *model) CountTexts(_ context.Context, req *inference.TokenizeRequest) ([]int, error) {
	if m.count != nil {
		return m.count(req.Texts)
	}
	var counts []int
	for _, text := range req.Texts {
		counts = append(counts, len(strings.Fields(text)))
	}
	return counts, nil
}

func (m *model) open(t *testing.T, p embed.Params) knowledge.Embedding {
	t.Helper()
	e, err := embed.New(m, embedding.New(m, embedding.Params{}), p).Open(t.Context(), knowledge.Base{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// However many requests a call takes, vectors are in the order of the texts,
// several requests are under way, and not all.
func TestManyTexts(t *testing.T) {
	t.Parallel()
	under, most := make(chan struct{}, 4), 0
	m := &model{before: func(ctx context.Context, _ *inference.EmbedRequest) error {
		select {
		case under <- struct{}{}:
		default:
			return fault.New(fault.Internal, "more than four requests at a time")
		}
		most = max(most, len(under))
		<-under
		return ctx.Err()
	}}
	m.before = serialized(m.before)
	texts := make([]string, 1000)
	for i := range texts {
		texts[i] = fmt.Sprint(i)
	}
	var told atomic.Int64
	used := func(_ context.Context, u embed.Used) {
		if u.Target.ServedBy == "fake/model" {
			told.Add(int64(u.InputTokens))
		}
	}
	got, err := m.open(t, embed.Params{Used: used}).Embed(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	if n := told.Load(); n != int64(len(texts)) {
		t.Errorf("got %d tokens told of %d texts of one each", n, len(texts))
	}
	for i, v := range got {
		if d := dot(v, vector(texts[i])); d < 0.9999999 {
			t.Fatalf("vector %d is another text's: a cosine of %v", i, d)
		}
	}
	if n := len(m.requests); n < 10 || n > 100 {
		t.Errorf("got %d requests for 1000 short texts", n)
	}
	for _, req := range m.requests {
		bytes := 0
		for _, text := range req {
			bytes += len(text)
		}
		if bytes > 16<<10 && len(req) > 1 {
			t.Errorf("got a request of %d bytes", bytes)
		}
	}
}

// serialized keeps what f notes safe.
func serialized(f func(context.Context, *inference.EmbedRequest) error) func(context.Context, *inference.EmbedRequest) error {
	var mu sync.Mutex
	return func(ctx context.Context, req *inference.EmbedRequest) error {
		mu.Lock()
		defer mu.Unlock()
		return f(ctx, req)
	}
}

// While one request is computed others are on their way, and a question is let
// past them.
func TestRequestsUnderWay(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	m := &model{before: func(ctx context.Context, req *inference.EmbedRequest) error {
		if req.Texts[0] == "question" {
			return nil
		}
		arrived <- struct{}{}
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	e := m.open(t, embed.Params{})
	done := make(chan error, 1)
	go func() {
		_, err := e.Embed(t.Context(), make1000())
		done <- err
	}()
	for range 4 {
		<-arrived
	}
	if _, err := e.Embed(t.Context(), []string{"question"}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-arrived:
		t.Error("more than four requests are under way")
	default:
	}
	go func() {
		for range arrived {
			continue
		}
	}()
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
	close(arrived)
}

func make1000() []string {
	texts := make([]string, 1000)
	for i := range texts {
		texts[i] = "text"
	}
	return texts
}

func TestFirstFailureEndsACall(t *testing.T) {
	t.Parallel()
	broken := fault.New(fault.Upstream, "broken")
	m := &model{}
	m.before = func(ctx context.Context, req *inference.EmbedRequest) error {
		if req.Texts[0] == "bad" {
			return broken
		}
		<-ctx.Done()
		return ctx.Err()
	}
	texts := make1000()
	texts[64] = "bad" // the first of the second request
	if _, err := m.open(t, embed.Params{}).Embed(t.Context(), texts); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

func TestCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	m := &model{before: func(ctx context.Context, _ *inference.EmbedRequest) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}}
	for _, texts := range [][]string{make1000(), {"one"}} {
		if _, err := m.open(t, embed.Params{}).Embed(ctx, texts); !errors.Is(err, context.Canceled) {
			t.Errorf("%d texts: got %v, want %v", len(texts), err, context.Canceled)
		}
	}
}

func TestVectorsWithoutADirection(t *testing.T) {
	t.Parallel()
	if _, err := (&model{}).open(t, embed.Params{}).Embed(t.Context(), []string{"one", "nowhere"}); !fault.Is(err, fault.Upstream) {
		t.Errorf("got %v, want %v", err, fault.Upstream)
	}
}

// A model that is not there costs a pause, as long as patience lasts.
func TestPatience(t *testing.T) {
	t.Parallel()
	gone := fault.New(fault.Unavailable, "gone")
	for name, tc := range map[string]struct {
		failures int
		err      error
		patience time.Duration
		want     error
		pauses   int
	}{
		"there":                {0, gone, 0, nil, 0},
		"back after a while":   {5, gone, 0, nil, 5},
		"loading":              {2, fault.New(fault.NotReady, "loading"), 0, nil, 2},
		"gone for good":        {1000, gone, 0, gone, 16},
		"little patience":      {1000, gone, time.Second, gone, 2},
		"none":                 {1, gone, -1, gone, 0},
		"not for that reason":  {1, fault.New(fault.Upstream, "broken"), 0, fault.New(fault.Upstream, "broken"), 0},
		"not for a bad answer": {1, fault.New(fault.Invalid, "no"), 0, fault.New(fault.Invalid, "no"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := time.Unix(1e9, 0)
			failures, pauses := tc.failures, 0
			fail := func() error {
				if failures--; failures >= 0 {
					return tc.err
				}
				return nil
			}
			m := &model{before: func(context.Context, *inference.EmbedRequest) error { return fail() }}
			e := m.open(t, embed.Params{Patience: tc.patience, Now: func() time.Time { return clock }, Wait: func(_ context.Context, d time.Duration) error {
				clock = clock.Add(d)
				pauses++
				return nil
			}})
			_, err := e.Embed(t.Context(), []string{"one"})
			if (err == nil) != (tc.want == nil) || err != nil && fault.As(err).Kind != fault.As(tc.want).Kind {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if diff := pauses - tc.pauses; diff < -2 || diff > 2 || tc.pauses < 6 && diff != 0 {
				t.Errorf("got %d pauses, want about %d", pauses, tc.pauses)
			}
		})
	}
}

func TestPauseEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	m := &model{before: func(context.Context, *inference.EmbedRequest) error {
		go cancel()
		return fault.New(fault.Unavailable, "gone")
	}}
	if _, err := m.open(t, embed.Params{Patience: time.Hour}).Embed(ctx, []string{"one"}); !errors.Is(err, context.Canceled) && !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
}

// The vector of a text that is longer than the window has the direction of its
// parts, each as much as it is long.
func TestWindows(t *testing.T) {
	t.Parallel()
	right, up := strings.Repeat("right ", 60), strings.Repeat("up ", 30)
	m := &model{window: 32}
	e := m.open(t, embed.Params{})
	got, err := e.Embed(t.Context(), []string{"up", right + up, "right", strings.Repeat("r", 1000)})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 4 {
		t.Fatalf("got %d vectors, want 4", len(got))
	}
	if d := dot(got[1], []float32{2, 1}) / math.Sqrt(5); d < 0.99 {
		t.Errorf("got %v, want the direction of two thirds to the right", got[1])
	}
	if diff := cmp.Diff([][]float32{{0, 1}, {1, 0}, {1, 0}}, [][]float32{got[0], got[2], got[3]}); diff != "" {
		t.Errorf("short texts (-want +got):\n%s", diff)
	}
	var parts []string
	for _, req := range m.requests {
		for _, text := range req {
			if n := len(strings.Fields(text)); n > 30 {
				t.Errorf("got a part of %d tokens, want at most 30", n)
			}
			if strings.TrimSpace(text) != text {
				t.Errorf("got a part with white space around it: %q", text)
			}
			parts = append(parts, text)
		}
	}
	if !strings.Contains(strings.Join(parts, " "), strings.TrimSpace(right+up)) {
		t.Error("the parts are not the text")
	}
}

// Of a huge text no more is read than the largest model would.
func TestHugeTexts(t *testing.T) {
	t.Parallel()
	m := &model{window: 256}
	if _, err := m.open(t, embed.Params{}).Embed(t.Context(), []string{strings.Repeat("right ", 1_000_000)}); err != nil {
		t.Fatal(err)
	}
	words := 0
	for _, req := range m.requests {
		for _, text := range req {
			words += len(strings.Fields(text))
		}
	}
	if words < 8000 || words > 8192 {
		t.Errorf("got %d tokens embedded, want nearly 8192", words)
	}
}

func TestEstimates(t *testing.T) {
	t.Parallel()
	m := &model{count: func([]string) ([]int, error) { return nil, fault.New(fault.Unsupported, "cannot") }}
	got, err := m.open(t, embed.Params{}).CountTokens(t.Context(), []string{"", "The sea.", "internationalization", "漢字とかな", "a1b2 + 3.5", "😀"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{0, 3, 5, 5, 5, 1}, got); diff != "" {
		t.Errorf("estimates (-want +got):\n%s", diff)
	}
}
