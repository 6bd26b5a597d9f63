// Package messages is Anthropic's Messages format: it translates its JSON to the
// hub and back, requests, whole answers and streams.
//
// It is what the native bodies of Claude, the door /anthropic/v1 and the backend
// that asks Anthropic's servers have in common. It sends nothing, knows no model
// and no limit that only one of its users has. What the format refuses it
// refuses in the words of Anthropic's API, which name the place:
// "messages.0.content.1.image.source.type: Field required".
package messages

import (
	"github.com/outcrop/outcrop/internal/inference"
)

// Dialect is the format's name in the catalog and in Request.Dialect.
const Dialect = "anthropic-messages"

// Call is a decoded request.
type Call struct {
	Request *inference.Request
	Model   string   // as the caller named it; empty in the bodies of Bedrock
	Stream  bool     // the answer shall be streamed
	User    string   // metadata.user_id
	Version string   // anthropic_version, which only Bedrock's bodies have
	Betas   []string // anthropic_beta, which only Bedrock's bodies have
}

// EncodeOptions says what a request is sent as.
type EncodeOptions struct {
	Model  string // left out when empty
	Stream bool
	// Count makes it a request that only asks for its tokens: without max_tokens
	// and what else is about the answer.
	Count bool
	// MaxTokens is what the format's max_tokens becomes when the request says
	// nothing; the format has no default of its own.
	MaxTokens int
	// BetasApart leaves anthropic_beta out: it goes into a header.
	BetasApart bool
	// NoEffort says that the model knows no output_config.effort: it becomes a
	// budget of thinking.
	NoEffort bool
}

// Meta is what an answer says about itself.
type Meta struct {
	ID    string // "msg_01…"
	Model string
	// Native is set inside of a Bedrock native body: a stream then ends before
	// message_stop, into which the caller puts the metrics, and usage has only
	// what Bedrock's bodies have.
	Native bool
	// NoCache leaves the counts of the prompt cache out, as models that have none
	// do.
	NoCache bool
	// NoRefusal and NoContextWindow are for models that are older than these
	// reasons to stop: they say end_turn and max_tokens.
	NoRefusal       bool
	NoContextWindow bool
}
