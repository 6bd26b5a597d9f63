package stability_test

import (
	"encoding/base64"
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/nativetest"
	"github.com/outcrop/outcrop/internal/native/stability"
)

func TestGolden(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dir, id string
		family  native.Imaging
	}{
		{"image", "stability.sd3-5-large-v1:0", stability.Image{}},
		{"inpaint", "stability.stable-image-inpaint-v1:0", stability.Edit{}},
		{"outpaint", "stability.stable-outpaint-v1:0", stability.Edit{}},
		{"transfer", "stability.stable-style-transfer-v1:0", stability.Edit{}},
	} {
		t.Run(c.dir, func(t *testing.T) {
			t.Parallel()
			nativetest.RunImaging(t, c.family, nativetest.Model(c.id), c.dir)
		})
	}
}

func FuzzDecode(f *testing.F) {
	m := nativetest.Model("stability.sd3-5-large-v1:0")
	nativetest.FuzzOther(f, "image", func(body []byte) error { _, err := stability.Image{}.Decode(m, body); return err })
}

func FuzzDecodeEdit(f *testing.F) {
	m := nativetest.Model("stability.stable-image-inpaint-v1:0")
	nativetest.FuzzOther(f, "inpaint", func(body []byte) error { _, err := stability.Edit{}.Decode(m, body); return err })
}

func TestNoImageIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := (stability.Image{}).Encode(native.Model{}, nil, &inference.Images{}); !fault.Is(err, fault.Upstream) {
		t.Errorf("got %v for no image, want upstream", err)
	}
}

// TestEveryServiceHasATask has each image service of the catalog by its ID.
func TestEveryServiceHasATask(t *testing.T) {
	t.Parallel()
	picture := base64.StdEncoding.EncodeToString([]byte("\x89PNG\r\n\x1a\n"))
	for id, c := range map[string]struct {
		members string
		want    inference.ImageTask
	}{
		"stability.stable-conservative-upscale-v1:0":    {`"image":"P","prompt":"x","creativity":0.2`, inference.ImageUpscale},
		"stability.stable-creative-upscale-v1:0":        {`"image":"P","prompt":"x"`, inference.ImageUpscale},
		"stability.stable-fast-upscale-v1:0":            {`"image":"P"`, inference.ImageUpscale},
		"stability.stable-image-control-sketch-v1:0":    {`"image":"P","prompt":"x","control_strength":0.5`, inference.ImageControl},
		"stability.stable-image-control-structure-v1:0": {`"image":"P","prompt":"x"`, inference.ImageControl},
		"stability.stable-image-erase-object-v1:0":      {`"image":"P","mask":"P"`, inference.ImageErase},
		"stability.stable-image-inpaint-v1:0":           {`"image":"P","prompt":"x","mask":"P"`, inference.ImageInpaint},
		"stability.stable-image-remove-background-v1:0": {`"image":"P"`, inference.ImageBackground},
		"stability.stable-image-search-recolor-v1:0":    {`"image":"P","prompt":"x","select_prompt":"y"`, inference.ImageRecolor},
		"stability.stable-image-search-replace-v1:0":    {`"image":"P","prompt":"x","search_prompt":"y"`, inference.ImageReplace},
		"stability.stable-image-style-guide-v1:0":       {`"image":"P","prompt":"x","fidelity":0.3`, inference.ImageStyled},
		"stability.stable-outpaint-v1:0":                {`"image":"P","left":5`, inference.ImageOutpaint},
		"stability.stable-style-transfer-v1:0":          {`"init_image":"P","style_image":"P"`, inference.ImageStyled},
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			var text []byte
			for i := range c.members {
				if c.members[i] == 'P' {
					text = append(text, picture...)
					continue
				}
				text = append(text, c.members[i])
			}
			req, err := stability.Edit{}.Decode(nativetest.Model(id), []byte("{"+string(text)+"}"))
			if err != nil {
				t.Fatal(err)
			}
			if req.Task != c.want || req.Source == nil {
				t.Errorf("got task %q and source %v, want %q and an image", req.Task, req.Source, c.want)
			}
		})
	}
}

type object = map[string]any

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	nativetest.RoundTripOther(t, func(r nativetest.Random) object {
		b := object{"prompt": r.Text()}
		r.Maybe(b, "negative_prompt", r.Text())
		r.Maybe(b, "seed", 1+r.IntN(4_000_000_000))
		r.Maybe(b, "output_format", r.Pick("png", "webp"))
		if r.Chance(2) {
			b["mode"], b["image"], b["strength"] = "image-to-image", base64.StdEncoding.EncodeToString(r.PNG()), r.Hundredths(0, 100)
		} else {
			r.Maybe(b, "aspect_ratio", "16:9")
		}
		return b
	}, func(data []byte) (any, error) {
		req, err := stability.Image{}.Decode(nativetest.Model("stability.sd3-5-large-v1:0"), data)
		if err != nil {
			return nil, err
		}
		b := object{"prompt": req.Prompt}
		for key, text := range map[string]string{"negative_prompt": req.Negative, "output_format": req.Format, "aspect_ratio": req.Aspect} {
			if text != "" {
				b[key] = text
			}
		}
		if req.Seed != nil {
			b["seed"] = *req.Seed
		}
		if req.Task == inference.ImageVary {
			b["mode"], b["image"], b["strength"] = "image-to-image", base64.StdEncoding.EncodeToString(req.Source.Bytes), *req.Strength
		}
		return b, nil
	})
}
