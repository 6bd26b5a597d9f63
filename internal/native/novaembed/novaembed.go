// Package novaembed is the native format of Amazon Nova's multimodal
// embeddings: one text, image, film or recording, and what its vector is for.
//
// It translates and validates; it calls nobody. Films, recordings, files in
// buckets and the asynchronous tasks are refused by name.
package novaembed

import (
	"strconv"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
	"github.com/outcrop/outcrop/internal/native/vectors"
)

// Family implements native.Embedding. Its zero value is ready.
type Family struct{}

var _ native.Embedding = Family{}

// maxText is the documented limit of a text in the body, in characters.
const maxText = 8192

// purposes are the hub's words for what vectors are for.
var purposes = map[string]string{ //nolint:gochecknoglobals // a constant in all but name
	"GENERIC_INDEX": "search_document", "GENERIC_RETRIEVAL": "search_query", "TEXT_RETRIEVAL": "search_query", "IMAGE_RETRIEVAL": "search_query",
	"VIDEO_RETRIEVAL": "search_query", "DOCUMENT_RETRIEVAL": "search_query", "AUDIO_RETRIEVAL": "search_query",
	"CLASSIFICATION": "classification", "CLUSTERING": "clustering",
}

// Decode implements native.Embedding.
func (Family) Decode(m native.Model, data []byte) (*native.EmbeddingRequest, error) {
	offered := m.Dimensions
	if len(offered) == 0 {
		offered = []int{3072, 1024, 384, 256}
	}
	o, err := body.Decode(schema(offered), data)
	if err != nil {
		return nil, err
	}
	if o.String("taskType") == "SEGMENTED_EMBEDDING" {
		return nil, fault.New(fault.Invalid, "The task type SEGMENTED_EMBEDDING is not supported by InvokeModel. Use StartAsyncInvoke instead.")
	}
	p := o.Object("singleEmbeddingParams")
	if p == nil {
		return nil, body.Malformed("#: required key [singleEmbeddingParams] not found")
	}
	req := &native.EmbeddingRequest{
		Purpose: purposes[p.String("embeddingPurpose")], Dimensions: p.Int("embeddingDimension", offered[0]),
		Normalize: true, Types: []string{"float"},
	}
	given := 0
	for _, key := range []string{"text", "image", "audio", "video"} {
		if p.Has(key) {
			given++
		}
	}
	const at = "#/singleEmbeddingParams"
	switch {
	case given != 1:
		return nil, body.Malformed(at + ": expected exactly one of [text, image, audio, video], found: " + strconv.Itoa(given))
	case p.Has("text"):
		return req, text(at+"/text", p.Object("text"), req)
	case p.Has("image"):
		return req, image(at+"/image", p.Object("image"), req)
	case p.Has("audio"):
		return nil, unsupported("singleEmbeddingParams.audio: embeddings of recordings")
	}
	return nil, unsupported("singleEmbeddingParams.video: embeddings of films")
}

func text(at string, o body.Object, req *native.EmbeddingRequest) error {
	req.Truncate = o.String("truncationMode")
	switch {
	case o.Has("source") && !o.Has("value"):
		return unsupported("singleEmbeddingParams.text.source: texts in buckets")
	case !o.Has("value") || o.Has("source"):
		return body.Malformed(at + ": expected exactly one of [value, source]")
	}
	req.Texts = []string{o.String("value")}
	return nil
}

func image(at string, o body.Object, req *native.EmbeddingRequest) error {
	source := o.Object("source")
	if source.Has("s3Location") && !source.Has("bytes") {
		return unsupported("singleEmbeddingParams.image.source.s3Location: images in buckets")
	}
	if !source.Has("bytes") || source.Has("s3Location") {
		return body.Malformed(at + "/source: expected exactly one of [bytes, s3Location]")
	}
	data, err := body.Bytes(at+"/source/bytes", source.String("bytes"))
	if err != nil {
		return err
	}
	img := inference.Image{Format: o.String("format"), Bytes: data}
	if o.String("detailLevel") == "DOCUMENT_IMAGE" {
		img.Detail = "high"
	}
	req.Images = []inference.Image{img}
	return nil
}

func unsupported(what string) error {
	return fault.New(fault.Unsupported, "%s are not supported by the model that serves this model ID.", what)
}

func schema(offered []int) *body.Schema {
	size := &body.Schema{Type: body.TypeInteger}
	for _, n := range offered {
		size.Enum = append(size.Enum, strconv.Itoa(n))
	}
	purpose := body.StringOf("GENERIC_INDEX", "GENERIC_RETRIEVAL", "TEXT_RETRIEVAL", "IMAGE_RETRIEVAL", "VIDEO_RETRIEVAL",
		"DOCUMENT_RETRIEVAL", "AUDIO_RETRIEVAL", "CLASSIFICATION", "CLUSTERING")
	source := body.ObjectOf(body.Properties{
		"bytes": body.StringOf(), "s3Location": body.ObjectOf(body.Properties{"uri": body.StringOf(), "bucketOwner": body.StringOf()}, "uri"),
	})
	params := body.ObjectOf(body.Properties{
		"embeddingPurpose":   purpose,
		"embeddingDimension": size,
		"text": body.ObjectOf(body.Properties{
			"truncationMode": body.StringOf("START", "END", "NONE"), "value": {Type: body.TypeString, MinLength: 1, MaxLength: maxText}, "source": source,
		}, "truncationMode"),
		"image": body.ObjectOf(body.Properties{
			"format": body.StringOf("png", "jpeg", "gif", "webp"), "source": source, "detailLevel": body.StringOf("STANDARD_IMAGE", "DOCUMENT_IMAGE"),
		}, "format", "source"),
		"audio": body.ObjectOf(body.Properties{"format": body.StringOf("mp3", "wav", "ogg"), "source": source}, "format", "source"),
		"video": body.ObjectOf(body.Properties{
			"format":        body.StringOf("mp4", "mov", "mkv", "webm", "flv", "mpeg", "mpg", "wmv", "3gp"),
			"source":        source,
			"embeddingMode": body.StringOf("AUDIO_VIDEO_COMBINED", "AUDIO_VIDEO_SEPARATE"),
		}, "format", "source", "embeddingMode"),
	}, "embeddingPurpose")
	return body.ObjectOf(body.Properties{
		"schemaVersion":            body.StringOf("nova-multimodal-embed-v1"),
		"taskType":                 body.StringOf("SINGLE_EMBEDDING", "SEGMENTED_EMBEDDING"),
		"singleEmbeddingParams":    params,
		"segmentedEmbeddingParams": body.OpenObject(),
	}, "taskType")
}

// Encode implements native.Embedding.
func (Family) Encode(_ native.Model, req *native.EmbeddingRequest, e *inference.Embeddings) ([]byte, error) {
	if err := vectors.Check(e, 1, req.Dimensions); err != nil {
		return nil, err
	}
	kind := "TEXT"
	if len(req.Images) > 0 {
		kind = "IMAGE"
	}
	b := append([]byte(`{"embeddings":[{"embeddingType":"`), kind...)
	b = vectors.AppendFloats(append(b, `","embedding":`...), e.Vectors[0])
	return append(b, "}]}"...), nil
}
