package authz

import (
	"strings"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/policy"
)

// assumable checks the roles that the caller hands to Bedrock: their trust
// policies must let it take them on. A role that the directory does not have is
// accepted: programs name roles of the account that they were written for, and
// nothing here works with a role's permissions.
func (q *question) assumable(operation string, targets []target) error {
	for i := range targets {
		t := &targets[i]
		if t.passedTo == "" {
			continue
		}
		_, name, ok := entityOf(t.resource)
		if !ok || q.a.p.Directory == nil {
			continue
		}
		role, err := q.a.p.Directory.Role(q.ctx, name)
		if err != nil || role.ARN != t.resource {
			continue
		}
		if !q.trusts(role, operation, t.passedTo) {
			return fault.New(fault.Invalid, "%s was unable to assume the given role. Provide the proper permissions and retry the request.", taker(operation))
		}
	}
	return nil
}

func (q *question) trusts(role directory.Role, operation, service string) bool {
	document, err := role.Trust()
	if err != nil {
		return false // it allows nobody
	}
	r := policy.Request{
		Principal: iam.Principal{Type: policy.AWSService, Name: service},
		Action:    "sts:AssumeRole", Resource: role.ARN,
		Values: trustValues{"aws:sourceaccount": {q.call.Account}, "aws:sourcearn": {q.bedrockARN(made(operation) + "/*")}},
	}
	return policy.Evaluate(&r, &policy.Set{Resource: []policy.Attached{{Document: document, ID: role.ARN, Type: "role", Owner: role.ARN}}}).Allowed
}

// trustValues are the condition keys of a service that takes on a role.
type trustValues map[string][]string

// Get implements policy.Values.
func (v trustValues) Get(key string) ([]string, bool) {
	values, ok := v[key]
	return values, ok
}

// readable are objects that a data source will read. The knowledge base's role
// has to be able to, as at AWS. The server reads its buckets with an access of
// its own; so where the directory does not have the role, the caller has to.
func (q *question) readable(action string, values []string, to []target) []target {
	role := q.baseRole()
	for _, value := range values {
		if _, name, ok := strings.Cut(value, ":s3:::"); ok {
			value = bucketARN + name // of any partition
		}
		to = append(to, target{action: action, resource: value, role: role})
	}
	return to
}

// baseRole is the role of the knowledge base that the input names, if the
// directory has it.
func (q *question) baseRole() *directory.Role {
	if q.row.base == nil || q.a.p.BaseRole == nil || q.a.p.Directory == nil {
		return nil
	}
	id, ok := q.row.base.first(q.input)
	if !ok {
		return nil
	}
	arn := q.a.p.BaseRole(q.ctx, q.call.Account, q.call.Region, id)
	_, name, ok := entityOf(arn)
	if !ok {
		return nil
	}
	role, err := q.a.p.Directory.Role(q.ctx, name)
	if err != nil || role.ARN != arn {
		return nil
	}
	return &role
}

// sessionName is how Bedrock calls its sessions of a knowledge base's role.
const sessionName = "DocumentLoaderTask"

// decideFor asks whether a role has the permission. Its lack is a mistake in what
// the caller asks for, and not a denial of it.
func (q *question) decideFor(t *target) error {
	who := iam.Principal{
		Type: iam.AssumedRole, Account: q.call.Account, Name: t.role.Name, UserID: t.role.ID + ":" + sessionName,
		ARN: "arn:aws:sts::" + q.call.Account + ":assumed-role/" + t.role.Name + "/" + sessionName,
	}
	c := &call.Call{Account: q.call.Account, Region: q.call.Region, Principal: who}
	err := q.a.Decide(q.ctx, c, t.action, t.resource, nil)
	if fault.Is(err, fault.Denied) {
		return fault.Wrap(fault.Invalid, err, "%s", fault.As(err).Message)
	}
	return err
}

// made is the type of what an operation makes or changes, as ARNs have it:
// "model-invocation-job" of CreateModelInvocationJob.
func made(operation string) string {
	for _, verb := range [...]string{"Create", "Update", "Put"} {
		operation = strings.TrimPrefix(operation, verb)
	}
	var b strings.Builder
	for i, r := range operation {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte('-')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// taker is who the message says would take on the role.
func taker(operation string) string {
	if strings.HasSuffix(operation, "KnowledgeBase") {
		return "Bedrock Knowledge Base"
	}
	return "Bedrock"
}
