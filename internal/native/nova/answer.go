package nova

import (
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
)

type answer struct {
	Output     output `json:"output"`
	StopReason string `json:"stopReason"`
	Usage      usage  `json:"usage"`
}

type output struct {
	Message said `json:"message"`
}

type said struct {
	Role    string  `json:"role"`
	Content []block `json:"content"`
}

type usage struct {
	InputTokens  int  `json:"inputTokens"`
	OutputTokens int  `json:"outputTokens"`
	TotalTokens  int  `json:"totalTokens"`
	CacheRead    *int `json:"cacheReadInputTokenCount,omitempty"`
	CacheWrite   *int `json:"cacheWriteInputTokenCount,omitempty"`
}

// cited is text with where it is from.
type cited struct {
	Content   []textOnly `json:"content"`
	Citations []citation `json:"citations"`
}

type textOnly struct {
	Text string `json:"text"`
}

type citation struct {
	Title    string              `json:"title,omitempty"`
	Source   string              `json:"source,omitempty"`
	Content  []textOnly          `json:"sourceContent,omitempty"`
	Location map[string]location `json:"location,omitempty"`
}

type location struct {
	Document     *int   `json:"documentIndex,omitempty"`
	SearchResult *int   `json:"searchResultIndex,omitempty"`
	Start        *int   `json:"start,omitempty"`
	End          *int   `json:"end,omitempty"`
	URL          string `json:"url,omitempty"`
	Domain       string `json:"domain,omitempty"`
}

func newUsage(m native.Model, u inference.Usage) usage {
	out := usage{
		InputTokens: u.InputTokens, OutputTokens: u.OutputTokens,
		TotalTokens: u.InputTokens + u.OutputTokens + u.CacheReadTokens + u.CacheWriteTokens,
	}
	if m.CacheMetrics {
		out.CacheRead, out.CacheWrite = &u.CacheReadTokens, &u.CacheWriteTokens
	}
	return out
}

// stopReason uses Converse's words, which are the hub's, but for the one that
// Nova does not have.
func stopReason(r inference.StopReason) string {
	if r == inference.StopContextWindow {
		return string(inference.StopMaxTokens)
	}
	return string(r)
}

// Complete implements native.Family. An answer of nothing has one block of empty
// text: clients read content[0].text.
func (Family) Complete(m native.Model, a *inference.Answer) ([]byte, error) {
	content := []block{}
	for _, p := range a.Content() {
		b, err := newBlock(p)
		if err != nil {
			return nil, err
		}
		content = append(content, b)
	}
	if len(content) == 0 {
		content = append(content, block{Text: new("")})
	}
	return body.Marshal(answer{
		Output:     output{said{string(inference.RoleAssistant), content}},
		StopReason: stopReason(a.Reason),
		Usage:      newUsage(m, a.Usage),
	})
}

// newBlock writes a part of an answer.
func newBlock(p inference.Part) (block, error) {
	switch p := p.(type) {
	case inference.Text:
		return block{Text: &p.Text}, nil
	case inference.Cited:
		return block{Citations: newCited(p)}, nil
	case inference.Reasoning:
		if p.Redacted != nil {
			return block{Reasoning: &thought{Redacted: new(body.Base64(p.Redacted))}}, nil
		}
		return block{Reasoning: &thought{Text: &thoughtText{p.Text, p.Signature}}}, nil
	case inference.ToolUse:
		return block{ToolUse: &toolUse{ID: p.ID, Name: p.Name, Input: body.Value(p.Input), Type: p.Kind}}, nil
	case inference.Image:
		return block{Image: &file{Format: p.Format, Source: source{Bytes: new(body.Base64(p.Bytes))}}}, nil
	case inference.JSON:
		return block{JSON: body.Value(p.Value)}, nil
	case inference.ToolResult:
		out := &toolResult{ID: p.ID, Type: p.Kind, Content: []block{}}
		if p.Status {
			out.Status = "success"
		}
		if p.Failed {
			out.Status = "error"
		}
		for _, c := range p.Content {
			b, err := newBlock(c)
			if err != nil {
				return block{}, err
			}
			out.Content = append(out.Content, b)
		}
		return block{ToolResult: out}, nil
	}
	return block{}, fault.New(fault.Unsupported, "The model's answer has a part that its format cannot carry (%T).", p)
}

func newCited(p inference.Cited) *cited {
	out := &cited{Citations: make([]citation, 0, len(p.Citations))}
	for _, text := range p.Text {
		out.Content = append(out.Content, textOnly{text})
	}
	for _, c := range p.Citations {
		out.Citations = append(out.Citations, newCitation(c))
	}
	return out
}

func newCitation(c inference.Citation) citation {
	out := citation{Title: c.Title, Source: c.Source}
	for _, q := range c.Quotes {
		out.Content = append(out.Content, textOnly{q})
	}
	l := c.Location
	if l == nil {
		return out
	}
	switch l.Unit {
	case inference.LocationWeb:
		out.Location = map[string]location{"web": {URL: l.URL, Domain: l.Domain}}
	case inference.LocationSearch:
		out.Location = map[string]location{"searchResultLocation": {SearchResult: &l.Document, Start: &l.Start, End: &l.End}}
	case inference.LocationPages:
		out.Location = map[string]location{"documentPage": {Document: &l.Document, Start: &l.Start, End: &l.End}}
	case inference.LocationChunks:
		out.Location = map[string]location{"documentChunk": {Document: &l.Document, Start: &l.Start, End: &l.End}}
	default:
		out.Location = map[string]location{"documentChar": {Document: &l.Document, Start: &l.Start, End: &l.End}}
	}
	return out
}

// The chunks of a stream. Each has one member.
type (
	messageStart struct {
		MessageStart struct {
			Role string `json:"role"`
		} `json:"messageStart"`
	}
	blockStart struct {
		Start start `json:"contentBlockStart"`
	}
	start struct {
		Start any `json:"start"`
		Index int `json:"contentBlockIndex"`
	}
	toolStart struct {
		ToolUse toolHead `json:"toolUse"`
	}
	toolHead struct {
		ID   string `json:"toolUseId"`
		Name string `json:"name"`
		Type string `json:"type,omitempty"`
	}
	blockDelta struct {
		Delta delta `json:"contentBlockDelta"`
	}
	delta struct {
		Delta any `json:"delta"`
		Index int `json:"contentBlockIndex"`
	}
	toolDelta struct {
		ToolUse struct {
			Input string `json:"input"`
		} `json:"toolUse"`
	}
	thoughtDelta struct {
		Reasoning struct {
			Text      *string `json:"text,omitempty"`
			Signature *string `json:"signature,omitempty"`
			Redacted  *string `json:"redactedContent,omitempty"`
		} `json:"reasoningContent"`
	}
	citationDelta struct {
		Citation citation `json:"citation"`
	}
	blockStop struct {
		Stop index `json:"contentBlockStop"`
	}
	index struct {
		Index int `json:"contentBlockIndex"`
	}
	messageStop struct {
		MessageStop struct {
			StopReason string `json:"stopReason"`
		} `json:"messageStop"`
	}
	metadata struct {
		Metadata struct {
			Usage   usage    `json:"usage"`
			Metrics struct{} `json:"metrics"`
			Trace   struct{} `json:"trace"`
		} `json:"metadata"`
		Metrics *native.InvocationMetrics `json:"amazon-bedrock-invocationMetrics"`
	}
)

// stream writes every delta of text as a content block of its own, as the real
// service's native stream does and ConverseStream does not, and the input of a
// tool as one delta. A citation is a block of its own behind the text that it is
// of, also where the model tells it before.
type stream struct {
	m        native.Model
	write    func([]byte) error
	index    int
	thinking bool // a block of reasoning is open
	calling  bool // a block of a tool is open
	input    strings.Builder
	cited    []citation // of the text under way
	usage    inference.Usage
}

// Stream implements native.Family.
func (Family) Stream(m native.Model, write func([]byte) error) native.Stream {
	return &stream{m: m, write: write}
}

// Event implements native.Stream.
func (s *stream) Event(ev inference.Event) error {
	switch ev := ev.(type) {
	case inference.Started:
		var c messageStart
		c.MessageStart.Role = string(inference.RoleAssistant)
		return s.send(c)
	case inference.TextDelta:
		if err := s.text(); err != nil {
			return err
		}
		return s.block(nil, textOnly{ev.Text})
	case inference.CitationDelta:
		if err := s.text(); err != nil {
			return err
		}
		s.cited = append(s.cited, newCitation(ev.Citation))
	case inference.ReasoningDelta:
		return s.reasoning(ev)
	case inference.ToolStart:
		if err := s.leave(); err != nil {
			return err
		}
		s.calling = true
		return s.send(blockStart{start{toolStart{toolHead{ev.ID, ev.Name, ev.Kind}}, s.index}})
	case inference.ToolDelta:
		s.input.WriteString(ev.JSON)
	case inference.ToolOutput:
		return s.part(ev.Result)
	case inference.ImageBlock:
		return s.part(ev.Image)
	case inference.BlockEnd:
		return s.leave()
	case inference.Finished:
		s.usage = ev.Usage
		if err := s.leave(); err != nil {
			return err
		}
		var c messageStop
		c.MessageStop.StopReason = stopReason(ev.Reason)
		return s.send(c)
	}
	return nil
}

// reasoning goes on with a block of reasoning; what is redacted is one of its own.
func (s *stream) reasoning(ev inference.ReasoningDelta) error {
	var d thoughtDelta
	if ev.Redacted != nil {
		d.Reasoning.Redacted = new(body.Base64(ev.Redacted))
		return s.whole(nil, d)
	}
	if !s.thinking {
		if err := s.leave(); err != nil {
			return err
		}
		s.thinking = true
	}
	if ev.Signature != "" {
		d.Reasoning.Signature = &ev.Signature
	} else {
		d.Reasoning.Text = &ev.Text
	}
	return s.send(blockDelta{delta{d, s.index}})
}

// part writes what a model made beside text: as a block that begins with all of
// it.
func (s *stream) part(p inference.Part) error {
	b, err := newBlock(p)
	if err != nil {
		return err
	}
	return s.whole(b, nil)
}

// text goes on with text: what else is open ends.
func (s *stream) text() error {
	if s.thinking || s.calling {
		return s.leave()
	}
	return nil
}

// whole ends what is open and writes a block.
func (s *stream) whole(begin, d any) error {
	if err := s.leave(); err != nil {
		return err
	}
	return s.block(begin, d)
}

// block writes a block of one start or one delta.
func (s *stream) block(begin, d any) error {
	i := s.index
	s.index++
	if begin != nil {
		if err := s.send(blockStart{start{begin, i}}); err != nil {
			return err
		}
	}
	if d != nil {
		if err := s.send(blockDelta{delta{d, i}}); err != nil {
			return err
		}
	}
	return s.send(blockStop{index{i}})
}

// leave ends the block that is open.
func (s *stream) leave() error {
	for _, c := range s.cited {
		if err := s.block(nil, citationDelta{c}); err != nil {
			return err
		}
	}
	s.cited = nil
	if !s.thinking && !s.calling {
		return nil
	}
	if s.calling {
		var d toolDelta
		if d.ToolUse.Input = s.input.String(); d.ToolUse.Input == "" {
			d.ToolUse.Input = "{}"
		}
		s.input.Reset()
		if err := s.send(blockDelta{delta{d, s.index}}); err != nil {
			return err
		}
	}
	s.thinking, s.calling = false, false
	i := s.index
	s.index++
	return s.send(blockStop{index{i}})
}

// End implements native.Stream.
func (s *stream) End(metrics native.Metrics) error {
	var c metadata
	c.Metadata.Usage = newUsage(s.m, s.usage)
	c.Metrics = metrics.Invocation(s.m)
	return s.send(c)
}

func (s *stream) send(chunk any) error {
	data, err := body.Marshal(chunk)
	if err != nil {
		return err
	}
	return s.write(data)
}
