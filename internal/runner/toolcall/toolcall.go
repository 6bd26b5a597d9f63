// Package toolcall reads what a local model writes: which of it is answer, which
// is what it thought, and which are calls of tools, in the markup of each model
// family.
//
// It is pure: no model, no vocabulary and no schema is known here, and no call
// is made. The runner tells it a template and hands it text as it is generated.
//
// What always holds: however the text is cut into pieces, the events add up to
// the same ones. What only looks like a call (an unknown tool, other members,
// no end) comes out as text, to the letter. The one exception is a call whose
// input breaks off being JSON after its beginning has been sent: then the rest
// of the answer is its input, and Malformed says so.
package toolcall

import (
	"slices"
	"strings"
)

// Kind is what an Event is.
type Kind uint8

// The kinds.
const (
	Text      Kind = iota // a piece of the answer
	Reasoning             // a piece of what the model thought
	Start                 // a call begins; Text is the tool's name
	Input                 // a piece of the JSON of the call's input
)

// Event is a step of an answer. Its Text is never empty.
type Event struct {
	Kind Kind
	Text string
}

// Family is a way to write calls.
type Family string

// The families.
const (
	Tagged   Family = "tagged"   // <tool_call>{…}</tool_call> and its likes: Hermes, Qwen, SmolLM, Granite, Phi-4; XML of Qwen3-Coder
	Llama    Family = "llama"    // bare JSON with "parameters", or behind <|python_tag|>
	Mistral  Family = "mistral"  // [TOOL_CALLS][…] and [TOOL_CALLS]name[ARGS]{…}
	DeepSeek Family = "deepseek" // <｜tool▁call▁begin｜>…
	Gemma    Family = "gemma"    // Tagged, and blocks of tool_code
	Harmony  Family = "harmony"  // channels of gpt-oss
	GLM      Family = "glm"      // <tool_call>name<arg_key>…</arg_key><arg_value>…</arg_value></tool_call>
	MiniMax  Family = "minimax"  // <minimax:tool_call><invoke name="…"><parameter name="…">…
	Kimi     Family = "kimi"     // <|tool_call_begin|>functions.name:0<|tool_call_argument_begin|>{…}
	Cohere   Family = "cohere"   // <|START_ACTION|>[{"tool_name": …, "parameters": …}]<|END_ACTION|>
)

// Format is how one model writes.
type Format struct {
	Family Family
	// Open and Close stand around calls that a grammar makes the model write; see
	// Shape.
	Open, Close string
	Shape       Shape
	// Free says that the template teaches another form than Shape between the
	// marks: a call of the model's own choice is not to be forced into it.
	Free bool
	// ThinkOpen and ThinkClose stand around what the model thinks; empty when it
	// does not.
	ThinkOpen, ThinkClose string
}

// Shape is what stands between Open and Close.
type Shape uint8

// The shapes.
const (
	Object     Shape = iota // {"name": …, "arguments": …}
	List                    // [{"name": …, "arguments": …}]
	Parameters              // {"name": …, "parameters": …}
	NameArgs                // name[ARGS]{…}
	NameFence               // function<｜tool▁sep｜>name, then a fenced block of JSON
	NameSep                 // name<｜tool▁sep｜>{…}
	Channel                 // to=functions.name, then a message of JSON
	Indexed                 // functions.name:0<|tool_call_argument_begin|>{…}
	Actions                 // [{"tool_call_id": "0", "tool_name": …, "parameters": …}]
)

const (
	pythonTag   = "<|python_tag|>"
	toolCalls   = "[TOOL_CALLS]"
	argsMark    = "[ARGS]"
	idMark      = "[CALL_ID]"
	callsBegin  = "<｜tool▁calls▁begin｜>"
	callsEnd    = "<｜tool▁calls▁end｜>"
	callBegin   = "<｜tool▁call▁begin｜>"
	callEnd     = "<｜tool▁call▁end｜>"
	sepMark     = "<｜tool▁sep｜>"
	channelMark = "<|channel|>"
	messageMark = "<|message|>"
	startMark   = "<|start|>"
	endMark     = "<|end|>"
	callMark    = "<|call|>"
	returnMark  = "<|return|>"
	constrain   = "<|constrain|>"
	codeFence   = "```tool_code"

	minimaxOpen   = "<minimax:tool_call>"
	minimaxClose  = "</minimax:tool_call>"
	kimiBegin     = "<|tool_calls_section_begin|>"
	kimiEnd       = "<|tool_calls_section_end|>"
	kimiCallBegin = "<|tool_call_begin|>"
	kimiCallEnd   = "<|tool_call_end|>"
	argumentBegin = "<|tool_call_argument_begin|>"
	actionStart   = "<|START_ACTION|>"
	actionEnd     = "<|END_ACTION|>"
)

// Detect tells how a model writes, by its chat template and the texts of its
// vocabulary's control tokens.
func Detect(template string, control []string) Format {
	knows := func(mark string) bool {
		return strings.Contains(template, mark) || slices.Contains(control, mark)
	}
	f := Format{Family: Tagged, Shape: Object, Open: "<tool_call>\n", Close: "\n</tool_call>"}
	switch {
	case strings.Contains(template, channelMark) && strings.Contains(template, messageMark):
		return Format{Family: Harmony, Shape: Channel, ThinkOpen: channelMark + "analysis" + messageMark, ThinkClose: endMark}
	case strings.Contains(template, "tool▁call"):
		f = Format{Family: DeepSeek, Shape: NameSep, Open: callsBegin + callBegin, Close: callEnd + callsEnd}
		if strings.Contains(template, "```json") {
			f.Shape = NameFence
		}
	case knows(toolCalls):
		f = Format{Family: Mistral, Shape: List, Open: toolCalls}
		if knows(argsMark) {
			f.Shape = NameArgs
		}
	case knows(argumentBegin):
		f = Format{Family: Kimi, Shape: Indexed, Open: kimiBegin + kimiCallBegin, Close: kimiCallEnd + kimiEnd}
	case knows(actionStart):
		f = Format{Family: Cohere, Shape: Actions, Open: actionStart, Close: actionEnd}
	case knows(minimaxOpen):
		f = Format{Family: MiniMax, Shape: Object, Open: minimaxOpen + "\n", Close: "\n" + minimaxClose, Free: true}
	case strings.Contains(template, "<tool_call>") && strings.Contains(template, "<arg_key>"):
		f.Family, f.Free = GLM, true
	case strings.Contains(template, "<tool_call>"):
		f.Free = strings.Contains(template, "<function=")
		if strings.Contains(template, "<|tool_call|>") {
			f.Open, f.Close, f.Shape = "<|tool_call|>", "", List
		}
	case knows("<|tool_call|>"):
		f.Open, f.Shape, f.Close = "<|tool_call|>", List, ""
		if knows("<|/tool_call|>") {
			f.Close = "<|/tool_call|>"
		}
	case strings.Contains(template, "<|start_header_id|>") && strings.Contains(template, "parameters"):
		f = Format{Family: Llama, Shape: Parameters}
	case strings.Contains(template, "<start_of_turn>"):
		f.Family = Gemma
	}
	for _, tag := range [][2]string{{"<think>", "</think>"}, {"[THINK]", "[/THINK]"}, {"<|START_THINKING|>", "<|END_THINKING|>"}, {"◁think▷", "◁/think▷"}} {
		if knows(tag[0]) || strings.Contains(template, tag[1]) {
			f.ThinkOpen, f.ThinkClose = tag[0], tag[1]
			break
		}
	}
	return f
}

// Markers are the texts of control tokens that the parser has to see; those of
// other ones may be left out of what it reads.
func (f Format) Markers() []string {
	m := []string{"<tool_call>", "</tool_call>", "<|tool_call|>", "<|/tool_call|>"}
	switch f.Family {
	case Harmony:
		return []string{channelMark, messageMark, startMark, endMark, callMark, returnMark, constrain}
	case Llama:
		m = append(m, pythonTag)
	case Mistral:
		m = append(m, toolCalls, argsMark, idMark)
	case GLM:
		m = append(m, "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>")
	case MiniMax:
		m = append(m, minimaxOpen, minimaxClose)
	case Kimi:
		m = append(m, kimiBegin, kimiEnd, kimiCallBegin, kimiCallEnd, argumentBegin)
	case Cohere:
		m = append(m, actionStart, actionEnd)
		m = append(m, cohereAnswer[:]...)
	case DeepSeek:
		m = append(m, callsBegin, callsEnd, callBegin, callEnd, sepMark)
	}
	if f.ThinkOpen != "" {
		m = append(m, f.ThinkOpen, f.ThinkClose)
	}
	return m
}

// cohereAnswer are the marks around an answer of Cohere's models, which say
// nothing else.
var cohereAnswer = [...]string{"<|START_RESPONSE|>", "<|END_RESPONSE|>", "<|START_TEXT|>", "<|END_TEXT|>"}

// ThoughtEnd is what ends the reasoning and lets the answer begin.
func (f Format) ThoughtEnd() string {
	if f.Family == Harmony {
		return f.ThinkClose + startMark + "assistant"
	}
	return f.ThinkClose
}

// OpensReasoning reports whether a prompt ends inside of what the model thinks:
// some templates write the opening tag themselves.
func (f Format) OpensReasoning(prompt string) bool {
	return f.ThinkOpen != "" && f.Family != Harmony && strings.HasSuffix(strings.TrimRight(prompt, " \n"), f.ThinkOpen)
}
