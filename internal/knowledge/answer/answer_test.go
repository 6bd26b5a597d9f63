package answer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/mem"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/answer"
)

// script is what the model "chat" says, and what it was asked.
type script struct {
	answers []string // one for each request; the last one for all that follow
	before  func(ctx context.Context, step int) error

	mu    sync.Mutex
	asked []string
	last  *inference.Request
}

func (s *script) answer(req *inference.Request) (mem.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(len(s.asked), len(s.answers)-1)
	s.asked = append(s.asked, written(req))
	s.last = req
	return mem.Answer{Tokens: mem.Tokens(s.answers[n]), Before: s.before}, nil
}

// written is a request as text.
func written(req *inference.Request) string {
	var b strings.Builder
	parts := func(who string, parts []inference.Part) {
		for _, p := range parts {
			fmt.Fprintf(&b, "[%s] %s\n", who, p.(inference.Text).Text)
		}
	}
	parts("system", req.System)
	for _, m := range req.Messages {
		parts(string(m.Role), m.Parts)
	}
	return b.String()
}

// The sizes of models of each class.
const (
	tinySize  = 135e6
	plainSize = 1e9
	largeSize = 8e9
)

// newScripted is a world whose model is of a size and follows a script. Its base
// has three documents.
func newScripted(t testing.TB, size int64, s *script) *world {
	t.Helper()
	w := newWorld(t, mem.New(mem.Params{
		Models: []inference.ModelInfo{
			{Name: "chat", ContextWindow: 4096, Parameters: size}, {Name: "vectors", Dimensions: 64, ContextWindow: 512, Digest: "d"},
		},
		Answer: s.answer,
	}))
	w.add(t, "s3://b/refunds.md", "Refunds take seven days. Tents cannot be returned.", knowledge.Metadata{"year": knowledge.Number(2024)})
	w.add(t, "s3://b/shipping.md", "Shipping costs six euros. Express shipping costs fifteen euros.", nil)
	w.add(t, "s3://b/hours.md", "The store opens at nine.", nil)
	return w
}

func numberOf(t *testing.T, prompt, text string) string {
	t.Helper()
	_, after, ok := strings.Cut(prompt, text)
	_, after, ok2 := strings.Cut(after, "<source>\n")
	number, _, ok3 := strings.Cut(after, "\n")
	if !ok || !ok2 || !ok3 {
		t.Fatalf("the prompt has no number of %q:\n%s", text, prompt)
	}
	return number
}

// A large model gets numbered results and the format, and its sources are cited.
func TestLargeModel(t *testing.T) {
	t.Parallel()
	s := &script{answers: []string{"x"}}
	w := newScripted(t, largeSize, s)
	if _, err := w.answerer.Collect(t.Context(), w.request(t, "How many days do refunds take?")); err != nil {
		t.Fatal(err)
	}
	number := numberOf(t, s.asked[0], "Refunds take seven days.")
	s.answers = []string{"x", "<answer><answer_part><text>They take a week.</text><sources><source>" + number + "</source></sources></answer_part></answer>"}
	got, err := w.answerer.Collect(t.Context(), w.request(t, "How many days do refunds take?"))
	if err != nil {
		t.Fatal(err)
	}
	checkCitations(t, got)
	if got.Text != "They take a week." || !cmp.Equal(references(got), []string{"s3://b/refunds.md"}) {
		t.Errorf("got %q from %v", got.Text, references(got))
	}
	hit := got.Citations[0].References[0]
	if hit.Text == "" || !hit.Metadata["year"].Equal(knowledge.Number(2024)) {
		t.Errorf("got the reference %+v, want its text and metadata", hit)
	}
	if s.last.Temperature == nil || *s.last.Temperature != 0 || s.last.MaxTokens != 2048 {
		t.Errorf("got temperature %v and %d tokens, want 0 and 2048", s.last.Temperature, s.last.MaxTokens)
	}
	if !strings.HasSuffix(s.asked[1], "[user] How many days do refunds take?\n") {
		t.Errorf("the question is not the last turn:\n%s", s.asked[1])
	}
}

// A small model gets only the sentences that matter, and its words are traced.
func TestTinyModel(t *testing.T) {
	t.Parallel()
	s := &script{answers: []string{"Refunds take seven days."}}
	w := newScripted(t, tinySize, s)
	got, err := w.answerer.Collect(t.Context(), w.request(t, "How many days do refunds take?"))
	if err != nil {
		t.Fatal(err)
	}
	checkCitations(t, got)
	if !cmp.Equal(references(got), []string{"s3://b/refunds.md"}) {
		t.Errorf("got %v", references(got))
	}
	if strings.Contains(s.asked[0], "Tents") || strings.Contains(s.asked[0], "store opens") || strings.Contains(s.asked[0], "<") {
		t.Errorf("the prompt has more than the sentence that answers:\n%s", s.asked[0])
	}
	if s.last.MaxTokens != 256 {
		t.Errorf("got %d tokens, want 256", s.last.MaxTokens)
	}
}

func TestPlainModel(t *testing.T) {
	t.Parallel()
	s := &script{answers: []string{"Refunds take seven days. The moon is far."}}
	w := newScripted(t, plainSize, s)
	got, err := w.answerer.Collect(t.Context(), w.request(t, "How many days do refunds take?"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Refunds take seven days."}, []string{got.Citations[0].Text}); diff != "" {
		t.Errorf("citations (-want +got):\n%s", diff)
	}
	if strings.Contains(s.asked[0], "<") || !strings.Contains(s.asked[0], "Tents cannot be returned.") {
		t.Errorf("got the prompt\n%s\nwant whole passages without markup", s.asked[0])
	}
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		size     int64
		question string
		filter   *knowledge.Filter
	}{
		"nothing found, small":       {tinySize, "How many days do refunds take?", &knowledge.Filter{Operator: knowledge.Equals, Key: "year", Value: knowledge.Number(1900)}},
		"nothing found, large":       {largeSize, "How many days do refunds take?", &knowledge.Filter{Operator: knowledge.Equals, Key: "year", Value: knowledge.Number(1900)}},
		"nothing to do with it":      {tinySize, "Who is the president of France?", nil},
		"nothing to do with it, too": {plainSize, "Who is the president of France?", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &script{answers: []string{"Never asked."}}
			w := newScripted(t, tc.size, s)
			req := w.request(t, tc.question)
			req.Search.Filter = tc.filter
			got, err := w.answerer.Collect(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			want := []answer.Citation{{Text: answer.Refusal}}
			if diff := cmp.Diff(want, got.Citations); diff != "" || got.Text != answer.Refusal || got.Session == "" {
				t.Errorf("got %q in session %q, citations (-want +got):\n%s", got.Text, got.Session, diff)
			}
			if len(s.asked) > 0 {
				t.Errorf("the model was asked:\n%s", s.asked[0])
			}
		})
	}
}

// A question that the passages have nothing to do with is refused, also after one
// that they answer.
func TestRefusalWithinASession(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{tinySize, plainSize} {
		s := &script{answers: []string{"They leave at noon."}}
		w := newScripted(t, size, s)
		w.add(t, "s3://b/boats.md", "Parcels and mail to small islands leave by express boat every Tuesday and Friday at noon from the northern harbour.", nil)
		first, err := w.answerer.Collect(t.Context(), w.request(t, "Do parcels and mail to small islands leave by express boat every Tuesday and Friday at noon from the northern harbour?"))
		if err != nil {
			t.Fatal(err)
		}
		req := w.request(t, "Who is the president of France?")
		req.Session = first.Session
		got, err := w.answerer.Collect(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if first.Text == answer.Refusal || got.Text != answer.Refusal || len(s.asked) != 1 {
			t.Errorf("size %d: got %q, and then %q", size, first.Text, got.Text)
		}
	}
}

// A model that refuses rests on nothing, whatever its words are like.
func TestRefusalOfTheModel(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{tinySize, plainSize, largeSize} {
		w := newScripted(t, size, &script{answers: []string{answer.Refusal}})
		w.add(t, "s3://b/help.md", "Sorry to be unable to assist with such a request.", nil)
		got, err := w.answerer.Collect(t.Context(), w.request(t, "Who will assist with a request?"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]answer.Citation{{Text: answer.Refusal}}, got.Citations); diff != "" || got.Text != answer.Refusal {
			t.Errorf("size %d: got %q, citations (-want +got):\n%s", size, got.Text, diff)
		}
	}
}

// What the caller says about writing arrives; what is too much is refused.
func TestWriting(t *testing.T) {
	t.Parallel()
	s := &script{answers: []string{"Refunds take seven days."}}
	w := newScripted(t, largeSize, s)
	req := w.request(t, "How many days do refunds take?")
	hot, top := 0.7, 0.9
	req.Generation = answer.Writing{MaxTokens: 77, Temperature: &hot, TopP: &top, StopSequences: []string{"STOP"}, Extra: func(hub *inference.Request) error {
		hub.TopK = new(int)
		return nil
	}}
	if _, err := w.answerer.Collect(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if s.last.MaxTokens != 77 || *s.last.Temperature != hot || *s.last.TopP != top || s.last.TopK == nil || !strings.Contains(strings.Join(s.last.StopSequences, " "), "STOP") {
		t.Errorf("got %+v", s.last)
	}
	req.Generation.Temperature, req.Generation.TopP = nil, nil
	req.Generation.Extra = func(hub *inference.Request) error {
		hub.TopP = &top
		return nil
	}
	if _, err := w.answerer.Collect(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if s.last.Temperature != nil || *s.last.TopP != top {
		t.Errorf("got temperature %v beside a top_p among the further fields, want none", *s.last.Temperature)
	}
	req.Model.Limit = 50
	_, err := w.answerer.Collect(t.Context(), req)
	if f := fault.As(err); err == nil || f.Message != "The maximum tokens you requested exceeds the model limit of 50. Try again with a maximum tokens value that is lower than 50." {
		t.Errorf("got %v", err)
	}
}

// A context that is too small for all passages gets fewer, and no error.
func TestSmallContext(t *testing.T) {
	t.Parallel()
	s := &script{answers: []string{"Refunds take seven days."}}
	w := newScripted(t, plainSize, s)
	for i := range 8 {
		w.add(t, fmt.Sprintf("s3://b/%d.md", i), strings.Repeat(fmt.Sprintf("Refunds of kind %d take long. ", i), 20), nil)
	}
	req := w.request(t, "How many days do refunds take, seven days?")
	req.Search.Limit = 10
	req.Model.Info.ContextWindow = 300
	if _, err := w.answerer.Collect(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if n, err := req.Model.Count(t.Context(), s.last); err != nil || n > 300 || !strings.Contains(s.asked[0], "Refunds") {
		t.Errorf("got a prompt of %d tokens, %v:\n%s", n, err, s.asked[0])
	}
}

// Nor does one that is so much too small that the engine does not count.
func TestTinyContext(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{plainSize, largeSize} {
		s := &script{answers: []string{"Refunds take seven days."}}
		w := newScripted(t, size, s)
		for i := range 40 {
			w.add(t, fmt.Sprintf("s3://b/%d.md", i), strings.Repeat(fmt.Sprintf("Refunds of kind %d take long. ", i), 20), nil)
		}
		req := w.request(t, "How many days do refunds take, seven days?")
		req.Search.Limit = 40
		const window = 600
		req.Model.Info.ContextWindow = window
		count := req.Model.Count
		req.Model.Count = func(ctx context.Context, req *inference.Request) (int, error) {
			n, err := count(ctx, req)
			if n > 2*window {
				return 0, fault.New(fault.Invalid, "Input is too long for requested model.")
			}
			return n, err
		}
		if _, err := w.answerer.Collect(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		if n, err := count(t.Context(), s.last); err != nil || n > window || n < window/3 {
			t.Errorf("size %d: got a prompt of %d tokens, %v", size, n, err)
		}
	}
}

// An answer leaves while it is made, each citation behind its part.
func TestStreamsAsItIsMade(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{tinySize, plainSize, largeSize} {
		gate := make(chan struct{})
		s := &script{answers: []string{"Refunds take seven days. Shipping costs six euros."}, before: func(context.Context, int) error {
			<-gate
			return nil
		}}
		if size == largeSize {
			s.answers = []string{"<answer><answer_part><text>Refunds take seven days.</text><sources><source>1</source></sources></answer_part><answer_part><text>So.</text><sources/></answer_part></answer>"}
		}
		w := newScripted(t, size, s)
		rec := &recorder{steps: make(chan string, 100)}
		done := make(chan error, 1)
		go func() {
			done <- w.answerer.Answer(t.Context(), w.request(t, "How many days do refunds take?"), rec)
		}()
		gate <- struct{}{} // Started
		if got := <-rec.steps; !strings.HasPrefix(got, "open ") {
			t.Fatalf("size %d: got %q first", size, got)
		}
		gate <- struct{}{} // "Refunds"
		gate <- struct{}{} // " take": the first has been handled
		gate <- struct{}{}
		select {
		case got := <-rec.steps:
			if !strings.HasPrefix(got, "text Refunds") {
				t.Errorf("size %d: got %q, want the first word", size, got)
			}
		default:
			t.Errorf("size %d: after two tokens nothing has left", size)
		}
		close(gate)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		close(rec.steps)
		text, cites := "Refunds", 0
		for step := range rec.steps {
			if piece, ok := strings.CutPrefix(step, "text "); ok {
				text += piece
			} else if part, ok := strings.CutPrefix(step, "cite "); ok {
				cites++
				if !strings.Contains(text, part) {
					t.Errorf("size %d: %q is cited before it was sent", size, part)
				}
			}
		}
		if cites == 0 {
			t.Errorf("size %d: nothing was cited", size)
		}
	}
}

// recorder is a sink that writes down what comes.
type recorder struct {
	steps chan string
	fail  error // of Text
}

func (r *recorder) Open(session string) error {
	r.steps <- "open " + session
	return nil
}

func (r *recorder) Text(text string) error {
	r.steps <- "text " + text
	return r.fail
}

func (r *recorder) Cite(c answer.Citation) error {
	r.steps <- "cite " + c.Text
	return nil
}

// A client that has gone ends the generation.
func TestClientGoesAway(t *testing.T) {
	t.Parallel()
	last := 0
	s := &script{answers: []string{strings.Repeat("word ", 1000)}, before: func(_ context.Context, step int) error {
		last = step
		return nil
	}}
	w := newScripted(t, plainSize, s)
	gone := errors.New("broken pipe")
	err := w.answerer.Answer(t.Context(), w.request(t, "How many days do refunds take?"), &recorder{steps: make(chan string, 10), fail: gone})
	if !errors.Is(err, gone) || last > 3 {
		t.Errorf("got %v after step %d, want the sink's error at once", err, last)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.answerer.Collect(ctx, w.request(t, "How many days do refunds take?")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

// A model that fails in the middle is not an answer.
func TestModelFails(t *testing.T) {
	t.Parallel()
	broken := fault.New(fault.Upstream, "The model stopped working.")
	s := &script{answers: []string{"Refunds take seven days."}, before: func(_ context.Context, step int) error {
		if step == 3 {
			return broken
		}
		return nil
	}}
	w := newScripted(t, tinySize, s)
	if _, err := w.answerer.Collect(t.Context(), w.request(t, "How many days do refunds take?")); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	s.before = func(context.Context, int) error { return broken }
	rec := &recorder{steps: make(chan string, 10)}
	if err := w.answerer.Answer(t.Context(), w.request(t, "How many days do refunds take?"), rec); !errors.Is(err, broken) || len(rec.steps) > 0 {
		t.Errorf("got %v and %d steps, want nothing opened", err, len(rec.steps))
	}
}

func TestUnknownBase(t *testing.T) {
	t.Parallel()
	w := newScripted(t, tinySize, &script{answers: []string{"x"}})
	req := w.request(t, "Why?")
	req.Base = "AAAAAAAAAA"
	if _, err := w.answerer.Collect(t.Context(), req); !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v, want %v", err, fault.NotFound)
	}
}

// A question that consists of two is searched for and answered in parts.
func TestDecomposition(t *testing.T) {
	t.Parallel()
	const question = "How many days do refunds take, and what does express shipping cost?"
	s := &script{answers: []string{"Refunds take seven days.", "Express shipping costs fifteen euros."}}
	w := newScripted(t, tinySize, s)
	req := w.request(t, question)
	req.Decompose = true
	got, err := w.answerer.Collect(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	checkCitations(t, got)
	if got.Text != "Refunds take seven days. Express shipping costs fifteen euros." || !cmp.Equal(references(got), []string{"s3://b/refunds.md", "s3://b/shipping.md"}) {
		t.Errorf("got %q from %v", got.Text, references(got))
	}

	s = &script{answers: []string{"1. How many days do refunds take?\n2. What does express shipping cost?", "Both."}}
	w = newScripted(t, largeSize, s)
	req = w.request(t, question)
	req.Decompose = true
	if _, err := w.answerer.Collect(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if len(s.asked) != 2 || !strings.Contains(s.asked[0], "Split the question") {
		t.Errorf("got %d requests:\n%s", len(s.asked), strings.Join(s.asked, "\n"))
	}
}

// The caller's template has the model say what to search for.
func TestOrchestration(t *testing.T) {
	t.Parallel()
	s := &script{answers: []string{"<query>express shipping cost</query>", "Fifteen."}}
	w := newScripted(t, largeSize, s)
	req := w.request(t, "And the fast one?")
	req.Search.Limit = 1
	req.Orchestration.Template = "History: $conversation_history$\n$output_format_instructions$\nNow $query$ ($current_time$)"
	if _, err := w.answerer.Collect(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(s.asked[0], "Now And the fast one? (Saturday") || strings.Contains(s.asked[0], "$") {
		t.Errorf("got the prompt %s", s.asked[0])
	}
	if !strings.Contains(s.asked[1], "Express shipping") {
		t.Errorf("what the model wrote was not searched for:\n%s", s.asked[1])
	}
}

// What a small model writes, or one that does not keep to the tags, does not take
// the place of the question.
func TestOrchestrationByAModelThatCannot(t *testing.T) {
	t.Parallel()
	for size, query := range map[int64]string{tinySize: "<query>The store opens at nine.</query>", largeSize: "The store opens at nine."} {
		s := &script{answers: []string{query, "Refunds take seven days."}}
		w := newScripted(t, size, s)
		req := w.request(t, "How many days do refunds take?")
		req.Search.Limit = 1
		req.Orchestration.Template = "$conversation_history$ $output_format_instructions$ $query$"
		if _, err := w.answerer.Collect(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		if len(s.asked) != 2 || !strings.Contains(s.asked[1], "Refunds take seven days.") {
			t.Errorf("size %d: the question was not searched for:\n%s", size, s.asked[len(s.asked)-1])
		}
	}
}

// A conversation that has become longer than the context is told from a later
// turn on.
func TestOrchestrationOfALongConversation(t *testing.T) {
	t.Parallel()
	s := &script{answers: []string{strings.Repeat("Refunds take seven days. ", 100)}}
	w := newScripted(t, largeSize, s)
	req := w.request(t, "How many days do refunds take?")
	req.Orchestration.Template = "$conversation_history$ $output_format_instructions$ $query$"
	for range 15 {
		got, err := w.answerer.Collect(t.Context(), req)
		if err != nil {
			t.Fatalf("after %d requests: %v", len(s.asked), err)
		}
		req.Session = got.Session
	}
	if prompt := s.asked[len(s.asked)-2]; !strings.Contains(prompt, "User: How many days") {
		t.Errorf("nothing of the conversation is left:\n%s", prompt)
	}
}

// The thoughts of a model are no query.
func TestThoughtsAreNoQuery(t *testing.T) {
	t.Parallel()
	s := &script{answers: []string{"<think>It wants <query>tents</query>, or\nnot.</think><query>express shipping cost</query>", "Fifteen."}}
	w := newScripted(t, largeSize, s)
	req := w.request(t, "And the fast one?")
	req.Search.Limit = 1
	req.Orchestration.Template = "$conversation_history$ $output_format_instructions$ $query$"
	if _, err := w.answerer.Collect(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(s.asked[1], "Express shipping") {
		t.Errorf("what the model wrote was not searched for:\n%s", s.asked[1])
	}
}

// Time does not stand still between questions.
func (w *world) pass(d time.Duration) { w.now = w.now.Add(d) }
