package router

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
)

// Resolve finds who answers for an identifier in a region. want is the kind of
// model that the operation needs; "" takes a text or an embedding model.
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
	t, err := r.identify(identifier, region, account)
	if err != nil {
		return nil, err
	}
	if r.params.Lifecycle == Enforce {
		if err := ended(t.Entry.LifecycleAt(r.params.Now())); err != nil {
			return nil, err
		}
	}
	kind := t.Entry.Kind()
	if err := suits(t.ModelID, kind, want); err != nil {
		return nil, err
	}
	local, err := r.serving(t, identifier, kind)
	if err != nil {
		return nil, err
	}
	t.Backend, t.Model, t.ServedBy = local.backend, local.model, local.String()
	_, known := r.catalog.Lookup(t.ModelID)
	t.StandIn = known && t.Model != t.ModelID && t.Model != t.ProfileID
	return t, nil
}

// identify finds the record of what an identifier names.
func (r *Router) identify(identifier, region, account string) (*Target, error) {
	id := catalog.Parse(identifier)
	switch id.Kind {
	case catalog.NameID:
		if m, ok := r.catalog.Lookup(id.Name); ok {
			return r.model(m, region, identifier)
		}
		if p, ok := r.catalog.Profile(id.Name); ok {
			return r.profile(p, region, account, identifier)
		}
		for _, m := range r.own {
			if m.ID == id.Name && r.catalog.Offered(m, region) {
				return &Target{Entry: m, ModelID: m.ID, ARN: r.catalog.FoundationModelARN(region, m.ID)}, nil
			}
		}
		return r.provisioned(identifier, region, account)
	case catalog.FoundationModel:
		m, ok := r.catalog.Lookup(id.Name)
		if ok && (id.Region == "" || region == "" || id.Region == region) && r.samePartition(id, region) {
			return r.model(m, region, identifier)
		}
	case catalog.SystemProfile:
		if region != "" && id.Region != region {
			return nil, fault.New(fault.Invalid, "The provided ARN is invalid for the service region")
		}
		if p, ok := r.catalog.Profile(id.Name); ok && r.samePartition(id, region) {
			return r.profile(p, region, id.Account, identifier)
		}
	case catalog.Prompt:
		return nil, fault.New(fault.Unsupported, "Outcrop does not resolve prompt ARNs yet. Pass a model ID and the prompt's messages.")
	case catalog.PromptRouter:
		return nil, fault.New(fault.Unsupported, "Outcrop has no prompt routers yet. Pass a model ID.")
	case catalog.ProvisionedModel, catalog.CustomModel, catalog.CustomDeployment, catalog.ImportedModel,
		catalog.ApplicationProfile, catalog.Endpoint:
		for _, route := range r.params.Routes {
			if !strings.HasPrefix(route.Match, "arn:") {
				continue
			}
			if ok, _ := path.Match(route.Match, identifier); ok {
				like, _ := r.catalog.Lookup(route.Like)
				return &Target{Entry: ownEntry(identifier, like), ModelID: identifier, ARN: identifier}, nil
			}
		}
		if id.Kind == catalog.ApplicationProfile {
			return r.application(identifier, region, account)
		}
		if id.Kind == catalog.ProvisionedModel {
			return r.provisioned(identifier, region, account)
		}
	}
	return nil, r.unknown()
}

// application finds what an application inference profile leads to. It is billed
// and allowed under its own ARN.
func (r *Router) application(arn, region, account string) (*Target, error) {
	if r.params.Applications == nil {
		return nil, r.unknown()
	}
	source, _, ok := r.params.Applications.Lead(arn, region, account)
	if !ok {
		return nil, r.unknown()
	}
	t, err := r.identify(source, region, account)
	if err != nil {
		return nil, err
	}
	t.ARN = arn
	return t, nil
}

// provisioned finds the model of provisioned throughput.
func (r *Router) provisioned(identifier, region, account string) (*Target, error) {
	if r.params.Provisioned == nil {
		return nil, r.unknown()
	}
	arn, model, found, err := r.params.Provisioned.Provisioned(identifier, region, account)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, r.unknown()
	}
	if m, ok := r.catalog.Lookup(model); ok {
		return &Target{Entry: m, ModelID: m.ID, ARN: arn, Provisioned: arn}, nil
	}
	for _, m := range r.own {
		if m.ID == model {
			return &Target{Entry: m, ModelID: m.ID, ARN: arn, Provisioned: arn}, nil
		}
	}
	return nil, r.unknown()
}

func (r *Router) samePartition(id catalog.Identifier, region string) bool {
	return region == "" || id.Partition == r.catalog.Partition(region)
}

func (r *Router) model(m *catalog.Model, region, identifier string) (*Target, error) {
	if !r.catalog.Offered(m, region) || !m.OnRuntime() && !r.routed(m.ID, identifier) {
		return nil, r.unknown()
	}
	return &Target{Entry: m, ModelID: m.ID, ARN: r.catalog.FoundationModelARN(region, m.ID)}, nil
}

func (r *Router) profile(p *catalog.Profile, region, account, identifier string) (*Target, error) {
	if !r.catalog.ProfileOffered(p, region) || !p.Model.OnRuntime() && !r.routed(p.Model.ID, identifier) {
		return nil, r.unknown()
	}
	return &Target{Entry: p.Model, ModelID: p.Model.ID, ProfileID: p.ID, ARN: r.catalog.ProfileARN(region, account, p.ID)}, nil
}

// routed reports whether the operator asked for a model that bedrock-runtime
// does not have.
func (r *Router) routed(names ...string) bool {
	for _, route := range r.params.Routes {
		if slices.Contains(names, route.Match) {
			return true
		}
	}
	return false
}

func (r *Router) unknown() error {
	if r.params.UnknownModel == Validation {
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
func suits(modelID string, kind, want catalog.Kind) error {
	switch {
	case want == kind, want == "" && (kind == catalog.Text || kind == catalog.Embedding):
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

// serving picks the local model: the first route that matches, or the default
// for the kind.
func (r *Router) serving(t *Target, identifier string, kind catalog.Kind) (localName, error) {
	for _, route := range r.params.Routes {
		for _, name := range []string{t.ModelID, t.ProfileID, identifier} {
			if ok, _ := path.Match(route.Match, name); ok && name != "" {
				return r.chain(t, route)
			}
		}
	}
	name := r.params.DefaultChat
	if kind == catalog.Embedding || kind == catalog.Rerank {
		name = r.params.DefaultEmbedding
	}
	if name == "" {
		return localName{}, fault.New(fault.Unsupported, "No local model is configured to answer for model %s.", t.ModelID)
	}
	return r.local(name)
}

// local is servedBy for a name that New has checked.
func (r *Router) local(name string) (localName, error) {
	local, err := r.servedBy(name)
	if err != nil {
		return localName{}, fault.Wrap(fault.Internal, err, "no backend")
	}
	return local, nil
}
