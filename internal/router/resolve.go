package router

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
)

// Resolve finds who answers for an identifier in a region. want is the kind of
// model that the operation needs; "" takes a text, an embedding or a rerank model, and of
// another kind what a route names.
//
// Faults, with Bedrock's texts: NotFound or Invalid (as Params.UnknownModel
// says) for an identifier that leads nowhere, Invalid for an ARN of another
// region and for a model of the wrong kind, NotFound for an ended model when
// the lifecycle is enforced, Unsupported when nothing here can serve it.
//
// The account is the caller's. An ARN of a system-defined profile is accepted
// from any account: the same profiles are in all of them, and a program that
// has its own account's ARN written into it shall run.
func (r *Router) Resolve(_ context.Context, identifier, region, account string, want catalog.Kind) (*Target, error) {
	t, _, err := r.current.Load().resolve(identifier, region, account, want)
	return t, err
}

// resolve also returns the route, which is nil where the defaults hold.
func (s *snapshot) resolve(identifier, region, account string, want catalog.Kind) (*Target, *Route, error) {
	t, err := s.identify(identifier, region, account)
	if err != nil {
		return nil, nil, err
	}
	if s.params.Lifecycle == Enforce {
		if err := ended(t.Entry.LifecycleAt(s.params.Now())); err != nil {
			return nil, nil, err
		}
	}
	kind := t.Entry.Kind()
	route := s.route(t, identifier)
	if err := suits(t.ModelID, kind, want, route != nil); err != nil {
		return nil, nil, err
	}
	local, err := s.serving(t, route, kind)
	if err != nil {
		return nil, nil, err
	}
	t.Backend, t.Model, t.ServedBy = local.backend, local.model, local.String()
	_, t.known = s.catalog.Lookup(t.ModelID)
	t.StandIn = t.StandsIn(t.Model)
	return t, route, nil
}

// identify finds the record of what an identifier names.
func (s *snapshot) identify(identifier, region, account string) (*Target, error) {
	id := catalog.Parse(identifier)
	switch id.Kind {
	case catalog.NameID:
		if m, ok := s.catalog.Lookup(id.Name); ok {
			return s.model(m, region, identifier)
		}
		if p, ok := s.catalog.Profile(id.Name); ok {
			return s.profile(p, region, account, identifier)
		}
		for _, m := range s.own {
			if m.ID == id.Name && s.catalog.Offered(m, region) {
				return &Target{Entry: m, ModelID: m.ID, ARN: s.catalog.FoundationModelARN(region, m.ID)}, nil
			}
		}
		return s.provisioned(identifier, region, account)
	case catalog.FoundationModel:
		m, ok := s.catalog.Lookup(id.Name)
		if ok && (id.Region == "" || region == "" || id.Region == region) && s.samePartition(id, region) {
			return s.model(m, region, identifier)
		}
	case catalog.SystemProfile:
		if region != "" && id.Region != region {
			return nil, fault.New(fault.Invalid, "The provided ARN is invalid for the service region")
		}
		if p, ok := s.catalog.Profile(id.Name); ok && s.samePartition(id, region) {
			return s.profile(p, region, id.Account, identifier)
		}
	case catalog.Prompt:
		return nil, fault.New(fault.Unsupported, "Outcrop does not resolve prompt ARNs yet. Pass a model ID and the prompt's messages.")
	case catalog.PromptRouter:
		// Whoever asks has chosen a model already; nobody knows this router.
		return nil, s.unknown()
	case catalog.ProvisionedModel, catalog.CustomModel, catalog.CustomDeployment, catalog.ImportedModel,
		catalog.ApplicationProfile, catalog.Endpoint:
		for _, route := range s.params.Routes {
			if !strings.HasPrefix(route.Match, "arn:") {
				continue
			}
			if ok, _ := path.Match(route.Match, identifier); ok {
				like, _ := s.catalog.Lookup(route.Like)
				return &Target{Entry: ownEntry(identifier, like), ModelID: identifier, ARN: identifier}, nil
			}
		}
		if id.Kind == catalog.ApplicationProfile {
			return s.application(identifier, region, account)
		}
		if id.Kind == catalog.ProvisionedModel {
			return s.provisioned(identifier, region, account)
		}
	}
	return nil, s.unknown()
}

// application finds what an application inference profile leads to. It is billed
// and allowed under its own ARN.
func (s *snapshot) application(arn, region, account string) (*Target, error) {
	if s.params.Applications == nil {
		return nil, s.unknown()
	}
	source, _, ok := s.params.Applications.Lead(arn, region, account)
	if !ok {
		return nil, s.unknown()
	}
	t, err := s.identify(source, region, account)
	if err != nil {
		return nil, err
	}
	t.ARN = arn
	return t, nil
}

// provisioned finds the model of provisioned throughput.
func (s *snapshot) provisioned(identifier, region, account string) (*Target, error) {
	if s.params.Provisioned == nil {
		return nil, s.unknown()
	}
	arn, model, found, err := s.params.Provisioned.Provisioned(identifier, region, account)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, s.unknown()
	}
	if m, ok := s.catalog.Lookup(model); ok {
		return &Target{Entry: m, ModelID: m.ID, ARN: arn, Provisioned: arn}, nil
	}
	for _, m := range s.own {
		if m.ID == model {
			return &Target{Entry: m, ModelID: m.ID, ARN: arn, Provisioned: arn}, nil
		}
	}
	return nil, s.unknown()
}

func (s *snapshot) samePartition(id catalog.Identifier, region string) bool {
	return region == "" || id.Partition == s.catalog.Partition(region)
}

func (s *snapshot) model(m *catalog.Model, region, identifier string) (*Target, error) {
	if !s.catalog.Offered(m, region) || !m.OnRuntime() && !s.routed(m.ID, identifier) {
		return nil, s.unknown()
	}
	return &Target{Entry: m, ModelID: m.ID, ARN: s.catalog.FoundationModelARN(region, m.ID)}, nil
}

func (s *snapshot) profile(p *catalog.Profile, region, account, identifier string) (*Target, error) {
	if !s.catalog.ProfileOffered(p, region) || !p.Model.OnRuntime() && !s.routed(p.Model.ID, identifier) {
		return nil, s.unknown()
	}
	return &Target{Entry: p.Model, ModelID: p.Model.ID, ProfileID: p.ID, ARN: s.catalog.ProfileARN(region, account, p.ID)}, nil
}

// routed reports whether the operator asked for a model that bedrock-runtime
// does not have.
func (s *snapshot) routed(names ...string) bool {
	for _, route := range s.params.Routes {
		if slices.Contains(names, route.Match) {
			return true
		}
	}
	return false
}

func (s *snapshot) unknown() error {
	if s.params.UnknownModel == Validation {
		return fault.New(fault.Invalid, "The provided model identifier is invalid.")
	}
	return fault.New(fault.NotFound, "Could not resolve the foundation model from the provided model identifier.")
}

func ended(state catalog.Lifecycle) error {
	switch state {
	case catalog.EOL:
		return fault.New(fault.NotFound, "This model version has reached the end of its life. Please refer to the AWS documentation for more details.")
	case catalog.Legacy:
		return fault.New(fault.NotFound, "Access denied. This Model is marked by provider as Legacy and you have not been actively using the model in the last 30 days. Please upgrade to an active model on Amazon Bedrock")
	}
	return nil
}

// suits tells whether an operation that wants one kind of model can use another.
func suits(modelID string, kind, want catalog.Kind, routed bool) error {
	switch {
	case want == kind, want == "" && (routed || kind == catalog.Text || kind == catalog.Embedding || kind == catalog.Rerank):
		return nil
	case want == catalog.Text:
		return fault.New(fault.Invalid, "This action doesn't support the model that you provided. Try again with a supported text or chat model.")
	case want == catalog.Embedding:
		return fault.New(fault.Invalid, "This action doesn't support the model that you provided. Try again with a supported embedding model.")
	case want == catalog.Rerank:
		return fault.New(fault.Invalid, "This action doesn't support the model that you provided. Try again with a supported reranker model.")
	}
	return fault.New(fault.Unsupported, "Model %s is of kind %s, and no backend for that kind is configured.", modelID, kind)
}

// route finds the first route that matches.
func (s *snapshot) route(t *Target, identifier string) *Route {
	for i := range s.params.Routes {
		route := &s.params.Routes[i]
		for _, name := range [...]string{t.ModelID, t.ProfileID, identifier} {
			if name == "" {
				continue
			}
			if ok, _ := path.Match(route.Match, name); ok {
				return route
			}
		}
	}
	return nil
}

// serving picks who answers: the candidates of the route, or the default for the
// kind. It returns the first and names them all.
func (s *snapshot) serving(t *Target, route *Route, kind catalog.Kind) (localName, error) {
	if route != nil {
		if route.several() {
			t.Via = via + route.Match + " " + asked(t)
		}
		return s.local(route.candidates()[0].Model, asked(t))
	}
	name := s.params.DefaultChat
	if kind == catalog.Embedding || kind == catalog.Rerank {
		name = s.params.DefaultEmbedding
	}
	if name == "" {
		return localName{}, fault.New(fault.Unsupported, "No local model is configured to answer for model %s.", t.ModelID)
	}
	return s.local(name, asked(t))
}

// asked is what a backend is asked for that takes the ID of the caller.
func asked(t *Target) string { return cmp.Or(t.ProfileID, t.ModelID) }

// local is servedBy for a name that New has checked.
func (s *snapshot) local(name, asked string) (localName, error) {
	local, err := s.servedBy(name)
	if err != nil {
		return localName{}, fault.Wrap(fault.Internal, err, "no backend")
	}
	if local.model == "*" {
		local.model = asked
	}
	return local, nil
}
