package nativetest

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/goldentest"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
)

// Script is an answer of other blocks than text, as a backend makes it.
type Script struct {
	Name   string
	Events []inference.Event
}

// RunScripts holds what a family writes of such answers against its golden
// files, which are where Run's are.
func RunScripts(t *testing.T, f native.Family, m native.Model, scripts ...Script) {
	t.Helper()
	for _, s := range scripts {
		t.Run("answers/"+s.Name, func(t *testing.T) {
			t.Parallel()
			c := script{name: s.Name, events: s.Events}
			whole, err := f.Complete(m, c.answer())
			if err != nil {
				t.Fatal(err)
			}
			goldentest.Check(t, filepath.Join("testdata", "answers", s.Name+".json"), string(whole)+"\n")
			goldentest.Check(t, filepath.Join("testdata", "answers", s.Name+".jsonl"), string(stream(t, f, m, c)))
		})
	}
}

// Tools are answers that call tools: one, several at once behind text, one
// whose input is no JSON.
func Tools() []Script {
	return []Script{
		{"tool_use", answerOf(inference.StopToolUse,
			inference.TextDelta{Text: "Let me see.", OutputTokens: 3},
			inference.ToolStart{ID: "tooluse_1", Name: "weather"},
			inference.ToolDelta{JSON: `{"city":`, OutputTokens: 5},
			inference.ToolDelta{JSON: `"Bern & <Thun>"}`, OutputTokens: 7},
			inference.ToolStart{ID: "tooluse_2", Name: "clock"},
		)},
		{"tool_use_alone", answerOf(inference.StopToolUse,
			inference.ToolStart{ID: "tooluse_1", Name: "weather"},
			inference.ToolDelta{JSON: `{"city":"Bern","days":2}`, OutputTokens: 7},
		)},
		{"tool_use_malformed", answerOf(inference.StopMalformedTool,
			inference.ToolStart{ID: "tooluse_1", Name: "weather"},
			inference.ToolDelta{JSON: `{"city":`, OutputTokens: 7},
		)},
	}
}

// Thoughts are answers of models that think first.
func Thoughts() []Script {
	return []Script{{"reasoning", answerOf(inference.StopEndTurn,
		inference.ReasoningDelta{Text: "Two and", OutputTokens: 2},
		inference.ReasoningDelta{Text: " two.", OutputTokens: 4},
		inference.ReasoningDelta{Signature: "c2ln"},
		inference.TextDelta{Text: "Fo", OutputTokens: 5},
		inference.TextDelta{Text: "ur.", OutputTokens: 6},
	)}}
}

// Citations is an answer that names where it is from.
func Citations() []Script {
	return []Script{{"citations", answerOf(inference.StopEndTurn,
		inference.TextDelta{Text: "Gneiss is banded.", OutputTokens: 4},
		inference.CitationDelta{Citation: inference.Citation{
			Title: "Rocks", Quotes: []string{"Gneiss has bands."},
			Location: &inference.Location{Unit: inference.LocationChunks, Document: 1, Start: 0, End: 1},
		}},
		inference.BlockEnd{},
		inference.TextDelta{Text: " So is migmatite.", OutputTokens: 8},
	)}}
}

// answerOf puts the beginning and the end around the blocks of an answer.
func answerOf(reason inference.StopReason, blocks ...inference.Event) []inference.Event {
	events := append([]inference.Event{inference.Started{Model: "mem", InputTokens: 12}}, blocks...)
	return append(events, inference.Finished{
		Reason: reason, Elapsed: 40 * time.Millisecond,
		Usage: inference.Usage{InputTokens: 12, OutputTokens: 8, CacheReadTokens: 3, CacheWriteTokens: 2, ReasoningTokens: 4},
	})
}
