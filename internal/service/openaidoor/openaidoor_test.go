package openaidoor_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

func TestChatWhole(t *testing.T) {
	t.Parallel()
	f := newFixture(t, text("Hi", " there")...)
	got := f.must("ChatCompletions", `{"model":"openai.gpt-oss-120b","messages":[{"role":"user","content":"hello"}]}`, nil)
	choice := got["choices"].([]any)[0].(map[string]any)
	if choice["message"].(map[string]any)["content"] != "Hi there" || choice["finish_reason"] != "stop" {
		t.Errorf("got %v", choice)
	}
	if got["model"] != "openai.gpt-oss-120b" || got["object"] != "chat.completion" || got["created"] != float64(f.now.Unix()) {
		t.Errorf("got %v", got)
	}
	if usage := got["usage"].(map[string]any); usage["prompt_tokens"] != 7.0 || usage["completion_tokens"] != 2.0 || usage["total_tokens"] != 9.0 {
		t.Errorf("usage: got %v", usage)
	}
	// The model is Bedrock's, whatever it is called at the other endpoint.
	if d := cmp.Diff([]string{"mem/openai.gpt-oss-120b-1:0"}, f.models.used); d != "" {
		t.Errorf("asked (-want +got):\n%s", d)
	}
}

func TestChatStream(t *testing.T) {
	t.Parallel()
	f := newFixture(t, text("Hi", " there")...)
	_, events, err := f.call("ChatCompletions", `{"model":"mine","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hello"}]}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	var words strings.Builder
	usage := 0.0
	for _, ev := range events[:len(events)-1] {
		var chunk struct {
			Choices []struct{ Delta struct{ Content string } }
			Usage   struct {
				Total float64 `json:"total_tokens"`
			}
		}
		if err := json.Unmarshal(ev.Data, &chunk); err != nil || ev.Name != "" {
			t.Fatalf("event %q %s: %v", ev.Name, ev.Data, err)
		}
		for _, c := range chunk.Choices {
			words.WriteString(c.Delta.Content)
		}
		usage += chunk.Usage.Total
	}
	if words.String() != "Hi there" || usage != 9 {
		t.Errorf("got %q and %v tokens", words.String(), usage)
	}
	if last := string(events[len(events)-1].Data); last != "[DONE]" {
		t.Errorf("the last word is %q", last)
	}
}

// A stream that breaks says so, and never that it is done.
func TestChatStreamBreaks(t *testing.T) {
	t.Parallel()
	f := newFixture(t, text("Hi")[:2]...)
	f.models.err = fault.New(fault.Upstream, "broke")
	_, events, err := f.call("ChatCompletions", `{"model":"mine","stream":true,"messages":[{"role":"user","content":"hello"}]}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"error":{"message":"broke","type":"model_error","param":null,"code":"model_error"}}`
	if last := string(events[len(events)-1].Data); last != want {
		t.Errorf("got %s, want %s", last, want)
	}
}

// What cannot be had is refused by its name, and never left out.
func TestChatRefusals(t *testing.T) {
	t.Parallel()
	const rest = `"messages":[{"role":"user","content":"x"}]`
	for body, want := range map[string]string{
		`{` + rest + `}`:                                `"param":"model"`,
		`{"model":"mine",` + rest + `,"n":2}`:           `'n'`,
		`{"model":"mine",` + rest + `,"logprobs":true}`: `logprobs`,
		`{"model":"mine",` + rest + `,"audio":{"voice":"a","format":"wav"},"modalities":["text","audio"]}`: `audio`,
		`{"model":"mine",` + rest + `,"presence_penalty":0.5}`:                                             `presence_penalty`,
		`{"model":"mine",` + rest + `,"colour":"red"}`:                                                     `colour`,
		`{"model":"nope",` + rest + `}`:                                                                    `"code":"model_not_found"`,
		`{"model":"amazon.titan-embed-text-v2:0",` + rest + `}`:                                            `"code":"model_not_found"`,
		`{"model":`: `"type":"invalid_request_error"`,
	} {
		f := newFixture(t, text("x")...)
		_, _, err := f.call("ChatCompletions", body, nil)
		if err == nil {
			t.Errorf("%s is not refused", body)
			continue
		}
		if got := f.errorOf(err); !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", body, got, want)
		}
		if len(f.models.used) > 0 {
			t.Errorf("%s: the model was asked", body)
		}
	}
	f := newFixture(t, text("x")...)
	f.must("ChatCompletions", `{"model":"mine",`+rest+`,"n":1,"logprobs":false,"presence_penalty":0,"frequency_penalty":0.0,"logit_bias":{},"modalities":["text"],"user":"u","store":false,"metadata":{}}`, nil)
	header := http.Header{"X-Amzn-Bedrock-Guardrailidentifier": {"g"}}
	if _, _, err := f.callWith(&schema.Request{Body: []byte(`{"model":"mine",` + rest + `}`), Header: header}, "ChatCompletions"); fault.As(err).Kind != fault.Invalid {
		t.Errorf("a guardrail: got %v", err)
	}
}

func TestModels(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	names := map[string]bool{}
	for _, m := range f.must("ListModels", "", nil)["data"].([]any) {
		names[m.(map[string]any)["id"].(string)] = true
	}
	for name, want := range map[string]bool{
		"openai.gpt-oss-120b": true, "openai.gpt-oss-120b-1:0": true, "us.anthropic.claude-3-haiku-20240307-v1:0": true,
		"amazon.titan-embed-text-v2:0": true, "amazon.nova-canvas-v1:0": false,
	} {
		if names[name] != want {
			t.Errorf("%s is listed: %t, want %t", name, names[name], want)
		}
	}
	one := f.must("GetModel", "", map[string]string{"model": "openai.gpt-oss-120b"})
	if one["id"] != "openai.gpt-oss-120b" || one["object"] != "model" || one["owned_by"] != "openai" {
		t.Errorf("got %v", one)
	}
	_, _, err := f.call("GetModel", "", map[string]string{"model": "nope"})
	if got, want := f.errorOf(err), `{"error":{"message":"The model doesn't exist or doesn't support this API. Retry your request with a different model ID.","type":"not_found_error","param":null,"code":"model_not_found"}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestEmbeddings(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const model = `"model":"amazon.titan-embed-text-v2:0"`
	got := f.must("Embeddings", `{`+model+`,"input":["a","b"],"dimensions":256}`, nil)
	data := got["data"].([]any)
	second := data[1].(map[string]any)
	if v := second["embedding"].([]any); len(data) != 2 || len(v) != 256 || v[0] != 2.0 || v[1] != 0.5 || second["index"] != 1.0 {
		t.Errorf("got %d vectors, the second %v", len(data), second)
	}
	if usage := got["usage"].(map[string]any); usage["prompt_tokens"] != 6.0 || usage["total_tokens"] != 6.0 {
		t.Errorf("usage: got %v", usage)
	}
	packed := f.must("Embeddings", `{`+model+`,"input":"a","encoding_format":"base64"}`, nil)["data"].([]any)[0].(map[string]any)["embedding"].(string)
	raw, err := base64.StdEncoding.DecodeString(packed)
	if err != nil || len(raw) != 4*1024 || !bytes.Equal(raw[:8], []byte{0, 0, 128, 63, 0, 0, 0, 63}) {
		t.Errorf("base64: got %d bytes beginning %v, %v", len(raw), raw[:8], err)
	}
	for body, want := range map[string]string{
		`{"input":"a"}`:                                     `"param":"model"`,
		`{` + model + `}`:                                   `"param":"input"`,
		`{` + model + `,"input":""}`:                        `"param":"input"`,
		`{` + model + `,"input":[]}`:                        `"param":"input"`,
		`{` + model + `,"input":[1,2]}`:                     `Tokens are not understood`,
		`{` + model + `,"input":"a","dimensions":77}`:       `1024, 512 or 256 dimensions, not of 77`,
		`{` + model + `,"input":"a","dimensions":0}`:        `"param":"dimensions"`,
		`{` + model + `,"input":"a","dimensions":"1"}`:      `"param":"dimensions"`,
		`{` + model + `,"input":"a","colour":"red"}`:        `"param":"colour"`,
		`{` + model + `,"input":"a","encoding_format":"x"}`: `"param":"encoding_format"`,
		`{"model":"mine","input":"a"}`:                      `"code":"model_not_found"`,
		`{` + model + `,"input":"a"} {}`:                    `"type":"invalid_request_error"`,
	} {
		_, _, err := f.call("Embeddings", body, nil)
		if err == nil {
			t.Errorf("%s is not refused", body)
		} else if got := f.errorOf(err); !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", body, got, want)
		}
	}
}

// tools is an answer that thinks, speaks and calls two functions.
func tools() []inference.Event {
	return []inference.Event{
		inference.Started{Model: "m", InputTokens: 5},
		inference.ReasoningDelta{Text: "hm"}, inference.ReasoningDelta{Signature: "sig"},
		inference.TextDelta{Text: "One"}, inference.TextDelta{Text: " moment."},
		inference.ToolStart{ID: "call_1", Name: "weather"}, inference.ToolDelta{JSON: `{"city":`}, inference.ToolDelta{JSON: `"Bern"}`},
		inference.ToolStart{ID: "call_2", Name: "time"},
		inference.Finished{Reason: inference.StopToolUse, Usage: inference.Usage{InputTokens: 5, OutputTokens: 9, ReasoningTokens: 2}},
	}
}

func TestResponseStream(t *testing.T) {
	t.Parallel()
	f := newFixture(t, tools()...)
	_, events, err := f.call("CreateResponse", `{"model":"mine","stream":true,"input":"hello"}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i, ev := range events {
		var of struct {
			Type     string
			Sequence int `json:"sequence_number"`
		}
		if err := json.Unmarshal(ev.Data, &of); err != nil || of.Type != ev.Name || of.Sequence != i {
			t.Errorf("event %d is %s %s", i, ev.Name, ev.Data)
		}
		names = append(names, strings.TrimPrefix(ev.Name, "response."))
	}
	want := []string{
		"created", "in_progress",
		"output_item.added", "content_part.added", "reasoning_text.delta", "reasoning_text.done", "content_part.done", "output_item.done",
		"output_item.added", "content_part.added", "output_text.delta", "output_text.delta", "output_text.done", "content_part.done", "output_item.done",
		"output_item.added", "function_call_arguments.delta", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
		"output_item.added", "function_call_arguments.done", "output_item.done",
		"completed",
	}
	if d := cmp.Diff(want, names); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
	// The last event has what the whole answer is.
	var last struct{ Response json.RawMessage }
	if err := json.Unmarshal(events[len(events)-1].Data, &last); err != nil {
		t.Fatal(err)
	}
	whole, _, err := newFixture(t, tools()...).call("CreateResponse", `{"model":"mine","input":"hello"}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(whole, string(last.Response)); d != "" {
		t.Errorf("whole and streamed (-whole +streamed):\n%s", d)
	}
	for _, want := range []string{
		`"arguments":"{\"city\":\"Bern\"}"`, `"arguments":"{}"`, `"call_id":"call_2"`, `"text":"One moment."`, `"reasoning_tokens":2`, `"status":"completed"`,
	} {
		if !strings.Contains(whole, want) {
			t.Errorf("no %s in %s", want, whole)
		}
	}
}

// A response goes on from another one: the model gets what was said, thought and
// called, and the results.
func TestResponsesGoOn(t *testing.T) {
	t.Parallel()
	f := newFixture(t, tools()...)
	first := f.must("CreateResponse", `{"model":"mine","input":"weather?","instructions":"be brief"}`, nil)
	f.models.events = text("Rain.")
	second := f.must("CreateResponse", `{"model":"mine","previous_response_id":"`+first["id"].(string)+`","input":[
		{"type":"function_call_output","call_id":"call_1","output":"rain"},{"type":"function_call_output","call_id":"call_2","output":[{"type":"input_text","text":"noon"}]},{"role":"user","content":"So?"}]}`, nil)
	want := []inference.Message{
		{Role: inference.RoleUser, Parts: []inference.Part{inference.Text{Text: "weather?"}}},
		{Role: inference.RoleAssistant, Parts: []inference.Part{
			inference.Reasoning{Text: "hm", Signature: "sig"}, inference.Text{Text: "One moment."},
			inference.ToolUse{ID: "call_1", Name: "weather", Input: json.RawMessage(`{"city":"Bern"}`)}, inference.ToolUse{ID: "call_2", Name: "time", Input: json.RawMessage(`{}`)},
		}},
		{Role: inference.RoleUser, Parts: []inference.Part{
			inference.ToolResult{ID: "call_1", Content: []inference.Part{inference.Text{Text: "rain"}}},
			inference.ToolResult{ID: "call_2", Content: []inference.Part{inference.Text{Text: "noon"}}},
			inference.Text{Text: "So?"},
		}},
	}
	if d := cmp.Diff(want, f.models.last.Messages); d != "" {
		t.Errorf("messages (-want +got):\n%s", d)
	}
	if f.models.last.System != nil {
		t.Error("instructions are of one response only")
	}
	f.models.events = text("Bye.")
	f.must("CreateResponse", `{"model":"mine","store":false,"previous_response_id":"`+second["id"].(string)+`","input":"Thanks"}`, nil)
	if got := len(f.models.last.Messages); got != 5 {
		t.Errorf("got %d messages, want 5", got)
	}
	if len(f.kept.records) != 2 {
		t.Errorf("%d responses are kept, want 2", len(f.kept.records))
	}
}

// A long conversation is refused before all of it is in memory.
func TestPastIsBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t, text("Hi")...)
	id := f.must("CreateResponse", `{"model":"mine","input":"x"}`, nil)["id"].(string)
	for key, r := range f.kept.records {
		r.Body = []byte(strings.Replace(string(r.Body), `"response":{`, `"response":{"metadata":"`+strings.Repeat("x", 64<<20)+`",`, 1))
		f.kept.records[key] = r
	}
	_, _, err := f.call("CreateResponse", `{"model":"mine","input":"x","previous_response_id":"`+id+`"}`, nil)
	if err == nil || !strings.Contains(f.errorOf(err), "context_length_exceeded") {
		t.Errorf("got %v, want a refusal", err)
	}
}

// A response is there for who made it, until it is deleted or its time is up.
func TestKeptResponses(t *testing.T) {
	t.Parallel()
	f := newFixture(t, text("Hi")...)
	made := f.must("CreateResponse", `{"model":"mine","input":"hello"}`, nil)
	id := map[string]string{"response": made["id"].(string)}
	if d := cmp.Diff(made, f.must("GetResponse", "", id)); d != "" {
		t.Errorf("(-made +kept):\n%s", d)
	}
	items := f.must("ListInputItems", "", id)["data"].([]any)
	if item := items[0].(map[string]any); len(items) != 1 || item["role"] != "user" || !strings.HasPrefix(item["id"].(string), "msg_") {
		t.Errorf("input: got %v", items)
	}
	missing := func(when string) {
		t.Helper()
		for op, want := range map[string]string{"GetResponse": "not found", "DeleteResponse": "not found", "ListInputItems": "not found"} {
			if _, _, err := f.call(op, "", id); err == nil || !strings.Contains(f.errorOf(err), want) {
				t.Errorf("%s: %s: got %v", when, op, err)
			}
		}
		_, _, err := f.call("CreateResponse", `{"model":"mine","input":"x","previous_response_id":"`+id["response"]+`"}`, nil)
		if err == nil || !strings.Contains(f.errorOf(err), `"code":"previous_response_not_found"`) {
			t.Errorf("%s: previous_response_id: got %v", when, err)
		}
	}
	f.who = "bob"
	missing("somebody else")
	f.who, f.now = "ann", f.now.Add(30*24*time.Hour)
	missing("a month later")
	f.must("CreateResponse", `{"model":"mine","input":"hello"}`, nil)
	if len(f.kept.records) != 1 {
		t.Errorf("%d records are left, want the new one", len(f.kept.records))
	}
	f.now = f.now.Add(-time.Hour)
	made = f.must("CreateResponse", `{"model":"mine","input":"hello"}`, nil)
	id["response"] = made["id"].(string)
	if got := f.must("DeleteResponse", "", id); got["deleted"] != true || got["id"] != made["id"] {
		t.Errorf("deleted: got %v", got)
	}
	missing("deleted")
	if _, _, err := f.callWith(&schema.Request{Labels: id, Query: url.Values{"stream": {"true"}}}, "GetResponse"); err == nil {
		t.Error("a kept response cannot be streamed")
	}
}

// What tools of the model's own server do is no call of the client's, whole and
// in events.
func TestToolsOfServersAreNoCalls(t *testing.T) {
	t.Parallel()
	events := []inference.Event{
		inference.Started{}, inference.TextDelta{Text: "Let me"}, inference.BlockEnd{},
		inference.ToolStart{ID: "srv_1", Name: "web_search", Kind: "server_tool_use"}, inference.ToolDelta{JSON: `{"query":"x"}`}, inference.BlockEnd{},
		inference.ToolOutput{Result: inference.ToolResult{ID: "srv_1", Kind: "web_search_tool_result"}},
		inference.TextDelta{Text: " see."}, inference.ToolStart{ID: "c1", Name: "mine"}, inference.ToolDelta{JSON: `{"a":1}`},
		inference.Finished{Reason: inference.StopToolUse},
	}
	got := newFixture(t, events...).must("CreateResponse", `{"model":"mine","input":"x"}`, nil)
	var kinds []string
	for _, item := range got["output"].([]any) {
		item := item.(map[string]any)
		kinds = append(kinds, item["type"].(string))
		if item["type"] == "function_call" && (item["call_id"] != "c1" || item["arguments"] != `{"a":1}`) {
			t.Errorf("got the call %v", item)
		}
	}
	if diff := cmp.Diff([]string{"message", "message", "function_call"}, kinds); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, told, err := newFixture(t, events...).call("CreateResponse", `{"model":"mine","input":"x","stream":true}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, ev := range told {
		if strings.Contains(string(ev.Data), "web_search") || strings.Contains(string(ev.Data), "query") {
			t.Errorf("a client is told %s", ev.Data)
		}
	}
}

func TestResponseEnds(t *testing.T) {
	t.Parallel()
	for reason, want := range map[inference.StopReason]string{
		inference.StopMaxTokens:     `"status":"incomplete","background":false,"error":null,"incomplete_details":{"reason":"max_output_tokens"}`,
		inference.StopFiltered:      `"incomplete_details":{"reason":"content_filter"}`,
		inference.StopMalformedTool: `"status":"failed","background":false,"error":{"code":"server_error"`,
	} {
		f := newFixture(t, inference.Started{}, inference.TextDelta{Text: "a"}, inference.Finished{Reason: reason})
		body, _, err := f.call("CreateResponse", `{"model":"mine","input":"x"}`, nil)
		if err != nil || !strings.Contains(body, want) {
			t.Errorf("%s: got %s, %v", reason, body, err)
		}
	}
	f := newFixture(t, text("a")[:2]...)
	f.models.err = fault.New(fault.Throttled, "slow down")
	_, events, err := f.call("CreateResponse", `{"model":"mine","input":"x","stream":true}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(events); events[n-2].Name != "response.failed" || !strings.Contains(string(events[n-2].Data), `"code":"rate_limit_exceeded"`) || events[n-1].Name != "error" {
		t.Errorf("got %s, %s", events[n-2].Data, events[n-1].Data)
	}
	if len(f.kept.records) != 0 {
		t.Error("a response that failed on its way is kept")
	}
}

func TestResponseRequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t, text("x")...)
	f.must("CreateResponse", `{"model":"mine","instructions":"sys","temperature":0.5,"top_p":0.9,"max_output_tokens":7,"parallel_tool_calls":false,
		"reasoning":{"effort":"high"},"text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"},"strict":true}},
		"tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object"},"strict":true}],"tool_choice":{"type":"function","name":"f"},
		"input":[{"role":"developer","content":"dev"},{"role":"user","content":[{"type":"input_text","text":"look"},
			{"type":"input_image","image_url":"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==","detail":"low"},{"type":"input_file","filename":"a.pdf","file_data":"data:application/pdf;base64,AAAA"}]},
			{"role":"system","content":"now"},{"type":"reasoning","summary":[{"type":"summary_text","text":"t"}]},{"role":"assistant","content":[{"type":"output_text","text":"a"}]}]}`, nil)
	half, most := 0.5, 0.9
	pixel, err := base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==")
	if err != nil {
		t.Fatal(err)
	}
	strict := true
	parallel := false
	want := &inference.Request{
		Model: "mem/mine", System: []inference.Part{inference.Text{Text: "sys"}, inference.Text{Text: "dev"}},
		Messages: []inference.Message{
			{Role: inference.RoleUser, Parts: []inference.Part{
				inference.Text{Text: "look"}, inference.Image{Format: "png", Bytes: pixel, Detail: "low"}, inference.Document{Format: "pdf", Name: "a.pdf", Bytes: []byte{0, 0, 0}},
			}},
			{Role: inference.RoleSystem, Parts: []inference.Part{inference.Text{Text: "now"}}},
			{Role: inference.RoleAssistant, Parts: []inference.Part{inference.Reasoning{Text: "t"}, inference.Text{Text: "a"}}},
		},
		Tools:      []inference.Tool{{Name: "f", Description: "d", Schema: json.RawMessage(`{"type":"object"}`), Strict: &strict}},
		ToolChoice: inference.ToolChoice{Mode: inference.ToolNamed, Name: "f"}, Parallel: &parallel,
		Output:    &inference.OutputFormat{Name: "n", Schema: json.RawMessage(`{"type":"object"}`), Strict: &strict},
		Reasoning: &inference.ReasoningConfig{Mode: inference.ReasoningOn, Effort: "high"}, MaxTokens: 7, Temperature: &half, TopP: &most,
	}
	if d := cmp.Diff(want, f.models.last); d != "" {
		t.Errorf("request (-want +got):\n%s", d)
	}
}

func TestResponseRefusals(t *testing.T) {
	t.Parallel()
	for members, want := range map[string]string{
		`"background":true`:                            `"param":"background"`,
		`"conversation":"c"`:                           `"param":"conversation"`,
		`"top_logprobs":2`:                             `"param":"top_logprobs"`,
		`"truncation":"auto"`:                          `"param":"truncation"`,
		`"include":["file_search_call.results"]`:       `"param":"include"`,
		`"colour":1`:                                   `Unknown parameter: 'colour'.`,
		`"tools":[{"type":"web_search"}]`:              `"param":"tools[0].type"`,
		`"tools":[{"type":"function"}]`:                `Missing required parameter: 'tools[0].name'.`,
		`"tool_choice":"x"`:                            `"param":"tool_choice"`,
		`"tool_choice":{"type":"function","name":"g"}`: `not found in 'tools'`,
		`"temperature":3`:                              `"param":"temperature"`,
		`"max_output_tokens":0`:                        `"param":"max_output_tokens"`,
		`"reasoning":{"effort":"wild"}`:                `"param":"reasoning.effort"`,
		`"text":{"format":{"type":"json_schema"}}`:     `"param":"text.format.name"`,
		`"text":{"format":{"type":"xml"}}`:             `"param":"text.format.type"`,
		`"input":5`:                                    `"param":"input"`,
		`"input":[]`:                                   `must be provided`,
		`"input":[5]`:                                  `"param":"input[0]"`,
		`"input":[{"role":"king","content":"x"}]`:      `"param":"input[0].role"`,
		`"input":[{"role":"user"}]`:                    `"param":"input[0].content"`,
		`"input":[{"role":"user","content":[{"type":"input_image","file_id":"f"}]}]`:                            `no uploaded files`,
		`"input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/bmp;base64,AAAA"}]}]`: `image/bmp`,
		`"input":[{"role":"user","content":[{"type":"input_image","image_url":"file:///etc/passwd"}]}]`:         `image_url`,
		`"input":[{"type":"function_call_output","call_id":"c","output":"x"}]`:                                  `No tool call found for function call output with call_id c.`,
		`"input":[{"type":"function_call","call_id":"c","name":"f","arguments":"[]"}]`:                          `JSON object`,
		`"input":[{"type":"item_reference","id":"i"}]`:                                                          `cannot be referred to`,
		`"input":[{"type":"web_search_call"}]`:                                                                  `"param":"input[0].type"`,
		`"input":[{"type":"reasoning","summary":[],"encrypted_content":"!"}]`:                                   `could not be verified`,
	} {
		f := newFixture(t, text("x")...)
		body := `{"model":"mine",` + members
		if !strings.HasPrefix(members, `"input"`) {
			body += `,"input":"x"`
		}
		_, _, err := f.call("CreateResponse", body+"}", nil)
		if err == nil {
			t.Errorf("%s is not refused", members)
		} else if got := f.errorOf(err); !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", members, got, want)
		}
		if len(f.models.used) > 0 {
			t.Errorf("%s: the model was asked", members)
		}
	}
}

// Whatever comes in, the answer is JSON or a refusal.
func FuzzResponses(f *testing.F) {
	f.Add(`{"model":"mine","input":"hello"}`)
	f.Add(`{"model":"mine","input":[{"type":"reasoning","summary":[],"encrypted_content":"e30="}]}`)
	f.Add(`{"model":"mine","input":[{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":[]}],"tools":[{}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		x := newFixture(t, tools()...)
		out, events, err := x.call("CreateResponse", body, nil)
		if err != nil {
			if k := fault.As(err).Kind; k == fault.Internal {
				t.Errorf("%s: %v", body, err)
			}
			return
		}
		for _, ev := range events {
			if !json.Valid(ev.Data) {
				t.Errorf("event %s", ev.Data)
			}
		}
		if events == nil && !json.Valid([]byte(out)) {
			t.Errorf("answer %s", out)
		}
	})
}
