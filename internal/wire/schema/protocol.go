package schema

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/outcrop/outcrop/internal/fault"
)

// Request is an HTTP request for an operation that has been routed, as a codec
// reads it.
type Request struct {
	Service *Service
	Op      *Operation
	Labels  map[string]string // URI labels, percent-decoded
	Header  http.Header
	Query   url.Values
	Body    []byte
}

// Response is an HTTP answer as a codec made it.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Exception is an error that the edge has already given its name and status.
type Exception struct {
	Code    string
	Status  int
	Shape   *Shape // nil for errors that the service does not model
	Message string
	Fields  map[string]any // further members, those that Shape declares are sent
	Sender  bool           // the client's fault; the query protocol says so
	// Front marks an error that AWS's common front makes rather than the
	// service behind it: restJson1 tells it by the suffix of X-Amzn-ErrorType
	// (com.amazon.coral.service), and when the code is AccessDeniedException
	// by the body's key, Message with a capital.
	Front bool
}

// Codec is one AWS protocol, driven by the tables. restjson, query and awsjson
// each implement it. Implementations are stateless and safe for concurrent use.
type Codec interface {
	// DecodeRequest returns a pointer to the operation's input. Its errors are
	// fault.Invalid with the text (and Code, such as SerializationException)
	// that AWS answers. It checks form, not constraints.
	DecodeRequest(req *Request) (any, error)
	// EncodeResponse writes the output of a unary operation. requestID is used
	// by protocols that repeat it in the body.
	EncodeResponse(svc *Service, op *Operation, output any, requestID string) (*Response, error)
	// EncodeException writes an error answer. It cannot fail.
	EncodeException(svc *Service, ex *Exception, requestID string) *Response
}

// ErrNotImplemented is in the chain of every error that an Unimplemented
// service returns.
var ErrNotImplemented = errors.New("operation not implemented")

// NotImplemented is the honest answer of an operation that is not built yet.
func NotImplemented(operation string) error {
	return fault.Wrap(fault.Unsupported, ErrNotImplemented, "Outcrop does not implement the %s operation yet.", operation)
}
