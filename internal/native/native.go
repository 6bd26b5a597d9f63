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
	// Now is when the call came; the zero time when not known.
	Now time.Time
	// Streaming says whether the call is one for a stream; nil when not known.
	// Bodies that say it too have to agree.
	Streaming *bool
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
	// order of Groups, or else of Texts and then Images.
	Encode(m Model, req *EmbeddingRequest, e *inference.Embeddings) ([]byte, error)
}

// EmbeddingRequest is a decoded embedding call.
type EmbeddingRequest struct {
	Texts  []string
	Images []inference.Image
	// Groups says which vectors, those of the texts first and then those of the
	// images, each one of the answer is the mean of; nil: one of each.
	Groups     [][]int
	Purpose    string // in the hub's words; empty when not said
	Truncate   string // "START", "END", "NONE"; empty when not said
	Dimensions int    // of every vector in the answer
	Normalize  bool   // to unit length
	// Types are the forms wanted: "float", "binary".
	Types []string
	// TypesNamed is true when the body named them, false for the default.
	TypesNamed bool
}

// Count is the number of vectors in the answer.
func (r *EmbeddingRequest) Count() int {
	if r.Groups != nil {
		return len(r.Groups)
	}
	return len(r.Texts) + len(r.Images)
}

// Reranking translates the bodies of one rerank family.
type Reranking interface {
	// Decode reads a request body. Errors as Family.Decode.
	Decode(m Model, body []byte) (*RerankRequest, error)
	// Encode writes the answer; there is one score for each document, in order.
	Encode(m Model, req *RerankRequest, scores []float64) ([]byte, error)
}

// RerankRequest is a decoded rerank call.
type RerankRequest struct {
	Query     string
	Documents []string // as a ranker reads them
	Top       int      // how many results are wanted; 0: all
	// MaxTokens is how much of each document is read; 0 when not said.
	MaxTokens int
}

// Imaging translates the bodies of one image family.
type Imaging interface {
	// Decode reads a request body. Errors as Family.Decode, and Unsupported for
	// a task that the hub has no word for.
	Decode(m Model, body []byte) (*inference.ImageRequest, error)
	// Encode writes the answer.
	Encode(m Model, req *inference.ImageRequest, made *inference.Images) ([]byte, error)
}
