package coherecommand

import (
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
	"github.com/outcrop/outcrop/internal/native/prompt"
)

type answer struct {
	ID          string                    `json:"id"`
	Generations []generation              `json:"generations"`
	Prompt      string                    `json:"prompt"`
	Metrics     *native.InvocationMetrics `json:"amazon-bedrock-invocationMetrics,omitempty"`
}

type generation struct {
	ID     string `json:"id"`
	Text   string `json:"text"`
	Reason string `json:"finish_reason"`
}

// chunk is a piece of a streamed answer, or its end.
type chunk struct {
	Text     *string                   `json:"text,omitempty"`
	Finished bool                      `json:"is_finished"`
	Reason   string                    `json:"finish_reason,omitempty"`
	Metrics  *native.InvocationMetrics `json:"amazon-bedrock-invocationMetrics,omitempty"`
}

func finishReason(r inference.StopReason) string {
	switch r {
	case inference.StopMaxTokens, inference.StopContextWindow:
		return "MAX_TOKENS"
	case inference.StopFiltered, inference.StopGuardrail:
		return "ERROR_TOXIC"
	}
	return "COMPLETE"
}

// Complete implements native.Family.
func (f Family) Complete(m native.Model, a *inference.Answer) ([]byte, error) {
	return body.Marshal(f.answer(m, a))
}

func (f Family) answer(m native.Model, a *inference.Answer) answer {
	out := answer{ID: body.UUID(m.NewID), Generations: []generation{{body.UUID(m.NewID), a.Text, finishReason(a.Reason)}}}
	out.Prompt = prompt.Written(f.req)
	return out
}

type stream struct {
	f      Family
	m      native.Model
	write  func([]byte) error
	last   chunk
	whole  bool // the answer is one chunk
	pieces inference.Collector
}

// Stream implements native.Family. A body that does not ask for pieces gets the
// whole answer as one chunk.
func (f Family) Stream(m native.Model, write func([]byte) error) native.Stream {
	return &stream{f: f, m: m, write: write, whole: f.req != nil && string(f.req.Extra["stream"]) != "true", last: chunk{Finished: true}}
}

// Event implements native.Stream.
func (s *stream) Event(ev inference.Event) error {
	if s.whole {
		s.pieces.Add(ev)
		return nil
	}
	switch ev := ev.(type) {
	case inference.TextDelta:
		return s.send(chunk{Text: &ev.Text})
	case inference.Finished:
		s.last.Reason = finishReason(ev.Reason)
	}
	return nil
}

// End implements native.Stream.
func (s *stream) End(metrics native.Metrics) error {
	if s.whole {
		a := s.f.answer(s.m, s.pieces.Answer())
		a.Metrics = metrics.Invocation(s.m)
		return s.send(a)
	}
	s.last.Metrics = metrics.Invocation(s.m)
	return s.send(s.last)
}

func (s *stream) send(c any) error {
	data, err := body.Marshal(c)
	if err != nil {
		return err
	}
	return s.write(data)
}
