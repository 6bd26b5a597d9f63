package chatcompletions

import (
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// DecodeRequest reads a request. Faults: Invalid.
func DecodeRequest(body []byte) (*Call, error) { return nil, errNot() }

// EncodeRequest writes a request.
func EncodeRequest(req *inference.Request, o EncodeOptions) ([]byte, error) { return nil, errNot() }

// EncodeAnswer writes a whole answer.
func EncodeAnswer(a *inference.Answer, m Meta) ([]byte, error) { return nil, errNot() }

// Stream writes the chunks of a streamed answer.
type Stream struct{}

// NewStream returns a Stream.
func NewStream(m Meta, write func(chunk []byte) error) *Stream { return &Stream{} }

// Event takes the next event.
func (s *Stream) Event(ev inference.Event) error { return errNot() }

// DecodeAnswer reads a whole answer.
func DecodeAnswer(body []byte, emit func(inference.Event) error) error { return errNot() }

// Decoder reads the chunks of a streamed answer.
type Decoder struct{}

// NewDecoder returns a Decoder.
func NewDecoder(emit func(inference.Event) error) *Decoder { return &Decoder{} }

// Chunk takes the next chunk.
func (d *Decoder) Chunk(data []byte) error { return errNot() }

// End ends the answer.
func (d *Decoder) End() error { return errNot() }

func errNot() error { return fault.New(fault.Unsupported, "not built yet") }
