package scripted

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"image"
	"image/color"
	_ "image/gif" // for the sizes of images that are changed
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// The bounds of images, in pixels and bytes.
const (
	defaultSide  = 1024
	maxSide      = 8192
	maxImageFile = 32 << 20
)

// picture is one image of a rule: the bytes of one, or a colour.
type picture struct {
	data   []byte
	format string // of data
	color  *color.RGBA
}

// MakeImages implements inference.ImageMaker.
func (b *Backend) MakeImages(ctx context.Context, req *inference.ImageRequest) (out *inference.Images, err error) {
	start := b.p.Now()
	leave, err := b.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	s := &scene{b: b, caller: b.p.Caller(ctx), kind: kindImage, model: req.Model, texts: []string{req.Prompt}}
	e := b.begin(s, func() []byte { return encodeImages(req) })
	defer func() { b.finish(e, err) }()
	a, err := s.prepare(ctx, "image")
	if err != nil {
		return nil, err
	}
	width, height, err := sizeOf(req)
	if err != nil {
		return nil, err
	}
	out = &inference.Images{Model: req.Model, InputTokens: countText(req.Prompt)}
	asked := encodeImages(req)
	for i := range max(req.Count, 1) {
		var p picture
		if len(a.pictures) > 0 {
			p = a.pictures[i%len(a.pictures)]
		}
		// Equal requests have equal images.
		sum := sha256.Sum256(append(slices.Clip(asked), byte(i)))
		seed := binary.BigEndian.Uint32(sum[:])
		if req.Seed != nil {
			seed = *req.Seed + uint32(i)
		}
		if p.data == nil {
			if p.data, p.format, err = paint(p, sum, width, height, req.Format); err != nil {
				return nil, err
			}
		}
		out.Images = append(out.Images, inference.Image{Format: p.format, Bytes: p.data})
		out.Seeds = append(out.Seeds, seed)
	}
	out.Elapsed = b.p.Now().Sub(start)
	return out, nil
}

// sizeOf are the pixels that a request asks for: those that it names, those of
// its aspect ratio, those of the image that it changes.
func sizeOf(req *inference.ImageRequest) (width, height int, err error) {
	width, height = req.Width, req.Height
	if width == 0 && height == 0 {
		width, height = aspectSize(req.Aspect)
	}
	if width == 0 && req.Source != nil {
		if c, _, err := image.DecodeConfig(bytes.NewReader(req.Source.Bytes)); err == nil {
			width, height = c.Width, c.Height
		}
	}
	if width == 0 {
		width = defaultSide
	}
	if height == 0 {
		height = defaultSide
	}
	if width < 1 || height < 1 || width > maxSide || height > maxSide {
		return 0, 0, fault.New(fault.Invalid, "An image of %d by %d pixels was asked for.", width, height)
	}
	return width, height, nil
}

// aspectSize is about a million pixels of a ratio, in steps of 64; none of what is
// no ratio.
func aspectSize(aspect string) (width, height int) {
	wide, high, ok := strings.Cut(aspect, ":")
	w, err := strconv.ParseFloat(wide, 64)
	h, err2 := strconv.ParseFloat(high, 64)
	if !ok || err != nil || err2 != nil || !(w > 0) || !(h > 0) || w > 100*h || h > 100*w {
		return 0, 0
	}
	side := func(part, other float64) int {
		return max(1, int(math.Round(defaultSide*math.Sqrt(part/other)/64))) * 64
	}
	return side(w, h), side(h, w)
}

// paint makes an image: squares in two shades of a colour, which is the rule's or
// drawn from a hash.
func paint(p picture, sum [sha256.Size]byte, width, height int, format string) ([]byte, string, error) {
	c := color.RGBA{sum[0], sum[1], sum[2], 255}
	if p.color != nil {
		c = *p.color
	}
	shade := color.RGBA{c.R / 2, c.G / 2, c.B / 2, 255}
	m := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{c, shade})
	const square = 64
	for y := range height {
		row := m.Pix[y*m.Stride : y*m.Stride+width]
		for x := range row {
			row[x] = byte((x/square + y/square) % 2)
		}
	}
	var b bytes.Buffer
	var err error
	switch format {
	case "", "png":
		format = "png"
		err = (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, m)
	case "jpeg":
		err = jpeg.Encode(&b, m, nil)
	default:
		return nil, "", fault.New(fault.Unsupported, "The script draws no images of the format %s. A rule can have a file of it.", format)
	}
	if err != nil {
		return nil, "", fault.Wrap(fault.Internal, err, "an image cannot be written")
	}
	return b.Bytes(), format, nil
}

// picture reads an image of a rule.
func (r *reader) picture(n *yaml.Node) picture {
	var p picture
	given := 0
	r.mapping(n, "an image", fields{
		"file": func(n *yaml.Node) {
			given++
			p.data = r.file(n)
			p.format = r.format(n, p.data)
		},
		"data": func(n *yaml.Node) {
			given++
			data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(r.str(n)))
			if err != nil {
				r.wrong(n, "the data of an image are base64")
				return
			}
			p.data = data
			p.format = r.format(n, data)
		},
		"color": func(n *yaml.Node) {
			given++
			text := r.str(n)
			raw, err := hex.DecodeString(strings.TrimPrefix(text, "#"))
			if err != nil || len(raw) != 3 || text[0] != '#' {
				r.wrong(n, "%q is no colour such as \"#ff8800\"", shorten(text))
				return
			}
			p.color = &color.RGBA{raw[0], raw[1], raw[2], 255}
		},
	})
	if given > 1 {
		r.wrong(n, "an image has one of file, data and color")
	}
	return p
}

// file reads a file beside the file of rules. Rules that come over HTTP have none:
// whoever may send them may not read the machine's files for that.
func (r *reader) file(n *yaml.Node) []byte {
	given := r.str(n)
	if r.dir == "" {
		r.wrong(n, "a file can be named only in a file of rules; data is for rules that are sent")
		return nil
	}
	name := given
	if !filepath.IsAbs(name) {
		name = filepath.Join(r.dir, name)
	}
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxImageFile {
		r.wrong(n, "%s cannot be read, or is larger than %d MiB", shorten(given), maxImageFile>>20)
		return nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		r.wrong(n, "%s cannot be read", shorten(given))
	}
	return data
}

// format tells what an image is by its first bytes.
func (r *reader) format(n *yaml.Node, data []byte) string {
	switch {
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		return "png"
	case bytes.HasPrefix(data, []byte("\xff\xd8\xff")):
		return "jpeg"
	case bytes.HasPrefix(data, []byte("GIF8")):
		return "gif"
	case len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP":
		return "webp"
	}
	if data != nil {
		r.wrong(n, "an image is one in the formats png, jpeg, gif and webp")
	}
	return ""
}

// encodeImages writes what was asked for.
func encodeImages(r *inference.ImageRequest) []byte {
	m := compact(map[string]any{"negative": r.Negative, "width": r.Width, "height": r.Height, "quality": r.Quality,
		"format": r.Format, "task": string(r.Task), "target": r.Target, "style": r.Style, "aspect": r.Aspect})
	m["model"], m["prompt"], m["count"] = r.Model, r.Prompt, r.Count
	if r.Seed != nil {
		m["seed"] = *r.Seed
	}
	for name, img := range map[string]*inference.Image{"source": r.Source, "mask": r.Mask} {
		if img != nil {
			m[name] = encodePart(*img)
		}
	}
	var references []any
	for _, img := range r.References {
		references = append(references, encodePart(img))
	}
	if references != nil {
		m["references"] = references
	}
	return bounded(m)
}

var _ inference.ImageMaker = (*Backend)(nil)
