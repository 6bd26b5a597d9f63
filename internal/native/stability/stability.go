// Package stability is the native formats of Stability AI's models: images from
// a prompt or another image, and the image services that edit one.
//
// It translates and validates; it calls nobody, and it looks into no image.
package stability

import (
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
	"github.com/outcrop/outcrop/internal/wire/picture"
)

// The formats of which ImageRequest.Extra's members are.
const (
	ImageDialect = "stability-image"
	EditDialect  = "stability-edit"
)

// Image is Stable Diffusion 3, Stable Image Core and Ultra. Its zero value is
// ready.
type Image struct{}

// Edit is the Stable Image services. Its zero value is ready.
type Edit struct{}

var (
	_ native.Imaging = Image{}
	_ native.Imaging = Edit{}
)

// The documented limits.
const (
	maxPrompt = 10_000 // characters
	maxSeed   = 4_294_967_294
)

// Decode implements native.Imaging.
func (Image) Decode(_ native.Model, data []byte) (*inference.ImageRequest, error) {
	o, err := body.Decode(imageSchema, data)
	if err != nil {
		return nil, err
	}
	req := newRequest(o)
	req.Aspect = o.String("aspect_ratio")
	if o.String("mode") != "image-to-image" {
		if o.Has("image") || o.Has("strength") {
			return nil, body.Malformed("#/mode: image and strength go with image-to-image")
		}
		return req, nil
	}
	switch {
	case !o.Has("image"):
		return nil, body.Malformed("#: required key [image] not found")
	case !o.Has("strength"):
		return nil, body.Malformed("#: required key [strength] not found")
	case o.Has("aspect_ratio"):
		return nil, body.Malformed("#: extraneous key [aspect_ratio] is not permitted")
	}
	req.Task, req.Strength = inference.ImageVary, o.FloatPtr("strength")
	req.Source, err = readPicture(o, "image")
	return req, err
}

// service is one of the image services.
type service struct {
	task     inference.ImageTask
	required []string
	members  []string // beside image, seed and output_format
}

// services are by a part of their model IDs.
var services = []struct { //nolint:gochecknoglobals // a constant in all but name
	id string
	service
}{
	{"conservative-upscale", service{inference.ImageUpscale, []string{"prompt"}, []string{"prompt", "negative_prompt", "creativity"}}},
	{"creative-upscale", service{inference.ImageUpscale, []string{"prompt"}, []string{"prompt", "negative_prompt", "creativity", "style_preset"}}},
	{"fast-upscale", service{inference.ImageUpscale, nil, nil}},
	{"control-sketch", service{inference.ImageControl, []string{"prompt"}, []string{"prompt", "negative_prompt", "control_strength", "style_preset"}}},
	{"control-structure", service{inference.ImageControl, []string{"prompt"}, []string{"prompt", "negative_prompt", "control_strength", "style_preset"}}},
	{"erase-object", service{inference.ImageErase, nil, []string{"mask", "grow_mask"}}},
	{"image-inpaint", service{inference.ImageInpaint, []string{"prompt"}, []string{"prompt", "negative_prompt", "mask", "grow_mask", "style_preset"}}},
	{"remove-background", service{inference.ImageBackground, nil, nil}},
	{"search-recolor", service{inference.ImageRecolor, []string{"prompt", "select_prompt"}, []string{"prompt", "select_prompt", "negative_prompt", "grow_mask", "style_preset"}}},
	{"search-replace", service{inference.ImageReplace, []string{"prompt", "search_prompt"}, []string{"prompt", "search_prompt", "negative_prompt", "grow_mask", "style_preset"}}},
	{"style-guide", service{inference.ImageStyled, []string{"prompt"}, []string{"prompt", "negative_prompt", "aspect_ratio", "fidelity", "style_preset"}}},
	{"outpaint", service{inference.ImageOutpaint, nil, []string{"prompt", "left", "right", "up", "down", "creativity", "style_preset"}}},
	{"style-transfer", service{inference.ImageStyled, []string{"style_image"}, []string{"prompt", "negative_prompt", "style_image", "style_strength", "composition_fidelity", "change_strength"}}},
}

func find(id string) service {
	for _, s := range services {
		if strings.Contains(id, s.id) {
			return s.service
		}
	}
	return service{}
}

// Decode implements native.Imaging.
func (Edit) Decode(m native.Model, data []byte) (*inference.ImageRequest, error) {
	s := find(m.ID)
	o, err := body.Decode(editSchema(m.ID, s), data)
	if err != nil {
		return nil, err
	}
	req := newRequest(o)
	req.Task, req.Style, req.Aspect = s.task, o.String("style_preset"), o.String("aspect_ratio")
	req.Target = o.String("search_prompt") + o.String("select_prompt") // a service has one of them
	for _, key := range []string{"control_strength", "creativity", "fidelity", "style_strength"} {
		if o.Has(key) {
			req.Strength = o.FloatPtr(key)
		}
	}
	source := "image"
	if strings.Contains(m.ID, "style-transfer") {
		source = "init_image"
	}
	if req.Source, err = readPicture(o, source); err != nil {
		return nil, err
	}
	if o.Has("mask") {
		if req.Mask, err = readPicture(o, "mask"); err != nil {
			return nil, err
		}
	}
	if o.Has("style_image") {
		style, err := readPicture(o, "style_image")
		if err != nil {
			return nil, err
		}
		req.References = []inference.Image{*style}
	}
	if req.Extra = body.Pick(o, "grow_mask", "left", "right", "up", "down", "composition_fidelity", "change_strength"); req.Extra != nil {
		req.Dialect = EditDialect
	}
	return req, nil
}

func newRequest(o body.Object) *inference.ImageRequest {
	req := &inference.ImageRequest{Prompt: o.String("prompt"), Negative: o.String("negative_prompt"), Format: o.String("output_format"), Count: 1}
	if f := o.FloatPtr("seed"); f != nil && *f > 0 { // 0 is random
		req.Seed = new(uint32(*f))
	}
	return req
}

func readPicture(o body.Object, key string) (*inference.Image, error) {
	data, err := body.Bytes("#/"+key, o.String(key))
	if err != nil {
		return nil, err
	}
	format := picture.Format(data)
	if format != "png" && format != "jpeg" && format != "webp" {
		return nil, body.Malformed("#/" + key + ": the value is not an image in one of the formats jpeg, png, webp")
	}
	return &inference.Image{Format: format, Bytes: data}, nil
}

// imageSchema is a constant in all but name.
var imageSchema = body.ObjectOf(body.Properties{
	"prompt":          {Type: body.TypeString, MinLength: 1, MaxLength: maxPrompt},
	"mode":            body.StringOf("text-to-image", "image-to-image"),
	"aspect_ratio":    aspects(),
	"negative_prompt": {Type: body.TypeString, MaxLength: maxPrompt},
	"seed":            seeds(),
	"output_format":   formats(),
	"image":           body.StringOf(),
	"strength":        body.NumberOf(0, 1),
}, "prompt")

func aspects() *body.Schema {
	return body.StringOf("16:9", "1:1", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21")
}

func seeds() *body.Schema { return body.IntegerOf(0, maxSeed) }

func formats() *body.Schema { return body.StringOf("png", "jpeg", "webp") }

func editSchema(id string, s service) *body.Schema {
	prompt := &body.Schema{Type: body.TypeString, MaxLength: maxPrompt}
	unit, side := body.NumberOf(0, 1), body.IntegerOf(0, 2000)
	all := body.Properties{
		"prompt": prompt, "negative_prompt": prompt, "search_prompt": prompt, "select_prompt": prompt, "mask": body.StringOf(),
		"style_image": body.StringOf(), "control_strength": unit, "creativity": unit, "fidelity": unit, "style_strength": unit,
		"composition_fidelity": unit, "change_strength": body.NumberOf(0.1, 1), "grow_mask": body.IntegerOf(0, 20),
		"left": side, "right": side, "up": side, "down": side, "aspect_ratio": aspects(), "style_preset": body.StringOf(
			"3d-model", "analog-film", "anime", "cinematic", "comic-book", "digital-art", "enhance", "fantasy-art", "isometric", "line-art",
			"low-poly", "modeling-compound", "neon-punk", "origami", "photographic", "pixel-art", "tile-texture"),
	}
	if strings.Contains(id, "upscale") {
		all["creativity"] = body.NumberOf(0.1, 0.5)
	}
	source := "image"
	if strings.Contains(id, "style-transfer") {
		source = "init_image"
	}
	p := body.Properties{source: body.StringOf(), "seed": seeds(), "output_format": formats()}
	for _, key := range s.members {
		p[key] = all[key]
	}
	return body.ObjectOf(p, append([]string{source}, s.required...)...)
}

// Encode implements native.Imaging.
func (Image) Encode(_ native.Model, _ *inference.ImageRequest, made *inference.Images) ([]byte, error) {
	return encode(made)
}

// Encode implements native.Imaging.
func (Edit) Encode(_ native.Model, _ *inference.ImageRequest, made *inference.Images) ([]byte, error) {
	return encode(made)
}

// encode says a seed of 0 where the maker does not say which one it took.
func encode(made *inference.Images) ([]byte, error) {
	if len(made.Images) == 0 {
		return nil, fault.New(fault.Upstream, "The model returned no image.")
	}
	out := struct {
		Seeds   []uint32  `json:"seeds"`
		Reasons []*string `json:"finish_reasons"`
		Images  []string  `json:"images"`
	}{}
	for i, img := range made.Images {
		seed := uint32(0)
		if i < len(made.Seeds) {
			seed = made.Seeds[i]
		}
		out.Seeds = append(out.Seeds, seed)
		out.Reasons = append(out.Reasons, nil)
		out.Images = append(out.Images, body.Base64(img.Bytes))
	}
	return body.Marshal(out)
}
