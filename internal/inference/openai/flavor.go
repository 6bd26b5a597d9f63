package openai

import (
	"context"
	"net/url"
	"strings"

	"github.com/outcrop/outcrop/internal/chatcompletions"
)

// flavor is what is particular about a kind of server. The zero value of each
// member is what every server does.
type flavor struct {
	chat chatcompletions.Flavor
	// hosts end the names of the vendor's own servers, and owner is the word for
	// owned_by in the list of models: by them a flavor is found out.
	hosts []string
	owner string

	health     string // path of a probe; the models when empty
	counting   counting
	rerank     string // path; /rerank when empty
	logits     bool   // rerank answers numbers that are no probabilities
	base64     bool   // embeddings come as base64, which is smaller and faster to read
	dimensions bool   // embeddings know dimensions
	single     bool   // the server has one model, whatever name it is asked for
	echoes     bool   // the answer begins with the text that it goes on from
	show       bool   // Ollama's description of a model
	// images is how images are asked for: response_format, seeds and what images
	// shall not show.
	images imageStyle
}

// counting is how a server counts the tokens of a prompt.
type counting uint8

const (
	countsNothing   counting = iota
	countsMessages           // vLLM: /tokenize takes the messages
	countsTemplates          // llama-server: /apply-template writes the prompt, /tokenize cuts it
)

type imageStyle uint8

const (
	imagesOpen   imageStyle = iota // members that servers of open models have
	imagesOpenAI                   // OpenAI's own
)

// flavors are the kinds of servers, by their names in outcrop.yaml. Each member
// comes from the server's documentation, or from its source where there is one.
var flavors = map[string]flavor{ //nolint:gochecknoglobals // a constant table
	"": {chat: chatcompletions.Flavor{IncludeUsage: true}},
	"vllm": {
		chat: chatcompletions.Flavor{
			IncludeUsage: true, TopK: true, Parallel: true, Audio: true, Video: true, ToolMedia: true,
			Reasoning: chatcompletions.ReasoningTemplate, ReasoningBack: "reasoning", Prefill: chatcompletions.PrefillContinue,
		},
		owner: "vllm", health: "//health", counting: countsMessages, base64: true,
	},
	"llama-server": {
		chat: chatcompletions.Flavor{
			IncludeUsage: true, TopK: true, Parallel: true, AnyForNamed: true, Audio: true,
			Reasoning: chatcompletions.ReasoningTemplate, ReasoningBack: "reasoning_content",
		},
		owner: "llamacpp", health: "//health", counting: countsTemplates, logits: true, base64: true, single: true, echoes: true,
	},
	"ollama": {
		chat:  chatcompletions.Flavor{IncludeUsage: true, JoinText: true, ReasoningBack: "reasoning"},
		owner: "library", show: true,
	},
	"sglang": {
		chat: chatcompletions.Flavor{
			IncludeUsage: true, TopK: true, Parallel: true, Audio: true, Video: true,
			Reasoning: chatcompletions.ReasoningTemplate, ReasoningBack: "reasoning_content", Prefill: chatcompletions.PrefillContinue,
		},
		owner: "sglang", health: "//health", rerank: "/rerank",
	},
	"lmstudio": {
		chat:  chatcompletions.Flavor{IncludeUsage: true, TopK: true, AnyForNamed: true},
		owner: "organization_owner",
	},
	"nim": {
		chat:   chatcompletions.Flavor{IncludeUsage: true, TopK: true, Parallel: true, Reasoning: chatcompletions.ReasoningTemplate},
		hosts:  []string{"api.nvidia.com"},
		health: "/health/ready",
	},
	"openai": {
		chat:  chatcompletions.Flavor{Links: true, MaxCompletionTokens: true, IncludeUsage: true, Parallel: true, Audio: true, Files: true},
		hosts: []string{"api.openai.com"}, owner: "system", base64: true, dimensions: true, images: imagesOpenAI,
	},
	"azure": {
		chat:  chatcompletions.Flavor{Links: true, MaxCompletionTokens: true, IncludeUsage: true, Parallel: true, Audio: true, Files: true},
		hosts: []string{".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com"}, base64: true, dimensions: true, images: imagesOpenAI,
	},
	"gemini": {
		chat:  chatcompletions.Flavor{Links: true, IncludeUsage: true, Audio: true, Files: true},
		hosts: []string{"generativelanguage.googleapis.com"}, dimensions: true, images: imagesOpenAI,
	},
	"deepseek": {
		chat: chatcompletions.Flavor{
			IncludeUsage: true, NoImages: true, JSONObject: true, Reasoning: chatcompletions.ReasoningThinking, ReasoningBack: "reasoning_content",
			Prefill: chatcompletions.PrefillPrefix,
		},
		hosts: []string{"api.deepseek.com"}, owner: "deepseek",
	},
	"mistral": {
		chat: chatcompletions.Flavor{
			Links: true, Parallel: true, AnyWord: "any", Reasoning: chatcompletions.ReasoningNone, Prefill: chatcompletions.PrefillPrefix,
		},
		hosts: []string{"api.mistral.ai"}, owner: "mistralai",
	},
	"openrouter": {
		chat: chatcompletions.Flavor{
			Links: true, IncludeUsage: true, TopK: true, Parallel: true, Audio: true, Files: true, Reasoning: chatcompletions.ReasoningObject, ReasoningBack: "reasoning",
		},
		hosts: []string{"openrouter.ai"},
	},
	"groq": {
		chat:  chatcompletions.Flavor{Links: true, MaxCompletionTokens: true, IncludeUsage: true, Parallel: true},
		hosts: []string{"api.groq.com"},
	},
	"together": {
		chat:  chatcompletions.Flavor{Links: true, IncludeUsage: true, TopK: true},
		hosts: []string{"api.together.xyz", "api.together.ai"},
	},
}

// byHost finds the flavor of a vendor's own server.
func byHost(address string) (flavor, bool) {
	u, err := url.Parse(address)
	if err != nil {
		return flavor{}, false
	}
	host := strings.ToLower(u.Hostname())
	for _, f := range flavors {
		for _, name := range f.hosts {
			if host == name || strings.HasPrefix(name, ".") && strings.HasSuffix(host, name) || strings.HasSuffix(host, "."+name) {
				return f, true
			}
		}
	}
	return flavor{}, false
}

// flavor returns what the server is, and asks it the first time when nobody said.
// A server that does not answer is asked again at the next request.
func (b *Backend) flavor(ctx context.Context) (*flavor, error) {
	if f := b.known.Load(); f != nil {
		return f, nil
	}
	list, err := b.models(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return b.own(flavors[""]), nil // the request itself will tell what is wrong
	}
	f := flavors[""]
	if len(list) > 0 {
		for _, candidate := range flavors {
			if candidate.owner != "" && candidate.owner == list[0].OwnedBy {
				f = candidate
			}
		}
	}
	found := b.own(f)
	b.known.Store(found)
	return found, nil
}
