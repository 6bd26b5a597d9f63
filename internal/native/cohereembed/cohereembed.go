// Package cohereembed is the native format of Cohere's embedding models: many
// texts or images in one body, and vectors in five forms.
//
// It translates and validates; it calls nobody, and it neither cuts nor
// normalizes vectors: whoever serves the model brings them to the size that
// the decoded request names.
package cohereembed

import (
	"bytes"
	"image"
	_ "image/gif"  // for what an answer says of an image
	_ "image/jpeg" // as above
	_ "image/png"  // as above
	"slices"
	"strconv"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
	"github.com/outcrop/outcrop/internal/native/media"
	"github.com/outcrop/outcrop/internal/native/vectors"
)

// V3 is Embed English and Embed Multilingual. Its zero value is ready.
type V3 struct{}

// V4 is Embed 4, which also mixes texts and images. Its zero value is ready.
type V4 struct{}

var (
	_ native.Embedding = V3{}
	_ native.Embedding = V4{}
)

// The documented limits.
const (
	maxInputs = 96
	maxText   = 2048    // characters, of V3
	maxTokens = 128_000 // of V4, which nobody needs to ask for
)

// The forms of a vector.
var forms = []string{"float", "int8", "uint8", "binary", "ubinary"} //nolint:gochecknoglobals // a constant in all but name

// Decode implements native.Embedding.
func (V3) Decode(m native.Model, data []byte) (*native.EmbeddingRequest, error) {
	texts := body.ListOf(&body.Schema{Type: body.TypeString, MaxLength: maxText})
	texts.MinItems, texts.MaxItems = 1, maxInputs
	images := body.ListOf(body.StringOf())
	images.MinItems, images.MaxItems = 1, 1
	o, err := body.Decode(body.ObjectOf(body.Properties{
		"texts":           texts,
		"images":          images,
		"input_type":      body.StringOf("search_document", "search_query", "classification", "clustering", "image"),
		"truncate":        body.StringOf("NONE", "START", "END"),
		"embedding_types": typesSchema(),
	}, "input_type"), data)
	if err != nil {
		return nil, err
	}
	req := newRequest(o, sizes(m, 1024)[0])
	req.Truncate = o.String("truncate")
	if req.Images, err = images64("#/images", o.Strings("images")); err != nil {
		return nil, err
	}
	asImage := o.String("input_type") == "image"
	switch {
	case o.Has("texts") == o.Has("images"):
		return nil, body.Malformed("#: expected exactly one of [texts, images]")
	case asImage != o.Has("images"):
		return nil, body.Malformed("#/input_type: " + o.String("input_type") + " does not go with what is embedded")
	case asImage:
		req.Purpose = ""
	}
	return req, nil
}

// Decode implements native.Embedding.
func (V4) Decode(m native.Model, data []byte) (*native.EmbeddingRequest, error) {
	offered := sizes(m, 1536, 1024, 512, 256)
	o, err := body.Decode(schemaV4(offered), data)
	if err != nil {
		return nil, err
	}
	req := newRequest(o, o.Int("output_dimension", offered[0]))
	req.Truncate = map[string]string{"LEFT": "START", "RIGHT": "END"}[o.String("truncate")]
	if o.String("truncate") == "NONE" {
		req.Truncate = "NONE"
	}
	if n := o.Int("max_tokens", maxTokens); n < maxTokens {
		return nil, fault.New(fault.Unsupported, "max_tokens: a limit of %d is not supported by the model that serves this model ID.", n)
	}
	given := 0
	for _, key := range []string{"texts", "images", "inputs"} {
		if o.Has(key) {
			given++
		}
	}
	if given != 1 {
		return nil, body.Malformed("#: expected exactly one of [texts, images, inputs], found: " + strconv.Itoa(given))
	}
	if o.Has("inputs") {
		return req, mixed(o.Objects("inputs"), req)
	}
	req.Images, err = images64("#/images", o.Strings("images"))
	return req, err
}

func newRequest(o body.Object, dimensions int) *native.EmbeddingRequest {
	req := &native.EmbeddingRequest{
		Texts: o.Strings("texts"), Purpose: o.String("input_type"), Dimensions: dimensions, Normalize: true,
		Types: o.Strings("embedding_types"), TypesNamed: o.Has("embedding_types"),
	}
	if req.Types == nil {
		req.Types = []string{"float"}
	}
	return req
}

// mixed reads inputs of several texts and images each. The vector of an input is
// the mean of its parts', whose order is lost with it.
func mixed(inputs []body.Object, req *native.EmbeddingRequest) error {
	type place struct{ input, part int }
	var images []place // of each image, in order
	req.Groups = make([][]int, len(inputs))
	for i, input := range inputs {
		for j, part := range input.Objects("content") {
			at := "#/inputs/" + strconv.Itoa(i) + "/content/" + strconv.Itoa(j)
			switch {
			case part.String("type") == "text" && part.Has("text") && !part.Has("image_url"):
				req.Groups[i] = append(req.Groups[i], len(req.Texts))
				req.Texts = append(req.Texts, part.String("text"))
			case part.String("type") == "image_url" && part.Has("image_url") && !part.Has("text"):
				list, err := images64(at+"/image_url/url", []string{part.Object("image_url").String("url")})
				if err != nil {
					return err
				}
				images = append(images, place{i, len(req.Groups[i])})
				req.Groups[i] = append(req.Groups[i], 0)
				req.Images = append(req.Images, list...)
			default:
				return body.Malformed(at + ": expected the member that its type names")
			}
		}
	}
	for n, p := range images { // behind all texts
		req.Groups[p.input][p.part] = len(req.Texts) + n
	}
	return nil
}

func images64(at string, uris []string) ([]inference.Image, error) {
	var out []inference.Image
	for _, uri := range uris {
		img, ok := media.Image(uri)
		if !ok {
			return nil, body.Malformed(at + ": expected a data URI of an image")
		}
		out = append(out, img)
	}
	return out, nil
}

func typesSchema() *body.Schema {
	s := body.ListOf(body.StringOf(forms...))
	s.MinItems, s.MaxItems = 1, len(forms)
	return s
}

func schemaV4(offered []int) *body.Schema {
	size := &body.Schema{Type: body.TypeInteger}
	for _, n := range offered {
		size.Enum = append(size.Enum, strconv.Itoa(n))
	}
	list := func(item *body.Schema) *body.Schema {
		return &body.Schema{Type: body.TypeArray, Items: item, MinItems: 1, MaxItems: maxInputs}
	}
	part := body.ObjectOf(body.Properties{
		"type": body.StringOf("text", "image_url"), "text": body.StringOf(), "image_url": body.ObjectOf(body.Properties{"url": body.StringOf()}, "url"),
	}, "type")
	content := body.ListOf(part)
	content.MinItems = 1
	return body.ObjectOf(body.Properties{
		"texts":            list(body.StringOf()),
		"images":           list(body.StringOf()),
		"inputs":           list(body.ObjectOf(body.Properties{"content": content}, "content")),
		"input_type":       body.StringOf("search_document", "search_query", "classification", "clustering"),
		"embedding_types":  typesSchema(),
		"output_dimension": size,
		"max_tokens":       body.IntegerOf(1, maxTokens),
		"truncate":         body.StringOf("NONE", "LEFT", "RIGHT"),
	}, "input_type")
}

// sizes returns what the catalog offers of a model, or what the guide says.
func sizes(m native.Model, documented ...int) []int {
	if len(m.Dimensions) > 0 {
		return m.Dimensions
	}
	return documented
}

// Encode implements native.Embedding. Types that were named make an answer by
// type, also when it is only one.
func (V3) Encode(m native.Model, req *native.EmbeddingRequest, e *inference.Embeddings) ([]byte, error) {
	return encode(m, req, e, req.TypesNamed)
}

// Encode implements native.Embedding. The form of numbers alone, named or not,
// makes a plain answer.
func (V4) Encode(m native.Model, req *native.EmbeddingRequest, e *inference.Embeddings) ([]byte, error) {
	return encode(m, req, e, req.TypesNamed && !slices.Equal(req.Types, []string{"float"}))
}

func encode(m native.Model, req *native.EmbeddingRequest, e *inference.Embeddings, byType bool) ([]byte, error) {
	if err := vectors.Check(e, req.Count(), req.Dimensions); err != nil {
		return nil, err
	}
	b := append([]byte(`{"id":"`), body.UUID(m.NewID)...)
	b = append(b, `","embeddings":`...)
	kind := "embeddings_floats"
	if byType {
		kind = "embeddings_by_type"
		b = append(b, '{')
		for i, form := range slices.Compact(slices.Sorted(slices.Values(req.Types))) {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendVectors(append(strconv.AppendQuote(b, form), ':'), e, form)
		}
		b = append(b, '}')
	} else {
		b = appendVectors(b, e, "float")
	}
	b = append(append(append(b, `,"response_type":"`...), kind...), '"')
	texts := req.Texts
	if texts == nil || req.Groups != nil {
		texts = []string{}
	}
	echo, err := body.Marshal(texts)
	if err != nil {
		return nil, err
	}
	b = append(append(b, `,"texts":`...), echo...)
	if len(req.Images) > 0 && req.Groups == nil {
		if echo, err = body.Marshal(describe(req.Images)); err != nil {
			return nil, err
		}
		b = append(append(b, `,"images":`...), echo...)
	}
	return append(b, '}'), nil
}

func appendVectors(b []byte, e *inference.Embeddings, form string) []byte {
	b = append(b, '[')
	for i, v := range e.Vectors {
		if i > 0 {
			b = append(b, ',')
		}
		switch form {
		case "int8", "uint8":
			b = vectors.AppendBytes(b, v, form == "uint8")
		case "binary", "ubinary":
			b = vectors.AppendBits(b, v, form == "ubinary")
		default:
			b = vectors.AppendFloats(b, v)
		}
	}
	return append(b, ']')
}

// described is what an answer says of an image.
type described struct {
	Width    int    `json:"width"`
	Height   int    `json:"height"`
	Format   string `json:"format"`
	BitDepth int    `json:"bit_depth"`
}

func describe(images []inference.Image) []described {
	out := make([]described, 0, len(images))
	for _, img := range images {
		d := described{Format: img.Format, BitDepth: 24}
		if c, _, err := image.DecodeConfig(bytes.NewReader(img.Bytes)); err == nil {
			d.Width, d.Height = c.Width, c.Height
		}
		out = append(out, d)
	}
	return out
}
