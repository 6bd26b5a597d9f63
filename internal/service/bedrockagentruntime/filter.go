package bedrockagentruntime

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	api "github.com/outcrop/outcrop/internal/api/bedrockagentruntime"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// mostNested bounds how deep filters are nested. Bedrock allows less; deeper is
// only somebody trying.
const mostNested = 16

// mostValues bounds the list of an in or notIn.
const mostValues = 1000

// hubFilter translates a filter; nil is none. Faults are Invalid.
func hubFilter(f *api.RetrievalFilter, depth int) (*knowledge.Filter, error) {
	if f == nil {
		return nil, nil //nolint:nilnil // no filter is nil everywhere
	}
	if depth > mostNested {
		return nil, invalid("The filter is nested too deeply. Use at most %d levels.", mostNested)
	}
	groups := []struct {
		operator knowledge.Operator
		members  []api.RetrievalFilter
	}{{knowledge.All, f.AndAll}, {knowledge.Any, f.OrAll}}
	leaves := []struct {
		operator  knowledge.Operator
		attribute *api.FilterAttribute
	}{
		{knowledge.Equals, f.Equals}, {knowledge.NotEquals, f.NotEquals},
		{knowledge.GreaterThan, f.GreaterThan}, {knowledge.GreaterThanOrEquals, f.GreaterThanOrEquals},
		{knowledge.LessThan, f.LessThan}, {knowledge.LessThanOrEquals, f.LessThanOrEquals},
		{knowledge.In, f.In}, {knowledge.NotIn, f.NotIn},
		{knowledge.StartsWith, f.StartsWith}, {knowledge.StringContains, f.StringContains}, {knowledge.ListContains, f.ListContains},
	}
	var out *knowledge.Filter
	set := 0
	for _, g := range groups {
		if g.members == nil {
			continue
		}
		set++
		if len(g.members) < 2 {
			return nil, invalid("The filter %s must have at least 2 members.", g.operator)
		}
		out = &knowledge.Filter{Operator: g.operator, Members: make([]knowledge.Filter, len(g.members))}
		for i := range g.members {
			member, err := hubFilter(&g.members[i], depth+1)
			if err != nil {
				return nil, err
			}
			out.Members[i] = *member
		}
	}
	for _, l := range leaves {
		if l.attribute == nil {
			continue
		}
		set++
		var err error
		if out, err = leaf(l.operator, l.attribute); err != nil {
			return nil, err
		}
	}
	if set != 1 {
		return nil, invalid("A filter must have exactly one operator, and this one has %d.", set)
	}
	return out, nil
}

// leaf translates a comparison and checks that the operator can compare with
// such a value.
func leaf(operator knowledge.Operator, a *api.FilterAttribute) (*knowledge.Filter, error) {
	key := schema.Deref(a.Key)
	if key == "" || utf8.RuneCountInString(key) > 100 {
		return nil, invalid("The key of the filter %s must have 1 to 100 characters.", operator)
	}
	f := &knowledge.Filter{Operator: operator, Key: key}
	var err error
	switch operator {
	case knowledge.In, knowledge.NotIn:
		f.Values, err = filterValues(operator, key, a.Value)
		return f, err
	default:
		f.Value, err = filterValue(a.Value)
	}
	if err != nil {
		return nil, invalid("The value of the filter %s with key %s is not valid: %s.", operator, key, err)
	}
	if want := operand(operator, f.Value); want != "" {
		return nil, invalid("The value of the filter %s with key %s must be %s.", operator, key, want)
	}
	return f, nil
}

// operand tells what an operator compares with, when it is not a value like
// this.
func operand(operator knowledge.Operator, v knowledge.Value) string {
	_, isString := v.Any().(string)
	_, isNumber := v.Any().(float64)
	_, isList := v.Any().([]string)
	switch operator {
	case knowledge.StartsWith, knowledge.StringContains, knowledge.ListContains:
		if !isString {
			return "a string"
		}
	case knowledge.GreaterThan, knowledge.GreaterThanOrEquals, knowledge.LessThan, knowledge.LessThanOrEquals:
		if !isString && !isNumber {
			return "a number or a string"
		}
	case knowledge.Equals, knowledge.NotEquals:
		if isList {
			return "a string, a number or a boolean"
		}
	case knowledge.All, knowledge.Any, knowledge.In, knowledge.NotIn:
	}
	return ""
}

func filterValue(text schema.DocumentValue) (knowledge.Value, error) {
	var v knowledge.Value
	if strings.TrimSpace(string(text)) == "" {
		text = schema.DocumentValue("null")
	}
	return v, json.Unmarshal(text, &v)
}

func filterValues(operator knowledge.Operator, key string, text schema.DocumentValue) ([]knowledge.Value, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(text, &list); err != nil || list == nil {
		return nil, invalid("The value of the filter %s with key %s must be a list.", operator, key)
	}
	if len(list) > mostValues {
		return nil, invalid("The list of the filter %s with key %s has %d members. Use at most %d.", operator, key, len(list), mostValues)
	}
	values := make([]knowledge.Value, len(list))
	for i, member := range list {
		v, err := filterValue(schema.DocumentValue(member))
		if _, isList := v.Any().([]string); err != nil || isList {
			return nil, invalid("Member %d of the list of the filter %s with key %s must be a string, a number or a boolean.", i+1, operator, key)
		}
		values[i] = v
	}
	return values, nil
}
