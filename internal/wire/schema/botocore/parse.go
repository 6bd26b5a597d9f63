// Package botocore reads the JSON form in which botocore publishes service
// models (service-2.json) into schema tables. The generator uses it, and tests
// that load published vectors; the server itself only links generated tables.
// Documentation text in a model is skipped.
package botocore

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/wire/schema"
)

type model struct {
	Metadata struct {
		APIVersion     string   `json:"apiVersion"`
		Auth           []string `json:"auth"`
		EndpointPrefix string   `json:"endpointPrefix"`
		JSONVersion    string   `json:"jsonVersion"`
		Protocol       string   `json:"protocol"`
		ServiceID      string   `json:"serviceId"`
		SigningName    string   `json:"signingName"`
		TargetPrefix   string   `json:"targetPrefix"`
		XMLNamespace   string   `json:"xmlNamespace"`
	} `json:"metadata"`
	Operations map[string]*operation `json:"operations"`
	Shapes     map[string]*shape     `json:"shapes"`
}

type operation struct {
	Name string `json:"name"`
	HTTP struct {
		Method       string `json:"method"`
		RequestURI   string `json:"requestUri"`
		ResponseCode int    `json:"responseCode"`
	} `json:"http"`
	Input  *ref     `json:"input"`
	Output *ref     `json:"output"`
	Errors []ref    `json:"errors"`
	Auth   []string `json:"auth"`
}

type ref struct {
	Shape            string `json:"shape"`
	Location         string `json:"location"`
	LocationName     string `json:"locationName"`
	ResultWrapper    string `json:"resultWrapper"`
	TimestampFormat  string `json:"timestampFormat"`
	IdempotencyToken bool   `json:"idempotencyToken"`
	JSONValue        bool   `json:"jsonvalue"`
	EventPayload     bool   `json:"eventpayload"`
	EventHeader      bool   `json:"eventheader"`
	HostLabel        bool   `json:"hostLabel"`
	Streaming        bool   `json:"streaming"`
	Flattened        bool   `json:"flattened"`
	Sensitive        bool   `json:"sensitive"`
}

// members keeps the order of the model, in which the services report errors.
type members []namedRef

type namedRef struct {
	name string
	ref  ref
}

func (m *members) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		r := namedRef{name: key.(string)}
		if err := d.Decode(&r.ref); err != nil {
			return err
		}
		*m = append(*m, r)
	}
	return nil
}

type shape struct {
	Type            string   `json:"type"`
	Members         members  `json:"members"`
	Required        []string `json:"required"`
	Member          *ref     `json:"member"`
	Key             *ref     `json:"key"`
	Value           *ref     `json:"value"`
	Min             *float64 `json:"min"`
	Max             *float64 `json:"max"`
	Pattern         string   `json:"pattern"`
	Enum            []string `json:"enum"`
	Payload         string   `json:"payload"`
	TimestampFormat string   `json:"timestampFormat"`
	Sensitive       bool     `json:"sensitive"`
	Sparse          bool     `json:"sparse"`
	Streaming       bool     `json:"streaming"`
	Union           bool     `json:"union"`
	Document        bool     `json:"document"`
	EventStream     bool     `json:"eventstream"`
	Event           bool     `json:"event"`
	Flattened       bool     `json:"flattened"`
	Exception       bool     `json:"exception"`
	Fault           bool     `json:"fault"`
	Error           *struct {
		Code           string `json:"code"`
		HTTPStatusCode int    `json:"httpStatusCode"`
		SenderFault    *bool  `json:"senderFault"`
		Fault          bool   `json:"fault"`
	} `json:"error"`
	Retryable json.RawMessage `json:"retryable"`
}

var kinds = map[string]schema.Kind{
	"structure": schema.Structure, "list": schema.List, "map": schema.Map, "string": schema.String,
	"character": schema.String, "blob": schema.Blob, "boolean": schema.Boolean, "byte": schema.Byte,
	"short": schema.Short, "integer": schema.Integer, "long": schema.Long, "float": schema.Float,
	"double": schema.Double, "timestamp": schema.Timestamp, "bigInteger": schema.BigInteger,
	"bigDecimal": schema.BigDecimal,
}

var locations = map[string]schema.Location{
	"": schema.Body, "uri": schema.URI, "querystring": schema.Querystring, "header": schema.Header,
	"headers": schema.Headers, "statusCode": schema.StatusCode,
}

var formats = map[string]schema.TimestampFormat{
	"": schema.FormatDefault, "unixTimestamp": schema.FormatEpoch, "iso8601": schema.FormatISO8601,
	"rfc822": schema.FormatRFC822,
}

// Parse reads a service model. Shapes have no Go types.
func Parse(data []byte) (*schema.Service, error) {
	var m model
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("service model: %w", err)
	}
	p := &parser{model: &m, shapes: make(map[string]*schema.Shape, len(m.Shapes))}
	return p.service()
}

type parser struct {
	model  *model
	shapes map[string]*schema.Shape
}

func (p *parser) service() (*schema.Service, error) {
	md := &p.model.Metadata
	svc := &schema.Service{
		ID: md.EndpointPrefix, Name: md.ServiceID, SigningName: cmp.Or(md.SigningName, md.EndpointPrefix),
		Protocol: md.Protocol, APIVersion: md.APIVersion, JSONVersion: md.JSONVersion,
		TargetPrefix: md.TargetPrefix, XMLNamespace: md.XMLNamespace, Auth: md.Auth, Shapes: p.shapes,
	}
	for name := range p.model.Shapes {
		p.shapes[name] = &schema.Shape{Name: name}
	}
	for name, s := range p.model.Shapes {
		if err := p.shape(p.shapes[name], s); err != nil {
			return nil, fmt.Errorf("shape %s: %w", name, err)
		}
	}
	for name, o := range p.model.Operations {
		op, err := p.operation(cmp.Or(o.Name, name), o)
		if err != nil {
			return nil, fmt.Errorf("operation %s: %w", name, err)
		}
		svc.Operations = append(svc.Operations, op)
	}
	slices.SortFunc(svc.Operations, func(a, b *schema.Operation) int { return cmp.Compare(a.Name, b.Name) })
	return svc, nil
}

func (p *parser) operation(name string, o *operation) (*schema.Operation, error) {
	op := &schema.Operation{
		Name: name, Method: cmp.Or(o.HTTP.Method, "POST"), URI: cmp.Or(o.HTTP.RequestURI, "/"),
		Status: cmp.Or(o.HTTP.ResponseCode, 200), Auth: o.Auth,
	}
	if o.Input != nil {
		if op.Input = p.shapes[o.Input.Shape]; op.Input == nil {
			return nil, fmt.Errorf("unknown input shape %q", o.Input.Shape)
		}
		op.InputStream = op.Input.StreamMember()
	}
	if o.Output != nil {
		if op.Output = p.shapes[o.Output.Shape]; op.Output == nil {
			return nil, fmt.Errorf("unknown output shape %q", o.Output.Shape)
		}
		op.OutputStream = op.Output.StreamMember()
		op.ResultWrapper = o.Output.ResultWrapper
	}
	for _, e := range o.Errors {
		s := p.shapes[e.Shape]
		if s == nil || s.Error == nil {
			return nil, fmt.Errorf("%q is not an exception", e.Shape)
		}
		op.Errors = append(op.Errors, s)
	}
	return op, nil
}

func (p *parser) shape(s *schema.Shape, m *shape) error {
	kind, ok := kinds[m.Type]
	if !ok {
		return fmt.Errorf("unknown type %q", m.Type)
	}
	switch {
	case m.Document:
		kind = schema.Document
	case m.Union || m.EventStream:
		kind = schema.Union
	}
	s.Kind, s.Min, s.Max, s.Pattern, s.Enum = kind, m.Min, m.Max, m.Pattern, m.Enum
	s.Sensitive, s.Sparse, s.Streaming = m.Sensitive, m.Sparse, m.Streaming
	s.EventStream, s.Event, s.Payload, s.Flattened = m.EventStream, m.Event, m.Payload, m.Flattened
	if s.Timestamp, ok = formats[m.TimestampFormat]; !ok {
		return fmt.Errorf("unknown timestamp format %q", m.TimestampFormat)
	}
	var err error
	switch kind {
	case schema.List:
		s.Value, err = p.member("member", m.Member)
	case schema.Map:
		if s.Key, err = p.member("key", m.Key); err == nil {
			s.Value, err = p.member("value", m.Value)
		}
	case schema.Structure, schema.Union:
		for i, r := range m.Members {
			name := r.name
			member, err := p.member(name, &r.ref)
			if err != nil {
				return err
			}
			member.Order = i
			member.Required = slices.Contains(m.Required, name)
			s.Members = append(s.Members, member)
		}
		s.Seal()
	}
	if m.Exception || m.Fault || m.Error != nil {
		s.Error = exception(s.Name, m)
	}
	return err
}

func (p *parser) member(name string, r *ref) (*schema.Member, error) {
	if r == nil || p.shapes[r.Shape] == nil {
		return nil, fmt.Errorf("member %s: no shape", name)
	}
	m := &schema.Member{
		Name: name, Shape: p.shapes[r.Shape], LocationName: r.LocationName, IdempotencyToken: r.IdempotencyToken,
		Sensitive: r.Sensitive, EventPayload: r.EventPayload, EventHeader: r.EventHeader, HostLabel: r.HostLabel,
		JSONValue: r.JSONValue && r.Location == "header", Field: -1,
	}
	var ok bool
	if m.Location, ok = locations[r.Location]; !ok {
		return nil, fmt.Errorf("member %s: unknown location %q", name, r.Location)
	}
	if m.Timestamp, ok = formats[r.TimestampFormat]; !ok {
		return nil, fmt.Errorf("member %s: unknown timestamp format %q", name, r.TimestampFormat)
	}
	if r.Streaming {
		m.Shape.Streaming = true
	}
	if r.Flattened {
		m.Shape.Flattened = true
	}
	return m, nil
}

func exception(name string, m *shape) *schema.ErrorInfo {
	e := &schema.ErrorInfo{Code: name, Status: 400, Sender: !m.Fault}
	if m.Fault {
		e.Status = 500
	}
	if m.Error != nil {
		e.Code = cmp.Or(m.Error.Code, e.Code)
		e.Status = cmp.Or(m.Error.HTTPStatusCode, e.Status)
		e.Sender = e.Sender && e.Status < 500
		if m.Error.SenderFault != nil {
			e.Sender = *m.Error.SenderFault
		}
	}
	e.Retryable = len(m.Retryable) > 0 && strings.TrimSpace(string(m.Retryable)) != "false"
	return e
}
