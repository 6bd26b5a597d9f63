package messages

import (
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

var errLater = fault.New(fault.Unsupported, "the Messages format is not built yet")

// DecodeRequest reads the body of a request. Faults are Invalid, and Unsupported
// for what the format has and the hub has not.
func DecodeRequest(_ []byte) (*Call, error) { return nil, errLater }

// EncodeRequest writes a request for a server that speaks the format. A part that
// the format cannot say is Unsupported.
func EncodeRequest(_ *inference.Request, _ EncodeOptions) ([]byte, error) { return nil, errLater }

// EncodeAnswer writes a whole answer.
func EncodeAnswer(_ *inference.Answer, _ Meta) ([]byte, error) { return nil, errLater }

// Stream encodes one streamed answer.
type Stream struct{}

// NewStream starts the encoding of a streamed answer. Each call of write is the
// JSON of one event, without the framing; it must not keep the slice.
func NewStream(_ Meta, _ func(chunk []byte) error) *Stream { return &Stream{} }

// Event writes what an event of the hub becomes.
func (*Stream) Event(_ inference.Event) error { return errLater }

// DecodeAnswer reads the whole answer of a server, as the events that would have
// made it.
func DecodeAnswer(_ []byte, _ func(inference.Event) error) error { return errLater }

// Decoder reads a streamed answer.
type Decoder struct{}

// NewDecoder starts the reading of a streamed answer.
func NewDecoder(_ func(inference.Event) error) *Decoder { return &Decoder{} }

// Chunk reads the data of one event.
func (*Decoder) Chunk(_ []byte) error { return errLater }

// End says that the stream is over; it is a fault when the answer was not.
func (*Decoder) End() error { return errLater }
