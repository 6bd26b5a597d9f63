package coherechat_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native/coherechat"
	"github.com/outcrop/outcrop/internal/native/nativetest"
)

// reply is what an answer, a chunk and the answer in the last chunk have.
type reply struct {
	EventType    string `json:"event_type"`
	Finished     bool   `json:"is_finished"`
	Text         string
	FinishReason string `json:"finish_reason"`
	Citations    []struct {
		Start, End int
		Text       string
		Documents  []string `json:"document_ids"`
	}
	ToolCalls []struct {
		Name       string
		Parameters json.RawMessage
	} `json:"tool_calls"`
	Response *reply
	Meta     struct {
		Billed struct {
			In  int `json:"input_tokens"`
			Out int `json:"output_tokens"`
		} `json:"billed_units"`
	}
}

// answer is what a reply says. Where a citation begins and ends is counted in
// characters.
func (in *reply) answer() (*inference.Answer, error) {
	a := &inference.Answer{Reason: map[string]inference.StopReason{
		"COMPLETE": inference.StopEndTurn, "MAX_TOKENS": inference.StopMaxTokens, "STOP_SEQUENCE": inference.StopSequence,
		"ERROR_LIMIT": inference.StopContextWindow, "ERROR_TOXIC": inference.StopFiltered, "ERROR": inference.StopMalformedTool,
	}[in.FinishReason]}
	runes, at := []rune(in.Text), 0
	plain := func(to int) {
		if to > at {
			a.Parts = append(a.Parts, inference.Text{Text: string(runes[at:to])})
		}
	}
	for _, c := range in.Citations {
		if c.Start < at || c.End > len(runes) || string(runes[c.Start:c.End]) != c.Text {
			return nil, fmt.Errorf("%q is not what stands from %d to %d in %q", c.Text, c.Start, c.End, in.Text)
		}
		plain(c.Start)
		cited := inference.Cited{Text: []string{c.Text}}
		for _, id := range c.Documents {
			cited.Citations = append(cited.Citations, inference.Citation{Source: id})
		}
		a.Parts, at = append(a.Parts, cited), c.End
	}
	plain(len(runes))
	for _, c := range in.ToolCalls {
		var broken string
		if json.Unmarshal(c.Parameters, &broken) == nil {
			c.Parameters = json.RawMessage(broken)
		}
		a.Parts = append(a.Parts, inference.ToolUse{Name: c.Name, Input: c.Parameters})
		if a.Reason == inference.StopEndTurn {
			a.Reason = inference.StopToolUse
		}
	}
	a.Usage.InputTokens, a.Usage.OutputTokens = in.Meta.Billed.In, in.Meta.Billed.Out
	return a, nil
}

// Calls have no IDs, and citations nothing but the names of their documents. The
// last chunk of a stream says everything once more, and what it cost.
func TestAnswersRoundTrip(t *testing.T) {
	t.Parallel()
	nativetest.RoundTripAnswers(t, coherechat.Family{}, model(), nativetest.AnswerForm{
		Draw: func(r nativetest.Random) *inference.Answer {
			a := drawAnswer(r)
			r.Count(a)
			return a
		},
		Seen: func(a *inference.Answer) {
			nativetest.Hidden(a)
			a.Usage = inference.Usage{}
		},
		Streamed: nativetest.Hidden,
		Whole: func(body []byte) (*inference.Answer, error) {
			var in reply
			if err := json.Unmarshal(body, &in); err != nil {
				return nil, err
			}
			return in.answer()
		},
		Chunks: func(chunks [][]byte) (*inference.Answer, error) {
			var said, last reply
			for i, data := range chunks {
				var in reply
				if err := json.Unmarshal(data, &in); err != nil {
					return nil, err
				}
				if in.Finished != (i == len(chunks)-1) {
					return nil, fmt.Errorf("chunk %d of %d says is_finished %t", i, len(chunks), in.Finished)
				}
				switch in.EventType {
				case "text-generation":
					said.Text += in.Text
				case "citation-generation":
					said.Citations = append(said.Citations, in.Citations...)
				case "tool-calls-generation":
					said.ToolCalls = append(said.ToolCalls, in.ToolCalls...)
				case "stream-end":
					last, said.FinishReason = *in.Response, in.FinishReason
				}
			}
			said.Meta = last.Meta
			a, err := said.answer()
			if err != nil {
				return nil, err
			}
			again, err := last.answer()
			if err != nil {
				return nil, err
			}
			if diff := nativetest.SameAnswer(a, again); diff != "" {
				return nil, fmt.Errorf("the last chunk says something else (-chunks +last):\n%s", diff)
			}
			return a, nil
		},
	})
}

func drawAnswer(r nativetest.Random) *inference.Answer {
	a := &inference.Answer{}
	if r.Chance(4) {
		a.Parts = append(a.Parts, r.Served()...)
	}
	plain := false // two texts beside each other are one
	for range r.IntN(5) {
		if plain = !plain && r.Chance(2); plain {
			a.Parts = append(a.Parts, inference.Text{Text: r.Text()})
			continue
		}
		cited := inference.Cited{Text: []string{r.Text()}}
		for range 1 + r.IntN(3) {
			cited.Citations = append(cited.Citations, inference.Citation{Source: "doc_" + r.Name()})
		}
		a.Parts = append(a.Parts, cited)
	}
	r.Stop(a, inference.StopEndTurn, inference.StopMaxTokens, inference.StopSequence, inference.StopContextWindow, inference.StopFiltered)
	a.StopSequence = ""
	switch r.IntN(4) {
	case 0:
		for _, p := range r.Calls(3) {
			call := p.(inference.ToolUse)
			call.ID = ""
			a.Parts = append(a.Parts, call)
		}
		a.Reason = inference.StopToolUse
	case 1:
		call := r.Broken()
		call.ID = ""
		a.Parts, a.Reason = append(a.Parts, call), inference.StopMalformedTool
	}
	return a
}
