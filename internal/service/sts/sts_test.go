package sts

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "github.com/outcrop/outcrop/internal/api/sts"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/wire/query"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// exchange sends a request through codec, handler and codec again, as the edge
// does.
func exchange(t *testing.T, ctx context.Context, req *schema.Request) (*schema.Response, error) {
	t.Helper()
	svc := api.Schema()
	var handler schema.Handler
	for _, h := range api.Handlers(New(Params{})) {
		if h.Op == req.Op {
			handler = h
		}
	}
	in, err := query.Codec{}.DecodeRequest(req)
	if err != nil {
		t.Fatal(err)
	}
	out, err := handler.Unary(ctx, in)
	if err != nil {
		return nil, err
	}
	resp, err := query.Codec{}.EncodeResponse(svc, req.Op, out, "01234567-89ab-4cde-8f01-23456789abcd")
	if err != nil {
		t.Fatal(err)
	}
	return resp, nil
}

const identity = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <GetCallerIdentityResult>
    <Account>000000000000</Account>
    <Arn>arn:aws:iam::000000000000:user/ada</Arn>
    <UserId>AIDAEXAMPLE</UserId>
  </GetCallerIdentityResult>
  <ResponseMetadata>
    <RequestId>01234567-89ab-4cde-8f01-23456789abcd</RequestId>
  </ResponseMetadata>
</GetCallerIdentityResponse>
`

func TestGetCallerIdentity(t *testing.T) {
	t.Parallel()
	op := api.Schema().Operation("GetCallerIdentity")
	ctx := call.With(t.Context(), &call.Call{Principal: iam.Principal{
		Type: iam.User, Account: "000000000000", ARN: "arn:aws:iam::000000000000:user/ada", UserID: "AIDAEXAMPLE",
	}})
	params := url.Values{"Action": {"GetCallerIdentity"}, "Version": {"2011-06-15"}}
	for _, tc := range []struct {
		name string
		req  *schema.Request
	}{
		{"POST", &schema.Request{
			Op: op, Body: []byte(params.Encode()),
			Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}},
		}},
		{"GET", &schema.Request{Op: op, Header: http.Header{}, Query: params}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			resp, err := exchange(t, ctx, tc.req)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(identity, string(resp.Body)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGetCallerIdentityWithoutCaller(t *testing.T) {
	t.Parallel()
	_, err := New(Params{}).GetCallerIdentity(t.Context(), &api.GetCallerIdentityInput{})
	if f := fault.As(err); f == nil || f.Kind != fault.Unauthenticated || f.Code != "MissingAuthenticationToken" {
		t.Errorf("got %v want MissingAuthenticationToken", err)
	}
}

func TestOthersAreNotImplemented(t *testing.T) {
	t.Parallel()
	for _, h := range api.Handlers(New(Params{})) {
		switch h.Op.Name {
		case "GetCallerIdentity", "AssumeRole", "GetSessionToken", "GetAccessKeyInfo":
			continue
		}
		_, err := h.Unary(t.Context(), h.Op.Input.New())
		if !errors.Is(err, schema.ErrNotImplemented) {
			t.Errorf("%s: got %v want %v", h.Op.Name, err, schema.ErrNotImplemented)
		}
	}
}
