package serving

import (
	"context"
	"strings"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/promptrouter"
)

// PromptRouters finds prompt routers; *promptrouter.Registry does.
type PromptRouters interface {
	Known(arn, region, account string) (promptrouter.Router, bool)
}

// PromptRouting chooses models for prompts. Its zero value knows no routers.
type PromptRouting struct {
	Routers PromptRouters
	Price   promptrouter.Price // what a model's answers cost, by the ARN of the model or profile
}

// Chosen is the model that an identifier names for a prompt: of a prompt router
// the one that it chooses, of anything else itself. routed says that there was a
// choice. An unknown router stays as it is, and is answered as any unknown model.
func (p PromptRouting) Chosen(ctx context.Context, id string, prompt func() promptrouter.Prompt) (model string, routed bool) {
	if p.Routers == nil || !strings.HasPrefix(id, "arn:") || catalog.Parse(id).Kind != catalog.PromptRouter {
		return id, false
	}
	c := call.From(ctx)
	r, ok := p.Routers.Known(id, c.Region, c.Account)
	if !ok {
		return id, false
	}
	return promptrouter.Choose(&r.Body, prompt(), p.Price), true
}

// PromptOf is what a choice is made from in a request.
func PromptOf(req *inference.Request) promptrouter.Prompt {
	p := promptrouter.Prompt{Turns: max(len(req.Messages)-1, 0), Tools: len(req.Tools) > 0}
	if len(req.Messages) == 0 {
		return p
	}
	var b strings.Builder
	for _, part := range req.Messages[len(req.Messages)-1].Parts {
		if text, ok := part.(inference.Text); ok {
			b.WriteString(text.Text)
		}
	}
	p.Text = b.String()
	return p
}
