package restjson

import (
	"fmt"
	"reflect"

	"github.com/outcrop/outcrop/internal/wire/schema"
)

// EncodeBody writes the body of a request, for those who ask another server: the
// members of the operation's input that travel in it. Members of path, query and
// headers are the caller's business.
func EncodeBody(op *schema.Operation, input any) ([]byte, error) {
	rv := indirect(reflect.ValueOf(input))
	if !rv.IsValid() || op.Input == nil {
		return nil, fmt.Errorf("restjson: %s has no such input", op.Name)
	}
	return appendStructure(nil, op.Input, rv, nil)
}

// DecodeBody reads the body of an answer into output, a pointer to the Go struct
// of the operation's output. Members that are not known are passed over.
func DecodeBody(op *schema.Operation, body []byte, output any) error {
	if op.Output == nil {
		return fmt.Errorf("restjson: %s has no output", op.Name)
	}
	d := decoder{reader: reader{data: body}}
	if err := d.structure(op.Output, reflect.ValueOf(output).Elem(), d.peek()); err != nil {
		return err
	}
	return d.end()
}

// DecodeAnswerEvent reads an event that another server streams: event is a
// pointer to the union of the operation's output stream. known is false for an
// event that the operation does not have, which is passed over.
func DecodeAnswerEvent(op *schema.Operation, eventType string, payload []byte, event any) (known bool, err error) {
	if op.OutputStream == nil {
		return false, fmt.Errorf("restjson: %s answers with no events", op.Name)
	}
	m := op.OutputStream.Shape.Member(eventType)
	if m == nil {
		return false, nil
	}
	return true, decodeEvent(m.Shape, reflect.ValueOf(event).Elem().Field(m.Field), nil, payload)
}
