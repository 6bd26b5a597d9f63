package mistraltext

import (
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
)

// answer is the whole answer and each chunk of it.
type answer struct {
	Outputs []output                  `json:"outputs"`
	Metrics *native.InvocationMetrics `json:"amazon-bedrock-invocationMetrics,omitempty"`
}

type output struct {
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

// Complete implements native.Family.
func (Family) Complete(_ native.Model, a *inference.Answer) ([]byte, error) {
	return body.Marshal(answer{Outputs: []output{{a.Text, stopReason(a.Reason)}}})
}

type stream struct {
	m     native.Model
	write func([]byte) error
	last  output
}

// Stream implements native.Family.
func (Family) Stream(m native.Model, write func([]byte) error) native.Stream {
	return &stream{m: m, write: write}
}

// Event implements native.Stream.
func (s *stream) Event(ev inference.Event) error {
	switch ev := ev.(type) {
	case inference.TextDelta:
		return s.send(answer{Outputs: []output{{Text: ev.Text}}})
	case inference.Finished:
		s.last.StopReason = stopReason(ev.Reason)
	}
	return nil
}

// End implements native.Stream.
func (s *stream) End(metrics native.Metrics) error {
	return s.send(answer{Outputs: []output{s.last}, Metrics: metrics.Invocation(s.m)})
}

func (s *stream) send(a answer) error {
	data, err := body.Marshal(a)
	if err != nil {
		return err
	}
	return s.write(data)
}
