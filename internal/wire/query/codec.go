// Package query is the AWS query protocol, which STS and IAM speak: a form
// (or a query string) with dotted keys comes in, XML goes out. It walks the
// schema tables and knows no service.
//
// The edge calls it for services whose table says "query". It checks form, not
// constraints, and it holds no state: a Codec may be shared by everyone.
//
// Keys that no table knows are ignored, as AWS does. Go values are those of the
// generated packages; for tables without Go types, structures and maps are
// map[string]any, lists []any, integers int64, floats float64, blobs []byte and
// timestamps time.Time.
package query

import (
	"mime"
	"net/http"
	"net/url"
	"reflect"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

const (
	contentType = "text/xml"
	formType    = "application/x-www-form-urlencoded"

	codeMalformedInput = "MalformedInput"
	codeMalformedQuery = "MalformedQueryString"
)

// Codec implements schema.Codec. The zero Codec is ready.
type Codec struct{}

var _ schema.Codec = Codec{}

// DecodeRequest reads the form in the body and the query string; where both
// have a key the body's counts.
func (Codec) DecodeRequest(req *schema.Request) (any, error) {
	root := &node{}
	if isForm(req.Header) {
		form, err := url.ParseQuery(string(req.Body))
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "The request body is not a valid form.").WithCode(codeMalformedQuery)
		}
		if err := root.addAll(form); err != nil {
			return nil, err
		}
	}
	if err := root.addAll(req.Query); err != nil {
		return nil, err
	}

	if req.Op.Input == nil {
		return map[string]any{}, nil
	}
	if req.Op.Input.New == nil {
		var in any
		if err := decode(root, req.Op.Input, nil, reflect.ValueOf(&in).Elem()); err != nil {
			return nil, err
		}
		return in, nil
	}
	in := req.Op.Input.New()
	if err := decode(root, req.Op.Input, nil, reflect.ValueOf(in).Elem()); err != nil {
		return nil, err
	}
	return in, nil
}

// isForm says whether the body is a form. A request without Content-Type is
// taken for one, because it can be nothing else in this protocol.
func isForm(h http.Header) bool {
	t := h.Get("Content-Type")
	if t == "" {
		return true
	}
	t, _, err := mime.ParseMediaType(t)
	return err == nil && t == formType
}

// EncodeResponse writes <OpResponse><OpResult>…</OpResult>
// <ResponseMetadata><RequestId>…</OpResponse>.
func (Codec) EncodeResponse(svc *schema.Service, op *schema.Operation, output any, requestID string) (*schema.Response, error) {
	var w xmlWriter
	w.open(op.Name+"Response", svc.XMLNamespace)
	if op.Output != nil {
		result := op.ResultWrapper
		if result == "" {
			result = op.Name + "Result"
		}
		w.open(result, "")
		if err := w.members(op.Output, reflect.ValueOf(output)); err != nil {
			return nil, err
		}
		w.close(result)
	}
	w.open("ResponseMetadata", "")
	w.text("RequestId", requestID)
	w.close("ResponseMetadata")
	w.close(op.Name + "Response")
	return response(op.Status, w.buf), nil
}

// EncodeException writes <ErrorResponse>. A further member that cannot be
// encoded is left out: the error itself still has to reach the client.
func (Codec) EncodeException(svc *schema.Service, ex *schema.Exception, requestID string) *schema.Response {
	party := "Receiver"
	if ex.Sender {
		party = "Sender"
	}
	var w xmlWriter
	w.open("ErrorResponse", svc.XMLNamespace)
	w.open("Error", "")
	w.text("Type", party)
	w.text("Code", ex.Code)
	if ex.Message != "" {
		w.text("Message", ex.Message)
	}
	if ex.Shape != nil {
		for _, m := range ex.Shape.Members {
			field, ok := ex.Fields[m.Name]
			if !ok || isMessage(m.Name) {
				continue
			}
			before := w
			if err := w.member(m, reflect.ValueOf(field)); err != nil {
				w = before
			}
		}
	}
	w.close("Error")
	w.text("RequestId", requestID)
	w.close("ErrorResponse")
	return response(ex.Status, w.buf)
}

func isMessage(name string) bool { return name == "message" || name == "Message" }

// response leaves the request id header to the edge, which sends it with every
// answer.
func response(status int, body []byte) *schema.Response {
	return &schema.Response{
		Status: status,
		Header: http.Header{"Content-Type": {contentType}},
		Body:   body,
	}
}
