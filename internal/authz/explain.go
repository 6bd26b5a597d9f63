package authz

import (
	"context"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/policy"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Explanation is a decision with its reasons.
type Explanation struct {
	Action   string
	Resource string
	Decision policy.Decision
	Text     string // of the denial; empty when it is allowed
}

// Explain tells how it would be decided on an action ("bedrock:InvokeModel") or
// an operation ("Converse", "bedrock:Converse") for the principal of c. A model's
// identifier, or a name where the operation's resource has one, may stand for the
// ARN. There is one explanation for each permission that is needed, in the order
// in which they are asked.
//
// values are the condition keys of the request, in lower case; they come before
// what c says. An action that nobody knows is explained as it is.
func (a *Authorizer) Explain(ctx context.Context, c *call.Call, action, resource string, values map[string][]string) ([]Explanation, error) {
	q := &question{ctx: ctx, a: a, call: c, partition: a.p.Catalog.Partition(c.Region), more: values}
	service, op := a.operation(action)
	if err := q.govern(service); err != nil {
		return nil, err
	}
	var targets []target
	switch {
	case op != nil:
		targets = q.named(a.rows[op], resource)
	case strings.HasPrefix(action, "bedrock:InvokeModel") || action == "bedrock:CountTokens":
		targets = q.model(action, resource, nil)
	case !strings.Contains(action, ":"):
		return nil, fault.New(fault.Invalid, "%s is neither an action, as bedrock:InvokeModel, nor an operation, as Converse", action)
	default:
		targets = []target{{action: action, resource: resource}}
	}
	explanations := make([]Explanation, 0, len(targets))
	for i := range targets {
		q.target = &targets[i]
		if err := q.attached(); err != nil {
			return nil, err
		}
		r := policy.Request{Principal: c.Principal, Action: targets[i].action, Resource: targets[i].resource, Values: q}
		d := policy.Explain(&r, &q.set)
		x := Explanation{Action: r.Action, Resource: r.Resource, Decision: d}
		if !d.Allowed {
			x.Text = q.text(&d)
		}
		explanations = append(explanations, x)
	}
	return explanations, nil
}

// named are the targets of an operation without an input. What is given stands
// for the members of the first need that has any; needs with others are left out.
func (q *question) named(r *row, given string) []target {
	q.row = r
	var targets []target
	used := false
	for i := range r.needs {
		n := &r.needs[i]
		if n.members() {
			if used {
				continue
			}
			used = true
			if given != "*" {
				q.given = given
			}
		}
		targets = q.need(n, targets)
		q.given = ""
	}
	return targets
}

// members tells whether the ARN of a need is made of members of the input.
func (n *need) members() bool {
	for _, r := range n.resources {
		for _, p := range r.parts {
			if p.member != nil {
				return true
			}
		}
	}
	return false
}

// operation finds an operation by its name, with the prefix of its actions or
// without. What is an action in its own right is none, but where the operation
// needs more.
func (a *Authorizer) operation(name string) (*schema.Service, *schema.Operation) {
	prefix, bare, has := strings.Cut(name, ":")
	if !has {
		prefix, bare = "", name
	}
	for _, service := range a.p.Services {
		if has && actionPrefix(service) != prefix {
			continue
		}
		for _, op := range service.Operations {
			if strings.EqualFold(op.Name, bare) {
				return service, op
			}
		}
	}
	return nil, nil
}

// actionPrefix is what the actions of a service begin with.
func actionPrefix(service *schema.Service) string {
	if service.ID == "monitoring" {
		return "cloudwatch"
	}
	return service.SigningName
}

// Principal finds a caller by what people write: a name of a user, or of a role
// where no user has it, user/NAME, role/NAME, root, or an ARN of one of them or
// of a session. It is fault.NotFound when there is none.
func (a *Authorizer) Principal(ctx context.Context, account, who string) (iam.Principal, error) {
	kind, name := "", who
	if strings.HasPrefix(who, "arn:") {
		fields := strings.SplitN(who, ":", 6)
		if len(fields) != 6 || fields[4] != account {
			return iam.Principal{}, fault.New(fault.NotFound, "%s is not of the account %s", who, account)
		}
		name = fields[5]
	}
	if name == "root" {
		return iam.RootPrincipal(account, ""), nil
	}
	session := "explain"
	if k, rest, ok := strings.Cut(name, "/"); ok {
		kind, name = k, rest
		if kind == "assumed-role" {
			kind = "role"
			name, session, _ = strings.Cut(name, "/")
		}
		name = name[strings.LastIndexByte(name, '/')+1:]
	}
	if kind == "" || kind == "user" {
		u, err := a.p.Directory.User(ctx, name)
		if err == nil {
			return iam.Principal{Type: iam.User, Account: account, ARN: u.ARN, UserID: u.ID, Name: u.Name}, nil
		}
		if kind == "user" || !fault.Is(err, fault.NotFound) {
			return iam.Principal{}, err
		}
	}
	if kind == "" || kind == "role" {
		r, err := a.p.Directory.Role(ctx, name)
		if err == nil {
			return iam.Principal{
				Type: iam.AssumedRole, Account: account, ARN: "arn:aws:sts::" + account + ":assumed-role/" + r.Name + "/" + session,
				UserID: r.ID + ":" + session, Name: r.Name, Session: &iam.Session{Name: session, Issued: a.p.Now()},
			}, nil
		}
		if kind == "role" || !fault.Is(err, fault.NotFound) {
			return iam.Principal{}, err
		}
	}
	return iam.Principal{}, fault.New(fault.NotFound, "there is no user and no role %s", who)
}

// Operation is an operation with what it needs, for people.
type Operation struct {
	Service, Name string
	Needs         []Need
}

// Need is one permission of an operation.
type Need struct {
	Action   string
	Resource string // as operations.txt writes it
	When     string // only then; empty: always
}

// Operations lists the table.
func (a *Authorizer) Operations() []Operation {
	var all []Operation
	for _, service := range a.p.Services {
		for _, op := range service.Operations {
			o := Operation{Service: service.ID, Name: op.Name}
			for _, n := range a.rows[op].needs {
				o.Needs = append(o.Needs, n.public())
			}
			all = append(all, o)
		}
	}
	return slices.Clip(all)
}

func (n *need) public() Need {
	text := strings.TrimLeft(n.text, "?~")
	text, guard, _ := strings.Cut(text, " if ")
	if _, resource, ok := strings.Cut(text, " on "); ok {
		text = resource
	}
	p := Need{Action: n.action, Resource: text}
	switch {
	case guard != "":
		p.When = "with " + strings.Trim(guard, "{}")
	case n.optional:
		p.When = "when the request names it"
	case n.service:
		p.When = "or the resource's own policy"
	}
	return p
}
