package trace_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/telemetry/trace"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// receiver is a collector.
type receiver struct {
	*httptest.Server

	mu    sync.Mutex
	spans []*otlp.Span
	about map[string]string // the resource
	keys  []string          // header X-Key of each request
}

func receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{about: map[string]string{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if err := r.take(req); err != nil {
			t.Errorf("%s: %v", req.URL.Path, err)
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) take(req *http.Request) error {
	if req.URL.Path != "/v1/traces" || req.Header.Get("Content-Type") != "application/x-protobuf" {
		return fmt.Errorf("got %s of %s", req.Header.Get("Content-Type"), req.URL.Path)
	}
	body, err := gzip.NewReader(req.Body)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	var in collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(data, &in); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = append(r.keys, req.Header.Get("X-Key"))
	for _, of := range in.GetResourceSpans() {
		for _, a := range of.GetResource().GetAttributes() {
			r.about[a.GetKey()] = a.GetValue().GetStringValue()
		}
		for _, scope := range of.GetScopeSpans() {
			r.spans = append(r.spans, scope.GetSpans()...)
		}
	}
	return nil
}

func newTracer(t *testing.T, url string, change func(*trace.Params)) *trace.Tracer {
	t.Helper()
	p := trace.Params{
		Target: trace.Target{URL: url + "/v1/traces", Headers: map[string]string{"X-Key": "k"}},
		Client: http.DefaultClient, Sample: 1, Version: "1.2", Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return noon.Add(1800 * time.Millisecond) },
	}
	if change != nil {
		change(&p)
	}
	tracer, err := trace.New(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return tracer
}

func view(header http.Header) *observe.View {
	c := &call.Call{
		RequestID: "r-1", Account: "1", Region: "us-east-1", Service: "bedrock-runtime", Operation: "ConverseStream", Start: noon,
		Principal: iam.Principal{ARN: "arn:aws:iam::1:user/u"},
	}
	return &observe.View{Call: c, Header: header, Body: []byte("a secret prompt")}
}

func converse(w observe.Watch, v *observe.View) {
	v.Call.RecordUsage(func(u *call.Usage) {
		*u = call.Usage{Model: "m", ModelID: "m", ServedBy: "mem/small", Backend: "mem", InputTokens: 7, OutputTokens: 3, FirstToken: time.Second, Elapsed: 1500 * time.Millisecond}
	})
	w.Settled(v)
	v.Status, v.Elapsed, v.Message = 200, 2*time.Second, "a secret message"
	w.End(v)
}

func attributes(of []*common.KeyValue) map[string]any {
	out := map[string]any{}
	for _, a := range of {
		switch v := a.GetValue().GetValue().(type) {
		case *common.AnyValue_StringValue:
			out[a.GetKey()] = v.StringValue
		case *common.AnyValue_IntValue:
			out[a.GetKey()] = int(v.IntValue)
		}
	}
	return out
}

func TestSpans(t *testing.T) {
	t.Parallel()
	r := receive(t)
	tracer := newTracer(t, r.URL, nil)
	v := view(http.Header{"Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}})
	converse(tracer.Begin(v), v)
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(r.spans) != 2 {
		t.Fatalf("got %d spans, want 2", len(r.spans))
	}
	model, request := r.spans[0], r.spans[1]
	if fmt.Sprintf("%x", request.GetTraceId()) != "0af7651916cd43dd8448eb211c80319c" || fmt.Sprintf("%x", request.GetParentSpanId()) != "b7ad6b7169203331" {
		t.Errorf("got trace %x, parent %x, want the client's", request.GetTraceId(), request.GetParentSpanId())
	}
	if string(model.GetParentSpanId()) != string(request.GetSpanId()) || string(model.GetTraceId()) != string(request.GetTraceId()) {
		t.Error("the model's span is not the request's child")
	}
	times := func(s *otlp.Span) [2]time.Duration {
		return [2]time.Duration{time.Duration(int64(s.GetStartTimeUnixNano()) - noon.UnixNano()), time.Duration(int64(s.GetEndTimeUnixNano()) - noon.UnixNano())}
	}
	if got := times(request); got != [2]time.Duration{0, 2 * time.Second} {
		t.Errorf("the request took %v", got)
	}
	if got := times(model); got != [2]time.Duration{300 * time.Millisecond, 1800 * time.Millisecond} {
		t.Errorf("the model took %v", got)
	}
	if request.GetName() != "chat m" || request.GetKind() != otlp.Span_SPAN_KIND_SERVER || model.GetName() != "chat mem/small" || model.GetKind() != otlp.Span_SPAN_KIND_CLIENT {
		t.Errorf("got %s %v and %s %v", request.GetName(), request.GetKind(), model.GetName(), model.GetKind())
	}
	want := map[string]any{
		"rpc.system": "aws-api", "rpc.service": "bedrock-runtime", "rpc.method": "ConverseStream", "aws.request_id": "r-1", "http.response.status_code": 200,
		"cloud.account.id": "1", "cloud.region": "us-east-1", "enduser.id": "arn:aws:iam::1:user/u",
		"gen_ai.operation.name": "chat", "gen_ai.provider.name": "aws.bedrock", "gen_ai.request.model": "m", "gen_ai.response.model": "mem/small",
		"gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 3, "gen_ai.usage.cache_read.input_tokens": 0, "gen_ai.usage.cache_creation.input_tokens": 0,
	}
	if diff := cmp.Diff(want, attributes(request.GetAttributes())); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if len(request.GetEvents()) != 1 || request.GetEvents()[0].GetName() != "gen_ai.first_token" {
		t.Errorf("events: %v", request.GetEvents())
	}
	if strings.Contains(fmt.Sprint(r.spans), "secret") {
		t.Error("a prompt or a message is in a span")
	}
	if diff := cmp.Diff(map[string]string{"service.name": "outcrop", "service.version": "1.2"}, r.about); diff != "" {
		t.Errorf("resource (-want +got):\n%s", diff)
	}
	if len(r.keys) != 1 || r.keys[0] != "k" {
		t.Errorf("headers: got %v", r.keys)
	}
}

// TestFailures: what failed by the server's fault is an error, and a generation
// that never settled has its time all the same.
func TestFailures(t *testing.T) {
	t.Parallel()
	r := receive(t)
	tracer := newTracer(t, r.URL, nil)
	for _, code := range []struct {
		name   string
		status int
	}{{"ThrottlingException", 429}, {"ModelTimeoutException", 408}, {"InternalServerException", 500}, {"ModelStreamErrorException", 200}} {
		v := view(nil)
		w := tracer.Begin(v)
		v.Call.RecordUsage(func(u *call.Usage) { u.ServedBy, u.Elapsed = "mem/small", time.Second })
		v.Code, v.Status, v.Elapsed = code.name, code.status, 2*time.Second
		w.End(v)
	}
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := map[string]otlp.Status_StatusCode{}
	for _, s := range r.spans {
		if s.GetKind() == otlp.Span_SPAN_KIND_SERVER {
			got[attributes(s.GetAttributes())["error.type"].(string)] = s.GetStatus().GetCode()
		}
	}
	want := map[string]otlp.Status_StatusCode{
		"ThrottlingException": otlp.Status_STATUS_CODE_UNSET, "ModelTimeoutException": otlp.Status_STATUS_CODE_UNSET,
		"InternalServerException": otlp.Status_STATUS_CODE_ERROR, "ModelStreamErrorException": otlp.Status_STATUS_CODE_ERROR,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	if len(r.spans) != 8 {
		t.Errorf("got %d spans, want 8", len(r.spans))
	}
}

// TestOperationsThatAreKnownLate: a service that speaks for itself says at the end
// what was asked of it.
func TestOperationsThatAreKnownLate(t *testing.T) {
	t.Parallel()
	r := receive(t)
	tracer := newTracer(t, r.URL, nil)
	v := view(nil)
	v.Call.Service, v.Call.Operation = "s3", ""
	w := tracer.Begin(v)
	v.Call.Operation, v.Status = "GetObject", 200
	w.End(v)
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(r.spans) != 1 || r.spans[0].GetName() != "s3/GetObject" {
		t.Errorf("got %v", r.spans)
	}
}

func TestSampling(t *testing.T) {
	t.Parallel()
	r := receive(t)
	tracer := newTracer(t, r.URL, func(p *trace.Params) { p.Sample = 0 })
	if w := tracer.Begin(view(nil)); w != nil {
		t.Error("a request is traced that is not in the sample")
	}
	if w := tracer.Begin(view(http.Header{"Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}})); w != nil {
		t.Error("a request is traced whose client does not trace it")
	}
	if w := tracer.Begin(view(http.Header{"Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}})); w == nil {
		t.Error("a request is not traced whose client traces it")
	}
	all := newTracer(t, r.URL, nil)
	if w := all.Begin(view(http.Header{"Traceparent": {"nonsense"}})); w == nil {
		t.Error("a request is not traced for a bad header")
	}
}

// away is a transport to a collector that is not there.
type away struct{ asked chan struct{} }

func (a away) RoundTrip(*http.Request) (*http.Response, error) {
	select {
	case a.asked <- struct{}{}:
	default:
	}
	return nil, errors.New("no route to host")
}

// TestACollectorThatIsAway: requests never wait for it, and the queue is bounded.
func TestACollectorThatIsAway(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 1)
	tracer := newTracer(t, "http://collector.invalid", func(p *trace.Params) { p.Client = &http.Client{Transport: away{asked}} })
	begin := time.Now()
	for range 6000 {
		v := view(nil)
		converse(tracer.Begin(v), v)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("6000 requests took %v", took)
	}
	<-asked // it has been tried in the background
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := tracer.Close(ctx); err == nil {
		t.Error("closing waited for the collector")
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		endpoint string
		env      map[string]string
		want     trace.Target
		wrong    string
	}{
		"nowhere":            {},
		"the configuration":  {endpoint: "http://a:1/", env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://b:2"}, want: trace.Target{URL: "http://a:1/v1/traces"}},
		"the environment":    {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "https://b:2/x", "OTEL_SERVICE_NAME": "s"}, want: trace.Target{URL: "https://b:2/x/v1/traces", Service: "s"}},
		"traces alone":       {env: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://b:2/in", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, want: trace.Target{URL: "http://b:2/in"}},
		"headers":            {endpoint: "http://a", env: map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "k=v%20w, l = x=y,"}, want: trace.Target{URL: "http://a/v1/traces", Headers: map[string]string{"k": "v w", "l": "x=y"}}},
		"the protocol":       {endpoint: "http://a", env: map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, want: trace.Target{URL: "http://a/v1/traces"}},
		"disabled":           {env: map[string]string{"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://b"}},
		"no exporter":        {env: map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://b"}},
		"gRPC nobody uses":   {env: map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}},
		"gRPC":               {env: map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://b"}, wrong: `"grpc" is not supported`},
		"no URL":             {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "b:4318"}, wrong: "not a URL"},
		"headers, secret":    {endpoint: "http://a", env: map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "hush"}, wrong: "not a list"},
		"headers, badly off": {endpoint: "http://a", env: map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "a=%zz"}, wrong: "not a list"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok, err := trace.Find(tc.endpoint, func(name string) string { return tc.env[name] })
			if tc.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wrong) || strings.Contains(err.Error(), "hush") {
					t.Errorf("got %v, want an error with %q", err, tc.wrong)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); err != nil || diff != "" || ok != (tc.want.URL != "") {
				t.Errorf("got %v, %v (-want +got):\n%s", ok, err, diff)
			}
		})
	}
}

func BenchmarkTrace(b *testing.B) {
	tracer, err := trace.New(b.Context(), trace.Params{
		Target: trace.Target{URL: "http://collector.invalid/v1/traces"}, Client: &http.Client{Transport: away{make(chan struct{}, 1)}},
		Sample: 1, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return noon },
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		v := view(nil)
		converse(tracer.Begin(v), v)
	}
}
