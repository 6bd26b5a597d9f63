package bedrock

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference/remote"
)

// refused keeps the class, the sentence and the status of an exception that the
// service answered with. What it says about the credentials stays untold: it
// names who they belong to.
func (b *Backend) refused(err error) error {
	r, ok := errors.AsType[*remote.Refusal](err)
	if !ok || r.Type == "" {
		return err
	}
	return b.exception(err, r.Type, r.Message, r.Body)
}

// kinds are the classes of bedrock-runtime's exceptions.
var kinds = map[string]fault.Kind{
	"validationexception":           fault.Invalid,
	"throttlingexception":           fault.Throttled,
	"modeltimeoutexception":         fault.Timeout,
	"modelnotreadyexception":        fault.NotReady,
	"modelerrorexception":           fault.Upstream,
	"modelstreamerrorexception":     fault.Upstream,
	"internalserverexception":       fault.Upstream,
	"serviceunavailableexception":   fault.Unavailable,
	"servicequotaexceededexception": fault.QuotaExceeded,
	"resourcenotfoundexception":     fault.NotFound,
}

// exception is the fault of an exception. cause may be nil; message is clean.
func (b *Backend) exception(cause error, name, message string, body []byte) error {
	kind, ok := kinds[strings.ToLower(name)]
	switch {
	case !ok && cause != nil:
		return cause // 401 and 403 say that the backend refused its key
	case !ok:
		kind = fault.Upstream
	}
	if message == "" {
		if cause != nil {
			return cause
		}
		message = "The backend " + b.p.Name + " broke off its answer."
	}
	f := fault.Wrap(kind, cause, "%s", message)
	if kind != fault.Upstream {
		return f
	}
	var said struct {
		Original *int   `json:"originalStatusCode"`
		Message  string `json:"originalMessage"`
		Resource string `json:"resourceName"`
	}
	_ = json.Unmarshal(body, &said) // without it nothing is known
	switch {
	case said.Original != nil:
		f = f.WithField("originalStatusCode", *said.Original)
	case cause != nil:
		f = f.WithField("originalStatusCode", remote.StatusOf(cause))
	}
	if said.Resource != "" {
		f = f.WithField("resourceName", said.Resource)
	}
	if said.Message != "" {
		f = f.WithField("originalMessage", b.p.Client.Clean(said.Message))
	}
	return f
}
