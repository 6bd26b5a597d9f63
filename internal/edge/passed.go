package edge

import (
	"io"
	"net/http"
	"time"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/sigv4"
)

// Passed answers the requests of a service that speaks its protocol by itself:
// it authenticates, authorizes and words its errors, and takes bodies of any
// length. It tells in c who the sender is and what they want, and in result
// what became of it, for the log, also when it panics with http.ErrAbortHandler.
type Passed func(w http.ResponseWriter, r *http.Request, c *call.Call, result *Result)

// Result is what became of a request that was passed on.
type Result struct {
	Status int
	Code   string // of the error; empty on success
	Cause  error  // what is to be seen in the log alone
}

// passed returns the signing name of the service that a request is passed on
// to; empty: none. What is signed for such a service is passed on whatever its
// path is: a bucket may be named health.
func (e *Edge) passed(r *http.Request) string {
	if len(e.p.Passed) == 0 {
		return ""
	}
	name := sigv4.ServiceName(r)
	if e.p.Passed[name] != nil {
		return name
	}
	if name != "" || e.p.Unclaimed == "" || e.door(r.URL.Path) != nil {
		return ""
	}
	if _, pattern := e.mux.Handler(r); pattern != "" {
		return ""
	}
	if r.URL.Path == "/" {
		if r.Method == http.MethodPost || r.URL.Query().Has("Action") {
			return ""
		}
		return e.p.Unclaimed
	}
	if len(e.router.Match(r.Method, r.URL.EscapedPath(), r.URL.RawQuery)) > 0 {
		return ""
	}
	return e.p.Unclaimed
}

// pass hands the exchange to a service that speaks for itself. There is no
// limit for the whole of it, for objects are large; a client that takes too
// long for one piece is cut off as any other.
func (x *exchange) pass(service string) {
	x.call.Service = service
	x.begin()
	control := http.NewResponseController(x.w)
	x.r.Body = &patientBody{ReadCloser: x.r.Body, control: control, patience: x.edge.p.BodyTimeout}
	w := &patientWriter{ResponseWriter: x.w, control: control, patience: x.edge.p.WriteTimeout}
	// What a client still has to send when it is refused is read by net/http
	// before the answer leaves; see serve.
	if x.r.ContentLength != 0 {
		_ = control.SetReadDeadline(time.Now().Add(x.edge.p.BodyTimeout)) // test writers have none, and need none
	}
	var result Result
	defer func() { x.status, x.code, x.cause = result.Status, result.Code, result.Cause }()
	x.edge.p.Passed[service](w, x.r, x.call, &result)
}

// patientBody gives a client a limited time for each piece of its body.
type patientBody struct {
	io.ReadCloser

	control  *http.ResponseController
	patience time.Duration
}

// Read implements io.Reader.
func (b *patientBody) Read(p []byte) (int, error) {
	_ = b.control.SetReadDeadline(time.Now().Add(b.patience)) // test writers have none, and need none
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		_ = b.control.SetReadDeadline(time.Time{}) // as above
	}
	return n, err
}

// patientWriter gives a client a limited time to take each piece of an answer.
type patientWriter struct {
	http.ResponseWriter

	control  *http.ResponseController
	patience time.Duration
}

// Write implements io.Writer.
func (w *patientWriter) Write(p []byte) (int, error) {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.patience)) // test writers have none
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController find what else the writer can do.
func (w *patientWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
