package claude_test

import (
	"encoding/json"
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
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
