package pegasus_test

import (
	"encoding/base64"
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/nativetest"
	"github.com/outcrop/outcrop/internal/native/pegasus"
)

func model() native.Model { return nativetest.Model("twelvelabs.pegasus-1-2-v1:0") }

func TestGolden(t *testing.T) { t.Parallel(); nativetest.Run(t, pegasus.Family{}, model()) }

func FuzzDecode(f *testing.F) { nativetest.Fuzz(f, pegasus.Family{}, model()) }

type object = map[string]any

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	nativetest.RoundTrip(t, pegasus.Family{}, model(), func(r nativetest.Random) object {
		b := object{"inputPrompt": r.Text(), "temperature": r.Hundredths(0, 100), "mediaSource": object{"base64String": base64.StdEncoding.EncodeToString(r.Bytes())}}
		if r.Chance(2) {
			b["mediaSource"] = object{"s3Location": object{"uri": "s3://films/" + r.Name() + ".mp4", "bucketOwner": "123456789012"}}
		}
		r.Maybe(b, "maxOutputTokens", 1+r.IntN(4096))
		r.Maybe(b, "responseFormat", object{"jsonSchema": r.Schema()})
		return b
	}, func(req *inference.Request) any {
		film, text := req.Messages[0].Parts[0].(inference.Video), req.Messages[0].Parts[1].(inference.Text)
		b := object{"inputPrompt": text.Text, "temperature": *req.Temperature}
		if film.Bytes != nil {
			b["mediaSource"] = object{"base64String": base64.StdEncoding.EncodeToString(film.Bytes)}
		} else {
			b["mediaSource"] = object{"s3Location": object{"uri": film.URL, "bucketOwner": film.Owner}}
		}
		if req.MaxTokens > 0 {
			b["maxOutputTokens"] = req.MaxTokens
		}
		if req.Output != nil {
			b["responseFormat"] = object{"jsonSchema": req.Output.Schema}
		}
		return b
	})
}
