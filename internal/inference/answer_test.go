package inference_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/inference"
)

// everything has a block of each kind, two of the same beside each other among
// them.
func everything() *inference.Answer {
	return &inference.Answer{
		Model: "m", Text: "It rained. Much.",
		Parts: []inference.Part{
			inference.Reasoning{Text: "Hm.", Signature: "sig"},
			inference.Reasoning{Redacted: []byte("x")},
			inference.Cited{Text: []string{"It rained."}, Citations: []inference.Citation{{Title: "Report"}}},
			inference.Text{Text: " Much."},
			inference.ToolUse{ID: "t1", Name: "a", Input: json.RawMessage(`{"b":1}`)},
			inference.ToolUse{ID: "t2", Name: "a", Input: json.RawMessage(`{}`)},
			inference.ToolResult{ID: "t2", Content: []inference.Part{inference.Text{Text: "1"}}},
			inference.Image{Format: "png", Bytes: []byte("png")},
		},
		Reason: inference.StopEndTurn, Usage: inference.Usage{InputTokens: 1, OutputTokens: 2},
	}
}

// What Emit takes apart, Collector puts together.
func TestAnswersSurviveTheirEvents(t *testing.T) {
	t.Parallel()
	var c inference.Collector
	if err := everything().Emit(func(ev inference.Event) error {
		c.Add(ev)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(everything(), c.Answer()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A call without a piece of input has the empty object; text that was not ended
// belongs to the answer.
func TestCollectorOfHalfAnswers(t *testing.T) {
	t.Parallel()
	var c inference.Collector
	for _, ev := range []inference.Event{
		inference.Started{Model: "m"}, inference.TextDelta{Text: "a"}, inference.BlockEnd{}, inference.TextDelta{Text: "b"},
		inference.ToolStart{ID: "t"}, inference.TextDelta{Text: "c"},
	} {
		c.Add(ev)
	}
	want := &inference.Answer{Model: "m", Text: "abc", Parts: []inference.Part{
		inference.Text{Text: "a"}, inference.Text{Text: "b"}, inference.ToolUse{ID: "t", Input: json.RawMessage("{}")}, inference.Text{Text: "c"},
	}}
	if diff := cmp.Diff(want, c.Answer()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Blocks begin and end once each, in order, with the numbers of their places in
// the answer.
func TestBlocksAreNumbered(t *testing.T) {
	t.Parallel()
	var b inference.Blocks
	var kinds []inference.BlockKind
	ended := 0
	if err := everything().Emit(func(ev inference.Event) error {
		s := b.Step(ev)
		if s.Ended != inference.BlockNone {
			if s.EndedAt != ended || kinds[s.EndedAt] != s.Ended {
				t.Errorf("%T ended block %d of kind %d, want %d of what began there", ev, s.EndedAt, s.Ended, ended)
			}
			ended++
		}
		if s.Began != inference.BlockNone {
			if s.Index != len(kinds) || ended != len(kinds) {
				t.Errorf("%T began block %d while %d of %d were over", ev, s.Index, ended, len(kinds))
			}
			kinds = append(kinds, s.Began)
			if s.Complete {
				ended++
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := []inference.BlockKind{
		inference.BlockReasoning, inference.BlockReasoning, inference.BlockText, inference.BlockText,
		inference.BlockTool, inference.BlockTool, inference.BlockToolOutput, inference.BlockImage,
	}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if ended != len(kinds) || b.Count() != len(kinds) {
		t.Errorf("%d of %d blocks are over, %d were counted", ended, len(kinds), b.Count())
	}
}
