// Package fault holds the only error words that cross packages: a short,
// append-only list of kinds, a message that is public and a cause that is not.
//
// It is not a logger, and it knows no HTTP: package edge alone turns a kind
// into an exception of the called operation, with the status that the service
// model gives it. An error that is not a fault is Internal, and its text never
// leaves the process.
package fault

import (
	"context"
	"errors"
	"fmt"
)

// Kind classifies an error. Kinds are append-only.
type Kind uint8

// The kinds, with the exception that a Bedrock client normally sees for each.
const (
	Internal        Kind = iota // InternalServerException; the message is replaced by a fixed sentence
	Invalid                     // ValidationException
	NotFound                    // ResourceNotFoundException
	Conflict                    // ConflictException
	Denied                      // AccessDeniedException
	Unauthenticated             // see Error.Code: UnrecognizedClientException, InvalidSignatureException, …
	Throttled                   // ThrottlingException
	QuotaExceeded               // ServiceQuotaExceededException
	NotReady                    // ModelNotReadyException
	Timeout                     // ModelTimeoutException
	Upstream                    // ModelErrorException; in a stream ModelStreamErrorException
	Unsupported                 // ValidationException naming what is not built or not possible
	Unavailable                 // ServiceUnavailableException
	Canceled                    // the caller went away; nobody is left to be told
)

var kindNames = [...]string{
	"internal", "invalid", "not found", "conflict", "denied", "unauthenticated", "throttled",
	"quota exceeded", "not ready", "timeout", "upstream", "unsupported", "unavailable", "canceled",
}

// String returns the kind as one or two lower-case words, for logs and metrics.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Error is a classified error. Message is shown to the client as it stands
// (except for Internal); the wrapped cause is for the log only.
type Error struct {
	Kind    Kind
	Message string
	// Code names the exact exception where the kind is too coarse for what
	// clients expect (InvalidSignatureException among Unauthenticated). Empty:
	// the edge picks the exception that the operation declares for the kind.
	Code string
	// Fields are further members of the exception (originalStatusCode,
	// resourceName, fieldList); the edge sends those that its shape declares.
	Fields map[string]any

	cause error
}

// New makes an error of a kind with a public message.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Wrap is New with a private cause.
func Wrap(kind Kind, cause error, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), cause: cause}
}

// WithCode sets the exact exception name and returns e.
func (e *Error) WithCode(code string) *Error {
	e.Code = code
	return e
}

// WithField sets one further member of the exception and returns e.
func (e *Error) WithField(name string, value any) *Error {
	if e.Fields == nil {
		e.Fields = make(map[string]any, 1)
	}
	e.Fields[name] = value
	return e
}

// Error returns kind, message and cause: it is for logs, not for clients.
func (e *Error) Error() string {
	s := e.Kind.String() + ": " + e.Message
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

// Unwrap returns the private cause, or nil.
func (e *Error) Unwrap() error { return e.cause }

// As finds the fault in err's chain. An error without one is classified:
// context cancellation is Canceled, a passed deadline is Timeout with the
// service's own text, everything else Internal. As(nil) is nil.
func As(err error) *Error {
	if err == nil {
		return nil
	}
	var f *Error
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, context.Canceled):
		return Wrap(Canceled, err, "the request was canceled")
	case errors.Is(err, context.DeadlineExceeded):
		return Wrap(Timeout, err, "Model has timed out in processing the request. Try your request again.")
	}
	return Wrap(Internal, err, "unclassified error")
}

// KindOf is As(err).Kind; Internal for nil is never asked for.
func KindOf(err error) Kind { return As(err).Kind }

// Is reports whether err is of the kind.
func Is(err error, kind Kind) bool { return err != nil && As(err).Kind == kind }

// Damage is the cause of a fault that the client is not told of but made to
// feel: the answer breaks, as networks and bad servers break it. Who makes one
// does so on purpose, for programs that are tested with it.
type Damage string

// The damages.
const (
	Torn      Damage = "torn"      // the connection ends without a word
	Malformed Damage = "malformed" // bytes that nobody can read, and then the end
)

// Error implements error.
func (d Damage) Error() string { return "the answer is " + string(d) + ", as it was asked for" }

// DamageOf is the damage among the causes of err; empty: there is none.
func DamageOf(err error) Damage {
	var d Damage
	errors.As(err, &d)
	return d
}
