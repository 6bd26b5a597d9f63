package bedrock

import (
	"context"
	"maps"
	"slices"

	api "github.com/outcrop/outcrop/internal/api/bedrock"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// tagged is what keeps the tags of a sort of resource.
type tagged interface {
	Tag(ctx context.Context, account, region, identifier string, set map[string]string, remove []string) error
}

// TagResource sets tags of provisioned throughput, an application inference
// profile or a prompt router.
func (s *Service) TagResource(ctx context.Context, in *api.TagResourceInput) (*api.TagResourceOutput, error) {
	return &api.TagResourceOutput{}, s.retag(ctx, in.ResourceARN, tagMap(in.Tags), nil)
}

// UntagResource removes tags of what TagResource sets them of.
func (s *Service) UntagResource(ctx context.Context, in *api.UntagResourceInput) (*api.UntagResourceOutput, error) {
	return &api.UntagResourceOutput{}, s.retag(ctx, in.ResourceARN, nil, in.TagKeys)
}

func (s *Service) retag(ctx context.Context, arn *string, set map[string]string, remove []string) error {
	var of tagged
	switch catalog.Parse(schema.Deref(arn)).Kind {
	case catalog.ProvisionedModel:
		of = s.params.Throughput
	case catalog.ApplicationProfile:
		of = s.params.Profiles
	case catalog.PromptRouter:
		of = s.params.Routers
	default:
		return noSuch(arn)
	}
	c := call.From(ctx)
	return noResource(arn, of.Tag(ctx, c.Account, c.Region, *arn, set, remove))
}

// ListTagsForResource lists the tags of a resource, by key.
func (s *Service) ListTagsForResource(ctx context.Context, in *api.ListTagsForResourceInput) (*api.ListTagsForResourceOutput, error) {
	c := call.From(ctx)
	var tags map[string]string
	switch catalog.Parse(schema.Deref(in.ResourceARN)).Kind {
	case catalog.ProvisionedModel:
		t, err := s.params.Throughput.Find(ctx, c.Account, c.Region, *in.ResourceARN)
		if err != nil {
			return nil, noResource(in.ResourceARN, err)
		}
		tags = t.Tags
	case catalog.ApplicationProfile:
		p, err := s.params.Profiles.Find(ctx, c.Account, c.Region, *in.ResourceARN)
		if err != nil {
			return nil, noResource(in.ResourceARN, err)
		}
		tags = p.Tags
	case catalog.PromptRouter:
		r, err := s.params.Routers.Find(ctx, c.Account, c.Region, *in.ResourceARN)
		if err != nil {
			return nil, noResource(in.ResourceARN, err)
		}
		tags = r.Tags
	default:
		return nil, noSuch(in.ResourceARN)
	}
	out := &api.ListTagsForResourceOutput{Tags: []api.Tag{}}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out.Tags = append(out.Tags, api.Tag{Key: &key, Value: new(tags[key])})
	}
	return out, nil
}

// noSuch is the answer about what has nothing of the sort here.
func noSuch(arn *string) error {
	return fault.New(fault.NotFound, "The resource with the ARN %s does not exist.", schema.Deref(arn)).WithField("resourceName", schema.Deref(arn))
}

func noResource(arn *string, err error) error {
	if fault.Is(err, fault.NotFound) {
		return fault.Wrap(fault.NotFound, err, "The resource with the ARN %s does not exist.", *arn).WithField("resourceName", *arn)
	}
	return err
}

func tagMap(list []api.Tag) map[string]string {
	if len(list) == 0 {
		return nil
	}
	tags := make(map[string]string, len(list))
	for _, tag := range list {
		tags[schema.Deref(tag.Key)] = schema.Deref(tag.Value)
	}
	return tags
}
