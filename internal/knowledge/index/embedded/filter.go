package embedded

import (
	"cmp"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/vector/bitmap"
)

// Bedrock allows less of both. A search holds up the writers of its index, and
// those the searches that come later, so a filter must not take minutes.
const (
	deepest        = 32   // how far filters may be nested
	mostConditions = 1000 // of one filter, all levels together
)

// selection is the evaluation of one filter.
type selection struct {
	m *memory
	// ids finds the slots of chunks by their ID, which is in the database alone.
	ids func(test func(packed string) bool) (bitmap.Set, error)
	// conditions is how many there were so far.
	conditions int
}

// slots returns the slots that a filter lets through, dead ones among them.
func (s *selection) slots(f *knowledge.Filter, depth int) (bitmap.Set, error) {
	if depth > deepest {
		return nil, fault.New(fault.Invalid, "The filter is nested too deeply. Nest at most %d levels.", deepest)
	}
	switch f.Operator {
	case knowledge.All:
		all := bitmap.Full(s.m.slots())
		for i := range f.Members {
			set, err := s.slots(&f.Members[i], depth+1)
			if err != nil {
				return nil, err
			}
			all.And(set)
		}
		return all, nil
	case knowledge.Any:
		some := bitmap.Of(s.m.slots())
		for i := range f.Members {
			set, err := s.slots(&f.Members[i], depth+1)
			if err != nil {
				return nil, err
			}
			some.Or(set)
		}
		return some, nil
	case knowledge.NotEquals, knowledge.NotIn:
		opposite := *f
		opposite.Operator = map[knowledge.Operator]knowledge.Operator{
			knowledge.NotEquals: knowledge.Equals, knowledge.NotIn: knowledge.In,
		}[f.Operator]
		set, err := s.slots(&opposite, depth+1)
		if err != nil {
			return nil, err
		}
		all := bitmap.Full(s.m.slots())
		all.AndNot(set)
		return all, nil
	}
	return s.leaf(f)
}

// leaf evaluates a condition on one key that a slot has to have.
func (s *selection) leaf(f *knowledge.Filter) (bitmap.Set, error) {
	if s.conditions++; s.conditions > mostConditions {
		return nil, fault.New(fault.Invalid, "The filter has more than %d conditions. Use fewer, or one with a list of values.", mostConditions)
	}
	test, err := condition(f)
	if err != nil {
		return nil, err
	}
	if f.Key == knowledge.KeyChunkID {
		return s.ids(test)
	}
	found := bitmap.Of(s.m.slots())
	c := s.m.attributes.columns[f.Key]
	switch {
	case c == nil:
	case f.Operator == knowledge.Equals:
		if packed, ok := pack(f.Value); ok {
			c.equal(found, packed)
		}
	default:
		c.matching(found, test)
	}
	return found, nil
}

// condition returns the test that a condition puts a value to, in its packed
// form.
func condition(f *knowledge.Filter) (func(packed string) bool, error) {
	switch f.Operator {
	case knowledge.Equals:
		want, ok := pack(f.Value)
		return func(packed string) bool { return ok && packed == want }, nil
	case knowledge.In:
		wanted := make(map[string]bool, len(f.Values))
		for _, v := range f.Values {
			if packed, ok := pack(v); ok {
				wanted[packed] = true
			}
		}
		return func(packed string) bool { return wanted[packed] }, nil
	case knowledge.GreaterThan:
		return compared(f.Value, func(order int) bool { return order > 0 }), nil
	case knowledge.GreaterThanOrEquals:
		return compared(f.Value, func(order int) bool { return order >= 0 }), nil
	case knowledge.LessThan:
		return compared(f.Value, func(order int) bool { return order < 0 }), nil
	case knowledge.LessThanOrEquals:
		return compared(f.Value, func(order int) bool { return order <= 0 }), nil
	case knowledge.StartsWith, knowledge.StringContains, knowledge.ListContains:
		part, ok := f.Value.Any().(string)
		if !ok {
			return func(string) bool { return false }, nil
		}
		return contained(f.Operator, part), nil
	}
	return nil, fault.New(fault.Invalid, "The filter has the operator %q, which there is not.", string(f.Operator))
}

// compared tests the order of a value and the wanted one. Values of different
// types have none, nor do booleans and lists.
func compared(want knowledge.Value, test func(order int) bool) func(packed string) bool {
	switch want := want.Any().(type) {
	case float64:
		return func(packed string) bool {
			n, ok := unpackNumber(packed)
			return ok && test(cmp.Compare(n, want))
		}
	case string:
		return func(packed string) bool {
			s, ok := unpackString(packed)
			return ok && test(strings.Compare(s, want)) // UTF-8 is in the order of code points
		}
	}
	return func(string) bool { return false }
}

func contained(operator knowledge.Operator, part string) func(packed string) bool {
	switch operator {
	case knowledge.StartsWith:
		return func(packed string) bool {
			s, ok := unpackString(packed)
			return ok && strings.HasPrefix(s, part)
		}
	case knowledge.ListContains:
		return func(packed string) bool {
			return anyMember(packed, func(member string) bool { return member == part })
		}
	}
	return func(packed string) bool {
		s, ok := unpackString(packed)
		return ok && strings.Contains(s, part) || anyMember(packed, func(member string) bool { return strings.Contains(member, part) })
	}
}
