package router_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/router/failover"
)

// fake is a backend that does what a test says.
type fake struct {
	generate func(ctx context.Context, req *inference.Request, emit func(inference.Event) error) error
	invoke   func(ctx context.Context, req *inference.NativeRequest, emit func([]byte, bool) error) (*inference.NativeResult, error)
	probe    func() error
	asked    atomic.Int32
	closed   atomic.Int32
}

func (f *fake) Generate(ctx context.Context, req *inference.Request, emit func(inference.Event) error) error {
	f.asked.Add(1)
	return f.generate(ctx, req, emit)
}

func (f *fake) Close() error {
	f.closed.Add(1)
	return nil
}

func (f *fake) Speaks(_, format string) bool { return f.invoke != nil && format == "spoken" }
func (f *fake) Invoke(ctx context.Context, req *inference.NativeRequest, emit func([]byte, bool) error) (*inference.NativeResult, error) {
	f.asked.Add(1)
	return f.invoke(ctx, req, emit)
}
func (f *fake) Probe(context.Context) error { return f.probe() }

// says answers with its words, and fails before the one of a number; -1 fails
// never.
func says(words []string, fails int, err error) *fake {
	f := &fake{}
	f.generate = func(_ context.Context, req *inference.Request, emit func(inference.Event) error) error {
		if err := emit(inference.Started{Model: req.Model, InputTokens: 3}); err != nil {
			return err
		}
		for i, word := range words {
			if i == fails {
				return err
			}
			if err := emit(inference.TextDelta{Text: word, OutputTokens: i + 1}); err != nil {
				return err
			}
		}
		if fails == len(words) {
			return err
		}
		return emit(inference.Finished{Reason: inference.StopEndTurn, Usage: inference.Usage{InputTokens: 3, OutputTokens: len(words)}})
	}
	return f
}

var (
	broken  = fault.New(fault.Upstream, "broken")
	allowed = []string{"throttled", "error", "timeout", "context", "unsupported"}
)

func chained(t testing.TB, p router.Params, backends map[string]inference.Backend) *router.Router {
	t.Helper()
	c, err := catalog.New()
	if err != nil {
		t.Fatal(err)
	}
	if p.Guarded == nil {
		p.Guarded = map[string]failover.Timeouts{}
		for name := range backends {
			p.Guarded[name] = failover.Timeouts{}
		}
	}
	if p.Fallback == nil {
		p.Fallback = allowed
	}
	r, err := router.New(c, backends, p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func resolve(t *testing.T, r *router.Router, id string) *router.Target {
	t.Helper()
	target, err := r.Resolve(t.Context(), id, "us-east-1", "000000000000", "")
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func twoTiers(match string) []router.Route {
	return []router.Route{{Match: match, Chain: []router.Candidate{{Model: "b/two", Tier: 1}, {Model: "a/one"}}}}
}

func TestChain(t *testing.T) {
	t.Parallel()
	words := []string{"one ", "two"}
	for name, tt := range map[string]struct {
		fails  int // of the first candidate
		err    error
		events []inference.Event
		served string
		want   error
	}{
		"the first answers": {-1, nil, []inference.Event{
			inference.Started{Model: "one", InputTokens: 3, ServedBy: "a/one"}, inference.TextDelta{Text: "one ", OutputTokens: 1}, inference.TextDelta{Text: "two", OutputTokens: 2},
			inference.Finished{Reason: inference.StopEndTurn, Usage: inference.Usage{InputTokens: 3, OutputTokens: 2}},
		}, "a/one", nil},
		"the second, after a beginning without a piece": {0, broken, []inference.Event{
			inference.Started{Model: "two", InputTokens: 3, ServedBy: "b/two"}, inference.TextDelta{Text: "other", OutputTokens: 1},
			inference.Finished{Reason: inference.StopEndTurn, Usage: inference.Usage{InputTokens: 3, OutputTokens: 1}},
		}, "b/two", nil},
		"nobody after the first piece": {1, broken, []inference.Event{
			inference.Started{Model: "one", InputTokens: 3, ServedBy: "a/one"}, inference.TextDelta{Text: "one ", OutputTokens: 1},
		}, "a/one", broken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := chained(t, router.Params{Routes: twoTiers("acme.x")}, map[string]inference.Backend{"a": says(words, tt.fails, tt.err), "b": says([]string{"other"}, -1, nil)})
			target := resolve(t, r, "acme.x")
			if target.ServedBy != "a/one" || target.Name() == target.ServedBy {
				t.Errorf("got %s, by the name of %s", target.ServedBy, target.Name())
			}
			var served []string
			ctx := router.WithTrail(t.Context(), &router.Trail{Served: func(servedBy, backend string) { served = append(served, servedBy+" of "+backend) }})
			var events []inference.Event
			req := &inference.Request{Model: target.Name()}
			err := r.Generate(ctx, req, func(ev inference.Event) error {
				if len(served) != 1 {
					t.Error("an event came before it was said who answers")
				}
				events = append(events, ev)
				return nil
			})
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) || req.Model != target.Name() {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if diff := cmp.Diff(tt.events, events); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if want := []string{tt.served + " of " + tt.served[:1]}; !slices.Equal(served, want) {
				t.Errorf("served by %v, want %v", served, want)
			}
		})
	}
}

// A refusal names who gave it: of a chain, the last one that was asked.
func TestRefusalsNameWhoGaveThem(t *testing.T) {
	t.Parallel()
	refuses := says(nil, 0, fault.New(fault.Unsupported, "reads only text"))
	r := chained(t, router.Params{Routes: twoTiers("acme.x"), Fallback: []string{"unsupported"}},
		map[string]inference.Backend{"a": refuses, "b": refuses})
	err := r.Generate(t.Context(), &inference.Request{Model: resolve(t, r, "acme.x").Name()}, func(inference.Event) error { return nil })
	refused, ok := errors.AsType[router.RefusedBy](err)
	if !ok || refused.ServedBy != "b/two" || !fault.Is(err, fault.Unsupported) {
		t.Errorf("got %v by %q, want the refusal of b/two", err, refused.ServedBy)
	}
}

// Whatever fails where: an answer without an error is one candidate's, whole, and
// nobody is asked more often than allowed.
func TestAnswersAreWholeAndOnes(t *testing.T) {
	t.Parallel()
	errs := []error{
		broken, fault.New(fault.Throttled, "x"), fault.New(fault.Timeout, "x"), fault.New(fault.Unavailable, "x"), fault.New(fault.Unsupported, "x"),
		fault.New(fault.Invalid, "x"), errors.New("x"), fault.Wrap(fault.Invalid, inference.ErrContextWindow, "x"),
	}
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 6))
		attempts := 1 + random.IntN(3)
		backends := map[string]inference.Backend{}
		fakes := map[string]*fake{}
		route := router.Route{Match: "acme.x"}
		for i := range 1 + random.IntN(4) {
			name := string(rune('a' + i))
			words := []string{name + "1 ", name + "2 ", name + "3"}
			f := &fake{}
			var mu sync.Mutex
			f.generate = func(ctx context.Context, req *inference.Request, emit func(inference.Event) error) error {
				mu.Lock()
				fails, err := random.IntN(6)-2, errs[random.IntN(len(errs))]
				mu.Unlock()
				return says(words, fails, err).generate(ctx, req, emit)
			}
			backends[name], fakes[name] = f, f
			route.Chain = append(route.Chain, router.Candidate{Model: name + "/m", Weight: random.IntN(3), Tier: random.IntN(2)})
		}
		r := chained(t, router.Params{
			Routes: []router.Route{route}, DefaultBackend: "a", Sticky: seed%2 == 0,
			Policy: failover.Policy{Attempts: attempts, Budget: 1, Failures: random.IntN(4), Open: time.Minute},
		}, backends)
		target := resolve(t, r, "acme.x")
		for turn := range 20 {
			for _, f := range fakes {
				f.asked.Store(0)
			}
			req := &inference.Request{Model: target.Name(), Messages: []inference.Message{{Role: inference.RoleUser, Parts: []inference.Part{inference.Text{Text: fmt.Sprint(turn)}}}}}
			answer, err := inference.Collect(t.Context(), r, req)
			if err == nil {
				by := answer.ServedBy[:1]
				if want := by + "1 " + by + "2 " + by + "3"; answer.Text != want || answer.Usage.OutputTokens != 3 {
					t.Fatalf("seed %d: got %q of %s, want %q", seed, answer.Text, answer.ServedBy, want)
				}
			}
			for name, f := range fakes {
				if n := int(f.asked.Load()); n > attempts {
					t.Fatalf("seed %d: %s was asked %d times, want at most %d", seed, name, n, attempts)
				}
			}
		}
	}
}

// The turns of a conversation go to one candidate, conversations to all.
func TestSticky(t *testing.T) {
	t.Parallel()
	answer := func() *fake { return says([]string{"x"}, -1, nil) }
	backends := map[string]inference.Backend{"a": answer(), "b": answer(), "c": answer()}
	r := chained(t, router.Params{
		Sticky: true, Routes: []router.Route{{Match: "acme.x", Chain: []router.Candidate{{Model: "a/m"}, {Model: "b/m"}, {Model: "c/m"}}}},
	}, backends)
	name := resolve(t, r, "acme.x").Name()
	by := map[string]int{}
	for i := range 60 {
		req := &inference.Request{
			Model: name, Tools: []inference.Tool{{Name: "look"}}, System: []inference.Part{inference.Text{Text: strings.Repeat("Be kind. ", 1000)}},
			Messages: []inference.Message{{Role: inference.RoleUser, Parts: []inference.Part{inference.Text{Text: fmt.Sprint("question ", i)}}}},
		}
		first := ""
		for turn := range 4 {
			got, err := inference.Collect(t.Context(), r, req)
			if err != nil {
				t.Fatal(err)
			}
			if first == "" {
				first = got.ServedBy
				by[first]++
			}
			if got.ServedBy != first {
				t.Fatalf("turn %d went to %s, the first to %s", turn, got.ServedBy, first)
			}
			req.Messages = append(req.Messages, inference.Message{Role: inference.RoleAssistant, Parts: []inference.Part{inference.Text{Text: "x"}}},
				inference.Message{Role: inference.RoleUser, Parts: []inference.Part{inference.Text{Text: fmt.Sprint("and ", turn)}}})
		}
	}
	for _, model := range []string{"a/m", "b/m", "c/m"} {
		if by[model] < 8 {
			t.Errorf("%s got %d of 60 conversations", model, by[model])
		}
	}
}

func TestTheNameThatWasAskedFor(t *testing.T) {
	t.Parallel()
	var model string
	f := says(nil, -1, nil)
	generate := f.generate
	f.generate = func(ctx context.Context, req *inference.Request, emit func(inference.Event) error) error {
		model = req.Model
		return generate(ctx, req, emit)
	}
	r := chained(t, router.Params{DefaultChat: "b/local", Routes: []router.Route{
		{Match: "anthropic.*", Chain: []router.Candidate{{Model: "a/*"}, {Model: "b/local", Tier: 1}}},
		{Match: "meta.*", Model: "a/*"},
	}}, map[string]inference.Backend{"a": f, "b": says([]string{"x"}, -1, nil)})
	for id, want := range map[string]string{
		sonnet: sonnet, "us." + sonnet: "us." + sonnet, llama: llama,
		"arn:aws:bedrock:us-east-1::foundation-model/" + llama:                  llama,
		"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us." + sonnet: "us." + sonnet,
	} {
		target := resolve(t, r, id)
		answer, err := inference.Collect(t.Context(), r, &inference.Request{Model: target.Name()})
		if err != nil || model != want || answer.ServedBy != "a/"+want || target.ServedBy != "a/"+want || target.StandIn {
			t.Errorf("%s: asked for %s, served by %s, target %s, stand-in %t, got %v", id, model, answer.ServedBy, target.ServedBy, target.StandIn, err)
		}
	}
	if target := resolve(t, r, "amazon.nova-pro-v1:0"); !target.StandIn || !target.StandsIn("local") {
		t.Error("another model is a stand-in")
	}
	if target := resolve(t, r, sonnet); !target.StandsIn("local") || target.StandsIn(sonnet) {
		t.Error("the second candidate stands in, the first does not")
	}
}

func TestInvokeOverAChain(t *testing.T) {
	t.Parallel()
	speaks := func(err error) *fake {
		return &fake{invoke: func(_ context.Context, req *inference.NativeRequest, emit func([]byte, bool) error) (*inference.NativeResult, error) {
			if err != nil {
				return nil, err
			}
			return &inference.NativeResult{Model: req.Model}, emit([]byte("by "+req.Model), true)
		}}
	}
	r := chained(t, router.Params{Routes: append(twoTiers("acme.x"), router.Route{Match: "acme.y", Chain: []router.Candidate{{Model: "a/one"}, {Model: "c/x"}}})},
		map[string]inference.Backend{"a": speaks(broken), "b": speaks(nil), "c": says(nil, -1, nil)})
	name := resolve(t, r, "acme.x").Name()
	if !r.Speaks(name, "spoken") || r.Speaks(name, "unspoken") || r.Speaks(resolve(t, r, "acme.y").Name(), "spoken") || r.Speaks("z/m", "spoken") {
		t.Error("a format is spoken where every candidate does")
	}
	served := ""
	ctx := router.WithTrail(t.Context(), &router.Trail{Served: func(by, _ string) { served = by }})
	var body string
	result, err := r.Invoke(ctx, &inference.NativeRequest{Model: name, Format: "spoken", Body: []byte(`{"messages":[{"role":"user"}]}`)}, func(chunk []byte, _ bool) error {
		body += string(chunk)
		return nil
	})
	if err != nil || body != "by two" || result.Model != "two" || served != "b/two" {
		t.Errorf("got %q of %+v served by %s, %v", body, result, served, err)
	}
	if _, err := r.Invoke(ctx, &inference.NativeRequest{Model: name, Format: "unspoken"}, nil); !fault.Is(err, fault.Unsupported) {
		t.Errorf("a format that nobody speaks: got %v", err)
	}
	if _, err := r.MakeImages(ctx, &inference.ImageRequest{Model: name}); !fault.Is(err, fault.Unsupported) {
		t.Errorf("images that nobody makes: got %v", err)
	}
}

func TestTimeoutsGoOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hangs := &fake{generate: func(ctx context.Context, _ *inference.Request, emit func(inference.Event) error) error {
			if err := emit(inference.Started{}); err != nil {
				return err
			}
			<-ctx.Done()
			return ctx.Err()
		}}
		p := router.Params{Routes: twoTiers("acme.x"), Timeouts: failover.Timeouts{FirstToken: time.Minute}, Guarded: map[string]failover.Timeouts{"a": {FirstToken: 20 * time.Second}, "b": {}}}
		r := chained(t, p, map[string]inference.Backend{"a": hangs, "b": says([]string{"x"}, -1, nil)})
		start := time.Now()
		answer, err := inference.Collect(t.Context(), r, &inference.Request{Model: resolve(t, r, "acme.x").Name()})
		if err != nil || answer.ServedBy != "b/two" || time.Since(start) != 20*time.Second {
			t.Errorf("got %+v, %v after %v", answer, err, time.Since(start))
		}
	})
}

// A stream that runs keeps its backend, and a call what it has resolved.
func TestSwap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		old := &fake{generate: func(_ context.Context, _ *inference.Request, emit func(inference.Event) error) error {
			_ = emit(inference.Started{})
			_ = emit(inference.TextDelta{Text: "old "})
			<-release
			_ = emit(inference.TextDelta{Text: "to the end"})
			return emit(inference.Finished{})
		}}
		stays, fresh := says([]string{"stays"}, -1, nil), says([]string{"new"}, -1, nil)
		r := chained(t, router.Params{Routes: twoTiers("acme.x"), DefaultBackend: "b"}, map[string]inference.Backend{"a": old, "b": stays})
		hold := r.Hold()
		before := resolve(t, r, "acme.x")
		done := make(chan string)
		go func() {
			answer, err := inference.Collect(t.Context(), r, &inference.Request{Model: before.Name()})
			done <- fmt.Sprint(answer.Text, err)
		}()
		synctest.Wait()

		if err := r.Swap(map[string]inference.Backend{"b": stays, "c": fresh}, router.Params{Routes: []router.Route{{Match: "acme.z", Model: "gone/m"}}}); err == nil {
			t.Error("a default that is not there: got no error")
		}
		if _, err := r.Resolve(t.Context(), "acme.x", "us-east-1", "", ""); err != nil {
			t.Errorf("after a swap that failed: got %v", err)
		}
		routes := []router.Route{{Match: "acme.z", Model: "c/m"}}
		if err := r.Swap(map[string]inference.Backend{"b": stays, "c": fresh}, router.Params{Routes: routes, DefaultBackend: "b"}); err != nil {
			t.Fatal(err)
		}
		if got, err := inference.Collect(t.Context(), r, &inference.Request{Model: resolve(t, r, "acme.z").Name()}); err != nil || got.Text != "new" {
			t.Errorf("the new route: got %v, %v", got, err)
		}
		if _, err := r.Resolve(t.Context(), "acme.x", "us-east-1", "", ""); !fault.Is(err, fault.NotFound) {
			t.Errorf("the old route: got %v", err)
		}
		synctest.Wait()
		if old.closed.Load() != 0 {
			t.Fatal("closed while a stream runs")
		}
		close(release)
		if got := <-done; got != "old to the end<nil>" {
			t.Errorf("the stream: got %s", got)
		}
		synctest.Wait()
		if old.closed.Load() != 0 {
			t.Fatal("closed while a call holds it")
		}
		if got, err := inference.Collect(t.Context(), r, &inference.Request{Model: before.Name()}); err != nil || got.Text != "old to the end" {
			t.Errorf("what was resolved before: got %v, %v", got, err)
		}
		hold()
		synctest.Wait()
		if old.closed.Load() != 1 || stays.closed.Load() != 0 {
			t.Errorf("closed %d and %d times, want the old one alone", old.closed.Load(), stays.closed.Load())
		}
		if _, err := inference.Collect(t.Context(), r, &inference.Request{Model: before.Name()}); err == nil {
			t.Error("what nobody held is still there")
		}
		if err := r.Close(); err != nil || stays.closed.Load() != 1 || fresh.closed.Load() != 1 || old.closed.Load() != 1 {
			t.Errorf("Close: got %v, closed %d, %d and %d times", err, stays.closed.Load(), fresh.closed.Load(), old.closed.Load())
		}
		if err := r.Swap(nil, router.Params{}); err == nil {
			t.Error("a closed router was swapped")
		}
	})
}

// Requests, swaps and holds at once: nobody meets a closed backend, and in the end
// all but the last are closed.
func TestSwapsUnderLoad(t *testing.T) {
	t.Parallel()
	var all []*fake
	made := func() *fake {
		f := &fake{}
		f.generate = func(_ context.Context, _ *inference.Request, emit func(inference.Event) error) error {
			if f.closed.Load() != 0 {
				t.Error("a closed backend was asked")
			}
			_ = emit(inference.TextDelta{Text: "x"})
			return emit(inference.Finished{})
		}
		all = append(all, f)
		return f
	}
	params := func() router.Params { return router.Params{Routes: twoTiers("acme.x"), DefaultBackend: "b"} }
	stays := made()
	r := chained(t, params(), map[string]inference.Backend{"a": made(), "b": stays})
	stop := make(chan struct{})
	var users sync.WaitGroup
	for range 4 {
		users.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				release := r.Hold()
				target, err := r.Resolve(t.Context(), "acme.x", "us-east-1", "", "")
				if err == nil {
					_, err = inference.Collect(t.Context(), r, &inference.Request{Model: target.Name()})
				}
				release()
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 200 {
		if err := r.Swap(map[string]inference.Backend{"a": made(), "b": stays}, params()); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	users.Wait()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for i, f := range all {
		if f.closed.Load() != 1 {
			t.Errorf("backend %d of %d was closed %d times", i, len(all), f.closed.Load())
		}
	}
}

// A server that stops while the last request to a replaced backend ends: each
// backend is closed once, and none after Close has returned.
func TestCloseWhileBackendsGo(t *testing.T) {
	t.Parallel()
	for range 200 {
		fakes := []*fake{says([]string{"x"}, -1, nil), says([]string{"x"}, -1, nil), says([]string{"x"}, -1, nil)}
		params := func() router.Params {
			return router.Params{Routes: []router.Route{{Match: "acme.x", Model: "a/m"}}, DefaultBackend: "a"}
		}
		r := chained(t, params(), map[string]inference.Backend{"a": fakes[0]})
		var holds []func()
		for _, f := range fakes[1:] {
			holds = append(holds, r.Hold())
			if err := r.Swap(map[string]inference.Backend{"a": f}, params()); err != nil {
				t.Fatal(err)
			}
		}
		var all sync.WaitGroup
		for _, release := range holds {
			all.Go(release)
		}
		all.Go(func() {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			for i, f := range fakes {
				if n := f.closed.Load(); n != 1 {
					t.Errorf("after Close backend %d was closed %d times", i, n)
				}
			}
		})
		all.Wait()
		for i, f := range fakes {
			if n := f.closed.Load(); n != 1 {
				t.Fatalf("backend %d was closed %d times", i, n)
			}
		}
	}
}

func TestWatchProbes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answer, other := says([]string{"x"}, -1, nil), says([]string{"y"}, -1, nil)
		var down atomic.Bool
		answer.probe = func() error {
			if down.Load() {
				return broken
			}
			return nil
		}
		other.probe = func() error { return nil }
		unnamed := says(nil, -1, nil)
		unnamed.probe = func() error {
			t.Error("a backend that no route names was probed")
			return nil
		}
		r := chained(t, router.Params{Routes: twoTiers("acme.x"), DefaultBackend: "b", Probe: 10 * time.Second, ProbeTimeout: time.Second}, map[string]inference.Backend{"a": answer, "b": other, "c": unnamed})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go r.Watch(ctx)
		by := func() string {
			got, err := inference.Collect(t.Context(), r, &inference.Request{Model: resolve(t, r, "acme.x").Name()})
			if err != nil {
				t.Fatal(err)
			}
			return got.ServedBy
		}
		for _, step := range []struct {
			down bool
			want string
		}{{false, "a/one"}, {true, "b/two"}, {true, "b/two"}, {false, "a/one"}} {
			down.Store(step.down)
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if got := by(); got != step.want {
				t.Errorf("down %t: got %s, want %s", step.down, got, step.want)
			}
		}
	})
}
