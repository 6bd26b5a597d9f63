// Package amazonimage is the native format of Titan Image Generator and Nova
// Canvas: a task with its own parameters, and how the images shall be.
//
// It translates and validates; it calls nobody. Of the images it only turns
// masks around: black is changed here, white in the hub.
package amazonimage

import (
	"bytes"
	"image"
	"image/color"
	_ "image/jpeg" // for masks
	"image/png"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
	"github.com/outcrop/outcrop/internal/wire/picture"
)

// Dialect is the format of which ImageRequest.Extra's members are.
const Dialect = "amazon-image"

// Family implements native.Imaging. Its zero value is ready.
type Family struct{}

var _ native.Imaging = Family{}

// The documented defaults and limits.
const (
	defaultSide = 1024
	maxSide     = 4096
	maxPixels   = 4096 * 4096 // of a mask
)

// task is one kind of work: where its parameters stand, and what the hub calls
// it.
type task struct {
	params string
	hub    inference.ImageTask
}

// tasks are by their names in a body.
var tasks = map[string]task{ //nolint:gochecknoglobals // a constant in all but name
	"TEXT_IMAGE":              {"textToImageParams", inference.ImageGenerate},
	"INPAINTING":              {"inPaintingParams", inference.ImageInpaint},
	"OUTPAINTING":             {"outPaintingParams", inference.ImageOutpaint},
	"IMAGE_VARIATION":         {"imageVariationParams", inference.ImageVary},
	"COLOR_GUIDED_GENERATION": {"colorGuidedGenerationParams", inference.ImageColors},
	"BACKGROUND_REMOVAL":      {"backgroundRemovalParams", inference.ImageBackground},
	"VIRTUAL_TRY_ON":          {"virtualTryOnParams", inference.ImageTryOn},
}

func canvas(id string) bool { return strings.Contains(id, "canvas") }

// Decode implements native.Imaging.
func (Family) Decode(m native.Model, data []byte) (*inference.ImageRequest, error) {
	o, err := body.Decode(newSchema(m), data)
	if err != nil {
		return nil, err
	}
	t := tasks[o.String("taskType")]
	for _, name := range slices.Sorted(maps.Keys(tasks)) {
		if other := tasks[name].params; other != t.params && o.Has(other) {
			return nil, body.Malformed("#: extraneous key [" + other + "] is not permitted")
		}
	}
	p := o.Object(t.params)
	if p == nil {
		return nil, body.Malformed("#: required key [" + t.params + "] not found")
	}
	req := &inference.ImageRequest{Task: t.hub, Prompt: p.String("text"), Negative: p.String("negativeText"), Style: p.String("style"), Count: 1}
	if t.hub == inference.ImageBackground {
		if o.Has("imageGenerationConfig") {
			return nil, body.Malformed("#: extraneous key [imageGenerationConfig] is not permitted")
		}
	} else {
		config(o.Object("imageGenerationConfig"), req)
	}
	d := decoder{at: "#/" + t.params, o: p, req: req}
	if err := d.params(); err != nil {
		return nil, err
	}
	carry(req, p, "returnMask", "outPaintingMode", "controlMode", "colors", "maskType", "imageBasedMask", "garmentBasedMask", "promptBasedMask", "mergeStyle", "maskExclusions")
	return req, nil
}

func config(c body.Object, req *inference.ImageRequest) {
	req.Count = c.Int("numberOfImages", 1)
	req.Quality = c.String("quality")
	req.Width, req.Height = c.Int("width", defaultSide), c.Int("height", defaultSide)
	req.Guidance = c.FloatPtr("cfgScale")
	if c.Has("seed") {
		req.Seed = new(uint32(c.Int("seed", 0)))
	}
}

// decoder reads the parameters of a task.
type decoder struct {
	at  string
	o   body.Object
	req *inference.ImageRequest
}

func (d *decoder) params() error {
	switch d.req.Task {
	case inference.ImageGenerate:
		if !d.o.Has("conditionImage") {
			return nil
		}
		d.req.Task = inference.ImageControl
		d.req.Strength = d.o.FloatPtr("controlStrength")
		return d.source("conditionImage")
	case inference.ImageInpaint, inference.ImageOutpaint:
		if err := d.source("image"); err != nil {
			return err
		}
		return d.mask()
	case inference.ImageVary:
		d.req.Strength = d.o.FloatPtr("similarityStrength")
		for i, text := range d.o.Strings("images") {
			img, err := d.image("images/"+strconv.Itoa(i), text)
			if err != nil {
				return err
			}
			if i == 0 {
				d.req.Source = &img
				continue
			}
			d.req.References = append(d.req.References, img)
		}
		return nil
	case inference.ImageColors:
		if !d.o.Has("referenceImage") {
			return nil
		}
		return d.source("referenceImage")
	case inference.ImageTryOn:
		if err := d.source("sourceImage"); err != nil {
			return err
		}
		img, err := d.image("referenceImage", d.o.String("referenceImage"))
		d.req.References = []inference.Image{img}
		return err
	}
	return d.source("image")
}

func (d *decoder) image(key, text string) (inference.Image, error) {
	data, err := body.Bytes(d.at+"/"+key, text)
	if err != nil {
		return inference.Image{}, err
	}
	format := picture.Format(data)
	if format != "png" && format != "jpeg" {
		return inference.Image{}, body.Malformed(d.at + "/" + key + ": the value is not an image in one of the formats png, jpeg")
	}
	return inference.Image{Format: format, Bytes: data}, nil
}

func (d *decoder) source(key string) error {
	img, err := d.image(key, d.o.String(key))
	d.req.Source = &img
	return err
}

// mask reads which part is changed. The mask of an inpainting is black there and
// is turned around; that of an outpainting is white there already.
func (d *decoder) mask() error {
	if d.o.Has("maskPrompt") == d.o.Has("maskImage") {
		return body.Malformed(d.at + ": expected exactly one of [maskPrompt, maskImage]")
	}
	d.req.Target = d.o.String("maskPrompt")
	if d.o.Has("maskPrompt") {
		return nil
	}
	img, err := d.image("maskImage", d.o.String("maskImage"))
	if err != nil {
		return err
	}
	if d.req.Task == inference.ImageInpaint {
		if img.Bytes, err = invert(img.Bytes); err != nil {
			return body.Malformed(d.at + "/maskImage: the value is not an image that can be read")
		}
		img.Format = "png"
	}
	d.req.Mask = &img
	return nil
}

// invert turns black and white around.
func invert(data []byte) ([]byte, error) {
	c, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the mask cannot be read")
	}
	if c.Width <= 0 || c.Height <= 0 || c.Width > maxPixels/c.Height {
		return nil, fault.New(fault.Invalid, "the mask is too large")
	}
	in, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the mask cannot be read")
	}
	bounds := in.Bounds()
	out := image.NewGray(image.Rect(0, 0, bounds.Dx(), bounds.Dy()))
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			gray, _ := color.GrayModel.Convert(in.At(bounds.Min.X+x, bounds.Min.Y+y)).(color.Gray)
			out.SetGray(x, y, color.Gray{Y: 255 - gray.Y})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, out); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the mask cannot be written")
	}
	return b.Bytes(), nil
}

func carry(req *inference.ImageRequest, o body.Object, keys ...string) {
	req.Extra = body.Pick(o, keys...)
	if req.Extra != nil {
		req.Dialect = Dialect
	}
}

func newSchema(m native.Model) *body.Schema {
	text := func() *body.Schema { return &body.Schema{Type: body.TypeString, MinLength: 1, MaxLength: 1024} }
	if !canvas(m.ID) {
		text = func() *body.Schema { return &body.Schema{Type: body.TypeString, MinLength: 1, MaxLength: 512} }
	}
	img := &body.Schema{Type: body.TypeString, MinLength: 1}
	count := func(schema *body.Schema, least, most int) *body.Schema {
		return &body.Schema{Type: body.TypeArray, Items: schema, MinItems: least, MaxItems: most}
	}
	generate := body.ObjectOf(body.Properties{
		"text": text(), "negativeText": text(), "conditionImage": img,
		"controlMode": body.StringOf("CANNY_EDGE", "SEGMENTATION"), "controlStrength": body.NumberOf(0, 1),
	}, "text")
	if canvas(m.ID) {
		generate.Properties["style"] = body.StringOf("3D_ANIMATED_FAMILY_FILM", "DESIGN_SKETCH", "FLAT_VECTOR_ILLUSTRATION",
			"GRAPHIC_NOVEL_ILLUSTRATION", "MAXIMALISM", "MIDCENTURY_RETRO", "PHOTOREALISM", "SOFT_DIGITAL_PAINTING")
	}
	p := body.Properties{
		"taskType":          body.StringOf("TEXT_IMAGE", "INPAINTING", "OUTPAINTING", "IMAGE_VARIATION", "COLOR_GUIDED_GENERATION", "BACKGROUND_REMOVAL"),
		"textToImageParams": generate,
		"inPaintingParams": body.ObjectOf(body.Properties{
			"image": img, "maskPrompt": text(), "maskImage": img, "text": text(), "negativeText": text(), "returnMask": body.BooleanOf(),
		}, "image"),
		"outPaintingParams": body.ObjectOf(body.Properties{
			"image": img, "maskPrompt": text(), "maskImage": img, "outPaintingMode": body.StringOf("DEFAULT", "PRECISE"), "text": text(),
			"negativeText": text(), "returnMask": body.BooleanOf(),
		}, "image", "text"),
		"imageVariationParams": body.ObjectOf(body.Properties{
			"images": count(img, 1, 5), "similarityStrength": body.NumberOf(0.2, 1), "text": text(), "negativeText": text(),
		}, "images"),
		"colorGuidedGenerationParams": body.ObjectOf(body.Properties{
			"colors": count(body.StringOf(), 1, 10), "referenceImage": img, "text": text(), "negativeText": text(),
		}, "colors", "text"),
		"backgroundRemovalParams": body.ObjectOf(body.Properties{"image": img}, "image"),
		"imageGenerationConfig": body.ObjectOf(body.Properties{
			"numberOfImages": body.IntegerOf(1, 5), "quality": body.StringOf("standard", "premium"), "width": body.IntegerOf(256, maxSide),
			"height": body.IntegerOf(256, maxSide), "cfgScale": body.NumberOf(1.1, 10), "seed": body.IntegerOf(0, 2147483646),
		}),
	}
	if canvas(m.ID) {
		p["taskType"].Enum = append(p["taskType"].Enum, "VIRTUAL_TRY_ON")
		p["virtualTryOnParams"] = body.ObjectOf(body.Properties{
			"sourceImage": img, "referenceImage": img, "maskType": body.StringOf("IMAGE", "GARMENT", "PROMPT"), "imageBasedMask": body.OpenObject(),
			"garmentBasedMask": body.OpenObject(), "promptBasedMask": body.OpenObject(), "returnMask": body.BooleanOf(),
			"mergeStyle": body.StringOf("BALANCED", "SEAMLESS", "DETAILED"), "maskExclusions": body.OpenObject(),
		}, "sourceImage", "referenceImage", "maskType")
	}
	return body.ObjectOf(p, "taskType")
}

// Encode implements native.Imaging.
func (Family) Encode(_ native.Model, _ *inference.ImageRequest, made *inference.Images) ([]byte, error) {
	out := struct {
		Images []string `json:"images"`
		Error  *string  `json:"error"`
	}{Images: []string{}}
	for _, img := range made.Images {
		out.Images = append(out.Images, body.Base64(img.Bytes))
	}
	return body.Marshal(out)
}
