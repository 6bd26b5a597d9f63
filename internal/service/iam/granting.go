package iam

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/iam"
	"github.com/outcrop/outcrop/internal/policy"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// ListPoliciesGrantingServiceAccess implements api.Service: for each service the
// policies of an entity that allow something of it, whatever their conditions
// say. It is one page.
func (s *Service) ListPoliciesGrantingServiceAccess(ctx context.Context, in *api.ListPoliciesGrantingServiceAccessInput) (*api.ListPoliciesGrantingServiceAccessOutput, error) {
	g, _, err := s.source(ctx, schema.Deref(in.Arn))
	if err != nil {
		return nil, err
	}
	out := &api.ListPoliciesGrantingServiceAccessOutput{IsTruncated: ptr(false), PoliciesGrantingServiceAccess: []api.ListPoliciesGrantingServiceAccessEntry{}}
	for _, service := range in.ServiceNamespaces {
		entry := api.ListPoliciesGrantingServiceAccessEntry{ServiceNamespace: ptr(service), Policies: []api.PolicyGrantingServiceAccess{}}
		for _, a := range g.Set.Identity {
			if grants(a.Text(), service) {
				entry.Policies = append(entry.Policies, grantingOf(a))
			}
		}
		out.PoliciesGrantingServiceAccess = append(out.PoliciesGrantingServiceAccess, entry)
	}
	return out, nil
}

func grantingOf(a policy.Attached) api.PolicyGrantingServiceAccess {
	if strings.HasPrefix(a.ID, "arn:") {
		return api.PolicyGrantingServiceAccess{PolicyName: ptr(nameOfARN(a.ID)), PolicyArn: ptr(a.ID), PolicyType: api.PolicyTypeManaged}
	}
	return api.PolicyGrantingServiceAccess{
		PolicyName: ptr(a.ID), PolicyType: api.PolicyTypeInline,
		EntityType: api.PolicyOwnerEntityType(strings.ToUpper(a.Type)), EntityName: ptr(nameOfARN(a.Owner)),
	}
}

// oneOrMore is a member of a policy that is a value or a list of some.
type oneOrMore[T any] []T

func (l *oneOrMore[T]) UnmarshalJSON(text []byte) error {
	if strings.HasPrefix(strings.TrimSpace(string(text)), "[") {
		return json.Unmarshal(text, (*[]T)(l))
	}
	var one T
	if err := json.Unmarshal(text, &one); err != nil {
		return err
	}
	*l = []T{one}
	return nil
}

// grants reports whether a policy that has been read before allows an action of
// a service. A NotAction allows something of every service but the one that all
// of is left out.
func grants(document, service string) bool {
	var p struct {
		Statement oneOrMore[struct {
			Effect            string
			Action, NotAction oneOrMore[string]
		}]
	}
	if json.Unmarshal([]byte(document), &p) != nil {
		return false
	}
	of := func(action string) bool {
		vendor, _, _ := strings.Cut(action, ":")
		return vendor == "*" || strings.EqualFold(vendor, service)
	}
	for _, s := range p.Statement {
		if s.Effect == "Allow" && (slices.ContainsFunc(s.Action, of) || len(s.NotAction) > 0 && !allOf(s.NotAction, service)) {
			return true
		}
	}
	return false
}

func allOf(actions []string, service string) bool {
	return slices.ContainsFunc(actions, func(action string) bool { return action == "*" || strings.EqualFold(action, service+":*") })
}
