package edge

import (
	"net/url"
	"strings"

	"github.com/outcrop/outcrop/internal/authn"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/awsjson"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// claim reads who the request says it is from, and finds its operation: from
// method and path, or from the action for protocols that have one path. An
// operation that a path names is found without a claim too, for it says in which
// protocol to complain; a form is not read for who does not say who they are.
func (x *exchange) claim() (authn.Claim, error) {
	if s := x.edge.door(x.r.URL.Path); s != nil {
		x.door = s
		s.Door.present(x.r)
	}
	claim, err := x.edge.p.Authenticator.Claim(x.r)
	if err == nil {
		x.call.Region = claim.Region()
	}
	if x.r.URL.Path != "/" {
		if found, routeErr := x.routeCBOR(); found {
			if routeErr != nil {
				return nil, routeErr
			}
			return claim, err
		}
		if routeErr := x.route(); routeErr != nil {
			return nil, routeErr
		}
		return claim, err
	}
	x.actions = x.edge.named[x.edge.p.ActionService]
	prefix, target, _ := strings.Cut(x.r.Header.Get(awsjson.TargetHeader), ".")
	if a := x.edge.target[prefix]; a != nil {
		x.actions = a
	}
	if err != nil {
		return nil, err
	}
	if a := x.edge.named[claim.Service()]; a != nil {
		x.actions = a
	}
	if target != "" {
		return claim, x.routeTarget(target)
	}
	return claim, x.routeAction()
}

func (x *exchange) route() error {
	path := x.r.URL.EscapedPath()
	if x.door != nil {
		path = x.door.Door.plain(path)
	}
	candidates := x.edge.router.Match(x.r.Method, path, x.r.URL.RawQuery)
	if len(candidates) == 0 {
		return fault.New(fault.NotFound, "no operation for %s %s", x.r.Method, x.r.URL.Path).WithCode(unknownOperation)
	}
	pick := candidates[0]
	if len(candidates) > 1 {
		pick = candidates[disambiguate(x.r, candidates)]
	}
	x.labels = pick.Labels
	x.bind(x.edge.rest[pick.Op])
	return nil
}

// routeCBOR finds the operation of a path that the CBOR protocol names it in.
func (x *exchange) routeCBOR() (bool, error) {
	prefix, operation, ok := rpcPath(x.r.URL.Path)
	if !ok {
		return false, nil
	}
	a := x.edge.target[prefix]
	if a == nil {
		return false, nil
	}
	x.actions = a
	if x.codec = a.service.codec(protocolCBOR); x.codec == nil {
		return true, fault.New(fault.NotFound, "no operation for %s %s", x.r.Method, x.r.URL.Path).WithCode(unknownOperation)
	}
	b := a.operations[operation]
	if b == nil {
		return true, fault.New(fault.NotFound, "The operation %s does not exist.", operation).WithCode(unknownOperation)
	}
	x.bind(b)
	return true, nil
}

// rpcPath takes /service/NAME/operation/NAME apart.
func rpcPath(path string) (service, operation string, ok bool) {
	rest, ok := strings.CutPrefix(path, "/service/")
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, "/operation/")
}

// routeTarget finds the operation that X-Amz-Target names.
func (x *exchange) routeTarget(operation string) error {
	if x.codec = x.actions.service.codec(protocolJSON); x.codec == nil {
		return fault.New(fault.Invalid, "The service %s does not take requests with the header X-Amz-Target.", x.actions.service.Schema.ID).WithCode(unknownOperation)
	}
	b := x.actions.operations[operation]
	if b == nil {
		return fault.New(fault.Invalid, "The operation %s does not exist.", operation).WithCode(unknownOperation)
	}
	x.bind(b)
	return nil
}

// The protocols, by their names in the service models.
const (
	protocolREST  = "rest-json"
	protocolQuery = "query"
	protocolJSON  = "json"
	protocolCBOR  = "smithy-rpc-v2-cbor"
)

// codec returns the codec of a protocol; nil when the service does not speak it.
func (s *Service) codec(protocol string) schema.Codec {
	if s.Schema.Protocol == protocol {
		return s.Codec
	}
	return s.Others[protocol]
}

// bind notes the operation that the routing found, before anything can fail, so
// that the log names the operation of refused requests too.
func (x *exchange) bind(b *bound) {
	x.bound = b
	if x.codec == nil {
		x.codec = b.service.Codec
	}
	x.call.Service, x.call.Operation = b.service.Schema.ID, b.Op.Name
	x.view.Service, x.view.Op, x.view.Labels = b.service.Schema, b.Op, x.labels
	x.view.Stream = b.Unary == nil
	x.begin()
}

// maxForm bounds a form that is read before it is known who sent it.
const maxForm = 1 << 20

func (x *exchange) routeAction() error {
	action := x.r.URL.Query().Get("Action")
	if action == "" {
		if err := x.readBody(maxForm); err != nil {
			return err
		}
		form, err := url.ParseQuery(string(x.body))
		if err != nil {
			return fault.Wrap(fault.Invalid, err, "The request body is not a form.")
		}
		action = form.Get("Action")
	}
	x.codec = x.actions.service.codec(protocolQuery)
	b := x.actions.operations[action]
	switch {
	case x.codec == nil:
		return fault.New(fault.Invalid, "The request must name its operation in the header X-Amz-Target.").WithCode(unknownOperation)
	case b != nil:
		x.bind(b)
		return nil
	case action == "":
		return fault.New(fault.Invalid, "The request must contain the parameter Action.").WithCode("MissingAction")
	}
	return fault.New(fault.Invalid, "Could not find operation %s for version %s", action, x.actions.service.Schema.APIVersion).WithCode("InvalidAction")
}
