package bedrockruntime_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/service/bedrockruntime"
)

func TestCheckConverseBody(t *testing.T) {
	t.Parallel()
	extraneous := func(at, key string) string { return at + ": extraneous key [" + key + "] is not permitted" }
	for _, tc := range []struct{ name, body, want string }{
		{"Converse", `{"messages":[{"role":"user","content":[{"text":"Hi"}]}],"system":[{"text":"Be brief."}],"inferenceConfig":{"maxTokens":5,"topP":1}}`, ""},
		{"Converse with a vendor's fields", `{"messages":[],"additionalModelRequestFields":{"top_k":5,"anthropic_beta":["x"],"prompt":"p"}}`, ""},
		{"Converse with a type inside of a block", `{"messages":[{"role":"user","content":[{"cachePoint":{"type":"default"}},{"toolResult":{"content":[{"json":{"type":"text"}}]}}]}]}`, ""},
		{"a member of a later version", `{"messages":[],"someDay":{"type":1},"requestMetadata":{"prompt":"x"}}`, ""},
		{"the text of a member's name", `{"messages":[{"role":"user","content":[{"text":"\"}],\"prompt\":\"\\"}]}]}`, ""},
		{"Claude Messages", `{"anthropic_version":"bedrock-2023-05-31","max_tokens":5,"messages":[{"role":"user","content":"Hi"}]}`, extraneous("#", "anthropic_version")},
		{"Claude Messages, the version last", `{"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}], "anthropic_version" : "bedrock-2023-05-31"}`, extraneous("#", "anthropic_version")},
		{"a member of Claude's alone", `{"messages":[{"role":"user","content":[{"text":"Hi"}]}],"stop_sequences":["x"]}`, extraneous("#", "stop_sequences")},
		{"Llama", `{"prompt":"Hi","max_gen_len":5}`, extraneous("#", "prompt")},
		{"Titan", `{"inputText":"Hi"}`, extraneous("#", "inputText")},
		{"Titan, the settings first", `{"textGenerationConfig":{},"inputText":"Hi"}`, extraneous("#", "textGenerationConfig")},
		{"an escaped name", `{"pr\u006fmpt":"Hi"}`, extraneous("#", "prompt")},
		{"blocks with a type", `{"messages":[{"content":[{"text":"Hi"}]},{"role":"user","content":[{"text":"Hi"},{"type":"text","text":"Hi"}]}]}`, extraneous("#/messages/1/content/1", "type")},
		{"text in place of blocks", `{"messages":[{"role":"user","content":"Hi"}]}`, "#/messages/0/content: expected type: JSONArray, found: String"},
		{"members that are something else", `{"messages":[1,{"content":{"type":"text"}},{"content":["type",[{"type":1}],null]}]}`, ""},
		{"messages that are none", `{"messages":"prompt"}`, ""},
		{"nothing", ``, ""},
		{"an empty object", ` { } `, ""},
		{"a list", `["prompt"]`, ""},
		{"cut off", `{"prompt":"Hi`, ""},
		{"cut off in a message", `{"prompt":"Hi","messages":[{"content":[{"type":`, ""},
		{"a bracket too many", `{"prompt":]}`, ""},
		{"no value", `{"prompt":,"a":1}`, ""},
		{"deeper than any stack", `{"prompt":` + strings.Repeat(`[`, 1<<20), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			err := bedrockruntime.CheckConverseBody([]byte(tc.body))
			if tc.want == "" {
				if err != nil {
					t.Errorf("got %v, want the body to pass", err)
				}
				return
			}
			want := "Malformed input request: " + tc.want + ", please reformat your input and try again."
			if got := fault.As(err); got == nil || got.Kind != fault.Invalid || got.Message != want {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}

// FuzzCheckConverseBody holds the scan against the decoder: of what is JSON, it
// refuses in the root exactly what has a native member there.
func FuzzCheckConverseBody(f *testing.F) {
	for _, body := range []string{
		`{"prompt":"Hi"}`, `{"a":[{"prompt":1}]}`, `{"a\\":"\"","top_\u006b":-1e5}`, `{"messages":[{"content":[{"type":true}]}]}`, ` {"messages":[null,{}] , "x":{}}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		err := bedrockruntime.CheckConverseBody(body)
		var members map[string]json.RawMessage
		if json.Unmarshal(body, &members) != nil {
			return
		}
		native := false
		for _, name := range []string{"anthropic_version", "anthropic_beta", "max_tokens", "stop_sequences", "top_k", "prompt", "max_gen_len", "inputText", "textGenerationConfig"} {
			_, has := members[name]
			native = native || has
		}
		if got := err != nil && strings.HasPrefix(fault.As(err).Message, "Malformed input request: #: "); got != native {
			t.Errorf("got %v of %q, want it refused: %v", err, body, native)
		}
	})
}

func BenchmarkCheckConverseBody(b *testing.B) {
	body := []byte(`{"messages":[{"role":"user","content":[{"text":"` + strings.Repeat("Why is the sky blue? ", 50_000) + `"}]}],"inferenceConfig":{"maxTokens":5}}`)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if err := bedrockruntime.CheckConverseBody(body); err != nil {
			b.Fatal(err)
		}
	}
}
