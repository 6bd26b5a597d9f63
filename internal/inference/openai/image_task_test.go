package openai

import (
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

func TestImageTasksAreKnown(t *testing.T) {
	t.Parallel()
	source := &inference.Image{Format: "png", Bytes: []byte{1}}
	for _, c := range []struct {
		name string
		req  inference.ImageRequest
		ok   bool
	}{
		{"from words", inference.ImageRequest{Prompt: "a rock"}, true},
		{"another one", inference.ImageRequest{Prompt: "a rock", Task: inference.ImageVary, Source: source}, true},
		{"another one of itself", inference.ImageRequest{Task: inference.ImageVary, Source: source}, false},
		{"like two", inference.ImageRequest{Prompt: "a rock", Task: inference.ImageVary, Source: source, References: []inference.Image{*source}}, false},
		{"a part", inference.ImageRequest{Prompt: "moss", Task: inference.ImageInpaint, Source: source, Mask: source}, true},
		{"a part in words", inference.ImageRequest{Prompt: "moss", Task: inference.ImageInpaint, Source: source, Target: "the sky"}, false},
		{"around", inference.ImageRequest{Prompt: "moss", Task: inference.ImageOutpaint, Source: source, Mask: source}, false},
		{"background", inference.ImageRequest{Task: inference.ImageBackground, Source: source}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := checkTask(&c.req)
			if (err == nil) != c.ok || err != nil && !fault.Is(err, fault.Unsupported) {
				t.Errorf("got %v, want it taken: %v", err, c.ok)
			}
		})
	}
}

func TestSizeOfAnAspect(t *testing.T) {
	t.Parallel()
	for aspect, want := range map[string]string{"1:1": "1024x1024", "16:9": "1344x768", "9:16": "768x1344", "": "", "wide": "", "0:1": ""} {
		if got := sizeOf(aspect); got != want {
			t.Errorf("got %q for %q, want %q", got, aspect, want)
		}
	}
}
