// Package rpcv2cbor is the Smithy RPC v2 CBOR protocol, which today's clients
// speak to CloudWatch: the path names service and operation, and input and
// output are one CBOR map each. It walks the schema tables and knows no
// service.
//
// The edge finds the operation and may share one Codec. It checks form, not
// constraints. It is no general CBOR library: what no shape can hold (numbers
// of any length, tags other than that of timestamps) is refused where a member
// would take it, and skipped where nobody reads it.
//
// Go values are those of the generated packages; for tables without Go types
// they are those that package query describes.
package rpcv2cbor

import (
	"mime"
	"net/http"
	"reflect"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

const (
	// ProtocolHeader says in requests and answers which protocol they are in.
	ProtocolHeader = "Smithy-Protocol"
	protocol       = "rpc-v2-cbor"
	contentType    = "application/cbor"
	// queryError tells clients that know the service by its older protocol the
	// code that this one gave the error.
	queryError = "X-Amzn-Query-Error"

	codeSerialization = "SerializationException"
)

// Codec implements schema.Codec. The zero Codec is ready.
type Codec struct{}

var _ schema.Codec = Codec{}

// DecodeRequest reads the body; an empty one is an input without members.
func (Codec) DecodeRequest(req *schema.Request) (any, error) {
	if req.Header.Get(ProtocolHeader) != protocol {
		return nil, malformed("The request must have the header %s: %s.", ProtocolHeader, protocol)
	}
	if len(req.Body) > 0 && !isCBOR(req.Header) {
		return nil, malformed("The content type of the request must be %s.", contentType)
	}
	var in any = map[string]any{}
	if req.Op.Input != nil && req.Op.Input.New != nil {
		in = req.Op.Input.New()
	}
	if len(req.Body) == 0 {
		return in, nil
	}
	d := decoder{reader: reader{data: req.Body}}
	if req.Op.Input == nil {
		if err := d.skip(); err != nil {
			return nil, err
		}
		return in, d.end()
	}
	target := reflect.ValueOf(&in).Elem()
	if req.Op.Input.New != nil {
		target = reflect.ValueOf(in).Elem()
	}
	if err := d.structure(req.Op.Input, target); err != nil {
		return nil, err
	}
	return in, d.end()
}

func isCBOR(h http.Header) bool {
	t, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && t == contentType
}

// EncodeResponse writes the output as one map. An operation without output has
// no body.
func (Codec) EncodeResponse(_ *schema.Service, op *schema.Operation, output any, _ string) (*schema.Response, error) {
	header := http.Header{ProtocolHeader: {protocol}}
	if op.Output == nil {
		return &schema.Response{Status: op.Status, Header: header}, nil
	}
	var w writer
	if err := w.structure(op.Output, reflect.ValueOf(output)); err != nil {
		return nil, err
	}
	header["Content-Type"] = []string{contentType}
	return &schema.Response{Status: op.Status, Header: header, Body: w.buf}, nil
}

// EncodeException writes the name of the exception's shape in __type, and its
// members. A member that cannot be encoded is left out: the error itself still
// has to reach the client.
func (Codec) EncodeException(_ *schema.Service, ex *schema.Exception, _ string) *schema.Response {
	header := http.Header{ProtocolHeader: {protocol}, "Content-Type": {contentType}}
	name, message := ex.Code, "message"
	if ex.Shape != nil && ex.Shape.Name != "" {
		name = ex.Shape.Name
		if name != ex.Code {
			header[queryError] = []string{ex.Code + ";" + party(ex)}
		}
	}
	var w writer
	w.open()
	w.text("__type")
	w.text(name)
	if ex.Shape != nil {
		for _, m := range ex.Shape.Members {
			if isMessage(m.Name) {
				message = m.WireName()
				continue
			}
			field, ok := ex.Fields[m.Name]
			if !ok {
				continue
			}
			before := w
			if err := w.member(m, reflect.ValueOf(field)); err != nil {
				w = before
			}
		}
	}
	if ex.Message != "" {
		w.text(message)
		w.text(ex.Message)
	}
	w.close()
	return &schema.Response{Status: ex.Status, Header: header, Body: w.buf}
}

func party(ex *schema.Exception) string {
	if ex.Sender {
		return "Sender"
	}
	return "Receiver"
}

func isMessage(name string) bool { return name == "message" || name == "Message" }

func malformed(format string, args ...any) error {
	return fault.New(fault.Invalid, format, args...).WithCode(codeSerialization)
}
