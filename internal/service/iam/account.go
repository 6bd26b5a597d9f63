package iam

import (
	"context"

	api "github.com/outcrop/outcrop/internal/api/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// CreateAccountAlias implements api.Service.
func (s *Service) CreateAccountAlias(ctx context.Context, in *api.CreateAccountAliasInput) (*api.CreateAccountAliasOutput, error) {
	return &api.CreateAccountAliasOutput{}, s.dir.SetAlias(ctx, schema.Deref(in.AccountAlias))
}

// ListAccountAliases implements api.Service. An account has one at most.
func (s *Service) ListAccountAliases(ctx context.Context, _ *api.ListAccountAliasesInput) (*api.ListAccountAliasesOutput, error) {
	alias, err := s.dir.Alias(ctx)
	out := &api.ListAccountAliasesOutput{AccountAliases: []string{}, IsTruncated: ptr(false)}
	if alias != "" {
		out.AccountAliases = append(out.AccountAliases, alias)
	}
	return out, err
}

// DeleteAccountAlias implements api.Service.
func (s *Service) DeleteAccountAlias(ctx context.Context, in *api.DeleteAccountAliasInput) (*api.DeleteAccountAliasOutput, error) {
	return &api.DeleteAccountAliasOutput{}, s.dir.DeleteAlias(ctx, schema.Deref(in.AccountAlias))
}

// count counts a list page by page.
func count[T any](ctx context.Context, list func(context.Context, directory.List) (directory.Page[T], error)) (int32, error) {
	var n int
	l := directory.List{Limit: maxItems}
	for {
		page, err := list(ctx, l)
		if err != nil {
			return 0, err
		}
		n += len(page.Items)
		if l.After = page.Next; l.After == "" {
			return int32(n), nil
		}
	}
}

// GetAccountSummary implements api.Service: what there is, and how much of it
// there may be where that is bounded.
func (s *Service) GetAccountSummary(ctx context.Context, _ *api.GetAccountSummaryInput) (*api.GetAccountSummaryOutput, error) {
	users, err := count(ctx, s.dir.Users)
	if err != nil {
		return nil, err
	}
	groups, err := count(ctx, s.dir.Groups)
	if err != nil {
		return nil, err
	}
	roles, err := count(ctx, s.dir.Roles)
	if err != nil {
		return nil, err
	}
	policies, err := count(ctx, s.dir.Policies)
	if err != nil {
		return nil, err
	}
	return &api.GetAccountSummaryOutput{SummaryMap: map[string]int32{
		"Users": users, "Groups": groups, "Roles": roles, "Policies": policies,
		"AccessKeysPerUserQuota": 2, "GroupsPerUserQuota": 10, "VersionsPerPolicyQuota": 5,
		"AttachedPoliciesPerUserQuota": 10, "AttachedPoliciesPerGroupQuota": 10, "AttachedPoliciesPerRoleQuota": 10,
		"UserPolicySizeQuota": 2048, "GroupPolicySizeQuota": 5120, "RolePolicySizeQuota": 10240,
		"PolicySizeQuota": 6144, "AssumeRolePolicySizeQuota": 2048,
		"AccountMFAEnabled": 0, "MFADevices": 0, "MFADevicesInUse": 0, "ServerCertificates": 0, "InstanceProfiles": 0, "Providers": 0,
		"AccountAccessKeysPresent": 1, "AccountSigningCertificatesPresent": 0,
	}}, nil
}
