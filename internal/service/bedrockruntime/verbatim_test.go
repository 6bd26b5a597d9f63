package bedrockruntime_test

import (
	"strings"
	"testing"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/service/bedrockruntime"
)

const sonnet45 = "anthropic.claude-sonnet-4-5-20250929-v1:0"

// A body that the backend's server reads itself is not looked at, and its answer
// is the answer.
func TestBodiesAreHandedOn(t *testing.T) {
	t.Parallel()
	const body = `{"anthropic_version":"bedrock-2023-05-31","of":"tomorrow"}`
	b := &speaker{format: "anthropic-messages", chunks: []string{`{"new":  1.50}`}}
	svc := newService(t, b, bedrockruntime.Params{})
	got, err := exchange(t.Context(), svc, "InvokeModel", "us-east-1", sonnet45, nil, body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\n{\"new\":  1.50}\n", "X-Amzn-Bedrock-Input-Token-Count: 7\n", "X-Amzn-Bedrock-Output-Token-Count: 9\n",
		"X-Amzn-Bedrock-Cache-Read-Input-Token-Count: 3\n", "X-Outcrop-Served-By: mem/chat\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want %q in it", got, want)
		}
	}
	if string(b.asked.Body) != body || b.asked.Format != "anthropic-messages" || b.asked.Stream || b.asked.Model != "chat" {
		t.Errorf("the backend was asked %+v", b.asked)
	}
}

// Bodies may be many megabytes, in both directions.
func TestBodiesAreNotCopied(t *testing.T) {
	t.Parallel()
	b := &speaker{format: "anthropic-messages", chunks: []string{`{"new":1}`}}
	model, body := sonnet45, []byte(`{"of":"tomorrow"}`)
	out, err := newService(t, b, bedrockruntime.Params{}).InvokeModel(call.With(t.Context(), &call.Call{Region: "us-east-1"}), &api.InvokeModelInput{ModelId: &model, Body: body})
	if err != nil {
		t.Fatal(err)
	}
	if &b.asked.Body[0] != &body[0] {
		t.Error("the backend was asked with a copy of the body")
	}
	if &out.Body[0] != &b.sent[0] {
		t.Error("the answer is a copy of the backend's")
	}
}

// Chunks leave as they come; the last one gets the metrics behind its members.
func TestStreamsAreHandedOn(t *testing.T) {
	t.Parallel()
	b := &speaker{format: "anthropic-messages", chunks: []string{`{"type":"a"}`, `{"type":"b"}`, `{"type":"message_stop"}`}}
	got, err := exchange(t.Context(), newService(t, b, bedrockruntime.Params{}), "InvokeModelWithResponseStream", "us-east-1", sonnet45, nil, `{}`)
	if err != nil {
		t.Fatal(err)
	}
	_, got, _ = strings.Cut(got, "\n\n")
	const want = `chunk {"type":"a"}
chunk {"type":"b"}
chunk {"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":7,"outputTokenCount":9,"invocationLatency":30,"firstByteLatency":10,"cacheReadInputTokenCount":3,"cacheWriteInputTokenCount":0}}
`
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !b.asked.Stream {
		t.Error("the backend was not asked for a stream")
	}
}

func TestHandedOnStreamsFail(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		b    *speaker
		want string
	}{
		"before the first chunk": {&speaker{fail: fault.New(fault.Throttled, "Slow down.")}, "fault throttled: Slow down."},
		"after one":              {&speaker{chunks: []string{"{}"}, fail: fault.New(fault.Upstream, "It broke.")}, "chunk {}\nfault upstream: It broke."},
		"without an end":         {&speaker{}, "fault upstream: The model's stream ended before its answer did."},
		"an end that is no JSON": {&speaker{chunks: []string{"[DONE]"}}, "fault upstream: The last chunk of the model's answer is no JSON object."},
	} {
		tc.b.format = "anthropic-messages"
		got, err := exchange(t.Context(), newService(t, tc.b, bedrockruntime.Params{}), "InvokeModelWithResponseStream", "us-east-1", sonnet45, nil, `{}`)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(strings.TrimSpace(got), tc.want) {
			t.Errorf("%s: got %q, want %q at its end", name, got, tc.want)
		}
	}
}

// A format that the backend does not speak goes through the hub.
func TestOtherFormatsAreTranslated(t *testing.T) {
	t.Parallel()
	b := &speaker{format: "nova-messages"}
	got, err := exchange(t.Context(), newService(t, b, bedrockruntime.Params{}), "InvokeModel", "us-east-1", claude3, nil, `{"anthropic_version":"of today"}`)
	if err != nil || !strings.HasPrefix(got, "fault invalid: Malformed input request") || b.asked != nil {
		t.Errorf("got %q, %v", got, err)
	}
}
