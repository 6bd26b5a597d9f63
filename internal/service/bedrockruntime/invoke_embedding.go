package bedrockruntime

import (
	"context"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/embedding"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native/vectors"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/serving"
)

// invokeEmbedding answers the body of an embedding model.
func (s *Service) invokeEmbedding(ctx context.Context, t *router.Target, body []byte) ([]byte, error) {
	family, ok := s.families.Embeddings[t.Entry.NativeFormat]
	if !ok {
		return nil, serving.NoFormat(t)
	}
	m := s.nativeModel(t)
	req, err := family.Decode(m, body)
	if err != nil {
		return nil, err
	}
	start := s.params.Now()
	c := call.From(ctx)
	tokens := 0
	defer func() {
		c.RecordUsage(func(u *call.Usage) { u.InputTokens, u.Elapsed = tokens, s.params.Now().Sub(start) })
	}()
	timed, cancel := serving.WithTimeout(ctx, s.params.ModelTimeout)
	defer cancel()
	made, err := s.router.Embed(timed, &inference.EmbedRequest{
		Model: t.Name(), Texts: req.Texts, Images: req.Images, Purpose: req.Purpose, Truncate: req.Truncate,
	})
	if err != nil {
		return nil, serving.TimedOut(timed, err)
	}
	for _, n := range made.InputTokens {
		tokens += n
	}
	if len(made.Vectors) != len(req.Texts)+len(req.Images) {
		return nil, fault.New(fault.Upstream, "The model returned %d embeddings for %d inputs.", len(made.Vectors), len(req.Texts)+len(req.Images))
	}
	if made, err = vectors.Mean(made, req.Groups); err != nil {
		return nil, err
	}
	length := embedding.AsMade
	if req.Normalize {
		length = embedding.Unit
	}
	fitted := *made
	if fitted.Vectors, err = s.fitter.Fit(timed, t.ServedBy, made.Vectors, req.Dimensions, length); err != nil {
		return nil, serving.TimedOut(timed, err)
	}
	out, err := family.Encode(m, req, &fitted)
	if err != nil {
		return nil, err
	}
	setCount(c, headerInput, tokens)
	setCount(c, headerLatency, int(s.params.Now().Sub(start).Milliseconds()))
	return out, nil
}
