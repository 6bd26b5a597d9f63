// Package titanembed is the native format of Amazon Titan's embedding models:
// G1 with one size, V2 with three, and Multimodal, for texts and images.
//
// It translates and validates; it calls nobody, and it neither cuts nor
// normalizes vectors: whoever serves the model brings them to the size that
// the decoded request names.
package titanembed

import (
	"slices"
	"strconv"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
	"github.com/outcrop/outcrop/internal/native/vectors"
	"github.com/outcrop/outcrop/internal/wire/picture"
)

// maxText is the documented limit of an input text, in characters.
const maxText = 50_000

// The forms of a vector.
const (
	typeFloat  = "float"
	typeBinary = "binary"
)

// V1 is Titan Embeddings G1. Its zero value is ready, as that of the others.
type V1 struct{}

// V2 is Titan Text Embeddings V2.
type V2 struct{}

// Multimodal is Titan Multimodal Embeddings G1.
type Multimodal struct{}

var (
	_ native.Embedding = V1{}
	_ native.Embedding = V2{}
	_ native.Embedding = Multimodal{}
)

// Decode implements native.Embedding. The vectors of the real model are not of
// unit length, so none is asked for.
func (V1) Decode(m native.Model, data []byte) (*native.EmbeddingRequest, error) {
	o, err := body.Decode(&body.Schema{
		Type: body.TypeObject, Separator: ", ", Required: []string{"inputText"},
		Properties: map[string]*body.Schema{"inputText": textSchema()},
	}, data)
	if err != nil {
		return nil, err
	}
	return &native.EmbeddingRequest{Texts: []string{o.String("inputText")}, Dimensions: sizes(m, 1536)[0], Types: []string{typeFloat}}, nil
}

// Decode implements native.Embedding.
func (V2) Decode(m native.Model, data []byte) (*native.EmbeddingRequest, error) {
	offered := sizes(m, 1024, 512, 256)
	o, err := body.Decode(&body.Schema{
		Type: body.TypeObject, Separator: ", ", Required: []string{"inputText"},
		Properties: map[string]*body.Schema{
			"inputText":  textSchema(),
			"dimensions": sizeSchema(offered),
			"normalize":  {Type: body.TypeBoolean},
			"embeddingTypes": {
				Type: body.TypeArray, MinItems: 1, MaxItems: 2,
				Items: &body.Schema{Type: body.TypeString, Enum: []string{typeFloat, typeBinary}},
			},
		},
	}, data)
	if err != nil {
		return nil, err
	}
	req := &native.EmbeddingRequest{
		Texts:      []string{o.String("inputText")},
		Dimensions: o.Int("dimensions", offered[0]),
		Normalize:  o.Bool("normalize", true),
		Types:      o.Strings("embeddingTypes"),
		TypesNamed: o.Has("embeddingTypes"),
	}
	if req.Types == nil {
		req.Types = []string{typeFloat}
	}
	return req, nil
}

// Decode implements native.Embedding. The vector of a text beside an image is
// the mean of both.
func (Multimodal) Decode(m native.Model, data []byte) (*native.EmbeddingRequest, error) {
	offered := sizes(m, 1024, 384, 256)
	o, err := body.Decode(&body.Schema{
		Type: body.TypeObject, Separator: ", ",
		Properties: map[string]*body.Schema{
			"inputText":  textSchema(),
			"inputImage": {Type: body.TypeString},
			"embeddingConfig": {Type: body.TypeObject, Properties: map[string]*body.Schema{
				"outputEmbeddingLength": sizeSchema(offered),
			}},
		},
	}, data)
	if err != nil {
		return nil, err
	}
	req := &native.EmbeddingRequest{
		Dimensions: o.Object("embeddingConfig").Int("outputEmbeddingLength", offered[0]),
		Normalize:  true,
		Types:      []string{typeFloat},
	}
	if o.Has("inputText") {
		req.Texts = []string{o.String("inputText")}
	}
	if o.Has("inputImage") {
		data, err := body.Bytes("#/inputImage", o.String("inputImage"))
		if err != nil {
			return nil, err
		}
		format := picture.Format(data)
		if format == "" {
			return nil, body.Malformed("#/inputImage: the value is not an image in one of the formats png, jpeg, gif, webp")
		}
		req.Images = []inference.Image{{Format: format, Bytes: data}}
	}
	switch {
	case req.Texts == nil && req.Images == nil:
		return nil, body.Malformed("#: required key [inputText] not found")
	case req.Texts != nil && req.Images != nil:
		req.Groups = [][]int{{0, 1}}
	}
	return req, nil
}

func textSchema() *body.Schema {
	return &body.Schema{Type: body.TypeString, MinLength: 1, MaxLength: maxText}
}

func sizeSchema(offered []int) *body.Schema {
	s := &body.Schema{Type: body.TypeInteger}
	for _, n := range offered {
		s.Enum = append(s.Enum, strconv.Itoa(n))
	}
	return s
}

// sizes returns what the catalog offers of a model, or what the guide says.
func sizes(m native.Model, documented ...int) []int {
	if len(m.Dimensions) > 0 {
		return m.Dimensions
	}
	return documented
}

// Encode implements native.Embedding.
func (V1) Encode(_ native.Model, req *native.EmbeddingRequest, e *inference.Embeddings) ([]byte, error) {
	v, err := single(req, e)
	if err != nil {
		return nil, err
	}
	b := vectors.AppendFloats([]byte(`{"embedding":`), v)
	return append(appendCount(b, e), '}'), nil
}

// Encode implements native.Embedding. The member embedding is of floats,
// whatever types were asked for; embeddingsByType has just those.
func (V2) Encode(_ native.Model, req *native.EmbeddingRequest, e *inference.Embeddings) ([]byte, error) {
	v, err := single(req, e)
	if err != nil {
		return nil, err
	}
	b := vectors.AppendFloats([]byte(`{"embedding":`), v)
	b = append(b, `,"embeddingsByType":{`...)
	if slices.Contains(req.Types, typeBinary) {
		b = vectors.AppendSigns(append(b, `"binary":`...), v)
	}
	if slices.Contains(req.Types, typeFloat) {
		if b[len(b)-1] == ']' {
			b = append(b, ',')
		}
		b = vectors.AppendFloats(append(b, `"float":`...), v)
	}
	b = append(b, '}')
	return append(appendCount(b, e), '}'), nil
}

// Encode implements native.Embedding.
func (Multimodal) Encode(_ native.Model, req *native.EmbeddingRequest, e *inference.Embeddings) ([]byte, error) {
	v, err := single(req, e)
	if err != nil {
		return nil, err
	}
	b := vectors.AppendFloats([]byte(`{"embedding":`), v)
	return append(appendCount(b, e), `,"message":null}`...), nil
}

func single(req *native.EmbeddingRequest, e *inference.Embeddings) ([]float32, error) {
	if err := vectors.Check(e, 1, req.Dimensions); err != nil {
		return nil, err
	}
	return e.Vectors[0], nil
}

func appendCount(b []byte, e *inference.Embeddings) []byte {
	return strconv.AppendInt(append(b, `,"inputTextTokenCount":`...), int64(e.InputTokens[0]), 10)
}
