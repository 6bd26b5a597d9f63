package chat

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/outcrop/outcrop/internal/inference"
)

// callAbilities are what a template was found to do with tools.
type callAbilities struct {
	native bool // it writes tools, calls and results down
	text   bool // it wants the input of calls as a text
	null   bool // it tells calls by content that is null
	single bool // it takes one call in a turn
	short  bool // it takes ids of nine letters and digits alone
	alone  bool // it loses calls beside text
	last   bool // it wants the assistant to answer results, not the user to speak
}

// function is a tool as templates see it.
type function struct {
	Type     string `json:"type"`
	Function struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Parameters  json.RawMessage `json:"parameters"`
	} `json:"function"`
}

// functions brings tools into the form of Hugging Face's templates, which is
// OpenAI's.
func functions(tools []inference.Tool, g *Guard) ([]function, error) {
	out := make([]function, len(tools))
	for i, tool := range tools {
		f := &out[i]
		f.Type = "function"
		f.Function.Name = g.protect(tool.Name)
		f.Function.Description = g.protect(tool.Description)
		schema := bytes.TrimSpace(tool.Schema)
		if len(schema) == 0 || string(schema) == "null" {
			schema = json.RawMessage(`{"type":"object","properties":{}}`)
		}
		var err error
		if f.Function.Parameters, err = g.json(schema); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// describe writes tools into a system text, for templates that know none. The
// form is the one of Nous Research's Hermes models, which most small models have
// seen; its words are our own.
func (c *converter) describe(tools []inference.Tool) (string, error) {
	list, err := functions(tools, c.in.Guard)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("You can call these tools. Each line is one of them, as JSON with its name, what it does and the JSON Schema of its arguments.\n<tools>\n")
	for _, f := range list {
		b.Write(compact(f))
		b.WriteByte('\n')
	}
	b.WriteString("</tools>\n\nTo call a tool, answer with its name and its arguments as JSON between <tool_call> and </tool_call>, like this:\n" +
		"<tool_call>\n{\"name\": \"tool name\", \"arguments\": {\"argument\": \"value\"}}\n</tool_call>\n" +
		"What the tool answers comes back between <tool_response> and </tool_response>. Answer in words when no tool is needed.")
	return b.String(), nil
}

// taggedCall and taggedResult are what calls and results are for templates that
// know none.
func (c *converter) taggedCall(use inference.ToolUse) string {
	input := use.Input
	if len(bytes.TrimSpace(input)) == 0 {
		input = json.RawMessage("{}")
	}
	if guarded, err := c.in.Guard.json(input); err == nil {
		input = guarded
	}
	name := compact(c.in.Guard.protect(use.Name))
	return "<tool_call>\n{\"name\": " + string(name) + ", \"arguments\": " + string(input) + "}\n</tool_call>"
}

func taggedResult(_, text string) string {
	return "<tool_response>\n" + text + "\n</tool_response>"
}

// compact is JSON without the escapes that only HTML needs.
func compact(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil // nothing is written that cannot be
	}
	return bytes.TrimSpace(b.Bytes())
}

// json protects the strings of a JSON value and keeps the order of its members.
// An escape of a control token's letters would be read by the template's engine,
// so the value is written anew.
func (g *Guard) json(raw json.RawMessage) (json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var b bytes.Buffer
	if err := g.value(d, &b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (g *Guard) value(d *json.Decoder, b *bytes.Buffer) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	switch t := t.(type) {
	case json.Delim:
		b.WriteByte(byte(t))
		for n := 0; d.More(); n++ {
			if n > 0 {
				b.WriteString(", ")
			}
			if t == '{' {
				if err := g.value(d, b); err != nil {
					return err
				}
				b.WriteString(": ")
			}
			if err := g.value(d, b); err != nil {
				return err
			}
		}
		end, err := d.Token()
		if err != nil {
			return err
		}
		b.WriteByte(byte(end.(json.Delim)))
	case string:
		b.Write(compact(g.protect(t)))
	default:
		b.Write(compact(t))
	}
	return nil
}
