package runner

import (
	"io"

	"github.com/outcrop/outcrop/internal/runner/protocol"
)

// output sends the child's frames. An error of the pipe is not reported: it
// means that the server is gone, and the end of the input tells that too.
type output struct{ s *protocol.Sender }

func newOutput(w io.Writer) *output { return &output{protocol.NewSender(w)} }

func (o *output) close() { o.s.Close() }

func (o *output) json(kind protocol.Kind, id uint32, v any) { _ = o.s.AddJSON(kind, id, v) }

func (o *output) failed(id uint32, err error) {
	o.json(protocol.KindFailed, id, protocol.Failure(err))
}

func (o *output) delta(kind protocol.Kind, id uint32, d protocol.Delta) {
	_ = o.s.Add(func(dst []byte) []byte { return protocol.AppendDelta(dst, kind, id, d) })
}

func (o *output) vectors(id uint32, v protocol.Vectors) {
	_ = o.s.Add(func(dst []byte) []byte { return protocol.AppendVectors(dst, id, v) })
}
