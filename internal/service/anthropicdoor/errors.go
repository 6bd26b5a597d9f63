package anthropicdoor

import (
	"net/http"

	"github.com/outcrop/outcrop/internal/messages"
	"github.com/outcrop/outcrop/internal/service/door"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// errorForm writes errors as Anthropic's clients read them. The statuses stay
// Bedrock's, by which they decide what to try again.
type errorForm struct{}

func kind(ex *schema.Exception) string {
	switch ex.Code {
	case "UnrecognizedClientException", "InvalidSignatureException", "IncompleteSignatureException", "MissingAuthenticationTokenException", "ExpiredTokenException":
		return messages.ErrorAuthentication
	}
	switch ex.Status {
	case http.StatusUnauthorized:
		return messages.ErrorAuthentication
	case http.StatusForbidden:
		return messages.ErrorPermission
	case http.StatusNotFound:
		return messages.ErrorNotFound
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return messages.ErrorTimeout
	case http.StatusRequestEntityTooLarge:
		return messages.ErrorTooLarge
	case http.StatusTooManyRequests:
		return messages.ErrorRateLimit
	case http.StatusServiceUnavailable:
		return messages.ErrorOverloaded
	case http.StatusFailedDependency:
		return messages.ErrorAPI
	}
	if ex.Status >= http.StatusInternalServerError {
		return messages.ErrorAPI
	}
	return messages.ErrorInvalid
}

// Error implements door.ErrorForm.
func (errorForm) Error(ex *schema.Exception, requestID string) []byte {
	return messages.EncodeError(kind(ex), text(ex), requestID)
}

// StreamError implements door.ErrorForm.
func (errorForm) StreamError(_ string, ex *schema.Exception, requestID string) door.Event {
	return door.Event{Name: "error", Data: messages.EncodeError(kind(ex), text(ex), requestID)}
}

func text(ex *schema.Exception) string {
	if ex.Message == "" {
		return http.StatusText(ex.Status)
	}
	return ex.Message
}
