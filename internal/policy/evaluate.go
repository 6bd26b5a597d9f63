package policy

import (
	"strings"

	"github.com/outcrop/outcrop/internal/iam"
)

// evaluation is a request taken apart once for all statements. It has copies and
// not the request, so that callers may have that on their stack.
type evaluation struct {
	principal iam.Principal
	foreign   bool // the resource is another account's
	values    lookup
	fields    [arnFields]string
	isARN     bool

	// The action in lower case: in room, or in long where that is too small.
	room       [128]byte
	long       []byte
	length     int
	colon      int
	actionHash uint64
	vendorHash uint64
}

func (e *evaluation) begin(r *Request) {
	e.principal, e.values.values = r.Principal, r.Values
	e.foreign = r.ResourceAccount != "" && r.ResourceAccount != r.Principal.Account
	e.fields, e.isARN = splitARN(r.Resource)
	e.length = len(r.Action)
	if e.length > len(e.room) {
		e.long = make([]byte, e.length)
	}
	action := e.action()
	for i := range action {
		action[i] = lower(r.Action[i])
	}
	e.colon = strings.IndexByte(r.Action, ':')
	e.actionHash, e.vendorHash = hash(e.action()), hash(e.vendor())
}

func (e *evaluation) action() []byte {
	if e.long != nil {
		return e.long
	}
	return e.room[:e.length]
}

// vendor and name are the action's two halves. What has no colon is all name.
func (e *evaluation) vendor() []byte { return e.action()[:max(e.colon, 0)] }

func (e *evaluation) name() []byte { return e.action()[e.colon+1:] }

// Evaluate decides. It allocates nothing on its usual way, and reads nothing but
// its arguments.
//
// An explicit deny in any layer wins. Without one, every layer that is there must
// allow: each level of service control policies, the endpoint's policy, the
// permissions boundary, the session's policies, and the principal's own policies
// or those of the resource. See docs/design/070-policy-evaluation.md for what a
// resource's policy replaces, and for the account's root.
func Evaluate(r *Request, s *Set) Decision {
	var e evaluation
	e.begin(r)
	if r.Principal.Type == iam.Root {
		// Root always gets in, so that no policy can lock everybody out. Where it
		// comes from is another matter: an endpoint may be closed to it.
		s = &Set{Endpoint: s.Endpoint}
	}
	if d, denied := e.denied(s); denied {
		return d
	}
	return e.allowed(s)
}

// denied looks for an explicit deny.
func (e *evaluation) denied(s *Set) (Decision, bool) {
	if e.principal.Type != AWSService && e.principal.Type != Federated {
		if d, denied := e.denies(s.Identity, ByIdentity); denied {
			return d, true
		}
		if d, denied := e.denies(s.Boundary, ByBoundary); denied {
			return d, true
		}
		if d, denied := e.denies(s.Session, BySession); denied {
			return d, true
		}
		for _, level := range s.Service {
			if d, denied := e.denies(level, ByService); denied {
				return d, true
			}
		}
	}
	if d, denied := e.denies(s.Endpoint, ByEndpoint); denied {
		return d, true
	}
	return e.denies(s.Resource, ByResource)
}

func (e *evaluation) denies(list []Attached, by Layer) (Decision, bool) {
	for i := range list {
		d := list[i].Document
		// A policy that could not be read may have said anything.
		if d == nil || d.deny.first(e, notNamed) != nil {
			if d != nil && d.kind == Trust {
				by = ByTrust
			}
			return Decision{Explicit: true, By: by, Policy: list[i].ID}, true
		}
	}
	return Decision{}, false
}

// allowed decides where nothing denies. The layers are asked in the order in which
// a denial names them.
func (e *evaluation) allowed(s *Set) Decision {
	who := &e.principal
	trust := hasTrust(s.Resource)
	switch who.Type {
	case iam.Root:
		return e.passes(s, true)
	case AWSService, Federated:
		// Nobody's own policies: the resource says who may.
		return e.passes(s, e.named(s.Resource) != notNamed)
	}
	own := e.allows(s.Identity)
	named := notNamed
	if len(s.Resource) > 0 && (!own || trust || e.foreign || s.Boundary != nil || s.Session != nil) {
		named = e.named(s.Resource)
	}
	direct := named
	if e.foreign {
		direct = notNamed
	}
	switch {
	case !own && direct < namedEveryone:
		return Decision{By: ByIdentity}
	case s.Boundary != nil && direct < namedUser && !e.allows(s.Boundary):
		return Decision{By: ByBoundary}
	case s.Session != nil && direct < namedSession && !e.allows(s.Session):
		return Decision{By: BySession}
	}
	for _, level := range s.Service {
		if !e.allows(level) {
			return Decision{By: ByService}
		}
	}
	return e.passes(s, named != notNamed || !trust && !e.foreign)
}

// passes decides by the layers that everyone has to pass: granted is whether the
// resource's policies, where they are asked, do allow.
func (e *evaluation) passes(s *Set, granted bool) Decision {
	switch {
	case s.Endpoint != nil && !e.allows(s.Endpoint):
		return Decision{By: ByEndpoint}
	case granted:
		return Decision{Allowed: true}
	case hasTrust(s.Resource):
		return Decision{By: ByTrust}
	}
	return Decision{By: ByResource}
}

func (e *evaluation) allows(list []Attached) bool {
	for i := range list {
		if d := list[i].Document; d != nil && d.allow.first(e, notNamed) != nil {
			return true
		}
	}
	return false
}

// named returns the most direct way in which policies of the resource allow.
func (e *evaluation) named(list []Attached) grant {
	for want := namedSession; want > notNamed; want-- {
		for i := range list {
			if d := list[i].Document; d != nil && d.allow.first(e, want) != nil {
				return want
			}
		}
	}
	return notNamed
}

func hasTrust(list []Attached) bool {
	for i := range list {
		if d := list[i].Document; d != nil && d.kind == Trust {
			return true
		}
	}
	return false
}
