package inference

import "encoding/json"

// Part is a piece of a message. Adapters answer Unsupported for a part that
// they do not know or that their model cannot read; they never leave one out,
// but for CachePoint, which only saves work.
type Part interface{ part() }

// Text is a run of text. Special tokens in it are never parsed.
type Text struct{ Text string }

// Guarded is text that the caller marked for a guardrail. Without one it is
// text like any other.
type Guarded struct {
	Text       string
	Qualifiers []string // "grounding_source", "query", "guard_content"
}

// Image is a picture: its bytes, or where it is.
type Image struct {
	Format string // "png", "jpeg", "gif", "webp"
	Bytes  []byte
	URL    string // https: or s3:, when Bytes is nil
	Owner  string // account of the s3: bucket, where the caller named one
	Detail string // "low", "high", "auto": how closely to look; empty when not said
	// Guarded says that the caller marked it for a guardrail.
	Guarded bool
}

// Document is a file to read.
type Document struct {
	Format    string // "pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"
	Name      string
	Context   string // what the caller says about it
	Citations bool   // the answer shall name its passages
	// One of these is its content.
	Bytes   []byte
	Text    string
	Content []string // passages, each citable by its number
	URL     string   // https: or s3:
	Owner   string   // as Image's
}

// Video is a film: its bytes, or where it is.
type Video struct {
	Format string // "mp4", "mov", …
	Bytes  []byte
	URL    string // s3:
	Owner  string
}

// Audio is a recording: its bytes, or where it is.
type Audio struct {
	Format string // "mp3", "wav", …
	Bytes  []byte
	URL    string // s3:
	Owner  string
}

// ToolUse is a call of a tool that the model made.
type ToolUse struct {
	ID    string
	Name  string
	Input json.RawMessage // an object, or what the model wrote
	Kind  string          // as ToolStart's
}

// ToolResult is what a tool answered.
type ToolResult struct {
	ID      string // of the ToolUse
	Content []Part // Text, JSON, Image, Document, Video, SearchResult
	Failed  bool
	// Status is true when the caller said whether it failed, true or false.
	Status bool
	Kind   string // as the vendor says; empty for the caller's tools
}

// JSON is a value in a tool's result.
type JSON struct{ Value json.RawMessage }

// Reasoning is what the model thought, given back to it: with its signature, or
// redacted.
type Reasoning struct {
	Text      string
	Signature string
	Redacted  []byte // when set, the others are empty
}

// CachePoint says that everything before it is worth keeping for the next
// request.
type CachePoint struct {
	TTL string // "5m", "1h"; empty for the default
}

// Cited is text with where it is from: an answer's, given back.
type Cited struct {
	Text      []string
	Citations []Citation
}

// SearchResult is a passage that the caller found.
type SearchResult struct {
	Source    string
	Title     string
	Content   []string
	Citations *bool // the answer shall name it; nil when not said
}

// Citation is where a piece of an answer is from.
type Citation struct {
	Title  string
	Source string   // of a search result
	Quotes []string // the passages' text
	// Location is where in the source it is; nil when not said.
	Location *Location
}

// Location is a place in a source.
type Location struct {
	Unit     LocationUnit
	Document int // number of the document or search result, from 0
	Start    int // from 0; pages from 1
	End      int // exclusive, as vendors count; pages too
	URL      string
	Domain   string
	// Proof is what a vendor wants to see again of a place in the web.
	Proof string
}

// LocationUnit says what a Location counts.
type LocationUnit string

// The units.
const (
	LocationChars  LocationUnit = "char"
	LocationPages  LocationUnit = "page"
	LocationChunks LocationUnit = "chunk"
	LocationSearch LocationUnit = "search"
	LocationWeb    LocationUnit = "web"
)

func (Text) part()         {}
func (Guarded) part()      {}
func (Image) part()        {}
func (Document) part()     {}
func (Video) part()        {}
func (Audio) part()        {}
func (ToolUse) part()      {}
func (ToolResult) part()   {}
func (JSON) part()         {}
func (Reasoning) part()    {}
func (CachePoint) part()   {}
func (Cited) part()        {}
func (SearchResult) part() {}

// Tool is something that the model may ask the caller to do.
type Tool struct {
	Name        string
	Description string
	Schema      json.RawMessage // JSON Schema of its input, an object; empty for a vendor's own tool
	Strict      *bool           // the input must fit the schema; nil when not said
	// Kind is empty for a tool of the caller's; else the vendor's name of one of
	// its own ("bash_20250124"), or "system" for Converse's system tools.
	Kind string
	// Config holds the further members of a vendor's tool, as an object.
	Config json.RawMessage
	// Cache is a cache point right after this tool.
	Cache *CachePoint
}

// ToolChoice says whether the model must call a tool.
type ToolChoice struct {
	Mode ToolMode
	Name string // for ToolNamed
}

// ToolMode is the kind of a ToolChoice.
type ToolMode string

// The modes.
const (
	ToolDefault ToolMode = ""     // not said: as ToolAuto
	ToolAuto    ToolMode = "auto" // the model decides
	ToolAny     ToolMode = "any"  // it calls at least one
	ToolNamed   ToolMode = "tool" // it calls the one of the name
	ToolNone    ToolMode = "none" // it calls none
)

// OutputFormat is a JSON Schema that the answer fits.
type OutputFormat struct {
	Name        string
	Description string
	Schema      json.RawMessage // empty: any JSON object
	Strict      *bool
}

// ReasoningConfig says how much the model may think.
type ReasoningConfig struct {
	Mode    ReasoningMode
	Budget  int    // tokens, for ReasoningOn; 0 when not said
	Effort  string // "minimal", "low", "medium", "high", "xhigh", "max"; empty when not said
	Display string // "summarized", "omitted"; empty when not said
}

// ReasoningMode switches thinking.
type ReasoningMode string

// The modes.
const (
	ReasoningDefault  ReasoningMode = ""
	ReasoningOn       ReasoningMode = "enabled"
	ReasoningOff      ReasoningMode = "disabled"
	ReasoningAdaptive ReasoningMode = "adaptive"
)
