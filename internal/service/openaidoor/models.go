package openaidoor

import (
	"context"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/service/door"
)

// modelObject is OpenAI's. When a model was made is not known.
type modelObject struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

func objectOfModel(id string, m *catalog.Model) modelObject {
	return modelObject{ID: id, Object: "model", OwnedBy: strings.ToLower(strings.ReplaceAll(m.Provider, " ", "-"))}
}

// models are those of the region that chat completions or embeddings can use, by
// every name that a request may have: the base models, the inference profiles,
// the names of the newer endpoint, the operator's own.
func (s *Service) models(region string) []modelObject {
	var list []modelObject
	offered := map[string]bool{}
	for _, m := range s.p.Models(region) {
		if kind := m.Kind(); kind != catalog.Text && kind != catalog.Embedding {
			continue
		}
		offered[m.ID] = true
		list = append(list, objectOfModel(m.ID, m))
		if m.MantleID != "" && m.MantleID != m.ID {
			list = append(list, objectOfModel(m.MantleID, m))
		}
	}
	for _, p := range s.p.Catalog.Profiles(region) {
		if offered[p.Model.ID] {
			list = append(list, objectOfModel(p.ID, p.Model))
		}
	}
	slices.SortFunc(list, func(a, b modelObject) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// listModels answers GET /models.
func (s *Service) listModels(ctx context.Context, _ *door.Input) (*door.Output, error) {
	return &door.Output{Body: encode(map[string]any{"object": "list", "data": s.models(region(ctx))})}, nil
}

// getModel answers GET /models/{id}.
func (s *Service) getModel(ctx context.Context, in *door.Input) (*door.Output, error) {
	id := in.Labels["model"]
	for _, m := range s.models(region(ctx)) {
		if m.ID == id {
			return &door.Output{Body: encode(m)}, nil
		}
	}
	return nil, noModel(nil)
}
