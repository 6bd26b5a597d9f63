package backendtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// forecast and clock are tools to be called.
var (
	forecast = inference.Tool{
		Name: "get_forecast", Description: "Tells the weather of a city.",
		Schema: json.RawMessage(`{"type":"object","properties":{"city":{"type":"string","maxLength":20},"days":{"type":"integer"}},"required":["city","days"]}`),
	}
	clock = inference.Tool{
		Name: "get_time", Description: "Tells the time of a city.",
		Schema: json.RawMessage(`{"type":"object","properties":{"city":{"type":"string","maxLength":20}},"required":["city"]}`),
	}
)

// asking offers both tools, and wants what choice says.
func (s Subject) asking(choice inference.ToolChoice) *inference.Request {
	req := s.ask("Call the tool for the weather of Lisbon in the next two days.")
	req.Tools, req.ToolChoice = []inference.Tool{clock, forecast}, choice
	return req
}

// loop is a conversation in which tools have been called and have answered.
func (s Subject) loop(results ...inference.ToolResult) *inference.Request {
	req := s.asking(inference.ToolChoice{Mode: inference.ToolAuto})
	var calls, answers []inference.Part
	for i, r := range results {
		r.ID = fmt.Sprintf("call_%d", i)
		calls = append(calls, inference.ToolUse{ID: r.ID, Name: forecast.Name, Input: json.RawMessage(`{"city":"Lisbon","days":2}`)})
		answers = append(answers, r)
	}
	req.Messages = append(req.Messages,
		inference.Message{Role: inference.RoleAssistant, Parts: calls}, inference.Message{Role: inference.RoleUser, Parts: answers})
	req.MaxTokens = 64
	return req
}

func (s Subject) calls(t *testing.T, req *inference.Request) []inference.ToolUse {
	t.Helper()
	a := s.answer(t, req)
	calls := a.ToolUses()
	if len(calls) == 0 || a.Reason != inference.StopToolUse {
		t.Fatalf("got %+v, want calls and %s", a, inference.StopToolUse)
	}
	ids := make(map[string]bool)
	for _, c := range calls {
		if c.ID == "" || ids[c.ID] {
			t.Errorf("got the ID %q, want one for each call", c.ID)
		}
		ids[c.ID] = true
		var input map[string]any
		if err := json.Unmarshal(c.Input, &input); err != nil || input == nil {
			t.Errorf("got the input %s, want an object", c.Input)
		}
		if _, ok := input["city"].(string); !ok {
			t.Errorf("got the input %s, want a city: both schemas require it", c.Input)
		}
	}
	return calls
}

var toolCases = map[string]func(*testing.T, Subject){
	"the one that is named is called": func(t *testing.T, s Subject) {
		for _, tool := range []inference.Tool{clock, forecast} {
			for _, c := range s.calls(t, s.asking(inference.ToolChoice{Mode: inference.ToolNamed, Name: tool.Name})) {
				if c.Name != tool.Name {
					t.Errorf("got a call of %s, want %s", c.Name, tool.Name)
				}
			}
		}
	},
	"any of them is called": func(t *testing.T, s Subject) {
		for _, c := range s.calls(t, s.asking(inference.ToolChoice{Mode: inference.ToolAny})) {
			if c.Name != clock.Name && c.Name != forecast.Name {
				t.Errorf("got a call of %s, which is not on offer", c.Name)
			}
		}
	},
	"collected as streamed": func(t *testing.T, s Subject) {
		req := s.asking(inference.ToolChoice{Mode: inference.ToolNamed, Name: forecast.Name})
		want := s.answer(t, req)
		got, err := inference.Collect(t.Context(), s.Backend, req)
		if err != nil {
			t.Fatal(err)
		}
		names := func(a *inference.Answer) (out []string) {
			for _, c := range a.ToolUses() {
				out = append(out, c.Name+string(c.Input))
			}
			return out
		}
		if diff := cmp.Diff(names(want), names(got)); diff != "" {
			t.Errorf("calls (-streamed +collected):\n%s", diff)
		}
	},
	"results are read": func(t *testing.T, s Subject) {
		for name, results := range map[string][]inference.ToolResult{
			"text":    {{Content: []inference.Part{inference.Text{Text: "It will be sunny."}}}},
			"JSON":    {{Content: []inference.Part{inference.JSON{Value: json.RawMessage(`{"sun":true}`)}}}},
			"failed":  {{Content: []inference.Part{inference.Text{Text: "There is no such city."}}, Failed: true, Status: true}},
			"several": {{Content: []inference.Part{inference.Text{Text: "sunny"}}}, {Content: []inference.Part{inference.Text{Text: "rainy"}}}},
		} {
			t.Run(name, func(t *testing.T) { s.answer(t, s.loop(results...)) })
		}
	},
	"a result that it cannot read": func(t *testing.T, s Subject) {
		s.refused(t, t.Context(), s.loop(inference.ToolResult{Content: []inference.Part{unknown{}}}), fault.Unsupported)
	},
	"the request stays as it was": func(t *testing.T, s Subject) {
		req := s.loop(inference.ToolResult{Content: []inference.Part{inference.Text{Text: "sunny"}}})
		s.answer(t, req)
		if diff := cmp.Diff(s.loop(inference.ToolResult{Content: []inference.Part{inference.Text{Text: "sunny"}}}), req); diff != "" {
			t.Errorf("request (-before +after):\n%s", diff)
		}
	},
	"they are counted": func(t *testing.T, s Subject) {
		counter, ok := s.Backend.(inference.TokenCounter)
		if !ok {
			t.Skip("the backend counts no tokens")
		}
		req := s.loop(inference.ToolResult{Content: []inference.Part{inference.Text{Text: "sunny"}}})
		n, err := counter.CountTokens(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if u := s.answer(t, req).Usage; n != u.InputTokens+u.CacheReadTokens+u.CacheWriteTokens {
			t.Errorf("counted %d tokens, the answer says %+v", n, u)
		}
	},
}

var outputCases = map[string]func(*testing.T, Subject){
	"it fits the schema": func(t *testing.T, s Subject) {
		req := s.ask("Name a person and their age.")
		req.Output = &inference.OutputFormat{
			Name:   "person",
			Schema: json.RawMessage(`{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},"required":["name","age"],"additionalProperties":false}`),
		}
		a := s.answer(t, req)
		var person map[string]json.RawMessage
		if err := json.Unmarshal([]byte(a.Text), &person); err != nil {
			t.Fatalf("got %q: %v", a.Text, err)
		}
		var name string
		var age int
		if len(person) != 2 || json.Unmarshal(person["name"], &name) != nil || json.Unmarshal(person["age"], &age) != nil {
			t.Errorf("got %s, want name and age and nothing else", a.Text)
		}
	},
	"without a schema it is an object, or refused": func(t *testing.T, s Subject) {
		req := s.ask("Name a person.")
		req.Output = &inference.OutputFormat{}
		a, err := inference.Collect(t.Context(), s.Backend, req)
		if fault.Is(err, fault.Unsupported) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		var object map[string]any
		if err := json.Unmarshal([]byte(a.Text), &object); err != nil || object == nil {
			t.Errorf("got %q, want a JSON object", a.Text)
		}
	},
}

var reasoningCases = map[string]func(*testing.T, Subject){
	"it is taken back": func(t *testing.T, s Subject) {
		req := s.long(8)
		req.Messages = slices.Concat(req.Messages, []inference.Message{
			{Role: inference.RoleAssistant, Parts: []inference.Part{
				inference.Reasoning{Text: "They want a story.", Signature: "c2lnbmF0dXJl"}, inference.Text{Text: "Here it is."},
			}},
			req.Messages[0],
		})
		s.answer(t, req)
	},
}

var cacheCases = map[string]func(*testing.T, Subject){
	"cache points change no answer": func(t *testing.T, s Subject) {
		request := func(points ...inference.Part) *inference.Request {
			req := s.long(12)
			req.System = slices.Concat([]inference.Part{inference.Text{Text: "Be brief."}}, points)
			req.Messages[0].Parts = slices.Concat(req.Messages[0].Parts, points)
			return req
		}
		want := s.answer(t, request())
		for _, ttl := range []string{"", "1h"} {
			got := s.answer(t, request(inference.CachePoint{TTL: ttl}))
			all := func(u inference.Usage) int { return u.InputTokens + u.CacheReadTokens + u.CacheWriteTokens }
			if got.Text != want.Text || all(got.Usage) != all(want.Usage) {
				t.Errorf("got %q and %+v, want %q and %+v", got.Text, got.Usage, want.Text, want.Usage)
			}
		}
	},
}
