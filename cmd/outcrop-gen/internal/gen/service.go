package gen

import "github.com/outcrop/outcrop/internal/wire/schema"

// signature returns the parameters after ctx and the results of the method of
// an operation.
func (g *generator) signature(op *schema.Operation, names bool) string {
	name := func(n string) string {
		if names {
			return n + " "
		}
		return ""
	}
	s := "(" + name("ctx") + "context.Context, " + name("in") + "*" + op.Name + "Input"
	if op.InputStream != nil {
		s += ", " + name("source") + "schema.EventSource[" + g.goNames[op.InputStream.Shape] + "]"
	}
	if op.OutputStream == nil {
		return s + ") (*" + op.Name + "Output, error)"
	}
	return s + ", " + name("sink") + "schema.EventSink[" + op.Name + "Output, " + g.goNames[op.OutputStream.Shape] + "]) error"
}

func (g *generator) service() {
	ops := g.svc.Operations
	g.p("import (\n\"context\"\n\n\"github.com/outcrop/outcrop/internal/wire/schema\"\n)\n\n")
	g.p("// Service is what serves %s.\ntype Service interface {\n", g.svc.Name)
	for _, op := range ops {
		g.p("%s%s\n", op.Name, g.signature(op, true))
	}
	g.p("}\n\n")
	g.p("// Unimplemented answers every operation with schema.NotImplemented. Services embed\n// it and define the methods that they have.\ntype Unimplemented struct{}\n\nvar _ Service = Unimplemented{}\n\n")
	for _, op := range ops {
		g.p("// %s is not implemented.\nfunc (Unimplemented) %s%s {\n", op.Name, op.Name, g.signature(op, false))
		if op.OutputStream != nil {
			g.p("return schema.NotImplemented(%q)\n}\n\n", op.Name)
		} else {
			g.p("return nil, schema.NotImplemented(%q)\n}\n\n", op.Name)
		}
	}
	g.p("// Handlers binds the operations of %s, in the order of Schema().Operations, to s.\n", g.svc.Name)
	g.p("func Handlers(s Service) []schema.Handler {\nops := Schema().Operations\nreturn []schema.Handler{\n")
	for i, op := range ops {
		kind := "Unary"
		switch {
		case op.InputStream != nil:
			kind = "Duplex"
		case op.OutputStream != nil:
			kind = "OutputStream"
		}
		g.p("schema.%s(ops[%d], s.%s),\n", kind, i, op.Name)
	}
	g.p("}\n}\n")
}
