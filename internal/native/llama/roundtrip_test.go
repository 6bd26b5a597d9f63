package llama_test

import (
	"encoding/base64"
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native/llama"
	"github.com/outcrop/outcrop/internal/native/nativetest"
)

type object = map[string]any

const header, headerEnd, turnEnd = "<|start_header_id|>", "<|end_header_id|>\n\n", "<|eot_id|>"

// TestRoundTrip has prompts with images too: those go through the conversation,
// from which encode writes the prompt again.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	nativetest.RoundTrip(t, llama.Family{}, nativetest.Model("meta.llama3-2-11b-instruct-v1:0"), func(r nativetest.Random) object {
		b := object{"max_gen_len": 1 + r.IntN(2048), "temperature": r.Hundredths(0, 100), "top_p": r.Hundredths(0, 100)}
		question := r.Text()
		if r.Chance(2) {
			question = "<|image|>" + question
			b["images"] = []string{base64.StdEncoding.EncodeToString(r.PNG())}
		}
		b["prompt"] = "<|begin_of_text|>" + header + "user" + headerEnd + question + turnEnd + header + "assistant" + headerEnd
		return b
	}, func(req *inference.Request) any {
		b := object{"max_gen_len": req.MaxTokens, "temperature": *req.Temperature, "top_p": *req.TopP}
		if req.Prompt != nil {
			b["prompt"] = req.Prompt.Text
			return b
		}
		text, images := "<|begin_of_text|>", []string{}
		for _, m := range req.Messages {
			text += header + string(m.Role) + headerEnd
			for _, p := range m.Parts {
				switch p := p.(type) {
				case inference.Text:
					text += p.Text
				case inference.Image:
					text += "<|image|>"
					images = append(images, base64.StdEncoding.EncodeToString(p.Bytes))
				}
			}
			text += turnEnd
		}
		b["prompt"], b["images"] = text+header+"assistant"+headerEnd, images
		return b
	})
}
