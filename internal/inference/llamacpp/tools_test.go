package llamacpp_test

import (
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

func weather() inference.Tool {
	return inference.Tool{
		Name: "get_weather", Description: "The weather in a city.",
		Schema: []byte(`{"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}`),
	}
}

// Tools reach the model's prompt, however it answers them.
func TestRealToolsInPrompt(t *testing.T) {
	t.Parallel()
	p, _ := params(t)
	b := open(t, p)
	count := func(req *inference.Request) int {
		t.Helper()
		n, err := b.CountTokens(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	req := ask(chatModel, "What is the weather in Paris?")
	plain := count(req)
	req.Tools = []inference.Tool{weather()}
	with := count(req)
	req.ToolChoice.Mode = inference.ToolNone
	if none := count(req); with < plain+50 || none != plain {
		t.Errorf("got %d tokens, %d with a tool, %d with one that is not to be called", plain, with, none)
	}
	req.ToolChoice.Mode = inference.ToolAuto
	req.MaxTokens, req.Temperature = 20, new(float64)
	if _, err := inference.Collect(t.Context(), b, req); err != nil {
		t.Error(err)
	}
}

func TestUnreadableParts(t *testing.T) {
	t.Parallel()
	b := openFakes(t, "", nil)
	for want, part := range map[string]inference.Part{
		"images": inference.Image{}, "documents": inference.Document{}, "video": inference.Video{}, "audio": inference.Audio{},
		"redacted reasoning": inference.Reasoning{Redacted: []byte("x")},
	} {
		req := ask("m", "look")
		req.Messages[0].Parts = append(req.Messages[0].Parts, part)
		err := b.Generate(t.Context(), req, func(inference.Event) error { return nil })
		if !fault.Is(err, fault.Unsupported) || !strings.Contains(fault.As(err).Message, want) {
			t.Errorf("got %v, want an error about %s", err, want)
		}
	}
}
