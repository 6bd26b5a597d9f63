package bedrockruntime

import (
	"slices"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/router"
)

// features is what a conversation with a model may contain, as the catalog
// knows it of the model that was asked for. What the model that answers can
// read is its backend's business.
type features struct {
	own        bool   // an ID of the operator's own
	format     string // the catalog's native format
	tools      bool
	streams    bool // tools in streams
	choice     bool // a tool of any name may be forced
	named      bool // a tool of one name may be forced
	status     bool // a tool's result may say that it failed
	vision     bool
	documents  bool
	video      bool
	audio      bool
	reasoning  bool
	citations  bool // text with its sources, and search results
	caching    bool // cache points
	structured bool
	buckets    bool // files may be named by their place in a bucket
	turns      bool // more than one message
	system     bool // messages of the role system
}

// featuresOf returns what the catalog knows. An ID of the operator's own may
// contain everything: nobody said what it cannot do.
func featuresOf(t *router.Target) features {
	m := t.Entry
	f := features{format: m.NativeFormat}
	if m.Provider == catalog.OwnProvider {
		f.own = true
		f.tools, f.streams, f.choice, f.named, f.status = true, true, true, true, true
		f.vision, f.documents, f.video, f.audio, f.reasoning = true, true, true, true, true
		f.citations, f.caching, f.structured, f.buckets, f.turns, f.system = true, true, true, true, true, true
		return f
	}
	s := m.Supports
	f.tools, f.streams, f.vision, f.documents = s.Tools, !m.RefusesToolStreaming(), s.Vision, !m.RefusesDocuments()
	f.reasoning, f.structured, f.caching = s.Reasoning, s.StructuredOutput, s.PromptCaching
	f.video = slices.Contains(m.InputModalities, "VIDEO")
	f.audio = slices.Contains(m.InputModalities, "SPEECH") || slices.Contains(m.InputModalities, "AUDIO")
	// The rest is the service's documentation: choices and status by family,
	// places in buckets by the first Nova models, citations by Claude models of
	// the age that caches.
	f.choice, f.named, f.status, f.turns = true, true, true, true
	switch f.format {
	case "meta-llama", "cohere-command-r", "ai21-jamba":
		f.choice, f.named, f.status = false, false, false
	case "mistral-text", "mistral-chat":
		f.named, f.status = false, false
	case "cohere-command", "ai21-j2":
		f.turns = false
	case "nova-messages":
		f.buckets = f.vision
	case anthropicMessages:
		f.citations = s.PromptCaching
	}
	return f
}
