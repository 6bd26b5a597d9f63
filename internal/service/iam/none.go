package iam

import (
	"context"

	api "github.com/outcrop/outcrop/internal/api/iam"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Passwords, devices, certificates, instance profiles and identity providers
// cannot be made here. Tools that manage users and roles ask for them anyway,
// before they delete one, and are told that there are none.

func none(format string, args ...any) error {
	return fault.New(fault.NotFound, format, args...).WithCode("NoSuchEntity")
}

// there fails as the operation does for a user that there is not.
func (s *Service) there(ctx context.Context, name *string) error {
	_, err := s.dir.User(ctx, schema.Deref(name))
	return err
}

// GetLoginProfile implements api.Service.
func (s *Service) GetLoginProfile(ctx context.Context, in *api.GetLoginProfileInput) (*api.GetLoginProfileOutput, error) {
	name, err := userOr(ctx, in.UserName)
	if err == nil {
		err = s.there(ctx, &name)
	}
	if err != nil {
		return nil, err
	}
	return nil, none("Login Profile for User %s cannot be found.", name)
}

// DeleteLoginProfile implements api.Service.
func (s *Service) DeleteLoginProfile(ctx context.Context, in *api.DeleteLoginProfileInput) (*api.DeleteLoginProfileOutput, error) {
	_, err := s.GetLoginProfile(ctx, &api.GetLoginProfileInput{UserName: in.UserName})
	return nil, err
}

// GetAccountPasswordPolicy implements api.Service.
func (s *Service) GetAccountPasswordPolicy(context.Context, *api.GetAccountPasswordPolicyInput) (*api.GetAccountPasswordPolicyOutput, error) {
	return nil, none("The Password Policy with domain name %s cannot be found.", s.dir.Account())
}

// ListMFADevices implements api.Service.
func (s *Service) ListMFADevices(ctx context.Context, in *api.ListMFADevicesInput) (*api.ListMFADevicesOutput, error) {
	if in.UserName != nil {
		if err := s.there(ctx, in.UserName); err != nil {
			return nil, err
		}
	}
	return &api.ListMFADevicesOutput{MFADevices: []api.MFADevice{}, IsTruncated: ptr(false)}, nil
}

// ListVirtualMFADevices implements api.Service.
func (s *Service) ListVirtualMFADevices(context.Context, *api.ListVirtualMFADevicesInput) (*api.ListVirtualMFADevicesOutput, error) {
	return &api.ListVirtualMFADevicesOutput{VirtualMFADevices: []api.VirtualMFADevice{}, IsTruncated: ptr(false)}, nil
}

// ListSSHPublicKeys implements api.Service.
func (s *Service) ListSSHPublicKeys(ctx context.Context, in *api.ListSSHPublicKeysInput) (*api.ListSSHPublicKeysOutput, error) {
	if in.UserName != nil {
		if err := s.there(ctx, in.UserName); err != nil {
			return nil, err
		}
	}
	return &api.ListSSHPublicKeysOutput{SSHPublicKeys: []api.SSHPublicKeyMetadata{}, IsTruncated: ptr(false)}, nil
}

// ListSigningCertificates implements api.Service.
func (s *Service) ListSigningCertificates(ctx context.Context, in *api.ListSigningCertificatesInput) (*api.ListSigningCertificatesOutput, error) {
	if in.UserName != nil {
		if err := s.there(ctx, in.UserName); err != nil {
			return nil, err
		}
	}
	return &api.ListSigningCertificatesOutput{Certificates: []api.SigningCertificate{}, IsTruncated: ptr(false)}, nil
}

// ListInstanceProfiles implements api.Service.
func (s *Service) ListInstanceProfiles(context.Context, *api.ListInstanceProfilesInput) (*api.ListInstanceProfilesOutput, error) {
	return &api.ListInstanceProfilesOutput{InstanceProfiles: []api.InstanceProfile{}, IsTruncated: ptr(false)}, nil
}

// ListInstanceProfilesForRole implements api.Service.
func (s *Service) ListInstanceProfilesForRole(ctx context.Context, in *api.ListInstanceProfilesForRoleInput) (*api.ListInstanceProfilesForRoleOutput, error) {
	if _, err := s.dir.Role(ctx, schema.Deref(in.RoleName)); err != nil {
		return nil, err
	}
	return &api.ListInstanceProfilesForRoleOutput{InstanceProfiles: []api.InstanceProfile{}, IsTruncated: ptr(false)}, nil
}

// ListOpenIDConnectProviders implements api.Service.
func (s *Service) ListOpenIDConnectProviders(context.Context, *api.ListOpenIDConnectProvidersInput) (*api.ListOpenIDConnectProvidersOutput, error) {
	return &api.ListOpenIDConnectProvidersOutput{OpenIDConnectProviderList: []api.OpenIDConnectProviderListEntry{}}, nil
}

// ListSAMLProviders implements api.Service.
func (s *Service) ListSAMLProviders(context.Context, *api.ListSAMLProvidersInput) (*api.ListSAMLProvidersOutput, error) {
	return &api.ListSAMLProvidersOutput{SAMLProviderList: []api.SAMLProviderListEntry{}}, nil
}
