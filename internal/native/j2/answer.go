package j2

import (
	"strconv"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
	"github.com/outcrop/outcrop/internal/native/prompt"
)

type answer struct {
	ID          int                       `json:"id"`
	Prompt      text                      `json:"prompt"`
	Completions []completion              `json:"completions"`
	Metrics     *native.InvocationMetrics `json:"amazon-bedrock-invocationMetrics,omitempty"`
}

// text comes with its tokens. Only the real model knows them.
type text struct {
	Text   string     `json:"text"`
	Tokens []struct{} `json:"tokens"`
}

type completion struct {
	Data   text   `json:"data"`
	Reason reason `json:"finishReason"`
}

type reason struct {
	Reason string `json:"reason"`
	Length int    `json:"length,omitempty"`
}

func finishReason(a *inference.Answer) reason {
	switch a.Reason {
	case inference.StopMaxTokens, inference.StopContextWindow:
		return reason{"length", a.Usage.OutputTokens}
	case inference.StopSequence:
		return reason{Reason: "stop"}
	}
	return reason{Reason: "endoftext"}
}

// Complete implements native.Family.
func (f Family) Complete(m native.Model, a *inference.Answer) ([]byte, error) {
	return body.Marshal(f.answer(m, a))
}

func (f Family) answer(m native.Model, a *inference.Answer) answer {
	out := answer{
		ID:          number(m),
		Prompt:      text{Tokens: []struct{}{}},
		Completions: []completion{{Data: text{Text: a.Text, Tokens: []struct{}{}}, Reason: finishReason(a)}},
	}
	out.Prompt.Text = prompt.Written(f.req)
	return out
}

// number makes an ID that is a number, as this format has it.
func number(m native.Model) int {
	digits, err := strconv.ParseUint(body.UUID(m.NewID)[:7], 16, 32)
	if err != nil { // seven hexadecimal digits are a number
		return 1
	}
	return int(digits)
}

// stream writes the whole answer as one chunk: the real models do not stream,
// and services refuse it before.
type stream struct {
	f      Family
	m      native.Model
	write  func([]byte) error
	pieces inference.Collector
}

// Stream implements native.Family.
func (f Family) Stream(m native.Model, write func([]byte) error) native.Stream {
	return &stream{f: f, m: m, write: write}
}

// Event implements native.Stream.
func (s *stream) Event(ev inference.Event) error {
	s.pieces.Add(ev)
	return nil
}

// End implements native.Stream.
func (s *stream) End(metrics native.Metrics) error {
	a := s.f.answer(s.m, s.pieces.Answer())
	a.Metrics = metrics.Invocation(s.m)
	data, err := body.Marshal(a)
	if err != nil {
		return err
	}
	return s.write(data)
}
