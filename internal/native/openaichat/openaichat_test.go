package openaichat_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/chatcompletions"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/nativetest"
	"github.com/outcrop/outcrop/internal/native/openaichat"
)

func model() native.Model { return nativetest.Model("openai.gpt-oss-20b-1:0") }

func TestGolden(t *testing.T) { t.Parallel(); nativetest.Run(t, openaichat.Family{}, model()) }

func TestScripts(t *testing.T) {
	t.Parallel()
	nativetest.RunScripts(t, openaichat.Family{}, model(), slices.Concat(nativetest.Tools(), nativetest.Thoughts())...)
}

func FuzzDecode(f *testing.F) { nativetest.Fuzz(f, openaichat.Family{}, model()) }

type object = map[string]any

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	nativetest.RoundTrip(t, openaichat.Family{}, model(), func(r nativetest.Random) object {
		b := r.Chat()
		b["model"] = model().ID
		r.Maybe(b, "max_completion_tokens", 1+r.IntN(1000))
		r.Maybe(b, "temperature", r.Hundredths(0, 200))
		r.Maybe(b, "top_p", r.Hundredths(1, 100))
		r.Maybe(b, "seed", r.IntN(1000))
		r.Maybe(b, "stop", r.Texts(4))
		r.Maybe(b, "reasoning_effort", r.Pick("low", "medium", "high"))
		r.Maybe(b, "response_format", object{"type": "json_schema", "json_schema": object{"name": r.Name(), "schema": r.Schema(), "strict": true}})
		r.Maybe(b, "min_p", r.Hundredths(0, 100))
		r.Maybe(b, "logit_bias", object{"7": 1})
		r.Maybe(b, "user", r.Text())
		if b["tools"] != nil {
			r.Maybe(b, "tool_choice", r.Pick("auto", "none", "required"))
			r.Maybe(b, "parallel_tool_calls", r.Chance(2))
		}
		return b
	}, func(req *inference.Request) any {
		data, err := chatcompletions.EncodeRequest(req, chatcompletions.EncodeOptions{Model: model().ID, Flavor: chatcompletions.Full})
		if err != nil {
			t.Fatal(err)
		}
		return json.RawMessage(data)
	})
}

func TestBodyAgreesWithTheCall(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		body      string
		streaming *bool
		ok        bool
	}{
		{`"stream":true`, new(true), true},
		{`"stream":true`, new(false), false},
		{`"stream":false`, new(true), false},
		{`"stream":false`, new(false), true},
		{`"stream":null`, new(true), true},
		{`"stream":true`, nil, true},
		{`"model":"openai.gpt-oss-20b-1:0"`, nil, true},
		{`"model":"arn:aws:bedrock:us-east-1::foundation-model/openai.gpt-oss-20b-1:0"`, nil, true},
		{`"model":"arn:aws:bedrock:us-east-1:000000000000:application-inference-profile/x"`, nil, true},
		{`"model":"gpt-4o"`, nil, false},
	} {
		m := model()
		m.Streaming = c.streaming
		_, err := openaichat.Family{}.Decode(m, []byte(`{"messages":[{"role":"user","content":"Hi"}],`+c.body+`}`))
		if (err == nil) != c.ok || err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("got %v of %s, want it taken: %v", err, c.body, c.ok)
		}
	}
}

func TestPalmyraTakesTextsAsObjects(t *testing.T) {
	t.Parallel()
	m := nativetest.Model("writer.palmyra-x5-v1:0")
	req, err := openaichat.Family{}.Decode(m, []byte(`{"messages":[{"role":"user","content":{"text":"Hi"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []inference.Message{{Role: inference.RoleUser, Parts: []inference.Part{inference.Text{Text: "Hi"}}}}
	if diff := cmp.Diff(want, req.Messages); diff != "" || req.MaxTokens != 16 {
		t.Errorf("got %d tokens, want Writer's default, 16; the messages differ (-want +got):\n%s", req.MaxTokens, diff)
	}
}

// TestExtraKeepsTheConversation has fields beside a request that is there.
func TestExtraKeepsTheConversation(t *testing.T) {
	t.Parallel()
	req := &inference.Request{Messages: []inference.Message{{Role: inference.RoleUser, Parts: []inference.Part{inference.Text{Text: "Hi"}}}}, MaxTokens: 5}
	if err := (openaichat.Family{}).Extra(model(), []byte(` { "min_p": 0.5, "reasoning_effort": "low" } `), req); err != nil {
		t.Fatal(err)
	}
	want := &inference.Request{
		Messages: req.Messages, MaxTokens: 5, Reasoning: &inference.ReasoningConfig{Effort: "low"},
		Extra: map[string]json.RawMessage{"min_p": json.RawMessage("0.5")}, Dialect: "openai-chat",
	}
	if diff := cmp.Diff(want, req); diff != "" {
		t.Errorf("the request differs (-want +got):\n%s", diff)
	}
}

// TestThoughtsHaveAPlaceOfTheirOwnElsewhere has a model that does not write them
// into the text.
func TestThoughtsHaveAPlaceOfTheirOwnElsewhere(t *testing.T) {
	t.Parallel()
	m := nativetest.Model("qwen.qwen3-32b-v1:0")
	m.Now = time.Unix(1700000000, 0)
	out, err := openaichat.Family{}.Complete(m, &inference.Answer{Text: "4", Parts: []inference.Part{inference.Reasoning{Text: "2+2"}, inference.Text{Text: "4"}}})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Created int64
		Model   string
		Choices []struct {
			Message struct {
				Content   string
				Reasoning string `json:"reasoning_content"`
			}
		}
	}
	if err := json.Unmarshal(out, &got); err != nil || len(got.Choices) != 1 || got.Choices[0].Message.Content != "4" ||
		got.Choices[0].Message.Reasoning != "2+2" || got.Created != 1700000000 || got.Model != m.ID {
		t.Errorf("got %s, %v", out, err)
	}
}
