package scripted_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/scripted"
)

func do(t *testing.T, h http.Handler, method, path, body string, status int) map[string]any {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body)))
	if w.Code != status {
		t.Errorf("%s %s: got %d %s, want %d", method, path, w.Code, w.Body, status)
	}
	var out map[string]any
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestRulesArePushed(t *testing.T) {
	t.Parallel()
	b := open(t, "rules: [{name: start, answer: start}]")
	h := scripted.Control(b)
	says := func(want string) {
		t.Helper()
		if got := say(t, b, ask("x")); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	says("start")
	do(t, h, "PUT", "/rules", "seed: 3\nrules: [{name: put, when: {text: x, nth: 1}, answer: put}]", 200)
	says("put")
	says("x")
	do(t, h, "POST", "/rules", `{"rules": [{"name": "last", "answer": "last"}]}`, 200)
	says("last")
	do(t, h, "POST", "/rules?first=true", `[{"name": "first", "when": {"nth": "1"}, "answer": "first"}]`, 200)
	says("first")
	says("last")
	// What is read can be put again; what is wrong changes nothing.
	text, err := json.Marshal(do(t, h, "GET", "/rules", "", 200))
	if err != nil {
		t.Fatal(err)
	}
	do(t, h, "PUT", "/rules", "rules: [{answer: {}}]", 400)
	do(t, h, "POST", "/rules", "[{name: put, answer: x}]", 400)
	do(t, h, "POST", "/rules", "seed: 1", 400)
	says("last")
	state := do(t, h, "GET", "/", "", 200)
	want := []any{
		map[string]any{"rule": "first", "reached": 3.0}, map[string]any{"rule": "put", "reached": 5.0}, map[string]any{"rule": "last", "reached": 3.0},
	}
	if diff := cmp.Diff(want, state["rules"]); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	do(t, h, "PUT", "/rules", string(text), 200)
	says("first")
	do(t, h, "DELETE", "/rules", "", 200)
	says("start")
}

func TestCallsAreRead(t *testing.T) {
	t.Parallel()
	b := openWith(t, scripted.Params{Script: parse(t, "rules: [{name: r, when: {text: one}, answer: {text: 'so ${text}', fault: {kind: cut, after: 1}}}]"), Calls: 3})
	h := scripted.Control(b)
	say(t, b, ask("one"))
	page := do(t, h, "GET", "/calls", "", 200)
	calls, ok := page["calls"].([]any)
	if !ok || len(calls) != 1 {
		t.Fatalf("got %v", page)
	}
	first, ok := calls[0].(map[string]any)
	if !ok {
		t.Fatalf("got %v", calls[0])
	}
	delete(first, "time")
	delete(first, "elapsedMs")
	want := map[string]any{
		"call": 1.0, "kind": "generate", "model": "m", "turn": 1.0, "rule": "r", "nth": 1.0, "done": true,
		"request": map[string]any{"model": "m", "messages": []any{map[string]any{"role": "user", "content": []any{map[string]any{"type": "text", "text": "one"}}}}},
		"answer":  map[string]any{"content": []any{map[string]any{"type": "text", "text": "so"}}},
		"error":   map[string]any{"kind": "upstream", "message": "The model's answer broke off."},
	}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("call (-want +got):\n%s", diff)
	}
	for _, text := range []string{"b", "c", "d", "e"} {
		say(t, b, ask(text))
	}
	// Of five calls the last three are there.
	numbers := func(path string) (got []any, next, dropped any) {
		page := do(t, h, "GET", path, "", 200)
		calls, _ := page["calls"].([]any)
		for _, c := range calls {
			if m, ok := c.(map[string]any); ok {
				got = append(got, m["call"])
			}
		}
		return got, page["next"], page["dropped"]
	}
	got, next, dropped := numbers("/calls?after=1")
	if diff := cmp.Diff([]any{3.0, 4.0, 5.0}, got); diff != "" || next != 5.0 || dropped != 1.0 {
		t.Errorf("got %v, %v, %v", got, next, dropped)
	}
	if got, next, _ = numbers("/calls?after=3&limit=1"); len(got) != 1 || next != 4.0 {
		t.Errorf("got %v, %v", got, next)
	}
	if got, next, _ = numbers("/calls?after=5"); got != nil || next != 5.0 {
		t.Errorf("got %v, %v", got, next)
	}
	do(t, h, "GET", "/calls?limit=x", "", 400)
	do(t, h, "DELETE", "/calls", "", 204)
	say(t, b, ask("f"))
	if got, _, _ = numbers("/calls"); len(got) != 1 || got[0] != 6.0 {
		t.Errorf("got %v", got)
	}
}

// Every part of a request can be read back, and no file's bytes are in it.
func TestRequestsAsJSON(t *testing.T) {
	t.Parallel()
	b := open(t, "")
	yes := true
	req := &inference.Request{
		Model: "m", System: []inference.Part{inference.Guarded{Text: "g", Qualifiers: []string{"query"}}, inference.CachePoint{}},
		Messages: []inference.Message{
			{Role: inference.RoleUser, Parts: []inference.Part{
				inference.Image{Format: "png", Bytes: []byte("SECRETBYTES")}, inference.Document{Format: "pdf", Name: "d", Bytes: []byte("SECRETBYTES")},
				inference.Video{Format: "mp4", URL: "s3://b/v"}, inference.Audio{Format: "mp3", Bytes: []byte("SECRETBYTES")},
			}},
			{Role: inference.RoleAssistant, Parts: []inference.Part{
				inference.Reasoning{Text: "r", Signature: "s"}, inference.Cited{Text: []string{"c"}, Citations: []inference.Citation{{Title: "t"}}},
				inference.ToolUse{ID: "i", Name: "n", Input: json.RawMessage(`{"broken`)},
			}},
			{Role: inference.RoleUser, Parts: []inference.Part{inference.ToolResult{ID: "i", Failed: true, Content: []inference.Part{
				inference.JSON{Value: json.RawMessage(`{"a":1}`)}, inference.SearchResult{Source: "s", Content: []string{"p"}},
			}}}},
		},
		Tools: []inference.Tool{{Name: "n", Schema: json.RawMessage(`{}`), Strict: &yes}}, ToolChoice: inference.ToolChoice{Mode: inference.ToolAuto},
		Reasoning: &inference.ReasoningConfig{Mode: inference.ReasoningOn, Budget: 1024}, Extra: map[string]json.RawMessage{"x": json.RawMessage("1")}, Dialect: "d",
	}
	say(t, b, req)
	text, err := json.Marshal(do(t, scripted.Control(b), "GET", "/calls", "", 200))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"type":"guarded"`, `"type":"cachePoint"`, `"type":"image"`, `"type":"document"`, `"type":"video"`, `"type":"audio"`, `"type":"reasoning"`, `"type":"cited"`,
		`"input":"{\"broken"`, `"failed":true`, `"value":{"a":1}`, `"type":"searchResult"`, `"strict":true`, `"budget":1024`, `"extra":{"x":1}`, `"bytes":11`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
	if strings.Contains(string(text), "SECRETBYTES") {
		t.Error("the bytes of a file are in the list of calls")
	}
}
