package runner

import (
	"bytes"
	"errors"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/runner/grammar"
	"github.com/outcrop/outcrop/internal/runner/protocol"
	"github.com/outcrop/outcrop/internal/runner/toolcall"
)

// form is what an answer has to look like.
type form struct {
	// whole is the grammar of the answer from its first token on; empty when only
	// the calls in it have a form.
	whole string
	// For calls of the model's own choice.
	format toolcall.Format
	tools  []inference.Tool
}

// formOf makes the form that a request asks for; the zero one when there is none. opened
// says that the prompt has begun the reasoning.
func formOf(format toolcall.Format, req *protocol.Generate, opened bool) (form, error) {
	tools := req.Tools
	must := false
	switch req.ToolChoice.Mode {
	case inference.ToolNone:
		tools = nil
	case inference.ToolAny:
		must = true
	case inference.ToolNamed:
		must, tools = true, nil
		for _, tool := range req.Tools {
			if tool.Name == req.ToolChoice.Name {
				tools = []inference.Tool{tool}
			}
		}
	}
	if must && len(tools) == 0 {
		return form{}, fault.New(fault.Invalid, "The tool that has to be called is not among the tools of the request.")
	}
	if !must && req.Output == nil {
		return form{format: format, tools: tools}, nil
	}
	w := &formWriter{format: format}
	body := ""
	if len(tools) > 0 {
		calls, err := w.calls(tools, req.Parallel != nil && *req.Parallel)
		if err != nil {
			return form{}, err
		}
		body = calls
	}
	if req.Output != nil && !must {
		value, err := w.output(req.Output)
		if err != nil {
			return form{}, err
		}
		if body = grammar.Any(nonEmpty(body, value)...); format.Family == toolcall.Harmony {
			body = strings.TrimSpace(body)
		}
	}
	text, err := w.b.Grammar(w.thought(body, opened, req.Reasoning))
	if err != nil {
		return form{}, invalidSchema("the request", err)
	}
	return form{whole: text}, nil
}

func nonEmpty(texts ...string) []string {
	var out []string
	for _, text := range texts {
		if text != "" {
			out = append(out, text)
		}
	}
	return out
}

func invalidSchema(of string, err error) error {
	if _, ok := errors.AsType[*grammar.Unsupported](err); ok {
		return fault.Wrap(fault.Invalid, err, "The model that serves this request cannot keep to the JSON schema of %s: %s.", of, err.Error())
	}
	return fault.Wrap(fault.Invalid, err, "The JSON schema of %s is not valid: %s.", of, err.Error())
}

// formWriter writes one grammar.
type formWriter struct {
	b      grammar.Builder
	format toolcall.Format
}

// thought lets the model think before the body, if it does.
func (w *formWriter) thought(body string, opened bool, reasoning *inference.ReasoningConfig) string {
	f := w.format
	off := reasoning != nil && reasoning.Mode == inference.ReasoningOff
	switch {
	case f.ThinkOpen == "" || off && !opened:
		return body
	case f.Family == toolcall.Harmony:
		return "(" + grammar.Literal(f.ThinkOpen) + " " + w.b.Before(f.ThinkClose) + " " + grammar.Literal(f.ThoughtEnd()) + ")? " + body
	}
	thought := w.b.Before(f.ThinkClose) + " " + grammar.Literal(f.ThinkClose) + ` "\n"{0,2}`
	if opened {
		return thought + " " + body
	}
	return "(" + grammar.Literal(f.ThinkOpen) + " " + thought + ")? " + body
}

func (w *formWriter) output(o *inference.OutputFormat) (string, error) {
	var value string
	if unset(o.Schema) {
		value = w.b.Object()
	} else {
		var err error
		if value, err = w.b.Schema(o.Schema); err != nil {
			return "", invalidSchema("the output", err)
		}
	}
	if w.format.Family == toolcall.Harmony {
		value = grammar.Literal("<|channel|>final<|message|>") + " " + value
	}
	return value, nil
}

// unset reports whether there is no schema: travelling makes a missing one null.
func unset(schema []byte) bool {
	schema = bytes.TrimSpace(schema)
	return len(schema) == 0 || string(schema) == "null"
}

// inputSchema is the schema of a tool's input; one without takes nothing.
func inputSchema(tool inference.Tool) []byte {
	if unset(tool.Schema) {
		return []byte(`{"type":"object","properties":{}}`)
	}
	return tool.Schema
}

// calls is an expression for one call, or for some.
func (w *formWriter) calls(tools []inference.Tool, several bool) (string, error) {
	f := w.format
	one, err := w.one(tools)
	if err != nil {
		return "", err
	}
	open, end := grammar.Literal(f.Open), grammar.Literal(f.Close)
	if f.Shape == toolcall.List || f.Shape == toolcall.Actions {
		if several {
			next := w.b.Add("call", `", " `+one)
			one += " " + next + repeated
		}
		return open + ` "[" ` + one + ` "]" ` + end, nil
	}
	call := open + " " + one + " " + end
	if !several || f.Family == toolcall.Harmony {
		return call, nil
	}
	between := map[toolcall.Family]string{toolcall.Tagged: "\n", toolcall.Gemma: "\n", toolcall.GLM: "\n", toolcall.MiniMax: "\n", toolcall.Llama: "; "}[f.Family]
	next := w.b.Add("call", grammar.Literal(between)+" "+call)
	return call + " " + next + repeated, nil
}

// repeated bounds the calls of an answer that has to be calls: eight in all.
const repeated = "{0,7}"

// one is an expression for what stands between a call's marks.
func (w *formWriter) one(tools []inference.Tool) (string, error) {
	var calls []string
	for _, tool := range tools {
		input, err := w.b.Schema(inputSchema(tool))
		if err != nil {
			return "", invalidSchema("the tool "+tool.Name, err)
		}
		before, behind := callParts(w.format.Shape, tool.Name)
		calls = append(calls, w.b.Add("call", grammar.Literal(before)+" "+input+" "+grammar.Literal(behind)))
	}
	return grammar.Any(calls...), nil
}

// callParts are the texts around a call's input.
func callParts(shape toolcall.Shape, name string) (before, behind string) {
	switch shape {
	case toolcall.Parameters:
		return `{"name": "` + name + `", "parameters": `, "}"
	case toolcall.NameArgs:
		return name + "[ARGS]", ""
	case toolcall.NameFence:
		return "function<｜tool▁sep｜>" + name + "\n```json\n", "\n```"
	case toolcall.NameSep:
		return name + "<｜tool▁sep｜>", ""
	case toolcall.Indexed:
		return "functions." + name + ":0<|tool_call_argument_begin|>", ""
	case toolcall.Actions:
		return `{"tool_call_id": "0", "tool_name": "` + name + `", "parameters": `, "}"
	case toolcall.Channel:
		return "<|channel|>commentary to=functions." + name + " <|constrain|>json<|message|>", ""
	}
	return `{"name": "` + name + `", "arguments": `, "}"
}

// call is the grammar of a call that the model has opened with its mark, from
// what has come behind the mark on. It is empty when the family's calls have
// several forms, or when what has come is the beginning of another one.
func (f form) call(pending string) string {
	if f.format.Family != toolcall.Tagged && f.format.Family != toolcall.Mistral || f.format.Free {
		return ""
	}
	pending = strings.TrimLeft(pending, " \n")
	w := &formWriter{format: f.format}
	var calls []string
	for _, tool := range f.tools {
		input, err := w.b.Schema(inputSchema(tool))
		if err != nil {
			return "" // the model does without
		}
		before, behind := callParts(f.format.Shape, tool.Name)
		if f.format.Shape == toolcall.List {
			before = "[" + before
		}
		before, ok := strings.CutPrefix(before, pending)
		if !ok {
			return ""
		}
		calls = append(calls, w.b.Add("call", grammar.Literal(before)+" "+input+" "+grammar.Literal(behind)))
	}
	body := grammar.Any(calls...)
	if f.format.Shape == toolcall.List {
		again, err := w.one(f.tools)
		if err != nil {
			return ""
		}
		body += " " + w.b.Add("call", `", " `+again) + "* \"]\""
	}
	lead := ""
	if pending == "" {
		lead = `"\n"? `
	}
	text, err := w.b.Grammar(lead + body + " " + grammar.Literal(f.format.Close))
	if err != nil {
		return ""
	}
	return text
}
