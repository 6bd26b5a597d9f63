package inference

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"time"
)

// Answer is a whole answer: what the events of one Generate add up to.
type Answer struct {
	Model    string
	ServedBy string // as Started's
	// Text is the text of Parts, together: without reasoning and tools.
	Text string
	// Parts are the blocks in order: Text, Cited, Reasoning, ToolUse,
	// ToolResult, Image. See Content.
	Parts        []Part
	Reason       StopReason
	StopSequence string
	Usage        Usage
	Elapsed      time.Duration              // the backend's own time
	Extra        map[string]json.RawMessage // as Finished's
}

// Content returns the blocks of the answer; an answer of which only Text is set
// has one.
func (a *Answer) Content() []Part {
	if a.Parts == nil && a.Text != "" {
		return []Part{Text{Text: a.Text}}
	}
	return a.Parts
}

// ToolUses returns the tools that the answer calls.
func (a *Answer) ToolUses() []ToolUse {
	var calls []ToolUse
	for _, p := range a.Parts {
		if call, ok := p.(ToolUse); ok {
			calls = append(calls, call)
		}
	}
	return calls
}

// Reasoning returns what the answer's model thought, together, and the last
// signature.
func (a *Answer) Reasoning() (text, signature string) {
	var b strings.Builder
	for _, p := range a.Parts {
		if r, ok := p.(Reasoning); ok {
			b.WriteString(r.Text)
			if r.Signature != "" {
				signature = r.Signature
			}
		}
	}
	return b.String(), signature
}

// Collect runs Generate and adds its events up, so that the whole answer and
// the streamed one come from the same path.
func Collect(ctx context.Context, b Backend, req *Request) (*Answer, error) {
	var c Collector
	whole := *req
	whole.Whole = true
	err := b.Generate(ctx, &whole, func(ev Event) error {
		c.Add(ev)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c.Answer(), nil
}

// Collector adds events up. Its zero value is ready for the first one.
type Collector struct {
	answer    Answer
	all       strings.Builder // text of every block
	text      strings.Builder // of the block under way
	citations []Citation
	signature string
	tool      *ToolUse
	open      block
}

// block is the kind of the block under way.
type block uint8

const (
	blockNone block = iota
	blockText
	blockReasoning
	blockTool
)

// Add takes the next event.
func (c *Collector) Add(ev Event) {
	switch ev := ev.(type) {
	case Started:
		c.answer.Model, c.answer.ServedBy = ev.Model, ev.ServedBy
	case TextDelta:
		c.begin(blockText)
		c.text.WriteString(ev.Text)
		c.all.WriteString(ev.Text)
	case CitationDelta:
		c.begin(blockText)
		c.citations = append(c.citations, ev.Citation)
	case ReasoningDelta:
		if ev.Redacted != nil {
			c.end()
			c.answer.Parts = append(c.answer.Parts, Reasoning{Redacted: bytes.Clone(ev.Redacted)})
			return
		}
		c.begin(blockReasoning)
		c.text.WriteString(ev.Text)
		c.signature += ev.Signature
	case ToolStart:
		c.end()
		c.open = blockTool
		c.tool = &ToolUse{ID: ev.ID, Name: ev.Name, Kind: ev.Kind}
	case ToolDelta:
		c.text.WriteString(ev.JSON)
	case ToolOutput:
		c.end()
		c.answer.Parts = append(c.answer.Parts, ev.Result)
	case ImageBlock:
		c.end()
		c.answer.Parts = append(c.answer.Parts, ev.Image)
	case BlockEnd:
		c.end()
	case Finished:
		c.end()
		c.answer.Reason, c.answer.StopSequence = ev.Reason, ev.StopSequence
		c.answer.Usage, c.answer.Elapsed, c.answer.Extra = ev.Usage, ev.Elapsed, ev.Extra
	}
}

// Answer returns what the events so far add up to. The Collector is not used
// after it.
func (c *Collector) Answer() *Answer {
	c.end()
	c.answer.Text = c.all.String()
	return &c.answer
}

func (c *Collector) begin(kind block) {
	if c.open != kind {
		c.end()
		c.open = kind
	}
}

func (c *Collector) end() {
	switch c.open {
	case blockNone:
	case blockText:
		if len(c.citations) > 0 {
			c.answer.Parts = append(c.answer.Parts, Cited{Text: []string{c.text.String()}, Citations: c.citations})
		} else {
			c.answer.Parts = append(c.answer.Parts, Text{Text: c.text.String()})
		}
	case blockReasoning:
		c.answer.Parts = append(c.answer.Parts, Reasoning{Text: c.text.String(), Signature: c.signature})
	case blockTool:
		c.tool.Input = json.RawMessage(c.text.String())
		if len(c.tool.Input) == 0 {
			c.tool.Input = json.RawMessage("{}")
		}
		c.answer.Parts = append(c.answer.Parts, *c.tool)
	}
	c.open, c.tool, c.citations, c.signature = blockNone, nil, nil, ""
	c.text.Reset()
}
