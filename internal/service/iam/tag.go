package iam

import (
	"context"

	api "github.com/outcrop/outcrop/internal/api/iam"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// tagPart is the part of a resource's tags that a request asks for.
func tagPart(tags map[string]string, marker *string, n *int32) (list []api.Tag, truncated *bool, next *string, err error) {
	list, truncated, next, err = part(tagsOf(tags), func(t api.Tag) string { return *t.Key }, marker, n)
	if list == nil {
		list = []api.Tag{} // an empty list is sent as one
	}
	return list, truncated, next, err
}

// TagUser implements api.Service.
func (s *Service) TagUser(ctx context.Context, in *api.TagUserInput) (*api.TagUserOutput, error) {
	tags, err := tagsIn(in.Tags)
	if err != nil {
		return nil, err
	}
	return &api.TagUserOutput{}, s.dir.Tag(ctx, user(in.UserName), tags)
}

// UntagUser implements api.Service.
func (s *Service) UntagUser(ctx context.Context, in *api.UntagUserInput) (*api.UntagUserOutput, error) {
	return &api.UntagUserOutput{}, s.dir.Untag(ctx, user(in.UserName), in.TagKeys)
}

// ListUserTags implements api.Service.
func (s *Service) ListUserTags(ctx context.Context, in *api.ListUserTagsInput) (*api.ListUserTagsOutput, error) {
	e, err := s.dir.User(ctx, schema.Deref(in.UserName))
	if err != nil {
		return nil, err
	}
	tags, truncated, marker, err := tagPart(e.Tags, in.Marker, in.MaxItems)
	return &api.ListUserTagsOutput{Tags: tags, IsTruncated: truncated, Marker: marker}, err
}

// TagRole implements api.Service.
func (s *Service) TagRole(ctx context.Context, in *api.TagRoleInput) (*api.TagRoleOutput, error) {
	tags, err := tagsIn(in.Tags)
	if err != nil {
		return nil, err
	}
	return &api.TagRoleOutput{}, s.dir.Tag(ctx, role(in.RoleName), tags)
}

// UntagRole implements api.Service.
func (s *Service) UntagRole(ctx context.Context, in *api.UntagRoleInput) (*api.UntagRoleOutput, error) {
	return &api.UntagRoleOutput{}, s.dir.Untag(ctx, role(in.RoleName), in.TagKeys)
}

// ListRoleTags implements api.Service.
func (s *Service) ListRoleTags(ctx context.Context, in *api.ListRoleTagsInput) (*api.ListRoleTagsOutput, error) {
	e, err := s.dir.Role(ctx, schema.Deref(in.RoleName))
	if err != nil {
		return nil, err
	}
	tags, truncated, marker, err := tagPart(e.Tags, in.Marker, in.MaxItems)
	return &api.ListRoleTagsOutput{Tags: tags, IsTruncated: truncated, Marker: marker}, err
}

// TagPolicy implements api.Service.
func (s *Service) TagPolicy(ctx context.Context, in *api.TagPolicyInput) (*api.TagPolicyOutput, error) {
	tags, err := tagsIn(in.Tags)
	if err != nil {
		return nil, err
	}
	return &api.TagPolicyOutput{}, s.dir.TagPolicy(ctx, schema.Deref(in.PolicyArn), tags)
}

// UntagPolicy implements api.Service.
func (s *Service) UntagPolicy(ctx context.Context, in *api.UntagPolicyInput) (*api.UntagPolicyOutput, error) {
	return &api.UntagPolicyOutput{}, s.dir.UntagPolicy(ctx, schema.Deref(in.PolicyArn), in.TagKeys)
}

// ListPolicyTags implements api.Service.
func (s *Service) ListPolicyTags(ctx context.Context, in *api.ListPolicyTagsInput) (*api.ListPolicyTagsOutput, error) {
	p, err := s.dir.Policy(ctx, schema.Deref(in.PolicyArn))
	if err != nil {
		return nil, err
	}
	tags, truncated, marker, err := tagPart(p.Tags, in.Marker, in.MaxItems)
	return &api.ListPolicyTagsOutput{Tags: tags, IsTruncated: truncated, Marker: marker}, err
}
