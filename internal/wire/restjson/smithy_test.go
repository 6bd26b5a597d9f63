package restjson_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/wire/schema"
)

// The published test model of restJson1, loaded as one more table: what
// smithy's JSON AST says is turned into shapes here, at test time.

type astModel struct {
	Shapes map[string]*astShape `json:"shapes"`
}

type astShape struct {
	Type       string               `json:"type"`
	Members    map[string]astMember `json:"members"`
	Member     *astMember           `json:"member"`
	Key        *astMember           `json:"key"`
	Value      *astMember           `json:"value"`
	Traits     astTraits            `json:"traits"`
	Input      *astMember           `json:"input"`
	Output     *astMember           `json:"output"`
	Errors     []astMember          `json:"errors"`
	Operations []astMember          `json:"operations"`
	Version    string               `json:"version"`
}

type astMember struct {
	Target string    `json:"target"`
	Traits astTraits `json:"traits"`
}

type astTraits map[string]json.RawMessage

func (t astTraits) has(name string) bool { _, ok := t["smithy.api#"+name]; return ok }

func (t astTraits) text(name string) string {
	var s string
	json.Unmarshal(t["smithy.api#"+name], &s)
	return s
}

func (t astTraits) decode(test *testing.T, name string, v any) bool {
	raw, ok := t[name]
	if ok {
		if err := json.Unmarshal(raw, v); err != nil {
			test.Fatalf("trait %s: %v", name, err)
		}
	}
	return ok
}

type smithy struct {
	t      *testing.T
	model  astModel
	shapes map[string]*schema.Shape
	order  map[string][]string // members of a shape as the file lists them
}

// sharedData finds a file of the shared test data, which lies beside the
// repository, and skips the test where it does not.
func sharedData(t *testing.T, name string) []byte {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, "..", "shared", "data", name)
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		t.Skipf("the published vectors are not here: %s does not exist", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func loadSmithy(t *testing.T) *smithy {
	t.Helper()
	s := &smithy{t: t, shapes: map[string]*schema.Shape{}}
	if err := json.Unmarshal(sharedData(t, "vectors/smithy-restJson1/restJson1.json"), &s.model); err != nil {
		t.Fatal(err)
	}
	return s
}

var astKinds = map[string]schema.Kind{
	"structure": schema.Structure, "union": schema.Union, "list": schema.List, "set": schema.List,
	"map": schema.Map, "string": schema.String, "enum": schema.String, "blob": schema.Blob,
	"boolean": schema.Boolean, "byte": schema.Byte, "short": schema.Short, "integer": schema.Integer,
	"intEnum": schema.Integer, "long": schema.Long, "float": schema.Float, "double": schema.Double,
	"timestamp": schema.Timestamp, "document": schema.Document, "bigInteger": schema.BigInteger,
	"bigDecimal": schema.BigDecimal,
}

var preludeKinds = map[string]schema.Kind{
	"String": schema.String, "Blob": schema.Blob, "Boolean": schema.Boolean, "PrimitiveBoolean": schema.Boolean,
	"Byte": schema.Byte, "Short": schema.Short, "Integer": schema.Integer, "Long": schema.Long,
	"Float": schema.Float, "Double": schema.Double, "Timestamp": schema.Timestamp, "Document": schema.Document,
	"Unit": schema.Structure, "PrimitiveInteger": schema.Integer,
}

var astFormats = map[string]schema.TimestampFormat{
	"": schema.FormatDefault, "date-time": schema.FormatISO8601, "epoch-seconds": schema.FormatEpoch,
	"http-date": schema.FormatRFC822,
}

// shape returns the table form of a shape.
func (s *smithy) shape(id string) *schema.Shape {
	if sh, ok := s.shapes[id]; ok {
		return sh
	}
	_, name, _ := strings.Cut(id, "#")
	sh := &schema.Shape{Name: name}
	s.shapes[id] = sh
	if strings.HasPrefix(id, "smithy.api#") {
		kind, ok := preludeKinds[name]
		if !ok {
			s.t.Fatalf("unknown shape %s", id)
		}
		sh.Kind = kind
		return sh
	}
	ast := s.model.Shapes[id]
	kind, ok := astKinds[ast.Type]
	if !ok {
		s.t.Fatalf("%s: unknown type %s", id, ast.Type)
	}
	sh.Kind = kind
	sh.Sensitive, sh.Sparse, sh.Streaming = ast.Traits.has("sensitive"), ast.Traits.has("sparse"), ast.Traits.has("streaming")
	sh.UniqueItems, sh.MediaType = ast.Traits.has("uniqueItems"), ast.Traits.text("mediaType")
	sh.Timestamp = astFormats[ast.Traits.text("timestampFormat")]
	s.constraints(sh, ast.Traits)
	switch ast.Type {
	case "list", "set":
		sh.Value = s.member("member", *ast.Member)
		return sh
	case "map":
		sh.Key, sh.Value = s.member("key", *ast.Key), s.member("value", *ast.Value)
		return sh
	case "enum":
		for _, name := range s.memberOrder(id) {
			m := ast.Members[name]
			// The vectors expect the list without internal values.
			if !m.Traits.has("internal") {
				sh.Enum = append(sh.Enum, m.Traits.text("enumValue"))
			}
		}
		return sh
	case "structure", "union":
	default:
		return sh
	}
	for i, name := range s.memberOrder(id) {
		m := s.member(name, ast.Members[name])
		m.Order = i
		if ast.Members[name].Traits.has("httpPayload") {
			sh.Payload = name
		}
		sh.Members = append(sh.Members, m)
	}
	sh.Seal()
	var class string
	if ast.Traits.decode(s.t, "smithy.api#error", &class) {
		sh.Error = &schema.ErrorInfo{Code: name, Status: 400, Sender: class == "client"}
		ast.Traits.decode(s.t, "smithy.api#httpError", &sh.Error.Status)
	}
	return sh
}

// memberOrder is the order in the file, which is what the vectors' messages follow.
func (s *smithy) memberOrder(id string) []string {
	var m struct {
		Shapes map[string]struct {
			Members json.RawMessage `json:"members"`
		} `json:"shapes"`
	}
	if s.order == nil {
		s.order = map[string][]string{}
		if err := json.Unmarshal(sharedData(s.t, "vectors/smithy-restJson1/restJson1.json"), &m); err != nil {
			s.t.Fatal(err)
		}
		for id, sh := range m.Shapes {
			s.order[id] = keysInOrder(s.t, sh.Members)
		}
	}
	return s.order[id]
}

func keysInOrder(t *testing.T, object json.RawMessage) []string {
	if len(object) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(object))
	d.Token()
	var keys []string
	for d.More() {
		k, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k.(string))
		var skip json.RawMessage
		if err := d.Decode(&skip); err != nil {
			t.Fatal(err)
		}
	}
	return keys
}

func (s *smithy) constraints(sh *schema.Shape, t astTraits) {
	var bounds struct{ Min, Max *float64 }
	if t.decode(s.t, "smithy.api#length", &bounds) || t.decode(s.t, "smithy.api#range", &bounds) {
		sh.Min, sh.Max = bounds.Min, bounds.Max
	}
	if t.has("pattern") {
		sh.Pattern = t.text("pattern")
	}
	var enum []struct {
		Value string
		Tags  []string
	}
	if t.decode(s.t, "smithy.api#enum", &enum) {
		for _, e := range enum {
			if !slices.Contains(e.Tags, "internal") {
				sh.Enum = append(sh.Enum, e.Value)
			}
		}
	}
}

func (s *smithy) member(name string, ast astMember) *schema.Member {
	target := s.shape(ast.Target)
	if ast.Traits.has("length") || ast.Traits.has("range") || ast.Traits.has("pattern") {
		narrowed := &schema.Shape{
			Name: target.Name, Kind: target.Kind, Key: target.Key, Value: target.Value, Min: target.Min, Max: target.Max,
			Pattern: target.Pattern, Enum: target.Enum, Sensitive: target.Sensitive, Sparse: target.Sparse,
			MediaType: target.MediaType, Timestamp: target.Timestamp,
		}
		s.constraints(narrowed, ast.Traits)
		target = narrowed
	}
	m := &schema.Member{
		Name: name, Shape: target, Required: ast.Traits.has("required"), HasDefault: ast.Traits.has("default"),
		IdempotencyToken: ast.Traits.has("idempotencyToken"), Field: -1,
		Timestamp: astFormats[ast.Traits.text("timestampFormat")],
	}
	switch t := ast.Traits; {
	case t.has("httpLabel"):
		m.Location = schema.URI
	case t.has("httpQuery"):
		m.Location, m.LocationName = schema.Querystring, t.text("httpQuery")
	case t.has("httpQueryParams"):
		m.Location = schema.Querystring
	case t.has("httpHeader"):
		m.Location, m.LocationName = schema.Header, t.text("httpHeader")
	case t.has("httpPrefixHeaders"):
		m.Location, m.LocationName = schema.Headers, t.text("httpPrefixHeaders")
	case t.has("httpResponseCode"):
		m.Location = schema.StatusCode
	case t.has("jsonName"):
		m.LocationName = t.text("jsonName")
	}
	if m.HasDefault {
		m.Default = string(ast.Traits["smithy.api#default"])
		if target.Kind == schema.Blob {
			m.Default = strconv.Quote(base64.StdEncoding.EncodeToString([]byte(ast.Traits.text("default"))))
		}
	}
	return m
}

// stray stands for the operations that belong to no service.
const stray = "stray#operations"

func (s *smithy) operations(service string) []string {
	var own, all []string
	taken := map[string]bool{}
	for id, ast := range s.model.Shapes {
		switch ast.Type {
		case "operation":
			all = append(all, id)
		case "service":
			for _, ref := range ast.Operations {
				taken[ref.Target] = true
				if id == service {
					own = append(own, ref.Target)
				}
			}
		}
	}
	if service == stray {
		own = slices.DeleteFunc(all, func(id string) bool { return taken[id] })
	}
	return own
}

// service makes the table of a service.
func (s *smithy) service(id string) *schema.Service {
	svc := &schema.Service{ID: "restjson", Protocol: "rest-json", Shapes: map[string]*schema.Shape{}}
	for _, target := range s.operations(id) {
		ast := s.model.Shapes[target]
		_, name, _ := strings.Cut(target, "#")
		var http struct {
			Method, URI string
			Code        int
		}
		if !ast.Traits.decode(s.t, "smithy.api#http", &http) {
			s.t.Fatalf("%s has no http trait", name)
		}
		op := &schema.Operation{Name: name, Method: http.Method, URI: http.URI, Status: http.Code}
		if op.Status == 0 {
			op.Status = 200
		}
		if ast.Input != nil && ast.Input.Target != "smithy.api#Unit" {
			op.Input = s.shape(ast.Input.Target)
		}
		if ast.Output != nil && ast.Output.Target != "smithy.api#Unit" {
			op.Output = s.shape(ast.Output.Target)
		}
		for _, e := range ast.Errors {
			op.Errors = append(op.Errors, s.shape(e.Target))
		}
		svc.Operations = append(svc.Operations, op)
	}
	return svc
}
