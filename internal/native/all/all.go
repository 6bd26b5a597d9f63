// Package all is the list of the native formats: which family reads the bodies
// of which nativeFormat of the model catalog. Only the wiring and the services
// look into it.
package all

import (
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/amazonimage"
	"github.com/outcrop/outcrop/internal/native/claude"
	"github.com/outcrop/outcrop/internal/native/claudetext"
	"github.com/outcrop/outcrop/internal/native/coherechat"
	"github.com/outcrop/outcrop/internal/native/coherecommand"
	"github.com/outcrop/outcrop/internal/native/cohereembed"
	"github.com/outcrop/outcrop/internal/native/deepseektext"
	"github.com/outcrop/outcrop/internal/native/j2"
	"github.com/outcrop/outcrop/internal/native/jamba"
	"github.com/outcrop/outcrop/internal/native/llama"
	"github.com/outcrop/outcrop/internal/native/mistralchat"
	"github.com/outcrop/outcrop/internal/native/mistraltext"
	"github.com/outcrop/outcrop/internal/native/nova"
	"github.com/outcrop/outcrop/internal/native/novaembed"
	"github.com/outcrop/outcrop/internal/native/openaichat"
	"github.com/outcrop/outcrop/internal/native/pegasus"
	"github.com/outcrop/outcrop/internal/native/rerank"
	"github.com/outcrop/outcrop/internal/native/stability"
	"github.com/outcrop/outcrop/internal/native/titanembed"
	"github.com/outcrop/outcrop/internal/native/titantext"
)

// Families returns the text families by the catalog's nativeFormat. The map is
// the caller's own.
func Families() map[string]native.Family {
	return map[string]native.Family{
		"anthropic-messages": claude.Family{},
		"anthropic-text":     claudetext.Family{},
		"ai21-j2":            j2.Family{},
		"ai21-jamba":         jamba.Family{},
		"cohere-command":     coherecommand.Family{},
		"cohere-command-r":   coherechat.Family{},
		"deepseek-text":      deepseektext.Family{},
		"meta-llama":         llama.Family{},
		"mistral-chat":       mistralchat.Family{},
		"mistral-text":       mistraltext.Family{},
		"nova-messages":      nova.Family{},
		"openai-chat":        openaichat.Family{},
		"titan-text":         titantext.Family{},
		"twelvelabs-pegasus": pegasus.Family{},
	}
}

// Embeddings returns the embedding families by the catalog's nativeFormat. The
// map is the caller's own.
func Embeddings() map[string]native.Embedding {
	return map[string]native.Embedding{
		"cohere-embed-v3": cohereembed.V3{},
		"cohere-embed-v4": cohereembed.V4{},
		"nova-embed":      novaembed.Family{},
		"titan-embed-g1":  titanembed.V1{},
		"titan-embed-mm":  titanembed.Multimodal{},
		"titan-embed-v2":  titanembed.V2{},
	}
}

// Rerankings returns the rerank families by the catalog's nativeFormat. The map
// is the caller's own.
func Rerankings() map[string]native.Reranking {
	return map[string]native.Reranking{"rerank": rerank.Family{}}
}

// Images returns the image families by the catalog's nativeFormat. The map is the
// caller's own.
func Images() map[string]native.Imaging {
	return map[string]native.Imaging{
		"amazon-image":    amazonimage.Family{},
		"stability-edit":  stability.Edit{},
		"stability-image": stability.Image{},
	}
}
