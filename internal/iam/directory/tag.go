package directory

import (
	"context"
	"maps"
	"strings"
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/store"
)

// maxTags is how many tags a user, role or policy may have.
const maxTags = 50

// mergeTags sets tags over others. A key is the same in upper and lower case,
// and keeps the case of its last writer.
func mergeTags(old, set map[string]string) (map[string]string, error) {
	merged := maps.Clone(old)
	if merged == nil {
		merged = make(map[string]string, len(set))
	}
	byFold := make(map[string]string, len(merged)+len(set))
	for key := range merged {
		byFold[strings.ToLower(key)] = key
	}
	for key, value := range set {
		if err := checkTag(key, value); err != nil {
			return nil, err
		}
		delete(merged, byFold[strings.ToLower(key)])
	}
	maps.Copy(merged, set)
	seen := make(map[string]bool, len(merged))
	for key := range merged {
		seen[strings.ToLower(key)] = true
	}
	if len(seen) < len(merged) {
		return nil, invalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
	}
	if len(merged) > maxTags {
		return nil, limit("The number of tags has reached the maximum limit.")
	}
	return merged, nil
}

func checkTag(key, value string) error {
	switch {
	case key == "" || utf8.RuneCountInString(key) > 128:
		return invalid("1 validation error detected: Value '%s' at 'tags.1.member.key' failed to satisfy constraint: Member must have length between 1 and 128", key)
	case utf8.RuneCountInString(value) > 256:
		return invalid("1 validation error detected: Value '%s' at 'tags.1.member.value' failed to satisfy constraint: Member must have length less than or equal to 256", value)
	case strings.HasPrefix(strings.ToLower(key), "aws:"):
		return invalidInput("Tag keys cannot start with \"aws:\": %s", key)
	}
	return nil
}

// dropTags removes tags by their keys, in whatever case; those that are not
// there are no error.
func dropTags(tags map[string]string, keys []string) map[string]string {
	left := maps.Clone(tags)
	for _, key := range keys {
		maps.DeleteFunc(left, func(have, _ string) bool { return strings.EqualFold(have, key) })
	}
	return left
}

// Tag sets tags of a user or role. NoSuchEntity, InvalidInput, LimitExceeded.
func (d *Directory) Tag(ctx context.Context, who Who, tags map[string]string) error {
	_, err := d.change(ctx, who, func(r *record) (err error) {
		r.Tags, err = mergeTags(r.Tags, tags)
		return err
	})
	return err
}

// Untag removes tags of a user or role. NoSuchEntity.
func (d *Directory) Untag(ctx context.Context, who Who, keys []string) error {
	_, err := d.change(ctx, who, func(r *record) error {
		r.Tags = dropTags(r.Tags, keys)
		return nil
	})
	return err
}

// TagPolicy sets tags of a customer's policy. NoSuchEntity, InvalidInput,
// LimitExceeded.
func (d *Directory) TagPolicy(ctx context.Context, arn string, tags map[string]string) error {
	return d.changePolicy(ctx, arn, func(p *policyRecord, rec *store.Record) (err error) {
		rec.Tags, err = mergeTags(rec.Tags, tags)
		return err
	})
}

// UntagPolicy removes tags of a customer's policy. NoSuchEntity.
func (d *Directory) UntagPolicy(ctx context.Context, arn string, keys []string) error {
	return d.changePolicy(ctx, arn, func(_ *policyRecord, rec *store.Record) error {
		rec.Tags = dropTags(rec.Tags, keys)
		return nil
	})
}
