package titantext

import (
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
)

type answer struct {
	InputCount int      `json:"inputTextTokenCount"`
	Results    []result `json:"results"`
}

type result struct {
	Count  int    `json:"tokenCount"`
	Text   string `json:"outputText"`
	Reason string `json:"completionReason"`
}

type chunk struct {
	Text       string                    `json:"outputText"`
	Index      int                       `json:"index"`
	InputCount *int                      `json:"inputTextTokenCount"`
	TotalCount *int                      `json:"totalOutputTextTokenCount"`
	Reason     *string                   `json:"completionReason"`
	Metrics    *native.InvocationMetrics `json:"amazon-bedrock-invocationMetrics,omitempty"`
}

// completionReason says FINISH as the service does, where its guide says
// FINISHED.
func completionReason(r inference.StopReason) string {
	switch r {
	case inference.StopMaxTokens, inference.StopContextWindow:
		return "LENGTH"
	case inference.StopSequence:
		return "STOP_CRITERIA_MET"
	case inference.StopFiltered:
		return "CONTENT_FILTERED"
	}
	return "FINISH"
}

// Complete implements native.Family.
func (Family) Complete(_ native.Model, a *inference.Answer) ([]byte, error) {
	return body.Marshal(answer{a.Usage.InputTokens, []result{{a.Usage.OutputTokens, a.Text, completionReason(a.Reason)}}})
}

type stream struct {
	m     native.Model
	write func([]byte) error
	in    *int // of the text; nil where it is not known, and once it has been told
	told  bool
	last  chunk
}

// Stream implements native.Family.
func (Family) Stream(m native.Model, write func([]byte) error) native.Stream {
	return &stream{m: m, write: write}
}

// Event implements native.Stream. The first chunk tells the input's tokens, and
// the last one where they are not known before.
func (s *stream) Event(ev inference.Event) error {
	switch ev := ev.(type) {
	case inference.Started:
		if ev.InputTokens > 0 {
			s.in, s.told = &ev.InputTokens, true
		}
	case inference.TextDelta:
		return s.send(chunk{Text: ev.Text})
	case inference.Finished:
		s.last.TotalCount, s.last.Reason = &ev.Usage.OutputTokens, new(completionReason(ev.Reason))
		if !s.told {
			s.last.InputCount = &ev.Usage.InputTokens
		}
	}
	return nil
}

// End implements native.Stream.
func (s *stream) End(metrics native.Metrics) error {
	s.last.Metrics = metrics.Invocation(s.m)
	return s.send(s.last)
}

func (s *stream) send(c chunk) error {
	if s.in != nil {
		c.InputCount, s.in = s.in, nil
	}
	data, err := body.Marshal(c)
	if err != nil {
		return err
	}
	return s.write(data)
}
