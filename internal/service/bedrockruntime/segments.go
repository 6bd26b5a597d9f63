package bedrockruntime

import (
	"bytes"
	"context"
	"encoding/json"
	"unicode"

	"github.com/outcrop/outcrop/internal/asyncinvoke"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/embedding"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	nativebody "github.com/outcrop/outcrop/internal/native/body"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/serving"
)

// segmented is a text that is embedded in pieces.
type segmented struct {
	request *native.EmbeddingRequest // of each
	pieces  []segment
}

// segment is a piece of a text, with where it was, in characters.
type segment struct {
	text       string
	start, end int
}

// The limits of the asynchronous task, in characters.
const (
	longestText     = 50_000
	shortestSegment = 800
	longestSegment  = 50_000
	usualSegment    = 32_000
)

// segmentedSchema is the outline of a body. Purposes and sizes are checked by the
// family, which knows those of the model.
func segmentedSchema() *nativebody.Schema {
	return nativebody.ObjectOf(nativebody.Properties{
		"schemaVersion":         nativebody.StringOf("nova-multimodal-embed-v1"),
		"taskType":              nativebody.StringOf("SEGMENTED_EMBEDDING", "SINGLE_EMBEDDING"),
		"singleEmbeddingParams": nativebody.OpenObject(),
		"segmentedEmbeddingParams": nativebody.ObjectOf(nativebody.Properties{
			"embeddingPurpose":   nativebody.StringOf(),
			"embeddingDimension": nativebody.IntegerOf(1, 1<<20),
			"text": nativebody.ObjectOf(nativebody.Properties{
				"truncationMode":     nativebody.StringOf(),
				"value":              nativebody.StringOf(),
				"source":             nativebody.OpenObject(),
				"segmentationConfig": nativebody.ObjectOf(nativebody.Properties{"maxLengthChars": nativebody.IntegerOf(0, 1<<30)}),
			}),
			"image": nativebody.OpenObject(), "audio": nativebody.OpenObject(), "video": nativebody.OpenObject(),
		}),
	}, "taskType")
}

// segments reads the body of a SEGMENTED_EMBEDDING task.
func (s *Service) segments(t *router.Target, m native.Model, input []byte) (*segmented, error) {
	family, ok := s.families.Embeddings[novaEmbed]
	if !ok {
		return nil, serving.NoFormat(t)
	}
	var body struct {
		TaskType string `json:"taskType"`
		Params   *struct {
			Purpose   json.RawMessage `json:"embeddingPurpose,omitempty"`
			Dimension json.RawMessage `json:"embeddingDimension,omitempty"`
			Text      *struct {
				Truncation   string          `json:"truncationMode"`
				Value        *string         `json:"value"`
				Source       json.RawMessage `json:"source"`
				Segmentation *struct {
					MaxLength *int `json:"maxLengthChars"`
				} `json:"segmentationConfig"`
			} `json:"text"`
			Image json.RawMessage `json:"image"`
			Audio json.RawMessage `json:"audio"`
			Video json.RawMessage `json:"video"`
		} `json:"segmentedEmbeddingParams"`
	}
	if _, err := nativebody.Decode(segmentedSchema(), input); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(input, &body); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "Malformed input request, please reformat your input and try again.")
	}
	p := body.Params
	switch {
	case body.TaskType == "SINGLE_EMBEDDING":
		return nil, fault.New(fault.Invalid, "The task type SINGLE_EMBEDDING is not supported by StartAsyncInvoke. Use InvokeModel instead.")
	case p == nil:
		return nil, malformed("#: required key [segmentedEmbeddingParams] not found")
	case p.Image != nil || p.Audio != nil || p.Video != nil:
		return nil, fault.New(fault.Unsupported, "segmentedEmbeddingParams: embeddings of images, recordings and films are not supported by the model that serves this model ID.")
	case p.Text == nil:
		return nil, malformed("#/segmentedEmbeddingParams: required key [text] not found")
	case p.Text.Value == nil && p.Text.Source != nil:
		return nil, fault.New(fault.Unsupported, "segmentedEmbeddingParams.text.source: texts in buckets are not supported by the model that serves this model ID.")
	case p.Text.Value == nil || *p.Text.Value == "" || p.Text.Source != nil:
		return nil, malformed("#/segmentedEmbeddingParams/text: expected exactly one of [value, source]")
	}
	size := usualSegment
	if c := p.Text.Segmentation; c != nil && c.MaxLength != nil {
		if size = *c.MaxLength; size < shortestSegment || size > longestSegment {
			return nil, malformed("#/segmentedEmbeddingParams/text/segmentationConfig/maxLengthChars: value is out of range")
		}
	}
	text := []rune(*p.Text.Value)
	if len(text) > longestText {
		return nil, malformed("#/segmentedEmbeddingParams/text/value: expected maxLength: 50000")
	}
	// The rest is as that of one embedding, which the family knows.
	single := map[string]any{"text": map[string]string{"truncationMode": p.Text.Truncation, "value": "x"}}
	for name, value := range map[string]json.RawMessage{"embeddingPurpose": p.Purpose, "embeddingDimension": p.Dimension} {
		if value != nil {
			single[name] = value
		}
	}
	one, err := json.Marshal(map[string]any{"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": single})
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "a body cannot be written")
	}
	req, err := family.Decode(m, one)
	if err != nil {
		return nil, err
	}
	return &segmented{request: req, pieces: cut(text, size)}, nil
}

func malformed(problem string) error {
	return fault.New(fault.Invalid, "Malformed input request: %s, please reformat your input and try again.", problem)
}

// cut makes pieces of at most size characters, between words where there are
// any.
func cut(text []rune, size int) []segment {
	var pieces []segment
	for start := 0; start < len(text); {
		end := min(start+size, len(text))
		if end < len(text) {
			for i := end; i > start+size/2; i-- {
				if unicode.IsSpace(text[i-1]) {
					end = i
					break
				}
			}
		}
		pieces = append(pieces, segment{string(text[start:end]), start, end})
		start = end
	}
	return pieces
}

// batch is how many pieces are embedded at a time.
const batch = 64

// segmentLine is a line of the file of the vectors.
type segmentLine struct {
	Embedding []float32       `json:"embedding"`
	Metadata  segmentMetadata `json:"segmentMetadata"`
	Status    string          `json:"status"`
}

type segmentMetadata struct {
	Index int `json:"segmentIndex"`
	Start int `json:"segmentStartCharPosition"`
	End   int `json:"segmentEndCharPosition"`
}

// embedSegments makes the files of a SEGMENTED_EMBEDDING task: a line for each
// piece, and what was done.
func (s *Service) embedSegments(ctx context.Context, t *router.Target, cut *segmented, folder string) ([]asyncinvoke.File, error) {
	start, c, tokens := s.params.Now(), call.From(ctx), 0
	defer func() {
		c.RecordUsage(func(u *call.Usage) { u.InputTokens, u.Elapsed = tokens, s.params.Now().Sub(start) })
	}()
	timed, cancel := serving.WithTimeout(ctx, s.params.ModelTimeout)
	defer cancel()
	var lines bytes.Buffer
	e := json.NewEncoder(&lines)
	for at := 0; at < len(cut.pieces); at += batch {
		pieces := cut.pieces[at:min(at+batch, len(cut.pieces))]
		texts := make([]string, len(pieces))
		for i, p := range pieces {
			texts[i] = p.text
		}
		made, err := s.router.Embed(timed, &inference.EmbedRequest{
			Model: t.ServedBy, Texts: texts, Purpose: cut.request.Purpose, Dimensions: cut.request.Dimensions, Truncate: cut.request.Truncate,
		})
		if err != nil {
			return nil, serving.TimedOut(timed, err)
		}
		for _, n := range made.InputTokens {
			tokens += n
		}
		vectors, err := s.fitter.Fit(timed, t.ServedBy, made.Vectors, cut.request.Dimensions, embedding.Unit)
		if err != nil {
			return nil, serving.TimedOut(timed, err)
		}
		for i, v := range vectors {
			if err := e.Encode(segmentLine{v, segmentMetadata{at + i, pieces[i].start, pieces[i].end}, "SUCCESS"}); err != nil {
				return nil, fault.Wrap(fault.Upstream, err, "The model made vectors that cannot be written.")
			}
		}
	}
	const name = "embedding-text.jsonl"
	result, err := json.Marshal(map[string]any{
		"embeddingDimension": cut.request.Dimensions,
		"embeddingResults":   []map[string]string{{"embeddingType": "TEXT", "status": "SUCCESS", "outputFileUri": folder + "/" + name}},
	})
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the result cannot be written")
	}
	return []asyncinvoke.File{
		{Name: name, ContentType: "application/jsonl", Body: lines.Bytes()},
		{Name: "segmented-embedding-result.json", ContentType: jsonType, Body: result},
	}, nil
}
