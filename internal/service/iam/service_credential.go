package iam

import (
	"context"
	"time"

	api "github.com/outcrop/outcrop/internal/api/iam"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/credential"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// credentialOf is a service-specific credential with its secret, for the one
// answer that has it.
func credentialOf(c credential.ServiceCredential, secret iam.Secret) *api.ServiceSpecificCredential {
	return &api.ServiceSpecificCredential{
		ServiceSpecificCredentialId: ptr(c.ID), ServiceName: ptr(c.Service), UserName: ptr(c.User), Status: api.StatusType(c.Status),
		CreateDate: ptr(c.Created), ExpirationDate: optional(c.Expires),
		ServiceCredentialAlias: ptr(c.Alias), ServiceCredentialSecret: ptr(secret.Reveal()),
	}
}

// CreateServiceSpecificCredential implements api.Service. For Bedrock it makes an
// API key.
func (s *Service) CreateServiceSpecificCredential(ctx context.Context, in *api.CreateServiceSpecificCredentialInput) (*api.CreateServiceSpecificCredentialOutput, error) {
	name, err := userOr(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	age := time.Duration(schema.Deref(in.CredentialAgeDays)) * 24 * time.Hour
	c, secret, err := s.keys.CreateServiceCredential(ctx, name, schema.Deref(in.ServiceName), age)
	if err != nil {
		return nil, err
	}
	return &api.CreateServiceSpecificCredentialOutput{ServiceSpecificCredential: credentialOf(c, secret)}, nil
}

// ListServiceSpecificCredentials implements api.Service.
func (s *Service) ListServiceSpecificCredentials(ctx context.Context, in *api.ListServiceSpecificCredentialsInput) (*api.ListServiceSpecificCredentialsOutput, error) {
	name := ""
	if !schema.Deref(in.AllUsers) {
		var err error
		if name, err = userOr(ctx, in.UserName); err != nil {
			return nil, err
		}
	}
	all, err := s.keys.ServiceCredentials(ctx, name, schema.Deref(in.ServiceName))
	if err != nil {
		return nil, err
	}
	var list []credential.ServiceCredential
	for _, c := range all {
		if c.Status != credential.Deleted {
			list = append(list, c)
		}
	}
	list, truncated, marker, err := part(list, func(c credential.ServiceCredential) string { return c.ID }, in.Marker, in.MaxItems)
	return &api.ListServiceSpecificCredentialsOutput{
		ServiceSpecificCredentials: each(list, func(c credential.ServiceCredential) api.ServiceSpecificCredentialMetadata {
			return api.ServiceSpecificCredentialMetadata{
				ServiceSpecificCredentialId: ptr(c.ID), ServiceName: ptr(c.Service), UserName: ptr(c.User), Status: api.StatusType(c.Status),
				CreateDate: ptr(c.Created), ExpirationDate: optional(c.Expires), ServiceCredentialAlias: ptr(c.Alias),
			}
		}),
		IsTruncated: truncated, Marker: marker,
	}, err
}

// UpdateServiceSpecificCredential implements api.Service.
func (s *Service) UpdateServiceSpecificCredential(ctx context.Context, in *api.UpdateServiceSpecificCredentialInput) (*api.UpdateServiceSpecificCredentialOutput, error) {
	name, err := userOr(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	active, err := isActive(in.Status)
	if err != nil {
		return nil, err
	}
	return &api.UpdateServiceSpecificCredentialOutput{}, s.keys.SetServiceCredentialStatus(ctx, name, schema.Deref(in.ServiceSpecificCredentialId), active)
}

// ResetServiceSpecificCredential implements api.Service.
func (s *Service) ResetServiceSpecificCredential(ctx context.Context, in *api.ResetServiceSpecificCredentialInput) (*api.ResetServiceSpecificCredentialOutput, error) {
	name, err := userOr(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	c, secret, err := s.keys.ResetServiceCredential(ctx, name, schema.Deref(in.ServiceSpecificCredentialId))
	if err != nil {
		return nil, err
	}
	return &api.ResetServiceSpecificCredentialOutput{ServiceSpecificCredential: credentialOf(c, secret)}, nil
}

// DeleteServiceSpecificCredential implements api.Service.
func (s *Service) DeleteServiceSpecificCredential(ctx context.Context, in *api.DeleteServiceSpecificCredentialInput) (*api.DeleteServiceSpecificCredentialOutput, error) {
	name, err := userOr(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	return &api.DeleteServiceSpecificCredentialOutput{}, s.keys.DeleteServiceCredential(ctx, name, schema.Deref(in.ServiceSpecificCredentialId))
}
