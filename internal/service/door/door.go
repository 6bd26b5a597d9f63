// Package door is what the services that speak another vendor's API have in
// common: the tables of their operations, what an operation gets and answers,
// and the codec that package edge drives.
//
// A door is below a prefix of the one port (edge.Door). Its operations are rows
// of bedrock-runtime: they are decided on, billed, logged and counted where
// Converse is. This package knows no vendor; the services openaidoor and
// anthropicdoor do.
package door

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/service/serving"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Input is what an operation gets. The members that have a row in the table are
// those that authorization reads; see inputShape.
type Input struct {
	// ModelId is the model as Bedrock names it, whatever name the client used.
	ModelId *string //nolint:revive // as the generated inputs have it
	// Stream: the client wants the answer piece by piece.
	Stream              *bool
	GuardrailIdentifier *string
	GuardrailVersion    *string
	Body                []byte

	// Header and Query are those of the request, Labels those of its path.
	Header http.Header
	Query  url.Values
	Labels map[string]string
	// Request is what the operation's Decode made of the body.
	Request any
}

// Model is the model that the client asks for; empty: none.
func (in *Input) Model() string { return schema.Deref(in.ModelId) }

// Streams reports whether the client wants a stream.
func (in *Input) Streams() bool { return in.Stream != nil && *in.Stream }

// SetModel notes the model and whether the answer is a stream.
func (in *Input) SetModel(id string, stream bool) {
	if id != "" {
		in.ModelId = &id
	}
	if stream {
		in.Stream = &stream
	}
}

// Output is a whole answer.
type Output struct {
	Body   []byte // JSON
	Header http.Header
}

// Event is an event of a stream: one message of server-sent events.
type Event struct {
	Name string // empty: it has none
	Data []byte // one line: JSON, or the vendor's last word
}

// Sink takes a streamed answer. Until Open nothing has left the server; Send
// flushes. It is not safe for concurrent use.
type Sink interface {
	Open(header http.Header) error
	Send(ev Event) error
}

// Row is an operation in the table of a door.
type Row struct {
	Name   string // as in authz's operations.txt, in the trail and the bill
	Method string
	Path   string // template, below the prefix
	Stream bool   // the answer can be a stream
}

// Operation is the code of a row.
type Operation struct {
	// Decode reads the body and the rest of the request into in: the model, the
	// stream, the parsed request. Its faults are answered before anybody is asked
	// whether the caller may. nil: there is nothing to read.
	Decode func(in *Input) error
	Whole  func(ctx context.Context, in *Input) (*Output, error)
	Stream func(ctx context.Context, in *Input, sink Sink) error // of rows with Stream
}

// ErrorForm is how a vendor writes an error.
type ErrorForm interface {
	// Error writes the body of an error answer.
	Error(ex *schema.Exception, requestID string) []byte
	// StreamError is the event that ends a stream that has failed.
	StreamError(op string, ex *schema.Exception, requestID string) Event
}

// modelService is the service that the operations are rows of, and signingName
// what its requests are signed for.
const (
	modelService = "bedrock-runtime"
	signingName  = "bedrock"
)

// The headers that name a guardrail.
const (
	guardrailHeader = "X-Amzn-Bedrock-Guardrailidentifier"
	versionHeader   = "X-Amzn-Bedrock-Guardrailversion"
)

// Table makes the schema of a door: its name is that of its section in authz's
// operations.txt ("openai"), its prefix begins its paths ("/openai/v1/"). alsoSigned are
// the signing names that its requests may have beside bedrock. A door has one, as
// the services of the models have: tables are known by it.
func Table(name, prefix string, alsoSigned []string, rows []Row) *schema.Service {
	s := &schema.Service{
		ID: modelService, Name: name, Door: name, SigningName: signingName, AlsoSigned: alsoSigned, Protocol: "rest-json",
		Auth: []string{"aws.auth#sigv4", "smithy.api#httpBearerAuth"},
	}
	input := inputShape()
	output := &schema.Shape{Name: "DoorOutput", Kind: schema.Structure}
	output.Seal()
	events := &schema.Member{Name: "stream", Shape: &schema.Shape{Name: "DoorEvents", Kind: schema.Union, EventStream: true}, Field: -1}
	for _, row := range rows {
		op := &schema.Operation{
			Name: row.Name, Method: row.Method, URI: strings.TrimSuffix(prefix, "/") + row.Path, Status: http.StatusOK, Input: input, Output: output,
		}
		if row.Stream {
			op.OutputStream = events
		}
		s.Operations = append(s.Operations, op)
	}
	slices.SortFunc(s.Operations, func(a, b *schema.Operation) int { return strings.Compare(a.Name, b.Name) })
	return s
}

// Params are what a Service is made of.
type Params struct {
	Schema     *schema.Service      // of Table
	Operations map[string]Operation // by name
	Errors     ErrorForm
	// RequestID is the header in which the vendor's clients look for the ID of
	// the request, beside AWS's own; empty: there is none.
	RequestID string
}

// Service is a door: its handlers and its codec. It is safe for concurrent use.
type Service struct {
	p        Params
	handlers []schema.Handler
}

// New binds the operations to their rows.
func New(p Params) *Service {
	s := &Service{p: p}
	for _, op := range p.Schema.Operations {
		o := p.Operations[op.Name]
		h := schema.Handler{Op: op, Unary: func(ctx context.Context, in any) (any, error) {
			out, err := o.Whole(ctx, in.(*Input))
			if err != nil {
				return nil, err
			}
			return out, nil
		}}
		if op.OutputStream != nil {
			h.Stream = func(ctx context.Context, in any, _ schema.RawSource, raw schema.RawSink) error {
				return o.Stream(ctx, in.(*Input), sink{raw})
			}
		}
		s.handlers = append(s.handlers, h)
	}
	return s
}

// sink gives the edge's sink its types.
type sink struct{ raw schema.RawSink }

func (s sink) Open(header http.Header) error { return s.raw.Open(&Output{Header: header}) }
func (s sink) Send(ev Event) error           { return s.raw.Send(&ev) }

// inputShape is the table of Input. The model travels in the path as far as
// those are concerned who show parameters but no bodies.
func inputShape() *schema.Shape {
	text := &schema.Shape{Name: "String", Kind: schema.String}
	s := &schema.Shape{
		Name: "DoorInput", Kind: schema.Structure, New: func() any { return &Input{} },
		Members: []*schema.Member{
			{Name: "modelId", Shape: text, Location: schema.URI, Field: 0},
			{Name: "stream", Shape: &schema.Shape{Name: "Boolean", Kind: schema.Boolean}, Location: schema.URI, Field: 1},
			{Name: "guardrailIdentifier", Shape: text, Location: schema.Header, LocationName: guardrailHeader, Field: 2},
			{Name: "guardrailVersion", Shape: text, Location: schema.Header, LocationName: versionHeader, Field: 3},
			{Name: "body", Shape: &schema.Shape{Name: "Body", Kind: schema.Blob, Sensitive: true}, Field: 4},
		},
	}
	s.Seal()
	return s
}

// Schema is the table of the door's operations.
func (s *Service) Schema() *schema.Service { return s.p.Schema }

// Handlers bind the operations to their code.
func (s *Service) Handlers() []schema.Handler { return s.handlers }

// Describe is edge.Door.Describe.
func (s *Service) Describe(input any) (labels map[string]string, stream bool) {
	in, _ := input.(*Input)
	if in == nil {
		return nil, false
	}
	return map[string]string{"modelId": in.Model()}, in.Streams()
}

// CheckGuardrail refuses a request that names a guardrail.
func CheckGuardrail(in *Input) error {
	if in.GuardrailIdentifier != nil || in.GuardrailVersion != nil {
		return serving.NoGuardrail()
	}
	return nil
}

// WithError names a fault in the vendor's words: the type and the code of its
// error object, and the parameter that is wrong. Empty ones are made of the kind.
func WithError(f *fault.Error, kind, code, param string) *fault.Error {
	for name, value := range map[string]string{FieldType: kind, FieldCode: code, FieldParam: param} {
		if value != "" {
			f = f.WithField(name, value)
		}
	}
	return f
}

// The fields of a fault that WithError sets.
const (
	FieldType  = "vendorType"
	FieldCode  = "vendorCode"
	FieldParam = "vendorParam"
)
