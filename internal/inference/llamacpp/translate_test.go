package llamacpp

import (
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/runner/protocol"
)

func TestTranslate(t *testing.T) {
	t.Parallel()
	warm, most, few, seed := 0.7, 0.9, 40, uint32(3)
	req := &inference.Request{
		Model:  "m",
		System: []inference.Part{inference.Text{Text: "Be brief."}, inference.Text{Text: "Be kind."}},
		Messages: []inference.Message{
			{Role: inference.RoleUser, Parts: []inference.Part{inference.Text{Text: "Hi"}}},
			{Role: inference.RoleAssistant, Parts: []inference.Part{inference.Text{Text: "Hello"}}},
		},
		Prompt:    &inference.Prompt{Text: "Hi", Syntax: inference.SyntaxLlama3},
		MaxTokens: 5, Temperature: &warm, TopP: &most, TopK: &few, Seed: &seed,
		StopSequences: []string{"a", "", "b"},
	}
	want := &protocol.Generate{
		System: []protocol.Part{{Text: "Be brief."}, {Text: "Be kind."}},
		Messages: []protocol.Message{
			{Role: inference.RoleUser, Parts: []protocol.Part{{Text: "Hi"}}}, {Role: inference.RoleAssistant, Parts: []protocol.Part{{Text: "Hello"}}},
		},
		Prompt:    &inference.Prompt{Text: "Hi", Syntax: inference.SyntaxLlama3},
		MaxTokens: 5, Temperature: &warm, TopP: &most, TopK: &few, Seed: &seed,
		Stop: []string{"a", "b"},
	}
	got, err := translate(req)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

func TestTranslateRefuses(t *testing.T) {
	t.Parallel()
	number := func(x float64) *float64 { return &x }
	for name, req := range map[string]*inference.Request{
		"negative max tokens":      {MaxTokens: -1},
		"negative temperature":     {Temperature: number(-0.1)},
		"temperature not a number": {Temperature: number(math.NaN())},
		"infinite temperature":     {Temperature: number(math.Inf(1))},
		"top p above one":          {TopP: number(1.01)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := translate(req); !fault.Is(err, fault.Invalid) {
				t.Errorf("got %v, want %v", err, fault.Invalid)
			}
		})
	}
}

func TestGoneIsWordedByWhatTheClientHasSeen(t *testing.T) {
	t.Parallel()
	cause := &errGone{errors.New("signal: killed (secret path)")}
	for name, tc := range map[string]struct {
		answered bool
		want     fault.Kind
	}{"before the answer": {false, fault.Unavailable}, "in the answer": {true, fault.Upstream}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := gone(cause, tc.answered)
			if !fault.Is(err, tc.want) || !errors.Is(err, cause) {
				t.Errorf("got %v, want %v with its cause", err, tc.want)
			}
		})
	}
}
