package llama

import (
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
)

// generation is the whole answer and each chunk of it.
type generation struct {
	Generation  string                    `json:"generation"`
	PromptCount *int                      `json:"prompt_token_count"`
	Count       int                       `json:"generation_token_count"`
	StopReason  *string                   `json:"stop_reason"`
	Metrics     *native.InvocationMetrics `json:"amazon-bedrock-invocationMetrics,omitempty"`
}

// stopReason knows two reasons; there are no stop sequences in this format.
func stopReason(r inference.StopReason) *string {
	switch r {
	case inference.StopMaxTokens, inference.StopContextWindow:
		return new("length")
	}
	return new("stop")
}

// Complete implements native.Family. The text is what the model made: behind a
// header that was left open without newlines it begins with two.
func (Family) Complete(_ native.Model, a *inference.Answer) ([]byte, error) {
	in := a.Usage.InputTokens
	return body.Marshal(generation{Generation: a.Text, PromptCount: &in, Count: a.Usage.OutputTokens, StopReason: stopReason(a.Reason)})
}

type stream struct {
	m     native.Model
	write func([]byte) error
	in    *int // of the prompt; nil where it is not known, and once it has been told
	told  bool
	last  generation
}

// Stream implements native.Family.
func (Family) Stream(m native.Model, write func([]byte) error) native.Stream {
	return &stream{m: m, write: write}
}

// Event implements native.Stream. The first chunk tells the prompt's tokens, and
// the last one where they are not known before.
func (s *stream) Event(ev inference.Event) error {
	switch ev := ev.(type) {
	case inference.Started:
		if ev.InputTokens > 0 {
			s.in, s.told = &ev.InputTokens, true
		}
	case inference.TextDelta:
		return s.send(generation{Generation: ev.Text, Count: ev.OutputTokens})
	case inference.Finished:
		s.last = generation{Count: ev.Usage.OutputTokens, StopReason: stopReason(ev.Reason)}
		if !s.told {
			s.last.PromptCount = &ev.Usage.InputTokens
		}
	}
	return nil
}

// End implements native.Stream.
func (s *stream) End(metrics native.Metrics) error {
	s.last.Metrics = metrics.Invocation(s.m)
	return s.send(s.last)
}

func (s *stream) send(g generation) error {
	if s.in != nil {
		g.PromptCount, s.in = s.in, nil
	}
	data, err := body.Marshal(g)
	if err != nil {
		return err
	}
	return s.write(data)
}
