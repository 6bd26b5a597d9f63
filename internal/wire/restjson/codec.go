// Package restjson is the restJson1 protocol of AWS, driven by schema tables:
// it reads HTTP requests into the Go structs of generated packages and writes
// answers, exceptions and the payloads of event-stream frames. Router finds
// the operation of a path.
//
// It is no HTTP server, it frames no events (package eventstream does), and it
// checks form only: whether a value is in its bounds is the business of package
// constraint. The edge calls it.
//
// Decoded values share memory with Request.Body: blobs that are the whole
// payload and documents are not copied, so the body must stay untouched while
// the input is in use. Answers are compact JSON with the keys of every object
// sorted, as Bedrock sends them.
//
// Where a shape has no Go type, values are map[string]any, []any, string, bool,
// int64, float64, time.Time, []byte and schema.DocumentValue.
package restjson

import (
	"bytes"
	"maps"
	"reflect"
	"strings"

	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Codec implements schema.Codec. The zero value is what Bedrock does.
type Codec struct {
	// Strict follows the letter of the protocol where Bedrock is lenient:
	// Content-Type and Accept are checked, a union with nothing set or with an
	// unknown member is refused, and so is a timestamp with an offset.
	Strict bool
}

var _ schema.Codec = Codec{}

// DecodeRequest implements schema.Codec. The result is a pointer to the Go
// struct of the input, or map[string]any where the table has none.
func (c Codec) DecodeRequest(req *schema.Request) (any, error) {
	if c.Strict {
		if err := checkMediaTypes(req); err != nil {
			return nil, err
		}
	}
	in := req.Op.Input
	if in == nil {
		return map[string]any{}, nil
	}
	if in.New == nil {
		dict := map[string]any{}
		return dict, c.decode(req, in, target{dict: dict})
	}
	v := in.New()
	return v, c.decode(req, in, target{rv: reflect.ValueOf(v).Elem()})
}

// target is the struct or the dictionary that members are stored in.
type target struct {
	rv   reflect.Value
	dict map[string]any
}

// store gives fill the place of a member.
func (t target) store(m *schema.Member, fill func(reflect.Value) error) error {
	if t.dict == nil {
		return fill(t.rv.Field(m.Field))
	}
	var v any
	if err := fill(reflect.ValueOf(&v).Elem()); err != nil {
		return err
	}
	t.dict[m.Name] = v
	return nil
}

func (c Codec) decode(req *schema.Request, in *schema.Shape, t target) error {
	for _, m := range in.Members {
		var err error
		switch m.Location {
		case schema.URI:
			err = c.label(req, m, t)
		case schema.Querystring:
			err = c.query(req, m, t)
		case schema.Header:
			err = c.header(req, m, t)
		case schema.Headers:
			err = prefixHeaders(req, m, t)
		}
		if err != nil {
			return err
		}
	}
	if in.Payload != "" {
		return c.payload(req, in.Member(in.Payload), t)
	}
	if len(in.BodyMembers()) == 0 || len(req.Body) == 0 {
		return nil
	}
	d := decoder{reader: reader{data: req.Body}, strict: c.Strict}
	rv := t.rv
	if t.dict != nil {
		var v any
		rv = reflect.ValueOf(&v).Elem()
		defer func() {
			body, _ := v.(map[string]any)
			maps.Copy(t.dict, body)
		}()
	}
	if err := d.structure(in, rv, d.peek()); err != nil {
		return err
	}
	return d.end()
}

func (c Codec) payload(req *schema.Request, m *schema.Member, t target) error {
	if len(req.Body) == 0 || m.Shape.EventStream || absent(req.Body, m) {
		return nil
	}
	return t.store(m, func(rv reflect.Value) error {
		switch m.Shape.Kind {
		case schema.Blob:
			setBytes(rv, req.Body, false)
			return nil
		case schema.String:
			setString(rv, string(req.Body))
			return nil
		}
		d := decoder{reader: reader{data: req.Body}, strict: c.Strict}
		if err := d.value(m, rv); err != nil {
			return err
		}
		return d.end()
	})
}

// absent reports whether a body says that the payload is not there: clients
// write null, or {} in the place of a structure.
func absent(body []byte, m *schema.Member) bool {
	switch m.Shape.Kind {
	case schema.Structure, schema.Union, schema.List, schema.Map:
		body = bytes.TrimSpace(body)
		return string(body) == "null" || string(body) == "{}" && m.Shape.Kind != schema.Map
	default:
		return false
	}
}

// checkMediaTypes compares Content-Type and Accept with what the input and
// output of the operation are.
func checkMediaTypes(req *schema.Request) error {
	want, got := contentType(req.Op.Input), req.Header.Get("Content-Type")
	base, _, _ := strings.Cut(got, ";")
	base = strings.ToLower(strings.TrimSpace(base))
	switch {
	case len(req.Body) == 0, want == "application/octet-stream":
	case req.Op.Input != nil && (bindsHeader(req.Op.Input, "Content-Type") || len(req.Op.Input.Members) == 0 && base == "application/json"):
	case base != want:
		return mediaType("UnsupportedMediaTypeException", "The content type of the request is not the one of the operation.")
	}
	accept := req.Header.Get("Accept")
	out := req.Op.Output
	if accept == "" || out == nil || out.StreamMember() != nil || bindsHeader(out, "Content-Type") {
		return nil
	}
	produced := contentType(out)
	if produced == "application/octet-stream" {
		return nil
	}
	for a := range strings.SplitSeq(accept, ",") {
		a, _, _ = strings.Cut(a, ";")
		a = strings.ToLower(strings.TrimSpace(a))
		kind, _, _ := strings.Cut(produced, "/")
		if a == "*/*" || a == produced || a == kind+"/*" || produced == "" {
			return nil
		}
	}
	return mediaType("NotAcceptableException", "The operation cannot answer with a type that the request accepts.")
}

func bindsHeader(s *schema.Shape, name string) bool {
	for _, m := range s.Members {
		if m.Location == schema.Header && strings.EqualFold(m.WireName(), name) {
			return true
		}
	}
	return false
}

// contentType is the media type of a body of the shape, "" for no body.
func contentType(s *schema.Shape) string {
	if s == nil {
		return ""
	}
	if s.Payload != "" {
		p := s.Member(s.Payload).Shape
		switch {
		case p.EventStream:
			return "application/vnd.amazon.eventstream"
		case p.MediaType != "":
			return p.MediaType
		case p.Kind == schema.Blob:
			return "application/octet-stream"
		case p.Kind == schema.String:
			return "text/plain"
		}
		return "application/json"
	}
	if len(s.BodyMembers()) > 0 {
		return "application/json"
	}
	return ""
}
