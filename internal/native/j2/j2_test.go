package j2_test

import (
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/j2"
	"github.com/outcrop/outcrop/internal/native/nativetest"
	"github.com/outcrop/outcrop/internal/native/prompt"
)

func model() native.Model { return nativetest.Model("ai21.j2-mid-v1") }

func TestGolden(t *testing.T) { t.Parallel(); nativetest.Run(t, j2.Family{}, model()) }

func FuzzDecode(f *testing.F) { nativetest.Fuzz(f, j2.Family{}, model()) }

type object = map[string]any

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	nativetest.RoundTrip(t, j2.Family{}, model(), func(r nativetest.Random) object {
		b := object{"prompt": r.Text(), "maxTokens": 1 + r.IntN(8191), "temperature": r.Hundredths(0, 100), "topP": r.Hundredths(0, 100)}
		r.Maybe(b, "stopSequences", r.Texts(4))
		for _, key := range []string{"countPenalty", "presencePenalty", "frequencyPenalty"} {
			r.Maybe(b, key, object{"scale": r.Hundredths(0, 500), "applyToNumbers": r.Chance(2)})
		}
		return b
	}, func(req *inference.Request) any {
		b := object{"prompt": prompt.Written(req), "maxTokens": req.MaxTokens, "temperature": *req.Temperature, "topP": *req.TopP}
		if req.StopSequences != nil {
			b["stopSequences"] = req.StopSequences
		}
		for key, v := range req.Extra {
			b[key] = v
		}
		return b
	})
}
