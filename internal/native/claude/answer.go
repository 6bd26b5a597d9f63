package claude

import (
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/messages"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
)

// idLength is the length of msg_bdrk_01….
const idLength = 33

// meta says what an answer of a model looks like on Bedrock.
func meta(m native.Model) messages.Meta {
	v := versionOf(m.ID)
	return messages.Meta{
		ID: m.NewID("msg_bdrk_01", idLength), Model: ShortName(m.ID), Native: true, NoCache: !m.CacheMetrics,
		NoRefusal: v.known() && !v.from(4, 0), NoContextWindow: v.known() && !v.from(4, 5),
	}
}

// Complete implements native.Family.
func (Family) Complete(m native.Model, a *inference.Answer) ([]byte, error) {
	return messages.EncodeAnswer(a, meta(m))
}

type stream struct {
	*messages.Stream
	m     native.Model
	write func([]byte) error
}

// Stream implements native.Family.
func (Family) Stream(m native.Model, write func([]byte) error) native.Stream {
	return &stream{messages.NewStream(meta(m), write), m, write}
}

// messageStop is the last chunk.
type messageStop struct {
	Type    string                    `json:"type"`
	Metrics *native.InvocationMetrics `json:"amazon-bedrock-invocationMetrics"`
}

// End implements native.Stream.
func (s *stream) End(metrics native.Metrics) error {
	data, err := body.Marshal(messageStop{"message_stop", metrics.Invocation(s.m)})
	if err != nil {
		return err
	}
	return s.write(data)
}
