package nova

import (
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
	Message message `json:"message"`
}

type message struct {
	Role    string `json:"role"`
	Content []text `json:"content"`
}

type text struct {
	Text string `json:"text"`
}

type usage struct {
	InputTokens  int  `json:"inputTokens"`
	OutputTokens int  `json:"outputTokens"`
	TotalTokens  int  `json:"totalTokens"`
	CacheRead    *int `json:"cacheReadInputTokenCount,omitempty"`
	CacheWrite   *int `json:"cacheWriteInputTokenCount,omitempty"`
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

// Complete implements native.Family.
func (Family) Complete(m native.Model, a *inference.Answer) ([]byte, error) {
	return body.Marshal(answer{
		Output:     output{message{string(inference.RoleAssistant), []text{{a.Text}}}},
		StopReason: stopReason(a.Reason),
		Usage:      newUsage(m, a.Usage),
	})
}

// The chunks of a stream. Each has one member.
type (
	messageStart struct {
		MessageStart struct {
			Role string `json:"role"`
		} `json:"messageStart"`
	}
	blockDelta struct {
		Delta delta `json:"contentBlockDelta"`
	}
	delta struct {
		Delta text `json:"delta"`
		Index int  `json:"contentBlockIndex"`
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

type stream struct {
	m     native.Model
	write func([]byte) error
	index int
	usage inference.Usage
}

// Stream implements native.Family.
func (Family) Stream(m native.Model, write func([]byte) error) native.Stream {
	return &stream{m: m, write: write}
}

// Event implements native.Stream. Every delta is a content block of its own,
// as in the real service's native stream and unlike in ConverseStream.
func (s *stream) Event(ev inference.Event) error {
	switch ev := ev.(type) {
	case inference.Started:
		var c messageStart
		c.MessageStart.Role = string(inference.RoleAssistant)
		return s.send(c)
	case inference.TextDelta:
		i := s.index
		s.index++
		if err := s.send(blockDelta{delta{text{ev.Text}, i}}); err != nil {
			return err
		}
		return s.send(blockStop{index{i}})
	case inference.Finished:
		s.usage = ev.Usage
		var c messageStop
		c.MessageStop.StopReason = stopReason(ev.Reason)
		return s.send(c)
	}
	return nil
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
