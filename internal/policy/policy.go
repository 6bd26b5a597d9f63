// Package policy reads IAM policy documents and decides by them: AWS's language
// of statements, and its rules of evaluation across the policies that govern one
// request.
//
// It is pure: it keeps nothing, looks nothing up and knows no HTTP. Package
// iam/directory knows which policies a principal has, package authz what an
// operation needs and what the condition keys are worth. What is read is
// compiled once and then safe for concurrent use.
package policy

import "github.com/outcrop/outcrop/internal/iam"

// Kind says where a document is used, and so which elements it may have.
type Kind uint8

// The kinds of documents.
const (
	Identity Kind = iota // no Principal
	Trust                // of a role: Principal and no Resource
	Resource             // attached to a resource or to a VPC endpoint: Principal and Resource
	Service              // a service control policy
	Managed              // Identity as a policy of its own, which must name the version 2012-10-17
)

// Attached is a document where it is attached.
type Attached struct {
	*Document

	// ID is the ARN of a managed policy or the name of an inline one.
	ID string
	// Type is the SourcePolicyType of a simulation: "IAM Policy", "user",
	// "group", "role", "aws-managed", "user-managed", "resource", …
	Type string
	// Owner is the ARN of the user, group or role that has it.
	Owner string
}

// Set is every policy that has a say about a request. A nil list is a layer that
// is not there; an empty one that is not nil is there and allows nothing. Somebody
// must allow in any case, so a nil Identity allows nothing too. A policy without a
// Document counts as one that denies everything.
type Set struct {
	Identity []Attached
	Boundary []Attached   // the permissions boundary: at most one
	Session  []Attached   // policies of the session, together
	Service  [][]Attached // service control policies, level by level: each must allow
	Endpoint []Attached   // policy of the VPC endpoint that the request came through
	Resource []Attached   // policies of the resource itself; the trust policy of a role that is assumed
}

// Values are the condition keys of a request. Get is asked only for keys that a
// policy names, in lower case; ok is false for a key that the request does not
// have, which is another thing than a key without values. The value of a key for
// BinaryEquals is its bytes.
type Values interface {
	Get(key string) (values []string, ok bool)
}

// Request is what is decided on.
type Request struct {
	Principal iam.Principal
	Action    string // "bedrock:InvokeModel"
	Resource  string // ARN; "*" for actions that work on nothing in particular
	Values    Values // nil: no keys at all
	// ResourceAccount owns the resource; empty: the principal's own account does.
	// Another account's resource needs the leave of both.
	ResourceAccount string
}

// Layer is a group of policies of a Set.
type Layer string

// The layers, in the order in which a denial names them.
const (
	ByIdentity Layer = "identity-based policy"
	ByBoundary Layer = "permissions boundary"
	BySession  Layer = "session policy"
	ByService  Layer = "service control policy"
	ByEndpoint Layer = "VPC endpoint policy"
	ByResource Layer = "resource-based policy"
	ByTrust    Layer = "role trust policy"
)

// Match is a statement that applied to a request.
type Match struct {
	Policy    Attached
	Layer     Layer
	Statement int    // position in the document, from 0
	SID       string // empty when it has none
	Deny      bool
	// Start and End are the statement's place in the text, in bytes.
	Start, End int
}

// Decision is what the policies say.
type Decision struct {
	Allowed  bool
	Explicit bool   // denied by a statement; otherwise by the lack of one
	By       Layer  // that denied
	Policy   string // ID of the policy that denied explicitly
	// Matches and Missing are for Explain: every statement that applied, and the
	// condition keys that policies asked for and the request does not have.
	Matches []Match
	Missing []string
}
