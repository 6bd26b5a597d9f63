package iam

import (
	"context"

	api "github.com/outcrop/outcrop/internal/api/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// CreateGroup implements api.Service.
func (s *Service) CreateGroup(ctx context.Context, in *api.CreateGroupInput) (*api.CreateGroupOutput, error) {
	g, err := s.dir.CreateGroup(ctx, schema.Deref(in.GroupName), schema.Deref(in.Path))
	if err != nil {
		return nil, err
	}
	return &api.CreateGroupOutput{Group: ptr(groupOf(g))}, nil
}

// GetGroup implements api.Service: the group and its users.
func (s *Service) GetGroup(ctx context.Context, in *api.GetGroupInput) (*api.GetGroupOutput, error) {
	g, err := s.dir.Group(ctx, schema.Deref(in.GroupName))
	if err != nil {
		return nil, err
	}
	page, err := s.dir.Members(ctx, g.Name, listOf(nil, in.Marker, in.MaxItems))
	if err != nil {
		return nil, err
	}
	out := &api.GetGroupOutput{Group: ptr(groupOf(g)), Users: each(page.Items, listedUser)}
	out.IsTruncated, out.Marker = more(page.Next)
	return out, nil
}

// ListGroups implements api.Service.
func (s *Service) ListGroups(ctx context.Context, in *api.ListGroupsInput) (*api.ListGroupsOutput, error) {
	page, err := s.dir.Groups(ctx, listOf(in.PathPrefix, in.Marker, in.MaxItems))
	if err != nil {
		return nil, err
	}
	out := &api.ListGroupsOutput{Groups: each(page.Items, groupOf)}
	out.IsTruncated, out.Marker = more(page.Next)
	return out, nil
}

// ListGroupsForUser implements api.Service.
func (s *Service) ListGroupsForUser(ctx context.Context, in *api.ListGroupsForUserInput) (*api.ListGroupsForUserOutput, error) {
	groups, err := s.dir.GroupsOf(ctx, schema.Deref(in.UserName))
	if err != nil {
		return nil, err
	}
	page, truncated, marker, err := part(groups, func(g directory.Group) string { return g.ID }, in.Marker, in.MaxItems)
	return &api.ListGroupsForUserOutput{Groups: each(page, groupOf), IsTruncated: truncated, Marker: marker}, err
}

// UpdateGroup implements api.Service.
func (s *Service) UpdateGroup(ctx context.Context, in *api.UpdateGroupInput) (*api.UpdateGroupOutput, error) {
	err := s.dir.UpdateGroup(ctx, schema.Deref(in.GroupName), schema.Deref(in.NewGroupName), schema.Deref(in.NewPath))
	return &api.UpdateGroupOutput{}, err
}

// DeleteGroup implements api.Service.
func (s *Service) DeleteGroup(ctx context.Context, in *api.DeleteGroupInput) (*api.DeleteGroupOutput, error) {
	return &api.DeleteGroupOutput{}, s.dir.DeleteGroup(ctx, schema.Deref(in.GroupName))
}

// AddUserToGroup implements api.Service.
func (s *Service) AddUserToGroup(ctx context.Context, in *api.AddUserToGroupInput) (*api.AddUserToGroupOutput, error) {
	return &api.AddUserToGroupOutput{}, s.dir.AddUser(ctx, schema.Deref(in.GroupName), schema.Deref(in.UserName))
}

// RemoveUserFromGroup implements api.Service.
func (s *Service) RemoveUserFromGroup(ctx context.Context, in *api.RemoveUserFromGroupInput) (*api.RemoveUserFromGroupOutput, error) {
	return &api.RemoveUserFromGroupOutput{}, s.dir.RemoveUser(ctx, schema.Deref(in.GroupName), schema.Deref(in.UserName))
}
