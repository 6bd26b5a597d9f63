package edge

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/authn"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/sigv4"
	"github.com/outcrop/outcrop/internal/wire/awsjson"
	"github.com/outcrop/outcrop/internal/wire/constraint"
	"github.com/outcrop/outcrop/internal/wire/query"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// exchange is one request and its answer: the steps of design in order, each a
// method, each ending the exchange by returning an error.
type exchange struct {
	edge *Edge
	w    http.ResponseWriter
	r    *http.Request
	call *call.Call

	actions *actions // of the service behind /, where the request is for it
	door    *Service // below whose prefix the path is
	bound   *bound
	codec   schema.Codec // of the protocol that the request is in
	labels  map[string]string
	body    []byte
	view    observe.View
	watches []observe.Watch

	bodyBroken bool // see broken

	written bool    // a whole answer
	stream  *stream // set while a streaming operation runs
	status  int     // of the answer, for the log
	code    string  // exception, for the log; empty on success
	cause   error
}

// run answers the request: itself, or by passing it on to a service.
func (x *exchange) run(service string) {
	defer x.log()
	defer x.hand()
	defer x.end()
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
		if x.edge.p.Panicked != nil {
			x.edge.p.Panicked()
		}
		x.edge.p.Logger.Error("panic", slog.String("request_id", x.call.RequestID), slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
		x.fail(fault.New(fault.Internal, "panic"))
	}()
	if x.edge.p.Enter != nil {
		leave, err := x.edge.p.Enter(x.size(service))
		if err != nil {
			x.refuse(err)
			return
		}
		defer leave()
	}
	if service != "" {
		x.pass(service)
		return
	}
	if err := x.serve(); err != nil {
		x.fail(err)
	}
}

// size is how many bytes of the body will be held in memory: none of a service
// that streams it.
func (x *exchange) size(service string) int64 {
	switch {
	case service != "":
		return 0
	case x.r.ContentLength < 0:
		return unknownSize
	}
	return min(x.r.ContentLength, x.edge.p.MaxBody)
}

// unknownSize is what is put down for a body whose length is not told. Clients
// that send one are rare, and most send little.
const unknownSize = 1 << 20

func (x *exchange) serve() error {
	// What a client still has to send when it is refused is read by net/http
	// before the answer leaves; nobody shall hold a connection that way. A
	// deadline is a matter of the real clock, whatever time the tests tell.
	_ = http.NewResponseController(x.w).SetReadDeadline(time.Now().Add(x.edge.p.BodyTimeout)) // test writers have none, and need none
	claim, err := x.claim()
	if err != nil {
		return err
	}
	if err := claim.Check(x.bound.service.Schema, x.bound.Op); err != nil {
		return err
	}
	// An input that is a stream of events is read while the operation runs.
	if x.bound.Op.InputStream == nil {
		if err := x.readBody(x.edge.p.MaxBody); err != nil {
			return err
		}
	}
	if err := x.authenticate(claim); err != nil {
		return err
	}
	input, err := x.decode()
	if err != nil {
		return err
	}
	x.view.Input = input
	if x.door != nil {
		x.view.Labels, x.view.Stream = x.door.Door.Describe(input)
	}
	if err := x.edge.p.Authorize(&x.view); err != nil {
		return err
	}
	x.call.Mark(call.Decided, "")
	if x.edge.p.Forward != nil {
		if ask := x.edge.p.Forward(&x.view); ask != nil {
			return x.forward(ask)
		}
	}
	return x.invoke(input, claim)
}

func (x *exchange) authenticate(claim authn.Claim) error {
	principal, body, err := claim.Verify(x.body)
	if err != nil {
		return err
	}
	x.body, x.view.Body = body, body
	x.call.Principal = principal
	x.call.Region = claim.Region()
	if principal.Account != "" {
		x.call.Account = principal.Account
	}
	x.call.Mark(call.Authenticated, principal.ARN)
	return nil
}

func (x *exchange) decode() (any, error) {
	op := x.bound.Op
	if check := x.bound.service.CheckBody[op.Name]; check != nil {
		if err := check(x.body); err != nil {
			return nil, err
		}
	}
	input, err := x.codec.DecodeRequest(&schema.Request{
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

func (x *exchange) invoke(input any, claim authn.Claim) error {
	ctx := call.With(x.r.Context(), x.call)
	if x.view.Stream {
		return x.invokeStream(ctx, input, claim)
	}
	output, err := x.bound.Unary(ctx, input)
	if err != nil {
		return err
	}
	x.view.Output = output
	response, err := x.codec.EncodeResponse(x.bound.service.Schema, x.bound.Op, output, x.call.RequestID)
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
	if x.bound != nil && !x.view.Stream {
		cost := x.edge.p.Now().Sub(x.call.Start) - x.call.Usage().Elapsed
		header[serverCostHeader] = []string{strconv.FormatInt(cost.Microseconds(), 10)}
	}
	x.status = response.Status
	x.answering(response.Body)
	x.deadline()
	x.w.WriteHeader(response.Status)
	_, _ = x.w.Write(response.Body)
	x.written = true
}

// hand gives a whole answer to the client before the line of the log is written:
// net/http would keep it until the handler is over.
func (x *exchange) hand() {
	if x.written && x.r.ProtoMajor == 1 { // over HTTP/2 it would cost a frame
		_ = http.NewResponseController(x.w).Flush() // test writers cannot
	}
}

// serverCostHeader tells the server's own microseconds for a call: its time
// without the backend's.
const serverCostHeader = "X-Outcrop-Server-Microseconds"

// spelling is how the service writes names over HTTP/1.1 that it does not write
// in their canonical form. A client that compares bytes finds them so.
var spelling = map[string]string{ //nolint:gochecknoglobals // a constant table
	"X-Amzn-Errortype":                         "x-amzn-ErrorType",
	"X-Amzn-Bedrock-Performanceconfig-Latency": "X-Amzn-Bedrock-PerformanceConfig-Latency",
}

func (x *exchange) setHeaders(more http.Header) {
	header := x.w.Header()
	header["x-amzn-RequestId"] = []string{x.call.RequestID}
	maps.Copy(header, x.call.Header())
	for name, values := range more {
		if as, ok := spelling[name]; ok {
			name = as
		}
		header[name] = values
	}
	if x.r.ProtoMajor == 1 && header["Connection"] == nil {
		header["Connection"] = []string{"keep-alive"} // the service always says so
	}
}

func (x *exchange) deadline() {
	_ = http.NewResponseController(x.w).SetWriteDeadline(time.Now().Add(x.edge.p.WriteTimeout)) // test writers have none
}

// fail answers with the exception for err: as a plain answer while nothing has
// been sent, as a frame of the stream after that.
func (x *exchange) fail(err error) {
	x.cause = err
	if x.r.Context().Err() != nil && !x.bodyBroken || x.stream != nil && x.stream.failed {
		// Nobody is left to be told. The connection is torn, for an empty
		// answer could be taken for a good one.
		x.code, x.status = "Canceled", statusClientClosed
		panic(http.ErrAbortHandler)
	}
	if how := fault.DamageOf(err); how != "" {
		x.damage(how)
		return
	}
	f := fault.As(err)
	if f.Kind == fault.Canceled {
		// Canceled by the server, which is stopping.
		f = fault.Wrap(fault.Unavailable, err, "Bedrock is unable to process your request.")
	}
	if x.stream != nil && x.stream.opened {
		x.code = x.stream.fail(f)
		return
	}
	var service *Service
	op := &schema.Operation{} // declares nothing
	switch {
	case x.bound != nil:
		service, op = x.bound.service, x.bound.Op
	case x.door != nil:
		service = x.door
	case x.actions != nil:
		service = x.actions.service
	}
	ex := exceptionFor(op, f)
	if service == nil {
		x.code = ex.Code
		x.write(unknownResponse(ex))
		return
	}
	codec := x.codec
	if codec == nil {
		codec = service.Codec
	}
	if _, ok := codec.(query.Codec); ok {
		ex.Code = sigv4.QueryCode(ex.Code)
	}
	x.code, x.view.Message = ex.Code, ex.Message
	x.write(codec.EncodeException(service.Schema, ex, x.call.RequestID))
}

// refuse answers a request that there is no room for, in the protocol that its
// path tells.
func (x *exchange) refuse(err error) {
	x.door = x.edge.door(x.r.URL.Path)
	switch prefix, _, _ := strings.Cut(x.r.Header.Get(awsjson.TargetHeader), "."); {
	case x.r.URL.Path != "/":
		_ = x.route() // a path that names nothing is refused as well
	case x.edge.named[sigv4.ServiceName(x.r)] != nil:
		x.actions = x.edge.named[sigv4.ServiceName(x.r)]
	case x.edge.target[prefix] != nil:
		x.actions = x.edge.target[prefix]
	default:
		x.actions = x.edge.named[x.edge.p.ActionService]
	}
	x.fail(err)
}

// log writes the one line that every request leaves. Prompts and answers are
// never in it.
func (x *exchange) log() {
	elapsed := x.edge.p.Now().Sub(x.call.Start)
	usage := x.call.Usage()
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
