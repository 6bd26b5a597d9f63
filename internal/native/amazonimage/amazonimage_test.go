package amazonimage_test

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/png"
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/amazonimage"
	"github.com/outcrop/outcrop/internal/native/nativetest"
)

func canvas() native.Model { return nativetest.Model("amazon.nova-canvas-v1:0") }

func TestGolden(t *testing.T) {
	t.Parallel()
	t.Run("canvas", func(t *testing.T) {
		t.Parallel()
		nativetest.RunImaging(t, amazonimage.Family{}, canvas(), "canvas")
	})
	t.Run("titan", func(t *testing.T) {
		t.Parallel()
		nativetest.RunImaging(t, amazonimage.Family{}, nativetest.Model("amazon.titan-image-generator-v2:0"), "titan")
	})
}

func FuzzDecode(f *testing.F) {
	nativetest.FuzzOther(f, "canvas", func(body []byte) error {
		_, err := amazonimage.Family{}.Decode(canvas(), body)
		return err
	})
}

// TestMaskIsTurnedAround has a mask whose left half is black: that is changed,
// so it is white in the hub.
func TestMaskIsTurnedAround(t *testing.T) {
	t.Parallel()
	mask := image.NewGray(image.Rect(0, 0, 4, 1))
	mask.SetGray(2, 0, color.Gray{Y: 255})
	mask.SetGray(3, 0, color.Gray{Y: 255})
	var b bytes.Buffer
	if err := png.Encode(&b, mask); err != nil {
		t.Fatal(err)
	}
	text := base64.StdEncoding.EncodeToString(b.Bytes())
	req, err := amazonimage.Family{}.Decode(canvas(), []byte(`{"taskType":"INPAINTING","inPaintingParams":{"image":"`+text+`","maskImage":"`+text+`"}}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := png.Decode(bytes.NewReader(req.Mask.Bytes))
	if err != nil {
		t.Fatal(err)
	}
	for x, want := range []uint8{255, 255, 0, 0} {
		if c := color.GrayModel.Convert(got.At(x, 0)).(color.Gray); c.Y != want {
			t.Errorf("got %d at %d, want %d", c.Y, x, want)
		}
	}
}

type object = map[string]any

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	nativetest.RoundTripOther(t, func(r nativetest.Random) object {
		config := object{"numberOfImages": 1 + r.IntN(5), "width": 512, "height": 256 + r.IntN(500)}
		r.Maybe(config, "quality", "premium")
		r.Maybe(config, "cfgScale", r.Hundredths(110, 1000))
		r.Maybe(config, "seed", r.IntN(1000))
		picture := base64.StdEncoding.EncodeToString(r.PNG())
		switch r.IntN(3) {
		case 0:
			p := object{"text": r.Text()}
			r.Maybe(p, "negativeText", r.Text())
			r.Maybe(p, "style", "MAXIMALISM")
			return object{"taskType": "TEXT_IMAGE", "textToImageParams": p, "imageGenerationConfig": config}
		case 1:
			p := object{"image": picture, "maskPrompt": r.Text(), "text": r.Text(), "outPaintingMode": r.Pick("DEFAULT", "PRECISE")}
			return object{"taskType": "OUTPAINTING", "outPaintingParams": p, "imageGenerationConfig": config}
		}
		p := object{"images": []any{picture, picture}, "similarityStrength": r.Hundredths(20, 100)}
		return object{"taskType": "IMAGE_VARIATION", "imageVariationParams": p, "imageGenerationConfig": config}
	}, func(data []byte) (any, error) {
		req, err := amazonimage.Family{}.Decode(canvas(), data)
		if err != nil {
			return nil, err
		}
		return encode(req), nil
	})
}

func encode(req *inference.ImageRequest) object {
	config := object{"numberOfImages": req.Count, "width": req.Width, "height": req.Height}
	if req.Quality != "" {
		config["quality"] = req.Quality
	}
	if req.Guidance != nil {
		config["cfgScale"] = *req.Guidance
	}
	if req.Seed != nil {
		config["seed"] = *req.Seed
	}
	p := object{}
	for key, text := range map[string]string{"text": req.Prompt, "negativeText": req.Negative, "style": req.Style, "maskPrompt": req.Target} {
		if text != "" {
			p[key] = text
		}
	}
	for key, v := range req.Extra {
		p[key] = v
	}
	text64 := func(img *inference.Image) string { return base64.StdEncoding.EncodeToString(img.Bytes) }
	switch req.Task {
	case inference.ImageOutpaint:
		p["image"] = text64(req.Source)
		return object{"taskType": "OUTPAINTING", "outPaintingParams": p, "imageGenerationConfig": config}
	case inference.ImageVary:
		images := []string{text64(req.Source)}
		for _, img := range req.References {
			images = append(images, text64(&img))
		}
		p["images"], p["similarityStrength"] = images, *req.Strength
		return object{"taskType": "IMAGE_VARIATION", "imageVariationParams": p, "imageGenerationConfig": config}
	}
	return object{"taskType": "TEXT_IMAGE", "textToImageParams": p, "imageGenerationConfig": config}
}
