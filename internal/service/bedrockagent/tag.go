package bedrockagent

import (
	"context"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/bedrockagent"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// TagResource sets tags of a knowledge base.
func (s *Service) TagResource(ctx context.Context, in *api.TagResourceInput) (*api.TagResourceOutput, error) {
	b, err := s.tagged(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &api.TagResourceOutput{}, s.registry.TagBase(ctx, b.Account, b.Region, b.ID, in.Tags, nil)
}

// UntagResource removes tags of a knowledge base.
func (s *Service) UntagResource(ctx context.Context, in *api.UntagResourceInput) (*api.UntagResourceOutput, error) {
	b, err := s.tagged(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &api.UntagResourceOutput{}, s.registry.TagBase(ctx, b.Account, b.Region, b.ID, nil, in.TagKeys)
}

// ListTagsForResource lists the tags of a knowledge base.
func (s *Service) ListTagsForResource(ctx context.Context, in *api.ListTagsForResourceInput) (*api.ListTagsForResourceOutput, error) {
	b, err := s.tagged(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	out := &api.ListTagsForResourceOutput{Tags: b.Tags}
	if out.Tags == nil {
		out.Tags = map[string]string{}
	}
	return out, nil
}

// tagged finds the knowledge base of an ARN. One of another account, region or
// partition is not found, as if it did not exist.
func (s *Service) tagged(ctx context.Context, arn *string) (knowledge.Base, error) {
	text := schema.Deref(arn)
	resource := text[strings.LastIndex(text, ":")+1:]
	kind, id, _ := strings.Cut(resource, "/")
	if kind != "knowledge-base" {
		return knowledge.Base{}, unsupported("Outcrop has no resources of the type %s.", kind)
	}
	c := call.From(ctx)
	b, err := s.registry.Base(ctx, c.Account, c.Region, id)
	if err == nil && s.arn(b) != text || fault.Is(err, fault.NotFound) {
		return knowledge.Base{}, fault.New(fault.NotFound, "The resource with the ARN %s does not exist.", text)
	}
	return b, err
}
