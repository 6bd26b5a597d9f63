package config

import (
	"fmt"
	"regexp"
	"strings"
)

// upTo is what limits.increases.upTo may be: a factor of at least one, or a
// number.
var upTo = regexp.MustCompile(`^([1-9][0-9]{0,8}(\.[0-9]{1,3})?x|[1-9][0-9]{0,14})?$`)

func (c *Config) validateLimits(wrong func(key, format string, args ...any), pattern func(key, p string)) {
	l := c.Limits
	check := func(key string, values map[string]*int64) {
		set := false
		for name, n := range values {
			set = set || n != nil
			if n != nil && *n < 0 {
				wrong(key, "%s must not be negative", name)
			}
		}
		if !set {
			wrong(key, "a limit is needed")
		}
	}
	for i, m := range l.Models {
		key := fmt.Sprintf("limits.models.%d", i)
		pattern(key, m.Match)
		values := map[string]*int64{
			"requestsPerMinute": m.RequestsPerMinute, "tokensPerMinute": m.TokensPerMinute, "tokensPerDay": m.TokensPerDay,
			"concurrency": m.Concurrency,
		}
		if m.OutputBurndown != nil {
			values["outputBurndown"] = new(int64(*m.OutputBurndown))
		}
		check(key, values)
	}
	for i, p := range l.Principals {
		key := fmt.Sprintf("limits.principals.%d", i)
		if !couldBeARN(p.Match) {
			wrong(key, "the ARN of a user or role, or a pattern such as arn:aws:iam::*:user/trial-*, is needed; %q matches none", p.Match)
		}
		if p.Models != "" {
			pattern(key, p.Models)
		}
		check(key, map[string]*int64{
			"requestsPerMinute": p.RequestsPerMinute, "tokensPerMinute": p.TokensPerMinute, "tokensPerDay": p.TokensPerDay,
			"concurrency": p.Concurrency,
		})
	}
	if l.Increases.Approve != "manual" && l.Increases.Approve != "automatic" {
		wrong("limits.increases.approve", "%q is not one of manual, automatic", l.Increases.Approve)
	}
	if !upTo.MatchString(l.Increases.UpTo) {
		wrong("limits.increases.upTo", "%q is neither a factor such as 10x nor a number", l.Increases.UpTo)
	}
	if l.SlotsPerUnit < 1 {
		wrong("limits.slotsPerUnit", "must be at least 1")
	}
}

// couldBeARN reports whether a pattern can match an ARN. One that cannot, as a
// mere name, would look like a limit and be none.
func couldBeARN(pattern string) bool {
	const start = "arn:"
	literal := pattern
	if i := strings.IndexAny(pattern, "*?["); i >= 0 {
		literal = pattern[:min(i, len(start))]
	}
	return strings.HasPrefix(literal, start) || literal != pattern && strings.HasPrefix(start, literal)
}
