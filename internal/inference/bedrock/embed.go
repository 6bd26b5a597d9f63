package bedrock

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// The native formats of the models that embed.
const (
	titanEmbedV1    = "titan-embed-g1"
	titanEmbedV2    = "titan-embed-v2"
	titanMultimodal = "titan-embed-mm"
	cohereEmbedV3   = "cohere-embed-v3"
	cohereEmbedV4   = "cohere-embed-v4"
	novaEmbed       = "nova-embed"
)

// Embed implements inference.Embedder, with the bodies of the families that
// embed.
func (b *Backend) Embed(ctx context.Context, req *inference.EmbedRequest) (*inference.Embeddings, error) {
	start := b.p.Now()
	e := embedder{Backend: b, ctx: ctx, model: b.model(req.Model), req: req}
	e.format = b.p.Format(e.model)
	e.made = &inference.Embeddings{Model: e.model}
	if err := e.check(); err != nil {
		return nil, err
	}
	var err error
	switch e.format {
	case cohereEmbedV3, cohereEmbedV4:
		err = e.cohere()
	default:
		err = e.oneByOne()
	}
	if err != nil {
		return nil, err
	}
	e.made.Elapsed = max(b.p.Now().Sub(start), 0)
	return e.made, nil
}

// embedder is one request for vectors.
type embedder struct {
	*Backend

	ctx    context.Context //nolint:containedctx // of the request, which ends before the value
	model  string
	format string
	req    *inference.EmbedRequest
	made   *inference.Embeddings
}

// check refuses what the model cannot embed, before anything is paid for.
func (e *embedder) check() error {
	switch e.format {
	case titanEmbedV1, titanEmbedV2:
		if len(e.req.Images) > 0 {
			return fault.New(fault.Unsupported, "The model %s of the backend %s embeds texts alone.", e.model, e.p.Name)
		}
	case titanMultimodal, cohereEmbedV3, cohereEmbedV4, novaEmbed:
	default:
		return fault.New(fault.Unsupported, "The backend %s does not embed with model %s.", e.p.Name, e.model)
	}
	for i := range e.req.Images {
		if len(e.req.Images[i].Bytes) == 0 {
			return fault.New(fault.Unsupported, "The backend %s embeds images that come with the request alone.", e.p.Name)
		}
	}
	return nil
}

// size is the size that was asked for where the model offers it; 0: its own.
func (e *embedder) size(offered ...int) int {
	for _, n := range offered {
		if n == e.req.Dimensions {
			return n
		}
	}
	return 0
}

// oneByOne embeds with the families whose bodies have one input each.
func (e *embedder) oneByOne() error {
	for _, text := range e.req.Texts {
		var body map[string]any
		switch e.format {
		case novaEmbed:
			end := e.req.Truncate
			if end == "" {
				end = "NONE"
			}
			body = e.nova("text", map[string]any{"truncationMode": end, "value": text})
		case titanEmbedV2:
			body = map[string]any{"inputText": text, "normalize": true}
			if n := e.size(256, 512, 1024); n > 0 {
				body["dimensions"] = n
			}
		default:
			body = e.titan("inputText", text)
		}
		if err := e.one(body); err != nil {
			return err
		}
	}
	for i := range e.req.Images {
		img := &e.req.Images[i]
		var body map[string]any
		if e.format == novaEmbed {
			member := map[string]any{"format": img.Format, "source": map[string]any{"bytes": img.Bytes}}
			if img.Detail == "high" {
				member["detailLevel"] = "DOCUMENT_IMAGE"
			}
			body = e.nova("image", member)
		} else {
			body = e.titan("inputImage", base64.StdEncoding.EncodeToString(img.Bytes))
		}
		if err := e.one(body); err != nil {
			return err
		}
	}
	return nil
}

// titan is the body of the first text model, which has one size, and of the
// multimodal one.
func (e *embedder) titan(member, value string) map[string]any {
	body := map[string]any{member: value}
	if n := e.size(256, 384, 1024); n > 0 && e.format == titanMultimodal {
		body["embeddingConfig"] = map[string]int{"outputEmbeddingLength": n}
	}
	return body
}

// novaPurposes are Nova's words for what vectors are for.
var novaPurposes = map[string]string{"search_query": "GENERIC_RETRIEVAL", "classification": "CLASSIFICATION", "clustering": "CLUSTERING"}

func (e *embedder) nova(member string, value map[string]any) map[string]any {
	purpose := novaPurposes[e.req.Purpose]
	if purpose == "" {
		purpose = "GENERIC_INDEX"
	}
	params := map[string]any{"embeddingPurpose": purpose, member: value}
	if n := e.size(256, 384, 1024, 3072); n > 0 {
		params["embeddingDimension"] = n
	}
	return map[string]any{"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": params}
}

// one asks for the vector of one input.
func (e *embedder) one(body map[string]any) error {
	var out struct {
		Embedding  []float32 `json:"embedding"` // Titan
		Tokens     *int      `json:"inputTextTokenCount"`
		Embeddings []struct {
			Embedding []float32 `json:"embedding"`
		} `json:"embeddings"` // Nova
	}
	h, err := e.ask(e.ctx, e.req.Model, body, &out)
	if err != nil {
		return err
	}
	vector, tokens := out.Embedding, usage(h).InputTokens
	if len(out.Embeddings) == 1 {
		vector = out.Embeddings[0].Embedding
	}
	if out.Tokens != nil {
		tokens = *out.Tokens
	}
	if len(vector) == 0 {
		return fault.New(fault.Upstream, "The backend %s made no embedding.", e.p.Name)
	}
	e.made.Vectors, e.made.InputTokens = append(e.made.Vectors, vector), append(e.made.InputTokens, tokens)
	return nil
}

// cohereBatch is the most texts of one request.
const cohereBatch = 96

// cohere embeds many texts at once, and images one by one, as the third version
// wants them.
func (e *embedder) cohere() error {
	purpose := e.req.Purpose
	if purpose == "" {
		purpose = "search_document"
	}
	for from := 0; from < len(e.req.Texts); from += cohereBatch {
		texts := e.req.Texts[from:min(from+cohereBatch, len(e.req.Texts))]
		body := map[string]any{"texts": texts, "input_type": purpose}
		if e.req.Truncate != "" {
			body["truncate"] = e.truncate()
		}
		if err := e.cohereVectors(body, len(texts)); err != nil {
			return err
		}
	}
	for i := range e.req.Images {
		img := &e.req.Images[i]
		uri := "data:image/" + img.Format + ";base64," + base64.StdEncoding.EncodeToString(img.Bytes)
		body := map[string]any{"images": []string{uri}, "input_type": purpose}
		if e.format == cohereEmbedV3 {
			body["input_type"] = "image"
		}
		if err := e.cohereVectors(body, 1); err != nil {
			return err
		}
	}
	return nil
}

// truncate is which end is cut off, in the words of the version.
func (e *embedder) truncate() string {
	if e.format == cohereEmbedV4 {
		return strings.NewReplacer("START", "LEFT", "END", "RIGHT").Replace(e.req.Truncate)
	}
	return e.req.Truncate
}

func (e *embedder) cohereVectors(body map[string]any, n int) error {
	body["embedding_types"] = []string{"float"}
	if size := e.size(256, 512, 1024, 1536); size > 0 && e.format == cohereEmbedV4 {
		body["output_dimension"] = size
	}
	var out struct {
		Embeddings cohereFloats `json:"embeddings"`
	}
	h, err := e.ask(e.ctx, e.req.Model, body, &out)
	if err != nil {
		return err
	}
	if len(out.Embeddings) != n {
		return fault.New(fault.Upstream, "The backend %s made %d embeddings of %d inputs.", e.p.Name, len(out.Embeddings), n)
	}
	tokens := make([]int, n)
	tokens[0] = usage(h).InputTokens // it is told of all together
	e.made.Vectors, e.made.InputTokens = append(e.made.Vectors, out.Embeddings...), append(e.made.InputTokens, tokens...)
	return nil
}

// cohereFloats are vectors in the form of numbers: a list, or the list of that
// form among others, as the model and its version have it.
type cohereFloats [][]float32

// UnmarshalJSON implements json.Unmarshaler.
func (f *cohereFloats) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte("{")) {
		var byType struct {
			Float [][]float32 `json:"float"`
		}
		err := json.Unmarshal(data, &byType)
		*f = byType.Float
		return err
	}
	return json.Unmarshal(data, (*[][]float32)(f))
}
