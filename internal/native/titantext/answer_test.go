package titantext_test

import (
	"encoding/json"
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native/nativetest"
	"github.com/outcrop/outcrop/internal/native/titantext"
)

func TestAnswersRoundTrip(t *testing.T) {
	t.Parallel()
	nativetest.RoundTripAnswers(t, titantext.Family{}, model(), nativetest.Plain{
		Reasons: map[string]inference.StopReason{
			"FINISH": inference.StopEndTurn, "LENGTH": inference.StopMaxTokens, "STOP_CRITERIA_MET": inference.StopSequence, "CONTENT_FILTERED": inference.StopFiltered,
		},
		Counted: true,
		Read: func(data []byte, a *inference.Answer) (text, reason string, err error) {
			var in struct {
				InputTextTokenCount       *int
				TotalOutputTextTokenCount int
				OutputText                string
				CompletionReason          string
				Results                   []struct {
					TokenCount                   int
					OutputText, CompletionReason string
				}
			}
			err = json.Unmarshal(data, &in)
			if in.InputTextTokenCount != nil {
				a.Usage.InputTokens = *in.InputTextTokenCount
			}
			a.Usage.OutputTokens, text, reason = in.TotalOutputTextTokenCount, in.OutputText, in.CompletionReason
			for _, r := range in.Results {
				a.Usage.OutputTokens, text, reason = r.TokenCount, r.OutputText, r.CompletionReason
			}
			return text, reason, err
		},
	}.Form())
}
