package costexplorer

import (
	"slices"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/ce"
	"github.com/outcrop/outcrop/internal/ledger"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// What all records have in common.
const (
	serviceName = "Amazon Bedrock"
	recordType  = "Usage"
)

// dimension is what a dimension of the service is in the bill: one of its own,
// or a value that everything has.
type dimension struct {
	of       ledger.Dimension
	constant string
}

func dimensionOf(name api.Dimension) (dimension, error) {
	switch name {
	case api.DimensionService:
		return dimension{constant: serviceName}, nil
	case api.DimensionServiceCode:
		return dimension{constant: "AmazonBedrock"}, nil
	case api.DimensionRecordType:
		return dimension{constant: recordType}, nil
	case api.DimensionBillingEntity:
		return dimension{constant: "AWS"}, nil
	case api.DimensionUsageType:
		return dimension{of: ledger.ByUsageType}, nil
	case api.DimensionRegion:
		return dimension{of: ledger.ByRegion}, nil
	case api.DimensionLinkedAccount:
		return dimension{of: ledger.ByAccount}, nil
	case api.DimensionOperation:
		return dimension{of: ledger.ByOperation}, nil
	case api.DimensionResourceId:
		return dimension{of: ledger.ByResource}, nil
	}
	return dimension{}, invalid("Dimension %s is not supported. Supported dimensions are SERVICE, SERVICE_CODE, USAGE_TYPE, REGION, LINKED_ACCOUNT, OPERATION, RESOURCE_ID, RECORD_TYPE and BILLING_ENTITY.", name)
}

// mostConditions is how many expressions and values a filter may have.
const mostConditions = 500

// condition translates a filter. left counts what it may still have.
func condition(e *api.Expression, left *int) (c ledger.Condition, err error) {
	if *left--; *left < 0 {
		return c, invalid("The filter is too large: it has more than %d expressions and values.", mostConditions)
	}
	set := 0
	for _, is := range []bool{e.And != nil, e.Or != nil, e.Not != nil, e.Dimensions != nil, e.Tags != nil, e.CostCategories != nil, e.ProductAttributes != nil} {
		if is {
			set++
		}
	}
	switch {
	case set != 1:
		return c, invalid("An expression must have exactly one of And, Or, Not, Dimensions, Tags and CostCategories.")
	case e.And != nil:
		c.And, err = conditions(e.And, left)
	case e.Or != nil:
		c.Or, err = conditions(e.Or, left)
	case e.Not != nil:
		var inner ledger.Condition
		inner, err = condition(e.Not, left)
		c.Not = &inner
	case e.Dimensions != nil:
		return dimensionCondition(e.Dimensions, left)
	case e.Tags != nil:
		key := schema.Deref(e.Tags.Key)
		if key == "" {
			return c, invalid("The filter of a tag must have a Key.")
		}
		c.Dimension = ledger.TagDimension(key)
		return values(c, e.Tags.Values, e.Tags.MatchOptions, left)
	default:
		return c, invalid("Cost categories and product attributes are not supported.")
	}
	return c, err
}

func conditions(list []api.Expression, left *int) ([]ledger.Condition, error) {
	if len(list) == 0 {
		return nil, invalid("And and Or need at least one expression.")
	}
	out := make([]ledger.Condition, len(list))
	for i := range list {
		var err error
		if out[i], err = condition(&list[i], left); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func dimensionCondition(v *api.DimensionValues, left *int) (ledger.Condition, error) {
	d, err := dimensionOf(v.Key)
	if err != nil {
		return ledger.Condition{}, err
	}
	c, err := values(ledger.Condition{Dimension: d.of}, v.Values, v.MatchOptions, left)
	if err != nil || d.constant == "" {
		return c, err
	}
	if constantMatches(d.constant, c) {
		return ledger.Condition{}, nil
	}
	return ledger.Condition{Not: &ledger.Condition{}}, nil
}

func constantMatches(have string, c ledger.Condition) bool {
	if c.Fold {
		have = strings.ToLower(have)
	}
	return slices.ContainsFunc(c.Values, func(want string) bool {
		if c.Fold {
			want = strings.ToLower(want)
		}
		switch c.Match {
		case ledger.Equals:
			return have == want
		case ledger.StartsWith:
			return strings.HasPrefix(have, want)
		case ledger.EndsWith:
			return strings.HasSuffix(have, want)
		case ledger.Contains:
			return strings.Contains(have, want)
		case ledger.Like, ledger.Absent:
		}
		return false
	})
}

// values completes a condition with what is compared, and how.
func values(c ledger.Condition, list []string, options []api.MatchOption, left *int) (ledger.Condition, error) {
	for _, option := range options {
		switch option {
		case api.MatchOptionEquals, api.MatchOptionCaseSensitive:
		case api.MatchOptionCaseInsensitive:
			c.Fold = true
		case api.MatchOptionStartsWith:
			c.Match = ledger.StartsWith
		case api.MatchOptionEndsWith:
			c.Match = ledger.EndsWith
		case api.MatchOptionContains:
			c.Match = ledger.Contains
		case api.MatchOptionAbsent:
			c.Match = ledger.Absent
			return c, nil
		default:
			return c, invalid("The match option %s is not supported.", option)
		}
	}
	if len(list) == 0 {
		return c, invalid("The filter must have Values.")
	}
	if *left -= len(list); *left < 0 {
		return c, invalid("The filter is too large: it has more than %d expressions and values.", mostConditions)
	}
	c.Values = list
	return c, nil
}
