package deepseektext

import (
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
)

// answer is the whole answer and each chunk of it.
type answer struct {
	Choices []choice                  `json:"choices"`
	Metrics *native.InvocationMetrics `json:"amazon-bedrock-invocationMetrics,omitempty"`
}

type choice struct {
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

// endOfThought stands between what the model thought and its answer.
const endOfThought = "\n</think>\n\n"

// text is an answer with what the model thought in front.
func text(a *inference.Answer) string {
	thought, _ := a.Reasoning()
	if thought == "" {
		return a.Text
	}
	return thought + endOfThought + a.Text
}

// Complete implements native.Family.
func (Family) Complete(_ native.Model, a *inference.Answer) ([]byte, error) {
	return body.Marshal(answer{Choices: []choice{{text(a), stopReason(a.Reason)}}})
}

type stream struct {
	m     native.Model
	write func([]byte) error
	last  choice

	thinking bool
}

// Stream implements native.Family.
func (Family) Stream(m native.Model, write func([]byte) error) native.Stream {
	return &stream{m: m, write: write}
}

// Event implements native.Stream.
func (s *stream) Event(ev inference.Event) error {
	switch ev := ev.(type) {
	case inference.ReasoningDelta:
		if ev.Text == "" {
			return nil
		}
		s.thinking = true
		return s.text(ev.Text)
	case inference.TextDelta:
		if err := s.answer(); err != nil {
			return err
		}
		return s.text(ev.Text)
	case inference.Finished:
		s.last.StopReason = stopReason(ev.Reason)
		return s.answer()
	}
	return nil
}

// answer ends what the model thought.
func (s *stream) answer() error {
	if !s.thinking {
		return nil
	}
	s.thinking = false
	return s.text(endOfThought)
}

func (s *stream) text(text string) error { return s.send(answer{Choices: []choice{{Text: text}}}) }

// End implements native.Stream.
func (s *stream) End(metrics native.Metrics) error {
	return s.send(answer{Choices: []choice{s.last}, Metrics: metrics.Invocation(s.m)})
}

func (s *stream) send(a answer) error {
	data, err := body.Marshal(a)
	if err != nil {
		return err
	}
	return s.write(data)
}
