package toolcall_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/runner/toolcall"
)

// formats are made as Detect makes them, from the marks that the families'
// templates write.
var formats = map[string]toolcall.Format{
	"hermes":   toolcall.Detect("<|im_start|> <tool_call> </think>", nil),
	"llama":    toolcall.Detect("<|start_header_id|> \"parameters\"", []string{"<|python_tag|>"}),
	"mistral":  toolcall.Detect("[INST] [TOOL_CALLS] [THINK]", nil),
	"phi":      toolcall.Detect("<|tool|> <|/tool|>", []string{"<|tool_call|>", "<|/tool_call|>"}),
	"granite":  toolcall.Detect("<|start_of_role|> <|tool_call|> <think></think>", nil),
	"deepseek": toolcall.Detect("<｜tool▁calls▁begin｜> </think>", nil),
	"gemma":    toolcall.Detect("<start_of_turn>", nil),
	"harmony":  toolcall.Detect("<|start|> <|channel|> <|message|>", nil),
	"glm":      toolcall.Detect("[gMASK]<sop> <tool_call> <arg_key> </think>", nil),
	"kimi":     toolcall.Detect("<|im_middle|> <think></think>", []string{"<|tool_calls_section_begin|>", "<|tool_call_argument_begin|>"}),
	"minimax":  toolcall.Detect("]~b] <minimax:tool_call> </think>", nil),
	"cohere":   toolcall.Detect("<|START_OF_TURN_TOKEN|> <|START_ACTION|> <|END_THINKING|>", nil),
}

// show writes events in one line: T, R, and calls as name followed by input.
func show(events []toolcall.Event) string {
	var b strings.Builder
	last := toolcall.Kind(99)
	for _, e := range events {
		if e.Kind != last || e.Kind == toolcall.Start {
			b.WriteString(map[toolcall.Kind]string{toolcall.Text: "|T:", toolcall.Reasoning: "|R:", toolcall.Start: "|C:", toolcall.Input: " "}[e.Kind])
		}
		b.WriteString(e.Text)
		last = e.Kind
	}
	return b.String()
}

func types(tool, member string) string {
	return map[string]string{"weather city": "string", "weather days": "integer"}[tool+" "+member]
}

func parse(f toolcall.Format, thinking bool, pieces ...string) (*toolcall.Parser, []toolcall.Event) {
	p := f.NewParser(toolcall.Options{Tools: []string{"weather", "now"}, InReasoning: thinking, Type: types})
	var events []toolcall.Event
	for _, piece := range pieces {
		events = append(events, p.Write(piece)...)
	}
	return p, append(events, p.End()...)
}

var transcripts = []struct {
	name, format, text, want string
	bad                      bool
}{
	{"text", "hermes", "Hello, <b>world</b>.", "|T:Hello, <b>world</b>.", false},
	{"a call", "hermes", "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}}\n</tool_call>", `|C:weather {"city": "Paris"}`, false},
	{"text, a call", "hermes", "Let me look.\n<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>", "|T:Let me look.\n|C:now {}", false},
	{
		"thought, two calls", "hermes", "<think>\nTwo cities.\n</think>\n\n<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"A\"}}\n</tool_call>\n<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"B\"}}\n</tool_call>",
		`|R:Two cities.|C:weather {"city": "A"}|C:weather {"city": "B"}`, false,
	},
	{"thought, answer", "hermes", "<think>\n\n</think>\n\nNo.", "|T:No.", false},
	{"arguments first", "hermes", `<tool_call>{"arguments": {"city": "Paris"}, "name": "weather"}</tool_call>`, `|C:weather {"city": "Paris"}`, false},
	{"arguments in a string", "hermes", `<tool_call>{"name": "weather", "arguments": "{\"city\": \"Paris\"}"}</tool_call>`, `|C:weather {"city": "Paris"}`, false},
	{"as OpenAI writes it", "hermes", `<tool_call>{"type": "function", "function": {"name": "now", "arguments": "{}"}}</tool_call>`, "|C:now {}", false},
	{"no arguments", "hermes", `<tool_call>{"name": "now"}</tool_call>`, "|C:now", false},
	{"a closing brace is missing", "hermes", "<tool_call>\n{\"name\": \"now\", \"arguments\": {}\n</tool_call> Done.", "|C:now {}|T:Done.", false},
	{"no closing tag", "hermes", `<tool_call>{"name": "now", "arguments": {}} and on`, "|C:now {}|T:and on", false},
	{"a list, as SmolLM2 does", "hermes", `<tool_call>[{"name": "weather", "arguments": {"city": "A"}}, {"name": "now", "arguments": {}}]</tool_call>`, `|C:weather {"city": "A"}|C:now {}`, false},
	{"an unknown tool", "hermes", `<tool_call>{"name": "rm", "arguments": {}}</tool_call>`, `|T:<tool_call>{"name": "rm", "arguments": {}}</tool_call>`, false},
	{"the second is unknown", "hermes", `<tool_call>[{"name": "now"}, {"name": "rm"}]</tool_call>`, `|C:now|T:, {"name": "rm"}]</tool_call>`, false},
	{"other members", "hermes", `<tool_call>{"title": "x"}</tool_call>`, `|T:<tool_call>{"title": "x"}</tool_call>`, false},
	{"cut in the mark", "hermes", "see <tool_ca", "|T:see <tool_ca", false},
	{"cut before the input", "hermes", `<tool_call>{"name": "weather", "argu`, `|T:<tool_call>{"name": "weather", "argu`, false},
	{"cut in the input", "hermes", `<tool_call>{"name": "weather", "arguments": {"city": "Pa`, `|C:weather {"city": "Pa`, true},
	{"input that is no JSON", "hermes", `<tool_call>{"name": "weather", "arguments": {city: Paris}}</tool_call>`, `|C:weather {city: Paris}}</tool_call>`, true},
	{"a mark in the mark", "hermes", `<tool_call><tool_call>{"name": "now", "arguments": {}}</tool_call>`, "|T:<tool_call>|C:now {}", false},
	{"brackets in strings", "hermes", `<tool_call>{"name": "weather", "arguments": {"city": "}]\"{</tool_call>"}}</tool_call>`, `|C:weather {"city": "}]\"{</tool_call>"}`, false},
	{
		"Qwen3-Coder", "hermes", "I look.\n<tool_call>\n<function=weather>\n<parameter=city>\n75\n</parameter>\n<parameter=days>\n3\n</parameter>\n<parameter=note>\ntwo\nlines\n</parameter>\n</function>\n</tool_call>",
		"|T:I look.\n|C:weather {\"city\":\"75\",\"days\":3,\"note\":\"two\\nlines\"}", false,
	},
	{"Qwen3-Coder without parameters", "hermes", "<tool_call>\n<function=now>\n</function>\n</tool_call>", "|C:now", false},
	{"Qwen3-Coder, unknown", "hermes", "<tool_call>\n<function=rm>\n</function>\n</tool_call>", "|T:<tool_call>\n<function=rm>\n</function>\n</tool_call>", false},

	{"bare JSON", "llama", `{"name": "weather", "parameters": {"city": "Paris"}}`, `|C:weather {"city": "Paris"}`, false},
	{"bare JSON of OpenAI's kind", "llama", `{"type": "function", "name": "weather", "parameters": {"city": "Paris"}}`, `|C:weather {"city": "Paris"}`, false},
	{"two of them", "llama", `{"name": "now", "parameters": {}}; {"name": "weather", "parameters": {"city": "B"}}`, `|C:now {}|C:weather {"city": "B"}`, false},
	{"python tag, JSON", "llama", `<|python_tag|>{"name": "now", "parameters": {}}`, `|C:now {}`, false},
	{"python tag, code", "llama", `<|python_tag|>weather.call(city="Paris", days=2)`, `|C:weather {"city":"Paris","days":2}`, false},
	{"python tag, other code", "llama", `<|python_tag|>import os`, `|T:<|python_tag|>import os`, false},
	{"JSON that is an answer", "llama", `{"city": "Paris", "name": "weather"}`, `|T:{"city": "Paris", "name": "weather"}`, false},
	{"JSON later on", "llama", `It is {"name": "now", "parameters": {}}.`, `|T:It is {"name": "now", "parameters": {}}.`, false},

	{"a list", "mistral", `[TOOL_CALLS][{"name": "weather", "arguments": {"city": "Paris"}, "id": "abcdefghi"}, {"name": "now", "arguments": {}}]`, `|C:weather {"city": "Paris"}|C:now {}`, false},
	{"names and inputs", "mistral", `Sure.[TOOL_CALLS]weather[ARGS]{"city": "Paris"}[TOOL_CALLS]now[ARGS]{}`, `|T:Sure.|C:weather {"city": "Paris"}|C:now {}`, false},
	{"with an id", "mistral", `[TOOL_CALLS]now[CALL_ID]123456789[ARGS]{}`, `|C:now {}`, false},
	{"Magistral", "mistral", `[THINK]Hm.[/THINK]It is late.`, `|R:Hm.|T:It is late.`, false},
	{"unknown", "mistral", `[TOOL_CALLS]rm[ARGS]{}`, `|T:[TOOL_CALLS]rm[ARGS]{}`, false},

	{"Phi-4", "phi", `<|tool_call|>[{"name": "now", "arguments": {}}]<|/tool_call|>`, `|C:now {}`, false},
	{"Granite", "granite", `<|tool_call|>[{"name": "now", "arguments": {}}]`, `|C:now {}`, false},
	{"Granite, another mark", "granite", `<tool_call>[{"name": "now", "arguments": {}}]`, `|C:now {}`, false},

	{
		"DeepSeek R1", "deepseek", "Hm.\n</think>\n\n<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n```json\n{\"city\": \"A\"}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>now\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
		`|R:Hm.|C:weather {"city": "A"}|C:now {}`, false,
	},
	{"DeepSeek V3.1", "deepseek", "Ok</think><｜tool▁calls▁begin｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>{\"city\": \"A\"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>", `|R:Ok|C:weather {"city": "A"}`, false},

	{"tool_code", "gemma", "```tool_code\nprint(weather(city='Pa\"ris', days=2, when=[True, None, {'a': -1.5}]))\n```", `|C:weather {"city":"Pa\"ris","days":2,"when":[true,null,{"a":-1.5}]}`, false},
	{"tool_code, JSON", "gemma", "```tool_code\n{\"name\": \"now\", \"arguments\": {}}\n```", "|C:now {}", false},
	{"tool_code, else", "gemma", "```tool_code\nx = 1\n```", "|T:```tool_code\nx = 1\n```", false},

	{
		"channels", "harmony", "<|channel|>analysis<|message|>Need weather.<|end|><|start|>assistant<|channel|>commentary to=functions.weather <|constrain|>json<|message|>{\"city\":\"Paris\"}<|call|>",
		`|R:Need weather.|C:weather {"city":"Paris"}`, false,
	},
	{"recipient before the channel", "harmony", "<|start|>assistant to=functions.now<|channel|>commentary json<|message|>{}", "|C:now {}", false},
	{"final", "harmony", "<|channel|>analysis<|message|>Easy.<|end|><|start|>assistant<|channel|>final<|message|>Hello <|x", "|R:Easy.|T:Hello <|x", false},
	{"preamble", "harmony", "<|channel|>commentary<|message|>I look.<|end|>", "|T:I look.", false},
	{"unknown", "harmony", "<|channel|>commentary to=functions.rm<|message|>{}", "|T:commentary to=functions.rm{}", false},
	{"no channel", "harmony", "Hello", "|T:Hello", false},
	{
		"GLM-4.5", "glm", "I look.\n<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>75</arg_value>\n<arg_key>days</arg_key>\n<arg_value>3</arg_value>\n<arg_key>where</arg_key>\n<arg_value>{\"a\": [1]}</arg_value>\n</tool_call>\n<tool_call>now\n</tool_call>",
		`|T:I look.` + "\n" + `|C:weather {"city":"75","days":3,"where":{"a": [1]}}|C:now`, false,
	},
	{"GLM-4.7", "glm", "Hm.</think><tool_call>weather<arg_key>city</arg_key><arg_value>a < b\n> c</arg_value></tool_call>", `|R:Hm.|C:weather {"city":"a \u003c b\n\u003e c"}`, false},
	{"GLM without members", "glm", "<tool_call>now</tool_call> Done.", "|C:now|T:Done.", false},
	{"GLM, JSON as it is made to write", "glm", "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>", "|C:now {}", false},
	{"GLM, unknown", "glm", "<tool_call>rm\n<arg_key>a</arg_key>", "|T:<tool_call>rm\n<arg_key>a</arg_key>", false},
	{"GLM, text", "glm", "<tool_call>now or never</b> x", "|T:<tool_call>now or never</b> x", false},
	{"GLM, cut", "glm", "<tool_call>weather<arg_key>city</arg_key><arg_val", `|C:weather`, true},
	{"GLM, broken", "glm", "<tool_call>weather<arg_key>city</arg_key>x</tool_call> y", `|C:weather  y`, true},

	{
		"Kimi K2", "kimi", "I look.<|tool_calls_section_begin|><|tool_call_begin|>functions.weather:0<|tool_call_argument_begin|>{\"city\": \"A\"}<|tool_call_end|><|tool_call_begin|>functions.now:1<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>",
		`|T:I look.|C:weather {"city": "A"}|C:now {}`, false,
	},
	{"Kimi K2 Thinking", "kimi", "<think>Hm.</think> <|tool_calls_section_begin|> <|tool_call_begin|> functions.now:7 <|tool_call_argument_begin|> {} <|tool_call_end|> <|tool_calls_section_end|>", `|R:Hm.|C:now {}`, false},
	{"Kimi, unknown", "kimi", "<|tool_call_begin|>functions.rm:0<|tool_call_argument_begin|>{}", "|T:<|tool_call_begin|>functions.rm:0<|tool_call_argument_begin|>{}", false},
	{"Kimi, no JSON", "kimi", "<|tool_call_begin|>functions.now:0<|tool_call_argument_begin|>x", "|C:now", true},

	{
		"MiniMax M2", "minimax", "Hm.\n</think>\n\n<minimax:tool_call>\n<invoke name=\"weather\">\n<parameter name=\"city\">Paris</parameter>\n<parameter name=\"days\">2</parameter>\n</invoke>\n<invoke name=\"now\">\n</invoke>\n</minimax:tool_call>",
		`|R:Hm.|C:weather {"city":"Paris","days":2}|C:now`, false,
	},
	{"MiniMax, JSON as it is made to write", "minimax", "<minimax:tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</minimax:tool_call>", "|C:now {}", false},
	{"MiniMax, unknown", "minimax", "<minimax:tool_call>\n<invoke name=\"rm\">\n</invoke>", "|T:<minimax:tool_call>\n<invoke name=\"rm\">\n</invoke>", false},
	{"MiniMax, the second is unknown", "minimax", "<minimax:tool_call><invoke name=\"now\"></invoke><invoke name=\"rm\"></invoke></minimax:tool_call>", "|C:now|T:<invoke name=\"rm\"></invoke></minimax:tool_call>", false},

	{
		"Command R7B", "cohere", "<|START_THINKING|>Hm.<|END_THINKING|><|START_ACTION|>[\n    {\"tool_call_id\": \"0\", \"tool_name\": \"weather\", \"parameters\": {\"city\": \"A\"}},\n    {\"tool_call_id\": \"1\", \"tool_name\": \"now\", \"parameters\": {}}\n]<|END_ACTION|>",
		`|R:Hm.|C:weather {"city": "A"}|C:now {}`, false,
	},
	{"one action without a list", "cohere", `<|START_ACTION|>{"tool_name":"now","parameters":{}}<|END_ACTION|>`, "|C:now {}", false},
	{"an answer in its marks", "cohere", "<|START_RESPONSE|>It is late.<|END_RESPONSE|>", "|T:It is late.", false},
	{"Cohere, unknown", "cohere", `<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "rm", "parameters": {}}]`, `|T:<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "rm", "parameters": {}}]`, false},
	{"its names elsewhere", "hermes", `<tool_call>{"tool_name": "now", "parameters": {}}</tool_call>`, `|T:<tool_call>{"tool_name": "now", "parameters": {}}</tool_call>`, false},

	{"cut", "harmony", "<|channel|>commentary to=functions.now<|message|>{\"a", "|C:now {\"a", true},
}

func TestTranscripts(t *testing.T) {
	t.Parallel()
	for _, tc := range transcripts {
		t.Run(tc.format+"/"+tc.name, func(t *testing.T) {
			t.Parallel()
			thinking := tc.format == "deepseek" || tc.name == "GLM-4.7" || tc.name == "MiniMax M2"
			p, whole := parse(formats[tc.format], thinking, tc.text)
			if diff := cmp.Diff(tc.want, show(whole)); diff != "" || p.Malformed() != tc.bad {
				t.Errorf("malformed %v, want %v; events (-want +got):\n%s", p.Malformed(), tc.bad, diff)
			}
			p, runes := parse(formats[tc.format], thinking, strings.Split(tc.text, "")...)
			if diff := cmp.Diff(tc.want, show(runes)); diff != "" || p.Malformed() != tc.bad {
				t.Errorf("rune by rune: malformed %v, want %v; events (-want +got):\n%s", p.Malformed(), tc.bad, diff)
			}
		})
	}
}

// whole shows what a text comes to that is cut in two.
func whole(f toolcall.Format, thinking bool, cut int, text string) (string, bool) {
	if cut > len(text) {
		cut = len(text)
	}
	p, events := parse(f, thinking, text[:cut], text[cut:])
	return show(events), p.Malformed()
}

// FuzzSplits holds that it does not matter how a text is cut, that nothing
// panics, and that of text without calls and reasoning nothing is lost.
func FuzzSplits(f *testing.F) {
	for _, tc := range transcripts {
		f.Add(tc.text, 7)
		f.Add(tc.text+"\n "+tc.text, 40)
	}
	f.Fuzz(func(t *testing.T, text string, cut int) {
		if cut < 0 || strings.ContainsAny(text, "|\x00") && len(text) > 1<<12 {
			t.Skip()
		}
		for name, format := range formats {
			want, bad := whole(format, false, len(text), text)
			if got, b := whole(format, false, cut, text); got != want || b != bad {
				t.Errorf("%s, cut at %d: got %q, %v, want %q, %v", name, cut, got, b, want, bad)
			}
			p, events := parse(format, false, text)
			rest, calls := "", 0
			for _, e := range events {
				if e.Kind == toolcall.Text {
					rest += e.Text
				} else {
					calls++
				}
			}
			marked := strings.Contains(text, "▁calls▁") || strings.Contains(text, "<|") || strings.Contains(text, "</") || strings.Contains(text, "[/")
			if calls == 0 && p.Calls() == 0 && !marked && !strings.Contains(text, "<think>") && !strings.Contains(text, "[THINK]") && rest != text {
				t.Errorf("%s: got the text %q, want %q", name, rest, text)
			}
		}
	})
}

func TestDetect(t *testing.T) {
	t.Parallel()
	got := map[string]toolcall.Family{}
	for name, f := range formats {
		got[name] = f.Family
	}
	want := map[string]toolcall.Family{
		"hermes": toolcall.Tagged, "llama": toolcall.Llama, "mistral": toolcall.Mistral, "phi": toolcall.Tagged, "granite": toolcall.Tagged,
		"deepseek": toolcall.DeepSeek, "gemma": toolcall.Gemma, "harmony": toolcall.Harmony,
		"glm": toolcall.GLM, "kimi": toolcall.Kimi, "minimax": toolcall.MiniMax, "cohere": toolcall.Cohere,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("families (-want +got):\n%s", diff)
	}
	for name, f := range formats {
		for _, a := range f.Markers() {
			for _, b := range f.Markers() {
				if a != b && strings.HasPrefix(b, a) {
					t.Errorf("%s: the mark %s begins the mark %s", name, a, b)
				}
			}
		}
	}
}

func TestOpensReasoning(t *testing.T) {
	t.Parallel()
	f := formats["hermes"]
	for prompt, want := range map[string]bool{
		"<|im_start|>assistant\n<think>\n": true, "<|im_start|>assistant\n": false, "assistant\n<think>\n\n</think>\n\n": false,
	} {
		if got := f.OpensReasoning(prompt); got != want {
			t.Errorf("%q: got %v, want %v", prompt, got, want)
		}
	}
	if (toolcall.Format{}).OpensReasoning("x") {
		t.Error("got reasoning of a model that has none")
	}
}
