package chatcompletions_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/chatcompletions"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// maker makes values of the hub that the format can carry.
type maker struct{ *rand.Rand }

func (m maker) maybe() bool { return m.IntN(2) == 0 }

var words = []string{"a", "größer", "😀\u2028", "\"quoted\\\"", "line\nnext\ttab\x01", "</script>", "{\"x\":1}", "data:text", strings.Repeat("long ", 20), "\x7f\ufffd"}

func (m maker) text() string {
	var b strings.Builder
	for range 1 + m.IntN(3) {
		b.WriteString(words[m.IntN(len(words))])
	}
	return b.String()
}

func (m maker) bytes() []byte {
	b := make([]byte, 1+m.IntN(40))
	for i := range b {
		b[i] = byte(m.Uint32())
	}
	return b
}

func (m maker) json() json.RawMessage {
	data, err := json.Marshal(map[string]any{m.text(): m.text(), "n": m.IntN(100), "list": []any{1.5, nil, true, m.text()}})
	if err != nil {
		panic(err)
	}
	return data
}

func (m maker) texts() []inference.Part {
	var parts []inference.Part
	for range 1 + m.IntN(3) {
		parts = append(parts, inference.Text{Text: m.text()})
	}
	return parts
}

func (m maker) user() []inference.Part {
	var parts []inference.Part
	for range 1 + m.IntN(4) {
		switch m.IntN(7) {
		case 0:
			parts = append(parts, inference.Image{Format: []string{"png", "jpeg", "gif", "webp"}[m.IntN(4)], Bytes: m.bytes(), Detail: []string{"", "low", "high"}[m.IntN(3)]})
		case 1:
			parts = append(parts, inference.Image{URL: "https://example.com/" + m.text()})
		case 2:
			parts = append(parts, inference.Audio{Format: "wav", Bytes: m.bytes()})
		case 3:
			parts = append(parts, inference.Document{Format: []string{"pdf", "csv", "docx", "txt", "md"}[m.IntN(5)], Name: m.text(), Bytes: m.bytes()})
		case 4:
			parts = append(parts, inference.Video{Format: "mp4", Bytes: m.bytes()})
		default:
			parts = append(parts, inference.Text{Text: m.text()})
		}
	}
	return parts
}

func (m maker) assistant() (parts []inference.Part, calls []string) {
	if m.maybe() {
		parts = append(parts, inference.Reasoning{Text: m.text()})
	}
	if m.maybe() {
		parts = append(parts, inference.Text{Text: m.text()})
	}
	for i := range m.IntN(3) {
		id := fmt.Sprintf("call_%d_%d", i, m.IntN(1000))
		calls = append(calls, id)
		parts = append(parts, inference.ToolUse{ID: id, Name: "tool" + fmt.Sprint(i), Input: m.json()})
	}
	if len(parts) == 0 {
		parts = append(parts, inference.Text{Text: m.text()})
	}
	return parts, calls
}

func ptr[T any](v T) *T { return &v }

func (m maker) request() *inference.Request {
	req := &inference.Request{Dialect: chatcompletions.Dialect}
	if m.maybe() {
		req.System = m.texts()
	}
	var calls []string
	for range 1 + m.IntN(3) {
		user := inference.Message{Role: inference.RoleUser}
		for _, id := range calls {
			user.Parts = append(user.Parts, inference.ToolResult{ID: id, Content: m.texts()})
		}
		if len(calls) == 0 || m.maybe() {
			user.Parts = append(user.Parts, m.user()...)
		}
		assistant := inference.Message{Role: inference.RoleAssistant}
		assistant.Parts, calls = m.assistant()
		req.Messages = append(req.Messages, user, assistant)
		if len(calls) == 0 && m.maybe() {
			req.Messages = append(req.Messages, inference.Message{Role: inference.RoleSystem, Parts: m.texts()})
		}
	}
	for i := range m.IntN(3) {
		t := inference.Tool{Name: fmt.Sprint("tool", i), Schema: m.json()}
		if m.maybe() {
			t.Description, t.Strict = m.text(), ptr(m.maybe())
		}
		req.Tools = append(req.Tools, t)
	}
	if len(req.Tools) > 0 {
		req.ToolChoice = []inference.ToolChoice{
			{}, {Mode: inference.ToolAuto}, {Mode: inference.ToolAny}, {Mode: inference.ToolNone}, {Mode: inference.ToolNamed, Name: "tool0"},
		}[m.IntN(5)]
		if m.maybe() {
			req.Parallel = ptr(m.maybe())
			req.Tools = append(req.Tools, inference.Tool{Kind: "web_search", Config: json.RawMessage(`{"x":{"y":1}}`)})
		}
	}
	switch m.IntN(4) {
	case 0:
		req.Output = &inference.OutputFormat{}
	case 1:
		req.Output = &inference.OutputFormat{Name: m.text(), Description: m.text(), Schema: m.json(), Strict: ptr(m.maybe())}
	}
	switch m.IntN(4) {
	case 0:
		req.Reasoning = &inference.ReasoningConfig{Mode: inference.ReasoningOff}
	case 1:
		req.Reasoning = &inference.ReasoningConfig{Effort: []string{"minimal", "low", "medium", "high", "xhigh"}[m.IntN(5)]}
	}
	if m.maybe() {
		req.MaxTokens, req.Temperature, req.TopP = 1+m.IntN(1e6), ptr(m.Float64()*2), ptr(m.Float64())
		req.TopK, req.Seed = ptr(m.IntN(100)), ptr(m.Uint32())
		req.StopSequences = []string{m.text(), m.text()}
	}
	if m.maybe() {
		req.Extra = map[string]json.RawMessage{"logit_bias": json.RawMessage(`{"50256":-100}`), "user": json.RawMessage(`"me"`), "min_p": json.RawMessage(`0.05`)}
	}
	return req
}

// What the format can carry comes back as it was.
func TestRequestsComeBack(t *testing.T) {
	t.Parallel()
	m := maker{rand.New(rand.NewPCG(1, 2))}
	for range 300 {
		want := m.request()
		stream := m.maybe()
		data, err := chatcompletions.EncodeRequest(want, chatcompletions.EncodeOptions{Model: "m", Stream: stream, Flavor: chatcompletions.Full})
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(data) {
			t.Fatalf("got no JSON: %s", data)
		}
		got, err := chatcompletions.DecodeRequest(data)
		if err != nil {
			t.Fatalf("%v in %s", err, data)
		}
		if diff := cmp.Diff(want, got.Request); diff != "" {
			t.Fatalf("request (-want +got):\n%s\n%s", diff, data)
		}
		if got.Model != "m" || got.Stream != stream || got.IncludeUsage != stream || want.Extra != nil && (got.User != "me" || !reflect.DeepEqual(got.Unknown, []string{"min_p"})) {
			t.Fatalf("got %+v", got)
		}
	}
}

func (m maker) answer() *inference.Answer {
	a := &inference.Answer{Model: "m", Reason: inference.StopEndTurn}
	var c inference.Collector
	c.Add(inference.Started{Model: "m"})
	f := inference.Finished{Reason: inference.StopEndTurn, Usage: inference.Usage{
		InputTokens: m.IntN(100), OutputTokens: 50 + m.IntN(100), CacheReadTokens: m.IntN(3) * 7, CacheWriteTokens: m.IntN(3) * 5, ReasoningTokens: m.IntN(3),
	}}
	if m.maybe() {
		c.Add(inference.ReasoningDelta{Text: m.text()})
	}
	if m.maybe() {
		c.Add(inference.TextDelta{Text: m.text()})
	}
	if m.IntN(4) == 0 {
		c.Add(inference.ImageBlock{Image: inference.Image{Format: "png", Bytes: m.bytes()}})
	}
	switch m.IntN(6) {
	case 0:
		f.Reason, f.StopSequence = inference.StopSequence, m.text()
	case 1:
		f.Reason = inference.StopMaxTokens
	case 2:
		f.Reason = inference.StopFiltered
	case 3:
		f.Reason = inference.StopToolUse
		for i := range 1 + m.IntN(3) {
			c.Add(inference.ToolStart{ID: fmt.Sprint("call_", i), Name: "t"})
			if input := string(m.json()); m.maybe() {
				c.Add(inference.ToolDelta{JSON: input[:5]})
				c.Add(inference.ToolDelta{JSON: input[5:]})
			} else {
				c.Add(inference.ToolDelta{JSON: input})
			}
		}
	}
	if m.maybe() {
		f.Extra = map[string]json.RawMessage{
			"system_fingerprint": json.RawMessage(`"fp"`), "service_tier": json.RawMessage(`"default"`),
			"logprobs": json.RawMessage(`{"content":[{"token":"a","logprob":-0.5}]}`), "annotations": json.RawMessage(`[{"type":"url_citation"}]`),
		}
	}
	c.Add(f)
	*a = *c.Answer()
	return a
}

func collect(f func(func(inference.Event) error) error) (*inference.Answer, error) {
	var c inference.Collector
	err := f(func(ev inference.Event) error { c.Add(ev); return nil })
	return c.Answer(), err
}

// events are those that an answer is made of, its texts cut into pieces.
func (m maker) events(a *inference.Answer) []inference.Event {
	events := []inference.Event{inference.Started{Model: a.Model}}
	cut := func(s string, f func(string)) {
		for s != "" {
			n := 1
			for i := range s {
				if n = len(s); i > 0 && m.IntN(4) == 0 {
					n = i
					break
				}
			}
			f(s[:n])
			s = s[n:]
		}
	}
	for _, p := range a.Parts {
		switch p := p.(type) {
		case inference.Text:
			cut(p.Text, func(s string) { events = append(events, inference.TextDelta{Text: s}) })
		case inference.Reasoning:
			cut(p.Text, func(s string) { events = append(events, inference.ReasoningDelta{Text: s}) })
		case inference.Image:
			events = append(events, inference.ImageBlock{Image: p})
		case inference.ToolUse:
			events = append(events, inference.ToolStart{ID: p.ID, Name: p.Name})
			cut(string(p.Input), func(s string) { events = append(events, inference.ToolDelta{JSON: s}) })
		}
	}
	return append(events, inference.Finished{Reason: a.Reason, StopSequence: a.StopSequence, Usage: a.Usage, Extra: a.Extra})
}

// What the format can carry of an answer comes back as it was, whole and
// streamed.
func TestAnswersComeBack(t *testing.T) {
	t.Parallel()
	m := maker{rand.New(rand.NewPCG(3, 4))}
	for range 300 {
		want := m.answer()
		data, err := chatcompletions.EncodeAnswer(want, chatcompletions.Meta{ID: "x", Created: 7})
		if err != nil || !json.Valid(data) {
			t.Fatalf("got %s, %v", data, err)
		}
		got, err := collect(func(emit func(inference.Event) error) error { return chatcompletions.DecodeAnswer(data, emit) })
		if err != nil {
			t.Fatalf("%v in %s", err, data)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("whole (-want +got):\n%s\n%s", diff, data)
		}
		var chunks []string
		s := chatcompletions.NewStream(chatcompletions.Meta{ID: "x", IncludeUsage: true, Native: m.maybe()}, func(chunk []byte) error {
			if !json.Valid(chunk) {
				t.Fatalf("got no JSON: %s", chunk)
			}
			chunks = append(chunks, string(chunk))
			return nil
		})
		for _, ev := range m.events(want) {
			if err := s.Event(ev); err != nil {
				t.Fatal(err)
			}
		}
		got, err = collect(func(emit func(inference.Event) error) error { return decode(chunks, emit) })
		if err != nil {
			t.Fatalf("%v in %s", err, chunks)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("streamed (-want +got):\n%s\n%s", diff, strings.Join(chunks, "\n"))
		}
	}
}

func decode(chunks []string, emit func(inference.Event) error) error {
	n := 0
	d := chatcompletions.NewDecoder(emit)
	d.NewID = func() string { n++; return fmt.Sprint("made", n) }
	for _, c := range chunks {
		if err := d.Chunk([]byte(c)); err != nil {
			return err
		}
	}
	return d.End()
}

// delta is a chunk of a server.
func delta(s string) string { return `{"model":"m","choices":[{"index":0,"delta":` + s + `}]}` }

func done(reason string) string {
	return `{"choices":[{"index":0,"delta":{},"finish_reason":"` + reason + `"}]}`
}

func toolPiece(index int, id, name, arguments string) string {
	data, err := json.Marshal(map[string]any{"tool_calls": []any{map[string]any{
		"index": index, "id": id, "function": map[string]any{"name": name, "arguments": arguments},
	}}})
	if err != nil {
		panic(err)
	}
	return delta(string(data))
}

// Servers stream in many ways; the hub gets blocks one after the other.
func TestStreamsOfServers(t *testing.T) {
	t.Parallel()
	use := func(id, input string) inference.ToolUse {
		return inference.ToolUse{ID: id, Name: "f", Input: json.RawMessage(input)}
	}
	for name, test := range map[string]struct {
		chunks []string
		parts  []inference.Part
		reason inference.StopReason
	}{
		"two tools mixed": {
			[]string{toolPiece(0, "a", "f", `{"x`), toolPiece(1, "b", "f", `{"y"`), toolPiece(0, "", "", `":1}`), toolPiece(1, "", "", `:2}`), done("tool_calls")},
			[]inference.Part{use("a", `{"x":1}`), use("b", `{"y":2}`)}, inference.StopToolUse,
		},
		"text among the input": {
			[]string{toolPiece(0, "a", "f", `{"x`), delta(`{"content":"hm"}`), delta(`{"content":"m"}`), toolPiece(0, "", "", `":1}`), done("stop")},
			[]inference.Part{use("a", `{"x":1}`), inference.Text{Text: "hmm"}}, inference.StopToolUse,
		},
		"no input": {
			[]string{toolPiece(0, "a", "f", ``), toolPiece(1, "b", "f", `{}`), done("tool_calls")},
			[]inference.Part{use("a", `{}`), use("b", `{}`)}, inference.StopToolUse,
		},
		"index 0 for all": {
			[]string{toolPiece(0, "a", "f", `{"x":1}`), toolPiece(0, "b", "f", `{"x":2}`), done("tool_calls")},
			[]inference.Part{use("a", `{"x":1}`), use("b", `{"x":2}`)}, inference.StopToolUse,
		},
		"no ids": {
			[]string{toolPiece(0, "", "f", `{"x":1}`), toolPiece(0, "", "f", `{"x":2}`), done("tool_calls")},
			[]inference.Part{use("made1", `{"x":1}`), use("made2", `{"x":2}`)}, inference.StopToolUse,
		},
		"names again": {
			[]string{toolPiece(0, "a", "f", `{"x"`), toolPiece(0, "a", "f", `:1}`), done("tool_calls")},
			[]inference.Part{use("a", `{"x":1}`)}, inference.StopToolUse,
		},
		"an id that does not fit": {
			[]string{toolPiece(0, "call with spaces", "f", `{}`), done("tool_calls")},
			[]inference.Part{use("made1", `{}`)}, inference.StopToolUse,
		},
		"the same id twice": {
			[]string{toolPiece(0, "a", "f", `{}`), toolPiece(1, "a", "f", `{}`), done("tool_calls")},
			[]inference.Part{use("a", `{}`), use("made1", `{}`)}, inference.StopToolUse,
		},
		"broken input": {
			[]string{toolPiece(0, "a", "f", `{"x":`), done("tool_calls")},
			[]inference.Part{use("a", `{"x":`)}, inference.StopMalformedTool,
		},
		"input that is no object": {
			[]string{toolPiece(0, "a", "f", `[1]`), done("tool_calls")},
			[]inference.Part{use("a", `[1]`)}, inference.StopMalformedTool,
		},
		"input of no JSON": {
			[]string{toolPiece(0, "a", "f", `{x}`), done("tool_calls")},
			[]inference.Part{use("a", `{x}`)}, inference.StopMalformedTool,
		},
		"cut input": {
			[]string{toolPiece(0, "a", "f", `{"x":`), done("length")},
			[]inference.Part{use("a", `{"x":`)}, inference.StopMaxTokens,
		},
		"both names of thoughts": {
			[]string{delta(`{"role":"assistant","content":"","reasoning":"th","reasoning_content":"th"}`), delta(`{"reasoning":"ink"}`), delta(`{"content":"x"}`), done("stop")},
			[]inference.Part{inference.Reasoning{Text: "think"}, inference.Text{Text: "x"}}, inference.StopEndTurn,
		},
		"thoughts and text at once": {
			[]string{delta(`{"content":"x","reasoning_content":"think"}`), done("stop")},
			[]inference.Part{inference.Reasoning{Text: "think"}, inference.Text{Text: "x"}}, inference.StopEndTurn,
		},
		"Mistral's list": {
			[]string{delta(`{"content":[{"type":"thinking","thinking":[{"type":"text","text":"think"}]},{"type":"text","text":"x"}]}`), done("stop")},
			[]inference.Part{inference.Reasoning{Text: "think"}, inference.Text{Text: "x"}}, inference.StopEndTurn,
		},
		"a refusal":         {[]string{delta(`{"refusal":"I "}`), delta(`{"refusal":"cannot"}`), done("stop")}, []inference.Part{inference.Text{Text: "I cannot"}}, inference.StopFiltered},
		"an unknown reason": {[]string{delta(`{"content":"x"}`), done("because")}, []inference.Part{inference.Text{Text: "x"}}, inference.StopEndTurn},
		"no reason":         {[]string{delta(`{"content":"x"}`), "[DONE]"}, []inference.Part{inference.Text{Text: "x"}}, inference.StopEndTurn},
		"vLLM's stop":       {[]string{delta(`{"content":"x"}`), `{"choices":[{"delta":{},"finish_reason":"stop","stop_reason":"END"}]}`}, []inference.Part{inference.Text{Text: "x"}}, inference.StopSequence},
		"vLLM's stop token": {[]string{delta(`{"content":"x"}`), `{"choices":[{"delta":{},"finish_reason":"stop","stop_reason":128001}]}`}, []inference.Part{inference.Text{Text: "x"}}, inference.StopEndTurn},
		"nothing at all":    {[]string{delta(`{}`), done("stop")}, nil, inference.StopEndTurn},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := collect(func(emit func(inference.Event) error) error { return decode(test.chunks, emit) })
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.parts, got.Parts); diff != "" {
				t.Errorf("parts (-want +got):\n%s", diff)
			}
			if got.Reason != test.reason {
				t.Errorf("got %s, want %s", got.Reason, test.reason)
			}
		})
	}
}

// The input of a tool is passed on as it comes, not at its end.
func TestInputIsNotKeptBack(t *testing.T) {
	t.Parallel()
	var got []inference.Event
	d := chatcompletions.NewDecoder(func(ev inference.Event) error { got = append(got, ev); return nil })
	for i, c := range []string{toolPiece(0, "a", "f", `{"x`), toolPiece(0, "", "", `":1}`), toolPiece(1, "b", "f", `{`)} {
		if err := d.Chunk([]byte(c)); err != nil {
			t.Fatal(err)
		}
		if want := []int{3, 4, 6}[i]; len(got) != want {
			t.Errorf("after %d pieces got %d events, want %d", i+1, len(got), want)
		}
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		chunks []string
		want   inference.Usage
	}{
		"none":     {nil, inference.Usage{}},
		"twice":    {[]string{`{"usage":{"prompt_tokens":1,"completion_tokens":1}}`, `{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":3}}`}, inference.Usage{InputTokens: 10, OutputTokens: 3}},
		"null":     {[]string{`{"choices":[],"usage":null}`}, inference.Usage{}},
		"cached":   {[]string{`{"usage":{"prompt_tokens":10,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":8},"completion_tokens_details":{"reasoning_tokens":2}}}`}, inference.Usage{InputTokens: 2, CacheReadTokens: 8, OutputTokens: 3, ReasoningTokens: 2}},
		"DeepSeek": {[]string{`{"usage":{"prompt_tokens":10,"completion_tokens":3,"prompt_cache_hit_tokens":4,"prompt_cache_miss_tokens":6}}`}, inference.Usage{InputTokens: 6, CacheReadTokens: 4, OutputTokens: 3}},
		"nonsense": {[]string{`{"usage":{"prompt_tokens":-5,"completion_tokens":"many","prompt_tokens_details":{"cached_tokens":8}}}`}, inference.Usage{}},
	} {
		chunks := append([]string{delta(`{"content":"x"}`), done("stop")}, test.chunks...)
		got, err := collect(func(emit func(inference.Event) error) error { return decode(chunks, emit) })
		if err != nil || got.Usage != test.want {
			t.Errorf("%s: got %+v, %v, want %+v", name, got.Usage, err, test.want)
		}
	}
}

// What is no answer is no answer: it is the server's failure.
func TestBadAnswers(t *testing.T) {
	t.Parallel()
	for name, chunks := range map[string][]string{
		"nothing":          nil,
		"only done":        {"[DONE]"},
		"no end":           {delta(`{"content":"x"}`)},
		"no JSON":          {"<html>"},
		"half":             {`{"choices":[{"delta":{"content":"x`},
		"a list":           {`[1,2]`},
		"nameless call":    {toolPiece(0, "a", "", "{}")},
		"broken off":       {delta(`{"content":"x"}`), done("abort")},
		"unreadable image": {delta(`{"images":[{"type":"image_url","image_url":{"url":"data:x"}}]}`)},
	} {
		_, err := collect(func(emit func(inference.Event) error) error { return decode(chunks, emit) })
		if !fault.Is(err, fault.Upstream) {
			t.Errorf("%s: got %v, want a fault of kind upstream", name, err)
		}
	}
	for name, chunk := range map[string]string{
		"an object": `{"error":{"message":"no","type":"server_error","code":503}}`,
		"a string":  `{"error":"no"}`,
		"vLLM's":    `{"object":"error","message":"no","code":400}`,
	} {
		_, err := collect(func(emit func(inference.Event) error) error { return decode([]string{chunk}, emit) })
		e, ok := errors.AsType[*chatcompletions.ServerError](err)
		if !ok || e.Message != "no" || name == "an object" && e.Status != 503 {
			t.Errorf("%s: got %+v, want the server's error", name, err)
		}
	}
}

// Wrong requests are refused in OpenAI's words.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	const ok = `"messages":[{"role":"user","content":"x"}]`
	for body, want := range map[string]string{
		``:                  "We could not parse the JSON body",
		`[]`:                "Invalid body: expected an object, but got an array instead.",
		`{}`:                "Missing required parameter: 'messages'.",
		`{"messages":[]}`:   "Invalid 'messages': empty array.",
		`{"messages":"x"}`:  "Invalid type for 'messages': expected an array of objects, but got a string instead.",
		`{"messages":[7]}`:  "Invalid type for 'messages[0]': expected an object, but got an integer instead.",
		`{"messages":[{}]}`: "Missing required parameter: 'messages[0].role'.",
		`{"messages":[{"role":"god","content":"x"}]}`:                                                                                     "Invalid value for 'messages[0].role'",
		`{"messages":[{"role":"user"}]}`:                                                                                                  "Invalid value for 'messages[0].content': expected a string, got null.",
		`{"messages":[{"role":"user","content":7.5}]}`:                                                                                    "Invalid type for 'messages[0].content': expected one of a string or array of objects, but got a decimal instead.",
		`{"messages":[{"role":"user","content":[{"type":"smell"}]}]}`:                                                                     "Invalid value for 'messages[0].content[0].type': 'smell' is not supported.",
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png,x"}}]}]}`:                          "expected a base64-encoded data URL",
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,*"}}]}]}`:                   "expected a base64-encoded data URL",
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:text/plain;base64,eA=="}}]}]}`:               "expected a media type of image/*, but got 'text/plain'.",
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"file:///etc/passwd"}}]}]}`:                        "expected a URL that starts with 'https://'",
		`{"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}]}`:                                               "Uploaded files are not supported.",
		`{"messages":[{"role":"assistant"}]}`:                                                                                             "Invalid value for 'messages[0].content': expected a string, got null.",
		`{"messages":[{"role":"tool","content":"x"}]}`:                                                                                    "Missing required parameter: 'messages[0].tool_call_id'.",
		`{"messages":[{"role":"assistant","tool_calls":[{"type":"function","function":{"name":"f"}}]}]}`:                                  "Missing required parameter: 'messages[0].tool_calls[0].id'.",
		`{"messages":[{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":7}}]}]}`:           "Invalid type for 'messages[0].tool_calls[0].function.arguments': expected a string, but got an integer instead.",
		`{` + ok + `,"temperature":"hot"}`:                                                                                                "Invalid type for 'temperature': expected a decimal, but got a string instead.",
		`{` + ok + `,"max_tokens":0}`:                                                                                                     "Invalid 'max_tokens': expected an integer between 1 and 2147483647, but got 0 instead.",
		`{` + ok + `,"max_tokens":1.5}`:                                                                                                   "Invalid type for 'max_tokens': expected an integer, but got a decimal instead.",
		`{` + ok + `,"n":2}`:                                                                                                              "Invalid 'n': only one choice is supported, but got 2.",
		`{` + ok + `,"stop":{}}`:                                                                                                          "Invalid type for 'stop'",
		`{` + ok + `,"functions":[]}`:                                                                                                     "Unsupported parameter: 'functions' is not supported.",
		`{` + ok + `,"tools":[{"type":"function"}]}`:                                                                                      "Missing required parameter: 'tools[0].function'.",
		`{` + ok + `,"tools":[{"type":"function","function":{}}]}`:                                                                        "Missing required parameter: 'tools[0].function.name'.",
		`{` + ok + `,"tool_choice":"auto"}`:                                                                                               "'tool_choice' is only allowed when 'tools' are specified.",
		`{` + ok + `,"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"maybe"}`:                                        "Invalid value for 'tool_choice'",
		`{` + ok + `,"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"allowed_tools"}}`:                       "Invalid value for 'tool_choice.type': 'allowed_tools' is not supported.",
		`{` + ok + `,"response_format":{"type":"yaml"}}`:                                                                                  "Invalid value for 'response_format.type'",
		`{` + ok + `,"response_format":{"type":"json_schema","json_schema":{"name":"x"}}}`:                                                "Missing required parameter: 'response_format.json_schema.schema'.",
		`{` + ok + `,"stream":1}`:                                                                                                         "Invalid type for 'stream': expected a boolean, but got an integer instead.",
		`{` + ok + `,"temperature":1e999}`:                                                                                                "Invalid value for 'temperature'",
		`{"messages":[{"role":"system","content":[{"type":"image_url","image_url":{"url":"https://x"}}]},{"role":"user","content":"x"}]}`: "supported values are: 'text'.",
	} {
		_, err := chatcompletions.DecodeRequest([]byte(body))
		if k := fault.KindOf(err); err == nil || k != fault.Invalid && k != fault.Unsupported || !strings.Contains(fault.As(err).Message, want) {
			t.Errorf("%s: got %v, want %q", body, err, want)
		}
	}
}

// Forms that clients write and the encoder does not.
func TestOtherFormsOfRequests(t *testing.T) {
	t.Parallel()
	text := func(s string) []inference.Part { return []inference.Part{inference.Text{Text: s}} }
	for name, test := range map[string]struct {
		body string
		want inference.Request
	}{
		"developer and Writer's object": {
			`{"messages":[{"role":"developer","content":"be"},{"role":"system","content":[{"type":"text","text":"brief"}]},{"role":"user","content":{"text":"x"}}],"max_tokens":5,"max_completion_tokens":7,"n":1,"stop":"S","seed":-1,"top_k":-1,"temperature":null}`,
			inference.Request{
				System: []inference.Part{inference.Text{Text: "be"}, inference.Text{Text: "brief"}}, Messages: []inference.Message{{Role: inference.RoleUser, Parts: text("x")}},
				MaxTokens: 7, StopSequences: []string{"S"}, Seed: ptr(uint32(0xffffffff)),
			},
		},
		"results and what the user says": {
			`{"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"","tool_calls":[{"id":"a","function":{"name":"f","arguments":""}},{"id":"b","type":"function","function":{"name":"f","arguments":{"x":1}}}]},{"role":"tool","tool_call_id":"a","content":"1"},{"role":"tool","tool_call_id":"b","content":[{"type":"text","text":"2"}]},{"role":"user","content":"go on"}]}`,
			inference.Request{Messages: []inference.Message{
				{Role: inference.RoleUser, Parts: text("x")},
				{Role: inference.RoleAssistant, Parts: []inference.Part{
					inference.ToolUse{ID: "a", Name: "f", Input: json.RawMessage(`{}`)}, inference.ToolUse{ID: "b", Name: "f", Input: json.RawMessage(`{"x":1}`)},
				}},
				{Role: inference.RoleUser, Parts: []inference.Part{
					inference.ToolResult{ID: "a", Content: text("1")}, inference.ToolResult{ID: "b", Content: text("2")}, inference.Text{Text: "go on"},
				}},
			}},
		},
		"escaped image": {
			`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image\/jpg;base64,\/w=="}}]}]}`,
			inference.Request{Messages: []inference.Message{{Role: inference.RoleUser, Parts: []inference.Part{inference.Image{Format: "jpeg", Bytes: []byte{0xff}}}}}},
		},
	} {
		test.want.Dialect = chatcompletions.Dialect
		got, err := chatcompletions.DecodeRequest([]byte(test.body))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(&test.want, got.Request); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// What a server cannot read is refused, and never left out.
func TestPartsThatServersCannotRead(t *testing.T) {
	t.Parallel()
	type unknown struct{ inference.Text }
	for _, p := range []inference.Part{
		unknown{}, inference.Image{URL: "s3://b/k"}, inference.Audio{Format: "wav", Bytes: []byte{1}}, inference.Video{Format: "mp4", Bytes: []byte{1}},
		inference.Document{Format: "pdf", Bytes: []byte{1}}, inference.SearchResult{}, inference.ToolUse{}, inference.JSON{},
		inference.ToolResult{ID: "a", Content: []inference.Part{inference.Image{Format: "png", Bytes: []byte{1}}}},
		inference.ToolResult{ID: "a", Kind: "web_search_tool_result"},
	} {
		req := &inference.Request{Messages: []inference.Message{{Role: inference.RoleUser, Parts: []inference.Part{p}}}}
		if _, err := chatcompletions.EncodeRequest(req, chatcompletions.EncodeOptions{}); !fault.Is(err, fault.Unsupported) {
			t.Errorf("%T: got %v, want unsupported", p, err)
		}
	}
	req := &inference.Request{System: []inference.Part{inference.Image{}}}
	if _, err := chatcompletions.EncodeRequest(req, chatcompletions.EncodeOptions{}); !fault.Is(err, fault.Unsupported) {
		t.Errorf("got %v, want unsupported", err)
	}
	// Points of a cache save work and are left out; guarded and cited text is text.
	req = &inference.Request{Messages: []inference.Message{{Role: inference.RoleUser, Parts: []inference.Part{
		inference.CachePoint{}, inference.Guarded{Text: "a"}, inference.Cited{Text: []string{"b", "c"}},
	}}}}
	got, err := chatcompletions.EncodeRequest(req, chatcompletions.EncodeOptions{Model: "m", Flavor: chatcompletions.Flavor{JoinText: true}})
	if want := `{"model":"m","messages":[{"role":"user","content":"a\nbc"}]}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

func TestInlineReasoning(t *testing.T) {
	t.Parallel()
	events := []inference.Event{
		inference.Started{Model: "m"}, inference.ReasoningDelta{Text: "th"}, inference.ReasoningDelta{Text: "ink"}, inference.ReasoningDelta{Signature: "s"},
		inference.TextDelta{Text: "x"}, inference.Finished{Reason: inference.StopEndTurn},
	}
	const want = "<reasoning>think</reasoning>x"
	var c inference.Collector
	var chunks []string
	m := chatcompletions.Meta{InlineReasoning: true, Native: true}
	s := chatcompletions.NewStream(m, func(chunk []byte) error { chunks = append(chunks, string(chunk)); return nil })
	for _, ev := range events {
		c.Add(ev)
		if err := s.Event(ev); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := collect(func(emit func(inference.Event) error) error { return decode(chunks, emit) }); err != nil || got.Text != want {
		t.Errorf("streamed: got %q, %v", got.Text, err)
	}
	data, err := chatcompletions.EncodeAnswer(c.Answer(), m)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := collect(func(emit func(inference.Event) error) error { return chatcompletions.DecodeAnswer(data, emit) }); err != nil || got.Text != want {
		t.Errorf("whole: got %q, %v", got.Text, err)
	}
}

// Whatever is read as a request can be written and read again as the same.
func FuzzDecodeRequest(f *testing.F) {
	m := maker{rand.New(rand.NewPCG(5, 6))}
	for range 20 {
		data, err := chatcompletions.EncodeRequest(m.request(), chatcompletions.EncodeOptions{Model: "m", Flavor: chatcompletions.Full})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"messages":[{"role":"user","content":{"text":"x"}}],"tools":[{"type":"x"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		call, err := chatcompletions.DecodeRequest(body)
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.Unsupported {
				t.Fatalf("got %v", err)
			}
			return
		}
		if _, err := chatcompletions.EncodeRequest(call.Request, chatcompletions.EncodeOptions{Flavor: chatcompletions.Full}); err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.Unsupported {
				t.Fatalf("got %v", err)
			}
		}
	})
}

// No bytes of a server's break the order of events.
func FuzzDecoder(f *testing.F) {
	f.Add(delta(`{"content":"x"}`), toolPiece(0, "a", "f", `{"x`), toolPiece(1, "b", "f", `{}`), done("stop"))
	f.Add(delta(`{"reasoning":"x"}`), delta(`{"images":[{}]}`), `{"usage":{"prompt_tokens":1}}`, "[DONE]")
	f.Add(`{"error":{}}`, `{"choices":[{"text":"x"}]}`, `{"choices":[{"logprobs":{"content":[1]}}]}`, "")
	f.Fuzz(func(t *testing.T, a, b, c, e string) {
		var got []inference.Event
		err := decode([]string{a, b, c, e}, func(ev inference.Event) error { got = append(got, ev); return nil })
		tool := false
		for i, ev := range got {
			switch ev := ev.(type) {
			case inference.Started:
				if i != 0 {
					t.Error("Started is not first")
				}
			case inference.Finished:
				if i != len(got)-1 || err != nil {
					t.Error("Finished is not last")
				}
			case inference.ToolStart:
				tool = true
				continue
			case inference.ToolDelta:
				if !tool {
					t.Error("input without a tool")
				}
				continue
			case inference.TextDelta:
				if ev.Text == "" {
					t.Error("an empty delta")
				}
			}
			tool = false
		}
		if err == nil && len(got) < 2 {
			t.Error("an answer without events")
		}
	})
}

// TestAddresses holds servers of the operator's own to what is in the request:
// whoever may ask a model could make them ask others from within.
func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, p := range []inference.Part{
		inference.Image{URL: "https://10.0.0.1/a.png"}, inference.Audio{URL: "https://10.0.0.1/a.wav"}, inference.Video{URL: "https://10.0.0.1/a.mp4"},
	} {
		req := &inference.Request{Messages: []inference.Message{{Role: inference.RoleUser, Parts: []inference.Part{p}}}}
		own := chatcompletions.Full
		own.Links = false
		if _, err := chatcompletions.EncodeRequest(req, chatcompletions.EncodeOptions{Flavor: own}); !fault.Is(err, fault.Unsupported) {
			t.Errorf("%T: got %v, want a refusal", p, err)
		}
		if _, err := chatcompletions.EncodeRequest(req, chatcompletions.EncodeOptions{Flavor: chatcompletions.Full}); err != nil {
			t.Errorf("%T: a vendor's server: got %v", p, err)
		}
	}
	for body, want := range map[string]bool{
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"http://169.254.169.254/"}}]}]}`:                       true,
		`{"messages":[{"role":"user","content":[{"type":"image_url","image\u005furl":{"\u0075rl":"file:///etc/passwd"}}]}]}`:                  true,
		`{"messages":[],"messages":[{"role":"user","content":[{"type":"video_url","video_url":"https://x/y","video_url":"data:video/x,"}]}]}`: true,
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}]}`:                    false,
		`{"messages":[{"role":"user","content":"see https://x"}],"tools":[{"function":{"parameters":{"image_url":{"url":"x"}}}}]}`:            false,
		`[]`: false,
	} {
		if got := chatcompletions.Links([]byte(body)); got != want {
			t.Errorf("%s: got %v, want %v", body, got, want)
		}
	}
}

// TestNonsenseIsNoUsage: an answer is not for free because its server cannot count.
func TestNonsenseIsNoUsage(t *testing.T) {
	t.Parallel()
	for usage, want := range map[string]bool{
		`{}`: false, `{"prompt_tokens":0,"completion_tokens":0}`: false, `{"prompt_tokens":-9,"completion_tokens":4611686018427387904}`: false,
		`{"prompt_tokens":9}`: true, `{"completion_tokens":1}`: true,
	} {
		d := chatcompletions.NewDecoder(func(inference.Event) error { return nil })
		if err := d.Chunk([]byte(`{"choices":[{"delta":{"content":"x"}}],"usage":` + usage + `}`)); err != nil {
			t.Fatal(err)
		}
		if got := d.HasUsage(); got != want {
			t.Errorf("%s: got %v, want %v", usage, got, want)
		}
	}
}
