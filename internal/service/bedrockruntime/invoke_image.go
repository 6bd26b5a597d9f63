package bedrockruntime

import (
	"context"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/serving"
)

// invokeImage answers the body of an image model, where its backend makes images.
func (s *Service) invokeImage(ctx context.Context, t *router.Target, body []byte) ([]byte, error) {
	family, ok := s.families.Images[t.Entry.NativeFormat]
	if !ok {
		return nil, serving.NoFormat(t)
	}
	m := s.nativeModel(t)
	req, err := family.Decode(m, body)
	if err != nil {
		return nil, err
	}
	maker, ok := s.router.(inference.ImageMaker)
	if !ok {
		return nil, fault.New(fault.Unsupported, "The backend of model %s makes no images.", t.ModelID)
	}
	start := s.params.Now()
	c := call.From(ctx)
	tokens := 0
	defer func() {
		c.RecordUsage(func(u *call.Usage) { u.InputTokens, u.Elapsed = tokens, s.params.Now().Sub(start) })
	}()
	timed, cancel := serving.WithTimeout(ctx, s.params.ModelTimeout)
	defer cancel()
	sub := *req
	sub.Model = t.Name()
	made, err := maker.MakeImages(timed, &sub)
	if err != nil {
		return nil, serving.TimedOut(timed, err)
	}
	tokens = made.InputTokens
	out, err := family.Encode(m, req, made)
	if err != nil {
		return nil, err
	}
	setCount(c, headerLatency, int(s.params.Now().Sub(start).Milliseconds()))
	return out, nil
}
