package chatcompletions

// Flavor says what a server makes differently from the others. Its zero value
// is what every one of them understands.
type Flavor struct {
	// MaxCompletionTokens is the name of the limit: max_completion_tokens, and
	// not max_tokens.
	MaxCompletionTokens bool
	// IncludeUsage: stream_options.include_usage is known.
	IncludeUsage bool
	// TopK: top_k is known.
	TopK bool
	// Parallel: parallel_tool_calls is known.
	Parallel bool
	// AnyForNamed: tool_choice is a word and nothing else, so that a named tool
	// is asked for by leaving out the others.
	AnyForNamed bool
	// AnyWord is the word for "at least one tool"; "required" when empty.
	AnyWord string
	// JoinText writes the texts of a message as one, because the server makes a
	// message of each.
	JoinText bool
	// Audio, Video and Files: input_audio, video_url and file parts are read.
	Audio, Video, Files bool
	// ToolMedia: images are read in the result of a tool, too.
	ToolMedia bool
	// Links: media may be named by their https: address, which the server fetches.
	// Nobody shall make the operator's own servers ask others from within.
	Links bool
	// NoImages: nothing but text is read.
	NoImages bool
	// JSONObject: response_format knows json_object and no schema.
	JSONObject bool
	// Reasoning is how thinking is asked for.
	Reasoning ReasoningStyle
	// ReasoningBack is the member of an assistant's message that gives its
	// thoughts back; empty where a server wants none.
	ReasoningBack string
	// Prefill is how a trailing assistant message is gone on from.
	Prefill PrefillStyle
}

// ReasoningStyle is how a server is asked to think.
type ReasoningStyle uint8

// The styles.
const (
	ReasoningEffort   ReasoningStyle = iota // reasoning_effort; none switches it off
	ReasoningTemplate                       // reasoning_effort, and chat_template_kwargs.enable_thinking to switch
	ReasoningThinking                       // thinking.type: enabled or disabled
	ReasoningObject                         // reasoning: effort, max_tokens, enabled
	ReasoningNone                           // not at all
)

// PrefillStyle is how a server goes on with an assistant's message.
type PrefillStyle uint8

// The styles.
const (
	PrefillPlain    PrefillStyle = iota // it does so by itself, or not
	PrefillContinue                     // continue_final_message and add_generation_prompt
	PrefillPrefix                       // prefix in the message
)

// Full knows every member that this package reads: what it writes holds all that
// the format can carry.
var Full = Flavor{ //nolint:gochecknoglobals // a constant
	MaxCompletionTokens: true, IncludeUsage: true, TopK: true, Parallel: true, Audio: true, Video: true, Files: true, Links: true, ToolMedia: true,
	ReasoningBack: "reasoning_content",
}
