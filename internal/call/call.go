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
	"net/netip"
	"slices"
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
	Source    Source
	// Resource is the ARN of what the operation works on, as authorization read
	// it; empty for operations that work on nothing in particular.
	Resource string

	mu      sync.Mutex
	header  http.Header
	usage   Usage
	settled func()
	ends    []func()
	clock   func() time.Time // nil: nobody wants to know the steps
	steps   []Step
}

// Step is something that happened to a call on its way.
type Step struct {
	Name   string // "authenticated"
	At     time.Time
	Detail string // what is worth knowing of it, in words; often empty
}

// The steps of a call, in the usual order. What a router tries may happen several
// times.
const (
	Authenticated = "authenticated" // Detail: who it is
	Decided       = "decided"       // the policies allow it
	Admitted      = "admitted"      // Detail: the model that will be asked
	Tried         = "tried"         // Detail: who was asked, and why it was in vain
	Answered      = "answered"      // Detail: who answers
)

// mostSteps bounds what is kept of a call that tries again and again.
const mostSteps = 64

// Follow has the steps kept from now on, with the times of a clock. An observer
// calls it when the call begins.
func (c *Call) Follow(clock func() time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clock == nil {
		c.clock, c.steps = clock, make([]Step, 0, 6)
	}
}

// Mark notes a step, where somebody follows the call.
func (c *Call) Mark(name, detail string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clock != nil && len(c.steps) < mostSteps {
		c.steps = append(c.steps, Step{name, c.clock(), detail})
	}
}

// Steps returns the steps so far.
func (c *Call) Steps() []Step {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.steps)
}

// Source is where a request came from.
type Source struct {
	IP     netip.Addr // of the connection; invalid for one without, as of a Unix socket
	Secure bool       // over TLS
	// TLSVersion and CipherSuite are how ("TLSv1.3", "TLS_AES_128_GCM_SHA256").
	TLSVersion  string
	CipherSuite string
	UserAgent   string
	Host        string // that the client asked for, with its port
	// Endpoint is the VPC endpoint ID of the listener that took the connection;
	// empty for listeners without.
	Endpoint string
}

// Usage is what a model invocation cost and who really answered it.
type Usage struct {
	Model        string // the model ID or ARN that was asked for
	ModelID      string // base model ID of what was asked for; empty for the operator's own
	Resource     string // ARN of the model or profile that is billed
	ServedBy     string // the model that really answered: "llamacpp/smollm2-135m-instruct"
	Backend      string // the adapter: "llamacpp"
	StandIn      bool   // a model of Bedrock's was answered for by another one
	InputTokens  int
	OutputTokens int
	CacheRead    int           // input tokens that were read from a cache, beside InputTokens
	CacheWrite   int           // input tokens that were written to a cache, beside InputTokens
	Queries      int           // of a reranker, each with up to a hundred documents
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

// Settle is RecordUsage at the moment when what a model used is final and the
// client is about to be told. Who keeps the bill learns it before Settle
// returns, so that no answer names tokens that nobody has written down. A call
// that runs several models settles after each; the usage is the sum so far.
func (c *Call) Settle(f func(*Usage)) {
	c.RecordUsage(f)
	c.mu.Lock()
	settled := c.settled
	c.mu.Unlock()
	if settled != nil {
		settled()
	}
}

// OnSettle sets what Settle calls. The edge does, before the service runs.
func (c *Call) OnSettle(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settled = f
}

// OnEnd has f called when the call is over, whatever became of it and whether
// the client is still there: the last one first, once each.
func (c *Call) OnEnd(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ends = append(c.ends, f)
}

// End calls what OnEnd was given. The edge does, once.
func (c *Call) End() {
	c.mu.Lock()
	ends := c.ends
	c.ends = nil
	c.mu.Unlock()
	// Deferred, so that what one of them holds is given back although another one
	// panics.
	for _, f := range ends {
		defer f()
	}
}

// Usage returns the usage recorded so far.
func (c *Call) Usage() Usage {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.usage
}
