package novaembed_test

import (
	"encoding/base64"
	"testing"

	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/nativetest"
	"github.com/outcrop/outcrop/internal/native/novaembed"
)

func model() native.Model { return nativetest.Model("amazon.nova-2-multimodal-embeddings-v1:0") }

func TestGolden(t *testing.T) {
	t.Parallel()
	nativetest.RunEmbedding(t, novaembed.Family{}, model(), "nova")
}

func FuzzDecode(f *testing.F) { nativetest.FuzzEmbedding(f, novaembed.Family{}, model(), "nova") }

type object = map[string]any

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	words := map[string]string{"search_document": "GENERIC_INDEX", "search_query": "GENERIC_RETRIEVAL", "classification": "CLASSIFICATION", "clustering": "CLUSTERING"}
	nativetest.RoundTripEmbedding(t, novaembed.Family{}, model(), func(r nativetest.Random) object {
		p := object{"embeddingPurpose": r.Pick("GENERIC_INDEX", "GENERIC_RETRIEVAL", "CLASSIFICATION", "CLUSTERING"), "embeddingDimension": []int{3072, 1024, 384, 256}[r.IntN(4)]}
		if r.Chance(2) {
			p["text"] = object{"truncationMode": r.Pick("START", "END", "NONE"), "value": r.Text()}
		} else {
			image := object{"format": r.Pick("png", "jpeg"), "source": object{"bytes": base64.StdEncoding.EncodeToString(r.Bytes())}}
			r.Maybe(image, "detailLevel", "DOCUMENT_IMAGE")
			p["image"] = image
		}
		return object{"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": p}
	}, func(req *native.EmbeddingRequest) any {
		p := object{"embeddingPurpose": words[req.Purpose], "embeddingDimension": req.Dimensions}
		for _, text := range req.Texts {
			p["text"] = object{"truncationMode": req.Truncate, "value": text}
		}
		for _, img := range req.Images {
			image := object{"format": img.Format, "source": object{"bytes": base64.StdEncoding.EncodeToString(img.Bytes)}}
			if img.Detail == "high" {
				image["detailLevel"] = "DOCUMENT_IMAGE"
			}
			p["image"] = image
		}
		return object{"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": p}
	})
}
