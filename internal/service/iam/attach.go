package iam

import (
	"context"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// attached is the part of an entity's managed policies that a request asks for.
func (s *Service) attached(ctx context.Context, who directory.Who, prefix, marker *string, n *int32) (list []api.AttachedPolicy, truncated *bool, next *string, err error) {
	all, err := s.dir.AttachedTo(ctx, who)
	if err != nil {
		return nil, nil, nil, err
	}
	var arns []string
	for _, arn := range all {
		if _, path, _ := strings.Cut(arn, ":policy"); strings.HasPrefix(path, schema.Deref(prefix)) {
			arns = append(arns, arn)
		}
	}
	arns, truncated, next, err = part(arns, same, marker, n)
	return each(arns, attachedOf), truncated, next, err
}

// AttachUserPolicy implements api.Service.
func (s *Service) AttachUserPolicy(ctx context.Context, in *api.AttachUserPolicyInput) (*api.AttachUserPolicyOutput, error) {
	return &api.AttachUserPolicyOutput{}, s.dir.Attach(ctx, user(in.UserName), schema.Deref(in.PolicyArn))
}

// DetachUserPolicy implements api.Service.
func (s *Service) DetachUserPolicy(ctx context.Context, in *api.DetachUserPolicyInput) (*api.DetachUserPolicyOutput, error) {
	return &api.DetachUserPolicyOutput{}, s.dir.Detach(ctx, user(in.UserName), schema.Deref(in.PolicyArn))
}

// ListAttachedUserPolicies implements api.Service.
func (s *Service) ListAttachedUserPolicies(ctx context.Context, in *api.ListAttachedUserPoliciesInput) (*api.ListAttachedUserPoliciesOutput, error) {
	list, truncated, marker, err := s.attached(ctx, user(in.UserName), in.PathPrefix, in.Marker, in.MaxItems)
	return &api.ListAttachedUserPoliciesOutput{AttachedPolicies: list, IsTruncated: truncated, Marker: marker}, err
}

// AttachGroupPolicy implements api.Service.
func (s *Service) AttachGroupPolicy(ctx context.Context, in *api.AttachGroupPolicyInput) (*api.AttachGroupPolicyOutput, error) {
	return &api.AttachGroupPolicyOutput{}, s.dir.Attach(ctx, group(in.GroupName), schema.Deref(in.PolicyArn))
}

// DetachGroupPolicy implements api.Service.
func (s *Service) DetachGroupPolicy(ctx context.Context, in *api.DetachGroupPolicyInput) (*api.DetachGroupPolicyOutput, error) {
	return &api.DetachGroupPolicyOutput{}, s.dir.Detach(ctx, group(in.GroupName), schema.Deref(in.PolicyArn))
}

// ListAttachedGroupPolicies implements api.Service.
func (s *Service) ListAttachedGroupPolicies(ctx context.Context, in *api.ListAttachedGroupPoliciesInput) (*api.ListAttachedGroupPoliciesOutput, error) {
	list, truncated, marker, err := s.attached(ctx, group(in.GroupName), in.PathPrefix, in.Marker, in.MaxItems)
	return &api.ListAttachedGroupPoliciesOutput{AttachedPolicies: list, IsTruncated: truncated, Marker: marker}, err
}

// AttachRolePolicy implements api.Service.
func (s *Service) AttachRolePolicy(ctx context.Context, in *api.AttachRolePolicyInput) (*api.AttachRolePolicyOutput, error) {
	return &api.AttachRolePolicyOutput{}, s.dir.Attach(ctx, role(in.RoleName), schema.Deref(in.PolicyArn))
}

// DetachRolePolicy implements api.Service.
func (s *Service) DetachRolePolicy(ctx context.Context, in *api.DetachRolePolicyInput) (*api.DetachRolePolicyOutput, error) {
	return &api.DetachRolePolicyOutput{}, s.dir.Detach(ctx, role(in.RoleName), schema.Deref(in.PolicyArn))
}

// ListAttachedRolePolicies implements api.Service.
func (s *Service) ListAttachedRolePolicies(ctx context.Context, in *api.ListAttachedRolePoliciesInput) (*api.ListAttachedRolePoliciesOutput, error) {
	list, truncated, marker, err := s.attached(ctx, role(in.RoleName), in.PathPrefix, in.Marker, in.MaxItems)
	return &api.ListAttachedRolePoliciesOutput{AttachedPolicies: list, IsTruncated: truncated, Marker: marker}, err
}
