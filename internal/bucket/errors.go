package bucket

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
)

// failure is an error in S3's words: its code, and the status that S3 sends
// with it. The model of S3 declares neither.
type failure struct {
	status  int
	code    string
	message string
	cause   error
}

func fail(status int, code, message string) *failure {
	return &failure{status: status, code: code, message: message}
}

func (f *failure) because(cause error) *failure {
	f.cause = cause
	return f
}

// Error implements error.
func (f *failure) Error() string {
	if f.cause != nil {
		return f.code + ": " + f.message + ": " + f.cause.Error()
	}
	return f.code + ": " + f.message
}

// Unwrap returns the cause.
func (f *failure) Unwrap() error { return f.cause }

func notImplemented(what string) *failure {
	return fail(http.StatusNotImplemented, "NotImplemented", what+" is not implemented by this server.")
}

func denied(message string) *failure {
	return fail(http.StatusForbidden, "AccessDenied", message)
}

func internal(cause error) *failure {
	return fail(http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again.").because(cause)
}

func unavailable(cause error) *failure {
	return fail(http.StatusServiceUnavailable, "ServiceUnavailable", "Service is unable to handle request.").because(cause)
}

// failureOf puts an error of the signature's check, or of reading a body, into
// S3's words.
func failureOf(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	e := fault.As(err)
	switch e.Kind {
	case fault.Denied:
		return denied(e.Message)
	case fault.Unavailable, fault.NotReady:
		return unavailable(err)
	case fault.Invalid:
		if e.Code == "BadDigest" {
			return fail(http.StatusBadRequest, e.Code, e.Message)
		}
		return fail(http.StatusBadRequest, "IncompleteBody", e.Message)
	case fault.Unauthenticated:
	default:
		return internal(err)
	}
	switch e.Code {
	case "UnrecognizedClientException":
		return fail(http.StatusForbidden, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
	case "ExpiredTokenException":
		return fail(http.StatusBadRequest, "ExpiredToken", "The provided token has expired.")
	case "MissingAuthenticationTokenException":
		return denied("Access Denied")
	case "InvalidSignatureException":
		if strings.HasPrefix(e.Message, "The request signature we calculated") {
			return fail(http.StatusForbidden, "SignatureDoesNotMatch",
				"The request signature we calculated does not match the signature you provided. Check your key and signing method.")
		}
	}
	return fail(http.StatusBadRequest, "AuthorizationHeaderMalformed", e.Message)
}

// gatewayFailed answers for a gateway that could not.
func gatewayFailed(w http.ResponseWriter, r *http.Request, err error) {
	x := exchangeOf(r.Context())
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		x.outcome.Code, x.outcome.Cause = "Canceled", err
		panic(http.ErrAbortHandler) // nobody is left to be told
	}
	if cause := x.body.failure(); cause != nil {
		// Not the gateway failed but the client's body.
		x.fail(w, failureOf(cause))
		return
	}
	x.fail(w, unavailable(err))
}

// document is the body of an error.
type document struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string
	Message   string
	Resource  string
	RequestID string `xml:"RequestId"`
	HostID    string `xml:"HostId"`
}

// document notes an error for the log and makes its body.
func (x *exchange) document(f *failure) []byte {
	x.outcome.Status, x.outcome.Code, x.outcome.Cause = f.status, f.code, f.cause
	var body bytes.Buffer
	body.WriteString(xml.Header)
	_ = xml.NewEncoder(&body).Encode(document{ // a buffer takes everything
		Code: f.code, Message: f.message, Resource: x.target.path, RequestID: x.requestID, HostID: x.requestID,
	})
	return body.Bytes()
}

// fail answers with an error.
func (x *exchange) fail(w http.ResponseWriter, f *failure) {
	x.send(w, f.status, x.document(f))
}

// send answers with a document.
func (x *exchange) send(w http.ResponseWriter, status int, body []byte) {
	header := w.Header()
	header.Set("Content-Type", "application/xml")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("Server", serverName)
	header.Set("X-Amz-Request-Id", x.requestID)
	header.Set("X-Amz-Id-2", x.requestID)
	w.WriteHeader(status)
	if x.method != http.MethodHead {
		_, _ = w.Write(body) // the client is gone if this fails
	}
}
