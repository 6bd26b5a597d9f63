// Package observe is the port of those who watch requests without having a say:
// the ledger, the log of invocations, the audit trail, the metrics.
//
// Package edge tells them what happens, in the order of the path, and fills the
// View; the View is also what the authorization sees. Adapters are in packages
// of their own, and package app makes the list.
package observe

import (
	"net/http"
	"time"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// View is what is known of an exchange so far. The steps of the path fill it;
// what an Observer or the authorization gets is the exchange's own: it is read,
// never changed or kept.
type View struct {
	Call *call.Call
	// Service and Op are nil for the requests of a service that speaks for
	// itself, as S3 does.
	Service *schema.Service
	Op      *schema.Operation
	Labels  map[string]string // of the path, percent-decoded; a door adds what it has in its body
	Header  http.Header       // of the request
	Body    []byte            // of the request, once it is read, without framing
	Input   any               // a pointer to the operation's input; nil until it is decoded
	// Stream: the answer goes out piece by piece. It is known before the
	// operation runs.
	Stream bool

	// What became of it, from Answer on.
	Output  any    // of a unary operation; nil when it failed
	Status  int    // of the answer
	Code    string // of the exception; empty on success
	Message string // what the client is told of the error
	Cause   error
	Elapsed time.Duration // of the whole exchange, in End
}

// Observer watches exchanges: the ledger, the logs of invocations and of the
// audit, the metrics. It changes nothing, and an exchange never fails because of
// it.
type Observer interface {
	// Begin is called once the operation is known and before anything is
	// decided. A nil Watch does not watch.
	Begin(v *View) Watch
}

// Watch follows one exchange. Its methods are called one after the other.
type Watch interface {
	// Settled: what a generation used is final, in v.Call.Usage(), and the
	// client has not been told yet. What must survive a kill of the server from
	// here on is written before Settled returns.
	Settled(v *View)
	// Answer: a whole answer, of success or failure, is about to be sent. body
	// is not kept. What must survive is written before Answer returns.
	Answer(v *View, body []byte)
	// Event: an event of a stream is about to be sent. payload is not kept.
	Event(v *View, name string, payload []byte)
	// End: the exchange is over, whatever became of it.
	End(v *View)
}
