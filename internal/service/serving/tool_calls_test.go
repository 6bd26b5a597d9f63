package serving_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/serving"
)

// caller is a backend that answers with calls.
type caller []inference.Event

func (c caller) Generate(_ context.Context, _ *inference.Request, emit func(inference.Event) error) error {
	for _, ev := range c {
		if err := emit(ev); err != nil {
			return err
		}
	}
	return emit(inference.Finished{Reason: inference.StopToolUse})
}

func (caller) Close() error { return nil }

// called runs an answer and returns what a client sees of its parts.
func called(t *testing.T, req *inference.Request, l serving.Limits, events ...inference.Event) []inference.Part {
	t.Helper()
	n := 0
	l.Now, l.Timeout = time.Now, time.Minute
	l.NewID = func(prefix string, _ int) string { n++; return fmt.Sprintf("%s%d", prefix, n) }
	ctx := call.With(t.Context(), &call.Call{})
	run := serving.NewRun(caller(events), &router.Target{Entry: &catalog.Model{}}, l)
	answer, err := inference.Collect(ctx, run, req)
	if err != nil {
		t.Fatal(err)
	}
	return answer.Parts
}

func start(id, name string) inference.ToolStart { return inference.ToolStart{ID: id, Name: name} }

// IDs can be sent back, and each is one call's alone.
func TestIDsOfCalls(t *testing.T) {
	t.Parallel()
	req := &inference.Request{Messages: []inference.Message{{Role: inference.RoleAssistant, Parts: []inference.Part{
		inference.ToolUse{ID: "call_0"}, inference.ToolUse{ID: "tooluse_2"},
	}}}}
	long := strings.Repeat("x", 65)
	events := []inference.Event{
		start("call_1", "a"), start("call_1", "a"), start("call_0", "a"), start("", "a"), start("a b", "a"), start(long, "a"), start("functions.a:0", "a"),
		inference.ToolStart{ID: "srv 1", Name: "web", Kind: "server_tool_use"}, inference.ToolOutput{Result: inference.ToolResult{ID: "srv 1"}},
	}
	for name, tc := range map[string]struct {
		limits serving.Limits
		want   []string
	}{
		"Bedrock":   {serving.Limits{}, []string{"call_1", "tooluse_1", "tooluse_3", "tooluse_4", "tooluse_5", "tooluse_6", "functions.a:0", "tooluse_7", "tooluse_7"}},
		"Anthropic": {serving.Limits{AnthropicIDs: true}, []string{"call_1", "tooluse_1", "tooluse_3", "tooluse_4", "tooluse_5", "tooluse_6", "tooluse_7", "tooluse_8", "tooluse_8"}},
	} {
		var got []string
		for _, p := range called(t, req, tc.limits, events...) {
			switch p := p.(type) {
			case inference.ToolUse:
				got = append(got, p.ID)
			case inference.ToolResult:
				got = append(got, p.ID)
			}
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Names can be sent back, and lead to the tool that was meant.
func TestNamesOfCalls(t *testing.T) {
	t.Parallel()
	req := &inference.Request{Tools: []inference.Tool{{Name: "weather"}, {Name: "ns.own"}}}
	valid := regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)
	for name, want := range map[string]string{
		"weather": "weather", "ns.own": "ns.own", " ns.own\n": "ns.own", "wether": "wether", "functions.weather": "weather", "default_api:weather": "weather", " weather ": "weather",
		"tools/weather": "weather", "the weather": "the_weather", "": "unknown_tool", "  ": "unknown_tool", "天气": "__", strings.Repeat("n", 65): strings.Repeat("n", 64),
		"weather<|channel|>commentary": "weather__channel__commentary", "a.b": "a_b", "\xff": "_",
	} {
		got := called(t, req, serving.Limits{}, start("t1", name))[0].(inference.ToolUse).Name
		if got != want || got != "ns.own" && !valid.MatchString(got) {
			t.Errorf("got %q for %q, want %q", got, name, want)
		}
	}
	// A tool of the server's own is called what the server calls it.
	if got := called(t, req, serving.Limits{}, inference.ToolStart{ID: "t1", Name: "web.search", Kind: "server_tool_use"})[0].(inference.ToolUse).Name; got != "web.search" {
		t.Errorf("got %q", got)
	}
}

// ended is a caller that says itself why its answer ended.
type ended []inference.Event

func (e ended) Generate(_ context.Context, _ *inference.Request, emit func(inference.Event) error) error {
	for _, ev := range e {
		if err := emit(ev); err != nil {
			return err
		}
	}
	return nil
}

func (ended) Close() error { return nil }

// An answer with a call whose input is no JSON object says so, whatever the
// server gave as its reason; one that was cut says that.
func TestInputOfCalls(t *testing.T) {
	t.Parallel()
	piece := func(s string) inference.ToolDelta { return inference.ToolDelta{JSON: s} }
	use, bad, cut := inference.StopToolUse, inference.StopMalformedTool, inference.StopMaxTokens
	for name, tc := range map[string]struct {
		events       []inference.Event
		reason, want inference.StopReason
	}{
		"none":           {[]inference.Event{start("a", "f")}, use, use},
		"an object":      {[]inference.Event{start("a", "f"), piece(`{"x":`), piece(`1}`)}, use, use},
		"broken off":     {[]inference.Event{start("a", "f"), piece(`{"x":`)}, use, bad},
		"an array":       {[]inference.Event{start("a", "f"), piece(`[1]`)}, use, bad},
		"null":           {[]inference.Event{start("a", "f"), piece(`null`)}, use, bad},
		"the first one":  {[]inference.Event{start("a", "f"), piece(`{`), start("b", "f"), piece(`{}`)}, use, bad},
		"both together":  {[]inference.Event{start("a", "f"), piece(`{"x":1}`), start("b", "f"), piece(`{"y":2}`)}, use, use},
		"with end_turn":  {[]inference.Event{start("a", "f"), piece(`{`)}, inference.StopEndTurn, bad},
		"with no tokens": {[]inference.Event{start("a", "f"), piece(`{`)}, cut, cut},
	} {
		run := serving.NewRun(ended(append(tc.events, inference.Finished{Reason: tc.reason})), &router.Target{Entry: &catalog.Model{}}, serving.Limits{Now: time.Now, Timeout: time.Minute})
		answer, err := inference.Collect(call.With(t.Context(), &call.Call{}), run, &inference.Request{})
		if err != nil || answer.Reason != tc.want {
			t.Errorf("%s: got %v, %v, want %q", name, answer, err, tc.want)
		}
	}
}
