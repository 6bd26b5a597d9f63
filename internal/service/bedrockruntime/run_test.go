package bedrockruntime_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/mem"
	"github.com/outcrop/outcrop/internal/service/bedrockruntime"
	"github.com/outcrop/outcrop/internal/service/serving"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

func conversation() *api.ConverseStreamInput {
	id, text := "anthropic.claude-3-5-sonnet-20241022-v2:0", "Good morning"
	return &api.ConverseStreamInput{
		ModelId:  &id,
		Messages: []api.Message{{Role: api.ConversationRoleUser, Content: []api.ContentBlock{{Text: &text}}}},
	}
}

func operation(t *testing.T, name string) *schema.Operation {
	t.Helper()
	for _, op := range api.Schema().Operations {
		if op.Name == name {
			return op
		}
	}
	t.Fatalf("no operation %s", name)
	return nil
}

func TestUsageIsRecorded(t *testing.T) {
	t.Parallel()
	svc := newService(t, scripted(t, "greeting"), bedrockruntime.Params{})
	ctx, c := newCall(t.Context(), "us-east-1")
	rec := &recorder{op: operation(t, "ConverseStream"), call: c}
	if err := svc.ConverseStream(ctx, conversation(), schema.Sink[api.ConverseStreamOutput, api.ConverseStreamOutputEvent](rec)); err != nil {
		t.Fatal(err)
	}
	want := call.Usage{
		Model: "anthropic.claude-3-5-sonnet-20241022-v2:0", ServedBy: "mem/chat", Backend: "mem", StandIn: true,
		ModelID:     "anthropic.claude-3-5-sonnet-20241022-v2:0",
		Resource:    "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-5-sonnet-20241022-v2:0",
		InputTokens: 3, OutputTokens: 3, FirstToken: 10 * time.Millisecond, Elapsed: time.Millisecond,
	}
	if diff := cmp.Diff(want, c.Usage()); diff != "" {
		t.Errorf("usage (-want +got):\n%s", diff)
	}
}

func TestUsageOfAnEmbeddingIsRecorded(t *testing.T) {
	t.Parallel()
	svc := newService(t, scripted(t, "greeting"), bedrockruntime.Params{})
	ctx, c := newCall(t.Context(), "us-east-1")
	id := "amazon.titan-embed-text-v2:0"
	if _, err := svc.InvokeModel(ctx, &api.InvokeModelInput{ModelId: &id, Body: []byte(`{"inputText":"four words are here"}`)}); err != nil {
		t.Fatal(err)
	}
	u := c.Usage()
	if u.ServedBy != "mem/vectors" || u.InputTokens != 4 || u.OutputTokens != 0 || u.Elapsed <= 0 {
		t.Errorf("got %+v, want 4 input tokens served by mem/vectors", u)
	}
}

// A client that hangs up stops the generation, and what was made until then is
// on its record.
func TestClientGoesAway(t *testing.T) {
	t.Parallel()
	svc := newService(t, scripted(t, "greeting"), bedrockruntime.Params{})
	ctx, c := newCall(t.Context(), "us-east-1")
	gone := errors.New("broken pipe")
	rec := &recorder{op: operation(t, "ConverseStream"), call: c, onSend: func(n int) error {
		if n == 3 { // messageStart and one delta have left
			return gone
		}
		return nil
	}}
	err := svc.ConverseStream(ctx, conversation(), schema.Sink[api.ConverseStreamOutput, api.ConverseStreamOutputEvent](rec))
	if !errors.Is(err, gone) {
		t.Fatalf("got %v, want the sink's error", err)
	}
	if rec.sent != 3 {
		t.Errorf("got %d events sent, want none after the failure", rec.sent)
	}
	if u := c.Usage(); u.InputTokens != 3 || u.OutputTokens != 2 || u.Elapsed <= 0 {
		t.Errorf("got usage %+v, want 3 input and 2 output tokens", u)
	}
}

// An event leaves before the next token is made: the backend's step for the next
// one comes after the sink took the last.
func TestTokensAreStreamedAsTheyAreMade(t *testing.T) {
	t.Parallel()
	gate, left := make(chan struct{}), make(chan int)
	b := newBackend(func(*inference.Request) (mem.Answer, error) {
		return mem.Answer{Tokens: []string{"a", "b"}, Before: func(context.Context, int) error {
			<-gate
			return nil
		}}, nil
	})
	svc := newService(t, b, bedrockruntime.Params{})
	ctx, c := newCall(t.Context(), "us-east-1")
	rec := &recorder{op: operation(t, "ConverseStream"), call: c, onSend: func(n int) error {
		left <- n
		return nil
	}}
	done := make(chan error, 1)
	go func() {
		done <- svc.ConverseStream(ctx, conversation(), schema.Sink[api.ConverseStreamOutput, api.ConverseStreamOutputEvent](rec))
	}()
	for n := 1; n <= 3; n++ { // messageStart, a, b
		gate <- struct{}{}
		if got := <-left; got != n {
			t.Fatalf("after step %d event %d left", n, got)
		}
	}
	gate <- struct{}{}
	for n := 4; n <= 6; n++ { // contentBlockStop, messageStop, metadata
		<-left
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

const timedOut = "Model has timed out in processing the request. Try your request again."

func TestModelTimeout(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := `{"messages":[{"role":"user","content":[{"text":"Hi"}]}]}`
			if strings.HasPrefix(name, "Invoke") {
				body = `{"anthropic_version":"bedrock-2023-05-31","max_tokens":10,"messages":[{"role":"user","content":"Hi"}]}`
			}
			svc := newService(t, scripted(t, "stuck"), bedrockruntime.Params{ModelTimeout: time.Millisecond})
			got, err := exchange(t.Context(), svc, name, "us-east-1", claude3, nil, body)
			if err != nil {
				t.Fatal(err)
			}
			if want := "fault timeout: " + timedOut + "\n"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// The client's own disconnect is not the model's timeout.
func TestDisconnectIsNotATimeout(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got, err := exchange(ctx, newService(t, scripted(t, "stuck"), bedrockruntime.Params{}), "Converse", "us-east-1", claude3, nil, `{"messages":[{"role":"user","content":[{"text":"Hi"}]}]}`)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(got, "fault "+fault.Canceled.String()) {
		t.Errorf("got %q, want a canceled request", got)
	}
}

// CountTokens and the usage of the same call tell the same number.
func TestCountEqualsUsage(t *testing.T) {
	t.Parallel()
	const part = `"system":[{"text":"Be brief and kind."}],"messages":[{"role":"user","content":[{"text":"One two three"}]},{"role":"assistant","content":[{"text":"four"}]},{"role":"user","content":[{"text":"five six"}]}]`
	svc := newService(t, scripted(t, "greeting"), bedrockruntime.Params{})
	answer, err := exchange(t.Context(), svc, "Converse", "us-east-1", claude3, nil, "{"+part+"}")
	if err != nil {
		t.Fatal(err)
	}
	count, err := exchange(t.Context(), svc, "CountTokens", "us-east-1", claude3, nil, `{"input":{"converse":{`+part+`}}}`)
	if err != nil {
		t.Fatal(err)
	}
	tokens := regexp.MustCompile(`"inputTokens":([0-9]+)`)
	a, b := tokens.FindStringSubmatch(answer), tokens.FindStringSubmatch(count)
	if a == nil || b == nil || a[1] != b[1] {
		t.Errorf("got %v in usage and %v counted", a, b)
	}
}

func TestIDsAreRandomBase62(t *testing.T) {
	t.Parallel()
	pattern := regexp.MustCompile(`^msg_bdrk_01[0-9A-Za-z]{22}$`)
	a, b := serving.NewID("msg_bdrk_01", 33), serving.NewID("msg_bdrk_01", 33)
	if !pattern.MatchString(a) || !pattern.MatchString(b) || a == b {
		t.Errorf("got %s and %s, want two different IDs", a, b)
	}
}
