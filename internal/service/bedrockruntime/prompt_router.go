package bedrockruntime

import (
	"context"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/promptrouter"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// PromptRouters finds prompt routers; *promptrouter.Registry does.
type PromptRouters interface {
	Known(arn, region, account string) (promptrouter.Router, bool)
}

// chosen is the model that an identifier names for a prompt: of a prompt router
// the one that it chooses, of anything else itself. routed is what Converse's
// trace tells of the choice; nil where there was none. An unknown router stays
// as it is, and is answered as any unknown model.
func (s *Service) chosen(ctx context.Context, identifier *string, prompt func() promptrouter.Prompt) (id string, routed *api.PromptRouterTrace) {
	id = schema.Deref(identifier)
	if s.params.Routers == nil || !strings.HasPrefix(id, "arn:") || catalog.Parse(id).Kind != catalog.PromptRouter {
		return id, nil
	}
	c := call.From(ctx)
	r, ok := s.params.Routers.Known(id, c.Region, c.Account)
	if !ok {
		return id, nil
	}
	model := promptrouter.Choose(&r.Body, prompt(), s.params.Price)
	return model, &api.PromptRouterTrace{InvokedModelId: &model}
}

// promptOf is what a choice is made from in a conversation.
func promptOf(messages []api.Message, tools *api.ToolConfiguration) promptrouter.Prompt {
	p := promptrouter.Prompt{Turns: max(len(messages)-1, 0), Tools: tools != nil}
	if len(messages) == 0 {
		return p
	}
	var b strings.Builder
	for _, block := range messages[len(messages)-1].Content {
		b.WriteString(schema.Deref(block.Text))
	}
	p.Text = b.String()
	return p
}
