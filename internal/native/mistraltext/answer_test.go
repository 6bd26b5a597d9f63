package mistraltext_test

import (
	"encoding/json"
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native/mistraltext"
	"github.com/outcrop/outcrop/internal/native/nativetest"
)

func TestAnswersRoundTrip(t *testing.T) {
	t.Parallel()
	nativetest.RoundTripAnswers(t, mistraltext.Family{}, model(), nativetest.Plain{
		Reasons: map[string]inference.StopReason{"stop": inference.StopEndTurn, "length": inference.StopMaxTokens},
		Read: func(data []byte, _ *inference.Answer) (text, reason string, err error) {
			var in struct {
				Outputs [1]struct {
					Text       string
					StopReason string `json:"stop_reason"`
				}
			}
			err = json.Unmarshal(data, &in)
			return in.Outputs[0].Text, in.Outputs[0].StopReason, err
		},
	}.Form())
}
