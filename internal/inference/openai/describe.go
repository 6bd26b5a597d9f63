package openai

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/remote"
)

// model is one of the server's list, with the members that servers add to it.
type model struct {
	ID      string   `json:"id"`
	Aliases []string `json:"aliases"`
	OwnedBy string   `json:"owned_by"`
	Max     int      `json:"max_model_len"`      // vLLM and SGLang
	Window  int      `json:"context_window"`     // Groq
	Length  int      `json:"context_length"`     // OpenRouter, Together
	Loaded  int      `json:"max_context_length"` // LM Studio, Mistral
	Meta    struct {
		Context    int   `json:"n_ctx"`
		Trained    int   `json:"n_ctx_train"`
		Embedding  int   `json:"n_embd"`
		Parameters int64 `json:"n_params"`
	} `json:"meta"` // llama-server
}

func (b *Backend) models(ctx context.Context) ([]model, error) {
	var list struct {
		Data []model `json:"data"`
	}
	err := b.get(ctx, "/models", &list)
	return list.Data, err
}

// Describe implements inference.Describer, by the server's list of models. Its
// family is the beginning of its name where the server does not say.
func (b *Backend) Describe(ctx context.Context, name string) (*inference.ModelInfo, error) {
	f, err := b.flavor(ctx)
	if err != nil {
		return nil, err
	}
	own := b.name(name)
	if f.show {
		return b.show(ctx, name, own)
	}
	list, err := b.models(ctx)
	if err != nil {
		return nil, err
	}
	found, ok := find(list, own)
	if !ok {
		if !f.single || len(list) == 0 {
			return nil, fault.New(fault.NotFound, "The model's server does not have the model.")
		}
		found = list[0]
	}
	info := &inference.ModelInfo{
		Name: name, Family: family(found.ID), Parameters: found.Meta.Parameters,
		ContextWindow: cmp.Or(found.Meta.Context, found.Max, found.Window, found.Length, found.Loaded, found.Meta.Trained),
	}
	return info, nil
}

func find(list []model, name string) (model, bool) {
	for _, m := range list {
		if m.ID == name || slices.Contains(m.Aliases, name) {
			return m, true
		}
	}
	return model{}, false
}

// family is the word that a model's name begins with: "qwen3" of
// "Qwen/Qwen3-8B".
func family(name string) string {
	name = strings.ToLower(name[strings.LastIndexAny(name, "/\\")+1:])
	if i := strings.IndexAny(name, "-:_ ."); i > 0 {
		name = name[:i]
	}
	return name
}

// show is Ollama's description of a model.
func (b *Backend) show(ctx context.Context, name, own string) (*inference.ModelInfo, error) {
	body, err := json.Marshal(map[string]string{"model": own})
	if err != nil {
		return nil, err
	}
	var answer struct {
		Details struct {
			Family string `json:"family"`
		} `json:"details"`
		Info         map[string]any `json:"model_info"`
		Capabilities []string       `json:"capabilities"`
	}
	if err := b.ask(ctx, "//api/show", body, &answer); err != nil {
		if remote.StatusOf(err) == http.StatusNotFound {
			return nil, fault.Wrap(fault.NotFound, err, "The model's server does not have the model.")
		}
		return nil, err
	}
	info := &inference.ModelInfo{Name: name, Family: cmp.Or(answer.Details.Family, family(own))}
	number := func(name string) int64 {
		n, _ := answer.Info[name].(float64)
		return int64(n)
	}
	architecture, _ := answer.Info["general.architecture"].(string)
	info.ContextWindow = int(number(architecture + ".context_length"))
	info.Parameters = number("general.parameter_count")
	for _, power := range answer.Capabilities {
		if power == "embedding" {
			info.Dimensions = int(number(architecture + ".embedding_length"))
		}
	}
	return info, nil
}

// Probe implements inference.Prober. A server that is started when it is needed
// would be, so it is not asked.
func (b *Backend) Probe(ctx context.Context) error {
	if b.p.Client.Asleep() {
		return nil
	}
	path := "/models"
	if f := b.known.Load(); f != nil && f.health != "" {
		path = f.health
	}
	r, err := b.p.Client.Do(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return err
	}
	return r.Close()
}
