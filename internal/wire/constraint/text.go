package constraint

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Check returns nil, or a fault of kind Invalid with the text that AWS answers:
// "2 validation errors detected: Value '…' at '…' failed to satisfy
// constraint: …; …".
func Check(shape *schema.Shape, v any) error {
	found := Find(shape, v)
	if len(found) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "%s", Text(found))
}

// maxShown is the length in bytes above which a value is not repeated.
const maxShown = 4096

// maxReported bounds the text; a list of a million bad elements is one problem.
const maxReported = 100

// Text renders violations in the words of AWS. Violations of unions are not
// found by the layer that speaks so but by the services behind it, and are
// reported only when there are no others.
func Text(found []Violation) string {
	var items []string
	seen := map[string]bool{}
	for _, v := range found {
		if v.Kind == UnionUnset || v.Kind == UnionMany {
			continue
		}
		item := v.String()
		if !seen[item] && len(items) < maxReported {
			seen[item] = true
			items = append(items, item)
		}
	}
	switch len(items) {
	case 0:
		return found[0].unionText()
	case 1:
		return "1 validation error detected: " + items[0]
	}
	return fmt.Sprintf("%d validation errors detected: %s", len(items), strings.Join(items, "; "))
}

// String renders one violation. A scalar in a list or a map is reported where
// the list or the map stands, with everything that is demanded of its elements.
func (v Violation) String() string {
	path, value, rule := v.Path, v.Value, v.Rule()
	if last := len(path) - 1; last >= 0 && path[last].Member == nil && v.Container.IsValid() && scalar(v.Shape) {
		what := "Member"
		switch step := path[last]; {
		case step.IsKey:
			what = "Map keys"
		case !step.List:
			what = "Map value"
		}
		path, value = path[:last], v.Container
		rule = what + " must satisfy constraint: [" + strings.Join(rules(v.Shape), ", ") + "]"
	}
	shown := "Value"
	if !v.Sensitive {
		if v.Kind == Required {
			shown = "Value null"
		} else if text, ok := javaText(value); ok && len(text) <= maxShown {
			shown = "Value '" + text + "'"
		}
	}
	return shown + " at '" + Path(path) + "' failed to satisfy constraint: " + rule
}

// Path renders a path: member names, and for elements the position from one,
// or the key, followed by "member". Names begin small, also those of services
// whose models write them large (IAM's UserName is 'userName').
func Path(steps []Step) string {
	var b strings.Builder
	for i, s := range steps {
		if i > 0 {
			b.WriteByte('.')
		}
		switch {
		case s.Member != nil:
			b.WriteString(strings.ToLower(s.Member.Name[:1]) + s.Member.Name[1:])
		case s.List:
			b.WriteString(strconv.Itoa(s.Index+1) + ".member")
		default:
			b.WriteString(s.Key + ".member")
		}
	}
	return b.String()
}

// Rule is what the value should have been.
func (v Violation) Rule() string {
	s := v.Shape
	switch v.Kind {
	case Required:
		return "Member must not be null"
	case MaxLength:
		return "Member must have length less than or equal to " + number(*s.Max)
	case MinLength:
		return "Member must have length greater than or equal to " + number(*s.Min)
	case MaxValue:
		return "Member must have value less than or equal to " + number(*s.Max)
	case MinValue:
		return "Member must have value greater than or equal to " + number(*s.Min)
	case Pattern:
		return "Member must satisfy regular expression pattern: " + s.Pattern
	case Enum:
		return "Member must satisfy enum value set: [" + strings.Join(s.Enum, ", ") + "]"
	case UniqueItems:
		return "Member must have unique values"
	default:
		return "Member must have exactly one member set"
	}
}

// rules is everything that a scalar shape demands.
func rules(s *schema.Shape) []string {
	var list []string
	add := func(k Kind) { list = append(list, Violation{Kind: k, Shape: s}.Rule()) }
	if len(s.Enum) > 0 {
		add(Enum)
		return list
	}
	isText := s.Kind == schema.String || s.Kind == schema.Blob
	if s.Max != nil {
		add(map[bool]Kind{true: MaxLength, false: MaxValue}[isText])
	}
	if s.Min != nil {
		add(map[bool]Kind{true: MinLength, false: MinValue}[isText])
	}
	if s.Pattern != "" {
		add(Pattern)
	}
	return list
}

func scalar(s *schema.Shape) bool {
	return !slices.Contains([]schema.Kind{schema.Structure, schema.Union, schema.List, schema.Map}, s.Kind)
}

// unionText names the union and what it may hold; here positions count from
// zero and stand alone, as in the services' own messages.
func (v Violation) unionText() string {
	var path strings.Builder
	for i, s := range v.Path {
		if i > 0 {
			path.WriteByte('.')
		}
		switch {
		case s.Member != nil:
			path.WriteString(s.Member.Name)
		case s.List:
			path.WriteString(strconv.Itoa(s.Index))
		default:
			path.WriteString(s.Key)
		}
	}
	members := slices.Clone(v.Shape.Members)
	slices.SortFunc(members, func(a, b *schema.Member) int { return a.Order - b.Order })
	names := make([]string, len(members))
	for i, m := range members {
		names[i] = m.Name
	}
	verb := "must set one of"
	if v.Kind == UnionMany {
		verb = "must set only one of"
	}
	return fmt.Sprintf("%s object at %s %s the following keys: %s.", v.Shape.Name, path.String(), verb, strings.Join(names, ", "))
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// javaText is how a Java service prints a value. Lists and maps of structures,
// and bytes, are not shown.
func javaText(rv reflect.Value) (string, bool) {
	for rv.Kind() == reflect.Pointer || rv.Kind() == reflect.Interface {
		rv = rv.Elem()
	}
	if !rv.IsValid() {
		return "null", true
	}
	switch {
	case rv.Kind() == reflect.String:
		return rv.String(), true
	case rv.Kind() == reflect.Bool:
		return strconv.FormatBool(rv.Bool()), true
	case rv.CanInt():
		return strconv.FormatInt(rv.Int(), 10), true
	case rv.CanFloat():
		bits := 64
		if rv.Kind() == reflect.Float32 {
			bits = 32
		}
		text := strconv.FormatFloat(rv.Float(), 'f', -1, bits)
		if !strings.ContainsAny(text, ".NI") {
			text += ".0"
		}
		return text, true
	case rv.Kind() == reflect.Slice && rv.Type().Elem().Kind() != reflect.Uint8:
		items := make([]string, rv.Len())
		if len(items) == 0 && !scalarType(rv.Type().Elem()) {
			return "", false
		}
		for i := range items {
			text, ok := javaText(rv.Index(i))
			if !ok {
				return "", false
			}
			items[i] = text
		}
		return "[" + strings.Join(items, ", ") + "]", true
	case rv.Kind() == reflect.Map && scalarType(rv.Type().Elem()):
		items := make([]string, 0, rv.Len())
		for it := rv.MapRange(); it.Next(); {
			text, ok := javaText(it.Value())
			if !ok {
				return "", false
			}
			items = append(items, it.Key().String()+"="+text)
		}
		slices.Sort(items)
		return "{" + strings.Join(items, ", ") + "}", true
	}
	return "", false
}

func scalarType(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct, reflect.Slice, reflect.Map:
		return false
	}
	return true
}
