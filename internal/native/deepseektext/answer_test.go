package deepseektext_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native/deepseektext"
	"github.com/outcrop/outcrop/internal/native/nativetest"
)

// What the model thought is in the text, up to </think>. The prompt has opened
// the first one; another one opens itself.
func TestAnswersRoundTrip(t *testing.T) {
	t.Parallel()
	reasons := map[string]inference.StopReason{"stop": inference.StopEndTurn, "length": inference.StopMaxTokens}
	read := func(data ...[]byte) (*inference.Answer, error) {
		a, text := &inference.Answer{}, ""
		for _, d := range data {
			var in struct {
				Choices [1]struct {
					Text       string
					StopReason string `json:"stop_reason"`
				}
			}
			if err := json.Unmarshal(d, &in); err != nil {
				return nil, err
			}
			text += in.Choices[0].Text
			a.Reason = reasons[in.Choices[0].StopReason]
		}
		if _, after, ok := strings.Cut(text, "\n</think>\n\n"); ok && !strings.Contains(text[:len(text)-len(after)], "<think>\n") {
			text = "<think>\n" + text
		}
		for i, piece := range strings.Split(text, "<think>\n") {
			if i > 0 {
				thought, rest, _ := strings.Cut(piece, "\n</think>\n\n")
				a.Parts = append(a.Parts, inference.Reasoning{Text: thought})
				piece = rest
			}
			if piece != "" {
				a.Parts = append(a.Parts, inference.Text{Text: piece})
			}
		}
		return a, nil
	}
	nativetest.RoundTripAnswers(t, deepseektext.Family{}, model(), nativetest.AnswerForm{
		Draw: func(r nativetest.Random) *inference.Answer {
			a := &inference.Answer{}
			for range r.IntN(3) {
				a.Parts = append(a.Parts, r.Thought(), inference.Text{Text: r.Text()})
			}
			if r.Chance(3) {
				a.Parts = append(a.Parts, r.Thought())
			} else if len(a.Parts) == 0 {
				a.Parts = []inference.Part{inference.Text{Text: r.Text()}}
			}
			r.Stop(a, inference.StopEndTurn, inference.StopMaxTokens)
			return a
		},
		Whole:  func(body []byte) (*inference.Answer, error) { return read(body) },
		Chunks: func(chunks [][]byte) (*inference.Answer, error) { return read(chunks...) },
	})
}
