package iam

import (
	"context"
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/iam"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/policy"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// simulation is what a request for a simulation says, of either operation.
type simulation struct {
	principal iam.Principal
	set       policy.Set
	values    values
	actions   []string
	resources []string
	owner     string // account of the resources; empty: the principal's
	written   map[string]string
	places    map[place]api.Statement // those that have been looked up
}

// values are the condition keys that a simulation is given, in lower case.
type values map[string][]string

// Get implements policy.Values.
func (v values) Get(key string) ([]string, bool) {
	list, ok := v[key]
	return list, ok
}

// SimulateCustomPolicy implements api.Service.
func (s *Service) SimulateCustomPolicy(_ context.Context, in *api.SimulateCustomPolicyInput) (*api.SimulateCustomPolicyOutput, error) {
	x := simulation{values: values{}, set: policy.Set{Identity: []policy.Attached{}}}
	if err := x.identity(in.PolicyInputList); err != nil {
		return nil, err
	}
	for _, level := range in.OrderedOrganizationPolicyInputList {
		docs, err := parse(policy.Service, level.ServiceControlPolicyInputList, "ServiceControlPolicyInputList")
		if err != nil {
			return nil, err
		}
		x.set.Service = append(x.set.Service, docs)
	}
	err := x.take(given{
		actions: in.ActionNames, resources: in.ResourceArns, boundaries: in.PermissionsBoundaryPolicyInputList, entries: in.ContextEntries,
		resourcePolicy: in.ResourcePolicy, owner: in.ResourceOwner, caller: in.CallerArn,
	})
	if err != nil {
		return nil, err
	}
	results, truncated, marker, err := x.page(in.Marker, in.MaxItems)
	return &api.SimulateCustomPolicyOutput{EvaluationResults: results, IsTruncated: truncated, Marker: marker}, err
}

// SimulatePrincipalPolicy implements api.Service.
func (s *Service) SimulatePrincipalPolicy(ctx context.Context, in *api.SimulatePrincipalPolicyInput) (*api.SimulatePrincipalPolicyOutput, error) {
	g, e, err := s.source(ctx, schema.Deref(in.PolicySourceArn))
	if err != nil {
		return nil, err
	}
	x := simulation{values: values{}, set: g.Set}
	x.set.Identity = exclude(x.set.Identity, in.PolicyExclusionList)
	x.set.Boundary = exclude(x.set.Boundary, in.PolicyExclusionList)
	x.set.Service = s.organization()
	x.principal = iam.Principal{Type: iam.User, Account: s.dir.Account(), ARN: e.ARN, UserID: e.ID, Name: e.Name}
	if e.Sort == directory.SortUser {
		x.values["aws:username"] = []string{e.Name}
	}
	if e.Sort != directory.SortGroup {
		x.values["aws:userid"] = []string{e.ID}
		x.values["aws:principalarn"] = []string{e.ARN}
		x.values["aws:principalaccount"] = []string{s.dir.Account()}
	}
	for key, value := range g.Tags {
		x.values["aws:principaltag/"+strings.ToLower(key)] = []string{value}
	}
	if err := x.identity(in.PolicyInputList); err != nil {
		return nil, err
	}
	err = x.take(given{
		actions: in.ActionNames, resources: in.ResourceArns, boundaries: in.PermissionsBoundaryPolicyInputList, entries: in.ContextEntries,
		resourcePolicy: in.ResourcePolicy, owner: in.ResourceOwner, caller: in.CallerArn,
	})
	if err != nil {
		return nil, err
	}
	results, truncated, marker, err := x.page(in.Marker, in.MaxItems)
	return &api.SimulatePrincipalPolicyOutput{EvaluationResults: results, IsTruncated: truncated, Marker: marker}, err
}

// source finds the entity that an ARN names, with its policies.
func (s *Service) source(ctx context.Context, arn string) (directory.Governing, directory.Entity, error) {
	who, ok := s.who(arn)
	if !ok {
		return directory.Governing{}, directory.Entity{}, invalidInput("Invalid Entity Arn: %s does not clearly define entity type and name.", arn)
	}
	g, e, err := s.dir.GoverningEntity(ctx, who)
	if err == nil && e.ARN != arn {
		// The ARN is what the caller was allowed to ask about: one of another path
		// or case is nobody's, whoever has the name.
		return directory.Governing{}, directory.Entity{}, fault.New(fault.NotFound, "The %s with name %s cannot be found.", who.Sort, who.Name).WithCode("NoSuchEntity")
	}
	return g, e, err
}

// who reads the ARN of a user, group or role of this account.
func (s *Service) who(arn string) (directory.Who, bool) {
	rest, ok := strings.CutPrefix(arn, "arn:aws:iam::"+s.dir.Account()+":")
	sort, path, found := strings.Cut(rest, "/")
	name := nameOfARN("/" + path)
	switch directory.Sort(sort) {
	case directory.SortUser, directory.SortGroup, directory.SortRole:
		return directory.Who{Sort: directory.Sort(sort), Name: name}, ok && found && name != ""
	}
	return directory.Who{}, false
}

// exclude leaves out the policies that a request names.
func exclude(list []policy.Attached, excluded []api.PolicyIdentifier) []policy.Attached {
	if list == nil {
		return nil
	}
	kept := []policy.Attached{}
	for _, a := range list {
		if !slices.ContainsFunc(excluded, func(p api.PolicyIdentifier) bool {
			if p.InlinePolicyIdentifier == nil {
				return a.ID == schema.Deref(p.PolicyArn)
			}
			return a.ID == schema.Deref(p.InlinePolicyIdentifier.PolicyName) && strings.HasSuffix(a.Owner, "/"+schema.Deref(p.InlinePolicyIdentifier.AttachmentName))
		}) {
			kept = append(kept, a)
		}
	}
	return kept
}

// parse reads the policies of a list of a request, which are named by it.
func parse(kind policy.Kind, texts []string, list string) ([]policy.Attached, error) {
	docs := []policy.Attached{}
	for i, text := range texts {
		doc, err := policy.Parse(kind, text)
		if err != nil {
			return nil, asInput(err)
		}
		docs = append(docs, policy.Attached{Document: doc, ID: list + "." + strconv.Itoa(i+1), Type: "none"})
	}
	return docs, nil
}

// identity adds the policies that a request brings along.
func (x *simulation) identity(texts []string) error {
	docs, err := parse(policy.Identity, texts, "PolicyInputList")
	x.set.Identity = append(slices.Clip(x.set.Identity), docs...)
	return err
}

// given are the members that both operations have.
type given struct {
	actions, resources, boundaries []string
	entries                        []api.ContextEntry
	resourcePolicy, owner, caller  *string
}

func (x *simulation) take(g given) error {
	x.actions, x.resources = g.actions, g.resources
	for _, action := range g.actions {
		vendor, name, ok := strings.Cut(action, ":")
		if !ok || vendor == "" || name == "" || strings.ContainsAny(action, "*?") {
			return invalidInput("Invalid Action Name: %s", action)
		}
	}
	if len(g.boundaries) > 0 {
		docs, err := parse(policy.Identity, g.boundaries, "PermissionsBoundaryPolicyInputList")
		if err != nil {
			return err
		}
		x.set.Boundary = docs
	}
	if text := schema.Deref(g.resourcePolicy); text != "" {
		docs, err := parse(policy.Resource, []string{text}, "ResourcePolicy")
		if err != nil {
			return err
		}
		docs[0].ID, docs[0].Type = "ResourcePolicy", "resource"
		x.set.Resource = docs
	}
	x.owner = schema.Deref(g.owner)
	if parts := strings.SplitN(x.owner, ":", 6); len(parts) == 6 {
		x.owner = parts[4]
	}
	if arn := schema.Deref(g.caller); arn != "" {
		if err := x.call(arn); err != nil {
			return err
		}
	}
	for _, entry := range g.entries {
		list := entry.ContextKeyValues
		if strings.HasPrefix(string(entry.ContextKeyType), "binary") {
			list = slices.Clone(list)
			for i, text := range list {
				plain, err := base64.StdEncoding.DecodeString(text)
				if err != nil {
					return invalidInput("Invalid Binary Value: %s", text)
				}
				list[i] = string(plain)
			}
		}
		x.values[strings.ToLower(schema.Deref(entry.ContextKeyName))] = list
	}
	x.written = map[string]string{}
	for _, layer := range append([][]policy.Attached{x.set.Identity, x.set.Boundary, x.set.Resource}, x.set.Service...) {
		for _, a := range layer {
			for _, key := range a.ContextKeys() {
				x.written[strings.ToLower(key)] = key
			}
		}
	}
	return nil
}

// call makes the user of an ARN the caller.
func (x *simulation) call(arn string) error {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[2] != "iam" || !strings.HasPrefix(parts[5], "user/") {
		return invalidInput("Invalid Caller Arn: %s", arn)
	}
	name := nameOfARN(arn)
	x.principal = iam.Principal{Type: iam.User, Account: parts[4], ARN: arn, Name: name, UserID: x.principal.UserID}
	x.values["aws:username"] = []string{name}
	x.values["aws:principalarn"] = []string{arn}
	x.values["aws:principalaccount"] = []string{parts[4]}
	return nil
}

// action simulates an action on every resource. On several it is as good as on
// the worst of them.
func (x *simulation) action(action string) api.EvaluationResult {
	out := api.EvaluationResult{
		EvalActionName: ptr(action), EvalResourceName: ptr("*"),
		MatchedStatements: []api.Statement{}, MissingContextValues: []string{},
	}
	resources := x.resources
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	missing := map[string]bool{}
	for _, resource := range resources {
		one := x.resource(action, resource)
		if len(resources) == 1 {
			out.EvalResourceName, out.MatchedStatements = one.EvalResourceName, one.MatchedStatements
		}
		if worse(one.EvalResourceDecision, out.EvalDecision) {
			out.EvalDecision = one.EvalResourceDecision
		}
		if d := one.PermissionsBoundaryDecisionDetail; d != nil &&
			(out.PermissionsBoundaryDecisionDetail == nil || !*d.AllowedByPermissionsBoundary) {
			out.PermissionsBoundaryDecisionDetail = d
		}
		if x.set.Service != nil {
			allowed := x.organization(action, resource)
			if d := out.OrganizationsDecisionDetail; d == nil || !allowed {
				out.OrganizationsDecisionDetail = &api.OrganizationsDecisionDetail{AllowedByOrganizations: ptr(allowed)}
			}
		}
		for _, key := range one.MissingContextValues {
			missing[key] = true
		}
		if len(x.resources) > 0 {
			out.ResourceSpecificResults = append(out.ResourceSpecificResults, one)
		}
	}
	out.MissingContextValues = append(out.MissingContextValues, slices.Sorted(maps.Keys(missing))...)
	return out
}

func worse(a, b api.PolicyEvaluationDecisionType) bool {
	order := map[api.PolicyEvaluationDecisionType]int{
		api.PolicyEvaluationDecisionTypeAllowed: 1, api.PolicyEvaluationDecisionTypeImplicitDeny: 2, api.PolicyEvaluationDecisionTypeExplicitDeny: 3,
	}
	return order[a] > order[b]
}

func (x *simulation) request(action, resource string) *policy.Request {
	return &policy.Request{Principal: x.principal, Action: action, Resource: resource, Values: x.values, ResourceAccount: x.owner}
}

func (x *simulation) resource(action, resource string) api.ResourceSpecificResult {
	r := x.request(action, resource)
	d := policy.Explain(r, &x.set)
	out := api.ResourceSpecificResult{
		EvalResourceName: ptr(resource), EvalResourceDecision: api.PolicyEvaluationDecisionTypeImplicitDeny,
		MatchedStatements: []api.Statement{}, MissingContextValues: []string{},
	}
	switch {
	case d.Allowed:
		out.EvalResourceDecision = api.PolicyEvaluationDecisionTypeAllowed
	case d.Explicit:
		out.EvalResourceDecision = api.PolicyEvaluationDecisionTypeExplicitDeny
	}
	for _, m := range d.Matches {
		// The statements that made the decision: those that deny, if any does.
		if m.Deny == d.Explicit && (m.Layer == policy.ByIdentity || m.Layer == policy.ByResource) {
			out.MatchedStatements = append(out.MatchedStatements, x.statement(m))
		}
	}
	for _, key := range d.Missing {
		if written, ok := x.written[key]; ok {
			key = written
		}
		out.MissingContextValues = append(out.MissingContextValues, key)
	}
	if x.set.Boundary != nil {
		allowed := policy.Evaluate(r, &policy.Set{Identity: x.set.Boundary}).Allowed
		out.PermissionsBoundaryDecisionDetail = &api.PermissionsBoundaryDecisionDetail{AllowedByPermissionsBoundary: ptr(allowed)}
	}
	return out
}

// organization tells whether the service control policies alone would allow.
func (x *simulation) organization(action, resource string) bool {
	for _, level := range x.set.Service {
		if !policy.Evaluate(x.request(action, resource), &policy.Set{Identity: level}).Allowed {
			return false
		}
	}
	return true
}

// statementOf names a statement and its place. AWS's place begins where the
// bracket or the statement before it ended.
func statementOf(m policy.Match) api.Statement {
	text := m.Policy.Text()
	before := strings.TrimRight(text[:m.Start], " \t\r\n")
	before = strings.TrimRight(strings.TrimSuffix(before, ","), " \t\r\n")
	id, kind := m.Policy.ID, api.PolicySourceType("IAM Policy")
	switch m.Policy.Type {
	case "user", "group", "role":
		id = m.Policy.Type + "_" + nameOfARN(m.Policy.Owner) + "_" + id
	case "resource":
		kind = "Resource Policy"
	default:
		if strings.HasPrefix(id, "arn:") {
			id = nameOfARN(id)
		}
	}
	return api.Statement{
		SourcePolicyId: ptr(id), SourcePolicyType: kind,
		StartPosition: position(text, len(before)), EndPosition: position(text, m.End),
	}
}

// position is a place in a text: lines and columns from 1.
func position(text string, at int) *api.Position {
	before := text[:at]
	line := strings.Count(before, "\n") + 1
	column := len([]rune(before[strings.LastIndexByte(before, '\n')+1:])) + 1
	return &api.Position{Line: ptr(int32(line)), Column: ptr(int32(column))}
}
