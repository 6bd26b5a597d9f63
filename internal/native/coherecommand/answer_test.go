package coherecommand_test

import (
	"encoding/json"
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/coherecommand"
	"github.com/outcrop/outcrop/internal/native/nativetest"
)

// A stream has pieces where the body asks for them, and else the whole answer as
// one chunk.
func TestAnswersRoundTrip(t *testing.T) {
	t.Parallel()
	for _, f := range []native.Family{streaming(), coherecommand.Family{}.Bind(&inference.Request{Prompt: &inference.Prompt{Text: "Go on"}})} {
		nativetest.RoundTripAnswers(t, f, model(), nativetest.Plain{
			Reasons: map[string]inference.StopReason{"COMPLETE": inference.StopEndTurn, "MAX_TOKENS": inference.StopMaxTokens, "ERROR_TOXIC": inference.StopFiltered},
			Read: func(data []byte, _ *inference.Answer) (text, reason string, err error) {
				var in struct {
					Text        string
					Reason      string `json:"finish_reason"`
					Generations []struct {
						Text   string
						Reason string `json:"finish_reason"`
					}
				}
				err = json.Unmarshal(data, &in)
				for _, g := range in.Generations {
					in.Text, in.Reason = g.Text, g.Reason
				}
				return in.Text, in.Reason, err
			},
		}.Form())
	}
}
