// Package edge is the HTTP front: it gives every request an id, finds the
// operation, asks who signed it and whether they may, decodes, calls the
// service and encodes what comes back, events as they come.
//
// It sees schema tables, never one service: adding an operation or a service
// changes nothing here. It alone turns fault kinds into exceptions, chosen
// among those that the model declares for the operation.
package edge

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/outcrop/outcrop/internal/authn"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/wire/restjson"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Service is one AWS service behind the edge.
type Service struct {
	Schema   *schema.Service
	Handlers []schema.Handler
	Codec    schema.Codec
	// Others are the codecs of the further protocols that the service is spoken
	// to in, by their names in the service models ("query", "json").
	Others map[string]schema.Codec
	// CheckBody holds, by operation, what is asked of a body before it is
	// decoded, for what the tables cannot say.
	CheckBody map[string]func(body []byte) error
	// Door is set for a service that speaks another vendor's protocol instead of
	// one of AWS's; see there.
	Door *Door
	// Padding: event frames carry the member p, a random prefix of a fixed
	// alphabet, as bedrock-runtime's do to hide the lengths of tokens.
	Padding bool
}

// Authenticator reads who a request says it is from; see package authn.
type Authenticator interface {
	Claim(r *http.Request) (authn.Claim, error)
}

// Authorizer decides whether the call's principal may run the operation on what
// its input names, and notes in the call what that is. It answers nil or a
// fault.Denied with AWS's text.
type Authorizer func(v *observe.View) error

// Entrance says whether there is room for one more request, whose body takes so
// many bytes: leave is called when it is over. Its error is fault.Unavailable.
type Entrance func(body int64) (leave func(), err error)

// Params is what an Edge is made of. Every field is required except Enter, Forward,
// Observers, Panicked, Source, Extra, Passed and Unclaimed.
type Params struct {
	Services      []Service
	Authenticator Authenticator
	Authorize     Authorizer
	Enter         Entrance           // nil: always
	Observers     []observe.Observer // in this order
	Panicked      func()             // counts requests that end in a bug; nil: nobody does
	// Source says where a request comes from; nil: nobody asks.
	Source     func(r *http.Request) call.Source
	Logger     *slog.Logger
	Now        func() time.Time
	NewID      func() string // request ids: UUID v4
	NewPadding func() string
	Account    string
	// ActionService is the signing name of the service that gets requests for
	// / without a scope: the one whose complaint an unsigned client reads.
	ActionService string
	MaxBody       int64         // bytes
	BodyTimeout   time.Duration // for a client to send its body
	WriteTimeout  time.Duration // for a client to take one piece of the answer
	// Ready reports why the server could not serve a request now; nil: ready.
	Ready func(ctx context.Context) error
	// Forward says who answers an operation elsewhere that has been authorized;
	// nil result: it is answered here. nil: every one is.
	Forward func(v *observe.View) Forward
	// Extra holds handlers for patterns that are not AWS's, such as
	// /outcrop/script/ and GET /metrics.
	Extra map[string]http.Handler
	// Passed holds the services that speak for themselves, by signing name.
	Passed map[string]Passed
	// Unclaimed is the one among them that gets requests which name no service
	// and match no operation; empty: they are unknown operations.
	Unclaimed string
}

// Edge is the http.Handler of the one port.
type Edge struct {
	p      Params
	router *restjson.Router
	rest   map[*schema.Operation]*bound
	named  map[string]*actions // by signing name: services whose protocols have one path
	target map[string]*actions // the same by the prefix of X-Amz-Target
	doors  []*Service
	mux    *http.ServeMux
}

// bound is an operation with everything that is needed to run it.
type bound struct {
	service *Service
	schema.Handler
}

// actions are the operations of a service whose requests all go to /, by name.
type actions struct {
	service    *Service
	operations map[string]*bound
}

// New builds an edge. It fails when a service has an operation without a
// handler.
func New(p Params) (*Edge, error) {
	e := &Edge{p: p, rest: map[*schema.Operation]*bound{}, named: map[string]*actions{}, target: map[string]*actions{}, mux: http.NewServeMux()}
	var rest []*schema.Service
	for i := range p.Services {
		s := &p.Services[i]
		byPath := s.Schema.Protocol == protocolREST
		if byPath {
			rest = append(rest, s.Schema)
		}
		if s.Door != nil {
			e.doors = append(e.doors, s)
		}
		for _, h := range s.Handlers {
			b := &bound{service: s, Handler: h}
			if byPath {
				e.rest[h.Op] = b
				continue
			}
			a := e.named[s.Schema.SigningName]
			if a == nil {
				a = &actions{service: s, operations: map[string]*bound{}}
				e.named[s.Schema.SigningName] = a
				if s.Schema.TargetPrefix != "" {
					e.target[s.Schema.TargetPrefix] = a
				}
			}
			a.operations[h.Op.Name] = b
		}
		if got, want := len(s.Handlers), len(s.Schema.Operations); got != want {
			return nil, fmt.Errorf("service %s has %d handlers for %d operations", s.Schema.ID, got, want)
		}
	}
	e.router = restjson.NewRouter(rest...)
	e.mux.HandleFunc("GET /health/live", e.live)
	e.mux.HandleFunc("GET /health/ready", e.ready)
	for path, h := range p.Extra {
		e.mux.Handle(path, h)
	}
	return e, nil
}

// ServeHTTP answers one request.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	service := e.passed(r)
	if service == "" {
		if h, pattern := e.mux.Handler(r); pattern != "" {
			// What an earlier exchange of the connection had to be sent by is no
			// matter of these, some of which go on for long.
			control := http.NewResponseController(w)
			_ = control.SetWriteDeadline(time.Time{}) // test writers have none
			if r.ContentLength != 0 {
				// They read their bodies before they ask who sends them.
				_ = control.SetReadDeadline(time.Now().Add(e.p.BodyTimeout)) // as above
				r.Body = &timedBody{ReadCloser: r.Body, control: control}
			}
			h.ServeHTTP(w, r)
			return
		}
	}
	c := &call.Call{RequestID: e.p.NewID(), Account: e.p.Account, Start: e.p.Now()}
	if e.p.Source != nil {
		c.Source = e.p.Source(r)
	}
	x := &exchange{edge: e, w: w, r: r, call: c, view: observe.View{Call: c}}
	x.run(service)
}

func (e *Edge) live(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n")) // the prober is gone if this fails
}

func (e *Edge) ready(w http.ResponseWriter, r *http.Request) {
	if err := e.p.Ready(r.Context()); err != nil {
		http.Error(w, fault.As(err).Message, http.StatusServiceUnavailable)
		return
	}
	e.live(w, r)
}
