package invocationlog

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// answer collects the events of a stream and makes of them the body that a
// record shows.
type answer interface {
	// event takes one and tells by how many bytes the memory grew.
	event(name string, payload []byte) int
	// body is the JSON of what has come so far; nil: nothing has.
	body() []byte
}

// chunks is the answer of InvokeModelWithResponseStream: the list of what the
// model sent.
type chunks struct{ list []json.RawMessage }

func (c *chunks) event(name string, payload []byte) int {
	var chunk struct{ Bytes []byte }
	if name != "chunk" || json.Unmarshal(payload, &chunk) != nil || !json.Valid(chunk.Bytes) {
		return 0
	}
	c.list = append(c.list, chunk.Bytes)
	return len(chunk.Bytes)
}

func (c *chunks) body() []byte {
	if len(c.list) == 0 {
		return nil
	}
	text, err := encode(c.list)
	if err != nil {
		return nil
	}
	return text
}

// lines is the streamed answer of a door: the list of its events.
type lines struct{ list []json.RawMessage }

func (l *lines) event(_ string, payload []byte) int {
	if !json.Valid(payload) { // the vendor's last word, [DONE]
		return 0
	}
	l.list = append(l.list, bytes.Clone(payload))
	return len(payload)
}

func (l *lines) body() []byte { return (&chunks{l.list}).body() }

// message is the answer of ConverseStream: what Converse would have answered.
type message struct {
	role       string
	blocks     []*block
	stop, rest map[string]json.RawMessage // of the last two events
}

// block is a content block that grows.
type block struct {
	index     int
	kind      string                     // the member of the union, as Converse names it
	head      map[string]json.RawMessage // of a tool's use
	text      strings.Builder            // of text, of reasoning, or of a tool's input
	signature strings.Builder            // of reasoning
	other     []json.RawMessage          // deltas of other kinds, as they came
}

// perBlock is about what a block costs beside its text, in bytes.
const perBlock = 256

func (m *message) event(name string, payload []byte) int {
	switch name {
	case "messageStart":
		var e struct{ Role string }
		_ = json.Unmarshal(payload, &e) // what the edge has just written
		m.role = e.Role
		return perBlock
	case "contentBlockStart":
		var e struct {
			ContentBlockIndex int
			Start             map[string]json.RawMessage
		}
		_ = json.Unmarshal(payload, &e) // as above
		b, grown := m.at(e.ContentBlockIndex)
		for kind, head := range e.Start {
			b.kind = kind
			_ = json.Unmarshal(head, &b.head) // an object
		}
		return grown + len(payload)
	case "contentBlockDelta":
		return m.delta(payload)
	case "messageStop":
		m.stop = members(payload)
		return len(payload)
	case "metadata":
		m.rest = members(payload)
		return len(payload)
	}
	return 0
}

func (m *message) delta(payload []byte) int {
	var e struct {
		ContentBlockIndex int
		Delta             struct {
			Text    *string
			ToolUse *struct{ Input string }

			ReasoningContent *struct{ Text, Signature string }
		}
	}
	_ = json.Unmarshal(payload, &e) // as above
	b, grown := m.at(e.ContentBlockIndex)
	before := b.text.Len() + b.signature.Len()
	switch d := e.Delta; {
	case d.Text != nil:
		b.kind = "text"
		b.text.WriteString(*d.Text)
	case d.ToolUse != nil:
		b.kind = "toolUse"
		b.text.WriteString(d.ToolUse.Input)
	case d.ReasoningContent != nil:
		b.kind = "reasoningContent"
		b.text.WriteString(d.ReasoningContent.Text)
		b.signature.WriteString(d.ReasoningContent.Signature)
	default:
		b.other = append(b.other, members(payload)["delta"])
		return grown + len(payload)
	}
	return grown + b.text.Len() + b.signature.Len() - before
}

// at finds a block by its index, or adds it, and tells what that costs.
func (m *message) at(index int) (*block, int) {
	for _, b := range slices.Backward(m.blocks) {
		if b.index == index {
			return b, 0
		}
	}
	b := &block{index: index}
	m.blocks = append(m.blocks, b)
	return b, perBlock
}

// members takes a JSON object apart, without the padding that events have.
func members(payload []byte) map[string]json.RawMessage {
	var of map[string]json.RawMessage
	_ = json.Unmarshal(slices.Clone(payload), &of) // what the edge has just written
	delete(of, "p")
	return of
}

func (m *message) body() []byte {
	if m.role == "" {
		return nil
	}
	content := make([]any, 0, len(m.blocks))
	for _, b := range m.blocks {
		content = append(content, b.content())
	}
	all := map[string]any{"output": map[string]any{"message": map[string]any{"role": m.role, "content": content}}}
	for _, of := range []map[string]json.RawMessage{m.stop, m.rest} {
		for name, value := range of {
			all[name] = value
		}
	}
	text, err := encode(all)
	if err != nil {
		return nil
	}
	return text
}

// content is the block as Converse writes it.
func (b *block) content() any {
	switch b.kind {
	case "text":
		return map[string]any{"text": b.text.String()}
	case "toolUse":
		use := map[string]any{}
		for name, value := range b.head {
			use[name] = value
		}
		if input := b.text.String(); json.Valid([]byte(input)) {
			use["input"] = json.RawMessage(input)
		} else {
			use["input"] = input // the answer was broken off in the middle of it
		}
		return map[string]any{"toolUse": use}
	case "reasoningContent":
		text := map[string]any{"text": b.text.String()}
		if b.signature.Len() > 0 {
			text["signature"] = b.signature.String()
		}
		return map[string]any{"reasoningContent": map[string]any{"reasoningText": text}}
	}
	if b.other == nil {
		return map[string]any{} // it had begun
	}
	return b.other
}
