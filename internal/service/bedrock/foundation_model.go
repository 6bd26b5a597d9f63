package bedrock

import (
	"context"
	"slices"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/bedrock"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// ListFoundationModels lists the region's models, in the catalog's order, each
// followed by its variants for provisioned throughput.
func (s *Service) ListFoundationModels(ctx context.Context, in *api.ListFoundationModelsInput) (*api.ListFoundationModelsOutput, error) {
	region := call.From(ctx).Region
	out := &api.ListFoundationModelsOutput{ModelSummaries: []api.FoundationModelSummary{}}
	for _, m := range s.models.Models(region) {
		if !s.listed(m) {
			continue
		}
		for _, id := range append([]string{m.ID}, m.ProvisionedIDs...) {
			summary := api.FoundationModelSummary(s.details(m, id, region))
			if matches(in, &summary) {
				out.ModelSummaries = append(out.ModelSummaries, summary)
			}
		}
	}
	return out, nil
}

// matches applies the filters; one that is not set lets everything through.
func matches(in *api.ListFoundationModelsInput, m *api.FoundationModelSummary) bool {
	return (in.ByProvider == nil || strings.EqualFold(*in.ByProvider, *m.ProviderName)) &&
		(in.ByCustomizationType == "" || slices.Contains(m.CustomizationsSupported, in.ByCustomizationType)) &&
		(in.ByOutputModality == "" || slices.Contains(m.OutputModalities, in.ByOutputModality)) &&
		(in.ByInferenceType == "" || slices.Contains(m.InferenceTypesSupported, in.ByInferenceType))
}

// GetFoundationModel describes one model, by ID or by an ARN of this region.
func (s *Service) GetFoundationModel(ctx context.Context, in *api.GetFoundationModelInput) (*api.GetFoundationModelOutput, error) {
	region := call.From(ctx).Region
	m, id, err := s.find(schema.Deref(in.ModelIdentifier), region)
	if err != nil {
		return nil, err
	}
	details := s.details(m, id, region)
	return &api.GetFoundationModelOutput{ModelDetails: &details}, nil
}

// find looks a model up and returns the ID under which it was found.
func (s *Service) find(identifier, region string) (*catalog.Model, string, error) {
	id := catalog.Parse(identifier)
	if id.Kind == catalog.NameID || id.Kind == catalog.FoundationModel && (region == "" || id.Region == region) {
		for _, m := range s.models.Models(region) {
			if (m.ID == id.Name || slices.Contains(m.ProvisionedIDs, id.Name)) && s.listed(m) {
				return m, id.Name, nil
			}
		}
	}
	return nil, "", fault.New(fault.NotFound, "Could not resolve the foundation model from the provided model identifier.")
}

// listed reports whether a model is shown: an ended one only while its end is
// ignored.
func (s *Service) listed(m *catalog.Model) bool {
	return s.params.Lifecycle != router.Enforce || m.LifecycleAt(s.params.Now()) != catalog.EOL
}

func (s *Service) details(m *catalog.Model, id, region string) api.FoundationModelDetails {
	arn := s.catalog.FoundationModelARN(region, id)
	types := m.Inference()
	if id != m.ID {
		types = []string{catalog.Provisioned}
	}
	// The API has no word for a model that has ended but is still served.
	lifecycle := &api.FoundationModelLifecycle{Status: api.FoundationModelLifecycleStatusActive}
	if m.LifecycleAt(s.params.Now()) != catalog.Active {
		lifecycle.Status = api.FoundationModelLifecycleStatusLegacy
	}
	if !m.EOLDate.IsZero() {
		lifecycle.EndOfLifeTime = &m.EOLDate.Time
	}
	return api.FoundationModelDetails{
		ModelArn: &arn, ModelId: &id, ModelName: &m.Name, ProviderName: &m.Provider,
		InputModalities:            words[api.ModelModality](m.InputModalities),
		OutputModalities:           words[api.ModelModality](m.OutputModalities),
		ResponseStreamingSupported: &m.Streaming,
		CustomizationsSupported:    words[api.ModelCustomization](m.Customizations),
		InferenceTypesSupported:    words[api.InferenceType](types),
		ModelLifecycle:             lifecycle,
	}
}

// words gives strings an enum's type. The list is never nil: the service sends
// empty lists.
func words[T ~string](list []string) []T {
	out := make([]T, len(list))
	for i, w := range list {
		out[i] = T(w)
	}
	return out
}
