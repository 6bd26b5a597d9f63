package bedrock

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/bedrock"
	"github.com/outcrop/outcrop/internal/appprofile"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// maxProfiles is the largest page, and the page of a caller who names none.
const maxProfiles = 1000

// AppProfiles keeps application inference profiles; *appprofile.Registry does.
type AppProfiles interface {
	Create(ctx context.Context, n appprofile.New) (appprofile.Profile, error)
	Find(ctx context.Context, account, region, identifier string) (appprofile.Profile, error)
	List(ctx context.Context, account, region string) ([]appprofile.Profile, error)
	Tag(ctx context.Context, account, region, identifier string, set map[string]string, remove []string) error
	Delete(ctx context.Context, account, region, identifier string) error
}

// CreateInferenceProfile makes an application inference profile of a model or of
// a system-defined profile.
func (s *Service) CreateInferenceProfile(ctx context.Context, in *api.CreateInferenceProfileInput) (*api.CreateInferenceProfileOutput, error) {
	c := call.From(ctx)
	if in.ModelSource == nil || in.ModelSource.CopyFrom == nil {
		return nil, fault.New(fault.Invalid, "The modelSource field must name the model or inference profile to copy from.")
	}
	models, err := s.copied(*in.ModelSource.CopyFrom, c.Region)
	if err != nil {
		return nil, err
	}
	n := appprofile.New{
		Account: c.Account, Region: c.Region, Name: schema.Deref(in.InferenceProfileName), Tags: tagMap(in.Tags),
		Body: appprofile.Lead{Description: schema.Deref(in.Description), Source: *in.ModelSource.CopyFrom, Models: models},
	}
	if n.Token, err = token(in.ClientRequestToken, n); err != nil {
		return nil, err
	}
	made, err := s.params.Profiles.Create(ctx, n)
	if err != nil {
		return nil, err
	}
	return &api.CreateInferenceProfileOutput{InferenceProfileArn: &made.ARN, Status: api.InferenceProfileStatusActive}, nil
}

// copied are the models of what a profile is made from.
func (s *Service) copied(source, region string) ([]string, error) {
	switch id := catalog.Parse(source); id.Kind {
	case catalog.FoundationModel:
		for _, m := range s.models.Models(region) {
			if m.ID == id.Name && (id.Region == "" || id.Region == region) && s.listed(m) {
				return []string{s.catalog.FoundationModelARN(region, m.ID)}, nil
			}
		}
	case catalog.SystemProfile:
		if id.Region != region {
			return nil, fault.New(fault.Invalid, "The provided ARN is invalid for the service region")
		}
		p, ok := s.catalog.Profile(id.Name)
		if ok && p.Model.OnRuntime() && s.listed(p.Model) && s.catalog.ProfileOffered(p, region) {
			return s.catalog.Destinations(p, region), nil
		}
	}
	return nil, fault.New(fault.Invalid, "The provided model identifier is invalid.")
}

// DeleteInferenceProfile drops an application inference profile. Those of the
// system stay.
func (s *Service) DeleteInferenceProfile(ctx context.Context, in *api.DeleteInferenceProfileInput) (*api.DeleteInferenceProfileOutput, error) {
	c := call.From(ctx)
	identifier := schema.Deref(in.InferenceProfileIdentifier)
	if _, ok := s.systemProfile(identifier, c.Region); ok {
		return nil, fault.New(fault.Invalid, "The inference profile %s is defined by the system and can't be deleted.", identifier)
	}
	return &api.DeleteInferenceProfileOutput{}, s.params.Profiles.Delete(ctx, c.Account, c.Region, identifier)
}

// ListInferenceProfiles lists the system-defined profiles that can be called
// from the region, sorted by ID, or the account's own where type says so.
func (s *Service) ListInferenceProfiles(ctx context.Context, in *api.ListInferenceProfilesInput) (*api.ListInferenceProfilesOutput, error) {
	c := call.From(ctx)
	after, err := readToken(in.NextToken)
	if err != nil {
		return nil, err
	}
	var all []api.GetInferenceProfileOutput
	if in.TypeEquals == api.InferenceProfileTypeApplication {
		own, err := s.params.Profiles.List(ctx, c.Account, c.Region)
		if err != nil {
			return nil, err
		}
		slices.SortFunc(own, func(a, b appprofile.Profile) int { return strings.Compare(a.ID, b.ID) })
		for _, p := range own {
			all = append(all, applicationProfile(p))
		}
	} else {
		for _, p := range s.catalog.Profiles(c.Region) {
			if s.listed(p.Model) {
				all = append(all, s.profile(p, c.Region, c.Account))
			}
		}
	}
	limit := maxProfiles
	if in.MaxResults != nil {
		limit = min(max(int(*in.MaxResults), 1), maxProfiles)
	}
	out := &api.ListInferenceProfilesOutput{InferenceProfileSummaries: []api.InferenceProfileSummary{}}
	for _, p := range all {
		if *p.InferenceProfileId <= after {
			continue
		}
		if n := len(out.InferenceProfileSummaries); n == limit {
			token := writeToken(*out.InferenceProfileSummaries[n-1].InferenceProfileId)
			out.NextToken = &token
			break
		}
		out.InferenceProfileSummaries = append(out.InferenceProfileSummaries, api.InferenceProfileSummary(p))
	}
	return out, nil
}

// GetInferenceProfile describes one profile, by ID or ARN.
func (s *Service) GetInferenceProfile(ctx context.Context, in *api.GetInferenceProfileInput) (*api.GetInferenceProfileOutput, error) {
	c := call.From(ctx)
	identifier := schema.Deref(in.InferenceProfileIdentifier)
	id := catalog.Parse(identifier)
	if (id.Kind == catalog.SystemProfile || id.Kind == catalog.ApplicationProfile) && c.Region != "" && id.Region != c.Region {
		return nil, fault.New(fault.Invalid, "The provided ARN is invalid for the service region")
	}
	if p, ok := s.systemProfile(identifier, c.Region); ok {
		out := s.profile(p, c.Region, c.Account)
		return &out, nil
	}
	p, err := s.params.Profiles.Find(ctx, c.Account, c.Region, identifier)
	if err != nil {
		return nil, err
	}
	out := applicationProfile(p)
	return &out, nil
}

// systemProfile finds a system-defined profile by its ID or ARN.
func (s *Service) systemProfile(identifier, region string) (*catalog.Profile, bool) {
	id := catalog.Parse(identifier)
	if id.Kind != catalog.NameID && id.Kind != catalog.SystemProfile {
		return nil, false
	}
	p, ok := s.catalog.Profile(id.Name)
	return p, ok && p.Model.OnRuntime() && s.listed(p.Model) && s.catalog.ProfileOffered(p, region)
}

func applicationProfile(p appprofile.Profile) api.GetInferenceProfileOutput {
	out := api.GetInferenceProfileOutput{
		InferenceProfileArn: &p.ARN, InferenceProfileId: &p.ID, InferenceProfileName: &p.Name, CreatedAt: &p.Created, UpdatedAt: &p.Updated,
		Status: api.InferenceProfileStatusActive, Type: api.InferenceProfileTypeApplication,
	}
	if p.Body.Description != "" {
		out.Description = &p.Body.Description
	}
	for _, model := range p.Body.Models {
		out.Models = append(out.Models, api.InferenceProfileModel{ModelArn: &model})
	}
	return out
}

func (s *Service) profile(p *catalog.Profile, region, account string) api.GetInferenceProfileOutput {
	arn, name := s.catalog.ProfileARN(region, account, p.ID), p.Name()
	description := "Leads to " + p.Model.Name + " in " + join(p.DestinationRegions()) + "."
	out := api.GetInferenceProfileOutput{
		InferenceProfileArn: &arn, InferenceProfileId: &p.ID, InferenceProfileName: &name, Description: &description,
		Status: api.InferenceProfileStatusActive, Type: api.InferenceProfileTypeSystemDefined,
	}
	for _, model := range s.catalog.Destinations(p, region) {
		out.Models = append(out.Models, api.InferenceProfileModel{ModelArn: &model})
	}
	return out
}

// join lists words as a sentence does.
func join(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// A page token is the last ID of the page before, hidden so that nobody builds
// one.
func writeToken(id string) string { return base64.RawURLEncoding.EncodeToString([]byte("1:" + id)) }

func readToken(token *string) (string, error) {
	if token == nil {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(*token)
	id, ok := strings.CutPrefix(string(b), "1:")
	if err != nil || !ok {
		return "", fault.New(fault.Invalid, "The provided pagination token is invalid. Start again without one.")
	}
	return id, nil
}
