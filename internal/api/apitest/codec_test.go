package apitest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/api/bedrock"
	"github.com/outcrop/outcrop/internal/api/bedrockagent"
	"github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/constraint"
	"github.com/outcrop/outcrop/internal/wire/restjson"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// decode sends a body to an operation of bedrock-runtime.
func decode(t testing.TB, op, body string) (any, error) {
	t.Helper()
	svc := bedrockruntime.Schema()
	return restjson.Codec{}.DecodeRequest(&schema.Request{
		Service: svc, Op: svc.Operation(op), Header: http.Header{}, Body: []byte(body),
		Labels: map[string]string{"modelId": "anthropic.claude-3-haiku-20240307-v1:0", "guardrailIdentifier": "g", "guardrailVersion": "1"},
	})
}

const converseBody = `{"messages":[{"role":"user","content":[{"text":"Why is the sky blue? \u00e9\n"},` +
	`{"image":{"format":"png","source":{"bytes":"aGVsbG8="}}}]},` +
	`{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"f","input":{"b":[1, 2],"a":null}}}]}],` +
	`"system":[{"text":"Be brief."}],"inferenceConfig":{"maxTokens":64,"temperature":0.5,"topP":null,"stopSequences":["x"]},` +
	`"requestMetadata":{"k":"v"},"unknown":{"deep":[{}]},"additionalModelRequestFields":{"top_k":200}}`

func TestConverseRequest(t *testing.T) {
	t.Parallel()
	got, err := decode(t, "Converse", converseBody)
	if err != nil {
		t.Fatal(err)
	}
	want := &bedrockruntime.ConverseInput{
		ModelId: new("anthropic.claude-3-haiku-20240307-v1:0"),
		Messages: []bedrockruntime.Message{
			{Role: bedrockruntime.ConversationRoleUser, Content: []bedrockruntime.ContentBlock{
				{Text: new("Why is the sky blue? é\n")},
				{Image: &bedrockruntime.ImageBlock{
					Format: bedrockruntime.ImageFormatPng,
					Source: &bedrockruntime.ImageSource{Bytes: []byte("hello")},
				}},
			}},
			{Role: bedrockruntime.ConversationRoleAssistant, Content: []bedrockruntime.ContentBlock{
				{ToolUse: &bedrockruntime.ToolUseBlock{
					ToolUseId: new("t1"), Name: new("f"), Input: schema.DocumentValue(`{"b":[1, 2],"a":null}`),
				}},
			}},
		},
		System: []bedrockruntime.SystemContentBlock{{Text: new("Be brief.")}},
		InferenceConfig: &bedrockruntime.InferenceConfiguration{
			MaxTokens: new(int32(64)), Temperature: new(float32(0.5)), StopSequences: []string{"x"},
		},
		RequestMetadata:              map[string]string{"k": "v"},
		AdditionalModelRequestFields: schema.DocumentValue(`{"top_k":200}`),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("input (-want +got):\n%s", diff)
	}
	if err := constraint.Check(bedrockruntime.Schema().Operation("Converse").Input, got); err != nil {
		t.Errorf("got %v, want a valid input", err)
	}
}

func TestConverseResponse(t *testing.T) {
	t.Parallel()
	svc := bedrockruntime.Schema()
	out := &bedrockruntime.ConverseOutput{
		StopReason: bedrockruntime.StopReasonToolUse,
		Usage: &bedrockruntime.TokenUsage{
			InputTokens: new(int32(1)), OutputTokens: new(int32(2)), TotalTokens: new(int32(3)),
		},
		Metrics: &bedrockruntime.ConverseMetrics{LatencyMs: new(int64(12))},
		Output: &bedrockruntime.ConverseOutputValue{Message: &bedrockruntime.Message{
			Role: bedrockruntime.ConversationRoleAssistant,
			Content: []bedrockruntime.ContentBlock{
				{Text: new("a \"quoted\" é <b>\u2028\x01")},
				{ToolUse: &bedrockruntime.ToolUseBlock{
					ToolUseId: new("t"), Name: new("n"), Input: schema.DocumentValue("{ \"q\" : \"a b\" }\n"),
				}},
			},
		}},
	}
	resp, err := restjson.Codec{}.EncodeResponse(svc, svc.Operation("Converse"), out, "id")
	if err != nil {
		t.Fatal(err)
	}
	want := `{"metrics":{"latencyMs":12},"output":{"message":{"content":[{"text":"a \"quoted\" é <b>` + "\u2028" + `\u0001"},` +
		`{"toolUse":{"input":{"q":"a b"},"name":"n","toolUseId":"t"}}],"role":"assistant"}},"stopReason":"tool_use",` +
		`"usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3}}`
	if got := string(resp.Body); got != want {
		t.Errorf("body:\n got %s\nwant %s", got, want)
	}
	if got := resp.Header.Get("Content-Type"); resp.Status != 200 || got != "application/json" {
		t.Errorf("got status %d, content type %q", resp.Status, got)
	}
}

func TestInvokeModel(t *testing.T) {
	t.Parallel()
	svc := bedrockruntime.Schema()
	op := svc.Operation("InvokeModel")
	got, err := restjson.Codec{}.DecodeRequest(&schema.Request{
		Service: svc, Op: op, Labels: map[string]string{"modelId": "m"}, Body: []byte("not json at all"),
		Header: http.Header{"Accept": {"*/*"}, "Content-Type": {"text/x"}, "X-Amzn-Bedrock-Trace": {"ENABLED"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := &bedrockruntime.InvokeModelInput{
		ModelId: new("m"), Accept: new("*/*"), ContentType: new("text/x"), Body: []byte("not json at all"),
		Trace: bedrockruntime.TraceEnabled,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("input (-want +got):\n%s", diff)
	}
	resp, err := restjson.Codec{}.EncodeResponse(svc, op, &bedrockruntime.InvokeModelOutput{
		Body: []byte(`{"z":1,"a":2}`), ContentType: new("application/json"),
	}, "id")
	if err != nil {
		t.Fatal(err)
	}
	if string(resp.Body) != `{"z":1,"a":2}` || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("got %s (%s), want the body as it is", resp.Body, resp.Header.Get("Content-Type"))
	}
}

// TestRefused are bodies that must be answered with a modeled error, whatever
// is wrong with them.
func TestRefused(t *testing.T) {
	t.Parallel()
	message := func(block string) string { return `{"messages":[{"role":"user","content":[` + block + `]}]}` }
	for name, body := range map[string]string{
		"truncated":            `{"messages":[{"role":"us`,
		"only a bracket":       `{`,
		"not an object":        `[1]`,
		"null":                 `null`,
		"text behind":          `{} x`,
		"trailing comma":       `{"messages":[],}`,
		"100,000 levels":       `{"additionalModelRequestFields":` + strings.Repeat("[", 100_000),
		"100,000 unknown":      `{"zzz":` + strings.Repeat(`{"a":`, 100_000),
		"1,001 closed levels":  `{"x":` + strings.Repeat("[", 1001) + strings.Repeat("]", 1001) + `}`,
		"invalid UTF-8":        message("{\"text\":\"\xff\xfe\"}"),
		"invalid UTF-8 in doc": "{\"additionalModelRequestFields\":{\"a\":\"\xc3\"}}",
		"invalid UTF-8 in key": "{\"\xff\":1}",
		"not base64":           message(`{"image":{"format":"png","source":{"bytes":"****"}}}`),
		"unpadded base64":      message(`{"image":{"format":"png","source":{"bytes":"aGVsbG8"}}}`),
		"url base64":           message(`{"image":{"format":"png","source":{"bytes":"_-__"}}}`),
		"base64 with newline":  message(`{"image":{"format":"png","source":{"bytes":"aGVs\nbG8="}}}`),
		"number for string":    message(`{"text":5}`),
		"string for list":      `{"messages":"hi"}`,
		"object for list":      `{"messages":{}}`,
		"string for number":    `{"inferenceConfig":{"maxTokens":"5"}}`,
		"fraction for integer": `{"inferenceConfig":{"maxTokens":1.5}}`,
		"too large an integer": `{"inferenceConfig":{"maxTokens":2147483648}}`,
		"two union members":    message(`{"text":"a","cachePoint":{"type":"default"}}`),
		"member twice":         `{"messages":[],"messages":[]}`,
		"map key twice":        `{"requestMetadata":{"a":"b","a":"c"}}`,
		"null element":         `{"messages":[null]}`,
		"leading zero":         `{"inferenceConfig":{"maxTokens":012}}`,
		"lone minus":           `{"inferenceConfig":{"maxTokens":-}}`,
		"huge exponent":        `{"inferenceConfig":{"temperature":1e999}}`,
		"raw control":          message("{\"text\":\"a\nb\"}"),
		"bad escape":           message(`{"text":"\x"}`),
		"too many elements":    `{"messages":[{}` + strings.Repeat(",{}", 1<<18) + `]}`,
		"cut escape":           `{"messages":[{"role":"\u00`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := decode(t, "Converse", body)
			f := fault.As(err)
			if err == nil || f.Kind != fault.Invalid || f.Code != "SerializationException" {
				t.Fatalf("got %v, want a SerializationException", err)
			}
			if f.Message == "" || len(f.Message) > 200 {
				t.Errorf("got message %q", f.Message)
			}
		})
	}
}

func TestLoneSurrogate(t *testing.T) {
	t.Parallel()
	got, err := decode(t, "Converse", `{"system":[{"text":"\ud83d\ude00 \ud83d x \ud83dA"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	if text := *got.(*bedrockruntime.ConverseInput).System[0].Text; text != "😀 \uFFFD x \uFFFDA" {
		t.Errorf("got %q", text)
	}
}

func TestUnknownUnionMember(t *testing.T) {
	t.Parallel()
	op := bedrockruntime.Schema().Operation("Converse")
	got, err := decode(t, "Converse", `{"messages":[{"role":"user","content":[{"text":"a","new":1,"__type":"x"}]}]}`)
	if err == nil {
		err = constraint.Check(op.Input, got)
	}
	if err != nil {
		t.Errorf("beside a known member: got %v, want it ignored", err)
	}
	got, err = decode(t, "Converse", `{"messages":[{"role":"user","content":[{"new":1}]}]}`)
	if err == nil {
		err = constraint.Check(op.Input, got)
	}
	if f := fault.As(err); f == nil || !strings.HasPrefix(f.Message, "ContentBlock object at messages.0.content.0 must set one of the following keys: text, image, ") {
		t.Errorf("alone: got %v, want a refusal", err)
	}
}

func TestExceptions(t *testing.T) {
	t.Parallel()
	const service, front = ":http://internal.amazon.com/coral/com.amazon.bedrock/", ":http://internal.amazon.com/coral/com.amazon.coral.service/"
	runtime, agent := bedrockruntime.Schema(), bedrockagent.Schema()
	for name, tc := range map[string]struct {
		svc        *schema.Service
		ex         schema.Exception
		header     string
		body       string
		wantStatus int
	}{
		"of the service": {
			svc: runtime, header: "ValidationException" + service, body: `{"message":"The provided model identifier is invalid."}`,
			ex: schema.Exception{
				Code: "ValidationException", Status: 400, Shape: runtime.Shapes["ValidationException"],
				Message: "The provided model identifier is invalid.",
			},
		},
		"with fields": {
			svc: runtime, header: "ModelErrorException" + service, body: `{"message":"m","originalStatusCode":500,"resourceName":"r"}`,
			ex: schema.Exception{
				Code: "ModelErrorException", Status: 424, Shape: runtime.Shapes["ModelErrorException"], Message: "m",
				Fields: map[string]any{"originalStatusCode": int32(500), "resourceName": "r", "undeclared": 1},
			},
		},
		"with a list of structures": {
			svc: agent, header: "ValidationException" + service, body: `{"fieldList":[{"message":"m","name":"n"}],"message":"t"}`,
			ex: schema.Exception{
				Code: "ValidationException", Status: 400, Shape: agent.Shapes["ValidationException"], Message: "t",
				Fields: map[string]any{"fieldList": []bedrockagent.ValidationExceptionField{{Name: new("n"), Message: new("m")}}},
			},
		},
		"a field of the wrong type": {
			svc: runtime, header: "ModelErrorException" + service, body: `{"message":"m"}`,
			ex: schema.Exception{
				Code: "ModelErrorException", Status: 424, Shape: runtime.Shapes["ModelErrorException"], Message: "m",
				Fields: map[string]any{"originalStatusCode": "five"},
			},
		},
		"of the front": {
			svc: runtime, header: "ExpiredTokenException" + front, body: `{"message":"expired"}`,
			ex: schema.Exception{Code: "ExpiredTokenException", Status: 403, Message: "expired", Front: true},
		},
		"denied by policy": {
			svc: runtime, header: "AccessDeniedException" + front, body: `{"Message":"User: x is not authorized"}`,
			ex: schema.Exception{
				Code: "AccessDeniedException", Status: 403, Message: "User: x is not authorized", Front: true,
				Shape: runtime.Shapes["AccessDeniedException"],
			},
		},
		"unknown operation": {
			body: `{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}`,
			ex:   schema.Exception{Code: "UnknownOperationException", Status: 404},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp := restjson.Codec{}.EncodeException(tc.svc, &tc.ex, "id")
			if got := resp.Header.Get("X-Amzn-Errortype"); got != tc.header {
				t.Errorf("type: got %q, want %q", got, tc.header)
			}
			if got := string(resp.Body); got != tc.body {
				t.Errorf("body: got %s, want %s", got, tc.body)
			}
			if resp.Status != tc.ex.Status {
				t.Errorf("status: got %d, want %d", resp.Status, tc.ex.Status)
			}
		})
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	type union = bedrockruntime.ConverseStreamOutputEvent
	padding := map[string]string{"p": "abc"}
	for name, tc := range map[string]struct {
		op       string
		event    any
		typ      string
		payload  string
		wantFail bool
	}{
		"padding goes to its alphabetical place": {
			op: "ConverseStream", typ: "contentBlockDelta", payload: `{"contentBlockIndex":0,"delta":{"text":"Hi"},"p":"abc"}`,
			event: &union{ContentBlockDelta: &bedrockruntime.ContentBlockDeltaEvent{
				ContentBlockIndex: new(int32(0)), Delta: &bedrockruntime.ContentBlockDelta{Text: new("Hi")},
			}},
		},
		"between other members": {
			op: "ConverseStream", typ: "messageStart", payload: `{"p":"abc","role":"assistant"}`,
			event: &union{MessageStart: &bedrockruntime.MessageStartEvent{Role: bedrockruntime.ConversationRoleAssistant}},
		},
		"bytes without the payload trait are base64": {
			op: "InvokeModelWithResponseStream", typ: "chunk", payload: `{"bytes":"e30=","p":"abc"}`,
			event: &bedrockruntime.ResponseStream{Chunk: &bedrockruntime.PayloadPart{Bytes: []byte("{}")}},
		},
		"nothing set":  {op: "ConverseStream", event: &union{}, wantFail: true},
		"two are set":  {op: "ConverseStream", event: &union{MessageStart: &bedrockruntime.MessageStartEvent{}, MessageStop: &bedrockruntime.MessageStopEvent{}}, wantFail: true},
		"nil is given": {op: "ConverseStream", event: (*union)(nil), wantFail: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			typ, contentType, payload, err := restjson.EncodeEvent(bedrockruntime.Schema().Operation(tc.op), tc.event, padding)
			if tc.wantFail {
				if err == nil {
					t.Fatal("got no error")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if typ != tc.typ || contentType != "application/json" || string(payload) != tc.payload {
				t.Errorf("got %s %s %s, want %s application/json %s", typ, contentType, payload, tc.typ, tc.payload)
			}
		})
	}
}

func TestEventExceptions(t *testing.T) {
	t.Parallel()
	op := bedrockruntime.Schema().Operation("ConverseStream")
	typ, _, payload, declared := restjson.EncodeEventException(op, &schema.Exception{
		Code: "ThrottlingException", Message: "slow down", Shape: bedrockruntime.Schema().Shapes["ThrottlingException"],
	})
	if typ != "throttlingException" || string(payload) != `{"message":"slow down"}` || !declared {
		t.Errorf("got %s %s %v", typ, payload, declared)
	}
	typ, _, _, declared = restjson.EncodeEventException(op, &schema.Exception{Code: "ConflictException", Message: "m"})
	if typ != "conflictException" || declared {
		t.Errorf("undeclared: got %s %v", typ, declared)
	}
}

func TestInputEvents(t *testing.T) {
	t.Parallel()
	op := bedrockruntime.Schema().Operation("InvokeModelWithBidirectionalStream")
	got, err := restjson.DecodeEvent(op, "chunk", nil, []byte(`{"bytes":"e30="}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &bedrockruntime.InvokeModelWithBidirectionalStreamInputEvent{
		Chunk: &bedrockruntime.BidirectionalInputPayloadPart{Bytes: []byte("{}")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	for name, payload := range map[string]string{"other": `{}`, "chunk": `{"bytes":`} {
		if _, err := restjson.DecodeEvent(op, name, nil, []byte(payload)); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s %s: got %v, want a refusal", name, payload, err)
		}
	}
}

func TestQueryAndTimestamps(t *testing.T) {
	t.Parallel()
	svc := bedrock.Schema()
	req := func(query map[string][]string) (any, error) {
		return restjson.Codec{}.DecodeRequest(&schema.Request{
			Service: svc, Op: svc.Operation("ListModelCustomizationJobs"), Header: http.Header{}, Query: query,
		})
	}
	got, err := req(map[string][]string{"maxResults": {"7"}, "creationTimeAfter": {"2026-01-02T03:04:05Z"}, "other": {"x"}})
	if err != nil {
		t.Fatal(err)
	}
	in := got.(*bedrock.ListModelCustomizationJobsInput)
	if *in.MaxResults != 7 || in.CreationTimeAfter.Unix() != 1767323045 {
		t.Errorf("got %d, %s", *in.MaxResults, in.CreationTimeAfter)
	}
	for k, v := range map[string]string{"maxResults": "x", "creationTimeAfter": "yesterday"} {
		if _, err := req(map[string][]string{k: {v}}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s=%s: got %v, want a refusal", k, v, err)
		}
	}
}

// TestEmptyInputs decodes and checks an empty request to every operation: what
// is required must be reported, and nothing may panic.
func TestEmptyInputs(t *testing.T) {
	t.Parallel()
	for _, svc := range services() {
		if svc.Protocol != "rest-json" {
			continue
		}
		for _, op := range svc.Operations {
			_, labels := fill(op)
			in, err := restjson.Codec{}.DecodeRequest(&schema.Request{Service: svc, Op: op, Labels: labels, Header: http.Header{}, Body: []byte("{}")})
			if err != nil {
				t.Errorf("%s: %v", op.Name, err)
				continue
			}
			required := 0
			for _, m := range op.Input.Members {
				if m.Required && m.Location != schema.URI && !m.Shape.EventStream {
					required++
				}
			}
			err = constraint.Check(op.Input, in)
			got := 0
			if err != nil {
				got = strings.Count(err.Error(), "Member must not be null")
			}
			if got != required {
				t.Errorf("%s: got %v, want %d members missing", op.Name, err, required)
			}
		}
	}
}

// TestHandlers checks that every handler reaches the method of its operation.
func TestHandlers(t *testing.T) {
	t.Parallel()
	for i, h := range bedrockruntime.Handlers(bedrockruntime.Unimplemented{}) {
		op := bedrockruntime.Schema().Operations[i]
		if h.Op != op {
			t.Errorf("got handler of %s in the place of %s", h.Op.Name, op.Name)
		}
		var err error
		if h.Unary != nil {
			_, err = h.Unary(t.Context(), op.Input.New())
		} else {
			err = h.Stream(t.Context(), op.Input.New(), nil, nil)
		}
		if f := fault.As(err); f == nil || f.Kind != fault.Unsupported || !strings.Contains(f.Message, op.Name+" ") {
			t.Errorf("%s: got %v, want that it is not implemented", op.Name, err)
		}
	}
}

func FuzzConverseBody(f *testing.F) {
	f.Add([]byte(converseBody))
	f.Add([]byte(`{"messages":[{"content":[{"text":"\ud83d\ude00"}]}],"x":[1e5,-0,true,null]}`))
	svc := bedrockruntime.Schema()
	op := svc.Operation("Converse")
	f.Fuzz(func(t *testing.T, body []byte) {
		in, err := decode(t, "Converse", string(body))
		if err == nil && len(body) > 0 && !json.Valid(body) {
			t.Fatalf("accepted what is no JSON")
		}
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("got %v", err)
			}
			return
		}
		_ = constraint.Check(op.Input, in)
		// What was read can be written and read again.
		out, err := restjson.Codec{}.EncodeResponse(svc, &schema.Operation{Output: &bodyOnly(op.Input).shape}, in, "id")
		if err != nil {
			t.Fatal(err)
		}
		again, err := decode(t, "Converse", string(out.Body))
		if err != nil {
			t.Fatalf("%s: %v", out.Body, err)
		}
		one, _ := json.Marshal(in)
		two, _ := json.Marshal(again)
		if !bytes.Equal(one, two) {
			t.Fatalf("got %s, want %s", two, one)
		}
	})
}

type wrapped struct{ shape schema.Shape }

// bodyOnly is a shape with the members of s that travel in the body.
func bodyOnly(s *schema.Shape) *wrapped {
	w := &wrapped{}
	w.shape.Name, w.shape.Kind, w.shape.Members = s.Name, s.Kind, s.BodyMembers()
	w.shape.Seal()
	return w
}

func FuzzRouter(f *testing.F) {
	router := restjson.NewRouter(services()...)
	f.Add("POST", "/model/arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.x/converse", "a=b")
	f.Add("GET", "/tags/arn%3Aaws%3Abedrock/%zz", "%")
	f.Add("POST", strings.Repeat("/arn:", 80), "")
	f.Fuzz(func(t *testing.T, method, path, query string) {
		for _, m := range router.Match(method, path, query) {
			if m.Op.Method != method {
				t.Fatalf("got %s for %s", m.Op.Method, method)
			}
			for _, mem := range m.Op.Input.Members {
				if _, ok := m.Labels[mem.WireName()]; mem.Location == schema.URI && !ok {
					t.Fatalf("%s: no label %s", m.Op.Name, mem.WireName())
				}
			}
		}
	})
}

func BenchmarkDecodeConverse(b *testing.B) {
	body := strings.Replace(converseBody, "Why is the sky blue?", strings.Repeat("Why is the sky blue? ", 20), 1)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decode(b, "Converse", body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckConverse(b *testing.B) {
	in, err := decode(b, "Converse", converseBody)
	if err != nil {
		b.Fatal(err)
	}
	op := bedrockruntime.Schema().Operation("Converse")
	b.ReportAllocs()
	for b.Loop() {
		if err := constraint.Check(op.Input, in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeEvent(b *testing.B) {
	op := bedrockruntime.Schema().Operation("ConverseStream")
	event := &bedrockruntime.ConverseStreamOutputEvent{ContentBlockDelta: &bedrockruntime.ContentBlockDeltaEvent{
		ContentBlockIndex: new(int32(0)), Delta: &bedrockruntime.ContentBlockDelta{Text: new(" token")},
	}}
	padding := map[string]string{"p": "abcdefghijkl"}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, _, err := restjson.EncodeEvent(op, event, padding); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRoute(b *testing.B) {
	router := restjson.NewRouter(services()...)
	b.ReportAllocs()
	for b.Loop() {
		if len(router.Match("POST", "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse", "")) != 1 {
			b.Fatal("no route")
		}
	}
}
