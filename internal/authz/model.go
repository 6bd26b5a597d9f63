package authz

import (
	"github.com/outcrop/outcrop/internal/catalog"
)

// modelKey names what a region's models and profiles were expanded from.
type modelKey struct{ region, name string }

// models appends what the use of a model takes: the model itself, or a profile
// and the model in every region that it leads to.
//
// An identifier that names nothing is decided on as what it would name, so that
// who may do nothing learns nothing but that. Identifiers that lead to the same
// model have the same ARN: a policy cannot be gone around by another spelling.
func (q *question) models(action string, values []string, to []target) []target {
	for _, value := range values {
		to = q.model(action, value, to)
	}
	return to
}

func (q *question) model(action, value string, to []target) []target {
	id := catalog.Parse(value)
	switch id.Kind {
	case catalog.NameID:
		if p, ok := q.a.p.Catalog.Profile(id.Name); ok {
			return q.throughProfile(action, p, to)
		}
		if _, ok := q.a.p.Catalog.Lookup(id.Name); !ok {
			if arn, ok := q.reserved(id.Name); ok {
				if q.a.p.Own != nil && q.a.p.Own(id.Name) {
					// Who names it like a model of the operator's gets the model.
					to = append(to, target{action: action, resource: q.foundation(id)})
				}
				return append(to, target{action: action, resource: arn})
			}
		}
		return append(to, target{action: action, resource: q.foundation(id)})
	case catalog.FoundationModel:
		return append(to, target{action: action, resource: q.foundation(id)})
	case catalog.SystemProfile:
		if p, ok := q.a.p.Catalog.Profile(id.Name); ok && id.Region == q.call.Region {
			return q.throughProfile(action, p, to)
		}
		return append(to, target{action: action, resource: q.profile(id)})
	case catalog.ApplicationProfile:
		return q.throughApplication(action, value, to)
	case catalog.PromptRouter:
		return q.throughRouter(action, value, to)
	case catalog.Prompt:
		return append(to, target{action: "bedrock:RenderPrompt", resource: value})
	case catalog.Endpoint:
		return append(to, target{action: action, resource: q.bedrockARN("marketplace/model-endpoint/all-access")})
	}
	return append(to, target{action: action, resource: value})
}

// foundation is the ARN of a base model. One of the identifiers that a model has
// beside its ID is that of the model.
func (q *question) foundation(id catalog.Identifier) string {
	name, region := id.Name, q.call.Region
	if id.Kind == catalog.FoundationModel && id.Region != "" {
		region = id.Region
	}
	m, ok := q.a.p.Catalog.Lookup(name)
	if !ok {
		return q.a.p.Catalog.FoundationModelARN(region, name)
	}
	key := modelKey{region, m.ID}
	if arn, ok := q.a.modelARNs.Load(key); ok {
		return arn.(string)
	}
	arn := q.a.p.Catalog.FoundationModelARN(region, m.ID)
	if q.a.p.Catalog.HasRegion(region) { // what is kept is bounded by what there is
		q.a.modelARNs.Store(key, arn)
	}
	return arn
}

// profile is the ARN of a system-defined profile, which is the same in every
// account.
func (q *question) profile(id catalog.Identifier) string {
	return q.a.p.Catalog.ProfileARN(id.Region, q.call.Account, id.Name)
}

func (q *question) throughProfile(action string, p *catalog.Profile, to []target) []target {
	arn := q.a.p.Catalog.ProfileARN(q.call.Region, q.call.Account, p.ID)
	to = append(to, target{action: action, resource: arn})
	key := modelKey{q.call.Region, p.ID}
	kept, ok := q.a.destinations.Load(key)
	if !ok {
		kept = q.a.p.Catalog.Destinations(p, q.call.Region)
		if q.a.p.Catalog.HasRegion(q.call.Region) {
			q.a.destinations.Store(key, kept)
		}
	}
	for _, model := range kept.([]string) {
		to = append(to, target{action: action, resource: model, profile: arn})
	}
	return to
}

// rankers are models that put what a knowledge base finds into order. They take
// two permissions, which its role has to have as at AWS; where the directory does
// not have the role, the caller.
func (q *question) rankers(action string, values []string, to []target) []target {
	before := len(to)
	to = append(to, target{action: action, resource: "*"})
	to = q.models("bedrock:InvokeModel", values, to)
	role := q.baseRole()
	for i := before; i < len(to); i++ {
		to[i].role = role
	}
	return to
}

// behind are the ARNs of the models behind an application inference profile or a
// prompt router: none where nobody knows it.
func (q *question) behind(arn string) []string {
	if q.a.p.ProfileModels == nil {
		return nil
	}
	models, _ := q.a.p.ProfileModels(q.call.Account, q.call.Region, arn)
	return models
}

// throughApplication is an application inference profile, and the models that it
// leads to: who may use the profile needs them too, so that no profile goes
// around a deny.
func (q *question) throughApplication(action, arn string, to []target) []target {
	to = append(to, target{action: action, resource: arn})
	for _, model := range q.behind(arn) {
		to = append(to, target{action: action, resource: model, profile: arn})
	}
	return to
}

// throughRouter is a prompt router, and the models that it may choose.
func (q *question) throughRouter(action, arn string, to []target) []target {
	to = append(to, target{action: action, resource: arn})
	for _, model := range q.behind(arn) {
		if id := catalog.Parse(model); id.Kind != catalog.PromptRouter { // none leads to itself
			to = q.model(action, model, to)
		}
	}
	return to
}
