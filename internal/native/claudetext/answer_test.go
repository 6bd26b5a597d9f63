package claudetext_test

import (
	"encoding/json"
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native/claudetext"
	"github.com/outcrop/outcrop/internal/native/nativetest"
)

// An answer that ended by itself met the next human turn.
func TestAnswersRoundTrip(t *testing.T) {
	t.Parallel()
	const natural = "stop_sequence \n\nHuman:"
	nativetest.RoundTripAnswers(t, claudetext.Family{}, model(), nativetest.Plain{
		Reasons:   map[string]inference.StopReason{natural: inference.StopEndTurn, "stop_sequence": inference.StopSequence, "max_tokens": inference.StopMaxTokens},
		Sequenced: true,
		Read: func(data []byte, a *inference.Answer) (text, reason string, err error) {
			var in struct {
				Completion string
				StopReason string `json:"stop_reason"`
				Stop       *string
			}
			err = json.Unmarshal(data, &in)
			reason = in.StopReason
			if in.Stop != nil {
				if reason += " " + *in.Stop; reason != natural {
					reason, a.StopSequence = "stop_sequence", *in.Stop
				}
			}
			return in.Completion, reason, err
		},
	}.Form())
}
