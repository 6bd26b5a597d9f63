package j2_test

import (
	"encoding/json"
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native/j2"
	"github.com/outcrop/outcrop/internal/native/nativetest"
)

func TestAnswersRoundTrip(t *testing.T) {
	t.Parallel()
	nativetest.RoundTripAnswers(t, j2.Family{}, model(), nativetest.Plain{
		Reasons: map[string]inference.StopReason{"endoftext": inference.StopEndTurn, "length": inference.StopMaxTokens, "stop": inference.StopSequence},
		Read: func(data []byte, _ *inference.Answer) (text, reason string, err error) {
			var in struct {
				Completions [1]struct {
					Data         struct{ Text string }
					FinishReason struct{ Reason string }
				}
			}
			err = json.Unmarshal(data, &in)
			return in.Completions[0].Data.Text, in.Completions[0].FinishReason.Reason, err
		},
	}.Form())
}
