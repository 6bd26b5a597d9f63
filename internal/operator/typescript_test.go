package operator

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/goldentest"
)

// The console's types are those of the answers: the file is made of this package's
// source. Run the test with -update to write it.
func TestTypeScript(t *testing.T) {
	t.Parallel()
	goldentest.Check(t, "../../web/src/api/outcrop.gen.ts", typeScript(t))
}

// typeScript translates every exported struct with JSON names.
func typeScript(t *testing.T) string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("// Code generated from the types of internal/operator. DO NOT EDIT.\n// Run: go test ./internal/operator -run TestTypeScript -update\n")
	b.WriteString("\n/** The requests, below /outcrop/, with their actions. */\nexport const requests = [\n")
	for _, e := range endpoints() {
		fmt.Fprintf(&b, "  { method: %q, path: %q, operation: %q, parameters: [%s] },\n", e.method, e.path, e.operation, quoted(e.query))
	}
	b.WriteString("] as const;\n")
	files := token.NewFileSet()
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok || gen.Tok != token.TYPE {
				continue
			}
			for _, spec := range gen.Specs {
				s, _ := spec.(*ast.TypeSpec)
				if of, ok := s.Type.(*ast.StructType); ok && s.Name.IsExported() && carried(of) {
					write(t, &b, s.Name.Name, gen.Doc, of)
				}
			}
		}
	}
	return b.String()
}

func quoted(names []string) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = fmt.Sprintf("%q", name)
	}
	return strings.Join(list, ", ")
}

// carried reports whether a struct is JSON.
func carried(of *ast.StructType) bool {
	return slices.ContainsFunc(of.Fields.List, func(f *ast.Field) bool { return f.Tag != nil })
}

func write(t *testing.T, b *strings.Builder, name string, doc *ast.CommentGroup, of *ast.StructType) {
	t.Helper()
	b.WriteByte('\n')
	comment(b, "", doc.Text())
	fmt.Fprintf(b, "export interface %s", name)
	extends := " extends "
	for _, f := range of.Fields.List {
		if len(f.Names) == 0 {
			embedded, _ := f.Type.(*ast.Ident)
			b.WriteString(extends + embedded.Name)
			extends = ", "
		}
	}
	b.WriteString(" {\n")
	for _, f := range of.Fields.List {
		if len(f.Names) == 0 {
			continue
		}
		if f.Tag == nil {
			t.Fatalf("%s.%s has no JSON name", name, f.Names[0])
		}
		tag := reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("json")
		field, options, _ := strings.Cut(tag, ",")
		text := f.Doc.Text()
		if text == "" {
			text = f.Comment.Text()
		}
		comment(b, "  ", text)
		optional := ""
		if options == "omitempty" {
			optional = "?"
		}
		fmt.Fprintf(b, "  %s%s: %s;\n", field, optional, typeOf(t, f.Type))
	}
	b.WriteString("}\n")
}

func comment(b *strings.Builder, indent, text string) {
	if text = strings.Join(strings.Fields(text), " "); text != "" {
		fmt.Fprintf(b, "%s/** %s */\n", indent, text)
	}
}

// typeOf is a type in TypeScript.
func typeOf(t *testing.T, e ast.Expr) string {
	t.Helper()
	switch e := e.(type) {
	case *ast.Ident:
		switch {
		case e.Name == "string":
			return "string"
		case e.Name == "bool":
			return "boolean"
		case slices.Contains([]string{"int", "int64", "uint64", "float64"}, e.Name):
			return "number"
		case e.IsExported():
			return e.Name
		}
	case *ast.StarExpr:
		return typeOf(t, e.X) + " | null"
	case *ast.ArrayType:
		return typeOf(t, e.Elt) + "[]"
	case *ast.MapType:
		return "Record<string, " + typeOf(t, e.Value) + ">"
	case *ast.SelectorExpr:
		pkg, _ := e.X.(*ast.Ident)
		switch pkg.Name + "." + e.Sel.Name {
		case "time.Time":
			return "string"
		case "json.RawMessage":
			return "unknown"
		}
	}
	t.Fatalf("there is no translation of %T %v", e, e)
	return ""
}
