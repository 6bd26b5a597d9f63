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

// TagResource sets tags of provisioned throughput.
func (s *Service) TagResource(ctx context.Context, in *api.TagResourceInput) (*api.TagResourceOutput, error) {
	return &api.TagResourceOutput{}, s.retag(ctx, in.ResourceARN, tagMap(in.Tags), nil)
}

// UntagResource removes tags of provisioned throughput.
func (s *Service) UntagResource(ctx context.Context, in *api.UntagResourceInput) (*api.UntagResourceOutput, error) {
	return &api.UntagResourceOutput{}, s.retag(ctx, in.ResourceARN, nil, in.TagKeys)
}

func (s *Service) retag(ctx context.Context, arn *string, set map[string]string, remove []string) error {
	if err := taggable(arn); err != nil {
		return err
	}
	c := call.From(ctx)
	return noResource(arn, s.params.Throughput.Tag(ctx, c.Account, c.Region, *arn, set, remove))
}

// ListTagsForResource lists the tags of provisioned throughput, by key.
func (s *Service) ListTagsForResource(ctx context.Context, in *api.ListTagsForResourceInput) (*api.ListTagsForResourceOutput, error) {
	if err := taggable(in.ResourceARN); err != nil {
		return nil, err
	}
	c := call.From(ctx)
	t, err := s.params.Throughput.Find(ctx, c.Account, c.Region, *in.ResourceARN)
	if err != nil {
		return nil, noResource(in.ResourceARN, err)
	}
	out := &api.ListTagsForResourceOutput{Tags: []api.Tag{}}
	for _, key := range slices.Sorted(maps.Keys(t.Tags)) {
		out.Tags = append(out.Tags, api.Tag{Key: &key, Value: new(t.Tags[key])})
	}
	return out, nil
}

// taggable refuses what has no tags here.
func taggable(arn *string) error {
	if catalog.Parse(schema.Deref(arn)).Kind == catalog.ProvisionedModel {
		return nil
	}
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
