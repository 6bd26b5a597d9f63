package mistraltext_test

import (
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/mistraltext"
	"github.com/outcrop/outcrop/internal/native/nativetest"
)

func model() native.Model { return nativetest.Model("mistral.mistral-7b-instruct-v0:2") }

func TestGolden(t *testing.T) { t.Parallel(); nativetest.Run(t, mistraltext.Family{}, model()) }

func FuzzDecode(f *testing.F) { nativetest.Fuzz(f, mistraltext.Family{}, model()) }

type object = map[string]any

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	nativetest.RoundTrip(t, mistraltext.Family{}, model(), func(r nativetest.Random) object {
		b := object{
			"prompt": "<s>[INST] " + r.Text() + " [/INST]", "max_tokens": 1 + r.IntN(8192), "temperature": r.Hundredths(0, 100),
			"top_p": r.Hundredths(0, 100), "top_k": 1 + r.IntN(200),
		}
		r.Maybe(b, "stop", r.Texts(10))
		return b
	}, func(req *inference.Request) any {
		b := object{"prompt": req.Prompt.Text, "max_tokens": req.MaxTokens, "temperature": *req.Temperature, "top_p": *req.TopP, "top_k": *req.TopK}
		if req.StopSequences != nil {
			b["stop"] = req.StopSequences
		}
		return b
	})
}

func TestDefaultsAreTheModels(t *testing.T) {
	t.Parallel()
	m := nativetest.Model("mistral.mistral-large-2402-v1:0")
	req, err := mistraltext.Family{}.Decode(m, []byte(`{"prompt":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	if req.MaxTokens != 8192 || *req.Temperature != 0.7 || *req.TopP != 1 || req.TopK != nil {
		t.Errorf("got %d tokens, temperature %v, top p %v, top k %v; want 8192, 0.7, 1 and none", req.MaxTokens, *req.Temperature, *req.TopP, req.TopK)
	}
	m.MaxOutput = 100
	if req, err = (mistraltext.Family{}).Decode(m, []byte(`{"prompt":"x"}`)); err != nil || req.MaxTokens != 100 {
		t.Errorf("got %+v, %v, want the model's limit of 100 tokens", req, err)
	}
}
