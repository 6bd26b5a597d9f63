// Package awsjson is the AWS JSON protocol, versions 1.0 and 1.1: every request
// is a POST to / whose X-Amz-Target header names the operation, and whole input
// and output are the JSON body. Service Quotas speaks it.
//
// The JSON itself is that of restJson1, so package restjson reads and writes
// it; here is what differs around it. The edge calls it for services whose
// table says "json", finds the operation with Operation, and may share one
// Codec.
package awsjson

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/outcrop/outcrop/internal/wire/restjson"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// TargetHeader names the operation of a request.
const TargetHeader = "X-Amz-Target"

// Operation finds the operation that a request's target names, or nil.
func Operation(svc *schema.Service, target string) *schema.Operation {
	prefix, name, ok := strings.Cut(target, ".")
	if !ok || prefix != svc.TargetPrefix {
		return nil
	}
	return svc.Operation(name)
}

// Codec implements schema.Codec. The zero Codec is ready.
type Codec struct{ json restjson.Codec }

var _ schema.Codec = Codec{}

// DecodeRequest reads the body; an empty one is an input without members.
func (c Codec) DecodeRequest(req *schema.Request) (any, error) {
	body := &schema.Request{Service: req.Service, Op: req.Op, Body: req.Body}
	return c.json.DecodeRequest(body)
}

// EncodeResponse writes the output as the body.
func (c Codec) EncodeResponse(svc *schema.Service, op *schema.Operation, output any, requestID string) (*schema.Response, error) {
	resp, err := c.json.EncodeResponse(svc, op, output, requestID)
	if err != nil {
		return nil, err
	}
	if len(resp.Body) == 0 && svc.JSONVersion != "1.1" {
		// 1.0 has a body always, 1.1 none for operations without output.
		resp.Body = []byte("{}")
	}
	resp.Header["Content-Type"] = []string{contentType(svc)}
	return resp, nil
}

// EncodeException writes the members of the exception, and its name in __type.
func (c Codec) EncodeException(svc *schema.Service, ex *schema.Exception, requestID string) *schema.Response {
	var members []byte
	if ex.Shape != nil || ex.Message != "" {
		plain := *ex
		plain.Front = false // the front of the REST services has its own spelling of errors
		members = c.json.EncodeException(nil, &plain, requestID).Body
	}
	name, err := json.Marshal(ex.Code)
	if err != nil {
		name = []byte(`""`)
	}
	body := append([]byte(`{"__type":`), name...)
	if len(members) > len("{}") {
		body = append(append(body, ','), members[1:]...)
	} else {
		body = append(body, '}')
	}
	return &schema.Response{Status: ex.Status, Header: http.Header{"Content-Type": {contentType(svc)}}, Body: body}
}

func contentType(svc *schema.Service) string {
	version := svc.JSONVersion
	if version == "" {
		version = "1.0"
	}
	return "application/x-amz-json-" + version
}
