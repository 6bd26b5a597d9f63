// Package inference is the hub: the small types, modeled on Converse, that
// every backend speaks and every API is translated to, and the port that
// backends implement.
//
// It knows no vendor, no wire format and no AWS type, so that regenerating the
// AWS models touches no adapter, and an adapter is one folder. What only one
// vendor understands travels in Request.Extra.
package inference

import (
	"context"
	"encoding/json"
	"time"
)

// Backend generates text with a model. The router is a Backend too: nothing
// above it knows that there are many.
type Backend interface {
	// Generate runs one request. It calls emit in order and never
	// concurrently: Started once, then deltas, then Finished once. When emit
	// fails, Generate stops and returns that error. When ctx ends, Generate
	// stops computing within one batch and returns ctx's error. An error after
	// the first event means that the answer is incomplete.
	//
	// Faults: Invalid (the prompt does not fit the context, a parameter is out
	// of range), NotFound (no such model), NotReady, Timeout, Throttled,
	// Unavailable (queue full, worker gone before the first event), Upstream
	// (the engine failed), Unsupported (a part that this model cannot read).
	//
	// Generate is safe for concurrent use. It keeps no reference to req after
	// it returns and does not change it.
	Generate(ctx context.Context, req *Request, emit func(Event) error) error
	// Close stops the backend and waits for what it started. It may be called
	// more than once.
	Close() error
}

// Embedder is the optional power to embed text.
type Embedder interface {
	// Embed returns one vector for each input, in order. Faults as Generate.
	Embed(ctx context.Context, req *EmbedRequest) (*Embeddings, error)
}

// TokenCounter is the optional power to count the input tokens of a request
// exactly as Generate would report them in Usage.InputTokens.
type TokenCounter interface {
	CountTokens(ctx context.Context, req *Request) (int, error)
}

// Tokenizer is the optional power to count the tokens of plain texts, as an
// embedding model cuts them. Unlike CountTokens it knows no conversation: there
// is no template, nothing is added at the ends, and the texts of control tokens
// are text.
type Tokenizer interface {
	// CountTexts returns the number of tokens of each text, in order; an empty
	// one has none. It needs the vocabulary alone, so it does not wait for what
	// the model computes. Of a text above 64 KiB the parts may be counted one by
	// one, which can add a token for each. Faults as Generate.
	CountTexts(ctx context.Context, req *TokenizeRequest) ([]int, error)
}

// TokenizeRequest asks for the tokens of texts.
type TokenizeRequest struct {
	Model string
	Texts []string
}

// Describer is the optional power to tell a model's properties. It may have to
// load the model's header, never its weights.
type Describer interface {
	Describe(ctx context.Context, model string) (*ModelInfo, error)
}

// ModelInfo describes one model of a backend.
type ModelInfo struct {
	Name          string // the backend's name for it
	Family        string // architecture or chat family: "llama", "bert", …
	Syntax        Syntax // the prompt syntax that the model itself was trained on
	ContextWindow int    // tokens of prompt and answer together; 0 unknown
	Dimensions    int    // of its embeddings; 0 when it makes none
	Digest        string // sha256 of the weights, where known
	Parameters    int64  // numbers in its weights; 0 unknown
}

// Request asks a model to go on with a conversation or a prompt.
type Request struct {
	Model    string // the backend's name for the model; the router fills it
	System   []Part
	Messages []Message
	// Prompt is set when the caller wrote a native prompt in a family's own
	// syntax. A model of that syntax gets it verbatim with special tokens
	// parsed; any other model gets System and Messages, into which the prompt
	// has been parsed.
	Prompt *Prompt

	MaxTokens     int      // 0: as many as fit into the context
	Temperature   *float64 // nil: the model's default; 0 is greedy
	TopP          *float64
	TopK          *int
	Seed          *uint32 // nil: random
	StopSequences []string

	// Extra holds members that only one vendor understands, as the caller
	// wrote them.
	Extra map[string]json.RawMessage
}

// Role is who speaks in a message.
type Role string

// The roles.
const (
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
)

// Message is one turn. A trailing assistant message is a prefill: the model
// goes on from there.
type Message struct {
	Role  Role
	Parts []Part
}

// Part is a piece of a message: Text today. Adapters answer Unsupported for a
// part that they do not know.
type Part interface{ part() }

// Text is a run of text. Special tokens in it are never parsed.
type Text struct{ Text string }

func (Text) part() {}

// Syntax names the prompt markup of a model family.
type Syntax string

// The syntaxes that a native prompt can be written in.
const (
	SyntaxPlain   Syntax = ""        // no markup found
	SyntaxLlama2  Syntax = "llama2"  // [INST] with <<SYS>>
	SyntaxLlama3  Syntax = "llama3"  // <|start_header_id|>
	SyntaxLlama4  Syntax = "llama4"  // <|header_start|>
	SyntaxMistral Syntax = "mistral" // [INST]
	SyntaxHuman   Syntax = "human"   // \n\nHuman: … \n\nAssistant:
	SyntaxUserBot Syntax = "userbot" // User: … Bot:
	SyntaxChatML  Syntax = "chatml"  // <|im_start|>
)

// Prompt is a native prompt as the caller wrote it.
type Prompt struct {
	Text   string
	Syntax Syntax
}

// Event is a step of an answer: Started, TextDelta or Finished.
type Event interface{ event() }

// Started comes first, when the prompt has been accepted and read.
type Started struct {
	Model       string // the model that answers
	InputTokens int
}

// TextDelta is a piece of answer. Text is whole UTF-8 and never empty.
type TextDelta struct {
	Text string
	// OutputTokens counts the tokens made so far, this delta's included.
	OutputTokens int
}

// Finished comes last.
type Finished struct {
	Reason       StopReason
	StopSequence string // the caller's sequence that matched, for StopSequence
	Usage        Usage
	// Elapsed is the backend's own time for the request, from the moment it
	// got it; what is left of the call's time is the server's cost.
	Elapsed time.Duration
}

func (Started) event()   {}
func (TextDelta) event() {}
func (Finished) event()  {}

// StopReason tells why an answer ended, in Converse's words.
type StopReason string

// The reasons.
const (
	StopEndTurn       StopReason = "end_turn"
	StopMaxTokens     StopReason = "max_tokens"
	StopSequence      StopReason = "stop_sequence"
	StopContextWindow StopReason = "model_context_window_exceeded"
	StopFiltered      StopReason = "content_filtered"
)

// Usage counts tokens. InputTokens excludes tokens that were read from or
// written to a prompt cache.
type Usage struct {
	InputTokens      int
	OutputTokens     int
	CacheReadTokens  int
	CacheWriteTokens int
}

// EmbedRequest asks for the vectors of texts.
type EmbedRequest struct {
	Model string
	Texts []string
}

// Embeddings are vectors of the model's own size, L2-normalized as the model
// defines, with the input tokens of each text.
type Embeddings struct {
	Model       string
	Vectors     [][]float32
	InputTokens []int
	Elapsed     time.Duration
}
