// Package protocol is what a server and its runner child say to each other
// over two inherited pipes: typed, length-prefixed frames.
//
// It starts no process and computes nothing. The supervisor in package
// inference/llamacpp and package runner are its two users; both come from the
// same executable, and the handshake proves it.
//
// A frame is a header of 12 bytes and a payload:
//
//	0  length of the payload, uint32, little endian
//	4  kind, one byte
//	5  three zero bytes
//	8  request id, uint32, little endian; 0 when the frame belongs to none
//
// Payloads are JSON, except for Delta and its kin, Vectors and CountTexts, which are binary
// because there are many of the one and the others are large.
//
// The child speaks first: Hello. The server answers with Load; Progress frames
// follow as signs of life, then Loaded or Failed with id 0, after which the
// child ends. From then on the server sends Generate, Embed, Count and CountTexts with
// ids that it never uses twice, and each gets
//
//	Generate:   Started, Delta… and Call…, Finished
//	Embed:      Vectors
//	Count:      Counted
//	CountTexts: TextsCounted
//
// or at any moment Failed, which ends it. A canceled request gets nothing
// more, except what was already on its way. The end of the child's input is
// the order to end; so a child never outlives its server.
package protocol

import (
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// Version changes whenever a frame changes its meaning.
const Version = 3

// Kind is the type of a frame.
type Kind uint8

// The kinds. From the server: Load, Generate, Embed, Count, CountTexts, Cancel.
// From the child: Hello, Progress, Loaded, Started, Delta, Thought, Call, Input,
// Finished, Vectors, Counted, TextsCounted, Failed.
const (
	KindHello Kind = iota + 1
	KindLoad
	KindProgress
	KindLoaded
	KindGenerate
	KindEmbed
	KindCount
	KindCountTexts
	KindCancel
	KindStarted
	KindDelta   // a piece of answer
	KindThought // a piece of what the model thought, as Delta
	KindCall    // a call of a tool begins
	KindInput   // a piece of the call's input, as Delta
	KindFinished
	KindVectors
	KindCounted
	KindTextsCounted
	KindFailed
)

// Hello is the child's first frame.
type Hello struct {
	Version int `json:"version"`
}

// Load tells the child what to be. Zero limits mean the child's defaults.
type Load struct {
	Library    string `json:"library"` // directory
	Jinja      string `json:"jinja"`   // file
	Model      string `json:"model"`   // file
	Slots      int    `json:"slots,omitempty"`
	Context    int    `json:"context,omitempty"`
	CacheBytes int64  `json:"cacheBytes,omitempty"` // of the key-value cache, as a rule
	CacheMost  int64  `json:"cacheMost,omitempty"`  // for one request of full length
	Threads    int    `json:"threads,omitempty"`
}

// Progress is a sign of life while loading.
type Progress struct {
	Fraction float64 `json:"fraction"` // 0 to 1; -1: not known
}

// Loaded says that requests are welcome.
type Loaded struct {
	Family     string           `json:"family"`
	Syntax     inference.Syntax `json:"syntax"`
	Context    int              `json:"context"`
	Dimensions int              `json:"dimensions"` // 0: makes no embeddings
	Generates  bool             `json:"generates"`
	Bytes      int64            `json:"bytes"`    // of memory, weights and cache, as estimated
	MostText   int              `json:"mostText"` // bytes of text that Context tokens can stand for; 0: not known
}

// Message is a turn.
type Message struct {
	Role  inference.Role `json:"role"`
	Parts []Part         `json:"parts"`
}

// Generate asks for an answer; Count, with the same payload, for the number of
// input tokens that it would have.
type Generate struct {
	System   []Part            `json:"system,omitempty"`
	Messages []Message         `json:"messages,omitempty"`
	Prompt   *inference.Prompt `json:"prompt,omitempty"`

	Tools      []inference.Tool           `json:"tools,omitempty"`
	ToolChoice inference.ToolChoice       `json:"toolChoice,omitzero"`
	Parallel   *bool                      `json:"parallel,omitempty"`
	Output     *inference.OutputFormat    `json:"output,omitempty"`
	Reasoning  *inference.ReasoningConfig `json:"reasoning,omitempty"`

	MaxTokens   int      `json:"maxTokens,omitempty"`
	Temperature *float64 `json:"temperature,omitempty"`
	TopP        *float64 `json:"topP,omitempty"`
	TopK        *int     `json:"topK,omitempty"`
	Seed        *uint32  `json:"seed,omitempty"`
	Stop        []string `json:"stop,omitempty"`
}

// Embed asks for vectors.
type Embed struct {
	Texts []string `json:"texts"`
}

// Started says that the prompt has been read.
type Started struct {
	InputTokens int `json:"inputTokens"` // those that no cache point stands behind
}

// Call begins a call of a tool. What Input frames follow are its input.
type Call struct {
	Name string `json:"name"`
}

// Delta is a piece of answer, or of what its frame's kind says. On the wire: the tokens as uint32, then the text.
type Delta struct {
	OutputTokens int
	Text         string
}

// Finished ends an answer.
type Finished struct {
	Reason       inference.StopReason `json:"reason"`
	StopSequence string               `json:"stopSequence,omitempty"`
	InputTokens  int                  `json:"inputTokens"` // all of the prompt's
	OutputTokens int                  `json:"outputTokens"`
	Thought      int                  `json:"thought,omitempty"`    // of OutputTokens
	CacheRead    int                  `json:"cacheRead,omitempty"`  // of InputTokens
	CacheWrite   int                  `json:"cacheWrite,omitempty"` // of InputTokens
	Elapsed      time.Duration        `json:"elapsed"`              // in the child, from receipt
}

// Vectors answers Embed. On the wire: the number of texts and of dimensions as
// uint32, the tokens of each text as uint32, then the vectors as float32, all
// little endian.
type Vectors struct {
	InputTokens []int
	Vectors     [][]float32
}

// Counted answers Count.
type Counted struct {
	InputTokens int `json:"inputTokens"`
}

// CountTexts asks for the tokens of plain texts. On the wire: the number of
// texts as uint32, the bytes of each as uint32, then the texts, all little
// endian.
type CountTexts struct {
	Texts []string
}

// TextsCounted answers CountTexts.
type TextsCounted struct {
	Tokens []int `json:"tokens"` // of each text
}

// Failed ends a request, or the loading when the id is 0.
type Failed struct {
	Kind    fault.Kind `json:"kind"`
	Message string     `json:"message"` // public
	Cause   string     `json:"cause,omitempty"`
}

// Failure brings an error into the form that travels.
func Failure(err error) Failed {
	f := fault.As(err)
	out := Failed{Kind: f.Kind, Message: f.Message}
	if cause := f.Unwrap(); cause != nil {
		out.Cause = cause.Error()
	}
	return out
}

// Err is the error that f stands for.
func (f Failed) Err() error {
	if f.Cause == "" {
		return fault.New(f.Kind, "%s", f.Message)
	}
	return fault.Wrap(f.Kind, causeText(f.Cause), "%s", f.Message)
}

// causeText is a cause that crossed a process border.
type causeText string

func (c causeText) Error() string { return string(c) }
