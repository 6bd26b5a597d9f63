// Package native is the port of the model families' own JSON formats: what
// InvokeModel and InvokeModelWithResponseStream carry. One folder below it per
// family translates bodies to the hub and back.
//
// It routes nothing, generates nothing and knows no HTTP; the bedrockruntime
// service puts the pieces together.
package native

import (
	"encoding/json"
	"time"

	"github.com/outcrop/outcrop/internal/inference"
)

// Model is what a family may know about the model ID that was asked for.
type Model struct {
	ID           string                                 // base model ID: "anthropic.claude-3-5-sonnet-20241022-v2:0"
	MaxOutput    int                                    // tokens, 0 when unknown
	Dimensions   []int                                  // embedding sizes on offer, the default first
	CacheMetrics bool                                   // the real model reports cache token counts
	NewID        func(prefix string, length int) string // prefix + random base62 up to length
}

// Family translates the bodies of one text family. Implementations are
// stateless and safe for concurrent use.
type Family interface {
	// Decode reads a request body. Errors are fault.Invalid with Bedrock's
	// text: "Malformed input request: #: required key [prompt] not found,
	// please reformat your input and try again."
	Decode(m Model, body []byte) (*inference.Request, error)
	// Extra applies Converse's additionalModelRequestFields, an object of raw
	// vendor members, to a request. Unknown members are refused with the
	// family's own text, without Converse's prefix.
	Extra(m Model, fields json.RawMessage, req *inference.Request) error
	// Complete writes the whole body of an answer.
	Complete(m Model, a *inference.Answer) ([]byte, error)
	// Stream starts the encoding of a streamed answer. Each call of write is
	// one chunk's JSON; it must not keep the slice.
	Stream(m Model, write func(chunk []byte) error) Stream
}

// Stream encodes one streamed answer. Its methods are called in order, by one
// goroutine.
type Stream interface {
	// Event writes the chunks that an event makes; Finished writes all chunks
	// but the last one.
	Event(ev inference.Event) error
	// End writes the last chunk, with the metrics in it.
	End(metrics Metrics) error
}

// Metrics is what the last chunk carries as amazon-bedrock-invocationMetrics.
type Metrics struct {
	InputTokens      int
	OutputTokens     int
	CacheRead        int
	CacheWrite       int
	Latency          time.Duration
	FirstByteLatency time.Duration
}

// Embedding translates the bodies of one embedding family.
type Embedding interface {
	// Decode reads a request body. Errors as Family.Decode.
	Decode(m Model, body []byte) (*EmbeddingRequest, error)
	// Encode writes the answer; vectors have Dimensions members each, in the
	// order of Texts.
	Encode(m Model, req *EmbeddingRequest, e *inference.Embeddings) ([]byte, error)
}

// EmbeddingRequest is a decoded embedding call.
type EmbeddingRequest struct {
	Texts      []string
	Dimensions int  // of every vector in the answer
	Normalize  bool // to unit length
	// Types are the forms wanted: "float", "binary".
	Types []string
}
