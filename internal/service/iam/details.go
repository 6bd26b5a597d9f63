package iam

import (
	"context"
	"slices"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// GetAccountAuthorizationDetails implements api.Service. The sections come one
// after the other; a marker says which, and where in it.
func (s *Service) GetAccountAuthorizationDetails(ctx context.Context, in *api.GetAccountAuthorizationDetailsInput) (*api.GetAccountAuthorizationDetailsOutput, error) {
	out := &api.GetAccountAuthorizationDetailsOutput{
		UserDetailList: []api.UserDetail{}, GroupDetailList: []api.GroupDetail{}, RoleDetailList: []api.RoleDetail{}, Policies: []api.ManagedPolicyDetail{},
		IsTruncated: ptr(false),
	}
	sections := []struct {
		name string
		of   api.EntityType
		read func(context.Context, directory.List) (int, string, error)
	}{
		{"user", api.EntityTypeUser, section(s.dir.Users, func(ctx context.Context, u directory.User) error { return s.addUser(ctx, u, out) })},
		{"group", api.EntityTypeGroup, section(s.dir.Groups, func(_ context.Context, g directory.Group) error { return addGroup(g, out) })},
		{"role", api.EntityTypeRole, section(s.dir.Roles, func(_ context.Context, r directory.Role) error { return addRole(r, out) })},
		{"policy", api.EntityTypeLocalManagedPolicy, section(s.dir.Policies, func(ctx context.Context, p directory.Policy) error { return s.addPolicy(ctx, p, out) })},
		{"aws", api.EntityTypeAWSManagedPolicy, section(awsPolicies, func(ctx context.Context, p directory.Policy) error { return s.addPolicy(ctx, p, out) })},
	}
	from := 0
	name, after, ok := strings.Cut(schema.Deref(in.Marker), ":")
	for i := range sections {
		if ok && sections[i].name == name {
			from = i
		}
	}
	if in.Marker != nil && (!ok || sections[from].name != name) {
		return nil, invalid("Invalid Marker")
	}
	left := itemsOf(in.MaxItems)
	for _, x := range sections[from:] {
		if len(in.Filter) > 0 && !slices.Contains(in.Filter, x.of) {
			after = ""
			continue
		}
		if left == 0 {
			out.IsTruncated, out.Marker = more(x.name + ":")
			return out, nil
		}
		n, next, err := x.read(ctx, directory.List{After: after, Limit: left})
		if err != nil {
			return nil, err
		}
		after, left = "", left-n
		if next != "" {
			out.IsTruncated, out.Marker = more(x.name + ":" + next)
			return out, nil
		}
	}
	return out, nil
}

// section reads a page and adds each of its items.
func section[T any](list func(context.Context, directory.List) (directory.Page[T], error), add func(context.Context, T) error) func(context.Context, directory.List) (int, string, error) {
	return func(ctx context.Context, l directory.List) (int, string, error) {
		page, err := list(ctx, l)
		if err != nil {
			return 0, "", err
		}
		for _, item := range page.Items {
			if err := add(ctx, item); err != nil {
				return 0, "", err
			}
		}
		return len(page.Items), page.Next, nil
	}
}

// awsPolicies is AWS's list in pages; a position is the name of the next one.
func awsPolicies(_ context.Context, l directory.List) (directory.Page[directory.Policy], error) {
	var page directory.Page[directory.Policy]
	for _, p := range directory.AWSPolicies() {
		switch {
		case p.Name < l.After:
		case len(page.Items) == l.Limit:
			page.Next = p.Name
			return page, nil
		default:
			page.Items = append(page.Items, p)
		}
	}
	return page, nil
}

func detailOf(p directory.Inline) api.PolicyDetail {
	return api.PolicyDetail{PolicyName: ptr(p.Name), PolicyDocument: escape(p.Document)}
}

func (s *Service) addUser(ctx context.Context, u directory.User, out *api.GetAccountAuthorizationDetailsOutput) error {
	groups, err := s.dir.GroupsOf(ctx, u.Name)
	if err != nil {
		return err
	}
	out.UserDetailList = append(out.UserDetailList, api.UserDetail{
		Arn: ptr(u.ARN), CreateDate: ptr(u.Created), Path: ptr(u.Path), UserId: ptr(u.ID), UserName: ptr(u.Name),
		AttachedManagedPolicies: each(u.Attached, attachedOf), UserPolicyList: each(u.Inline, detailOf),
		GroupList:           each(groups, func(g directory.Group) string { return g.Name }),
		PermissionsBoundary: boundaryOf(u.Boundary), Tags: tagsOf(u.Tags),
	})
	return nil
}

func addGroup(g directory.Group, out *api.GetAccountAuthorizationDetailsOutput) error {
	out.GroupDetailList = append(out.GroupDetailList, api.GroupDetail{
		Arn: ptr(g.ARN), CreateDate: ptr(g.Created), Path: ptr(g.Path), GroupId: ptr(g.ID), GroupName: ptr(g.Name),
		AttachedManagedPolicies: each(g.Attached, attachedOf), GroupPolicyList: each(g.Inline, detailOf),
	})
	return nil
}

func addRole(r directory.Role, out *api.GetAccountAuthorizationDetailsOutput) error {
	out.RoleDetailList = append(out.RoleDetailList, api.RoleDetail{
		Arn: ptr(r.ARN), CreateDate: ptr(r.Created), Path: ptr(r.Path), RoleId: ptr(r.ID), RoleName: ptr(r.Name),
		AssumeRolePolicyDocument: escape(r.TrustPolicy), InstanceProfileList: []api.InstanceProfile{},
		AttachedManagedPolicies: each(r.Attached, attachedOf), RolePolicyList: each(r.Inline, detailOf),
		PermissionsBoundary: boundaryOf(r.Boundary), Tags: tagsOf(r.Tags),
	})
	return nil
}

// addPolicy adds a managed policy; one of AWS's only if somebody has it.
func (s *Service) addPolicy(ctx context.Context, p directory.Policy, out *api.GetAccountAuthorizationDetailsOutput) error {
	one, err := s.policyOf(ctx, p)
	if err != nil {
		return err
	}
	if p.AWS && *one.AttachmentCount+*one.PermissionsBoundaryUsageCount == 0 {
		return nil
	}
	out.Policies = append(out.Policies, api.ManagedPolicyDetail{
		Arn: one.Arn, PolicyId: one.PolicyId, PolicyName: one.PolicyName, Path: one.Path, Description: one.Description,
		CreateDate: one.CreateDate, UpdateDate: one.UpdateDate, DefaultVersionId: one.DefaultVersionId, IsAttachable: one.IsAttachable,
		AttachmentCount: one.AttachmentCount, PermissionsBoundaryUsageCount: one.PermissionsBoundaryUsageCount,
		PolicyVersionList: each(p.Versions, func(v directory.Version) api.PolicyVersion {
			full := versionOf(&p, v)
			full.Document = escape(v.Document)
			return full
		}),
	})
	return nil
}
