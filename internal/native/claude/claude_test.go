package claude_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/goldentest"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/messages"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/claude"
	"github.com/outcrop/outcrop/internal/native/nativetest"
)

func model() native.Model {
	m := nativetest.Model("anthropic.claude-3-5-sonnet-20241022-v2:0")
	m.MaxOutput = 8192
	m.CacheMetrics = true
	return m
}

func TestGolden(t *testing.T) { t.Parallel(); nativetest.Run(t, claude.Family{}, model()) }

func FuzzDecode(f *testing.F) { nativetest.Fuzz(f, claude.Family{}, model()) }

// TestModelsDiffer is about what depends on the model ID: its short name, the
// reasons that it knows, and the parameters that exclude each other.
func TestModelsDiffer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		id, name, window, filtered string
		oneSampler                 bool
	}{
		{"anthropic.claude-3-haiku-20240307-v1:0", "claude-3-haiku-20240307", "max_tokens", "end_turn", false},
		{"anthropic.claude-3-sonnet-20240229-v1:0:200k", "claude-3-sonnet-20240229", "max_tokens", "end_turn", false},
		{"anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-sonnet-20241022", "max_tokens", "end_turn", false},
		{"us.anthropic.claude-3-7-sonnet-20250219-v1:0", "claude-3-7-sonnet-20250219", "max_tokens", "end_turn", false},
		{"anthropic.claude-sonnet-4-20250514-v1:0", "claude-sonnet-4-20250514", "max_tokens", "refusal", false},
		{"anthropic.claude-opus-4-1-20250805-v1:0", "claude-opus-4-1-20250805", "max_tokens", "refusal", false},
		{"anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250929", "model_context_window_exceeded", "refusal", true},
		{"anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5-20251001", "model_context_window_exceeded", "refusal", true},
		{"anthropic.claude-opus-4-6-v1", "claude-opus-4-6", "model_context_window_exceeded", "refusal", false},
		{"anthropic.claude-haiku-5-5", "claude-haiku-5-5", "model_context_window_exceeded", "refusal", false},
	} {
		t.Run(c.id, func(t *testing.T) {
			t.Parallel()
			m := nativetest.Model(c.id)
			for reason, want := range map[inference.StopReason]string{inference.StopContextWindow: c.window, inference.StopFiltered: c.filtered} {
				data, err := claude.Family{}.Complete(m, &inference.Answer{Text: "x", Reason: reason})
				if err != nil {
					t.Fatal(err)
				}
				var got struct {
					Model      string
					StopReason string `json:"stop_reason"`
				}
				if err := json.Unmarshal(data, &got); err != nil {
					t.Fatal(err)
				}
				if got.Model != c.name || got.StopReason != want {
					t.Errorf("got model %q, reason %q, want %q, %q", got.Model, got.StopReason, c.name, want)
				}
			}
			_, err := claude.Family{}.Decode(m, []byte(`{"anthropic_version":"bedrock-2023-05-31","max_tokens":5,"temperature":1,"top_p":1,"messages":[{"role":"user","content":"x"}]}`))
			if got := err != nil; got != c.oneSampler {
				t.Errorf("got error %v for temperature with top_p, want one: %v", err, c.oneSampler)
			}
		})
	}
}

// TestThinking is about what each generation of models lets its callers say
// about thinking.
func TestThinking(t *testing.T) {
	t.Parallel()
	const (
		sonnet3 = "anthropic.claude-3-5-sonnet-20241022-v2:0"
		sonnet7 = "us.anthropic.claude-3-7-sonnet-20250219-v1:0"
		haiku45 = "anthropic.claude-haiku-4-5-20251001-v1:0"
		opus45  = "anthropic.claude-opus-4-5-20251101-v1:0"
		opus46  = "anthropic.claude-opus-4-6-v1"
		opus47  = "anthropic.claude-opus-4-7"
		opus5   = "anthropic.claude-opus-5"
		haiku55 = "anthropic.claude-haiku-5-5"
		mythos5 = "anthropic.claude-mythos-5-1"

		enabled  = `"thinking":{"type":"enabled","budget_tokens":1024}`
		disabled = `"thinking":{"type":"disabled"}`
		adaptive = `"thinking":{"type":"adaptive"}`
		tool     = `"tools":[{"name":"f","input_schema":{"type":"object"}}],`
		only     = `"thinking.type.%s" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.`
	)
	for _, c := range []struct{ id, members, want string }{
		{sonnet3, enabled, "thinking: extended thinking is not supported by this model"},
		{sonnet3, disabled, ""},
		{sonnet7, enabled, ""},
		{sonnet7, adaptive, "adaptive thinking is not supported on this model"},
		{haiku45, enabled, ""},
		{haiku45, adaptive, "adaptive thinking is not supported on this model"},
		{haiku45, `"output_config":{"effort":"low"}`, "This model does not support the effort parameter."},
		{opus45, `"output_config":{"effort":"low"}`, ""},
		{opus46, enabled, ""},
		{opus46, adaptive, ""},
		{opus46, disabled, ""},
		{opus47, enabled, strings.ReplaceAll(only, "%s", "enabled")},
		{opus47, adaptive, ""},
		{opus5, enabled, strings.ReplaceAll(only, "%s", "enabled")},
		{opus5, disabled, ""},
		{haiku55, disabled + `,"output_config":{"effort":"max"}`, "output_config.effort: 'max' is not supported while thinking is disabled. The highest effort is 'high'."},
		{haiku55, adaptive + `,"output_config":{"effort":"max"}`, ""},
		{mythos5, disabled, strings.ReplaceAll(only, "%s", "disabled")},
		{mythos5, adaptive, ""},
		{sonnet7, enabled + `,"temperature":0.5`, "`temperature` may only be set to 1 when thinking is enabled."},
		{sonnet7, enabled + `,"temperature":1`, ""},
		{sonnet7, enabled + `,"top_p":0.9`, "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled."},
		{sonnet7, enabled + `,"top_k":5`, "`top_k` must be unset when thinking is enabled."},
		{sonnet7, tool + enabled + `,"tool_choice":{"type":"any"}`, "Thinking may not be enabled when tool_choice forces tool use."},
		{sonnet7, tool + enabled + `,"tool_choice":{"type":"none"}`, ""},
		{sonnet7, `"thinking":{"type":"enabled","budget_tokens":4096}`, "`max_tokens` must be greater than `thinking.budget_tokens`."},
		{sonnet7, `"anthropic_beta":["interleaved-thinking-2025-05-14"],"thinking":{"type":"enabled","budget_tokens":4096}`, ""},
	} {
		body := `{"anthropic_version":"bedrock-2023-05-31","max_tokens":2048,"messages":[{"role":"user","content":"x"}],` + c.members + `}`
		_, err := claude.Family{}.Decode(nativetest.Model(c.id), []byte(body))
		if got := message(err); got != c.want {
			t.Errorf("got %q from %s for %s, want %q", got, c.id, c.members, c.want)
		}
		req := inference.Request{MaxTokens: 2048}
		err = claude.Family{}.Extra(nativetest.Model(c.id), []byte(`{`+c.members+`}`), &req)
		if got := message(err); got != c.want {
			t.Errorf("got %q from %s for the additional fields %s, want %q", got, c.id, c.members, c.want)
		}
	}
}

// TestExtraSeesSampling is about what Converse's own fields and the additional
// ones say together.
func TestExtraSeesSampling(t *testing.T) {
	t.Parallel()
	m := nativetest.Model("anthropic.claude-sonnet-4-5-20250929-v1:0")
	for _, c := range []struct{ fields, want string }{
		{`{"top_p":0.5}`, "`temperature` and `top_p` cannot both be specified for this model. Please use only one."},
		{`{"thinking":{"type":"enabled","budget_tokens":1024}}`, "`temperature` may only be set to 1 when thinking is enabled."},
		{`{"tool_choice":{"type":"any"},"tools":[{"type":"bash_20250124","name":"bash"}]}`, ""},
	} {
		req := inference.Request{Temperature: new(0.5), Tools: []inference.Tool{{Name: "mine", Schema: json.RawMessage(`{}`)}}}
		if got := message(claude.Family{}.Extra(m, []byte(c.fields), &req)); got != c.want {
			t.Errorf("got %q for %s, want %q", got, c.fields, c.want)
		}
		if c.want == "" && (len(req.Tools) != 2 || req.ToolChoice.Mode != inference.ToolAny) {
			t.Errorf("got the tools %v, want Converse's own first", req.Tools)
		}
	}
}

// TestPrefillWithThinking is about turns of the assistant that the model goes on
// with.
func TestPrefillWithThinking(t *testing.T) {
	t.Parallel()
	decode := func(id, turns string) string {
		_, err := claude.Family{}.Decode(nativetest.Model(id), []byte(`{"anthropic_version":"bedrock-2023-05-31","max_tokens":2048,`+
			`"thinking":{"type":"enabled","budget_tokens":1024},"messages":[{"role":"user","content":"x"},`+turns+`]}`))
		return message(err)
	}
	const sonnet = "us.anthropic.claude-3-7-sonnet-20250219-v1:0"
	const want = "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `%s`. When `thinking` is enabled, a final `assistant` message must start with a thinking block."
	if got := decode(sonnet, `{"role":"assistant","content":"y"}`); got != strings.ReplaceAll(want, "%s", "text") {
		t.Errorf("got %q for a prefill", got)
	}
	const use, result = `{"type":"tool_use","id":"t","name":"f","input":{}}`, `{"role":"user","content":[{"type":"tool_result","tool_use_id":"t"}]}`
	if got := decode(sonnet, `{"role":"assistant","content":[`+use+`]}`); !strings.HasPrefix(got, "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: t.") {
		t.Errorf("got %q for a call without thinking", got)
	}
	if got := decode(sonnet, `{"role":"assistant","content":[`+use+`]},`+result); got != "" {
		t.Errorf("got %q for the call of a stand-in that did not think, want none", got)
	}
	if got := decode(sonnet, `{"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"s"},`+use+`]},`+result); got != "" {
		t.Errorf("got %q for a call with thinking, want none", got)
	}
	if got := decode("anthropic.claude-opus-4-6-v1", `{"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"s"},{"type":"text","text":"y"}]}`); !strings.HasPrefix(got, "This model does not support assistant message prefill") {
		t.Errorf("got %q for a prefill of a model that takes none", got)
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return fault.As(err).Message
}

// TestRichAnswers holds answers with every kind of block against golden files,
// and the streamed ones against the whole ones.
func TestRichAnswers(t *testing.T) {
	t.Parallel()
	place := &inference.Location{Unit: inference.LocationPages, Document: 0, Start: 5, End: 6}
	for name, events := range map[string][]inference.Event{
		"tools": {
			inference.Started{InputTokens: 21},
			inference.ReasoningDelta{Text: "Let me "}, inference.ReasoningDelta{Text: "see"}, inference.ReasoningDelta{Signature: "EqQB"},
			inference.ReasoningDelta{Redacted: []byte("sealed")},
			inference.TextDelta{Text: "I look."},
			inference.ToolStart{ID: "toolu_bdrk_1", Name: "get_weather"}, inference.ToolDelta{JSON: `{"place":`}, inference.ToolDelta{JSON: `"Rome"}`},
			inference.ToolStart{ID: "toolu_bdrk_2", Name: "get_time"},
			inference.Finished{Reason: inference.StopToolUse, Usage: inference.Usage{InputTokens: 21, OutputTokens: 9}},
		},
		"citations": {
			inference.Started{InputTokens: 21},
			inference.TextDelta{Text: "He says "}, inference.BlockEnd{},
			inference.CitationDelta{Citation: inference.Citation{Title: "T", Quotes: []string{"quoted"}, Location: place}}, inference.TextDelta{Text: "so"}, inference.BlockEnd{},
			inference.TextDelta{Text: "."},
			inference.Finished{Reason: inference.StopEndTurn, Usage: inference.Usage{InputTokens: 3, OutputTokens: 9, CacheReadTokens: 10, CacheWriteTokens: 8, CacheWrite1h: 6}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := model()
			var c, back inference.Collector
			var chunks strings.Builder
			d := messages.NewDecoder(func(ev inference.Event) error { back.Add(ev); return nil })
			s := claude.Family{}.Stream(m, func(chunk []byte) error {
				chunks.Write(append(slices.Clone(chunk), '\n'))
				return d.Chunk(chunk)
			})
			for _, ev := range events {
				c.Add(ev)
				if err := s.Event(ev); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.End(native.Metrics{InputTokens: 21, OutputTokens: 9}); err != nil {
				t.Fatal(err)
			}
			if err := d.End(); err != nil {
				t.Fatal(err)
			}
			answer := c.Answer()
			whole, err := claude.Family{}.Complete(m, answer)
			if err != nil {
				t.Fatal(err)
			}
			goldentest.Check(t, "testdata/rich/"+name+".json", string(whole)+"\n")
			goldentest.Check(t, "testdata/rich/"+name+".jsonl", chunks.String())
			answer.Model = claude.ShortName(m.ID)
			if diff := cmp.Diff(answer, back.Answer()); diff != "" {
				t.Errorf("the stream says something else than the answer (-whole +streamed):\n%s", diff)
			}
		})
	}
}
