package openaidoor

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/embedding"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/door"
	"github.com/outcrop/outcrop/internal/service/serving"
)

// embeddingsRequest is the body of POST /embeddings.
type embeddingsRequest struct {
	Model      string
	Texts      []string
	Base64     bool
	Dimensions int // 0: not said
}

// maxInputs is how many texts OpenAI takes in one request.
const maxInputs = 2048

func (s *Service) decodeEmbeddings(in *door.Input) error {
	var body struct {
		Model          string          `json:"model"`
		Input          json.RawMessage `json:"input"`
		EncodingFormat *string         `json:"encoding_format"`
		Dimensions     *int            `json:"dimensions"`
		User           *string         `json:"user"`
	}
	if err := readable(in.Body); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(in.Body))
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil {
		return badJSON(err)
	}
	if d.More() {
		return badJSON(nil)
	}
	r := &embeddingsRequest{Model: body.Model}
	if r.Model == "" {
		return invalid("model", "you must provide a model parameter")
	}
	var err error
	if r.Texts, err = texts(body.Input); err != nil {
		return err
	}
	switch f := body.EncodingFormat; {
	case f == nil || *f == "float":
	case *f == "base64":
		r.Base64 = true
	default:
		return invalid("encoding_format", "'%s' is not one of ['float', 'base64'] - 'encoding_format'", *f)
	}
	if body.Dimensions != nil {
		if *body.Dimensions < 1 {
			return invalid("dimensions", "%d is less than the minimum of 1 - 'dimensions'", *body.Dimensions)
		}
		r.Dimensions = *body.Dimensions
	}
	in.SetModel(s.canonical(r.Model), false)
	in.Request = r
	return nil
}

// texts reads the input: a text, or a list of them. OpenAI also takes numbers of
// tokens, which mean something to one tokenizer only.
func texts(input json.RawMessage) ([]string, error) {
	switch first(input) {
	case '"':
		var one string
		if err := json.Unmarshal(input, &one); err != nil {
			return nil, badJSON(err)
		}
		if one == "" {
			return nil, invalid("input", "input cannot be an empty string")
		}
		return []string{one}, nil
	case '[':
		var list []json.RawMessage
		if err := json.Unmarshal(input, &list); err != nil {
			return nil, badJSON(err)
		}
		if len(list) == 0 || len(list) > maxInputs {
			return nil, invalid("input", "input must have 1 to %d items, and has %d", maxInputs, len(list))
		}
		out := make([]string, len(list))
		for i, item := range list {
			if first(item) != '"' {
				return nil, door.WithError(fault.New(fault.Unsupported, "input must be text. Tokens are not understood: they are of another model's vocabulary."), "", "unsupported_parameter", "input")
			}
			if err := json.Unmarshal(item, &out[i]); err != nil {
				return nil, badJSON(err)
			}
			if out[i] == "" {
				return nil, invalid("input", "input cannot have an empty string")
			}
		}
		return out, nil
	}
	return nil, invalid("input", "input must be a string or a list of strings")
}

// first is the first byte of a JSON value; 0: there is none.
func first(value json.RawMessage) byte {
	if value = bytes.TrimSpace(value); len(value) > 0 {
		return value[0]
	}
	return 0
}

// embeddings answers POST /embeddings.
func (s *Service) embeddings(ctx context.Context, in *door.Input) (*door.Output, error) {
	r, _ := in.Request.(*embeddingsRequest)
	if err := door.CheckGuardrail(in); err != nil {
		return nil, err
	}
	t, err := s.resolve(ctx, in.Model(), catalog.Embedding)
	if err != nil {
		return nil, err
	}
	size, err := dimensions(t, r.Dimensions)
	if err != nil {
		return nil, err
	}
	vectors, tokens, err := s.embed(ctx, t, r.Texts, size)
	if err != nil {
		return nil, err
	}
	data := make([]embeddingObject, len(vectors))
	for i, v := range vectors {
		data[i] = embeddingObject{Object: "embedding", Index: i, Embedding: v}
		if r.Base64 {
			data[i].Embedding = packed(v)
		}
	}
	return &door.Output{Body: encode(embeddingsAnswer{
		Object: "list", Data: data, Model: r.Model, Usage: embeddingsUsage{PromptTokens: tokens, TotalTokens: tokens},
	})}, nil
}

type embeddingsAnswer struct {
	Object string            `json:"object"`
	Data   []embeddingObject `json:"data"`
	Model  string            `json:"model"`
	Usage  embeddingsUsage   `json:"usage"`
}

type embeddingObject struct {
	Object    string `json:"object"`
	Index     int    `json:"index"`
	Embedding any    `json:"embedding"` // numbers, or their bytes as base64
}

type embeddingsUsage struct {
	PromptTokens int `json:"prompt_tokens"`
	TotalTokens  int `json:"total_tokens"`
}

// dimensions is the size of the vectors: what was asked for where the model has
// it, its first one otherwise; 0: as it makes them.
func dimensions(t *router.Target, asked int) (int, error) {
	sizes := t.Entry.Dimensions
	switch {
	case asked == 0 && len(sizes) > 0:
		return sizes[0], nil
	case asked == 0 || len(sizes) == 0:
		return asked, nil
	}
	if slices.Contains(sizes, asked) {
		return asked, nil
	}
	return 0, invalid("dimensions", "The model %s makes embeddings of %s dimensions, not of %d.", t.ModelID, listed(sizes), asked)
}

// embed asks the model and keeps the usage record.
func (s *Service) embed(ctx context.Context, t *router.Target, texts []string, size int) ([][]float32, int, error) {
	start := s.p.Now()
	c := call.From(ctx)
	tokens := 0
	defer func() {
		c.RecordUsage(func(u *call.Usage) { u.InputTokens, u.Elapsed = tokens, s.p.Now().Sub(start) })
	}()
	timed, cancel := serving.WithTimeout(ctx, s.p.ModelTimeout)
	defer cancel()
	made, err := s.p.Router.Embed(timed, &inference.EmbedRequest{Model: t.Name(), Texts: texts, Dimensions: size})
	if err != nil {
		return nil, 0, serving.TimedOut(timed, err)
	}
	for _, n := range made.InputTokens {
		tokens += n
	}
	if size == 0 {
		return made.Vectors, tokens, nil
	}
	vectors, err := s.p.Fitter.Fit(timed, t.ServedBy, made.Vectors, size, embedding.Unit)
	if err != nil {
		return nil, 0, serving.TimedOut(timed, err)
	}
	return vectors, tokens, nil
}

// packed is a vector as OpenAI's base64: little-endian float32.
func packed(v []float32) string {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(b)
}
