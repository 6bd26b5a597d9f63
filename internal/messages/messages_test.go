package messages_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/messages"
)

var (
	png  = []byte("\x89PNG\x0d\x0a\x1a\x0a\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\x9bU\x00\x00\x00\x0aIDATx\x9cc`\x00\x00\x00\x02\x00\x01H\xaf\xa4q\x00\x00\x00\x00IEND\xaeB`\x82")
	gif  = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")
	webp = []byte("RIFF\x16\x00\x00\x00WEBPVP8L\x0a\x00\x00\x00/\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	pdf  = []byte("%PDF-1.7\n%%EOF")
)

// random makes values of the hub, everything that the format can say.
type random struct {
	*rand.Rand
	ids int
}

func pick[T any](r *random, of ...T) T { return of[r.IntN(len(of))] }

func (r *random) text() string {
	return pick(r, "a", "Hello, <world> & \"all\"", "日本\n\t\u0001", "x\\y/z", "\u2028 \U0001f600", strings.Repeat("long ", 50)) + pick(r, "", "1", "2")
}

func (r *random) yes() bool { return r.IntN(2) == 0 }

func (r *random) object() json.RawMessage {
	return pick(r, json.RawMessage(`{}`), json.RawMessage(`{"b":1,"a":[null,2.50,{"c":"\u0041"}]}`), json.RawMessage(`{"path":"/tmp","n":12345678901234567890}`))
}

func (r *random) optional() *bool { return pick(r, nil, new(true), new(false)) }

func (r *random) id() string {
	r.ids++
	return fmt.Sprintf("toolu_%d", r.ids)
}

func (r *random) citation() inference.Citation {
	c := inference.Citation{Quotes: []string{r.text()}, Title: pick(r, "", "A title"), Location: &inference.Location{Start: r.IntN(9), End: r.IntN(9)}}
	c.Location.Unit = pick(r, inference.LocationChars, inference.LocationPages, inference.LocationChunks, inference.LocationSearch, inference.LocationWeb)
	switch c.Location.Unit {
	case inference.LocationWeb:
		c.Location.Start, c.Location.End = 0, 0
		c.Location.URL, c.Location.Proof = "https://example.com/", "Eo8="
	case inference.LocationSearch:
		c.Source = "https://example.com/found"
		c.Location.Document = r.IntN(3)
	default:
		c.Location.Document = r.IntN(3)
	}
	return c
}

func (r *random) cited() inference.Cited {
	c := inference.Cited{Text: []string{r.text()}}
	for range 1 + r.IntN(2) {
		c.Citations = append(c.Citations, r.citation())
	}
	return c
}

func (r *random) document() inference.Document {
	d := pick(r,
		inference.Document{Format: "pdf", Bytes: pdf}, inference.Document{Format: "txt", Text: r.text()},
		inference.Document{Format: "txt", Content: []string{r.text(), r.text()}}, inference.Document{Format: "pdf", URL: "https://example.com/a.pdf"})
	d.Name, d.Context, d.Citations = pick(r, "", "Title"), pick(r, "", "Context"), r.yes()
	return d
}

func (r *random) image() inference.Image {
	return pick(r, inference.Image{Format: "png", Bytes: png}, inference.Image{Format: "gif", Bytes: gif},
		inference.Image{Format: "webp", Bytes: webp}, inference.Image{URL: "https://example.com/a.png"})
}

func (r *random) found() inference.SearchResult {
	return inference.SearchResult{Source: "s", Title: r.text(), Content: []string{r.text(), r.text()}, Citations: r.optional()}
}

// cached puts cache points behind some parts.
func (r *random) cached(parts []inference.Part) []inference.Part {
	var out []inference.Part
	for _, p := range parts {
		out = append(out, p)
		if r.IntN(4) == 0 {
			out = append(out, inference.CachePoint{TTL: pick(r, "", "5m", "1h")})
		}
	}
	return out
}

func (r *random) user(calls []inference.ToolUse) inference.Message {
	var parts []inference.Part
	for _, call := range calls {
		result := inference.ToolResult{ID: call.ID}
		result.Status = r.yes()
		result.Failed = result.Status && r.yes()
		for range r.IntN(3) {
			result.Content = append(result.Content, pick[inference.Part](r, inference.Text{Text: r.text()}, r.image(), r.document(), r.found()))
		}
		parts = append(parts, result)
	}
	for range 1 + r.IntN(3) {
		parts = append(parts, pick[inference.Part](r, inference.Text{Text: r.text()}, r.image(), r.document(), r.found()))
	}
	return inference.Message{Role: inference.RoleUser, Parts: r.cached(parts)}
}

func (r *random) reasoning() inference.Reasoning {
	return pick(r, inference.Reasoning{Text: r.text(), Signature: "EqQB" + r.text()},
		inference.Reasoning{Redacted: []byte("\x00\xff sealed")}, inference.Reasoning{Redacted: []byte("\x00messages:no base64!")})
}

func (r *random) assistant() (inference.Message, []inference.ToolUse) {
	var parts []inference.Part
	for range r.IntN(2) {
		parts = append(parts, r.reasoning())
	}
	parts = append(parts, pick[inference.Part](r, inference.Text{Text: r.text()}, r.cited()))
	if r.IntN(3) == 0 {
		id := r.id()
		parts = append(parts, inference.ToolUse{ID: id, Name: "web_search", Kind: "server_tool_use", Input: r.object()},
			inference.ToolResult{ID: id, Kind: "web_search_tool_result", Content: []inference.Part{inference.JSON{Value: json.RawMessage(`[{"type":"web_search_result"}]`)}}})
	}
	var calls []inference.ToolUse
	for range r.IntN(3) {
		call := inference.ToolUse{ID: r.id(), Name: "f", Input: r.object()}
		calls = append(calls, call)
		parts = append(parts, call)
	}
	return inference.Message{Role: inference.RoleAssistant, Parts: r.cached(parts)}, calls
}

func (r *random) tools(req *inference.Request) {
	schema := json.RawMessage(`{"type":"object","properties":{"z":{"type":"string"},"a":{}},"required":["z"]}`)
	cache := func() *inference.CachePoint { return pick(r, nil, nil, &inference.CachePoint{TTL: "1h"}) }
	req.Tools = append(req.Tools, inference.Tool{Name: "f", Description: pick(r, "", r.text()), Schema: schema, Strict: r.optional(), Cache: cache()})
	if r.yes() {
		req.Tools = append(req.Tools, inference.Tool{Name: "computer", Kind: "computer_20250124", Config: json.RawMessage(`{"display_width_px":8,"display_height_px":9}`), Cache: cache()})
	}
	if r.yes() {
		req.Tools = append(req.Tools, inference.Tool{Name: "g", Schema: json.RawMessage(`{"type":"object"}`), Config: json.RawMessage(`{"defer_loading":true}`)})
	}
	req.ToolChoice.Mode = pick(r, inference.ToolDefault, inference.ToolAuto, inference.ToolAny, inference.ToolNamed, inference.ToolNone)
	switch req.ToolChoice.Mode {
	case inference.ToolNamed:
		req.ToolChoice.Name = "f"
		req.Parallel = r.optional()
	case inference.ToolAuto, inference.ToolAny:
		req.Parallel = r.optional()
	case inference.ToolDefault, inference.ToolNone:
	}
}

func (r *random) request() *inference.Request {
	req := &inference.Request{MaxTokens: 2048 + r.IntN(4096)}
	for range r.IntN(3) {
		req.System = append(req.System, inference.Text{Text: r.text()})
	}
	req.System = r.cached(req.System)
	var calls []inference.ToolUse
	for i := range 1 + 2*r.IntN(3) {
		if i%2 == 0 {
			req.Messages = append(req.Messages, r.user(calls))
			continue
		}
		var m inference.Message
		m, calls = r.assistant()
		req.Messages = append(req.Messages, m)
	}
	if r.yes() {
		r.tools(req)
	}
	if r.yes() {
		req.Temperature, req.TopP, req.TopK = new(float64(r.IntN(11))/10), pick(r, nil, new(0.25)), pick(r, nil, new(0), new(7))
		req.StopSequences = pick(r, nil, []string{"END", "日本\n"})
	}
	if r.yes() {
		c := &inference.ReasoningConfig{Effort: pick(r, "", "low", "max")}
		c.Mode = pick(r, inference.ReasoningOn, inference.ReasoningOff, inference.ReasoningAdaptive)
		if c.Mode == inference.ReasoningOn {
			c.Budget = 1024
		}
		c.Display = pick(r, "", "omitted")
		req.Reasoning = c
	}
	if r.yes() {
		req.Output = &inference.OutputFormat{Schema: json.RawMessage(`{"type":"object","properties":{"b":{},"a":{}}}`)}
	}
	if r.yes() {
		req.Dialect = messages.Dialect
		req.Extra = map[string]json.RawMessage{
			"metadata": json.RawMessage(`{"user_id":"u"}`), "anthropic_beta": json.RawMessage(`["context-1m-2025-08-07"]`),
			"context_management": json.RawMessage(`{"edits":[{"type":"clear_tool_uses_20250919"}]}`), "output_config": json.RawMessage(`{"task_budget":{"total":9}}`),
		}
	}
	return req
}

// TestRequestsKeepEverything holds that what the hub carries survives the way
// through the format, whatever the request.
func TestRequestsKeepEverything(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		want := (&random{Rand: rand.New(rand.NewPCG(seed, 1))}).request()
		body, err := messages.EncodeRequest(want, messages.EncodeOptions{Model: "claude", Stream: true})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if !json.Valid(body) {
			t.Fatalf("seed %d: got no JSON: %s", seed, body)
		}
		call, err := messages.DecodeRequest(body)
		if err != nil {
			t.Fatalf("seed %d: %v in %s", seed, err, body)
		}
		if diff := cmp.Diff(want, call.Request); diff != "" {
			t.Fatalf("seed %d: the request changed on its way through %s (-want +got):\n%s", seed, body, diff)
		}
		if call.Model != "claude" || !call.Stream {
			t.Fatalf("seed %d: got model %q, stream %v, want claude, true", seed, call.Model, call.Stream)
		}
	}
}

// script makes the events of an answer.
func (r *random) script() []inference.Event {
	started := inference.Started{Model: "claude-x", InputTokens: r.IntN(100)}
	events := []inference.Event{started}
	split := func(s string, emit func(string)) {
		runes := []rune(s)
		for len(runes) > 0 {
			n := 1 + r.IntN(len(runes))
			emit(string(runes[:n]))
			runes = runes[n:]
		}
	}
	for range r.IntN(5) {
		switch r.IntN(6) {
		case 0:
			split(r.text(), func(s string) { events = append(events, inference.TextDelta{Text: s}) })
		case 1:
			c := r.cited()
			split(c.Text[0], func(s string) { events = append(events, inference.TextDelta{Text: s}) })
			for _, citation := range c.Citations {
				events = append(events, inference.CitationDelta{Citation: citation})
			}
		case 2:
			split(r.text(), func(s string) { events = append(events, inference.ReasoningDelta{Text: s}) })
			events = append(events, inference.ReasoningDelta{Signature: "Eq=="})
		case 3:
			events = append(events, inference.ReasoningDelta{Redacted: []byte("sealed")})
		case 4:
			events = append(events, inference.ToolStart{ID: r.id(), Name: "f", Kind: pick(r, "", "server_tool_use")})
			if r.yes() {
				split(string(r.object()), func(s string) { events = append(events, inference.ToolDelta{JSON: s}) })
			}
		case 5:
			events = append(events, inference.ToolOutput{Result: inference.ToolResult{
				ID: "srvtoolu_1", Kind: "web_search_tool_result", Content: []inference.Part{inference.JSON{Value: json.RawMessage("[1,2]")}},
			}})
		}
		events = append(events, inference.BlockEnd{})
	}
	done := inference.Finished{Usage: inference.Usage{
		InputTokens: started.InputTokens, OutputTokens: r.IntN(50), CacheReadTokens: r.IntN(3), CacheWriteTokens: 5 + r.IntN(3), CacheWrite1h: r.IntN(5),
	}}
	done.Reason = pick(r, inference.StopEndTurn, inference.StopMaxTokens, inference.StopSequence, inference.StopToolUse, inference.StopContextWindow, inference.StopFiltered)
	if done.Reason == inference.StopSequence {
		done.StopSequence = "END"
	}
	if r.yes() {
		done.Extra = map[string]json.RawMessage{
			"stop_details": json.RawMessage(`{"type":"refusal","category":"x"}`), "usage": json.RawMessage(`{"service_tier":"standard"}`),
			"container": json.RawMessage(`{"id":"c"}`), "context_management": json.RawMessage(`{"applied_edits":[]}`),
		}
	}
	return append(events, done)
}

func collect(events []inference.Event) *inference.Answer {
	var c inference.Collector
	for _, ev := range events {
		c.Add(ev)
	}
	return c.Answer()
}

// TestAnswersKeepEverything holds that a whole answer and a streamed one say the
// same, and all that the hub carries.
func TestAnswersKeepEverything(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		events := (&random{Rand: rand.New(rand.NewPCG(seed, 2))}).script()
		want := collect(events)
		meta := messages.Meta{ID: "msg_1", Model: "claude-x"}

		body, err := messages.EncodeAnswer(want, meta)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		var whole inference.Collector
		if err := messages.DecodeAnswer(body, func(ev inference.Event) error { whole.Add(ev); return nil }); err != nil {
			t.Fatalf("seed %d: %v in %s", seed, err, body)
		}
		if diff := cmp.Diff(want, whole.Answer()); diff != "" {
			t.Fatalf("seed %d: the whole answer changed on its way through %s (-want +got):\n%s", seed, body, diff)
		}

		var streamed inference.Collector
		d := messages.NewDecoder(func(ev inference.Event) error { streamed.Add(ev); return nil })
		var log bytes.Buffer
		s := messages.NewStream(meta, func(chunk []byte) error {
			fmt.Fprintf(&log, "%s\n", chunk)
			if !json.Valid(chunk) || bytes.ContainsRune(chunk, '\n') || messages.EventName(chunk) == "" {
				t.Errorf("seed %d: got the chunk %s, want JSON on one line that begins with its type", seed, chunk)
			}
			if err := d.Chunk([]byte(`{"type": "ping"}`)); err != nil {
				return err
			}
			return d.Chunk(chunk)
		})
		for _, ev := range events {
			if err := s.Event(ev); err != nil {
				t.Fatalf("seed %d: %v after\n%s", seed, err, &log)
			}
		}
		if err := d.End(); err != nil {
			t.Fatalf("seed %d: %v after\n%s", seed, err, &log)
		}
		if diff := cmp.Diff(want, streamed.Answer()); diff != "" {
			t.Fatalf("seed %d: the streamed answer changed on its way through\n%s(-want +got):\n%s", seed, &log, diff)
		}
	}
}

// TestBodiesComeBack holds that the format survives the way through the hub, for
// bodies as callers write them.
func TestBodiesComeBack(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"blocks": `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}},
			{"type":"document","source":{"type":"content","content":[{"type":"text","text":"p"}]},"title":"t","context":"c","citations":{"enabled":true}}]}]}`,
		"tools": `{"max_tokens":9,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],
			"messages":[{"role":"user","content":[{"type":"text","text":"a"}]},
			{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"redacted_thinking","data":"not base64!"},{"type":"tool_use","id":"toolu_1","name":"f","input":{"z":1,"a":2}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"text","text":"r"}],"is_error":false,"cache_control":{"type":"ephemeral"}}]}],
			"tools":[{"name":"f","description":"d","input_schema":{"type":"object","properties":{"z":{},"a":{}}},"strict":true},{"type":"bash_20250124","name":"bash","cache_control":{"type":"ephemeral"}}],
			"tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":true},"thinking":{"type":"adaptive","display":"summarized"},
			"output_config":{"effort":"high","format":{"type":"json_schema","schema":{"type":"object"}}},"metadata":{"user_id":"u"},"anthropic_beta":["b"],"top_k":5}`,
		"middle": `{"max_tokens":9,"anthropic_beta":["mid-conversation-system-2026-01-01"],"messages":[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"system","content":[{"type":"text","text":"b"}]},{"role":"user","content":[{"type":"text","text":"c"}]}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			call, err := messages.DecodeRequest([]byte(body))
			if err != nil {
				t.Fatal(err)
			}
			got, err := messages.EncodeRequest(call.Request, messages.EncodeOptions{Model: call.Model})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tree(t, []byte(body)), tree(t, got)); diff != "" {
				t.Errorf("the body changed (-want +got):\n%s", diff)
			}
		})
	}
}

func tree(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestRefusals is about bodies that the format does not have, in its own words.
func TestRefusals(t *testing.T) {
	t.Parallel()
	block := func(b string) string {
		return `{"max_tokens":9,"messages":[{"role":"user","content":[` + b + `]}]}`
	}
	with := func(members string) string {
		return `{"max_tokens":9,"messages":[{"role":"user","content":"a"}],` + members + `}`
	}
	image := func(media, data string) string {
		return block(`{"type":"image","source":{"type":"base64","media_type":"` + media + `","data":"` + data + `"}}`)
	}
	for name, c := range map[string]struct{ body, want string }{
		"not JSON":         {`{"a"`, "The request body is not valid JSON."},
		"unknown member":   {with(`"frequency_penalty":1`), "frequency_penalty: Extra inputs are not permitted"},
		"no max_tokens":    {`{"messages":[]}`, "max_tokens: Field required"},
		"no messages":      {`{"max_tokens":1}`, "messages: Field required"},
		"no source":        {block(`{"type":"image"}`), "messages.0.content.0.image.source: Field required"},
		"no source type":   {block(`{"type":"document","source":{}}`), "messages.0.content.0.document.source.type: Field required"},
		"image media type": {image("image/bmp", "AAAA"), "messages.0.content.0.image.source.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'"},
		"image empty":      {image("image/png", ""), "messages.0.content.0.image.source.base64: image cannot be empty."},
		"image other type": {image("image/png", "R0lGODlhAQABAA=="), "messages.0.content.0.image.source.base64.data: The image was specified using the image/png media type, but the image appears to be a image/gif image"},
		"image cut":        {image("image/png", base64.StdEncoding.EncodeToString(png[:len(png)-13])), "messages.0.content.0.image: Could not process image"},
		"image unreadable": {image("image/png", "AAAA"), "messages.0.content.0.image: Could not process image"},
		"image not base64": {image("image/png", "*"), "messages.0.content.0.image.source.base64: invalid base64 data"},
		"image too large": {image("image/png", strings.Repeat("A", 5<<20+4)),
			"messages.0.content.0.image.source.base64: image exceeds 5 MB maximum: 5242884 bytes > 5242880 bytes"},
		"no PDF":               {block(`{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AAAA"}}`), "messages.0.content.0.document.source.base64.data: The PDF specified was not valid."},
		"orphan result":        {block(`{"type":"tool_result","tool_use_id":"x"}`), "messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: x. Each `tool_result` block must have a corresponding `tool_use` block in the previous message."},
		"a call of the user's": {block(`{"type":"tool_use","id":"x","name":"f","input":{}}`), "messages.0: `tool_use` blocks can only be in `assistant` messages"},
		"a result of the assistant's": {
			`{"max_tokens":1,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_result","tool_use_id":"x"}]},{"role":"user","content":"b"}]}`,
			"messages.1: `tool_result` blocks can only be in `user` messages",
		},
		"missing result": {
			`{"max_tokens":1,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"x","name":"f","input":{}}]},{"role":"user","content":"b"}]}`,
			"messages.2: Did not find 1 tool_result block(s) at the beginning of this message. Messages following tool_use blocks must begin with a matching number of tool_result blocks.",
		},
		"call twice": {
			`{"max_tokens":1,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"x","name":"f","input":{}}]},` +
				`{"role":"user","content":[{"type":"tool_result","tool_use_id":"x"}]},{"role":"assistant","content":[{"type":"text","text":"b"},{"type":"tool_use","id":"x","name":"f","input":{}}]},` +
				`{"role":"user","content":[{"type":"tool_result","tool_use_id":"x"}]}]}`,
			"messages.3.content.1: `tool_use` ids must be unique",
		},
		"call at the end": {
			`{"max_tokens":1,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"x","name":"f","input":{}}]}]}`,
			"messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: x. Each `tool_use` block must have a corresponding `tool_result` block in the next message.",
		},
		"tool twice":      {with(`"tools":[{"name":"f","input_schema":{"type":"object"}},{"name":"f","input_schema":{"type":"object"}}]`), "tools: Tool names must be unique."},
		"tool name":       {with(`"tools":[{"name":"f g","input_schema":{"type":"object"}}]`), "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'"},
		"no schema":       {with(`"tools":[{"name":"f"}]`), "tools.0.custom.input_schema: Field required"},
		"no such choice":  {with(`"tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":{"type":"tool","name":"g"}`), "Tool 'g' not found in provided tools"},
		"choice alone":    {with(`"tool_choice":{"type":"any"}`), "tool_choice: tool_choice may only be specified while providing tools."},
		"budget":          {with(`"thinking":{"type":"enabled","budget_tokens":100}`), "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"},
		"effort":          {with(`"output_config":{"effort":"huge"}`), "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'"},
		"cache lifetime":  {block(`{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"2h"}}`), "messages.0.content.0.text.cache_control.ephemeral.ttl: Input should be '5m' or '1h'"},
		"a number":        {`{"max_tokens":1.5,"messages":[]}`, "max_tokens: Input should be a valid integer"},
		"hot":             {with(`"temperature":1.5`), "temperature: Input should be less than or equal to 1"},
		"files elsewhere": {block(`{"type":"document","source":{"type":"file","file_id":"f"}}`), "messages.0.content.0.document.source: files of the Files API are not supported; send the content."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := messages.DecodeRequest([]byte(c.body))
			if err == nil || fault.As(err).Message != c.want {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestUnsupportedParts holds that nothing is left out that the format cannot say.
func TestUnsupportedParts(t *testing.T) {
	t.Parallel()
	for _, p := range []inference.Part{
		inference.Video{Format: "mp4"}, inference.Audio{Format: "wav"}, inference.Document{Format: "docx", Bytes: []byte("x")},
		inference.Image{URL: "s3://b/k"}, inference.ToolResult{Content: []inference.Part{inference.Video{}}},
	} {
		req := &inference.Request{MaxTokens: 1, Messages: []inference.Message{{Role: inference.RoleUser, Parts: []inference.Part{p}}}}
		if _, err := messages.EncodeRequest(req, messages.EncodeOptions{}); !fault.Is(err, fault.Unsupported) {
			t.Errorf("got %v for %s, want unsupported", err, reflect.TypeOf(p))
		}
	}
}

// TestEmptyTexts holds that texts which say nothing are left out: the format
// refuses them, and others have them beside calls.
func TestEmptyTexts(t *testing.T) {
	t.Parallel()
	text := func(s string) []inference.Part { return []inference.Part{inference.Text{Text: s}} }
	req := &inference.Request{MaxTokens: 1, System: text(""), Messages: []inference.Message{
		{Role: inference.RoleUser, Parts: text("a")},
		{Role: inference.RoleAssistant, Parts: append(text(""), inference.ToolUse{ID: "t", Name: "f"})},
		{Role: inference.RoleAssistant, Parts: text("")},
	}}
	got, err := messages.EncodeRequest(req, messages.EncodeOptions{})
	want := `{"max_tokens":1,"messages":[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{}}]}]}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

// TestThinkingOfOlderModels is about an effort for models that only know budgets.
func TestThinkingOfOlderModels(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		effort    string
		tokens    int
		old       bool
		want, not string
	}{
		{"high", 64000, true, `"thinking":{"type":"enabled","budget_tokens":16384}`, "output_config"},
		{"high", 4096, true, `"budget_tokens":2048`, "output_config"},
		{"high", 1500, true, `"max_tokens":1500`, "thinking"},
		{"high", 64000, false, `"output_config":{"effort":"high"}`, "thinking"},
		{"minimal", 64000, false, `"output_config":{"effort":"low"}`, "thinking"},
	} {
		req := &inference.Request{MaxTokens: c.tokens, Reasoning: &inference.ReasoningConfig{Effort: c.effort}}
		body, err := messages.EncodeRequest(req, messages.EncodeOptions{NoEffort: c.old})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(body), c.want) || strings.Contains(string(body), c.not) {
			t.Errorf("got %s of %+v, want %s and not %s", body, c, c.want, c.not)
		}
	}
}

// TestMalformedInput holds that a call whose input is no object can be told.
func TestMalformedInput(t *testing.T) {
	t.Parallel()
	a := &inference.Answer{Parts: []inference.Part{inference.ToolUse{ID: "t", Name: "f", Input: json.RawMessage(`{"a":`)}}, Reason: inference.StopMalformedTool}
	body, err := messages.EncodeAnswer(a, messages.Meta{})
	if err != nil || !json.Valid(body) || !strings.Contains(string(body), `"input":{"INVALID_JSON":"{\"a\":"}`) {
		t.Errorf("got %s, %v, want the text of the input in INVALID_JSON", body, err)
	}
}

// TestBrokenStreams is about servers that do not keep to the format.
func TestBrokenStreams(t *testing.T) {
	t.Parallel()
	const start = `{"type":"message_start","message":{"model":"m","usage":{"input_tokens":3,"output_tokens":1}}}`
	const text = `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`
	for name, c := range map[string]struct {
		chunks []string
		kind   fault.Kind
	}{
		"nothing":             {nil, fault.Upstream},
		"cut":                 {[]string{start, text}, fault.Upstream},
		"no start":            {[]string{text}, fault.Upstream},
		"two starts":          {[]string{start, start}, fault.Upstream},
		"HTML":                {[]string{"<html>"}, fault.Upstream},
		"a list":              {[]string{"[]"}, fault.Upstream},
		"stray delta":         {[]string{start, `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}`}, fault.Upstream},
		"other block's delta": {[]string{start, text, `{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"a"}}`}, fault.Upstream},
		"unknown block":       {[]string{start, `{"type":"content_block_start","index":0,"content_block":{"type":"hologram"}}`}, fault.Upstream},
		"overloaded":          {[]string{start, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`}, fault.Unavailable},
		"rate limit":          {[]string{`{"type":"error","error":{"type":"rate_limit_error","message":"x"}}`}, fault.Throttled},
		"internal":            {[]string{start, `{"type":"error","error":{"type":"api_error","message":"secret"}}`}, fault.Upstream},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := messages.NewDecoder(func(inference.Event) error { return nil })
			var err error
			for _, chunk := range c.chunks {
				if err = d.Chunk([]byte(chunk)); err != nil {
					break
				}
			}
			if err == nil {
				err = d.End()
			}
			if !fault.Is(err, c.kind) || strings.Contains(fault.As(err).Message, "secret") {
				t.Errorf("got %v, want a fault of kind %v", err, c.kind)
			}
		})
	}
}

// TestErrorsOfServers is about what a server's error becomes.
func TestErrorsOfServers(t *testing.T) {
	t.Parallel()
	kind, message, ok := messages.DecodeError([]byte(`{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}`))
	if err := messages.Fault(kind, message); !ok || err.Kind != fault.Invalid || !errors.Is(err, inference.ErrContextWindow) {
		t.Errorf("got %v, %v, want an invalid request that does not fit into the window", ok, err)
	}
	kind, message, ok = messages.DecodeError(messages.EncodeError(messages.ErrorInvalid, "a\nb", "req_1"))
	if err := messages.Fault(kind, message); !ok || err.Message != "a b" || errors.Is(err, inference.ErrContextWindow) {
		t.Errorf("got %v, %v, want the sentence on one line", ok, err)
	}
	if _, _, ok := messages.DecodeError([]byte("<html>")); ok {
		t.Error("got an error out of HTML, want none")
	}
}

func FuzzDecodeRequest(f *testing.F) {
	for seed := range uint64(8) {
		body, err := messages.EncodeRequest((&random{Rand: rand.New(rand.NewPCG(seed, 3))}).request(), messages.EncodeOptions{Model: "m"})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Add([]byte(`{"max_tokens":1,"messages":[{"role":"user","content":"\ud800\""}]} `))
	f.Fuzz(func(t *testing.T, body []byte) {
		call, err := messages.DecodeRequest(body)
		if err != nil {
			if kind := fault.KindOf(err); kind != fault.Invalid && kind != fault.Unsupported || len(fault.As(err).Message) > 2000 {
				t.Errorf("got %v, want an invalid request in a sentence", err)
			}
			return
		}
		again, err := messages.EncodeRequest(call.Request, messages.EncodeOptions{Model: call.Model, Stream: call.Stream})
		if err != nil {
			t.Fatalf("got %v from the request of %q", err, body)
		}
		if !json.Valid(again) {
			t.Fatalf("got no JSON %q of %q", again, body)
		}
		second, err := messages.DecodeRequest(again)
		if err != nil {
			t.Fatalf("got %v for %q, made of %q", err, again, body)
		}
		if diff := cmp.Diff(call.Request, second.Request); diff != "" {
			t.Errorf("the request of %q changed (-first +second):\n%s", body, diff)
		}
	})
}

func FuzzDecoder(f *testing.F) {
	for seed := range uint64(8) {
		var stream bytes.Buffer
		s := messages.NewStream(messages.Meta{}, func(chunk []byte) error { stream.Write(append(chunk, '\n')); return nil })
		for _, ev := range (&random{Rand: rand.New(rand.NewPCG(seed, 4))}).script() {
			if err := s.Event(ev); err != nil {
				f.Fatal(err)
			}
		}
		f.Add(stream.Bytes())
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		var events []inference.Event
		emit := func(ev inference.Event) error { events = append(events, ev); return nil }
		d := messages.NewDecoder(emit)
		var err error
		for line := range bytes.Lines(stream) {
			if err = d.Chunk(line); err != nil {
				break
			}
		}
		if err == nil {
			err = d.End()
		}
		if err == nil {
			if _, ok := events[0].(inference.Started); !ok {
				t.Errorf("got %T first, want Started", events[0])
			}
			if _, ok := events[len(events)-1].(inference.Finished); !ok {
				t.Errorf("got %T last, want Finished", events[len(events)-1])
			}
			if _, err := messages.EncodeAnswer(collect(events), messages.Meta{}); err != nil {
				t.Errorf("got %v for an answer that was read", err)
			}
		}
		_ = messages.DecodeAnswer(stream, emit) // it must not panic
	})
}

// FuzzForward holds that a body that goes on loses only what goes elsewhere.
func FuzzForward(f *testing.F) {
	f.Add([]byte(`{"anthropic_version":"bedrock-2023-05-31", "anthropic_beta":["x-1"],"max_tokens":9, "messages":[{"role":"user","content":"\u00fc  "}],"new":{"b":1,"a":2}}`))
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"model":"x","stream":false,"a":"\"}]"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		forward, err := messages.Forward(body, "claude", true)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("got %v, want an invalid request", err)
			}
			return
		}
		var before, after map[string]json.RawMessage
		if err := json.Unmarshal(body, &before); err != nil {
			t.Fatalf("got a body %q of %q, which is none", forward.Body, body)
		}
		if err := json.Unmarshal(forward.Body, &after); err != nil {
			t.Fatalf("got %q of %q: %v", forward.Body, body, err)
		}
		for _, key := range []string{"anthropic_version", "anthropic_beta", "model", "stream"} {
			delete(before, key)
		}
		if string(after["model"]) != `"claude"` || string(after["stream"]) != "true" {
			t.Errorf("got %q, want the model and the stream in it", forward.Body)
		}
		delete(after, "model")
		delete(after, "stream")
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("%q changed (-before +after):\n%s", body, diff)
		}
	})
}
