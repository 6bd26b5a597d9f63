package claudetext

import (
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
)

// completion is the whole answer, and without Type a chunk of it.
type completion struct {
	Type       string                    `json:"type,omitempty"`
	Completion string                    `json:"completion"`
	StopReason *string                   `json:"stop_reason"`
	Stop       *string                   `json:"stop"`
	Metrics    *native.InvocationMetrics `json:"amazon-bedrock-invocationMetrics,omitempty"`
}

// end returns stop_reason and stop. An answer that ended by itself is said to
// have met the next human turn.
func end(r inference.StopReason, sequence string) (reason, stop *string) {
	switch r {
	case inference.StopMaxTokens, inference.StopContextWindow:
		return new("max_tokens"), nil
	case inference.StopSequence:
		return new("stop_sequence"), &sequence
	}
	return new("stop_sequence"), new(humanTurn)
}

// Complete implements native.Family.
func (Family) Complete(_ native.Model, a *inference.Answer) ([]byte, error) {
	c := completion{Type: "completion", Completion: a.Text}
	c.StopReason, c.Stop = end(a.Reason, a.StopSequence)
	return body.Marshal(c)
}

type stream struct {
	m     native.Model
	write func([]byte) error
	last  completion
}

// Stream implements native.Family.
func (Family) Stream(m native.Model, write func([]byte) error) native.Stream {
	return &stream{m: m, write: write}
}

// Event implements native.Stream.
func (s *stream) Event(ev inference.Event) error {
	switch ev := ev.(type) {
	case inference.TextDelta:
		return s.send(completion{Completion: ev.Text})
	case inference.Finished:
		s.last.StopReason, s.last.Stop = end(ev.Reason, ev.StopSequence)
	}
	return nil
}

// End implements native.Stream.
func (s *stream) End(metrics native.Metrics) error {
	s.last.Metrics = metrics.Invocation(s.m)
	return s.send(s.last)
}

func (s *stream) send(c completion) error {
	data, err := body.Marshal(c)
	if err != nil {
		return err
	}
	return s.write(data)
}
