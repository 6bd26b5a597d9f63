package bedrockruntime

import (
	"context"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/promptrouter"
	"github.com/outcrop/outcrop/internal/service/serving"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// PromptRouters finds prompt routers; *promptrouter.Registry does.
type PromptRouters = serving.PromptRouters

// chosen is the model that an identifier names for a prompt; see
// serving.PromptRouting. routed is what Converse's trace tells of the choice;
// nil where there was none.
func (s *Service) chosen(ctx context.Context, identifier *string, prompt func() promptrouter.Prompt) (id string, routed *api.PromptRouterTrace) {
	model, chosen := serving.PromptRouting{Routers: s.params.Routers, Price: s.params.Price}.Chosen(ctx, schema.Deref(identifier), prompt)
	if !chosen {
		return model, nil
	}
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
