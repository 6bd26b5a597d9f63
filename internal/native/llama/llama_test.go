package llama_test

import (
	"encoding/json"
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/llama"
	"github.com/outcrop/outcrop/internal/native/nativetest"
)

func model() native.Model {
	m := nativetest.Model("meta.llama3-1-70b-instruct-v1:0")
	m.MaxOutput = 2048
	return m
}

func TestGolden(t *testing.T) { t.Parallel(); nativetest.Run(t, llama.Family{}, model()) }

func FuzzDecode(f *testing.F) { nativetest.Fuzz(f, llama.Family{}, model()) }

// TestPromptsWithoutMarkupAreTheModelsOwn holds that a bare prompt, which the
// real service goes on from, reaches a Llama as it stands.
func TestPromptsWithoutMarkupAreTheModelsOwn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		id, prompt string
		want       inference.Syntax
	}{
		{"meta.llama2-13b-chat-v1", "Hi", inference.SyntaxLlama2},
		{"meta.llama2-13b-chat-v1", "[INST] Hi [/INST]", inference.SyntaxLlama2},
		{"meta.llama3-8b-instruct-v1:0", "Hi", inference.SyntaxLlama3},
		{"meta.llama3-8b-instruct-v1:0", "[INST] Hi [/INST]", inference.SyntaxMistral},
		{"meta.llama3-2-1b-instruct-v1:0", "<|begin_of_text|>Hi", inference.SyntaxLlama3},
		{"meta.llama4-scout-17b-instruct-v1:0", "Hi", inference.SyntaxLlama4},
		{"meta.llama4-scout-17b-instruct-v1:0", "<|start_header_id|>user<|end_header_id|>Hi", inference.SyntaxLlama3},
	} {
		t.Run(c.id+" "+c.prompt, func(t *testing.T) {
			t.Parallel()
			data, err := json.Marshal(map[string]string{"prompt": c.prompt})
			if err != nil {
				t.Fatal(err)
			}
			req, err := llama.Family{}.Decode(nativetest.Model(c.id), data)
			if err != nil {
				t.Fatal(err)
			}
			if req.Prompt == nil || req.Prompt.Text != c.prompt || req.Prompt.Syntax != c.want {
				t.Errorf("got prompt %+v, want %q in %q", req.Prompt, c.prompt, c.want)
			}
		})
	}
}
