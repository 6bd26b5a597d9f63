package gen

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/outcrop/outcrop/internal/wire/schema"
)

var scalars = map[schema.Kind]string{
	schema.String: "string", schema.Boolean: "bool", schema.Byte: "int8", schema.Short: "int16",
	schema.Integer: "int32", schema.Long: "int64", schema.Float: "float32", schema.Double: "float64",
	schema.Timestamp: "time.Time", schema.BigInteger: "string", schema.BigDecimal: "string",
}

// element is the Go type of a list element or map value.
func (g *generator) element(s *schema.Shape, sparse bool) string {
	star := ""
	if sparse {
		star = "*"
	}
	switch {
	case named(s):
		return star + g.goNames[s]
	case s.Kind == schema.Blob:
		return "[]byte"
	case s.Kind == schema.Document:
		return "schema.DocumentValue"
	case s.Kind == schema.List:
		return "[]" + g.element(s.Value.Shape, s.Sparse)
	case s.Kind == schema.Map:
		return "map[string]" + g.element(s.Value.Shape, s.Sparse)
	}
	return star + scalars[s.Kind]
}

// field is the Go type of a structure or union member.
func (g *generator) field(s *schema.Shape) string {
	switch {
	case isEnum(s):
		return g.goNames[s]
	case named(s):
		return "*" + g.goNames[s]
	case scalars[s.Kind] != "":
		return "*" + scalars[s.Kind]
	}
	return g.element(s, false)
}

func (g *generator) types() {
	var body strings.Builder
	for _, e := range g.entries {
		s := e.shape
		if s.Kind != schema.Structure && s.Kind != schema.Union {
			continue
		}
		fmt.Fprintf(&body, "// %s %s\ntype %s struct {\n", e.goName, g.describe(e), e.goName)
		for _, m := range s.Members {
			if !m.Shape.EventStream {
				fmt.Fprintf(&body, "%s %s\n", upperFirst(m.Name), g.field(m.Shape))
			}
		}
		body.WriteString("}\n\n")
	}
	g.imports(body.String(), "time", "github.com/outcrop/outcrop/internal/wire/schema")
	g.out.WriteString(body.String())
}

func (g *generator) imports(body string, paths ...string) {
	var list strings.Builder
	for _, path := range paths {
		base := path[strings.LastIndexByte(path, '/')+1:]
		if !strings.Contains(body, base+".") {
			continue
		}
		if strings.Contains(path, ".") && list.Len() > 0 {
			list.WriteByte('\n') // the standard library stands apart
		}
		fmt.Fprintf(&list, "%q\n", path)
	}
	if list.Len() > 0 {
		g.p("import (\n%s)\n\n", list.String())
	}
}

func (g *generator) describe(e entry) string {
	var what string
	switch {
	case strings.HasSuffix(e.goName, "Input") && e.op != "":
		what = "is the input of " + e.op
	case e.op != "":
		what = "is the output of " + e.op
	case e.shape.Error != nil:
		what = fmt.Sprintf("is an exception, HTTP status %d", e.shape.Error.Status)
	case e.shape.EventStream:
		what = "is an event of a stream; exactly one field is set"
	case e.shape.Kind == schema.Union:
		what = "is a union; exactly one field is set"
	default:
		what = "is a structure"
	}
	if e.shape.Name != e.goName {
		what += "; the model calls it " + e.shape.Name
	}
	return what + "."
}

func (g *generator) enums() {
	taken := map[string]bool{}
	for _, e := range g.entries {
		taken[e.goName] = true
	}
	for _, e := range g.entries {
		if !isEnum(e.shape) {
			continue
		}
		g.p("// %s is an enumeration.\ntype %s string\n\n// The values of %s.\nconst (\n", e.goName, e.goName, e.goName)
		for _, v := range e.shape.Enum {
			name := e.goName + camel(v)
			for taken[name] {
				name += "_"
			}
			taken[name] = true
			g.p("%s %s = %q\n", name, e.goName, v)
		}
		g.p(")\n\n")
	}
}

// camel turns an enum value into the rest of a Go name: END_TURN and end_turn
// become EndTurn.
func camel(value string) string {
	words := strings.FieldsFunc(value, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i, w := range words {
		if w == strings.ToUpper(w) {
			w = strings.ToLower(w)
		}
		words[i] = upperFirst(w)
	}
	return strings.Join(words, "")
}
