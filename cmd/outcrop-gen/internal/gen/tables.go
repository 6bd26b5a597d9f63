package gen

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/wire/schema"
)

var kindNames = [...]string{
	"Structure", "Union", "List", "Map", "String", "Blob", "Boolean", "Byte", "Short", "Integer", "Long", "Float",
	"Double", "Timestamp", "Document", "BigInteger", "BigDecimal",
}

var locationNames = [...]string{"Body", "URI", "Querystring", "Header", "Headers", "StatusCode"}

var formatNames = [...]string{"FormatDefault", "FormatEpoch", "FormatISO8601", "FormatRFC822"}

type trait struct {
	set  bool
	name string
}

func traits(list ...trait) string {
	var names []string
	for _, t := range list {
		if t.set {
			names = append(names, "schema."+t.name)
		}
	}
	return strings.Join(names, " | ")
}

// tables writes the table and the Schema function that links it.
func (g *generator) tables() {
	svc := g.svc
	g.p("import (\n\"sync\"\n\n\"github.com/outcrop/outcrop/internal/wire/schema\"\n)\n\n")
	g.p("// These tables can be read by this generation of package schema only.\nconst _ = schema.Generation1\n\n")
	g.p("var link = sync.OnceValue(func() *schema.Service { return schema.Link(&table) })\n\n")
	g.p("// Schema returns the linked tables of the service, linking them at the first call.\n")
	g.p("func Schema() *schema.Service { return link() }\n\n")
	g.p("var table = schema.Table{\n")
	for _, f := range []struct{ name, value string }{
		{"ID", svc.ID}, {"Name", svc.Name}, {"SigningName", svc.SigningName}, {"Protocol", svc.Protocol},
		{"APIVersion", svc.APIVersion}, {"JSONVersion", svc.JSONVersion}, {"TargetPrefix", svc.TargetPrefix},
		{"XMLNamespace", svc.XMLNamespace},
	} {
		if f.value != "" {
			g.p("%s: %q,\n", f.name, f.value)
		}
	}
	if len(svc.Auth) > 0 {
		g.p("Auth: %#v,\n", svc.Auth)
	}
	g.p("Shapes: []schema.ShapeRow{\n")
	for i, e := range g.entries {
		g.row(i, e)
	}
	g.p("},\nOperations: []schema.OperationRow{\n")
	for _, op := range svc.Operations {
		g.operation(op)
	}
	g.p("},\n}\n")
}

func (g *generator) row(i int, e entry) {
	s := e.shape
	g.p("%d: {Name: %q, Kind: schema.%s", i, s.Name, kindNames[s.Kind])
	if t := traits(
		trait{s.Sensitive, "SensitiveShape"}, trait{s.Sparse, "SparseShape"}, trait{s.Streaming, "StreamingShape"},
		trait{s.EventStream, "EventStreamShape"}, trait{s.Event, "EventShape"}, trait{s.Flattened, "FlattenedShape"},
		trait{s.UniqueItems, "UniqueShape"},
	); t != "" {
		g.p(", Traits: %s", t)
	}
	if s.Timestamp != schema.FormatDefault {
		g.p(", Timestamp: schema.%s", formatNames[s.Timestamp])
	}
	if b := bounds(s); b != "" {
		g.p(", Bounds: &schema.Bounds{%s}", b)
	}
	for _, f := range []struct{ name, value string }{
		{"Pattern", e.pattern}, {"Payload", s.Payload}, {"MediaType", s.MediaType},
	} {
		if f.value != "" {
			g.p(", %s: %q", f.name, f.value)
		}
	}
	if len(s.Enum) > 0 {
		g.p(", Enum: %#v", s.Enum)
	}
	if x := s.Error; x != nil {
		g.p(", Error: &schema.ErrorInfo{Code: %q, Status: %d", x.Code, x.Status)
		if x.Retryable {
			g.p(", Retryable: true")
		}
		if x.Sender {
			g.p(", Sender: true")
		}
		g.p("}")
	}
	if s.Kind == schema.Structure || s.Kind == schema.Union {
		g.p(", Go: (*%s)(nil)", e.goName)
	}
	members := s.Members
	switch s.Kind {
	case schema.List:
		members = []*schema.Member{s.Value}
	case schema.Map:
		members = []*schema.Member{s.Key, s.Value}
	}
	if len(members) > 0 {
		g.p(", Members: []schema.MemberRow{\n")
		for _, m := range members {
			g.member(m)
		}
		g.p("}")
	}
	g.p("},\n")
}

func (g *generator) member(m *schema.Member) {
	g.p("{Name: %q, Shape: %d", m.Name, g.index[m.Shape])
	if t := traits(
		trait{m.Required, "RequiredMember"}, trait{m.IdempotencyToken, "TokenMember"},
		trait{m.Sensitive, "SensitiveMember"}, trait{m.EventPayload, "EventPayloadMember"},
		trait{m.EventHeader, "EventHeaderMember"}, trait{m.HostLabel, "HostLabelMember"},
		trait{m.JSONValue, "JSONValueMember"}, trait{m.HasDefault, "DefaultMember"},
	); t != "" {
		g.p(", Traits: %s", t)
	}
	if m.Location != schema.Body {
		g.p(", Location: schema.%s", locationNames[m.Location])
	}
	if m.Timestamp != schema.FormatDefault {
		g.p(", Timestamp: schema.%s", formatNames[m.Timestamp])
	}
	if m.Order != 0 {
		g.p(", Order: %d", m.Order)
	}
	if m.LocationName != "" {
		g.p(", LocationName: %q", m.LocationName)
	}
	if m.HasDefault && m.Default != nil {
		g.p(", Default: %#v", m.Default)
	}
	g.p("},\n")
}

func bounds(s *schema.Shape) string {
	var has, values []string
	number := func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
	if s.Min != nil {
		has, values = append(has, "schema.HasMin"), append(values, "Min: "+number(*s.Min))
	}
	if s.Max != nil {
		has, values = append(has, "schema.HasMax"), append(values, "Max: "+number(*s.Max))
	}
	if has == nil {
		return ""
	}
	return "Has: " + strings.Join(has, " | ") + ", " + strings.Join(values, ", ")
}

func (g *generator) operation(op *schema.Operation) {
	g.p("{Name: %q, Method: %q, URI: %q, Status: %d, Input: %d, Output: %d", op.Name, op.Method, op.URI,
		cmp.Or(op.Status, 200), g.inputs[op.Name], g.outputs[op.Name])
	if len(op.Errors) > 0 {
		var list []string
		for _, s := range op.Errors {
			list = append(list, strconv.Itoa(g.index[s]))
		}
		g.p(", Errors: []uint16{%s}", strings.Join(list, ", "))
	}
	if op.ResultWrapper != "" {
		g.p(", ResultWrapper: %q", op.ResultWrapper)
	}
	if len(op.Auth) > 0 {
		g.p(", Auth: %s", fmt.Sprintf("%#v", op.Auth))
	}
	g.p("},\n")
}
