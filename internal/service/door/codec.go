package door

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"

	"github.com/outcrop/outcrop/internal/wire/schema"
)

var _ schema.Codec = (*Service)(nil)

const jsonType = "application/json"

// DecodeRequest implements schema.Codec.
func (s *Service) DecodeRequest(req *schema.Request) (any, error) {
	in := &Input{Body: req.Body, Header: req.Header, Query: req.Query, Labels: req.Labels}
	if v := req.Header.Get(guardrailHeader); v != "" {
		in.GuardrailIdentifier = &v
	}
	if v := req.Header.Get(versionHeader); v != "" {
		in.GuardrailVersion = &v
	}
	if o := s.p.Operations[req.Op.Name]; o.Decode != nil {
		if err := o.Decode(in); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// EncodeResponse implements schema.Codec. The answer of a stream's Open has no
// body.
func (s *Service) EncodeResponse(_ *schema.Service, op *schema.Operation, output any, requestID string) (*schema.Response, error) {
	out, ok := output.(*Output)
	if !ok {
		return nil, fmt.Errorf("%s answered a %T", op.Name, output)
	}
	header := http.Header{"Content-Type": {jsonType}}
	s.identify(header, requestID)
	maps.Copy(header, out.Header)
	return &schema.Response{Status: op.Status, Header: header, Body: out.Body}, nil
}

// EncodeException implements schema.Codec.
func (s *Service) EncodeException(_ *schema.Service, ex *schema.Exception, requestID string) *schema.Response {
	header := http.Header{"Content-Type": {jsonType}, "x-amzn-ErrorType": {ex.Code}}
	s.identify(header, requestID)
	return &schema.Response{Status: ex.Status, Header: header, Body: s.p.Errors.Error(ex, requestID)}
}

func (s *Service) identify(header http.Header, requestID string) {
	if s.p.RequestID != "" {
		header.Set(s.p.RequestID, requestID)
	}
}

// Events writes a door's events as server-sent events; it is an
// edge.EventCodec.
type Events struct{ errors ErrorForm }

// Events returns the door's.
func (s *Service) Events() Events { return Events{s.p.Errors} }

// ContentType is that of server-sent events.
func (Events) ContentType() string { return "text/event-stream; charset=utf-8" }

// Append writes one event.
func (Events) Append(to []byte, op *schema.Operation, event any) (frame []byte, name string, payload []byte, err error) {
	ev, ok := event.(*Event)
	if !ok {
		return nil, "", nil, fmt.Errorf("%s sent a %T", op.Name, event)
	}
	if bytes.IndexByte(ev.Data, '\n') >= 0 {
		return nil, "", nil, fmt.Errorf("%s sent an event with a line break", op.Name)
	}
	return appendEvent(to, ev), ev.Name, ev.Data, nil
}

// AppendException writes the vendor's event of a stream that has failed.
func (e Events) AppendException(to []byte, op *schema.Operation, ex *schema.Exception, requestID string) (frame []byte, name string, payload []byte) {
	ev := e.errors.StreamError(op.Name, ex, requestID)
	return appendEvent(to, &ev), ev.Name, ev.Data
}

func appendEvent(to []byte, ev *Event) []byte {
	if ev.Name != "" {
		to = append(append(append(to, "event: "...), ev.Name...), '\n')
	}
	to = append(append(to, "data: "...), ev.Data...)
	return append(to, "\n\n"...)
}
