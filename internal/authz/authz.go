// Package authz says what every operation needs and decides whether a caller has
// it: the action, the ARN of the resource and the values of condition keys,
// asked of the policies that govern the caller.
//
// It knows operations by their schemas and a table (operations.txt), and reads
// inputs without knowing their types. It reads no policy language (package policy
// does), keeps no policies (package iam/directory does) and checks no signature.
// The edge asks it before an operation runs, and package bucket, which speaks S3
// by itself, for each of its own.
package authz

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/policy"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Directory is who there is; *directory.Directory is one.
type Directory interface {
	Governing(ctx context.Context, p iam.Principal) (directory.Governing, error)
	User(ctx context.Context, name string) (directory.User, error)
	Group(ctx context.Context, name string) (directory.Group, error)
	Role(ctx context.Context, name string) (directory.Role, error)
}

// Params are the parts of an Authorizer.
type Params struct {
	Services  []*schema.Service // whose operations are asked about
	Directory Directory         // nil only with Open
	Catalog   *catalog.Catalog
	// Tags finds the tags of a resource that is not a user, group or role; nil:
	// none has tags. It is asked only when a policy asks.
	Tags func(ctx context.Context, arn string) map[string]string
	// Provisioned finds the ARN of provisioned throughput by its name, ID or ARN;
	// nil: there is none.
	Provisioned func(ctx context.Context, account, region, identifier string) (arn string, ok bool)
	// ProfileModels finds the ARNs of the models behind the ARN of an application
	// inference profile or a prompt router; nil: there is none. It asks no store.
	ProfileModels func(account, region, arn string) (models []string, ok bool)
	// KeyOwner finds the name of the user who has an access key; nil: nobody has.
	KeyOwner func(ctx context.Context, accessKeyID string) (user string, ok bool)
	// Own tells the IDs of models that are the operator's own, which no catalog
	// has; nil: there are none.
	Own func(id string) bool
	// BaseRole finds the role that a knowledge base works in, by its ID; empty:
	// there is none.
	BaseRole func(ctx context.Context, account, region, id string) (roleARN string)
	// Resource finds the policies of a resource by its ARN; nil: none has any.
	Resource func(ctx context.Context, arn string) ([]policy.Attached, error)
	// Service are the service control policies, level by level; nil: none. It is
	// asked for every request.
	Service func() [][]policy.Attached
	// Endpoints finds the policies of a VPC endpoint by its ID; nil result: it
	// has none. Nil: no endpoint has.
	Endpoints func(id string) []policy.Attached
	// Open lets everybody do everything; what a call works on is still noted.
	Open bool
	Now  func() time.Time // time.Now when nil
}

// Authorizer decides. It is safe for concurrent use.
type Authorizer struct {
	p    Params
	rows map[*schema.Operation]*row

	modelARNs    sync.Map // modelKey → string
	destinations sync.Map // modelKey → []string
}

// New compiles the table against the schemas. It fails when an operation has no
// row, or one that does not fit.
func New(p Params) (*Authorizer, error) {
	if p.Now == nil {
		p.Now = time.Now
	}
	a := &Authorizer{p: p, rows: map[*schema.Operation]*row{}}
	sections, err := readTable(operationsText)
	if err != nil {
		return nil, err
	}
	for _, service := range p.Services {
		id := cmp.Or(service.Door, service.ID)
		s := sections[id]
		if s == nil {
			return nil, fmt.Errorf("operations.txt has no section %s", id)
		}
		if len(s.operations) != len(service.Operations) {
			return nil, fmt.Errorf("operations.txt has %d rows for the %d operations of %s", len(s.operations), len(service.Operations), id)
		}
		for _, op := range service.Operations {
			if a.rows[op], err = s.compile(op); err != nil {
				return nil, fmt.Errorf("operations.txt: %s: %w", service.ID, err)
			}
		}
	}
	return a, nil
}

// question is one request on its way through the policies. It answers for the
// condition keys.
type question struct {
	ctx       context.Context
	a         *Authorizer
	call      *call.Call
	header    http.Header
	input     any
	row       *row
	partition string
	region    string // aws:RequestedRegion
	bearer    string // bedrock:BearerTokenType
	now       time.Time
	more      map[string][]string // condition keys that who asks knows
	given     string              // stands for the members of an input that is not there

	principalTags map[string]string
	set           policy.Set
	target        *target

	taggedARN string
	tagged    map[string]string
}

// Authorize decides whether the call's principal may run the operation on what
// its input names, and notes that in the call. Its faults are Denied with AWS's
// text, and those of iam.ErrUnknownKey for a principal that has been deleted.
//
// The account's owner may do everything, whatever any policy says: who locks
// everybody out by mistake has to be able to come in. Only a VPC endpoint can be
// closed to them, for that is about the way in and not about the caller.
func (a *Authorizer) Authorize(v *observe.View) error {
	q := a.question(v)
	if q.row == nil {
		return fault.New(fault.Denied, "Nobody may call %s.", v.Call.Operation)
	}
	var room [2]target
	targets := q.targets(room[:0])
	for i := range q.row.needs {
		if n := &q.row.needs[i]; n.service {
			v.Call.Resource = q.need(n, nil)[0].resource
			break
		}
	}
	for i := range targets {
		if targets[i].resource != "*" && targets[i].passedTo == "" {
			v.Call.Resource = targets[i].resource
			break
		}
	}
	if a.p.Open {
		return nil
	}
	if err := q.govern(v.Service); err != nil {
		return err
	}
	if q.bearer != "" {
		if err := q.decide(&target{action: "bedrock:CallWithBearerToken", resource: "*"}); err != nil {
			return err
		}
	}
	for i := range targets {
		if err := q.decide(&targets[i]); err != nil {
			return err
		}
	}
	return q.assumable(v.Op.Name, targets)
}

func (a *Authorizer) question(v *observe.View) *question {
	return &question{
		ctx: context.Background(), a: a, call: v.Call, header: v.Header, input: v.Input, row: a.rows[v.Op],
		partition: a.p.Catalog.Partition(v.Call.Region),
	}
}

// Decide says whether the call's principal may perform an action ("s3:GetObject")
// on a resource. values are the condition keys, in lower case, that the caller
// knows beside the global ones. Faults are as Authorize's.
func (a *Authorizer) Decide(ctx context.Context, c *call.Call, action, resource string, values map[string][]string) error {
	if a.p.Open {
		return nil
	}
	q := &question{ctx: ctx, a: a, call: c, partition: a.p.Catalog.Partition(c.Region), more: values}
	if err := q.govern(nil); err != nil {
		return err
	}
	return q.decide(&target{action: action, resource: resource})
}

// targets are everything that the operation needs, what is named first first.
func (q *question) targets(to []target) []target {
	for i := range q.row.needs {
		n := &q.row.needs[i]
		if n.service {
			continue
		}
		to = q.need(n, to)
	}
	return to
}

func (q *question) need(n *need, to []target) []target {
	if n.guard != nil {
		if _, ok := n.guard.first(q.input); ok == n.absent {
			return to
		}
	}
	before := len(to)
	for j := range n.resources {
		var ok bool
		if to, ok = n.resources[j].expand(q, n.action, to); ok {
			break
		}
	}
	if len(to) == before && !n.optional {
		to = append(to, target{action: n.action, resource: "*"}) // never nothing
	}
	return to
}

// govern finds the policies that have a say.
func (q *question) govern(service *schema.Service) error {
	g, err := q.a.p.Directory.Governing(q.ctx, q.call.Principal)
	if err != nil {
		return err
	}
	q.set, q.principalTags = g.Set, g.Tags
	if q.a.p.Service != nil {
		q.set.Service = q.a.p.Service()
	}
	if id := q.call.Source.Endpoint; id != "" && q.a.p.Endpoints != nil {
		q.set.Endpoint = q.a.p.Endpoints(id)
	}
	q.now = q.a.p.Now()
	q.region = q.call.Region
	if service != nil && !regional(service.SigningName) {
		q.region = "us-east-1" // where the services without regions are
	}
	q.bearer = bearerType(q.header)
	return nil
}

func regional(service string) bool { return service != "iam" && service != "ce" }

// bearerType tells a short-term API key from a long-term one; empty: the request
// has neither.
func bearerType(h http.Header) string {
	authorization := h["Authorization"]
	if len(authorization) == 0 {
		return ""
	}
	scheme, token, ok := strings.Cut(authorization[0], " ")
	switch {
	case !ok || !strings.EqualFold(scheme, "Bearer"):
		return ""
	case strings.HasPrefix(strings.TrimSpace(token), "bedrock-api-key-"):
		return "SHORT_TERM"
	}
	return "LONG_TERM"
}

// decide asks the policies about one target.
func (q *question) decide(t *target) error {
	q.target = t
	if t.role != nil {
		return q.decideFor(t)
	}
	if err := q.attached(); err != nil {
		return err
	}
	r := policy.Request{Principal: q.call.Principal, Action: t.action, Resource: t.resource, Values: q}
	if d := policy.Evaluate(&r, &q.set); !d.Allowed {
		return q.denied(&d)
	}
	return nil
}

// attached finds the policies of the target itself.
func (q *question) attached() (err error) {
	if q.a.p.Resource != nil && q.target.resource != "*" {
		q.set.Resource, err = q.a.p.Resource(q.ctx, q.target.resource)
		return err
	}
	q.set.Resource = nil
	return nil
}

// denied says no in AWS's words.
func (q *question) denied(d *policy.Decision) error {
	return fault.New(fault.Denied, "%s", q.text(d))
}

// text is the sentence of a denial. What works on nothing in particular names no
// resource, but where AWS says that it is everything.
func (q *question) text(d *policy.Decision) string {
	resource, action := q.target.resource, q.target.action
	if strings.HasPrefix(action, "s3:") && resource != "*" {
		resource = `"` + resource + `"`
	}
	text := d.Text(q.call.Principal.ARN, action, resource)
	if resource == "*" && (strings.HasPrefix(action, "iam:") || action == "bedrock:CallWithBearerToken") {
		text = strings.Replace(text, "perform: "+action, "perform: "+action+" on resource: *", 1)
	}
	return text
}
