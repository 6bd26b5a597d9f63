package operator

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/policy"
)

// ExplainRequest asks whether somebody may do something.
type ExplainRequest struct {
	Principal string `json:"principal"` // ARN, or user/NAME, role/NAME, root
	// Action is one of IAM's ("bedrock:InvokeModel") or an operation ("Converse"),
	// which stands for every permission that it needs.
	Action   string              `json:"action"`
	Resource string              `json:"resource,omitempty"` // ARN, or the name that the operation takes; empty: "*"
	Region   string              `json:"region,omitempty"`   // of the request; empty: that of this one
	Context  map[string][]string `json:"context,omitempty"`  // condition keys of the request
}

// Explained is the answer.
type Explained struct {
	Principal string     `json:"principal"` // ARN
	Allowed   bool       `json:"allowed"`   // all of them
	Decisions []Decision `json:"decisions"` // one for each permission that is needed; none: the operation needs no permission
}

// Decision is about one permission.
type Decision struct {
	Action   string `json:"action"`
	Resource string `json:"resource"`
	Allowed  bool   `json:"allowed"`
	// Explicit: a statement denies it; otherwise no statement allows it.
	Explicit bool    `json:"explicitDeny"`
	Layer    string  `json:"layer"`   // that denied, such as "identity-based policy"; empty where it is allowed
	Policy   string  `json:"policy"`  // that denied explicitly
	Message  string  `json:"message"` // that the caller would read; empty where it is allowed
	Matches  []Match `json:"matches"` // every statement that is about the request
	// Missing are condition keys that policies ask for and the request does not have.
	Missing []string `json:"missingContextKeys"`
	// Unasked: the account's root may do everything, and no policy was asked.
	Unasked bool `json:"unasked"`
}

// Match is a statement that is about a request.
type Match struct {
	Layer     string `json:"layer"`
	Policy    string `json:"policy"` // ARN of a managed policy, or name of an inline one
	Type      string `json:"type"`
	Owner     string `json:"owner"` // ARN of the user, group or role that has the policy
	Statement int    `json:"statement"`
	SID       string `json:"sid"`
	Effect    string `json:"effect"`   // "Allow" or "Deny"
	Decisive  bool   `json:"decisive"` // it made the decision
	Text      string `json:"text"`
}

// explain answers POST /outcrop/iam/explain, with what outcrop iam explain shows.
func (a *API) explain(q *request) (any, error) {
	var in ExplainRequest
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if in.Principal == "" || in.Action == "" {
		return nil, fault.New(fault.Invalid, "The members principal and action are needed.")
	}
	if in.Resource == "" {
		in.Resource = "*"
	}
	if in.Region == "" {
		in.Region = q.call.Region
	}
	if !a.p.Catalog.HasRegion(in.Region) {
		return nil, fault.New(fault.Invalid, "There is no region %.100q with Amazon Bedrock.", in.Region)
	}
	values := map[string][]string{}
	for key, list := range in.Context {
		if !strings.Contains(key, ":") {
			return nil, fault.New(fault.Invalid, "%.100q is not a condition key, such as aws:SourceIp.", key)
		}
		key = strings.ToLower(key)
		values[key] = append(values[key], list...)
	}
	account := q.call.Account
	who, err := a.p.Explainer.Principal(q.Context(), account, in.Principal)
	if err != nil {
		return nil, err
	}
	c := &call.Call{Account: account, Region: in.Region, Principal: who, Start: a.p.Now()}
	if v := values["aws:sourcevpce"]; len(v) > 0 {
		c.Source.Endpoint = v[0] // whose policy has a say
	}
	if v := values["aws:sourceip"]; len(v) > 0 {
		c.Source.IP, _ = netip.ParseAddr(v[0]) // the value itself is what policies see
	}
	found, err := a.p.Explainer.Explain(q.Context(), c, in.Action, in.Resource, values)
	if err != nil {
		return nil, err
	}
	out := &Explained{Principal: who.ARN, Allowed: true, Decisions: []Decision{}}
	for i := range found {
		d := decision(&found[i].Decision)
		d.Action, d.Resource, d.Message = found[i].Action, found[i].Resource, found[i].Text
		out.Allowed = out.Allowed && d.Allowed
		out.Decisions = append(out.Decisions, d)
	}
	return out, nil
}

func decision(d *policy.Decision) Decision {
	out := Decision{Allowed: d.Allowed, Explicit: d.Explicit && !d.Allowed, Policy: d.Policy, Matches: []Match{}, Missing: list(d.Missing), Unasked: d.Allowed && len(d.Matches) == 0}
	if !d.Allowed {
		out.Layer = string(d.By)
	}
	decided := d.Deciding()
	for i := range d.Matches {
		m := &d.Matches[i]
		effect := "Allow"
		if m.Deny {
			effect = "Deny"
		}
		out.Matches = append(out.Matches, Match{
			Layer: string(m.Layer), Policy: m.Policy.ID, Type: m.Policy.Type, Owner: m.Policy.Owner, Statement: m.Statement + 1, SID: m.SID,
			Effect: effect, Decisive: decided == m, Text: m.Text(),
		})
	}
	return out
}

// Actions are the operations with what they need.
type Actions struct {
	Operations []Operation `json:"operations"`
	// Actions are all that requests can need, sorted.
	Actions []string `json:"actions"`
}

// Operation is an operation with what it needs.
type Operation struct {
	Service string `json:"service"`
	Name    string `json:"name"`
	Needs   []Need `json:"needs"` // none: it needs no permission
}

// Need is one permission of an operation.
type Need struct {
	Action   string `json:"action"`
	Resource string `json:"resource"` // the end of the ARN, with the members of the input in braces; "*": nothing in particular
	When     string `json:"when"`     // only then; empty: always
}

// actions answers GET /outcrop/iam/actions.
func (a *API) actions(*request) (any, error) {
	// Every request with an API key needs that one, whatever its operation is.
	out := &Actions{Operations: []Operation{}, Actions: []string{"bedrock:CallWithBearerToken"}}
	for _, o := range a.p.Explainer.Operations() {
		op := Operation{Service: o.Service, Name: o.Name, Needs: []Need{}}
		for _, n := range o.Needs {
			op.Needs = append(op.Needs, Need(n))
			out.Actions = append(out.Actions, n.Action)
		}
		out.Operations = append(out.Operations, op)
	}
	slices.Sort(out.Actions)
	out.Actions = slices.Compact(out.Actions)
	return out, nil
}
