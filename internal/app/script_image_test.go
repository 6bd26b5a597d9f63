package app

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"net/http"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/config"
)

// The bodies of the models that make images are answered by a script, in the
// size that they ask for.
func TestScriptedImages(t *testing.T) {
	t.Parallel()
	a := newScriptedApp(t, "rules: [{when: {text: forbidden}, answer: {fault: invalid}}]", func(cfg *config.Config) { cfg.Auth = config.Off })
	invoke := func(model, body string) (int, []byte) {
		w := askAnthropic(t, a, "/model/"+strings.ReplaceAll(model, ":", "%3A")+"/invoke", body, map[string]string{"Content-Type": "application/json"})
		return w.Code, w.Body.Bytes()
	}
	code, body := invoke("amazon.titan-image-generator-v2:0", `{"taskType":"TEXT_IMAGE","textToImageParams":{"text":"a cat"},"imageGenerationConfig":{"width":512,"height":512}}`)
	var first struct{ Images []string }
	if err := json.Unmarshal(body, &first); err != nil || code != http.StatusOK || len(first.Images) != 1 {
		t.Fatalf("got %d, %d bytes, %v", code, len(body), err)
	}
	made := first.Images[0]
	for name, tt := range map[string]struct {
		model, body           string
		images, width, height int
	}{
		"Titan":                            {"amazon.titan-image-generator-v2:0", `{"taskType":"TEXT_IMAGE","textToImageParams":{"text":"a cat"},"imageGenerationConfig":{"numberOfImages":3,"width":512,"height":512,"seed":7}}`, 3, 512, 512},
		"Titan, a variation":               {"amazon.titan-image-generator-v1", `{"taskType":"IMAGE_VARIATION","imageVariationParams":{"text":"a dog","images":["` + made + `"]},"imageGenerationConfig":{"width":1024,"height":1024}}`, 1, 1024, 1024},
		"Nova Canvas":                      {"amazon.nova-canvas-v1:0", `{"taskType":"TEXT_IMAGE","textToImageParams":{"text":"a cat"},"imageGenerationConfig":{"width":1280,"height":720}}`, 1, 1280, 720},
		"Nova Canvas, the background away": {"amazon.nova-canvas-v1:0", `{"taskType":"BACKGROUND_REMOVAL","backgroundRemovalParams":{"image":"` + made + `"}}`, 1, 512, 512},
		"Stability":                        {"stability.stable-image-core-v1:1", `{"prompt":"a cat","aspect_ratio":"16:9","output_format":"png"}`, 1, 1344, 768},
		"Stability, a JPEG":                {"stability.sd3-5-large-v1:0", `{"prompt":"a cat","output_format":"jpeg"}`, 1, 1024, 1024},
		"Stability, an edit":               {"us.stability.stable-image-remove-background-v1:0", `{"image":"` + made + `","output_format":"png"}`, 1, 512, 512},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, body := invoke(tt.model, tt.body)
			var got struct{ Images []string }
			if err := json.Unmarshal(body, &got); err != nil || code != http.StatusOK || len(got.Images) != tt.images {
				t.Fatalf("got %d %.300s, %v, want %d images", code, body, err, tt.images)
			}
			for _, text := range got.Images {
				data, err := base64.StdEncoding.DecodeString(text)
				if err != nil {
					t.Fatal(err)
				}
				if c, _, err := image.DecodeConfig(bytes.NewReader(data)); err != nil || c.Width != tt.width || c.Height != tt.height {
					t.Errorf("got %d by %d, %v, want %d by %d", c.Width, c.Height, err, tt.width, tt.height)
				}
			}
		})
	}
	if code, body := invoke("amazon.nova-canvas-v1:0", `{"taskType":"TEXT_IMAGE","textToImageParams":{"text":"something forbidden"}}`); code != http.StatusBadRequest {
		t.Errorf("got %d %.200s, want the rule's fault", code, body)
	}
}
