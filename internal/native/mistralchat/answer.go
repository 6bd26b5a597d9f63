package mistralchat

import (
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
)

// answer is the whole answer and each chunk of it.
type answer struct {
	ID      string                    `json:"id"`
	Object  string                    `json:"object"`
	Created int64                     `json:"created"`
	Model   string                    `json:"model"`
	Choices []choice                  `json:"choices"`
	Usage   *usage                    `json:"usage,omitempty"`
	Metrics *native.InvocationMetrics `json:"amazon-bedrock-invocationMetrics,omitempty"`
}

type choice struct {
	Index      int     `json:"index"`
	Message    message `json:"message"`
	StopReason *string `json:"stop_reason"`
}

type message struct {
	Role      string `json:"role"`
	Content   string `json:"content"`
	ToolCalls []call `json:"tool_calls,omitempty"`
}

type call struct {
	ID       string   `json:"id"`
	Function function `json:"function"`
}

type function struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

type usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Total      int `json:"total_tokens"`
}

func stopReason(r inference.StopReason) *string {
	switch r {
	case inference.StopMaxTokens, inference.StopContextWindow:
		return new("length")
	case inference.StopToolUse:
		return new("tool_calls")
	}
	return new("stop")
}

func newUsage(u inference.Usage) *usage {
	in := u.InputTokens + u.CacheReadTokens + u.CacheWriteTokens
	return &usage{in, u.OutputTokens, in + u.OutputTokens}
}

func newAnswer(m native.Model, object string) answer {
	a := answer{ID: m.NewID("", 32), Object: object, Model: m.ID}
	if !m.Now.IsZero() {
		a.Created = m.Now.Unix()
	}
	return a
}

// newCalls writes the calls of the caller's tools. Those that a server runs
// itself have no place.
func newCalls(uses []inference.ToolUse) []call {
	var calls []call
	for _, u := range uses {
		if u.Kind == "" {
			calls = append(calls, call{u.ID, function{u.Name, string(u.Input)}})
		}
	}
	return calls
}

// Complete implements native.Family.
func (Family) Complete(m native.Model, a *inference.Answer) ([]byte, error) {
	out := newAnswer(m, "chat.completion")
	out.Choices = []choice{{
		Message:    message{string(inference.RoleAssistant), a.Text, newCalls(a.ToolUses())},
		StopReason: stopReason(a.Reason),
	}}
	out.Usage = newUsage(a.Usage)
	return body.Marshal(out)
}

type stream struct {
	write func([]byte) error
	m     native.Model
	chunk answer // of which each chunk is a copy
	calls []inference.ToolUse
	last  answer
}

// Stream implements native.Family.
func (Family) Stream(m native.Model, write func([]byte) error) native.Stream {
	s := &stream{m: m, write: write, chunk: newAnswer(m, "chat.completion.chunk")}
	s.last = s.chunk
	s.last.Choices = []choice{{Message: message{Role: string(inference.RoleAssistant)}}}
	return s
}

// Event implements native.Stream. The calls of tools come whole, in one chunk.
func (s *stream) Event(ev inference.Event) error {
	switch ev := ev.(type) {
	case inference.TextDelta:
		return s.send(message{Role: string(inference.RoleAssistant), Content: ev.Text})
	case inference.ToolStart:
		s.calls = append(s.calls, inference.ToolUse{ID: ev.ID, Name: ev.Name, Kind: ev.Kind})
	case inference.ToolDelta:
		if n := len(s.calls); n > 0 {
			s.calls[n-1].Input = append(s.calls[n-1].Input, ev.JSON...)
		}
	case inference.Finished:
		s.last.Choices[0].StopReason, s.last.Usage = stopReason(ev.Reason), newUsage(ev.Usage)
		for i, c := range s.calls {
			if len(c.Input) == 0 {
				s.calls[i].Input = []byte("{}")
			}
		}
		if calls := newCalls(s.calls); calls != nil {
			return s.send(message{Role: string(inference.RoleAssistant), ToolCalls: calls})
		}
	}
	return nil
}

// End implements native.Stream.
func (s *stream) End(metrics native.Metrics) error {
	s.last.Metrics = metrics.Invocation(s.m)
	return s.marshal(s.last)
}

func (s *stream) send(m message) error {
	c := s.chunk
	c.Choices = []choice{{Message: m}}
	return s.marshal(c)
}

func (s *stream) marshal(c answer) error {
	data, err := body.Marshal(c)
	if err != nil {
		return err
	}
	return s.write(data)
}
