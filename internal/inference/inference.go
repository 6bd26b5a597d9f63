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
	System   []Part // Text, Guarded and CachePoint
	Messages []Message
	// Prompt is set when the caller wrote a native prompt in a family's own
	// syntax. A model of that syntax gets it verbatim with special tokens
	// parsed; any other model gets System and Messages, into which the prompt
	// has been parsed.
	Prompt *Prompt

	Tools      []Tool
	ToolChoice ToolChoice
	// Parallel says whether several tools may be called in one answer; nil is
	// the model's default.
	Parallel *bool
	// Output is set when the answer has to be JSON of a schema.
	Output *OutputFormat
	// Reasoning is nil when the model's default holds.
	Reasoning *ReasoningConfig

	MaxTokens     int      // 0: as many as fit into the context
	Temperature   *float64 // nil: the model's default; 0 is greedy
	TopP          *float64
	TopK          *int
	Seed          *uint32 // nil: random
	StopSequences []string

	// Whole says that the caller takes the answer as a whole. See Within.
	Whole bool

	// Extra holds members that only one vendor understands, as the caller
	// wrote them, by the names that Dialect uses.
	Extra map[string]json.RawMessage
	// Dialect is the format of which Extra's members are, as the catalog names
	// it: "anthropic-messages". A backend that speaks it passes them on; any
	// other one leaves them out.
	Dialect string
}

// Role is who speaks in a message.
type Role string

// The roles.
const (
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
	// RoleSystem is an instruction in the middle of a conversation. Models that
	// know no such thing get it as the beginning of the next user message.
	RoleSystem Role = "system"
)

// Message is one turn. A trailing assistant message is a prefill: the model
// goes on from there.
type Message struct {
	Role  Role
	Parts []Part
}

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
	// SyntaxDeepSeek has bars and blanks of its own: <｜User｜>
	SyntaxDeepSeek Syntax = "deepseek"
)

// Prompt is a native prompt as the caller wrote it.
type Prompt struct {
	Text   string
	Syntax Syntax
}

// Event is a step of an answer: Started, a delta or a beginning, Finished.
//
// An answer is a row of blocks. TextDelta, ReasoningDelta and ToolDelta go on
// with the block under way when it is of their kind; text and reasoning begin
// one otherwise, a tool call always begins with ToolStart, and BlockEnd ends
// the block under way where the next one is of the same kind. Blocks never
// overlap: a backend whose server mixes them puts them in order. Blocks numbers
// them.
type Event interface{ event() }

// Started comes first, when the prompt has been accepted and read.
type Started struct {
	Model       string // the model that answers
	InputTokens int    // 0 where the server says it only at the end
	// ServedBy is the router's name of the model, "backend/model": the router
	// fills it, backends leave it empty.
	ServedBy string
}

// TextDelta is a piece of answer. Text is whole UTF-8 and never empty.
type TextDelta struct {
	Text string
	// OutputTokens counts the tokens made so far, this delta's included; 0 where
	// the server does not say.
	OutputTokens int
}

// ReasoningDelta is a piece of what the model thought before it answered. One
// of the members is set.
type ReasoningDelta struct {
	Text string
	// Signature proves to the vendor that the block is its own; it comes last.
	Signature string
	// Redacted is a whole block that only the vendor can read.
	Redacted     []byte
	OutputTokens int // as TextDelta's
}

// ToolStart begins a call of a tool.
type ToolStart struct {
	ID   string // unique within the conversation
	Name string
	// Kind is empty for the caller's tools; "server_tool_use" for one that the
	// server itself runs.
	Kind string
}

// ToolDelta is a piece of the JSON text of a tool's input. All pieces of a call
// together are one JSON object; none at all are the empty one. What a model
// wrote that is no JSON object ends the answer with StopMalformedTool.
type ToolDelta struct {
	JSON         string
	OutputTokens int // as TextDelta's
}

// CitationDelta says where the text block under way has something from. It may
// come before the text.
type CitationDelta struct{ Citation Citation }

// ToolOutput is the result of a tool that the server itself ran: a block of its
// own.
type ToolOutput struct{ Result ToolResult }

// ImageBlock is an image that the model made: a block of its own.
type ImageBlock struct{ Image Image }

// BlockEnd ends the block under way.
type BlockEnd struct{}

// Finished comes last.
type Finished struct {
	Reason       StopReason
	StopSequence string // the caller's sequence that matched, for StopSequence
	Usage        Usage
	// Elapsed is the backend's own time for the request, from the moment it
	// got it; what is left of the call's time is the server's cost.
	Elapsed time.Duration
	// Extra holds members of the vendor's answer that the hub has no place for
	// (stop_details, logprobs, system_fingerprint), as the vendor wrote them.
	Extra map[string]json.RawMessage
}

func (Started) event()        {}
func (TextDelta) event()      {}
func (ReasoningDelta) event() {}
func (ToolStart) event()      {}
func (ToolDelta) event()      {}
func (CitationDelta) event()  {}
func (ToolOutput) event()     {}
func (ImageBlock) event()     {}
func (BlockEnd) event()       {}
func (Finished) event()       {}

// StopReason tells why an answer ended, in Converse's words.
type StopReason string

// The reasons.
const (
	StopEndTurn       StopReason = "end_turn"
	StopToolUse       StopReason = "tool_use"
	StopMaxTokens     StopReason = "max_tokens"
	StopSequence      StopReason = "stop_sequence"
	StopContextWindow StopReason = "model_context_window_exceeded"
	StopFiltered      StopReason = "content_filtered"
	StopGuardrail     StopReason = "guardrail_intervened"
	StopMalformed     StopReason = "malformed_model_output"
	StopMalformedTool StopReason = "malformed_tool_use"
)

// Usage counts tokens. InputTokens excludes tokens that were read from or
// written to a prompt cache.
type Usage struct {
	InputTokens      int
	OutputTokens     int
	CacheReadTokens  int
	CacheWriteTokens int // all of them, those that are kept for an hour included
	CacheWrite1h     int // of CacheWriteTokens
	ReasoningTokens  int // of OutputTokens, where the server says
}

// EmbedRequest asks for the vectors of texts or of images.
type EmbedRequest struct {
	Model string
	Texts []string
	// Images are embedded after the texts, one vector each. A model that cannot
	// see answers Unsupported.
	Images []Image
	// Purpose is what the vectors are for, in Cohere's words: "search_document",
	// "search_query", "classification", "clustering"; empty when not said.
	Purpose string
	// Dimensions is the size that was asked for; 0 when not said. A backend may
	// answer with another one: whoever asks fits the vectors.
	Dimensions int
	// Truncate is which end of a text that is too long is cut off: "START",
	// "END", or "" and "NONE" for an error.
	Truncate string
}

// Embeddings are vectors of the model's own size, L2-normalized as the model
// defines, with the input tokens of each text.
type Embeddings struct {
	Model       string
	Vectors     [][]float32
	InputTokens []int
	Elapsed     time.Duration
}
