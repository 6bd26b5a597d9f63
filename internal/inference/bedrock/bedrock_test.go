package bedrock

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

func TestMetricsAreTakenOut(t *testing.T) {
	t.Parallel()
	const metrics = `"amazon-bedrock-invocationMetrics":{"inputTokenCount":16,"outputTokenCount":21,"invocationLatency":738,"firstByteLatency":378}`
	for in, want := range map[string]string{
		`{"type":"message_stop",` + metrics + `}`:                         `{"type":"message_stop"}`,
		`{` + metrics + `}`:                                               `{}`,
		`{` + metrics + `,"a":{"b":1}}`:                                   `{"a":{"b":1}}`,
		`{"a":1 , ` + metrics + ` , "b":2}`:                               `{"a":1, "b":2}`,
		`{"text":"\"amazon-bedrock-invocationMetrics\"",` + metrics + `}`: `{"text":"\"amazon-bedrock-invocationMetrics\""}`,
	} {
		got, used, ok := withoutMetrics([]byte(in))
		if !ok || used.InputTokens != 16 || used.OutputTokens != 21 || !json.Valid(got) || strings.ReplaceAll(string(got), " ", "") != strings.ReplaceAll(want, " ", "") {
			t.Errorf("%s: got %s, %+v, %t, want %s", in, got, used, ok, want)
		}
	}
	for _, in := range []string{`{"a":1}`, `{"text":"\"amazon-bedrock-invocationMetrics\""}`, `{"amazon-bedrock-invocationMetrics":null}`, `"amazon-bedrock-invocationMetrics"`} {
		if got, _, ok := withoutMetrics([]byte(in)); ok || string(got) != in {
			t.Errorf("%s: got %s, %t, want it as it is", in, got, ok)
		}
	}
}

func TestFamiliesMembers(t *testing.T) {
	t.Parallel()
	b := New(Params{Name: "cloud", Format: func(model string) string { return model }})
	tools := []inference.Tool{{Name: "a", Schema: json.RawMessage(`{"type":"object"}`)}}
	bash := inference.Tool{Name: "bash", Kind: "bash_20250124", Cache: &inference.CachePoint{TTL: "1h"}}
	screen := inference.Tool{Name: "computer", Kind: "computer_20250124", Config: json.RawMessage(`{"display_width_px":1024,"display_height_px":768}`)}
	const bashText = `{"cache_control":{"ttl":"1h","type":"ephemeral"},"name":"bash","type":"bash_20250124"}`
	for name, tc := range map[string]struct {
		req  inference.Request
		want string
	}{
		"top_k of Claude":           {inference.Request{Model: claude, TopK: new(5)}, `{"top_k":5}`},
		"topK of Nova":              {inference.Request{Model: nova, TopK: new(5)}, `{"inferenceConfig":{"topK":5}}`},
		"top_k of Mistral":          {inference.Request{Model: "mistral-text", TopK: new(5)}, `{"top_k":5}`},
		"k and seed of Cohere":      {inference.Request{Model: "cohere-command-r", TopK: new(5), Seed: new(uint32(7))}, `{"k":5,"seed":7}`},
		"top_k and seed of a chat":  {inference.Request{Model: "openai-chat", TopK: new(5), Seed: new(uint32(7))}, `{"seed":7,"top_k":5}`},
		"effort of a chat":          {inference.Request{Model: "openai-chat", Reasoning: &inference.ReasoningConfig{Effort: "low"}}, `{"reasoning_effort":"low"}`},
		"no effort of a chat":       {inference.Request{Model: "openai-chat", Reasoning: &inference.ReasoningConfig{Mode: inference.ReasoningOff}}, `{"reasoning_effort":"none"}`},
		"Nova's reasoning":          {inference.Request{Model: nova, Reasoning: &inference.ReasoningConfig{Mode: inference.ReasoningOn, Effort: "low"}}, `{"reasoningConfig":{"maxReasoningEffort":"low","type":"enabled"}}`},
		"an effort Nova has not":    {inference.Request{Model: nova, Reasoning: &inference.ReasoningConfig{Effort: "max"}}, `{"reasoningConfig":{"maxReasoningEffort":"high","type":"enabled"}}`},
		"Nova's reasoning is off":   {inference.Request{Model: nova, Reasoning: &inference.ReasoningConfig{Mode: inference.ReasoningOff}}, `{"reasoningConfig":{"type":"disabled"}}`},
		"thinking":                  {inference.Request{Model: claude, Reasoning: &inference.ReasoningConfig{Mode: inference.ReasoningOn, Budget: 1024}}, `{"thinking":{"budget_tokens":1024,"type":"enabled"}}`},
		"no thinking":               {inference.Request{Model: claude, Reasoning: &inference.ReasoningConfig{Mode: inference.ReasoningOff}}, `{"thinking":{"type":"disabled"}}`},
		"one tool at a time":        {inference.Request{Model: claude, Tools: tools, Parallel: new(false)}, `{"tool_choice":{"disable_parallel_tool_use":true,"type":"auto"}}`},
		"one certain tool":          {inference.Request{Model: claude, Tools: tools, Parallel: new(false), ToolChoice: inference.ToolChoice{Mode: inference.ToolNamed, Name: "a"}}, `{"tool_choice":{"disable_parallel_tool_use":true,"name":"a","type":"tool"}}`},
		"no tool":                   {inference.Request{Model: claude, Tools: tools, ToolChoice: inference.ToolChoice{Mode: inference.ToolNone}}, `{"tool_choice":{"type":"none"}}`},
		"the vendor's tools":        {inference.Request{Model: claude, Tools: []inference.Tool{bash, tools[0], screen}}, `{"tools":[` + bashText + `,{"display_height_px":768,"display_width_px":1024,"name":"computer","type":"computer_20250124"}]}`},
		"one of them":               {inference.Request{Model: claude, Tools: []inference.Tool{bash, tools[0]}, ToolChoice: inference.ToolChoice{Mode: inference.ToolNamed, Name: "bash"}}, `{"tool_choice":{"name":"bash","type":"tool"},"tools":[` + bashText + `]}`},
		"any of them alone":         {inference.Request{Model: claude, Tools: []inference.Tool{bash}, ToolChoice: inference.ToolChoice{Mode: inference.ToolAny}}, `{"tool_choice":{"type":"any"},"tools":[` + bashText + `]}`},
		"members of the family":     {inference.Request{Model: claude, Dialect: claude, Extra: map[string]json.RawMessage{"anthropic_beta": []byte(`["x"]`)}}, `{"anthropic_beta":["x"]}`},
		"members of another family": {inference.Request{Model: claude, Dialect: "openai-chat", Extra: map[string]json.RawMessage{"n": []byte(`2`)}}, ""},
		"a seed":                    {inference.Request{Model: claude, Seed: new(uint32(1))}, ""},
	} {
		in, err := b.input(&tc.req)
		if err != nil || string(in.AdditionalModelRequestFields) != tc.want {
			t.Errorf("%s: got %s, %v, want %s", name, in.AdditionalModelRequestFields, err, tc.want)
		}
	}
	in, err := b.input(&inference.Request{Model: claude, Tools: []inference.Tool{bash, tools[0]}, ToolChoice: inference.ToolChoice{Mode: inference.ToolNamed, Name: "a"}})
	if err != nil || len(in.ToolConfig.Tools) != 1 || *in.ToolConfig.Tools[0].ToolSpec.Name != "a" || *in.ToolConfig.ToolChoice.Tool.Name != "a" {
		t.Errorf("the caller's own tool beside one of the vendor's: got %+v, %v", in.ToolConfig, err)
	}
	for _, req := range []*inference.Request{
		{Model: "meta-llama", Tools: []inference.Tool{bash}},
		{Model: "meta-llama", TopK: new(5)},
		{Model: "meta-llama", Reasoning: &inference.ReasoningConfig{Mode: inference.ReasoningOn}},
	} {
		if _, err := b.input(req); !fault.Is(err, fault.Unsupported) {
			t.Errorf("got %v, want what the family has no member for refused", err)
		}
	}
}

func TestGeography(t *testing.T) {
	t.Parallel()
	ids := map[string]string{
		"us.anthropic.claude-3-haiku-20240307-v1:0": "anthropic.claude-3-haiku-20240307-v1:0",
		"global.amazon.nova-2-lite-v1:0":            "amazon.nova-2-lite-v1:0",
		"meta.llama3-1-8b-instruct-v1:0":            "meta.llama3-1-8b-instruct-v1:0",
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if got := geography.ReplaceAllString(id, ""); got != ids[id] {
			t.Errorf("%s: got %s, want %s", id, got, ids[id])
		}
	}
}

func TestEndpoint(t *testing.T) {
	t.Parallel()
	if got := Endpoint("eu-central-1"); got != "https://bedrock-runtime.eu-central-1.amazonaws.com" {
		t.Errorf("got %s", got)
	}
	if got := Endpoint("cn-north-1"); got != "https://bedrock-runtime.cn-north-1.amazonaws.com.cn" {
		t.Errorf("got %s", got)
	}
}
