package edge

import (
	"net/http"
	"slices"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// unknownOperation is what AWS's front answers for a path that no operation has.
const unknownOperation = "UnknownOperationException"

// statusClientClosed is only for the log: the client left before the answer.
const statusClientClosed = 499

// internalText is all that a client learns of an unclassified error.
const internalText = "The system encountered an unexpected error during processing. Try your request again."

// choices lists, for each kind, the exceptions that say it, the best first.
// The first one that the model declares for the operation is sent, with the
// status that the model gives it.
var choices = map[fault.Kind][]string{ //nolint:gochecknoglobals // a constant table
	fault.Internal:        {"InternalServerException"},
	fault.Invalid:         {"ValidationException"},
	fault.NotFound:        {"ResourceNotFoundException", "ValidationException"},
	fault.Conflict:        {"ConflictException", "ValidationException"},
	fault.Denied:          {"AccessDeniedException"},
	fault.Unauthenticated: {"AccessDeniedException"},
	fault.Throttled:       {"ThrottlingException"},
	fault.QuotaExceeded:   {"ServiceQuotaExceededException", "ThrottlingException"},
	fault.NotReady:        {"ModelNotReadyException", "ServiceUnavailableException", "ThrottlingException"},
	fault.Timeout:         {"ModelTimeoutException", "ServiceUnavailableException", "InternalServerException"},
	fault.Upstream:        {"ModelErrorException", "DependencyFailedException", "InternalServerException"},
	fault.Unsupported:     {"ValidationException", "AccessDeniedException"},
	fault.Unavailable:     {"ServiceUnavailableException", "ThrottlingException", "InternalServerException"},
	fault.Canceled:        {"InternalServerException"},
}

// undeclared is what is sent when the operation declares none of the choices,
// and for the codes that no service model has: those of the front that every
// AWS service stands behind.
var undeclared = map[string]int{ //nolint:gochecknoglobals // a constant table
	"InternalServerException":             http.StatusInternalServerError,
	"ValidationException":                 http.StatusBadRequest,
	"ResourceNotFoundException":           http.StatusNotFound,
	"ConflictException":                   http.StatusConflict,
	"NoSuchEntity":                        http.StatusNotFound, // IAM declares it for most operations
	"AccessDeniedException":               http.StatusForbidden,
	"ThrottlingException":                 http.StatusTooManyRequests,
	"ServiceQuotaExceededException":       http.StatusBadRequest,
	"ModelNotReadyException":              http.StatusTooManyRequests,
	"ModelTimeoutException":               http.StatusRequestTimeout,
	"ModelErrorException":                 http.StatusFailedDependency,
	"ServiceUnavailableException":         http.StatusServiceUnavailable,
	"SerializationException":              http.StatusBadRequest,
	"RequestTimeoutException":             http.StatusRequestTimeout,
	"IncompleteSignatureException":        http.StatusBadRequest,
	"InvalidSignatureException":           http.StatusForbidden,
	"SignatureDoesNotMatch":               http.StatusForbidden,
	"MissingAuthenticationTokenException": http.StatusForbidden,
	"UnrecognizedClientException":         http.StatusForbidden,
	"ExpiredTokenException":               http.StatusForbidden,
	unknownOperation:                      http.StatusNotFound,
}

// exceptionFor picks the exception of op that says f.
func exceptionFor(op *schema.Operation, f *fault.Error) *schema.Exception {
	ex := &schema.Exception{Message: f.Message, Fields: f.Fields}
	if f.Kind == fault.Internal {
		ex.Message = internalText
	}
	names := choices[f.Kind]
	if f.Code != "" {
		names = []string{f.Code}
	}
	for _, name := range names {
		i := slices.IndexFunc(op.Errors, func(s *schema.Shape) bool { return s.Error.Code == name || s.Name == name })
		if i >= 0 {
			shape := op.Errors[i]
			ex.Code, ex.Status, ex.Shape = shape.Error.Code, shape.Error.Status, shape
			ex.Sender = ex.Status < http.StatusInternalServerError
			front(ex, f)
			return ex
		}
	}
	ex.Code = names[0]
	ex.Status = undeclared[ex.Code]
	if ex.Status == 0 {
		ex.Status = http.StatusBadRequest
	}
	ex.Sender = ex.Status < http.StatusInternalServerError
	front(ex, f)
	return ex
}

// front marks the errors that AWS's common front makes rather than the service
// itself: they are recognized by another header suffix and, for denials, by a
// capital Message.
func front(ex *schema.Exception, f *fault.Error) {
	ex.Front = f.Kind == fault.Unauthenticated || f.Kind == fault.Denied && ex.Code == "AccessDeniedException" && f.Fields["model"] == nil
}

// unknownResponse is the body of a request that reached no service.
func unknownResponse(ex *schema.Exception) *schema.Response {
	header := http.Header{"Content-Type": {"application/json"}, "x-amzn-ErrorType": {ex.Code}}
	body := `{"Output":{"__type":"com.amazon.coral.service#` + ex.Code + `"},"Version":"1.0"}`
	return &schema.Response{Status: ex.Status, Header: header, Body: []byte(body)}
}
