package edge_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/api/sts"
	"github.com/outcrop/outcrop/internal/authn"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/edge"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/wire/eventstream"
	"github.com/outcrop/outcrop/internal/wire/query"
	"github.com/outcrop/outcrop/internal/wire/restjson"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// runtime is a bedrock-runtime whose operations are what a test says.
type runtime struct {
	bedrockruntime.Unimplemented

	converse func(context.Context, *bedrockruntime.ConverseInput) (*bedrockruntime.ConverseOutput, error)
	duplex   func(schema.EventSource[bedrockruntime.InvokeModelWithBidirectionalStreamInputEvent], schema.EventSink[bedrockruntime.InvokeModelWithBidirectionalStreamOutput, bedrockruntime.InvokeModelWithBidirectionalStreamOutputEvent]) error
	stream   func(context.Context, schema.EventSink[bedrockruntime.ConverseStreamOutput, bedrockruntime.ConverseStreamOutputEvent]) error
}

func (r *runtime) Converse(ctx context.Context, in *bedrockruntime.ConverseInput) (*bedrockruntime.ConverseOutput, error) {
	return r.converse(ctx, in)
}

func (r *runtime) ConverseStream(ctx context.Context, _ *bedrockruntime.ConverseStreamInput, sink schema.EventSink[bedrockruntime.ConverseStreamOutput, bedrockruntime.ConverseStreamOutputEvent]) error {
	return r.stream(ctx, sink)
}

func (r *runtime) InvokeModelWithBidirectionalStream(_ context.Context, _ *bedrockruntime.InvokeModelWithBidirectionalStreamInput, in schema.EventSource[bedrockruntime.InvokeModelWithBidirectionalStreamInputEvent], out schema.EventSink[bedrockruntime.InvokeModelWithBidirectionalStreamOutput, bedrockruntime.InvokeModelWithBidirectionalStreamOutputEvent]) error {
	return r.duplex(in, out)
}

type server struct {
	*httptest.Server

	log *syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

const requestID = "11111111-2222-4333-8444-555555555555"

func serve(t *testing.T, r *runtime) *server {
	t.Helper()
	return serveWith(t, r, func(*edge.Params) {})
}

func serveWith(t *testing.T, r *runtime, change func(*edge.Params)) *server {
	t.Helper()
	logs := &syncBuffer{}
	srv := httptest.NewServer(newHandler(t, r, logs, change))
	t.Cleanup(srv.Close)
	return &server{srv, logs}
}

func newHandler(t *testing.T, r *runtime, logs io.Writer, change func(*edge.Params)) http.Handler {
	t.Helper()
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	params := edge.Params{
		Services: []edge.Service{
			{Schema: bedrockruntime.Schema(), Handlers: bedrockruntime.Handlers(r), Codec: restjson.Codec{}, Padding: true},
			{Schema: sts.Schema(), Handlers: sts.Handlers(sts.Unimplemented{}), Codec: query.Codec{}},
		},
		Authenticator: authn.NewOff("000000000000", "us-east-1"),
		Authorize:     func(*observe.View) error { return nil },
		ActionService: "sts",
		Logger:        slog.New(slog.NewTextHandler(logs, nil)),
		Now:           func() time.Time { return now },
		NewID:         func() string { return requestID },
		NewPadding:    func() string { return "abcd" },
		Account:       "000000000000",
		MaxBody:       1 << 20,
		BodyTimeout:   time.Hour,
		WriteTimeout:  time.Hour,
		Ready:         func(context.Context) error { return fault.New(fault.NotReady, "the engine is being fetched") },
	}
	change(&params)
	e, err := edge.New(params)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (s *server) post(t *testing.T, path, body string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

const (
	conversePath = "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse"
	streamPath   = conversePath + "-stream"
	hello        = `{"messages":[{"role":"user","content":[{"text":"secret words"}]}]}`
)

func ptr[T any](v T) *T { return &v }

func answer(text string) *bedrockruntime.ConverseOutput {
	return &bedrockruntime.ConverseOutput{
		Output: &bedrockruntime.ConverseOutputValue{Message: &bedrockruntime.Message{
			Role: "assistant", Content: []bedrockruntime.ContentBlock{{Text: ptr(text)}},
		}},
		StopReason: "end_turn",
		Usage:      &bedrockruntime.TokenUsage{InputTokens: ptr(int32(1)), OutputTokens: ptr(int32(2)), TotalTokens: ptr(int32(3))},
		Metrics:    &bedrockruntime.ConverseMetrics{LatencyMs: ptr(int64(4))},
	}
}

func TestUnaryAnswer(t *testing.T) {
	t.Parallel()
	var got *call.Call
	s := serve(t, &runtime{converse: func(ctx context.Context, in *bedrockruntime.ConverseInput) (*bedrockruntime.ConverseOutput, error) {
		got = call.From(ctx)
		got.SetHeader("X-Outcrop-Served-By", "mem/test")
		return answer(*in.ModelId), nil
	}})
	response, body := s.post(t, conversePath, hello)
	want := `{"metrics":{"latencyMs":4},"output":{"message":{"content":[{"text":"anthropic.claude-3-haiku-20240307-v1:0"}],"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3}}`
	if body != want {
		t.Errorf("body:\ngot  %s\nwant %s", body, want)
	}
	for name, want := range map[string]string{
		"X-Amzn-Requestid": requestID, "Content-Type": "application/json", "X-Outcrop-Served-By": "mem/test",
		"X-Outcrop-Server-Microseconds": "0",
	} {
		if got := response.Header.Get(name); got != want {
			t.Errorf("header %s: got %q, want %q", name, got, want)
		}
	}
	if got.Operation != "Converse" || got.Service != "bedrock-runtime" || got.Region != "us-east-1" || got.RequestID != requestID {
		t.Errorf("call: got %s %s in %s with id %s", got.Service, got.Operation, got.Region, got.RequestID)
	}
	if strings.Contains(s.log.String(), "secret words") {
		t.Errorf("the log has the prompt in it: %s", s.log)
	}
}

func TestFaultsBecomeExceptions(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err        error
		wantStatus int
		wantType   string
		wantBody   string
	}{
		"invalid":  {fault.New(fault.Invalid, "bad"), 400, "ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/", `{"message":"bad"}`},
		"denied":   {fault.New(fault.Denied, "no"), 403, "AccessDeniedException:http://internal.amazon.com/coral/com.amazon.coral.service/", `{"Message":"no"}`},
		"no model": {fault.New(fault.NotFound, "gone"), 404, "ResourceNotFoundException:http://internal.amazon.com/coral/com.amazon.bedrock/", `{"message":"gone"}`},
		"throttle": {fault.New(fault.Throttled, "slow"), 429, "ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/", `{"message":"slow"}`},
		"timeout":  {context.DeadlineExceeded, 408, "ModelTimeoutException:http://internal.amazon.com/coral/com.amazon.bedrock/", `{"message":"Model has timed out in processing the request. Try your request again."}`},
		"upstream": {
			fault.New(fault.Upstream, "broke").WithField("originalStatusCode", 500), 424,
			"ModelErrorException:http://internal.amazon.com/coral/com.amazon.bedrock/", `{"message":"broke","originalStatusCode":500}`,
		},
		"not ready":   {fault.New(fault.NotReady, "wait"), 429, "ModelNotReadyException:http://internal.amazon.com/coral/com.amazon.bedrock/", `{"message":"wait"}`},
		"unavailable": {fault.New(fault.Unavailable, "full"), 503, "ServiceUnavailableException:http://internal.amazon.com/coral/com.amazon.bedrock/", `{"message":"full"}`},
		"plain error": {errors.New("with a /private/path"), 500, "InternalServerException:http://internal.amazon.com/coral/com.amazon.bedrock/", `{"message":"The system encountered an unexpected error during processing. Try your request again."}`},
		"not built":   {schema.NotImplemented("Converse"), 400, "ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/", `{"message":"Outcrop does not implement the Converse operation yet."}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, &runtime{converse: func(context.Context, *bedrockruntime.ConverseInput) (*bedrockruntime.ConverseOutput, error) {
				return nil, tc.err
			}})
			response, body := s.post(t, conversePath, hello)
			if response.StatusCode != tc.wantStatus || body != tc.wantBody {
				t.Errorf("got %d %s, want %d %s", response.StatusCode, body, tc.wantStatus, tc.wantBody)
			}
			if got := response.Header.Get("X-Amzn-Errortype"); got != tc.wantType {
				t.Errorf("error type: got %q, want %q", got, tc.wantType)
			}
		})
	}
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	s := serve(t, &runtime{converse: func(context.Context, *bedrockruntime.ConverseInput) (*bedrockruntime.ConverseOutput, error) {
		return answer("x"), nil
	}})
	for name, tc := range map[string]struct {
		path, body string
		wantStatus int
		want       string
	}{
		"unknown path":     {"/no/such/path", "", 404, `{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}`},
		"too large":        {conversePath, strings.Repeat(" ", 1<<20+1), 400, `{"message":"Input is too long for requested model."}`},
		"too large a form": {"/?Action=GetCallerIdentity", strings.Repeat("a", 1<<20+1), 400, "The request body is too large. It may have at most 1048576 bytes."},
		"constraint":       {conversePath, `{"messages":[{"role":"robot","content":[]}]}`, 400, `failed to satisfy constraint: Member must satisfy enum value set: [user, assistant, system]`},
		"truncated":        {conversePath, `{"messages":[`, 400, ``},
		"unknown action":   {"/?Action=Nothing", "", 400, "<Code>InvalidAction</Code>"},
		"no action":        {"/", "Version=2011-06-15", 400, "<Code>MissingAction</Code>"},
		"long form":        {"/", strings.Repeat("a", 1<<20+1), 400, "<Code>ValidationError</Code>"},
		"action not built": {"/?Action=AssumeRole&RoleArn=arn:aws:iam::000000000000:role/name-of-role&RoleSessionName=me", "", 400, "does not implement the AssumeRole operation yet"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response, body := s.post(t, tc.path, tc.body)
			if response.StatusCode != tc.wantStatus || !strings.Contains(body, tc.want) {
				t.Errorf("got %d %s, want %d with %s", response.StatusCode, body, tc.wantStatus, tc.want)
			}
		})
	}
	if response, body := s.post(t, conversePath, hello); response.StatusCode != http.StatusOK {
		t.Errorf("the server does not go on: %d %s", response.StatusCode, body)
	}
}

func TestPanicIsOneFailedRequest(t *testing.T) {
	t.Parallel()
	calls := 0
	s := serve(t, &runtime{converse: func(context.Context, *bedrockruntime.ConverseInput) (*bedrockruntime.ConverseOutput, error) {
		if calls++; calls == 1 {
			panic("a bug")
		}
		return answer("x"), nil
	}})
	if response, body := s.post(t, conversePath, hello); response.StatusCode != http.StatusInternalServerError || strings.Contains(body, "bug") {
		t.Errorf("got %d %s", response.StatusCode, body)
	}
	if response, _ := s.post(t, conversePath, hello); response.StatusCode != http.StatusOK {
		t.Errorf("after the panic: got %d", response.StatusCode)
	}
	if !strings.Contains(s.log.String(), "a bug") {
		t.Error("the log does not tell of the panic")
	}
}

type sink = schema.EventSink[bedrockruntime.ConverseStreamOutput, bedrockruntime.ConverseStreamOutputEvent]

func delta(text string) *bedrockruntime.ConverseStreamOutputEvent {
	return &bedrockruntime.ConverseStreamOutputEvent{ContentBlockDelta: &bedrockruntime.ContentBlockDeltaEvent{
		ContentBlockIndex: ptr(int32(0)), Delta: &bedrockruntime.ContentBlockDelta{Text: ptr(text)},
	}}
}

// frames reads all frames of a stream as header lines and payload.
func frames(t *testing.T, r io.Reader) []string {
	t.Helper()
	var out []string
	dec := eventstream.NewDecoder(r, eventstream.Limits{})
	for {
		m, err := dec.Decode()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		line := m.Text(":message-type") + " " + m.Text(":event-type") + m.Text(":exception-type") + " " + m.Text(":content-type") + " " + string(m.Payload)
		out = append(out, line)
	}
}

func TestStreamFramesLeaveAsTheyAreMade(t *testing.T) {
	t.Parallel()
	step := make(chan struct{})
	s := serve(t, &runtime{stream: func(_ context.Context, out sink) error {
		if err := out.Open(&bedrockruntime.ConverseStreamOutput{}); err != nil {
			return err
		}
		for _, text := range []string{"one", "two"} {
			if err := out.Send(delta(text)); err != nil {
				return err
			}
			<-step // the client has read the frame before the next one is made
		}
		return nil
	}})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+streamPath, strings.NewReader(hello))
	if err != nil {
		t.Fatal(err)
	}
	response, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got, want := response.Header.Get("Content-Type"), "application/vnd.amazon.eventstream"; got != want {
		t.Errorf("content type: got %q, want %q", got, want)
	}
	dec := eventstream.NewDecoder(bufio.NewReader(response.Body), eventstream.Limits{})
	var got []string
	for range 2 {
		m, err := dec.Decode()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m.Text(":event-type")+" "+string(m.Payload))
		step <- struct{}{}
	}
	want := []string{
		`contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"one"},"p":"abcd"}`,
		`contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"two"},"p":"abcd"}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("frames (-want +got):\n%s", diff)
	}
	if _, err := dec.Decode(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last frame: got %v, want EOF", err)
	}
}

func TestStreamFailures(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"engine":   {fault.New(fault.Upstream, "broke"), `exception modelStreamErrorException application/json {"message":"broke"}`},
		"throttle": {fault.New(fault.Throttled, "slow"), `exception throttlingException application/json {"message":"slow"}`},
		"timeout":  {context.DeadlineExceeded, `exception serviceUnavailableException application/json {"message":"Model has timed out in processing the request. Try your request again."}`},
		"plain":    {errors.New("private"), `exception internalServerException application/json {"message":"The system encountered an unexpected error during processing. Try your request again."}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opened := serve(t, &runtime{stream: func(_ context.Context, out sink) error {
				return errors.Join(out.Open(&bedrockruntime.ConverseStreamOutput{}), tc.err)
			}})
			response, body := opened.post(t, streamPath, hello)
			got := frames(t, strings.NewReader(body))
			if response.StatusCode != http.StatusOK || len(got) != 1 || got[0] != tc.want {
				t.Errorf("after Open: got %d %q, want 200 [%q]", response.StatusCode, got, tc.want)
			}
			unopened := serve(t, &runtime{stream: func(context.Context, sink) error { return tc.err }})
			response, body = unopened.post(t, streamPath, hello)
			if response.StatusCode < 400 || response.Header.Get("Content-Type") != "application/json" {
				t.Errorf("before Open: got %d %s", response.StatusCode, body)
			}
		})
	}
}

func TestClientThatLeavesCancelsTheCall(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	s := serve(t, &runtime{stream: func(ctx context.Context, out sink) error {
		if err := out.Open(&bedrockruntime.ConverseStreamOutput{}); err != nil {
			return err
		}
		if err := out.Send(delta("x")); err != nil {
			return err
		}
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}})
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+streamPath, strings.NewReader(hello))
	if err != nil {
		t.Fatal(err)
	}
	response, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled", err)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	s := serve(t, &runtime{})
	for path, want := range map[string]string{
		"/health/live": "200 ok", "/health/ready": "503 the engine is being fetched",
	} {
		response, err := s.Client().Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if got := response.Status[:3] + " " + strings.TrimSpace(string(body)); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestBlobsSurvive(t *testing.T) {
	t.Parallel()
	var got []byte
	s := serve(t, &runtime{converse: func(_ context.Context, in *bedrockruntime.ConverseInput) (*bedrockruntime.ConverseOutput, error) {
		got = in.Messages[0].Content[0].Image.Source.Bytes
		return answer("x"), nil
	}})
	want := []byte{0, 1, 0xff}
	body := `{"messages":[{"role":"user","content":[{"image":{"format":"png","source":{"bytes":"` + base64.StdEncoding.EncodeToString(want) + `"}}}]}]}`
	if response, text := s.post(t, conversePath, body); response.StatusCode != http.StatusOK {
		t.Fatalf("got %d %s", response.StatusCode, text)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
