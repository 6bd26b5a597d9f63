// Package appprofile is application inference profiles: names of an account's
// own for a model or a system-defined profile, so that calls by them are billed,
// tagged and allowed apart.
//
// It routes nothing: the router goes on with what a profile was made from.
package appprofile

import "github.com/outcrop/outcrop/internal/resource"

// Lead is where a profile leads.
type Lead struct {
	Description string `json:"description,omitempty"` // empty when none was given
	// Source is the identifier of what it was made from, a model or a
	// system-defined profile, and Models the ARNs of its models.
	Source string   `json:"source"`
	Models []string `json:"models"`
}

// Profile is an application inference profile.
type Profile = resource.Resource[Lead]

// New is what Create is asked for.
type New = resource.New[Lead]

// maxProfiles is how many an account may have in a region, as in AWS.
const maxProfiles = 1000

// Registry makes, finds and drops profiles. It is safe for concurrent use.
type Registry struct{ *resource.Registry[Lead] }

// NewRegistry returns a registry that knows nothing yet: see Refresh. Kind, Noun
// and Limit of p are set here.
func NewRegistry(p resource.Params) *Registry {
	p.Kind, p.Noun, p.Limit = "application-inference-profile", "inference profile", maxProfiles
	return &Registry{resource.NewRegistry[Lead](p)}
}

// Lead returns what the profile of an ARN leads to: the identifier that it was
// made from, and the ARNs of the models. It asks no store. An ARN of another
// account or region is of nobody.
func (r *Registry) Lead(arn, region, account string) (source string, models []string, ok bool) {
	p, ok := r.Known(arn, region, account)
	return p.Body.Source, p.Body.Models, ok
}
