package scripted_test

import (
	"bytes"
	"encoding/base64"
	"image"
	_ "image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/scripted"
)

// dot is a PNG of one pixel.
func dot(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 1, 1))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestImages(t *testing.T) {
	t.Parallel()
	b := open(t, "")
	source := &inference.Image{Format: "png", Bytes: dot(t)}
	for name, tt := range map[string]struct {
		req           inference.ImageRequest
		width, height int
		format        string
	}{
		"nothing is said":     {inference.ImageRequest{}, 1024, 1024, "png"},
		"a size":              {inference.ImageRequest{Width: 320, Height: 64}, 320, 64, "png"},
		"an aspect ratio":     {inference.ImageRequest{Aspect: "16:9"}, 1344, 768, "png"},
		"no aspect ratio":     {inference.ImageRequest{Aspect: "wide"}, 1024, 1024, "png"},
		"of what is changed":  {inference.ImageRequest{Task: inference.ImageBackground, Source: source}, 1, 1, "png"},
		"a JPEG":              {inference.ImageRequest{Width: 16, Height: 16, Format: "jpeg"}, 16, 16, "jpeg"},
		"what cannot be read": {inference.ImageRequest{Source: &inference.Image{Bytes: []byte("x")}}, 1024, 1024, "png"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.req.Model, tt.req.Prompt, tt.req.Count = "m", "a cat", 2
			made, err := b.MakeImages(t.Context(), &tt.req)
			if err != nil || len(made.Images) != 2 || len(made.Seeds) != 2 {
				t.Fatalf("got %+v, %v, want two images", made, err)
			}
			for _, img := range made.Images {
				c, format, err := image.DecodeConfig(bytes.NewReader(img.Bytes))
				if err != nil || c.Width != tt.width || c.Height != tt.height || format != tt.format || img.Format != tt.format {
					t.Errorf("got %d by %d, %s, %v, want %d by %d, %s", c.Width, c.Height, format, err, tt.width, tt.height, tt.format)
				}
			}
			again, err := b.MakeImages(t.Context(), &tt.req)
			if err != nil || !bytes.Equal(again.Images[0].Bytes, made.Images[0].Bytes) || bytes.Equal(made.Images[0].Bytes, made.Images[1].Bytes) {
				t.Errorf("want the same images again, and two that differ: %v", err)
			}
		})
	}
	for name, tt := range map[string]struct {
		req  inference.ImageRequest
		kind fault.Kind
	}{
		"too large":    {inference.ImageRequest{Width: 1 << 20, Height: 1}, fault.Invalid},
		"negative":     {inference.ImageRequest{Width: -1, Height: 1}, fault.Invalid},
		"another form": {inference.ImageRequest{Width: 8, Height: 8, Format: "webp"}, fault.Unsupported},
	} {
		if _, err := b.MakeImages(t.Context(), &tt.req); !fault.Is(err, tt.kind) {
			t.Errorf("%s: got %v, want %s", name, err, tt.kind)
		}
	}
}

func TestImagesOfRules(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := dot(t)
	if err := os.WriteFile(filepath.Join(dir, "cat.png"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	rules := `
models: [{match: text, kind: text}, {match: "*", kind: image}]
rules:
  - {when: {text: cat}, answer: {image: {file: cat.png}}}
  - {when: {text: two}, answer: {images: [{data: ` + base64.StdEncoding.EncodeToString(data) + `}, {color: "#ff8000"}]}}
  - {when: {text: no, operation: image}, answer: {fault: throttle}}
  - {when: {text: hello}, answer: a text}
`
	file := filepath.Join(dir, "rules.yaml")
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	script, err := scripted.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	b := openWith(t, scripted.Params{Script: script})
	ask := func(model, prompt string, n int) (*inference.Images, error) {
		return b.MakeImages(t.Context(), &inference.ImageRequest{Model: model, Prompt: prompt, Count: n, Width: 8, Height: 8})
	}
	made, err := ask("m", "a cat", 2)
	if err != nil || len(made.Images) != 2 || !bytes.Equal(made.Images[0].Bytes, data) || !bytes.Equal(made.Images[1].Bytes, data) {
		t.Errorf("got %v, %v, want the file twice", made, err)
	}
	made, err = ask("m", "two", 3)
	if err != nil || len(made.Images) != 3 || !bytes.Equal(made.Images[0].Bytes, data) || !bytes.Equal(made.Images[2].Bytes, data) {
		t.Fatalf("got %v, %v, want the list gone through again", made, err)
	}
	painted, err := png.Decode(bytes.NewReader(made.Images[1].Bytes))
	if err != nil {
		t.Fatal(err)
	}
	if r, g, blue, _ := painted.At(0, 0).RGBA(); r>>8 != 0xff || g>>8 != 0x80 || blue != 0 {
		t.Errorf("got the colour %x %x %x", r>>8, g>>8, blue>>8)
	}
	if _, err := ask("m", "no", 1); !fault.Is(err, fault.Throttled) {
		t.Errorf("got %v, want the rule's fault", err)
	}
	if made, err := ask("m", "hello", 1); err != nil || bytes.Equal(made.Images[0].Bytes, data) {
		t.Errorf("a rule for texts: got %v, %v", made, err)
	}
	if _, err := ask("text", "a cat", 1); !fault.Is(err, fault.Unsupported) {
		t.Errorf("got %v, want a model of texts refused", err)
	}
	for text, want := range map[string]string{
		"rules: [{answer: {image: {file: cat.png}}}]":                    "a file can be named only in a file of rules",
		"rules: [{answer: {image: {data: '***'}}}]":                      "the data of an image are base64",
		"rules: [{answer: {image: {data: aGVsbG8=}}}]":                   "an image is one in the formats png, jpeg, gif and webp",
		"rules: [{answer: {image: {color: red}}}]":                       `"red" is no colour`,
		"rules: [{answer: {image: {color: ''}}}]":                        `"" is no colour`,
		"rules: [{answer: {image: {color: '#ffffff', data: aGVsbG8=}}}]": "an image has one of file, data and color",
		"rules: [{answer: {text: x, image: {}}}]":                        "an answer is for one kind of call",
	} {
		if _, err := scripted.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
	if err := os.WriteFile(file, []byte("rules: [{answer: {image: {file: dog.png}}}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := scripted.Open(file); err == nil || !strings.Contains(err.Error(), "rules.yaml: line 1: dog.png cannot be read") {
		t.Errorf("a file that is not there: got %v", err)
	}
}
