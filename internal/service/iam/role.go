package iam

import (
	"context"
	"time"

	api "github.com/outcrop/outcrop/internal/api/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

func seconds(n *int32) time.Duration { return time.Duration(schema.Deref(n)) * time.Second }

// CreateRole implements api.Service.
func (s *Service) CreateRole(ctx context.Context, in *api.CreateRoleInput) (*api.CreateRoleOutput, error) {
	tags, err := tagsIn(in.Tags)
	if err != nil {
		return nil, err
	}
	r, err := s.dir.CreateRole(ctx, directory.NewRole{
		Name: schema.Deref(in.RoleName), Path: schema.Deref(in.Path), Description: schema.Deref(in.Description),
		TrustPolicy: schema.Deref(in.AssumeRolePolicyDocument), MaxSession: seconds(in.MaxSessionDuration),
		Tags: tags, Boundary: schema.Deref(in.PermissionsBoundary),
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateRoleOutput{Role: roleOf(r)}, nil
}

// GetRole implements api.Service.
func (s *Service) GetRole(ctx context.Context, in *api.GetRoleInput) (*api.GetRoleOutput, error) {
	r, err := s.dir.Role(ctx, schema.Deref(in.RoleName))
	if err != nil {
		return nil, err
	}
	return &api.GetRoleOutput{Role: roleOf(r)}, nil
}

// ListRoles implements api.Service.
func (s *Service) ListRoles(ctx context.Context, in *api.ListRolesInput) (*api.ListRolesOutput, error) {
	page, err := s.dir.Roles(ctx, listOf(in.PathPrefix, in.Marker, in.MaxItems))
	if err != nil {
		return nil, err
	}
	out := &api.ListRolesOutput{Roles: each(page.Items, listedRole)}
	out.IsTruncated, out.Marker = more(page.Next)
	return out, nil
}

// UpdateRole implements api.Service.
func (s *Service) UpdateRole(ctx context.Context, in *api.UpdateRoleInput) (*api.UpdateRoleOutput, error) {
	_, err := s.dir.UpdateRole(ctx, schema.Deref(in.RoleName), directory.RoleChange{
		Description: in.Description, MaxSession: seconds(in.MaxSessionDuration),
	})
	return &api.UpdateRoleOutput{}, err
}

// UpdateRoleDescription implements api.Service.
func (s *Service) UpdateRoleDescription(ctx context.Context, in *api.UpdateRoleDescriptionInput) (*api.UpdateRoleDescriptionOutput, error) {
	r, err := s.dir.UpdateRole(ctx, schema.Deref(in.RoleName), directory.RoleChange{Description: in.Description})
	if err != nil {
		return nil, err
	}
	return &api.UpdateRoleDescriptionOutput{Role: roleOf(r)}, nil
}

// UpdateAssumeRolePolicy implements api.Service.
func (s *Service) UpdateAssumeRolePolicy(ctx context.Context, in *api.UpdateAssumeRolePolicyInput) (*api.UpdateAssumeRolePolicyOutput, error) {
	_, err := s.dir.UpdateRole(ctx, schema.Deref(in.RoleName), directory.RoleChange{TrustPolicy: schema.Deref(in.PolicyDocument)})
	return &api.UpdateAssumeRolePolicyOutput{}, err
}

// DeleteRole implements api.Service.
func (s *Service) DeleteRole(ctx context.Context, in *api.DeleteRoleInput) (*api.DeleteRoleOutput, error) {
	return &api.DeleteRoleOutput{}, s.dir.DeleteRole(ctx, schema.Deref(in.RoleName))
}

// PutRolePermissionsBoundary implements api.Service.
func (s *Service) PutRolePermissionsBoundary(ctx context.Context, in *api.PutRolePermissionsBoundaryInput) (*api.PutRolePermissionsBoundaryOutput, error) {
	return &api.PutRolePermissionsBoundaryOutput{}, s.dir.SetBoundary(ctx, role(in.RoleName), schema.Deref(in.PermissionsBoundary))
}

// DeleteRolePermissionsBoundary implements api.Service.
func (s *Service) DeleteRolePermissionsBoundary(ctx context.Context, in *api.DeleteRolePermissionsBoundaryInput) (*api.DeleteRolePermissionsBoundaryOutput, error) {
	return &api.DeleteRolePermissionsBoundaryOutput{}, s.dir.DeleteBoundary(ctx, role(in.RoleName))
}
