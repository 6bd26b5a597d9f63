package nativetest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
)

// RunImaging holds an image family against the golden files of a folder below
// testdata. A request that is accepted is answered with two images.
func RunImaging(t *testing.T, f native.Imaging, m native.Model, dir string) {
	t.Helper()
	each(t, filepath.Join(dir, "requests"), func(body []byte) []byte {
		req, err := f.Decode(m, body)
		if err != nil {
			return decoded(nil, err)
		}
		data, err := f.Encode(m, req, &inference.Images{
			Images: []inference.Image{{Format: "png", Bytes: []byte{1, 2}}, {Format: "png", Bytes: []byte{3}}}, Seeds: []uint32{7},
		})
		return answered(t, req, data, err)
	})
}

// RunReranking holds a rerank family against its golden files. A request that is
// accepted is answered, the middle document best.
func RunReranking(t *testing.T, f native.Reranking, m native.Model, dir string) {
	t.Helper()
	each(t, filepath.Join(dir, "requests"), func(body []byte) []byte {
		req, err := f.Decode(m, body)
		if err != nil {
			return decoded(nil, err)
		}
		scores := make([]float64, len(req.Documents))
		for i := range scores {
			scores[i] = 0.25
		}
		scores[len(scores)/2] = 0.875
		data, err := f.Encode(m, req, scores)
		return answered(t, req, data, err)
	})
}

func answered(t *testing.T, req any, data []byte, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return append(append(append(indent(req), "---\n"...), data...), '\n')
}

// FuzzOther holds that a decoder refuses only with modeled sentences. The bodies
// are those of a folder below testdata.
func FuzzOther(f *testing.F, dir string, decode func(body []byte) error) {
	for _, name := range cases(f, filepath.Join(dir, "requests")) {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, body []byte) { check(t, decode(body)) })
}

// RoundTripOther is RoundTrip for a decoder of another kind: there decodes a body
// and writes it again.
func RoundTripOther(t *testing.T, generate func(r Random) map[string]any, there func(data []byte) (any, error)) {
	t.Helper()
	roundTrip(t, generate, there)
}
