package iam

import (
	"context"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// policyOf is a managed policy with its counts.
func (s *Service) policyOf(ctx context.Context, p directory.Policy) (*api.Policy, error) {
	c, err := s.dir.Counts(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	return &api.Policy{
		Arn: ptr(p.ARN), PolicyId: ptr(p.ID), PolicyName: ptr(p.Name), Path: ptr(p.Path), Description: optional(p.Description),
		CreateDate: ptr(p.Created), UpdateDate: ptr(p.Updated), DefaultVersionId: ptr(p.Default), IsAttachable: ptr(true),
		AttachmentCount: ptr(int32(c.Attached)), PermissionsBoundaryUsageCount: ptr(int32(c.Boundaries)),
		Tags: tagsOf(p.Tags),
	}, nil
}

// versionOf is a version without its document, as lists show it.
func versionOf(p *directory.Policy, v directory.Version) api.PolicyVersion {
	return api.PolicyVersion{VersionId: ptr(v.ID), CreateDate: ptr(v.Created), IsDefaultVersion: ptr(v.ID == p.Default)}
}

// CreatePolicy implements api.Service.
func (s *Service) CreatePolicy(ctx context.Context, in *api.CreatePolicyInput) (*api.CreatePolicyOutput, error) {
	tags, err := tagsIn(in.Tags)
	if err != nil {
		return nil, err
	}
	p, err := s.dir.CreatePolicy(ctx, directory.NewPolicy{
		Name: schema.Deref(in.PolicyName), Path: schema.Deref(in.Path), Description: schema.Deref(in.Description),
		Document: schema.Deref(in.PolicyDocument), Tags: tags,
	})
	if err != nil {
		return nil, err
	}
	out, err := s.policyOf(ctx, p)
	return &api.CreatePolicyOutput{Policy: out}, err
}

// GetPolicy implements api.Service.
func (s *Service) GetPolicy(ctx context.Context, in *api.GetPolicyInput) (*api.GetPolicyOutput, error) {
	p, err := s.dir.Policy(ctx, schema.Deref(in.PolicyArn))
	if err != nil {
		return nil, err
	}
	out, err := s.policyOf(ctx, p)
	return &api.GetPolicyOutput{Policy: out}, err
}

// DeletePolicy implements api.Service.
func (s *Service) DeletePolicy(ctx context.Context, in *api.DeletePolicyInput) (*api.DeletePolicyOutput, error) {
	return &api.DeletePolicyOutput{}, s.dir.DeletePolicy(ctx, schema.Deref(in.PolicyArn))
}

// awsMarker begins the markers of the second part of ListPolicies: AWS's own
// come after the customer's.
const awsMarker = "aws:"

// ListPolicies implements api.Service.
func (s *Service) ListPolicies(ctx context.Context, in *api.ListPoliciesInput) (*api.ListPoliciesOutput, error) {
	out := &api.ListPoliciesOutput{Policies: []api.Policy{}, IsTruncated: ptr(false)}
	l := listOf(in.PathPrefix, in.Marker, in.MaxItems)
	left := l.Limit
	marker, inAWS := strings.CutPrefix(l.After, awsMarker)
	if in.Scope != api.PolicyScopeTypeAws && !inAWS {
		for left > 0 {
			l.Limit = left
			page, err := s.dir.Policies(ctx, l)
			if err != nil {
				return nil, err
			}
			for _, p := range page.Items {
				if err := s.list(ctx, in, p, out); err != nil {
					return nil, err
				}
			}
			if left = itemsOf(in.MaxItems) - len(out.Policies); page.Next == "" || left == 0 {
				if page.Next != "" {
					out.IsTruncated, out.Marker = more(page.Next)
					return out, nil
				}
				break
			}
			l.After = page.Next
		}
		marker = ""
	}
	if in.Scope == api.PolicyScopeTypeLocal {
		return out, nil
	}
	// A page that the customer's policies filled goes on with the first of AWS's.
	all := directory.AWSPolicies()
	for i, p := range all {
		if p.Name < marker || !strings.HasPrefix(p.Path, l.Prefix) {
			continue
		}
		if len(out.Policies) >= itemsOf(in.MaxItems) {
			out.IsTruncated, out.Marker = more(awsMarker + all[i].Name)
			return out, nil
		}
		if err := s.list(ctx, in, p, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// list adds a policy to a list if the request's filters let it.
func (s *Service) list(ctx context.Context, in *api.ListPoliciesInput, p directory.Policy, out *api.ListPoliciesOutput) error {
	one, err := s.policyOf(ctx, p)
	if err != nil {
		return err
	}
	attached, boundaries := *one.AttachmentCount > 0, *one.PermissionsBoundaryUsageCount > 0
	switch {
	case schema.Deref(in.OnlyAttached) && !attached && !boundaries,
		in.PolicyUsageFilter == api.PolicyUsageTypePermissionsPolicy && !attached,
		in.PolicyUsageFilter == api.PolicyUsageTypePermissionsBoundary && !boundaries:
		return nil
	}
	one.Description, one.Tags = nil, nil // as AWS's list
	out.Policies = append(out.Policies, *one)
	return nil
}

// CreatePolicyVersion implements api.Service.
func (s *Service) CreatePolicyVersion(ctx context.Context, in *api.CreatePolicyVersionInput) (*api.CreatePolicyVersionOutput, error) {
	makeDefault := schema.Deref(in.SetAsDefault)
	v, err := s.dir.CreateVersion(ctx, schema.Deref(in.PolicyArn), schema.Deref(in.PolicyDocument), makeDefault)
	if err != nil {
		return nil, err
	}
	return &api.CreatePolicyVersionOutput{PolicyVersion: &api.PolicyVersion{
		VersionId: ptr(v.ID), CreateDate: ptr(v.Created), IsDefaultVersion: ptr(makeDefault),
	}}, nil
}

// GetPolicyVersion implements api.Service.
func (s *Service) GetPolicyVersion(ctx context.Context, in *api.GetPolicyVersionInput) (*api.GetPolicyVersionOutput, error) {
	p, err := s.dir.Policy(ctx, schema.Deref(in.PolicyArn))
	if err != nil {
		return nil, err
	}
	v, ok := p.Version(schema.Deref(in.VersionId))
	if !ok {
		return nil, directory.NoVersion(p.ARN, schema.Deref(in.VersionId))
	}
	out := versionOf(&p, v)
	out.Document = escape(v.Document)
	return &api.GetPolicyVersionOutput{PolicyVersion: &out}, nil
}

// ListPolicyVersions implements api.Service.
func (s *Service) ListPolicyVersions(ctx context.Context, in *api.ListPolicyVersionsInput) (*api.ListPolicyVersionsOutput, error) {
	p, err := s.dir.Policy(ctx, schema.Deref(in.PolicyArn))
	if err != nil {
		return nil, err
	}
	page, truncated, marker, err := part(p.Versions, func(v directory.Version) string { return v.ID }, in.Marker, in.MaxItems)
	versions := each(page, func(v directory.Version) api.PolicyVersion { return versionOf(&p, v) })
	return &api.ListPolicyVersionsOutput{Versions: versions, IsTruncated: truncated, Marker: marker}, err
}

// DeletePolicyVersion implements api.Service.
func (s *Service) DeletePolicyVersion(ctx context.Context, in *api.DeletePolicyVersionInput) (*api.DeletePolicyVersionOutput, error) {
	return &api.DeletePolicyVersionOutput{}, s.dir.DeleteVersion(ctx, schema.Deref(in.PolicyArn), schema.Deref(in.VersionId))
}

// SetDefaultPolicyVersion implements api.Service.
func (s *Service) SetDefaultPolicyVersion(ctx context.Context, in *api.SetDefaultPolicyVersionInput) (*api.SetDefaultPolicyVersionOutput, error) {
	return &api.SetDefaultPolicyVersionOutput{}, s.dir.SetDefaultVersion(ctx, schema.Deref(in.PolicyArn), schema.Deref(in.VersionId))
}

// ListEntitiesForPolicy implements api.Service.
func (s *Service) ListEntitiesForPolicy(ctx context.Context, in *api.ListEntitiesForPolicyInput) (*api.ListEntitiesForPolicyOutput, error) {
	page, err := s.dir.Uses(ctx, schema.Deref(in.PolicyArn), listOf(in.PathPrefix, in.Marker, in.MaxItems))
	if err != nil {
		return nil, err
	}
	out := &api.ListEntitiesForPolicyOutput{PolicyUsers: []api.PolicyUser{}, PolicyGroups: []api.PolicyGroup{}, PolicyRoles: []api.PolicyRole{}}
	out.IsTruncated, out.Marker = more(page.Next)
	for _, use := range page.Items {
		usage := api.PolicyUsageTypePermissionsPolicy
		if use.Boundary {
			usage = api.PolicyUsageTypePermissionsBoundary
		}
		if in.PolicyUsageFilter != "" && in.PolicyUsageFilter != usage || in.EntityFilter != "" && !strings.EqualFold(string(in.EntityFilter), string(use.Sort)) {
			continue
		}
		switch use.Sort {
		case directory.SortUser:
			out.PolicyUsers = append(out.PolicyUsers, api.PolicyUser{UserId: ptr(use.ID), UserName: ptr(use.Name)})
		case directory.SortGroup:
			out.PolicyGroups = append(out.PolicyGroups, api.PolicyGroup{GroupId: ptr(use.ID), GroupName: ptr(use.Name)})
		case directory.SortRole:
			out.PolicyRoles = append(out.PolicyRoles, api.PolicyRole{RoleId: ptr(use.ID), RoleName: ptr(use.Name)})
		}
	}
	return out, nil
}
