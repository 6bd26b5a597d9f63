package iam

import (
	"context"

	api "github.com/outcrop/outcrop/internal/api/iam"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// CreateUser implements api.Service.
func (s *Service) CreateUser(ctx context.Context, in *api.CreateUserInput) (*api.CreateUserOutput, error) {
	tags, err := tagsIn(in.Tags)
	if err != nil {
		return nil, err
	}
	u, err := s.dir.CreateUser(ctx, directory.NewUser{
		Name: schema.Deref(in.UserName), Path: schema.Deref(in.Path), Tags: tags, Boundary: schema.Deref(in.PermissionsBoundary),
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateUserOutput{User: userOf(u)}, nil
}

// GetUser implements api.Service. Without a name it is about the caller, who may
// be the account's root.
func (s *Service) GetUser(ctx context.Context, in *api.GetUserInput) (*api.GetUserOutput, error) {
	if p := call.From(ctx).Principal; schema.Deref(in.UserName) == "" && p.Type == iam.Root {
		return &api.GetUserOutput{User: &api.User{Arn: ptr(p.ARN), UserId: ptr(p.UserID), Path: ptr("/")}}, nil
	}
	name, err := userOr(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	u, err := s.dir.User(ctx, name)
	if err != nil {
		return nil, err
	}
	return &api.GetUserOutput{User: userOf(u)}, nil
}

// ListUsers implements api.Service.
func (s *Service) ListUsers(ctx context.Context, in *api.ListUsersInput) (*api.ListUsersOutput, error) {
	page, err := s.dir.Users(ctx, listOf(in.PathPrefix, in.Marker, in.MaxItems))
	if err != nil {
		return nil, err
	}
	out := &api.ListUsersOutput{Users: each(page.Items, listedUser)}
	out.IsTruncated, out.Marker = more(page.Next)
	return out, nil
}

// UpdateUser implements api.Service.
func (s *Service) UpdateUser(ctx context.Context, in *api.UpdateUserInput) (*api.UpdateUserOutput, error) {
	_, err := s.dir.UpdateUser(ctx, schema.Deref(in.UserName), schema.Deref(in.NewUserName), schema.Deref(in.NewPath))
	return &api.UpdateUserOutput{}, err
}

// DeleteUser implements api.Service. A key that is made while the user is being
// deleted is of nobody.
func (s *Service) DeleteUser(ctx context.Context, in *api.DeleteUserInput) (*api.DeleteUserOutput, error) {
	name := schema.Deref(in.UserName)
	keys, err := s.keys.AccessKeys(ctx, name)
	if err != nil {
		return nil, err
	}
	if len(keys) > 0 {
		return nil, conflict("Cannot delete entity, must delete access keys first.")
	}
	credentials, err := s.keys.ServiceCredentials(ctx, name, "")
	if err != nil {
		return nil, err
	}
	if len(credentials) > 0 {
		return nil, conflict("Cannot delete entity, must delete service specific credentials first.")
	}
	return &api.DeleteUserOutput{}, s.dir.DeleteUser(ctx, name)
}

func conflict(text string) error {
	return fault.New(fault.Conflict, "%s", text).WithCode("DeleteConflict")
}

// PutUserPermissionsBoundary implements api.Service.
func (s *Service) PutUserPermissionsBoundary(ctx context.Context, in *api.PutUserPermissionsBoundaryInput) (*api.PutUserPermissionsBoundaryOutput, error) {
	return &api.PutUserPermissionsBoundaryOutput{}, s.dir.SetBoundary(ctx, user(in.UserName), schema.Deref(in.PermissionsBoundary))
}

// DeleteUserPermissionsBoundary implements api.Service.
func (s *Service) DeleteUserPermissionsBoundary(ctx context.Context, in *api.DeleteUserPermissionsBoundaryInput) (*api.DeleteUserPermissionsBoundaryOutput, error) {
	return &api.DeleteUserPermissionsBoundaryOutput{}, s.dir.DeleteBoundary(ctx, user(in.UserName))
}
