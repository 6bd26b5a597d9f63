package telemetry_test

import (
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

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/telemetry"
	"github.com/outcrop/outcrop/internal/telemetry/series"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// keeper remembers what is written, and refuses while it is told to.
type keeper struct {
	mu     sync.Mutex
	err    error
	points map[series.Key]series.Stat
}

func (k *keeper) Add(_ context.Context, points []series.Point) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return k.err
	}
	for _, p := range points {
		s := k.points[p.Key]
		s.Merge(&p.Stat)
		k.points[p.Key] = s
	}
	return nil
}

func (*keeper) Prune(context.Context, time.Time) error { return nil }

func (k *keeper) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}

func newMetrics() (*telemetry.Metrics, *keeper) {
	k := &keeper{points: map[series.Key]series.Stat{}}
	return telemetry.New(telemetry.Params{
		Keeper: k, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return noon },
		ModelID: func(asked string) (string, bool) {
			id := asked[strings.LastIndexByte(asked, '/')+1:]
			return id, strings.HasPrefix(id, "known.")
		},
		Burndown: func(string) int { return 5 },
	}), k
}

// view is a finished exchange.
func view(operation, code string, status int, u call.Usage) *observe.View {
	c := &call.Call{Account: "1", Region: "us-east-1", Service: "bedrock-runtime", Operation: operation, Start: noon, Principal: iam.Principal{ARN: "arn:aws:iam::1:user/u"}}
	c.RecordUsage(func(usage *call.Usage) { *usage = u })
	return &observe.View{Call: c, Code: code, Status: status, Elapsed: 2 * time.Second}
}

func observed(m *telemetry.Metrics, v *observe.View) { m.Begin(v).End(v) }

func scrape(t *testing.T, m *telemetry.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	body, err := io.ReadAll(w.Body)
	if err != nil || w.Code != http.StatusOK {
		t.Fatalf("status %d, %v: %s", w.Code, err, body)
	}
	return string(body)
}

func expect(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\n"+text, "\n"+line+"\n") {
			name, _, _ := strings.Cut(line, "{")
			t.Errorf("no line %s; there are:", line)
			for l := range strings.Lines(text) {
				if strings.HasPrefix(l, name) {
					t.Log(strings.TrimSuffix(l, "\n"))
				}
			}
		}
	}
}

var answered = call.Usage{
	Model: "arn:aws:bedrock:us-east-1::foundation-model/known.m", ModelID: "known.m", ServedBy: "mem/small", Backend: "mem",
	InputTokens: 10, OutputTokens: 5, CacheRead: 3, CacheWrite: 2, FirstToken: time.Second, Elapsed: 1500 * time.Millisecond,
}

func TestScrape(t *testing.T) {
	t.Parallel()
	m, _ := newMetrics()
	observed(m, view("ConverseStream", "", 200, answered))
	observed(m, view("ConverseStream", "", 200, answered))
	denied := view("Converse", "ThrottlingException", 429, call.Usage{})
	denied.Labels = map[string]string{"modelId": "known.m"}
	observed(m, denied)
	listed := view("ListFoundationModels", "", 200, call.Usage{})
	listed.Call.Service = "bedrock"
	observed(m, listed)
	m.Panicked()
	const labels = `error_type="",gen_ai_operation_name="chat",gen_ai_provider_name="aws.bedrock",gen_ai_request_model="known.m",gen_ai_response_model="mem/small"`
	expect(t, scrape(t, m),
		`outcrop_requests_total{error="",operation="ConverseStream",service="bedrock-runtime"} 2`,
		`outcrop_requests_total{error="ThrottlingException",operation="Converse",service="bedrock-runtime"} 1`,
		`outcrop_requests_total{error="",operation="ListFoundationModels",service="bedrock"} 1`,
		`outcrop_request_duration_seconds_bucket{operation="ConverseStream",service="bedrock-runtime",le="1.28"} 0`,
		`outcrop_request_duration_seconds_bucket{operation="ConverseStream",service="bedrock-runtime",le="2.56"} 2`,
		`outcrop_time_to_first_token_seconds_count{served_by="mem/small"} 2`,
		`outcrop_tokens_total{served_by="mem/small",type="input"} 20`,
		`outcrop_tokens_total{served_by="mem/small",type="output"} 10`,
		`outcrop_tokens_total{served_by="mem/small",type="cache_read"} 6`,
		`outcrop_panics_total 1`,
		`gen_ai_server_request_duration_seconds_sum{`+labels+`} 4`,
		`gen_ai_client_operation_duration_seconds_sum{`+labels+`} 3`,
		`gen_ai_server_time_to_first_token_seconds_sum{`+labels+`} 2`,
		`gen_ai_server_time_per_output_token_seconds_sum{`+labels+`} 0.5`,
		`gen_ai_client_token_usage_sum{`+labels+`,gen_ai_token_type="input"} 20`,
		`gen_ai_client_token_usage_bucket{`+labels+`,gen_ai_token_type="output",le="4"} 0`,
		`gen_ai_client_token_usage_bucket{`+labels+`,gen_ai_token_type="output",le="16"} 2`,
		`gen_ai_server_request_duration_seconds_count{error_type="ThrottlingException",gen_ai_operation_name="chat",gen_ai_provider_name="aws.bedrock",gen_ai_request_model="known.m",gen_ai_response_model=""} 1`,
		`aws_bedrock_invocations_total{account_id="1",model_id="known.m",region="us-east-1"} 2`,
		`aws_bedrock_invocation_throttles_total{account_id="1",model_id="known.m",region="us-east-1"} 1`,
		`aws_bedrock_invocation_latency_milliseconds_sum{account_id="1",model_id="known.m",region="us-east-1"} 4000`,
		`aws_bedrock_time_to_first_token_milliseconds_count{account_id="1",model_id="known.m",region="us-east-1"} 2`,
		`aws_bedrock_estimated_tpm_quota_usage_total{account_id="1",model_id="known.m",region="us-east-1"} 74`,
	)
}

// A call that the model refused is no use of zero tokens: averages would sink.
func TestRefusedCallsUseNoTokens(t *testing.T) {
	t.Parallel()
	m, _ := newMetrics()
	refused := answered
	refused.InputTokens, refused.OutputTokens = 0, 0
	observed(m, view("Converse", "ValidationException", 400, refused))
	text := scrape(t, m)
	expect(t, text, `outcrop_requests_total{error="ValidationException",operation="Converse",service="bedrock-runtime"} 1`)
	if strings.Contains(text, "gen_ai_client_token_usage_count{") {
		t.Errorf("the refused call is in the tokens of a generation:\n%s", text)
	}
}

// TestInvocations: which of CloudWatch's metrics a request adds to.
func TestInvocations(t *testing.T) {
	t.Parallel()
	embedded := answered
	embedded.OutputTokens, embedded.FirstToken, embedded.CacheRead, embedded.CacheWrite = 0, 0, 0, 0
	own := answered
	own.Model, own.ModelID = "mine", ""
	for name, tc := range map[string]struct {
		view  *observe.View
		model string
		want  []series.Metric
	}{
		"a stream": {view("ConverseStream", "", 200, answered), "known.m", []series.Metric{
			series.Invocations, series.InvocationLatency, series.InputTokenCount, series.OutputTokenCount, series.CacheReadInputTokens,
			series.CacheWriteInputTokens, series.TimeToFirstToken, series.EstimatedTPMQuotaUsage,
		}},
		"vectors":         {view("InvokeModel", "", 200, embedded), "known.m", []series.Metric{series.Invocations, series.InvocationLatency, series.InputTokenCount, series.EstimatedTPMQuotaUsage}},
		"an own model":    {view("Converse", "ValidationException", 400, own), "mine", []series.Metric{series.InvocationClientErrors}},
		"throttled":       {view("Converse", "ThrottlingException", 429, answered), "known.m", []series.Metric{series.InvocationThrottles}},
		"denied":          {view("Converse", "AccessDeniedException", 403, answered), "known.m", []series.Metric{series.InvocationClientErrors}},
		"failed":          {view("Converse", "InternalServerException", 500, answered), "known.m", []series.Metric{series.InvocationServerErrors}},
		"a broken stream": {view("ConverseStream", "ModelStreamErrorException", 200, answered), "known.m", []series.Metric{series.InvocationServerErrors}},
		"not ready":       {view("Converse", "ModelNotReadyException", 429, answered), "known.m", []series.Metric{series.InvocationServerErrors}},
		"no invocation":   {view("RetrieveAndGenerate", "", 200, answered), "known.m", nil},
		"nobody's":        {unsigned(), "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, k := newMetrics()
			observed(m, tc.view)
			if err := m.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got, want := len(k.points), 2*len(tc.want); got != want {
				t.Errorf("got %d points, want %d: each for the model and for all: %v", got, want, k.points)
			}
			for _, metric := range tc.want {
				for _, model := range []string{tc.model, ""} {
					if got := k.points[series.Key{Account: "1", Region: "us-east-1", Model: model, Metric: metric}]; got.N != 1 {
						t.Errorf("%v of %q: got %d values, want 1", metric, model, got.N)
					}
				}
			}
		})
	}
}

func unsigned() *observe.View {
	v := view("Converse", "MissingAuthenticationTokenException", 403, call.Usage{})
	v.Call.Principal = iam.Principal{}
	return v
}

// TestInventedNamesAreNoLabels: what clients invent takes no memory, and cannot
// push out what is real.
func TestInventedNamesAreNoLabels(t *testing.T) {
	t.Parallel()
	m, k := newMetrics()
	for i := range 20000 {
		v := view("Converse", "ResourceNotFoundException", 404, call.Usage{})
		v.Labels = map[string]string{"modelId": fmt.Sprintf("invented-%d\xff", i)}
		v.Call.Principal.ARN = fmt.Sprintf("arn:aws:iam::1:user/%d", i)
		observed(m, v)
	}
	observed(m, view("Converse", "", 200, answered))
	text := scrape(t, m)
	if strings.Contains(text, "invented") {
		t.Error("an invented name is a label")
	}
	expect(t, text, `aws_bedrock_invocation_client_errors_total{account_id="1",model_id="",region="us-east-1"} 20000`,
		`aws_bedrock_invocations_total{account_id="1",model_id="known.m",region="us-east-1"} 1`)
	if err := m.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := k.points[series.Key{Account: "1", Region: "us-east-1", Metric: series.InvocationClientErrors}].N; got != 20000 {
		t.Errorf("got %d errors, want 20000", got)
	}
}

// TestManyNamesOfTheOperators: a route with a pattern lets clients make up names
// that are served. They are counted together from some number on.
func TestManyNamesOfTheOperators(t *testing.T) {
	t.Parallel()
	m, k := newMetrics()
	const n = 30000
	for i := range n {
		u := answered
		u.Model, u.ModelID = fmt.Sprintf("my.\xff%d", i), ""
		observed(m, view("Converse", "", 200, u))
		if i%1000 == 0 {
			if err := m.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	text := scrape(t, m)
	if lines := strings.Count(text, "\naws_bedrock_invocations_total{"); lines > 1001 {
		t.Errorf("got %d label sets, want at most 1001", lines)
	}
	if lines := strings.Count(text, "\ngen_ai_server_request_duration_seconds_count{"); lines > 1001 {
		t.Errorf("got %d label sets, want at most 1001", lines)
	}
	if err := m.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := k.points[series.Key{Account: "1", Region: "us-east-1", Metric: series.Invocations}].N; got != n {
		t.Errorf("got %d invocations of all models, want %d", got, n)
	}
}

// TestPointsWaitForTheDatabase: what could not be written is written later, once.
func TestPointsWaitForTheDatabase(t *testing.T) {
	t.Parallel()
	m, k := newMetrics()
	k.fail(errors.New("the disk is full"))
	for range 3 {
		observed(m, view("Converse", "", 200, answered))
		if err := m.Flush(t.Context()); err == nil {
			t.Fatal("the error is hidden")
		}
	}
	k.fail(nil)
	for range 2 {
		if err := m.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := k.points[series.Key{Account: "1", Region: "us-east-1", Model: "known.m", Metric: series.Invocations}].N; got != 3 {
		t.Errorf("got %d invocations, want 3", got)
	}
}

// TestNothingIsLostInParallel counts from many sides while others read.
func TestNothingIsLostInParallel(t *testing.T) {
	t.Parallel()
	m, k := newMetrics()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 500 {
				observed(m, view("Converse", "", 200, answered))
				if i%100 == 0 {
					_ = m.Flush(t.Context()) // checked below
				}
			}
		})
	}
	all.Wait()
	text := scrape(t, m)
	if err := m.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, text, `outcrop_requests_total{error="",operation="Converse",service="bedrock-runtime"} 4000`)
	if got := k.points[series.Key{Account: "1", Region: "us-east-1", Metric: series.InputTokenCount}]; got.N != 4000 || got.Sum != 40000 {
		t.Errorf("got %d values, sum %v", got.N, got.Sum)
	}
}

func BenchmarkObserve(b *testing.B) {
	m, _ := newMetrics()
	v := view("ConverseStream", "", 200, answered)
	b.Run("serial", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			observed(m, v)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			v := view("ConverseStream", "", 200, answered)
			for pb.Next() {
				observed(m, v)
			}
		})
	})
}
