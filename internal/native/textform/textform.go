// Package textform is the answers of the native formats that have nothing but a
// list of one text and why it ended: {"outputs":[{"text":"…","stop_reason":"stop"}]}.
// Families say what the list is called, and whether what the model thought
// stands in front of its text.
//
// It reads no request and knows no family.
package textform

import (
	"strings"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
)

// Form is a family's form.
type Form struct {
	List string // the name of the list
	// Thoughts writes what the model thought, up to an end mark. The prompt has
	// opened the first thought, as that of DeepSeek's models does; one further
	// on opens itself.
	Thoughts bool
}

// What stands around thoughts.
const (
	beginOfThought = "<think>\n"
	endOfThought   = "\n</think>\n\n"
)

type item struct {
	Text       string  `json:"text"`
	StopReason *string `json:"stop_reason"`
}

// stopReason knows two reasons: that a stop sequence was met is not said.
func stopReason(r inference.StopReason) *string {
	switch r {
	case inference.StopMaxTokens, inference.StopContextWindow:
		return new("length")
	}
	return new("stop")
}

// Complete is native.Family's.
func (f Form) Complete(a *inference.Answer) ([]byte, error) {
	var b strings.Builder
	s := &stream{f: f, text: func(text string) error {
		b.WriteString(text)
		return nil
	}}
	if err := a.Emit(s.Event); err != nil {
		return nil, err
	}
	return f.object(item{b.String(), s.reason}, nil)
}

// object writes a whole answer or a chunk.
func (f Form) object(of item, metrics *native.InvocationMetrics) ([]byte, error) {
	data, err := body.Marshal(of)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(f.List)+len(data)+8)
	out = append(append(append(out, `{"`...), f.List...), `":[`...)
	out = append(append(out, data...), ']')
	if metrics != nil {
		if data, err = body.Marshal(metrics); err != nil {
			return nil, err
		}
		out = append(append(out, `,"amazon-bedrock-invocationMetrics":`...), data...)
	}
	return append(out, '}'), nil
}

// stream gives the texts of an answer in order.
type stream struct {
	f      Form
	m      native.Model
	write  func([]byte) error
	text   func(string) error
	reason *string

	thinking bool
	further  bool // something has been said
}

// Stream is native.Family's.
func (f Form) Stream(m native.Model, write func([]byte) error) native.Stream {
	s := &stream{f: f, m: m, write: write}
	s.text = func(text string) error { return s.send(item{Text: text}, nil) }
	return s
}

// Event implements native.Stream.
func (s *stream) Event(ev inference.Event) error {
	switch ev := ev.(type) {
	case inference.ReasoningDelta:
		if ev.Text == "" || !s.f.Thoughts {
			return nil
		}
		text := ev.Text
		if !s.thinking && s.further {
			text = beginOfThought + text
		}
		s.thinking, s.further = true, true
		return s.text(text)
	case inference.TextDelta:
		if err := s.say(); err != nil {
			return err
		}
		s.further = true
		return s.text(ev.Text)
	case inference.Finished:
		s.reason = stopReason(ev.Reason)
		return s.say()
	}
	return nil
}

// say ends what the model thought.
func (s *stream) say() error {
	if !s.thinking {
		return nil
	}
	s.thinking = false
	return s.text(endOfThought)
}

// End implements native.Stream.
func (s *stream) End(metrics native.Metrics) error {
	return s.send(item{StopReason: s.reason}, metrics.Invocation(s.m))
}

func (s *stream) send(of item, metrics *native.InvocationMetrics) error {
	data, err := s.f.object(of, metrics)
	if err != nil {
		return err
	}
	return s.write(data)
}
