package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/authn"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/sigv4"
	"github.com/outcrop/outcrop/internal/wire/constraint"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// exchange is one request and its answer: the steps of design in order, each a
// method, each ending the exchange by returning an error.
type exchange struct {
	edge *Edge
	w    http.ResponseWriter
	r    *http.Request
	call *call.Call

	bound  *bound
	labels map[string]string
	body   []byte

	stream *stream // set while a streaming operation runs
	status int     // of the answer, for the log
	code   string  // exception, for the log; empty on success
	cause  error
}

func (x *exchange) run() {
	defer x.log()
	defer func() {
		// A panic is a bug: it is counted and logged with its stack, the client
		// gets InternalServerException, and the server goes on.
		v := recover()
		if v == nil {
			return
		}
		if v == http.ErrAbortHandler { //nolint:errorlint // the documented sentinel value
			panic(v)
		}
		x.edge.p.Metrics.panics.Inc()
		x.edge.p.Logger.Error("panic", slog.String("request_id", x.call.RequestID), slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
		x.fail(fault.New(fault.Internal, "panic"))
	}()
	if err := x.serve(); err != nil {
		x.fail(err)
	}
}

func (x *exchange) serve() error {
	claim, err := x.claim()
	if err != nil {
		return err
	}
	if err := claim.Check(x.bound.service.Schema, x.bound.Op); err != nil {
		return err
	}
	if err := x.readBody(); err != nil {
		return err
	}
	if err := x.authenticate(claim); err != nil {
		return err
	}
	input, err := x.decode()
	if err != nil {
		return err
	}
	if err := x.edge.p.Authorize(x.call, x.labels); err != nil {
		return err
	}
	return x.invoke(input)
}

// claim reads who the request says it is from, and finds its operation: from
// method and path, or from the action for protocols that have one path. The
// operation comes first where there is no claim, for it says in which protocol
// to complain.
func (x *exchange) claim() (authn.Claim, error) {
	claim, err := x.edge.p.Authenticator.Claim(x.r)
	service := ""
	if err == nil {
		service = claim.Service()
		x.call.Region = claim.Region()
	}
	if routeErr := x.route(service); routeErr != nil {
		return nil, routeErr
	}
	return claim, err
}

func (x *exchange) route(service string) error {
	if x.r.URL.Path == "/" {
		ops := x.edge.named[service]
		if ops == nil {
			ops = x.edge.named[x.edge.p.ActionService]
		}
		return x.routeAction(ops)
	}
	candidates := x.edge.router.Match(x.r.Method, x.r.URL.EscapedPath(), x.r.URL.RawQuery)
	if len(candidates) == 0 {
		return fault.New(fault.NotFound, "no operation for %s %s", x.r.Method, x.r.URL.Path).WithCode(unknownOperation)
	}
	pick := candidates[0]
	if len(candidates) > 1 {
		pick = candidates[disambiguate(x.r, candidates)]
	}
	x.bound, x.labels = x.edge.rest[pick.Op], pick.Labels
	x.name()
	return nil
}

// name copies what the routing found into the call, before anything can fail,
// so that the log names the operation of refused requests too.
func (x *exchange) name() {
	x.call.Service, x.call.Operation = x.bound.service.Schema.ID, x.bound.Op.Name
}

func (x *exchange) routeAction(ops map[string]*bound) error {
	if target := x.r.Header.Get("X-Amz-Target"); target != "" {
		_, name, _ := strings.Cut(target, ".")
		x.bound = ops[name]
	} else {
		action := x.r.URL.Query().Get("Action")
		if action == "" {
			if err := x.readBody(); err != nil {
				return err
			}
			form, err := url.ParseQuery(string(x.body))
			if err != nil {
				return fault.Wrap(fault.Invalid, err, "The request body is not a form.")
			}
			action = form.Get("Action")
		}
		x.bound = ops[action]
	}
	if x.bound == nil {
		return fault.New(fault.NotFound, "no such action").WithCode(unknownOperation)
	}
	x.name()
	return nil
}

// readBody reads the whole body once, within the size limit and the time that
// a client has for it.
func (x *exchange) readBody() error {
	if x.body != nil {
		return nil
	}
	limit := x.edge.p.MaxBody
	control := http.NewResponseController(x.w)
	// A deadline is a matter of the real clock, whatever time the tests tell.
	_ = control.SetReadDeadline(time.Now().Add(x.edge.p.BodyTimeout)) // not supported by test writers, and then not needed
	if x.r.ContentLength > limit {
		return x.tooLong()
	}
	size := max(x.r.ContentLength, 0)
	body := make([]byte, 0, min(size, 1<<20)+512)
	for {
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		n, err := x.r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if int64(len(body)) > limit {
			return x.tooLong()
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fault.Wrap(fault.Canceled, err, "the request body did not arrive whole")
		}
	}
	_ = control.SetReadDeadline(time.Time{}) // see above
	x.body = body
	return nil
}

// tooLong refuses a body. What the client still sends is thrown away, within
// bounds: a client that finds the connection closed while it writes would never
// read the answer.
func (x *exchange) tooLong() error {
	_, _ = io.CopyN(io.Discard, x.r.Body, 2*x.edge.p.MaxBody) // best effort
	return fault.New(fault.Invalid, "Input is too long for requested model.")
}

func (x *exchange) authenticate(claim authn.Claim) error {
	principal, body, err := claim.Verify(x.body)
	if err != nil {
		return err
	}
	x.body = body
	x.call.Principal = principal
	x.call.Region = claim.Region()
	if principal.Account != "" {
		x.call.Account = principal.Account
	}
	return nil
}

func (x *exchange) decode() (any, error) {
	op := x.bound.Op
	input, err := x.bound.service.Codec.DecodeRequest(&schema.Request{
		Service: x.bound.service.Schema, Op: op, Labels: x.labels,
		Header: x.r.Header, Query: x.r.URL.Query(), Body: x.body,
	})
	if err != nil {
		return nil, err
	}
	if err := constraint.Check(op.Input, input); err != nil {
		return nil, err
	}
	return input, nil
}

func (x *exchange) invoke(input any) error {
	ctx := call.With(x.r.Context(), x.call)
	if x.bound.Unary == nil {
		return x.invokeStream(ctx, input)
	}
	output, err := x.bound.Unary(ctx, input)
	if err != nil {
		return err
	}
	response, err := x.bound.service.Codec.EncodeResponse(x.bound.service.Schema, x.bound.Op, output, x.call.RequestID)
	if err != nil {
		return fmt.Errorf("encode the answer of %s: %w", x.bound.Op.Name, err)
	}
	x.write(response)
	return nil
}

// write sends a whole answer. A failing write means that the client is gone;
// there is nobody to tell.
func (x *exchange) write(response *schema.Response) {
	x.setHeaders(response.Header)
	header := x.w.Header()
	header["Content-Length"] = []string{strconv.Itoa(len(response.Body))}
	if x.bound != nil && x.bound.Unary != nil {
		cost := x.edge.p.Now().Sub(x.call.Start) - x.call.Usage().Elapsed
		header[serverCostHeader] = []string{strconv.FormatInt(cost.Microseconds(), 10)}
	}
	x.status = response.Status
	x.deadline()
	x.w.WriteHeader(response.Status)
	_, _ = x.w.Write(response.Body)
}

// serverCostHeader tells the server's own microseconds for a call: its time
// without the backend's.
const serverCostHeader = "X-Outcrop-Server-Microseconds"

func (x *exchange) setHeaders(more http.Header) {
	header := x.w.Header()
	// The service writes these two names with this very case over HTTP/1.1.
	header["x-amzn-RequestId"] = []string{x.call.RequestID}
	maps.Copy(header, x.call.Header())
	maps.Copy(header, more)
}

func (x *exchange) deadline() {
	_ = http.NewResponseController(x.w).SetWriteDeadline(time.Now().Add(x.edge.p.WriteTimeout)) // test writers have none
}

// fail answers with the exception for err: as a plain answer while nothing has
// been sent, as a frame of the stream after that.
func (x *exchange) fail(err error) {
	x.cause = err
	f := fault.As(err)
	if f.Kind == fault.Canceled || x.r.Context().Err() != nil {
		x.code, x.status = "Canceled", statusClientClosed
		if x.stream == nil || !x.stream.opened {
			// The connection is closed without an answer: an answer could only
			// be taken for one to the next request.
			x.w.Header().Set("Connection", "close")
		}
		return
	}
	if x.stream != nil && x.stream.opened {
		x.code = x.stream.fail(f)
		return
	}
	codec, svc := schema.Codec(nil), (*schema.Service)(nil)
	ex := unrouted(f)
	if x.bound != nil {
		codec, svc = x.bound.service.Codec, x.bound.service.Schema
		ex = exceptionFor(x.bound.Op, f)
		if svc.Protocol == "query" {
			ex.Code = sigv4.QueryCode(ex.Code)
		}
	}
	x.code = ex.Code
	if codec == nil {
		x.write(unknownResponse(ex))
		return
	}
	x.write(codec.EncodeException(svc, ex, x.call.RequestID))
}

// log writes the one line that every request leaves, and counts it. Prompts
// and answers are never in it.
func (x *exchange) log() {
	elapsed := x.edge.p.Now().Sub(x.call.Start)
	usage := x.call.Usage()
	x.edge.p.Metrics.observe(x.call, x.code, elapsed, usage)
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("request_id", x.call.RequestID), slog.String("service", x.call.Service),
		slog.String("op", x.call.Operation), slog.Int("status", x.status), slog.Duration("elapsed", elapsed),
	}
	if x.call.Account != "" {
		attrs = append(attrs, slog.String("account", x.call.Account), slog.String("region", x.call.Region))
	}
	if x.call.Principal.ARN != "" {
		attrs = append(attrs, slog.String("principal", x.call.Principal.ARN))
	}
	if usage.Model != "" {
		attrs = append(attrs, slog.String("model", usage.Model), slog.String("served_by", usage.ServedBy),
			slog.Int("input_tokens", usage.InputTokens), slog.Int("output_tokens", usage.OutputTokens),
			slog.Duration("first_token", usage.FirstToken), slog.Duration("backend_time", usage.Elapsed))
	}
	if x.code != "" {
		attrs = append(attrs, slog.String("error", x.code))
		if x.cause != nil && fault.KindOf(x.cause) == fault.Internal {
			level = slog.LevelError
			attrs = append(attrs, slog.String("cause", x.cause.Error()))
		}
	}
	x.edge.p.Logger.LogAttrs(context.WithoutCancel(x.r.Context()), level, "request", attrs...)
}
