package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/outcrop/outcrop/internal/authn"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/eventstream"
	"github.com/outcrop/outcrop/internal/wire/restjson"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// stream is the sink of one streaming operation.
type stream struct {
	x      *exchange
	opened bool
	failed bool   // a write failed: the client is gone
	held   bool   // the event under way leaves with the next one
	frame  []byte // reused from event to event
}

func (x *exchange) invokeStream(ctx context.Context, input any, claim authn.Claim) error {
	x.stream = &stream{x: x}
	var source schema.RawSource
	if x.bound.Op.InputStream != nil {
		x.bodyArrived()                                        // events may take as long as the operation does
		_ = http.NewResponseController(x.w).EnableFullDuplex() // HTTP/2 is so already
		if x.r.ProtoMajor == 1 {
			// The client may still be sending when the answer ends; what it
			// sends then must not be taken for another request.
			x.w.Header().Set("Connection", "close")
		}
		source = &eventSource{op: x.bound.Op, frames: claim.Events(eventstream.NewDecoder(x.r.Body, eventstream.Limits{}))}
	}
	return x.bound.Stream(ctx, input, source, x.stream)
}

// Open sends status and headers.
func (s *stream) Open(output any) error {
	if s.opened {
		return errors.New("stream opened twice")
	}
	response, err := s.x.codec.EncodeResponse(s.x.bound.service.Schema, s.x.bound.Op, output, s.x.call.RequestID)
	if err != nil {
		return fmt.Errorf("encode the head of %s: %w", s.x.bound.Op.Name, err)
	}
	s.x.setHeaders(response.Header)
	if door := s.x.bound.service.Door; door != nil {
		s.x.w.Header().Set("Content-Type", door.Events.ContentType())
	} else {
		s.x.w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	}
	s.x.status = response.Status
	s.opened = true
	s.x.deadline()
	s.x.w.WriteHeader(response.Status)
	return nil
}

// Send writes one event as a frame and flushes it, but for closings.
func (s *stream) Send(event any) error {
	op := s.x.bound.Op
	if door := s.x.bound.service.Door; door != nil {
		frame, name, payload, err := door.Events.Append(s.frame[:0], op, event)
		if err != nil {
			return fmt.Errorf("encode an event of %s: %w", op.Name, err)
		}
		s.x.sending(name, payload)
		return s.send(frame)
	}
	var extras map[string]string
	if s.x.bound.service.Padding {
		extras = map[string]string{"p": s.x.edge.p.NewPadding()}
	}
	name, contentType, payload, err := restjson.EncodeEvent(op, event, extras)
	if err != nil {
		return fmt.Errorf("encode an event of %s: %w", op.Name, err)
	}
	s.x.sending(name, payload)
	s.held = slices.Contains(closings, name)
	return s.write(eventstream.EventHeaders(name, contentType), payload)
}

// closings are events that say that something is over. Another one comes right
// after, and they leave with it: each piece of an answer wakes everybody on its
// way.
var closings = []string{"contentBlockStop", "messageStop"} //nolint:gochecknoglobals // a constant table

func (s *stream) write(headers []eventstream.Header, payload []byte) error {
	frame, err := eventstream.Append(s.frame[:0], headers, payload)
	if err != nil {
		return fmt.Errorf("frame an event: %w", err)
	}
	return s.send(frame)
}

// send writes what has been framed.
func (s *stream) send(frame []byte) error {
	s.frame = frame
	s.x.deadline()
	_, err := s.x.w.Write(frame)
	if err == nil && !s.held {
		err = http.NewResponseController(s.x.w).Flush()
	}
	if err != nil {
		s.failed = true
		return fault.Wrap(fault.Canceled, err, "the client went away")
	}
	return nil
}

// streamChoices precede choices once a stream is open.
var streamChoices = map[fault.Kind][]string{ //nolint:gochecknoglobals // a constant table
	fault.Upstream: {"ModelStreamErrorException"},
	fault.NotReady: {"ModelStreamErrorException"},
}

// fail ends an open stream with an exception frame and returns the exception's
// name for the log.
func (s *stream) fail(f *fault.Error) string {
	op := s.x.bound.Op
	if door := s.x.bound.service.Door; door != nil {
		ex := exceptionFor(op, f)
		if s.failed {
			return ex.Code
		}
		frame, name, payload := door.Events.AppendException(s.frame[:0], op, ex, s.x.call.RequestID)
		s.x.view.Message = ex.Message
		s.x.sending(name, payload)
		_ = s.send(frame) // as below
		return ex.Code
	}
	ex := &schema.Exception{Message: f.Message, Fields: f.Fields}
	if f.Kind == fault.Internal {
		ex.Message = internalText
	}
	ex.Shape = streamException(op.OutputStream.Shape, f)
	ex.Code = ex.Shape.Error.Code
	if s.failed {
		return ex.Code
	}
	s.held = false
	name, contentType, payload, _ := restjson.EncodeEventException(op, ex)
	s.x.view.Message = ex.Message
	s.x.sending(name, payload)
	_ = s.write(eventstream.ExceptionHeaders(name, contentType), payload) // a failing write: the client is gone
	return ex.Code
}

// streamException picks the exception of an event union that says f. Every
// union of the services has InternalServerException at least; a test says so.
func streamException(union *schema.Shape, f *fault.Error) *schema.Shape {
	names := slices.Concat(streamChoices[f.Kind], choices[f.Kind], []string{"InternalServerException"})
	if f.Code != "" {
		names = slices.Insert(names, 0, f.Code)
	}
	for _, name := range names {
		for _, m := range union.Members {
			if m.Shape.Error != nil && m.Shape.Error.Code == name {
				return m.Shape
			}
		}
	}
	return &schema.Shape{Name: names[0], Error: &schema.ErrorInfo{Code: names[0]}}
}

// eventSource decodes the events that a client sent.
type eventSource struct {
	op     *schema.Operation
	frames authn.Frames
}

// Recv returns the next event; io.EOF after the last. Bytes that are no frame
// and frames that are not signed as they must be are the client's fault.
func (s *eventSource) Recv() (any, error) {
	m, err := s.frames.Decode()
	var signature *eventstream.SignatureError
	switch {
	case errors.Is(err, io.EOF):
		return nil, io.EOF
	case errors.As(err, &signature):
		return nil, fault.Wrap(fault.Denied, err, "The signature of an event does not match.")
	case err != nil:
		return nil, fault.Wrap(fault.Invalid, err, "The event stream is malformed.")
	}
	// No service model binds members of an input event to frame headers.
	return restjson.DecodeEvent(s.op, m.Text(eventstream.NameEventType), nil, m.Payload) //nolint:wrapcheck // a fault already
}
