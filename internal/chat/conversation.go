package chat

import (
	"bytes"
	"encoding/json"
	"hash/fnv"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// turn is a message as templates see it. Content is a string, a list of typed
// parts for templates that know nothing else, or null beside calls for those
// that tell calls by it.
type turn struct {
	Role       string     `json:"role"`
	Content    any        `json:"content"`
	Thinking   string     `json:"thinking,omitempty"`          // gpt-oss
	Reasoning  string     `json:"reasoning_content,omitempty"` // all others
	ToolCalls  []toolCall `json:"tool_calls,omitempty"`
	Name       string     `json:"name,omitempty"`
	ToolCallID string     `json:"tool_call_id,omitempty"`
}

type toolCall struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function called `json:"function"`
}

type called struct {
	Name string `json:"name"`
	// Arguments are an object, or its text where the template wants that.
	Arguments any `json:"arguments"`
}

type typedText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// conversation brings an input into the form that the template can take, and
// returns what goes behind the rendered text.
func conversation(in *Input, can abilities) (turns []turn, prefill string, err error) {
	c := &converter{in: in, can: can, names: map[string]string{}, results: map[string]turn{}}
	system, err := c.join(in.System)
	if err != nil {
		return nil, "", err
	}
	if len(in.Tools) > 0 && !can.calls.native {
		described, err := c.describe(in.Tools)
		if err != nil {
			return nil, "", err
		}
		if system != "" {
			system += "\n\n"
		}
		system += described
	}
	if system != "" && can.system {
		c.turns = append(c.turns, turn{Role: "system", Content: system})
		system = ""
	}
	messages := in.Messages
	if n := len(messages); in.AddGenerationPrompt && n > 0 && messages[n-1].Role == inference.RoleAssistant && isText(messages[n-1].Parts) {
		if prefill, err = c.join(messages[n-1].Parts); err != nil {
			return nil, "", err
		}
		messages = messages[:n-1]
	}
	if system != "" && (len(messages) == 0 || messages[0].Role == inference.RoleAssistant) {
		c.turns = append(c.turns, turn{Role: string(inference.RoleUser), Content: system})
		system = ""
	}
	c.pending = system
	for i, m := range messages {
		if can.calls.single && m.Role == inference.RoleAssistant && i+1 < len(messages) {
			if err := c.collect(messages[i+1].Parts); err != nil {
				return nil, "", err
			}
		}
		if err := c.message(m); err != nil {
			return nil, "", err
		}
	}
	if c.pending != "" {
		c.turns = append(c.turns, turn{Role: string(inference.RoleUser), Content: c.pending})
	}
	if can.typed {
		for i := range c.turns {
			if text, ok := c.turns[i].Content.(string); ok {
				c.turns[i].Content = []typedText{{"text", text}}
			}
		}
	}
	return c.turns, prefill, nil
}

// converter makes the turns of one conversation.
type converter struct {
	in    *Input
	can   abilities
	turns []turn

	names   map[string]string // of the tools that were called, by the calls' ids
	results map[string]turn   // of calls that are rendered one by one, by the calls' ids
	pending string            // goes in front of the next text of the user
}

func isText(parts []inference.Part) bool {
	for _, p := range parts {
		switch p.(type) {
		case inference.Text, inference.CachePoint:
		default:
			return false
		}
	}
	return true
}

// join adds texts up, with a newline between them.
func (c *converter) join(parts []inference.Part) (string, error) {
	var b strings.Builder
	n := 0
	for _, p := range parts {
		var text string
		switch p := p.(type) {
		case inference.Text:
			text = p.Text
		case inference.JSON:
			text = string(p.Value)
		case inference.CachePoint:
			continue
		default:
			return "", fault.New(fault.Unsupported, "The model that serves this request reads only text.")
		}
		if n++; n > 1 {
			b.WriteByte('\n')
		}
		b.WriteString(text)
	}
	return c.in.Guard.protect(b.String()), nil
}

// message adds the turns that a message makes: results of tools are turns of
// their own.
func (c *converter) message(m inference.Message) error {
	switch m.Role {
	case inference.RoleAssistant:
		return c.assistant(m.Parts)
	case inference.RoleSystem:
		text, err := c.join(m.Parts)
		c.hold(text)
		return err
	}
	var texts []inference.Part
	results := 0
	flush := func(last bool) error {
		if len(texts) == cachePoints(texts) && (results > 0 || !last) {
			texts = nil
			return nil
		}
		text, err := c.join(texts)
		if c.pending != "" {
			text = strings.TrimSuffix(c.pending+"\n\n"+text, "\n\n")
			c.pending = ""
		}
		texts = nil
		if n := len(c.turns); results > 0 && (c.can.calls.last || !c.can.calls.native) && n > 0 {
			// Roles have to alternate: what the user says goes behind the results.
			if before, ok := c.turns[n-1].Content.(string); ok {
				c.turns[n-1].Content = before + "\n" + text
				return err
			}
		}
		c.turns = append(c.turns, turn{Role: string(m.Role), Content: text})
		return err
	}
	for _, p := range m.Parts {
		r, ok := p.(inference.ToolResult)
		if !ok {
			texts = append(texts, p)
			continue
		}
		if err := flush(false); err != nil {
			return err
		}
		if err := c.result(r); err != nil {
			return err
		}
		results++
	}
	return flush(true)
}

// cachePoints counts the cache points among parts.
func cachePoints(parts []inference.Part) int {
	n := 0
	for _, p := range parts {
		if _, ok := p.(inference.CachePoint); ok {
			n++
		}
	}
	return n
}

func (c *converter) hold(text string) {
	if c.pending != "" && text != "" {
		c.pending += "\n\n"
	}
	c.pending += text
}

func (c *converter) assistant(parts []inference.Part) error {
	var texts []inference.Part
	var calls []toolCall
	var uses []inference.ToolUse
	t := turn{Role: string(inference.RoleAssistant)}
	for _, p := range parts {
		switch p := p.(type) {
		case inference.Reasoning:
			t.Reasoning += c.in.Guard.protect(p.Text)
		case inference.ToolUse:
			call, err := c.call(p)
			if err != nil {
				return err
			}
			calls, uses = append(calls, call), append(uses, p)
		default:
			texts = append(texts, p)
		}
	}
	t.Thinking = t.Reasoning
	text, err := c.join(texts)
	if err != nil {
		return err
	}
	t.Content = text
	if c.can.calls.alone && len(calls) > 0 && text != "" {
		c.turns = append(c.turns, t)
		t = turn{Role: t.Role, Content: ""}
	}
	switch {
	case len(calls) == 0:
		c.turns = append(c.turns, t)
	case !c.can.calls.native:
		for _, use := range uses {
			if text != "" {
				text += "\n"
			}
			text += c.taggedCall(use)
		}
		t.Content = text
		c.turns = append(c.turns, t)
	case c.can.calls.single && len(calls) > 1:
		for _, call := range calls {
			t.ToolCalls = []toolCall{call}
			c.turns = append(c.turns, c.blank(t))
			if r, ok := c.results[call.ID]; ok {
				c.turns = append(c.turns, r)
			}
			t = turn{Role: t.Role, Content: ""}
		}
		return nil
	default:
		t.ToolCalls = calls
		c.turns = append(c.turns, c.blank(t))
	}
	clear(c.results)
	return nil
}

// blank gives a turn of calls without text the content that the template tells
// it by.
func (c *converter) blank(t turn) turn {
	if c.can.calls.null && t.Content == "" {
		t.Content = nil
	}
	return t
}

func (c *converter) call(use inference.ToolUse) (toolCall, error) {
	name := c.in.Guard.protect(use.Name)
	id := c.id(use.ID)
	c.names[id] = name
	input := use.Input
	if len(bytes.TrimSpace(input)) == 0 {
		input = json.RawMessage("{}")
	}
	guarded, err := c.in.Guard.json(input)
	if err != nil {
		return toolCall{}, fault.New(fault.Invalid, "The input of the tool call %s is not JSON.", use.ID)
	}
	call := toolCall{ID: id, Type: "function", Function: called{Name: name, Arguments: guarded}}
	if c.can.calls.text {
		call.Function.Arguments = string(guarded)
	}
	return call, nil
}

// id is a call's id as the template takes it. Mistral's want nine letters and
// digits.
func (c *converter) id(id string) string {
	if !c.can.calls.short {
		return c.in.Guard.protect(id)
	}
	const digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	h := fnv.New64a()
	h.Write([]byte(id))
	var b [9]byte
	for i, sum := 0, h.Sum64(); i < len(b); i, sum = i+1, sum/uint64(len(digits)) {
		b[i] = digits[sum%uint64(len(digits))]
	}
	return string(b[:])
}

// result adds the turn of a tool's answer, unless it stands behind its call
// already.
func (c *converter) result(r inference.ToolResult) error {
	t, err := c.resultTurn(r)
	if err != nil {
		return err
	}
	if _, done := c.results[t.ToolCallID]; done {
		delete(c.results, t.ToolCallID)
		return nil
	}
	if !c.can.calls.native {
		// One turn for all results: many templates want users and assistants to
		// alternate.
		if n := len(c.turns); n > 0 && c.turns[n-1].Role == string(inference.RoleUser) && c.pending == "" {
			if text, ok := c.turns[n-1].Content.(string); ok {
				c.turns[n-1].Content = text + "\n" + t.Content.(string)
				return nil
			}
		}
		t = turn{Role: string(inference.RoleUser), Content: t.Content}
	}
	c.turns = append(c.turns, t)
	return nil
}

func (c *converter) resultTurn(r inference.ToolResult) (turn, error) {
	text, err := c.join(r.Content)
	if err != nil {
		return turn{}, err
	}
	if r.Failed {
		text = "Error: " + text
	}
	id := c.id(r.ID)
	if !c.can.calls.native {
		text = taggedResult(c.names[id], text)
	}
	return turn{Role: "tool", Name: c.names[id], ToolCallID: id, Content: text}, nil
}

// collect prepares the results in a message, for calls that are rendered one by
// one.
func (c *converter) collect(parts []inference.Part) error {
	clear(c.results)
	for _, p := range parts {
		r, ok := p.(inference.ToolResult)
		if !ok {
			continue
		}
		t, err := c.resultTurn(r)
		if err != nil {
			return err
		}
		c.results[t.ToolCallID] = t
	}
	return nil
}
