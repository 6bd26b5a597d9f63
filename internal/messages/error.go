package messages

import (
	"strings"
	"unicode"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// The error types of the API.
const (
	ErrorInvalid        = "invalid_request_error"
	ErrorAuthentication = "authentication_error"
	ErrorBilling        = "billing_error"
	ErrorPermission     = "permission_error"
	ErrorNotFound       = "not_found_error"
	ErrorTooLarge       = "request_too_large"
	ErrorRateLimit      = "rate_limit_error"
	ErrorAPI            = "api_error"
	ErrorTimeout        = "timeout_error"
	ErrorOverloaded     = "overloaded_error"
)

// EncodeError writes the body of an error, which is also the event of one in a
// stream.
func EncodeError(kind, message, requestID string) []byte {
	var e writer
	e.text("type", kind)
	e.text("message", message)
	var w writer
	w.text("type", "error")
	w.raw("error", e.object())
	w.optional("request_id", requestID)
	return w.object()
}

// DecodeError reads the body of an error; false when it is none of this format.
func DecodeError(body []byte) (kind, message string, ok bool) {
	v, ok := parse(body)
	if !ok {
		return "", "", false
	}
	o, _ := v.object()
	inner, _ := o.get("error")
	e, ok := inner.object()
	if !ok {
		return "", "", false
	}
	return e.text("type"), clean(e.text("message")), true
}

// Fault makes the fault of an error that a server told. Message is the server's
// own, which is shown where it is about the caller's request.
func Fault(kind, message string) *fault.Error {
	switch kind {
	case ErrorInvalid:
		if IsContextWindow(message) {
			return fault.Wrap(fault.Invalid, inference.ErrContextWindow, "%s", message)
		}
		return fault.New(fault.Invalid, "%s", message)
	case ErrorTooLarge:
		return fault.New(fault.Invalid, "Input is too long for requested model.")
	case ErrorRateLimit:
		return fault.New(fault.Throttled, "The model's server limits its requests: Too many requests, please wait before trying again.")
	case ErrorOverloaded:
		return fault.New(fault.Unavailable, "The model's server is overloaded. Try your request again.")
	case ErrorTimeout:
		return fault.New(fault.Timeout, "Model has timed out in processing the request. Try your request again.")
	case ErrorAuthentication, ErrorPermission, ErrorBilling:
		return fault.New(fault.Upstream, "The model's server refused the key that it was asked with.").WithField("originalStatusCode", refusedStatus(kind))
	case ErrorNotFound:
		return fault.New(fault.NotFound, "The model's server does not know the model.")
	}
	return fault.New(fault.Upstream, "The model's server failed.")
}

func refusedStatus(kind string) int {
	const unauthorized, paymentRequired, forbidden = 401, 402, 403
	switch kind {
	case ErrorAuthentication:
		return unauthorized
	case ErrorBilling:
		return paymentRequired
	}
	return forbidden
}

// IsContextWindow tells whether a refusal says that the request does not fit into
// the model's context window.
func IsContextWindow(message string) bool {
	m := strings.ToLower(message)
	for _, sign := range []string{
		"prompt is too long", "input is too long", "exceed context limit", "context window", "context length", "maximum context", "exceeds the available context",
	} {
		if strings.Contains(m, sign) {
			return true
		}
	}
	return false
}

// errorEvent makes the fault of an error in a stream or instead of an answer.
func errorEvent(o object) error {
	v, _ := o.get("error")
	e, _ := v.object()
	return Fault(e.text("type"), clean(e.text("message")))
}

// maxMessage bounds what is shown of a server's sentence, in bytes.
const maxMessage = 1000

// clean makes a server's sentence one that can be shown: on one line, bounded.
func clean(s string) string {
	if len(s) > maxMessage {
		s = strings.ToValidUTF8(s[:maxMessage], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}
