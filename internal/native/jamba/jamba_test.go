package jamba_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/outcrop/outcrop/internal/chatcompletions"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/jamba"
	"github.com/outcrop/outcrop/internal/native/nativetest"
)

func model() native.Model { return nativetest.Model("ai21.jamba-1-5-mini-v1:0") }

func TestGolden(t *testing.T) { t.Parallel(); nativetest.Run(t, jamba.Family{}, model()) }

func TestScripts(t *testing.T) {
	t.Parallel()
	nativetest.RunScripts(t, jamba.Family{}, model(), slices.Concat(nativetest.Tools(), nativetest.Thoughts())...)
}

func FuzzDecode(f *testing.F) { nativetest.Fuzz(f, jamba.Family{}, model()) }

type object = map[string]any

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	nativetest.RoundTrip(t, jamba.Family{}, model(), func(r nativetest.Random) object {
		b := r.Chat()
		b["max_tokens"], b["temperature"], b["top_p"] = 1+r.IntN(4096), r.Hundredths(0, 100), r.Hundredths(1, 100)
		r.Maybe(b, "stop", r.Texts(4))
		r.Maybe(b, "frequency_penalty", r.Hundredths(0, 100))
		r.Maybe(b, "seed", r.IntN(100))
		if b["tools"] != nil {
			r.Maybe(b, "tool_choice", r.Pick("auto", "none", "required"))
		}
		return b
	}, func(req *inference.Request) any {
		sub := *req
		sub.Dialect = chatcompletions.Dialect // so that the vendor's own members come back
		data, err := chatcompletions.EncodeRequest(&sub, chatcompletions.EncodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var b object
		if err := json.Unmarshal(data, &b); err != nil {
			t.Fatal(err)
		}
		delete(b, "model")
		if b["tool_choice"] == "required" {
			b["tool_choice"] = "required"
		}
		return b
	})
}
