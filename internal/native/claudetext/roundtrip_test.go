package claudetext_test

import (
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native/claudetext"
	"github.com/outcrop/outcrop/internal/native/nativetest"
)

type object = map[string]any

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	nativetest.RoundTrip(t, claudetext.Family{}, model(), func(r nativetest.Random) object {
		b := object{
			"prompt": "\n\nHuman: " + r.Text() + "\n\nAssistant:", "max_tokens_to_sample": 1 + r.IntN(4096),
			"stop_sequences": append(r.Texts(3), "\n\nHuman:"),
		}
		r.Maybe(b, "temperature", r.Hundredths(0, 100))
		r.Maybe(b, "top_p", r.Hundredths(0, 100))
		r.Maybe(b, "top_k", r.IntN(501))
		return b
	}, func(req *inference.Request) any {
		b := object{"prompt": req.Prompt.Text, "max_tokens_to_sample": req.MaxTokens, "stop_sequences": req.StopSequences}
		if req.Temperature != nil {
			b["temperature"] = *req.Temperature
		}
		if req.TopP != nil {
			b["top_p"] = *req.TopP
		}
		if req.TopK != nil {
			b["top_k"] = *req.TopK
		}
		return b
	})
}
