// Package coherechat is the native format of Cohere's Command R models: a
// message, the history of the chat, documents to answer from, and tools whose
// parameters are described in Python's words.
//
// It translates and validates; it calls nobody. Calls of tools have no ids in
// this format: they are numbered on the way in, and told apart by their name
// and parameters.
package coherechat

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
)

// Dialect is the format of which Request.Extra's members are.
const Dialect = "cohere-command-r"

// Family implements native.Family. Its zero value is ready.
type Family struct {
	req *inference.Request // that is being answered; nil when not known
}

var _ native.Binder = Family{}

// Bind implements native.Binder: the answer repeats the chat.
func (f Family) Bind(req *inference.Request) native.Family { return Family{req: req} }

// The documented defaults and limit.
const (
	defaultTemperature = 0.3
	defaultP           = 0.75
	maxTokens          = 4000
)

// The parts of a request whose JSON has to stay as it is.
type (
	request struct {
		Message     string       `json:"message"`
		Preamble    *string      `json:"preamble"`
		History     []turn       `json:"chat_history"`
		Documents   []document   `json:"documents"`
		Tools       []tool       `json:"tools"`
		ToolResults []toolResult `json:"tool_results"`
	}
	turn struct {
		Role        string       `json:"role"`
		Message     string       `json:"message"`
		ToolCalls   []toolCall   `json:"tool_calls"`
		ToolResults []toolResult `json:"tool_results"`
	}
	toolCall struct {
		Name       string          `json:"name"`
		Parameters json.RawMessage `json:"parameters"`
	}
	toolResult struct {
		Call    toolCall          `json:"call"`
		Outputs []json.RawMessage `json:"outputs"`
	}
	document = json.RawMessage
	tool     struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Parameters  json.RawMessage `json:"parameter_definitions"`
	}
)

// Decode implements native.Family.
func (Family) Decode(m native.Model, data []byte) (*inference.Request, error) {
	o, err := body.Decode(requestSchema(m), data)
	if err != nil {
		return nil, err
	}
	var in request
	if err := body.Into(data, &in); err != nil {
		return nil, err
	}
	req := &inference.Request{Temperature: new(defaultTemperature), TopP: new(defaultP)}
	if err := parameters(o, req); err != nil {
		return nil, err
	}
	if in.Preamble != nil && *in.Preamble != "" {
		req.System = []inference.Part{inference.Text{Text: *in.Preamble}}
	}
	for _, t := range in.Tools {
		schema, err := newSchema(t.Parameters)
		if err != nil {
			return nil, err
		}
		req.Tools = append(req.Tools, inference.Tool{Name: t.Name, Description: t.Description, Schema: schema})
	}
	if len(in.ToolResults) > 0 && len(in.Tools) == 0 {
		return nil, body.Malformed("#: required key [tools] not found")
	}
	var c chat
	for i, t := range in.History {
		if err := c.turn(t); err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "Malformed input request: #/chat_history/%d: %s, please reformat your input and try again.", i, fault.As(err).Message)
		}
	}
	c.documents = in.Documents
	c.user(in.Message)
	c.results(in.ToolResults)
	if len(c.messages) == 0 {
		return nil, body.Malformed("#/message: expected minLength: 1, actual: 0")
	}
	c.flush()
	req.Messages = c.messages
	return req, nil
}

// Extra implements native.Family: what Converse has no members for.
func (Family) Extra(m native.Model, fields json.RawMessage, req *inference.Request) error {
	o, err := body.Decode(extraSchema(m), fields)
	if err != nil {
		return err
	}
	var in request
	if err := body.Into(fields, &in); err != nil {
		return err
	}
	for i := len(req.Messages) - 1; i >= 0 && len(in.Documents) > 0; i-- {
		if req.Messages[i].Role == inference.RoleUser {
			c := chat{documents: in.Documents}
			c.flush()
			req.Messages[i].Parts = append(c.messages[0].Parts, req.Messages[i].Parts...)
			break
		}
	}
	return parameters(o, req)
}

func parameters(o body.Object, req *inference.Request) error {
	body.Sampling{MaxTokens: "max_tokens", Temperature: "temperature", TopP: "p", TopK: "k", Stop: "stop_sequences"}.Apply(o, req)
	if o.Has("seed") {
		req.Seed = new(uint32(o.Int("seed", 0)))
	}
	for _, key := range []string{"search_queries_only", "raw_prompting", "return_prompt"} {
		if o.Bool(key, false) {
			return fault.New(fault.Unsupported, "%s: true is not supported by the model that serves this model ID.", key)
		}
	}
	body.Carry(req, Dialect, o, "documents", "prompt_truncation", "frequency_penalty", "presence_penalty",
		"search_queries_only", "raw_prompting", "return_prompt")
	return nil
}

// chat is a conversation that is being read. Roles alternate in it: neighbours
// of one side are one message.
type chat struct {
	messages  []inference.Message
	documents []document // for the next message of the user
	calls     []inference.ToolUse
	numbered  int
}

func (c *chat) add(role inference.Role, parts ...inference.Part) {
	if n := len(c.messages); n > 0 && c.messages[n-1].Role == role {
		c.messages[n-1].Parts = append(c.messages[n-1].Parts, parts...)
		return
	}
	c.messages = append(c.messages, inference.Message{Role: role, Parts: parts})
}

func (c *chat) turn(t turn) error {
	switch t.Role {
	case "USER":
		c.user(t.Message)
	case "CHATBOT":
		if t.Message != "" {
			c.add(inference.RoleAssistant, inference.Text{Text: t.Message})
		}
		for _, call := range t.ToolCalls {
			c.call(call)
		}
	case "SYSTEM":
		c.add(inference.RoleSystem, inference.Text{Text: t.Message})
	case "TOOL":
		if t.Message != "" {
			return fault.New(fault.Invalid, "extraneous key [message] is not permitted")
		}
		c.results(t.ToolResults)
	}
	return nil
}

// user adds what the user says, behind the documents that it is about.
func (c *chat) user(text string) {
	if text == "" {
		return
	}
	c.flush()
	c.add(inference.RoleUser, inference.Text{Text: text})
}

// flush adds the documents.
func (c *chat) flush() {
	for i, d := range c.documents {
		c.add(inference.RoleUser, newPassage(i, d))
	}
	c.documents = nil
}

// call adds a call of a tool, and gives it an id.
func (c *chat) call(in toolCall) inference.ToolUse {
	c.numbered++
	use := inference.ToolUse{ID: "call_" + strconv.Itoa(c.numbered), Name: in.Name, Input: body.Value(in.Parameters)}
	c.add(inference.RoleAssistant, use)
	c.calls = append(c.calls, use)
	return use
}

// results adds what tools answered. The chat need not have their calls.
func (c *chat) results(list []toolResult) {
	uses := make([]inference.ToolUse, len(list))
	for i, r := range list {
		uses[i] = c.called(r.Call)
	}
	for i, r := range list {
		result := inference.ToolResult{ID: uses[i].ID}
		for _, out := range r.Outputs {
			result.Content = append(result.Content, inference.JSON{Value: out})
		}
		c.add(inference.RoleUser, result)
	}
}

// called returns the call of the chat that a result is of, or makes one.
func (c *chat) called(in toolCall) inference.ToolUse {
	for i, use := range c.calls {
		if use.Name == in.Name && same(use.Input, body.Value(in.Parameters)) {
			c.calls = append(c.calls[:i:i], c.calls[i+1:]...)
			return use
		}
	}
	use := c.call(in)
	c.calls = c.calls[:len(c.calls)-1]
	return use
}

func same(a, b json.RawMessage) bool {
	x, err := body.Parse(a)
	if err != nil {
		return false
	}
	y, err := body.Parse(b)
	if err != nil {
		return false
	}
	left, _ := body.Marshal(x)
	right, _ := body.Marshal(y)
	return bytes.Equal(left, right)
}

func requestSchema(m native.Model) *body.Schema {
	s := extraSchema(m)
	call := body.ObjectOf(body.Properties{"name": {Type: body.TypeString, MinLength: 1}, "parameters": body.OpenObject()}, "name", "parameters")
	results := body.ListOf(body.ObjectOf(body.Properties{"call": call, "outputs": body.ListOf(body.OpenObject())}, "call", "outputs"))
	parameter := body.ObjectOf(body.Properties{
		"description": body.StringOf(), "type": {Type: body.TypeString, MinLength: 1}, "required": body.BooleanOf(),
	}, "type")
	s.Required = []string{"message"}
	s.Properties["message"] = body.StringOf()
	s.Properties["preamble"] = body.StringOf()
	s.Properties["chat_history"] = body.ListOf(body.ObjectOf(body.Properties{
		"role": body.StringOf("USER", "CHATBOT", "SYSTEM", "TOOL"), "message": body.StringOf(),
		"tool_calls": body.ListOf(call), "tool_results": results,
	}, "role"))
	s.Properties["tools"] = body.ListOf(&body.Schema{Type: body.TypeObject, Required: []string{"name", "description"}, Properties: body.Properties{
		"name": {Type: body.TypeString, MinLength: 1}, "description": body.StringOf(),
		"parameter_definitions": {Type: body.TypeObject, Members: parameter},
	}})
	s.Properties["tool_results"] = results
	return s
}

func extraSchema(m native.Model) *body.Schema {
	limit := maxTokens
	if m.MaxOutput > 0 {
		limit = m.MaxOutput
	}
	return body.ObjectOf(body.Properties{
		"documents":           body.ListOf(body.OpenObject()),
		"search_queries_only": body.BooleanOf(),
		"max_tokens":          body.IntegerOf(1, limit),
		"temperature":         body.NumberOf(0, 1),
		"p":                   body.NumberOf(0.01, 0.99),
		"k":                   body.IntegerOf(0, 500),
		"prompt_truncation":   body.StringOf("OFF", "AUTO_PRESERVE_ORDER"),
		"frequency_penalty":   body.NumberOf(0, 1),
		"presence_penalty":    body.NumberOf(0, 1),
		"seed":                body.IntegerOf(0, 1<<31-1),
		"return_prompt":       body.BooleanOf(),
		"raw_prompting":       body.BooleanOf(),
		"stop_sequences":      body.ListOf(&body.Schema{Type: body.TypeString, MinLength: 1}),
	})
}
