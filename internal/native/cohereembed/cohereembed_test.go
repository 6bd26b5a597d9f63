package cohereembed_test

import (
	"testing"

	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/cohereembed"
	"github.com/outcrop/outcrop/internal/native/media"
	"github.com/outcrop/outcrop/internal/native/nativetest"
)

func v3() native.Model { return nativetest.Model("cohere.embed-english-v3") }

func v4() native.Model { return nativetest.Model("cohere.embed-v4:0") }

func TestGolden(t *testing.T) {
	t.Parallel()
	t.Run("v3", func(t *testing.T) { t.Parallel(); nativetest.RunEmbedding(t, cohereembed.V3{}, v3(), "v3") })
	t.Run("v4", func(t *testing.T) { t.Parallel(); nativetest.RunEmbedding(t, cohereembed.V4{}, v4(), "v4") })
}

func FuzzDecode(f *testing.F) { nativetest.FuzzEmbedding(f, cohereembed.V3{}, v3(), "v3") }

func FuzzDecodeV4(f *testing.F) { nativetest.FuzzEmbedding(f, cohereembed.V4{}, v4(), "v4") }

type object = map[string]any

func TestRoundTripV3(t *testing.T) {
	t.Parallel()
	nativetest.RoundTripEmbedding(t, cohereembed.V3{}, v3(), func(r nativetest.Random) object {
		b := object{}
		if r.Chance(3) {
			b["images"], b["input_type"] = []any{"data:image/png;base64,iVBORw0KGgo="}, "image"
		} else {
			b["texts"], b["input_type"] = r.Texts(5), r.Pick("search_document", "search_query", "classification", "clustering")
		}
		r.Maybe(b, "truncate", r.Pick("NONE", "START", "END"))
		r.Maybe(b, "embedding_types", []any{r.Pick("float", "int8"), "binary"})
		return b
	}, func(req *native.EmbeddingRequest) any {
		b := encode(req)
		if req.Purpose == "" {
			b["input_type"] = "image"
		}
		if req.Truncate != "" {
			b["truncate"] = req.Truncate
		}
		return b
	})
}

func TestRoundTripV4(t *testing.T) {
	t.Parallel()
	const uri = "data:image/png;base64,iVBORw0KGgo="
	nativetest.RoundTripEmbedding(t, cohereembed.V4{}, v4(), func(r nativetest.Random) object {
		b := object{"input_type": r.Pick("search_document", "search_query", "classification", "clustering"), "output_dimension": []int{1536, 512}[r.IntN(2)]}
		switch r.IntN(3) {
		case 0:
			b["texts"] = r.Texts(5)
		case 1:
			b["images"] = []any{uri, uri}
		default:
			var inputs []any
			for range 1 + r.IntN(3) {
				var content []any
				for range 1 + r.IntN(3) {
					if r.Chance(2) {
						content = append(content, object{"type": "text", "text": r.Text()})
					} else {
						content = append(content, object{"type": "image_url", "image_url": object{"url": uri}})
					}
				}
				inputs = append(inputs, object{"content": content})
			}
			b["inputs"] = inputs
		}
		r.Maybe(b, "truncate", r.Pick("NONE", "LEFT", "RIGHT"))
		r.Maybe(b, "embedding_types", []any{r.Pick("float", "int8"), "binary"})
		return b
	}, func(req *native.EmbeddingRequest) any {
		b := encode(req)
		b["output_dimension"] = req.Dimensions
		if req.Truncate != "" {
			b["truncate"] = map[string]string{"NONE": "NONE", "START": "LEFT", "END": "RIGHT"}[req.Truncate]
		}
		return b
	})
}

// encode writes what both formats have.
func encode(req *native.EmbeddingRequest) object {
	b := object{"input_type": req.Purpose}
	if req.TypesNamed {
		b["embedding_types"] = req.Types
	}
	if req.Groups == nil {
		if req.Texts != nil {
			b["texts"] = req.Texts
		}
		var images []any
		for _, img := range req.Images {
			images = append(images, media.URI(img))
		}
		if images != nil {
			b["images"] = images
		}
		return b
	}
	var inputs []any
	for _, group := range req.Groups {
		var content []any
		for _, i := range group {
			if i < len(req.Texts) {
				content = append(content, object{"type": "text", "text": req.Texts[i]})
			} else {
				content = append(content, object{"type": "image_url", "image_url": object{"url": media.URI(req.Images[i-len(req.Texts)])}})
			}
		}
		inputs = append(inputs, object{"content": content})
	}
	b["inputs"] = inputs
	return b
}
