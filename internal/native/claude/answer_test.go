package claude_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/messages"
	"github.com/outcrop/outcrop/internal/native/claude"
	"github.com/outcrop/outcrop/internal/native/nativetest"
)

// The decoder of the backend reads the answers. Input that is no JSON object is
// an object around it in a whole answer.
func TestAnswersRoundTrip(t *testing.T) {
	t.Parallel()
	m := nativetest.Model("anthropic.claude-sonnet-4-5-20250929-v1:0")
	m.CacheMetrics = true
	form := nativetest.Decoded(messages.DecodeAnswer, func(emit func(inference.Event) error) nativetest.Decoder { return messages.NewDecoder(emit) })
	form.Draw = drawAnswer
	read := form.Whole
	form.Whole = func(body []byte) (*inference.Answer, error) {
		a, err := read(body)
		for i, p := range a.Parts {
			if call, ok := p.(inference.ToolUse); ok && strings.HasPrefix(string(call.Input), `{"INVALID_JSON":`) {
				var in struct {
					Wrong string `json:"INVALID_JSON"`
				}
				if err := json.Unmarshal(call.Input, &in); err != nil {
					return nil, err
				}
				call.Input = json.RawMessage(in.Wrong)
				a.Parts[i] = call
			}
		}
		return a, err
	}
	nativetest.RoundTripAnswers(t, claude.Family{}, m, form)
}

// drawAnswer makes answers of everything that the format has.
func drawAnswer(r nativetest.Random) *inference.Answer {
	a := &inference.Answer{}
	for range r.IntN(6) {
		a.Parts = append(a.Parts, drawBlock(r)...)
	}
	r.CountCached(a)
	a.Usage.CacheWrite1h = r.IntN(a.Usage.CacheWriteTokens + 1)
	r.Stop(a, inference.StopEndTurn, inference.StopMaxTokens, inference.StopSequence, inference.StopFiltered, inference.StopContextWindow)
	if r.Chance(3) {
		a.Reason, a.StopSequence = inference.StopToolUse, ""
		if a.Parts = append(a.Parts, r.Calls(3)...); r.Chance(4) {
			a.Parts = append(a.Parts, r.Broken())
		}
	}
	extra := map[string]json.RawMessage{
		"stop_details": json.RawMessage(`{"type":"refusal","category":"x","explanation":null}`), "container": json.RawMessage(`{"id":"c_1","expires_at":"2026-01-01"}`),
		"context_management": json.RawMessage(`{"applied_edits":[]}`), "usage": json.RawMessage(`{"server_tool_use":{"web_search_requests":1},"service_tier":"standard"}`),
	}
	for _, key := range slices.Sorted(maps.Keys(extra)) {
		if r.Chance(2) {
			delete(extra, key)
		}
	}
	if a.Reason == inference.StopEndTurn && r.Chance(4) {
		extra["stop_reason"] = json.RawMessage(`"pause_turn"`)
	}
	a.Extra = extra
	return a
}

func drawBlock(r nativetest.Random) []inference.Part {
	switch r.IntN(6) {
	case 0:
		thought := r.Thought()
		thought.Signature = r.Pick("", "c2lnbmF0dXJl")
		return []inference.Part{thought}
	case 1:
		return []inference.Part{inference.Reasoning{Redacted: r.Bytes()}}
	case 2:
		cited := inference.Cited{Text: []string{r.Text()}}
		for range 1 + r.IntN(3) {
			cited.Citations = append(cited.Citations, drawCitation(r))
		}
		return []inference.Part{cited}
	case 3:
		call := r.Call()
		call.Kind = "server_tool_use"
		return []inference.Part{call, inference.ToolResult{
			ID: call.ID, Kind: "web_search_tool_result", Content: []inference.Part{inference.JSON{Value: json.RawMessage(`[{"type":"web_search_result","url":"https://example.com/","encrypted_content":"eA=="}]`)}},
		}}
	}
	return []inference.Part{inference.Text{Text: r.Text()}}
}

func drawCitation(r nativetest.Random) inference.Citation {
	c := inference.Citation{Title: r.Pick("", r.Text()), Quotes: []string{r.Text()}}
	c.Location = &inference.Location{Document: r.IntN(9), Start: r.IntN(99), End: r.IntN(99)}
	switch r.IntN(5) {
	case 0:
		c.Location.Unit = inference.LocationPages
	case 1:
		c.Location.Unit = inference.LocationChunks
	case 2:
		c.Location.Unit, c.Source = inference.LocationSearch, r.Text()
	case 3:
		c.Location = &inference.Location{Unit: inference.LocationWeb, URL: "https://example.com/", Proof: "cHJvb2Y="}
	default:
		c.Location.Unit = inference.LocationChars
	}
	return c
}
