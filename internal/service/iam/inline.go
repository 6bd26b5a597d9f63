package iam

import (
	"context"

	api "github.com/outcrop/outcrop/internal/api/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// inlineNames is the part of an entity's inline policies that a request asks for.
func (s *Service) inlineNames(ctx context.Context, who directory.Who, marker *string, n *int32) (names []string, truncated *bool, next *string, err error) {
	all, err := s.dir.InlineOf(ctx, who)
	if err != nil {
		return nil, nil, nil, err
	}
	return part(each(all, func(p directory.Inline) string { return p.Name }), same, marker, n)
}

// PutUserPolicy implements api.Service.
func (s *Service) PutUserPolicy(ctx context.Context, in *api.PutUserPolicyInput) (*api.PutUserPolicyOutput, error) {
	return &api.PutUserPolicyOutput{}, s.dir.PutInline(ctx, user(in.UserName), schema.Deref(in.PolicyName), schema.Deref(in.PolicyDocument))
}

// GetUserPolicy implements api.Service.
func (s *Service) GetUserPolicy(ctx context.Context, in *api.GetUserPolicyInput) (*api.GetUserPolicyOutput, error) {
	p, err := s.dir.InlinePolicy(ctx, user(in.UserName), schema.Deref(in.PolicyName))
	if err != nil {
		return nil, err
	}
	return &api.GetUserPolicyOutput{UserName: in.UserName, PolicyName: ptr(p.Name), PolicyDocument: escape(p.Document)}, nil
}

// ListUserPolicies implements api.Service.
func (s *Service) ListUserPolicies(ctx context.Context, in *api.ListUserPoliciesInput) (*api.ListUserPoliciesOutput, error) {
	names, truncated, marker, err := s.inlineNames(ctx, user(in.UserName), in.Marker, in.MaxItems)
	return &api.ListUserPoliciesOutput{PolicyNames: names, IsTruncated: truncated, Marker: marker}, err
}

// DeleteUserPolicy implements api.Service.
func (s *Service) DeleteUserPolicy(ctx context.Context, in *api.DeleteUserPolicyInput) (*api.DeleteUserPolicyOutput, error) {
	return &api.DeleteUserPolicyOutput{}, s.dir.DeleteInline(ctx, user(in.UserName), schema.Deref(in.PolicyName))
}

// PutGroupPolicy implements api.Service.
func (s *Service) PutGroupPolicy(ctx context.Context, in *api.PutGroupPolicyInput) (*api.PutGroupPolicyOutput, error) {
	return &api.PutGroupPolicyOutput{}, s.dir.PutInline(ctx, group(in.GroupName), schema.Deref(in.PolicyName), schema.Deref(in.PolicyDocument))
}

// GetGroupPolicy implements api.Service.
func (s *Service) GetGroupPolicy(ctx context.Context, in *api.GetGroupPolicyInput) (*api.GetGroupPolicyOutput, error) {
	p, err := s.dir.InlinePolicy(ctx, group(in.GroupName), schema.Deref(in.PolicyName))
	if err != nil {
		return nil, err
	}
	return &api.GetGroupPolicyOutput{GroupName: in.GroupName, PolicyName: ptr(p.Name), PolicyDocument: escape(p.Document)}, nil
}

// ListGroupPolicies implements api.Service.
func (s *Service) ListGroupPolicies(ctx context.Context, in *api.ListGroupPoliciesInput) (*api.ListGroupPoliciesOutput, error) {
	names, truncated, marker, err := s.inlineNames(ctx, group(in.GroupName), in.Marker, in.MaxItems)
	return &api.ListGroupPoliciesOutput{PolicyNames: names, IsTruncated: truncated, Marker: marker}, err
}

// DeleteGroupPolicy implements api.Service.
func (s *Service) DeleteGroupPolicy(ctx context.Context, in *api.DeleteGroupPolicyInput) (*api.DeleteGroupPolicyOutput, error) {
	return &api.DeleteGroupPolicyOutput{}, s.dir.DeleteInline(ctx, group(in.GroupName), schema.Deref(in.PolicyName))
}

// PutRolePolicy implements api.Service.
func (s *Service) PutRolePolicy(ctx context.Context, in *api.PutRolePolicyInput) (*api.PutRolePolicyOutput, error) {
	return &api.PutRolePolicyOutput{}, s.dir.PutInline(ctx, role(in.RoleName), schema.Deref(in.PolicyName), schema.Deref(in.PolicyDocument))
}

// GetRolePolicy implements api.Service.
func (s *Service) GetRolePolicy(ctx context.Context, in *api.GetRolePolicyInput) (*api.GetRolePolicyOutput, error) {
	p, err := s.dir.InlinePolicy(ctx, role(in.RoleName), schema.Deref(in.PolicyName))
	if err != nil {
		return nil, err
	}
	return &api.GetRolePolicyOutput{RoleName: in.RoleName, PolicyName: ptr(p.Name), PolicyDocument: escape(p.Document)}, nil
}

// ListRolePolicies implements api.Service.
func (s *Service) ListRolePolicies(ctx context.Context, in *api.ListRolePoliciesInput) (*api.ListRolePoliciesOutput, error) {
	names, truncated, marker, err := s.inlineNames(ctx, role(in.RoleName), in.Marker, in.MaxItems)
	return &api.ListRolePoliciesOutput{PolicyNames: names, IsTruncated: truncated, Marker: marker}, err
}

// DeleteRolePolicy implements api.Service.
func (s *Service) DeleteRolePolicy(ctx context.Context, in *api.DeleteRolePolicyInput) (*api.DeleteRolePolicyOutput, error) {
	return &api.DeleteRolePolicyOutput{}, s.dir.DeleteInline(ctx, role(in.RoleName), schema.Deref(in.PolicyName))
}
