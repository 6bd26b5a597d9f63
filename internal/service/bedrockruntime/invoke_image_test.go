package bedrockruntime_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/mem"
	"github.com/outcrop/outcrop/internal/service/bedrockruntime"
)

// painter makes images and embeds them, and keeps what it was asked for.
type painter struct {
	*mem.Backend
	asked    *inference.ImageRequest
	embedded *inference.EmbedRequest
}

func newPainter() *painter { return &painter{Backend: mem.New(mem.Params{})} }

func (p *painter) MakeImages(_ context.Context, req *inference.ImageRequest) (*inference.Images, error) {
	p.asked = req
	return &inference.Images{Model: req.Model, Images: []inference.Image{{Format: "png", Bytes: []byte{1, 2, 3}}}, InputTokens: 4}, nil
}

func (p *painter) Embed(_ context.Context, req *inference.EmbedRequest) (*inference.Embeddings, error) {
	p.embedded = req
	out := &inference.Embeddings{Model: req.Model}
	for i := range len(req.Texts) + len(req.Images) {
		v := make([]float32, 256)
		v[i] = 1
		out.Vectors, out.InputTokens = append(out.Vectors, v), append(out.InputTokens, 2)
	}
	return out, nil
}

func TestImagesAreMadeByABackendThatCan(t *testing.T) {
	t.Parallel()
	b := newPainter()
	svc := newService(t, b, bedrockruntime.Params{})
	ctx, c := newCall(t.Context(), "us-east-1")
	body := `{"taskType":"TEXT_IMAGE","textToImageParams":{"text":"a rock"},"imageGenerationConfig":{"width":512,"height":512,"seed":7}}`
	out, err := svc.InvokeModel(ctx, &api.InvokeModelInput{ModelId: new("acme.painter"), Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(out.Body), `{"images":["AQID"],"error":null}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	want := &inference.ImageRequest{Model: "painter", Prompt: "a rock", Count: 1, Width: 512, Height: 512, Seed: new(uint32(7))}
	if diff := cmp.Diff(want, b.asked); diff != "" {
		t.Errorf("the request differs (-want +got):\n%s", diff)
	}
	if u := c.Usage(); u.InputTokens != 4 || u.ServedBy != "mem/painter" {
		t.Errorf("got usage %+v, want 4 tokens of mem/painter", u)
	}
}

func TestImagesOfABackendThatCannotAreRefused(t *testing.T) {
	t.Parallel()
	svc := newService(t, mem.New(mem.Params{}), bedrockruntime.Params{})
	ctx, _ := newCall(t.Context(), "us-east-1")
	body := `{"taskType":"TEXT_IMAGE","textToImageParams":{"text":"a rock"}}`
	if _, err := svc.InvokeModel(ctx, &api.InvokeModelInput{ModelId: new("acme.painter"), Body: []byte(body)}); !fault.Is(err, fault.Unsupported) {
		t.Errorf("got %v, want unsupported", err)
	}
}

// TestMixedInputsHaveOneVectorEach has an image beside a text in the first of two
// inputs: its vector is the mean of both, at unit length.
func TestMixedInputsHaveOneVectorEach(t *testing.T) {
	t.Parallel()
	b := newPainter()
	svc := newService(t, b, bedrockruntime.Params{})
	ctx, c := newCall(t.Context(), "us-east-1")
	body := `{"input_type":"search_query","truncate":"LEFT","output_dimension":256,"embedding_types":["ubinary"],"inputs":[` +
		`{"content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]},{"content":[{"type":"text","text":"b"}]}]}`
	out, err := svc.InvokeModel(ctx, &api.InvokeModelInput{ModelId: new("acme.eye"), Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	// The vectors are of "a", "b" and the image: the first and the third bit make
	// the first answer, the second bit the other.
	const zeros = ",0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0"
	want := `{"id":"00000000-0000-0000-0000-000000000000","embeddings":{"ubinary":[[160` + zeros + `],[64` + zeros + `]]},"response_type":"embeddings_by_type","texts":[]}`
	if diff := cmp.Diff(want, string(out.Body)); diff != "" {
		t.Errorf("the answer differs (-want +got):\n%s", diff)
	}
	if b.embedded.Purpose != "search_query" || b.embedded.Truncate != "START" || len(b.embedded.Images) != 1 {
		t.Errorf("got the request %+v, want its purpose, truncation and image", b.embedded)
	}
	if u := c.Usage(); u.InputTokens != 6 {
		t.Errorf("got %d tokens, want 6", u.InputTokens)
	}
}
