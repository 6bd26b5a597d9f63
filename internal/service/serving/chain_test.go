package serving_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/admission"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/router/failover"
	"github.com/outcrop/outcrop/internal/service/serving"
)

// backend answers, or fails before it does.
type backend struct{ err error }

func (b backend) Generate(_ context.Context, req *inference.Request, emit func(inference.Event) error) error {
	if b.err != nil {
		return b.err
	}
	for _, ev := range []inference.Event{
		inference.Started{Model: req.Model, InputTokens: 3}, inference.ReasoningDelta{Text: "hm", OutputTokens: 1}, inference.TextDelta{Text: "x", OutputTokens: 2},
		inference.Finished{Usage: inference.Usage{InputTokens: 3, OutputTokens: 2}},
	} {
		if err := emit(ev); err != nil {
			return err
		}
	}
	return nil
}

func (b backend) Embed(context.Context, *inference.EmbedRequest) (*inference.Embeddings, error) {
	return &inference.Embeddings{InputTokens: []int{4}}, b.err
}

func (b backend) Speaks(_, format string) bool { return format == "spoken" }

func (b backend) Invoke(_ context.Context, _ *inference.NativeRequest, emit func([]byte, bool) error) (*inference.NativeResult, error) {
	if b.err != nil {
		return nil, b.err
	}
	return &inference.NativeResult{Usage: inference.Usage{InputTokens: 5, OutputTokens: 6}, Elapsed: time.Second}, emit([]byte("body"), true)
}

func (backend) Close() error { return nil }

// lanes notes whose places are taken.
type lanes []string

func (l *lanes) Enter(_ context.Context, servedBy, _ string) (func(), error) {
	*l = append(*l, servedBy)
	return func() {}, nil
}

// Whoever answers, the model that was asked for is admitted and billed; the
// record and the header name who it was.
func TestWhoReallyAnswered(t *testing.T) {
	t.Parallel()
	const haiku = "anthropic.claude-3-5-haiku-20241022-v1:0"
	for name, ask := range map[string]func(ctx context.Context, m *serving.Models, target *router.Target) error{
		"Generate": func(ctx context.Context, m *serving.Models, target *router.Target) error {
			run := serving.NewRun(m, target, serving.Limits{Now: time.Now, Timeout: time.Minute})
			answer, err := inference.Collect(ctx, run, &inference.Request{})
			if err == nil && answer.ServedBy != "b/"+haiku {
				err = fmt.Errorf("the answer is of %s", answer.ServedBy)
			}
			return err
		},
		"Embed": func(ctx context.Context, m *serving.Models, target *router.Target) error {
			_, err := m.Embed(ctx, &inference.EmbedRequest{Model: target.Name()})
			return err
		},
		"Embed by the name of the first": func(ctx context.Context, m *serving.Models, target *router.Target) error {
			_, err := m.Embed(ctx, &inference.EmbedRequest{Model: target.ServedBy})
			return err
		},
		"Invoke": func(ctx context.Context, m *serving.Models, target *router.Target) error {
			if !m.Speaks(target.Name(), "spoken") {
				return errors.New("the format is not spoken")
			}
			run := serving.NewRun(m, target, serving.Limits{Now: time.Now, Timeout: time.Minute})
			_, err := run.Invoke(ctx, m, &inference.NativeRequest{Format: "spoken"}, func([]byte, bool) error { return nil })
			if u := call.From(ctx).Usage(); err == nil && (u.InputTokens != 5 || u.OutputTokens != 6 || u.FirstToken == 0) {
				err = fmt.Errorf("recorded %+v", u)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := catalog.New()
			if err != nil {
				t.Fatal(err)
			}
			r, err := router.New(c, map[string]inference.Backend{"a": backend{fault.New(fault.Upstream, "broken")}, "b": backend{}}, router.Params{
				Routes: []router.Route{{Match: "*", Chain: []router.Candidate{{Model: "a/small"}, {Model: "b/*", Tier: 1}}}}, Fallback: []string{"error"}, DefaultBackend: "a",
			})
			if err != nil {
				t.Fatal(err)
			}
			g, places, held := &gate{}, &lanes{}, 0
			m := serving.NewModels(serving.ModelsParams{Router: r, Gate: admission.Gate{g}, Lanes: places, Hold: func() func() {
				held++
				return func() { held-- }
			}})
			asked := &call.Call{RequestID: "r", Account: "1", Region: "us-east-1", Start: time.Now().Add(-time.Second)}
			ctx := call.With(t.Context(), asked)
			target, err := serving.Resolve(ctx, m, haiku, "")
			if err != nil {
				t.Fatal(err)
			}
			if u := asked.Usage(); u.ServedBy != "a/small" || !u.StandIn {
				t.Errorf("before the answer: got %+v", u)
			}
			if err := ask(ctx, m, target); err != nil {
				t.Fatal(err)
			}
			u := asked.Usage()
			if u.ServedBy != "b/"+haiku || u.Backend != "b" || u.StandIn || u.ModelID != haiku {
				t.Errorf("got %+v, want b's %s, which is no stand-in", u, haiku)
			}
			if got := asked.Header().Get("X-Outcrop-Served-By"); got != "b/"+haiku {
				t.Errorf("the header names %q", got)
			}
			if held != 1 {
				t.Errorf("held %d times while the call lasts", held)
			}
			asked.End()
			if held != 0 {
				t.Error("it is held after the call")
			}
			if len(g.uses) != 1 || len(g.settled) != 1 || g.settled[0].ServedBy != "b/"+haiku || g.settled[0].InputTokens == 0 {
				t.Errorf("admitted %v, settled %+v", g.uses, g.settled)
			}
			if diff := cmp.Diff(lanes{"a/small"}, *places); diff != "" {
				t.Errorf("places (-want +got):\n%s", diff)
			}
		})
	}
}

// cut answers a stream of which it does not see the end.
type cut struct{ known *inference.NativeResult }

func (cut) Generate(context.Context, *inference.Request, func(inference.Event) error) error {
	return nil
}
func (cut) Speaks(_, format string) bool { return format == "spoken" }
func (cut) Close() error                 { return nil }

func (c cut) Invoke(_ context.Context, _ *inference.NativeRequest, emit func([]byte, bool) error) (*inference.NativeResult, error) {
	for range 100 {
		if err := emit([]byte("{}"), false); err != nil {
			return c.known, err
		}
	}
	return c.known, fault.New(fault.Upstream, "cut")
}

// Who hangs up in the middle of a native answer, or is left there, pays for what
// was made.
func TestACutNativeAnswerIsBilled(t *testing.T) {
	t.Parallel()
	const haiku = "anthropic.claude-3-5-haiku-20241022-v1:0"
	errGone := errors.New("the client is gone")
	for name, tt := range map[string]struct {
		known         *inference.NativeResult
		taken         int // chunks that the client takes
		input, output int
	}{
		"nothing known":    {nil, 2, 6, 3},
		"something known":  {&inference.NativeResult{Usage: inference.Usage{InputTokens: 9, OutputTokens: 1}}, 2, 9, 3},
		"more than chunks": {&inference.NativeResult{Usage: inference.Usage{InputTokens: 9, OutputTokens: 30}}, 2, 9, 30},
		"not believed":     {&inference.NativeResult{Usage: inference.Usage{InputTokens: -9, OutputTokens: -1}}, 2, 6, 3},
		"by the backend":   {nil, 1000, 6, 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := catalog.New()
			if err != nil {
				t.Fatal(err)
			}
			r, err := router.New(c, map[string]inference.Backend{"a": cut{tt.known}}, router.Params{DefaultChat: "a/small"})
			if err != nil {
				t.Fatal(err)
			}
			g := &gate{}
			m := serving.NewModels(serving.ModelsParams{Router: r, Gate: admission.Gate{g}})
			asked := &call.Call{RequestID: "r", Account: "1", Region: "us-east-1", Start: time.Now()}
			ctx := call.With(t.Context(), asked)
			target, err := serving.Resolve(ctx, m, haiku, "")
			if err != nil {
				t.Fatal(err)
			}
			chunks := 0
			run := serving.NewRun(m, target, serving.Limits{Now: time.Now, Timeout: time.Minute})
			if _, err := run.Invoke(ctx, m, &inference.NativeRequest{Format: "spoken", Body: make([]byte, 20), Stream: true}, func([]byte, bool) error {
				if chunks++; chunks > tt.taken {
					return errGone
				}
				return nil
			}); err == nil {
				t.Error("got no error")
			}
			if u := asked.Usage(); u.InputTokens != tt.input || u.OutputTokens != tt.output {
				t.Errorf("recorded %+v, want %d and %d tokens", u, tt.input, tt.output)
			}
			asked.End()
			if len(g.settled) != 1 || g.settled[0].InputTokens != tt.input || g.settled[0].OutputTokens != tt.output {
				t.Errorf("settled %+v, want %d and %d tokens", g.settled, tt.input, tt.output)
			}
		})
	}
}

// A refusal holds nothing.
func TestRefusalsHoldNothing(t *testing.T) {
	t.Parallel()
	held := 0
	m := serving.NewModels(serving.ModelsParams{Router: &fake{}, Gate: admission.Gate{&gate{refuse: fault.New(fault.Throttled, "no")}}, Hold: func() func() {
		held++
		return func() { held-- }
	}})
	ctx := call.With(t.Context(), &call.Call{RequestID: "r"})
	if _, err := m.Resolve(ctx, "a", "us-east-1", "1", ""); err == nil || held != 0 {
		t.Errorf("got %v, and held %d", err, held)
	}
}

// Everything counts in the estimate that is reserved, by its size.
func TestEstimates(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("word ", 80) // 400 bytes
	part := func(p inference.Part) *inference.Request {
		return &inference.Request{MaxTokens: 1, Messages: []inference.Message{{Parts: []inference.Part{p}}}}
	}
	for name, tt := range map[string]struct {
		req  *inference.Request
		want int
	}{
		"text":                 {part(inference.Text{Text: text}), 101},
		"marked text":          {part(inference.Guarded{Text: text}), 101},
		"an image":             {part(inference.Image{Bytes: make([]byte, 1<<20)}), 1601},
		"a text file":          {part(inference.Document{Format: "txt", Bytes: []byte(text)}), 101},
		"a packed file":        {part(inference.Document{Format: "pdf", Bytes: make([]byte, 3200)}), 101},
		"passages":             {part(inference.Document{Content: []string{text, text}}), 201},
		"a file elsewhere":     {part(inference.Document{URL: "s3://b/k"}), 1601},
		"a film":               {part(inference.Video{Bytes: make([]byte, 4<<20)}), 4097},
		"a call of a tool":     {part(inference.ToolUse{Name: "look", Input: []byte(text[:396])}), 101},
		"what a tool says":     {part(inference.ToolResult{Content: []inference.Part{inference.JSON{Value: []byte(text)}, inference.Image{}}}), 1701},
		"reasoning":            {part(inference.Reasoning{Text: text}), 101},
		"a search result":      {part(inference.SearchResult{Content: []string{text}}), 101},
		"an answer given back": {part(inference.Cited{Text: []string{text}}), 101},
		"tools":                {&inference.Request{MaxTokens: 1, Tools: []inference.Tool{{Name: "look", Description: text[:196], Schema: []byte(text[:200])}}}, 101},
		"a schema":             {&inference.Request{MaxTokens: 1, Output: &inference.OutputFormat{Schema: []byte(text)}}, 101},
		"a native prompt":      {&inference.Request{MaxTokens: 1, Prompt: &inference.Prompt{Text: text}, Messages: part(inference.Text{Text: text}).Messages}, 101},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := &gate{reserve: fault.New(fault.Throttled, "no")}
			m, ctx, _ := begin(t, &fake{}, g)
			resolve(ctx, t, m, "a")
			tt.req.Model = "mem/a"
			if err := m.Generate(ctx, tt.req, nil); err == nil || len(g.reserved) != 1 || g.reserved[0] != [2]int{tt.want, 1} {
				t.Errorf("reserved %v, want %d", g.reserved, tt.want)
			}
		})
	}
	file := strings.Repeat("QUJD", 1<<18) // a megabyte in base64
	for name, tt := range map[string]struct {
		body        string
		input, most int
	}{
		"a short body":     {`{"max_tokens": 77,"prompt":"` + text + `"}`, 108, 77},
		"a file in it":     {`{"messages":[{"data":"` + file + `"},{"text":"a \" quote"}],"max_gen_len":5}`, 1617, 5},
		"a long text":      {`{"text":"` + strings.Repeat(text, 100) + `"}`, 10003, 500},
		"a name in a text": {`{"text":"\"max_tokens\": 9"}`, 8, 500},
		"it does not end":  {`{"text":"` + file, 1603, 500},
		"nothing":          {``, 1, 500},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := &gate{reserve: fault.New(fault.Throttled, "no")}
			m, ctx, _ := begin(t, &fake{}, g)
			resolve(ctx, t, m, "a")
			if _, err := m.Invoke(ctx, &inference.NativeRequest{Model: "mem/a", Body: []byte(tt.body)}, nil); err == nil || len(g.reserved) != 1 || g.reserved[0] != [2]int{tt.input, tt.most} {
				t.Errorf("reserved %v, want %d and %d", g.reserved, tt.input, tt.most)
			}
		})
	}
}

// What fails for one principal is passed over for that one alone, under all the
// sessions of a role; where nobody says who they are, for everybody.
func TestBreakersKnowWhoAsks(t *testing.T) {
	t.Parallel()
	const haiku = "anthropic.claude-3-5-haiku-20241022-v1:0"
	session := func(name string) iam.Principal {
		return iam.Principal{Type: iam.AssumedRole, Account: "1", Name: "role", ARN: "arn:aws:sts::1:assumed-role/role/" + name}
	}
	user := func(account, name string) iam.Principal {
		return iam.Principal{Type: iam.User, Account: account, Name: name}
	}
	for name, tt := range map[string]struct {
		fails, asks iam.Principal
		passed      bool
	}{
		"the same user":          {user("1", "ann"), user("1", "ann"), true},
		"another user":           {user("1", "ann"), user("1", "bob"), false},
		"one of another account": {user("1", "ann"), user("2", "ann"), false},
		"another session":        {session("one"), session("two"), true},
		"nobody knows":           {iam.Principal{Type: iam.Anonymous}, iam.Principal{Type: iam.Anonymous}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := catalog.New()
			if err != nil {
				t.Fatal(err)
			}
			r, err := router.New(c, map[string]inference.Backend{"a": backend{fault.New(fault.Upstream, "broken")}}, router.Params{
				Routes: []router.Route{{Match: "*", Model: "a/small"}}, DefaultBackend: "a", Guarded: map[string]failover.Timeouts{"a": {}},
				Policy: failover.Policy{Failures: 3, Open: time.Hour},
			})
			if err != nil {
				t.Fatal(err)
			}
			m := serving.NewModels(serving.ModelsParams{Router: r, Gate: admission.Gate{&gate{}}})
			ask := func(by iam.Principal) error {
				ctx := call.With(t.Context(), &call.Call{RequestID: "r", Account: by.Account, Region: "us-east-1", Principal: by})
				target, err := serving.Resolve(ctx, m, haiku, "")
				if err != nil {
					t.Fatal(err)
				}
				_, err = m.Embed(ctx, &inference.EmbedRequest{Model: target.Name()})
				return err
			}
			for range 3 {
				if err := ask(tt.fails); !fault.Is(err, fault.Upstream) {
					t.Fatalf("got %v, want the backend's own fault", err)
				}
			}
			if err := ask(tt.asks); fault.Is(err, fault.Unavailable) != tt.passed {
				t.Errorf("got %v, want it passed over: %t", err, tt.passed)
			}
		})
	}
}
