package claude

import (
	"strings"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
)

// idLength is the length of msg_bdrk_01….
const idLength = 33

type answer struct {
	ID           string  `json:"id"`
	Type         string  `json:"type"`
	Role         string  `json:"role"`
	Model        string  `json:"model"`
	Content      []block `json:"content"`
	StopReason   *string `json:"stop_reason"`
	StopSequence *string `json:"stop_sequence"`
	Usage        usage   `json:"usage"`
}

type block struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

type usage struct {
	InputTokens  int  `json:"input_tokens"`
	CacheWrite   *int `json:"cache_creation_input_tokens,omitempty"`
	CacheRead    *int `json:"cache_read_input_tokens,omitempty"`
	OutputTokens int  `json:"output_tokens"`
}

func newAnswer(m native.Model, u inference.Usage) answer {
	a := answer{
		ID: m.NewID("msg_bdrk_01", idLength), Type: "message", Role: "assistant", Model: shortName(m.ID), Content: []block{},
		Usage: usage{InputTokens: u.InputTokens, OutputTokens: u.OutputTokens},
	}
	if m.CacheMetrics {
		a.Usage.CacheWrite, a.Usage.CacheRead = &u.CacheWriteTokens, &u.CacheReadTokens
	}
	return a
}

// Complete implements native.Family.
func (Family) Complete(m native.Model, a *inference.Answer) ([]byte, error) {
	out := newAnswer(m, a.Usage)
	if a.Text != "" {
		out.Content = append(out.Content, block{"text", a.Text})
	}
	out.StopReason, out.StopSequence = stopReason(m, a.Reason, a.StopSequence)
	return body.Marshal(out)
}

// stopReason returns stop_reason and stop_sequence. Models that do not know
// the newer reasons say max_tokens or end_turn.
func stopReason(m native.Model, r inference.StopReason, sequence string) (reason, matched *string) {
	s := "end_turn"
	switch r {
	case inference.StopMaxTokens:
		s = "max_tokens"
	case inference.StopSequence:
		return new("stop_sequence"), &sequence
	case inference.StopContextWindow:
		s = "max_tokens"
		if knowsContextWindow(m.ID) {
			s = "model_context_window_exceeded"
		}
	case inference.StopFiltered:
		if knowsRefusal(m.ID) {
			s = "refusal"
		}
	}
	return &s, nil
}

// knowsRefusal tells Claude 4 and later from the models with a 3 in the name.
func knowsRefusal(id string) bool { return !strings.Contains(id, "claude-3") }

// knowsContextWindow tells Claude 4.5 and later.
func knowsContextWindow(id string) bool {
	for _, older := range []string{"-4-20", "-4-1-"} {
		if strings.Contains(id, older) {
			return false
		}
	}
	return knowsRefusal(id)
}

// The chunks of a stream.
type (
	messageStart struct {
		Type    string `json:"type"`
		Message answer `json:"message"`
	}
	blockStart struct {
		Type  string `json:"type"`
		Index int    `json:"index"`
		Block block  `json:"content_block"`
	}
	blockDelta struct {
		Type  string `json:"type"`
		Index int    `json:"index"`
		Delta block  `json:"delta"`
	}
	blockStop struct {
		Type  string `json:"type"`
		Index int    `json:"index"`
	}
	messageDelta struct {
		Type  string      `json:"type"`
		Delta stopDelta   `json:"delta"`
		Usage outputUsage `json:"usage"`
	}
	stopDelta struct {
		StopReason   *string `json:"stop_reason"`
		StopSequence *string `json:"stop_sequence"`
	}
	outputUsage struct {
		OutputTokens int `json:"output_tokens"`
	}
	messageStop struct {
		Type    string                    `json:"type"`
		Metrics *native.InvocationMetrics `json:"amazon-bedrock-invocationMetrics"`
	}
)

type stream struct {
	m     native.Model
	write func([]byte) error
	open  bool // the text block
}

// Stream implements native.Family.
func (Family) Stream(m native.Model, write func([]byte) error) native.Stream {
	return &stream{m: m, write: write}
}

// Event implements native.Stream.
func (s *stream) Event(ev inference.Event) error {
	switch ev := ev.(type) {
	case inference.Started:
		// The real service has made a token or more by now, and never says 0.
		return s.send(messageStart{"message_start", newAnswer(s.m, inference.Usage{InputTokens: ev.InputTokens, OutputTokens: 1})})
	case inference.TextDelta:
		if !s.open {
			s.open = true
			if err := s.send(blockStart{"content_block_start", 0, block{"text", ""}}); err != nil {
				return err
			}
		}
		return s.send(blockDelta{"content_block_delta", 0, block{"text_delta", ev.Text}})
	case inference.Finished:
		if s.open {
			if err := s.send(blockStop{"content_block_stop", 0}); err != nil {
				return err
			}
		}
		reason, matched := stopReason(s.m, ev.Reason, ev.StopSequence)
		return s.send(messageDelta{"message_delta", stopDelta{reason, matched}, outputUsage{ev.Usage.OutputTokens}})
	}
	return nil
}

// End implements native.Stream.
func (s *stream) End(metrics native.Metrics) error {
	return s.send(messageStop{"message_stop", metrics.Invocation(s.m)})
}

func (s *stream) send(chunk any) error {
	data, err := body.Marshal(chunk)
	if err != nil {
		return err
	}
	return s.write(data)
}
