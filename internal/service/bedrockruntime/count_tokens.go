package bedrockruntime

import (
	"context"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/serving"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// CountTokens counts with the serving model's tokenizer what a call would be
// billed for: the usage of the same call reports the same number.
func (s *Service) CountTokens(ctx context.Context, in *api.CountTokensInput) (*api.CountTokensOutput, error) {
	t, err := s.resolve(ctx, schema.Deref(in.ModelId), "")
	if err != nil {
		return nil, err
	}
	// The real service counts for base models only, and not for profiles that
	// lead to them.
	if t.ProfileID != "" || t.Entry.Kind() != catalog.Text {
		return nil, fault.New(fault.Invalid, "The provided model doesn't support counting tokens.")
	}
	req, err := s.countRequest(t, in.Input)
	if err != nil {
		return nil, err
	}
	timed, cancel := serving.WithTimeout(ctx, s.params.ModelTimeout)
	defer cancel()
	n, err := s.countTokens(timed, t, req)
	if err != nil {
		return nil, serving.TimedOut(timed, err)
	}
	return &api.CountTokensOutput{InputTokens: count(n)}, nil
}

func (s *Service) countRequest(t *router.Target, in *api.CountTokensInputValue) (*inference.Request, error) {
	switch {
	case in != nil && in.Converse != nil:
		return s.request(t, &conversation{
			Messages: in.Converse.Messages, System: in.Converse.System, ToolConfig: in.Converse.ToolConfig,
			AdditionalModelRequestFields: in.Converse.AdditionalModelRequestFields,
		}, false)
	case in != nil && in.InvokeModel != nil:
		if err := checkInvoke(nil, nil, nil, in.InvokeModel.Body); err != nil {
			return nil, err
		}
		family, err := s.families.Family(t)
		if err != nil {
			return nil, err
		}
		return family.Decode(s.nativeModel(t), in.InvokeModel.Body)
	}
	return nil, fault.New(fault.Invalid, "The input field must have one of the fields invokeModel and converse.")
}
