package bedrockruntime_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/inference/mem"
	"github.com/outcrop/outcrop/internal/service/bedrockruntime"
)

const (
	claude2   = "anthropic.claude-v2:1"
	claude3   = "anthropic.claude-3-haiku-20240307-v1:0"
	novaMicro = "amazon.nova-micro-v1:0"
	titan     = "amazon.titan-text-express-v1"
)

// TestConversationRules has one case for every sentence that a conversation can
// be refused with. Converse, ConverseStream and CountTokens share the rules.
func TestConversationRules(t *testing.T) {
	t.Parallel()
	const hi = `"messages":[{"role":"user","content":[{"text":"Hi"}]}]`
	user := func(block string) string {
		return fmt.Sprintf(`{"messages":[{"role":"user","content":[%s]}]}`, block)
	}
	unsupported := func(name string) string {
		return "This model doesn't support the " + name + " content block that you provided. Update the content block and try again."
	}
	tools := func(choice string) string {
		return `"toolConfig":{"tools":[{"toolSpec":{"name":"a","inputSchema":{"json":{"type":"object"}}}}]` + choice + `}`
	}
	const called = `{"role":"user","content":[{"text":"Hi"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"a","input":{}}},{"toolUse":{"toolUseId":"t2","name":"a","input":{}}}]}`
	// streamed is a rule that is another one in a stream.
	streamed := func(stream, whole string) string { return whole + "|" + stream }
	for _, tc := range []struct {
		name, model, body, want string
	}{
		{"no messages", claude3, `{}`, "A conversation must start with a user message. Try again with a conversation that starts with a user message."},
		{"starts with the assistant", claude3, `{"messages":[{"role":"assistant","content":[{"text":"Hi"}]}]}`, "A conversation must start with a user message. Try again with a conversation that starts with a user message."},
		{"roles do not alternate", claude3, `{"messages":[{"role":"user","content":[{"text":"Hi"}]},{"role":"user","content":[{"text":"Hi"}]}]}`, "A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again."},
		{"a system turn", claude3, `{"messages":[{"role":"user","content":[{"text":"Hi"}]},{"role":"system","content":[{"text":"Hi"}]}]}`, "This model doesn't support the system role at messages.1. Put the text into the system field and try again."},
		{"empty content", claude3, `{"messages":[{"role":"user","content":[{"text":"Hi"}]},{"role":"assistant","content":[]}]}`, "The content field in the Message object at messages.1 is empty. Add a ContentBlock object to the content field and try again."},
		{"nothing but a cache point", claude3, user(`{"cachePoint":{"type":"default"}}`), "The content field in the Message object at messages.0 is empty. Add a ContentBlock object to the content field and try again."},
		{"empty text", claude3, user(`{"text":"Hi"},{"text":""}`), "The text field in the ContentBlock object at messages.0.content.1 is blank. Add text to the text field, and try again."},
		{"blank text", claude3, user(`{"text":" \n\t"}`), "The text field in the ContentBlock object at messages.0.content.0 is blank. Add text to the text field, and try again."},
		{"blank guarded text", claude3, user(`{"guardContent":{"text":{"text":" "}}}`), "The text field in the ContentBlock object at messages.0.content.0 is blank. Add text to the text field, and try again."},
		{"a block without anything", claude3, user(`{}`), "The ContentBlock object at messages.0.content.0 has no field that is known. Update the content block and try again."},
		{"an image", claude2, user(`{"text":"Hi"},{"image":{"format":"png","source":{"bytes":"AAAA"}}}`), unsupported("image")},
		{"a guarded image", claude2, user(`{"guardContent":{"image":{"format":"png","source":{"bytes":"AAAA"}}}}`), unsupported("image")},
		{"a video", claude3, user(`{"video":{"format":"mp4","source":{"bytes":"AAAA"}}}`), unsupported("video")},
		{"audio", claude3, user(`{"audio":{"format":"mp3","source":{"bytes":"AAAA"}}}`), unsupported("audio")},
		{"reasoning", claude3, `{"messages":[{"role":"user","content":[{"text":"Hi"}]},{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"Hm"}}}]}]}`, unsupported("reasoningContent")},
		{"a search result", claude3, user(`{"searchResult":{"source":"s","title":"t","content":[{"text":"x"}]}}`), unsupported("searchResult")},
		{"citations", claude3, user(`{"citationsContent":{"content":[{"text":"x"}]}}`), unsupported("citationsContent")},
		{"a document", novaMicro, user(`{"text":"Hi"},{"document":{"format":"txt","name":"d","source":{"bytes":"AAAA"}}}`), "This model doesn't support documents."},
		{"tool use without tools", claude3, `{"messages":[{"role":"user","content":[{"text":"Hi"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"n","input":{}}}]}]}`, "The toolConfig field must be defined when using toolUse and toolResult content blocks."},
		{"a tool result without tools", claude3, user(`{"toolResult":{"toolUseId":"t1","content":[{"text":"x"}]}}`), "The toolConfig field must be defined when using toolUse and toolResult content blocks."},
		{"tools", claude2, `{` + hi + `,"toolConfig":{"tools":[{"toolSpec":{"name":"a","inputSchema":{"json":{"type":"object"}}}}]}}`, "This model doesn't support tool use."},
		{"the same tool twice", claude3, `{` + hi + `,"toolConfig":{"tools":[{"toolSpec":{"name":"a","inputSchema":{"json":{"type":"object"}}}},{"cachePoint":{"type":"default"}},{"toolSpec":{"name":"a","inputSchema":{"json":{}}}}]}}`, "The tool a is already defined at toolConfig.tools.2."},
		{"a tool without a type of input", claude3, `{` + hi + `,"toolConfig":{"tools":[{"toolSpec":{"name":"a","inputSchema":{"json":{"properties":{}}}}}]}}`, "The value at toolConfig.tools.0.toolSpec.inputSchema.json.type must be one of the following: object."},
		{"a tool of another input", claude3, `{` + hi + `,"toolConfig":{"tools":[{"toolSpec":{"name":"a","inputSchema":{"json":{"type":"string"}}}}]}}`, "The value at toolConfig.tools.0.toolSpec.inputSchema.json.type must be one of the following: object."},
		{"a tool whose schema is text", claude3, `{` + hi + `,"toolConfig":{"tools":[{"toolSpec":{"name":"a","inputSchema":{"json":"{}"}}}]}}`, "The format of the value at toolConfig.tools.0.toolSpec.inputSchema.json is invalid. Provide a json object for the field and try again."},
		{"a tool choice that Mistral has not", "mistral.mistral-large-2402-v1:0", `{` + hi + `,` + tools(`,"toolChoice":{"tool":{"name":"a"}}`) + `}`, streamed("This model doesn't support tool use in streaming mode.", "This model doesn't support the toolConfig.toolChoice.tool field. Remove toolConfig.toolChoice.tool and try again.")},
		{"a tool choice that Command has not", "cohere.command-r-v1:0", `{` + hi + `,` + tools(`,"toolChoice":{"any":{}}`) + `}`, "This model doesn't support the toolConfig.toolChoice.any field. Remove toolConfig.toolChoice.any and try again."},
		{"a choice of an unknown tool", claude3, `{` + hi + `,` + tools(`,"toolChoice":{"tool":{"name":"b"}}`) + `}`, "The tool b at toolConfig.toolChoice.tool.name is not defined in toolConfig.tools."},
		{"a result of nothing", claude3, `{"messages":[{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[{"text":"x"}]}}]}],` + tools("") + `}`, "The number of toolResult blocks at messages.0.content exceeds the number of toolUse blocks of previous turn."},
		{"one result too many", claude3, `{"messages":[` + called + `,{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[]}},{"toolResult":{"toolUseId":"t2","content":[]}},{"toolResult":{"toolUseId":"t3","content":[]}}]}],` + tools("") + `}`, "The number of toolResult blocks at messages.2.content exceeds the number of toolUse blocks of previous turn."},
		{"no results", claude3, `{"messages":[` + called + `,{"role":"user","content":[{"text":"Well?"}]}],` + tools("") + `}`, "Expected toolResult blocks at messages.2.content for the following Ids: t1, t2"},
		{"a result of another call", claude3, `{"messages":[` + called + `,{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[]}},{"toolResult":{"toolUseId":"t9","content":[]}}]}],` + tools("") + `}`, "Expected toolResult blocks at messages.2.content for the following Ids: t2"},
		{"the same result twice", claude3, `{"messages":[` + called + `,{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[]}},{"toolResult":{"toolUseId":"t1","content":[]}}]}],` + tools("") + `}`, "Expected toolResult blocks at messages.2.content for the following Ids: t2"},
		{"a failure that says nothing", claude3, `{"messages":[` + called + `,{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[],"status":"error"}},{"toolResult":{"toolUseId":"t2","content":[]}}]}],` + tools("") + `}`, "The content field at messages.2.content.0.toolResult cannot be empty when status value is error."},
		{"a status that Command has not", "cohere.command-r-v1:0", `{"messages":[` + called + `,{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[],"status":"success"}},{"toolResult":{"toolUseId":"t2","content":[]}}]}],` + tools("") + `}`, "This model doesn't support the status field. Remove status and try again."},
		{"an image in a result", "amazon.nova-micro-v1:0", `{"messages":[` + called + `,{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[{"image":{"format":"png","source":{"bytes":"AAAA"}}}]}},{"toolResult":{"toolUseId":"t2","content":[]}}]}],` + tools("") + `}`, unsupported("image")},
		{"a cache point behind reasoning", "anthropic.claude-sonnet-4-20250514-v1:0", `{"messages":[{"role":"user","content":[{"text":"Hi"}]},{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"Hm"}}},{"cachePoint":{"type":"default"}}]}]}`, "Cache point cannot be inserted after reasoning block. Please remove the invalid cache point and try again."},
		{"more than one turn", "cohere.command-text-v14", `{"messages":[{"role":"user","content":[{"text":"Hi"}]},{"role":"assistant","content":[{"text":"Hi"}]}]}`, "This model doesn't support conversation history. Try again with a single user message."},
		{"system where there is none", titan, `{` + hi + `,"system":[{"text":"Be brief."}]}`, "This model doesn't support system messages. Try again without a system message or use a model that supports system messages."},
		{"a blank system", claude3, `{` + hi + `,"system":[{"text":" "}]}`, "The text field in the SystemContentBlock object at system.0 is blank. Add text to the text field, and try again."},
		{"a system block without anything", claude3, `{` + hi + `,"system":[{}]}`, "The SystemContentBlock object at system.0 has no field that is known. Update the content block and try again."},
		{"a guarded image in system", claude2, `{` + hi + `,"system":[{"guardContent":{"image":{"format":"png","source":{"bytes":"AAAA"}}}}]}`, unsupported("image")},
		{"too many tokens", claude3, `{` + hi + `,"inferenceConfig":{"maxTokens":4097}}`, "The maximum tokens you requested exceeds the model limit of 4096. Try again with a maximum tokens value that is lower than 4096."},
		{"guardrail", claude3, `{` + hi + `,"guardrailConfig":{"guardrailIdentifier":"abc","guardrailVersion":"1"}}`, "The guardrail identifier or version provided in the request does not exist."},
		{"output format", claude3, `{` + hi + `,"outputConfig":{"textFormat":{"type":"json_schema"}}}`, "This model doesn't support the outputConfig field. Remove outputConfig and try again."},
		{"prompt variables", claude3, `{` + hi + `,"promptVariables":{"a":{"text":"b"}}}`, "Outcrop does not resolve prompts yet. Remove promptVariables and pass the messages themselves."},
		{"unknown vendor field", claude3, `{` + hi + `,"additionalModelRequestFields":{"chat_id":1}}`, "The model returned the following errors: Malformed input request: #: extraneous key [chat_id] is not permitted, please reformat your input and try again."},
		{"vendor fields that are no object", claude3, `{` + hi + `,"additionalModelRequestFields":[1]}`, "The additionalModelRequestFields field must be a JSON object."},
		{"vendor fields of a model without a format", "acme.plain", `{` + hi + `,"additionalModelRequestFields":{"top_k":1}}`, "Model acme.plain has no native format. Call it with Converse, or give its route a model ID to be like."},
		{"two samplers where one is allowed", "anthropic.claude-sonnet-4-5-20250929-v1:0", `{` + hi + `,"inferenceConfig":{"temperature":0.5,"topP":0.5}}`, "The model returned the following errors: `temperature` and `top_p` cannot both be specified for this model. Please use only one."},
		{"a response path without a slash", claude3, `{` + hi + `,"additionalModelResponseFieldPaths":["/ok","stop_sequence"]}`, "The value at additionalModelResponseFieldPaths.1 is not a valid JSON Pointer. Update the path and try again."},
		{"a response path with a wrong escape", claude3, `{` + hi + `,"additionalModelResponseFieldPaths":["/a~2b"]}`, "The value at additionalModelResponseFieldPaths.0 is not a valid JSON Pointer. Update the path and try again."},
		{"embedding model", "amazon.titan-embed-text-v2:0", `{` + hi + `}`, "This action doesn't support the model that you provided. Try again with a supported text or chat model."},
		{"prompt ARN", "arn:aws:bedrock:us-east-1:123456789012:prompt/ABCDEFGHIJ", `{` + hi + `}`, "Outcrop does not resolve prompt ARNs yet. Pass a model ID and the prompt's messages."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			svc := newService(t, scripted(t, "greeting"), bedrockruntime.Params{})
			for _, operation := range []string{"Converse", "ConverseStream"} {
				got, err := exchange(t.Context(), svc, operation, "us-east-1", tc.model, nil, tc.body)
				if err != nil {
					t.Fatal(err)
				}
				want, other, differs := strings.Cut(tc.want, "|")
				if differs && operation == "ConverseStream" {
					want = other
				}
				_, message, _ := strings.Cut(strings.TrimSpace(got), ": ")
				if !strings.HasPrefix(got, "fault ") || message != want {
					t.Errorf("%s: got %q, want %q", operation, got, want)
				}
			}
		})
	}
}

// What AWS refuses in one model and takes in another is not refused here
// without need.
func TestConversationIsLenient(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, model, body string }{
		{"the model's whole limit", claude3, `{"messages":[{"role":"user","content":[{"text":"Hi"}]}],"inferenceConfig":{"maxTokens":4096}}`},
		{"a limit that is not known", "acme.plain", `{"messages":[{"role":"user","content":[{"text":"Hi"}]}],"inferenceConfig":{"maxTokens":1000000}}`},
		{"no vendor fields", claude3, `{"messages":[{"role":"user","content":[{"text":"Hi"}]}],"additionalModelRequestFields":{}}`},
		{"vendor fields that are null", claude3, `{"messages":[{"role":"user","content":[{"text":"Hi"}]}],"additionalModelRequestFields":null}`},
		{"an empty system list where there is none", titan, `{"messages":[{"role":"user","content":[{"text":"Hi"}]}],"system":[]}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := exchange(t.Context(), newService(t, scripted(t, "greeting"), bedrockruntime.Params{}), "Converse", "us-east-1", tc.model, nil, tc.body)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(got, "fault") {
				t.Errorf("got %q, want an answer", got)
			}
		})
	}
}

// A member that a later service model adds to both calls must not be forgotten
// in one of them.
func TestStreamedConversationIsWhole(t *testing.T) {
	t.Parallel()
	var in api.ConverseStreamInput
	from := reflect.ValueOf(&in).Elem()
	for i := range from.NumField() {
		switch f := from.Field(i); f.Kind() {
		case reflect.Pointer:
			f.Set(reflect.New(f.Type().Elem()))
		case reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
		case reflect.Map:
			f.Set(reflect.MakeMap(f.Type()))
		default:
			t.Fatalf("%s is a %s, which this test does not fill", from.Type().Field(i).Name, f.Kind())
		}
	}
	identifier, version := "id", "1"
	in.GuardrailConfig.GuardrailIdentifier, in.GuardrailConfig.GuardrailVersion = &identifier, &version
	out := bedrockruntime.Streamed(&in)
	to := reflect.ValueOf(out).Elem()
	for i := range to.NumField() {
		name := to.Type().Field(i).Name
		if name == "GuardrailConfig" {
			continue
		}
		if diff := cmp.Diff(from.FieldByName(name).Interface(), to.Field(i).Interface()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if want := (&api.GuardrailConfiguration{GuardrailIdentifier: &identifier, GuardrailVersion: &version}); !cmp.Equal(want, out.GuardrailConfig) {
		t.Errorf("GuardrailConfig: got %v, want %v", out.GuardrailConfig, want)
	}
}

// FuzzConverse holds that no body makes the service panic, and that what is
// refused is refused as a fault of the caller's.
func FuzzConverse(f *testing.F) {
	for _, body := range []string{
		`{"messages":[{"role":"user","content":[{"text":"Hi"}]}]}`,
		`{"messages":[{"role":"user","content":[{"cachePoint":{"type":"default"}},{"guardContent":{}},{"image":{}}]},{}],"system":[{}]}`,
		`{"messages":[{"role":"user","content":[{"text":"Hi"}]}],"toolConfig":{"tools":[{},{"toolSpec":{}},{"systemTool":{}}]}}`,
		`{"messages":[{"role":"user","content":[{"text":"Hi"}]}],"inferenceConfig":{"maxTokens":1,"topP":0.1,"stopSequences":["t"]},"additionalModelRequestFields":{"top_k":5},"additionalModelResponseFieldPaths":["/usage","/content/0"]}`,
	} {
		f.Add(body)
	}
	svc := newService(f, newBackend(mem.Say("one two")), bedrockruntime.Params{})
	f.Fuzz(func(t *testing.T, body string) {
		for _, operation := range []string{"Converse", "ConverseStream", "CountTokens"} {
			got, err := exchange(t.Context(), svc, operation, "us-east-1", claude3, nil, body)
			if err != nil {
				return // the codec refused it
			}
			if strings.HasPrefix(got, "fault internal") {
				t.Errorf("%s: got %q", operation, got)
			}
		}
	})
}
