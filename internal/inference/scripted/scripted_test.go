package scripted_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/backendtest"
	"github.com/outcrop/outcrop/internal/inference/scripted"
)

func parse(t testing.TB, text string) *scripted.Script {
	t.Helper()
	s, err := scripted.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func open(t testing.TB, script string) *scripted.Backend {
	t.Helper()
	return openWith(t, scripted.Params{Script: parse(t, script)})
}

func openWith(t testing.TB, p scripted.Params) *scripted.Backend {
	t.Helper()
	b := scripted.New(p)
	t.Cleanup(func() { _ = b.Close() })
	return b
}

const contract = `
models:
  - {match: text, kind: text, contextWindow: 4096}
  - {match: embedding, kind: embedding, dimensions: 384, contextWindow: 512}
  - {match: rerank, kind: rerank}
rules:
  - when: {text: Tell me a long story}
    answer: "%s"
`

func TestContract(t *testing.T) {
	t.Parallel()
	script := parse(t, fmt.Sprintf(contract, strings.Repeat("Once upon a time the sea was wide. ", 50)))
	backendtest.Run(t, func(t *testing.T) backendtest.Subject {
		t.Helper()
		b := openWith(t, scripted.Params{Script: script})
		return backendtest.Subject{Backend: b, Model: "text", Embedding: "embedding", Reranker: "rerank", Long: "Tell me a long story", Tools: true, Output: true, Reasoning: true}
	})
}

func user(text string) inference.Message {
	return inference.Message{Role: inference.RoleUser, Parts: []inference.Part{inference.Text{Text: text}}}
}

func ask(text string) *inference.Request {
	return &inference.Request{Model: "m", Messages: []inference.Message{user(text)}}
}

var weather = inference.Tool{
	Name: "get_weather", Description: "The weather.",
	Schema: json.RawMessage(`{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer","minimum":2}},"required":["city","days"]}`),
}

// say returns the text of an answer, or the fault's kind in brackets.
func say(t testing.TB, b inference.Backend, req *inference.Request) string {
	t.Helper()
	a, err := inference.Collect(t.Context(), b, req)
	if err != nil {
		return "[" + fault.KindOf(err).String() + "]"
	}
	return a.Text
}

func TestEchoWithoutARule(t *testing.T) {
	t.Parallel()
	b := open(t, "")
	if got := say(t, b, ask("hello wide world")); got != "hello wide world" {
		t.Errorf("got %q", got)
	}
	req := ask("x")
	req.Messages[0].Parts = []inference.Part{inference.Image{Format: "png", Bytes: []byte{1}}}
	if got := say(t, b, req); got != "(no text)" {
		t.Errorf("got %q", got)
	}
}

// The first rule of which everything holds answers.
func TestConditions(t *testing.T) {
	t.Parallel()
	caller := scripted.Caller{Operation: "ConverseStream", Model: "us.anthropic.claude-x", ModelID: "anthropic.claude-x", Principal: "arn:aws:iam::000000000000:user/ci/anna"}
	loop := func(r *inference.Request) {
		r.Tools = []inference.Tool{weather}
		r.Messages = append(r.Messages,
			inference.Message{Role: inference.RoleAssistant, Parts: []inference.Part{inference.ToolUse{ID: "t1", Name: "get_weather", Input: json.RawMessage(`{"city":"Paris"}`)}}},
			inference.Message{Role: inference.RoleUser, Parts: []inference.Part{inference.ToolResult{ID: "t1", Content: []inference.Part{inference.Text{Text: "sunny"}}}}},
		)
	}
	for name, tt := range map[string]struct {
		when   string
		change func(*inference.Request)
		want   bool
	}{
		"nothing":                 {when: `{}`, want: true},
		"operation":               {when: `{operation: Converse*}`, want: true},
		"another operation":       {when: `{operation: [Converse, InvokeModel]}`},
		"kind":                    {when: `{operation: generate}`, want: true},
		"kind that it is not":     {when: `{operation: count}`},
		"base model":              {when: `{model: anthropic.*}`, want: true},
		"profile":                 {when: `{model: [x, us.*]}`, want: true},
		"name in the backend":     {when: `{model: m}`, want: true},
		"another model":           {when: `{model: amazon.*}`},
		"principal":               {when: `{principal: "*:user/ci/*"}`, want: true},
		"another principal":       {when: `{principal: "*:root"}`},
		"text":                    {when: `{text: capital}`, want: true},
		"text in another case":    {when: `{text: CAPITAL}`},
		"text in any case":        {when: `{text: {contains: CAPITAL, ignoreCase: true}}`, want: true},
		"equal text":              {when: `{text: {equals: the capital}}`, want: true},
		"not equal":               {when: `{text: {equals: capital}}`},
		"prefix":                  {when: `{text: {prefix: the}}`, want: true},
		"regex":                   {when: `{text: {regex: "^the c"}}`, want: true},
		"regex in any case":       {when: `{text: {regex: "^THE c", ignoreCase: true}}`, want: true},
		"regex that is not there": {when: `{text: {regex: "^c"}}`},
		"system":                  {when: `{system: brief}`, change: func(r *inference.Request) { r.System = []inference.Part{inference.Text{Text: "Be brief."}} }, want: true},
		"no system":               {when: `{system: brief}`},
		"conversation":            {when: `{conversation: sunny}`, change: loop, want: true},
		"last text only":          {when: `{text: sunny}`, change: loop},
		"tools":                   {when: `{tools: get_weather}`, change: loop, want: true},
		"tools not offered":       {when: `{tools: [get_weather, other]}`, change: loop},
		"tool result":             {when: `{toolResult: true}`, change: loop, want: true},
		"tool result of":          {when: `{toolResult: get_*}`, change: loop, want: true},
		"tool result of another":  {when: `{toolResult: put_*}`, change: loop},
		"no tool result":          {when: `{toolResult: false}`, want: true},
		"not no tool result":      {when: `{toolResult: false}`, change: loop},
		"tool choice":             {when: `{toolChoice: auto}`, want: true},
		"another tool choice":     {when: `{toolChoice: [any, tool]}`},
		"output":                  {when: `{output: true}`},
		"no output":               {when: `{output: false}`, want: true},
		"turn":                    {when: `{turn: 2}`, change: loop, want: true},
		"another turn":            {when: `{turn: ">1"}`},
		"all of them":             {when: `{operation: ConverseStream, model: "*claude*", text: capital, turn: 1}`, want: true},
		"all but one":             {when: `{operation: ConverseStream, model: "*claude*", text: village, turn: 1}`},
		"never":                   {when: `{probability: 0}`},
		"always":                  {when: `{probability: 1}`, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := parse(t, "rules:\n  - when: "+tt.when+"\n    answer: matched")
			b := openWith(t, scripted.Params{Script: s, Caller: func(context.Context) scripted.Caller { return caller }})
			req := ask("the capital")
			if tt.change != nil {
				tt.change(req)
			}
			if got := say(t, b, req) == "matched"; got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestNthCall(t *testing.T) {
	t.Parallel()
	b := open(t, `
rules:
  - {when: {nth: 2-3}, answer: second or third}
  - {when: {text: x, nth: every 2}, answer: even}
  - {when: {nth: ">3"}, answer: late}
  - {answer: "other ${nth}"}
`)
	got := make([]string, 0, 8)
	for range 8 {
		got = append(got, say(t, b, ask("x")))
	}
	// The second rule is reached by calls 1, 4, 5, 6, 7, 8; it takes every other one.
	want := []string{"other 1", "second or third", "second or third", "even", "other 2", "even", "other 3", "even"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

// However many ask at once, each count is given out once.
func TestNthCallAtOnce(t *testing.T) {
	t.Parallel()
	b := open(t, "rules: [{answer: '${nth}'}]")
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]bool{}
	for range 64 {
		wg.Go(func() {
			got := say(t, b, ask("x"))
			mu.Lock()
			defer mu.Unlock()
			seen[got] = true
		})
	}
	wg.Wait()
	if len(seen) != 64 {
		t.Errorf("got %d different counts, want 64", len(seen))
	}
}

// The seed decides, and the share is about right.
func TestProbability(t *testing.T) {
	t.Parallel()
	run := func(seed int) string {
		b := open(t, fmt.Sprintf("seed: %d\nrules: [{name: r, when: {probability: 0.3}, answer: '1'}, {answer: '0'}]", seed))
		var out strings.Builder
		for range 500 {
			out.WriteString(say(t, b, ask("x")))
		}
		return out.String()
	}
	first := run(1)
	if first != run(1) {
		t.Error("the same seed gave another row")
	}
	if first == run(2) {
		t.Error("another seed gave the same row")
	}
	if n := strings.Count(first, "1"); n < 110 || n > 190 {
		t.Errorf("got %d of 500, want about 150", n)
	}
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	caller := scripted.Caller{Operation: "Converse", Model: "model-id", Principal: "arn:x"}
	req := &inference.Request{
		Model: "m", System: []inference.Part{inference.Text{Text: "Be brief."}}, Tools: []inference.Tool{weather},
		Messages: []inference.Message{
			user("weather in Paris"),
			{Role: inference.RoleAssistant, Parts: []inference.Part{inference.ToolUse{ID: "a", Name: "get_weather", Input: json.RawMessage(`{"city":"Paris","days":3}`)}}},
			{Role: inference.RoleUser, Parts: []inference.Part{inference.ToolResult{ID: "a", Content: []inference.Part{inference.JSON{Value: json.RawMessage(`{"temp":21.5,"days":["mo","di"]}`)}}}}},
		},
	}
	for template, want := range map[string]string{
		"plain":                                "plain",
		"$${text} $5 ${text}":                  "${text} $5 weather in Paris",
		"${match}|${match.1}|${match.city}":    "in Paris|Paris|Paris",
		"${match.7}":                           "",
		"${system}":                            "Be brief.",
		"${turn} ${nth} ${tools}":              "2 1 get_weather",
		"${model} ${operation} ${principal}":   "model-id Converse arn:x",
		"${result}":                            `{"temp":21.5,"days":["mo","di"]}`,
		"${result.temp} ${result.days.1}":      "21.5 di",
		"${result.none}${result.days.9}":       "",
		"${results.get_weather.days.0}":        "mo",
		"${results.other}":                     "",
		"${input.city} ${input.days}":          "Paris 3",
		"${conversation}":                      "weather in Paris\n" + `{"temp":21.5,"days":["mo","di"]}`,
		"größer ${match.city} als\t${turn}\n.": "größer Paris als\t2\n.",
	} {
		quoted, err := json.Marshal(template)
		if err != nil {
			t.Fatal(err)
		}
		s := parse(t, `{"rules": [{"when": {"text": {"regex": "in (?P<city>\\w+)"}}, "answer": {"text": `+string(quoted)+`}}]}`)
		b := openWith(t, scripted.Params{Script: s, Caller: func(context.Context) scripted.Caller { return caller }})
		if got := say(t, b, req); got != want {
			t.Errorf("%s: got %q, want %q", template, got, want)
		}
	}
}

func events(t testing.TB, b inference.Backend, req *inference.Request) ([]inference.Event, error) {
	t.Helper()
	var all []inference.Event
	err := b.Generate(t.Context(), req, func(ev inference.Event) error {
		if f, ok := ev.(inference.Finished); ok {
			f.Elapsed = 0
			ev = f
		}
		all = append(all, ev)
		return nil
	})
	return all, err
}

func TestBlocks(t *testing.T) {
	t.Parallel()
	b := open(t, `
rules:
  - answer:
      blocks:
        - {reasoning: "I think", signature: sig}
        - {redacted: secret}
        - {text: "It is so.", citations: [{title: Book, quotes: [so], document: 0, start: 1, end: 3}]}
        - And more.
        - {tool: {name: get_weather, id: call-1, input: {city: "${text}", days: "${turn}", list: [1, 2.5, null, true, 2026-01-02]}}}
        - {tool: get_weather}
      stop: tool_use
      usage: {input: 10, cacheRead: 5, cacheWrite: 2}
`)
	req := ask("Oslo")
	req.Tools = []inference.Tool{weather}
	got, err := inference.Collect(t.Context(), b, req)
	if err != nil {
		t.Fatal(err)
	}
	want := []inference.Part{
		inference.Reasoning{Text: "I think", Signature: "sig"},
		inference.Reasoning{Redacted: []byte("secret")},
		inference.Cited{Text: []string{"It is so."}, Citations: []inference.Citation{{
			Title: "Book", Quotes: []string{"so"}, Location: &inference.Location{Unit: inference.LocationChars, Start: 1, End: 3},
		}}},
		inference.Text{Text: "And more."},
		inference.ToolUse{ID: "call-1", Name: "get_weather", Input: json.RawMessage(`{"city":"Oslo","days":1,"list":[1,2.5,null,true,"2026-01-02"]}`)},
	}
	if len(got.Parts) != 6 {
		t.Fatalf("got %d parts: %+v", len(got.Parts), got.Parts)
	}
	if diff := cmp.Diff(want, got.Parts[:5]); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
	made, ok := got.Parts[5].(inference.ToolUse)
	if !ok || string(made.Input) != `{"city":"city","days":2}` || made.ID == "" {
		t.Errorf("got %+v, want a call that fits the schema", got.Parts[5])
	}
	u := got.Usage
	if got.Reason != inference.StopToolUse || u.InputTokens != 10 || u.CacheReadTokens != 5 || u.CacheWriteTokens != 2 || u.ReasoningTokens != 2 {
		t.Errorf("got %s and %+v", got.Reason, u)
	}
}

func TestChunks(t *testing.T) {
	t.Parallel()
	for chunk, want := range map[string][]string{
		"whole": {"internationalization now"},
		"word":  {"internationalization", " now"},
		"token": {"internationa", "lization", " now"},
	} {
		all, err := events(t, open(t, "settings: {chunk: "+chunk+"}\nrules: [{answer: internationalization now}]"), ask("x"))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, ev := range all {
			if d, ok := ev.(inference.TextDelta); ok {
				got = append(got, d.Text)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", chunk, diff)
		}
	}
}

func TestLimitsOfTheRequest(t *testing.T) {
	t.Parallel()
	b := open(t, `
rules:
  - {when: {text: words}, answer: one two three four}
  - {when: {text: two blocks}, answer: {blocks: [one two, three STOP four, five]}}
  - {when: {text: tool}, answer: {text: one, tool: {name: get_weather, input: {city: "a b c d"}}}}
  - {when: {text: think}, answer: {reasoning: one two three, text: four}}
`)
	for name, tt := range map[string]struct {
		text   string
		max    int
		stops  []string
		want   string
		reason inference.StopReason
		output int
	}{
		"room":                     {text: "words", max: 5, want: "one two three four", reason: inference.StopEndTurn, output: 4},
		"just enough":              {text: "words", max: 4, want: "one two three four", reason: inference.StopEndTurn, output: 4},
		"too many":                 {text: "words", max: 3, want: "one two three", reason: inference.StopMaxTokens, output: 3},
		"stop":                     {text: "words", stops: []string{"zero", "wo th"}, want: "one t", reason: inference.StopSequence, output: 2},
		"the first stop":           {text: "words", stops: []string{"four", "two"}, want: "one ", reason: inference.StopSequence, output: 2},
		"stop at the beginning":    {text: "words", stops: []string{"one"}, want: "", reason: inference.StopSequence},
		"stop that is cut":         {text: "words", max: 2, stops: []string{"two three"}, want: "one two", reason: inference.StopMaxTokens, output: 2},
		"stop in the second block": {text: "two blocks", stops: []string{" STOP"}, want: "one twothree", reason: inference.StopSequence, output: 3},
		"between blocks":           {text: "two blocks", max: 2, want: "one two", reason: inference.StopMaxTokens, output: 2},
		"no half tool":             {text: "tool", max: 3, want: "one", reason: inference.StopMaxTokens, output: 1},
		"reasoning counts":         {text: "think", max: 2, want: "", reason: inference.StopMaxTokens, output: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := ask(tt.text)
			req.MaxTokens, req.StopSequences, req.Tools = tt.max, tt.stops, []inference.Tool{weather}
			got, err := inference.Collect(t.Context(), b, req)
			if err != nil {
				t.Fatal(err)
			}
			if got.Text != tt.want || got.Reason != tt.reason || got.Usage.OutputTokens != tt.output || len(got.ToolUses()) > 0 {
				t.Errorf("got %q, %s, %d tokens; want %q, %s, %d", got.Text, got.Reason, got.Usage.OutputTokens, tt.want, tt.reason, tt.output)
			}
		})
	}
}

// A rule that answers what the request rules out is a mistake of the script, and
// is told so.
func TestAnswersThatNoModelCouldGive(t *testing.T) {
	t.Parallel()
	strict, no := true, false
	tool := func(choice inference.ToolChoice, tools ...inference.Tool) func(*inference.Request) {
		return func(r *inference.Request) { r.Tools, r.ToolChoice = tools, choice }
	}
	schema := &inference.OutputFormat{Schema: weather.Schema}
	strictWeather := weather
	strictWeather.Strict = &strict
	for name, tt := range map[string]struct {
		answer string
		change func(*inference.Request)
		want   string // in the message; "" is no mistake
	}{
		"a tool that is not offered": {`{tool: other}`, tool(inference.ToolChoice{}, weather), "does not offer"},
		"a tool where none":          {`{tool: get_weather}`, tool(inference.ToolChoice{Mode: inference.ToolNone}, weather), "wants none"},
		"another tool than wanted":   {`{tool: get_weather}`, tool(inference.ToolChoice{Mode: inference.ToolNamed, Name: "other"}, weather, inference.Tool{Name: "other"}), "wants other"},
		"several tools": {`{tools: [get_weather, get_weather]}`, func(r *inference.Request) {
			r.Tools, r.Parallel = []inference.Tool{weather}, &no
		}, "one at a time"},
		"a strict tool": {`{tool: {name: get_weather, input: {city: 1}}}`, tool(inference.ToolChoice{}, strictWeather), "strict"},
		"text":          {`{text: no JSON}`, func(r *inference.Request) { r.Output = schema }, "schema"},
		"wrong JSON":    {`{json: {city: x, days: 1}}`, func(r *inference.Request) { r.Output = schema }, "schema"},
		"right JSON":    {`{json: {city: x, days: 2}}`, func(r *inference.Request) { r.Output = schema }, ""},
		"unchecked":     {`{json: {city: x, days: 1}, unchecked: true}`, func(r *inference.Request) { r.Output = schema }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := ask("x")
			tt.change(req)
			_, err := inference.Collect(t.Context(), open(t, "rules: [{name: r, answer: "+tt.answer+"}]"), req)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("got %v, want an answer", err)
			case tt.want != "" && (!fault.Is(err, fault.Upstream) || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want a fault that says %q", err, tt.want)
			}
		})
	}
}

func TestToolsAreCalledWhereTheyMustBe(t *testing.T) {
	t.Parallel()
	other := inference.Tool{Name: "other", Schema: json.RawMessage(`{"type":"object"}`)}
	for name, tt := range map[string]struct {
		script string
		choice inference.ToolChoice
		want   []string
		text   string
	}{
		"any":             {choice: inference.ToolChoice{Mode: inference.ToolAny}, want: []string{`other {}`}},
		"named":           {choice: inference.ToolChoice{Mode: inference.ToolNamed, Name: "get_weather"}, want: []string{`get_weather {"city":"city","days":2}`}},
		"text and a call": {script: "rules: [{answer: let me see}]", choice: inference.ToolChoice{Mode: inference.ToolAny}, want: []string{`other {}`}, text: "let me see"},
		"auto":            {text: "x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := ask("x")
			req.Tools, req.ToolChoice = []inference.Tool{other, weather}, tt.choice
			a, err := inference.Collect(t.Context(), open(t, tt.script), req)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, call := range a.ToolUses() {
				got = append(got, call.Name+" "+string(call.Input))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || a.Text != tt.text {
				t.Errorf("text %q, calls (-want +got):\n%s", a.Text, diff)
			}
		})
	}
}

func TestMalformedToolInput(t *testing.T) {
	t.Parallel()
	req := ask("x")
	req.Tools = []inference.Tool{weather}
	a, err := inference.Collect(t.Context(), open(t, `rules: [{answer: {tool: {name: get_weather, raw: '{"city": "Par'}}}]`), req)
	if err != nil || a.Reason != inference.StopMalformedTool || string(a.ToolUses()[0].Input) != `{"city": "Par` {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for text, kind := range map[string]fault.Kind{
		"throttle": fault.Throttled, "429": fault.Throttled, "timeout": fault.Timeout, "408": fault.Timeout, "invalid": fault.Invalid, "400": fault.Invalid,
		"denied": fault.Denied, "not-found": fault.NotFound, "quota": fault.QuotaExceeded, "not-ready": fault.NotReady, "unavailable": fault.Unavailable,
		"503": fault.Unavailable, "internal": fault.Internal, "unsupported": fault.Unsupported, "model-error": fault.Upstream, "424": fault.Upstream,
		"context-window": fault.Invalid,
	} {
		all, err := events(t, open(t, "rules: [{answer: {fault: "+text+"}}]"), ask("x"))
		if !fault.Is(err, kind) || len(all) > 0 {
			t.Errorf("%s: got %d events and %v, want %v", text, len(all), err, kind)
		}
	}
	_, err := events(t, open(t, "rules: [{answer: {fault: {kind: throttle, retryAfter: 3s, message: 'Slow ${text}.'}}}]"), ask("down"))
	var retry inference.RetryAfter
	if !errors.As(err, &retry) || retry.Wait != 3*time.Second || fault.As(err).Message != "Slow down." {
		t.Errorf("got %v", err)
	}
	_, err = events(t, open(t, "rules: [{answer: {fault: context-window}}]"), ask("x"))
	if !errors.Is(err, inference.ErrContextWindow) {
		t.Errorf("got %v", err)
	}
	_, err = events(t, open(t, "rules: [{answer: {fault: {kind: model-error, status: 502}}}]"), ask("x"))
	if f := fault.As(err); f.Fields["originalStatusCode"] != 502 || f.Fields["resourceName"] != "m" {
		t.Errorf("got %v", f.Fields)
	}
}

func TestCutStream(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		"{text: one two three four, fault: {kind: cut, after: 2}}":     "one two",
		"{text: one two three four, fault: cut}":                       "one",
		"{text: one two, fault: {kind: unavailable, after: 9}}":        "one two",
		"{fault: {kind: cut, after: 2}}":                               "a b",
		"{text: one two three, chunk: whole, fault: {kind: cut}}":      "one two three",
		"{text: one two three, chunk: token, fault: {kind: throttle}}": "",
	} {
		all, err := events(t, open(t, "rules: [{answer: "+script+"}]"), ask("a b c"))
		var got strings.Builder
		for _, ev := range all {
			if d, ok := ev.(inference.TextDelta); ok {
				got.WriteString(d.Text)
			}
			if _, ok := ev.(inference.Finished); ok {
				t.Errorf("%s: got Finished", script)
			}
		}
		if err == nil || got.String() != want {
			t.Errorf("%s: got %q and %v, want %q and a fault", script, got.String(), err, want)
		}
	}
}

// What breaks the answer itself says how to whoever writes it.
func TestDamage(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]struct {
		pieces int
		damage fault.Damage
	}{
		"{text: one two three, fault: malformed}":                {1, fault.Malformed},
		"{text: one two three, fault: {kind: torn, after: 2}}":   {2, fault.Torn},
		"{text: one two three, fault: {kind: torn, after: 0}}":   {0, fault.Torn},
		"{text: one two three, fault: {kind: cut, after: 2}}":    {2, ""},
		"{embedding: {dimensions: 4}, fault: {kind: malformed}}": {0, fault.Malformed},
	} {
		b := open(t, "rules: [{answer: "+script+"}]")
		var err error
		pieces := 0
		if strings.Contains(script, "embedding") {
			_, err = b.Embed(t.Context(), &inference.EmbedRequest{Model: "m", Texts: []string{"x"}})
		} else {
			err = b.Generate(t.Context(), ask("a b c"), func(ev inference.Event) error {
				if _, ok := ev.(inference.TextDelta); ok {
					pieces++
				}
				return nil
			})
		}
		if !fault.Is(err, fault.Upstream) || fault.DamageOf(err) != want.damage || pieces != want.pieces {
			t.Errorf("%s: got %d pieces, %v, want %+v", script, pieces, err, want)
		}
	}
}

func TestHangEndsWithTheCall(t *testing.T) {
	t.Parallel()
	b := open(t, "rules: [{answer: {fault: {kind: hang, after: 1}}}]")
	ctx, cancel := context.WithCancel(t.Context())
	err := b.Generate(ctx, ask("a b"), func(ev inference.Event) error {
		if _, ok := ev.(inference.TextDelta); ok {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	// And with the backend.
	done := make(chan error, 1)
	started := make(chan struct{})
	go func() {
		done <- b.Generate(context.WithoutCancel(t.Context()), ask("a b"), func(ev inference.Event) error {
			if _, ok := ev.(inference.TextDelta); ok {
				close(started)
			}
			return nil
		})
	}()
	<-started
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
}

func TestDelays(t *testing.T) {
	t.Parallel()
	var waits []time.Duration
	b := openWith(t, scripted.Params{
		Script: parse(t, "rules: [{answer: {text: one internationalization, delay: {start: 2s, token: 10ms}}}]"),
		Wait: func(_ context.Context, d time.Duration) error {
			waits = append(waits, d)
			return nil
		},
	})
	if got := say(t, b, ask("x")); got != "one internationalization" {
		t.Errorf("got %q", got)
	}
	want := []time.Duration{2 * time.Second, 10 * time.Millisecond, 20 * time.Millisecond}
	if diff := cmp.Diff(want, waits); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
}

func TestEmbeddings(t *testing.T) {
	t.Parallel()
	b := open(t, `
settings: {dimensions: 8}
rules:
  - {when: {text: literal}, answer: {embedding: [3, 4]}}
  - {when: {text: small}, answer: {embedding: {dimensions: 3}}}
  - {when: {text: broken}, answer: {fault: throttle}}
  - {answer: for generations alone}
`)
	embed := func(size int, texts ...string) (*inference.Embeddings, error) {
		return b.Embed(t.Context(), &inference.EmbedRequest{Model: "m", Texts: texts, Dimensions: size})
	}
	for _, tt := range []struct {
		asked int
		text  string
		want  int
	}{{0, "x", 8}, {256, "x", 256}, {256, "small", 3}} {
		e, err := embed(tt.asked, tt.text)
		if err != nil || len(e.Vectors[0]) != tt.want {
			t.Errorf("%+v: got %v, %v", tt, e, err)
		}
	}
	e, err := embed(0, "literal")
	if err != nil || e.Vectors[0][0] != 0.6 || e.Vectors[0][1] != 0.8 {
		t.Errorf("got %v, %v", e, err)
	}
	if _, err := embed(0, "broken"); !fault.Is(err, fault.Throttled) {
		t.Errorf("got %v", err)
	}
}

func TestRerankAndCount(t *testing.T) {
	t.Parallel()
	b := open(t, `
rules:
  - {when: {text: literal}, answer: {scores: [0.9, 0.1]}}
  - {when: {text: literal}, answer: {tokens: 42}}
  - {when: {text: broken}, answer: {fault: throttle}}
  - {when: {operation: count, text: refused}, answer: {fault: denied}}
`)
	scores := func(query string) []float64 {
		r, err := b.Rerank(t.Context(), &inference.RerankRequest{Model: "m", Query: query, Documents: []string{"the sea is wide", "A refund, please!", "x"}})
		if err != nil {
			t.Fatal(err)
		}
		return r.Scores
	}
	if diff := cmp.Diff([]float64{0, 1, 0}, scores("refund please")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]float64{0.9, 0.1, 0}, scores("literal")); diff != "" {
		t.Error(diff)
	}
	for text, want := range map[string]int{"one two": 3, "literal": 42, "broken": 2} {
		if n, err := b.CountTokens(t.Context(), ask(text)); err != nil || n != want {
			t.Errorf("%s: got %d, %v, want %d", text, n, err, want)
		}
	}
	if _, err := b.CountTokens(t.Context(), ask("refused")); !fault.Is(err, fault.Denied) {
		t.Errorf("got %v", err)
	}
}

// What is wrong is told with its line, all of it.
func TestMistakes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"no YAML":         {"rules: [", []string{"line 1:"}},
		"not a mapping":   {"7", []string{"line 1: the file has to be a mapping"}},
		"unknown members": {"rules:\n  - answr: x\n  - when: {tex: 3}\n    answer: x\nruls: []", []string{"line 5: the file has no ruls", "line 2: a rule has no answr", "line 2: a rule needs an answer", "line 3: when has no tex"}},
		"template":        {"rules:\n  - answer: '${foo} ${text'", []string{"line 2: there is no ${foo}"}},
		"open template":   {"rules:\n  - answer: '${text'", []string{"line 2: ${text has no }"}},
		"regex":           {"rules:\n  - when: {text: {regex: '('}}\n    answer: x", []string{"line 2: error parsing regexp"}},
		"two conditions":  {"rules:\n  - when: {text: {regex: a, equals: b}}\n    answer: x", []string{"line 2: a condition on a text has one"}},
		"span":            {"rules:\n  - when: {nth: 3-2}\n    answer: x", []string{"line 2: a number is wanted"}},
		"probability":     {"rules:\n  - when: {probability: 2}\n    answer: x", []string{"line 2: a number from 0 to 1"}},
		"fault":           {"rules:\n  - answer: {fault: boom}", []string{"line 2: there is no fault boom: there are context-window"}},
		"duration":        {"rules:\n  - answer: {text: x, delay: 5}", []string{"line 2: a time such as 200ms"}},
		"two kinds":       {"rules:\n  - answer: {text: x, tokens: 5}", []string{"line 2: an answer is for one kind of call"}},
		"two texts":       {"rules:\n  - answer: {text: x, json: 5}", []string{"line 2: an answer has one of text"}},
		"tool without":    {"rules:\n  - answer: {tool: {input: {}}}", []string{"line 2: a tool call needs the name"}},
		"input":           {"rules:\n  - answer: {tool: {name: x, input: 7}}", []string{"line 2: the input of a tool is a mapping"}},
		"two names":       {"rules:\n  - {name: a, answer: x}\n  - {name: a, answer: x}", []string{"line 3: there are two rules of the name a"}},
		"twice":           {"rules:\n  - answer: x\n    answer: y", []string{"line 3: answer is there twice"}},
		"stop":            {"rules:\n  - answer: {text: x, stop: now}", []string{`line 2: "now" is not one of end_turn`}},
		"an endless one":  {"a: &a [*a]\nrules: [{answer: {json: *a}}]", []string{"line 1: the file has no a"}},
		"itself":          {"rules:\n  - answer: {json: &a [*a, *a]}", []string{"too large, or an alias contains itself"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := scripted.Parse([]byte(tt.text))
			if err == nil {
				t.Fatal("got no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want %q", err, want)
				}
			}
		})
	}
}
