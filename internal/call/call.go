// Package call is what the edge knows about the call in progress, carried in
// its context: who calls, from which account and region, under which request
// id; and what the service wants said beside the modeled output: unmodeled
// response headers, and which model really answered.
//
// It is not a place for parameters that an operation's input already has.
package call

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/iam"
)

// Call is one request on its way. The exported fields are set by the edge
// before the service runs and are read-only after that; the methods are safe
// for concurrent use.
type Call struct {
	RequestID string // UUID v4, lower case
	Account   string
	Region    string
	Service   string // "bedrock-runtime"
	Operation string // "ConverseStream"
	Principal iam.Principal
	Start     time.Time

	mu     sync.Mutex
	header http.Header
	usage  Usage
}

// Usage is what a model invocation cost and who really answered it.
type Usage struct {
	Model        string // the model ID or ARN that was asked for
	ServedBy     string // the model that really answered: "llamacpp/smollm2-135m-instruct"
	Backend      string // the adapter: "llamacpp"
	InputTokens  int
	OutputTokens int
	FirstToken   time.Duration // since Start; 0 when no token was made
	Elapsed      time.Duration // time the backend itself spent (queue and compute)
}

type key struct{}

// With returns ctx carrying c.
func With(ctx context.Context, c *Call) context.Context { return context.WithValue(ctx, key{}, c) }

// From returns the call of ctx. Outside of a request it returns an empty Call,
// never nil, so that services can be called by jobs and tests.
func From(ctx context.Context) *Call {
	if c, ok := ctx.Value(key{}).(*Call); ok {
		return c
	}
	return &Call{}
}

// SetHeader sets a response header that the service model does not have (token
// counts, latency, x-outcrop-served-by). It has an effect until the response
// starts: when the operation returns, or when its event stream is opened.
func (c *Call) SetHeader(name, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.header == nil {
		c.header = make(http.Header)
	}
	// Not Set: the real service's header case ("X-Amzn-Bedrock-…") is canonical
	// already, and other names are passed through as they are written.
	c.header[name] = []string{value}
}

// Header returns a copy of the headers set so far.
func (c *Call) Header() http.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.header.Clone()
}

// RecordUsage lets f change the usage record under the call's lock.
func (c *Call) RecordUsage(f func(*Usage)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.usage)
}

// Usage returns the usage recorded so far.
func (c *Call) Usage() Usage {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.usage
}
