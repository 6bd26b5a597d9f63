package catalog

import (
	"fmt"
	"slices"
	"strings"
)

// Profile is a system-defined cross-region inference profile.
type Profile struct {
	ID    string // "us.anthropic.claude-3-5-sonnet-20241022-v2:0"
	Geo   string // "us"
	Model *Model
}

// geography says where profiles with a prefix can be called from and where they
// lead. A prefix of a region name stands for all of them. The destinations that
// AWS really uses differ by model and are not published as data; these are the
// ones that its profiles had in common, at most five as the API allows.
type geography struct {
	name         string // in the profile's name: "US Claude 3.5 Sonnet"
	sources      []string
	destinations []string
}

func geographies() map[string]geography {
	return map[string]geography{
		"us":     {"US", []string{"us-east-", "us-west-", "ca-"}, []string{"us-east-1", "us-east-2", "us-west-2"}},
		"eu":     {"EU", []string{"eu-"}, []string{"eu-central-1", "eu-north-1", "eu-west-1", "eu-west-3"}},
		"apac":   {"APAC", []string{"ap-"}, []string{"ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2"}},
		"au":     {"AU", []string{"ap-southeast-2", "ap-southeast-4", "ap-southeast-6"}, []string{"ap-southeast-2", "ap-southeast-4"}},
		"jp":     {"JP", []string{"ap-northeast-1", "ap-northeast-3"}, []string{"ap-northeast-1", "ap-northeast-3"}},
		"in":     {"IN", []string{"ap-south-"}, []string{"ap-south-1", "ap-south-2"}},
		"us-gov": {"US-GOV", []string{"us-gov-"}, []string{"us-gov-east-1", "us-gov-west-1"}},
		// The destination of a global profile has no region in its ARN.
		"global": {"Global", nil, []string{""}},
	}
}

func newProfile(id string, m *Model) (*Profile, error) {
	geo, ok := strings.CutSuffix(id, "."+m.ID)
	if !ok {
		return nil, fmt.Errorf("catalog: catalog.json: profile %s does not end in %s", id, m.ID)
	}
	if _, ok := geographies()[geo]; !ok {
		return nil, fmt.Errorf("catalog: catalog.json: profile %s has no geography", id)
	}
	return &Profile{ID: id, Geo: geo, Model: m}, nil
}

// Name is what the console shows for the profile.
func (p *Profile) Name() string {
	provider := p.Model.Provider
	name := geographies()[p.Geo].name + " "
	if !strings.HasPrefix(p.Model.Name, provider) {
		name += provider + " "
	}
	return name + p.Model.Name
}

// ProfileOffered reports whether a profile can be called from a region: one of
// its geography that offers the model. An empty region offers everything.
func (c *Catalog) ProfileOffered(p *Profile, region string) bool {
	if region == "" {
		return true
	}
	if !c.Offered(p.Model, region) {
		return false
	}
	if p.Geo == "global" {
		return c.Partition(region) == "aws"
	}
	return slices.ContainsFunc(geographies()[p.Geo].sources, func(prefix string) bool { return strings.HasPrefix(region, prefix) })
}

// Destinations returns the ARNs of the models that a profile leads to from a
// region.
func (c *Catalog) Destinations(p *Profile, region string) []string {
	regions := geographies()[p.Geo].destinations
	if p.Geo == "global" && region != "" {
		regions = append([]string{region}, regions...)
	}
	arns := make([]string, 0, len(regions))
	for _, r := range regions {
		arns = append(arns, c.FoundationModelARN(r, p.Model.ID))
	}
	return arns
}

// DestinationRegions names the regions that the profile leads to, for people.
func (p *Profile) DestinationRegions() []string {
	if p.Geo == "global" {
		return []string{"any region"}
	}
	return slices.Clone(geographies()[p.Geo].destinations)
}

// Profiles returns the profiles that can be called from a region, sorted by ID.
func (c *Catalog) Profiles(region string) []*Profile {
	var profiles []*Profile
	for _, p := range c.profiles {
		if p.Model.OnRuntime() && c.ProfileOffered(p, region) {
			profiles = append(profiles, p)
		}
	}
	return profiles
}
