package bedrock

import (
	"context"
	"slices"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/bedrock"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/promptrouter"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// PromptRouters keeps prompt routers; *promptrouter.Registry does.
type PromptRouters interface {
	Create(ctx context.Context, n promptrouter.New) (promptrouter.Router, error)
	Find(ctx context.Context, account, region, identifier string) (promptrouter.Router, error)
	List(ctx context.Context, account, region string) ([]promptrouter.Router, error)
	Tag(ctx context.Context, account, region, identifier string, set map[string]string, remove []string) error
	Delete(ctx context.Context, account, region, identifier string) error
}

// CreatePromptRouter makes a router over models of one provider.
func (s *Service) CreatePromptRouter(ctx context.Context, in *api.CreatePromptRouterInput) (*api.CreatePromptRouterOutput, error) {
	c := call.From(ctx)
	n := promptrouter.New{
		Account: c.Account, Region: c.Region, Name: schema.Deref(in.PromptRouterName), Tags: tagMap(in.Tags),
		Body: promptrouter.Setting{Description: schema.Deref(in.Description)},
	}
	if in.RoutingCriteria != nil {
		n.Body.Difference = schema.Deref(in.RoutingCriteria.ResponseQualityDifference)
	}
	if in.FallbackModel != nil {
		n.Body.Fallback = schema.Deref(in.FallbackModel.ModelArn)
	}
	for _, m := range in.Models {
		n.Body.Models = append(n.Body.Models, schema.Deref(m.ModelArn))
	}
	if err := s.checkRouted(append(slices.Clone(n.Body.Models), n.Body.Fallback), c.Region); err != nil {
		return nil, err
	}
	var err error
	if n.Token, err = token(in.ClientRequestToken, n); err != nil {
		return nil, err
	}
	made, err := s.params.Routers.Create(ctx, n)
	if err != nil {
		return nil, err
	}
	return &api.CreatePromptRouterOutput{PromptRouterArn: &made.ARN}, nil
}

// checkRouted refuses models that one router cannot be over: bodies of native
// calls are of one family.
func (s *Service) checkRouted(arns []string, region string) error {
	var first *catalog.Model
	for _, arn := range arns {
		if _, err := s.copied(arn, region); err != nil {
			return err
		}
		m := s.modelOf(arn)
		switch {
		case m == nil || m.Kind() != catalog.Text:
			return fault.New(fault.Invalid, "The provided model identifier is invalid.")
		case first == nil:
			first = m
		case m.Provider != first.Provider || m.NativeFormat != first.NativeFormat:
			return fault.New(fault.Invalid, "The models of a prompt router must be of the same family.")
		}
	}
	return nil
}

// modelOf is the model of an ARN of a model or a system-defined profile; nil when
// the catalog has none.
func (s *Service) modelOf(arn string) *catalog.Model {
	id := catalog.Parse(arn)
	if p, ok := s.catalog.Profile(id.Name); ok && id.Kind == catalog.SystemProfile {
		return p.Model
	}
	m, _ := s.catalog.Lookup(id.Name)
	return m
}

// GetPromptRouter describes a router by its ARN.
func (s *Service) GetPromptRouter(ctx context.Context, in *api.GetPromptRouterInput) (*api.GetPromptRouterOutput, error) {
	c := call.From(ctx)
	r, err := s.params.Routers.Find(ctx, c.Account, c.Region, schema.Deref(in.PromptRouterArn))
	if err != nil {
		return nil, err
	}
	out := api.GetPromptRouterOutput(promptRouter(r))
	return &out, nil
}

func promptRouter(r promptrouter.Router) api.PromptRouterSummary {
	out := api.PromptRouterSummary{
		CreatedAt: &r.Created, UpdatedAt: &r.Updated, PromptRouterArn: &r.ARN, PromptRouterName: &r.Name,
		FallbackModel:   &api.PromptRouterTargetModel{ModelArn: &r.Body.Fallback},
		RoutingCriteria: &api.RoutingCriteria{ResponseQualityDifference: &r.Body.Difference},
		Status:          api.PromptRouterStatusAvailable, Type: api.PromptRouterTypeCustom,
	}
	if r.Body.Description != "" {
		out.Description = &r.Body.Description
	}
	for _, m := range r.Body.Models {
		out.Models = append(out.Models, api.PromptRouterTargetModel{ModelArn: &m})
	}
	return out
}

// ListPromptRouters lists the account's routers. There are none of the system's.
func (s *Service) ListPromptRouters(ctx context.Context, in *api.ListPromptRoutersInput) (*api.ListPromptRoutersOutput, error) {
	c := call.From(ctx)
	after, err := readToken(in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &api.ListPromptRoutersOutput{PromptRouterSummaries: []api.PromptRouterSummary{}}
	if in.Type == api.PromptRouterTypeDefault {
		return out, nil
	}
	own, err := s.params.Routers.List(ctx, c.Account, c.Region)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(own, func(a, b promptrouter.Router) int { return strings.Compare(a.ID, b.ID) })
	limit := maxProfiles
	if in.MaxResults != nil {
		limit = min(max(int(*in.MaxResults), 1), maxProfiles)
	}
	last := ""
	for _, r := range own {
		if r.ID <= after {
			continue
		}
		if len(out.PromptRouterSummaries) == limit {
			token := writeToken(last)
			out.NextToken = &token
			break
		}
		out.PromptRouterSummaries, last = append(out.PromptRouterSummaries, promptRouter(r)), r.ID
	}
	return out, nil
}

// DeletePromptRouter drops a router.
func (s *Service) DeletePromptRouter(ctx context.Context, in *api.DeletePromptRouterInput) (*api.DeletePromptRouterOutput, error) {
	c := call.From(ctx)
	return &api.DeletePromptRouterOutput{}, s.params.Routers.Delete(ctx, c.Account, c.Region, schema.Deref(in.PromptRouterArn))
}
