package pegasus_test

import (
	"encoding/json"
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native/nativetest"
	"github.com/outcrop/outcrop/internal/native/pegasus"
)

func TestAnswersRoundTrip(t *testing.T) {
	t.Parallel()
	nativetest.RoundTripAnswers(t, pegasus.Family{}, model(), nativetest.Plain{
		Reasons: map[string]inference.StopReason{"stop": inference.StopEndTurn, "length": inference.StopMaxTokens},
		Read: func(data []byte, _ *inference.Answer) (text, reason string, err error) {
			var in struct{ Message, FinishReason string }
			err = json.Unmarshal(data, &in)
			return in.Message, in.FinishReason, err
		},
	}.Form())
}
