package mistralchat_test

import (
	"encoding/json"
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native/mistralchat"
	"github.com/outcrop/outcrop/internal/native/nativetest"
)

// A text and calls: what the model thought, and what a server's own tools did, has
// no place.
func TestAnswersRoundTrip(t *testing.T) {
	t.Parallel()
	reasons := map[string]inference.StopReason{"stop": inference.StopEndTurn, "length": inference.StopMaxTokens, "tool_calls": inference.StopToolUse}
	read := func(data ...[]byte) (*inference.Answer, error) {
		a := &inference.Answer{}
		var calls []inference.Part
		for _, d := range data {
			var in struct {
				Choices [1]struct {
					Message struct {
						Content string
						Calls   []struct {
							ID       string
							Function struct{ Name, Arguments string }
						} `json:"tool_calls"`
					}
					StopReason string `json:"stop_reason"`
				}
				Usage struct {
					In  int `json:"prompt_tokens"`
					Out int `json:"completion_tokens"`
				}
			}
			if err := json.Unmarshal(d, &in); err != nil {
				return nil, err
			}
			a.Text += in.Choices[0].Message.Content
			for _, c := range in.Choices[0].Message.Calls {
				calls = append(calls, inference.ToolUse{ID: c.ID, Name: c.Function.Name, Input: json.RawMessage(c.Function.Arguments)})
			}
			a.Reason = reasons[in.Choices[0].StopReason]
			a.Usage.InputTokens, a.Usage.OutputTokens = in.Usage.In, in.Usage.Out
		}
		if a.Text != "" {
			a.Parts = append(a.Parts, inference.Text{Text: a.Text})
		}
		a.Parts = append(a.Parts, calls...)
		return a, nil
	}
	nativetest.RoundTripAnswers(t, mistralchat.Family{}, model(), nativetest.AnswerForm{
		Draw: func(r nativetest.Random) *inference.Answer {
			a := &inference.Answer{}
			r.Count(a)
			if r.Chance(4) {
				a.Parts = append(a.Parts, r.Served()...)
			}
			if !r.Chance(4) {
				a.Parts = append(a.Parts, inference.Text{Text: r.Text()})
			}
			r.Stop(a, inference.StopEndTurn, inference.StopMaxTokens)
			switch r.IntN(4) {
			case 0:
				a.Parts, a.Reason = append(a.Parts, r.Calls(3)...), inference.StopToolUse
			case 1:
				a.Parts = append(a.Parts, r.Broken())
			}
			return a
		},
		Seen: nativetest.Hidden, Streamed: nativetest.Hidden,
		Whole:  func(body []byte) (*inference.Answer, error) { return read(body) },
		Chunks: func(chunks [][]byte) (*inference.Answer, error) { return read(chunks...) },
	})
}
