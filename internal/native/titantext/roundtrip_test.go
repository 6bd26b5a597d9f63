package titantext_test

import (
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native/nativetest"
	"github.com/outcrop/outcrop/internal/native/prompt"
	"github.com/outcrop/outcrop/internal/native/titantext"
)

type object = map[string]any

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	nativetest.RoundTrip(t, titantext.Family{}, model(), func(r nativetest.Random) object {
		text := r.Text()
		if r.Chance(2) {
			text = "User: " + text + "\nBot:"
		}
		config := object{"maxTokenCount": 1 + r.IntN(8192), "temperature": r.Hundredths(0, 100), "topP": r.Hundredths(0, 100)}
		r.Maybe(config, "stopSequences", r.Texts(3))
		return object{"inputText": text, "textGenerationConfig": config}
	}, func(req *inference.Request) any {
		config := object{"maxTokenCount": req.MaxTokens, "temperature": *req.Temperature, "topP": *req.TopP}
		if req.StopSequences != nil {
			config["stopSequences"] = req.StopSequences
		}
		return object{"inputText": prompt.Written(req), "textGenerationConfig": config}
	})
}
