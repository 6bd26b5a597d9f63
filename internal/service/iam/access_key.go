package iam

import (
	"context"

	api "github.com/outcrop/outcrop/internal/api/iam"
	"github.com/outcrop/outcrop/internal/iam/credential"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// CreateAccessKey implements api.Service.
func (s *Service) CreateAccessKey(ctx context.Context, in *api.CreateAccessKeyInput) (*api.CreateAccessKeyOutput, error) {
	name, err := userOr(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	key, secret, err := s.keys.CreateAccessKey(ctx, name)
	if err != nil {
		return nil, err
	}
	return &api.CreateAccessKeyOutput{AccessKey: &api.AccessKey{
		AccessKeyId: ptr(key.ID), SecretAccessKey: ptr(secret.Reveal()), UserName: ptr(key.User),
		Status: api.StatusType(key.Status), CreateDate: ptr(key.Created),
	}}, nil
}

// ListAccessKeys implements api.Service.
func (s *Service) ListAccessKeys(ctx context.Context, in *api.ListAccessKeysInput) (*api.ListAccessKeysOutput, error) {
	name, err := userOr(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	keys, err := s.keys.AccessKeys(ctx, name)
	if err != nil {
		return nil, err
	}
	keys, truncated, marker, err := part(keys, func(k credential.AccessKey) string { return k.ID }, in.Marker, in.MaxItems)
	list := each(keys, func(k credential.AccessKey) api.AccessKeyMetadata {
		return api.AccessKeyMetadata{AccessKeyId: ptr(k.ID), UserName: ptr(k.User), Status: api.StatusType(k.Status), CreateDate: ptr(k.Created)}
	})
	return &api.ListAccessKeysOutput{AccessKeyMetadata: list, IsTruncated: truncated, Marker: marker}, err
}

// UpdateAccessKey implements api.Service.
func (s *Service) UpdateAccessKey(ctx context.Context, in *api.UpdateAccessKeyInput) (*api.UpdateAccessKeyOutput, error) {
	name, err := userOr(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	active, err := isActive(in.Status)
	if err != nil {
		return nil, err
	}
	return &api.UpdateAccessKeyOutput{}, s.keys.SetAccessKeyStatus(ctx, name, schema.Deref(in.AccessKeyId), active)
}

// isActive reads the status that a request sets. What has expired cannot be set.
func isActive(status api.StatusType) (bool, error) {
	switch status {
	case api.StatusTypeActive:
		return true, nil
	case api.StatusTypeInactive:
		return false, nil
	default:
		return false, invalid("1 validation error detected: Value '%s' at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]", status)
	}
}

// DeleteAccessKey implements api.Service.
func (s *Service) DeleteAccessKey(ctx context.Context, in *api.DeleteAccessKeyInput) (*api.DeleteAccessKeyOutput, error) {
	name, err := userOr(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	return &api.DeleteAccessKeyOutput{}, s.keys.DeleteAccessKey(ctx, name, schema.Deref(in.AccessKeyId))
}

// GetAccessKeyLastUsed implements api.Service.
func (s *Service) GetAccessKeyLastUsed(ctx context.Context, in *api.GetAccessKeyLastUsedInput) (*api.GetAccessKeyLastUsedOutput, error) {
	used, err := s.keys.LastUsed(ctx, schema.Deref(in.AccessKeyId))
	if err != nil {
		return nil, err
	}
	out := &api.AccessKeyLastUsed{ServiceName: ptr("N/A"), Region: ptr("N/A")}
	if !used.Time.IsZero() {
		out = &api.AccessKeyLastUsed{LastUsedDate: ptr(used.Time), ServiceName: ptr(used.Service), Region: ptr(used.Region)}
	}
	return &api.GetAccessKeyLastUsedOutput{UserName: ptr(used.User), AccessKeyLastUsed: out}, nil
}
