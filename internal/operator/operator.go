// Package operator is the API for those who run a server: what the console shows
// and AWS has no operation for. docs/OPERATOR-API.md lists its requests.
//
// Every request is signed as any other one and decided by the policies, with the
// actions of the section [outcrop] in package authz's table. It reads the parts of
// the server through what they export, and changes only what its requests ask for;
// it serves no page, signs nothing (package console does) and never answers with a
// secret, a prompt or an answer of a model.
//
// It is no service of AWS's: its requests are not in the tables that package edge
// walks, because two of them answer with other things than documents (a stream of
// server-sent events, CSV). Package app wires it below /outcrop/.
package operator

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/access"
	"github.com/outcrop/outcrop/internal/authz"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/invocationlog"
	"github.com/outcrop/outcrop/internal/ledger"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/price"
	"github.com/outcrop/outcrop/internal/quota"
	"github.com/outcrop/outcrop/internal/router"
)

// Prefix begins the paths of the API.
const Prefix = "/outcrop/"

// The paths that commands ask, with the same answers as ever.
const (
	RoutesPath = Prefix + "routes"
	ReloadPath = Prefix + "reload"
)

// maxBody bounds the body of a request, in bytes.
const maxBody = 1 << 20

// Params are the parts of an API. All are required unless it is said otherwise.
type Params struct {
	// Authenticate proves who has sent a request, for an operation of Schema. The
	// call has no id and operation yet.
	Authenticate func(r *http.Request, body []byte, op string) (*call.Call, error)
	// Authorize decides; see authz.Authorizer.
	Authorize func(v *observe.View) error
	// Observers are told of requests that change something and of those that were
	// refused.
	Observers []observe.Observer
	Logger    *slog.Logger
	Now       func() time.Time
	NewID     func() string

	About About
	// Router answers who serves what, Catalog what there could be. Listed are the
	// models that ListFoundationModels shows in a region.
	Router  *router.Router
	Catalog *catalog.Catalog
	Listed  func(region string) []*catalog.Model
	Prices  *price.Book
	Ready   func(ctx context.Context) error
	Local   Local
	Ledger  *ledger.Ledger
	Ring    *Ring
	Logging *invocationlog.Settings
	// InvocationFiles is the folder of the invocation logs; empty: there is none.
	InvocationFiles string
	// AuditDir is the folder of the audit trail; empty: there is no trail.
	AuditDir  string
	Access    *access.Registry
	Quotas    *quota.Registry
	Limiter   *quota.Limiter
	Explainer *authz.Authorizer
	// Reload reads the configuration again.
	Reload func() (any, error)
}

// API answers the requests. It is safe for concurrent use.
type API struct {
	p     Params
	mux   *http.ServeMux
	pulls *pulls
	over  context.Context // ends with End
	end   context.CancelFunc
}

// New returns an API.
func New(p Params) *API {
	a := &API{p: p, mux: http.NewServeMux()}
	a.over, a.end = context.WithCancel(context.Background())
	a.pulls = newPulls(a)
	for _, e := range endpoints() {
		a.mux.Handle(e.method+" "+Prefix+e.path, a.handler(e))
	}
	a.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		a.fail(w, a.p.NewID(), fault.New(fault.NotFound, "There is no operation %s %.200s.", r.Method, r.URL.Path).WithCode(unknownOperation))
	})
	return a
}

// End ends what goes on without end: streams, and downloads, which go on when
// they are asked for again.
func (a *API) End() {
	a.end()
	a.pulls.wait()
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// request is one request on its way.
type request struct {
	*http.Request

	id    string
	call  *call.Call
	query values
	body  []byte
	w     http.ResponseWriter // of those that answer by themselves
}

// written is what a handler answers that has written its answer by itself.
type written struct{}

// unknownOperation is the code for a path that names nothing.
const unknownOperation = "UnknownOperationException"

// handler takes a request through authentication and authorization to its answer.
func (a *API) handler(e endpoint) http.Handler {
	op := operation(e.operation)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := a.p.NewID()
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler { //nolint:errorlint // the documented sentinel value
				panic(v)
			}
			a.p.Logger.Error("panic", slog.String("request_id", id), slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
			a.fail(w, id, fault.New(fault.Internal, "panic"))
		}()
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			a.fail(w, id, fault.New(fault.Invalid, "The body is longer than %d bytes or did not come.", maxBody))
			return
		}
		c, err := a.p.Authenticate(r, body, e.operation)
		if err != nil {
			a.fail(w, id, err)
			return
		}
		c.RequestID, c.Operation, c.Service = id, e.operation, serviceID
		q := &request{Request: r, id: id, call: c, body: body, w: w}
		v := &observe.View{Call: c, Service: schemaOf, Op: op, Header: r.Header}
		made, err := a.answer(e, q, v)
		a.watched(e, v, err)
		switch {
		case err != nil:
			a.fail(w, id, err)
		case made != written{}:
			a.tell(w, id, http.StatusOK, made)
		}
	})
}

func (a *API) answer(e endpoint, q *request, v *observe.View) (any, error) {
	if err := a.p.Authorize(v); err != nil {
		return nil, err
	}
	var err error
	if q.query, err = parameters(q.URL.RawQuery, e.query); err != nil {
		return nil, err
	}
	return e.do(a, q)
}

// watched tells the observers of what has changed something or was refused. They
// are not told of what only reads: a console asks again every few seconds.
func (a *API) watched(e endpoint, v *observe.View, err error) {
	if e.reads() && !fault.Is(err, fault.Denied) {
		return
	}
	v.Status = http.StatusOK
	if err != nil {
		f := fault.As(err)
		v.Code, v.Message, v.Cause, v.Status = code(f), f.Message, err, status(f)
	}
	v.Elapsed = a.p.Now().Sub(v.Call.Start)
	for _, o := range a.p.Observers {
		if w := o.Begin(v); w != nil {
			w.Answer(v, nil)
			w.End(v)
		}
	}
}

// ErrorAnswer is the body of an answer that is none.
type ErrorAnswer struct {
	Code      string `json:"code"`
	Message   string `json:"message"`
	RequestID string `json:"requestId"`
}

// internalText is what is told of what is nobody's business.
const internalText = "The server encountered an internal error. Try your request again."

func (a *API) fail(w http.ResponseWriter, id string, err error) {
	f := fault.As(err)
	message := f.Message
	if f.Kind == fault.Internal {
		message = internalText
		a.p.Logger.Error("request of an operator", slog.String("request_id", id), slog.String("cause", err.Error()))
	}
	name := code(f)
	w.Header()["x-amzn-ErrorType"] = []string{name}
	a.tell(w, id, status(f), ErrorAnswer{Code: name, Message: message, RequestID: id})
}

func (a *API) tell(w http.ResponseWriter, id string, status int, answer any) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(answer); err != nil {
		a.p.Logger.Error("an answer cannot be written", slog.String("request_id", id), slog.String("cause", err.Error()))
		http.Error(w, internalText, http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h["x-amzn-RequestId"] = []string{id}
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(text.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // a client that is gone reads nothing
}

// exceptions are the names and statuses of the kinds, as Bedrock has them.
var exceptions = map[fault.Kind]struct { //nolint:gochecknoglobals // a constant table
	code   string
	status int
}{
	fault.Internal:        {"InternalServerException", http.StatusInternalServerError},
	fault.Invalid:         {"ValidationException", http.StatusBadRequest},
	fault.Unsupported:     {"ValidationException", http.StatusBadRequest},
	fault.NotFound:        {"ResourceNotFoundException", http.StatusNotFound},
	fault.Conflict:        {"ConflictException", http.StatusConflict},
	fault.Denied:          {"AccessDeniedException", http.StatusForbidden},
	fault.Unauthenticated: {"UnrecognizedClientException", http.StatusForbidden},
	fault.Throttled:       {"ThrottlingException", http.StatusTooManyRequests},
	fault.QuotaExceeded:   {"ServiceQuotaExceededException", http.StatusBadRequest},
	fault.NotReady:        {"ServiceUnavailableException", http.StatusServiceUnavailable},
	fault.Timeout:         {"ServiceUnavailableException", http.StatusServiceUnavailable},
	fault.Upstream:        {"ServiceUnavailableException", http.StatusServiceUnavailable},
	fault.Unavailable:     {"ServiceUnavailableException", http.StatusServiceUnavailable},
	fault.Canceled:        {"ServiceUnavailableException", http.StatusServiceUnavailable},
}

func code(f *fault.Error) string {
	if f.Code != "" {
		return f.Code
	}
	return exceptions[f.Kind].code
}

func status(f *fault.Error) int { return exceptions[f.Kind].status }

// decode reads the body of a request. What nobody knows is refused, for it is a
// mistake that would have no effect.
func (q *request) decode(into any) error {
	if len(bytes.TrimSpace(q.body)) == 0 {
		return fault.New(fault.Invalid, "The request needs a body of JSON.")
	}
	dec := json.NewDecoder(bytes.NewReader(q.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fault.Wrap(fault.Invalid, err, "The body cannot be read: %.200s.", strings.TrimPrefix(err.Error(), "json: "))
	}
	if dec.More() {
		return fault.New(fault.Invalid, "The body cannot be read: there is something behind its JSON.")
	}
	return nil
}

// values are the parameters of a request.
type values struct{ url.Values }

// parameters reads a query. What nobody knows is refused.
func parameters(raw string, known []string) (values, error) {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return values{}, fault.New(fault.Invalid, "The query cannot be read.")
	}
	for name, list := range query {
		if strings.HasPrefix(strings.ToLower(name), "x-amz-") {
			continue // of a presigned address
		}
		if !slices.Contains(known, name) && !(strings.HasPrefix(name, tagPrefix) && slices.Contains(known, tagPrefix)) {
			return values{}, fault.New(fault.Invalid, "There is no parameter %.100q. There are: %s.", name, orNone(known))
		}
		if len(list) > 1 {
			return values{}, fault.New(fault.Invalid, "The parameter %s is given more than once.", name)
		}
	}
	return values{query}, nil
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// tagPrefix begins the names of parameters for cost tags.
const tagPrefix = "tag:"

// time reads a point in time; zero where there is none.
func (v values) time(name string) (time.Time, error) {
	text := v.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fault.New(fault.Invalid, "The parameter %s is a time such as 2026-03-01T12:00:00Z or a day such as 2026-03-01, not %.100q.", name, text)
}

// span reads from and to.
func (v values) span() (from, to time.Time, err error) {
	if from, err = v.time("from"); err != nil {
		return from, to, err
	}
	if to, err = v.time("to"); err != nil {
		return from, to, err
	}
	if !to.IsZero() && !to.After(from) {
		return from, to, fault.New(fault.Invalid, "The parameter to is not after from.")
	}
	return from, to, nil
}

// number reads a whole number between two.
func (v values) number(name string, otherwise, least, most int) (int, error) {
	text := v.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, fault.New(fault.Invalid, "The parameter %s is a whole number from %d to %d, not %.100q.", name, least, most, text)
	}
	return n, nil
}

// one reads a word of a list; empty where there is none.
func (v values) one(name string, of ...string) (string, error) {
	text := v.Get(name)
	if text != "" && !slices.Contains(of, text) {
		return "", fault.New(fault.Invalid, "The parameter %s is one of %s, not %.100q.", name, strings.Join(of, ", "), text)
	}
	return text, nil
}
