package sts

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	api "github.com/outcrop/outcrop/internal/api/sts"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/policy"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

const (
	longestPolicy = 2048 // characters of the session policy
	mostPolicies  = 10   // session policies by ARN
	longestKey    = 128  // characters of a tag's key
	longestValue  = 256
)

// session reads what the session is to have. from is the caller's own session;
// nil when they have none.
func (s *Service) session(ctx context.Context, in *api.AssumeRoleInput, from *iam.Session) (*iam.Session, error) {
	session := &iam.Session{Name: schema.Deref(in.RoleSessionName), SourceIdentity: schema.Deref(in.SourceIdentity)}
	if from != nil && from.SourceIdentity != "" {
		if session.SourceIdentity != "" && session.SourceIdentity != from.SourceIdentity {
			return nil, denied("The source identity cannot be changed once it is set.")
		}
		session.SourceIdentity = from.SourceIdentity
	}
	if text := schema.Deref(in.Policy); text != "" {
		if n := utf8.RuneCountInString(text); n > longestPolicy {
			return nil, invalid("1 validation error detected: Value at 'policy' failed to satisfy constraint: "+
				"Member must have length less than or equal to %d", longestPolicy)
		}
		if _, err := policy.Parse(policy.Identity, text); err != nil {
			return nil, err
		}
		session.Policies = []string{text}
	}
	if len(in.PolicyArns) > mostPolicies {
		return nil, invalid("1 validation error detected: Value at 'policyArns' failed to satisfy constraint: "+
			"Member must have length less than or equal to %d", mostPolicies)
	}
	for _, d := range in.PolicyArns {
		arn := schema.Deref(d.Arn)
		switch _, err := s.p.Directory.Policy(ctx, arn); {
		case fault.Is(err, fault.NotFound):
			return nil, invalid("Policy %s does not exist or is not attachable.", arn)
		case err != nil:
			return nil, err
		}
		session.PolicyARNs = append(session.PolicyARNs, arn)
	}
	return session, tag(session, in, from)
}

// tag gives a session the tags of the request, and those that the caller's own
// session hands on.
func tag(session *iam.Session, in *api.AssumeRoleInput, from *iam.Session) error {
	if len(in.Tags) > 0 {
		session.Tags = make(map[string]string, len(in.Tags))
	}
	folded := make(map[string]bool, len(in.Tags))
	for _, t := range in.Tags {
		key, value := schema.Deref(t.Key), schema.Deref(t.Value)
		switch {
		case key == "" || utf8.RuneCountInString(key) > longestKey || utf8.RuneCountInString(value) > longestValue:
			return invalid("A tag has a key of 1 to %d and a value of up to %d characters.", longestKey, longestValue)
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return badValue("Tag keys that begin with aws: are reserved.")
		case folded[strings.ToLower(key)]:
			return badValue("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		folded[strings.ToLower(key)] = true
		session.Tags[key] = value
	}
	for _, key := range in.TransitiveTagKeys {
		if !folded[strings.ToLower(key)] {
			return badValue("The specified transitive tag key must be included in the requested tags.")
		}
	}
	session.TransitiveTags = slices.Clone(in.TransitiveTagKeys)
	if from == nil {
		return nil
	}
	for _, key := range from.TransitiveTags {
		if folded[strings.ToLower(key)] {
			return badValue("One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
		}
		for has, value := range from.Tags {
			if strings.EqualFold(has, key) {
				if session.Tags == nil {
					session.Tags = map[string]string{}
				}
				session.Tags[has] = value
				session.TransitiveTags = append(session.TransitiveTags, has)
			}
		}
	}
	return nil
}
