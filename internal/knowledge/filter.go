package knowledge

// Operator compares an attribute with a value, or joins conditions, in
// Bedrock's words.
type Operator string

// The operators. All and Any join Members; the others compare Key with Value
// (In and NotIn: with each member of a list).
const (
	All                 Operator = "andAll"
	Any                 Operator = "orAll"
	Equals              Operator = "equals"
	NotEquals           Operator = "notEquals" // also matches where the key is missing
	GreaterThan         Operator = "greaterThan"
	GreaterThanOrEquals Operator = "greaterThanOrEquals"
	LessThan            Operator = "lessThan"
	LessThanOrEquals    Operator = "lessThanOrEquals"
	In                  Operator = "in"
	NotIn               Operator = "notIn" // also matches where the key is missing
	StartsWith          Operator = "startsWith"
	StringContains      Operator = "stringContains" // of a string, or of a member of a list
	ListContains        Operator = "listContains"
)

// Filter is a condition on metadata. Numbers compare by value, strings by
// Unicode code points; values of different types are neither equal nor ordered.
type Filter struct {
	Operator Operator
	Key      string
	Value    Value
	Values   []Value // In, NotIn
	Members  []Filter
}
