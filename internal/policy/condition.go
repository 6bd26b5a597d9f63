package policy

import (
	"encoding/base64"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// condition is one key of one operator, with the values that the policy names.
type condition struct {
	test

	key     key
	written string // as the document has it

	// One of these, by the operator. A key without values has none in any.
	texts    []pattern
	arns     []arnPattern
	numbers  []decimal
	dates    []time.Time
	networks []netip.Prefix
	bools    []bool // of Null too
	binaries []string
}

// newCondition compiles. It reports false for a value that the operator cannot
// compare with.
func newCondition(t test, name string, values []string, variables bool) (condition, bool) {
	c := condition{test: t, key: newKey(name), written: name}
	for _, v := range values {
		if !c.add(v, variables) {
			return c, false
		}
	}
	return c, true
}

func (c *condition) add(v string, variables bool) (ok bool) {
	switch c.operator {
	case stringEquals, stringEqualsIgnoreCase, stringLike:
		p, ok := parsePattern(v, c.operator == stringLike, variables)
		c.texts = append(c.texts, p)
		return ok
	case arnLike:
		p, ok := newARNPattern(v, variables)
		c.arns = append(c.arns, p)
		return ok
	case boolEquals, null:
		b, ok := parseBool(v)
		c.bools = append(c.bools, b)
		return ok
	case binaryEquals:
		b, err := base64.StdEncoding.DecodeString(v)
		c.binaries = append(c.binaries, string(b))
		return err == nil
	case ipAddress:
		n, ok := parseNetwork(v)
		c.networks = append(c.networks, n)
		return ok
	case dateEquals, dateLess, dateLessEquals, dateGreater, dateGreaterEquals:
		d, ok := parseDate(v)
		c.dates = append(c.dates, d)
		return ok
	default:
		n, ok := parseDecimal(v)
		c.numbers = append(c.numbers, n)
		return ok
	}
}

// holds evaluates. What a variable without a value leads to depends on the
// statement's effect: it covers nothing, and where that would let a negated
// operator hold, it does so for a Deny only. Either way it opens nothing.
func (c *condition) holds(values *lookup, deny bool) bool {
	found, ok := values.get(c.key)
	if c.operator == null {
		return slices.Contains(c.bools, len(found) == 0)
	}
	if !ok {
		if c.ifExists || c.quantifier == forAllValues {
			return true
		}
		return c.negated && c.quantifier == single
	}
	switch c.quantifier {
	case forAnyValue:
		for _, v := range found {
			if c.satisfied(v, values, deny) {
				return true
			}
		}
		return false
	case forAllValues:
		for _, v := range found {
			if !c.satisfied(v, values, deny) {
				return false
			}
		}
		return true
	}
	if c.negated {
		for _, v := range found {
			if !c.satisfied(v, values, deny) {
				return false
			}
		}
		return true
	}
	for _, v := range found {
		if c.satisfied(v, values, deny) {
			return true
		}
	}
	return false
}

// satisfied: one of the policy's values compares; with a negated operator, none.
func (c *condition) satisfied(v string, values *lookup, deny bool) bool {
	matched, resolved := c.compare(v, values)
	if c.negated {
		return !matched && (resolved || deny)
	}
	return matched
}

// compare reports whether one of the policy's values compares with v, and
// whether all of those that it looked at were known.
func (c *condition) compare(v string, values *lookup) (matched, resolved bool) {
	switch c.operator {
	case stringEquals, stringLike:
		return anyOf(c.texts, v, values)
	case stringEqualsIgnoreCase:
		return c.compareFold(v, values)
	case arnLike:
		return c.compareARN(v, values)
	case boolEquals:
		b, ok := parseBool(v)
		return ok && slices.Contains(c.bools, b), true
	case binaryEquals:
		return slices.Contains(c.binaries, v), true
	case ipAddress:
		a, ok := parseAddress(v)
		for _, n := range c.networks {
			if ok && n.Contains(a) {
				return true, true
			}
		}
	case dateEquals, dateLess, dateLessEquals, dateGreater, dateGreaterEquals:
		d, ok := parseDate(v)
		for _, want := range c.dates {
			if ok && c.ordered(d.Compare(want)) {
				return true, true
			}
		}
	default:
		n, ok := parseDecimal(v)
		for _, want := range c.numbers {
			if ok && c.ordered(n.compare(want)) {
				return true, true
			}
		}
	}
	return false, true
}

// ordered: how the request's value compares with the policy's.
func (c *condition) ordered(order int) bool {
	switch c.operator {
	case numericLess, dateLess:
		return order < 0
	case numericLessEquals, dateLessEquals:
		return order <= 0
	case numericGreater, dateGreater:
		return order > 0
	case numericGreaterEquals, dateGreaterEquals:
		return order >= 0
	}
	return order == 0
}

func anyOf(patterns []pattern, v string, values *lookup) (matched, resolved bool) {
	resolved = true
	for i := range patterns {
		m, r := patterns[i].matches(v, values)
		if m {
			return true, true
		}
		resolved = resolved && r
	}
	return false, resolved
}

func (c *condition) compareFold(v string, values *lookup) (matched, resolved bool) {
	resolved = true
	for i := range c.texts {
		parts := c.texts[i].parts
		var room [onStack]part
		if c.texts[i].variables {
			var ok bool
			if parts, ok = expand(room[:0], parts, values); !ok {
				resolved = false
				continue
			}
		}
		if len(parts) == 0 && v == "" || len(parts) == 1 && strings.EqualFold(parts[0].text, v) ||
			len(parts) > 1 && strings.EqualFold(join(parts), v) {
			return true, true
		}
	}
	return false, resolved
}

func join(parts []part) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p.text)
	}
	return b.String()
}

// arnPattern is a value of an ARN operator.
type arnPattern struct {
	every  bool
	fields [arnFields]pattern
	// whole is the pattern before it is cut, where variables may be worth whole ARNs.
	whole pattern
}

func newARNPattern(s string, variables bool) (arnPattern, bool) {
	if s == "*" {
		return arnPattern{every: true}, true
	}
	whole, ok := parsePattern(s, true, variables)
	if !ok {
		return arnPattern{}, false
	}
	if whole.variables {
		return arnPattern{whole: whole}, true
	}
	p := arnPattern{}
	p.fields, ok = cutPattern(whole.parts)
	return p, ok
}

// cutPattern cuts parts without variables into the fields of an ARN.
func cutPattern(parts []part) (fields [arnFields]pattern, ok bool) {
	at := 0
	for _, q := range parts {
		for q.kind == literalPart && at < arnFields-1 {
			before, after, found := strings.Cut(q.text, ":")
			if !found {
				break
			}
			if before != "" {
				fields[at].parts = append(fields[at].parts, part{text: before})
			}
			at++
			q.text = after
		}
		if q.kind != literalPart || q.text != "" {
			fields[at].parts = append(fields[at].parts, q)
		}
	}
	return fields, at == arnFields-1
}

func (c *condition) compareARN(v string, values *lookup) (matched, resolved bool) {
	fields, ok := splitARN(v)
	resolved = true
	for i := range c.arns {
		p := &c.arns[i]
		if p.every {
			return true, true
		}
		cut := p.fields
		if p.whole.variables {
			parts, known := expand(nil, p.whole.parts, values)
			if !known {
				resolved = false
				continue
			}
			var whole bool
			if cut, whole = cutPattern(parts); !whole {
				continue
			}
		}
		if ok && globFields(&cut, &fields) {
			return true, true
		}
	}
	return false, resolved
}

func globFields(patterns *[arnFields]pattern, fields *[arnFields]string) bool {
	for i := range patterns {
		if !patterns[i].covers(fields[i]) {
			return false
		}
	}
	return true
}
