// Package chatcompletions translates between OpenAI's Chat Completions JSON and
// the hub, in both directions: requests, whole answers and the chunks of
// streamed ones. Servers that speak the format, native bodies of its shape and
// the door for OpenAI's clients all use it, so that it is written once.
//
// It knows no HTTP, no server-sent events and no server: what servers make
// differently is the data of a Flavor.
package chatcompletions

import (
	"github.com/outcrop/outcrop/internal/inference"
)

// Dialect is the format of which Request.Extra's members are.
const Dialect = "openai-chat"

// Call is a decoded request.
type Call struct {
	Request *inference.Request
	Model   string // as the caller named it; empty when not said
	Stream  bool
	// IncludeUsage is stream_options.include_usage.
	IncludeUsage bool
	User         string // the caller's word for its own user; it is in Extra, too
	// Unpaired is what OpenAI's own servers refuse of the calls of tools and of
	// what the tools answered, while others take it; nil: nothing.
	Unpaired *Unpaired
	// Unknown are the members that OpenAI's format does not have, sorted. Those
	// of the request itself are in Request.Extra.
	Unknown []string
}

// Unpaired is a message that does not fit the calls before it.
type Unpaired struct {
	Param   string // "messages[2].role"
	Message string // in OpenAI's words
}

// EncodeOptions say how a request is written.
type EncodeOptions struct {
	Model  string // the server's name for the model
	Stream bool
	Flavor Flavor
}

// Meta is what an answer says besides the model's words.
type Meta struct {
	ID      string
	Model   string // the answer's own when empty
	Created int64  // seconds since 1970
	// IncludeUsage adds the usage to a stream. Whole answers always have it.
	IncludeUsage bool
	// Native says that the chunks are inside of a Bedrock stream: the usage is
	// in the last chunk, and not in one of its own.
	Native bool
	// InlineReasoning writes what the model thought as
	// <reasoning>…</reasoning> in front of the text, as Bedrock's native bodies
	// have it, and not as reasoning_content.
	InlineReasoning bool
}

// ServerError is an error that a server wrote where an answer should be.
type ServerError struct {
	Status  int    // 0 where it does not say
	Type    string // "invalid_request_error", …
	Code    string // "context_length_exceeded", …
	Message string // as the server wrote it; not for clients before it is cleaned
}

// Error implements error.
func (e *ServerError) Error() string { return "the server answered an error: " + e.Message }
