package coherechat_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/coherechat"
	"github.com/outcrop/outcrop/internal/native/nativetest"
)

func model() native.Model { return nativetest.Model("cohere.command-r-v1:0") }

func TestGolden(t *testing.T) { t.Parallel(); nativetest.Run(t, coherechat.Family{}, model()) }

func TestScripts(t *testing.T) {
	t.Parallel()
	nativetest.RunScripts(t, coherechat.Family{}, model(), slices.Concat(nativetest.Tools(), nativetest.Citations())...)
}

func FuzzDecode(f *testing.F) { nativetest.Fuzz(f, coherechat.Family{}, model()) }

type object = map[string]any

func TestAnswerRepeatsTheChat(t *testing.T) {
	t.Parallel()
	req, err := coherechat.Family{}.Decode(model(), []byte(`{"message":"And?","tools":[{"name":"f","description":"d"}],"documents":[{"id":"d1","snippet":"x"}],`+
		`"chat_history":[{"role":"USER","message":"Hi"},{"role":"CHATBOT","message":"Hello"}],"tool_results":[{"call":{"name":"f","parameters":{"a":1}},"outputs":[{"b":2}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	cited := inference.Cited{Text: []string{"Gn"}, Citations: []inference.Citation{{Location: &inference.Location{Document: 0}}}}
	out, err := native.Bind(coherechat.Family{}, req).Complete(model(), &inference.Answer{Text: "日Gn", Parts: []inference.Part{inference.Text{Text: "日"}, cited}})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		History   any `json:"chat_history"`
		Citations any
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	call := object{"name": "f", "parameters": object{"a": 1.0}}
	want := []any{
		object{"role": "USER", "message": "Hi"}, object{"role": "CHATBOT", "message": "Hello"}, object{"role": "USER", "message": "And?"},
		object{"role": "CHATBOT", "tool_calls": []any{call}},
		object{"role": "TOOL", "tool_results": []any{object{"call": call, "outputs": []any{object{"b": 2.0}}}}},
		object{"role": "CHATBOT", "message": "日Gn"},
	}
	if diff := cmp.Diff(any(want), got.History); diff != "" {
		t.Errorf("the history differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(any([]any{object{"start": 1.0, "end": 3.0, "text": "Gn", "document_ids": []any{"d1"}}}), got.Citations); diff != "" {
		t.Errorf("the citations differ (-want +got):\n%s", diff)
	}
}

func TestExtraPutsDocumentsInFrontOfTheQuestion(t *testing.T) {
	t.Parallel()
	req := &inference.Request{Messages: []inference.Message{
		{Role: inference.RoleUser, Parts: []inference.Part{inference.Text{Text: "Hi"}}},
		{Role: inference.RoleAssistant, Parts: []inference.Part{inference.Text{Text: "Hello"}}},
		{Role: inference.RoleUser, Parts: []inference.Part{inference.Text{Text: "What is gneiss?"}}},
	}}
	if err := (coherechat.Family{}).Extra(model(), []byte(`{"documents":[{"title":"Rocks","snippet":"It has bands."}]}`), req); err != nil {
		t.Fatal(err)
	}
	want := []inference.Part{
		inference.SearchResult{Source: "doc_0", Title: "Rocks", Content: []string{"It has bands."}, Citations: new(true)},
		inference.Text{Text: "What is gneiss?"},
	}
	if diff := cmp.Diff(want, req.Messages[2].Parts); diff != "" {
		t.Errorf("the last message differs (-want +got):\n%s", diff)
	}
	if len(req.Messages[0].Parts) != 1 {
		t.Errorf("got %d parts in the first message, want the one that was there", len(req.Messages[0].Parts))
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	nativetest.RoundTrip(t, coherechat.Family{}, model(), generate, encode)
}

func generate(r nativetest.Random) object {
	b := object{"message": r.Text(), "temperature": r.Hundredths(0, 100), "p": r.Hundredths(1, 99)}
	r.Maybe(b, "preamble", r.Text())
	r.Maybe(b, "max_tokens", 1+r.IntN(4000))
	r.Maybe(b, "k", r.IntN(501))
	r.Maybe(b, "seed", r.IntN(1<<31-1))
	r.Maybe(b, "stop_sequences", r.Texts(3))
	r.Maybe(b, "frequency_penalty", r.Hundredths(0, 100))
	r.Maybe(b, "presence_penalty", r.Hundredths(0, 100))
	r.Maybe(b, "prompt_truncation", "OFF")
	r.Maybe(b, "raw_prompting", false)
	r.Maybe(b, "documents", []any{object{"title": r.Text(), "snippet": r.Text(), r.Name(): r.Text()}})
	if r.Chance(2) {
		call := object{"name": r.Name(), "parameters": r.Object()}
		b["chat_history"] = []any{
			object{"role": "USER", "message": r.Text()},
			object{"role": "CHATBOT", "message": r.Text(), "tool_calls": []any{call}},
			object{"role": "TOOL", "tool_results": []any{object{"call": call, "outputs": []any{r.Object(), r.Object()}}}},
			object{"role": "CHATBOT", "message": r.Text()},
		}
	}
	if r.Chance(2) {
		parameters := object{}
		for range 1 + r.IntN(3) {
			parameters[r.Name()] = object{"description": r.Text(), "type": r.Pick("str", "int", "float", "bool", "list", "dict"), "required": r.Chance(2)}
		}
		b["tools"] = []any{object{"name": r.Name(), "description": r.Text(), "parameter_definitions": parameters}}
	}
	return b
}

// encode writes a request as the family's body.
func encode(req *inference.Request) any {
	b := object{"temperature": *req.Temperature, "p": *req.TopP}
	if len(req.System) > 0 {
		b["preamble"] = req.System[0].(inference.Text).Text
	}
	if req.MaxTokens > 0 {
		b["max_tokens"] = req.MaxTokens
	}
	if req.TopK != nil {
		b["k"] = *req.TopK
	}
	if req.Seed != nil {
		b["seed"] = *req.Seed
	}
	if req.StopSequences != nil {
		b["stop_sequences"] = req.StopSequences
	}
	for key, v := range req.Extra {
		b[key] = v
	}
	calls := map[string]object{}
	var turns []any
	for _, m := range req.Messages {
		turn := object{"role": map[inference.Role]string{inference.RoleUser: "USER", inference.RoleAssistant: "CHATBOT"}[m.Role]}
		for _, p := range m.Parts {
			switch p := p.(type) {
			case inference.Text:
				turn["message"] = p.Text
			case inference.ToolUse:
				calls[p.ID] = object{"name": p.Name, "parameters": p.Input}
				turn["tool_calls"] = []any{calls[p.ID]}
			case inference.ToolResult:
				outputs := []any{}
				for _, c := range p.Content {
					outputs = append(outputs, c.(inference.JSON).Value)
				}
				turn["role"], turn["tool_results"] = "TOOL", []any{object{"call": calls[p.ID], "outputs": outputs}}
			}
		}
		turns = append(turns, turn)
	}
	b["message"] = turns[len(turns)-1].(object)["message"]
	if len(turns) > 1 {
		b["chat_history"] = turns[:len(turns)-1]
	}
	if req.Tools != nil {
		t := req.Tools[0]
		var schema struct {
			Properties map[string]struct{ Type, Description string }
			Required   []string
		}
		if err := json.Unmarshal(t.Schema, &schema); err != nil {
			return err
		}
		words := map[string]string{"string": "str", "integer": "int", "number": "float", "boolean": "bool", "array": "list", "object": "dict"}
		parameters := object{}
		for name, p := range schema.Properties {
			parameters[name] = object{"description": p.Description, "type": words[p.Type], "required": slices.Contains(schema.Required, name)}
		}
		b["tools"] = []any{object{"name": t.Name, "description": t.Description, "parameter_definitions": parameters}}
	}
	return b
}
