package openaidoor

import (
	"net/http"

	"github.com/outcrop/outcrop/internal/service/door"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// errorObject is OpenAI's, in the order in which Bedrock writes it.
type errorObject struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

// words are the type and the code of an error by its status.
var words = map[int][2]string{ //nolint:gochecknoglobals // a constant table
	http.StatusBadRequest:          {"invalid_request_error", "validation_error"},
	http.StatusUnauthorized:        {"authentication_error", "invalid_api_key"},
	http.StatusForbidden:           {"permission_denied_error", "access_denied"},
	http.StatusNotFound:            {"not_found_error", "not_found"},
	http.StatusRequestTimeout:      {"timeout_error", "model_timeout"},
	http.StatusConflict:            {"invalid_request_error", "conflict"},
	http.StatusFailedDependency:    {"model_error", "model_error"},
	http.StatusTooManyRequests:     {"rate_limit_error", "rate_limit_exceeded"},
	http.StatusInternalServerError: {"server_error", "internal_error"},
	http.StatusServiceUnavailable:  {"server_error", "service_unavailable"},
}

// errorForm writes errors as OpenAI's clients read them.
type errorForm struct{}

func objectOf(ex *schema.Exception) errorObject {
	w, ok := words[ex.Status]
	switch {
	case ok:
	case ex.Status < http.StatusInternalServerError:
		w = words[http.StatusBadRequest]
	default:
		w = words[http.StatusInternalServerError]
	}
	o := errorObject{Message: ex.Message, Type: w[0], Code: &w[1]}
	if ex.Code == "UnknownOperationException" {
		o.Message, o.Type, o.Code = "Unknown request URL. Check the path and the method.", "invalid_request_error", new("unknown_url")
	}
	if v, ok := ex.Fields[door.FieldType].(string); ok {
		o.Type = v
	}
	if v, ok := ex.Fields[door.FieldCode].(string); ok {
		o.Code = &v
	}
	if v, ok := ex.Fields[door.FieldParam].(string); ok {
		o.Param = &v
	}
	return o
}

// Error implements door.ErrorForm.
func (errorForm) Error(ex *schema.Exception, _ string) []byte {
	return encode(map[string]any{"error": objectOf(ex)})
}

// StreamError implements door.ErrorForm.
func (errorForm) StreamError(op string, ex *schema.Exception, _ string) door.Event {
	if o := objectOf(ex); op == "CreateResponse" {
		return door.Event{Name: "error", Data: encode(map[string]any{"type": "error", "code": o.Code, "message": o.Message, "param": o.Param})}
	}
	return door.Event{Data: encode(map[string]any{"error": objectOf(ex)})}
}

// encode is JSON without escapes for HTML. What is encoded here can be.
func encode(v any) []byte {
	b, err := marshal(v)
	if err != nil {
		panic(err) // only types of this package come here
	}
	return b
}
