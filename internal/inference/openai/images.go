package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	_ "image/jpeg" // masks
	"image/png"
	"math"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// MakeImages implements inference.ImageMaker: /images/generations, and
// /images/edits where there is an image to change.
func (b *Backend) MakeImages(ctx context.Context, req *inference.ImageRequest) (*inference.Images, error) {
	start := b.p.Now()
	if err := checkTask(req); err != nil {
		return nil, err
	}
	f, err := b.flavor(ctx)
	if err != nil {
		return nil, err
	}
	fields := b.imageFields(f, req)
	path, header := "/images/generations", http.Header(nil)
	var body []byte
	if req.Source != nil {
		path = "/images/edits"
		var contentType string
		if body, contentType, err = form(fields, req); err != nil {
			return nil, err
		}
		header = http.Header{"Content-Type": {contentType}}
	} else if body, err = json.Marshal(fields); err != nil {
		return nil, err
	}
	r, err := b.p.Client.Do(ctx, http.MethodPost, path, header, body)
	if err != nil {
		return nil, noPath(b.failed(err), "The model's server makes no images.")
	}
	defer r.Close()
	var answer struct {
		Data []struct {
			Base64 []byte  `json:"b64_json"`
			URL    string  `json:"url"`
			Seed   *uint32 `json:"seed"`
		} `json:"data"`
		Format string `json:"output_format"`
		Usage  struct {
			Input int `json:"input_tokens"`
		} `json:"usage"`
	}
	if err := b.read(r, &answer); err != nil {
		return nil, err
	}
	if len(answer.Data) == 0 {
		return nil, fault.New(fault.Upstream, "The model's server answered with no image.")
	}
	out := &inference.Images{Model: b.name(req.Model), InputTokens: answer.Usage.Input}
	for _, item := range answer.Data {
		if len(item.Base64) == 0 {
			return nil, fault.New(fault.Upstream, "The model's server answered with where an image is, and not with the image.")
		}
		out.Images = append(out.Images, inference.Image{Format: formatOf(item.Base64, answer.Format), Bytes: item.Base64})
		if item.Seed != nil {
			out.Seeds = append(out.Seeds, *item.Seed)
		}
	}
	out.Elapsed = b.p.Now().Sub(start)
	return out, nil
}

// checkTask refuses what these servers have no members for. An image alone is
// changed as the prompt says, with a mask only there.
func checkTask(req *inference.ImageRequest) error {
	var what string
	switch {
	case req.Task != inference.ImageGenerate && req.Task != inference.ImageInpaint && req.Task != inference.ImageVary:
		what = "the image task " + string(req.Task)
	case req.Task == inference.ImageInpaint && req.Mask == nil:
		what = "a part of an image that is named in words"
	case req.Task != inference.ImageGenerate && req.Prompt == "":
		what = "changing an image without a prompt"
	case len(req.References) > 0:
		what = "more than one image"
	default:
		return nil
	}
	return fault.New(fault.Unsupported, "The model that serves this request does not support %s.", what)
}

// sizeOf are the pixels of an aspect ratio where a request names nothing but
// that: about a million, in steps that models are made for.
func sizeOf(aspect string) string {
	wide, high, ok := strings.Cut(aspect, ":")
	w, err := strconv.ParseFloat(wide, 64)
	h, err2 := strconv.ParseFloat(high, 64)
	if !ok || err != nil || err2 != nil || !(w > 0) || !(h > 0) {
		return ""
	}
	side := func(part, other float64) string {
		return strconv.Itoa(max(1, int(math.Round(1024*math.Sqrt(part/other)/64))) * 64)
	}
	return side(w, h) + "x" + side(h, w)
}

// imageFields are the members that the two requests share.
func (b *Backend) imageFields(f *flavor, req *inference.ImageRequest) map[string]any {
	name := b.name(req.Model)
	fields := map[string]any{"model": name, "prompt": req.Prompt, "n": max(1, req.Count)}
	if req.Width > 0 && req.Height > 0 {
		fields["size"] = strconv.Itoa(req.Width) + "x" + strconv.Itoa(req.Height)
	} else if size := sizeOf(req.Aspect); size != "" {
		fields["size"] = size
	}
	own := f.images == imagesOpenAI
	newer := strings.HasPrefix(name, "gpt-image") || strings.HasPrefix(name, "chatgpt-image")
	if !newer { // the newer ones always answer with the image
		fields["response_format"] = "b64_json"
	}
	switch {
	case req.Quality == "":
	case newer:
		fields["quality"] = map[string]string{"standard": "medium", "premium": "high"}[req.Quality]
	case req.Quality == "premium":
		fields["quality"] = "hd"
	default:
		fields["quality"] = req.Quality
	}
	if req.Format != "" && (newer || !own) {
		fields["output_format"] = req.Format
	}
	if own {
		prompt := req.Prompt // there are no members for these
		if req.Negative != "" {
			prompt += "\n\nDo not show: " + req.Negative
		}
		if req.Style != "" {
			prompt += "\n\nStyle: " + strings.ToLower(strings.ReplaceAll(req.Style, "_", " "))
		}
		fields["prompt"] = prompt
		return fields
	}
	if req.Negative != "" {
		fields["negative_prompt"] = req.Negative
	}
	if req.Strength != nil {
		fields["strength"] = *req.Strength
	}
	if req.Style != "" {
		fields["style"] = req.Style
	}
	if req.Seed != nil {
		fields["seed"] = *req.Seed
	}
	if req.Guidance != nil {
		fields["guidance_scale"] = *req.Guidance
	}
	return fields
}

// formatOf tells an image's format by its first bytes.
func formatOf(data []byte, said string) string {
	if kind, ok := strings.CutPrefix(http.DetectContentType(data), "image/"); ok {
		return kind
	}
	return said
}

// form is a request with files.
func form(fields map[string]any, req *inference.ImageRequest) (body []byte, contentType string, err error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for name, value := range fields {
		text, ok := value.(string)
		if !ok {
			data, err := json.Marshal(value)
			if err != nil {
				return nil, "", err
			}
			text = string(data)
		}
		if err := w.WriteField(name, text); err != nil {
			return nil, "", err
		}
	}
	file := func(name, format string, data []byte) error {
		part, err := w.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {`form-data; name="` + name + `"; filename="` + name + "." + format + `"`},
			"Content-Type":        {"image/" + format},
		})
		if err == nil {
			_, err = part.Write(data)
		}
		return err
	}
	if req.Source.Bytes == nil {
		return nil, "", fault.New(fault.Unsupported, "The model that serves this request reads only images that are in the request.")
	}
	if err := file("image", formatOf(req.Source.Bytes, "png"), req.Source.Bytes); err != nil {
		return nil, "", err
	}
	if req.Mask != nil {
		mask, err := transparent(req.Mask.Bytes)
		if err != nil {
			return nil, "", err
		}
		if err := file("mask", "png", mask); err != nil {
			return nil, "", err
		}
	}
	if err := w.Close(); err != nil {
		return nil, "", err
	}
	return b.Bytes(), w.FormDataContentType(), nil
}

// maskPixels bounds what a mask takes in memory.
const maskPixels = 32 << 20

// transparent turns a mask in which white is changed into one in which what is
// transparent is.
func transparent(mask []byte) ([]byte, error) {
	invalid := func(err error) error { return fault.Wrap(fault.Invalid, err, "The mask is not a PNG or JPEG image.") }
	size, _, err := image.DecodeConfig(bytes.NewReader(mask))
	if err != nil {
		return nil, invalid(err)
	}
	if size.Width <= 0 || size.Height <= 0 || size.Width > maskPixels/size.Height {
		return nil, fault.New(fault.Invalid, "The mask is too large.")
	}
	in, _, err := image.Decode(bytes.NewReader(mask))
	if err != nil {
		return nil, invalid(err)
	}
	bounds := in.Bounds()
	out := image.NewNRGBA(image.Rect(0, 0, bounds.Dx(), bounds.Dy()))
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			white := color.GrayModel.Convert(in.At(bounds.Min.X+x, bounds.Min.Y+y)).(color.Gray).Y
			out.SetNRGBA(x, y, color.NRGBA{A: 255 - white})
		}
	}
	var b bytes.Buffer
	err = png.Encode(&b, out)
	return b.Bytes(), err
}
