package app

import (
	"github.com/outcrop/outcrop/internal/edge"
	"github.com/outcrop/outcrop/internal/service/anthropicdoor"
	"github.com/outcrop/outcrop/internal/service/openaidoor"
	"github.com/outcrop/outcrop/internal/service/serving"
)

// promptRouting chooses models for the prompts of doors.
func (a *App) promptRouting() serving.PromptRouting {
	return serving.PromptRouting{Routers: a.named.routers, Price: outputPrice(a.catalog)}
}

// openAI is the door for OpenAI's clients.
func (a *App) openAI() edge.Service {
	s := openaidoor.New(openaidoor.Params{
		Router: a.models, Fitter: a.fitter, Catalog: a.catalog, Models: a.router.Models, Own: a.own, Kept: a.state,
		Now: a.p.Now, ModelTimeout: a.p.Config.Timeouts.Model, Routing: a.promptRouting(),
	})
	return edge.Service{
		Schema: s.Schema(), Handlers: s.Handlers(), Codec: s,
		Door: &edge.Door{Prefix: openaidoor.Prefix, Aliases: []string{openaidoor.Alias}, Describe: s.Describe, Events: s.Events()},
	}
}

// anthropic is the door for Anthropic's clients.
func (a *App) anthropic() edge.Service {
	s := anthropicdoor.New(anthropicdoor.Params{
		Router: a.models, Catalog: a.catalog, Own: a.own, Now: a.p.Now, ModelTimeout: a.p.Config.Timeouts.Model, Routing: a.promptRouting(),
	})
	return edge.Service{
		Schema: s.Schema(), Handlers: s.Handlers(), Codec: s,
		Door: &edge.Door{Prefix: anthropicdoor.Prefix, KeyHeader: anthropicdoor.KeyHeader, Describe: s.Describe, Events: s.Events()},
	}
}
