package bedrock

import (
	"context"
	"encoding/base64"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/bedrock"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// maxProfiles is the largest page, and the page of a caller who names none.
const maxProfiles = 1000

// ListInferenceProfiles lists the system-defined profiles that can be called
// from the region, sorted by ID. There are no application profiles yet.
func (s *Service) ListInferenceProfiles(ctx context.Context, in *api.ListInferenceProfilesInput) (*api.ListInferenceProfilesOutput, error) {
	c := call.From(ctx)
	after, err := readToken(in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &api.ListInferenceProfilesOutput{InferenceProfileSummaries: []api.InferenceProfileSummary{}}
	if in.TypeEquals == api.InferenceProfileTypeApplication {
		return out, nil
	}
	limit := maxProfiles
	if in.MaxResults != nil {
		limit = min(max(int(*in.MaxResults), 1), maxProfiles)
	}
	for _, p := range s.catalog.Profiles(c.Region) {
		if p.ID <= after || !s.listed(p.Model) {
			continue
		}
		if n := len(out.InferenceProfileSummaries); n == limit {
			token := writeToken(*out.InferenceProfileSummaries[n-1].InferenceProfileId)
			out.NextToken = &token
			break
		}
		out.InferenceProfileSummaries = append(out.InferenceProfileSummaries, api.InferenceProfileSummary(s.profile(p, c.Region, c.Account)))
	}
	return out, nil
}

// GetInferenceProfile describes one profile, by ID or ARN.
func (s *Service) GetInferenceProfile(ctx context.Context, in *api.GetInferenceProfileInput) (*api.GetInferenceProfileOutput, error) {
	c := call.From(ctx)
	id := catalog.Parse(schema.Deref(in.InferenceProfileIdentifier))
	if id.Kind == catalog.SystemProfile && c.Region != "" && id.Region != c.Region {
		return nil, fault.New(fault.Invalid, "The provided ARN is invalid for the service region")
	}
	if id.Kind == catalog.NameID || id.Kind == catalog.SystemProfile {
		p, ok := s.catalog.Profile(id.Name)
		if ok && p.Model.OnRuntime() && s.listed(p.Model) && s.catalog.ProfileOffered(p, c.Region) {
			out := s.profile(p, c.Region, c.Account)
			return &out, nil
		}
	}
	return nil, fault.New(fault.NotFound, "The inference profile %s does not exist.", schema.Deref(in.InferenceProfileIdentifier))
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
