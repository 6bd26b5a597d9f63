package scripted

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// fail is a fault that a rule makes.
type fail struct {
	name    string
	message *text
	retry   time.Duration // when to ask again
	after   int           // pieces of the answer before it
	status  int           // of the server that failed, for model-error
}

// failure is one kind of fault: the words are Bedrock's own.
type failure struct {
	kind    fault.Kind
	message string
}

// The names of faults that are more than a kind.
const (
	failHang    = "hang"
	failCut     = "cut"
	failTorn    = "torn"
	failBytes   = "malformed"
	failContext = "context-window"
	failModel   = "model-error"
)

// failures are the faults that a rule can make, by name.
var failures = map[string]failure{ //nolint:gochecknoglobals // a constant table
	"throttle":    {fault.Throttled, "Too many requests, please wait before trying again."},
	"timeout":     {fault.Timeout, "Model has timed out in processing the request. Try your request again."},
	"invalid":     {fault.Invalid, "The request is not valid."},
	"denied":      {fault.Denied, "You don't have access to the model with the specified model ID."},
	"not-found":   {fault.NotFound, "Could not resolve the foundation model from the provided model identifier."},
	"quota":       {fault.QuotaExceeded, "Your request exceeds the service quota for your account."},
	"not-ready":   {fault.NotReady, "The model is not ready for inference. Wait and try your request again."},
	"unavailable": {fault.Unavailable, "The service is temporarily unavailable. Try your request again."},
	"internal":    {fault.Internal, "The system encountered an unexpected error during processing. Try your request again."},
	"unsupported": {fault.Unsupported, "The model that serves this request does not support it."},
	failModel:     {fault.Upstream, "The model encountered an unexpected error during processing. Try your request again."},
	failCut:       {fault.Upstream, "The model's answer broke off."},
	failTorn:      {fault.Upstream, "The connection was torn."},
	failBytes:     {fault.Upstream, "The answer cannot be read."},
	failContext:   {fault.Invalid, "Input is too long for requested model."},
	failHang:      {fault.Timeout, ""},
}

// statuses are the faults by Bedrock's HTTP status.
var statuses = map[int]string{ //nolint:gochecknoglobals // a constant table
	400: "invalid", 403: "denied", 404: "not-found", 408: "timeout", 424: failModel, 429: "throttle", 500: "internal", 503: "unavailable",
}

func (r *reader) fault(n *yaml.Node) *fail {
	f := &fail{}
	name := func(n *yaml.Node) {
		f.name = r.str(n)
		if status, err := strconv.Atoi(f.name); err == nil {
			f.name = statuses[status]
		}
		if _, ok := failures[f.name]; !ok {
			names := make([]string, 0, len(failures))
			for name := range failures {
				names = append(names, name)
			}
			slices.Sort(names)
			r.wrong(n, "there is no fault %s: there are %s, and the statuses 400, 403, 404, 408, 424, 429, 500, 503", shorten(r.str(n)), strings.Join(names, ", "))
		}
	}
	if r.follow(n).Kind == yaml.ScalarNode {
		name(n)
	} else {
		after := false
		r.mapping(n, "a fault", fields{
			"kind":       name,
			"message":    func(n *yaml.Node) { f.message = r.text(n) },
			"retryAfter": func(n *yaml.Node) { f.retry = r.duration(n) },
			"after":      func(n *yaml.Node) { f.after, after = r.integer(n, 0, 1<<30), true },
			"status":     func(n *yaml.Node) { f.status = r.integer(n, 400, 599) },
		})
		if f.name == "" {
			r.wrong(n, "a fault needs its kind")
		}
		if after {
			return f
		}
	}
	switch f.name {
	case failCut, failTorn, failBytes:
		f.after = 1
	}
	return f
}

// err is the fault. hang waits for the end of the call.
func (f *fail) err(ctx context.Context, s *scene) error {
	if f.name == failHang {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.b.ctx.Done():
			return stopping()
		}
	}
	known := failures[f.name]
	message := known.message
	if f.message != nil {
		message = f.message.render(s)
	}
	var cause error
	if f.retry > 0 {
		cause = inference.RetryAfter{Wait: f.retry}
	}
	switch f.name {
	case failContext:
		cause = inference.ErrContextWindow
	case failTorn:
		cause = fault.Torn
	case failBytes:
		cause = fault.Malformed
	}
	e := fault.Wrap(known.kind, cause, "%s", message)
	if known.kind == fault.Upstream {
		status := f.status
		if status == 0 {
			status = 500
		}
		e = e.WithField("originalStatusCode", status).WithField("resourceName", s.asked())
	}
	return e
}
