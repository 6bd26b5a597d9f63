package openaichat_test

import (
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/chatcompletions"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native/nativetest"
	"github.com/outcrop/outcrop/internal/native/openaichat"
)

// chatForm reads with the decoder of the backends.
func chatForm() nativetest.AnswerForm {
	return nativetest.ChatForm(chatcompletions.DecodeAnswer, func(emit func(inference.Event) error) nativetest.Decoder { return chatcompletions.NewDecoder(emit) })
}

func TestAnswersRoundTrip(t *testing.T) {
	t.Parallel()
	nativetest.RoundTripAnswers(t, openaichat.Family{}, nativetest.Model("qwen.qwen3-32b-v1:0"), chatForm())
}

// gpt-oss thinks in its text, in between too.
func TestAnswersWithThoughtsInTheText(t *testing.T) {
	t.Parallel()
	form := chatForm()
	apart := func(a *inference.Answer, err error) (*inference.Answer, error) {
		var parts []inference.Part
		for _, p := range a.Parts {
			text, ok := p.(inference.Text)
			if !ok {
				parts = append(parts, p)
				continue
			}
			for text.Text != "" {
				said, rest, _ := strings.Cut(text.Text, "<reasoning>")
				if said != "" {
					parts = append(parts, inference.Text{Text: said})
				}
				thought, after, _ := strings.Cut(rest, "</reasoning>")
				if thought != "" {
					parts = append(parts, inference.Reasoning{Text: thought})
				}
				text.Text = after
			}
		}
		a.Parts = parts
		return a, err
	}
	nativetest.RoundTripAnswers(t, openaichat.Family{}, model(), nativetest.AnswerForm{
		Draw: func(r nativetest.Random) *inference.Answer {
			a := form.Draw(r)
			if r.Chance(2) {
				a.Parts = append([]inference.Part{r.Thought(), inference.Text{Text: r.Text()}, r.Thought(), inference.Text{Text: r.Text()}}, r.Calls(2)...)
				a.Reason, a.StopSequence = inference.StopToolUse, ""
			}
			return a
		},
		Seen: form.Seen, Streamed: form.Streamed,
		Whole:  func(body []byte) (*inference.Answer, error) { return apart(form.Whole(body)) },
		Chunks: func(chunks [][]byte) (*inference.Answer, error) { return apart(form.Chunks(chunks)) },
	})
}
