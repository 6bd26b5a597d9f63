package llama_test

import (
	"encoding/json"
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native/llama"
	"github.com/outcrop/outcrop/internal/native/nativetest"
)

func TestAnswersRoundTrip(t *testing.T) {
	t.Parallel()
	nativetest.RoundTripAnswers(t, llama.Family{}, model(), nativetest.Plain{
		Reasons: map[string]inference.StopReason{"stop": inference.StopEndTurn, "length": inference.StopMaxTokens},
		Counted: true,
		Read: func(data []byte, a *inference.Answer) (text, reason string, err error) {
			var in struct {
				Generation string
				Prompt     *int   `json:"prompt_token_count"`
				Count      int    `json:"generation_token_count"`
				StopReason string `json:"stop_reason"`
			}
			err = json.Unmarshal(data, &in)
			if in.Prompt != nil {
				a.Usage.InputTokens = *in.Prompt
			}
			a.Usage.OutputTokens = in.Count
			return in.Generation, in.StopReason, err
		},
	}.Form())
}
