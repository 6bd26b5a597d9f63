package servicequotas

import (
	"context"
	"maps"
	"slices"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/servicequotas"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// maxTags is how many tags a quota may have.
const maxTags = 50

// TagResource sets tags of a quota.
func (s *Service) TagResource(ctx context.Context, in *api.TagResourceInput) (*api.TagResourceOutput, error) {
	return &api.TagResourceOutput{}, s.retag(ctx, in.ResourceARN, func(tags map[string]string) {
		for _, tag := range in.Tags {
			tags[schema.Deref(tag.Key)] = schema.Deref(tag.Value)
		}
	})
}

// UntagResource removes tags of a quota.
func (s *Service) UntagResource(ctx context.Context, in *api.UntagResourceInput) (*api.UntagResourceOutput, error) {
	return &api.UntagResourceOutput{}, s.retag(ctx, in.ResourceARN, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}

// ListTagsForResource lists the tags of a quota, by key.
func (s *Service) ListTagsForResource(ctx context.Context, in *api.ListTagsForResourceInput) (*api.ListTagsForResourceOutput, error) {
	_, tags, err := s.tags(ctx, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	out := &api.ListTagsForResourceOutput{Tags: []api.Tag{}}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out.Tags = append(out.Tags, api.Tag{Key: &key, Value: new(tags[key])})
	}
	return out, nil
}

func (s *Service) retag(ctx context.Context, arn *string, change func(map[string]string)) error {
	code, known, err := s.tags(ctx, arn)
	if err != nil {
		return err
	}
	tags := maps.Clone(known)
	if tags == nil {
		tags = map[string]string{}
	}
	change(tags)
	if len(tags) > maxTags {
		return fault.New(fault.Invalid, "You've reached the limit of %d tags for a quota.", maxTags).WithCode("TooManyTagsException")
	}
	c := call.From(ctx)
	return modeled(s.p.Quotas.SetTags(ctx, c.Account, c.Region, code, tags))
}

// tags finds the tags of the quota of an ARN. One of another account or region is
// not found.
func (s *Service) tags(ctx context.Context, arn *string) (code string, tags map[string]string, err error) {
	c := call.From(ctx)
	text := schema.Deref(arn)
	code = text[strings.LastIndexByte(text, '/')+1:]
	if text != s.arn(c.Account, c.Region, code) {
		return "", nil, modeled(fault.New(fault.NotFound, "The request failed because the specified resource does not exist."))
	}
	tags, err = s.p.Quotas.Tags(ctx, c.Account, c.Region, code)
	return code, tags, modeled(err)
}
