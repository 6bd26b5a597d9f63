package restjson

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strings"

	"github.com/outcrop/outcrop/internal/wire/jsontext"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// EncodeResponse implements schema.Codec. output is a pointer to the Go struct
// or a map[string]any.
func (c Codec) EncodeResponse(svc *schema.Service, op *schema.Operation, output any, requestID string) (*schema.Response, error) {
	resp := &schema.Response{Status: op.Status, Header: make(http.Header, 4)}
	if op.Output == nil {
		return resp, nil
	}
	rv := indirect(reflect.ValueOf(output))
	if !rv.IsValid() {
		rv = reflect.ValueOf(map[string]any{})
	}
	return resp, encodeMessage(resp, op.Output, rv, nil)
}

func encodeHeaders(resp *schema.Response, s *schema.Shape, rv reflect.Value) error {
	for _, m := range s.Members {
		v, ok := get(rv, m)
		if !ok {
			continue
		}
		switch m.Location {
		case schema.Header:
			if err := header(resp.Header, m, v); err != nil {
				return err
			}
		case schema.Headers:
			v = indirect(v)
			for it := v.MapRange(); it.Next(); {
				value := indirect(it.Value())
				if value.IsValid() {
					resp.Header[http.CanonicalHeaderKey(m.LocationName+it.Key().String())] = []string{value.String()}
				}
			}
		case schema.StatusCode:
			if v = indirect(v); v.CanInt() {
				resp.Status = int(v.Int())
			}
		}
	}
	return nil
}

func header(h http.Header, m *schema.Member, v reflect.Value) error {
	var value string
	var err error
	if m.Shape.Kind != schema.List {
		value, err = text(m, m, v)
	} else {
		list := indirect(v)
		items := make([]string, 0, list.Len())
		for i := range list.Len() {
			item, err := text(m.Shape.Value, m, list.Index(i))
			if err != nil {
				return err
			}
			if m.Shape.Value.Shape.Kind == schema.String && strings.ContainsAny(item, `,"`) {
				item = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(item) + `"`
			}
			items = append(items, item)
		}
		if len(items) == 0 {
			return nil
		}
		value = strings.Join(items, ", ")
	}
	if err != nil {
		return err
	}
	if strings.ContainsAny(value, "\r\n\x00") {
		return fmt.Errorf("restjson: the value of header %s has a line break", m.WireName())
	}
	h[http.CanonicalHeaderKey(m.WireName())] = []string{value}
	return nil
}

// encodeMessage writes headers, status and body of an output or an exception.
func encodeMessage(resp *schema.Response, s *schema.Shape, rv reflect.Value, extras []extra) error {
	if err := encodeHeaders(resp, s, rv); err != nil {
		return err
	}
	contentType := func(t string) {
		if _, ok := resp.Header["Content-Type"]; !ok {
			resp.Header["Content-Type"] = []string{t}
		}
	}
	var err error
	if s.Payload == "" {
		contentType("application/json")
		resp.Body, err = appendStructure(make([]byte, 0, 512), s, rv, extras)
		return err
	}
	m := s.Member(s.Payload)
	if m.Shape.EventStream {
		return nil
	}
	v, ok := get(rv, m)
	if !ok {
		if m.Shape.Kind == schema.Structure {
			contentType("application/json")
			resp.Body = []byte("{}")
		}
		return nil
	}
	switch v = indirect(v); m.Shape.Kind {
	case schema.Blob, schema.String:
		raw, ok := bytesOf(v)
		if !ok {
			return fmt.Errorf("restjson: %s cannot be a %s", v.Type(), m.Shape.Name)
		}
		contentType(payloadType(s))
		resp.Body = raw
	default:
		contentType("application/json")
		resp.Body, err = appendValue(make([]byte, 0, 512), m, v)
	}
	return err
}

func payloadType(s *schema.Shape) string { return contentType(s) }

// layers are where Bedrock's error types come from.
const (
	serviceLayer = ":http://internal.amazon.com/coral/com.amazon.bedrock/"
	coralLayer   = ":http://internal.amazon.com/coral/com.amazon.coral.service/"
)

// EncodeException implements schema.Codec.
func (c Codec) EncodeException(svc *schema.Service, ex *schema.Exception, requestID string) *schema.Response {
	resp := &schema.Response{Status: ex.Status, Header: make(http.Header, 4)}
	if ex.Code == "UnknownOperationException" {
		// No service was reached, and the body says so in the frame of the layer above it.
		resp.Header["Content-Type"] = []string{"application/json"}
		resp.Body = []byte(`{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}`)
		return resp
	}
	errorType := ex.Code
	if svc != nil && svc.SigningName == "bedrock" {
		layer := serviceLayer
		if ex.Front || ex.Code == "SerializationException" {
			layer = coralLayer
		}
		errorType += layer
	}
	resp.Header["X-Amzn-Errortype"] = []string{errorType}
	shape, fields := exceptionFields(ex)
	if err := encodeMessage(resp, shape, reflect.ValueOf(fields), nil); err != nil {
		// A further field that does not fit its shape must not cost the client the error itself.
		resp.Header["Content-Type"] = []string{"application/json"}
		resp.Body = append(jsontext.AppendString([]byte(`{"message":`), ex.Message), '}')
	}
	return resp
}

var messageShape = &schema.Shape{Name: "String", Kind: schema.String}

// exceptionFields gives the members of an exception under the names of its
// shape, or of a shape with nothing but the message.
func exceptionFields(ex *schema.Exception) (*schema.Shape, map[string]any) {
	capital := ex.Front && ex.Code == "AccessDeniedException"
	if ex.Shape == nil || capital {
		name := "message"
		if capital {
			name = "Message"
		}
		s := &schema.Shape{Name: ex.Code, Kind: schema.Structure}
		s.Members = []*schema.Member{{Name: name, Shape: messageShape, Field: -1}}
		s.Seal()
		return s, map[string]any{name: ex.Message}
	}
	fields := make(map[string]any, len(ex.Fields)+1)
	maps.Copy(fields, ex.Fields)
	for _, m := range ex.Shape.Members {
		if strings.EqualFold(m.Name, "message") && ex.Message != "" {
			fields[m.Name] = ex.Message
		}
	}
	return ex.Shape, fields
}
