package policy

import "strings"

// operator is what a condition does with one value of the request and one of the
// policy.
type operator uint8

const (
	stringEquals operator = iota
	stringEqualsIgnoreCase
	stringLike
	numericEquals
	numericLess
	numericLessEquals
	numericGreater
	numericGreaterEquals
	dateEquals
	dateLess
	dateLessEquals
	dateGreater
	dateGreaterEquals
	boolEquals
	binaryEquals
	ipAddress
	arnLike
	null
)

// quantifier says which values of a key must satisfy a condition.
type quantifier uint8

const (
	single quantifier = iota // no prefix
	forAnyValue
	forAllValues
)

// test is a condition's operator with what is written around it.
type test struct {
	operator   operator
	negated    bool
	ifExists   bool
	quantifier quantifier
}

// parseTest reads the name of an operator: "ForAllValues:StringNotLikeIfExists".
func parseTest(name string) (t test, ok bool) {
	if rest, found := strings.CutPrefix(name, "ForAnyValue:"); found {
		t.quantifier, name = forAnyValue, rest
	} else if rest, found := strings.CutPrefix(name, "ForAllValues:"); found {
		t.quantifier, name = forAllValues, rest
	}
	name, t.ifExists = strings.CutSuffix(name, "IfExists")
	t.operator, t.negated, ok = operatorOf(name)
	if t.operator == null && (t.ifExists || t.quantifier != single) {
		return t, false
	}
	return t, ok
}

func operatorOf(name string) (o operator, negated, ok bool) {
	switch name {
	case "StringEquals":
		return stringEquals, false, true
	case "StringNotEquals":
		return stringEquals, true, true
	case "StringEqualsIgnoreCase":
		return stringEqualsIgnoreCase, false, true
	case "StringNotEqualsIgnoreCase":
		return stringEqualsIgnoreCase, true, true
	case "StringLike":
		return stringLike, false, true
	case "StringNotLike":
		return stringLike, true, true
	case "NumericEquals":
		return numericEquals, false, true
	case "NumericNotEquals":
		return numericEquals, true, true
	case "NumericLessThan":
		return numericLess, false, true
	case "NumericLessThanEquals":
		return numericLessEquals, false, true
	case "NumericGreaterThan":
		return numericGreater, false, true
	case "NumericGreaterThanEquals":
		return numericGreaterEquals, false, true
	case "DateEquals":
		return dateEquals, false, true
	case "DateNotEquals":
		return dateEquals, true, true
	case "DateLessThan":
		return dateLess, false, true
	case "DateLessThanEquals":
		return dateLessEquals, false, true
	case "DateGreaterThan":
		return dateGreater, false, true
	case "DateGreaterThanEquals":
		return dateGreaterEquals, false, true
	case "Bool":
		return boolEquals, false, true
	case "BinaryEquals":
		return binaryEquals, false, true
	case "IpAddress":
		return ipAddress, false, true
	case "NotIpAddress":
		return ipAddress, true, true
	case "ArnEquals", "ArnLike": // the two do the same, wildcards and all
		return arnLike, false, true
	case "ArnNotEquals", "ArnNotLike":
		return arnLike, true, true
	case "Null":
		return null, false, true
	}
	return 0, false, false
}
