package iam

import (
	"maps"
	"slices"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// The full forms of entities; lists show them without tags and boundaries, as
// AWS's do.

func userOf(u directory.User) *api.User {
	out := listedUser(u)
	out.Tags, out.PermissionsBoundary = tagsOf(u.Tags), boundaryOf(u.Boundary)
	return &out
}

func listedUser(u directory.User) api.User {
	return api.User{
		Arn: ptr(u.ARN), CreateDate: ptr(u.Created), Path: ptr(u.Path), UserId: ptr(u.ID), UserName: ptr(u.Name),
	}
}

func groupOf(g directory.Group) api.Group {
	return api.Group{
		Arn: ptr(g.ARN), CreateDate: ptr(g.Created), Path: ptr(g.Path), GroupId: ptr(g.ID), GroupName: ptr(g.Name),
	}
}

func roleOf(r directory.Role) *api.Role {
	out := listedRole(r)
	out.Tags, out.PermissionsBoundary = tagsOf(r.Tags), boundaryOf(r.Boundary)
	return &out
}

func listedRole(r directory.Role) api.Role {
	return api.Role{
		Arn: ptr(r.ARN), CreateDate: ptr(r.Created), Path: ptr(r.Path), RoleId: ptr(r.ID), RoleName: ptr(r.Name),
		AssumeRolePolicyDocument: escape(r.TrustPolicy), Description: optional(r.Description),
		MaxSessionDuration: ptr(int32(r.MaxSession.Seconds())),
	}
}

func boundaryOf(arn string) *api.AttachedPermissionsBoundary {
	if arn == "" {
		return nil
	}
	return &api.AttachedPermissionsBoundary{
		PermissionsBoundaryArn: ptr(arn), PermissionsBoundaryType: api.PermissionsBoundaryAttachmentTypePermissionsBoundaryPolicy,
	}
}

// tagsOf lists tags in the order of their keys; nil when there are none.
func tagsOf(tags map[string]string) []api.Tag {
	var out []api.Tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, api.Tag{Key: ptr(key), Value: ptr(tags[key])})
	}
	return out
}

// tagsIn reads the tags of a request.
func tagsIn(tags []api.Tag) (map[string]string, error) {
	out := make(map[string]string, len(tags))
	seen := make(map[string]bool, len(tags))
	for _, t := range tags {
		key := schema.Deref(t.Key)
		lower := strings.ToLower(key)
		if seen[lower] {
			return nil, invalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[lower] = true
		out[key] = schema.Deref(t.Value)
	}
	return out, nil
}

// nameOfARN is the last part of an ARN: the name of what it is of.
func nameOfARN(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

func attachedOf(arn string) api.AttachedPolicy {
	return api.AttachedPolicy{PolicyArn: ptr(arn), PolicyName: ptr(nameOfARN(arn))}
}
