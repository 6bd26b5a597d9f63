// Package titanembed is the native format of Amazon Titan's embedding models:
// G1 with one size, V2 with three, and Multimodal, of which only texts are
// served.
//
// It translates and validates; it calls nobody, and it neither cuts nor
// normalizes vectors: whoever serves the model brings them to the size that
// the decoded request names.
package titanembed

import (
	"math"
	"slices"
	"strconv"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
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
	}
	if req.Types == nil {
		req.Types = []string{typeFloat}
	}
	return req, nil
}

// Decode implements native.Embedding. An image is refused by name, alone or
// beside a text.
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
	if o.Has("inputImage") {
		return nil, fault.New(fault.Unsupported, "inputImage: image embeddings are not supported by the model that serves this model ID.")
	}
	if !o.Has("inputText") {
		return nil, body.Malformed("#: required key [inputText] not found")
	}
	return &native.EmbeddingRequest{
		Texts:      []string{o.String("inputText")},
		Dimensions: o.Object("embeddingConfig").Int("outputEmbeddingLength", offered[0]),
		Normalize:  true,
		Types:      []string{typeFloat},
	}, nil
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
	b := appendFloats([]byte(`{"embedding":`), v)
	return append(appendCount(b, e), '}'), nil
}

// Encode implements native.Embedding. The member embedding is of floats,
// whatever types were asked for; embeddingsByType has just those.
func (V2) Encode(_ native.Model, req *native.EmbeddingRequest, e *inference.Embeddings) ([]byte, error) {
	v, err := single(req, e)
	if err != nil {
		return nil, err
	}
	b := appendFloats([]byte(`{"embedding":`), v)
	b = append(b, `,"embeddingsByType":{`...)
	if slices.Contains(req.Types, typeBinary) {
		b = appendBits(append(b, `"binary":`...), v)
	}
	if slices.Contains(req.Types, typeFloat) {
		if b[len(b)-1] == ']' {
			b = append(b, ',')
		}
		b = appendFloats(append(b, `"float":`...), v)
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
	b := appendFloats([]byte(`{"embedding":`), v)
	return append(appendCount(b, e), `,"message":null}`...), nil
}

func single(req *native.EmbeddingRequest, e *inference.Embeddings) ([]float32, error) {
	if len(e.Vectors) != 1 || len(e.InputTokens) != 1 {
		return nil, fault.New(fault.Internal, "got %d vectors and %d token counts, want one", len(e.Vectors), len(e.InputTokens))
	}
	if n := len(e.Vectors[0]); n != req.Dimensions {
		return nil, fault.New(fault.Internal, "got a vector of %d dimensions, want %d", n, req.Dimensions)
	}
	for _, f := range e.Vectors[0] {
		if f != f || math.IsInf(float64(f), 0) { // JSON has no word for it
			return nil, fault.New(fault.Upstream, "The model returned an embedding that is not a number.")
		}
	}
	return e.Vectors[0], nil
}

func appendCount(b []byte, e *inference.Embeddings) []byte {
	return strconv.AppendInt(append(b, `,"inputTextTokenCount":`...), int64(e.InputTokens[0]), 10)
}

// appendFloats writes the shortest text of each member that reads back as the
// same 32-bit number.
func appendFloats(b []byte, v []float32) []byte {
	b = append(b, '[')
	for i, f := range v {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendFloat(b, float64(f), 'g', -1, 32)
	}
	return append(b, ']')
}

// appendBits writes 1 for each member above zero.
func appendBits(b []byte, v []float32) []byte {
	b = append(b, '[')
	for i, f := range v {
		if i > 0 {
			b = append(b, ',')
		}
		if f > 0 {
			b = append(b, '1')
		} else {
			b = append(b, '0')
		}
	}
	return append(b, ']')
}
