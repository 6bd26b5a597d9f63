// Package schema holds the tables that describe AWS operations and shapes:
// what the generator writes and what the codecs (restjson, query, awsjson)
// walk. It is data: no codec, no HTTP, no service logic.
package schema

import (
	"context"
	"sync/atomic"
)

// Kind is what a shape is.
type Kind uint8

// The kinds of shapes.
const (
	Structure Kind = iota
	Union
	List
	Map
	String
	Blob
	Boolean
	Byte
	Short
	Integer
	Long
	Float
	Double
	Timestamp
	Document
	BigInteger
	BigDecimal
)

// Bits is the size of an integer or float kind, 0 for other kinds.
func (k Kind) Bits() int {
	switch k {
	case Byte:
		return 8
	case Short:
		return 16
	case Integer, Float:
		return 32
	case Long, Double:
		return 64
	default:
		return 0
	}
}

// Location says where in an HTTP message a top-level member travels.
type Location uint8

// The locations.
const (
	Body Location = iota
	URI
	Querystring
	Header
	Headers // prefix headers
	StatusCode
)

// TimestampFormat is how a timestamp is written; FormatDefault follows the
// protocol and the location.
type TimestampFormat uint8

// The formats.
const (
	FormatDefault TimestampFormat = iota
	FormatEpoch
	FormatISO8601
	FormatRFC822
)

// Shape is one type of a service. Shapes are immutable once linked.
type Shape struct {
	Name    string
	Kind    Kind
	Members []*Member // structure and union members, sorted by Name
	Key     *Member   // of a map
	Value   *Member   // of a map or list

	// Constraints. Min and Max bound the length of strings, blobs, lists and
	// maps and the value of numbers; nil is unbounded.
	Min, Max *float64
	Pattern  string
	Enum     []string

	Sensitive   bool
	Sparse      bool
	Streaming   bool // blob payload that is not held in memory by clients
	EventStream bool // union whose members are events
	Event       bool
	Timestamp   TimestampFormat
	Payload     string // member that is the HTTP payload
	Flattened   bool   // query and XML lists
	UniqueItems bool   // list elements must differ
	MediaType   string // of a string or blob payload; empty is the protocol's default

	Error *ErrorInfo // set for exceptions

	// New returns a pointer to a fresh Go value of a structure or union; nil
	// for tables that were loaded at run time without Go types, which decode
	// to map[string]any.
	New func() any

	body     []*Member // members in the body by wire name
	defaults bool
	pattern  atomic.Pointer[Validator] // of Pattern, see Validator
}

// ErrorInfo is what makes a structure an exception.
type ErrorInfo struct {
	Code      string // wire name: "ThrottlingException"
	Status    int
	Retryable bool
	Sender    bool // the client's fault
}

// Member is a named (or list, key, value) reference to a shape.
type Member struct {
	Name             string
	Shape            *Shape
	Location         Location
	LocationName     string // wire name: header, query key, label, JSON key; Name when empty
	Required         bool
	IdempotencyToken bool
	Sensitive        bool
	EventPayload     bool
	EventHeader      bool
	HostLabel        bool
	JSONValue        bool // header whose text is base64 of JSON
	HasDefault       bool
	Default          any // its JSON text as a string
	Timestamp        TimestampFormat
	Field            int // index of the Go struct field, -1 without Go types
	Order            int // position among the members as the model lists them
}

// Operation is one call of a service.
type Operation struct {
	Name   string
	Method string
	URI    string // template: /model/{modelId}/converse, with query constants
	Status int    // of success

	Input, Output *Shape // nil without; never nil in generated tables
	Errors        []*Shape
	ResultWrapper string // query protocol: element around the result

	// The event stream member of input and output, nil for unary operations.
	InputStream, OutputStream *Member
	// Auth lists the accepted schemes ("aws.auth#sigv4", "smithy.api#httpBearerAuth");
	// empty means the service's.
	Auth []string
}

// Service is one linked table.
type Service struct {
	ID           string // endpoint prefix: "bedrock-runtime"
	Name         string // service id: "Bedrock Runtime"
	SigningName  string // "bedrock"
	Protocol     string // "rest-json", "query", "json"
	APIVersion   string
	JSONVersion  string
	TargetPrefix string
	XMLNamespace string
	Auth         []string
	// Door is set for the operations of another vendor's API that belong to the
	// service ID: "openai". No service model has one.
	Door string
	// AlsoSigned are further signing names that requests to the service may be
	// signed for; no service model has any.
	AlsoSigned []string
	Operations []*Operation // sorted by Name
	Shapes     map[string]*Shape
}

// EventSink takes the answer of a streaming operation: Open once, with the
// members that travel as headers, then Send for every event. Until Open
// nothing has left the server and an error becomes a plain HTTP answer; after
// it, an exception frame. Send flushes, what another event follows at once with that one. It is not safe for concurrent use. E is
// a pointer to the generated union struct with one member set.
type EventSink[O, E any] interface {
	Open(output *O) error
	Send(event *E) error
}

// EventSource gives the events that a client streams in; io.EOF ends it.
type EventSource[E any] interface {
	Recv() (*E, error)
}

// RawSink is EventSink without types: what the edge implements. Sink wraps it.
type RawSink interface {
	Open(output any) error
	Send(event any) error
}

// RawSource is EventSource without types.
type RawSource interface {
	Recv() (any, error)
}

// Handler binds an operation to the code that serves it. Exactly one of Unary
// and Stream is set; both for an operation of a door, whose input says which one
// is wanted. in and the unary result are pointers to the generated structs.
// Stream gets a source only when the operation's input is an event stream.
type Handler struct {
	Op     *Operation
	Unary  func(ctx context.Context, in any) (any, error)
	Stream func(ctx context.Context, in any, source RawSource, sink RawSink) error
}

type sink[O, E any] struct{ raw RawSink }

func (s sink[O, E]) Open(o *O) error { return s.raw.Open(o) }
func (s sink[O, E]) Send(e *E) error { return s.raw.Send(e) }

// Sink gives a raw sink its types; generated code uses it.
func Sink[O, E any](raw RawSink) EventSink[O, E] { return sink[O, E]{raw} }

type source[E any] struct{ raw RawSource }

func (s source[E]) Recv() (*E, error) {
	v, err := s.raw.Recv()
	if err != nil {
		return nil, err
	}
	return v.(*E), nil
}

// Source gives a raw source its types; generated code uses it.
func Source[E any](raw RawSource) EventSource[E] { return source[E]{raw} }
