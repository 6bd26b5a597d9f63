// Package trace tells an OpenTelemetry collector about each request: one span
// for the request and one for the time of the model behind it, with the
// attributes of the GenAI conventions. Prompts, answers and secrets are in none.
//
// It is an observer of package observe. Spans are sent in the background, over
// HTTP as protobuf; what a collector that is away cannot take is dropped, and no
// request ever waits. Nothing global of OpenTelemetry's is used, so that two
// servers can live in one process.
package trace

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/telemetry"
)

// Params is what a Tracer is made of. Every field is required but Headers.
type Params struct {
	Target
	Client  *http.Client
	Sample  float64 // part of the requests without a parent, from 0 to 1
	Version string  // of the server
	Logger  *slog.Logger
	Now     func() time.Time
}

// Tracer is the observer.
type Tracer struct {
	now        func() time.Time
	provider   *sdk.TracerProvider
	tracer     trace.Tracer
	propagator propagation.TraceContext
}

var _ observe.Observer = (*Tracer)(nil)

const (
	queued     = 4096 // spans that wait at most
	batched    = 512
	sendAfter  = 2 * time.Second
	sendWithin = 10 * time.Second
)

// New makes a tracer. It opens no connection: a collector that is not there is
// noticed, and said in the log, when spans are sent.
func New(ctx context.Context, p Params) (*Tracer, error) {
	exporter, err := otlptracehttp.New(ctx,
		otlptracehttp.WithEndpointURL(p.URL), otlptracehttp.WithHeaders(p.Headers), otlptracehttp.WithHTTPClient(p.Client),
		otlptracehttp.WithCompression(otlptracehttp.GzipCompression), otlptracehttp.WithTimeout(sendWithin),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: true, InitialInterval: time.Second, MaxInterval: sendWithin / 2, MaxElapsedTime: sendWithin}),
	)
	if err != nil {
		return nil, fmt.Errorf("the traces' exporter: %w", err)
	}
	provider := sdk.NewTracerProvider(
		sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(p.Sample))),
		sdk.WithResource(resource.NewSchemaless(
			attribute.String("service.name", cmp.Or(p.Service, "outcrop")), attribute.String("service.version", p.Version),
		)),
		sdk.WithBatcher(&quiet{SpanExporter: exporter, logger: p.Logger},
			sdk.WithMaxQueueSize(queued), sdk.WithMaxExportBatchSize(batched), sdk.WithBatchTimeout(sendAfter), sdk.WithExportTimeout(2*sendWithin)),
	)
	return &Tracer{now: p.Now, provider: provider, tracer: provider.Tracer("github.com/outcrop/outcrop")}, nil
}

// Close sends what is left, as long as ctx allows.
func (t *Tracer) Close(ctx context.Context) error {
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("send the last traces: %w", err)
	}
	return nil
}

// quiet says once that a collector is away and once that it is back. An error
// that it returned would go to OpenTelemetry's global handler, which prints.
type quiet struct {
	sdk.SpanExporter

	logger *slog.Logger
	away   atomic.Bool
}

// ExportSpans implements sdk.SpanExporter.
func (q *quiet) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := q.SpanExporter.ExportSpans(ctx, spans)
	switch {
	case err != nil && q.away.CompareAndSwap(false, true):
		q.logger.Warn("traces cannot be delivered and are dropped", slog.String("cause", err.Error()))
	case err == nil && q.away.CompareAndSwap(true, false):
		q.logger.Info("traces are delivered again")
	}
	return nil
}

// Begin implements observe.Observer: the span begins, as a child of the client's
// where it sent a traceparent. Requests that are not sampled cost no more.
func (t *Tracer) Begin(v *observe.View) observe.Watch {
	c := v.Call
	ctx := t.propagator.Extract(context.Background(), propagation.HeaderCarrier(v.Header))
	ctx, span := t.tracer.Start(ctx, spanName(c.Service, c.Operation), trace.WithTimestamp(c.Start), trace.WithSpanKind(trace.SpanKindServer))
	if !span.IsRecording() {
		return nil
	}
	return &watch{tracer: t, ctx: ctx, span: span}
}

func spanName(service, operation string) string {
	if operation == "" {
		return service
	}
	return service + "/" + operation
}

// watch is the span of one request.
type watch struct {
	tracer  *Tracer
	ctx     context.Context //nolint:containedctx // carries the span to its children, nothing else
	span    trace.Span
	backend time.Duration // that spans have been made for
}

// Settled implements observe.Watch: a model has done its work.
func (w *watch) Settled(v *observe.View) { w.model(v, w.tracer.now()) }

// model makes a span for the time that a model took since the last one, which
// ended at a time.
func (w *watch) model(v *observe.View, end time.Time) {
	u := v.Call.Usage()
	took := u.Elapsed - w.backend
	if took <= 0 {
		return
	}
	w.backend = u.Elapsed
	_, span := w.tracer.tracer.Start(w.ctx, telemetry.GenAIOperation(v.Call.Operation)+" "+u.ServedBy,
		trace.WithTimestamp(end.Add(-took)), trace.WithSpanKind(trace.SpanKindClient))
	span.SetAttributes(
		attribute.String("gen_ai.operation.name", telemetry.GenAIOperation(v.Call.Operation)),
		attribute.String("gen_ai.provider.name", u.Backend), attribute.String("gen_ai.request.model", u.ServedBy),
	)
	span.End(trace.WithTimestamp(end))
}

// Answer implements observe.Watch.
func (*watch) Answer(*observe.View, []byte) {}

// Event implements observe.Watch.
func (*watch) Event(*observe.View, string, []byte) {}

// End implements observe.Watch: the span ends.
func (w *watch) End(v *observe.View) {
	c := v.Call
	end := c.Start.Add(v.Elapsed)
	w.model(v, end)
	about := make([]attribute.KeyValue, 0, 20)
	about = append(about,
		attribute.String("rpc.system", "aws-api"), attribute.String("rpc.service", c.Service), attribute.String("rpc.method", c.Operation),
		attribute.String("aws.request_id", c.RequestID), attribute.Int("http.response.status_code", v.Status),
	)
	for _, a := range [...]struct{ key, value string }{
		{"cloud.account.id", c.Account}, {"cloud.region", c.Region}, {"enduser.id", c.Principal.ARN}, {"error.type", v.Code}, {"client.address", address(v)},
	} {
		if a.value != "" {
			about = append(about, attribute.String(a.key, a.value))
		}
	}
	w.span.SetAttributes(w.generation(v, about)...)
	// The code alone: a message may repeat what the client sent.
	if v.Code != "" && (v.Status >= http.StatusInternalServerError || v.Status == http.StatusOK) {
		w.span.SetStatus(codes.Error, v.Code)
	}
	w.span.End(trace.WithTimestamp(end))
}

func address(v *observe.View) string {
	if ip := v.Call.Source.IP; ip.IsValid() {
		return ip.String()
	}
	return ""
}

// generation adds what is known of a model's answer.
func (w *watch) generation(v *observe.View, about []attribute.KeyValue) []attribute.KeyValue {
	c, u := v.Call, v.Call.Usage()
	if u.ServedBy == "" {
		w.span.SetName(spanName(c.Service, c.Operation)) // S3's operation is known late
		return about
	}
	operation, model := telemetry.GenAIOperation(c.Operation), cmp.Or(u.ModelID, u.Model)
	w.span.SetName(operation + " " + model)
	if u.FirstToken > 0 {
		w.span.AddEvent("gen_ai.first_token", trace.WithTimestamp(c.Start.Add(u.FirstToken)))
	}
	return append(about,
		attribute.String("gen_ai.operation.name", operation), attribute.String("gen_ai.provider.name", telemetry.ProviderName),
		attribute.String("gen_ai.request.model", u.Model), attribute.String("gen_ai.response.model", u.ServedBy),
		attribute.Int("gen_ai.usage.input_tokens", u.InputTokens), attribute.Int("gen_ai.usage.output_tokens", u.OutputTokens),
		attribute.Int("gen_ai.usage.cache_read.input_tokens", u.CacheRead), attribute.Int("gen_ai.usage.cache_creation.input_tokens", u.CacheWrite),
	)
}
