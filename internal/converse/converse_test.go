package converse_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/converse"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/wire/restjson"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

const rounds = 1000

// documents compares JSON by what it says: escapes and spaces of additional
// fields may change, numbers may not.
func documents() cmp.Option {
	return cmp.Comparer(func(a, b schema.DocumentValue) bool {
		if (a == nil) != (b == nil) {
			return false
		}
		return a == nil || canonical(a) == canonical(b)
	})
}

func canonical(doc []byte) string {
	dec := json.NewDecoder(strings.NewReader(string(doc)))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return "no JSON: " + string(doc)
	}
	out, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// Converse → hub → Converse is the identity.
func TestRequestsComeBack(t *testing.T) {
	t.Parallel()
	for seed := range uint64(rounds) {
		want := newMaker(seed).conversation()
		req, err := converse.Request(want)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		got, err := converse.Input(req)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if diff := cmp.Diff(want, got, documents()); diff != "" {
			t.Fatalf("seed %d (-want +got):\n%s", seed, diff)
		}
	}
}

func TestAnswersComeBack(t *testing.T) {
	t.Parallel()
	for seed := range uint64(rounds) {
		want := newMaker(seed).answer()
		a, err := converse.Answer(want)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		got, err := converse.Output(a)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if diff := cmp.Diff(want, got, documents()); diff != "" {
			t.Fatalf("seed %d (-want +got):\n%s", seed, diff)
		}
	}
}

// The stream of an answer adds up to the whole one: for a client, and for the
// backend that reads it.
func TestStreamedIsWhole(t *testing.T) {
	t.Parallel()
	for seed := range uint64(rounds) {
		m := newMaker(seed)
		whole := m.answer()
		a, err := converse.Answer(whole)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		a.Model = "m"
		var events []*api.ConverseStreamOutputEvent
		s := converse.NewStream(func(ev *api.ConverseStreamOutputEvent) error {
			events = append(events, ev)
			return nil
		})
		for _, ev := range m.replayed(a) {
			if err := s.Event(ev); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		if err := s.End(fields(a), &api.ConverseStreamMetadataEvent{
			Usage: converse.Usage(a.Usage, false), Metrics: &api.ConverseStreamMetrics{LatencyMs: millis(a.Elapsed)},
		}); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if diff := cmp.Diff(whole, assembled(events), documents()); diff != "" {
			t.Fatalf("seed %d: assembled (-want +got):\n%s", seed, diff)
		}
		var c inference.Collector
		d := converse.NewDecoder("m", func(ev inference.Event) error {
			c.Add(ev)
			return nil
		})
		for _, ev := range events {
			if err := d.Event(ev); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		if err := d.End(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if diff := cmp.Diff(a, c.Answer()); diff != "" {
			t.Fatalf("seed %d: decoded (-want +got):\n%s", seed, diff)
		}
	}
}

// What Converse has no member for is refused by name.
func TestInputRefuses(t *testing.T) {
	t.Parallel()
	user := func(p inference.Part) *inference.Request {
		return &inference.Request{Messages: []inference.Message{{Role: inference.RoleUser, Parts: []inference.Part{p}}}}
	}
	for name, req := range map[string]*inference.Request{
		"topK":                             {TopK: new(5)},
		"A seed":                           {Seed: new(uint32(1))},
		"A choice about parallel":          {Parallel: new(false)},
		"A reasoning mode":                 {Reasoning: &inference.ReasoningConfig{Mode: inference.ReasoningOn, Budget: 1024}},
		"The tool bash_20250124":           {Tools: []inference.Tool{{Name: "bash", Kind: "bash_20250124"}}},
		"An image that is named":           user(inference.Image{Format: "png", URL: "https://example.com/a.png"}),
		"A document that is named":         user(inference.Document{Format: "pdf", Name: "a", URL: "https://example.com/a.pdf"}),
		"JSON outside of a tool's result":  user(inference.JSON{Value: []byte("{}")}),
		"An image in the system prompt":    {System: []inference.Part{inference.Image{Format: "png", Bytes: []byte("x")}}},
		"A part of the system prompt that": {System: []inference.Part{inference.Video{}}},
		"A part of this kind in a tool's":  user(inference.ToolResult{ID: "t", Content: []inference.Part{inference.Audio{}}}),
		"The tool choice none": {
			Tools: []inference.Tool{{Name: "a"}}, ToolChoice: inference.ToolChoice{Mode: inference.ToolNone},
			Messages: user(inference.ToolResult{ID: "t"}).Messages,
		},
	} {
		_, err := converse.Input(req)
		if !fault.Is(err, fault.Unsupported) || !strings.HasPrefix(fault.As(err).Message, name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestChoiceOfNoTools(t *testing.T) {
	t.Parallel()
	in, err := converse.Input(&inference.Request{
		Tools: []inference.Tool{{Name: "a"}}, ToolChoice: inference.ToolChoice{Mode: inference.ToolNone},
	})
	if err != nil || in.ToolConfig != nil {
		t.Errorf("got tools %v, %v, want none: nothing can be called then", in.ToolConfig, err)
	}
}

// Extra in another dialect is somebody else's.
func TestForeignExtraIsLeftOut(t *testing.T) {
	t.Parallel()
	in, err := converse.Input(&inference.Request{Dialect: "openai-chat", Extra: map[string]json.RawMessage{"n": []byte("1")}})
	if err != nil || in.AdditionalModelRequestFields != nil {
		t.Errorf("got %s, %v, want no fields", in.AdditionalModelRequestFields, err)
	}
}

func TestRequestRefuses(t *testing.T) {
	t.Parallel()
	block := func(b api.ContentBlock) *api.ConverseInput {
		return &api.ConverseInput{Messages: []api.Message{{Role: api.ConversationRoleUser, Content: []api.ContentBlock{b}}}}
	}
	for want, in := range map[string]*api.ConverseInput{
		"The ContentBlock object at messages.0.content.0 has no field that is known.": block(api.ContentBlock{GuardContent: &api.GuardrailConverseContentBlock{}}),
		"toolAddition":                                                            block(api.ContentBlock{ToolAddition: &api.ToolAdditionBlock{}}),
		"A ToolResultContentBlock object":                                         block(api.ContentBlock{ToolResult: &api.ToolResultBlock{Content: make([]api.ToolResultContentBlock, 1)}}),
		"The model could not make an image: broken":                               block(api.ContentBlock{Image: &api.ImageBlock{Error: &api.ErrorBlock{Message: new("broken")}}}),
		"There is no role tool.":                                                  {Messages: []api.Message{{Role: "tool"}}},
		"The additionalModelRequestFields field must be a JSON object.":           {AdditionalModelRequestFields: schema.DocumentValue("[1]")},
		"The SystemContentBlock object at system.0 has no field":                  {System: make([]api.SystemContentBlock, 1)},
		"The outputConfig.textFormat.structure.jsonSchema field must be defined.": {OutputConfig: &api.OutputConfig{TextFormat: &api.OutputFormat{}}},
	} {
		if _, err := converse.Request(in); err == nil || !strings.HasPrefix(fault.As(err).Message, want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

// An answer without anything keeps a block of text, streamed or not.
func TestEmptyAnswer(t *testing.T) {
	t.Parallel()
	out, err := converse.Output(&inference.Answer{Reason: inference.StopEndTurn})
	if err != nil || len(out.Output.Message.Content) != 1 || schema.Deref(out.Output.Message.Content[0].Text) != "" {
		t.Errorf("got %+v, %v", out, err)
	}
	var events []*api.ConverseStreamOutputEvent
	s := converse.NewStream(func(ev *api.ConverseStreamOutputEvent) error {
		events = append(events, ev)
		return nil
	})
	for _, ev := range []inference.Event{inference.Started{}, inference.Finished{Reason: inference.StopEndTurn}} {
		if err := s.Event(ev); err != nil {
			t.Fatal(err)
		}
	}
	if len(events) != 3 || events[1].ContentBlockDelta == nil || events[2].ContentBlockStop == nil {
		t.Errorf("got %d events, want messageStart, an empty delta and its end", len(events))
	}
}

// What a model wrote that is no JSON stays what it wrote.
func TestMalformedInputOfATool(t *testing.T) {
	t.Parallel()
	out, err := converse.Output(&inference.Answer{Parts: []inference.Part{inference.ToolUse{ID: "t", Name: "a", Input: []byte(`{"a":`)}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(out.Output.Message.Content[0].ToolUse.Input); got != `"{\"a\":"` {
		t.Errorf("got %s, want a string of what the model wrote", got)
	}
}

func TestDecoderRefuses(t *testing.T) {
	t.Parallel()
	discard := func(inference.Event) error { return nil }
	delta := func(d api.ContentBlockDelta) *api.ConverseStreamOutputEvent {
		return &api.ConverseStreamOutputEvent{ContentBlockDelta: &api.ContentBlockDeltaEvent{Delta: &d}}
	}
	for name, ev := range map[string]*api.ConverseStreamOutputEvent{
		"a call":   delta(api.ContentBlockDelta{ToolUse: &api.ToolUseBlockDelta{Input: new("{}")}}),
		"a result": delta(api.ContentBlockDelta{ToolResult: []api.ToolResultBlockDelta{{Text: new("x")}}}),
		"an image": delta(api.ContentBlockDelta{Image: &api.ImageBlockDelta{Source: &api.ImageSource{Bytes: []byte("x")}}}),
		"a fault":  delta(api.ContentBlockDelta{Image: &api.ImageBlockDelta{Error: &api.ErrorBlock{}}}),
		"fields":   {MessageStop: &api.MessageStopEvent{AdditionalModelResponseFields: schema.DocumentValue("1")}},
	} {
		if err := converse.NewDecoder("m", discard).Event(ev); !fault.Is(err, fault.Upstream) {
			t.Errorf("%s: got %v, want an upstream fault", name, err)
		}
	}
	d := converse.NewDecoder("m", discard)
	if err := d.Event(&api.ConverseStreamOutputEvent{MessageStart: &api.MessageStartEvent{}}); err != nil {
		t.Fatal(err)
	}
	if err := d.End(); !fault.Is(err, fault.Upstream) {
		t.Errorf("a stream that was cut: got %v, want an upstream fault", err)
	}
	if err := d.Event(&api.ConverseStreamOutputEvent{Metadata: &api.ConverseStreamMetadataEvent{}}); err != nil {
		t.Fatal(err)
	}
	if err := d.Event(delta(api.ContentBlockDelta{Text: new("x")})); !fault.Is(err, fault.Upstream) {
		t.Errorf("more after the end: got %v, want an upstream fault", err)
	}
}

func TestDecoderTakesUsageTwice(t *testing.T) {
	t.Parallel()
	var last inference.Finished
	d := converse.NewDecoder("m", func(ev inference.Event) error {
		if f, ok := ev.(inference.Finished); ok {
			last = f
		}
		return nil
	})
	usage := func(n int32) *api.ConverseStreamOutputEvent {
		return &api.ConverseStreamOutputEvent{Metadata: &api.ConverseStreamMetadataEvent{Usage: &api.TokenUsage{InputTokens: &n, OutputTokens: &n, TotalTokens: new(2 * n)}}}
	}
	for _, ev := range []*api.ConverseStreamOutputEvent{{MessageStop: &api.MessageStopEvent{StopReason: "end_turn"}}, usage(3), usage(5)} {
		if err := d.Event(ev); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.End(); err != nil || last.Usage.InputTokens != 5 || last.Usage.OutputTokens != 5 {
		t.Errorf("got %+v, %v, want the usage that came last", last, err)
	}
}

// FuzzRequest holds that a body that the hub takes comes back saying the same.
func FuzzRequest(f *testing.F) {
	f.Add(`{"messages":[{"role":"user","content":[{"text":"Hi"},{"image":{"format":"png","source":{"bytes":"AAAA"}}},{"document":{"name":"a","source":{}}}]}]}`)
	f.Add(`{"messages":[{"role":"assistant","content":[{"toolUse":{"toolUseId":"t","name":"n","input":{}}},{"citationsContent":{"citations":[{"location":{"web":{}}}]}}]}],"toolConfig":{"tools":[{"cachePoint":{"type":"default"}},{}]}}`)
	f.Add(`{"system":[{"cachePoint":{"type":"default","ttl":"1h"}}],"outputConfig":{"textFormat":{"structure":{"jsonSchema":{"schema":"{}"}}}}}`)
	var op *schema.Operation
	for _, o := range api.Schema().Operations {
		if o.Name == "Converse" {
			op = o
		}
	}
	f.Fuzz(func(t *testing.T, body string) {
		in, err := restjson.Codec{}.DecodeRequest(&schema.Request{Service: api.Schema(), Op: op, Labels: map[string]string{"modelId": "m"}, Body: []byte(body)})
		if err != nil {
			return
		}
		req, err := converse.Request(in.(*api.ConverseInput))
		if err != nil {
			if fault.Is(err, fault.Internal) {
				t.Fatalf("got %v", err)
			}
			return
		}
		back, err := converse.Input(req)
		if err != nil {
			if fault.Is(err, fault.Internal) {
				t.Fatalf("got %v", err)
			}
			return
		}
		again, err := converse.Request(back)
		if err != nil {
			t.Fatalf("what was written is refused: %v", err)
		}
		if diff := cmp.Diff(req, again, cmp.Comparer(func(a, b json.RawMessage) bool { return canonical(a) == canonical(b) })); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
