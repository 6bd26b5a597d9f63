package deepseektext_test

import (
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/deepseektext"
	"github.com/outcrop/outcrop/internal/native/nativetest"
)

func model() native.Model { return nativetest.Model("deepseek.r1-v1:0") }

func TestGolden(t *testing.T) { t.Parallel(); nativetest.Run(t, deepseektext.Family{}, model()) }

func FuzzDecode(f *testing.F) { nativetest.Fuzz(f, deepseektext.Family{}, model()) }

type object = map[string]any

func TestScripts(t *testing.T) {
	t.Parallel()
	nativetest.RunScripts(t, deepseektext.Family{}, model(), nativetest.Thoughts()...)
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	nativetest.RoundTrip(t, deepseektext.Family{}, model(), func(r nativetest.Random) object {
		b := object{"prompt": "<｜begin▁of▁sentence｜><｜User｜>" + r.Text() + "<｜Assistant｜><think>\n"}
		r.Maybe(b, "max_tokens", 1+r.IntN(32768))
		r.Maybe(b, "temperature", r.Hundredths(0, 100))
		r.Maybe(b, "top_p", r.Hundredths(0, 100))
		r.Maybe(b, "stop", r.Texts(10))
		return b
	}, func(req *inference.Request) any {
		b := object{"prompt": req.Prompt.Text}
		if req.MaxTokens > 0 {
			b["max_tokens"] = req.MaxTokens
		}
		if req.Temperature != nil {
			b["temperature"] = *req.Temperature
		}
		if req.TopP != nil {
			b["top_p"] = *req.TopP
		}
		if req.StopSequences != nil {
			b["stop"] = req.StopSequences
		}
		return b
	})
}
