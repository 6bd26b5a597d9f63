// Package forward hands whole operations on to Amazon Bedrock, or to another
// Outcrop: requests signed anew with an account's own keys, bodies and streams
// as they are.
//
// It is for what lives there and not here: knowledge bases, guardrails, agents,
// jobs. Calls of models are not forwarded, since they have to be counted and
// billed: they go through the router to a backend. The caller has been
// authenticated and authorized before, and none of their keys goes along.
package forward

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/outbound"
)

// Account is where operations go, and as whom.
type Account struct {
	Name string // of the backend, for messages
	// Patterns say what goes there; see Match.
	Patterns []string
	// Endpoint is the URL of a service by its name: "bedrock-agent". ctx is the
	// request's.
	Endpoint func(ctx context.Context, service string) string
	// Sign signs a request, after everything else is set.
	Sign func(r *http.Request, body []byte) error
}

// Params are the parts of a Forwarder.
type Params struct {
	Accounts []Account // the first whose pattern matches
	Dialer   *outbound.Dialer
	// FirstByte is the longest time to the head of an answer; 0 is no limit.
	FirstByte time.Duration
}

// Forwarder knows what goes where. It is safe for concurrent use.
type Forwarder struct {
	p         Params
	transport http.RoundTripper
	idle      func() // closes idle connections
}

// New checks the patterns.
func New(p Params) (*Forwarder, error) {
	for _, a := range p.Accounts {
		for _, pattern := range a.Patterns {
			if err := Check(pattern); err != nil {
				return nil, fmt.Errorf("backends.%s: forward: %w", a.Name, err)
			}
		}
	}
	t := p.Dialer.Transport()
	t.DisableCompression = true // bodies go as they are
	t.ResponseHeaderTimeout = p.FirstByte
	return &Forwarder{p: p, transport: t, idle: t.CloseIdleConnections}, nil
}

// services are those whose operations can be forwarded.
var services = []string{"bedrock", "bedrock-runtime", "bedrock-agent", "bedrock-agent-runtime"}

// Check says what is wrong with a pattern.
func Check(pattern string) error {
	service, operation, ok := strings.Cut(pattern, ":")
	if !ok {
		kind, id, ok := strings.Cut(pattern, "/")
		if _, err := path.Match(pattern, ""); err != nil || !ok || kind == "" || id == "" {
			return fmt.Errorf("%q is neither a resource such as knowledge-base/ABCDEFGHIJ nor an operation such as bedrock:GetGuardrail", pattern)
		}
		return nil
	}
	if _, err := path.Match(operation, ""); err != nil || operation == "" || !slices.Contains(services, service) {
		return fmt.Errorf("%q is no operation of %s", pattern, strings.Join(services, ", "))
	}
	if service == "bedrock-runtime" && counted(operation) {
		return fmt.Errorf("%q runs models: those are asked through routes", pattern)
	}
	return nil
}

// counted reports whether an operation of bedrock-runtime, or one that a pattern
// may mean, runs a model that is counted here.
func counted(operation string) bool {
	for _, name := range []string{
		"Converse", "ConverseStream", "CountTokens", "InvokeModel", "InvokeModelWithBidirectionalStream", "InvokeModelWithResponseStream", "StartAsyncInvoke",
	} {
		if ok, _ := path.Match(operation, name); ok {
			return true
		}
	}
	return false
}

// Match finds where an operation goes; nil where it stays. A pattern with a colon
// is SERVICE:OPERATION, any other one a resource: the end of the ARN of what the
// operation works on, as authorization read it ("knowledge-base/ABCDEFGHIJ"), or
// what is below it. * stands for any part.
func (f *Forwarder) Match(service, operation, resource string) *Account {
	if !slices.Contains(services, service) || service == "bedrock-runtime" && counted(operation) {
		return nil
	}
	for i := range f.p.Accounts {
		for _, pattern := range f.p.Accounts[i].Patterns {
			if matches(pattern, service, operation, resource) {
				return &f.p.Accounts[i]
			}
		}
	}
	return nil
}

func matches(pattern, service, operation, resource string) bool {
	if of, name, ok := strings.Cut(pattern, ":"); ok {
		ok, _ = path.Match(name, operation)
		return ok && of == service
	}
	fields := strings.SplitN(resource, ":", 6)
	if len(fields) != 6 {
		return false
	}
	// As many parts as the pattern has: a data source belongs to its base.
	parts := strings.Split(fields[5], "/")
	n := strings.Count(pattern, "/") + 1
	if len(parts) < n {
		return false
	}
	ok, _ := path.Match(pattern, strings.Join(parts[:n], "/"))
	return ok
}

// kept are the headers of a request that go along. None of them says who asks.
var kept = []string{"Accept", "Content-Type", "X-Amzn-Bedrock-Trace", "X-Amzn-Bedrock-Guardrailidentifier", "X-Amzn-Bedrock-Guardrailversion", "X-Amzn-Client-Token"}

// Do sends an operation's request to an account and returns its answer, also
// when it is an error of the operation's. The caller closes its body. Faults:
// Upstream when the account cannot be reached, Denied when it refuses its keys;
// what it says about keys is not told, since it names their owner.
func (f *Forwarder) Do(ctx context.Context, to *Account, service string, r *http.Request, body []byte) (*http.Response, error) {
	u, err := url.Parse(to.Endpoint(ctx, service))
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the endpoint of a backend")
	}
	base := strings.TrimSuffix(u.EscapedPath(), "/")
	target := u.Scheme + "://" + u.Host + base + r.URL.EscapedPath()
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, target, bytes.NewReader(body)) //nolint:gosec // the host is the operator's
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "a request that is forwarded")
	}
	if len(body) == 0 {
		req.Body, req.ContentLength = http.NoBody, 0
	}
	for _, name := range kept {
		if values := r.Header.Values(name); len(values) > 0 {
			req.Header[name] = values
		}
	}
	req.Header.Set("User-Agent", "outcrop")
	if err := to.Sign(req, body); err != nil {
		return nil, err
	}
	resp, err := f.transport.RoundTrip(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if known, ok := errors.AsType[*fault.Error](err); ok {
			return nil, known
		}
		return nil, fault.Wrap(fault.Upstream, err, "The backend %s cannot be reached.", to.Name)
	}
	switch {
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		_ = resp.Body.Close()
		return nil, fault.New(fault.Upstream, "The backend %s answered with a redirect, which is not followed.", to.Name)
	case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden:
		_ = resp.Body.Close()
		return nil, fault.New(fault.Denied, "The backend %s refused its keys, or they may not do this.", to.Name)
	}
	return resp, nil
}

// Close gives the connections back.
func (f *Forwarder) Close() error {
	f.idle()
	return nil
}
