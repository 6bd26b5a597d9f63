package invocationlog_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/delivery"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/goldentest"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/invocationlog"
	"github.com/outcrop/outcrop/internal/logfile"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/store/sqlitestore"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// bucket is a Putter over memory; only the bucket "logs" is there.
type bucket struct {
	mu      sync.Mutex
	objects map[string][]byte
	gone    bool
}

func (b *bucket) Put(_ context.Context, o delivery.Object) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if o.Bucket != "logs" || b.gone {
		return fault.New(fault.NotFound, "The bucket %s does not exist.", o.Bucket)
	}
	b.objects[o.Key] = o.Body
	return nil
}

func (b *bucket) text(t *testing.T, key string) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(b.objects[key]))
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// fixture is a Log over a store, a bucket, and files where wanted.
type fixture struct {
	bucket   *bucket
	store    *sqlitestore.Store
	settings *invocationlog.Settings
	log      *invocationlog.Log
	now      time.Time
}

func newFixture(t testing.TB, change func(*invocationlog.Params)) *fixture {
	t.Helper()
	state, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"), sqlitestore.Params{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = state.Close() })
	f := &fixture{store: state, bucket: &bucket{objects: map[string][]byte{}}, now: noon}
	logger := slog.New(slog.DiscardHandler)
	now := func() time.Time { return f.now }
	f.settings = invocationlog.NewSettings(invocationlog.SettingsParams{Store: state, Putter: f.bucket, Logger: logger, Now: now})
	p := invocationlog.Params{
		Settings: f.settings, Logger: logger, Now: now,
		Delivery: delivery.New(delivery.Params{
			Putter: f.bucket, Name: invocationlog.Name(func() string { return "0123456789abcdef" }), Join: delivery.Lines, Logger: logger, Now: now,
		}),
	}
	if change != nil {
		change(&p)
	}
	f.log = invocationlog.New(p)
	return f
}

const region = "us-east-1"

// all is a setting that leaves nothing out.
func all() invocationlog.Setting {
	return invocationlog.Setting{
		Account: "000000000000", Region: region, Bucket: "logs", Prefix: "pre",
		Content: invocationlog.Content{Text: true, Image: true, Embedding: true, Video: true, Audio: true},
	}
}

func (f *fixture) put(t testing.TB, s invocationlog.Setting) {
	t.Helper()
	if err := f.settings.Put(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}

// view is an exchange of an operation.
func view(operation, body string) *observe.View {
	c := &call.Call{
		RequestID: "b5a7c1de-0000-4000-8000-000000000001", Account: "000000000000", Region: region, Operation: operation, Service: "bedrock-runtime",
		Principal: iam.UserPrincipal("000000000000", "alice", "AIDA1", "AKIA1"), Start: noon,
	}
	return &observe.View{
		Call: c, Service: &schema.Service{ID: "bedrock-runtime", SigningName: "bedrock"}, Op: &schema.Operation{Name: operation},
		Labels: map[string]string{"modelId": "anthropic.claude-3-5-sonnet-20241022-v2:0"},
		Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body), Status: http.StatusOK,
	}
}

// event is one of a stream.
type event struct{ name, payload string }

// exchange lets the log watch an exchange from its begin to its end.
func (f *fixture) exchange(v *observe.View, answer string, events ...event) {
	w := f.log.Begin(v)
	if w == nil {
		return
	}
	if v.Status == http.StatusOK {
		v.Call.Settle(func(u *call.Usage) { u.InputTokens, u.OutputTokens, u.CacheRead = 11, 22, 3 })
		w.Settled(v)
	}
	if events == nil {
		w.Answer(v, []byte(answer))
	}
	for _, e := range events {
		payload := []byte(e.payload)
		w.Event(v, e.name, payload)
		clear(payload) // the edge uses it for something else
	}
	w.End(v)
}

func (f *fixture) flush(t testing.TB) {
	t.Helper()
	if err := f.log.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

const object = "pre/AWSLogs/000000000000/BedrockModelInvocationLogs/us-east-1/2026/11/21/12/20261121T120000000Z_0123456789abcdef.json.gz"

// lines are the records of the one object.
func (f *fixture) lines(t *testing.T) string {
	t.Helper()
	f.flush(t)
	return f.bucket.text(t, object)
}

func TestRecords(t *testing.T) {
	t.Parallel()
	const question = `{"messages": [{"role": "user", "content": [{"text": "Why <b>?"}]}], "requestMetadata": {"team": "blue"}}`
	failed := view("Converse", question)
	failed.Status, failed.Code = http.StatusTooManyRequests, "ThrottlingException"
	broken := view("ConverseStream", question)
	broken.Code = "ModelStreamErrorException"
	native := view("InvokeModel", `{"inputText":"a"}`)
	native.Labels["modelId"] = "amazon.titan-embed-text-v2:0"
	native.Header.Set("X-Amzn-Bedrock-Request-Metadata", `{"team":"red"}`)
	tests := map[string]struct {
		view   *observe.View
		answer string
		events []event
	}{
		"converse": {view("Converse", question), `{"output":{"message":{"role":"assistant","content":[{"text":"Because."}]}},"stopReason":"end_turn"}`, nil},
		"stream": {view("ConverseStream", question), "", []event{
			{"messageStart", `{"role":"assistant","p":"abc"}`},
			{"contentBlockDelta", `{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"Hm"}},"p":"abc"}`},
			{"contentBlockDelta", `{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"sig"}},"p":"abc"}`},
			{"contentBlockStop", `{"contentBlockIndex":0,"p":"abc"}`},
			{"contentBlockDelta", `{"contentBlockIndex":1,"delta":{"text":"Be"},"p":"abc"}`},
			{"contentBlockDelta", `{"contentBlockIndex":1,"delta":{"text":"cause."},"p":"abc"}`},
			{"contentBlockStop", `{"contentBlockIndex":1,"p":"abc"}`},
			{"contentBlockStart", `{"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"t1","name":"look"}},"p":"abc"}`},
			{"contentBlockDelta", `{"contentBlockIndex":2,"delta":{"toolUse":{"input":"{\"a\":"}},"p":"abc"}`},
			{"contentBlockDelta", `{"contentBlockIndex":2,"delta":{"toolUse":{"input":"1}"}},"p":"abc"}`},
			{"messageStop", `{"stopReason":"tool_use","p":"abc"}`},
			{"metadata", `{"usage":{"inputTokens":11,"outputTokens":22,"totalTokens":33},"metrics":{"latencyMs":5},"p":"abc"}`},
		}},
		"native-stream": {view("InvokeModelWithResponseStream", `{"max_tokens":1}`), "", []event{
			{"chunk", `{"bytes":"eyJ0eXBlIjoibWVzc2FnZV9zdGFydCJ9","p":"abc"}`},
			{"chunk", `{"bytes":"eyJ0eXBlIjoibWVzc2FnZV9zdG9wIn0=","p":"abc"}`},
		}},
		"broken-stream": {broken, "", []event{
			{"messageStart", `{"role":"assistant"}`},
			{"contentBlockStart", `{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"t1","name":"look"}}}`},
			{"contentBlockDelta", `{"contentBlockIndex":0,"delta":{"toolUse":{"input":"{\"a\":"}}}`},
			{"modelStreamErrorException", `{"message":"The model is gone."}`},
		}},
		"refused":   {failed, `{"message":"Too many requests"}`, nil},
		"embedding": {native, `{"embedding":[0.5],"inputTextTokenCount":1}`, nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, nil)
			f.put(t, all())
			f.exchange(tc.view, tc.answer, tc.events...)
			var indented bytes.Buffer
			if err := json.Indent(&indented, []byte(f.lines(t)), "", "  "); err != nil {
				t.Fatal(err)
			}
			goldentest.Check(t, filepath.Join("testdata", name+".json"), indented.String())
		})
	}
}

func TestOnlyWhatIsSwitchedOnIsLogged(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	if w := f.log.Begin(view("Converse", "{}")); w != nil {
		t.Error("got a watch although nobody wants a log")
	}
	f.put(t, all())
	elsewhere, unknown, other := view("Converse", "{}"), view("Converse", "{}"), view("CountTokens", "{}")
	elsewhere.Call.Region, unknown.Call.Principal = "eu-west-1", iam.Principal{}
	for _, v := range []*observe.View{elsewhere, unknown, other} {
		f.exchange(v, "{}")
	}
	f.flush(t)
	if len(f.bucket.objects) != 1 || f.log.Stats().Records != 0 {
		t.Errorf("got %d records, want none beside the check of permissions", f.log.Stats().Records)
	}
	if err := f.settings.Delete(t.Context(), "000000000000", region); err != nil {
		t.Fatal(err)
	}
	f.exchange(view("Converse", "{}"), "{}")
	if got := f.log.Stats().Records; got != 0 {
		t.Errorf("after the configuration was deleted: got %d records, want none", got)
	}
}

func TestContent(t *testing.T) {
	t.Parallel()
	const pictures = `{"messages":[{"content":[{"image":{"format":"png","source":{"bytes":"AAAA"}}},{"video":{"source":{"bytes":"BBBB"}}},` +
		`{"type":"image","source":{"type":"base64","media_type":"image/png","data":"CCCC"}},{"text":"DDDD"}]}],"inputImage":"EEEE"}`
	tests := []struct {
		name       string
		want       func(*invocationlog.Content)
		in, out    string
		has, hasNo []string
	}{
		{"no images", func(c *invocationlog.Content) { c.Image = false }, pictures, `{"a":1}`, []string{"BBBB", "DDDD", `"format":"png"`, `"media_type":"image/png"`}, []string{"AAAA", "CCCC", "EEEE"}},
		{"no video", func(c *invocationlog.Content) { c.Video = false }, pictures, `{"a":1}`, []string{"AAAA", "CCCC", "DDDD"}, []string{"BBBB"}},
		{"no text", func(c *invocationlog.Content) { c.Text = false }, pictures, `{"a":1}`, []string{`"inputTokenCount":11`}, []string{"AAAA", "DDDD", `"a"`, "BodyJson"}},
		{"no embeddings", func(c *invocationlog.Content) { c.Embedding = false }, `{"inputText":"a"}`, `{"embedding":[1]}`, []string{"inputText"}, []string{`"embedding"`}},
		{"embeddings alone", func(c *invocationlog.Content) { *c = invocationlog.Content{Embedding: true} }, `{"inputText":"a"}`, `{"embeddings":[[1]],"id":"x"}`, []string{`"embeddings"`}, []string{"inputText"}},
		{"a word that is no medium", func(c *invocationlog.Content) { c.Image = false }, `{"prompt":"the \"image\" of","n":1.50}`, `{"a":1}`, []string{`the \"image\" of`, "1.50"}, nil},
		{"no JSON", func(*invocationlog.Content) {}, `{"broken`, `{"a":1}`, []string{`{"a":1}`}, []string{"broken"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, nil)
			s := all()
			tc.want(&s.Content)
			f.put(t, s)
			f.exchange(view("InvokeModel", tc.in), tc.out)
			got := f.lines(t)
			for _, part := range tc.has {
				if !strings.Contains(got, part) {
					t.Errorf("got %s, want it to contain %s", got, part)
				}
			}
			for _, part := range tc.hasNo {
				if strings.Contains(got, part) {
					t.Errorf("got %s, want it without %s", got, part)
				}
			}
		})
	}
}

func TestLargeBodiesGoApart(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.put(t, all())
	large := `{"text":"` + strings.Repeat("x", 100<<10) + `"}`
	f.exchange(view("InvokeModel", large), `{"small":true}`)
	got := f.lines(t)
	key := "pre/AWSLogs/000000000000/BedrockModelInvocationLogs/us-east-1/2026/11/21/12/data/b5a7c1de-0000-4000-8000-000000000001_input.json.gz"
	if !strings.Contains(got, `"inputBodyS3Path":"s3://logs/`+key+`"`) || strings.Contains(got, "inputBodyJson") || !strings.Contains(got, `{"small":true}`) {
		t.Errorf("got %s, want the path of the input and the output itself", got)
	}
	if f.bucket.text(t, key) != large {
		t.Error("the object is not the body")
	}
}

func TestFilesGetEverythingWithoutABucket(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := newFixture(t, func(p *invocationlog.Params) {
		var err error
		p.Directory, p.Keep = dir, 24*time.Hour
		if p.Files, err = logfile.Open(logfile.Params{Dir: dir, Name: "log", Keep: p.Keep, Now: p.Now}); err != nil {
			t.Fatal(err)
		}
	})
	large := `{"text":"` + strings.Repeat("x", 100<<10) + `"}`
	f.exchange(view("Converse", `{"a":1}`), large)
	if err := f.log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "log-2026-11-21.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	apart := filepath.Join(dir, "data", "2026-11-21", "b5a7c1de-0000-4000-8000-000000000001_output.json.gz")
	if !strings.Contains(string(text), `"inputBodyJson":{"a":1}`) || !strings.Contains(string(text), `"outputBodyS3Path":"file://`+filepath.ToSlash(apart)+`"`) {
		t.Errorf("got %s, want the input and where the output is", text)
	}
	if _, err := os.Stat(apart); err != nil {
		t.Error(err)
	}
	later := view("Converse", `{"a":1}`)
	later.Call.Start = noon.AddDate(0, 0, 3)
	f.now = later.Call.Start
	f.exchange(later, large)
	f.flush(t)
	if _, err := os.Stat(apart); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want that old bodies are removed", err)
	}
}

func TestMemoryIsBoundedWhileStreamsGoOn(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(p *invocationlog.Params) { p.Memory = 1 << 20 })
	f.put(t, all())
	v := view("ConverseStream", `{"a":1}`)
	w := f.log.Begin(v)
	w.Event(v, "messageStart", []byte(`{"role":"assistant"}`))
	delta := []byte(`{"contentBlockIndex":0,"delta":{"text":"` + strings.Repeat("x", 1000) + `"}}`)
	for range 20_000 {
		w.Event(v, "contentBlockDelta", delta)
	}
	w.End(v)
	got := f.lines(t)
	if strings.Contains(got, "xxx") || !strings.Contains(got, `"operation":"ConverseStream"`) {
		t.Errorf("got %.300s, want a record without bodies", got)
	}
	if s := f.log.Stats(); s.LeftBodies != 1 || s.Dropped != 0 {
		t.Errorf("got %+v, want one record that lost its bodies", s)
	}
	// The memory is there again.
	f.now = noon.Add(time.Minute)
	f.exchange(view("Converse", `{"later":1}`), `{"b":1}`)
	f.flush(t)
	if s := f.log.Stats(); s.LeftBodies != 1 || s.Records != 2 {
		t.Errorf("got %+v, want a second record with its bodies", s)
	}
}

func TestDropsAreCounted(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(p *invocationlog.Params) { p.Queue = 2 })
	f.put(t, all())
	for range 5 {
		f.exchange(view("Converse", `{"a":1}`), `{"b":1}`)
	}
	if got := f.log.Stats().Dropped; got != 3 {
		t.Errorf("got %d dropped, want 3 of 5 with room for 2", got)
	}
	if got := strings.Count(f.lines(t), "\n"); got != 2 {
		t.Errorf("got %d records, want 2", got)
	}
}

func TestCloseWritesWhatIsLeft(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.put(t, all())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { f.log.Run(ctx); close(done) }()
	cancel()
	<-done
	f.exchange(view("Converse", `{"a":1}`), `{"b":1}`) // a stream that ended after the signal
	if err := f.log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(f.bucket.text(t, object), `"inputBodyJson":{"a":1}`) {
		t.Error("the last record is not in the bucket")
	}
}

func TestRecordsWaitForTheirBucket(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.put(t, all())
	f.bucket.gone = true
	f.exchange(view("Converse", `{"a":1}`), `{"b":1}`)
	if err := f.log.Flush(t.Context()); !fault.Is(errors.Unwrap(err), fault.NotFound) && !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("got %v, want that the bucket is gone", err)
	}
	f.bucket.gone = false
	if !strings.Contains(f.lines(t), `{"a":1}`) {
		t.Error("the record is not in the bucket")
	}
}
